package author

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/quality-patches/qpt/pkg/catalog"
)

const diffText = "--- /dev/null\n+++ b/pub/x.txt\n@@ -0,0 +1 @@\n+x\n"

func draft(id string, packages ...string) Draft {
	d := Draft{ID: id, Title: "t", Categories: []string{"Other"}}
	for _, p := range packages {
		d.Variants = append(d.Variants, Variant{Package: p, Constraint: "1.0", Version: "1.0", Diff: []byte(diffText)})
	}
	return d
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			files[name] = "folder"
			return err
		}
		text, err := os.ReadFile(name)
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func write(t *testing.T, dir string, d Draft) *Writing {
	t.Helper()
	o, err := OpenOwn(dir)
	if err != nil {
		t.Fatal(err)
	}
	w, err := o.Write(d)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// What the folder is said to become is what it becomes, and a file system like any other.
func TestFuture(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "own")
	w := write(t, dir, draft("A", "a/b", "c/d"))
	if err := fstest.TestFS(w.FS(), entriesFile, "patches/A_b_1.0.patch", "patches/A_d_1.0.patch"); err != nil {
		t.Error(err)
	}
	future := map[string]string{}
	for _, name := range []string{entriesFile, "patches/A_b_1.0.patch", "patches/A_d_1.0.patch"} {
		text, err := fs.ReadFile(w.FS(), name)
		if err != nil {
			t.Fatal(err)
		}
		future[filepath.Join(dir, name)] = string(text)
	}
	if _, err := os.Stat(filepath.Dir(dir)); err == nil {
		t.Fatal("something was written before the commit")
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	now := contents(t, dir)
	maps.DeleteFunc(now, func(_, text string) bool { return text == "folder" })
	if !maps.Equal(now, future) {
		t.Errorf("became %q, should be %q", now, future)
	}
	// A change: another diff takes the name _v2, and the old one goes.
	d := draft("A", "a/b")
	d.Variants[0].Diff = []byte(diffText + "# more\n")
	w = write(t, dir, d)
	if err := fstest.TestFS(w.FS(), entriesFile, "patches/A_b_1.0_v2.patch", "patches/A_d_1.0.patch"); err != nil {
		t.Error(err)
	}
	if _, err := w.FS().Open("patches/A_b_1.0.patch"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old diff is still there: %v", err)
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	c := catalog.Load([]catalog.Source{{Name: "own", FS: os.DirFS(dir)}})
	p, ok := c.Patch("A")
	if !ok || len(p.Variants) != 2 || p.Variants[0].File != "A_b_1.0_v2.patch" || len(c.Diagnostics) > 0 {
		t.Errorf("read back: %+v, %v", p, c.Diagnostics)
	}
}

// A commit that fails leaves the folder as it was.
func TestCommitFails(t *testing.T) {
	for _, tc := range []struct {
		name   string
		before func(dir string) error // that it can be opened
		then   func(dir string) error // what comes in between
	}{
		{"the entries changed", func(dir string) error { return entries(dir, "{}") }, func(dir string) error { return entries(dir, "{ }") }},
		{"there are entries now", func(dir string) error { return os.MkdirAll(dir, 0o755) }, func(dir string) error { return entries(dir, "{}") }},
		{"there are none any more", func(dir string) error { return entries(dir, "{}") }, func(dir string) error { return os.Remove(filepath.Join(dir, entriesFile)) }},
		{"a diff is there", func(dir string) error { return entries(dir, "{}") }, func(dir string) error {
			return os.MkdirAll(filepath.Join(dir, "patches", "A_d_1.0.patch"), 0o755)
		}},
		{"the folder is a file", func(string) error { return nil }, func(dir string) error { return os.WriteFile(dir, nil, 0o644) }},
		{"the diffs' folder is a file", func(dir string) error { return entries(dir, "{}") }, func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "patches"), nil, 0o644)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			top := t.TempDir()
			dir := filepath.Join(top, "own")
			if err := tc.before(dir); err != nil {
				t.Fatal(err)
			}
			w := write(t, dir, draft("A", "a/b", "c/d"))
			if err := tc.then(dir); err != nil {
				t.Fatal(err)
			}
			before := contents(t, top)
			if _, err := w.Commit(); err == nil {
				t.Fatal("no error")
			}
			if after := contents(t, top); !maps.Equal(before, after) {
				t.Errorf("it was %q and is %q", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
			}
		})
	}
}

// A sum that stands beside a diff follows it.
func TestSums(t *testing.T) {
	dir := t.TempDir()
	w := write(t, dir, draft("A", "a/b"))
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, entriesFile))
	if err != nil {
		t.Fatal(err)
	}
	if text, err = set(text, []string{"A", "packages", "a/b", "1.0", "sha256"}, hexSHA256(diffText)); err != nil {
		t.Fatal(err)
	}
	if err := entries(dir, string(text)); err != nil {
		t.Fatal(err)
	}
	d := draft("A", "a/b")
	d.Variants[0].Diff = []byte(diffText + "# more\n")
	w = write(t, dir, d)
	if c := catalog.Load([]catalog.Source{{Name: "own", FS: w.FS()}}); len(c.Diagnostics) > 0 || len(c.Patches) != 1 {
		t.Errorf("%v in %s", c.Diagnostics, w.Entry)
	}
}

func hexSHA256(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func entries(dir, text string) error {
	return errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, entriesFile), []byte(text), 0o644))
}

func TestCheckID(t *testing.T) {
	for id, ok := range map[string]bool{
		"SHOP-17": true, "a.b_c-1": true, "7": true, "": false, "-a": false, ".a": false, "a/b": false, `a\b`: false, "a b": false, "ä": false,
		"fix.patch": false, "x\n": false,
	} {
		if err := CheckID(id); (err == nil) != ok {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// A patches.json in the folder may be another tool's, and is none of ours.
func TestForeignFile(t *testing.T) {
	dir := t.TempDir()
	foreign := `{"a/b": {"t": {"*": "A-1__x__1.patch"}}}`
	if err := errors.Join(
		entries(dir, "{}"),
		os.WriteFile(filepath.Join(dir, "patches.json"), []byte(foreign), 0o644),
		os.MkdirAll(filepath.Join(dir, "patches"), 0o755),
		os.WriteFile(filepath.Join(dir, "patches", "A-1__x__1.patch"), []byte(diffText), 0o644),
	); err != nil {
		t.Fatal(err)
	}
	o, err := OpenOwn(dir)
	if err != nil {
		t.Fatal(err)
	}
	if p, leftOut := o.Patch("A-1"); p != nil || leftOut != "" {
		t.Errorf("found %+v, %q", p, leftOut)
	}
}
