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
	// Under names the applied patches that lie on this one and hide it: it is applied,
	// as shows when they are taken out.
	Under []string
	// InTheWay names the applied patches without which an unknown or partial item would fit.
	InTheWay []string
}

// Inspect says of each item whether it is in the tree. It works in parallel and
// reads each file once. The order of the items does not matter to the result.
func (s *Stack) Inspect(items []*Item) []Finding { return inspectAll(s.overlay, items) }

func inspectAll(o *applier.Overlay, items []*Item) []Finding {
	findings := make([]Finding, len(items))
	index := make(map[string]int, len(items))
	for i, it := range items {
		index[strings.ToLower(it.ID())] = i
	}
	parallel(len(items), func(i int) { findings[i] = inspectOn(o, items[i]) })
	peel(o, items, findings)

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
			_, fits[i] = applier.Fits(o, applier.Forward, append(diffs, items[i].diffs...)...)
		}
	})
	for i := range findings {
		if fits[i] {
			findings[i].State, findings[i].InTheWay = NotApplied, nil
		}
	}
	return findings
}

// unclear reports whether a state may be due to patches on top.
func unclear(s State) bool { return s == Unknown || s == Partial }

// peel looks under the applied patches for those that they hide. What reverses cleanly
// is taken off a fork, and those beneath become visible.
func peel(o *applier.Overlay, items []*Item, findings []Finding) {
	touched := map[string]bool{}
	for i := range findings {
		if unclear(findings[i].State) {
			for _, p := range items[i].Paths() {
				touched[p] = true
			}
		}
	}
	if len(touched) == 0 {
		return
	}
	touches := func(it *Item) bool {
		return slices.ContainsFunc(it.Paths(), func(p string) bool { return touched[p] })
	}
	fork := o.Fork()
	above := map[string][]*Item{} // by path: what was taken off
	pending := byOrder(items)
	slices.Reverse(pending)
	pending = slices.DeleteFunc(pending, func(i int) bool {
		return findings[i].State == NotApplied || !touches(items[i])
	})
	for moved := true; moved; {
		moved = false
		pending = slices.DeleteFunc(pending, func(i int) bool {
			it := items[i]
			if inspectOn(fork, it).State != Applied || takeOff(fork, it) != nil {
				return false
			}
			if unclear(findings[i].State) {
				findings[i].State, findings[i].Under = Applied, onPaths(above, it)
			}
			for _, p := range it.Paths() {
				above[p] = append(above[p], it)
			}
			moved = true
			return true
		})
	}
	for i, it := range items {
		if unclear(findings[i].State) && inspectOn(fork, it).State == NotApplied {
			findings[i].InTheWay = inTheWay(o, it, above)
		}
	}
}

// takeOff takes an item out of an overlay.
func takeOff(o *applier.Overlay, it *Item) error {
	if _, refusals := stage(o, it, applier.Reverse); len(refusals) > 0 {
		return &applier.ConflictError{Direction: applier.Reverse, Refusals: refusals}
	}
	return nil
}

// stage puts the diffs of an item in, or takes them out, the last first, and returns
// what became of which file and all that is refused.
func stage(o *applier.Overlay, it *Item, dir applier.Direction) (files []applier.FileResult, refusals []applier.Refusal) {
	diffs := it.diffs
	if dir == applier.Reverse {
		diffs = slices.Clone(diffs)
		slices.Reverse(diffs)
	}
	for _, d := range diffs {
		done, err := applier.Apply(o, d, dir)
		var conflict *applier.ConflictError
		if errors.As(err, &conflict) { // Apply has no other errors
			refusals = append(refusals, conflict.Refusals...)
		}
		files = append(files, done...)
	}
	return files, refusals
}

// onPaths names the items, each once, that were taken off an item's paths.
func onPaths(above map[string][]*Item, it *Item) []string {
	var ids []string
	for _, p := range it.Paths() {
		for _, other := range above[p] {
			if !slices.Contains(ids, other.ID()) {
				ids = append(ids, other.ID())
			}
		}
	}
	return ids
}

// inTheWay names the one item without which another fits, or else all that were taken
// off its paths.
func inTheWay(o *applier.Overlay, it *Item, above map[string][]*Item) []string {
	for _, p := range it.Paths() {
		for _, other := range above[p] {
			fork := o.Fork()
			if takeOff(fork, other) == nil && inspectOn(fork, it).State == NotApplied {
				return []string{other.ID()}
			}
		}
	}
	return onPaths(above, it)
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

// inspectOn judges one item by itself.
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
	_, refusals := stage(s.overlay.Fork(), it, dir)
	return refusals
}
