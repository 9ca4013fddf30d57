package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Format is a way to write a result.
type Format string

// The formats.
const (
	Table Format = "table"
	JSON  Format = "json"
	YAML  Format = "yaml"
)

// Formats returns the formats by name.
func Formats() []string { return []string{string(Table), string(JSON), string(YAML)} }

// ParseFormat reads the name of a format.
func ParseFormat(s string) (Format, error) {
	if slices.Contains(Formats(), s) {
		return Format(s), nil
	}
	return "", fmt.Errorf("unknown format %q, expected %s", s, strings.Join(Formats(), ", "))
}

// A Result is a command's result that can be written for people.
type Result interface {
	text(p *printer)
}

// Style says what the table form may use.
type Style struct {
	// Width is how many columns there are, 0 for no limit.
	Width int
	Color bool
	// Verbose adds what is otherwise left to JSON.
	Verbose bool
}

// Render writes a result. Only the table form depends on style.
func Render(w io.Writer, f Format, r Result, style Style) error {
	switch f {
	case JSON:
		return writeJSON(w, r)
	case YAML:
		return writeYAML(w, r)
	}
	p := &printer{style: style}
	r.text(p)
	_, err := w.Write(p.buf.Bytes())
	return err
}

func writeJSON(w io.Writer, r Result) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return err
	}
	// What is raw in a result, such as metadata, may hold what is no UTF-8.
	_, err := w.Write(bytes.ToValidUTF8(buf.Bytes(), []byte("\uFFFD")))
	return err
}

// writeYAML goes through JSON so that both have the same names and order.
func writeYAML(w io.Writer, r Result) error {
	var buf bytes.Buffer
	if err := writeJSON(&buf, r); err != nil {
		return err
	}
	dec := json.NewDecoder(&buf)
	dec.UseNumber()
	doc, err := node(dec)
	if err != nil {
		return err
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(doc); err != nil {
		return err
	}
	return enc.Close()
}

// node reads the next JSON value as YAML. A YAML parser would not do: it refuses
// some characters and escapes that JSON allows.
func node(dec *json.Decoder) (*yaml.Node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode}
	switch value := token.(type) {
	case json.Delim:
		n.Kind = yaml.SequenceNode
		if value == '{' {
			n.Kind = yaml.MappingNode // whose names and values take turns
		}
		for dec.More() {
			child, err := node(dec)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		_, err = dec.Token() // its end
		return n, err
	case string:
		n.Tag, n.Value = "!!str", value
		if strings.Contains(value, "\n") {
			n.Style = blockStyle(value)
		}
	default: // written alike in both
		n.Value = fmt.Sprint(value)
		if value == nil {
			n.Value = "null"
		}
	}
	return n, nil
}

// blockStyle returns the style for a text of several lines: as it is, unless the YAML
// form of that would be read as something else.
func blockStyle(s string) yaml.Style {
	odd := func(r rune) bool { return r != '\n' && r != '\t' && unsafe(r) }
	if strings.ContainsRune(" \t\n", rune(s[0])) || strings.ContainsFunc(s, odd) {
		return yaml.DoubleQuotedStyle
	}
	return yaml.LiteralStyle
}
