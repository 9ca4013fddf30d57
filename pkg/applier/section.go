package applier

import (
	"bytes"
	"strings"
)

// A Section is a stretch of a diff's text: the change of one file with the headers that announce it, or what stands
// before, between and after the changes. The texts of all sections, joined, are the diff.
type Section struct {
	Text []byte
	// Line is the 1-based line of the diff at which the section begins.
	Line int
	// Change is set if the section changes a file, Binary if it does so in a way that [Parse] does not support.
	Change, Binary bool
	// Names are where paths stand in the text of a change, in order.
	Names []Name
}

// A Name is a path in the headers of a change.
type Name struct {
	// Start and End are where it stands in the section's text, quotes included.
	Start, End int
	// Path is as it is written, without quotes, with a prefix such as a/ if it has one.
	Path string
	New  bool // on the new side
	Kind NameKind
}

// A NameKind says what kind of header a name stands in.
type NameKind int

// The kinds of names.
const (
	// HunkName stands behind ---, +++ or "diff" and has a prefix if the diff has prefixes.
	HunkName NameKind = iota
	// MoveName stands behind "rename from" and its like and never has the first component of a prefix.
	MoveName
	// IndexName stands behind "Index:", for people alone.
	IndexName
)

// Sections cuts a diff into its sections, by the same rules as [Parse]. It does not look at what the paths are. The
// error is a [*ParseError]: for a truncated or corrupt hunk, for a hunk outside a file, and for input without changes.
func Sections(src []byte) ([]Section, error) {
	c := cutter{scanner: scanner{src: src, strip: 1}, lead: -1}
	found := false
	for !c.done() {
		line := c.peek()
		switch {
		case bytes.HasPrefix(line, []byte("@@ -")):
			if _, ok := parseHunkHeader(line); ok {
				return nil, &ParseError{c.number(), "a hunk without a file header before it (stray lines between hunks, or wrong counts above)"}
			}
			c.pass()
		case bytes.HasPrefix(line, []byte("diff --git ")):
			ok, err := c.gitChange()
			if err != nil {
				return nil, err
			}
			found = found || ok
		case c.atEntry():
			c.announce()
			if err := c.change(); err != nil {
				return nil, err
			}
			found = true
		case bytes.HasPrefix(line, []byte("Index: ")):
			c.announce()
			name := bytes.TrimRight(line[len("Index: "):], "\r\n")
			c.name(c.pos+len("Index: "), name, false, IndexName)
			c.next()
		case bytes.HasPrefix(line, []byte("diff -")):
			c.announce()
			c.diffLine(line)
			c.next()
		case c.lead >= 0 && isFiller(line):
			c.next()
		default:
			c.pass()
		}
	}
	c.prose(c.pos)
	if !found {
		return nil, &ParseError{0, describeNonDiff(src)}
	}
	return c.sections, nil
}

// isFiller reports whether a line stands between one that names the file and the change: a blank one, or as PhpStorm writes
// them behind "Index:" and Adobe behind a "diff" without "--git".
func isFiller(line []byte) bool {
	if len(bytes.TrimSpace(line)) == 0 {
		return true
	}
	for _, prefix := range []string{
		"=====", "IDEA additional info:", "Subsystem: ", "<+>", "index ", "new file mode ", "deleted file mode ", "old mode ", "new mode ",
	} {
		if bytes.HasPrefix(line, []byte(prefix)) {
			return true
		}
	}
	return false
}

// A cutter gathers sections.
type cutter struct {
	scanner
	sections []Section
	names    []Name // of the lines since lead, by their place in src

	end, endLine   int // of the last section, and the lines before it
	lead, leadLine int // where lines that announce a change begin, or -1
}

// announce has the line at the position belong to the change that follows.
func (c *cutter) announce() {
	if c.lead < 0 {
		c.lead, c.leadLine, c.names = c.pos, c.line, nil
	}
}

// pass goes over a line that is no part of a change.
func (c *cutter) pass() {
	c.next()
	c.lead = -1
}

// prose ends what is no part of a change.
func (c *cutter) prose(end int) {
	if end > c.end {
		c.sections = append(c.sections, Section{Text: c.src[c.end:end], Line: c.endLine + 1})
	}
}

// finish makes a section of all since lead.
func (c *cutter) finish(binary bool) {
	c.prose(c.lead)
	s := Section{Text: c.src[c.lead:c.pos], Line: c.leadLine + 1, Change: true, Binary: binary, Names: c.names}
	for i := range s.Names {
		s.Names[i].Start -= c.lead
		s.Names[i].End -= c.lead
	}
	c.sections = append(c.sections, s)
	c.end, c.endLine, c.lead, c.names = c.pos, c.line, -1, nil
}

// name notes a name that stands at a place of src, as it is written.
func (c *cutter) name(at int, raw []byte, isNew bool, kind NameKind) {
	path := string(raw)
	if strings.HasPrefix(path, `"`) {
		if unquoted, _, ok := unquote(path); ok {
			path = unquoted
		}
	}
	if path != "" && path != "/dev/null" {
		c.names = append(c.names, Name{at, at + len(raw), path, isNew, kind})
	}
}

// change reads the --- and +++ lines and the hunks.
func (c *cutter) change() error {
	at := c.pos
	oldLine := c.peek()
	newLine := firstLine(c.src[at+len(oldLine):])
	for _, l := range []struct {
		at    int
		line  []byte
		isNew bool
	}{{at + 4, oldLine[4:], false}, {at + len(oldLine) + 4, newLine[4:], true}} {
		if !isDevNull(l.line) {
			c.name(l.at, rawName(l.line), l.isNew, HunkName)
		}
	}
	if _, err := c.entry(nil); err != nil {
		return err
	}
	c.finish(false)
	return nil
}

