package cli

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// What commands write for programs is as the schemas say, in JSON and in YAML, also
// when the answer is no.
func TestOutputFitsSchemas(t *testing.T) {
	dir := sandbox(t)
	hotfix := filepath.Join(dir, "m2-hotfixes", "own.patch")
	if err := errors.Join(os.MkdirAll(filepath.Dir(hotfix), 0o755),
		os.WriteFile(hotfix, []byte("--- /dev/null\n+++ b/pub/own.txt\n@@ -0,0 +1 @@\n+caf\xe9\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	sec := filepath.Join(dir, "sec")
	if err := errors.Join(os.MkdirAll(filepath.Join(sec, "patches"), 0o755),
		os.WriteFile(filepath.Join(sec, "support-patches.json"), []byte(`{
			"X-1": {"title": "x", "security": {"cve": ["CVE-2026-1001"], "release": "2.4.6-p9", "month": "2026-07", "sequence": 2, "edition": "CE"},
				"packages": {"magento/magento2-base": {"2.4.6-p9": {"file": "x.patch"}}}},
			"X-2": {"title": "x", "security": {"cve": ["CVE-2026-1002"]}, "packages": {"magento/magento2-base": {"*": {"file": "x.patch"}}}}}`), 0o644),
		os.WriteFile(filepath.Join(sec, "patches", "x.patch"), []byte("--- a/pub/index.php\n+++ b/pub/index.php\n@@ -1 +1 @@\n-x\n+y\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		schema, args string
		code         int
	}{
		{"version", "version", 0},
		{"status", "status", 0},
		{"status", "status DEMO-1", 0},
		{"status", "status --state partial", 0},
		{"list", "list", 0},
		{"list", "list --search nothing-like-it", 0},
		{"list", "list --magento 2.4.6-p8 --edition b2b", 0},
		{"show", "show ACSD-61103 --diff", 0},
		{"show", "show DEMO-4", 0},
		{"show", "show DEMO-8", 0},
		{"show", "show m2-hotfixes/own.patch --diff", 0},
		{"check", "check ACSD-61103 DEMO-4 DEMO-6", 0},
		{"check", "check DEMO-8 DEMO-10 NONE", 3},
		{"check", "check --magento 2.4.6-p8 ACSD-61103", 0},
		{"check", "check --magento 2.4.7 ACSD-61103 DEMO-8", 3},
		{"change", "apply DEMO-1 DEMO-3 --dry-run --diff", 0},
		{"change", "apply m2-hotfixes/own.patch --dry-run --diff", 0},
		{"change", "apply DEMO-5 DEMO-1", 0},
		{"change", "apply DEMO-1", 0},
		{"change", "apply DEMO-7 DEMO-8 NONE", 4},
		{"change", "apply DEMO-8", 3},
		{"status", "status", 0}, // with patches applied, and refused
		{"diff", "diff DEMO-1", 0},
		{"show", "show DEMO-7", 0},
		{"check", "check DEMO-7 DEMO-1", 3},
		{"change", "apply DEMO-6 DEMO-4 --yes", 0},
		{"change", "revert DEMO-2", 4},
		{"change", "revert DEMO-9", 0},
		{"change", "revert --all", 0},
		{"change", "revert --all --dry-run", 0},
		{"blame", "blame m2-hotfixes/own.patch", 0},
		{"diff", "diff", 0},
		{"conflicts", "conflicts", 0},
		{"compat", "compat 2.4.6", 0},
		{"compat", "compat 9.*", 0},
		{"compat", "compat ^2.4 2.4.6 3.0", 3},
		{"sync", "sync", 0}, // m2-hotfixes declares something
		{"sync", "sync", 0},
		{"sync", "sync --frozen", 0},
		{"verify", "verify", 0},
		{"sync", "add DEMO-4 DEMO-5 --yes --dry-run --diff", 0},
		{"sync", "add DEMO-4 DEMO-5 --yes", 0},
		{"verify", "verify --fail-on warning", 3},
		{"sync", "add DEMO-1", 0},
		{"sync", "add DEMO-7", 4},
		{"failed", "add DEMO-8", 3},
		{"sync", "lock", 0},
		{"sync", "remove DEMO-1 DEMO-4 DEMO-5", 0},
		{"check", "check DEMO-5 --fail-on warning", 3},
		{"audit", "audit", 3},
		{"audit", "audit --catalog sec", 3},
		{"audit", "audit --catalog sec --cve CVE-2026-1001 --fail-on never", 0},
		{"failed", "audit --cve 1001", 2},
		{"log", "log", 0},
		{"recover", "recover", 0},
		{"failed", "show NONE", 3},
		{"failed", "status --state elsewhere", 2},
	} {
		t.Run(tc.args, func(t *testing.T) {
			before := copyTree(t, dir)
			got := qpt(t, dir, "", nil, append(strings.Fields(tc.args), "--format", "json")...)
			if got.code != tc.code || (got.err == "") == (tc.schema == "failed") {
				t.Fatalf("exit code %d, want %d; stderr %q", got.code, tc.code, got.err)
			}
			fromJSON, err := jsonschema.UnmarshalJSON(strings.NewReader(got.out))
			if err != nil {
				t.Fatal(err)
			}
			validate(t, tc.schema, fromJSON)
			if tc.schema == "log" {
				return
			}
			// The same again in YAML, on the same tree.
			got = qpt(t, before, "", nil, append(strings.Fields(tc.args), "--format", "yaml")...)
			if got.code != tc.code || (got.err == "") == (tc.schema == "failed") {
				t.Fatalf("exit code %d, want %d; stderr %q", got.code, tc.code, got.err)
			}
			var doc any
			if err := yaml.Unmarshal([]byte(got.out), &doc); err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			fromYAML, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.ReplaceAll(string(text), before, dir)))
			if err != nil {
				t.Fatal(err)
			}
			validate(t, tc.schema, fromYAML)
			if diff := cmp.Diff(fromJSON, fromYAML); diff != "" {
				t.Errorf("(-json +yaml):\n%s", diff)
			}
		})
	}
}

func copyTree(t *testing.T, dir string) string {
	t.Helper()
	other := filepath.Join(t.TempDir(), "shop")
	if err := os.CopyFS(other, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return other
}

func validate(t *testing.T, name string, doc any) {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "..", "..", "pkg", "report", "schema", name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Error(err)
	}
}
