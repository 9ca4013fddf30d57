package author

import (
	"archive/zip"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/project"
)

func makeZip(t *testing.T, name string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	for name, text := range files {
		part, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func hexSHA1(b []byte) string {
	sum := sha1.Sum(b)
	return hex.EncodeToString(sum[:])
}

// An archive is found under the name that Composer gives it, by its checksum, or by the
// version that it states; in the folders that the environment and composer.json name.
func TestFromCache(t *testing.T) {
	const url = "https://repo.example.com/acme/tool-x-1.0.zip"
	type object = map[string]any
	this := map[string]string{"acme-tool-x/composer.json": `{"name": "acme/tool-x", "version": "v1.0.0"}`, "acme-tool-x/a.php": "a\n", ".DS_Store": ""}
	for _, tc := range []struct {
		name, manifest string
		env            map[string]string
		dist           object
		file           string // the archive, in the folder of the case
		content        map[string]string
		sum            bool // whether installed.json has the archive's checksum
		want           string
	}{
		{name: "by the address", dist: object{"type": "zip", "url": url}, file: "home/.cache/composer/files/acme/tool-x/" + hexSHA1([]byte(url)) + ".zip"},
		{name: "an address with places to fill", dist: object{"type": "zip", "url": "https://e.com/%package%/%prettyVersion%-%version%.%type%?%reference%", "reference": "x/1"}, file: "home/.cache/composer/files/acme/tool-x/" +
			hexSHA1([]byte("https://e.com/acme/tool-x/1.0-1.0.0.0.zip?e10b142c3c05c2aca1ff5a78c7fbeabf")) + ".zip"},
		{name: "of a mirror", dist: object{"type": "zip", "url": url, "mirrors": []object{{"url": "https://m.com/%package%.%type%", "preferred": true}}}, file: "home/.cache/composer/files/acme/tool-x/" + hexSHA1([]byte("https://m.com/acme/tool-x.zip")) + ".zip"},
		{name: "by the checksum", dist: object{"type": "zip", "url": url}, sum: true, file: "home/.cache/composer/files/acme/tool-x/other.zip", content: map[string]string{"a.php": "a\n"}},
		{name: "another checksum", dist: object{"type": "zip", "url": url, "shasum": strings.Repeat("0", 40)}, file: "home/.cache/composer/files/acme/tool-x/" + hexSHA1([]byte(url)) + ".zip", want: "its checksum is not that of the installed package"},
		{name: "by the version", dist: object{}, file: "home/.cache/composer/files/acme/tool-x/other.zip"},
		{name: "another version", dist: object{}, file: "home/.cache/composer/files/acme/tool-x/other.zip", content: map[string]string{"composer.json": `{"name": "acme/tool-x", "version": "1.0.1"}`}, want: "it is version 1.0.1"},
		{name: "no version", dist: object{}, file: "home/.cache/composer/files/acme/tool-x/other.zip", content: map[string]string{"a.php": "a\n"}, want: "it does not say which version it is"},
		{name: "another package", dist: object{"type": "zip", "url": url}, file: "home/.cache/composer/files/acme/tool-x/" + hexSHA1([]byte(url)) + ".zip", content: map[string]string{"composer.json": `{"name": "acme/other"}`}, want: "it is acme/other"},
		{name: "COMPOSER_CACHE_DIR", env: map[string]string{"COMPOSER_CACHE_DIR": "$T/c", "COMPOSER_HOME": "$T/d"}, dist: object{"type": "zip", "url": url}, file: "c/files/acme/tool-x/" + hexSHA1([]byte(url)) + ".zip"},
		{name: "COMPOSER_HOME", env: map[string]string{"COMPOSER_HOME": "$T/d"}, dist: object{"type": "zip", "url": url}, file: "d/cache/files/acme/tool-x/" + hexSHA1([]byte(url)) + ".zip"},
		{name: "XDG_CACHE_HOME", env: map[string]string{"XDG_CACHE_HOME": "$T/x"}, dist: object{"type": "zip", "url": url}, file: "x/composer/files/acme/tool-x/" + hexSHA1([]byte(url)) + ".zip"},
		{name: "COMPOSER_CACHE_FILES_DIR", env: map[string]string{"COMPOSER_CACHE_FILES_DIR": "$T/f"}, dist: object{"type": "zip", "url": url}, file: "f/acme/tool-x/" + hexSHA1([]byte(url)) + ".zip"},
		{name: "composer.json", manifest: `{"config": {"cache-dir": "~/own"}}`, dist: object{"type": "zip", "url": url}, file: "home/own/files/acme/tool-x/" + hexSHA1([]byte(url)) + ".zip"},
		{name: "composer.json, the files", manifest: `{"config": {"cache-files-dir": "{$cache-dir}/archives"}}`, env: map[string]string{"COMPOSER_CACHE_DIR": "$T/c"}, dist: object{"type": "zip", "url": url}, file: "c/archives/acme/tool-x/" + hexSHA1([]byte(url)) + ".zip"},
		{name: "nowhere", dist: object{"type": "zip", "url": url}, file: "elsewhere.zip", want: "no archive of acme/tool-x 1.0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			top := t.TempDir()
			file := filepath.Join(top, filepath.FromSlash(tc.file))
			if tc.content == nil {
				tc.content = this
			}
			makeZip(t, file, tc.content)
			if tc.sum {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				tc.dist["shasum"] = hexSHA1(text)
			}
			installed, err := json.Marshal(object{"packages": []object{{"name": 1}, {"name": "acme/Tool-X", "version": "1.0", "version_normalized": "1.0.0.0", "dist": tc.dist}}})
			if err != nil {
				t.Fatal(err)
			}
			root := filepath.Join(top, "shop")
			if err := errors.Join(
				os.MkdirAll(filepath.Join(root, "vendor", "composer"), 0o755),
				os.WriteFile(filepath.Join(root, "vendor", "composer", "installed.json"), installed, 0o644),
				os.WriteFile(filepath.Join(root, "composer.json"), []byte(tc.manifest), 0o644),
			); err != nil {
				t.Fatal(err)
			}
			getenv := func(name string) string {
				if name == "HOME" {
					return filepath.Join(top, "home")
				}
				return strings.ReplaceAll(tc.env[name], "$T", top)
			}
			v, err := compat.ParseVersion("1.0")
			if err != nil {
				t.Fatal(err)
			}
			p, found, err := FromCache(&project.Installation{Root: root, VendorDir: "vendor"}, project.Package{Name: "acme/tool-x", Version: v}, getenv)
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Fatalf("found %q, error %v; want %q", found, err, tc.want)
				}
				return
			}
			if err != nil || found != file {
				t.Fatalf("found %q, error %v; want %q", found, err, file)
			}
			defer p.Close()
			if text, err := fs.ReadFile(p.FS, "a.php"); err != nil || string(text) != "a\n" {
				t.Errorf("a.php holds %q, %v", text, err)
			}
		})
	}
}

