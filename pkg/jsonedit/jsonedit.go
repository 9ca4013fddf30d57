// Package jsonedit changes values in the text of a JSON document and keeps every other byte, for files that people
// write and version: what does not change must not show as changed.
package jsonedit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// An Object is one that is to be written, with its members in their order.
type Object []Member

// A Member is a name and a value: a text, a number, a [json.RawMessage] that is written as
// it is, a []string, a []any or an [Object] of these.
type Member struct {
	Name  string
	Value any
}

// Check refuses what is no JSON document of one object. It bounds how deep that may nest. The
// other functions are for documents that it takes.
func Check(doc []byte) error {
	var v json.RawMessage
	if err := json.Unmarshal(doc, &v); err != nil {
		return fmt.Errorf("not valid JSON: %w", err)
	}
	_, err := Members(doc)
	return err
}

// Set replaces a value (see [Member]), or adds it at the end of the object that is to have
// it; objects on the way are made. A value that is there already changes no byte.
func Set(doc []byte, path []string, value any) ([]byte, error) {
	style := styleOf(doc)
	at, rest, err := walk(doc, path)
	if err != nil {
		return nil, err
	}
	depth := len(path) - len(rest)
	if len(rest) == 0 {
		text := style.value(value, depth)
		if bytes.Equal(compacted(at.Raw), compacted(text)) {
			return doc, nil
		}
		return splice(doc, at.Index, at.Index+len(at.Raw), text), nil
	}
	member := style.indent(depth+1) + style.member(rest, value, depth+1)
	if at.IsArray() || !hasMembers(at) { // PHP writes an empty object as a list
		return splice(doc, at.Index, at.Index+len(at.Raw), "{"+style.end+member+style.end+style.indent(depth)+"}"), nil
	}
	end := at.Index + len(at.Raw) - 1 // of the closing brace
	last := len(bytes.TrimRight(doc[:end], " \t\r\n"))
	after := string(doc[last:end])
	if !strings.Contains(after, "\n") { // all in one line
		if depth > 0 && len(rest) == 1 && isSingle(value) && !strings.Contains(at.Raw, "\n") {
			return splice(doc, last, last, ", "+style.member(rest, value, 0)), nil
		}
		after = style.end + style.indent(depth)
	}
	return splice(doc, last, end, ","+style.end+member+after), nil
}

// Remove takes a member out of the object that has it, each time that its name occurs; it
// is no error if there is none.
func Remove(doc []byte, path []string) ([]byte, error) {
	parent, rest, err := walk(doc, path[:len(path)-1])
	if err != nil || len(rest) > 0 {
		return doc, err
	}
	name := path[len(path)-1]
	start, end := parent.Index+1, -1
	parent.ForEach(func(key, value gjson.Result) bool {
		behind := value.Index + len(value.Raw)
		if key.Str == name {
			end = behind
			return false
		}
		start = behind
		return true
	})
	if end < 0 {
		return doc, nil
	}
	if start == parent.Index+1 { // the first: the comma behind it goes
		if rest := bytes.TrimLeft(doc[end:], " \t\r\n"); bytes.HasPrefix(rest, []byte(",")) {
			end = len(doc) - len(rest) + 1
		}
	}
	return Remove(splice(doc, start, end, ""), path) // a name may be repeated
}

// walk follows a path as far as there are values, and returns the last one and what is
// left of the path. Of a repeated name the last one counts.
func walk(doc []byte, path []string) (at gjson.Result, rest []string, err error) {
	at = gjson.ParseBytes(doc)
	at.Raw = strings.TrimRight(at.Raw, " \t\r\n") // that of a document goes to its end
	for i, name := range path {
		if at.IsArray() && len(at.Array()) == 0 {
			return at, path[i:], nil
		}
		if !at.IsObject() {
			return at, nil, fmt.Errorf("%s: expected an object", strings.Join(path[:i], ": "))
		}
		var found gjson.Result
		at.ForEach(func(key, value gjson.Result) bool {
			if key.Str == name {
				found = value
			}
			return true
		})
		if !found.Exists() {
			return at, path[i:], nil
		}
		at = found
	}
	if at.Index+len(at.Raw) > len(doc) || string(doc[at.Index:at.Index+len(at.Raw)]) != at.Raw {
		return at, nil, errors.New("the place of a value is not known") // a mistake of the parser
	}
	return at, nil, nil
}

