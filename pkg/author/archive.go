package author

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/project"
)

// A Package is the files of a Composer package as they were published, or a whole tree of
// an installation.
type Package struct {
	// Name and Version are what its composer.json states; either may be "".
	Name, Version string
	FS            fs.FS
	closer        io.Closer
}

// Close closes the archive.
func (p *Package) Close() error {
	if p.closer == nil {
		return nil
	}
	return p.closer.Close()
}

// OpenPackage opens a folder or a zip archive. As Composer does, it takes a folder that is
// alone at the top of an archive for the package.
func OpenPackage(name string) (*Package, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, bare(err)
	}
	p := &Package{}
	if info.IsDir() {
		p.FS = os.DirFS(name)
	} else {
		archive, err := zip.OpenReader(name)
		if err != nil {
			return nil, fmt.Errorf("neither a folder nor a zip archive: %w", err)
		}
		if err := catalog.CheckArchive(&archive.Reader, info.Size()); err != nil {
			return nil, errors.Join(err, archive.Close())
		}
		p.FS, p.closer = archive, archive
		if entries, err := fs.ReadDir(archive, "."); err == nil {
			entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == ".DS_Store" })
			if len(entries) == 1 && entries[0].IsDir() {
				if p.FS, err = fs.Sub(archive, entries[0].Name()); err != nil {
					return nil, errors.Join(err, archive.Close())
				}
			}
		}
	}
	stated := Describe(p.FS)
	p.Name, p.Version = stated.Name, stated.Version
	return p, nil
}

// Describe reads what the composer.json of a package states.
func Describe(fsys fs.FS) *Package {
	var manifest struct {
		Name    json.RawMessage `json:"name"`
		Version json.RawMessage `json:"version"`
	}
	p := &Package{FS: fsys}
	if text, err := fs.ReadFile(fsys, "composer.json"); err == nil && json.Unmarshal(text, &manifest) == nil {
		_ = json.Unmarshal(manifest.Name, &p.Name) // of another type is not stated
		_ = json.Unmarshal(manifest.Version, &p.Version)
	}
	return p
}

// Is refuses a package that states to be another one, or another version.
func (p *Package) Is(pkg project.Package) error {
	if p.Name != "" && !strings.EqualFold(p.Name, pkg.Name) {
		return fmt.Errorf("it is %s, not %s", p.Name, pkg.Name)
	}
	if p.Version == "" {
		return nil
	}
	v, err := compat.ParseVersion(p.Version)
	if err == nil && v.Compare(pkg.Version) != 0 {
		return fmt.Errorf("it is version %s of %s, and %s is installed", p.Version, pkg.Name, pkg.Version)
	}
	return nil
}

// A Place says which files of an installation are compared with which of a pristine tree.
type Place struct {
	// Dir is the folder in the installation, slash-separated, "." for its root.
	Dir      string
	Pristine fs.FS
	// Only limits it to files and folders, relative to Dir; nil means all of it.
	Only []string
	// Always are files, relative to Dir, that count as compared also when they are the same.
	Always []string
}

// Compare adds to pristine what differs in a place. Tree is the installation, whose
// folders are listed through fsys.
func Compare(pristine Pristine, tree applier.Tree, fsys fs.FS, place Place) error {
	names := map[string]bool{}
	only := place.Only
	if only == nil {
		only = []string{"."}
	}
	for _, start := range only {
		for _, side := range []struct {
			fsys fs.FS
			dir  string
		}{{place.Pristine, "."}, {fsys, place.Dir}} {
			if err := walkFiles(side.fsys, side.dir, start, names); err != nil {
				return err
			}
		}
	}
	for _, name := range place.Always {
		names[name] = true
	}
	for name := range names {
		at := path.Join(place.Dir, name)
		now, err := readFrom(tree, at)
		if err != nil {
			return err
		}
		old, err := readPristine(place.Pristine, name, now)
		if err != nil {
			return err
		}
		if !same(old, now) || slices.Contains(place.Always, name) {
			pristine[at] = old
		}
	}
	return nil
}

// walkFiles gathers the names of files, relative to dir, at a start or below it.
func walkFiles(fsys fs.FS, dir, start string, names map[string]bool) error {
	err := fs.WalkDir(fsys, path.Join(dir, start), func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == ".svn" || d.Name() == ".hg"):
			return fs.SkipDir
		case !d.IsDir():
			rel := name
			if dir != "." {
				rel = strings.TrimPrefix(name, dir+"/")
			}
			names[rel] = true
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look through %s: %w", path.Join(dir, start), err)
	}
	return nil
}

func readFrom(tree applier.Tree, name string) (*applier.File, error) {
	f, err := tree.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, applier.ErrNotFolder) {
		return nil, nil
	}
	return f, err
}

// readPristine reads a file. Archives do not keep modes well: the mode is that of the
// installation's file.
func readPristine(fsys fs.FS, name string, now *applier.File) (*applier.File, error) {
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &FileError{name, "a folder or a link on the pristine side, and a file here; a patch changes files alone"}
	}
	data, err := io.ReadAll(io.LimitReader(f, catalog.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the pristine %s: %w", name, err)
	}
	if len(data) > catalog.MaxSize {
		return nil, &FileError{name, "larger than 64 MiB, which no file of code is"}
	}
	file := &applier.File{Data: data, Mode: 0o644}
	if now != nil && now.Mode.IsRegular() {
		file.Mode = now.Mode
	}
	return file, nil
}

// readInstalled returns what Composer knows about where an installed package came from.
func readInstalled(root, vendorDir, name string) (*dist, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(vendorDir), "composer", "installed.json"))
	if err != nil {
		return nil, err
	}
	type entry struct {
		Name              string `json:"name"`
		Version           string `json:"version"`
		VersionNormalized string `json:"version_normalized"`
		Dist              dist   `json:"dist"`
	}
	var raw struct {
		Packages []json.RawMessage `json:"packages"`
	}
	if json.Unmarshal(text, &raw) != nil {
		if err := json.Unmarshal(text, &raw.Packages); err != nil { // Composer 1 has a list
			return nil, fmt.Errorf("%s/composer/installed.json: %w", vendorDir, err)
		}
	}
	for _, r := range raw.Packages {
		var e entry
		if err := json.Unmarshal(r, &e); err == nil && strings.EqualFold(e.Name, name) {
			e.Dist.name, e.Dist.pretty, e.Dist.version = strings.ToLower(e.Name), e.Version, e.VersionNormalized
			return &e.Dist, nil
		}
	}
	return &dist{name: strings.ToLower(name)}, nil
}

// bare takes the name of the file off an error that is to name it another way.
func bare(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