// What differs is found on both sides; folders of version control do not count.
func TestCompare(t *testing.T) {
	top := t.TempDir()
	for name, text := range map[string]string{
		"shop/vendor/a/b/same": "1", "shop/vendor/a/b/edited": "2", "shop/vendor/a/b/added/deep": "3", "shop/vendor/a/b/.git/x": "4", "shop/vendor/a/c/other": "5",
		"pristine/same": "1", "pristine/edited": "1", "pristine/gone": "1",
	} {
		file := filepath.Join(top, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(filepath.Join(top, "shop"))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, tc := range []struct {
		only, always []string
		want         string
	}{
		{nil, nil, "vendor/a/b/added/deep=none vendor/a/b/edited=1 vendor/a/b/gone=1"},
		{[]string{"added", "gone"}, nil, "vendor/a/b/added/deep=none vendor/a/b/gone=1"},
		{[]string{"edited"}, []string{"same", "none"}, "vendor/a/b/edited=1 vendor/a/b/none=none vendor/a/b/same=1"},
		{[]string{}, nil, ""},
	} {
		before := Pristine{}
		place := Place{Dir: "vendor/a/b", Pristine: os.DirFS(filepath.Join(top, "pristine")), Only: tc.only, Always: tc.always}
		if err := Compare(before, applier.DirTree(root), root.FS(), place); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, name := range slices.Sorted(maps.Keys(before)) {
			text := "none"
			if f := before[name]; f != nil {
				text = string(f.Data)
			}
			got = append(got, name+"="+text)
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("only %q: %s, want %s", tc.only, s, tc.want)
		}
	}
}
