package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quality-patches/qpt/pkg/report"
)

// The exit code says the same whatever the format is, on standard output or in a file.
func TestExitCodeDoesNotDependOnFormat(t *testing.T) {
	dir := sandbox(t)
	for _, tc := range []struct {
		args string
		code int
	}{
		{"status", 0},
		{"status DEMO-1", 0},
		{"status NONE", 3},
		{"status --state elsewhere", 2},
		{"check ACSD-61103", 0},
		{"check DEMO-1 DEMO-7", 3},
		{"check NONE", 3},
		{"check --magento 2.4.7 ACSD-61103 DEMO-8", 3},
		{"audit", 3},
		{"audit --fail-on never", 0},
	} {
		for _, f := range report.Formats() {
			file := filepath.Join(t.TempDir(), "result")
			stdout := qpt(t, dir, "", nil, append(strings.Fields(tc.args), "--format", f)...)
			beside := qpt(t, dir, "", nil, append(strings.Fields(tc.args), "--quiet", "--output", f+"="+file)...)
			if stdout.code != tc.code || beside.code != tc.code {
				t.Errorf("%s as %s: exit codes %d and %d, want %d", tc.args, f, stdout.code, beside.code, tc.code)
			}
			content, err := os.ReadFile(file)
			if err != nil || string(content) != stdout.out {
				t.Errorf("%s as %s: the file is %q (error %v), standard output %q", tc.args, f, content, err, stdout.out)
			}
		}
	}
}

// A file that cannot be replaced stays, with no other beside it; one that can keeps its mode.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "result")
	if err := errors.Join(os.WriteFile(name, []byte("old"), 0o600), writeFile(name, []byte("new"))); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	full := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(full, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(full, nil); err == nil {
		t.Error("a folder was replaced")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}
