package applier

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func mustParse(t interface {
	Helper()
	Fatalf(string, ...any)
}, diff []byte,
) *Diff {
	t.Helper()
	d, err := Parse(diff)
	if err != nil {
		t.Fatalf("%v in\n%s", err, diff)
	}
	return d
}

// What is put in and taken out again was never there.
func TestApplyThenReverseRestores(t *testing.T) {
	for name, generate := range map[string]func(dice) genCase{
		"traditional": func(d dice) genCase { return genTraditional(d, 0) },
		"git headers": func(d dice) genCase { return genGitForm(d, true) },
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				c := generate(drawn{t})
				if len(c.diff) == 0 {
					t.Skip("nothing changes")
				}
				d := mustParse(t, c.diff)
				o := NewOverlay(c.tree)
				if displacement, ok := Fits(o, c.dir, d); !ok || displacement != 0 {
					t.Fatalf("does not fit exactly: %v, %d lines off\n%s", ok, displacement, describe(c))
				}
				for _, dir := range []Direction{c.dir, !c.dir} {
					if _, err := Apply(o, d, dir); err != nil {
						t.Fatalf("%s: %v\n%s", dir, err, describe(c))
					}
				}
				changes, err := o.Changes()
				if err != nil {
					t.Fatal(err)
				}
				for _, change := range changes {
					// Only a git header knows the mode of a file that it deletes.
					if change.Old == nil || change.New == nil || !bytes.Equal(change.Old.Data, change.New.Data) || name == "git headers" {
						t.Fatalf("%s: was %s, is %s\n%s", change.Path, show(change.Old), show(change.New), describe(c))
					}
				}
			})
		})
	}
}

// Fits and Apply agree, a refusal stages nothing and names where it is from, and asking
// about two diffs at once is asking about one upon the other.
func TestFitsAgreesWithApply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := genTraditional(drawn{t}, 40)
		d, err := Parse(c.diff)
		if err != nil {
			if _, ok := errors.AsType[*ParseError](err); !ok {
				t.Fatalf("error of type %T", err)
			}
			t.Skip("no diff")
		}
		o := NewOverlay(c.tree)
		displacement, fits := Fits(o, c.dir, d)
		_, twice := Fits(o, c.dir, d, d)
		if changes, _ := o.Changes(); len(changes) > 0 {
			t.Fatal("Fits stages something")
		}
		results, err := Apply(o, d, c.dir)
		if fits != (err == nil) {
			t.Fatalf("Fits says %v, Apply %v", fits, err)
		}
		if err != nil {
			if changes, _ := o.Changes(); len(changes) > 0 {
				t.Fatalf("refused, but staged %v", changes)
			}
			conflict, ok := errors.AsType[*ConflictError](err)
			if !ok || len(conflict.Refusals) == 0 || conflict.Direction != c.dir || conflict.Error() == "" {
				t.Fatalf("bad refusal %#v", err)
			}
			for _, r := range conflict.Refusals {
				if r.Reason == "" || r.DiffLine == 0 || !slices.Contains(d.Paths(), r.Path) || (r.Reason == HunkMismatch) != (r.Hunk > 0) {
					t.Fatalf("bad refusal %#v", r)
				}
			}
			return
		}
		for _, r := range results {
			for _, h := range r.Hunks {
				displacement -= distance(h.Offset, 0)
			}
		}
		if displacement != 0 || len(results) != len(d.Entries) {
			t.Fatal("the displacement of Fits is not that of Apply")
		}
		if _, err := Apply(o, d, c.dir); twice != (err == nil) {
			t.Fatalf("Fits says %v of applying twice, Apply %v", twice, err)
		}
	})
}

// A diff moved to other paths does there what it did.
func TestRelocate(t *testing.T) {
	to := func(path string) string { return "else/where/" + path }
	rapid.Check(t, func(t *rapid.T) {
		c := genGitForm(drawn{t}, false)
		d, err := Parse(c.diff)
		if err != nil {
			t.Skip("no diff")
		}
		before := slices.Clone(d.Entries)
		moved := d.Relocate(to)
		tree := MapTree{}
		for name, f := range c.tree {
			tree[to(name)] = f
		}
		here, there := NewOverlay(c.tree), NewOverlay(tree)
		_, errHere := Apply(here, d, c.dir)
		_, errThere := Apply(there, moved, c.dir)
		if (errHere == nil) != (errThere == nil) {
			t.Fatalf("here %v, there %v", errHere, errThere)
		}
		want, _ := here.Changes()
		got, _ := there.Changes()
		if len(got) != len(want) {
			t.Fatalf("%d changes here, %d there", len(want), len(got))
		}
		for i := range want {
			if to(want[i].Path) != got[i].Path || show(want[i].New) != show(got[i].New) {
				t.Fatalf("here %s %s, there %s %s", want[i].Path, show(want[i].New), got[i].Path, show(got[i].New))
			}
		}
		for i := range before {
			if d.Entries[i].Old.Path != before[i].Old.Path || d.Entries[i].New.Path != before[i].New.Path {
				t.Fatal("the diff itself was changed")
			}
		}
		for i, p := range moved.Paths() {
			if p != to(d.Paths()[i]) {
				t.Fatalf("paths %q, of %q", moved.Paths(), d.Paths())
			}
		}
	})
}

