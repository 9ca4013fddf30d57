package report_test

import (
	"bytes"
	compare "cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	generate "github.com/invopop/jsonschema"
	validate "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/quality-patches/qpt/pkg/report"
)

const schemaBase = "https://github.com/quality-patches/qpt/schema/"

// schemaTypes has the type that each schema describes.
var schemaTypes = map[string]report.Result{
	"status": &report.Status{}, "list": &report.List{}, "show": &report.Show{}, "check": &report.Check{},
	"change": &report.Change{}, "compat": &report.Compat{}, "version": &report.Version{},
	"log": &report.Log{}, "recover": &report.Recover{}, "failed": &report.Failed{}, "lint": &report.Lint{},
	"blame": &report.Blame{}, "diff": &report.Diff{}, "conflicts": &report.Conflicts{},
	"sync": &report.Sync{}, "verify": &report.Verify{},
	"catalogs": &report.Catalogs{}, "catalogdiff": &report.CatalogDiff{}, "catalogfile": &report.CatalogFile{},
	"convert": &report.Convert{}, "audit": &report.Audit{}, "import": &report.Import{}, "new": &report.New{}, "export": &report.Export{}, "migrate": &report.Migrate{},
}

// The schemas in the folder schema are those of the types; -update writes them.
func TestSchemasAreCurrent(t *testing.T) {
	for name, typ := range schemaTypes {
		t.Run(name, func(t *testing.T) {
			// Fields are added within a version, so others than those known are allowed.
			r := generate.Reflector{Anonymous: true, AllowAdditionalProperties: true, ExpandedStruct: true}
			schema := r.Reflect(typ)
			schema.ID = generate.ID(schemaBase + name + ".schema.json")
			schema.Title = "The result of qpt " + compare.Or(map[string]string{"change": "apply and qpt revert", "lint": "catalog lint", "export": "export composer-patches", "sync": "sync, lock, add and remove"}[name], name)
			version, ok := schema.Properties.Get("schemaVersion")
			if !ok {
				t.Fatal("there is no schemaVersion")
			}
			version.Const = report.SchemaVersion
			got, err := json.MarshalIndent(schema, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("..", "schema", name+".schema.json"), string(got)+"\n")
		})
	}
}

// compile reads a schema of the folder.
func compile(t *testing.T, name string) *validate.Schema {
	t.Helper()
	schema, err := validate.NewCompiler().Compile(filepath.Join("schema", name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// Every result that the tests know is as its schema says.
func TestResultsFitSchemas(t *testing.T) {
	for name, r := range results() {
		t.Run(name, func(t *testing.T) {
			kind, _, _ := strings.Cut(name, "-")
			doc, err := validate.UnmarshalJSON(strings.NewReader(render(t, r, report.JSON, report.Style{})))
			if err != nil {
				t.Fatal(err)
			}
			if err := compile(t, kind).Validate(doc); err != nil {
				t.Error(err)
			}
		})
	}
}

// The schemas do refuse what is wrong: a missing field, another type, an unknown state.
func TestSchemasRefuse(t *testing.T) {
	for _, tc := range []struct{ name, schema, doc string }{
		{"nothing", "version", `{}`},
		{"another version of the schema", "version", `{"schemaVersion": 2, "version": "v", "go": "g", "platform": "p"}`},
		{"another type", "version", `{"schemaVersion": 1, "version": 1, "go": "g", "platform": "p"}`},
		{"null for a list", "list", `{"schemaVersion": 1, "patches": null}`},
		{"a command that there is not", "change", `{"schemaVersion": 1, "command": "sync", "ok": true, "dryRun": false, "steps": []}`},
		{"a verdict that there is not", "check", `{"schemaVersion": 1, "ok": true, "patches": [{"id": "A", "verdict": "maybe"}]}`},
		{"a list for an object", "compat", `[]`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			doc, err := validate.UnmarshalJSON(strings.NewReader(tc.doc))
			if err != nil {
				t.Fatal(err)
			}
			if compile(t, tc.schema).Validate(doc) == nil {
				t.Errorf("%s fits the schema", tc.doc)
			}
		})
	}
	ok := `{"schemaVersion": 1, "version": "v", "go": "g", "platform": "p", "new in a later qpt": true}`
	doc, _ := validate.UnmarshalJSON(strings.NewReader(ok))
	if err := compile(t, "version").Validate(doc); err != nil {
		t.Errorf("a field that was added: %v", err)
	}
}

// No other schema lies about, and each names itself.
func TestSchemaNames(t *testing.T) {
	files, err := filepath.Glob("schema/*")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".schema.json")
		names = append(names, name)
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(src, []byte(`"$id": "`+schemaBase+filepath.Base(file)+`"`)) || !bytes.Contains(src, []byte(`"$schema": "https://json-schema.org/draft/2020-12/schema"`)) {
			t.Errorf("%s does not name itself and its draft", file)
		}
	}
	if diff := cmp.Diff("audit blame catalogdiff catalogfile catalogs change check compat conflicts convert diff export failed import lint list log migrate new recover show status sync verify version", strings.Join(names, " ")); diff != "" {
		t.Errorf("schemas (-want +got):\n%s", diff)
	}
}
