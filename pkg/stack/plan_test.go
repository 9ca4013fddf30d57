package stack_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/stack"
)

// creates is a patch that makes one file, named after it.
func creates(id string, require ...string) spec {
	return spec{id: id, diff: diff(tree{}, tree{"pub/" + id: id + "\n"}), require: require}
}

// made is the tree in which patches made with creates are applied.
func made(ids ...string) tree {
	t := tree{}
	for _, id := range ids {
		t["pub/"+id] = id + "\n"
	}
	return t
}

func errorTexts(err error) []string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var list []string
		for _, e := range joined.Unwrap() {
			list = append(list, errorTexts(e)...)
		}
		return list
	}
	if err == nil {
		return nil
	}
	return []string{err.Error()}
}

type planCase struct {
	name      string
	files     tree
	specs     []spec
	ask       string
	steps     []string
	unchanged []string
	warnings  []string
	errs      []string
	after     tree // when there are no errors
}

func (tc planCase) run(t *testing.T, plan func(*stack.Stack, []*stack.Item) (*stack.Plan, error)) {
	t.Helper()
	s := newStack(t, tc.files, tc.specs...)
	p, err := plan(s, items(t, s, strings.Fields(tc.ask)...))
	if diff := cmp.Diff(tc.errs, errorTexts(err)); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if tc.steps == nil {
		tc.steps = []string{}
	}
	if diff := cmp.Diff(tc.steps, steps(p)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if tc.unchanged == nil {
		tc.unchanged = []string{}
	}
	if diff := cmp.Diff(tc.unchanged, findings(p.Unchanged)); diff != "" {
		t.Errorf("unchanged (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(tc.warnings, p.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(tc.after, result(t, tc.files, p)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

func TestPlanApply(t *testing.T) {
	trees, chained := chain()
	conflicting := spec{id: "CONFLICT", diff: diff(tree{"pub/none": "1\n"}, tree{"pub/none": "2\n"})}
	const refused = "patch CONFLICT cannot be applied: pub/none: the file does not exist"
	successors := []spec{
		{id: "OLD", diff: creates("OLD").diff, replacedWith: "MIDDLE"},
		{id: "MIDDLE", diff: creates("MIDDLE").diff, replacedWith: "NEW"},
		creates("NEW"),
	}
	for _, tc := range []planCase{
		{name: "nothing", after: tree{}},
		{name: "one", specs: []spec{creates("A")}, ask: "a", steps: []string{"+A"}, after: made("A")},
		{name: "in the order of the request", specs: []spec{creates("A"), creates("B")}, ask: "B A", steps: []string{"+B", "+A"}, after: made("A", "B")},
		{name: "twice", specs: []spec{creates("A")}, ask: "A a", steps: []string{"+A"}, after: made("A")},
		{
			name: "applied before", files: made("A"), specs: []spec{creates("A"), creates("B")}, ask: "A B", steps: []string{"+B"},
			unchanged: []string{"A: applied"}, after: made("A", "B"),
		},
		{
			name: "what it requires comes first", specs: []spec{creates("A", "B"), creates("B")}, ask: "A",
			steps: []string{"+B (required by A)", "+A"}, after: made("A", "B"),
		},
		{
			name: "what is required is there", files: made("B"), specs: []spec{creates("A", "B"), creates("B")}, ask: "A",
			steps: []string{"+A"}, after: made("A", "B"),
		},
		{
			name: "a chain of requirements", specs: chained, ask: "LAST",
			steps: []string{"+BASE (required by NEXT)", "+NEXT (required by LAST)", "+LAST"}, after: trees[3],
		},
		{
			name: "the rest of a chain", files: trees[1], specs: chained, ask: "LAST",
			steps: []string{"+NEXT (required by LAST)", "+LAST"}, after: trees[3],
		},
		{
			name: "a requirement that is asked for is not implied", specs: []spec{creates("A", "B"), creates("B")}, ask: "A B",
			steps: []string{"+B", "+A"}, after: made("A", "B"),
		},
		{
			name: "required by two", specs: []spec{creates("A", "C"), creates("B", "C"), creates("C")}, ask: "A B",
			steps: []string{"+C (required by A)", "+A", "+B"}, after: made("A", "B", "C"),
		},
		{
			name: "a circle", specs: []spec{creates("A", "B"), creates("B", "C"), creates("C", "a")}, ask: "A",
			steps: []string{"+C (required by B)", "+B (required by A)", "+A"}, after: made("A", "B", "C"),
		},
		{name: "itself", specs: []spec{creates("A", "A")}, ask: "A", steps: []string{"+A"}, after: made("A")},
		{
			name: "a requirement that is nowhere", specs: []spec{creates("A", "NONE"), creates("B")}, ask: "A B",
			steps: []string{"+B"}, errs: []string{"patch A requires NONE: patch NONE is in no catalogue"}, after: made("B"),
		},
		{
			name: "a requirement for another version", specs: []spec{creates("A", "B"), {id: "B", diff: newFile, constraint: "2.4.7"}}, ask: "A",
			errs: []string{"patch A requires B: patch B is not for this installation: magento/magento2-base 2.4.6 is not 2.4.7"}, after: tree{},
		},
		{
			name: "a conflict stages nothing of its own", specs: []spec{creates("A"), conflicting, creates("B")}, ask: "A CONFLICT B",
			steps: []string{"+A", "+B"}, errs: []string{refused}, after: made("A", "B"),
		},
		{
			name: "all failures, each once", specs: []spec{conflicting, creates("A", "CONFLICT"), creates("B", "CONFLICT"), creates("C", "NONE")}, ask: "A B CONFLICT C",
			errs: []string{refused, "patch C requires NONE: patch NONE is in no catalogue"}, after: tree{},
		},
		{
			name: "a partial patch", files: before.with("a", after["a"]), specs: []spec{{id: "X", diff: diff(tree{"a": before["a"]}, tree{"a": after["a"]}) + diff(tree{"b": before["b"]}, tree{"b": after["b"]})}}, ask: "X",
			errs:  []string{"patch X cannot be applied: a: hunk 1 does not fit at line 8 (its result is there already)"},
			after: before.with("a", after["a"]),
		},
		{
			name: "its predecessor comes out", files: made("OLD"), specs: []spec{{id: "OLD", diff: creates("OLD").diff, replacedWith: "new"}, creates("NEW")}, ask: "NEW",
			steps: []string{"-OLD (replaced with NEW)", "+NEW"}, after: made("NEW"),
		},
		{
			name: "a predecessor that is not there", specs: []spec{{id: "OLD", diff: creates("OLD").diff, replacedWith: "NEW"}, creates("NEW")}, ask: "NEW",
			steps: []string{"+NEW"}, after: made("NEW"),
		},
		{
			name: "a predecessor for another version", files: made("OLD"), specs: []spec{{id: "OLD", diff: creates("OLD").diff, replacedWith: "NEW", constraint: "2.4.5"}, creates("NEW")}, ask: "NEW",
			steps: []string{"+NEW"}, after: made("OLD", "NEW"),
		},
		{
			name: "the predecessor of its predecessor comes out", files: made("OLD"), specs: successors, ask: "NEW",
			steps: []string{"-OLD (replaced with NEW)", "+NEW"}, after: made("NEW"),
		},
		{
			name: "all predecessors come out, whatever lies on top first", files: tree{"f": "two\n"}, specs: []spec{
				{id: "TOP", diff: diff(tree{"f": "one\n"}, tree{"f": "two\n"}), replacedWith: "MIDDLE"},
				{id: "MIDDLE", diff: diff(tree{"f": "zero\n"}, tree{"f": "one\n"}), replacedWith: "NEW"},
				{id: "NEW", diff: diff(tree{"f": "zero\n"}, tree{"f": "new\n"})},
			}, ask: "NEW",
			steps: []string{"-TOP (replaced with NEW)", "-MIDDLE (replaced with NEW)", "+NEW"}, after: tree{"f": "new\n"},
		},
		{
			name: "predecessors of which one requires the other", files: made("A", "B"), specs: []spec{
				{id: "A", diff: creates("A").diff, replacedWith: "NEW"},
				{id: "B", diff: creates("B").diff, replacedWith: "A", require: []string{"A"}},
				creates("NEW"),
			}, ask: "NEW", steps: []string{"-B (replaced with NEW)", "-A (replaced with NEW)", "+NEW"}, after: made("NEW"),
		},
		{
			name: "over a predecessor for another version", files: made("OLD"), specs: []spec{
				{id: "OLD", diff: creates("OLD").diff, replacedWith: "MIDDLE"},
				{id: "MIDDLE", diff: creates("MIDDLE").diff, replacedWith: "NEW", constraint: "2.4.5"},
				creates("NEW"),
			}, ask: "NEW", steps: []string{"-OLD (replaced with NEW)", "+NEW"}, after: made("NEW"),
		},
		{
			name: "predecessors in a circle", files: made("A"), specs: []spec{
				{id: "A", diff: creates("A").diff, replacedWith: "B"},
				{id: "B", diff: creates("B").diff, replacedWith: "A"},
				{id: "C", diff: creates("C").diff, replacedWith: "C"},
			}, ask: "B C", steps: []string{"-A (replaced with B)", "+B", "+C"},
			warnings: []string{"patch B is deprecated; use A instead", "patch C is deprecated; use C instead"}, after: made("B", "C"),
		},
		{
			name: "a deprecated patch", specs: []spec{{id: "OLD", diff: creates("OLD").diff, replacedWith: "NEW"}, creates("NEW")}, ask: "OLD",
			steps: []string{"+OLD"}, warnings: []string{"patch OLD is deprecated; use NEW instead"}, after: made("OLD"),
		},
		{
			name: "a deprecated patch that is there", files: made("OLD"), specs: []spec{{id: "OLD", diff: creates("OLD").diff, replacedWith: "NEW"}, creates("NEW")}, ask: "OLD",
			unchanged: []string{"OLD: applied"}, after: made("OLD"),
		},
		{
			name: "replaced with itself", specs: []spec{{id: "A", diff: creates("A").diff, replacedWith: "A"}}, ask: "A",
			steps: []string{"+A"}, warnings: []string{"patch A is deprecated; use A instead"}, after: made("A"),
		},
		{
			name: "hidden by an applied patch that requires it", files: trees[3], specs: chained, ask: "BASE NEXT",
			unchanged: []string{"BASE: applied under LAST NEXT", "NEXT: applied under LAST"}, after: trees[3],
		},
		{
			name: "a requirement that another applied patch hides", files: tree{"f": "two\n"},
			specs: append(slices.Clone(chained), creates("X", "BASE")), ask: "X", steps: []string{"+X"}, after: tree{"f": "two\n", "pub/X": "X\n"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.files == nil {
				tc.files = tree{}
			}
			tc.run(t, (*stack.Stack).PlanApply)
		})
	}
}

func TestPlanRevert(t *testing.T) {
	trees, chained := chain()
	for _, tc := range []planCase{
		{name: "nothing", after: tree{}},
		{name: "one", files: made("A", "B"), specs: []spec{creates("A"), creates("B")}, ask: "A", steps: []string{"-A"}, after: made("B")},
		{name: "not applied", specs: []spec{creates("A")}, ask: "A", unchanged: []string{"A: not applied"}, after: tree{}},
		{name: "twice", files: made("A"), specs: []spec{creates("A")}, ask: "A a", steps: []string{"-A"}, after: tree{}},
		{name: "twice, not applied", specs: []spec{creates("A")}, ask: "A a", unchanged: []string{"A: not applied"}, after: tree{}},
		{name: "the last of the catalogue first", files: made("A", "B"), specs: []spec{creates("A"), creates("B")}, ask: "A B", steps: []string{"-B", "-A"}, after: tree{}},
		{name: "what lies on top first", files: trees[3], specs: chained, ask: "BASE NEXT LAST", steps: []string{"-LAST", "-NEXT", "-BASE"}, after: tree{}},
		{name: "the top of a chain", files: trees[3], specs: chained, ask: "LAST", steps: []string{"-LAST"}, after: trees[2]},
		{
			name: "what an applied patch requires", files: made("A", "B"), specs: []spec{creates("A", "B"), creates("B")}, ask: "B",
			errs: []string{"patch B is required by A; revert that one first, or together with it"}, after: made("A", "B"),
		},
		{
			name: "what two applied patches require", files: made("A", "B", "C"), specs: []spec{creates("A", "C"), creates("B", "C"), creates("C")}, ask: "C",
			errs: []string{"patch C is required by A, B; revert those first, or together with it"}, after: made("A", "B", "C"),
		},
		{name: "what a patch requires that is not applied", files: made("B"), specs: []spec{creates("A", "B"), creates("B")}, ask: "B", steps: []string{"-B"}, after: tree{}},
		{name: "together with what requires it", files: made("A", "B"), specs: []spec{creates("A", "B"), creates("B")}, ask: "B A", steps: []string{"-A", "-B"}, after: tree{}},
		{name: "together with what requires it in a circle", files: made("A", "B"), specs: []spec{creates("A", "B"), creates("B", "A")}, ask: "A B", steps: []string{"-B", "-A"}, after: tree{}},
		{
			name: "what makes the same change as one that an applied patch requires", files: made("A", "B"),
			specs: []spec{creates("A", "B"), creates("B"), {id: "TWIN", diff: creates("B").diff}}, ask: "TWIN",
			errs: []string{"patch TWIN, which holds the change of B, is required by A; revert that one first, or together with it"}, after: made("A", "B"),
		},
		{
			name: "what brought one that an applied patch requires", files: made("A", "B", "C"),
			specs: []spec{creates("A", "B"), creates("B"), {id: "WHOLE", diff: diff(tree{}, made("B", "C"))}}, ask: "WHOLE",
			errs: []string{"patch WHOLE, which holds the change of B, is required by A; revert that one first, or together with it"}, after: made("A", "B", "C"),
		},
		{
			name: "with what requires its twin", files: made("A", "B"),
			specs: []spec{creates("A", "B"), creates("B"), {id: "TWIN", diff: creates("B").diff}}, ask: "TWIN A", steps: []string{"-A", "-TWIN"}, after: tree{},
		},
		{
			name: "what requires what it brings itself", files: made("B", "C"),
			specs: []spec{creates("B"), {id: "WHOLE", diff: diff(tree{}, made("B", "C")), require: []string{"B"}}}, ask: "WHOLE", steps: []string{"-WHOLE"}, after: tree{},
		},
		{
			name: "under what stays", files: trees[3], specs: chained, ask: "NEXT",
			errs: []string{"patch NEXT is required by LAST; revert that one first, or together with it"}, after: trees[3],
		},
		{
			name: "deep under what stays", files: trees[3], specs: chained, ask: "BASE NEXT",
			errs: []string{
				"patch NEXT is required by LAST; revert that one first, or together with it",
				"patch BASE cannot be reverted, LAST, NEXT are in the way: f: hunk 1 does not fit at line 1",
			}, after: trees[3],
		},
		{name: "not applied, nor what it requires", specs: chained, ask: "LAST NEXT", unchanged: []string{"NEXT: not applied", "LAST: not applied"}, after: tree{}},
		{name: "not applied, nor all that it requires", files: trees[1], specs: chained, ask: "LAST", unchanged: []string{"LAST: not applied"}, after: trees[1]},
		{
			name: "not applied, over a requirement that another patch hides", files: tree{"f": "two\n"}, specs: append(slices.Clone(chained),
				creates("M"), spec{id: "X", diff: diff(made("M"), tree{"pub/M": "x\n"}), require: []string{"BASE", "M"}}), ask: "X",
			unchanged: []string{"X: not applied"}, after: tree{"f": "two\n"},
		},
		{
			name: "neither applied nor fit to be", files: tree{"f": "mine\n"}, specs: chained, ask: "LAST",
			errs: []string{"patch LAST cannot be reverted: f: hunk 1 does not fit at line 1"}, after: tree{"f": "mine\n"},
		},
		{
			name: "changed by hand since", files: tree{"pub/A": "mine\n", "pub/B": "B\n"}, specs: []spec{creates("A"), creates("B")}, ask: "A B", steps: []string{"-B"},
			errs: []string{"patch A cannot be reverted: pub/A: hunk 1 does not fit at line 1"}, after: tree{"pub/A": "mine\n"},
		},
		{
			name: "partial", files: before.with("a", after["a"]), specs: []spec{{id: "X", diff: diff(tree{"a": before["a"]}, tree{"a": after["a"]}) + diff(tree{"b": before["b"]}, tree{"b": after["b"]})}}, ask: "X",
			errs:  []string{"patch X cannot be reverted: b: hunk 1 does not fit at line 8 (its result is there already)"},
			after: before.with("a", after["a"]),
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.files == nil {
				tc.files = tree{}
			}
			tc.run(t, (*stack.Stack).PlanRevert)
		})
	}
}

// A plan says when it had to decide what is ambiguous.
func TestPlanAmbiguous(t *testing.T) {
	const without, with = "1\n2\n3\n4\n5\n6\n", "1\n2\n3\nadded\n4\n5\n6\n"
	filler := strings.Repeat("-\n", 20)
	x := spec{id: "X", diff: "--- a/f\n+++ b/f\n@@ -21,6 +21,7 @@\n 1\n 2\n 3\n+added\n 4\n 5\n 6\n"}
	free, taken := tree{"f": filler + without + with}, tree{"f": filler + with + without}
	const warning = "patch X could be applied as well as reverted here; by the lines where its hunks lie it counts as "
	for _, tc := range []struct {
		planCase
		revert bool
	}{
		{planCase{
			name: "apply to the free place", files: free, steps: []string{"+X"}, warnings: []string{warning + "not applied"},
			after: tree{"f": filler + with + with},
		}, false},
		{planCase{
			name: "apply to the taken place", files: taken, unchanged: []string{"X: applied, ambiguous"}, warnings: []string{warning + "applied"},
			after: taken,
		}, false},
		{planCase{
			name: "revert from the taken place", files: taken, steps: []string{"-X"}, warnings: []string{warning + "applied"},
			after: tree{"f": filler + without + without},
		}, true},
		{planCase{
			name: "revert from the free place", files: free, unchanged: []string{"X: not applied, ambiguous"}, warnings: []string{warning + "not applied"},
			after: free,
		}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.ask, tc.specs = "X", []spec{x}
			if tc.revert {
				tc.run(t, (*stack.Stack).PlanRevert)
			} else {
				tc.run(t, (*stack.Stack).PlanApply)
			}
		})
	}
}

// The errors of a plan are values that tell the patch and every refusal.
func TestPlanErrors(t *testing.T) {
	s := newStack(t, tree{"a": "other\n"}.with("b", lines(3, nil)), spec{id: "X", diff: diff(before, after)})
	p, err := s.PlanApply(items(t, s, "X"))
	var conflict *stack.ConflictError
	if !errors.As(err, &conflict) || conflict.Item.ID() != "X" || conflict.Direction != applier.Forward {
		t.Fatalf("error %#v", err)
	}
	if len(conflict.Refusals) != 2 {
		t.Errorf("refusals %v, want one for each file", conflict.Refusals)
	}
	var inner *applier.ConflictError
	if !errors.As(err, &inner) {
		t.Error("no applier.ConflictError inside")
	}
	if p == nil || len(p.Steps) > 0 {
		t.Errorf("plan %+v", p)
	}
	s = newStack(t, made("A", "B"), creates("A", "B"), creates("B"))
	_, err = s.PlanRevert(items(t, s, "B"))
	var dependants *stack.DependantsError
	if !errors.As(err, &dependants) || dependants.Item.ID() != "B" || fmt.Sprint(dependants.Dependants) != "[A]" {
		t.Errorf("error %#v", err)
	}
}

// Where patches above are lifted, too, nothing is taken away that is required under
// another name.
func TestPlanRevertTwinUnder(t *testing.T) {
	before, base := tree{"f": "1\n2\n3\n4\n5\n6\n7\n"}, tree{"f": "1\nTWO\n3\n4\n5\n6\n7\n"}
	twins := diff(before, base)
	specs := []spec{
		{id: "BASE", diff: twins},
		{id: "TWIN", diff: twins},
		{id: "NEXT", diff: "--- a/f\n+++ b/f\n@@ -4,3 +4,3 @@\n 4\n-5\n+FIVE\n 6\n"},
	}
	all := tree{"f": "1\nTWO\n3\n4\nFIVE\n6\n7\n", "pub/A": "A\n"}
	restacked := func(s *stack.Stack, items []*stack.Item) (*stack.Plan, error) {
		s.Restack = true
		return s.PlanRevert(items)
	}
	for _, tc := range []planCase{
		{
			name: "required by nothing", files: all, specs: append(slices.Clip(specs), creates("A")), ask: "TWIN",
			steps: []string{"-NEXT (lies above TWIN)", "-TWIN", "+NEXT (put back)"}, after: tree{"f": "1\n2\n3\n4\nFIVE\n6\n7\n", "pub/A": "A\n"},
		},
		{
			name: "required", files: all, specs: append(slices.Clip(specs), creates("A", "BASE")), ask: "TWIN",
			errs: []string{"patch TWIN, which holds the change of BASE, is required by A; revert that one first, or together with it"}, after: all,
		},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.run(t, restacked) })
	}
}

