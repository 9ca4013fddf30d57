package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quality-patches/qpt/pkg/catalog"
)

func TestEdits(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"a", "", 1},
		{"", "abc", 3},
		{"ACSD-1", "acsd-1", 0},
		{"ACSD-1", "ACSD-2", 1},
		{"ACSD-12", "ACSD-21", 2},
		{"ACSD-61103", "ACSD-6110", 1},
		{"ACSD-61103", "ASCD-61103", 2},
		{"kitten", "sitting", 3},
	} {
		if got := edits(tc.a, tc.b); got != tc.want {
			t.Errorf("from %q to %q: %d edits, want %d", tc.a, tc.b, got, tc.want)
		}
		if got := edits(tc.b, tc.a); got != tc.want {
			t.Errorf("from %q to %q: %d edits, want %d", tc.b, tc.a, got, tc.want)
		}
	}
}

// Up to three ids are suggested for a mistyped one: those with its letters in their
// order, else those that a letter or two make of it.
func TestSuggestions(t *testing.T) {
	c := catalog.Load([]catalog.Source{{Name: "test", Dir: "x", FS: fstest.MapFS{
		"ACSD-61103.patch": {}, "ACSD-61104.patch": {}, "ACSD-50000.patch": {}, "MDVA-1.patch": {}, "B2B-700.patch": {},
	}}})
	for _, p := range c.Patches { // ids as of a real catalogue
		p.ID = strings.TrimSuffix(strings.TrimPrefix(p.ID, "x/"), ".patch")
	}
	for _, tc := range []struct{ name, id, want string }{
		{"a part of it", "61103", "ACSD-61103"},
		{"another case", "acsd-5", "ACSD-50000"},
		{"a swapped letter", "ACSD-61130", "ACSD-61103 ACSD-61104"},
		{"a wrong letter", "MDVB-1", "MDVA-1"},
		{"one too many", "B2BB-700", "B2B-700"},
		{"nothing like it", "XYZ-999", ""},
		{"a path", "fixes/ours", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := strings.Join(suggestions(c, tc.id), " "); got != tc.want {
				t.Errorf("suggested %q, want %q", got, tc.want)
			}
		})
	}
	if got := suggestions(c, "-"); len(got) > 3 {
		t.Errorf("%d suggestions", len(got))
	}
	if got := suggestions(catalog.Load(), "X"); len(got) > 0 {
		t.Errorf("suggested %q of nothing", got)
	}
}

// An argument that no catalogue knows is a file when it looks like one, or is there.
func TestLooksLikeFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "there"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	a := &app{Env: Env{Dir: dir}}
	for arg, want := range map[string]bool{
		"there": true, "x.patch": true, "x.diff": true, "a/b": true, `a\b`: true,
		filepath.Join(dir, "there"): true, "ACSD-1": false, "patch": false,
	} {
		if got := a.looksLikeFile(arg); got != want {
			t.Errorf("%s: %v", arg, got)
		}
	}
}
