package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A node is a JSON value that knows where it stands.
type node struct {
	kind      kind
	text      string // of a text
	number    string // of a number, as it is written
	boolean   bool   // of true
	isBoolean bool
	members   []member
	items     []*node
	pointer   string
	line      int
}

// A member is a name and a value of an object, in the order of the file.
type member struct {
	name  string
	value *node
}

type kind string

const (
	object kind = "an object"
	list   kind = "a list"
	text   kind = "text"
	other  kind = "something else"
)

// get returns the last member of a name, which counts, or nil.
func (n *node) get(name string) *node {
	for i := len(n.members) - 1; i >= 0; i-- {
		if n.members[i].name == name {
			return n.members[i].value
		}
	}
	return nil
}

// A syntaxError is a file that is not JSON.
type syntaxError struct {
	line int
	err  error
}

func (e *syntaxError) Error() string { return e.err.Error() }

// maxDepth is how deep values may nest. A catalogue needs six levels.
const maxDepth = 100

var errDepth = errors.New("nested too deep")

// parse reads one JSON value.
func parse(src []byte) (*node, *syntaxError) {
	p := parser{src: src, dec: json.NewDecoder(bytes.NewReader(src)), line: 1}
	p.dec.UseNumber()
	n, err := p.value("", 0)
	if err == nil && len(bytes.Trim(src[p.dec.InputOffset():], " \t\r\n")) > 0 {
		err = errors.New("something follows the end of the document")
	}
	if err != nil {
		var syntax *json.SyntaxError
		at := p.dec.InputOffset()
		if errors.As(err, &syntax) {
			at = max(at, syntax.Offset)
		}
		p.advance(min(at, int64(len(src))))
		return nil, &syntaxError{p.line, err}
	}
	return n, nil
}

type parser struct {
	src    []byte
	dec    *json.Decoder
	offset int64
	line   int
}

// advance counts the lines up to an offset.
func (p *parser) advance(to int64) {
	p.line += bytes.Count(p.src[p.offset:to], []byte("\n"))
	p.offset = to
}

func (p *parser) value(pointer string, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	token, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	p.advance(p.dec.InputOffset())
	n := &node{kind: other, pointer: pointer, line: p.line}
	switch t := token.(type) {
	case string:
		n.kind, n.text = text, t
	case json.Number:
		n.number = t.String()
	case bool:
		n.isBoolean, n.boolean = true, t
	case json.Delim:
		n.kind = list
		if t == '{' {
			n.kind = object
		}
		for i := 0; p.dec.More(); i++ {
			if n.kind == list {
				item, err := p.value(fmt.Sprintf("%s/%d", pointer, i), depth+1)
				if err != nil {
					return nil, err
				}
				n.items = append(n.items, item)
				continue
			}
			name, err := p.dec.Token()
			if err != nil {
				return nil, err
			}
			key, _ := name.(string) // the decoder allows nothing else
			value, err := p.value(pointer+"/"+escapePointer(key), depth+1)
			if err != nil {
				return nil, err
			}
			n.members = append(n.members, member{key, value})
		}
		if _, err := p.dec.Token(); err != nil { // its end
			return nil, err
		}
	}
	return n, nil
}

// escapePointer writes a name as RFC 6901 says.
func escapePointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
