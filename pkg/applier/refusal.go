package applier

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// A Reason says why an entry does not fit.
type Reason string

// The reasons for a refusal.
const (
	Missing      Reason = "missing"         // the file does not exist
	Exists       Reason = "exists"          // the file to create is there
	NotFile      Reason = "not-a-file"      // a folder, pipe or device is in its place
	NotFolder    Reason = "not-a-folder"    // a parent is not a folder
	Outside      Reason = "outside"         // a link leads out of the tree
	Unreadable   Reason = "unreadable"      // the file cannot be read
	HunkMismatch Reason = "hunk-mismatch"   // the lines that a hunk expects are not there
	Remains      Reason = "content-remains" // the file to delete holds more than the diff takes out
	TooFar       Reason = "too-far"         // too many hunks of the entry lie far from where they say
)

// A Near is the place in a file that comes closest to what a hunk expects.
type Near struct {
	// Line is the 1-based line at which the hunk would begin.
	Line int
	// Matching of Of lines are as expected.
	Matching, Of int
}

// A Refusal says what does not fit, and where.
type Refusal struct {
	Path   string
	Reason Reason
	// Hunk is the number of the refused hunk, 0 when the whole entry is.
	Hunk int
	// DiffLine is the 1-based line in the diff where the hunk or entry begins.
	DiffLine int
	// Line is the 1-based line of the file where the hunk was expected.
	Line int
	// Expected are the lines that the hunk wants to find; Found are those at its
	// nearest place, or at Line if nothing comes near. Without line feeds.
	Expected, Found []string
	// AlreadyThere is set when the file holds what the hunk would make of it.
	AlreadyThere bool
	// Nearest is nil when no line of the hunk is found.
	Nearest *Near
	// Err is the cause when the file could not be looked at, else nil.
	Err error
}

// String says what was refused in one line.
func (r Refusal) String() string {
	switch r.Reason {
	case Missing:
		return fmt.Sprintf("%s: the file does not exist", r.Path)
	case Exists:
		return fmt.Sprintf("%s: the file to create exists already", r.Path)
	case Remains:
		return fmt.Sprintf("%s: the file to delete holds other content too", r.Path)
	case TooFar:
		return fmt.Sprintf("%s: hunk %d does not fit at line %d, and so many hunks before it were far from their stated lines that no other place is searched for", r.Path, r.Hunk, r.Line)
	case HunkMismatch:
		s := fmt.Sprintf("%s: hunk %d does not fit at line %d", r.Path, r.Hunk, r.Line)
		switch {
		case r.AlreadyThere:
			s += " (its result is there already)"
		case r.Nearest != nil:
			s += fmt.Sprintf(" (nearest at line %d: %d of %d lines as expected)", r.Nearest.Line, r.Nearest.Matching, r.Nearest.Of)
		}
		return s
	}
	cause := r.Err
	var pathErr *fs.PathError
	if errors.As(cause, &pathErr) {
		cause = pathErr.Err // the path is named already
	}
	return fmt.Sprintf("%s: %v", r.Path, cause)
}

// A ConflictError is what does not fit of a diff. It is not an I/O failure: the
// same tree refuses the same diff every time.
type ConflictError struct {
	Direction Direction
	Refusals  []Refusal
}

func (e *ConflictError) Error() string {
	parts := make([]string, len(e.Refusals))
	for i, r := range e.Refusals {
		parts[i] = r.String()
	}
	return strings.Join(parts, "; ")
}

// mismatch explains why a hunk found no place.
func mismatch(e *Entry, h *Hunk, img *image, p placement) Refusal {
	at := min(p.at, img.len())
	r := Refusal{
		Path: e.Old.Path, Reason: HunkMismatch, Hunk: h.Number, DiffLine: h.DiffLine,
		Line: at + 1, Expected: texts(h.old),
	}
	if img.exhausted() {
		r.Reason = TooFar
		return r
	}
	r.AlreadyThere = len(h.new) > 0 && img.find(h.new, p) >= 0
	if line, matching := img.almost(h.old, at); matching > 0 {
		r.Nearest = &Near{Line: line + 1, Matching: matching, Of: len(h.old)}
		at = line
	}
	r.Found = texts(img.slice(at, min(at+len(h.old), img.len())))
	return r
}

func texts(lines [][]byte) []string {
	s := make([]string, len(lines))
	for i, l := range lines {
		s[i] = strings.TrimSuffix(string(l), "\n")
	}
	return s
}
