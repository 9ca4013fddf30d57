package stack_test

import (
	"slices"
	"testing"

	"github.com/quality-patches/qpt/pkg/stack"
)

func TestConflicts(t *testing.T) {
	base := tree{"a": lines(12, nil), "b": lines(12, nil)}
	small := base.with("a", lines(12, map[int]string{11: "small\n"}))
	large := small.with("b", lines(12, map[int]string{5: "large\n"}))
	other := base.with("a", lines(12, map[int]string{11: "other\n"}))
	top := small.with("b", lines(12, map[int]string{9: "top\n"}))
	tests := []struct {
		name  string
		specs []spec
		want  []string
	}{
		{"one place", []spec{{id: "A", diff: diff(base, small)}, {id: "B", diff: diff(base, other)}}, []string{"A and B"}},
		{"what one brings", []spec{{id: "A", diff: diff(base, small)}, {id: "B", diff: diff(base, large)}}, []string{"B before A"}},
		{"twins", []spec{{id: "A", diff: diff(base, small)}, {id: "B", diff: diff(base, small)}}, nil},
		{
			"what one takes out",
			[]spec{
				{id: "A", diff: diff(base, small), replacedWith: "B"},
				{id: "B", diff: diff(base, large), replacedWith: "C"},
				{id: "C", diff: diff(base, other)},
			},
			nil,
		},
		{
			"what one brings the other requires",
			[]spec{{id: "A", diff: diff(base, small)}, {id: "B", diff: diff(base, large)}, {id: "C", diff: diff(small, top), require: []string{"A"}}},
			[]string{"B before A", "B before C"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStack(t, base, tt.specs...)
			all, _ := s.Items()
			var got []string
			pairs, apart := s.Conflicts(all)
			if len(apart) > 0 {
				t.Errorf("%d items do not fit alone", len(apart))
			}
			for _, p := range pairs {
				_, forth := s.PlanApply([]*stack.Item{p.First, p.Second})
				_, back := s.PlanApply([]*stack.Item{p.Second, p.First})
				if (forth == nil) != p.Ordered || back == nil {
					t.Errorf("%s and %s: applying them says %v, and the other way round %v", p.First.ID(), p.Second.ID(), forth, back)
				}
				between := " and "
				if p.Ordered {
					between = " before "
				}
				got = append(got, p.First.ID()+between+p.Second.ID())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Of two patches with the same change, the successor is the one to use, also where it has
// a successor of its own.
func TestInspectSuccessor(t *testing.T) {
	base := tree{"a": lines(12, nil)}
	in := base.with("a", lines(12, map[int]string{6: "in\n"}))
	s := newStack(t, in,
		spec{id: "A", diff: diff(base, in), replacedWith: "A-V2"},
		spec{id: "A-V2", diff: diff(base, in), replacedWith: "B"})
	if got, want := states(t, s), []string{"A: included", "A-V2: applied"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
