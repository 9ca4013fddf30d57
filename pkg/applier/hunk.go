package applier

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	godiff "github.com/sourcegraph/go-diff/diff"
)

// A Hunk is one contiguous change of a file.
type Hunk struct {
	// Number counts the hunks of an entry from 1.
	Number int
	// Starts are 1-based line numbers, 0 or the line before when the count is 0.
	OldStart, OldCount int
	NewStart, NewCount int
	// DiffLine is the 1-based line of the hunk header in the diff.
	DiffLine int

	// body is what follows the header in the diff, old and new its two sides. They share
	// the memory of the diff.
	body              []byte
	old, new          [][]byte
	leading, trailing int
}

// A Line is one line of a hunk.
type Line struct {
	// Op is ' ' for context, '-' for a line of the old side, '+' for one of the new.
	Op byte
	// Text includes the line feed, unless the diff says that there is none.
	Text []byte
}

// add takes in the next line.
func (h *Hunk) add(op byte, text []byte) {
	switch {
	case op != ' ':
		h.trailing = 0
	case h.leading == len(h.old) && h.leading == len(h.new):
		h.leading++
		h.trailing++
	default:
		h.trailing++
	}
	if op != '+' {
		h.old = append(h.old, text)
	}
	if op != '-' {
		h.new = append(h.new, text)
	}
}

// endWithout takes the line feed from the last line, whose operation is op.
func (h *Hunk) endWithout(op byte) {
	for _, side := range []struct {
		lines [][]byte
		not   byte
	}{{h.old, '+'}, {h.new, '-'}} {
		if n := len(side.lines); n > 0 && op != side.not && op != '\n' {
			side.lines[n-1] = bytes.TrimSuffix(side.lines[n-1], []byte("\n"))
		}
	}
}

// Lines reads the lines of the hunk as its diff has them, whichever direction it is
// looked at. go-diff does the reading. It stumbles over what git takes for granted
// (counts, bare line feeds, markers in any language), so the hunk is put into canonical
// form first. An error means that both disagree about the hunk.
func (h *Hunk) Lines() ([]Line, error) {
	text := []byte("@@ -")
	for i, v := range []int{h.OldStart, h.OldCount, h.NewStart, h.NewCount} {
		text = strconv.AppendInt(append(text, [...]string{"", ",", " +", ","}[i]...), int64(v), 10)
	}
	text = append(text, " @@\n"...)
	count := 0
	var unended []int // the lines that have no line feed
	for line := range bytes.Lines(h.body) {
		switch line[0] {
		case '\\':
			if count > 0 {
				unended = append(unended, count-1)
			}
			continue
		case '\n':
			text = append(text, ' ')
		}
		text = append(text, line...)
		count++
	}
	parsed, err := godiff.ParseHunksOptions(text, godiff.ParseOptions{KeepCR: true})
	if err != nil {
		return nil, fmt.Errorf("hunk %d: %w", h.Number, err)
	}
	lines := make([]Line, 0, count)
	for _, p := range parsed {
		for line := range bytes.Lines(p.Body) {
			lines = append(lines, Line{Op: line[0], Text: line[1:len(line):len(line)]})
		}
	}
	if len(parsed) != 1 || len(lines) != count {
		return nil, fmt.Errorf("hunk %d: %w", h.Number, errMiscounted)
	}
	for _, i := range unended {
		lines[i].Text = bytes.TrimSuffix(lines[i].Text, []byte("\n"))
	}
	return lines, nil
}

var errMiscounted = errors.New("its lines cannot be told apart")
