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
	Table    Format = "table"
	JSON     Format = "json"
	YAML     Format = "yaml"
	CSV      Format = "csv"
	Markdown Format = "markdown" // for a comment on a pull request or a job summary
	JUnit    Format = "junit"    // test results for Jenkins and GitLab
	SARIF    Format = "sarif"    // 2.1.0
	GitHub   Format = "github"   // workflow commands that become annotations
	GitLab   Format = "gitlab"   // code quality

	// AdobeStatus is the report of Adobe's vendor/bin/patch-status, for an [Audit] alone.
	AdobeStatus Format = "patch-status"
)

// Formats returns the formats by name, but for [AdobeStatus], which is for one result only.
func Formats() []string {
	return append(GeneralFormats(), string(CSV), string(Markdown), string(JUnit), string(SARIF), string(GitHub), string(GitLab))
}

// GeneralFormats returns those formats by name in which every result can be written.
func GeneralFormats() []string { return []string{string(Table), string(JSON), string(YAML)} }

// ParseFormat reads the name of a format.
func ParseFormat(s string) (Format, error) {
	known := append(Formats(), string(AdobeStatus))
	if slices.Contains(known, s) {
		return Format(s), nil
	}
	return "", fmt.Errorf("unknown format %q, expected %s", s, strings.Join(known, ", "))
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

// Render writes a result. Only the table form depends on style. The error is a
// [*FormatError] if the result has no [Findings] and the format needs them.
func Render(w io.Writer, f Format, r Result, style Style) error {
	switch f {
	case JSON:
		return writeJSON(w, r)
	case YAML:
		return writeYAML(w, r)
	case Table:
		p := &printer{style: style}
		r.text(p)
		_, err := w.Write(p.buf.Bytes())
		return err
	case AdobeStatus:
		return writePatchStatus(w, r)
	}
	found, ok := r.(Findings)
	if !ok {
		return &FormatError{f}
	}
	fs := found.findings().clean()
	switch f {
	case CSV:
		return writeCSV(w, fs)
	case Markdown:
		return writeMarkdown(w, fs)
	case JUnit:
		return writeJUnit(w, fs)
	case SARIF:
		return writeSARIF(w, fs)
	case GitHub:
		return writeGitHub(w, fs)
	case GitLab:
		return writeGitLab(w, fs)
	}
	return &FormatError{f}
}

// A FormatError is a format in which a result cannot be written.
type FormatError struct{ Format Format }

func (e *FormatError) Error() string {
	if e.Format == AdobeStatus {
		return fmt.Sprintf("only the result of qpt audit can be written as %s", e.Format)
	}
	return fmt.Sprintf("this result cannot be written as %s, only as %s", e.Format, strings.Join(GeneralFormats(), ", "))
}

func writeJSON(w io.Writer, r any) error {
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
