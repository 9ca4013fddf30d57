package catalog

import (
	"archive/zip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/quality-patches/qpt/pkg/compat"
)

// A Source is a place that patches are read from.
type Source struct {
	// Name tells a reader where it is.
	Name string
	FS   fs.FS
	// Dir is prefixed to the files of a folder of loose diffs, to make their ids.
	Dir string
	// Origin replaces the origin that the format implies, if it is not empty.
	Origin string
}

// The files by which the formats are known.
const (
	supportFile   = "support-patches.json"
	communityFile = "community-patches.json"
	cloudFile     = "patches.json"
	releasesFile  = "magento_releases.json"
	diffsDir      = "patches"
	articlesDir   = "articles"
)

// Open returns the source at a path: a folder, or a zip archive of one. Close
// releases an archive.
func Open(name string) (s Source, closer func() error, err error) {
	fail := func(err error) (Source, func() error, error) {
		return Source{}, nil, fmt.Errorf("catalogue %s: %w", name, err)
	}
	info, err := os.Stat(name)
	if err != nil {
		return fail(unwrapPath(err))
	}
	s.Name = name
	closer = func() error { return nil }
	if info.IsDir() {
		s.FS = os.DirFS(name)
	} else {
		if !info.Mode().IsRegular() {
			return fail(ErrNotRegular)
		}
		archive, err := zip.OpenReader(name)
		if err != nil {
			return fail(fmt.Errorf("neither a folder nor a zip archive: %w", err))
		}
		s.FS, closer = archive, archive.Close
		if err := CheckArchive(&archive.Reader, info.Size()); err != nil {
			_ = closer()
			return fail(err)
		}
		if top, err := Top(s.FS); err == nil {
			if s.FS, err = fs.Sub(s.FS, top); err != nil {
				_ = closer()
				return fail(err)
			}
		}
	}
	if !s.has(supportFile) && !s.has(communityFile) && !s.has(cloudFile) {
		_ = closer()
		return fail(fmt.Errorf("it holds none of %s, %s and %s", supportFile, communityFile, cloudFile))
	}
	return s, closer, nil
}

// Top returns the folder of an archive that has all else in it, as archives are often
// made, or ".". What a Mac leaves beside it, and other hidden files, are not looked at.
func Top(archive fs.FS) (string, error) {
	entries, err := fs.ReadDir(archive, ".")
	if err != nil {
		return "", err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return strings.HasPrefix(e.Name(), ".") || e.Name() == "__MACOSX"
	})
	if len(entries) == 1 && entries[0].IsDir() {
		return entries[0].Name(), nil
	}
	return ".", nil
}

