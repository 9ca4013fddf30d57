package own_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/catalog/own"
)

const entriesFile = "support-patches.json"

func draft(id, text string, packages ...string) own.Draft {
	d := own.Draft{ID: id, Title: "t", Categories: []string{"Other"}}
	for _, p := range packages {
		d.Variants = append(d.Variants, own.DraftVariant{Variant: own.Variant{Package: p, Constraint: "1.0", Text: []byte(text)}, Version: "1.0"})
	}
	return d
}

// edited returns a folder as it is after an edit of it.
func edited(t *testing.T, folder fstest.MapFS, edit func(e *own.Edit) error) fstest.MapFS {
	t.Helper()
	e, err := own.Begin(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := edit(e); err != nil {
		t.Fatal(err)
	}
	preview, err := e.Preview()
	if err != nil {
		t.Fatal(err)
	}
	next := maps.Clone(folder)
	for name, text := range e.Files() {
		if text == nil {
			delete(next, name)
		} else {
			next[name] = &fstest.MapFile{Data: text}
		}
	}
	if err := fstest.TestFS(preview, slices.Collect(maps.Keys(next))...); err != nil {
		t.Error(err)
	}
	for name, f := range next {
		if text, err := fs.ReadFile(preview, name); err != nil || !bytes.Equal(text, f.Data) {
			t.Errorf("the preview of %s is %q, %v", name, text, err)
		}
	}
	return next
}

func write(d own.Draft) func(*own.Edit) error {
	return func(e *own.Edit) error { return e.Write(&d) }
}

func TestWrite(t *testing.T) {
	names := func(folder fstest.MapFS) string {
		return strings.Join(slices.Sorted(maps.Keys(folder)), " ")
	}
	text := creates("pub/x")
	folder := edited(t, fstest.MapFS{}, write(draft("A", text, "a/b", "magento/magento2-base")))
	if got, want := names(folder), "patches/A_1.0.patch patches/A_b_1.0.patch support-patches.json"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	first := folder

	// The same again changes nothing.
	e, err := own.Begin(folder)
	if err != nil {
		t.Fatal(err)
	}
	d := draft("a", text, "a/b")
	if err := e.Write(&d); err != nil || len(e.Files()) > 0 || d.ID != "A" || d.Variants[0].File != "patches/A_b_1.0.patch" {
		t.Errorf("%v, %s is to be written for %s as %s", err, slicesOf(e.Files()), d.ID, d.Variants[0].File)
	}

	// Another diff takes the next name and brings its sum; the old one goes.
	other := draft("A", text+"# more\n", "a/b")
	other.Title, other.Categories, other.Requirements = "", nil, "Mind it."
	other.Variants[0].Require = []string{"X"}
	folder = edited(t, folder, write(other))
	if got, want := names(folder), "patches/A_1.0.patch patches/A_b_1.0_v2.patch support-patches.json"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	sum := sha256.Sum256([]byte(text + "# more\n"))
	for _, want := range []string{`"title": "t"`, `"requirements": "Mind it."`, hex.EncodeToString(sum[:]), "\"require\": [\n                        \"X\"\n"} {
		if !strings.Contains(string(folder[entriesFile].Data), want) {
			t.Errorf("%s is not in %s", want, folder[entriesFile].Data)
		}
	}

	// Back to what it was, byte for byte, but for what nobody took back.
	folder = edited(t, folder, write(draft("A", text, "a/b")))
	folder[entriesFile] = &fstest.MapFile{Data: []byte(strings.Replace(string(folder[entriesFile].Data), ",\n        \"requirements\": \"Mind it.\"", "", 1))}
	if diff := cmp.Diff(first, folder); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// What is taken out goes with its diff, the other variant stays.
	d = draft("A", text, "a/b")
	d.Variants[0].Text = nil
	folder = edited(t, folder, write(d))
	if got, want := names(folder), "patches/A_1.0.patch support-patches.json"; got != want || strings.Contains(string(folder[entriesFile].Data), "a/b") {
		t.Errorf("got %s in %s, want %s", got, folder[entriesFile].Data, want)
	}
	if c := catalog.Load([]catalog.Source{own.Source("own", folder)}); len(c.Diagnostics) > 0 || len(c.Patches) != 1 {
		t.Error(c.Diagnostics)
	}
}

// What fails leaves the edit as it was.
func TestEditFails(t *testing.T) {
	for name, entry := range map[string]string{
		"packages": `{"packages": 1}`, "a package": `{"packages": {"a/b": [1]}}`, "a variant": `{"packages": {"a/b": {"1.0": {"file": 1}}}}`,
		"the entry": `"x"`, "in between": `{"packages": {"a/b": {}, "c/d": 1}}`,
	} {
		e, err := own.Begin(fstest.MapFS{entriesFile: {Data: []byte(`{"A": ` + entry + `}`)}})
		if err != nil {
			t.Fatal(err)
		}
		d := draft("A", creates("pub/x"), "a/b", "c/d")
		if err := e.Write(&d); err == nil || len(e.Files()) > 0 {
			t.Errorf("%s: %v, %s is to be written", name, err, slicesOf(e.Files()))
		}
	}
	for _, src := range []string{"", "[1]", `{"A": {}`, `{"A": {}} x`, strings.Repeat(`{"A":`, 20_000) + "1" + strings.Repeat("}", 20_000)} {
		if _, err := own.Begin(fstest.MapFS{entriesFile: {Data: []byte(src)}}); err == nil || !strings.Contains(err.Error(), entriesFile) {
			t.Errorf("%.20q: %v", src, err)
		}
	}
}

// A diff that an entry names outside of its folder is never taken away.
func TestForeignDiff(t *testing.T) {
	for _, file := range []string{"../../app/etc/env.php", "/etc/x", "a/../../x", "."} {
		src := `{"A": {"title": "t", "categories": ["Other"], "packages": {"a/b": {"1.0": {"file": "` + file + `"}}}}}`
		e, err := own.Begin(fstest.MapFS{entriesFile: {Data: []byte(src)}})
		if err != nil {
			t.Fatal(err)
		}
		d := draft("A", creates("pub/x"), "a/b")
		if err := e.Write(&d); err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(e.Files())); !slices.Equal(got, []string{"patches/A_b_1.0.patch", entriesFile}) {
			t.Errorf("%s: %q are written", file, got)
		}
	}
}

