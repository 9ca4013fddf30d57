package stack

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
)

// A Finding is what inspection says about one item.
type Finding struct {
	Item  *Item
	State State
	// Ambiguous is set when the diff could be put in as well as taken out. The
	// direction whose hunks lie nearer to their stated lines was believed, and at a
	// tie that it is applied, since all that it adds is there.
	Ambiguous bool
	// RequiredBy names the applied patch for whose sake an item that later patches
	// hide is taken to be applied, or is "".
	RequiredBy string
}

// Inspect says of each item whether it is in the tree. It works in parallel and
// reads each file once. The order of the items does not matter to the result.
func (s *Stack) Inspect(items []*Item) []Finding {
	findings := make([]Finding, len(items))
	index := make(map[string]int, len(items))
	for i, it := range items {
		index[strings.ToLower(it.ID())] = i
	}
	parallel(len(items), func(i int) { findings[i] = s.inspect(items[i]) })

	// What an applied patch requires is applied too, though that one may hide it. Of
	// several such patches the first of the catalogue is named.
	for _, i := range byOrder(items) {
		if findings[i].State != Applied || findings[i].RequiredBy != "" {
			continue
		}
		for _, need := range closure(items, index, i) {
			if findings[need].State == Unknown {
				findings[need].State, findings[need].RequiredBy = Applied, items[i].ID()
			}
		}
	}
	// A patch that needs others fits only once those are in.
	fits := make([]bool, len(items))
	parallel(len(items), func(i int) {
		if findings[i].State != Unknown {
			return
		}
		var diffs []*applier.Diff
		for _, need := range closure(items, index, i) {
			if need != i && findings[need].State != Applied {
				diffs = append(diffs, items[need].diffs...)
			}
		}
		if len(diffs) > 0 {
			_, fits[i] = applier.Fits(s.overlay, applier.Forward, append(diffs, items[i].diffs...)...)
		}
	})
	for i := range findings {
		if fits[i] {
			findings[i].State = NotApplied
		}
	}
	return findings
}

// byOrder returns the indexes of items in the order of the catalogue.
func byOrder(items []*Item) []int {
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return items[a].Order - items[b].Order })
	return order
}

// closure returns the indexes of an item and all that it requires among the items,
// what is required before what requires it.
func closure(items []*Item, index map[string]int, start int) []int {
	var order []int
	seen := map[int]bool{}
	var visit func(int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		for _, id := range catalog.Require(items[i].Variants) {
			if need, ok := index[strings.ToLower(id)]; ok {
				visit(need)
			}
		}
		order = append(order, i)
	}
	visit(start)
	return order
}

func (s *Stack) inspect(it *Item) Finding {
	return inspectOn(s.overlay, it)
}

func inspectOn(o *applier.Overlay, it *Item) Finding {
	f := Finding{Item: it}
	forward, canApply := applier.Fits(o, applier.Forward, it.diffs...)
	reverse, canRevert := applier.Fits(o, applier.Reverse, it.diffs...)
	switch {
	case canApply && canRevert:
		f.Ambiguous = true
		f.State = Applied
		if forward < reverse {
			f.State = NotApplied
		}
	case canApply:
		f.State = NotApplied
	case canRevert:
		f.State = Applied
	default:
		f.State = Unknown
		if partly(o, it) {
			f.State = Partial
		}
	}
	return f
}

// partly reports whether each file of an item either holds its change or would take
// it, and at least one holds it.
func partly(o *applier.Overlay, it *Item) bool {
	held := false
	for _, part := range perFile(it.diffs) {
		_, in := applier.Fits(o, applier.Reverse, part)
		if in {
			held = true
			continue
		}
		if _, out := applier.Fits(o, applier.Forward, part); !out {
			return false
		}
	}
	return held
}

// perFile splits diffs into one for each file.
func perFile(diffs []*applier.Diff) []*applier.Diff {
	var parts []*applier.Diff
	at := map[string]int{}
	for _, d := range diffs {
		for _, e := range d.Entries {
			i, ok := at[e.Path()]
			if !ok {
				i = len(parts)
				at[e.Path()] = i
				parts = append(parts, &applier.Diff{})
			}
			parts[i].Entries = append(parts[i].Entries, e)
		}
	}
	return parts
}

// parallel calls f for 0 to n-1 on all processors.
func parallel(n int, f func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}

// Explain returns what keeps an item from being put in or taken out, nil if nothing does.
func (s *Stack) Explain(it *Item, dir applier.Direction) []applier.Refusal {
	o := s.overlay.Fork()
	diffs := it.diffs
	if dir == applier.Reverse {
		diffs = slices.Clone(diffs)
		slices.Reverse(diffs)
	}
	for _, d := range diffs {
		if _, err := applier.Apply(o, d, dir); err != nil {
			var conflict *applier.ConflictError
			errors.As(err, &conflict) // as Apply promises
			return conflict.Refusals
		}
	}
	return nil
}
