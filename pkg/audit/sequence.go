package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/stack"
)

// inSequence finds out about an isolated diff that does not fit, because those before it
// are missing: it is missing if it would fit after them.
func (a *auditor) inSequence(p *Patch) {
	if p.Verdict != Unknown || p.Finding == nil || p.Finding.State != stack.Unknown || p.Entry.Security == nil || p.Entry.Security.Month == "" {
		return
	}
	var before []*stack.Item
	var ids []string
	for _, other := range a.result.Patches {
		if other.Verdict == Missing && other.Entry.Security != nil && other.Entry.Security.Month != "" &&
			precedes(other.Entry.Security, p.Entry.Security) {
			before = append(before, other.Finding.Item)
		}
	}
	if len(before) == 0 {
		a.byFile(p)
		return
	}
	slices.SortStableFunc(before, func(x, y *stack.Item) int { return chronological(x.Patch.Security, y.Patch.Security) })
	for _, it := range before {
		ids = append(ids, it.ID())
	}
	if _, err := a.stack.PlanApply(append(before, p.Finding.Item)); err == nil {
		p.Verdict, p.Reason = Missing, "it would fit after "+strings.Join(ids, ", ")
		return
	}
	a.byFile(p)
}

// byFile finds out about an isolated diff from its files, each by itself, where no diff
// of its series can be taken out as a whole: as when a package was installed anew, and
// the others were not.
func (a *auditor) byFile(p *Patch) {
	var series []*stack.Item
	for _, other := range a.chronology() {
		if other.Finding != nil && other.Entry.Security.Month != "" && (other.Verdict != Replaced || other.Finding.State.In()) &&
			strings.EqualFold(other.Entry.Security.Release, p.Entry.Security.Release) {
			series = append(series, other.Finding.Item)
		}
	}
	var missing []string
	held := false
	for _, f := range a.stack.Chain(series)[slices.Index(series, p.Finding.Item)] {
		switch f.Presence {
		case stack.In:
			held = true
		case stack.Out:
			missing = append(missing, f.Path)
		default:
			return
		}
	}
	switch {
	case len(missing) == 0 && p.Entry.Incomplete:
	case len(missing) == 0:
		p.Verdict, p.Reason = Applied, "under parts of later ones"
	case held:
		p.Verdict, p.Reason = Missing, "a part of it is in the tree; missing in "+some(missing)
	default:
		p.Verdict, p.Reason = Missing, "it would fit after those before it"
	}
}

// chronology returns the patches of which the sources say what they close, in the order in
// which they came out.
func (a *auditor) chronology() []*Patch {
	var list []*Patch
	for _, p := range a.result.Patches {
		if p.Entry != nil && p.Entry.Security != nil {
			list = append(list, p)
		}
	}
	slices.SortStableFunc(list, func(x, y *Patch) int { return chronological(x.Entry.Security, y.Entry.Security) })
	return list
}

// precedes reports whether an isolated diff has to go in before another one of its release.
func precedes(s, t *catalog.Security) bool {
	return strings.EqualFold(s.Release, t.Release) && chronological(s, t) < 0
}

func chronological(s, t *catalog.Security) int {
	return cmp.Or(cmp.Compare(s.Month, t.Month), cmp.Compare(s.Sequence, t.Sequence), editionRank(s.Edition)-editionRank(t.Edition))
}

// editionRank orders editions as they build on each other.
func editionRank(edition string) int { return slices.Index([]string{"CE", "EE", "B2B"}, edition) }

// gaps finds what is missing in the sequences of isolated diffs for what is installed.
func (a *auditor) gaps() {
	type series struct{ release, edition string }
	known := map[series]map[string][]int{}
	monthly := map[string]string{} // by month, a release that has a diff of it
	byEdition := map[string]map[string]bool{"EE": {}, "B2B": {}}
	for _, p := range a.result.Patches {
		if p.Verdict == NotApplicable || p.Verdict == NeedsRelease || p.Entry == nil || p.Entry.Security == nil {
			continue
		}
		if s := p.Entry.Security; s.Month != "" && s.Sequence > 0 && s.Release != "" {
			of := series{s.Release, s.Edition}
			if known[of] == nil {
				known[of] = map[string][]int{}
			}
			known[of][s.Month] = append(known[of][s.Month], s.Sequence)
			monthly[s.Month] = s.Release
			if months := byEdition[s.Edition]; months != nil {
				months[s.Month] = true
			}
		}
	}
	for edition, months := range byEdition {
		for month, release := range monthly {
			if a.hasEdition(edition) && !months[month] && len(months) == 0 {
				a.result.Gaps = append(a.result.Gaps, Gap{release, edition, month, 0})
			}
		}
	}
	for of, months := range known {
		first, last := "", ""
		for month, numbers := range months {
			for n := 1; n < slices.Max(numbers); n++ {
				if !slices.Contains(numbers, n) {
					a.result.Gaps = append(a.result.Gaps, Gap{of.release, of.edition, month, n})
				}
			}
			if first == "" || month < first {
				first = month
			}
			last = max(last, month)
		}
		for month := nextMonth(first); month < last; month = nextMonth(month) {
			if months[month] == nil {
				a.result.Gaps = append(a.result.Gaps, Gap{of.release, of.edition, month, 0})
			}
		}
	}
	slices.SortFunc(a.result.Gaps, func(x, y Gap) int {
		return cmp.Or(cmp.Compare(x.Release, y.Release), cmp.Compare(x.Month, y.Month), cmp.Compare(x.Sequence, y.Sequence), cmp.Compare(x.Edition, y.Edition))
	})
}

// nextMonth returns the month after one that is written as YYYY-MM.
func nextMonth(month string) string {
	var y, m int
	_, _ = fmt.Sscanf(month, "%d-%d", &y, &m) // catalogues are checked for the form
	if m++; m > 12 {
		y, m = y+1, 1
	}
	return fmt.Sprintf("%04d-%02d", y, m)
}
