package stack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/stack"
)

// Two files before and after a patch that changes both.
var (
	before = tree{"a": lines(20, nil), "b": lines(20, nil)}
	after  = tree{"a": lines(20, map[int]string{10: "added to a\n"}), "b": lines(20, map[int]string{10: "added to b\n"})}
)

func TestInspectStates(t *testing.T) {
	two := diff(before, after)
	create := diff(tree{}, tree{"new": "one\ntwo\n"})
	remove := diff(tree{"old": "one\ntwo\n"}, tree{})
	for _, tc := range []struct {
		name, diff string
		files      tree
		want       stack.State
	}{
		{"none of it", two, before, stack.NotApplied},
		{"all of it", two, after, stack.Applied},
		{"one of two files", two, before.with("a", after["a"]), stack.Partial},
		{"a file in the way", two, before.with("b", lines(9, nil)), stack.Unknown},
		{"one file applied, the other in the way", two, after.with("b", lines(9, nil)), stack.Unknown},
		{"one file applied, the other missing", two, after.with("b", ""), stack.Unknown},
		{"a file missing", two, before.with("b", ""), stack.Unknown},
		{"elsewhere in the file", two, tree{"a": "1\n2\n" + before["a"], "b": before["b"]}, stack.NotApplied},
		{"applied elsewhere in the file", two, tree{"a": "1\n2\n" + after["a"], "b": after["b"]}, stack.Applied},
		{"a file to create", create, tree{}, stack.NotApplied},
		{"a file created", create, tree{"new": "one\ntwo\n"}, stack.Applied},
		{"another file in its place", create, tree{"new": "other\n"}, stack.Unknown},
		{"a folder in its place", create, tree{"new/x": "x\n"}, stack.Unknown},
		{"a file to delete", remove, tree{"old": "one\ntwo\n"}, stack.NotApplied},
		{"a file deleted", remove, tree{}, stack.Applied},
		{"a file to delete that has more", remove, tree{"old": "one\ntwo\nthree\n"}, stack.Unknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStack(t, tc.files, spec{id: "X-1", diff: tc.diff})
			if diff := cmp.Diff([]string{"X-1: " + string(tc.want)}, states(t, s)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			// Explain agrees: what has a state that allows it is not refused.
			it := items(t, s, "X-1")[0]
			if got := len(s.Explain(it, applier.Forward)) == 0; got != (tc.want == stack.NotApplied) {
				t.Errorf("explaining the way in: %v", s.Explain(it, applier.Forward))
			}
			if got := len(s.Explain(it, applier.Reverse)) == 0; got != (tc.want == stack.Applied) {
				t.Errorf("explaining the way out: %v", s.Explain(it, applier.Reverse))
			}
		})
	}
}

