package declared

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Add returns the text of [ConfigFile] with entries added at the end of patches. What
// stands there stays as it is, comments and blank lines included. Src may be empty.
func Add(src []byte, entries []string) ([]byte, error) {
	if len(entries) == 0 {
		return src, nil
	}
	list, key, err := patchList(src)
	if err != nil {
		return nil, err
	}
	lines, end := splitLines(src)
	item := func(indent string) string {
		var b strings.Builder
		for _, e := range entries {
			b.WriteString(indent + "- " + scalar(e) + end)
		}
		return b.String()
	}
	switch {
	case key == nil:
		if n := len(lines); n > 0 && !strings.HasSuffix(lines[n-1], "\n") {
			lines[n-1] += end
		}
		lines = append(lines, "patches:"+end, item("  "))
	case isNull(list) && list.Value != "":
		at, ok := offset(src, list.Line, list.Column)
		if !ok || !bytes.HasPrefix(src[at:], []byte(list.Value)) {
			return nil, errUneditable()
		}
		before, after := src[:at], src[at+len(list.Value):]
		if out, err := Add(slices.Concat(bytes.TrimRight(before, " "), after), entries); err == nil {
			return checked(src, out, entries, nil)
		}
		text, err := yaml.Marshal(flow(entries)) // in brackets, as what is around it
		if err != nil {
			return nil, err
		}
		return checked(src, slices.Concat(before, bytes.TrimSuffix(text, []byte("\n")), after), entries, nil)
	case isNull(list):
		lines = insert(lines, key.Line, item(indentOf(lines[key.Line-1])+"  "), end)
	case list.Style&yaml.FlowStyle != 0:
		out, err := rewrite(src, func(list *yaml.Node) {
			list.Content = append(list.Content, flow(entries).Content...)
		})
		if err != nil {
			return nil, err
		}
		return checked(src, out, entries, nil)
	default:
		last := list.Content[len(list.Content)-1]
		lines = insert(lines, last.Line, item(indentOf(lines[last.Line-1])), end)
	}
	return checked(src, []byte(strings.Join(lines, "")), entries, nil)
}

// flow is a list in brackets.
func flow(entries []string) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, e := range entries {
		list.Content = append(list.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: e})
	}
	return list
}

// Remove returns the text of [ConfigFile] without the entries of patches that names
// match, without regard to case and whatever their hash, and the names that none matched.
func Remove(src []byte, names []string) (out []byte, missing []string, err error) {
	list, key, err := patchList(src)
	if err != nil {
		return nil, nil, err
	}
	matches := func(n *yaml.Node, name string) bool {
		have, _, err := SplitHash(target(n).Value)
		return err == nil && strings.EqualFold(plain(have), plain(name))
	}
	gone := map[int]bool{} // indexes in the list
	var entries []string
	for _, name := range names {
		found := false
		if key != nil && list.Kind == yaml.SequenceNode {
			for i, item := range list.Content {
				if matches(item, name) {
					found = true
					if !gone[i] {
						gone[i] = true
						entries = append(entries, target(item).Value)
					}
				}
			}
		}
		if !found {
			missing = append(missing, name)
		}
	}
	if len(gone) == 0 {
		return src, missing, nil
	}
	if list.Style&yaml.FlowStyle != 0 {
		out, err = rewrite(src, func(list *yaml.Node) {
			var kept []*yaml.Node
			for i, item := range list.Content {
				if !gone[i] {
					kept = append(kept, item)
				}
			}
			list.Content = kept
		})
		if err == nil {
			out, err = checked(src, out, nil, entries)
		}
		return out, missing, err
	}
	lines, _ := splitLines(src)
	for i := range gone {
		item := list.Content[i]
		lines[item.Line-1] = "" // one that goes on is left behind, and found out below
	}
	out, err = checked(src, []byte(strings.Join(lines, "")), nil, entries)
	return out, missing, err
}

// plain is a name without what makes no difference in a path.
func plain(name string) string { return strings.TrimSuffix(strings.TrimPrefix(name, "./"), "/") }

// patchList returns the value of patches and its key, nil when there is none.
func patchList(src []byte) (list, key *yaml.Node, err error) {
	r := reader{file: ConfigFile}
	if bytes.ContainsAny(bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n")), "\r\u0085\u2028\u2029") {
		return nil, nil, errUneditable() // YAML ends lines there, and nobody else does
	}
	doc, err := r.yaml(src)
	if err != nil {
		return nil, nil, err
	}
	if !isNull(doc) && doc.Kind != yaml.MappingNode {
		return nil, nil, r.errorf(doc.Line, "expected settings with names")
	}
	for k, v := range pairs(doc) {
		if k.Value != "patches" {
			continue
		}
		if _, err := r.texts(v, "patches"); err != nil {
			return nil, nil, err
		}
		return v, k, nil
	}
	return nil, nil, nil
}