// Get returns the text of a value, "" if there is none.
func Get(doc []byte, path ...string) string {
	if at, rest, err := walk(doc, path); err == nil && len(rest) == 0 {
		return at.Raw
	}
	return ""
}

// Members returns the names in an object, which may be missing.
func Members(doc []byte, path ...string) (names []string, err error) {
	at, rest, err := walk(doc, path)
	if err != nil || len(rest) > 0 {
		return nil, err
	}
	if !at.IsObject() && (!at.IsArray() || hasMembers(at)) {
		return nil, errors.New(strings.Join(append(slices.Clone(path), "expected an object"), ": "))
	}
	at.ForEach(func(key, _ gjson.Result) bool {
		names = append(names, key.Str)
		return true
	})
	return names, nil
}

func hasMembers(v gjson.Result) bool {
	found := false
	v.ForEach(func(_, _ gjson.Result) bool { found = true; return false })
	return found
}

// compacted returns a value without blanks between its parts.
func compacted(value string) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(value)); err != nil {
		return nil // there is none
	}
	return b.Bytes()
}

func splice(doc []byte, start, end int, text string) []byte {
	var b bytes.Buffer
	b.Write(doc[:start])
	b.WriteString(text)
	b.Write(doc[end:])
	return b.Bytes()
}

// A style is how a document is laid out.
type style struct{ unit, end string }

// styleOf takes over the indentation of the first line that begins with a member, by how
// deep that lies, and the line endings.
func styleOf(doc []byte) style {
	s := style{"    ", "\n"}
	if bytes.Contains(doc, []byte("\r\n")) {
		s.end = "\r\n"
	}
	doc = bytes.TrimLeft(doc, " \t\r\n")
	if first, rest, ok := bytes.Cut(doc, []byte("\n")); ok {
		line := bytes.TrimLeft(rest, "\r\n")
		blank := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if len(blank) > 0 && bytes.HasPrefix(line[len(blank):], []byte(`"`)) {
			s.unit = string(blank)
			if depth := depthOf(first); depth > 0 && len(blank)%depth == 0 && (len(blank) > depth || blank[0] == '\t') { // nobody indents by one blank
				s.unit = string(blank[:len(blank)/depth])
			}
		}
	}
	return s
}

// depthOf is how many objects and lists a text opens and does not close.
func depthOf(text []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			depth++
		case c == '}', c == ']':
			depth--
		}
	}
	return depth
}

func (s style) indent(depth int) string { return strings.Repeat(s.unit, depth) }

// member writes a name and its value, in objects of their own for what the path leads through.
func (s style) member(path []string, v any, depth int) string {
	if len(path) > 1 {
		return Quote(path[0]) + ": {" + s.end + s.indent(depth+1) + s.member(path[1:], v, depth+1) + s.end + s.indent(depth) + "}"
	}
	return Quote(path[0]) + ": " + s.value(v, depth)
}

// isSingle reports whether a value is written in one line.
func isSingle(v any) bool {
	switch v.(type) {
	case []string, []any, Object:
		return false
	}
	return true
}

// value writes a value whose first line is indented already.
func (s style) value(v any, depth int) string {
	var parts []string
	opening, closing := "[", "]"
	switch v := v.(type) {
	case []string:
		for _, item := range v {
			parts = append(parts, Quote(item))
		}
	case []any:
		for _, item := range v {
			parts = append(parts, s.value(item, depth+1))
		}
	case Object:
		opening, closing = "{", "}"
		for _, m := range v {
			parts = append(parts, Quote(m.Name)+": "+s.value(m.Value, depth+1))
		}
	case json.RawMessage:
		return string(v)
	default:
		return Quote(v)
	}
	if len(parts) == 0 {
		return opening + closing
	}
	indent := s.end + s.indent(depth+1)
	return opening + indent + strings.Join(parts, ","+indent) + s.end + s.indent(depth) + closing
}

// Quote writes a value as JSON in one line, with characters such as < and & as they are.
func Quote(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // texts, numbers and lists of them can always be written
	return strings.TrimSuffix(b.String(), "\n")
}
