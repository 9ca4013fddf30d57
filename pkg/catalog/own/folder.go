package own

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/jsonedit"
)

// The files of a catalogue in the format of magento/quality-patches.
const (
	entriesFile   = "support-patches.json"
	communityFile = "community-patches.json"
	diffsDir      = "patches"
)

// Is reports whether a folder is a catalogue of the shop's own. A patches.json does not
// make it one: other tools have files of that name in folders of that name.
func Is(folder fs.FS) bool {
	for _, name := range []string{entriesFile, communityFile} {
		if info, err := fs.Stat(folder, name); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// Source returns the source that a catalogue of the shop's own is: what it holds in the
// formats of magento/quality-patches, and nothing else that lies in the folder.
func Source(name string, folder fs.FS) catalog.Source {
	return catalog.Source{Name: name, FS: files{folder}, Origin: catalog.OriginLocal}
}

// files hides what is another tool's.
type files struct{ fs.FS }

func (f files) Open(name string) (fs.File, error) {
	if name == "patches.json" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return f.FS.Open(name)
}

func (f files) Stat(name string) (fs.FileInfo, error) {
	if name == "patches.json" {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return fs.Stat(f.FS, name)
}

// An Edit is a change of a catalogue in memory. It writes nothing. What fails changes
// nothing in it.
type Edit struct {
	folder fs.FS             // what is there, may be nil
	read   map[string][]byte // the files of entries as they are in the folder
	bom    string
	start  []byte            // the text of the entries
	text   []byte            // as it will be
	diffs  map[string][]byte // by their path in the folder; nil for those that go
}

// Begin reads the catalogue of a folder; nil, or one without entries, is a new one.
func Begin(folder fs.FS) (*Edit, error) {
	e := &Edit{folder: folder, read: map[string][]byte{}, text: []byte("{}\n"), diffs: map[string][]byte{}}
	for _, name := range []string{entriesFile, communityFile} {
		src, err := readEntries(folder, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		e.read[name] = src
		if src == nil {
			continue
		}
		text := bytes.TrimPrefix(src, []byte(mark))
		if err := checkEntries(text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if name == entriesFile {
			e.text, e.bom = text, string(src[:len(src)-len(text)])
		}
	}
	e.start = e.text
	return e, nil
}

const mark = "\xef\xbb\xbf" // byte order

// readEntries returns nil if there is no such file.
func readEntries(folder fs.FS, name string) ([]byte, error) {
	if folder == nil {
		return nil, nil
	}
	text, err := catalog.ReadFile(folder, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// checkEntries refuses what is no file of entries, and ids that occur more than once.
func checkEntries(text []byte) error {
	if err := jsonedit.Check(text); err != nil {
		return err
	}
	ids, _ := jsonedit.Members(text) // as just checked
	seen := map[string]bool{}
	for _, id := range ids {
		key := strings.ToLower(id)
		if seen[key] {
			return fmt.Errorf("%q occurs more than once; take one of them out first", id)
		}
		seen[key] = true
	}
	return nil
}

// An ExistsError is an id that the catalogue has, for the same packages and versions, with
// another diff.
type ExistsError struct{ ID, For, File string }

func (e *ExistsError) Error() string {
	return fmt.Sprintf("the catalogue has %s for %s already, with another diff (%s); give --replace to put this one in its place, or another --id", e.ID, e.For, e.File)
}

// An Outcome is what adding a diff came to.
type Outcome string

// The outcomes.
const (
	Added    Outcome = "added"    // the id is new
	Extended Outcome = "extended" // the id has more variants now
	Replaced Outcome = "replaced" // others went
)

// Add puts the variants of a diff into the entry of its id, which is made if there is
// none. With replace they take the place of those for the same release. The error may be
// an [*ExistsError].
func (e *Edit) Add(d *Diff, replace bool) (outcome Outcome, err error) {
	defer e.undo(&err)()
	id, there, err := e.entry(d.ID)
	if err != nil {
		return "", err
	}
	d.ID = id // as it is written there
	outcome = Added
	if there {
		outcome = Extended
	}
	text := e.text
	if jsonedit.Get(text, id, "categories") == "" {
		text, err = jsonedit.Set(text, []string{id, "categories"}, d.Categories)
	}
	if err == nil && (replace || jsonedit.Get(text, id, "title") == "") {
		text, err = jsonedit.Set(text, []string{id, "title"}, d.Title)
	}
	if err != nil {
		return "", err
	}
	e.text = text
	if d.Security != nil {
		if err := e.secure(id, d.Security); err != nil {
			return "", err
		}
	}
	if replace {
		went, err := e.without(d)
		if err != nil {
			return "", err
		}
		if went {
			outcome = Replaced
		}
	}
	for i := range d.Variants {
		v := &d.Variants[i]
		release, pkg := d.Release, ""
		if d.Isolated() {
			release = ""
		}
		if v.Constraint == "*" && v.Base != "" && len(d.Variants) > 1 {
			pkg = "_" + v.Package
		}
		if err := e.key(d, v, replace); err != nil { // which may change the constraint
			return "", err
		}
		if err := e.put(id, v, fileName(id, release, pkg)); err != nil {
			return "", err
		}
	}
	return outcome, nil
}

// A Draft is an entry as it is to be. What is empty stays as it is in an entry that is
// there; variants that are not named stay, too.
type Draft struct {
	ID, Title    string
	Categories   []string
	Requirements string
	Variants     []DraftVariant
}

// A DraftVariant is a variant with all that it requires. One without Text is taken out.
type DraftVariant struct {
	Variant
	// Version is what the diff was made of; it becomes a part of the file's name.
	Version string
	Require []string
}

// Write writes an entry, and sets the File of its variants.
func (e *Edit) Write(d *Draft) (err error) {
	defer e.undo(&err)()
	id, there, err := e.entry(d.ID)
	if err != nil {
		return err
	}
	d.ID = id
	write := func(value any, empty bool, path ...string) {
		if err == nil && !empty {
			e.text, err = jsonedit.Set(e.text, append([]string{id}, path...), value)
		}
	}
	write(d.Categories, len(d.Categories) == 0, "categories")
	write(d.Title, d.Title == "" && there, "title")
	write(d.Requirements, d.Requirements == "", "requirements")
	for i := range d.Variants {
		v := &d.Variants[i]
		if err != nil {
			return err
		}
		if v.Text == nil {
			err = e.take(id, v.Package, v.Constraint)
			continue
		}
		pkg := ""
		if v.Package != catalog.BasePackage {
			pkg = v.Package[strings.Index(v.Package, "/")+1:]
		}
		if err = e.put(id, &v.Variant, fileName(id, pkg, v.Version)); err == nil {
			err = e.require(id, v.Package, v.Constraint, v.Require)
		}
	}
	return err
}

// undo returns what takes all back in case of an error.
func (e *Edit) undo(err *error) func() {
	text, diffs := e.text, maps.Clone(e.diffs)
	return func() {
		if *err != nil {
			e.text, e.diffs = text, diffs
		}
	}
}

// Describe adds what is known of vulnerabilities to the entry of an id. It reports
// whether that is new.
func (e *Edit) Describe(id string, s *catalog.Security) (changed bool, err error) {
	defer e.undo(&err)()
	id, there := find(e.text, id)
	if !there {
		return false, nil // the community's file is not edited
	}
	before := e.text
	err = e.secure(id, s)
	return !bytes.Equal(before, e.text), err
}

// Entry returns the text of an entry as it will be.
func (e *Edit) Entry(id string) []byte { return []byte(jsonedit.Get(e.text, id)) }

// entry returns how an id is written, and whether there is an entry.
func (e *Edit) entry(id string) (written string, there bool, err error) {
	if _, there := find(e.community(), id); there {
		return "", false, fmt.Errorf("%s has the id %s, and qpt does not write there; take another id, or move the entry to %s", communityFile, id, entriesFile)
	}
	written, there = find(e.text, id)
	return written, there, nil
}

func (e *Edit) community() []byte { return bytes.TrimPrefix(e.read[communityFile], []byte(mark)) }

// find looks for an id without regard to case.
func find(text []byte, id string) (written string, there bool) {
	ids, _ := jsonedit.Members(text) // checked when it was read
	if i := slices.IndexFunc(ids, func(have string) bool { return strings.EqualFold(have, id) }); i >= 0 {
		return ids[i], true
	}
	return id, false
}

// secure adds what is known of a vulnerability to an entry.
func (e *Edit) secure(id string, s *catalog.Security) (err error) {
	var cve []string
	if raw := jsonedit.Get(e.text, id, "security", "cve"); raw != "" {
		if err := json.Unmarshal([]byte(raw), &cve); err != nil {
			return fmt.Errorf("%s: security: cve: %w", id, err)
		}
	}
	for _, name := range s.CVE {
		if !slices.Contains(cve, name) {
			cve = append(cve, name)
		}
	}
	for _, f := range []struct {
		name  string
		value any
		none  bool
	}{
		{"cve", cve, len(cve) == 0},
		{"bulletin", s.Bulletin, s.Bulletin == ""},
		{"release", s.Release, s.Release == ""},
		{"month", s.Month, s.Month == ""},
		{"edition", s.Edition, s.Edition == ""},
		{"sequence", s.Sequence, s.Sequence == 0},
	} {
		if !f.none && err == nil {
			e.text, err = jsonedit.Set(e.text, []string{id, "security", f.name}, f.value)
		}
	}
	return err
}

// variant is what an entry says of a diff, as far as it is needed here.
type variant struct {
	Package    string   `json:"-"`
	Constraint string   `json:"-"`
	File       string   `json:"file"`
	Base       string   `json:"base"`
	Require    []string `json:"require"`
}

// variant returns what an entry says of a diff; nil if there is none.
func (e *Edit) variant(id, pkg, constraint string) (*variant, error) {
	raw := jsonedit.Get(e.text, id, "packages", pkg, constraint)
	if raw == "" {
		return nil, nil
	}
	v := &variant{Package: pkg, Constraint: constraint}
	if err := json.Unmarshal([]byte(raw), v); err != nil {
		return nil, fmt.Errorf("%s: %s %s: %w", id, pkg, constraint, err)
	}
	return v, nil
}

// variants returns those of an entry.
func (e *Edit) variants(id string) (list []*variant, err error) {
	packages, err := jsonedit.Members(e.text, id, "packages")
	if err != nil {
		return nil, err
	}
	for _, pkg := range packages {
		constraints, err := jsonedit.Members(e.text, id, "packages", pkg)
		if err != nil {
			return nil, err
		}
		for _, c := range constraints {
			v, err := e.variant(id, pkg, c)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
	}
	return list, nil
}

// of reports whether a variant is for that release.
func (v *variant) of(release string) bool {
	return v.Base == release || v.Base == "" && v.Constraint == release
}

// without takes the variants for the release of a diff out, except those that the diff has
// again. It reports whether there were any.
func (e *Edit) without(d *Diff) (went bool, err error) {
	list, err := e.variants(d.ID)
	for _, v := range list {
		if err != nil || !v.of(d.Variants[0].release()) {
			continue
		}
		went = true
		if !slices.ContainsFunc(d.Variants, func(n Variant) bool { return n.Package == v.Package && n.Constraint == v.Constraint }) {
			err = e.take(d.ID, v.Package, v.Constraint)
		}
	}
	return went, err
}

// key finds out under which constraint a variant can stand.
func (e *Edit) key(d *Diff, v *Variant, replace bool) error {
	for {
		old, err := e.variant(d.ID, v.Package, v.Constraint)
		if err != nil || old == nil || replace && old.of(v.release()) {
			return err
		}
		if v.Constraint != "*" || v.Base == "" || old.Base == v.Base {
			return &ExistsError{ID: d.ID, For: v.Package + " " + v.Constraint, File: old.File}
		}
		v.Constraint = "* || " + v.Base // the same for another release, which needs a key of its own
	}
}

// put writes a variant, in the place of one with the same package and constraint. A diff
// that is new or changes gets a name that is free, beginning with stem.
func (e *Edit) put(id string, v *Variant, stem string) error {
	was, err := e.variant(id, v.Package, v.Constraint)
	if err != nil {
		return err
	}
	if was != nil {
		v.File = path.Join(diffsDir, was.File)
		if have, err := e.file(v.File); err == nil && bytes.Equal(have, v.Text) {
			return nil
		}
	}
	name, err := e.place(stem, v.Text)
	if err != nil {
		return err
	}
	if was != nil && was.File != name {
		e.drop(was.File)
	}
	v.File = path.Join(diffsDir, name)
	sum := sha256.Sum256(v.Text)
	for _, f := range []struct{ name, value string }{{"file", name}, {"base", v.Base}, {"sha256", hex.EncodeToString(sum[:])}} {
		if f.value != "" && err == nil {
			e.text, err = jsonedit.Set(e.text, []string{id, "packages", v.Package, v.Constraint, f.name}, f.value)
		}
	}
	return err
}

// take takes a variant out, its diff, and its package if nothing is left of it.
func (e *Edit) take(id, pkg, constraint string) error {
	was, err := e.variant(id, pkg, constraint)
	if err != nil || was == nil {
		return err
	}
	e.drop(was.File)
	if e.text, err = jsonedit.Remove(e.text, []string{id, "packages", pkg, constraint}); err != nil {
		return err
	}
	if left, err := jsonedit.Members(e.text, id, "packages", pkg); err != nil || len(left) > 0 {
		return err
	}
	e.text, err = jsonedit.Remove(e.text, []string{id, "packages", pkg})
	return err
}

// require has a variant require these and no others.
func (e *Edit) require(id, pkg, constraint string, ids []string) error {
	v, err := e.variant(id, pkg, constraint)
	if err != nil || v == nil || slices.Equal(v.Require, ids) {
		return err
	}
	at := []string{id, "packages", pkg, constraint, "require"}
	if len(ids) == 0 {
		e.text, err = jsonedit.Remove(e.text, at)
	} else {
		e.text, err = jsonedit.Set(e.text, at, ids)
	}
	return err
}

// fileName makes the beginning of a diff's name: ID_part_part.
func fileName(id string, parts ...string) string {
	for _, p := range parts {
		if p != "" {
			id += "_" + notInIDs().ReplaceAllString(p, "_")
		}
	}
	return id
}

// file reads a file of the catalogue as it will be.
func (e *Edit) file(name string) ([]byte, error) {
	if text, staged := e.diffs[name]; staged && text != nil {
		return text, nil
	} else if staged || e.folder == nil {
		return nil, fs.ErrNotExist
	}
	return catalog.ReadFile(e.folder, name)
}

// place takes a diff in under a name that no other file has or had, with _v2 and so on as
// in Adobe's catalogue, and returns the name.
func (e *Edit) place(stem string, text []byte) (string, error) {
	const versions = 1000 // more than that is no catalogue
	for n := 1; n <= versions; n++ {
		name := stem + ".patch"
		if n > 1 {
			name = fmt.Sprintf("%s_v%d.patch", stem, n)
		}
		at := path.Join(diffsDir, name)
		if have, staged := e.diffs[at]; (!staged || bytes.Equal(have, text)) && e.free(at, text) {
			e.diffs[at] = text
			return name, nil
		}
	}
	return "", fmt.Errorf("%s has no free name for %s.patch", diffsDir, stem)
}

// free reports whether the folder has no other file of a name.
func (e *Edit) free(at string, text []byte) bool {
	if e.folder == nil {
		return true
	}
	have, err := catalog.ReadFile(e.folder, at)
	return errors.Is(err, fs.ErrNotExist) || err == nil && bytes.Equal(have, text)
}

// drop has a diff go, unless something names it in the end.
func (e *Edit) drop(file string) {
	if fs.ValidPath(file) && file != "." { // else it leads out of the folder
		e.diffs[path.Join(diffsDir, file)] = nil
	}
}

// Connect brings what the isolated diffs of the catalogue require up to date, given all
// that exist. It returns the ids of the entries that it changed.
func (e *Edit) Connect(known []*catalog.Patch) (changed []string, err error) {
	defer e.undo(&err)()
	ids, err := jsonedit.Members(e.text)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		i := slices.IndexFunc(known, func(p *catalog.Patch) bool { return strings.EqualFold(p.ID, id) })
		if i < 0 || known[i].Security == nil || known[i].Security.Sequence == 0 {
			continue
		}
		s, before := known[i].Security, e.text
		variants, err := e.variants(id)
		if err != nil {
			return nil, err
		}
		for _, v := range variants {
			if err := e.require(id, v.Package, v.Constraint, required(v.Require, s, Earlier(s, known))); err != nil {
				return nil, err
			}
		}
		if !bytes.Equal(before, e.text) {
			changed = append(changed, id)
		}
	}
	return changed, nil
}

// Files returns what is to be written, by the path in the folder; nil is for a diff that
// goes because no entry has it any more.
func (e *Edit) Files() map[string][]byte {
	out := maps.Clone(e.diffs)
	for _, src := range [][]byte{e.text, e.community()} {
		for _, file := range namedIn(src) {
			if at := path.Join(diffsDir, file); out[at] == nil {
				delete(out, at) // another entry has it
			}
		}
	}
	if !bytes.Equal(e.text, e.start) {
		out[entriesFile] = append([]byte(e.bom), e.text...)
	}
	return out
}

// ErrChanged says that somebody else wrote to the catalogue since it was read.
var ErrChanged = errors.New("it was changed in the meantime; nothing was written")

// Check returns an error that wraps [ErrChanged] unless the folder, in which there may be
// a catalogue only now, is still as the edit has read it.
func (e *Edit) Check(folder fs.FS) error {
	now := *e
	now.folder = folder
	for name, was := range e.read {
		src, err := readEntries(folder, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !bytes.Equal(src, was) || (src == nil) != (was == nil) {
			return fmt.Errorf("%s: %w", name, ErrChanged)
		}
	}
	for name, text := range e.diffs {
		if text != nil && !now.free(name, text) {
			return fmt.Errorf("%s: %w", name, ErrChanged)
		}
	}
	return nil
}

// namedIn returns the diffs that a catalogue's file names.
func namedIn(src []byte) []string {
	var doc map[string]struct {
		Packages map[string]map[string]variant `json:"packages"`
	}
	_ = json.Unmarshal(src, &doc) // what is of another type names nothing
	var list []string
	for _, entry := range doc {
		for _, constraints := range entry.Packages {
			for _, v := range constraints {
				list = append(list, v.File)
			}
		}
	}
	return list
}

// Preview returns the catalogue as it will be.
func (e *Edit) Preview() (fs.FS, error) {
	files := e.Files()
	take := func(name string) {
		if _, ok := files[name]; ok {
			return
		}
		if data, err := catalog.ReadFile(e.folder, name); err == nil { // else the catalogue says so when it is loaded
			files[name] = data
		}
	}
	for _, name := range []string{entriesFile, communityFile, "config", diffsDir} {
		if e.folder == nil {
			break
		}
		err := fs.WalkDir(e.folder, name, func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				take(name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return Memory(files)
}

// Memory returns files as a file system; those that are nil are not there.
func Memory(files map[string][]byte) (fs.FS, error) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if files[name] == nil {
			continue
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(files[name]); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
}
