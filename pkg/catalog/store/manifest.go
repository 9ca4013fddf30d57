package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/catalog"
)

// ManifestName and SignatureName are the files by which a catalogue vouches for its
// others. They are no part of the manifest themselves.
const (
	ManifestName  = "qpt-manifest.sha256"
	SignatureName = "qpt-manifest.sig"
)

// ErrChanged is wrapped when a file is not what its manifest says.
var ErrChanged = errors.New("not what its manifest says")

// A File is a file of a catalogue.
type File struct {
	Path   string
	SHA256 string
}

// A Manifest lists the files of a catalogue, sorted by path. Its text form is what
// sha256sum writes and checks.
type Manifest []File

// Text returns the form that is kept, signed and hashed.
func (m Manifest) Text() []byte {
	var b bytes.Buffer
	for _, f := range m {
		fmt.Fprintf(&b, "%s  %s\n", f.SHA256, f.Path)
	}
	return b.Bytes()
}

// ID returns the SHA-256 of the text form: the name of a catalogue's content.
func (m Manifest) ID() string { return hashOf(m.Text()) }

// ParseManifest reads the text form. Only what [Manifest.Text] writes is accepted.
func ParseManifest(text []byte) (Manifest, error) {
	var m Manifest
	for i, line := range strings.SplitAfter(string(text), "\n") {
		if line == "" {
			break
		}
		hash, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if raw, err := hex.DecodeString(hash); !ok || err != nil || len(raw) != sha256.Size || !validPath(name) {
			return nil, fmt.Errorf("the manifest's line %d is not a SHA-256 and a path", i+1)
		}
		m = append(m, File{name, hash})
	}
	if !slices.IsSortedFunc(m, byPath) || !bytes.Equal(m.Text(), text) {
		return nil, errors.New("the manifest is not sorted, or not as qpt writes it")
	}
	for i := 1; i < len(m); i++ {
		if m[i].Path == m[i-1].Path {
			return nil, fmt.Errorf("the manifest lists %s twice", m[i].Path)
		}
	}
	return m, nil
}

func byPath(a, b File) int { return strings.Compare(a.Path, b.Path) }

// ManifestOf hashes the files of a folder or archive. Anything but folders and
// regular files is an error.
func ManifestOf(fsys fs.FS) (Manifest, error) {
	var m Manifest
	err := walk(fsys, func(name string) error {
		b, err := read(fsys, name)
		if err != nil {
			return err
		}
		m = append(m, File{name, hashOf(b)})
		return nil
	})
	slices.SortFunc(m, byPath)
	return m, err
}

// walk visits the regular files of a catalogue, but not its manifest and signature.
// Hidden files are no part of a catalogue.
func walk(fsys fs.FS, visit func(name string) error) error {
	var entries int
	return fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entries++; entries > catalog.MaxArchiveEntries {
			return fmt.Errorf("more than %d entries", catalog.MaxArchiveEntries)
		}
		switch {
		case name == ".":
			return nil
		case strings.HasPrefix(path.Base(name), ".") && d.IsDir():
			return fs.SkipDir
		case strings.HasPrefix(path.Base(name), "."), name == ManifestName, name == SignatureName, d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is neither a file nor a folder; a catalogue may hold no links", name)
		case !validPath(name):
			return fmt.Errorf("the name %q cannot be used", name)
		}
		return visit(name)
	})
}

// validPath reports whether a name stays below a folder on every system, and fits
// into a line of a manifest.
func validPath(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.ContainsFunc(name, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '\\' || r == ':'
	})
}

func read(fsys fs.FS, name string) ([]byte, error) {
	b, err := catalog.ReadFile(fsys, name)
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// verified is a file system whose files are compared with a manifest when they are
// opened. A file that the manifest does not list is not there.
type verified struct {
	fs     fs.FS
	hashes map[string]string
}

func newVerified(fsys fs.FS, m Manifest) verified {
	v := verified{fsys, make(map[string]string, len(m))}
	for _, f := range m {
		v.hashes[f.Path] = f.SHA256
	}
	return v
}

// Open opens a folder, or a file that is what the manifest says.
func (v verified) Open(name string) (fs.File, error) {
	if info, err := fs.Stat(v.fs, name); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: catalog.ErrNotRegular}
	}
	f, err := v.fs.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return f, err
	}
	want, listed := v.hashes[name]
	if !listed {
		_ = f.Close() // only read from
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	b, err := catalog.ReadAll(f)
	_ = f.Close() // only read from
	if err == nil && hashOf(b) != want {
		err = fmt.Errorf("%s: %w", name, ErrChanged)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &memory{Reader: bytes.NewReader(b), info: info}, nil
}

// memory is a file that has been read.
type memory struct {
	*bytes.Reader
	info fs.FileInfo
}

func (m *memory) Stat() (fs.FileInfo, error) { return m.info, nil }
func (m *memory) Close() error               { return nil }

var _ io.Reader = (*memory)(nil)
