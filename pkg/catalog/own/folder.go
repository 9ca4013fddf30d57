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

// An Edit is a change of a catalogue in memory. It writes nothing.
type Edit struct {
	folder    fs.FS // what is there, may be nil
	src       []byte
	bom       bool
	there     object
	elsewhere object // the entries of the community's file
	entries   map[string]json.RawMessage
	order     []string
	diffs     map[string][]byte // by their path in the folder; nil for those that go
}

// Begin reads the catalogue of a folder; nil, or one without entries, is a new one.
func Begin(folder fs.FS) (*Edit, error) {
	e := &Edit{folder: folder, entries: map[string]json.RawMessage{}, diffs: map[string][]byte{}, src: []byte("{}")}
	if folder == nil {
		return e, nil
	}
	read := func(name string) ([]byte, object, error) {
		f, err := folder.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
		defer f.Close()
		src, err := catalog.ReadAll(f)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		o, err := readObject(bytes.TrimPrefix(src, []byte(mark)))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		seen := map[string]bool{}
		for _, f := range o {
			if key := strings.ToLower(f.name); seen[key] {
				return nil, nil, fmt.Errorf("%s: %q occurs more than once; take one of them out first", name, f.name)
			} else {
				seen[key] = true
			}
		}
		return src, o, nil
	}
	src, there, err := read(entriesFile)
	if err != nil {
		return nil, err
	}
	if src != nil {
		e.bom = bytes.HasPrefix(src, []byte(mark))
		e.src, e.there = bytes.TrimPrefix(src, []byte(mark)), there
	}
	_, e.elsewhere, err = read(communityFile)
	return e, err
}

const mark = "\xef\xbb\xbf" // byte order

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
func (e *Edit) Add(d *Diff, replace bool) (Outcome, error) {
	if e.elsewhere.find(d.ID) >= 0 {
		return "", fmt.Errorf("%s has the id %s; give another --id, or take it out there", communityFile, d.ID)
	}
	id, entry, err := e.entry(d.ID)
	if err != nil {
		return "", err
	}
	outcome := Added
	if entry != nil {
		outcome = Extended
	}
	d.ID = id // as it is written there
	if entry.get("title") == nil || replace {
		entry.set("title", encode(d.Title))
	}
	if entry.get("categories") == nil {
		entry.set("categories", encode(d.Categories))
	}
	if d.Security != nil {
		if err := secure(&entry, d.Security); err != nil {
			return "", fmt.Errorf("%s: %w", id, err)
		}
	}
	packages, err := part(entry.get("packages"))
	if err != nil {
		return "", fmt.Errorf("%s: packages: %w", id, err)
	}
	if replace {
		went, err := e.without(&packages, d.Variants[0].release())
		if went {
			outcome = Replaced
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", id, err)
		}
	}
	for i := range d.Variants {
		if err := e.addVariant(&packages, d, &d.Variants[i]); err != nil {
			return "", err
		}
	}
	entry.set("packages", packages.text())
	e.put(id, entry)
	return outcome, nil
}

// Describe adds what is known of vulnerabilities to the entry of an id. It reports
// whether that is new.
func (e *Edit) Describe(id string, s *catalog.Security) (bool, error) {
	id, entry, err := e.entry(id)
	if err != nil || entry == nil {
		return false, err // the community's file is not edited
	}
	before := compacted(entry.get("security"))
	if err := secure(&entry, s); err != nil {
		return false, fmt.Errorf("%s: %w", id, err)
	}
	if bytes.Equal(before, compacted(entry.get("security"))) {
		return false, nil
	}
	e.put(id, entry)
	return true, nil
}

// entry returns the entry of an id as it is so far, and how the id is written.
func (e *Edit) entry(id string) (string, object, error) {
	for have, raw := range e.entries {
		if strings.EqualFold(have, id) {
			entry, err := readObject(raw)
			return have, entry, err
		}
	}
	if i := e.there.find(id); i >= 0 {
		entry, err := readObject(e.there[i].value)
		if err != nil {
			err = fmt.Errorf("%s: %s: %w", entriesFile, id, err)
		}
		return e.there[i].name, entry, err
	}
	return id, nil, nil
}

