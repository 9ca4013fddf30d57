package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// writeCSV writes findings as RFC 4180 says: a header, CRLF, quotes where needed. A
// field that a spreadsheet would take for a formula is kept from it by an apostrophe.
func writeCSV(w io.Writer, fs findings) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	rows := [][]string{{"rule", "level", "patch", "title", "state", "message", "path", "line"}}
	for _, f := range fs.list {
		line := ""
		if f.line > 0 {
			line = strconv.Itoa(f.line)
		}
		rows = append(rows, []string{
			f.rule.id, f.level.String(), noFormula(f.patch), noFormula(f.title), noFormula(f.state),
			noFormula(f.message), noFormula(Clean(f.path)), line,
		})
	}
	return out.WriteAll(rows)
}

// noFormula guards a text that begins as a formula does, maybe after blanks.
func noFormula(s string) string {
	if rest := strings.TrimLeft(s, " \u00a0\u3000"); rest != "" && strings.ContainsRune("=+-@|%＝＋－＠", []rune(rest)[0]) {
		return "'" + s
	}
	return s
}
