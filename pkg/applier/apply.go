package applier

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// An Op is what an entry does to its file.
type Op string

// The things that an entry can do to a file.
const (
	Modify Op = "modify"
	Create Op = "create"
	Delete Op = "delete"
	Rename Op = "rename"
	Copy   Op = "copy"
)

// A HunkResult says where a hunk went.
type HunkResult struct {
	Number int
	// Line is the 1-based line at which the hunk begins in the result.
	Line int
	// Offset is by how many lines that differs from where the hunk says.
	Offset int
}

// A FileResult says what became of one entry.
type FileResult struct {
	Path string
	// From is the former path of a renamed or copied file, else "".
	From  string
	Op    Op
	Hunks []HunkResult
}

// MaxRefusals is how many refusals [Apply] gathers before it gives up. Each takes a
// search of a whole file; a hostile diff could ask for very many.
const MaxRefusals = 200

// Apply stages a diff, in the given direction, and says what it did to which
// file. Every entry sees the result of those before it; in reverse the entries run
// in reverse order. Nothing is staged unless everything fits: else the error is a
// [*ConflictError] that holds every refusal, or the first [MaxRefusals].
func Apply(o *Overlay, d *Diff, dir Direction) ([]FileResult, error) {
	run := run{overlay: o.Fork(), explain: true}
	run.diff(d, dir)
	if len(run.refusals) > 0 {
		return nil, &ConflictError{Direction: dir, Refusals: run.refusals}
	}
	o.Merge(run.overlay)
	return run.results, nil
}

// Fits reports whether a diff could be staged in the given direction, and if so by
// how many lines in all its hunks lie away from where they say. It is quicker than
// [Apply] and explains nothing. To ask about several diffs, one upon the other, give
// them together: in reverse, the last comes out first.
func Fits(o *Overlay, dir Direction, diffs ...*Diff) (displacement int, ok bool) {
	run := run{overlay: o.Fork(), unread: unread(diffs)}
	if dir == Reverse {
		diffs = slices.Clone(diffs)
		slices.Reverse(diffs)
	}
	for _, d := range diffs {
		run.diff(d, dir)
		if len(run.refusals) > 0 {
			return 0, false
		}
	}
	for _, r := range run.results {
		for _, h := range r.Hunks {
			displacement += distance(h.Offset, 0)
		}
	}
	return displacement, true
}

// A run takes the entries of diffs into an overlay.
type run struct {
	overlay  *Overlay
	explain  bool // gather all refusals with their reasons; else stop at the first
	results  []FileResult
	refusals []Refusal

	// unread are paths whose result nobody will ask for: it is not staged, and the
	// room that it took is used again.
	unread map[string]bool
}

// unread returns the paths that one entry of the diffs alone touches.
func unread(diffs []*Diff) map[string]bool {
	alone := map[string]bool{}
	for _, d := range diffs {
		for i := range d.Entries {
			e := &d.Entries[i]
			_, seen := alone[e.New.Path]
			alone[e.New.Path] = !seen
			if e.Old.Path != e.New.Path {
				alone[e.Old.Path] = false
			}
		}
	}
	return alone
}

func (r *run) diff(d *Diff, dir Direction) {
	made := map[string]bool{} // paths that this diff created, which it may create again
	for i := range d.Entries {
		e := &d.Entries[i]
		if dir == Reverse {
			e = d.Entries[len(d.Entries)-1-i].in(Reverse)
		}
		r.entry(e, made)
		if r.enough() {
			return
		}
	}
}

// enough reports whether there is no need to look at more of the diff.
func (r *run) enough() bool {
	return len(r.refusals) >= MaxRefusals || len(r.refusals) > 0 && !r.explain
}

func (r *run) refuse(e *Entry, p string, reason Reason, cause error) {
	r.refusals = append(r.refusals, Refusal{Path: p, Reason: reason, DiffLine: e.DiffLine, Err: cause})
}

// errKind is the cause of refusing a file that is not of the kind that a git header says.
var errKind = errors.New("a link is in place of a file, or a file in place of a link")

// entry stages one entry.
func (r *run) entry(e *Entry, made map[string]bool) {
	result := FileResult{Path: e.Path(), Op: op(e)}
	if result.Op == Rename || result.Op == Copy {
		result.From = e.Old.Path
	}
	old, ok := r.source(e, made)
	if !ok {
		return
	}
	if old == nil && result.Op == Modify { // the diff left it open
		result.Op = Create
	}
	if e.Copy && e.Old.Path == e.New.Path { // the target is there, and taking the copy back would lose it
		r.refuse(e, e.New.Path, Exists, nil)
		return
	}
	for _, side := range []Side{e.Old, e.New} { // a change does not make a link of a file, as in git
		if old != nil && side.Mode != 0 && (side.Mode^old.Mode)&fs.ModeSymlink != 0 {
			r.refuse(e, e.Old.Path, NotFile, errKind)
			return
		}
	}
	if e.New.Presence != Absent && e.New.Path != e.Old.Path && !r.vacant(e, e.New.Path) {
		return
	}
	var lines [][]byte
	if old != nil {
		lines = old.Lines()
	}
	img := newImage(lines, e.Hunks)
	unread := result.Op == Modify && r.unread[e.New.Path] && old != nil && old.Mode&fs.ModeSymlink == 0
	if unread {
		img.room = r.overlay.room.Get().(*room)
		defer func() {
			if img.owned {
				*img.room = room{img.buf, img.marks}
			}
			r.overlay.room.Put(img.room)
		}()
	}
	if result.Hunks, ok = r.hunks(e, img, unread); !ok {
		return
	}
	switch {
	case e.New.Presence == Absent:
		ok = r.remove(e, img)
	case unread:
	default:
		ok = r.write(e, img.file(resultMode(e, old), r.explain))
		made[e.New.Path] = made[e.New.Path] || old == nil
	}
	if ok {
		r.results = append(r.results, result)
	}
}

