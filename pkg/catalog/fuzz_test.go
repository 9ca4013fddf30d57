package catalog_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quality-patches/qpt/pkg/catalog"
)

// FuzzQuality reads arbitrary text as a catalogue: it never panics, whatever it
// takes in is whole, and what it leaves out has a diagnostic.
func FuzzQuality(f *testing.F) {
	for _, s := range []string{
		`{"A-1": {"title": "t", "categories": ["c"], "requirements": "r", "metadata": {}, "packages": {"p/p": {">=1": {"file": "one.patch", "require": ["A-1"], "replaced-with": "B", "deprecated": false}}}}}`,
		`{"a": {"packages": {"p/p": {"1": {"file": "one.patch"}}}}, "A": {"packages": {"p/p": {"1": {"file": "../x"}}}}}`,
		`{"p/p": {"Title": {"1": "one__two__three.patch"}}}`,
		"\xef\xbb\xbf[]", `{"": {"": {"": {}}}}`, `{"a": {"packages": {"\ud800": {"\u0000": {"file": "\xff"}}}}}`,
		`[[[[`, `null`, `{"a": 1e999, "a": -0}`, ``,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		files := fstest.MapFS{
			"patches/one.patch": diffOf("pub/one"), "patches/one__two__three.patch": diffOf("pub/two"),
			"magento_releases.json": file(s),
		}
		for _, name := range []string{"support-patches.json", "patches.json"} {
			files[name] = file(s)
		}
		c := catalog.Load([]catalog.Source{{Name: "fuzz", FS: files}})
		seen := map[string]bool{}
		for _, p := range c.Patches {
			key := strings.ToLower(p.ID)
			if seen[key] {
				t.Fatalf("%q is there twice", p.ID)
			}
			seen[key] = true
			if have, ok := c.Patch(p.ID); !ok || have != p {
				t.Fatalf("%q is not found by its id", p.ID)
			}
			if len(p.Variants) == 0 || len(p.Categories) == 0 || p.Source != "fuzz" {
				t.Fatalf("%q is not whole: %+v", p.ID, p)
			}
			for _, v := range p.Variants {
				if _, err := v.Diff(); err != nil {
					t.Fatalf("%q: %v", p.ID, err)
				}
			}
			if _, err := c.Article(p.ID); err == nil {
				t.Fatalf("%q has an article", p.ID)
			}
		}
		for _, d := range c.Diagnostics {
			if d.Source != "fuzz" || d.Message == "" || d.String() == "" {
				t.Fatalf("a diagnostic says nothing: %+v", d)
			}
		}
		if len(c.Patches) == 0 && len(c.Diagnostics) == 0 && len(strings.Trim(s, "[]{} \t\r\n\xef\xbb\xbf")) > 0 {
			t.Fatal("something was left out without a word")
		}
	})
}

// BenchmarkLoad loads a catalogue of the size of the real ones.
func BenchmarkLoad(b *testing.B) {
	const patches, variants = 1100, 1700
	files := fstest.MapFS{}
	var json strings.Builder
	json.WriteString("{")
	for i := range patches {
		if i > 0 {
			json.WriteString(",")
		}
		fmt.Fprintf(&json, `"SYN-%d": {"categories": ["Cart", "Other"], "title": "Synthetic patch number %d of a benchmark.", "packages": {"magento/magento2-base": {`, i, i)
		for j := range 1 + (i+1)*(variants-patches)/patches - i*(variants-patches)/patches {
			if j > 0 {
				json.WriteString(",")
			}
			name := fmt.Sprintf("os/SYN-%d_%d.patch", i, j)
			files["patches/"+name] = diffOf("pub/x")
			fmt.Fprintf(&json, `">=2.%d.%d <2.%d.%d": {"file": "%s"}`, 3+i%2, i%9+j, 3+i%2, i%9+j+1, name)
		}
		json.WriteString("}}}")
	}
	json.WriteString("}")
	files["support-patches.json"] = file(json.String())
	sources := []catalog.Source{{Name: "synthetic", FS: files}}
	b.ReportAllocs()
	for b.Loop() {
		c := catalog.Load(sources)
		if len(c.Patches) != patches || len(c.Diagnostics) > 0 {
			b.Fatalf("%d patches, diagnostics %q", len(c.Patches), c.Diagnostics)
		}
	}
}
