package applier

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"pgregory.net/rapid"
)

// addRules seeds a fuzz target with the diffs of the rules.
func addRules(f *testing.F, add func(diff, file []byte)) {
	files, err := filepath.Glob("testdata/rules/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		var file []byte
		for _, part := range txtar.Parse(text).Files {
			data := []byte(glyphs.Replace(string(part.Data)))
			switch {
			case strings.Contains(part.Name, ": before/"):
				file = data
			case strings.Contains(part.Name, ": diff"):
				add(data, file)
			}
		}
	}
}

// Whatever is read, what comes of it holds together.
func FuzzParse(f *testing.F) {
	addRules(f, func(diff, _ []byte) { f.Add(diff) })
	f.Fuzz(func(t *testing.T, src []byte) {
		before := bytes.Clone(src)
		d, err := Parse(src)
		if !bytes.Equal(src, before) {
			t.Fatal("Parse changes its input")
		}
		if err != nil {
			e, ok := errors.AsType[*ParseError](err)
			if !ok || e.Reason == "" || e.Line < 0 || e.Line > bytes.Count(src, []byte("\n"))+1 || d != nil {
				t.Fatalf("bad error %#v", err)
			}
			return
		}
		checkDiff(t, d, len(src))
	})
}

func checkDiff(t *testing.T, d *Diff, size int) {
	t.Helper()
	if len(d.Entries) == 0 {
		t.Fatal("no entries and no error")
	}
	text := 0
	for _, p := range d.Paths() {
		if !filepath.IsLocal(p) || strings.HasPrefix(p, "/") || slices.ContainsFunc(strings.Split(p, "/"), func(part string) bool {
			return part == "" || part == "." || part == ".." || strings.EqualFold(part, ".git")
		}) {
			t.Fatalf("path %q", p)
		}
	}
	for i := range d.Entries {
		e := &d.Entries[i]
		if e.Old.Presence == Absent && e.New.Presence == Absent {
			t.Fatal("an entry about nothing")
		}
		for j := range e.Hunks {
			h := &e.Hunks[j]
			read, err := h.Lines()
			if err != nil {
				t.Fatal(err)
			}
			var old, new int
			changed := false
			for _, l := range read {
				text += 1 + len(l.Text)
				if i := bytes.IndexByte(l.Text, '\n'); i >= 0 && i != len(l.Text)-1 {
					t.Fatalf("a line of many: %q", l.Text)
				}
				if l.Op != '+' {
					if old >= len(h.old) || !bytes.Equal(h.old[old], l.Text) {
						t.Fatalf("hunk %d of %q: go-diff reads old line %d as %q", h.Number, e.Path(), old, l.Text)
					}
					old++
				}
				if l.Op != '-' {
					if new >= len(h.new) || !bytes.Equal(h.new[new], l.Text) {
						t.Fatalf("hunk %d of %q: go-diff reads new line %d as %q", h.Number, e.Path(), new, l.Text)
					}
					new++
				}
				changed = changed || l.Op != ' '
			}
			if old != h.OldCount || new != h.NewCount || len(h.old) != old || len(h.new) != new || !changed || h.Number != j+1 {
				t.Fatalf("hunk %d of %q: counts %d, %d, has %d, %d", h.Number, e.Path(), h.OldCount, h.NewCount, old, new)
			}
			if h.leading+h.trailing >= len(read) {
				t.Fatalf("hunk %d of %q: all context", h.Number, e.Path())
			}
		}
	}
	if text > 2*size { // a bare line feed counts twice
		t.Fatalf("%d bytes of lines from %d bytes", text, size)
	}
}

