package applier

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

// A File is the content and mode of a regular file, or the text of a link when
// Mode has [fs.ModeSymlink]. It is never changed once made.
type File struct {
	Data []byte
	Mode fs.FileMode

	once  sync.Once
	lines [][]byte
}

// Lines returns the lines of the file, each with its line feed if it has one. They are
// not to be changed.
func (f *File) Lines() [][]byte {
	f.once.Do(func() {
		f.lines = make([][]byte, 0, bytes.Count(f.Data, []byte("\n"))+1)
		for rest := f.Data; len(rest) > 0; {
			line := firstLine(rest)
			f.lines = append(f.lines, line)
			rest = rest[len(line):]
		}
	})
	return f.lines
}

// Blob returns the name that git gives to the content, in SHA-1.
func (f *File) Blob() string {
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", len(f.Data))
	h.Write(f.Data)
	return hex.EncodeToString(h.Sum(nil))
}

var (
	// ErrNotFile is wrapped by a [Tree] when a name is a folder, a pipe or a device.
	ErrNotFile = errors.New("not a regular file")
	// ErrNotFolder is wrapped by a [Tree] when a parent of a name is no folder.
	ErrNotFolder = errors.New("a parent is not a folder")
	// ErrOutside is wrapped by a [Tree] when a name leaves the tree, for instance through a link.
	ErrOutside = errors.New("leads out of the installation")
)

// A Tree is what an overlay lies upon. Names are slash-separated and relative.
//
// ReadFile wraps [fs.ErrNotExist], [ErrNotFile], [ErrNotFolder] or [ErrOutside]
// where they apply. It must be safe for concurrent use.
type Tree interface {
	ReadFile(name string) (*File, error)
}

// An Overlay is a tree as it would be: every file is read once and remembered,
// every change is staged in memory. Reading is safe for concurrent use, staging is
// not; concurrent work takes a [Overlay.Fork] each.
type Overlay struct {
	under  Tree
	staged map[string]*File // nil: removed
	// folders counts the staged files below each folder. It is nil at first.
	folders map[string]int
	// room holds a *room of images that are done with, for all forks together.
	room *sync.Pool
}

// NewOverlay returns an overlay without changes. It reads each file of the tree at most once.
func NewOverlay(t Tree) *Overlay {
	return &Overlay{under: &cache{tree: t}, staged: map[string]*File{}, room: &sync.Pool{New: func() any { return new(room) }}}
}

// Fork returns an overlay on top of o. What is staged in it does not reach o
// before [Overlay.Merge]; o must not change in the meantime.
func (o *Overlay) Fork() *Overlay {
	return &Overlay{under: o, staged: map[string]*File{}, room: o.room}
}

// Merge stages into o all that is staged in fork, which was forked from it.
func (o *Overlay) Merge(fork *Overlay) {
	for name, f := range fork.staged {
		o.stage(name, f)
	}
}

// ReadFile returns a file as it would be. It makes an overlay a [Tree].
func (o *Overlay) ReadFile(name string) (*File, error) {
	if len(o.staged) > 0 {
		f, staged := o.staged[name]
		if f != nil {
			return f, nil
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if o.staged[dir] != nil {
				return nil, &fs.PathError{Op: "read", Path: name, Err: ErrNotFolder}
			}
		}
		switch {
		case o.folders[name] > 0:
			return nil, &fs.PathError{Op: "read", Path: name, Err: ErrNotFile}
		case staged:
			return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
		}
	}
	return o.under.ReadFile(name)
}

// Write stages a file.
func (o *Overlay) Write(name string, f *File) { o.stage(name, f) }

// Remove stages the removal of a file.
func (o *Overlay) Remove(name string) { o.stage(name, nil) }

func (o *Overlay) stage(name string, f *File) {
	change := 0
	if o.staged[name] != nil {
		change--
	}
	if f != nil {
		change++
	}
	o.staged[name] = f
	if change == 0 {
		return
	}
	if o.folders == nil {
		o.folders = map[string]int{}
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		o.folders[dir] += change
	}
}

// A Change is the difference between an overlay and what it lies upon, for one
// file. Old is nil for a file that is made, New for one that is removed.
type Change struct {
	Path     string
	Old, New *File
}

// Changes returns what differs from the tree underneath, sorted by path. A file
// that was staged with the content and mode it had is not a change.
func (o *Overlay) Changes() ([]Change, error) {
	var changes []Change
	for _, name := range slices.Sorted(maps.Keys(o.staged)) {
		old, err := o.under.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		c := Change{Path: name, Old: old, New: o.staged[name]}
		if c.Old == nil && c.New == nil {
			continue
		}
		if c.Old != nil && c.New != nil && c.Old.Mode == c.New.Mode && bytes.Equal(c.Old.Data, c.New.Data) {
			continue
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// A cache reads each file of a tree once, also when asked concurrently.
type cache struct {
	tree  Tree
	files sync.Map // name → *cached
}

type cached struct {
	once sync.Once
	file *File
	err  error
}

func (c *cache) ReadFile(name string) (*File, error) {
	v, ok := c.files.Load(name)
	if !ok {
		v, _ = c.files.LoadOrStore(name, new(cached))
	}
	entry := v.(*cached)
	entry.once.Do(func() { entry.file, entry.err = c.tree.ReadFile(name) })
	return entry.file, entry.err
}

// A MapTree is a tree in memory, by name.
type MapTree map[string]*File

// ReadFile returns the file of that name.
func (m MapTree) ReadFile(name string) (*File, error) {
	if f, ok := m[name]; ok {
		return f, nil
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, ok := m[dir]; ok {
			return nil, &fs.PathError{Op: "read", Path: name, Err: ErrNotFolder}
		}
	}
	for other := range m {
		if strings.HasPrefix(other, name+"/") {
			return nil, &fs.PathError{Op: "read", Path: name, Err: ErrNotFile}
		}
	}
	return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
}
