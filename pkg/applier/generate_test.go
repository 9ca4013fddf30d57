package applier

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// Dice make the choices of a generated case: from a seed, or drawn by rapid, which
// shrinks them. 0 is always the plainest choice.
type dice interface {
	roll(n int) int // 0 ≤ result < n
}

type seeded struct{ *rand.Rand }

func newSeeded(seed uint64) seeded { return seeded{rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))} }

func (s seeded) roll(n int) int { return s.IntN(n) }

type drawn struct{ t *rapid.T }

func (d drawn) roll(n int) int { return rapid.IntRange(0, n-1).Draw(d.t, "roll") }

func chance(d dice, percent int) bool { return d.roll(100) >= 100-percent }

func pick[T any](d dice, of ...T) T { return of[d.roll(len(of))] }

// genText makes a small text of few different lines, so that hunks fit in many places.
func genText(d dice) []string {
	n := d.roll(14)
	if chance(d, 10) {
		n += d.roll(40)
	}
	variety := 2 + d.roll(9)
	crlf := chance(d, 6)
	text := make([]string, n)
	for i := range text {
		text[i] = []string{"a", "b", "", "}", "  f", "\tg", "- h", "+ i", " ", "c", "d", "e"}[d.roll(variety)]
		if chance(d, 15) {
			text[i] += fmt.Sprint(d.roll(variety))
		}
		if crlf || chance(d, 1) {
			text[i] += "\r"
		}
		text[i] += "\n"
	}
	return endText(d, text)
}

// endText takes the last line feed away, sometimes.
func endText(d dice, text []string) []string {
	if n := len(text); n > 0 && chance(d, 15) && text[n-1] != "\n" {
		text[n-1] = strings.TrimSuffix(text[n-1], "\n")
	}
	return text
}

func wholeLines(text []string) []string {
	text = slices.Clone(text)
	if n := len(text); n > 0 && !strings.HasSuffix(text[n-1], "\n") {
		text[n-1] += "\n"
	}
	return text
}

// genEdit changes a text in a few places.
func genEdit(d dice, text []string) []string {
	ended := len(text) == 0 || strings.HasSuffix(text[len(text)-1], "\n")
	out := wholeLines(text)
	for range 1 + d.roll(4) {
		at := d.roll(len(out) + 1)
		n := min(d.roll(3), len(out)-at)
		var add []string
		for i := range d.roll(3) {
			if chance(d, 40) && len(out) > 0 {
				add = append(add, out[d.roll(len(out))])
			} else {
				add = append(add, fmt.Sprintf("new%d.%d\n", d.roll(3), i))
			}
		}
		out = slices.Replace(out, at, at+n, add...)
	}
	if !ended && len(out) > 0 && out[len(out)-1] != "\n" && chance(d, 80) {
		out[len(out)-1] = strings.TrimSuffix(out[len(out)-1], "\n")
		return out
	}
	return endText(d, out)
}

type genLine struct {
	op   byte
	text string
}

// script returns the shortest change of a text into another.
func script(old, new []string) []genLine {
	long := make([][]int, len(old)+1)
	for i := range long {
		long[i] = make([]int, len(new)+1)
	}
	for i := len(old) - 1; i >= 0; i-- {
		for j := len(new) - 1; j >= 0; j-- {
			if old[i] == new[j] {
				long[i][j] = long[i+1][j+1] + 1
			} else {
				long[i][j] = max(long[i+1][j], long[i][j+1])
			}
		}
	}
	var out []genLine
	for i, j := 0, 0; i < len(old) || j < len(new); {
		switch {
		case i < len(old) && j < len(new) && old[i] == new[j]:
			out = append(out, genLine{' ', old[i]})
			i, j = i+1, j+1
		case j == len(new) || i < len(old) && long[i+1][j] >= long[i][j+1]:
			out = append(out, genLine{'-', old[i]})
			i++
		default:
			out = append(out, genLine{'+', new[j]})
			j++
		}
	}
	return out
}

type genHunk struct {
	oldStart, oldCount, newStart, newCount int
	lines                                  []genLine
}

func (h *genHunk) count() {
	h.oldCount, h.newCount = 0, 0
	for _, l := range h.lines {
		if l.op != '+' {
			h.oldCount++
		}
		if l.op != '-' {
			h.newCount++
		}
	}
}

// genHunks cuts a script into hunks with the given number of context lines.
func genHunks(s []genLine, context int, merge bool) []genHunk {
	var hunks []genHunk
	reach := 2 * context
	if !merge {
		reach = context
	}
	for i := 0; i < len(s); {
		if s[i].op == ' ' {
			i++
			continue
		}
		end, quiet := i, 0
		for j := i; j < len(s) && quiet <= reach; j++ {
			if s[j].op == ' ' {
				quiet++
			} else {
				quiet, end = 0, j+1
			}
		}
		from, to := i, end
		for k := 0; k < context && from > 0 && s[from-1].op == ' '; k++ {
			from--
		}
		for k := 0; k < context && to < len(s) && s[to].op == ' '; k++ {
			to++
		}
		h := genHunk{lines: slices.Clone(s[from:to])}
		h.count()
		for _, l := range s[:from] {
			if l.op != '+' {
				h.oldStart++
			}
			if l.op != '-' {
				h.newStart++
			}
		}
		if h.oldCount > 0 {
			h.oldStart++
		}
		if h.newCount > 0 {
			h.newStart++
		}
		hunks = append(hunks, h)
		i = end
	}
	return hunks
}

