package report

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"charm.land/lipgloss/v2"
)

// A printer lays out text for a terminal or a pipe. Text from catalogues and file
// names is cleaned on its way in: no control character reaches the terminal.
type printer struct {
	style Style
	buf   bytes.Buffer
}

// A tone is what a piece of text means; colour is only a help to see it.
type tone int

const (
	plain tone = iota
	strong
	good
	warn
	bad
	faint
)

func (p *printer) paint(t tone, s string) string {
	if !p.style.Color || t == plain || s == "" {
		return s
	}
	st := lipgloss.NewStyle()
	switch t {
	case strong:
		st = st.Bold(true)
	case good:
		st = st.Foreground(lipgloss.Green)
	case warn:
		st = st.Foreground(lipgloss.Yellow)
	case bad:
		st = st.Foreground(lipgloss.Red)
	case faint:
		st = st.Faint(true)
	}
	return st.Render(s)
}

// Clean shows control characters and bytes that are no UTF-8 in escaped form.
// Line feeds become spaces.
func Clean(s string) string { return clean(s, " ") }

func clean(s, lineFeed string) string {
	if !strings.ContainsFunc(s, unsafe) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\n':
			b.WriteString(lineFeed)
		case r == '\t':
			b.WriteString("    ")
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unsafe(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unsafe finds control characters, line separators, invisible format characters such
// as those that turn the direction of text, and the mark of invalid UTF-8.
func unsafe(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar
}

func (p *printer) line(format string, args ...any) {
	fmt.Fprintf(&p.buf, format, args...)
	p.buf.WriteByte('\n')
}

func (p *printer) blank() { p.buf.WriteByte('\n') }

// wrapped writes text after a label, its further lines under its first.
func (p *printer) wrapped(label, text string) {
	indent := lipgloss.Width(label)
	for i, l := range p.wrap(text, indent) {
		if i == 0 {
			p.line("%s%s", label, l)
		} else {
			p.line("%s%s", strings.Repeat(" ", indent), l)
		}
	}
}

// wrap breaks text to what is left of the width behind an indent.
func (p *printer) wrap(text string, indent int) []string {
	if p.style.Width == 0 {
		return []string{text}
	}
	lines := strings.Split(lipgloss.Wrap(text, max(p.style.Width-indent, 20), ""), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// field writes "Label: text", the texts of successive fields aligned.
func (p *printer) field(label, text string) {
	if text != "" {
		p.wrapped(p.paint(faint, fmt.Sprintf("%-14s", label))+" ", Clean(text))
	}
}

// A cell is text with a tone.
type cell struct {
	text string
	tone tone
}

// table writes rows under headers. The last column takes the space that is left
// and wraps; the others are as wide as they need to be.
func (p *printer) table(headers []string, rows [][]cell) {
	widths := make([]int, len(headers)-1)
	for i := range widths {
		widths[i] = lipgloss.Width(headers[i])
		for _, row := range rows {
			widths[i] = max(widths[i], lipgloss.Width(row[i].text))
		}
	}
	head := make([]cell, len(headers))
	for i, h := range headers {
		head[i] = cell{h, faint}
	}
	for _, row := range append([][]cell{head}, rows...) {
		var line strings.Builder
		indent := 0
		for i, w := range widths {
			line.WriteString(p.paint(row[i].tone, row[i].text))
			line.WriteString(strings.Repeat(" ", w-lipgloss.Width(row[i].text)+2))
			indent += w + 2
		}
		last := row[len(row)-1]
		for i, l := range p.wrap(last.text, indent) {
			if i > 0 {
				line.WriteString("\n" + strings.Repeat(" ", indent))
			}
			line.WriteString(p.paint(last.tone, l))
		}
		p.line("%s", strings.TrimRight(line.String(), " "))
	}
}

// notes writes warnings and diagnostics.
func (p *printer) notes(kind string, t tone, texts []string) {
	for _, text := range texts {
		p.wrapped(p.paint(t, kind+":")+" ", Clean(text))
	}
}

// refusals writes what does not fit, with the lines that were expected and found.
func (p *printer) refusals(indent string, list []Refusal, lines bool) {
	for _, r := range list {
		message := r.Message
		if r.Cause != "" {
			message += ": " + r.Cause
		}
		p.wrapped(indent+"- ", Clean(message))
		if !lines || len(r.Expected) == 0 {
			continue
		}
		at := r.Line
		if r.Nearest != nil {
			at = r.Nearest.Line
		}
		p.line("%s    %s", indent, p.paint(faint, fmt.Sprintf("expected (-) and found (+) from line %d:", at)))
		p.comparison(indent+"      ", r.Expected, r.Found)
	}
}

// comparison shows expected and found lines, those that agree once.
func (p *printer) comparison(indent string, expected, found []string) {
	for i := range max(len(expected), len(found)) {
		switch {
		case i < len(expected) && i < len(found) && expected[i] == found[i]:
			p.line("%s  %s", indent, Clean(expected[i]))
		default:
			if i < len(expected) {
				p.line("%s%s", indent, p.paint(bad, "- "+Clean(expected[i])))
			}
			if i < len(found) {
				p.line("%s%s", indent, p.paint(good, "+ "+Clean(found[i])))
			}
		}
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