// rawName cuts the name out of a header line as fileName does, quotes included.
func rawName(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	if len(line) > 0 && line[0] == '"' {
		if _, rest, ok := unquote(string(line)); ok {
			return line[:len(line)-len(rest)]
		}
	}
	if at := findTimestamp(line); at != nil {
		return line[:at[0]]
	}
	if i := bytes.IndexAny(line, "\t\r"); i >= 0 {
		return line[:i]
	}
	return line
}

// gitChange reads a git header and the change that it announces. It reports false if there is none.
func (c *cutter) gitChange() (bool, error) {
	c.announce()
	at, line := c.pos, c.peek()
	header, err := c.gitHeader()
	if err != nil {
		return false, err
	}
	const start = len("diff --git ")
	args := bytes.TrimRight(line[start:], "\r\n")
	if first, second, ok := gitNames(string(args), header); ok {
		c.name(at+start, args[:first], false, HunkName)
		c.name(at+start+second, args[second:], true, HunkName)
	}
	for pos := at + len(line); pos < c.pos; {
		line := firstLine(c.src[pos:c.pos])
		for _, prefix := range []string{"rename from ", "rename to ", "copy from ", "copy to "} {
			if value, ok := bytes.CutPrefix(line, []byte(prefix)); ok {
				c.name(pos+len(prefix), bytes.TrimRight(value, "\r\n"), strings.HasSuffix(prefix, " to "), MoveName)
			}
		}
		pos += len(line)
	}
	if c.atEntry() {
		return true, c.change()
	}
	if header.binary {
		for !c.done() && !bytes.HasPrefix(c.peek(), []byte("diff ")) && !c.atEntry() {
			c.next()
		}
		c.finish(true)
		return true, nil
	}
	_, ok, err := header.bareEntry()
	if err != nil {
		return false, err
	}
	if ok {
		c.finish(false)
	}
	return ok, nil
}

// gitNames finds the two names behind "diff --git ": where the first ends and where the second begins.
func gitNames(args string, header *gitHeader) (end, start int, ok bool) {
	if strings.HasPrefix(args, `"`) {
		_, rest, ok := unquote(args)
		end := len(args) - len(rest)
		return end, end + 1, ok && strings.HasPrefix(rest, " ") && len(rest) > 1
	}
	if strings.HasSuffix(args, `"`) {
		i := strings.Index(args, ` "`)
		return i, i + 1, i > 0
	}
	const longest = 1 << 13 // no two paths are longer
	if len(args) > longest {
		return 0, 0, false
	}
	spaces := 0
	for i := range len(args) {
		if args[i] != ' ' || i == 0 || i+1 == len(args) {
			continue
		}
		spaces++
		end, start = i, i+1
		a, b := args[:i], args[i+1:]
		if header.moved() {
			if strings.HasSuffix(a, header.from) && strings.HasSuffix(b, header.to) {
				return i, i + 1, true
			}
			continue
		}
		if a == b {
			return i, i + 1, true
		}
		pathA, okA := stripComponents(a, 1)
		pathB, okB := stripComponents(b, 1)
		if okA && okB && pathA == pathB {
			return i, i + 1, true
		}
	}
	return end, start, spaces == 1
}

// diffLine notes the names at the end of a line with which diff says how it was called.
func (c *cutter) diffLine(line []byte) {
	line = bytes.TrimRight(line, "\r\n")
	second := bytes.LastIndexByte(line, ' ') + 1
	if second < 2 {
		return
	}
	first := bytes.LastIndexByte(line[:second-1], ' ') + 1
	a, b := line[first:second-1], line[second:]
	if first > 0 && bytes.IndexByte(a, '/') >= 0 && bytes.IndexByte(b, '/') >= 0 {
		c.name(c.pos+first, a, false, HunkName)
		c.name(c.pos+second, b, true, HunkName)
	}
}

// Rename returns the section's text with each name replaced by what to says. A name that stays keeps its spelling,
// quotes and escapes included; of one that changes, the end that stays does.
func (s *Section) Rename(to func(Name) string) []byte {
	var b bytes.Buffer
	b.Grow(len(s.Text) + 64)
	at := 0
	for _, n := range s.Names {
		b.Write(s.Text[at:n.Start])
		b.WriteString(respell(string(s.Text[n.Start:n.End]), n.Path, to(n)))
		at = n.End
	}
	b.Write(s.Text[at:])
	return b.Bytes()
}

// respell writes a path in place of another, which is spelled as raw.
func respell(raw, from, to string) string {
	if from == to {
		return raw
	}
	// What both end in may be spelled with escapes, which stay.
	same := 0
	for i := 1; i <= min(len(from), len(to)) && from[len(from)-i] == to[len(to)-i]; i++ {
		if from[len(from)-i] == '/' {
			same = i
		}
	}
	if len(from) < len(to) && strings.HasSuffix(to, "/"+from) {
		same = len(from)
	}
	if len(to) < len(from) && strings.HasSuffix(from, "/"+to) {
		same = len(to)
	}
	oldHead, newHead := from[:len(from)-same], to[:len(to)-same]
	quote := ""
	if strings.HasPrefix(raw, `"`) && raw != from {
		quote = `"`
	}
	if rest, ok := strings.CutPrefix(raw, quote+oldHead); ok && QuoteName(newHead) == newHead {
		return quote + newHead + rest
	}
	return QuoteName(to)
}
