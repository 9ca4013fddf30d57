package stack

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
)

// A Step puts one patch in or takes it out.
type Step struct {
	Item *Item
	Dir  applier.Direction
	// Because says why the step is there when it was not asked for by name, else "".
	Because string
	Files   []applier.FileResult
}

// A Plan is what a request comes to: steps in order, and the tree as it will be.
type Plan struct {
	Steps []Step
	// Unchanged are the findings of items that are already as requested.
	Unchanged []Finding
	Warnings  []string
	// Overlay holds the staged result.
	Overlay *applier.Overlay
}

// Implied returns the steps that were not asked for by name.
func (p *Plan) Implied() []Step {
	return slices.DeleteFunc(slices.Clone(p.Steps), func(s Step) bool { return s.Because == "" })
}

// A ConflictError is a step of a plan that the tree refuses.
type ConflictError struct {
	Item *Item
	// InTheWay names the applied patches that are the cause, if any are.
	InTheWay []string
	*applier.ConflictError
}

func (e *ConflictError) Error() string {
	verb := "applied"
	if e.Direction == applier.Reverse {
		verb = "reverted"
	}
	text := fmt.Sprintf("patch %s cannot be %s", e.Item.ID(), verb)
	if len(e.InTheWay) > 0 {
		text += fmt.Sprintf(", %s %s in the way", strings.Join(e.InTheWay, ", "), plural(len(e.InTheWay), "is", "are"))
	}
	return fmt.Sprintf("%s: %v", text, e.ConflictError)
}

func (e *ConflictError) Unwrap() error { return e.ConflictError }

// A DependantsError is a revert that would take away what applied patches require.
type DependantsError struct {
	Item       *Item
	Dependants []string
}