// A patch with several variants is what they are together, one upon the other.
func TestInspectSeveralVariants(t *testing.T) {
	middle := before.with("a", after["a"])
	end := middle.with("a", strings.Replace(after["a"], "added to a\n", "added to a, twice\n", 1))
	c := catalogOf(t, `{"X-1": {"packages": {"magento/magento2-base": {
		"2.4.*": {"file": "0.patch"}, ">=2.4": {"file": "1.patch"}, "2.4.5": {"file": "2.patch"}}}}}`,
		diff(before, middle), diff(middle, end), diff(before, after))
	for _, tc := range []struct {
		name  string
		files tree
		want  stack.State
	}{
		{"neither", before, stack.NotApplied}, {"both", end, stack.Applied}, {"the first", middle, stack.Unknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := stack.New(c, packages(t), applier.NewOverlay(tc.files.mapTree()), nil)
			if diff := cmp.Diff([]string{"X-1: " + string(tc.want)}, states(t, s)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A diff that fits both ways is believed in the direction whose hunks lie nearer to
// where they say, and at a tie it counts as applied.
func TestInspectAmbiguous(t *testing.T) {
	const without, with = "1\n2\n3\n4\n5\n6\n", "1\n2\n3\nadded\n4\n5\n6\n"
	filler := func(n int) string { return strings.Repeat("-\n", n) }
	d := "--- a/f\n+++ b/f\n@@ -21,6 +21,7 @@\n 1\n 2\n 3\n+added\n 4\n 5\n 6\n"
	for _, tc := range []struct {
		name, file string
		want       string
	}{
		{"the free place is where the diff says", filler(20) + without + filler(5) + with, "not applied, ambiguous"},
		{"the taken place is where the diff says", filler(20) + with + filler(5) + without, "applied, ambiguous"},
		{"the free place is nearer", filler(18) + without + filler(10) + with, "not applied, ambiguous"},
		{"the taken place is nearer", filler(5) + without + filler(7) + with, "applied, ambiguous"},
		{"both are as far", filler(10) + without + filler(14) + with, "applied, ambiguous"},
		{"only the free place", filler(3) + without, "not applied"},
		{"only the taken place", filler(30) + with, "applied"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStack(t, tree{"f": tc.file}, spec{id: "X-1", diff: d})
			if diff := cmp.Diff([]string{"X-1: " + tc.want}, states(t, s)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Patches that build on each other: base creates a file, next changes what it made,
// last changes what next made.
func chain() (trees []tree, specs []spec) {
	trees = []tree{{}, {"f": "one\n"}, {"f": "two\n"}, {"f": "three\n"}}
	return trees, []spec{
		{id: "LAST", diff: diff(trees[2], trees[3]), require: []string{"next"}},
		{id: "BASE", diff: diff(trees[0], trees[1])},
		{id: "NEXT", diff: diff(trees[1], trees[2]), require: []string{"base"}},
	}
}

// What only fits once its requirements are in is not applied, however long the
// chain; what an applied patch hides is applied for its sake.
func TestInspectRequirements(t *testing.T) {
	trees, specs := chain()
	for i, want := range [][]string{
		{"LAST: not applied", "BASE: not applied", "NEXT: not applied"},
		{"LAST: not applied", "BASE: applied", "NEXT: not applied"},
		{"LAST: not applied", "BASE: applied under NEXT", "NEXT: applied"},
		{"LAST: applied", "BASE: applied under LAST NEXT", "NEXT: applied under LAST"},
	} {
		t.Run(fmt.Sprint(i, " applied"), func(t *testing.T) {
			if diff := cmp.Diff(want, states(t, newStack(t, trees[i], specs...))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestInspectRequirementCases(t *testing.T) {
	trees, specs := chain()
	for _, tc := range []struct {
		name  string
		files tree
		specs []spec
		want  []string
	}{
		{
			"a requirement that is in the way",
			tree{"f": "other\n"},
			specs,
			[]string{"LAST: unknown", "BASE: unknown", "NEXT: unknown"},
		},
		{
			"a requirement that is nowhere",
			tree{},
			[]spec{{id: "X", diff: diff(trees[1], trees[2]), require: []string{"NONE"}}},
			[]string{"X: unknown"},
		},
		{
			"a circle",
			tree{},
			[]spec{
				{id: "A", diff: diff(tree{}, tree{"a": "a\n"}), require: []string{"B"}},
				{id: "B", diff: diff(tree{"a": "a\n"}, tree{"a": "b\n"}), require: []string{"A"}},
			},
			[]string{"A: not applied", "B: not applied"},
		},
		{
			"a circle that is applied",
			tree{"a": "b\n"},
			[]spec{
				{id: "A", diff: diff(tree{}, tree{"a": "a\n"}), require: []string{"B"}},
				{id: "B", diff: diff(tree{"a": "a\n"}, tree{"a": "b\n"}), require: []string{"A"}},
			},
			[]string{"A: applied under B", "B: applied"},
		},
		{"itself", tree{}, []spec{{id: "A", diff: newFile, require: []string{"a"}}}, []string{"A: not applied"}},
		{
			"two requirements",
			tree{},
			[]spec{
				{id: "X", diff: diff(tree{"a": "a\n", "b": "b\n"}, tree{"a": "x\n", "b": "x\n"}), require: []string{"A", "B"}},
				{id: "A", diff: diff(tree{}, tree{"a": "a\n"})},
				{id: "B", diff: diff(tree{}, tree{"b": "b\n"})},
			},
			[]string{"X: not applied", "A: not applied", "B: not applied"},
		},
		{
			"one of two requirements is there",
			tree{"a": "a\n"},
			[]spec{
				{id: "X", diff: diff(tree{"a": "a\n", "b": "b\n"}, tree{"a": "x\n", "b": "x\n"}), require: []string{"A", "B"}},
				{id: "A", diff: diff(tree{}, tree{"a": "a\n"})},
				{id: "B", diff: diff(tree{}, tree{"b": "b\n"})},
			},
			[]string{"X: not applied", "A: applied", "B: not applied"},
		},
		{
			"a requirement that another applied patch hides",
			tree{"a": "y\n"},
			[]spec{
				{id: "X", diff: diff(tree{"a": "y\n", "b": "b\n"}, tree{"a": "y\n", "b": "x\n"}), require: []string{"A", "B"}},
				{id: "A", diff: diff(tree{}, tree{"a": "a\n"})},
				{id: "B", diff: diff(tree{}, tree{"b": "b\n"})},
				{id: "Y", diff: diff(tree{"a": "a\n"}, tree{"a": "y\n"}), require: []string{"A"}},
			},
			[]string{"X: not applied", "A: applied under Y", "B: not applied", "Y: applied"},
		},
		{
			"required by two applied ones",
			tree{"a": "y\n", "z": "z\n"},
			[]spec{
				{id: "A", diff: diff(tree{}, tree{"a": "a\n"})},
				{id: "Y", diff: diff(tree{"a": "a\n"}, tree{"a": "y\n"}), require: []string{"A"}},
				{id: "Z", diff: diff(tree{}, tree{"z": "z\n"}), require: []string{"A"}},
			},
			[]string{"A: applied under Y", "Y: applied", "Z: applied"},
		},
		{
			"partial stays partial",
			tree{"a": after["a"], "b": before["b"], "y": "y\n"},
			[]spec{
				{id: "A", diff: diff(before, after)}, {id: "Y", diff: diff(tree{}, tree{"y": "y\n"}), require: []string{"A"}},
			},
			[]string{"A: partial", "Y: applied"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, states(t, newStack(t, tc.files, tc.specs...))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The order in which items are given does not matter to what is said about each.
func TestInspectOrder(t *testing.T) {
	trees, specs := chain()
	specs = append(specs,
		spec{id: "OTHER", diff: diff(tree{}, tree{"o": "o\n"}), require: []string{"BASE"}},
		spec{id: "ANOTHER", diff: diff(tree{}, tree{"p": "p\n"}), require: []string{"NEXT"}},
		spec{id: "FREE", diff: newFile},
	)
	for i, files := range trees {
		for _, extra := range []tree{{}, {"o": "o\n", "p": "p\n"}} {
			for name, text := range extra {
				files = files.with(name, text)
			}
			t.Run(fmt.Sprint(i, len(extra)), func(t *testing.T) {
				s := newStack(t, files, specs...)
				all, _ := s.Items()
				want := map[string]string{}
				for j, text := range findings(s.Inspect(all)) {
					want[all[j].ID()] = text
				}
				rapid.Check(t, func(t *rapid.T) {
					shuffled := rapid.Permutation(all).Draw(t, "items")
					for j, text := range findings(s.Inspect(shuffled)) {
						if w := want[shuffled[j].ID()]; text != w {
							t.Fatalf("%s, but in another order %s", text, w)
						}
					}
				})
			})
		}
	}
}
