package cli

import (
	"archive/zip"
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quality-patches/qpt/pkg/applier/transaction"
)

// On a terminal the title is asked for; no answer is none.
func TestNewAsksForTheTitle(t *testing.T) {
	dir := sandbox(t)
	pristine := copyTree(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "vendor", "magento", "framework", "added.php"), []byte("<?php\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := hash(t, dir)
	for _, in := range []terminal{"\n", "  \n", " "} {
		got := qpt(t, dir, in, nil, "new", "SHOP-1", "--against", pristine)
		if got.code != exitUsage || hash(t, dir) != before {
			t.Errorf("answer %q: exit code %d, stderr %q", in, got.code, got.err)
		}
	}
	if got := qpt(t, dir, "x\n", nil, "new", "SHOP-1", "--against", pristine, "--no-interaction"); got.code != exitUsage {
		t.Errorf("asked although it must not: exit code %d, stderr %q", got.code, got.err)
	}
	got := qpt(t, dir, " Adds a file. \n", nil, "new", "SHOP-1", "--against", pristine)
	if got.code != 0 || !strings.Contains(got.err, "what does the patch do") {
		t.Fatalf("exit code %d, stderr %q", got.code, got.err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "patches", "support-patches.json"))
	if err != nil || !strings.Contains(string(text), `"title": "Adds a file."`) {
		t.Errorf("the entry is %s, %v", text, err)
	}
}

// Compared with the archive in Composer's cache, of a package and of the base package,
// whose files lie in the root.
func TestNewFromComposerCache(t *testing.T) {
	dir := sandbox(t)
	const url = "https://repo.example.com/checkout.zip"
	sum := sha1.Sum([]byte(url))
	cache := t.TempDir()
	pack := func(name string, files map[string]string) {
		t.Helper()
		name = filepath.Join(cache, "files", filepath.FromSlash(name))
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
	files := map[string]string{}
	checkout := filepath.Join(dir, "vendor", "magento", "module-checkout")
	for _, name := range []string{"registration.php", "Model/CartTotals.php", "view/frontend/templates/summary.phtml", "view/frontend/web/js/totals.js"} {
		text, err := os.ReadFile(filepath.Join(checkout, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		files["magento-module-checkout-1234/"+name] = string(text)
	}
	pack("magento/module-checkout/"+hex.EncodeToString(sum[:])+".zip", files)
	index, err := os.ReadFile(filepath.Join(dir, "pub", "index.php"))
	if err != nil {
		t.Fatal(err)
	}
	pack("magento/magento2-base/any.zip", map[string]string{
		"composer.json": `{"name": "magento/magento2-base", "version": "2.4.6-p3"}`, "pub/index.php": string(index), "pub/not-copied.php": "<?php\n",
	})
	installed := filepath.Join(dir, "vendor", "composer", "installed.json")
	list, err := os.ReadFile(installed)
	if err != nil {
		t.Fatal(err)
	}
	with := strings.Replace(string(list), `"name": "magento/module-checkout",`, `"name": "magento/module-checkout", "dist": {"type": "zip", "url": "`+url+`", "shasum": ""},`, 1)
	if err := errors.Join(
		os.WriteFile(installed, []byte(with), 0o644),
		os.WriteFile(filepath.Join(checkout, "registration.php"), []byte("<?php // edited\n"), 0o644),
		os.WriteFile(filepath.Join(dir, "pub", "index.php"), append(index, "// edited\n"...), 0o644),
	); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"COMPOSER_CACHE_DIR": cache}
	got := qpt(t, dir, "", env, "new", "SHOP-1", "--title", "t", "--against", "composer-cache", "--package", "magento/module-checkout", "--package", "magento/magento2-base")
	if got.code != 0 || strings.Count(got.out, " new, 1 file") != 2 {
		t.Fatalf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	for name, want := range map[string]string{"SHOP-1_2.4.6-p3.patch": "+++ b/pub/index.php", "SHOP-1_module-checkout_100.4.6-p3.patch": "+++ b/vendor/magento/module-checkout/registration.php"} {
		text, err := os.ReadFile(filepath.Join(dir, "patches", "patches", name))
		if err != nil || strings.Count(string(text), "+++ ") != 1 || !strings.Contains(string(text), want) {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
}

// An asked answers a question, once what is to happen in between has happened.
type asked struct {
	strings.Reader
	meanwhile func()
}

func (a *asked) Read(b []byte) (int, error) {
	a.meanwhile()
	a.meanwhile = func() {}
	return a.Reader.Read(b)
}

// What comes between reading the catalogue and writing it keeps all out, in the shop and
// elsewhere: a lock, somebody's entry, somebody's diff.
func TestNewMeanwhile(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		dir := sandbox(t)
		pristine := copyTree(t, dir)
		if err := os.WriteFile(filepath.Join(dir, "vendor", "magento", "framework", "added.php"), []byte("<?php\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		into := filepath.Join(dir, "patches")
		if elsewhere {
			into = filepath.Join(t.TempDir(), "deep", "own")
		}
		run := func(t *testing.T, meanwhile func()) outcome {
			t.Helper()
			var out, errs bytes.Buffer
			in := &asked{*strings.NewReader("Adds a file.\n"), meanwhile}
			vars := map[string]string{"HOME": filepath.Dir(dir)}
			code := run(t.Context(), []string{"new", "SHOP-1", "--against", pristine, "--into", into}, Env{
				In: in, Out: &out, Err: &errs, Dir: dir, Terminal: true, Getenv: func(name string) string { return vars[name] },
			})
			return outcome{code, out.String(), errs.String()}
		}
		put := func(name, text string) func() {
			return func() {
				name := filepath.Join(into, name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
		}
		release := func() error { return nil }
		for _, tc := range []struct {
			name      string
			meanwhile func()
			code      int
			want      string
		}{
			{"a lock", func() {
				at := dir
				o := transaction.Options{Command: "another"}
				if elsewhere {
					put("support-patches.json", "{}")()
					at = into
					o.StateDir = filepath.Join(filepath.Dir(dir), ".local", "state", "qpt", stateName(into))
				}
				root, err := os.OpenRoot(at)
				if err != nil {
					t.Fatal(err)
				}
				session, _, err := transaction.Begin(t.Context(), root, o)
				if err != nil {
					t.Fatal(err)
				}
				release = func() error { return errors.Join(session.Close(), root.Close()) }
			}, exitLocked, "another"},
			{"an entry", put("support-patches.json", `{"OTHER": {}}`), exitError, "support-patches.json: it was changed in the meantime; nothing was written"},
			{"a diff", put("patches/SHOP-1_framework_103.0.6-p3.patch", "theirs"), exitError, "patches/SHOP-1_framework_103.0.6-p3.patch: it was changed in the meantime"},
		} {
			t.Run(fmt.Sprintf("%s, elsewhere: %v", tc.name, elsewhere), func(t *testing.T) {
				if err := os.RemoveAll(into); err != nil {
					t.Fatal(err)
				}
				var before string
				got := run(t, func() {
					tc.meanwhile()
					before = hash(t, filepath.Dir(into))
				})
				if got.code != tc.code || !strings.Contains(got.err, tc.want) {
					t.Errorf("exit code %d, stderr %q", got.code, got.err)
				}
				if hash(t, filepath.Dir(into)) != before {
					t.Error("something was written")
				}
				if err := release(); err != nil {
					t.Error(err)
				}
				release = func() error { return nil }
			})
		}
		t.Run(fmt.Sprintf("nothing, elsewhere: %v", elsewhere), func(t *testing.T) {
			if err := os.RemoveAll(into); err != nil {
				t.Fatal(err)
			}
			if got := run(t, func() {}); got.code != exitDone {
				t.Errorf("exit code %d, stderr %q", got.code, got.err)
			}
			if _, err := os.Stat(filepath.Join(into, "support-patches.json")); err != nil {
				t.Error(err)
			}
		})
	}
}
