package composerpatches

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// A document is JSON text whose places and order count: that of the members decides in which order patches go in.
type document struct {
	src   []byte
	lines []int // where they begin, but the first; nil until somebody asks
}

// A span is a value of a document.
type span struct{ start, end int }

// A member is a name and a value of an object.
type member struct {
	name string
	at   int // where the name begins
	span
}

func parse(src []byte) (*document, error) {
	var all json.RawMessage
	if err := json.Unmarshal(src, &all); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("line %d: %w", 1+bytes.Count(src[:min(int(syntax.Offset), len(src))], []byte("\n")), err)
		}
		return nil, err
	}
	return &document{src: src}, nil
}

func (d *document) top() span {
	start := len(d.src) - len(bytes.TrimLeft(d.src, " \t\r\n"))
	return span{start, len(bytes.TrimRight(d.src, " \t\r\n"))}
}

func (d *document) raw(s span) []byte { return d.src[s.start:s.end] }

// line returns the number of the line that an offset is in.
func (d *document) line(offset int) int {
	if d.lines == nil {
		d.lines = []int{}
		for i, c := range d.src {
			if c == '\n' {
				d.lines = append(d.lines, i+1)
			}
		}
	}
	before, _ := slices.BinarySearch(d.lines, offset+1)
	return 1 + before
}

// is reports what kind of value it is by its first byte: one of { [ " t f n, or a digit.
func (d *document) is(s span, first byte) bool { return s.start < s.end && d.src[s.start] == first }

// empty reports whether a value is null or a list of nothing, which is PHP's empty object.
func (d *document) empty(s span) bool {
	return d.is(s, 'n') || d.is(s, '[') && len(d.items(s)) == 0
}

// text returns a text, or what a number or truth value looks like; ok is false for anything else.
func (d *document) text(s span) (string, bool) {
	var text string
	if d.is(s, '"') {
		err := json.Unmarshal(d.raw(s), &text)
		return text, err == nil
	}
	if d.is(s, '{') || d.is(s, '[') || d.is(s, 'n') {
		return "", false
	}
	return string(d.raw(s)), true
}

// members returns those of an object, nil for any other value. Of those with one name the last counts, at the place of
// the first, as in PHP.
func (d *document) members(s span) []member {
	if !d.is(s, '{') {
		return nil
	}
	var list []member
	index := map[string]int{}
	dec := json.NewDecoder(bytes.NewReader(d.raw(s)))
	_, _ = dec.Token() // the text is known to be JSON
	for dec.More() {
		before := s.start + int(dec.InputOffset())
		token, err := dec.Token()
		if err != nil {
			return list
		}
		name, _ := token.(string)
		m := member{name: name, at: before + bytes.IndexByte(d.src[before:], '"')}
		m.span = d.value(dec, s.start)
		if i, ok := index[name]; ok {
			list[i].span = m.span
			continue
		}
		index[name] = len(list)
		list = append(list, m)
	}
	return list
}

// items returns those of a list, nil for any other value.
func (d *document) items(s span) []span {
	if !d.is(s, '[') {
		return nil
	}
	var list []span
	dec := json.NewDecoder(bytes.NewReader(d.raw(s)))
	_, _ = dec.Token()
	for dec.More() {
		list = append(list, d.value(dec, s.start))
	}
	return list
}

func (d *document) value(dec *json.Decoder, base int) span {
	var raw json.RawMessage
	_ = dec.Decode(&raw)
	end := base + int(dec.InputOffset())
	return span{end - len(raw), end}
}

// find follows names from the top.
func (d *document) find(names ...string) (span, bool) {
	at := d.top()
	for _, name := range names {
		found := false
		for _, m := range d.members(at) {
			if m.name == name {
				at, found = m.span, true
			}
		}
		if !found {
			return span{}, false
		}
	}
	return at, true
}
