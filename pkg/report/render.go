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
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// writeYAML goes through JSON, of which YAML is a superset, so that both have the
// same names and order.
func writeYAML(w io.Writer, r Result) error {
	var buf bytes.Buffer
	if err := writeJSON(&buf, r); err != nil {
		return err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(buf.Bytes(), &doc); err != nil {
		return err
	}
	block(&doc)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return err
	}
	return enc.Close()
}

// block takes the JSON style off a document, except where plain text would be read
// as something else.
func block(n *yaml.Node) {
	n.Style = 0
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && strings.Contains(n.Value, "\n") {
		n.Style = yaml.LiteralStyle
	}
	for _, child := range n.Content {
		block(child)
	}
}
