package catalog_test

import (
	"archive/zip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/quality-patches/qpt/pkg/catalog"
)

// entry is one quality patch for p/p 1.
func entry(id, title, diff string) string {
	return `"` + id + `": {"title": "` + title + `", "packages": {"p/p": {"1": {"file": "` + diff + `"}}}}`
}

func support(entries ...string) fstest.MapFS {
	return fstest.MapFS{"support-patches.json": file("{" + strings.Join(entries, ",") + "}")}
}

// An id of an earlier level hides it in later ones; sources of one level add up.
func TestPrecedence(t *testing.T) {
	named := one("named", support(entry("a-1", "named", "one.patch")))
	quality := one("quality", support(entry("A-1", "hidden", "one.patch"), entry("B-1", "quality", "one.patch"), entry("C-1", "quality", "one.patch")))
	cloud := one("cloud", support(entry("b-1", "cloud", "two.patch"), entry("A-1", "hidden too", "two.patch")))
	bundled := one("bundled", support(entry("C-1", "hidden", "one.patch"), entry("D-1", "bundled", "one.patch")))
	bundled.Origin = catalog.OriginBundled
	c := catalog.Load([]catalog.Source{named}, []catalog.Source{quality, cloud}, nil, []catalog.Source{bundled})
	if got := ids(c); got != "a-1 B-1 C-1 D-1" {
		t.Errorf("patches %s", got)
	}
	for id, want := range map[string]string{
		"A-1": "named named p/p 1 one.patch",
		"b-1": "quality quality p/p 1 one.patch|p/p 1 two.patch",
		"C-1": "quality quality p/p 1 one.patch",
		"d-1": "bundled bundled p/p 1 one.patch",
	} {
		p := patch(t, c, id)
		if got := p.Title + " " + p.Source + " " + strings.Join(variantTexts(p), "|"); got != want {
			t.Errorf("%s is %q, want %q", id, got, want)
		}
	}
	if got := patch(t, c, "D-1").Origin; got != catalog.OriginBundled {
		t.Errorf("origin %s", got)
	}
	if got := diagnostics(c); len(got) > 0 {
		t.Errorf("diagnostics %q", got)
	}
}

// The files of one source are read in a fixed order, whatever their names.
func TestFilesOfASource(t *testing.T) {
	c := catalog.Load([]catalog.Source{one("all", fstest.MapFS{
		"patches.json":            file(`{"p/p": {"Cloud": {"1": "CLOUD-1__x__1.patch", "2": "S-1__x__2.patch"}}}`),
		"community-patches.json":  file("{" + entry("COMM-1", "c", "one.patch") + "}"),
		"support-patches.json":    file("{" + entry("S-1", "s", "two.patch") + "}"),
		"patches/S-1__x__2.patch": diffOf("pub/s"), "patches/CLOUD-1__x__1.patch": diffOf("pub/c"),
	})})
	if got := ids(c); got != "S-1 COMM-1 CLOUD-1" {
		t.Errorf("patches %s", got)
	}
	if diff := cmp.Diff([]string{"p/p 1 two.patch", "p/p 2 S-1__x__2.patch"}, variantTexts(patch(t, c, "S-1"))); diff != "" {
		t.Errorf("variants (-want +got):\n%s", diff)
	}
}

// Loose diffs are patches of the shop itself, in name order, with their paths as ids.
func TestLooseDiffs(t *testing.T) {
	c := catalog.Load([]catalog.Source{{Name: "m2-hotfixes", Dir: "m2-hotfixes", FS: fstest.MapFS{
		"b.patch": diffOf("pub/b"), "A.patch": diffOf("pub/a"), "10.patch": file("not a diff\n"),
		"notes.txt": file("x"), "sub/c.patch": diffOf("pub/c"), "._b.patch": file("of a Mac"), "magento_releases.json": file("{"),
	}}})
	if got := ids(c); got != "m2-hotfixes/10.patch m2-hotfixes/A.patch m2-hotfixes/b.patch" {
		t.Errorf("patches %s", got)
	}
	p := patch(t, c, "M2-hotfixes/a.patch")
	got := []string{p.Title, p.Origin, string(p.Type), p.Source, p.Variants[0].Package, p.Variants[0].Constraint.String()}
	if diff := cmp.Diff([]string{"A.patch", catalog.OriginLocal, string(catalog.Custom), "m2-hotfixes", "", "*"}, got); diff != "" {
		t.Errorf("patch (-want +got):\n%s", diff)
	}
	if got := catalog.Components(p.Variants); strings.Join(got, " ") != "pub/a" {
		t.Errorf("components %q", got)
	}
	if got := diagnostics(c); len(got) > 0 {
		t.Errorf("diagnostics %q, but a diff is only read when it is needed", got)
	}
	if broken, ok := c.Patch("m2-hotfixes/10.patch"); !ok {
		t.Error("m2-hotfixes/10.patch is not there")
	} else if _, err := broken.Variants[0].Diff(); err == nil {
		t.Error("m2-hotfixes/10.patch can be read")
	}
}

