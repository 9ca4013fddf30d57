package catalog_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/compat"
)

// diffOf is a diff that creates the files of the given names.
func diffOf(names ...string) *fstest.MapFile {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "--- /dev/null\n+++ b/%s\n@@ -0,0 +1 @@\n+new\n", name)
	}
	return &fstest.MapFile{Data: []byte(b.String())}
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// one is a catalogue source in memory; every quality patch may use one.patch and two.patch.
func one(name string, files fstest.MapFS) catalog.Source {
	for _, diff := range []string{"patches/one.patch", "patches/two.patch"} {
		if files[diff] == nil {
			files[diff] = diffOf("pub/" + diff[len("patches/"):])
		}
	}
	return catalog.Source{Name: name, FS: files}
}

// quality loads one support-patches.json.
func quality(json string) *catalog.Catalog {
	return catalog.Load([]catalog.Source{one("test", fstest.MapFS{"support-patches.json": file(json)})})
}

func ids(c *catalog.Catalog) string {
	var list []string
	for _, p := range c.Patches {
		list = append(list, p.ID)
	}
	return strings.Join(list, " ")
}

func diagnostics(c *catalog.Catalog) []string {
	list := []string{}
	for _, d := range c.Diagnostics {
		list = append(list, d.String())
	}
	return list
}

// variantTexts writes variants as package constraint file.
func variantTexts(p *catalog.Patch) []string {
	var list []string
	for _, v := range p.Variants {
		list = append(list, strings.TrimSpace(v.Package+" "+v.Constraint.String()+" "+v.File))
	}
	return list
}

func patch(t *testing.T, c *catalog.Catalog, id string) *catalog.Patch {
	t.Helper()
	p, ok := c.Patch(id)
	if !ok {
		t.Fatalf("no patch %s; diagnostics: %q", id, diagnostics(c))
	}
	return p
}

func constraint(t testing.TB, s string) compat.Constraint {
	t.Helper()
	c, err := compat.ParseConstraint(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