// A diff that was applied comes out again as it went in, or is refused; and what is
// refused leaves nothing.
func FuzzApplyReverse(f *testing.F) {
	addRules(f, func(diff, file []byte) { f.Add(diff, file, []byte("a\nb\n"), false) })
	f.Fuzz(func(t *testing.T, src, first, second []byte, reverse bool) {
		d, err := Parse(src)
		if err != nil {
			return
		}
		tree := MapTree{
			"f": {Data: first, Mode: 0o644}, "g": {Data: second, Mode: 0o755}, "dir/h": {Data: first, Mode: 0o640},
			"link": {Data: []byte("f"), Mode: fs.ModeSymlink | 0o777},
		}
		o := NewOverlay(tree)
		dir := Direction(reverse)
		displacement, fits := Fits(o, dir, d)
		there, err := Apply(o, d, dir)
		if fits != (err == nil) {
			t.Fatalf("Fits says %v, Apply %v", fits, err)
		}
		changes, changesErr := o.Changes()
		if changesErr != nil {
			t.Fatal(changesErr)
		}
		if err != nil {
			if len(changes) > 0 {
				t.Fatalf("refused, but staged %v", changes)
			}
			return
		}
		for _, c := range changes {
			if c.New != nil && c.New.Mode&fs.ModeSymlink != 0 && !filepath.IsLocal(filepath.Join(filepath.Dir(c.Path), string(c.New.Data))) {
				t.Fatalf("link %s to %q", c.Path, c.New.Data)
			}
		}
		back, err := Apply(o, d, !dir)
		if err != nil {
			return
		}
		after := snapshot(o, tree)
		if got, want := histogram(after), histogram(tree); got != want {
			t.Fatalf("other bytes than before: %q, were %q", listing(after), listing(tree))
		}
		if displacement > 0 || displaced(back) || !consistent(d) {
			return // an ambiguous hunk came out elsewhere, as it does in git
		}
		for p, was := range tree {
			if is := after[p]; is == nil && len(was.Data) > 0 || is != nil && !bytes.Equal(is.Data, was.Data) {
				t.Fatalf("%s: was %s, is %s, by %v and %v", p, show(was), show(is), there, back)
			}
		}
	})
}

// histogram counts the bytes of a tree, each value of them.
func histogram(tree MapTree) (h [256]int) {
	for _, f := range tree {
		for _, b := range f.Data {
			h[b]++
		}
	}
	return h
}

func displaced(results []FileResult) bool {
	return slices.ContainsFunc(results, func(r FileResult) bool {
		return slices.ContainsFunc(r.Hunks, func(h HunkResult) bool { return h.Offset != 0 })
	})
}

// consistent reports whether the hunks of every entry are in order, apart, and numbered
// alike on both sides.
func consistent(d *Diff) bool {
	for i := range d.Entries {
		growth, end := 0, 0
		for j := range d.Entries[i].Hunks {
			h := &d.Entries[i].Hunks[j]
			first := func(start, count int) int {
				if count == 0 {
					start++
				}
				return start
			}
			old, new := first(h.OldStart, h.OldCount), first(h.NewStart, h.NewCount)
			if new-old != growth || old <= end {
				return false
			}
			growth, end = growth+h.NewCount-h.OldCount, old+h.OldCount-1
		}
	}
	return true
}

// Input of many megabytes in shapes that invite looking twice takes no time worth
// speaking of; were it quadratic, it would take hours.
func TestParseIsLinear(t *testing.T) {
	const size = 4 << 20
	for name, piece := range map[string]string{
		"old names":        "--- a/f\n",
		"names":            "--- a/f\n+++ b/f\n",
		"headers":          "diff --git a/f b/f\n",
		"entries":          "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n",
		"hunks":            "@@ -1 +1 @@\n-a\n+b\n",
		"one hunk":         "-x\n",
		"copies":           "diff --git a/f b/g\ncopy from f\ncopy to g\n",
		"one long name":    "a b/",
		"one long header":  " a/a",
		"one quoted name":  `\141`,
		"one slashed name": "/",
		"one spaced name":  " ",
		"markers":          "\\ No newline at end of file\n",
		"one line":         "x",
	} {
		t.Run(name, func(t *testing.T) {
			var w bytes.Buffer
			switch name {
			case "hunks":
				w.WriteString("--- a/f\n+++ b/f\n")
			case "one hunk", "markers":
				w.WriteString("--- a/f\n+++ b/f\n@@ -1,2000000000 +1 @@\n+x\n")
			case "one long header":
				w.WriteString("diff --git a/")
			case "one long name", "one slashed name", "one spaced name":
				w.WriteString("--- a/")
			case "one quoted name":
				w.WriteString(`--- "a/`)
			case "copies":
				w.WriteString("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n")
			}
			w.Write(bytes.Repeat([]byte(piece), size/len(piece)))
			if strings.HasPrefix(name, "one ") {
				w.WriteString("\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n")
			}
			_, _ = Parse(w.Bytes())
		})
	}
}

// FuzzFind looks for a file, a pattern and a place for which the linear search and git's
// differ.
func FuzzFind(f *testing.F) { f.Fuzz(rapid.MakeFuzz(findIsSpiral)) }
