package catalog_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/quality-patches/qpt/pkg/catalog"
)

// Every field of the quality format is kept.
func TestQualityFields(t *testing.T) {
	c := quality(`{
	"FULL-1": {
		"categories": [" Cart ", "Price/Tax"],
		"title": "Counts \u00e9 once.",
		"requirements": "Reindex afterwards.",
		"metadata": {"match": [{"type": "file", "a": 1}]},
		"unheard-of": [1, 2],
		"packages": {
			"magento/magento2-base": {
				">=2.4.6 <2.4.7": {"file": "two.patch", "require": ["A-1", "b-2"], "replaced-with": "A-1"},
				"2.4.5": {"file": "one.patch", "extra": null}
			},
			"magento/magento2-ee-base": {"2.4.6": {"file": "one.patch"}}
		}
	},
	"A-1": {"title": "a", "packages": {"p/p": {"1": {"file": "one.patch"}}}},
	"B-2": {"title": "b", "packages": {"p/p": {"1": {"file": "one.patch"}}}}
}`)
	if got := diagnostics(c); len(got) > 0 {
		t.Fatalf("diagnostics %q", got)
	}
	p := patch(t, c, "full-1")
	for _, f := range []struct{ name, got, want string }{
		{"id", p.ID, "FULL-1"},
		{"title", p.Title, "Counts é once."},
		{"categories", strings.Join(p.Categories, "|"), "Cart|Price/Tax"},
		{"origin", p.Origin, catalog.OriginSupport},
		{"type", string(p.Type), string(catalog.Optional)},
		{"requirements", p.Requirements, "Reindex afterwards."},
		{"metadata", string(p.Metadata), `{"match": [{"type": "file", "a": 1}]}`},
		{"source", p.Source, "test"},
		{
			"variants", strings.Join(variantTexts(p), "|"),
			"magento/magento2-base >=2.4.6 <2.4.7 two.patch|magento/magento2-base 2.4.5 one.patch|magento/magento2-ee-base 2.4.6 one.patch",
		},
		{"require", strings.Join(catalog.Require(p.Variants), "|"), "A-1|b-2"},
		{"replaced with", catalog.ReplacedWith(p.Variants), "A-1"},
		{"variant's title", p.Variants[1].Title, "Counts é once."},
	} {
		if f.got != f.want {
			t.Errorf("%s is %q, want %q", f.name, f.got, f.want)
		}
	}
	if !p.Variants[0].Deprecated || p.Variants[1].Deprecated {
		t.Error("only the variant that is replaced is deprecated")
	}
}