// Components are the packages that diffs touch, else the first two folders; a diff
// that cannot be read adds nothing.
func TestComponents(t *testing.T) {
	c := catalog.Load([]catalog.Source{one("test", fstest.MapFS{
		"support-patches.json": file(`{"A-1": {"packages": {"p/p": {"1": {"file": "one.patch"}, "2": {"file": "two.patch"}, "3": {"file": "bad.patch"}}}}}`),
		"patches/one.patch":    diffOf("vendor/magento/module-b/etc/di.xml", "vendor/magento/module-a/x.php", "vendor/magento/module-b/y.php"),
		"patches/two.patch":    diffOf("app/etc/di.xml", "index.php", "lib/web/js/a/b.js"),
		"patches/bad.patch":    file("nothing"),
	})})
	got := catalog.Components(patch(t, c, "A-1").Variants)
	if diff := cmp.Diff([]string{"app/etc", "index.php", "lib/web", "magento/module-a", "magento/module-b"}, got); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
}

// The first source with an article about an id has it, also when the patch is from another one.
func TestArticle(t *testing.T) {
	first, second := support(entry("a-1", "t", "one.patch"), entry("B-1", "t", "one.patch")), support()
	first["articles/DIR.md/x"] = file("")
	first["articles/BOTH.md"] = file("first")
	second["articles/A-1.md"] = file("# A\n")
	second["articles/BOTH.md"] = file("second")
	c := catalog.Load([]catalog.Source{one("first", first)}, []catalog.Source{one("second", second)})
	for id, want := range map[string]string{"A-1": "# A\n", "a-1": "# A\n", "both": "first"} {
		if got, err := c.Article(id); err != nil || string(got) != want {
			t.Errorf("%s: article %q, error %v", id, got, err)
		}
	}
	for _, id := range []string{"B-1", "../../x", "none", ""} {
		if _, err := c.Article(id); !errors.Is(err, catalog.ErrNoArticle) {
			t.Errorf("%q: error %v", id, err)
		}
	}
	if _, err := c.Article("dir"); err == nil || errors.Is(err, catalog.ErrNoArticle) {
		t.Errorf("a folder in the article's place: error %v", err)
	}
}

// A loose diff is named as it was given, and its failure to load is a DiffError
// without the path that the name says already.
func TestLoosePatch(t *testing.T) {
	p := catalog.LoosePatch("fixes/ours.patch", func() ([]byte, error) {
		return nil, &fs.PathError{Op: "open", Path: "/somewhere/fixes/ours.patch", Err: fs.ErrNotExist}
	})
	if p.ID != "fixes/ours.patch" || p.Title != "ours.patch" || p.Type != catalog.Custom {
		t.Errorf("patch %+v", p)
	}
	_, err := p.Variants[0].Diff()
	var diffError *catalog.DiffError
	if !errors.As(err, &diffError) || !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "somewhere") {
		t.Errorf("error %v", err)
	}
}

// A source is a folder or a zip archive, with or without one folder around all.
func TestOpen(t *testing.T) {
	files := map[string]string{
		"support-patches.json": "{" + entry("A-1", "t", "os/one.patch") + "}",
		"patches/os/one.patch": string(diffOf("pub/one").Data),
	}
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, "folder", name), text)
	}
	writeZip(t, filepath.Join(dir, "plain.zip"), "", files)
	writeZip(t, filepath.Join(dir, "wrapped.zip"), "quality-patches-1.1.54/", files)
	finder := map[string]string{".DS_Store": "", "__MACOSX/quality-patches/._composer.json": ""}
	for name, text := range files {
		finder["quality-patches/"+name] = text
	}
	writeZip(t, filepath.Join(dir, "finder.zip"), "", finder)
	for _, name := range []string{"folder", "plain.zip", "wrapped.zip", "finder.zip"} {
		t.Run(name, func(t *testing.T) {
			s, closer, err := catalog.Open(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			defer closer()
			c := catalog.Load([]catalog.Source{s})
			if got := diagnostics(c); len(got) > 0 || ids(c) != "A-1" {
				t.Fatalf("patches %q, diagnostics %q", ids(c), got)
			}
			if d, err := patch(t, c, "A-1").Variants[0].Diff(); err != nil || len(d.Entries) != 1 {
				t.Errorf("diff %v, error %v", d, err)
			}
		})
	}
	write(t, filepath.Join(dir, "text.zip"), "no archive")
	write(t, filepath.Join(dir, "empty", "readme.txt"), "x")
	writeZip(t, filepath.Join(dir, "other.zip"), "", map[string]string{"a/b": "", "c": ""})
	for name, want := range map[string]string{
		"nowhere":   "no such file",
		"text.zip":  "neither a folder nor a zip archive",
		"empty":     "it holds none of support-patches.json, community-patches.json and patches.json",
		"other.zip": "it holds none of support-patches.json, community-patches.json and patches.json",
	} {
		if _, _, err := catalog.Open(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func writeZip(t *testing.T, name, top string, files map[string]string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	for name, text := range files {
		part, err := w.Create(top + name)
		if err == nil {
			_, err = part.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}
