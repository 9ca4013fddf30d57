package project_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/project"
)

const baseInstalled = `{"packages": [
	{"name": "magento/magento2-base", "version": "2.4.6-p3", "version_normalized": "2.4.6.0-patch3", "type": "magento2-component", "extra": []},
	{"name": "magento/product-community-edition", "version": "2.4.6-p3", "type": "metapackage"}%s
]}`

// tree makes a folder with these files; a name with a slash at the end is a folder.
func tree(tb testing.TB, files map[string]string) string {
	tb.Helper()
	root := tb.TempDir()
	for name, content := range files {
		if target := filepath.Join(root, filepath.FromSlash(name)); strings.HasSuffix(name, "/") {
			mkdir(tb, target)
		} else {
			write(tb, target, content)
		}
	}
	return root
}

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func installedJSON(more string) string { return strings.Replace(baseInstalled, "%s", more, 1) }

func TestOpen(t *testing.T) {
	root := tree(t, map[string]string{
		"composer.json":                  `{"name": "magento/project-community-edition", "config": []}`,
		"vendor/composer/installed.json": installedJSON(""),
		"vendor/magento/magento2-base/":  "",
	})
	in, err := project.Open(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	if in.Root != root || in.VendorDir != "vendor" || in.Layout != project.Composer || in.Edition != project.Community ||
		in.Version.String() != "2.4.6-p3" || in.Version.Normalized() != "2.4.6.0-patch3" || len(in.Warnings) != 0 {
		t.Errorf("Open = %+v", in)
	}
	got := map[string]string{}
	for _, p := range in.Packages.All() {
		got[p.Name] = p.Dir
	}
	want := map[string]string{"magento/magento2-base": "vendor/magento/magento2-base", "magento/product-community-edition": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	if p := in.Path("vendor/magento/module-cms/a.php"); p != "vendor/magento/module-cms/a.php" {
		t.Errorf("Path = %s", p)
	}
}

func TestEdition(t *testing.T) {
	tests := map[string]project.Edition{
		``: project.Community,
		`,{"name": "magento/magento2-ee-base", "version": "2.4.6", "type": "metapackage"}`:                                                                               project.Commerce,
		`,{"name": "magento/magento2-ee-base", "version": "2.4.6", "type": "metapackage"}, {"name": "magento/extension-b2b", "version": "1.4.0", "type": "metapackage"}`: project.B2B,
		`,{"name": "magento/magento2-b2b-base", "version": "1.4.0", "type": "metapackage"}`:                                                                              project.B2B,
	}
	for more, want := range tests {
		in, err := project.Open(tree(t, map[string]string{
			"composer.json":                  `{}`,
			"vendor/composer/installed.json": installedJSON(more),
			"vendor/magento/magento2-base/":  "",
		}), nil)
		if err != nil {
			t.Fatal(err)
		}
		if in.Edition != want {
			t.Errorf("edition with %s = %v, want %v", more, in.Edition, want)
		}
	}
	if got := []string{project.Community.String(), project.Commerce.String(), project.B2B.String()}; !cmp.Equal(got, []string{"community", "commerce", "b2b"}) {
		t.Error(got)
	}
	if got := []string{project.Composer.String(), project.Git.String()}; !cmp.Equal(got, []string{"composer", "git"}) {
		t.Error(got)
	}
}

func TestVendorDir(t *testing.T) {
	root := tree(t, map[string]string{
		"composer.json":                     `{"config": {"vendor-dir": "lib/third/"}}`,
		"lib/third/composer/installed.json": installedJSON(""),
		"lib/third/magento/magento2-base/":  "",
		"other/composer/installed.json":     `[]`,
		"home/v/composer/installed.json":    `[]`,
	})
	in, err := project.Open(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := in.Path("vendor/magento/module-cms/a.php"); in.VendorDir != "lib/third" || got != "lib/third/magento/module-cms/a.php" {
		t.Errorf("vendor folder %s, path %s", in.VendorDir, got)
	}
	if got, err := project.Find(filepath.Join(root, "lib", "third"), nil); err != nil || got != root {
		t.Errorf("Find = %q, %v, want %q", got, err, root)
	}
	for value, want := range map[string]string{
		"other": "other", "./other/": "other", filepath.Join(root, "other"): "other", "~/v": "home/v", "$HOME/v": "home/v",
	} {
		in, err := project.Open(root, env("COMPOSER_VENDOR_DIR", value, "HOME", filepath.Join(root, "home")))
		if !errors.Is(err, project.ErrNoMagento) || in.VendorDir != want {
			t.Errorf("with COMPOSER_VENDOR_DIR=%s: %+v, %v, want the vendor folder %s", value, in, err, want)
		}
	}
	for _, value := range []string{"..", "../x", filepath.Dir(root), root, "."} {
		if _, err := project.Open(root, env("COMPOSER_VENDOR_DIR", value)); err == nil || !strings.Contains(err.Error(), "not inside") {
			t.Errorf("with COMPOSER_VENDOR_DIR=%s: error = %v", value, err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	file := filepath.Join(tree(t, map[string]string{"f": ""}), "f")
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing"), file} {
		if in, err := project.Open(dir, nil); !errors.Is(err, project.ErrNotInstallation) || in != nil {
			t.Errorf("Open(%s) = %v, %v, want ErrNotInstallation", dir, in, err)
		}
	}

	tests := []struct {
		name      string
		files     map[string]string
		file      string
		line, col int
	}{
		{"composer.json", map[string]string{"composer.json": "{\n  \"name\": oops\n}"}, "composer.json", 2, 11},
		{"composer.json is a list", map[string]string{"composer.json": "\n [1]"}, "composer.json", 2, 2},
		{"installed.json", map[string]string{"composer.json": "{}", "vendor/composer/installed.json": "{\"packages\": [\n\n  {\"é\" 1}]}"}, "vendor/composer/installed.json", 3, 8},
		{"truncated", map[string]string{"composer.json": "{}", "vendor/composer/installed.json": "{\"packages\": ["}, "vendor/composer/installed.json", 1, 14},
		{"empty", map[string]string{"composer.json": "{}", "vendor/composer/installed.json": ""}, "vendor/composer/installed.json", 0, 0},
		{"null", map[string]string{"composer.json": "{}", "vendor/composer/installed.json": "null"}, "vendor/composer/installed.json", 0, 0},
		{"wrong type", map[string]string{"composer.json": "{}", "vendor/composer/installed.json": "{\n\"packages\": 1}"}, "vendor/composer/installed.json", 2, 13},
		{"a byte order mark", map[string]string{"composer.json": "\ufeff{}"}, "composer.json", 1, 1},
		{"a folder", map[string]string{"composer.json": "{}", "vendor/composer/installed.json/": ""}, "vendor/composer/installed.json", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := tree(t, tt.files)
			_, err := project.Open(root, nil)
			var fileError *project.FileError
			if !errors.As(err, &fileError) {
				t.Fatalf("Open error = %v, want a FileError", err)
			}
			if want := filepath.Join(root, filepath.FromSlash(tt.file)); fileError.Path != want || fileError.Line != tt.line || fileError.Col != tt.col {
				t.Errorf("Open error = %v, want %s, line %d, column %d", err, want, tt.line, tt.col)
			}
			if !strings.Contains(err.Error(), tt.file) {
				t.Errorf("Open error = %v does not name the file", err)
			}
		})
	}

	in, err := project.Open(tree(t, map[string]string{
		"composer.json":                  "{}",
		"vendor/composer/installed.json": `[{"name": "mage-os/magento2-base", "version": "1.0.5", "type": "metapackage"}]`,
	}), nil)
	if !errors.Is(err, project.ErrNoMagento) || in == nil || !strings.Contains(err.Error(), "mage-os/magento2-base 1.0.5") {
		t.Errorf("Open = %v, %v, want ErrNoMagento that names Mage-OS", in, err)
	}
	in, err = project.Open(tree(t, map[string]string{"composer.json": "{}"}), nil)
	if !errors.Is(err, project.ErrNoMagento) || in == nil || !strings.Contains(err.Error(), "composer install") {
		t.Errorf("Open = %v, %v, want ErrNoMagento with advice", in, err)
	}
}

func TestBadEntriesAreLeftOut(t *testing.T) {
	root := tree(t, map[string]string{
		"composer.json": "{}",
		"vendor/composer/installed.json": installedJSON(`,
			{"version": "1.0"},
			{"name": "a/none"},
			{"name": "a/latest", "version": "latest"},
			{"name": "a/kept", "version": "latest", "version_normalized": "1.0.0.0", "type": "metapackage"},
			{"name": "../../x", "version": "1.0"},
			{"name": "/etc", "version": "1.0"},
			{"name": ".", "version": "1.0"},
			{"name": "a\\..\\..\\b", "version": "1.0"},
			{"name": "a/nul\u0000", "version": "1.0"},
			{"name": "a/b", "version": "1.0", "target-dir": "../../../x"},
			{"name": "a/b", "version": "1.0", "target-dir": "x/../../b"},
			{"name": "a/gone", "version": "1.0"}`),
		"vendor/magento/magento2-base/": "",
		"vendor/a/b/":                   "",
		"x/":                            "",
	})
	in, err := project.Open(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range in.Packages.All() {
		names = append(names, p.Name)
		if p.Dir != "" && !strings.HasPrefix(p.Dir, "vendor/") {
			t.Errorf("%s lies in %s", p.Name, p.Dir)
		}
	}
	if diff := cmp.Diff([]string{"a/kept", "magento/magento2-base", "magento/product-community-edition"}, names); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	if len(in.Warnings) != 11 {
		t.Errorf("%d warnings, want 11:\n%s", len(in.Warnings), strings.Join(in.Warnings, "\n"))
	}
	if last := in.Warnings[len(in.Warnings)-1]; !strings.Contains(last, "a/gone") {
		t.Errorf("last warning = %s, want one that names a/gone", last)
	}
}

func TestFind(t *testing.T) {
	root := tree(t, map[string]string{
		"composer.json":                                 `{}`,
		"vendor/composer/installed.json":                `[]`,
		"vendor/magento/module-cms/composer.json":       `{"name": "magento/module-cms"}`,
		"vendor/magento/module-cms/Model/":              "",
		"sub/clone/composer.json":                       `{"name": "Magento/Magento2CE"}`,
		"sub/clone/app/code/Magento/":                   "",
		"sub/uninstalled/composer.json":                 `{}`,
		"sub/uninstalled/app/etc/env.php":               "",
		"sub/broken/composer.json":                      `{`,
		"sub/broken/vendor/composer/installed.json":     `[]`,
		"sub/nomanifest/vendor/composer/installed.json": `[]`,
	})
	for from, want := range map[string]string{
		".": ".", "vendor/magento/module-cms/Model": ".", "vendor/magento/missing": ".", "sub": ".",
		"sub/clone/app/code": "sub/clone", "sub/uninstalled/app": "sub/uninstalled", "sub/broken": "sub/broken", "sub/nomanifest": "sub/nomanifest",
	} {
		got, err := project.Find(filepath.Join(root, filepath.FromSlash(from)), nil)
		if err != nil || got != filepath.Join(root, filepath.FromSlash(want)) {
			t.Errorf("Find(%s) = %s, %v, want %s", from, got, err, want)
		}
	}
	if got, err := project.Find(t.TempDir(), nil); !errors.Is(err, project.ErrNotInstallation) {
		t.Errorf("Find = %s, %v, want ErrNotInstallation", got, err)
	}
	t.Chdir(filepath.Join(root, "vendor"))
	if got, err := project.Find("", nil); err != nil || !sameFile(t, got, root) {
		t.Errorf("Find of the current folder = %s, %v, want %s", got, err, root)
	}
}

func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	ai, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	bi, err := os.Stat(b)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(ai, bi)
}

func TestPackages(t *testing.T) {
	v := compat.NormalizedVersion
	set := project.NewPackages([]project.Package{
		{Name: "b/B", Version: v("2.0.0.0")},
		{Name: "a/a", Version: v("1.9999999.9999999.9999999-dev"), AliasOf: "dev-main"},
		{Name: "a/a", Version: v("dev-main")},
		{Name: "B/b", Version: v("1.0.0.0")},
	})
	find := func(name, constraint string) string {
		c, err := compat.ParseConstraint(constraint)
		if err != nil {
			t.Fatal(err)
		}
		p, ok := set.Find(name, c)
		if !ok {
			return ""
		}
		return p.Name + " " + p.Version.Normalized()
	}
	for query, want := range map[[2]string]string{
		{"b/b", "*"}:        "b/B 2.0.0.0",
		{"B/B", "<2"}:       "B/b 1.0.0.0",
		{"a/a", "*"}:        "a/a 1.9999999.9999999.9999999-dev",
		{"a/a", "dev-main"}: "a/a dev-main",
		{"a/a", "^2"}:       "",
		{"c/c", "*"}:        "",
	} {
		if got := find(query[0], query[1]); got != want {
			t.Errorf("Find(%s, %s) = %q, want %q", query[0], query[1], got, want)
		}
	}
	if got := len(set.Named("A/A")); got != 2 {
		t.Errorf("Named has %d entries, want 2", got)
	}
	all := set.All()
	if len(all) != 3 || all[0].Name != "a/a" || all[1].Name != "b/B" || all[2].Name != "B/b" {
		t.Errorf("All = %v", all)
	}
	var zero project.Packages
	if len(zero.All()) != 0 || len(zero.Named("a/a")) != 0 {
		t.Error("the zero set is not empty")
	}
}
