package applier

import "bytes"

// A placement says how a hunk is to be matched against an image.
type placement struct {
	// at is the 0-based line where the search begins.
	at int
	// atStart and atEnd pin the match to the first and the last line.
	atStart, atEnd bool
	// exact allows no other line than at.
	exact bool
}

// place derives the placement of a hunk by git's rules: the search begins at the
// stated new start, an old start of 0 or 1 pins the hunk to the first line, missing
// trailing context pins it to the end. A hunk without any context that cannot come
// from a diff with context (it does not begin at line 1) stays at its stated line
// instead; git would take it to the end of the file.
func (h *Hunk) place() placement {
	if h.leading == 0 && h.trailing == 0 && (beyondFirst(h.OldStart, h.OldCount) || beyondFirst(h.NewStart, h.NewCount)) {
		at := h.NewStart
		if h.NewCount > 0 {
			at--
		}
		return placement{at: max(at, 0), exact: true}
	}
	return placement{at: max(h.NewStart-1, 0), atStart: h.OldStart <= 1, atEnd: h.trailing == 0}
}

// beyondFirst reports whether a side of a hunk begins after the first line. A
// start with a count of 0 names the line before.
func beyondFirst(start, count int) bool {
	if count == 0 {
		return start >= 1
	}
	return start >= 2
}

// find returns the 0-based line at which pattern fits, nearest to p.at, the later
// of two at the same distance, or -1. It takes time linear in the image and the pattern;
// what it takes beyond the stated line counts against the image's effort.
func (m *image) find(pattern [][]byte, p placement) int {
	last := m.len() - len(pattern)
	if last < 0 || p.exact && p.at > last || m.exhausted() {
		return -1
	}
	switch {
	case p.exact:
		return m.only(pattern, p.at)
	case p.atStart && p.atEnd && last != 0:
		return -1
	case p.atStart:
		return m.only(pattern, 0)
	case p.atEnd:
		return m.only(pattern, last)
	}
	start := min(p.at, m.len())
	if start <= last && m.fits(pattern, start) {
		return start
	}
	return m.nearest(pattern, start)
}

func (m *image) only(pattern [][]byte, at int) int {
	if m.fits(pattern, at) {
		return at
	}
	return -1
}

// fits reports whether pattern matches at a line. It must not reach beyond the end.
func (m *image) fits(pattern [][]byte, at int) bool {
	for i, want := range pattern {
		if m.isWritten(at+i) || !bytes.Equal(m.line(at+i), want) {
			return false
		}
	}
	return true
}

// nearest searches the whole image for pattern (Knuth, Morris and Pratt, with lines
// for letters).
func (m *image) nearest(pattern [][]byte, start int) int {
	if len(pattern) == 0 {
		return start
	}
	if !m.spend(m.len()) {
		return -1
	}
	border := borders(pattern)
	best, matched := -1, 0
	for i := range m.len() {
		if m.isWritten(i) {
			matched = 0
			continue
		}
		line := m.line(i)
		for matched > 0 && (matched == len(pattern) || !bytes.Equal(line, pattern[matched])) {
			matched = border[matched-1]
		}
		if bytes.Equal(line, pattern[matched]) {
			matched++
		}
		if matched == len(pattern) {
			at := i + 1 - matched
			if best < 0 || distance(at, start) <= distance(best, start) {
				best = at
			}
		}
	}
	return best
}

// borders returns, for each prefix of the pattern, the length of its longest proper
// prefix that is also its suffix.
func borders(pattern [][]byte) []int {
	border := make([]int, len(pattern))
	for i, k := 1, 0; i < len(pattern); i++ {
		for k > 0 && !bytes.Equal(pattern[i], pattern[k]) {
			k = border[k-1]
		}
		if bytes.Equal(pattern[i], pattern[k]) {
			k++
		}
		border[i] = k
	}
	return border
}

func distance(a, b int) int {
	if a < b {
		return b - a
	}
	return a - b
}

// almost returns the 0-based line at which most lines of pattern match, nearest to
// at, and how many do; 0 if none.
func (m *image) almost(pattern [][]byte, at int) (line, matching int) {
	// Lines that stand in many places of the pattern say little about where it
	// belongs; leaving them out of the vote keeps the work linear.
	const common = 8
	places := map[string][]int{}
	for i, l := range pattern {
		if len(bytes.TrimSpace(l)) > 0 {
			places[string(l)] = append(places[string(l)], i)
		}
	}
	votes := make([]int, m.len())
	for i := range votes {
		l := m.line(i)
		where := places[string(l)]
		if len(where) > common {
			continue
		}
		for _, k := range where {
			if i >= k {
				votes[i-k]++
			}
		}
	}
	for candidate, n := range votes {
		if n == 0 {
			continue
		}
		d, best := distance(candidate, at), distance(line, at)
		if n > matching || n == matching && (d < best || d == best && candidate > line) {
			line, matching = candidate, n
		}
	}
	return line, matching
}
