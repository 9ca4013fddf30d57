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
	"github.com/quality-patches/qpt/pkg/stack"
)

// record puts items in and returns the layers and the trees in between.
func record(t rapid.TB, s *stack.Stack, items []*stack.Item) []stack.Layer {
	plan, err := s.PlanSync(stack.SyncRequest{Wanted: items})
	if err != nil {
		t.Fatal(err)
	}
	records, _, err := s.Record(plan.Overlay, items)
	if err != nil {
		t.Fatal(err)
	}
	var layers []stack.Layer
	for _, r := range records {
		l := stack.Layer{ID: r.Item.ID(), Item: r.Item, Files: map[string]stack.Sums{}}
		for _, f := range r.Files {
			l.Files[f.Path] = f.Sums
		}
		layers = append(layers, l)
	}
	return layers
}

// Whatever was wiped, a sync brings back; whatever is no longer wanted, it takes out,
// as if it had never been in. What it refuses it leaves alone.
func TestPlanSyncConverges(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		original := tree{"a": lines(20, nil), "b": lines(20, nil), "c": lines(20, nil)}
		states := []tree{original}
		var specs []spec
		var ids []string
		for i := range rapid.IntRange(1, 5).Draw(r, "patches") {
			now := maps.Clone(states[len(states)-1])
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", fmt.Sprint("new", i)}), 1, 3, rapid.ID[string]).Draw(r, "files") {
				text, ok := now[name]
				if !ok {
					now[name] = fmt.Sprintln("created by", i)
					continue
				}
				list := strings.SplitAfter(text, "\n")
				at := rapid.IntRange(0, len(list)-1).Draw(r, "at")
				now[name] = strings.Join(slices.Insert(list, at, fmt.Sprintln("inserted by", i)), "")
			}
			ids = append(ids, fmt.Sprintf("P%d", i))
			specs = append(specs, spec{id: ids[i], diff: diff(states[i], now)})
			states = append(states, now)
		}
		full := states[len(states)-1]
		at := func(files tree) (*stack.Stack, []*stack.Item) {
			s := newStack(t, files, specs...)
			return s, items(t, s, ids...)
		}
		fresh, all := at(original)
		layers := record(r, fresh, all)

		// Each file is as after any of the patches.
		wiped := tree{}
		for _, name := range slices.Sorted(maps.Keys(full)) {
			text := full[name]
			state := states[rapid.IntRange(0, len(states)-1).Draw(r, "state of "+name)]
			if rapid.Bool().Draw(r, name+" is left alone") {
				wiped[name] = text
			} else if text, ok := state[name]; ok {
				wiped[name] = text
			}
		}
		s, all := at(wiped)
		for i := range layers {
			layers[i].Item = all[i]
		}
		plan, err := s.PlanSync(stack.SyncRequest{Wanted: all, Known: layers})
		if err != nil {
			r.Fatalf("wiped: %v", err)
		}
		if d := cmp.Diff(full, result(t, wiped, plan.Plan)); d != "" {
			r.Fatalf("after a sync (-want +got):\n%s", d)
		}

		// Some are not wanted any more.
		var rest []*stack.Item
		var restIDs []string
		for i, it := range all {
			if rapid.Bool().Draw(r, ids[i]+" stays") {
				rest, restIDs = append(rest, it), append(restIDs, ids[i])
			}
		}
		fresh, _ = at(original)
		want, wantErr := fresh.PlanSync(stack.SyncRequest{Wanted: items(t, fresh, restIDs...)})
		plan, err = s.PlanSync(stack.SyncRequest{Wanted: rest, Known: layers})
		var conflict *stack.ConflictError
		switch {
		case err == nil && wantErr == nil:
			if d := cmp.Diff(result(t, original, want.Plan), result(t, wiped, plan.Plan)); d != "" {
				r.Fatalf("%v left (-want +got):\n%s", restIDs, d)
			}
		case err != nil && !errors.As(err, &conflict):
			r.Fatalf("%v left: %v", restIDs, err)
		case err != nil && wantErr == nil:
			r.Fatalf("%v could be had on a fresh tree: %v", restIDs, err)
		}

		// The same where the lock is that of somebody else, who never had the others.
		if wantErr != nil {
			return
		}
		other, _ := at(original)
		records, _, err := other.Record(want.Overlay, items(t, other, restIDs...))
		if err != nil {
			return
		}
		var theirs []stack.Layer
		for i, rec := range records {
			l := stack.Layer{ID: rec.Item.ID(), Item: rest[i], Files: map[string]stack.Sums{}}
			for _, f := range rec.Files {
				l.Files[f.Path] = f.Sums
			}
			theirs = append(theirs, l)
		}
		plan, err = s.PlanSync(stack.SyncRequest{Wanted: rest, Known: theirs, Earlier: layers})
		if err != nil {
			r.Fatalf("%v by another lock: %v", restIDs, err)
		}
		if d := cmp.Diff(result(t, original, want.Plan), result(t, wiped, plan.Plan)); d != "" {
			r.Fatalf("%v by another lock (-want +got):\n%s", restIDs, d)
		}
	})
}