// What a field means when it is absent, or written in another way.
func TestQualityDefaults(t *testing.T) {
	const variant = `{"p/p": {"1": {"file": "one.patch"}}}`
	for _, tc := range []struct {
		name, patch string
		got         func(p *catalog.Patch) string
		want        string
	}{
		{"no categories", `{"packages": ` + variant + `}`, func(p *catalog.Patch) string { return strings.Join(p.Categories, "|") }, "Other"},
		{"empty categories", `{"categories": [], "packages": ` + variant + `}`, func(p *catalog.Patch) string { return strings.Join(p.Categories, "|") }, "Other"},
		{"no metadata", `{"packages": ` + variant + `}`, func(p *catalog.Patch) string { return string(p.Metadata) }, ""},
		{"misspelt requirements", `{"requirement": "Do it.", "packages": ` + variant + `}`, func(p *catalog.Patch) string { return p.Requirements }, "Do it."},
		{"empty list for an object", `{"packages": {"q/q": [], "p/p": {"1": {"file": "one.patch"}}}}`, func(p *catalog.Patch) string { return strings.Join(variantTexts(p), "|") }, "p/p 1 one.patch"},
		{
			"last repeated member in the first one's place", `{"packages": {"p/p": {"1": {"file": "one.patch"}, "2": {"file": "one.patch"}, "1": {"file": "two.patch"}}}}`,
			func(p *catalog.Patch) string { return strings.Join(variantTexts(p), "|") }, "p/p 1 two.patch|p/p 2 one.patch",
		},
		{"escaped names", `{"p\u0061ckages": {"p\/p": {"\u003e=1": {"file": "one\u002epatch"}}}}`, func(p *catalog.Patch) string { return strings.Join(variantTexts(p), "|") }, "p/p >=1 one.patch"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.got(patch(t, quality(`{"X-1": `+tc.patch+`}`), "X-1")); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// A variant is deprecated when it says so, or when it is replaced and does not say
// the contrary.
func TestDeprecated(t *testing.T) {
	for _, tc := range []struct {
		name, fields string
		want         bool
	}{
		{"nothing said", ``, false},
		{"said", `, "deprecated": true`, true},
		{"denied", `, "deprecated": false`, false},
		{"implied", `, "replaced-with": "X-1"`, true},
		{"implied and said", `, "replaced-with": "X-1", "deprecated": true`, true},
		{"implied and denied before", `, "deprecated": false, "replaced-with": "X-1"`, false},
		{"implied and denied after", `, "replaced-with": "X-1", "deprecated": false`, false},
		{"replaced with nothing", `, "replaced-with": ""`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := patch(t, quality(`{"X-1": {"packages": {"p/p": {"1": {"file": "one.patch"`+tc.fields+`}}}}}`), "X-1")
			if got := catalog.Deprecated(p.Variants); got != tc.want {
				t.Errorf("deprecated %v, want %v", got, tc.want)
			}
		})
	}
}

// Of several variants, the last that names a successor decides; requirements are
// gathered, each once, whatever its case.
func TestVariantsTogether(t *testing.T) {
	variants := []*catalog.Variant{
		{Require: []string{"A-1", "B-1"}, ReplacedWith: "S-1"},
		{Require: []string{"b-1", "C-1"}, ReplacedWith: "S-2"},
		{},
	}
	if got := strings.Join(catalog.Require(variants), " "); got != "A-1 B-1 C-1" {
		t.Errorf("requires %s", got)
	}
	if got := catalog.ReplacedWith(variants); got != "S-2" {
		t.Errorf("replaced with %s", got)
	}
}

// Every kind of bad entry has its diagnostic, is left out as far as it is bad, and
// leaves the others alone.
func TestBadEntries(t *testing.T) {
	const good = `{"packages": {"p/p": {"1": {"file": "one.patch"}}}}`
	for _, tc := range []struct {
		name, entry string
		want        []string
		kept        bool // X-1 is there all the same
	}{
		{"not an object", `"X-1": 5`, []string{"test: X-1: expected an object, found a number"}, false},
		{"a full list", `"X-1": [1]`, []string{"test: X-1: expected an object, found a list"}, false},
		{"an empty list", `"X-1": []`, []string{"test: X-1: packages: missing"}, false},
		{"null", `"X-1": null`, []string{"test: X-1: expected an object, found null"}, false},
		{"title of another type", `"X-1": {"title": 5, "packages": {}}`, []string{"test: X-1: title: expected text, found a number"}, false},
		{"categories of another type", `"X-1": {"categories": "Cart"}`, []string{"test: X-1: categories: expected a list of texts, found text"}, false},
		{"category of another type", `"X-1": {"categories": ["Cart", {}]}`, []string{"test: X-1: categories: expected a list of texts, found an object"}, false},
		{"requirements of another type", `"X-1": {"requirements": true}`, []string{"test: X-1: requirements: expected text, found true or false"}, false},
		{"misspelt requirements of another type", `"X-1": {"requirement": []}`, []string{"test: X-1: requirement: expected text, found a list"}, false},
		{"no packages", `"X-1": {"title": "t"}`, []string{"test: X-1: packages: missing"}, false},
		{"packages of another type", `"X-1": {"packages": "all"}`, []string{"test: X-1: packages: expected an object, found text"}, false},
		{"empty packages", `"X-1": {"packages": {}}`, []string{"test: X-1: no usable variant is left"}, false},
		{
			"package of another type", `"X-1": {"packages": {"p/p": "all"}}`,
			[]string{"test: X-1: p/p: expected an object, found text", "test: X-1: no usable variant is left"},
			false,
		},
		{
			"variant of another type", `"X-1": {"packages": {"p/p": {"1": "one.patch"}}}`,
			[]string{"test: X-1: p/p: 1: expected an object, found text", "test: X-1: no usable variant is left"},
			false,
		},
		{
			"no file", `"X-1": {"packages": {"p/p": {"1": {}}}}`,
			[]string{`test: X-1: p/p: 1: the diff's name is missing ("file")`, "test: X-1: no usable variant is left"},
			false,
		},
		{
			"file of another type", `"X-1": {"packages": {"p/p": {"1": {"file": []}}}}`,
			[]string{"test: X-1: p/p: 1: file: expected the name of a diff, found a list", "test: X-1: no usable variant is left"},
			false,
		},
		{
			"file that does not exist", `"X-1": {"packages": {"p/p": {"1": {"file": "os/none.patch"}}}}`,
			[]string{"test: X-1: its diff patches/os/none.patch does not exist", "test: X-1: no usable variant is left"},
			false,
		},
		{
			"file outside the source", `"X-1": {"packages": {"p/p": {"1": {"file": "../../none.patch"}}}}`,
			[]string{"test: X-1: its diff ../none.patch does not exist", "test: X-1: no usable variant is left"},
			false,
		},
		{
			"file that is a folder", `"X-1": {"packages": {"p/p": {"1": {"file": "../patches"}}}}`,
			[]string{"test: X-1: its diff patches does not exist", "test: X-1: no usable variant is left"},
			false,
		},
		{
			"bad constraint", `"X-1": {"packages": {"p/p": {"~ 2": {"file": "one.patch"}}}}`,
			[]string{`test: X-1: p/p: invalid constraint "~ 2"`, "test: X-1: no usable variant is left"},
			false,
		},
		{
			"empty constraint", `"X-1": {"packages": {"p/p": {"": {"file": "one.patch"}}}}`,
			[]string{"test: X-1: p/p: invalid constraint: it is empty", "test: X-1: no usable variant is left"},
			false,
		},
		{
			"require of another type", `"X-1": {"packages": {"p/p": {"1": {"file": "one.patch", "require": "A-1"}}}}`,
			[]string{"test: X-1: p/p: 1: require: expected a list of ids, found text", "test: X-1: no usable variant is left"},
			false,
		},
		{
			"required id of another type", `"X-1": {"packages": {"p/p": {"1": {"file": "one.patch", "require": [1]}}}}`,
			[]string{"test: X-1: p/p: 1: require: expected a list of ids, found a number", "test: X-1: no usable variant is left"},
			false,
		},
		{
			"successor of another type", `"X-1": {"packages": {"p/p": {"1": {"file": "one.patch", "replaced-with": ["A-1"]}}}}`,
			[]string{"test: X-1: p/p: 1: replaced-with: expected an id, found a list", "test: X-1: no usable variant is left"},
			false,
		},
		{
			"deprecated of another type", `"X-1": {"packages": {"p/p": {"1": {"file": "one.patch", "deprecated": "yes"}}}}`,
			[]string{"test: X-1: p/p: 1: deprecated: expected true or false, found text", "test: X-1: no usable variant is left"},
			false,
		},
		{
			"one variant of two", `"X-1": {"packages": {"p/p": {"1": {"file": 1}, "2": {"file": "one.patch"}}}}`,
			[]string{"test: X-1: p/p: 1: file: expected the name of a diff, found a number"},
			true,
		},
		{
			"one package of two", `"X-1": {"packages": {"p/p": 1, "q/q": {"2": {"file": "one.patch"}}}}`,
			[]string{"test: X-1: p/p: expected an object, found a number"},
			true,
		},
		{"repeated patch", `"X-1": 1, "X-1": ` + good, []string{`test: "X-1" occurs more than once, the last counts`}, true},
		{
			"repeated field", `"X-1": {"title": 1, "title": "t", "packages": {"p/p": {"1": {"file": "one.patch"}}}}`,
			[]string{`test: X-1: "title" occurs more than once, the last counts`},
			true,
		},
		{
			"repeated package", `"X-1": {"packages": {"p/p": 1, "p/p": {"1": {"file": "one.patch"}}}}`,
			[]string{`test: X-1: "p/p" occurs more than once, the last counts`},
			true,
		},
		{
			"repeated constraint", `"X-1": {"packages": {"p/p": {"1": 1, "1": {"file": "one.patch"}}}}`,
			[]string{`test: X-1: "1" occurs more than once, the last counts`},
			true,
		},
		{
			"requires what is nowhere", `"X-1": {"packages": {"p/p": {"1": {"file": "one.patch", "require": ["NONE-1", "good-1"]}}}}`,
			[]string{"test: X-1: requires NONE-1, which no catalogue has"},
			true,
		},
		{
			"replaced with what is nowhere", `"X-1": {"packages": {"p/p": {"1": {"file": "one.patch", "replaced-with": "NONE-1"}}}}`,
			[]string{"test: X-1: is replaced with NONE-1, which no catalogue has"},
			true,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := quality(`{"GOOD-1": ` + good + `, ` + tc.entry + `, "GOOD-2": ` + good + `}`)
			got := diagnostics(c)
			if tc.name == "bad constraint" { // its rest is package compat's
				got[0], _, _ = strings.Cut(got[0], ": unknown")
				if i := strings.Index(got[0], `"~ 2"`); i >= 0 {
					got[0] = got[0][:i+len(`"~ 2"`)]
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
			want := "GOOD-1 GOOD-2"
			if tc.kept {
				want = "GOOD-1 X-1 GOOD-2"
			}
			if got := ids(c); got != want {
				t.Errorf("patches %s, want %s", got, want)
			}
			if _, ok := c.Patch("X-1"); ok == tc.kept && !ok && c.LeftOut("x-1") == "" {
				t.Error("nothing says why X-1 is left out")
			}
		})
	}
}

// Of an entry that is left out, LeftOut tells the first thing that is wrong with
// it, whatever case its id is asked in.
func TestLeftOut(t *testing.T) {
	c := quality(`{"X-1": {"packages": {"p/p": {"1": {"file": "none.patch"}}}}, "Y-1": 1}`)
	for id, want := range map[string]string{
		"x-1": "its diff patches/none.patch does not exist",
		"Y-1": "expected an object, found a number",
		"Z-1": "",
		"":    "",
	} {
		if got := c.LeftOut(id); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}

// A file that is no catalogue is one diagnostic, and the other files are read.
func TestBadFiles(t *testing.T) {
	for _, tc := range []struct {
		name, src, want string
	}{
		{"not JSON", "{\n\"A-1\": {},\noops\n}", "test: support-patches.json: not valid JSON at line 3: invalid character 'o' looking for beginning of object key string"},
		{"cut off", "{\n\"A-1\": {", "test: support-patches.json: not valid JSON at line 2: unexpected end of JSON input"},
		{"empty", "", "test: support-patches.json: not valid JSON at line 1: unexpected end of JSON input"},
		{"two values", "{}\n{}", "test: support-patches.json: not valid JSON at line 2: invalid character '{' after top-level value"},
		{"a list", "[{}]", "test: support-patches.json: expected an object, found a list"},
		{"text", `"patches"`, "test: support-patches.json: expected an object, found text"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := catalog.Load([]catalog.Source{one("test", fstest.MapFS{
				"support-patches.json":   file(tc.src),
				"community-patches.json": file(`{"OK-1": {"packages": {"p/p": {"1": {"file": "one.patch"}}}}}`),
			})})
			if diff := cmp.Diff([]string{tc.want}, diagnostics(c)); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
			if p := patch(t, c, "OK-1"); p.Origin != catalog.OriginCommunity {
				t.Errorf("origin %s", p.Origin)
			}
		})
	}
}

// A byte order mark and an empty list in place of an empty object are no mistakes.
func TestHarmlessOddities(t *testing.T) {
	for name, src := range map[string]string{
		"byte order mark": "\xef\xbb\xbf" + `{"A-1": {"packages": {"p/p": {"1": {"file": "one.patch"}}}}}`,
		"empty list":      "[]", "spaced empty list": " [ ] ", "empty object": "{}",
	} {
		t.Run(name, func(t *testing.T) {
			c := quality(src)
			if got := diagnostics(c); len(got) > 0 {
				t.Errorf("diagnostics %q", got)
			}
			if want := strings.Contains(src, "A-1"); (ids(c) == "A-1") != want {
				t.Errorf("patches %q", ids(c))
			}
		})
	}
}

// The cloud package's format: the id is the part of the file's name before the
// first double underscore, titles are per diff, and one id may be under several titles.
func TestCloud(t *testing.T) {
	files := fstest.MapFS{
		"patches.json": file(`{
	"magento/magento2-base": {
		"Second thing": {"2.4.6": "MCP-2__second_thing__2.4.6.patch"},
		"First thing": {"2.4.5": "MCP-1__first__2.4.5.patch", "2.4.6": "MCP-1__first__2.4.6.patch"}
	},
	"magento/magento2-ee-base": {
		"First thing, again": {">=2.4": "mcp-1__first__ee.patch"},
		"Deep name": {"1": "A__B__C__1.patch.bak"}
	}
}`),
	}
	for _, name := range []string{"MCP-2__second_thing__2.4.6", "MCP-1__first__2.4.5", "MCP-1__first__2.4.6", "mcp-1__first__ee"} {
		files["patches/"+name+".patch"] = diffOf("pub/" + name)
	}
	files["patches/A__B__C__1.patch.bak"] = diffOf("pub/a")
	c := catalog.Load([]catalog.Source{{Name: "cloud", FS: files}})
	if got := diagnostics(c); len(got) > 0 {
		t.Fatalf("diagnostics %q", got)
	}
	if got := ids(c); got != "MCP-2 MCP-1 A" {
		t.Errorf("patches %s", got)
	}
	p := patch(t, c, "MCP-1")
	if diff := cmp.Diff([]string{
		"magento/magento2-base 2.4.5 MCP-1__first__2.4.5.patch",
		"magento/magento2-base 2.4.6 MCP-1__first__2.4.6.patch",
		"magento/magento2-ee-base >=2.4 mcp-1__first__ee.patch",
	}, variantTexts(p)); diff != "" {
		t.Errorf("variants (-want +got):\n%s", diff)
	}
	if p.Title != "First thing" || p.Variants[2].Title != "First thing, again" {
		t.Errorf("titles %q and %q", p.Title, p.Variants[2].Title)
	}
	if p.Origin != catalog.OriginSupport || p.Type != catalog.Optional || strings.Join(p.Categories, "|") != "Other" {
		t.Errorf("origin %s, type %s, categories %q", p.Origin, p.Type, p.Categories)
	}
}

func TestCloudBadEntries(t *testing.T) {
	for _, tc := range []struct{ name, entry, want string }{
		{"package of another type", `"q/q": 1`, "cloud: patches.json: q/q: expected an object, found a number"},
		{"title of another type", `"q/q": {"T": "x.patch"}`, `cloud: patches.json: q/q: "T": expected an object, found text`},
		{"file of another type", `"q/q": {"T": {"1": {"file": "x"}}}`, `cloud: patches.json: q/q: "T": 1: expected the name of a diff, found an object`},
		{"name without an id", `"q/q": {"T": {"1": "x.patch"}}`, `cloud: patches.json: q/q: "T": the name "x.patch" is not of the form ID__description__version.patch`},
		{"name with an empty id", `"q/q": {"T": {"1": "__a__b.patch"}}`, `cloud: patches.json: q/q: "T": the name "__a__b.patch" is not of the form ID__description__version.patch`},
		{"file that does not exist", `"q/q": {"T": {"1": "X-1__a__b.patch"}}`, `cloud: X-1: its diff patches/X-1__a__b.patch does not exist`},
		{"empty constraint", `"q/q": {"T": {"": "OK-1__a__b.patch"}}`, `cloud: OK-1: q/q: invalid constraint: it is empty`},
		{"repeated title", `"q/q": {"T": 1, "T": {}}`, `cloud: "T" occurs more than once, the last counts`},
		{"repeated package", `"q/q": 1, "q/q": {}`, `cloud: "q/q" occurs more than once, the last counts`},
		{"repeated constraint", `"q/q": {"T": {"1": 1, "1": "OK-1__a__b.patch"}}`, `cloud: "1" occurs more than once, the last counts`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := catalog.Load([]catalog.Source{{Name: "cloud", FS: fstest.MapFS{
				"patches.json":             file(`{"p/p": {"Good": {"1": "OK-1__a__b.patch"}}, ` + tc.entry + `}`),
				"patches/OK-1__a__b.patch": diffOf("pub/a"),
			}}})
			if diff := cmp.Diff([]string{tc.want}, diagnostics(c)); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
			if got := ids(c); got != "OK-1" {
				t.Errorf("patches %q", got)
			}
		})
	}
}

// A diff is read when it is needed, once, and its error names the source and the file.
func TestVariantDiff(t *testing.T) {
	c := catalog.Load([]catalog.Source{one("src", fstest.MapFS{
		"support-patches.json": file(`{"A-1": {"packages": {"p/p": {"1": {"file": "one.patch"}, "2": {"file": "page.patch"}}}}}`),
		"patches/page.patch":   file("<!DOCTYPE html>\n<html></html>\n"),
	})})
	variants := patch(t, c, "A-1").Variants
	d, err := variants[0].Diff()
	if err != nil || strings.Join(d.Paths(), " ") != "pub/one.patch" {
		t.Errorf("diff %v, error %v", d, err)
	}
	if again, _ := variants[0].Diff(); again != d {
		t.Error("the diff was parsed twice")
	}
	_, err = variants[1].Diff()
	var diffError *catalog.DiffError
	if !errors.As(err, &diffError) || diffError.Source != "src" || diffError.File != "page.patch" {
		t.Errorf("error %#v", err)
	}
	if _, again := variants[1].Diff(); !errors.Is(again, err) {
		t.Error("the second error is another one")
	}
	if !strings.Contains(err.Error(), "HTML") {
		t.Errorf("error %v", err)
	}
}
