package report

import "testing"

// A patch that is in the tree but for one edited file is no matter of its other files.
func TestFromRefusals(t *testing.T) {
	there := Refusal{Path: "there", Reason: "hunk-mismatch", AlreadyThere: true}
	made := Refusal{Path: "made", Reason: "exists"}
	edited := Refusal{Path: "edited", Reason: "hunk-mismatch"}
	for _, tc := range []struct {
		refusals []Refusal
		want     []string
	}{
		{nil, []string{""}},
		{[]Refusal{there, edited, made}, []string{"edited"}},
		{[]Refusal{there, made}, []string{"there", "made"}},
	} {
		got := fromRefusals(finding{}, tc.refusals)
		if len(got) != len(tc.want) {
			t.Errorf("%v: %d findings", tc.refusals, len(got))
			continue
		}
		for i, f := range got {
			if f.path != tc.want[i] {
				t.Errorf("%v: finding %d is at %q", tc.refusals, i, f.path)
			}
		}
	}
}