// entriesOf returns the entries of patches as they are written.
func entriesOf(src []byte) ([]string, error) {
	list, key, err := patchList(src)
	if err != nil || key == nil {
		return nil, err
	}
	var entries []string
	for _, item := range list.Content {
		entries = append(entries, target(item).Value)
	}
	return entries, nil
}

// checked makes sure that an edit did what it was meant to do, and nothing else.
func checked(src, out []byte, added, removed []string) ([]byte, error) {
	before, err := entriesOf(src)
	if err != nil {
		return nil, err
	}
	after, err := entriesOf(out)
	want := before
	for _, r := range removed {
		for i, have := range want {
			if have == r {
				want = append(append([]string{}, want[:i]...), want[i+1:]...)
				break
			}
		}
	}
	want = append(append([]string{}, want...), added...)
	if err != nil || strings.Join(after, "\x00") != strings.Join(want, "\x00") {
		return nil, errUneditable()
	}
	return out, nil
}

func errUneditable() error {
	return &Error{Place{File: ConfigFile}, errors.New("it is written in a way that qpt cannot edit; change patches by hand and run qpt sync")}
}

// rewrite edits a list in brackets, and leaves all around it as it is.
func rewrite(src []byte, edit func(list *yaml.Node)) ([]byte, error) {
	list, _, err := patchList(src)
	if err != nil {
		return nil, err
	}
	from, ok := offset(src, list.Line, list.Column)
	if !ok || src[from] != '[' {
		return nil, errUneditable()
	}
	to, ok := closing(src, from)
	if !ok {
		return nil, errUneditable()
	}
	edit(list)
	list.HeadComment, list.LineComment, list.FootComment, list.Anchor = "", "", "", "" // these stay outside
	text, err := yaml.Marshal(list)
	if err != nil {
		return nil, err
	}
	return slices.Concat(src[:from], bytes.TrimSuffix(text, []byte("\n")), src[to+1:]), nil
}

// offset returns where a line and a column are, which are counted from 1, the column in runes.
func offset(src []byte, line, column int) (at int, ok bool) {
	skipped := len(src) - len(bytes.TrimPrefix(src, []byte("\xef\xbb\xbf")))
	for range line - 1 {
		i := bytes.IndexByte(src[skipped:], '\n')
		if i < 0 {
			return 0, false
		}
		skipped += i + 1
	}
	for range column - 1 {
		_, size := utf8.DecodeRune(src[skipped:])
		skipped += size
	}
	return skipped, skipped < len(src)
}

// closing returns where the bracket is that closes the one at a place.
func closing(src []byte, from int) (at int, ok bool) {
	fresh := true // a quote would begin a text here
	for i := from + 1; i < len(src); i++ {
		switch c := src[i]; {
		case fresh && (c == '"' || c == '\''):
			for i++; i < len(src) && src[i] != c; i++ {
				if c == '"' && src[i] == '\\' {
					i++
				}
			}
			fresh = c == '\'' // two of them are one in the text
		case c == '#' && strings.IndexByte(" \t\r\n", src[i-1]) >= 0:
			return 0, false // a comment has no place in the list that is written
		case c == ']':
			return i, true
		case c == ',':
			fresh = true
		case strings.IndexByte(" \t\r\n", c) < 0:
			fresh = false
		}
	}
	return 0, false
}

// splitLines returns the lines with their ends, and which end they have.
func splitLines(src []byte) (lines []string, end string) {
	end = "\n"
	if bytes.Contains(src, []byte("\r\n")) {
		end = "\r\n"
	}
	for l := range strings.Lines(string(src)) {
		lines = append(lines, l)
	}
	return lines, end
}

// insert puts text behind a line, which is counted from 1.
func insert(lines []string, after int, text, end string) []string {
	if !strings.HasSuffix(lines[after-1], "\n") {
		lines[after-1] += end
	}
	lines[after-1] += text
	return lines
}

func indentOf(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " "))] }

// scalar writes a text as YAML.
func scalar(text string) string {
	out, err := yaml.Marshal(text)
	if err != nil {
		panic(err) // a text always encodes
	}
	return strings.TrimSuffix(string(out), "\n")
}