func (e *Edit) put(id string, entry object) {
	if _, ok := e.entries[id]; !ok {
		e.order = append(e.order, id)
	}
	e.entries[id] = entry.text()
}

// part reads an object that may be missing.
func part(raw json.RawMessage) (object, error) {
	if raw == nil {
		return nil, nil
	}
	return readObject(raw)
}

// secure adds what is known of a vulnerability to an entry.
func secure(entry *object, s *catalog.Security) error {
	have, err := part(entry.get("security"))
	if err != nil {
		return fmt.Errorf("security: %w", err)
	}
	var cve []string
	if raw := have.get("cve"); raw != nil {
		if err := json.Unmarshal(raw, &cve); err != nil {
			return fmt.Errorf("security: cve: %w", err)
		}
	}
	for _, id := range s.CVE {
		if !slices.Contains(cve, id) {
			cve = append(cve, id)
		}
	}
	if len(cve) > 0 {
		have.set("cve", encode(cve))
	}
	for _, f := range []struct{ name, value string }{
		{"bulletin", s.Bulletin}, {"release", s.Release}, {"month", s.Month}, {"edition", s.Edition},
	} {
		if f.value != "" {
			have.set(f.name, encode(f.value))
		}
	}
	if s.Sequence > 0 {
		have.set("sequence", encode(s.Sequence))
	}
	entry.set("security", have.text())
	return nil
}

// without takes the variants for a release out, and their diffs. It reports whether there
// were any.
func (e *Edit) without(packages *object, release string) (went bool, err error) {
	var left object
	for _, pkg := range *packages {
		constraints, err := readObject(pkg.value)
		if err != nil {
			return false, err
		}
		var others object
		for _, c := range constraints {
			v, err := readVariant(c.value)
			if err != nil {
				return false, err
			}
			if v.Base == release || v.Base == "" && c.name == release {
				e.diffs[path.Join(diffsDir, v.File)] = nil
				went = true
				continue
			}
			others = append(others, c)
		}
		if len(others) > 0 {
			left.set(pkg.name, others.text())
		}
	}
	*packages = left
	return went, nil
}

// variant is what an entry says of a diff, as far as it is needed here.
type variant struct {
	File    string   `json:"file"`
	Base    string   `json:"base"`
	Require []string `json:"require"`
}

func readVariant(raw json.RawMessage) (v variant, err error) {
	err = json.Unmarshal(raw, &v)
	return v, err
}

func (e *Edit) addVariant(packages *object, d *Diff, v *Variant) error {
	constraints, err := part(packages.get(v.Package))
	if err != nil {
		return err
	}
	for {
		have := constraints.get(v.Constraint)
		if have == nil {
			break
		}
		old, err := readVariant(have)
		if err != nil {
			return err
		}
		if v.Constraint == "*" && v.Base != "" && old.Base != v.Base {
			v.Constraint = "* || " + v.Base // the same for another release, which needs a key of its own
			continue
		}
		return &ExistsError{ID: d.ID, For: v.Package + " " + v.Constraint, File: old.File}
	}
	name := d.ID
	if d.Release != "" && !d.Isolated() {
		name += "_" + d.Release
	}
	if v.Constraint == "*" && v.Base != "" && len(d.Variants) > 1 {
		name += "__" + notInIDs.ReplaceAllString(v.Package, "_")
	}
	var fields object
	fields.set("file", encode(e.addDiff(name, v.Text)))
	if v.Base != "" {
		fields.set("base", encode(v.Base))
	}
	sum := sha256.Sum256(v.Text)
	fields.set("sha256", encode(hex.EncodeToString(sum[:])))
	constraints.set(v.Constraint, fields.text())
	packages.set(v.Package, constraints.text())
	return nil
}

