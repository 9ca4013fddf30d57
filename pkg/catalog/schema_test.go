package catalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func catalogSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("schema", name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// The bundled catalogue and the one of the sandbox are as the published schema says.
func TestCataloguesFitSchema(t *testing.T) {
	schema := catalogSchema(t, "support-patches")
	for _, name := range []string{"support-patches.json", "community-patches.json", "sandbox/support-patches.json"} {
		src, err := os.ReadFile(filepath.Join("..", "..", "patches", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(src)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCatalogueSchemas(t *testing.T) {
	entry := func(patch string) string { return `{"EX-1": ` + patch + `}` }
	variant := func(v string) string {
		return entry(`{"title": "t", "packages": {"a/b": {">=1": ` + v + `}}}`)
	}
	for _, tc := range []struct {
		schema, name, doc string
		fits              bool
	}{
		{"support-patches", "nothing", `{}`, true},
		{"support-patches", "all there is", entry(`{"title": "t", "categories": ["c"], "requirements": "r", "metadata": {}, "packages": {"a/b": {"*": {"file": "os/x.patch", "require": ["EX-2"], "replaced-with": "EX-3", "deprecated": false}}}}`), true},
		{"support-patches", "a security patch", entry(`{"title": "t", "security": {"cve": ["CVE-2026-0001"], "bulletin": "APSB26-71", "release": "2.4.7-p10", "month": "2026-07", "sequence": 1, "edition": "CE"}, "packages": {"a/b": {"*": {"file": "x", "sha256": "` + strings.Repeat("0a", 32) + `"}}}}`), true},
		{"support-patches", "a sequence of four digits", entry(`{"title": "t", "security": {"sequence": 1000}, "packages": {"a/b": {"*": {"file": "x"}}}}`), false},
		{"support-patches", "a vulnerability by another name", entry(`{"title": "t", "security": {"cve": ["2026-0001"]}, "packages": {"a/b": {"*": {"file": "x"}}}}`), false},
		{"support-patches", "a release of Magento beside the package's version", variant(`{"file": "x", "base": "2.4.7-p10"}`), true},
		{"support-patches", "a list of releases", variant(`{"file": "x", "base": ["2.4.7-p10"]}`), false},
		{"support-patches", "a short hash", variant(`{"file": "x", "sha256": "00"}`), false},
		{"support-patches", "a list", `[]`, false},
		{"support-patches", "no title", entry(`{"packages": {"a/b": {"*": {"file": "x"}}}}`), false},
		{"support-patches", "blank title", entry(`{"title": " ", "packages": {"a/b": {"*": {"file": "x"}}}}`), false},
		{"support-patches", "no packages", entry(`{"title": "t"}`), false},
		{"support-patches", "empty packages", entry(`{"title": "t", "packages": {}}`), false},
		{"support-patches", "a misspelled key", entry(`{"title": "t", "requirement": "r", "packages": {"a/b": {"*": {"file": "x"}}}}`), false},
		{"support-patches", "one category as text", entry(`{"title": "t", "categories": "c", "packages": {"a/b": {"*": {"file": "x"}}}}`), false},
		{"support-patches", "file", variant(`{"file": "x.patch"}`), true},
		{"support-patches", "no file", variant(`{}`), false},
		{"support-patches", "the file alone", variant(`"x.patch"`), false},
		{"support-patches", "a file elsewhere", variant(`{"file": "../x.patch"}`), false},
		{"support-patches", "an absolute file", variant(`{"file": "/x.patch"}`), false},
		{"support-patches", "one requirement as text", variant(`{"file": "x", "require": "EX-2"}`), false},
		{"support-patches", "deprecated as a number", variant(`{"file": "x", "deprecated": 1}`), false},
		{"patches", "a diff", `{"a/b": {"t": {"*": "EX-1__does_it__1.0.patch"}}}`, true},
		{"patches", "a diff that names no id", `{"a/b": {"t": {"*": "x.patch"}}}`, false},
		{"patches", "a variant of the other format", `{"a/b": {"t": {"*": {"file": "EX-1__does_it__1.0.patch"}}}}`, false},
	} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(tc.doc))
		if err != nil {
			t.Fatal(err)
		}
		if err := catalogSchema(t, tc.schema).Validate(doc); (err == nil) != tc.fits {
			t.Errorf("%s: %s: error %v", tc.schema, tc.name, err)
		}
	}
}