// A parsed diff may be used by many at once, in both directions.
func TestConcurrentUse(t *testing.T) {
	c := genTraditional(newSeeded(7), 0)
	d := mustParse(t, c.diff)
	o := NewOverlay(c.tree)
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for _, dir := range []Direction{c.dir, !c.dir} {
				_, _ = Fits(o, dir, d)
				_, _ = Apply(o.Fork(), d, dir)
			}
		})
	}
}

// Stat counts lines, results tell what was done.
func TestResults(t *testing.T) {
	d := mustParse(t, []byte(strings.Join([]string{
		"diff --git a/f b/f", "--- a/f", "+++ b/f", "@@ -1,2 +1,3 @@", " a", "-b", "+B", "+C",
		"--- /dev/null", "+++ b/new", "@@ -0,0 +1 @@", "+n",
		"--- a/gone", "+++ /dev/null", "@@ -1 +0,0 @@", "-g",
		"diff --git a/from b/to", "rename from from", "rename to to",
		"diff --git a/f b/copy", "copy from f", "copy to copy", "",
	}, "\n")))
	if diff := cmp.Diff([]string{"copy", "f", "from", "gone", "new", "to"}, d.Paths()); diff != "" {
		t.Error(diff)
	}
	text := func(s string) *File { return &File{Data: []byte(s), Mode: 0o644} }
	o := NewOverlay(MapTree{"f": text("a\nb\n"), "gone": text("g\n"), "from": text("x")})
	var got []string
	for _, dir := range []Direction{Forward, Reverse} {
		results, err := Apply(o, d, dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			got = append(got, strings.Join([]string{dir.String(), string(r.Op), r.From, r.Path}, " "))
		}
	}
	if diff := cmp.Diff([]string{
		"forward copy f copy", "forward modify  f", "forward create  new", "forward delete  gone", "forward rename from to",
		"reverse rename to from", "reverse create  gone", "reverse delete  new", "reverse modify  f", "reverse delete  copy",
	}, got); diff != "" {
		t.Error(diff)
	}
	if changes, err := o.Changes(); err != nil || len(changes) > 0 {
		t.Errorf("left %v, %v", changes, err)
	}
}

// A line without a line feed in the middle is joined with the next, also when the result
// is only asked about.
func TestJoinedLines(t *testing.T) {
	first := mustParse(t, []byte("--- a/f\n+++ b/f\n@@ -1 +1,2 @@\n+x\n\\ No newline at end of file\n c\n"))
	second := mustParse(t, []byte("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-xc\n+y\n"))
	o := NewOverlay(MapTree{"f": {Data: []byte("c\n"), Mode: 0o644}})
	if _, ok := Fits(o, Forward, first, second); !ok {
		t.Error("does not fit")
	}
	if _, err := Apply(o, first, Forward); err != nil {
		t.Fatal(err)
	}
	if _, err := Apply(o, second, Forward); err != nil {
		t.Error(err)
	}
}

// So many hunks that do not fit are not all explained.
func TestRefusalsEnd(t *testing.T) {
	var w strings.Builder
	w.WriteString("--- a/f\n+++ b/f\n")
	for range MaxRefusals + 50 {
		w.WriteString("@@ -2,2 +2,2 @@\n x\n-y\n+z\n")
	}
	_, err := Apply(NewOverlay(MapTree{"f": {Data: []byte("a\n"), Mode: 0o644}}), mustParse(t, []byte(w.String())), Forward)
	conflict, ok := errors.AsType[*ConflictError](err)
	if !ok || len(conflict.Refusals) != MaxRefusals {
		t.Errorf("got %v", err)
	}
}

func snapshot(o *Overlay, tree MapTree) MapTree {
	after := maps.Clone(tree)
	changes, _ := o.Changes()
	for _, c := range changes {
		if c.New == nil {
			delete(after, c.Path)
		} else {
			after[c.Path] = c.New
		}
	}
	return after
}
