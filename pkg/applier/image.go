package applier

import (
	"bytes"
	"io/fs"
	"slices"
)

// An image is the text of a file while hunks are put into it. It is a gap buffer: a
// hunk moves the lines between it and the hunk before it, not all that follow, so
// that hunks in order take time linear in the file together.
type image struct {
	// buf holds the lines, and from gap on gapLen places that hold none.
	buf         [][]byte
	gap, gapLen int
	// marks run parallel to buf once it is owned: lines that an earlier hunk of the
	// same entry wrote. No later hunk may match them.
	marks []bool
	owned bool // buf may be changed in place
	// growth is by how many lines the hunks of the entry lengthen the image.
	growth int
	// effort is what hunks far from their stated lines may still cost, in lines.
	effort int
	// room is to be used for buf and marks, unless it is nil.
	room *room
}

// room is memory that an image may take, and gives back when nobody reads it any more.
type room struct {
	lines [][]byte
	marks []bool
}

// searches is how many times over a file may be searched for the hunks of one entry
// that are not where they say. Diffs in use have up to about a hundred hunks; one that
// needs more is made to take time.
const searches = 1024

// newImage returns the image of a file's lines for the hunks of an entry.
func newImage(lines [][]byte, hunks []Hunk) *image {
	m := &image{buf: lines}
	total := len(lines)
	for i := range hunks {
		m.growth += len(hunks[i].new) - len(hunks[i].old)
		total += len(hunks[i].new)
	}
	m.effort = searches * (total + 1)
	return m
}

// spend takes cost from what the hunks may take, and reports whether there was enough.
func (m *image) spend(cost int) bool {
	m.effort -= cost
	return m.effort >= 0
}

// exhausted reports whether the search was given up.
func (m *image) exhausted() bool { return m.effort < 0 }

func (m *image) len() int { return len(m.buf) - m.gapLen }

// index is the place of a line in buf.
func (m *image) index(line int) int {
	if line >= m.gap {
		return line + m.gapLen
	}
	return line
}

func (m *image) line(i int) []byte { return m.buf[m.index(i)] }

func (m *image) isWritten(i int) bool { return m.marks != nil && m.marks[m.index(i)] }

// all returns the lines in one piece.
func (m *image) all() [][]byte {
	m.moveGap(m.len())
	return m.buf[:m.len()]
}

// slice returns the lines from one up to another.
func (m *image) slice(from, to int) [][]byte {
	lines := make([][]byte, 0, to-from)
	for i := from; i < to; i++ {
		lines = append(lines, m.line(i))
	}
	return lines
}

// moveGap moves the gap in front of a line, and returns by how many lines.
func (m *image) moveGap(line int) int {
	from := m.gap
	m.gap = line
	if m.gapLen == 0 || line == from {
		return 0
	}
	if line < from {
		copy(m.buf[line+m.gapLen:], m.buf[line:from])
		copy(m.marks[line+m.gapLen:], m.marks[line:from])
		return from - line
	}
	copy(m.buf[from:], m.buf[from+m.gapLen:line+m.gapLen])
	copy(m.marks[from:], m.marks[from+m.gapLen:line+m.gapLen])
	return line - from
}

// own makes room of its own for the image, with the gap in front of a line.
func (m *image) own(line int) {
	shared := m.buf
	size := len(shared) + max(m.growth, 0)
	m.gap, m.gapLen, m.owned = line, size-len(shared), true
	if m.room == nil {
		m.room = new(room)
	}
	m.buf = slices.Grow(m.room.lines[:0], size)[:size]
	copy(m.buf, shared[:line])
	copy(m.buf[line+m.gapLen:], shared[line:])
	m.marks = slices.Grow(m.room.marks[:0], size)[:size]
	clear(m.marks)
}

// replace puts lines in place of n lines at a position, and marks them as written.
func (m *image) replace(at, n int, lines [][]byte) {
	if !m.owned {
		m.own(at)
	}
	m.spend(m.moveGap(at))
	m.gapLen += n
	if m.gapLen < len(lines) {
		// More than the entry needs in the end, since a later hunk shortens the file.
		more := len(lines) + len(m.buf)/2
		m.buf = slices.Insert(m.buf, m.gap, make([][]byte, more)...)
		m.marks = slices.Insert(m.marks, m.gap, make([]bool, more)...)
		m.gapLen += more
	}
	copy(m.buf[m.gap:], lines)
	for i := range lines {
		m.marks[m.gap+i] = true
	}
	m.gap += len(lines)
	m.gapLen -= len(lines)
}

// file returns the image as a file. Unless whole is set its lines must do, and Data is
// left empty: a file that is only asked about is not put together.
func (m *image) file(mode fs.FileMode, whole bool) *File {
	f := &File{Mode: mode}
	lines := m.all()
	for i, l := range lines {
		if i+1 < len(lines) && !bytes.HasSuffix(l, []byte("\n")) || len(l) == 0 {
			whole = true // its lines are others once it is put together
			break
		}
	}
	if whole || mode&fs.ModeSymlink != 0 {
		f.Data = bytes.Join(lines, nil)
		return f
	}
	f.once.Do(func() { f.lines = lines })
	return f
}

// join returns the text of the image.
func (m *image) join() []byte { return bytes.Join(m.all(), nil) }