// What lies on a patch that leaves is lifted in the files of that one alone: elsewhere
// others may lie on it.
func TestPlanSyncLiftsInPart(t *testing.T) {
	base := tree{"f": lines(9, nil), "g": lines(9, nil)}
	one := base.with("f", lines(9, map[int]string{3: "line 3\none\n"}))
	two := one.with("f", "two\n"+one["f"]).with("g", base["g"]+"two\n")
	three := two.with("g", two["g"]+"three\n")
	specs := []spec{{id: "ONE", diff: diff(base, one)}, {id: "TWO", diff: diff(one, two)}, {id: "THREE", diff: diff(two, three)}}
	s := newStack(t, base, specs...)
	layers := record(t, s, items(t, s, "ONE", "TWO", "THREE"))
	s = newStack(t, three, specs...)
	all := items(t, s, "ONE", "TWO", "THREE")
	for i := range layers {
		layers[i].Item = all[i]
	}
	plan, err := s.PlanSync(stack.SyncRequest{Wanted: all[1:], Known: layers})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"-TWO (lies above ONE)", "-ONE (no longer declared)", "+TWO"}
	if diff := cmp.Diff(want, steps(plan.Plan)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(three.with("f", "two\n"+base["f"]), result(t, three, plan.Plan)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

func TestPlanSync(t *testing.T) {
	base := tree{"f": lines(9, nil), "g": lines(9, nil)}
	one := base.with("f", lines(9, map[int]string{3: "one\n"})).with("g", lines(9, map[int]string{3: "one\n"}))
	two := one.with("f", lines(9, map[int]string{3: "one\ntwo\n"}))
	specs := []spec{
		{id: "ONE", diff: diff(base, one)},
		{id: "TWO", diff: diff(one, two), require: []string{"ONE"}},
		{id: "OLD", diff: diff(base, base.with("h", "old\n")), replacedWith: "NEW"},
		{id: "NEW", diff: diff(base, base.with("h", "new\n"))},
	}
	for _, tc := range []struct {
		name          string
		files         tree
		wanted, known []string // known are recorded on the base
		want          []string
		wantErr       string
	}{
		{"nothing", base, nil, nil, nil, ""},
		{"with what it requires", base, []string{"TWO"}, nil, []string{"+ONE", "+TWO"}, ""},
		{"all there", two, []string{"TWO"}, []string{"ONE", "TWO"}, nil, ""},
		{"there, and not known", two, []string{"TWO"}, nil, nil, ""},
		{"one file lost both", two.with("f", base["f"]), []string{"TWO"}, []string{"ONE", "TWO"}, []string{"+ONE", "+TWO"}, ""},
		{"one file lost one", two.with("g", base["g"]), []string{"TWO"}, []string{"ONE", "TWO"}, []string{"+ONE"}, ""},
		{"no longer wanted", two, []string{"ONE"}, []string{"ONE", "TWO"}, []string{"-TWO (no longer declared)"}, ""},
		{"none wanted", two, nil, []string{"ONE", "TWO"}, []string{"-TWO (no longer declared)", "-ONE (no longer declared)"}, ""},
		{"not wanted, and not known", two, nil, nil, nil, ""},
		{"not wanted, and gone", base, nil, []string{"ONE", "TWO"}, nil, ""},
		{"required by what is not ours", two, nil, []string{"ONE"}, nil, "patch ONE is required by TWO"},
		{"a replaced one goes", base.with("h", "old\n"), []string{"NEW"}, nil, []string{"-OLD (replaced with NEW)", "+NEW"}, ""},
		{"an edited file", two.with("f", "edited\n"), []string{"TWO"}, []string{"ONE", "TWO"}, nil, "patch ONE cannot be applied"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fresh := newStack(t, base, specs...)
			layers := record(t, fresh, items(t, fresh, tc.known...))
			s := newStack(t, tc.files, specs...)
			for i, id := range tc.known {
				layers[i].Item = items(t, s, id)[0]
			}
			wanted, requiredBy, err := s.Closure(items(t, s, tc.wanted...), nil)
			if err != nil {
				t.Fatal(err)
			}
			if slices.Contains(tc.wanted, "TWO") && !slices.Equal(requiredBy["ONE"], []string{"TWO"}) {
				t.Errorf("required by %v", requiredBy)
			}
			for i, l := range layers { // what is wanted is the same item
				for _, it := range wanted {
					if it.ID() == l.ID {
						layers[i].Item = it
					}
				}
			}
			plan, err := s.PlanSync(stack.SyncRequest{Wanted: wanted, Known: layers})
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Errorf("error %v, want %q", err, tc.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(append([]string{}, tc.want...), steps(plan.Plan)); d != "" {
				t.Error(d)
			}
		})
	}
}

// What needs the lines of one that leaves is not torn in silence.
func TestPlanSyncTorn(t *testing.T) {
	base := tree{"f": lines(9, nil)}
	low := base.with("f", lines(9, map[int]string{6: "low\n"}))
	high := low.with("f", lines(9, map[int]string{4: "high\n", 6: "low\n"}))
	s := newStack(t, high,
		spec{id: "LOW", diff: "--- a/f\n+++ b/f\n@@ -6,2 +6,3 @@\n line 6\n+low\n line 7\n"},
		spec{id: "HIGH", diff: diff(low, high)},
	)
	list := items(t, s, "LOW", "HIGH")
	sums := func(before, after string) map[string]stack.Sums {
		return map[string]stack.Sums{"f": {Before: stack.Sum(&applier.File{Data: []byte(before)}), After: stack.Sum(&applier.File{Data: []byte(after)})}}
	}
	_, err := s.PlanSync(stack.SyncRequest{Wanted: list[1:], Known: []stack.Layer{
		{ID: "LOW", Item: list[0], Files: sums(base["f"], low["f"])}, {ID: "HIGH", Item: list[1], Files: sums(low["f"], high["f"])},
	}})
	var conflict *stack.ConflictError
	if !errors.As(err, &conflict) || conflict.Item.ID() != "HIGH" {
		t.Errorf("error %v", err)
	}
}

// A diff that is not to be had is an error only when something of it is in the tree.
func TestPlanSyncLost(t *testing.T) {
	base := tree{"f": lines(9, nil)}
	in := base.with("f", lines(9, map[int]string{3: "one\n"}))
	specs := []spec{{id: "ONE", diff: diff(base, in)}}
	fresh := newStack(t, base, specs...)
	layers := record(t, fresh, items(t, fresh, "ONE"))
	layers[0].Item = nil
	if _, err := newStack(t, base).PlanSync(stack.SyncRequest{Known: layers}); err != nil {
		t.Error(err)
	}
	var lost *stack.LostError
	if _, err := newStack(t, in).PlanSync(stack.SyncRequest{Known: layers}); !errors.As(err, &lost) || !slices.Equal(lost.Paths, []string{"f"}) {
		t.Errorf("error %v", err)
	}
	// One of the same name that takes the same out stands in for it, another one does not.
	alike := newStack(t, in, spec{id: "ONE", diff: "Prose.\n" + diff(base, in)})
	if p, err := alike.PlanSync(stack.SyncRequest{Wanted: items(t, alike, "ONE"), Known: layers}); err != nil || len(p.Steps) > 0 {
		t.Errorf("steps %v, error %v", steps(p.Plan), err)
	}
	other := newStack(t, in, spec{id: "ONE", diff: diff(base, base.with("f", lines(9, map[int]string{3: "two\n"})))})
	if _, err := other.PlanSync(stack.SyncRequest{Wanted: items(t, other, "ONE"), Known: layers}); !errors.As(err, &lost) {
		t.Errorf("error %v", err)
	}
}

// What is ignored is not required, and what cannot be had is told.
func TestClosure(t *testing.T) {
	base := tree{"f": lines(9, nil)}
	d := diff(base, base.with("g", "new\n"))
	s := newStack(t, base, spec{id: "A", diff: d, require: []string{"B", "GONE"}}, spec{id: "B", diff: d, require: []string{"A"}})
	_, _, err := s.Closure(items(t, s, "A"), nil)
	if err == nil || !strings.Contains(err.Error(), "patch A requires GONE") {
		t.Errorf("error %v", err)
	}
	all, requiredBy, err := s.Closure(items(t, s, "A"), func(id string) bool { return id == "GONE" })
	if err != nil || len(all) != 2 || all[0].ID() != "B" || len(requiredBy) != 1 {
		t.Errorf("%v %v %v", all, requiredBy, err)
	}
	if stack.Sum(nil) != "" || stack.Sum(&applier.File{}) == "" {
		t.Error("no file and an empty file have the same sum")
	}
}
