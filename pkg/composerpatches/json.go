package composerpatches

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A document is JSON text whose places and order count: that of the members decides in which order patches go in, and
// an edit leaves every other byte as it is.
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

// An object is one that is written with its members in order. Values are texts, numbers, objects, lists of these, and
// json.RawMessage for what stays as it is written.
type object []field

type field struct {
	name  string
	value any
}

// A style is how a document is written.
type style struct{ unit, end string }

// style returns how a document is indented: as its first member is.
func (d *document) style() style {
	s := style{"    ", "\n"}
	if bytes.Contains(d.src, []byte("\r\n")) {
		s.end = "\r\n"
	}
	if list := d.members(d.top()); len(list) > 0 {
		before := d.src[:list[0].at]
		if i := bytes.LastIndexByte(before, '\n'); i >= 0 && len(before) > i+1 {
			s.unit = string(before[i+1:])
		}
	}
	return s
}

func quote(text string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		panic(err) // a text always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// write appends a value at a depth.
func (s style) write(b *strings.Builder, v any, depth int) {
	indent := func(depth int) string { return s.end + strings.Repeat(s.unit, depth) }
	list := func(open, close string, n int, item func(i int)) {
		b.WriteString(open)
		for i := range n {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(indent(depth + 1))
			item(i)
		}
		if n > 0 {
			b.WriteString(indent(depth))
		}
		b.WriteString(close)
	}
	switch v := v.(type) {
	case object:
		list("{", "}", len(v), func(i int) {
			b.WriteString(quote(v[i].name) + ": ")
			s.write(b, v[i].value, depth+1)
		})
	case []any:
		list("[", "]", len(v), func(i int) { s.write(b, v[i], depth+1) })
	case string:
		b.WriteString(quote(v))
	case json.RawMessage:
		b.Write(v)
	default:
		fmt.Fprint(b, v)
	}
}

// set returns the text with a value at the names, of which those that are missing are made, at the end of the object
// that they belong to. All else stays byte for byte.
func (d *document) set(v any, names ...string) ([]byte, error) {
	at := d.top()
	style := d.style()
	replace := func(s span, v any, depth int) []byte {
		var b strings.Builder
		style.write(&b, v, depth)
		return bytes.Join([][]byte{d.src[:s.start], []byte(b.String()), d.src[s.end:]}, nil)
	}
	nested := func(names []string) any {
		for i := len(names) - 1; i >= 0; i-- {
			v = object{{names[i], v}}
		}
		return v
	}
	for depth, name := range names {
		if d.is(at, '[') && len(d.items(at)) == 0 { // PHP's empty object
			return replace(at, nested(names[depth:]), depth), nil
		}
		if !d.is(at, '{') {
			return nil, fmt.Errorf("%s is no object", strings.Join(names[:depth], "."))
		}
		list := d.members(at)
		next := -1
		for i, m := range list {
			if m.name == name {
				next = i
			}
		}
		switch {
		case next >= 0:
			at = list[next].span
		case len(list) == 0:
			return replace(at, nested(names[depth:]), depth), nil
		default:
			var b strings.Builder
			value := nested(names[depth+1:])
			last := list[0]
			for _, m := range list {
				if m.end > last.end {
					last = m
				}
			}
			separator := "," + style.end + strings.Repeat(style.unit, depth+1)
			if !bytes.Contains(d.raw(at), []byte("\n")) { // all on one line
				separator = ", "
			}
			b.WriteString(separator + quote(name) + ": ")
			style.write(&b, value, depth+1)
			return bytes.Join([][]byte{d.src[:last.end], []byte(b.String()), d.src[last.end:]}, nil), nil
		}
	}
	return replace(at, v, len(names)), nil
}