// addDiff takes a diff in under a name that is free, and returns the name. A file that is
// there and has another content is left alone, unless it goes.
func (e *Edit) addDiff(name string, text []byte) string {
	sum := sha256.Sum256(text)
	for _, file := range []string{name + ".patch", name + "-" + hex.EncodeToString(sum[:4]) + ".patch", name + "-" + hex.EncodeToString(sum[:]) + ".patch"} {
		at := path.Join(diffsDir, file)
		have, staged := e.diffs[at]
		switch {
		case staged && have != nil && bytes.Equal(have, text):
			return file
		case staged && have != nil, staged && e.uses(file) > 1:
			continue
		}
		if e.folder != nil && !staged {
			if have, err := fs.ReadFile(e.folder, at); err == nil && !bytes.Equal(have, text) || err != nil && !errors.Is(err, fs.ErrNotExist) {
				continue
			}
		}
		e.diffs[at] = text
		return file
	}
	e.diffs[path.Join(diffsDir, name+".patch")] = text // two texts with one hash: never
	return name + ".patch"
}

// uses counts the variants in the folder that name a diff.
func (e *Edit) uses(file string) int {
	n := 0
	for _, src := range [][]byte{e.src, e.elsewhere.text()} {
		for _, named := range namedIn(src) {
			if named == file {
				n++
			}
		}
	}
	return n
}

// Connect brings what the isolated diffs of the catalogue require up to date, given all
// that exist. It returns the ids of the entries that it changed.
func (e *Edit) Connect(known []*catalog.Patch) ([]string, error) {
	ids := slices.Clone(e.order)
	for _, f := range e.there {
		if _, edited := e.entries[f.name]; !edited {
			ids = append(ids, f.name)
		}
	}
	var changed []string
	for _, id := range ids {
		_, entry, err := e.entry(id)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(known, func(p *catalog.Patch) bool { return strings.EqualFold(p.ID, id) })
		if i < 0 || known[i].Security == nil || known[i].Security.Sequence == 0 {
			continue
		}
		s := known[i].Security
		did, err := connect(&entry, s, Earlier(s, known))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		if did {
			e.put(id, entry)
			changed = append(changed, id)
		}
	}
	return changed, nil
}

// connect has the variants of an entry require what came earlier. It reports whether
// that is new.
func connect(entry *object, s *catalog.Security, earlier []string) (changed bool, err error) {
	packages, err := part(entry.get("packages"))
	if err != nil {
		return false, err
	}
	for _, pkg := range packages {
		constraints, err := readObject(pkg.value)
		if err != nil {
			return false, err
		}
		for _, c := range constraints {
			v, err := readVariant(c.value)
			if err != nil {
				return false, err
			}
			list := required(v.Require, s, earlier)
			if slices.Equal(list, v.Require) {
				continue
			}
			fields, err := readObject(c.value)
			if err != nil {
				return false, err
			}
			fields.set("require", encode(list))
			if len(list) == 0 {
				fields.drop("require")
			}
			constraints.set(c.name, fields.text())
			changed = true
		}
		packages.set(pkg.name, constraints.text())
	}
	if changed {
		entry.set("packages", packages.text())
	}
	return changed, nil
}

// Files returns what is to be written, by the path in the folder; nil is for a diff that
// goes because no entry has it any more.
func (e *Edit) Files() (map[string][]byte, error) {
	if len(e.entries) == 0 {
		return nil, nil
	}
	text, err := splice(e.src, e.entries, e.order)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", entriesFile, err)
	}
	out := maps.Clone(e.diffs)
	used := map[string]bool{}
	for _, src := range [][]byte{text, e.elsewhere.text()} {
		for _, file := range namedIn(src) {
			used[path.Join(diffsDir, file)] = true
		}
	}
	for name, data := range out {
		if data == nil && used[name] {
			delete(out, name) // another entry has it
		}
	}
	if e.bom {
		text = append([]byte(mark), text...)
	}
	out[entriesFile] = text
	return out, nil
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
	changed, err := e.Files()
	if err != nil {
		return nil, err
	}
	files := maps.Clone(changed)
	if files == nil {
		files = map[string][]byte{}
	}
	names := []string{communityFile, entriesFile}
	for _, src := range [][]byte{e.src, e.elsewhere.text()} {
		for _, file := range namedIn(src) {
			names = append(names, path.Join(diffsDir, file))
		}
	}
	for _, name := range names {
		if _, ok := files[name]; ok || e.folder == nil || !fs.ValidPath(name) {
			continue
		}
		if data, err := fs.ReadFile(e.folder, name); err == nil { // else the catalogue says so when it is loaded
			files[name] = data
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
