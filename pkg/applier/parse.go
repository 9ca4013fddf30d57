package applier

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// A ParseError says why, and at which line, an input is not a usable diff.
type ParseError struct {
	// Line is 1-based; 0 when the input as a whole is meant.
	Line   int
	Reason string
}

func (e *ParseError) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
}

// Parse reads a diff. What surrounds the entries (mail headers, "Index:" lines, a
// signature) is skipped as `git apply` skips it. Line endings, NUL bytes and invalid
// UTF-8 in hunks are kept.
//
// Entries and hunks are found and counted here, by git's rules; the lines stay where
// they are in src, which must not be changed afterwards. go-diff reads a hunk into
// lines for those who want to see them ([Hunk.Lines]).
//
// A `diff --git` header is honoured: modes, renames, copies, empty files,
// deletions. The error is a [*ParseError]: for input without any entry, for a
// truncated or corrupt hunk, for a hunk outside a file, for a header that
// contradicts its hunks, for a binary change, and for a path that is absolute, has
// a component "..", or reaches into .git.
func Parse(src []byte) (*Diff, error) {
	s := scanner{src: src, strip: 1}
	d := &Diff{}
	var header *gitHeader
	flush := func() error {
		if header == nil {
			return nil
		}
		entry, ok, err := header.bareEntry()
		if err == nil && ok {
			d.Entries = append(d.Entries, entry)
		}
		header = nil
		return err
	}
	for !s.done() {
		at := s.number()
		line := s.peek()
		switch {
		case bytes.HasPrefix(line, []byte("@@ -")):
			if _, ok := parseHunkHeader(line); ok {
				return nil, &ParseError{at, "a hunk without a file header before it (stray lines between hunks, or wrong counts above)"}
			}
			s.next()
		case bytes.HasPrefix(line, []byte("diff --git ")):
			if err := flush(); err != nil {
				return nil, err
			}
			var err error
			if header, err = s.gitHeader(); err != nil {
				return nil, err
			}
			if !s.atEntry() { // then what follows is not about the file of the header
				if err := flush(); err != nil {
					return nil, err
				}
			}
		case s.atEntry():
			entry, err := s.entry(header)
			if err != nil {
				return nil, err
			}
			header = nil
			d.Entries = append(d.Entries, *entry)
		default:
			s.next()
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	if len(d.Entries) == 0 {
		return nil, &ParseError{0, describeNonDiff(src)}
	}
	hoistCopies(d.Entries)
	hunks := slices.ContainsFunc(d.Entries, func(e Entry) bool { return len(e.Hunks) > 0 })
	for i := range d.Entries {
		e := &d.Entries[i]
		e.incidental = hunks && len(e.Hunks) == 0 && (e.Old.Presence == Absent || e.New.Presence == Absent)
		for _, p := range []string{e.Old.Path, e.New.Path} {
			if reason := badPath(p); reason != "" {
				return nil, &ParseError{e.DiffLine, fmt.Sprintf("invalid path %q: %s", p, reason)}
			}
		}
	}
	return d, nil
}

// hoistCopies moves every copy before the changes of its source: git makes a copy of
// what was there before the diff.
func hoistCopies(entries []Entry) {
	if !slices.ContainsFunc(entries, func(e Entry) bool { return e.Copy }) {
		return
	}
	type placed struct {
		at int // the index before which the entry belongs
		Entry
	}
	order := make([]placed, len(entries))
	changed := map[string]int{} // by path, the first of the changes since it was made
	touched := map[string]int{} // by path, the last entry about it
	for i := range entries {
		e := &entries[i]
		order[i] = placed{i + 1, *e}
		source, target := e.Old.Path, e.New.Path
		if at, ok := changed[source]; ok && e.Copy {
			if last, ok := touched[target]; !ok || last < at {
				order[i].at = at
			}
		}
		if _, ok := changed[target]; !ok && op(e) == Modify {
			changed[target] = i
		} else if op(e) != Modify {
			delete(changed, target)
		}
		touched[source], touched[target] = i, i
	}
	slices.SortStableFunc(order, func(a, b placed) int { return a.at - b.at })
	for i := range order {
		entries[i] = order[i].Entry
	}
}

// describeNonDiff says what an input without entries seems to be.
func describeNonDiff(src []byte) string {
	text := bytes.ToLower(bytes.TrimSpace(src[:min(len(src), 1024)]))
	switch {
	case len(text) == 0:
		return "the file is empty"
	case bytes.HasPrefix(text, []byte("<!doctype")), bytes.HasPrefix(text, []byte("<html")):
		return "not a diff but an HTML page (an error page or a login form in place of the download?)"
	case bytes.HasPrefix(src, []byte("\xff\xfe")), bytes.HasPrefix(src, []byte("\xfe\xff")):
		return "its text is in UTF-16, as PowerShell writes what > redirects; save it in UTF-8"
	}
	return "not a unified diff: no file header (--- and +++) followed by a hunk (@@) was found"
}

// A scanner walks the lines of a diff. Lines end at a line feed only.
type scanner struct {
	src   []byte
	pos   int
	line  int // lines before pos
	strip int // leading path components to remove: 1, or 0 once names had none
}

func (s *scanner) done() bool  { return s.pos >= len(s.src) }
func (s *scanner) number() int { return s.line + 1 }

// peek returns the line at the position, with its line feed if it has one.
func (s *scanner) peek() []byte { return firstLine(s.src[s.pos:]) }

func (s *scanner) next() []byte {
	line := s.peek()
	s.pos += len(line)
	s.line++
	return line
}

func firstLine(b []byte) []byte {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i+1]
	}
	return b
}

