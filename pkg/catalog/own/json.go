package own

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// The functions below work on the text of a JSON document that check has looked at, and
// keep every byte that is not to change.

// check refuses what is no JSON document of one object. It bounds how deep that may nest.
func check(doc []byte) error {
	var v json.RawMessage
	if err := json.Unmarshal(doc, &v); err != nil {
		return fmt.Errorf("not valid JSON: %w", err)
	}
	_, err := members(doc)
	return err
}

// set replaces a value, or adds it at the end of the object that is to have it; objects on
// the way are made. A value is a string, a number or a []string.
func set(doc []byte, path []string, value any) ([]byte, error) {
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
		if _, list := value.([]string); depth > 0 && len(rest) == 1 && !list && !strings.Contains(at.Raw, "\n") {
			return splice(doc, last, last, ", "+style.member(rest, value, 0)), nil
		}
		after = style.end + style.indent(depth)
	}
	return splice(doc, last, end, ","+style.end+member+after), nil
}

// remove takes a member out of the object that has it, each time that its name occurs; it
// is no error if there is none.
func remove(doc []byte, path []string) ([]byte, error) {
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
	return remove(splice(doc, start, end, ""), path) // a name may be repeated
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

// get returns the text of a value, "" if there is none.
func get(doc []byte, path ...string) string {
	if at, rest, err := walk(doc, path); err == nil && len(rest) == 0 {
		return at.Raw
	}
	return ""
}

// members returns the names in an object, which may be missing.
func members(doc []byte, path ...string) (names []string, err error) {
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

// member writes a name and its value, in objects of their own for what the path leads through.
func (s style) member(path []string, v any, depth int) string {
	if len(path) > 1 {
		return quote(path[0]) + ": {" + s.end + s.indent(depth+1) + s.member(path[1:], v, depth+1) + s.end + s.indent(depth) + "}"
	}
	return quote(path[0]) + ": " + s.value(v, depth)
}

// value writes a value whose first line is indented already.
func (s style) value(v any, depth int) string {
	list, ok := v.([]string)
	if !ok || len(list) == 0 {
		return quote(v)
	}
	var parts []string
	for _, item := range list {
		parts = append(parts, s.indent(depth+1)+quote(item))
	}
	return "[" + s.end + strings.Join(parts, ","+s.end) + s.end + s.indent(depth) + "]"
}

// quote writes a value as JSON in one line, with characters such as < and & as they are.
func quote(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // texts, numbers and lists of them can always be written
	return strings.TrimSuffix(b.String(), "\n")
}
