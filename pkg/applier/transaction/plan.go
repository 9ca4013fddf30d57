package transaction

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/quality-patches/qpt/pkg/applier"
)

// A plan is a journal and what else it takes to carry it out once.
type plan struct {
	*journal
	files  []*applier.File // by entry: what is to be written
	seen   []info          // by entry: the file that was compared with Old
	owners []info          // by new folder: the nearest folder that is there

	written []info // by entry: the new file, once it is written
}

// plan checks every change against the tree and writes nothing.
func (e *engine) plan(ctx context.Context, changes []applier.Change) (*plan, error) {
	id := make([]byte, 8)
	rand.Read(id)
	p := &plan{journal: &journal{
		ID: hex.EncodeToString(id), Command: e.self.Command, PID: e.self.PID, Host: e.self.Host,
		Started: time.Now().Round(0), Root: e.rootName,
	}}
	w := &walker{engine: e, known: map[string]info{}, made: map[string]bool{}}
	for _, c := range changes {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("stopped before anything was written: %w", err)
		}
		if err := p.add(w, c); err != nil {
			return nil, err
		}
	}
	if err := p.collisions(); err != nil {
		return nil, err
	}
	p.Made, p.owners = w.folders, w.owners
	p.written = make([]info, len(p.Entries))
	for dir := range p.parents() {
		if folder, ok := w.known[dir]; ok {
			p.Times = append(p.Times, stamp{dir, folder.modTime})
		}
	}
	slices.SortFunc(p.Times, func(a, b stamp) int { return strings.Compare(a.Path, b.Path) })
	return p, nil
}

// parents returns the folders in which names are, or may be, added or removed.
func (p *plan) parents() map[string]bool {
	parents := map[string]bool{}
	for _, e := range p.Entries {
		dir := path.Dir(e.Path)
		parents[dir] = true
		for ; e.New == nil && dir != "."; dir = path.Dir(dir) {
			parents[path.Dir(dir)] = true // a deletion may empty folders
		}
	}
	for _, dir := range p.Made {
		parents[path.Dir(dir)] = true
	}
	return parents
}

func (p *plan) add(w *walker, c applier.Change) error {
	if c.Old == nil && c.New == nil {
		return nil
	}
	if err := checkName(c.Path); err != nil {
		return err
	}
	for _, f := range []*applier.File{c.Old, c.New} {
		if f != nil && f.Mode.Type()&^fs.ModeSymlink != 0 {
			return fmt.Errorf("%s: %w", c.Path, applier.ErrNotFile)
		}
	}
	dir, nearest, err := w.resolve(path.Dir(c.Path), c.New != nil && c.Old == nil)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Path, err)
	}
	name := path.Join(dir, path.Base(c.Path))
	if err := checkName(name); err != nil {
		return fmt.Errorf("%s: %w", c.Path, err)
	}
	if c.New != nil && c.New.Mode&fs.ModeSymlink != 0 {
		if text := string(c.New.Data); path.IsAbs(text) || !isBelow(path.Join(dir, text)) {
			return fmt.Errorf("%s: a link to %q %w", c.Path, text, applier.ErrOutside)
		}
	}
	now, file, err := w.read(name)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Path, err)
	}
	if err := compare(c, now, file, func() string { return w.alias(name, now) }); err != nil {
		return err
	}
	entry := entry{Path: name}
	if c.Old != nil {
		entry.Old = &version{sum(file.Data), now.mode & (modeBits | fs.ModeSymlink), now.uid, now.gid}
	}
	if c.New != nil {
		v := &version{sum(c.New.Data), c.New.Mode & (modeBits | fs.ModeSymlink), nearest.uid, nearest.gid}
		if c.Old != nil {
			v.UID, v.GID = now.uid, now.gid
			// The bits beyond rwx are the file's, whatever a change says of them.
			if v.Mode&fs.ModeSymlink == 0 && now.mode.IsRegular() {
				v.Mode = v.Mode.Perm() | now.mode&(modeBits&^fs.ModePerm)
			}
		}
		entry.New = v
	}
	p.Entries = append(p.Entries, entry)
	p.files = append(p.files, c.New)
	p.seen = append(p.seen, now)
	i := len(p.Entries) - 1
	if c.New != nil {
		p.Entries[i].Temp = p.tempName(i)
	}
	if c.Old != nil {
		p.Entries[i].Backup = p.backupName(i)
	}
	return nil
}

// compare checks that a file is what a change was made for.
func compare(c applier.Change, now info, file *applier.File, alias func() string) error {
	changed := func(what string) error {
		return fmt.Errorf("%s %w: %s; nothing was written, run the command again", c.Path, ErrChanged, what)
	}
	switch {
	case c.Old == nil && file == nil:
		return nil
	case c.Old == nil:
		if other := alias(); other != "" {
			return fmt.Errorf("%s: %s is there already, and this file system does not tell upper from lower case: %w", c.Path, other, fs.ErrExist)
		}
		return changed("it has appeared")
	case file == nil:
		return changed("it is gone")
	case c.Old.Mode&fs.ModeSymlink != now.mode&fs.ModeSymlink:
		return changed("a file became a link or a link a file")
	case !bytes.Equal(c.Old.Data, file.Data):
		return changed("its content differs")
	case now.mode.IsRegular() && c.Old.Mode.Perm() != now.mode.Perm():
		return changed(fmt.Sprintf("its mode was %v and is %v", c.Old.Mode.Perm(), now.mode.Perm()))
	}
	return nil
}

