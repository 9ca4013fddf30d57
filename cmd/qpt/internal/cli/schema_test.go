package cli

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
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
	pristine := copyTree(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "vendor", "magento", "framework", "added.php"), []byte("<?php\n"), 0o644); err != nil {
		t.Fatal(err)
	}
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
	loose := filepath.Join(t.TempDir(), "246p3-2026-07-002-CE.patch")
	if err := os.WriteFile(loose, []byte("CVE-2026-12345\n\n--- /dev/null\n+++ b/pub/l\n@@ -0,0 +1 @@\n+l\n--- /dev/null\n+++ b/vendor/magento/module-cms/l\n@@ -0,0 +1 @@\n+l\n"), 0o644); err != nil {
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
		{"import", "import " + loose + " --dry-run", 0},
		{"import", "import " + loose + " --bulletin APSB26-73", 0},
		{"import", "import " + loose, 0},
		{"export", "export composer-patches --dry-run", 3},
		{"export", "export composer-patches --leave-out --style vaimo", 3},
		{"migrate", "migrate --dry-run", 0},
		{"migrate", "migrate", 0},
		{"log", "log", 0},
		{"recover", "recover", 0},
		{"new", "new SHOP-1 --title t --dry-run --against " + pristine, 0},
		{"new", "new SHOP-1 --title t --against " + pristine, 0},
		{"new", "new SHOP-1 --update --against " + pristine, 0},
		{"failed", "new SHOP-2 --title t --package magento/module-catalog --against " + pristine, 3},
		{"failed", "show NONE", 3},
		{"failed", "status --state elsewhere", 2},
	} {
		t.Run(tc.args, func(t *testing.T) { outputFits(t, dir, nil, tc.schema, tc.args, tc.code) })
	}
}

// The same for what works on catalogues and diffs, which needs a cache.
func TestCatalogOutputFitsSchemas(t *testing.T) {
	dir := t.TempDir()
	fix := "--- a/vendor/magento/module-x/a.php\n+++ b/vendor/magento/module-x/a.php\n@@ -1 +1 @@\n-x\n+caf\xe9\n"
	for name, text := range map[string]string{
		"old/support-patches.json": `{"X-1": {"title": "x", "packages": {"magento/module-x": {"1": {"file": "x.patch"}}}},
			"X-2": {"title": "y", "packages": {"magento/module-x": {"1": {"file": "x.patch"}}}},
			"X-3": {"title": "z", "packages": {"magento/module-x": {"1": {"file": "x.patch"}}}}}`,
		"new/support-patches.json": `{"X-1": {"title": "changed", "packages": {"magento/module-x": {"1": {"file": "x.patch"}}}},
			"X-3": {"title": "z", "packages": {"magento/module-x": {"1": {"file": "x.patch", "replaced-with": "X-4"}}}},
			"X-4": {"title": "new", "packages": {"magento/module-x": {"1": {"file": "x.patch"}}}}, "X-5": 1}`,
		"old/patches/x.patch": fix, "new/patches/x.patch": fix, "fix.patch": fix + "--- a/index.php\n+++ b/index.php\n@@ -1 +1 @@\n-x\n+y\n",
		"page.html": "<html></html>\n",
	} {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	vars := map[string]string{"XDG_CACHE_HOME": t.TempDir(), "XDG_CONFIG_HOME": t.TempDir()}
	key := qpt(t, dir, "", vars, "catalog", "keygen", "company.key", "--format", "json")
	var made struct{ PublicKey string }
	if err := json.Unmarshal([]byte(key.out), &made); err != nil || made.PublicKey == "" {
		t.Fatalf("%+v: %v", key, err)
	}
	for _, tc := range []struct {
		schema, args string
		code         int
	}{
		{"catalogs", "catalog list", 0}, // an empty cache
		{"catalogs", "catalog update ./old --name acme/x --version 1.0.0", 0},
		{"catalogs", "catalog update ./new --name acme/x --version 1.1.0 --no-use", 0},
		{"catalogs", "catalog list", 0},
		{"catalogs", "catalog path acme/x:1.1.0", 0},
		{"catalogs", "catalog use acme/x:1.1.0", 0},
		{"catalogs", "catalog prune --keep 0 --dry-run", 0},
		{"catalogs", "catalog use acme/x --none", 0},
		{"failed", "catalog path acme/none", 3},
		{"failed", "catalog use acme/x:2", 3},
		{"failed", "catalog prune --keep -1", 2},
		{"catalogdiff", "catalog diff old new", 0},
		{"catalogdiff", "catalog diff old old", 0},
		{"catalogdiff", "catalog diff acme/x:1.0.0 new", 0},
		{"failed", "catalog diff old none", 3},
		{"catalogfile", "catalog keygen other.key", 0},
		{"catalogfile", "catalog pack old --archive unsigned.zip", 0},
		{"catalogfile", "catalog pack old --archive old.zip --key company.key", 0},
		{"catalogfile", "catalog sign unsigned.zip --key company.key", 0},
		{"catalogfile", "catalog verify old.zip --catalog-key " + made.PublicKey, 0},
		{"failed", "catalog verify old --catalog-key " + made.PublicKey, 3},
		{"failed", "catalog pack new --archive new.zip", 3},
		{"failed", "catalog keygen company.key", 2},
		{"lint", "catalog lint old", 0},
		{"lint", "catalog lint new", 3},
		{"convert", "convert fix.patch", 0},
		{"convert", "convert fix.patch --to git", 0},
		{"convert", "convert fix.patch --into one.patch", 0},
		{"convert", "convert fix.patch --split --into parts", 0},
		{"failed", "convert fix.patch --split", 2},
		{"failed", "convert page.html", 2},
		{"failed", "convert none.patch", 2},
	} {
		t.Run(tc.args, func(t *testing.T) { outputFits(t, dir, vars, tc.schema, tc.args, tc.code) })
	}
}

// outputFits runs a command for JSON and for YAML. Both fit the schema, and say the same.
func outputFits(t *testing.T, dir string, vars map[string]string, schema, args string, want int) {
	t.Helper()
	before := copyTree(t, dir)
	moment := regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^"\s]*`)
	sameTime := func(out string) string { return moment.ReplaceAllString(out, "2026-01-02T03:04:05Z") }
	got := qpt(t, dir, "", vars, append(strings.Fields(args), "--format", "json")...)
	if got.code != want || (got.err == "") == (schema == "failed") {
		t.Fatalf("exit code %d, want %d; stderr %q", got.code, want, got.err)
	}
	fromJSON, err := jsonschema.UnmarshalJSON(strings.NewReader(sameTime(got.out)))
	if err != nil {
		t.Fatal(err)
	}
	validate(t, schema, fromJSON)
	if schema == "log" || strings.HasPrefix(args, "catalog keygen other") { // another time, another key
		return
	}
	// The same again in YAML, on the same tree.
	got = qpt(t, before, "", vars, append(strings.Fields(args), "--format", "yaml")...)
	if got.code != want || (got.err == "") == (schema == "failed") {
		t.Fatalf("exit code %d, want %d; stderr %q", got.code, want, got.err)
	}
	var doc any
	if err := yaml.Unmarshal([]byte(sameTime(got.out)), &doc); err != nil {
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
	validate(t, schema, fromYAML)
	if diff := cmp.Diff(fromJSON, fromYAML); diff != "" {
		t.Errorf("(-json +yaml):\n%s", diff)
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
