// Package store keeps catalogues of patches in a folder of its own: each content
// once, under the hash of its manifest, and never half-written.
//
//	objects/ID/tree        the files
//	objects/ID/manifest    their SHA-256 sums
//	entries/NAME@VERSION   which content a release is
//	selected/NAME          which release of that name is in use
//	downloads, metadata    what composer keeps between runs
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/compat"
)

// ErrUnknown is wrapped when a catalogue that was named is not in the store.
var ErrUnknown = errors.New("it is not in the cache")

// An Entry is a release of a catalogue in the store.
type Entry struct {
	// Name is the Composer package's, or one that the user gave.
	Name    string `json:"name"`
	Version string `json:"version"`
	// ID is the hash of the content's manifest.
	ID string `json:"id"`
	// Source is where it came from: a file, or an address without credentials.
	Source string `json:"source"`
	// Repository is the Composer repository that it was fetched from, or "".
	Repository string `json:"repository,omitempty"`
	// Reference is what the repository knows the archive by.
	Reference string    `json:"reference,omitempty"`
	Added     time.Time `json:"added"`
	Selected  bool      `json:"-"`
}

func (e Entry) String() string { return e.Name + " " + e.Version }

// A Store is the folder. The zero Store is empty and cannot be added to.
type Store struct{ dir string }

// New returns the store in a folder, which is made when it is first written to.
func New(dir string) Store { return Store{dir} }

// Dir returns a folder of the store for what is kept between runs.
func (s Store) Dir(name string) string { return filepath.Join(s.dir, name) }

