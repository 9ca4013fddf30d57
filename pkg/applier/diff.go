// Package applier reads unified diffs and applies them, forward or in reverse,
// to an in-memory [Overlay] of a tree. It decides as `git apply` decides: what
// fits, where it fits and what comes out, byte for byte. Nothing here writes to
// a disk.
package applier

import (
	"io/fs"
	"slices"
)

// Direction says whether a diff is put in or taken out.
type Direction bool

const (
	// Forward puts a diff in.
	Forward Direction = false
	// Reverse takes a diff out again.
	Reverse Direction = true
)

// String returns "forward" or "reverse".
func (d Direction) String() string {
	if d == Reverse {
		return "reverse"
	}
	return "forward"
}

// Presence says whether a side of an entry exists.
type Presence uint8

const (
	// Open is a side that the diff leaves open: a single hunk with no lines on
	// that side and no word about creation or deletion. Such a side matches a
	// missing file and an empty one, and is written as an empty one.
	Open Presence = iota
	// Present is a side that exists.
	Present
	// Absent is a side that does not: the old side of a creation, the new side of a deletion.
	Absent
)

// A Side is what an entry says about its file before or after the change.
type Side struct {
	// Path is slash-separated and relative to the root, one leading component
	// (a/, b/) already stripped. Both sides of an entry have one, also an absent side.
	Path     string
	Presence Presence
	// Mode is what a git header states, with [fs.ModeSymlink] for a link, else 0.
	Mode fs.FileMode
	// Blob is the object name, at least seven digits of it, that a git header gives to the
	// content, or "". It is told, not relied on.
	Blob string

	// emptyCounts marks an absent side that an empty file satisfies too: tools that
	// do not read git headers leave one there.
	emptyCounts bool
}

// An Entry is the change of one file.
type Entry struct {
	Old, New Side
	Hunks    []Hunk
	// Copy is set when the old file stays although the paths differ.
	Copy bool
	// DiffLine is the 1-based line in the diff at which the entry begins.
	DiffLine int

	// incidental marks the creation or deletion of an empty file beside other
	// changes. Tools that do not read git headers leave it out, so that finding it
	// undone or already done refuses nothing.
	incidental bool
}

// Rename reports whether the entry moves its file.
func (e *Entry) Rename() bool { return e.Old.Path != e.New.Path && !e.Copy }

// Path is the path that names the entry to a reader: the new one, unless it is deleted.
func (e *Entry) Path() string {
	if e.New.Presence == Absent {
		return e.Old.Path
	}
	return e.New.Path
}

// in returns the entry as seen in direction d.
func (e *Entry) in(d Direction) *Entry {
	if d == Forward {
		return e
	}
	r := *e
	r.Old, r.New = e.New, e.Old
	if e.Copy {
		r.New.Presence = Absent
	}
	r.Hunks = make([]Hunk, len(e.Hunks))
	for i, h := range e.Hunks {
		h.OldStart, h.NewStart = h.NewStart, h.OldStart
		h.OldCount, h.NewCount = h.NewCount, h.OldCount
		h.old, h.new = h.new, h.old
		r.Hunks[i] = h
	}
	return &r
}

// A Diff is a parsed diff: the changes of any number of files, in the order in
// which they are made. It is not changed after [Parse] and may be shared.
type Diff struct {
	Entries []Entry
}

// Paths returns every path that the diff reads or writes, sorted, each once.
func (d *Diff) Paths() []string {
	var paths []string
	for i := range d.Entries {
		paths = append(paths, d.Entries[i].Old.Path, d.Entries[i].New.Path)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// Relocate returns the diff with every path replaced by what to says. It serves
// installations that keep a package elsewhere than the diff supposes.
func (d *Diff) Relocate(to func(path string) string) *Diff {
	entries := slices.Clone(d.Entries)
	for i := range entries {
		entries[i].Old.Path = to(entries[i].Old.Path)
		entries[i].New.Path = to(entries[i].New.Path)
	}
	return &Diff{Entries: entries}
}
