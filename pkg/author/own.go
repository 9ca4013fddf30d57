package author

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/catalog/store"
)

// The files of a catalogue.
const (
	entriesFile = "support-patches.json"
	diffsDir    = "patches"
)

// An Own is a catalogue that a shop keeps for itself: a folder in the format of
// magento/quality-patches, which need not be there yet.
type Own struct {
	Dir  string
	text []byte // of its entries, nil if there are none yet
	bom  []byte
}

// OpenOwn reads the entries of a folder.
func OpenOwn(dir string) (*Own, error) {
	o := &Own{Dir: dir}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err == nil && !info.IsDir() {
		err = errors.New("not a folder")
	}
	if err == nil {
		o.text, err = o.read()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err == nil {
		if rest, ok := bytes.CutPrefix(o.text, []byte("\xef\xbb\xbf")); ok {
			o.bom, o.text = o.text[:3], rest
		}
		_, _, err = walk(o.text, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("catalogue %s: %w", filepath.Join(dir, entriesFile), bare(err))
	}
	return o, nil
}

// FS is the folder as far as it is a catalogue of this format. A patches.json may be
// another tool's.
func (o *Own) FS() fs.FS { return withoutForeign{os.DirFS(o.Dir)} }

type withoutForeign struct{ fs.FS }

func (f withoutForeign) Open(name string) (fs.File, error) {
	if name == "patches.json" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return f.FS.Open(name)
}

func (o *Own) read() ([]byte, error) {
	f, err := os.Open(filepath.Join(o.Dir, entriesFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return catalog.ReadAll(f)
}

// bare takes the name of the file off an error that is to name it another way.
func bare(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// Patch returns a patch as it stands in the folder, without regard to case, and why its
// entry is not usable if it is not.
func (o *Own) Patch(id string) (p *catalog.Patch, leftOut string) {
	if o.text == nil {
		return nil, ""
	}
	c := catalog.Load([]catalog.Source{{Name: o.Dir, FS: o.FS()}})
	p, ok := c.Patch(id)
	if ok && !p.Incomplete { // what else is said may concern other catalogues
		return p, ""
	}
	return p, c.LeftOut(id)
}

// idForm is that of ids that can be written: they become names of files.
var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// CheckID refuses what can be no id of a new patch.
func CheckID(id string) error {
	if !idForm.MatchString(id) || strings.HasSuffix(strings.ToLower(id), ".patch") {
		return fmt.Errorf("%q is no id for a patch: letters, digits, dots, dashes and underscores, as in SHOP-17", id)
	}
	return nil
}

// A Draft is an entry to be written. What is empty stays as it is in an entry that is
// there.
type Draft struct {
	ID           string
	Title        string
	Categories   []string
	Requirements string
	Variants     []Variant
}

// A Variant is one diff of a draft.
type Variant struct {
	Package, Constraint string
	// Version is of what the diff was made for; it becomes a part of the file's name.
	Version string
	// Base leaves the package out of that name.
	Base    bool
	Require []string
	Diff    []byte
	// Remove takes a variant out instead.
	Remove bool
}

// A Writing is a catalogue as it would be.
type Writing struct {
	// Files are the names of the variants' diffs in the folder, in the order of the draft;
	// "" for one that is taken out.
	Files []string
	// Entry is the text of the entry.
	Entry []byte

	own     *Own
	text    []byte
	added   map[string][]byte // by name in the folder
	removed []string
}

// Write works out what a draft comes to. Nothing is written before [Writing.Commit].
func (o *Own) Write(d Draft) (*Writing, error) {
	w := &Writing{own: o, text: o.text, added: map[string][]byte{}}
	if w.text == nil {
		w.text = []byte("{}\n")
	}
	old, _ := o.Patch(d.ID)
	if old != nil {
		d.ID = old.ID
	}
	if old == nil {
		entry := object{{"categories", d.Categories}, {"title", d.Title}}
		if d.Requirements != "" {
			entry = append(entry, field{"requirements", d.Requirements})
		}
		w.set(&d, entry)
	} else {
		if d.Title != "" {
			w.set(&d, d.Title, "title")
		}
		if len(d.Categories) > 0 {
			w.set(&d, d.Categories, "categories")
		}
		if d.Requirements != "" {
			w.set(&d, d.Requirements, "requirements")
		}
	}
	for i := range d.Variants {
		if err := w.variant(&d, &d.Variants[i], old); err != nil {
			return nil, err
		}
	}
	if w.text == nil {
		return nil, fmt.Errorf("the entry %s of %s cannot be changed: it is no object of objects", d.ID, entriesFile)
	}
	at, rest, err := walk(w.text, []string{d.ID})
	if err != nil || len(rest) > 0 {
		return nil, errors.Join(err, fmt.Errorf("the entry %s is not in %s", d.ID, entriesFile))
	}
	w.Entry = []byte(at.Raw)
	w.removed = slices.DeleteFunc(w.removed, func(name string) bool {
		return bytes.Contains(w.text, []byte(quote(strings.TrimPrefix(name, diffsDir+"/"))))
	})
	return w, nil
}

// set sets a value of the entry; the text is nil once that failed.
func (w *Writing) set(d *Draft, value any, path ...string) {
	if w.text != nil {
		w.text, _ = set(w.text, append([]string{d.ID}, path...), value)
	}
}

// variant writes one variant, or takes it out.
func (w *Writing) variant(d *Draft, v *Variant, old *catalog.Patch) error {
	at := []string{"packages", v.Package, v.Constraint}
	was := find(old, v)
	if was != nil {
		before, err := was.Text()
		switch {
		case v.Remove:
			w.removed = append(w.removed, path.Join(diffsDir, was.File))
			w.Files = append(w.Files, "")
			return w.drop(d, v)
		case err == nil && bytes.Equal(before, v.Diff): // it stays
			w.Files = append(w.Files, path.Join(diffsDir, was.File))
			if !slices.Equal(was.Require, v.Require) {
				w.require(d, v, at)
			}
			return nil
		}
		w.removed = append(w.removed, path.Join(diffsDir, was.File))
	}
	name, err := w.name(d, v)
	if err != nil {
		return err
	}
	w.added[path.Join(diffsDir, name)] = v.Diff
	w.Files = append(w.Files, path.Join(diffsDir, name))
	if was == nil {
		value := object{{"file", name}}
		if len(v.Require) > 0 {
			value = append(value, field{"require", v.Require})
		}
		w.set(d, value, at...)
		return nil
	}
	w.set(d, name, append(slices.Clone(at), "file")...)
	sum := append(append([]string{d.ID}, at...), "sha256")
	if _, rest, err := walk(w.text, sum); err == nil && len(rest) == 0 { // it is that of the file
		hash := sha256.Sum256(v.Diff)
		w.set(d, hex.EncodeToString(hash[:]), sum[1:]...)
	}
	if !slices.Equal(was.Require, v.Require) {
		w.require(d, v, at)
	}
	return nil
}

// drop takes a variant out, and its package if nothing is left of it.
func (w *Writing) drop(d *Draft, v *Variant) (err error) {
	if w.text == nil {
		return nil
	}
	pkg := []string{d.ID, "packages", v.Package}
	if w.text, err = remove(w.text, append(slices.Clone(pkg), v.Constraint)); err != nil {
		return err
	}
	if at, rest, err := walk(w.text, pkg); err == nil && len(rest) == 0 && !hasMembers(at) {
		w.text, err = remove(w.text, pkg)
		return err
	}
	return nil
}

func (w *Writing) require(d *Draft, v *Variant, at []string) {
	if len(v.Require) > 0 {
		w.set(d, v.Require, append(slices.Clone(at), "require")...)
	} else if w.text != nil {
		w.text, _ = remove(w.text, append(append([]string{d.ID}, at...), "require"))
	}
}

// find returns the variant of the same package and constraint.
func find(p *catalog.Patch, v *Variant) *catalog.Variant {
	if p == nil {
		return nil
	}
	for _, have := range p.Variants {
		if have.Package == v.Package && have.Constraint.String() == v.Constraint {
			return have
		}
	}
	return nil
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9._+-]+`)

// name finds a name that no file has: ID_version.patch, with the package in between if
// that is not the base, and with _v2 and so on as the catalogue of Adobe has it.
func (w *Writing) name(d *Draft, v *Variant) (string, error) {
	name := d.ID + "_"
	if _, short, ok := strings.Cut(v.Package, "/"); ok && !v.Base {
		name += notInNames.ReplaceAllString(short, "-") + "_"
	}
	name += notInNames.ReplaceAllString(v.Version, "-")
	for n := 1; ; n++ {
		full := name + ".patch"
		if n > 1 {
			full = fmt.Sprintf("%s_v%d.patch", name, n)
		}
		if _, taken := w.added[path.Join(diffsDir, full)]; taken {
			continue
		}
		_, err := os.Lstat(filepath.Join(w.own.Dir, diffsDir, full))
		if errors.Is(err, fs.ErrNotExist) {
			return full, nil
		}
		if err != nil {
			return "", err
		}
	}
}

// FS is the folder as it would be.
func (w *Writing) FS() fs.FS {
	f := future{under: w.own.FS(), files: maps.Clone(w.added), gone: map[string]bool{}}
	f.files[entriesFile] = w.text
	for _, name := range w.removed {
		f.gone[name] = true
	}
	return f
}

// Changed reports whether there is anything to write.
func (w *Writing) Changed() bool {
	return len(w.added) > 0 || len(w.removed) > 0 || !bytes.Equal(w.text, w.own.text)
}

// ErrChanged says that somebody else wrote to the catalogue.
var ErrChanged = errors.New("it was changed in the meantime; nothing was written")

// Commit writes the diffs and then, at once, the entry that makes them count. If that
// fails the folder is as it was. Left are diffs that nothing names any more and that could
// not be removed.
func (w *Writing) Commit() (left []string, err error) {
	now, err := w.own.read()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	before := slices.Concat(w.own.bom, w.own.text)
	if !bytes.Equal(now, before) || (now == nil) != (w.own.text == nil) {
		return nil, fmt.Errorf("catalogue %s: %w", w.own.Dir, ErrChanged)
	}
	var undo []string
	defer func() {
		if err != nil {
			for _, name := range slices.Backward(undo) {
				_ = os.Remove(name) // the error that is on its way matters more
			}
		}
	}()
	undo = missing(filepath.Join(w.own.Dir, diffsDir))
	for _, name := range slices.Sorted(maps.Keys(w.added)) {
		file := filepath.Join(w.own.Dir, filepath.FromSlash(name))
		if _, err := os.Lstat(file); err == nil {
			return nil, fmt.Errorf("catalogue %s: %s: %w", w.own.Dir, name, ErrChanged)
		}
		undo = append(undo, file)
		if err := store.WriteFile(file, w.added[name], 0o644); err != nil {
			return nil, fmt.Errorf("write %s: %w", file, bare(err))
		}
	}
	entries := filepath.Join(w.own.Dir, entriesFile)
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(entries); err == nil {
		mode = info.Mode().Perm()
	}
	if err := store.WriteFile(entries, slices.Concat(w.own.bom, w.text), mode); err != nil {
		return nil, fmt.Errorf("write %s: %w", entries, bare(err))
	}
	for _, name := range w.removed {
		if err := os.Remove(filepath.Join(w.own.Dir, filepath.FromSlash(name))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			left = append(left, name)
		}
	}
	return left, nil
}

// missing returns the folders on the way to one that are not there, the highest first.
func missing(dir string) []string {
	var dirs []string
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(dir); err == nil || filepath.Dir(dir) == dir {
			slices.Reverse(dirs)
			return dirs
		}
		dirs = append(dirs, dir)
	}
}
