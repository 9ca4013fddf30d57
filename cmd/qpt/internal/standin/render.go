package standin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"charm.land/lipgloss/v2"

	"github.com/quality-patches/qpt/pkg/catalog"
)

// columns are the headers of the table, and the keys of the JSON form.
func columns() []string { return []string{"Id", "Title", "Category", "Origin", "Status", "Details"} }

// row is what is shown of a patch.
func row(g *group, states map[string]string) []string {
	kind := string(g.kind)
	if g.deprecated {
		kind = "DEPRECATED"
	}
	details := "Patch type: " + kind + "\n"
	if g.replacedWith != "" {
		details += "Recommended replacement: " + g.replacedWith + "\n"
	}
	if len(g.require) > 0 {
		details += "Required patches:\n - " + strings.Join(g.require, "\n - ") + "\n"
	}
	if len(g.components) > 0 {
		details += "Affected components:\n - " + strings.Join(g.components, "\n - ")
	}
	if g.requirements != "" {
		details += "\nRequirements:\n - " + strings.TrimRight(chunks(g.requirements, 50), " \t\n\r\x00\x0b")
	}
	id := g.id
	if g.kind == catalog.Custom {
		id = "N/A"
	}
	state := states[g.id]
	if state == "" {
		state = notAvail
	}
	return []string{id, chunks(g.title, 60), strings.Join(g.categories, "\n"), g.origin, state, details}
}

// chunks cuts a text after every n bytes, and at its end.
func chunks(text string, n int) string {
	var b strings.Builder
	for len(text) > n {
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return b.String() + text + "\n"
}

// jsonRows writes rows as PHP's json_encode does with JSON_PRETTY_PRINT. A text that is
// cut inside a character makes it write nothing.
func jsonRows(groups []*group, states map[string]string) string {
	if len(groups) == 0 {
		return "[]"
	}
	var b strings.Builder
	b.WriteString("[\n")
	for i, g := range groups {
		b.WriteString("    {\n")
		for j, value := range row(g, states) {
			if value = stripTags(value); !utf8.ValidString(value) {
				return ""
			}
			fmt.Fprintf(&b, "        \"%s\": %s", columns()[j], jsonString(value))
			if j+1 < len(columns()) {
				b.WriteByte(',')
			}
			b.WriteByte('\n')
		}
		b.WriteString("    }")
		if i+1 < len(groups) {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("]")
	return b.String()
}

// jsonString writes a string as PHP does: slashes and all that is not ASCII escaped.
func jsonString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\' || c == '/':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c >= 0x10000:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		case c < ' ' || c >= 0x80:
			if short := map[rune]string{'\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}[c]; short != "" {
				b.WriteString(short)
			} else {
				fmt.Fprintf(&b, `\u%04x`, c)
			}
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// stripTags removes what PHP's strip_tags takes for a tag: from a "<" with no blank
// behind it to its ">", which quotes hide.
func stripTags(s string) string {
	var b strings.Builder
	depth, quote := 0, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case depth == 0 && c == '<' && i+1 < len(s) && !strings.ContainsRune(" \t\n\r\v\f", rune(s[i+1])):
			depth = 1
		case depth == 0:
			b.WriteByte(c)
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '<':
			depth++
		case c == '>':
			depth--
		}
	}
	return b.String()
}

// table draws rows in a double frame.
func (r *run) table(groups []*group, states map[string]string) {
	var rows [][][]string // row, column, lines
	widths := make([]int, len(columns()))
	measure := func(lines [][]string) {
		for i, cell := range lines {
			for _, l := range cell {
				widths[i] = max(widths[i], lipgloss.Width(l))
			}
		}
	}
	head := make([][]string, len(columns()))
	for i, name := range columns() {
		head[i] = []string{name}
	}
	measure(head)
	for _, g := range groups {
		var cells [][]string
		for _, text := range row(g, states) {
			cells = append(cells, strings.Split(text, "\n"))
		}
		measure(cells)
		rows = append(rows, cells)
	}
	rule := func(left, line, cross, right string) {
		parts := make([]string, len(widths))
		for i, w := range widths {
			parts[i] = strings.Repeat(line, w+2)
		}
		r.say("%s", left+strings.Join(parts, cross)+right)
	}
	draw := func(cells [][]string) {
		height := len(slices.MaxFunc(cells, func(a, b []string) int { return len(a) - len(b) }))
		for l := range height {
			parts := make([]string, len(cells))
			for i, cell := range cells {
				text := ""
				if l < len(cell) {
					text = cell[l]
				}
				parts[i] = " " + text + strings.Repeat(" ", widths[i]-lipgloss.Width(text)+1)
			}
			r.say("%s", "║"+strings.Join(parts, "│")+"║")
		}
	}
	rule("╔", "═", "╤", "╗")
	draw(head)
	rule("╠", "═", "╪", "╣")
	for i, cells := range rows {
		if i > 0 {
			rule("╟", "─", "┼", "╢")
		}
		draw(cells)
	}
	rule("╚", "═", "╧", "╝")
}

// describe tells what was done to an item.
func (r *run) describe(it *item, message string) {
	r.say("%s", message)
	r.say("Title: %s", it.title)
	r.say("File: %s", it.file)
	r.say("Affected components: %s", strings.Join(it.components, " "))
	if len(it.require) > 0 {
		r.say("Require: %s", strings.Join(it.require, " "))
	}
	if it.deprecated {
		instead := ""
		if it.replacedWith != "" {
			instead = " Please, replace it with " + it.replacedWith
		}
		r.say("Patch is deprecated!%s", instead)
	}
	r.say("")
}

// A logLine is a line of var/log/patch.log.
type logLine struct{ level, message, file string }

// String is the line behind its time.
func (l logLine) String() string {
	context := " "
	if l.file != "" {
		file, err := json.Marshal(l.file)
		if err == nil {
			context = fmt.Sprintf(`{"file":%s} `, file)
		}
	}
	return l.level + ": " + l.message + " " + context
}
