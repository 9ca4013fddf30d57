package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// writeMarkdown writes findings for a comment or a summary: a table of all subjects, and
// what there is to say about those that do not pass in a part that folds.
func writeMarkdown(w io.Writer, fs findings) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "### qpt %s\n\n", fs.of)
	fmt.Fprintf(&b, "%s, %s, %s.\n", counted(fs.count(levelError), "error"), counted(fs.count(levelWarning), "warning"), counted(fs.count(levelNote), "note"))
	columns := []string{"Subject", "Level", "State", "Title"}
	if !slices.ContainsFunc(fs.list, func(f finding) bool { return f.title != "" }) {
		columns = columns[:3]
	}
	if len(fs.list) > 0 {
		fmt.Fprintf(&b, "\n| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)))
	}
	seen := map[string]bool{}
	for _, f := range fs.list {
		cells := []string{markdownText(Clean(f.subject())), f.level.String(), markdownText(f.stateOrRule()), markdownText(f.title)}
		// Findings about different places of one patch are one row.
		if row := strings.Join(cells[:len(columns)], " | "); !seen[row] {
			seen[row] = true
			fmt.Fprintf(&b, "| %s |\n", row)
		}
	}
	if list := fs.notable(); len(list) > 0 {
		b.WriteString("\n<details>\n<summary>Details</summary>\n\n")
		for _, f := range list {
			place := ""
			if f.path != "" {
				place = " (" + markdownText(Clean(f.place())) + ")"
			}
			fmt.Fprintf(&b, "- **%s** %s%s\n", f.level, markdownText(f.message), place)
		}
		b.WriteString("\n</details>\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (f finding) stateOrRule() string {
	if f.state == "" {
		return f.rule.id
	}
	return f.state
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// markdownText escapes what has a meaning in Markdown. An empty comment keeps names
// and numbers from becoming mentions and references, which happens after escapes are read.
func markdownText(s string) string {
	s = strings.ReplaceAll(s, "www.", `www\.`)
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '@' || r == '#':
			b.WriteString(`\` + string(r) + "<!-- -->")
		case strings.ContainsRune("\\`*_{}[]<>()!|~&$:", r):
			b.WriteString(`\` + string(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