// A patch that others hide lies on one that could come out by itself.
func TestPlanRevertUnderHidden(t *testing.T) {
	one := tree{"f": "1\n2\n"}
	two := tree{"f": "0\n1\n2\n"}
	three := tree{"f": "0\n1\n2\n4\n", "new": "a\n"}
	four := three.with("new", "a\nb\n")
	specs := []spec{{id: "A", diff: diff(one, two)}, {id: "B", diff: diff(two, three)}, {id: "C", diff: diff(tree{"new": "a\n"}, tree{"new": "a\nb\n"})}}
	for _, tc := range []planCase{
		{name: "alone", files: four, specs: specs, ask: "A", errs: []string{"patch A lies under B; revert that one first, or together with it"}, after: four},
		{name: "with the others", files: four, specs: specs, ask: "A B C", steps: []string{"-C", "-B", "-A"}, after: one},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.run(t, (*stack.Stack).PlanRevert) })
	}
	if got := states(t, newStack(t, four, specs...)); fmt.Sprint(got) != "[A: applied B: applied under C C: applied]" {
		t.Errorf("states %q", got)
	}
}

// Implied are the steps that the request does not name; files say what was done to them.
func TestImplied(t *testing.T) {
	s := newStack(t, made("OLD"), creates("A", "B"), creates("B"), spec{id: "OLD", diff: creates("OLD").diff, replacedWith: "A"})
	p, err := s.PlanApply(items(t, s, "A"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, step := range p.Implied() {
		for _, f := range step.Files {
			got = append(got, fmt.Sprintf("%s: %s %s", step.Item.ID(), f.Op, f.Path))
		}
	}
	if diff := cmp.Diff([]string{"B: create pub/B", "OLD: delete pub/OLD"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(p.Steps) != 3 {
		t.Errorf("steps %q", steps(p))
	}
}

// A loose diff is planned like any other patch.
func TestPlanLoose(t *testing.T) {
	s := newStack(t, tree{}, creates("A"))
	var loose []*stack.Item
	for range 2 {
		it, err := s.Loose(catalog.LoosePatch("own.patch", func() ([]byte, error) { return []byte(newFile), nil }))
		if err != nil {
			t.Fatal(err)
		}
		loose = append(loose, it)
	}
	p, err := s.PlanApply(loose)
	if err != nil || fmt.Sprint(steps(p)) != "[+own.patch]" || len(p.Unchanged) != 1 {
		t.Errorf("steps %q, unchanged %q, error %v", steps(p), findings(p.Unchanged), err)
	}
}

// What a patch replaces may differ from one of its variants to the next.
func TestPlanApplyReplacedHere(t *testing.T) {
	const here = `"2.4.6": {"file": "0.patch", "replaced-with": "NEW"}`
	const elsewhere = `"2.4.5": {"file": "0.patch", "replaced-with": "OTHER"}`
	for _, variants := range []string{here + "," + elsewhere, elsewhere + "," + here} {
		c := catalogOf(t, `{
			"OLD": {"packages": {"magento/magento2-base": {`+variants+`}}},
			"NEW": {"packages": {"magento/magento2-base": {"*": {"file": "1.patch"}}}},
			"OTHER": {"packages": {"magento/magento2-base": {"*": {"file": "1.patch"}}}}
		}`, newFile, diff(tree{}, made("NEW")))
		for id, want := range map[string]string{"NEW": "[-OLD (replaced with NEW) +NEW]", "OTHER": "[+OTHER]"} {
			s := stack.New(c, packages(t), applier.NewOverlay(tree{"pub/new": "new\n"}.mapTree()), nil)
			p, err := s.PlanApply(items(t, s, id))
			if err != nil || fmt.Sprint(steps(p)) != want {
				t.Errorf("%s of {%s}: steps %q, error %v", id, variants, steps(p), err)
			}
		}
	}
}

// What may be in the tree is never less than what is, and nothing else where nothing is.
func TestAtMost(t *testing.T) {
	trees, chained := chain()
	for i, want := range []int{0, 3, 3, 3} {
		s := newStack(t, trees[i], append(chained, creates("OTHER"))...)
		all, _ := s.Items()
		if got := s.AtMost(all); got != want {
			t.Errorf("tree %d: %d, want %d", i, got, want)
		}
	}
}

// Entries that make no sense are planned or refused, but never panic or go round forever.
func TestSenselessEntries(t *testing.T) {
	c := catalogOf(t, `{
		"SELF": {"packages": {"magento/magento2-base": {"*": {"file": "0.patch", "require": ["SELF", "self", ""], "replaced-with": "SELF"}}}},
		"A": {"packages": {"magento/magento2-base": {"*": {"file": "0.patch", "replaced-with": "B", "require": ["B"]}}}},
		"B": {"packages": {"magento/magento2-base": {"*": {"file": "0.patch", "replaced-with": "A", "require": ["A"]}}}},
		"SAME-TWICE": {"packages": {"magento/magento2-base": {"*": {"file": "0.patch"}, "2.4.6": {"file": "0.patch"}}}},
		"PAGE": {"packages": {"magento/magento2-base": {"*": {"file": "1.patch", "require": ["PAGE", "A"]}}}},
		"NEEDS-PAGE": {"packages": {"magento/magento2-base": {"*": {"file": "0.patch", "require": ["PAGE"]}}}},
		"": {"packages": {"": {"*": {"file": "0.patch"}}}}
	}`, newFile, "<html>\n")
	for _, files := range []tree{{}, {"pub/new": "new\n"}, {"pub/new": "other\n"}, {"pub": "file\n"}} {
		s := stack.New(c, packages(t), applier.NewOverlay(files.mapTree()), nil)
		all, _ := s.Items()
		s.Inspect(all)
		for _, list := range [][]*stack.Item{all, {all[0]}, {all[1]}, {all[len(all)-1]}} {
			if p, _ := s.PlanApply(list); p == nil {
				t.Error("no plan")
			}
			if p, _ := s.PlanRevert(list); p == nil {
				t.Error("no plan")
			}
		}
		for _, p := range c.Patches {
			_, err := s.Item(p.ID)
			stack.Exclusions(packages(t), p)
			if p.ID == "PAGE" && err == nil {
				t.Error("PAGE is usable")
			}
		}
	}
}

// What a plan puts in, the plan to take it out again takes out without a trace,
// whichever patches, whatever they lie upon, in whatever order they are asked for.
func TestApplyRevert(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		files := tree{}
		for i := range rapid.IntRange(1, 3).Draw(rt, "files") {
			files[fmt.Sprint("f", i)] = lines(rapid.IntRange(1, 40).Draw(rt, "lines"), nil)
		}
		// Each patch is made upon the shop as it was, or upon what the one before
		// left; then it requires that one, or not.
		var specs []spec
		last := files
		for i := range rapid.IntRange(1, 6).Draw(rt, "patches") {
			s := spec{id: fmt.Sprint("P-", i)}
			from := files
			if i > 0 && rapid.Bool().Draw(rt, "upon the last") {
				from = last
				if rapid.Bool().Draw(rt, "requires it") {
					s.require = []string{specs[i-1].id}
				}
			}
			to := from
			for _, name := range slices.Sorted(maps.Keys(from)) {
				parts := strings.SplitAfter(from[name], "\n")
				at := rapid.IntRange(0, len(parts)-1).Draw(rt, "at")
				switch rapid.IntRange(0, 3).Draw(rt, "change "+name) {
				case 1:
					parts[at] = fmt.Sprintf("added to %s by %d\n%s", name, i, parts[at])
				case 2:
					if len(parts) > 2 {
						parts = slices.Delete(parts, at, at+1)
					}
				}
				to = to.with(name, strings.Join(parts, ""))
			}
			to = to.with(fmt.Sprint("new", i), fmt.Sprintf("made by %d\n", i))
			if rapid.Bool().Draw(rt, "more than a new file") {
				s.diff = diff(from, to)
			} else {
				s.diff = diff(tree{}, tree{fmt.Sprint("new", i): to[fmt.Sprint("new", i)]})
				to = from.with(fmt.Sprint("new", i), to[fmt.Sprint("new", i)])
			}
			specs, last = append(specs, s), to
		}
		s := newStack(t, files, specs...)
		all, _ := s.Items()
		asked := rapid.Permutation(all).Draw(rt, "asked")[:rapid.IntRange(1, len(all)).Draw(rt, "number")]
		applied, _ := s.PlanApply(asked) // what does not fit is left out
		files2 := result(t, files, applied)
		s2 := newStack(t, files2, specs...)
		var ids []string
		for _, step := range applied.Steps {
			ids = append(ids, step.Item.ID())
		}
		if len(ids) == 0 {
			return
		}
		// What lies under another patch is refused the second time, but never put in twice.
		if again, _ := s2.PlanApply(items(t, s2, ids...)); len(again.Steps) > 0 {
			rt.Fatalf("applied %v; once more: %v", ids, steps(again))
		}
		// What went in is there, and what is said of a patch does not depend on the order.
		all2, _ := s2.Items()
		states := map[string]string{}
		for _, f := range s2.Inspect(all2) {
			states[f.Item.ID()] = findings([]stack.Finding{f})[0] + " " + f.IncludedIn + strings.Join(f.InTheWay, " ")
			if slices.Contains(ids, f.Item.ID()) && !f.State.In() {
				rt.Fatalf("applied %v; %s is %s, of %q", ids, f.Item.ID(), f.State, findings(s2.Inspect(all2)))
			}
		}
		for _, f := range s2.Inspect(rapid.Permutation(all2).Draw(rt, "looked at")) {
			if got, want := findings([]stack.Finding{f})[0]+" "+f.IncludedIn+strings.Join(f.InTheWay, " "), states[f.Item.ID()]; got != want {
				rt.Fatalf("applied %v; in another order %s is %q, not %q", ids, f.Item.ID(), got, want)
			}
		}
		// One of them alone comes out without tearing another, or is refused.
		s2.Restack = rapid.Bool().Draw(rt, "restack")
		if one, err := s2.PlanRevert(items(t, s2, rapid.SampledFrom(ids).Draw(rt, "one"))); err == nil {
			s4 := newStack(t, result(t, files2, one), specs...)
			all4, _ := s4.Items()
			for _, f := range s4.Inspect(all4) {
				if slices.Contains(ids, f.Item.ID()) && !f.State.In() && !slices.Contains(steps(one), "-"+f.Item.ID()) {
					rt.Fatalf("applied %v, reverted %v: %s is %s", ids, steps(one), f.Item.ID(), f.State)
				}
			}
		}
		s2.Restack = false
		reverted, err := s2.PlanRevert(items(t, s2, rapid.Permutation(ids).Draw(rt, "reverted")...))
		if err != nil {
			rt.Fatalf("applied %v; reverting: %v", ids, err)
		}
		if diff := cmp.Diff(files, result(t, files2, reverted)); diff != "" {
			rt.Fatalf("applied %v, reverted %v, but (-want +got):\n%s", ids, steps(reverted), diff)
		}
		// The same without writing in between.
		o := applier.NewOverlay(files.mapTree())
		s3 := stack.New(s.Catalog, s.Packages, o, nil)
		p3, _ := s3.PlanApply(items(t, s3, ids...))
		o.Merge(p3.Overlay)
		r3, err := s3.PlanRevert(items(t, s3, ids...))
		if err != nil {
			rt.Fatal(err)
		}
		o.Merge(r3.Overlay)
		if changes, err := o.Changes(); err != nil || len(changes) > 0 {
			rt.Fatalf("changes are left: %v, error %v", changes, err)
		}
	})
}

// Of a patch with several diffs nothing is staged when only some fit, and every
// diff's refusals are told.
func TestPlanSeveralVariants(t *testing.T) {
	c := catalogOf(t, `{"X": {"packages": {"magento/magento2-base": {"2.4.*": {"file": "0.patch"}, ">=2.4": {"file": "1.patch"}}}}}`,
		newFile, diff(tree{"none": "1\n"}, tree{"none": "2\n"}))
	for _, dir := range []applier.Direction{applier.Forward, applier.Reverse} {
		files := tree{}
		if dir == applier.Reverse {
			files = tree{"pub/new": "new\n"}
		}
		s := stack.New(c, packages(t), applier.NewOverlay(files.mapTree()), nil)
		plan := s.PlanApply
		if dir == applier.Reverse {
			plan = s.PlanRevert
		}
		p, err := plan(items(t, s, "X"))
		var conflict *stack.ConflictError
		if !errors.As(err, &conflict) || len(conflict.Refusals) != 1 || conflict.Refusals[0].Path != "none" {
			t.Errorf("%s: error %v", dir, err)
		}
		if diff := cmp.Diff(files, result(t, files, p)); diff != "" {
			t.Errorf("%s: tree (-want +got):\n%s", dir, diff)
		}
	}
}