// minName is how many bytes the first line of an entry has at least, its line feed
// included. git passes over shorter lines.
const minName = 6

// atEntry reports whether three lines begin here that open an entry.
func (s *scanner) atEntry() bool {
	rest := s.src[s.pos:]
	if len(firstLine(rest)) < minName {
		return false
	}
	for _, prefix := range []string{"--- ", "+++ ", "@@ -"} {
		if !bytes.HasPrefix(rest, []byte(prefix)) {
			return false
		}
		rest = rest[len(firstLine(rest)):]
	}
	return true
}

// entry reads the entry at the position, under the git header before it, if any.
func (s *scanner) entry(header *gitHeader) (*Entry, error) {
	e := &Entry{DiffLine: s.number()}
	oldLine, newLine := s.next()[4:], s.next()[4:]
	if err := s.names(e, oldLine, newLine); err != nil {
		return nil, err
	}
	for !s.done() && bytes.HasPrefix(s.peek(), []byte("@@ -")) {
		h, err := s.hunk()
		if err != nil {
			return nil, err
		}
		h.Number = len(e.Hunks) + 1
		e.Hunks = append(e.Hunks, h)
	}
	if err := e.settle(); err != nil {
		return nil, err
	}
	if header != nil {
		if err := header.amend(e); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// settle decides what the names left open by looking at the hunks.
func (e *Entry) settle() error {
	var oldLines, newLines int
	for _, h := range e.Hunks {
		oldLines += h.OldCount
		newLines += h.NewCount
	}
	single := len(e.Hunks) == 1
	for _, side := range []struct {
		s     *Side
		lines int
		what  string
	}{
		{&e.Old, oldLines, "creates a file, but its hunks have old lines"},
		{&e.New, newLines, "deletes a file, but its hunks have new lines"},
	} {
		if side.s.Presence == Absent && side.lines > 0 {
			return &ParseError{e.DiffLine, fmt.Sprintf("the header of %q %s", e.Path(), side.what)}
		}
		if side.s.Presence == Open && (side.lines > 0 || !single) {
			side.s.Presence = Present
		}
	}
	return nil
}

// hunkNumbers are the four numbers of a hunk header.
type hunkNumbers struct{ oldStart, oldCount, newStart, newCount int }

// parseHunkHeader reads "@@ -N[,N] +N[,N] @@" and ignores what follows in the line,
// which has to end in a line feed.
func parseHunkHeader(line []byte) (n hunkNumbers, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte("@@ -"))
	if ok {
		n.oldStart, n.oldCount, rest, ok = parseRange(rest)
	}
	if ok {
		rest, ok = bytes.CutPrefix(rest, []byte(" +"))
	}
	if ok {
		n.newStart, n.newCount, rest, ok = parseRange(rest)
	}
	return n, ok && bytes.HasPrefix(rest, []byte(" @@")) && bytes.HasSuffix(rest, []byte("\n"))
}

func parseRange(b []byte) (start, count int, rest []byte, ok bool) {
	if start, b, ok = parseNumber(b); !ok {
		return 0, 0, nil, false
	}
	if len(b) == 0 || b[0] != ',' {
		return start, 1, b, true
	}
	count, b, ok = parseNumber(b[1:])
	return start, count, b, ok
}

// parseNumber reads digits; a number beyond 31 bits is as good as the largest.
func parseNumber(b []byte) (n int, rest []byte, ok bool) {
	i := 0
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		n = min(n*10+int(b[i]-'0'), math.MaxInt32)
		i++
	}
	return n, b[i:], i > 0
}