// An edit knows what came in between.
func TestCheck(t *testing.T) {
	for _, tc := range []struct {
		name         string
		before, then fstest.MapFS
	}{
		{"the entries changed", fstest.MapFS{entriesFile: {Data: []byte("{}")}}, fstest.MapFS{entriesFile: {Data: []byte("{ }")}}},
		{"there are entries now", fstest.MapFS{}, fstest.MapFS{entriesFile: {Data: []byte("{}")}}},
		{"there are none any more", fstest.MapFS{entriesFile: {Data: []byte("{}")}}, fstest.MapFS{}},
		{"the community's changed", fstest.MapFS{}, fstest.MapFS{"community-patches.json": {Data: []byte("{}")}}},
		{"a diff is there", fstest.MapFS{}, fstest.MapFS{"patches/A_b_1.0.patch": {Data: []byte("x")}}},
		{"a folder is there", fstest.MapFS{}, fstest.MapFS{"patches/A_b_1.0.patch/x": {Data: []byte("x")}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, err := own.Begin(tc.before)
			if err != nil {
				t.Fatal(err)
			}
			d := draft("A", creates("pub/x"), "a/b")
			if err := e.Write(&d); err != nil {
				t.Fatal(err)
			}
			if err := e.Check(tc.before); err != nil {
				t.Error(err)
			}
			if err := e.Check(tc.then); !errors.Is(err, own.ErrChanged) {
				t.Errorf("error %v", err)
			}
		})
	}
}