// hunks puts the hunks of an entry into the image of its file. If the result is not
// read, the last hunk only has to fit.
func (r *run) hunks(e *Entry, img *image, unread bool) (results []HunkResult, ok bool) {
	ok = true
	for i := range e.Hunks {
		h := &e.Hunks[i]
		p := h.place()
		at := img.find(h.old, p)
		if at >= 0 {
			if !unread || i+1 < len(e.Hunks) {
				img.replace(at, len(h.old), h.new)
			}
			results = append(results, HunkResult{Number: h.Number, Line: at + 1, Offset: h.offset(at, p)})
			continue
		}
		ok = false
		if !r.explain {
			r.refusals = append(r.refusals, Refusal{Path: e.Old.Path, Reason: HunkMismatch})
			return nil, false
		}
		r.refusals = append(r.refusals, mismatch(e, h, img, p))
		if r.enough() {
			return nil, false
		}
	}
	return results, ok
}

// remove stages the removal of a file that the hunks have to have emptied.
func (r *run) remove(e *Entry, img *image) bool {
	var rest []byte
	if e.Copy { // taking back a copy leaves the text of its source
		if source, err := r.overlay.ReadFile(e.New.Path); err == nil {
			rest = bytes.Join(source.Lines(), nil)
		}
	}
	if !bytes.Equal(img.join(), rest) {
		r.refuse(e, e.Old.Path, Remains, nil)
		return false
	}
	r.overlay.Remove(e.Old.Path)
	return true
}

// write stages the result of an entry.
func (r *run) write(e *Entry, file *File) bool {
	if reason := badLink(e.New.Path, file); reason != nil {
		r.refuse(e, e.New.Path, Outside, reason)
		return false
	}
	r.overlay.Write(e.New.Path, file)
	if e.Rename() {
		r.overlay.Remove(e.Old.Path)
	}
	return true
}

// offset is how far a hunk at a 0-based line lies from where it says. Anchored and
// empty-sided hunks have nowhere else to go.
func (h *Hunk) offset(at int, p placement) int {
	if len(h.old) == 0 {
		return 0
	}
	return at - p.at
}

func op(e *Entry) Op {
	switch {
	case e.Old.Presence == Absent:
		return Create
	case e.New.Presence == Absent:
		return Delete
	case e.Copy:
		return Copy
	case e.Rename():
		return Rename
	}
	return Modify
}

// source returns the file that an entry starts from, nil if it starts from nothing.
func (r *run) source(e *Entry, made map[string]bool) (old *File, ok bool) {
	p := e.Old.Path
	file, err := r.overlay.ReadFile(p)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !missing:
		r.refuse(e, p, reasonOf(err), err)
	case e.Old.Presence == Absent:
		empty := !missing && len(file.Lines()) == 0
		if missing || made[p] || empty && (e.incidental || e.Old.emptyCounts) {
			return nil, true
		}
		r.refuse(e, p, Exists, nil)
	case missing && e.Old.Presence == Open:
		return nil, true
	case missing && e.incidental:
		return nil, true // nothing is there, nothing needs to be taken away
	case missing:
		r.refuse(e, p, Missing, err)
	default:
		return file, true
	}
	return nil, false
}

// vacant checks that the target of a rename or copy does not exist.
func (r *run) vacant(e *Entry, p string) bool {
	switch _, err := r.overlay.ReadFile(p); {
	case err == nil:
		r.refuse(e, p, Exists, nil)
	case errors.Is(err, fs.ErrNotExist):
		return true
	default:
		r.refuse(e, p, reasonOf(err), err)
	}
	return false
}

func reasonOf(err error) Reason {
	switch {
	case errors.Is(err, ErrNotFile):
		return NotFile
	case errors.Is(err, ErrNotFolder):
		return NotFolder
	case errors.Is(err, ErrOutside):
		return Outside
	}
	return Unreadable
}

// resultMode keeps the mode of an existing file, except for the executable bits that a git
// header sets.
func resultMode(e *Entry, old *File) fs.FileMode {
	stated := e.New.Mode
	switch {
	case old == nil && stated == 0:
		return 0o644
	case old == nil || stated&fs.ModeSymlink != 0:
		return stated
	case stated == 0:
		return old.Mode
	case stated&0o111 == 0:
		return old.Mode &^ 0o111
	}
	// Those who may read may execute, as a shell's chmod +x under a umask would have it.
	return old.Mode | (old.Mode&0o444)>>2
}

// badLink refuses a link that would leave the tree.
func badLink(name string, f *File) error {
	if f.Mode&fs.ModeSymlink == 0 {
		return nil
	}
	target := string(f.Data)
	if target == "" || strings.HasPrefix(target, "/") || !filepath.IsLocal(path.Join(path.Dir(name), target)) {
		return fmt.Errorf("a link to %q %w", target, ErrOutside)
	}
	return nil
}