const plainMarker = "\\ No newline at end of file\n"

// render writes a hunk; wild makes it odd in ways that git accepts, and some that it does not.
func (h *genHunk) render(d dice, w *bytes.Buffer, wild bool) {
	span := func(start, count int) string {
		if count == 1 && !chance(d, 10) {
			return fmt.Sprint(start)
		}
		return fmt.Sprintf("%d,%d", start, count)
	}
	tail := ""
	if chance(d, 15) {
		tail = pick(d, " class A", "tail", " ")
	}
	fmt.Fprintf(w, "@@ -%s +%s @@%s\n", span(h.oldStart, h.oldCount), span(h.newStart, h.newCount), tail)
	for _, l := range h.lines {
		if l.op == ' ' && l.text == "\n" && chance(d, 50) {
			w.WriteByte('\n')
			continue
		}
		w.WriteByte(l.op)
		w.WriteString(l.text)
		if strings.HasSuffix(l.text, "\n") {
			if wild && chance(d, 1) {
				w.WriteString(pick(d, plainMarker, "\\ 23456789 \n", "\\ 234567890 \n", "\\x\n"))
			}
			continue
		}
		switch {
		case wild && chance(d, 4):
			w.WriteString("\n")
		case chance(d, 15):
			w.WriteString("\n" + pick(d, "\\ Kein Zeilenumbruch\n", "\\ 2345678901\n"))
		default:
			w.WriteString("\n" + plainMarker)
		}
	}
}

// spoil changes the hunks of an entry so that they become unusual or wrong.
func spoil(d dice, hunks []genHunk) []genHunk {
	if len(hunks) == 0 {
		return hunks
	}
	i := d.roll(len(hunks))
	h := &hunks[i]
	switch d.roll(10) {
	case 0:
		h.newStart = max(0, h.newStart+d.roll(9)-4)
	case 1:
		h.oldStart = max(0, h.oldStart+d.roll(9)-4)
	case 2:
		h.oldStart, h.newStart = h.oldStart+d.roll(20), max(0, h.newStart+d.roll(20)-d.roll(20))
	case 3:
		j := d.roll(len(hunks))
		hunks[i], hunks[j] = hunks[j], hunks[i]
	case 4:
		hunks = append(hunks, *h)
	case 5:
		h.oldCount = max(0, h.oldCount+d.roll(3)-1)
	case 6:
		h.newCount = max(0, h.newCount+d.roll(3)-1)
	case 7: // less context above
		for len(h.lines) > 1 && h.lines[0].op == ' ' && chance(d, 70) {
			h.lines = h.lines[1:]
			h.oldStart, h.newStart = h.oldStart+1, h.newStart+1
		}
		h.count()
	case 8: // less context below
		for n := len(h.lines); n > 1 && h.lines[n-1].op == ' ' && chance(d, 70); n-- {
			h.lines = h.lines[:n-1]
		}
		h.count()
	case 9:
		h.oldStart, h.newStart = pick(d, 0, 1, 2, h.oldStart), pick(d, h.newStart, 0, 1, 1<<31, 99)
	}
	return hunks
}

// drift changes a text as a tree differs from the one a diff was made for.
func drift(d dice, text []string) []string {
	ended := len(text) == 0 || strings.HasSuffix(text[len(text)-1], "\n")
	out := wholeLines(text)
	for range d.roll(3) {
		at := d.roll(len(out) + 1)
		switch d.roll(4) {
		case 0:
			for range 1 + d.roll(6) {
				out = slices.Insert(out, at, pick(d, "x\n", "y\n", "a\n", "b\n"))
			}
		case 1:
			out = slices.Delete(out, at, min(at+1+d.roll(2), len(out)))
		case 2: // a copy of a block
			from := d.roll(len(out) + 1)
			out = slices.Insert(out, at, slices.Clone(out[from:min(from+d.roll(10), len(out))])...)
		case 3:
			if at < len(out) {
				out[at] = pick(d, " "+out[at], strings.TrimSuffix(out[at], "\n")+" \n", "z\n", strings.TrimSuffix(out[at], "\n")+"\r\n")
			}
		}
	}
	if n := len(out); n > 0 && (!ended != chance(d, 3)) && out[n-1] != "\n" {
		out[n-1] = strings.TrimSuffix(out[n-1], "\n")
	}
	return out
}

// A genFile is one file before and after a change.
type genFile struct {
	path     string
	old, new []string // nil: no file
}

func genFiles(d dice, n int) []genFile {
	names := []string{"f", "lib/a.txt", "lib/deep/b.txt", "lib/deep/c", "web/x y.txt", "web/ü.txt", "vendor/m/n/o.php"}
	files := make([]genFile, 0, n)
	for range n {
		k := d.roll(len(names))
		f := genFile{path: names[k]}
		names = slices.Delete(names, k, k+1)
		text := genText(d)
		switch k := d.roll(100); {
		case k < 10:
			f.new = genEdit(d, []string{})
		case k < 20:
			f.old = text
		case k < 24:
			f.old, f.new = text, []string{}
		case k < 28:
			f.old, f.new = []string{}, text
		default:
			f.old, f.new = text, genEdit(d, text)
		}
		files = append(files, f)
	}
	return files
}

func joined(text []string) []byte { return []byte(strings.Join(text, "")) }
