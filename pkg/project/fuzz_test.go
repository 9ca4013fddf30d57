package project_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quality-patches/qpt/pkg/project"
)

func FuzzInstalledJSON(f *testing.F) {
	for _, s := range []string{
		installedJSON(`,{"name": "a/b", "version": "dev-main", "extra": {"branch-alias": {"dev-main": "2.x-dev"}}, "target-dir": "Src"}`),
		`[{"name": "../x", "version": 2.4, "version_normalized": "9999999-dev", "default-branch": true}]`,
		`[{"name": "..", "version": "1"}, {"name": "a//b", "version": "1"}, {"name": "\\", "version": "1"}]`,
		`{"packages": null}`, `null`, ``, `[null]`, `{"packages": {"a": 1}}`,
	} {
		f.Add(s)
	}
	root := f.TempDir()
	write(f, filepath.Join(root, "composer.json"), "{}")
	for _, name := range []string{"vendor/magento/magento2-base", "vendor/a/b/Src", "x"} {
		mkdir(f, filepath.Join(root, filepath.FromSlash(name)))
	}
	file := filepath.Join(root, "vendor", "composer", "installed.json")
	mkdir(f, filepath.Dir(file))
	f.Fuzz(func(t *testing.T, s string) {
		if err := os.WriteFile(file, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
		in, err := project.Open(root, nil)
		var fileError *project.FileError
		switch {
		case errors.As(err, &fileError):
			if fileError.Path != file {
				t.Fatalf("error names %s", fileError.Path)
			}
			return
		case err != nil && !errors.Is(err, project.ErrNoMagento):
			t.Fatal(err)
		}
		for _, p := range in.Packages.All() {
			if p.Dir != "" && (!strings.HasPrefix(p.Dir, "vendor/") || !filepath.IsLocal(p.Dir) || filepath.ToSlash(filepath.Clean(p.Dir)) != p.Dir) {
				t.Fatalf("%q lies in %q", p.Name, p.Dir)
			}
			if len(in.Packages.Named(p.Name)) == 0 {
				t.Fatalf("%q has no entries", p.Name)
			}
		}
	})
}