// minMarker is the length, line feed included, from which git takes a line that
// starts with a backslash and a space for a "\ No newline at end of file" in any language.
const minMarker = 12

func isMarker(line []byte) bool { return bytes.HasPrefix(line, []byte(`\ `)) }

// hunk reads one hunk: as many lines as its header counts, and a marker after them.
func (s *scanner) hunk() (Hunk, error) {
	at := s.number()
	n, ok := parseHunkHeader(s.next())
	if !ok {
		return Hunk{}, &ParseError{at, "corrupt hunk header, expected @@ -N,N +N,N @@"}
	}
	const plenty = 256 // a count may claim anything
	h := Hunk{
		OldStart: n.oldStart, OldCount: n.oldCount, NewStart: n.newStart, NewCount: n.newCount, DiffLine: at,
		old: make([][]byte, 0, min(n.oldCount, plenty)), new: make([][]byte, 0, min(n.newCount, plenty)),
	}
	begin := s.pos
	last := byte('\n') // the operation of the line before, as far as a marker is about it
	changed := false
	for oldLeft, newLeft := n.oldCount, n.newCount; oldLeft > 0 || newLeft > 0; {
		if s.done() {
			return Hunk{}, s.corrupt(at, fmt.Sprintf("the diff ends %s early", lines(max(oldLeft, newLeft))))
		}
		line := s.peek()
		if line[len(line)-1] != '\n' {
			return Hunk{}, s.corrupt(at, "the last line is cut off")
		}
		text := line[1:len(line):len(line)]
		switch line[0] {
		case '\n':
			text = line[:1:1]
			fallthrough
		case ' ':
			oldLeft, newLeft, last = oldLeft-1, newLeft-1, ' '
		case '-':
			oldLeft, changed, last = oldLeft-1, true, '-'
		case '+':
			newLeft, changed, last = newLeft-1, true, '+'
		case '\\':
			if !isMarker(line) || len(line) < minMarker {
				return Hunk{}, s.corrupt(at, "expected a line that starts with a space, +, - or a no-newline marker")
			}
			h.endWithout(last)
			s.next()
			continue
		default:
			return Hunk{}, s.corrupt(at, "expected a line that starts with a space, + or -")
		}
		if oldLeft < 0 || newLeft < 0 {
			return Hunk{}, s.corrupt(at, "more lines than the hunk header counts")
		}
		h.add(last, text)
		s.next()
	}
	if !changed {
		return Hunk{}, &ParseError{at, "corrupt hunk: it changes nothing"}
	}
	if rest := s.src[s.pos:]; len(rest) > minMarker && isMarker(rest) {
		h.endWithout(last)
		s.next()
	}
	h.body = s.src[begin:s.pos:s.pos]
	return h, nil
}

func (s *scanner) corrupt(hunkLine int, reason string) error {
	return &ParseError{s.number(), fmt.Sprintf("corrupt hunk (it begins at line %d): %s", hunkLine, reason)}
}

func lines(n int) string {
	if n == 1 {
		return "1 line"
	}
	return strconv.Itoa(n) + " lines"
}
