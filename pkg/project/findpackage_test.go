package project_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/project"
)

// findPackageCase is a small tree with the answers that Composer gave.
type findPackageCase struct {
	Case          string
	ComposerJSON  json.RawMessage `json:"composer.json"`
	InstalledJSON json.RawMessage `json:"installed.json"`
	Paths         []string
	Queries       []struct {
		Name, Constraint, Found, Version string
	}
	LoadError string `json:"load_error"`
}

// build makes the tree below a new folder.
func (c *findPackageCase) build(t *testing.T) string {
	root := t.TempDir()
	var manifest struct {
		Config struct {
			VendorDir string `json:"vendor-dir"`
		}
	}
	if err := json.Unmarshal(c.ComposerJSON, &manifest); err != nil {
		t.Fatal(err)
	}
	vendor := filepath.Join(root, "vendor")
	if dir := manifest.Config.VendorDir; dir != "" {
		vendor = filepath.Join(root, filepath.FromSlash(dir))
	}
	write(t, filepath.Join(root, "composer.json"), string(c.ComposerJSON))
	if string(c.InstalledJSON) != "null" {
		content := string(c.InstalledJSON)
		var raw string
		if json.Unmarshal(c.InstalledJSON, &raw) == nil {
			content = raw
		}
		write(t, filepath.Join(vendor, "composer", "installed.json"), content)
	}
	for _, p := range c.Paths {
		kind, name, ok := strings.Cut(p, ":")
		if !ok {
			kind, name = "", p
		}
		target := filepath.Join(vendor, filepath.FromSlash(name))
		if strings.HasPrefix(name, "/") {
			target = filepath.Join(root, filepath.FromSlash(name))
		}
		switch kind {
		case "":
			mkdir(t, target)
		case "file":
			write(t, target, "")
		case "link":
			mkdir(t, filepath.Dir(target))
			elsewhere := filepath.Join(root, "linked", filepath.Base(target))
			mkdir(t, elsewhere)
			symlink(t, elsewhere, target)
		case "dangling":
			mkdir(t, filepath.Dir(target))
			symlink(t, filepath.Join(root, "nowhere"), target)
		default:
			t.Fatalf("unknown kind of path %q", p)
		}
	}
	return root
}

func TestFindPackageVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/findpackage-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct{ Cases []findPackageCase }
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Cases) < 30 {
		t.Fatalf("incomplete vectors: %d cases", len(vectors.Cases))
	}
	queries := 0
	for _, c := range vectors.Cases {
		t.Run(c.Case, func(t *testing.T) {
			root := c.build(t)
			in, err := project.Open(root, nil)
			var fileError *project.FileError
			if c.LoadError != "" {
				// Composer gives up; here a broken file is an error, and a bad entry is left out with a warning.
				if !errors.As(err, &fileError) && (in == nil || len(in.Warnings) == 0) {
					t.Errorf("Open(%s) = %+v, %v, want a FileError or a warning", root, in, err)
				}
				return
			}
			if err != nil && !errors.Is(err, project.ErrNoMagento) {
				t.Fatal(err)
			}
			packages := in.Packages
			if in.Layout == project.Git { // the vectors ask for what is installed, not for the root package
				entries := packages.All()
				if len(entries) != 1 || entries[0].Dir != "." {
					t.Fatalf("packages = %v, want the base package alone", entries)
				}
				packages = project.NewPackages(nil)
			}
			for _, q := range c.Queries {
				queries++
				constraint, err := compat.ParseConstraint(q.Constraint)
				if (err != nil) != (q.Found == "error") {
					t.Errorf("ParseConstraint(%q) error = %v, want error: %s", q.Constraint, err, q.Found)
				}
				if err != nil {
					continue
				}
				p, ok := packages.Find(q.Name, constraint)
				if ok != (q.Found == "true") || ok && p.Version.Normalized() != q.Version {
					t.Errorf("Find(%q, %q) = %v %q, want %s %q", q.Name, q.Constraint, ok, p.Version.Normalized(), q.Found, q.Version)
				}
			}
		})
	}
	if queries < 70 {
		t.Errorf("checked %d queries, want more", queries)
	}
}

func write(tb testing.TB, file, content string) {
	tb.Helper()
	mkdir(tb, filepath.Dir(file))
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		tb.Fatal(err)
	}
}

func mkdir(tb testing.TB, dir string) {
	tb.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
}

func symlink(tb testing.TB, target, link string) {
	tb.Helper()
	if err := os.Symlink(target, link); err != nil {
		tb.Skipf("no symbolic links here: %v", err)
	}
}
