package stack

import (
	"slices"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
)

// A Pair is two patches that touch the same files and do not get along in every order.
type Pair struct {
	First, Second *Item
	// Ordered is set when Second fits after First, but not before it. Else the two
	// cannot be in the tree together.
	Ordered bool
	// Paths are the files that both touch.
	Paths []string
}

// Conflicts compares items that share files, and tells the pairs of which one does not
// fit after the other. Each is put in with what it requires, on the tree without the
// applied patches; what the other brought with it counts as put in. Pairs of which one
// replaces or requires the other are left out. Items that do not fit alone are not compared
// with any; these come second.
func (s *Stack) Conflicts(items []*Item) (pairs []Pair, apart []*Item) {
	base := s.Layers().Base
	c := comparison{base: base, needs: map[*Item][]*Item{}, replaced: map[*Item][]*catalog.Patch{}, alone: map[*Item]bool{}}
	fits := make([]bool, len(items))
	place := map[*Item]int{}
	for i, it := range items {
		place[it] = i
		c.replaced[it] = s.predecessors(it.Patch)
		c.needs[it], _, _ = s.Closure([]*Item{it}, nil) // what cannot be had is not compared
	}
	parallel(len(items), func(i int) { fits[i] = c.fits(c.needs[items[i]]) })
	for i, it := range items {
		c.alone[it] = fits[i]
		if !fits[i] {
			apart = append(apart, it)
		}
	}
	near := newNeighbours(items)
	var candidates []Pair
	for i, a := range items {
		seen := map[*Item]bool{}
		for _, path := range a.Paths() {
			for _, b := range near.byPath[path] {
				if place[b] <= i || seen[b] || !c.alone[a] || !c.alone[b] || c.related(a, b) {
					continue
				}
				seen[b] = true
				candidates = append(candidates, Pair{First: a, Second: b, Paths: shared(a, b)})
			}
		}
	}
	verdicts := make([]bool, len(candidates))
	parallel(len(candidates), func(i int) { verdicts[i] = c.compare(&candidates[i]) })
	for i, p := range candidates {
		if verdicts[i] {
			pairs = append(pairs, p)
		}
	}
	return pairs, apart
}

// A comparison tries items in pairs.
type comparison struct {
	base     *applier.Overlay
	needs    map[*Item][]*Item          // an item behind all that it requires
	replaced map[*Item][]*catalog.Patch // those that an item takes out
	alone    map[*Item]bool             // it fits without any other
}

func (c *comparison) fits(lists ...[]*Item) bool {
	var diffs []*applier.Diff
	var done []*Item
	for _, it := range slices.Concat(lists...) {
		if !slices.ContainsFunc(done, func(x *Item) bool { return x.Patch == it.Patch }) {
			done = append(done, it)
			diffs = append(diffs, it.diffs...)
		}
	}
	_, ok := applier.Fits(c.base, applier.Forward, diffs...)
	return ok || len(lists) > 1 && c.bring(done)
}

// bring reports whether items fit one after the other if those are left out that came
// with one before them.
func (c *comparison) bring(items []*Item) bool {
	tree := c.base.Fork()
	for _, it := range items {
		if judge(tree, it).State == Applied {
			continue
		}
		if _, refusals := stage(tree, it, applier.Forward); len(refusals) > 0 {
			return false
		}
	}
	return true
}

// related reports whether two items are not meant to be independent.
func (c *comparison) related(a, b *Item) bool {
	for _, p := range [][2]*Item{{a, b}, {b, a}} {
		if slices.Contains(c.replaced[p[1]], p[0].Patch) || slices.ContainsFunc(c.needs[p[0]], func(x *Item) bool { return x.Patch == p[1].Patch }) {
			return true
		}
	}
	return false
}

// compare tries both orders, and reports whether one of them fails.
func (c *comparison) compare(p *Pair) bool {
	forth, back := c.fits(c.needs[p.First], c.needs[p.Second]), c.fits(c.needs[p.Second], c.needs[p.First])
	if back && !forth {
		p.First, p.Second = p.Second, p.First
	}
	p.Ordered = forth != back
	return !forth || !back
}

func shared(a, b *Item) []string {
	return slices.DeleteFunc(slices.Clone(a.Paths()), func(p string) bool { return !slices.Contains(b.Paths(), p) })
}

// Order returns the items in an order in which they fit one after the other, as near to
// the given one as can be, or false if there is none that follows from their pairs. An
// item that does not fit alone comes behind those that make it fit.
func (s *Stack) Order(items []*Item) ([]*Item, bool) {
	pairs, _ := s.Conflicts(items)
	follows := map[*Item]bool{}
	for _, it := range items {
		_, err := s.PlanApply([]*Item{it})
		follows[it] = err != nil
	}
	var order []*Item
	pending := slices.Clone(items)
	for len(pending) > 0 {
		next := slices.IndexFunc(pending, func(it *Item) bool {
			if follows[it] {
				_, err := s.PlanApply(append(slices.Clone(order), it))
				return err == nil
			}
			return !slices.ContainsFunc(pairs, func(p Pair) bool {
				return p.Ordered && p.Second == it && slices.Contains(pending, p.First)
			})
		})
		if next < 0 {
			return nil, false
		}
		order = append(order, pending[next])
		pending = slices.Delete(pending, next, next+1)
	}
	_, err := s.PlanApply(order)
	return order, err == nil
}
