package store_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/quality-patches/qpt/pkg/catalog/store"
)

type entry struct {
	name, text string
	link       bool
}

// good is the content of a catalogue, below a folder as archives are often made.
func good(version string) []entry {
	return []entry{
		{name: "acme-1/composer.json", text: `{"name": "Acme/Patches", "version": "` + version + `"}`},
		{name: "acme-1/support-patches.json", text: `{}`},
		{name: "acme-1/patches/a.patch", text: "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"},
	}
}

func zipOf(t testing.TB, entries []entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(0o644)
		if e.link {
			h.SetMode(fs.ModeSymlink | 0o777)
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.Write([]byte(e.text))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func tarOf(t testing.TB, entries []entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.text)), Typeflag: tar.TypeReg}
		if e.link {
			h = &tar.Header{Name: e.name, Linkname: e.text, Typeflag: tar.TypeSymlink}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if !e.link {
			_, _ = w.Write([]byte(e.text))
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func fileOf(t testing.TB, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func add(t testing.TB, s store.Store, version string) store.Entry {
	t.Helper()
	e, err := s.Add(fileOf(t, zipOf(t, good(version))), store.Entry{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A folder, a zip and a tar.gz of the same files are the same content.
func TestAdd(t *testing.T) {
	s := store.New(filepath.Join(t.TempDir(), "qpt"))
	fromZip := add(t, s, "1.0.0")
	if fromZip.Name != "acme/patches" || fromZip.Version != "1.0.0" {
		t.Errorf("it is %s", fromZip)
	}
	fromTar, err := s.Add(fileOf(t, tarOf(t, good("1.0.0"))), store.Entry{Name: "other", Version: "2"}, nil)
	if err != nil || fromTar.ID != fromZip.ID || fromTar.String() != "other 2" {
		t.Errorf("%s, error %v", fromTar, err)
	}
	fromFolder, err := s.Add(s.Path(fromZip), store.Entry{}, nil)
	if err != nil || fromFolder.ID != fromZip.ID {
		t.Errorf("%s, error %v", fromFolder, err)
	}
	finder := append(good("1.0.0"), entry{name: ".DS_Store"}, entry{name: "__MACOSX/acme-1/._composer.json"})
	fromFinder, err := s.Add(fileOf(t, zipOf(t, finder)), store.Entry{}, nil)
	if err != nil || fromFinder.ID != fromZip.ID {
		t.Errorf("%s, error %v", fromFinder, err)
	}
	if objects, err := os.ReadDir(s.Dir("objects")); err != nil || len(objects) != 1 {
		t.Errorf("%d objects, error %v", len(objects), err)
	}
}

// What is broken or hostile is refused, and leaves nothing behind, inside or outside.
func TestAddRefuses(t *testing.T) {
	with := func(e entry) []entry { return append(good("1.0.0"), e) }
	zeros := strings.Repeat("\x00", 40<<20)
	for _, tc := range []struct {
		name    string
		archive []byte
		message string
	}{
		{"zip slip", zipOf(t, with(entry{name: "acme-1/../../out.txt"})), "would leave"},
		{"an absolute name", zipOf(t, with(entry{name: "/out.txt"})), "would leave"},
		{"a backslash", zipOf(t, with(entry{name: `..\out.txt`})), "would leave"},
		{"a drive", zipOf(t, with(entry{name: `C:out.txt`})), "would leave"},
		{"a link", zipOf(t, with(entry{name: "acme-1/l", text: "/etc", link: true})), "a link"},
		{"a file twice", zipOf(t, append(good("1.0.0"), good("1.0.0")...)), "twice"},
		{"tar slip", tarOf(t, with(entry{name: "../out.txt"})), "would leave"},
		{"a link in a tar", tarOf(t, with(entry{name: "acme-1/l", text: "/etc", link: true})), "a link"},
		{"a zip bomb", zipOf(t, with(entry{name: "acme-1/z", text: zeros})), "times its size"},
		{"a tar bomb", tarOf(t, with(entry{name: "acme-1/z", text: zeros})), "too much for its size"},
		{"half a zip", zipOf(t, good("1.0.0"))[:300], "truncated zip"},
		{"half a tar.gz", tarOf(t, good("1.0.0"))[:200], "truncated tar.gz"},
		{"a web page", []byte("\n<!DOCTYPE html><title>Log in</title>"), "a web page"},
		{"nothing", nil, "neither a folder nor"},
		{"no catalogue", zipOf(t, []entry{{name: "a/readme", text: "x"}, {name: "b", text: "x"}}), "holds none of"},
		{"no name", zipOf(t, []entry{{name: "support-patches.json", text: "{}"}}), "give it a name"},
		{"a bad name", zipOf(t, []entry{{name: "support-patches.json", text: "{}"}, {name: "composer.json", text: `{"name": "../x"}`}}), "not a name"},
		{"a bad version", zipOf(t, good("../../1")), "not a version"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			s := store.New(filepath.Join(dir, "a", "b"))
			e, err := s.Add(fileOf(t, tc.archive), store.Entry{}, nil)
			if err == nil || !strings.Contains(err.Error(), tc.message) {
				t.Errorf("%s, error %v", e, err)
			}
			_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
				if err != nil || !d.IsDir() {
					t.Errorf("%s is left, error %v", name, err)
				}
				return nil
			})
			if objects, err := os.ReadDir(s.Dir("objects")); err != nil || len(objects) != 0 {
				t.Errorf("%d objects, error %v", len(objects), err)
			}
		})
	}
	s := store.New(t.TempDir())
	refused := errors.New("not by me")
	if _, err := s.Add(fileOf(t, zipOf(t, good("1"))), store.Entry{}, func(fs.FS) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("error %v", err)
	}
	dir := t.TempDir()
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "support-patches.json"), []byte("{}"), 0o600), os.Symlink("/etc", filepath.Join(dir, "l"))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(dir, store.Entry{Name: "x"}, nil); err == nil || !strings.Contains(err.Error(), "links") {
		t.Errorf("a folder with a link: error %v", err)
	}
}

// A byte that changed in the cache is never read as a patch, and fetching again heals it.
func TestDamage(t *testing.T) {
	s := store.New(t.TempDir())
	e := add(t, s, "1.0.0")
	files, err := s.Open(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(files, "composer.json", "patches/a.patch"); err != nil {
		t.Error(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(s.Path(e), "patches", "a.patch"), []byte("other"), 0o600),
		os.WriteFile(filepath.Join(s.Path(e), "patches", "extra.patch"), []byte("other"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := fs.ReadFile(files, "patches/a.patch"); !errors.Is(err, store.ErrChanged) {
		t.Errorf("error %v", err)
	}
	if _, err := fs.ReadFile(files, "patches/extra.patch"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if err := s.Verify(e.ID); !errors.Is(err, store.ErrChanged) {
		t.Errorf("error %v", err)
	}
	add(t, s, "1.0.0")
	if err := s.Verify(e.ID); err != nil {
		t.Errorf("after fetching again: %v", err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(s.Path(e)), "manifest"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(e); !errors.Is(err, store.ErrChanged) {
		t.Errorf("error %v", err)
	}
}

func TestFindSelectPrune(t *testing.T) {
	s := store.New(t.TempDir())
	v9, v82, v60 := add(t, s, "1.1.9"), add(t, s, "1.1.82"), add(t, s, "1.1.60")
	find := func(text, version string) {
		t.Helper()
		e, err := s.Find(text)
		if version == "" {
			if !errors.Is(err, store.ErrUnknown) {
				t.Errorf("%s: %s, error %v", text, e, err)
			}
		} else if err != nil || e.Version != version {
			t.Errorf("%s: %s, want %s, error %v", text, e, version, err)
		}
	}
	find("acme/patches", "1.1.82")
	find("Acme/Patches:1.1.9", "1.1.9")
	find("1.1.60", "1.1.60")
	find(v60.ID[:8], "1.1.60")
	find("1.1.6", "")
	find("acme/other", "")
	if err := s.Select("acme/patches", "1.1.9"); err != nil {
		t.Fatal(err)
	}
	find("acme/patches", "1.1.9")
	removed, err := s.Prune(1, true)
	if err != nil || len(removed) != 1 || removed[0].Version != "1.1.60" {
		t.Errorf("would remove %v, error %v", removed, err)
	}
	find("1.1.60", "1.1.60")
	if _, err := s.Prune(1, false); err != nil {
		t.Error(err)
	}
	find("1.1.60", "")
	if _, err := os.Stat(s.Path(v60)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its files: error %v", err)
	}
	if err := errors.Join(s.Verify(v9.ID), s.Verify(v82.ID), s.Select("acme/patches", "")); err != nil {
		t.Error(err)
	}
	find("acme/patches", "1.1.82")
}

// Runs that choose releases of different catalogues at the same time do not undo each
// other's choice, and what a choice was broken to is chosen anew.
func TestSelectAtOnce(t *testing.T) {
	s := store.New(t.TempDir())
	const runs = 8
	files := s.Path(add(t, s, "1.0.0"))
	name := func(run int) string { return fmt.Sprintf("acme/c%d", run) }
	for run := range runs {
		if _, err := s.Add(files, store.Entry{Name: name(run), Version: "1.0.0"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	for run := range runs {
		group.Go(func() {
			if err := s.Select(name(run), "1.0.0"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	inUse := func() (count int) {
		t.Helper()
		entries, err := s.Entries()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Selected {
				count++
			}
		}
		return count
	}
	if got := inUse(); got != runs {
		t.Errorf("%d of %d are in use", got, runs)
	}
	choice := filepath.Join(s.Dir("selected"), "acme~c1")
	if err := os.WriteFile(choice, []byte{0, 0, 0}, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := inUse(); got != runs-1 {
		t.Errorf("%d are in use beside a broken choice", got)
	}
	if err := s.Select("acme/c1", "1.0.0"); err != nil {
		t.Error(err)
	}
	if err := errors.Join(s.Select("acme/c2", ""), s.Select("acme/c2", "")); err != nil {
		t.Error(err)
	}
	if got := inUse(); got != runs-1 {
		t.Errorf("%d are in use after one was given up", got)
	}
}

// The same files make the same archive, and its signature covers each of them.
func TestPackAndSign(t *testing.T) {
	private, public, err := store.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := store.ParsePrivate(private)
	if err != nil {
		t.Fatal(err)
	}
	_, foreign, err := store.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{
		"support-patches.json": {Data: []byte("{}"), Mode: 0o600},
		"patches/b.patch":      {Data: []byte("b")}, "patches/a.patch": {Data: []byte("a")}, ".git/x": {Data: []byte("x")},
	}
	var first, second bytes.Buffer
	if _, err := store.Pack(&first, files, key); err != nil {
		t.Fatal(err)
	}
	files["support-patches.json"].Mode = 0o755
	if _, err := store.Pack(&second, files, key); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("two archives differ, error %v", err)
	}
	unpacked := func() fstest.MapFS {
		archive, err := zip.NewReader(bytes.NewReader(first.Bytes()), int64(first.Len()))
		if err != nil {
			t.Fatal(err)
		}
		m := fstest.MapFS{}
		for _, f := range archive.File {
			b, err := fs.ReadFile(archive, f.Name)
			if err != nil {
				t.Fatal(err)
			}
			m[f.Name] = &fstest.MapFile{Data: b}
		}
		return m
	}
	good, err := store.ParsePublic(public)
	if err != nil {
		t.Fatal(err)
	}
	other, err := store.ParsePublic(foreign)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := store.CheckSignature(unpacked(), good); err != nil || len(m) != 3 {
		t.Errorf("%d files, error %v", len(m), err)
	}
	if _, err := store.CheckSignature(unpacked(), other); !errors.Is(err, store.ErrSignature) {
		t.Errorf("another key: error %v", err)
	}
	for name, change := range map[string]func(fstest.MapFS){
		"changed":      func(m fstest.MapFS) { m["patches/a.patch"] = &fstest.MapFile{Data: []byte("x")} },
		"added":        func(m fstest.MapFS) { m["patches/c.patch"] = &fstest.MapFile{Data: []byte("x")} },
		"removed":      func(m fstest.MapFS) { delete(m, "patches/a.patch") },
		"not signed":   func(m fstest.MapFS) { delete(m, store.SignatureName) },
		"no manifest":  func(m fstest.MapFS) { delete(m, store.ManifestName) },
		"bad manifest": func(m fstest.MapFS) { m[store.ManifestName].Data = append(m[store.ManifestName].Data, '\n') },
		"resigned":     func(m fstest.MapFS) { m[store.SignatureName].Data = []byte("ed25519:AAAA\n") },
	} {
		m := unpacked()
		change(m)
		if _, err := store.CheckSignature(m, good); err == nil {
			t.Errorf("%s: it counts as signed", name)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(strings.Repeat("0", 64) + "  a/b\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := store.ParseManifest(text)
		if err == nil && !bytes.Equal(m.Text(), text) {
			t.Errorf("%q is read as %q", text, m.Text())
		}
	})
}
