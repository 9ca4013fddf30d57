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
	*applier.ConflictError
}

func (e *ConflictError) Error() string {
	verb := "applied"
	if e.Direction == applier.Reverse {
		verb = "reverted"
	}
	return fmt.Sprintf("patch %s cannot be %s: %v", e.Item.ID(), verb, e.ConflictError)
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
	done  map[*catalog.Patch]bool
	errs  []error
}

func (s *Stack) planner() *planner {
	return &planner{stack: s, plan: &Plan{Overlay: s.overlay.Fork()}, done: map[*catalog.Patch]bool{}}
}

// PlanApply plans to put items in, in the given order, each after what it requires
// and after taking out what it replaces. The error joins a [*ConflictError] for each
// item that does not fit, and the errors of [Stack.Item] for what is required and
// cannot be had.
func (s *Stack) PlanApply(items []*Item) (*Plan, error) {
	p := s.planner()
	for _, it := range items {
		p.apply(it, "", nil)
	}
	return p.plan, errors.Join(p.errs...)
}

// apply adds the steps for one item. Chain holds the ids that led to it.
func (p *planner) apply(it *Item, because string, chain []string) bool {
	if p.done[it.Patch] {
		return true
	}
	p.done[it.Patch] = true
	f := inspectOn(p.plan.Overlay, it)
	if f.Ambiguous {
		p.plan.Warnings = append(p.plan.Warnings, Ambiguity(f))
	}
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
	p.takeOutReplaced(it)
	if catalog.Deprecated(it.Variants) {
		p.plan.Warnings = append(p.plan.Warnings, deprecation(it))
	}
	return p.step(it, applier.Forward, because)
}

// takeOutReplaced reverts the applied patches that name it as their successor.
func (p *planner) takeOutReplaced(it *Item) {
	for _, old := range p.stack.Catalog.Patches {
		if p.done[old] || !strings.EqualFold(catalog.ReplacedWith(Eligible(p.stack.Packages, old)), it.ID()) {
			continue
		}
		oldItem, err := p.stack.item(old)
		if err != nil || inspectOn(p.plan.Overlay, oldItem).State != Applied {
			continue
		}
		p.done[old] = true
		p.step(oldItem, applier.Reverse, "replaced with "+it.ID())
	}
}

// step stages one item and records it, or the reason why it cannot be.
func (p *planner) step(it *Item, dir applier.Direction, because string) bool {
	fork := p.plan.Overlay.Fork()
	step := Step{Item: it, Dir: dir, Because: because}
	diffs := it.diffs
	if dir == applier.Reverse {
		diffs = slices.Clone(diffs)
		slices.Reverse(diffs)
	}
	refused := &applier.ConflictError{Direction: dir}
	for _, d := range diffs {
		files, err := applier.Apply(fork, d, dir)
		var conflict *applier.ConflictError
		if errors.As(err, &conflict) {
			refused.Refusals = append(refused.Refusals, conflict.Refusals...)
		}
		step.Files = append(step.Files, files...)
	}
	if len(refused.Refusals) > 0 {
		p.errs = append(p.errs, &ConflictError{it, refused})
		return false
	}
	p.plan.Overlay.Merge(fork)
	p.plan.Steps = append(p.plan.Steps, step)
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

// PlanRevert plans to take items out, those that were applied on top first. It
// refuses, with a [*DependantsError], to take away what an applied patch requires
// that is not taken out as well.
func (s *Stack) PlanRevert(items []*Item) (*Plan, error) {
	p := s.planner()
	p.checkDependants(items)
	if len(p.errs) > 0 {
		return p.plan, errors.Join(p.errs...)
	}
	// What lies on top comes out first. A patch may lie under others of the same
	// request in spite of its place in the catalogue, so go round until nothing moves.
	pending := slices.Clone(items)
	slices.SortStableFunc(pending, func(a, b *Item) int { return b.Order - a.Order })
	for moved := true; moved; {
		moved = false
		pending = slices.DeleteFunc(pending, func(it *Item) bool {
			if inspectOn(p.plan.Overlay, it).State != Applied {
				return false
			}
			moved = p.step(it, applier.Reverse, "") || moved
			return true
		})
	}
	for _, it := range pending {
		switch f := inspectOn(p.plan.Overlay, it); f.State {
		case NotApplied:
			p.plan.Unchanged = append(p.plan.Unchanged, f)
		default:
			p.step(it, applier.Reverse, "")
		}
	}
	return p.plan, errors.Join(p.errs...)
}

// checkDependants looks for applied patches that require one of the items and stay.
func (p *planner) checkDependants(items []*Item) {
	leaving := map[*catalog.Patch]bool{}
	for _, it := range items {
		leaving[it.Patch] = true
	}
	for _, it := range items {
		var dependants []string
		for _, other := range p.stack.Catalog.Patches {
			if leaving[other] || !requires(Eligible(p.stack.Packages, other), it.ID()) {
				continue
			}
			if dep, err := p.stack.item(other); err == nil && inspectOn(p.plan.Overlay, dep).State == Applied {
				dependants = append(dependants, other.ID)
			}
		}
		if len(dependants) > 0 {
			p.errs = append(p.errs, &DependantsError{it, dependants})
		}
	}
}

func requires(variants []*catalog.Variant, id string) bool {
	return slices.ContainsFunc(catalog.Require(variants), func(need string) bool { return strings.EqualFold(need, id) })
}
