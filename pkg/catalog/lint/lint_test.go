package lint_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/catalog/lint"
)

func file(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func diffOf(path string) *fstest.MapFile {
	return file("--- /dev/null\n+++ b/" + path + "\n@@ -0,0 +1 @@\n+new\n")
}

func run(t testing.TB, files fstest.MapFS, others ...catalog.Source) []string {
	t.Helper()
	found, err := lint.Catalog(catalog.Source{Name: "test", FS: files}, others...)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, f := range found {
		if f.Message == "" || f.File == "" || f.Severity == "" || f.Line < 0 {
			t.Errorf("a finding says nothing: %+v", f)
		}
		texts = append(texts, fmt.Sprintf("%s %s %s %s:%d %s", f.Severity, f.Rule, f.ID, f.File, f.Line, f.Pointer))
	}
	return texts
}

const support = "support-patches.json"

// entry is a patch with one variant.
func entry(id, constraint, variant string) string {
	return fmt.Sprintf(`%q: {"title": "t", "categories": ["One"], "packages": {"a/b": {%q: {%s}}}}`, id, constraint, variant)
}

func object(entries ...string) *fstest.MapFile {
	return file("{\n" + strings.Join(entries, ",\n") + "\n}\n")
}

// Each rule finds its mistake, where it is, and nothing else; the same without the
// mistake has no finding.
func TestRules(t *testing.T) {
	const x, y = `"file": "x.patch"`, `"file": "y.patch"`
	for _, tc := range []struct {
		name  string
		files fstest.MapFS
		want  []string
	}{
		{"nothing wrong", fstest.MapFS{support: object(entry("A", ">=1 <2", x), entry("B", ">=1 <2", y+`, "require": ["a"]`))}, nil},
		{"an empty catalogue as PHP writes it", fstest.MapFS{support: file("[]"), "patches/x.patch": nil, "patches/y.patch": nil}, nil},
		{
			"syntax",
			fstest.MapFS{support: file("{\n\"A\": {\n\"title\": x\n}}"), "patches/x.patch": nil, "patches/y.patch": nil},
			[]string{"error syntax  support-patches.json:3 "},
		},
		{
			"another encoding",
			fstest.MapFS{support: object(entry("B", ">=1", y), strings.Replace(entry("A", ">=1", x), `"t"`, "\"\xc4\"", 1))},
			[]string{"error syntax  support-patches.json:3 "},
		},
		{"a byte order mark", fstest.MapFS{support: file("\ufeff" + string(object(entry("A", ">=1", x), entry("B", ">=1", y)).Data))}, []string{"warning syntax  support-patches.json:1 "}},
		{"two documents", fstest.MapFS{support: file("{}\n{}"), "patches/x.patch": nil, "patches/y.patch": nil}, []string{"error syntax  support-patches.json:1 "}},
		{"nested too deep", fstest.MapFS{support: file(strings.Repeat("[", 5000)), "patches/x.patch": nil, "patches/y.patch": nil}, []string{"error syntax  support-patches.json:1 "}},
		{
			"structure",
			fstest.MapFS{support: object(
				`"A": 1`, `"B": {"title": 2, "categories": "One", "packages": {}}`, `"C": {"title": "t", "categories": ["One"], "packages": {"a/b": {">=1": "x.patch"}}}`,
				entry("D", ">=1", x+`, "require": "A", "deprecated": 1`), entry("E", ">=1", `"replaced-with": "A"`), entry("F", ">=1", y),
			)},
			[]string{
				"error structure A support-patches.json:2 /A",
				"error structure B support-patches.json:3 /B/title", "error structure B support-patches.json:3 /B/categories", "error structure B support-patches.json:3 /B/packages",
				"error structure C support-patches.json:4 /C/packages/a~1b/>=1",
				"error structure D support-patches.json:5 /D/packages/a~1b/>=1/require", "error structure D support-patches.json:5 /D/packages/a~1b/>=1/deprecated",
				"error structure E support-patches.json:6 /E/packages/a~1b/>=1",
				"warning replace-range E support-patches.json:6 /E/packages/a~1b/>=1/replaced-with",
			},
		},
		{
			"unknown keys",
			fstest.MapFS{support: object(`"A": {"title": "t", "requirement": "r", "categories": ["One"], "packages": {"a/b": {"*": {`+x+`, "replaced_with": "B"}}}}`, entry("B", "*", y))},
			[]string{"warning unknown-key A support-patches.json:2 /A/requirement", "warning unknown-key A support-patches.json:2 /A/packages/a~1b/*/replaced_with"},
		},
		{
			"hashes",
			fstest.MapFS{support: object(entry("A", "*", x+`, "sha256": "`+strings.Repeat("0", 64)+`"`), entry("B", "*", y+`, "sha256": "00"`))},
			[]string{"error hash A support-patches.json:2 /A/packages/a~1b/*/sha256", "error hash B support-patches.json:3 /B/packages/a~1b/*/sha256"},
		},
		{
			"security",
			fstest.MapFS{support: object(
				`"A": {"title": "t", "categories": ["One"], "security": {"cve": ["CVE-1", 2, "CVE-2026-0001", "CVE-2026-0001"], "month": "2026-13", "bulletin": 1, "sequence": 0, "hello": 1}, "packages": {"a/b": {"*": {`+x+`}}}}`,
				`"B": {"title": "t", "categories": ["One"], "security": {"release": "2.4.7-p10", "month": "2026-07", "sequence": 1, "edition": "CE"}, "packages": {"a/b": {"*": {`+y+`}}}}`,
				`"C": {"title": "t", "categories": ["One"], "security": [1], "packages": {"a/b": {"*": {`+y+`}}}}`,
				`"D": {"title": "t", "categories": ["One"], "security": {"release": "2.4.7-p10", "month": "0001-01", "sequence": 1000, "edition": "b2c"}, "packages": {"a/b": {"*": {`+y+`}}}}`)},
			[]string{
				"warning unknown-key A support-patches.json:2 /A/security/hello", "error security A support-patches.json:2 /A/security/cve/0",
				"error structure A support-patches.json:2 /A/security/cve/1", "warning security A support-patches.json:2 /A/security/cve/3",
				"error structure A support-patches.json:2 /A/security/bulletin", "error security A support-patches.json:2 /A/security/month",
				"error security A support-patches.json:2 /A/security/sequence",
				"warning security A support-patches.json:2 /A/security", "warning security A support-patches.json:2 /A/security",
				"error structure C support-patches.json:4 /C/security",
				"error security D support-patches.json:5 /D/security/month", "warning security D support-patches.json:5 /D/security/edition",
				"error security D support-patches.json:5 /D/security/sequence",
			},
		},
		{
			"releases beside a package",
			fstest.MapFS{support: object(
				`"A": {"title": "t", "categories": ["One"], "packages": {"a/b": {"*": {`+x+`, "base": "2.4.6"}, "* || 2.4.7": {`+x+`, "base": "2.4.7"}, ">=1": {`+x+`, "base": "~2.4.6"}}}}`,
				entry("B", "*", y+`, "base": "what?"`), entry("C", "*", y+`, "base": 1`))},
			[]string{
				"warning constraint-overlap A support-patches.json:2 /A/packages/a~1b/>=1", "warning constraint-overlap A support-patches.json:2 /A/packages/a~1b/>=1",
				"error constraint B support-patches.json:3 /B/packages/a~1b/*/base", "error structure C support-patches.json:4 /C/packages/a~1b/*/base",
			},
		},
		{"a repeated key", fstest.MapFS{support: object(entry("A", "*", y+`, "file": "x.patch"`), entry("B", "*", y))}, []string{"error repeated-key A support-patches.json:2 /A/packages/a~1b/*/file"}},
		{
			"a repeated id",
			fstest.MapFS{support: object(entry("A", "*", x)), "community-patches.json": object(entry("a", "*", y))},
			[]string{"warning repeated-id a community-patches.json:2 /a"},
		},
		{
			"titles",
			fstest.MapFS{support: object(`"A": {"title": " ", "categories": ["One"], "packages": {"a/b": {"*": {`+x+`}}}}`, `"B": {"title": "a\nb", "categories": ["One"], "packages": {"a/b": {"*": {`+y+`}}}}`)},
			[]string{"error title A support-patches.json:2 /A/title", "warning title B support-patches.json:3 /B/title"},
		},
		{
			"categories",
			fstest.MapFS{support: object(`"A": {"title": "t", "categories": ["One", "Two"], "packages": {"a/b": {"*": {`+x+`}}}}`, entry("B", "*", y)), "config/patch-categories.json": file(`[{"name": "One"}, {}]`)},
			[]string{"error structure  config/patch-categories.json:1 /1", "warning category A support-patches.json:2 /A/categories/1"},
		},
		{"a constraint", fstest.MapFS{support: object(entry("A", ">=x", x), entry("B", "*", y))}, []string{"error constraint A support-patches.json:2 /A/packages/a~1b/>=x"}},
		{"an empty constraint", fstest.MapFS{support: object(entry("A", ">2 <1", x), entry("B", "*", y))}, []string{"error constraint-empty A support-patches.json:2 /A/packages/a~1b/>2 <1"}},
		{
			"an overlap",
			fstest.MapFS{support: object(entry("A", ">=1 <=2", x+`}, ">=2": {`+y))},
			[]string{"warning constraint-overlap A support-patches.json:2 /A/packages/a~1b/>=2"},
		},
		{"no overlap", fstest.MapFS{support: object(entry("A", ">=1 <2", x+`}, ">=2": {`+y))}, nil},
		{
			"files",
			fstest.MapFS{support: object(entry("A", "*", x), entry("B", "*", `"file": "none.patch"`), entry("C", "*", `"file": "../y.patch"`))},
			[]string{
				"warning file-unused  patches/y.patch:0 ", "error file-missing B support-patches.json:3 /B/packages/a~1b/*/file", "error file-name C support-patches.json:4 /C/packages/a~1b/*/file",
			},
		},
		{"a diff that is none", fstest.MapFS{support: object(entry("A", "*", x), entry("B", "*", y)), "patches/x.patch": file("<html>")}, []string{"error diff A support-patches.json:2 /A/packages/a~1b/*/file"}},
		{"a diff that leaves the tree", fstest.MapFS{support: object(entry("A", "*", x), entry("B", "*", y)), "patches/x.patch": diffOf("../../x")}, []string{"error diff A support-patches.json:2 /A/packages/a~1b/*/file"}},
		{"a diff that changes git", fstest.MapFS{support: object(entry("A", "*", x), entry("B", "*", y)), "patches/x.patch": diffOf(".git/hooks/x")}, []string{"error diff A support-patches.json:2 /A/packages/a~1b/*/file"}},
		{"a duplicate", fstest.MapFS{support: object(entry("A", "*", x), entry("B", "*", y)), "patches/y.patch": diffOf("x")}, []string{"note duplicate B support-patches.json:3 /B/packages/a~1b/*/file"}},
		{
			"requirements",
			fstest.MapFS{support: object(entry("A", "*", x+`, "require": ["B", "C"]`), entry("B", "*", y+`, "require": ["A"]`))},
			[]string{"error require-dangling A support-patches.json:2 /A/packages/a~1b/*/require/1", "error require-circular B support-patches.json:3 /B/packages/a~1b/*/require/0"},
		},
		{"itself", fstest.MapFS{support: object(entry("A", "*", x+`, "require": ["A"]`), entry("B", "*", y))}, []string{"error require-circular A support-patches.json:2 /A/packages/a~1b/*/require/0"}},
		{
			"a deprecated requirement",
			fstest.MapFS{support: object(entry("A", ">=1 <2", x+`, "require": ["B"]`), entry("B", ">=1", y+`, "deprecated": true`))},
			[]string{"warning require-deprecated A support-patches.json:2 /A/packages/a~1b/>=1 <2/require/0"},
		},
		{"one that is deprecated elsewhere", fstest.MapFS{support: object(entry("A", ">=1 <2", x+`, "require": ["B"]`), entry("B", ">=2", y+`, "deprecated": true`))}, nil},
		{
			"replacements",
			fstest.MapFS{support: object(entry("A", ">=1 <2", x+`, "replaced-with": "B"`), entry("B", ">=2", y+`, "replaced-with": "C"`))},
			[]string{"warning replace-range A support-patches.json:2 /A/packages/a~1b/>=1 <2/replaced-with", "error replace-dangling B support-patches.json:3 /B/packages/a~1b/>=2/replaced-with"},
		},
		{
			"replaced in a circle",
			fstest.MapFS{support: object(entry("A", "*", x+`, "replaced-with": "B"`), entry("B", "*", y+`, "replaced-with": "A"`))},
			[]string{"error replace-circular B support-patches.json:3 /B/packages/a~1b/*/replaced-with"},
		},
		{
			"the cloud's format",
			fstest.MapFS{
				"patches.json":            file(`{"a/b": {"t": {"1.0": "A-1__x__1.patch", ">=1": "A-1__x__2.patch", "2.0": "x.patch", "3.0": 1}}}`),
				"patches/A-1__x__1.patch": diffOf("1"), "patches/A-1__x__2.patch": diffOf("2"), "patches/y.patch": nil,
			},
			[]string{"warning constraint-overlap A-1 patches.json:1 /a~1b/t/>=1", "error file-name  patches.json:1 /a~1b/t/2.0", "error structure  patches.json:1 /a~1b/t/3.0"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, name := range []string{"x", "y"} {
				if f, ok := tc.files["patches/"+name+".patch"]; !ok {
					tc.files["patches/"+name+".patch"] = diffOf(name)
				} else if f == nil {
					delete(tc.files, "patches/"+name+".patch")
				}
			}
			if got := run(t, tc.files); !slices.Equal(got, tc.want) {
				t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}

// What another catalogue has is worth a note only.
func TestOtherCatalogues(t *testing.T) {
	other := catalog.Source{Name: "cloud", FS: fstest.MapFS{
		"patches.json": file(`{"a/b": {"t": {"*": "B-1__x__1.patch"}}}`), "patches/B-1__x__1.patch": diffOf("b"),
	}}
	files := fstest.MapFS{support: object(entry("A", "*", `"file": "x.patch", "require": ["B-1", "C-1"]`)), "patches/x.patch": diffOf("x")}
	got := run(t, files, other)
	want := []string{"note require-elsewhere A support-patches.json:2 /A/packages/a~1b/*/require/0", "error require-dangling A support-patches.json:2 /A/packages/a~1b/*/require/1"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q", got)
	}
}

// A source that holds no catalogue is an error.
func TestNoCatalogue(t *testing.T) {
	if _, err := lint.Catalog(catalog.Source{FS: fstest.MapFS{}}); err == nil {
		t.Error("no error")
	}
}

// The bundled catalogue has no faults.
func TestBundled(t *testing.T) {
	found, err := lint.Catalog(catalog.Source{Name: "bundled", FS: os.DirFS(filepath.Join("..", "..", "..", "patches"))})
	if err != nil || len(found) > 0 {
		t.Errorf("found %+v, error %v", found, err)
	}
}

// Whatever a file holds, lint ends with findings; a catalogue without errors can be read whole.
func FuzzCatalog(f *testing.F) {
	f.Add(string(object(entry("A", "*", `"file": "x.patch"`)).Data))
	f.Add(`{"A": {"packages": {"a/b": {"*": {"file": "x.patch", "require": ["A"], "replaced-with": "a"}}}}}`)
	f.Add(`[[[{"\u0000": 1e999}]]]`)
	f.Add("[]\f") // white space to Unicode, not to JSON
	f.Fuzz(func(t *testing.T, s string) {
		source := catalog.Source{Name: "fuzz", FS: fstest.MapFS{support: file(s), "patches/x.patch": diffOf("x")}}
		found, err := lint.Catalog(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range found {
			if x.Severity == lint.Error {
				return
			}
		}
		if c := catalog.Load([]catalog.Source{source}); len(c.Diagnostics) > 0 {
			t.Fatalf("lint is content with %q, but loading says %q", s, c.Diagnostics)
		}
	})
}
