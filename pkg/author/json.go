package author

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// A field is a name and a value of an object that is yet to be written. A value is a
// string, a []string or an object.
type field struct {
	name  string
	value any
}

type object []field

// set replaces a value of a JSON document, or adds it at the end of the object that is to
// have it. Objects on the way are made. Every other byte stays.
func set(doc []byte, path []string, value any) ([]byte, error) {
	style := styleOf(doc)
	at, rest, err := walk(doc, path)
	if err != nil {
		return nil, err
	}
	depth := len(path) - len(rest)
	if len(rest) == 0 {
		return splice(doc, at.Index, at.Index+len(at.Raw), style.value(value, depth)), nil
	}
	for i := len(rest) - 1; i > 0; i-- {
		value = object{{rest[i], value}}
	}
	member := style.indent(depth+1) + quote(rest[0]) + ": " + style.value(value, depth+1)
	if at.IsArray() || !hasMembers(at) { // PHP writes an empty object as a list
		return splice(doc, at.Index, at.Index+len(at.Raw), "{"+style.end+member+style.end+style.indent(depth)+"}"), nil
	}
	end := at.Index + len(at.Raw) - 1 // of the closing brace
	last := len(bytes.TrimRight(doc[:end], " \t\r\n"))
	after := string(doc[last:end])
	if !strings.Contains(after, "\n") { // all in one line
		after = style.end + style.indent(depth)
	}
	return splice(doc, last, end, ","+style.end+member+after), nil
}

// remove takes a member out of the object that has it; it is no error if there is none.
func remove(doc []byte, path []string) ([]byte, error) {
	parent, rest, err := walk(doc, path[:len(path)-1])
	if err != nil || len(rest) > 0 {
		return doc, err
	}
	name := path[len(path)-1]
	previous, start, end := parent.Index+1, -1, -1
	parent.ForEach(func(key, value gjson.Result) bool {
		if key.Str == name {
			start, end = previous, value.Index+len(value.Raw)
			return true
		}
		if start < 0 {
			previous = value.Index + len(value.Raw)
		}
		return true
	})
	if start < 0 {
		return doc, nil
	}
	if start == parent.Index+1 { // the first: the comma behind it goes
		if rest := bytes.TrimLeft(doc[end:], " \t\r\n"); bytes.HasPrefix(rest, []byte(",")) {
			end = len(doc) - len(rest) + 1
		}
	}
	return splice(doc, start, end, ""), nil
}

// walk follows a path as far as there are values, and returns the last one and what is
// left of the path. Of a repeated name the last one counts.
func walk(doc []byte, path []string) (at gjson.Result, rest []string, err error) {
	var v json.RawMessage
	if err := json.Unmarshal(doc, &v); err != nil { // which, unlike gjson, bounds how deep it may nest
		return at, nil, fmt.Errorf("not valid JSON: %w", err)
	}
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

func hasMembers(v gjson.Result) bool {
	found := false
	v.ForEach(func(_, _ gjson.Result) bool { found = true; return false })
	return found
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

// styleOf takes over the indentation of the first member and the line endings.
func styleOf(doc []byte) style {
	s := style{"    ", "\n"}
	if bytes.Contains(doc, []byte("\r\n")) {
		s.end = "\r\n"
	}
	if _, rest, ok := bytes.Cut(doc, []byte("\n")); ok {
		line := bytes.TrimLeft(rest, "\r\n")
		if blank := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]; len(blank) > 0 && bytes.HasPrefix(line[len(blank):], []byte(`"`)) {
			s.unit = string(blank)
		}
	}
	return s
}

func (s style) indent(depth int) string { return strings.Repeat(s.unit, depth) }

// value writes a value whose first line is indented already.
func (s style) value(v any, depth int) string {
	var parts []string
	opening, closing := "{", "}"
	switch v := v.(type) {
	case string:
		return quote(v)
	case []string:
		opening, closing = "[", "]"
		for _, item := range v {
			parts = append(parts, s.indent(depth+1)+quote(item))
		}
	case object:
		for _, f := range v {
			parts = append(parts, s.indent(depth+1)+quote(f.name)+": "+s.value(f.value, depth+1))
		}
	}
	if len(parts) == 0 {
		return opening + closing
	}
	return opening + s.end + strings.Join(parts, ","+s.end) + s.end + s.indent(depth) + closing
}

// quote writes a text as JSON, with characters such as < and & as they are.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can always be written
	return strings.TrimSuffix(b.String(), "\n")
}