// collisions refuses changes that would meet in one file, here or on another file system.
func (p *plan) collisions() error {
	exact, folded := map[string]bool{}, map[string]string{}
	for _, e := range p.Entries {
		if exact[e.Path] {
			return fmt.Errorf("%s would be changed twice in one transaction", e.Path)
		}
		exact[e.Path] = true
		if e.New == nil {
			continue // a rename that changes the case of letters only is fine
		}
		key := fold(e.Path)
		if other, ok := folded[key]; ok {
			return fmt.Errorf("%s and %s differ in upper and lower case only, and would be one file on many systems", other, e.Path)
		}
		folded[key] = e.Path
	}
	for _, e := range p.Entries {
		for dir := path.Dir(e.Path); dir != "."; dir = path.Dir(dir) {
			if exact[dir] {
				return fmt.Errorf("%s cannot be a file and the folder of %s in one transaction", dir, e.Path)
			}
		}
	}
	return nil
}

// fold maps names to the same text that a file system may hold for equal.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}

func isBelow(name string) bool {
	return name != ".." && !strings.HasPrefix(name, "../")
}

// A walker finds out what names lead to.
type walker struct {
	*engine
	known   map[string]info // folders that are there
	made    map[string]bool // folders that are to be made,
	folders []string        // parents first,
	owners  []info          // each below one that is there
}

// maxLinks is how many links a path may lead through.
const maxLinks = 40

// resolve follows the links in the path of a folder as far as they stay below the root.
// It returns the path without links, and the folder itself or, when it is to be made,
// the nearest one that is there.
func (w *walker) resolve(dir string, create bool) (string, info, error) {
	type step struct {
		name     string
		fromLink bool
	}
	split := func(text string, fromLink bool) (steps []step) {
		for name := range strings.SplitSeq(text, "/") {
			if name != "" && name != "." {
				steps = append(steps, step{name, fromLink})
			}
		}
		return steps
	}
	current, links := ".", 0
	here, err := w.folder(".")
	if err != nil {
		return "", info{}, err
	}
	for todo := split(dir, false); len(todo) > 0; {
		next := todo[0]
		todo = todo[1:]
		if next.name == ".." {
			if current == "." {
				return "", info{}, applier.ErrOutside
			}
			current = path.Dir(current)
			if here, err = w.folder(current); err != nil {
				return "", info{}, err
			}
			continue
		}
		if isGit(next.name) {
			return "", info{}, fmt.Errorf("%w: it lies in a git folder", ErrOutOfBounds)
		}
		name := path.Join(current, next.name)
		if w.made[name] {
			current = name
			continue
		}
		i, err := w.folder(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			switch {
			case next.fromLink:
				return "", info{}, fmt.Errorf("%s: a link leads to nothing", name)
			case !create:
				return "", info{}, fmt.Errorf("%w: its folder is gone; nothing was written, run the command again", ErrChanged)
			}
			w.made[name] = true
			w.folders, w.owners = append(w.folders, name), append(w.owners, here)
			current = name
		case err != nil:
			return "", info{}, err
		case i.mode&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return "", info{}, fmt.Errorf("%s: too many links", name)
			}
			text, err := w.tree.Readlink(name)
			if err != nil {
				return "", info{}, err
			}
			if path.IsAbs(text) {
				return "", info{}, fmt.Errorf("%w: %s is a link", applier.ErrOutside, name)
			}
			todo = append(split(text, true), todo...)
		case !i.mode.IsDir():
			return "", info{}, fmt.Errorf("%w: %s", applier.ErrNotFolder, name)
		case sameFile(i, w.stateInfo):
			return "", info{}, fmt.Errorf("%w: in %s qpt keeps its own state", ErrOutOfBounds, name)
		default:
			current, here = name, i
		}
	}
	return current, here, nil
}

// folder is Lstat, remembered for folders.
func (w *walker) folder(name string) (info, error) {
	if i, ok := w.known[name]; ok {
		return i, nil
	}
	i, err := w.tree.Lstat(name)
	if err == nil && i.mode.IsDir() {
		w.known[name] = i
	}
	return i, err
}

// read returns a nil file when there is none.
func (w *walker) read(name string) (info, *applier.File, error) {
	if w.made[path.Dir(name)] {
		return info{}, nil, nil
	}
	return w.engine.read(name)
}

// read returns a nil file when there is none.
func (e *engine) read(name string) (info, *applier.File, error) {
	i, err := e.tree.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return info{}, nil, nil
	}
	if err != nil {
		return info{}, nil, err
	}
	var data []byte
	switch {
	case i.mode&fs.ModeSymlink != 0:
		var text string
		text, err = e.tree.Readlink(name)
		data = []byte(text)
	case i.mode.IsRegular():
		data, err = e.tree.ReadFile(name)
	default:
		return i, nil, applier.ErrNotFile
	}
	if err != nil {
		return i, nil, err
	}
	return i, &applier.File{Data: data, Mode: i.mode}, nil
}

// alias returns the name under which the folder lists a file, when that is not the one it was found by.
func (w *walker) alias(name string, found info) string {
	dir, base := path.Split(name)
	names, err := w.tree.ReadDir(path.Clean("./" + dir))
	if err != nil || slices.Contains(names, base) {
		return ""
	}
	for _, other := range names {
		if fold(other) != fold(base) {
			continue
		}
		if i, err := w.tree.Lstat(path.Join(dir, other)); err == nil && sameFile(i, found) {
			return path.Join(dir, other)
		}
	}
	return ""
}