func unwrapPath(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

func (s Source) has(name string) bool {
	_, err := fs.Stat(s.FS, name)
	return err == nil
}

// read returns the patches of a source and what is wrong with it.
func (s Source) read() ([]*Patch, []Diagnostic) {
	r := reader{source: s, known: &known{
		files: map[string]map[string]bool{}, constraints: map[string]compat.Constraint{},
	}}
	if s.Dir != "" {
		r.loose()
		return r.patches, r.diagnostics
	}
	for _, f := range []struct {
		name, origin string
		read         func([]byte, string) error
	}{
		{supportFile, OriginSupport, r.quality},
		{communityFile, OriginCommunity, r.quality},
		{cloudFile, OriginSupport, r.cloud},
	} {
		src, err := ReadFile(s.FS, f.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if s.Origin != "" {
			f.origin = s.Origin
		}
		if err == nil {
			src = trimBOM(src)
			err = validate(src)
		}
		if err == nil {
			err = f.read(src, f.origin)
		}
		if err != nil {
			r.unread("%s: %v", f.name, unwrapPath(err))
		}
	}
	return r.patches, r.diagnostics
}

func (s Source) releases() (Releases, error) {
	if s.Dir != "" {
		return nil, fs.ErrNotExist
	}
	src, err := ReadFile(s.FS, releasesFile)
	if err != nil {
		return nil, err
	}
	r, err := parseReleases(trimBOM(src))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", releasesFile, err)
	}
	return r, nil
}

// A reader gathers the patches of one source.
type reader struct {
	source      Source
	patches     []*Patch
	diagnostics []Diagnostic

	known *known
}

// known is what the readers of a source have found out, and share.
type known struct {
	mu          sync.Mutex
	files       map[string]map[string]bool // folder → name → is a file
	constraints map[string]compat.Constraint
}

// each reads n entries on all processors. What they add stays in their order.
func (r *reader) each(n int, read func(r *reader, i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	parts := make([]reader, workers)
	var wg sync.WaitGroup
	for w := range parts {
		parts[w] = reader{source: r.source, known: r.known}
		wg.Go(func() {
			for i := w * n / workers; i < (w+1)*n/workers; i++ {
				read(&parts[w], i)
			}
		})
	}
	wg.Wait()
	for _, part := range parts {
		r.patches = append(r.patches, part.patches...)
		r.diagnostics = append(r.diagnostics, part.diagnostics...)
	}
}

func (r *reader) diagnose(id, format string, args ...any) {
	r.diagnostics = append(r.diagnostics, Diagnostic{Source: r.source.Name, ID: id, Message: fmt.Sprintf(format, args...)})
}

// unread diagnoses that nothing of a file is known.
func (r *reader) unread(format string, args ...any) {
	r.diagnostics = append(r.diagnostics, Diagnostic{Source: r.source.Name, Message: fmt.Sprintf(format, args...), Unread: true})
}

// diff makes a file of the source a variant's diff. A file that is not there is
// reported at once, one that is no diff when it is needed.
func (r *reader) diff(v *Variant, id, file string) bool {
	name := path.Join(diffsDir, file)
	if !r.exists(name) {
		r.diagnose(id, "its diff %s does not exist", name)
		return false
	}
	v.File, v.source = file, r.source.Name
	v.load = func() ([]byte, error) { return ReadFile(r.source.FS, name) }
	return true
}

// exists reports whether the source has a file. Folders are listed once: a catalogue
// has few folders and many diffs.
func (r *reader) exists(name string) bool {
	if !fs.ValidPath(name) {
		return false
	}
	dir, base := path.Split(name)
	dir = path.Clean(dir)
	r.known.mu.Lock()
	defer r.known.mu.Unlock()
	files, ok := r.known.files[dir]
	if !ok {
		files = map[string]bool{}
		entries, err := fs.ReadDir(r.source.FS, dir)
		if err == nil {
			for _, e := range entries {
				files[e.Name()] = !e.IsDir()
			}
		}
		r.known.files[dir] = files
	}
	return files[base]
}

// constrain sets what a variant is for. A constraint that Composer would not
// understand leaves the variant out.
func (r *reader) constrain(v *Variant, id, pkg, constraint string) bool {
	r.known.mu.Lock()
	c, ok := r.known.constraints[constraint]
	r.known.mu.Unlock()
	if !ok {
		var err error
		if c, err = compat.ParseConstraint(constraint); err != nil {
			r.diagnose(id, "%s: %v", pkg, err)
			return false
		}
		r.known.mu.Lock()
		r.known.constraints[constraint] = c
		r.known.mu.Unlock()
	}
	v.Package, v.Constraint = pkg, c
	return true
}

// loose reads a folder of diffs, in name order.
func (r *reader) loose() {
	entries, err := fs.ReadDir(r.source.FS, ".") // in name order
	if err != nil {
		r.unread("%v", unwrapPath(err))
	}
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || path.Ext(name) != ".patch" || name[0] == '.' { // as the shell's *.patch
			continue
		}
		p := LoosePatch(path.Join(r.source.Dir, name), func() ([]byte, error) {
			return ReadFile(r.source.FS, name)
		})
		p.Source, p.Variants[0].source = r.source.Name, r.source.Name
		r.patches = append(r.patches, p)
	}
}

// LoosePatch returns the patch that a diff without a catalogue entry is. It fits
// every installation, and its id is the name of the file.
func LoosePatch(name string, load func() ([]byte, error)) *Patch {
	everything, err := compat.ParseConstraint("*")
	if err != nil {
		panic(err) // only if compat does not know the simplest constraint
	}
	return &Patch{
		ID: filepath.ToSlash(name), Title: path.Base(filepath.ToSlash(name)),
		Categories: []string{"Other"}, Origin: OriginLocal, Type: Custom, Source: "file",
		Variants: []*Variant{{
			Title: path.Base(filepath.ToSlash(name)), File: filepath.ToSlash(name), Constraint: everything,
			source: "file", load: load,
		}},
	}
}