var (
	validName    = regexp.MustCompile(`^[a-z0-9]([a-z0-9_.-]*[a-z0-9])?(/[a-z0-9]([a-z0-9_.-]*[a-z0-9])?)?$`)
	validVersion = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._+-]*$`)
	validID      = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Add copies a folder, a zip or a tar.gz into the store. Name and version may be
// empty; the composer.json inside says them then, or else the content. The check is
// asked about the files before they become part of the store.
func (s Store) Add(source string, e Entry, check func(fs.FS) error) (Entry, error) {
	e, err := s.add(source, e, check)
	if err != nil {
		return Entry{}, fmt.Errorf("catalogue %s: %w", source, err)
	}
	return e, nil
}

func (s Store) add(source string, e Entry, check func(fs.FS) error) (Entry, error) {
	if s.dir == "" {
		return Entry{}, errors.New("there is no folder for the cache; set XDG_CACHE_HOME or HOME")
	}
	objects := s.Dir("objects")
	if err := os.MkdirAll(objects, 0o755); err != nil {
		return Entry{}, err
	}
	tmp, err := os.MkdirTemp(objects, "new-")
	if err != nil {
		return Entry{}, err
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // prune removes what is left
	unpacked := filepath.Join(tmp, "unpacked")
	if err := os.Mkdir(unpacked, 0o755); err != nil {
		return Entry{}, err
	}
	root, err := os.OpenRoot(unpacked)
	if err != nil {
		return Entry{}, err
	}
	err = unpack(source, root)
	_ = root.Close()
	if err != nil {
		return Entry{}, err
	}
	sub, err := catalog.Top(os.DirFS(unpacked))
	if err != nil {
		return Entry{}, err
	}
	tree := filepath.Join(tmp, "tree")
	if err := os.Rename(filepath.Join(unpacked, sub), tree); err != nil {
		return Entry{}, err
	}
	if _, closer, err := catalog.Open(tree); err != nil {
		return Entry{}, errors.Unwrap(err)
	} else if err := closer(); err != nil {
		return Entry{}, err
	}
	files := os.DirFS(tree)
	if check != nil {
		if err := check(files); err != nil {
			return Entry{}, err
		}
	}
	manifest, err := fullManifest(files)
	if err != nil {
		return Entry{}, err
	}
	e.ID, e.Added = manifest.ID(), time.Now().UTC().Truncate(time.Second)
	if e, err = named(e, files); err != nil {
		return Entry{}, err
	}
	_ = os.RemoveAll(unpacked) // it was moved away, or is empty
	if err := WriteFile(filepath.Join(tmp, "manifest"), manifest.Text(), 0o644); err != nil {
		return Entry{}, err
	}
	if err := s.publish(tmp, e.ID); err != nil {
		return Entry{}, err
	}
	return e, s.record(e)
}

// fullManifest lists a signature, too: it has to come back as it came.
func fullManifest(files fs.FS) (Manifest, error) {
	m, err := ManifestOf(files)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{ManifestName, SignatureName} {
		b, err := read(files, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		m = append(m, File{name, hashOf(b)})
	}
	slices.SortFunc(m, byPath)
	return m, nil
}

// publish makes a complete folder an object. Content that is there and whole stays;
// damaged content is replaced.
func (s Store) publish(tmp, id string) error {
	final := filepath.Join(s.Dir("objects"), id)
	if _, err := os.Stat(final); err == nil {
		if s.Verify(id) == nil {
			return nil
		}
		if err := os.Rename(final, filepath.Join(tmp, "damaged")); err != nil {
			return err
		}
		defer os.RemoveAll(filepath.Join(final, "damaged")) //nolint:errcheck // harmless where it is
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if err := os.Rename(tmp, final); err != nil {
		if s.Verify(id) == nil {
			return nil // another run was faster
		}
		return err
	}
	return syncDir(s.Dir("objects"))
}

// named fills in what the user did not say.
func named(e Entry, files fs.FS) (Entry, error) {
	var manifest struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	if b, err := read(files, "composer.json"); err == nil {
		_ = json.Unmarshal(b, &manifest) // a broken one names nothing
	}
	if e.Name == "" {
		e.Name = manifest.Name
	}
	if e.Version == "" {
		e.Version = manifest.Version
	}
	if e.Version == "" {
		e.Version = "sha256-" + e.ID[:12]
	}
	e.Name = strings.ToLower(e.Name)
	if e.Name == "" {
		return e, errors.New("its composer.json does not name it; give it a name")
	}
	if !validName.MatchString(e.Name) {
		return e, fmt.Errorf("%q is not a name such as company/patches", e.Name)
	}
	if !validVersion.MatchString(e.Version) {
		return e, fmt.Errorf("%q is not a version such as 1.0.0", e.Version)
	}
	return e, nil
}

func (s Store) record(e Entry) error {
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return WriteFile(s.entryFile(e), append(b, '\n'), 0o644)
}

func (s Store) entryFile(e Entry) string {
	return filepath.Join(s.Dir("entries"), strings.ReplaceAll(e.Name, "/", "~")+"@"+e.Version+".json")
}

// Entries returns what the store holds, by name and version, the newest first.
func (s Store) Entries() ([]Entry, error) {
	if s.dir == "" {
		return nil, nil
	}
	files, err := os.ReadDir(s.Dir("entries"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cache of catalogues: %w", err)
	}
	var entries []Entry
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".json") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(s.Dir("entries"), f.Name()))
		if err != nil {
			return nil, fmt.Errorf("cache of catalogues: %w", err)
		}
		var e Entry
		if err := json.Unmarshal(b, &e); err != nil || !validName.MatchString(e.Name) || !validVersion.MatchString(e.Version) || !validID.MatchString(e.ID) {
			return nil, fmt.Errorf("cache of catalogues: %s names no catalogue; remove it", filepath.Join(s.Dir("entries"), f.Name()))
		}
		version, err := s.selected(e.Name)
		if err != nil {
			return nil, err
		}
		e.Selected = version == e.Version
		entries = append(entries, e)
	}
	slices.SortStableFunc(entries, func(a, b Entry) int {
		if a.Name != b.Name {
			return strings.Compare(a.Name, b.Name)
		}
		return compareVersions(b.Version, a.Version)
	})
	return entries, nil
}

func compareVersions(a, b string) int {
	va, errA := compat.ParseVersion(a)
	vb, errB := compat.ParseVersion(b)
	if errA != nil || errB != nil {
		return strings.Compare(a, b)
	}
	return va.Compare(vb)
}

// Find returns the entry that a text means: NAME, NAME:VERSION, VERSION, or the
// beginning of an ID. A name alone means its selected release, else the newest.
func (s Store) Find(text string) (Entry, error) {
	entries, err := s.Entries()
	if err != nil {
		return Entry{}, err
	}
	name, version, exact := strings.Cut(strings.ToLower(text), ":")
	var found []Entry
	for _, e := range entries {
		switch {
		case exact && e.Name == name && strings.EqualFold(e.Version, version),
			!exact && (strings.EqualFold(e.Version, text) || len(text) >= 6 && strings.HasPrefix(e.ID, name)):
			found = append(found, e)
		case !exact && e.Name == name:
			if len(found) == 0 || e.Selected {
				found = []Entry{e}
			}
		}
	}
	switch len(found) {
	case 0:
		return Entry{}, fmt.Errorf("catalogue %s: %w (qpt catalog list shows what is)", text, ErrUnknown)
	case 1:
		return found[0], nil
	}
	return Entry{}, fmt.Errorf("catalogue %s: %w: both %s:%s and %s:%s are meant by it; name one of them", text, ErrUnknown,
		found[0].Name, found[0].Version, found[1].Name, found[1].Version)
}

// Select puts a release in use, in place of others of its name; with a version of ""
// none of that name.
func (s Store) Select(name, version string) error {
	file := s.selectedFile(name)
	if version != "" {
		return WriteFile(file, []byte(version+"\n"), 0o644)
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// selected returns the version of a name that is in use, or "". A file of its own for
// each name keeps runs at the same time from undoing each other's choice.
func (s Store) selected(name string) (string, error) {
	b, err := os.ReadFile(s.selectedFile(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("cache of catalogues: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

func (s Store) selectedFile(name string) string {
	return filepath.Join(s.Dir("selected"), strings.ReplaceAll(name, "/", "~"))
}

// Path returns the folder with the files of an entry.
func (s Store) Path(e Entry) string { return filepath.Join(s.Dir("objects"), e.ID, "tree") }

// Open returns the files of an entry. Each is compared with the manifest when it is read.
func (s Store) Open(e Entry) (fs.FS, error) {
	m, err := s.manifest(e.ID)
	if err != nil {
		return nil, fmt.Errorf("catalogue %s: %w", e, err)
	}
	return newVerified(os.DirFS(s.Path(e)), m), nil
}

func (s Store) manifest(id string) (Manifest, error) {
	text, err := os.ReadFile(filepath.Join(s.Dir("objects"), id, "manifest"))
	if err != nil {
		return nil, fmt.Errorf("the cache has no manifest of it; fetch it again: %w", err)
	}
	if hashOf(text) != id {
		return nil, fmt.Errorf("its manifest in the cache is damaged; fetch it again: %w", ErrChanged)
	}
	return ParseManifest(text)
}

// Verify compares all files of a content with its manifest.
func (s Store) Verify(id string) error {
	m, err := s.manifest(id)
	if err != nil {
		return err
	}
	got, err := fullManifest(os.DirFS(filepath.Join(s.Dir("objects"), id, "tree")))
	if err != nil {
		return err
	}
	return differ(m, got)
}

// differ names the first file that is not as it should be.
func differ(want, got Manifest) error {
	have := map[string]string{}
	for _, f := range got {
		have[f.Path] = f.SHA256
	}
	for _, f := range want {
		switch hash, ok := have[f.Path]; {
		case !ok:
			return fmt.Errorf("%s is missing: %w", f.Path, ErrChanged)
		case hash != f.SHA256:
			return fmt.Errorf("%s is %w", f.Path, ErrChanged)
		}
		delete(have, f.Path)
	}
	for _, f := range got {
		if _, extra := have[f.Path]; extra {
			return fmt.Errorf("%s is not in the manifest: %w", f.Path, ErrChanged)
		}
	}
	return nil
}

// young is how long what no entry names may belong to a run that is under way.
const young = time.Hour

// Prune removes all releases but those in use and the newest keep of each name, and
// returns them. Contents, downloads and metadata that nothing needs go as well.
func (s Store) Prune(keep int, dryRun bool) ([]Entry, error) {
	entries, err := s.Entries()
	if err != nil {
		return nil, err
	}
	var removed []Entry
	needed, kept := map[string]bool{}, map[string]int{}
	for _, e := range entries { // the newest first
		if kept[e.Name]++; e.Selected || kept[e.Name] <= keep {
			needed[e.ID] = true
			continue
		}
		removed = append(removed, e)
	}
	if dryRun || s.dir == "" {
		return removed, nil
	}
	dropped := map[string]bool{}
	for _, e := range removed {
		if err := os.Remove(s.entryFile(e)); err != nil {
			return nil, fmt.Errorf("cache of catalogues: %w", err)
		}
		dropped[e.ID] = true
	}
	for _, folder := range []string{"objects", "downloads", "metadata"} {
		files, err := os.ReadDir(s.Dir(folder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, fmt.Errorf("cache of catalogues: %w", err)
		}
		for _, f := range files {
			info, err := f.Info()
			if err != nil || needed[f.Name()] || time.Since(info.ModTime()) < young && !dropped[f.Name()] {
				continue
			}
			if err := os.RemoveAll(filepath.Join(s.Dir(folder), f.Name())); err != nil {
				return removed, fmt.Errorf("cache of catalogues: %w", err)
			}
		}
	}
	return removed, nil
}

// WriteFile replaces a file as a whole, or not at all. Its folder is made.
func WriteFile(name string, b []byte, mode fs.FileMode) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // what matters is the first error
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}