func (e *DependantsError) Error() string {
	return fmt.Sprintf("patch %s is required by %s; revert %s first, or together with it",
		e.Item.ID(), strings.Join(e.Dependants, ", "), plural(len(e.Dependants), "that one", "those"))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// planner builds a plan on a fork of the stack's overlay.
type planner struct {
	stack *Stack
	plan  *Plan
	// asked holds what the request names, done what was looked at: whether all went well.
	asked, done map[*catalog.Patch]bool
	errs        []error
	eligible    []*Item // all of them, once they are needed
}

func (s *Stack) planner(items []*Item) *planner {
	p := &planner{
		stack: s, plan: &Plan{Overlay: s.overlay.Fork()},
		asked: map[*catalog.Patch]bool{}, done: map[*catalog.Patch]bool{},
	}
	for _, it := range items {
		p.asked[it.Patch] = true
	}
	return p
}

// inspect says of an item of the planned tree what [Stack.Inspect] would say. Only an
// item that is unclear by itself needs a look at all the others.
func (p *planner) inspect(it *Item) Finding {
	f := inspectOn(p.plan.Overlay, it)
	if !unclear(f.State) {
		return f
	}
	if p.eligible == nil {
		p.eligible, _ = p.stack.Items() // those with a broken diff cannot be in the tree
	}
	items := append(slices.DeleteFunc(slices.Clone(p.eligible), func(x *Item) bool { return x.Patch == it.Patch }), it)
	findings := inspectAll(p.plan.Overlay, items)
	return findings[len(findings)-1]
}

// PlanApply plans to put items in, in the given order, each after what it requires
// and after taking out what it replaces. The error joins a [*ConflictError] for each
// item that does not fit, and the errors of [Stack.Item] for what is required and
// cannot be had.
func (s *Stack) PlanApply(items []*Item) (*Plan, error) {
	p := s.planner(items)
	for _, it := range items {
		p.apply(it, "", nil)
	}
	return p.plan, errors.Join(p.errs...)
}

// apply adds the steps for one item, once. Chain holds the ids that led to it.
func (p *planner) apply(it *Item, because string, chain []string) bool {
	if ok, seen := p.done[it.Patch]; seen {
		return ok
	}
	if p.asked[it.Patch] {
		because = ""
	}
	p.done[it.Patch] = p.applyNew(it, because, chain)
	return p.done[it.Patch]
}

func (p *planner) applyNew(it *Item, because string, chain []string) bool {
	f := p.inspect(it)
	p.warnAmbiguous(f)
	if f.State == Applied {
		if because == "" {
			p.plan.Unchanged = append(p.plan.Unchanged, f)
		}
		return true
	}
	chain = append(chain, it.ID())
	for _, id := range catalog.Require(it.Variants) {
		if slices.ContainsFunc(chain, func(have string) bool { return strings.EqualFold(have, id) }) {
			continue // a circle: the catalogue's fault, both go in
		}
		need, err := p.stack.Item(id)
		if err != nil {
			p.errs = append(p.errs, fmt.Errorf("patch %s requires %s: %w", it.ID(), id, err))
			return false
		}
		if !p.apply(need, "required by "+it.ID(), chain) {
			return false
		}
	}
	if !p.takeOutReplaced(it) {
		return false
	}
	if catalog.Deprecated(it.Variants) {
		p.plan.Warnings = append(p.plan.Warnings, deprecation(it))
	}
	return p.step(it, applier.Forward, because, f.InTheWay)
}

// takeOutReplaced reverts the applied patches that name it as their successor, unless
// another applied patch requires them.
func (p *planner) takeOutReplaced(it *Item) bool {
	for _, old := range p.stack.Catalog.Patches {
		if _, seen := p.done[old]; seen || !strings.EqualFold(catalog.ReplacedWith(Eligible(p.stack.Packages, old)), it.ID()) {
			continue
		}
		oldItem, err := p.stack.item(old)
		if err != nil || inspectOn(p.plan.Overlay, oldItem).State != Applied {
			continue
		}
		p.done[old] = true
		if staying, _ := p.dependants(oldItem, []*Item{it}); len(staying) > 0 {
			p.errs = append(p.errs, &DependantsError{oldItem, staying})
			return false
		}
		if !p.step(oldItem, applier.Reverse, "replaced with "+it.ID(), nil) {
			return false
		}
	}
	return true
}

// step stages one item and records it, or the reason why it cannot be, with the
// patches that are in the way.
func (p *planner) step(it *Item, dir applier.Direction, because string, inTheWay []string) bool {
	fork := p.plan.Overlay.Fork()
	files, refusals := stage(fork, it, dir)
	if len(refusals) > 0 {
		p.errs = append(p.errs, &ConflictError{it, inTheWay, &applier.ConflictError{Direction: dir, Refusals: refusals}})
		return false
	}
	p.plan.Overlay.Merge(fork)
	p.plan.Steps = append(p.plan.Steps, Step{Item: it, Dir: dir, Because: because, Files: files})
	return true
}

func deprecation(it *Item) string {
	w := "patch " + it.ID() + " is deprecated"
	if id := catalog.ReplacedWith(it.Variants); id != "" {
		w += "; use " + id + " instead"
	}
	return w
}

// Ambiguity is a warning about an ambiguous finding.
func Ambiguity(f Finding) string {
	return fmt.Sprintf("patch %s could be applied as well as reverted here; by the lines where its hunks lie it counts as %s", f.Item.ID(), f.State)
}

func (p *planner) warnAmbiguous(f Finding) {
	if f.Ambiguous {
		p.plan.Warnings = append(p.plan.Warnings, Ambiguity(f))
	}
}

// PlanRevert plans to take items out, those that were applied on top first. It
// refuses, with a [*DependantsError], to take away what an applied patch requires
// that is not taken out as well.
func (s *Stack) PlanRevert(items []*Item) (*Plan, error) {
	p := s.planner(items)
	// What lies on top comes out first. A patch may lie under others of the same
	// request in spite of its place in the catalogue, so go round until nothing moves.
	var pending []*Item
	for _, it := range items {
		if _, twice := p.done[it.Patch]; !twice {
			p.done[it.Patch] = true
			pending = append(pending, it)
		}
	}
	slices.SortStableFunc(pending, func(a, b *Item) int { return b.Order - a.Order })
	for moved := true; moved; {
		moved = false
		pending = slices.DeleteFunc(pending, func(it *Item) bool {
			f := inspectOn(p.plan.Overlay, it)
			if f.State != Applied {
				return false
			}
			staying, leaving := p.dependants(it, pending)
			switch {
			case len(staying) > 0:
				p.errs = append(p.errs, &DependantsError{it, staying})
				return true
			case leaving:
				return false
			}
			p.warnAmbiguous(f)
			p.step(it, applier.Reverse, "", nil)
			moved = true
			return true
		})
	}
	for _, it := range pending {
		f := p.inspect(it)
		staying, _ := p.dependants(it, pending) // those that are pending wait for each other, in a circle
		switch {
		case f.State == NotApplied:
			p.warnAmbiguous(f)
			p.plan.Unchanged = append(p.plan.Unchanged, f)
		case len(staying) > 0:
			p.errs = append(p.errs, &DependantsError{it, staying})
		default:
			p.step(it, applier.Reverse, "", f.Under)
		}
	}
	return p.plan, errors.Join(p.errs...)
}

// dependants looks for applied patches that require an item: those that are to stay,
// and whether any is about to leave.
func (p *planner) dependants(it *Item, pending []*Item) (staying []string, leaving bool) {
	for _, other := range p.stack.Catalog.Patches {
		if !requires(Eligible(p.stack.Packages, other), it.ID()) {
			continue
		}
		dep, err := p.stack.item(other)
		if err != nil || p.inspect(dep).State != Applied {
			continue
		}
		if slices.ContainsFunc(pending, func(x *Item) bool { return x.Patch == other }) {
			leaving = true
		} else {
			staying = append(staying, other.ID)
		}
	}
	return staying, leaving
}

func requires(variants []*catalog.Variant, id string) bool {
	return slices.ContainsFunc(catalog.Require(variants), func(need string) bool { return strings.EqualFold(need, id) })
}
