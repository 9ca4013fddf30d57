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
	// Lift is set for a patch that is lifted for another step, or put back.
	Lift  bool
	Files []applier.FileResult
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
	// Restackable is set when it would work if those were lifted and put back.
	Restackable bool
	// Causes say for each refusal, in a phrase, what is behind it.
	Causes []string
	// Files say of an item that is partial which of its files and hunks are there, else nil.
	Files []FileState
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
	// Through are the patches that they require beside the item or in its place, and that
	// would go with it, since it makes the same change or brought theirs.
	Through []string
}

func (e *DependantsError) Error() string {
	holds := ""
	if len(e.Through) > 0 {
		holds = fmt.Sprintf(", which holds the change of %s,", strings.Join(e.Through, ", "))
	}
	return fmt.Sprintf("patch %s%s is required by %s; revert %s first, or together with it",
		e.Item.ID(), holds, strings.Join(e.Dependants, ", "), plural(len(e.Dependants), "that one", "those"))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// An UnderError is a revert that would tear applied patches that lie above.
type UnderError struct {
	Item  *Item
	Above []string
	// Restackable is set when it would work if those were lifted and put back.
	Restackable bool
}

func (e *UnderError) Error() string {
	text := fmt.Sprintf("patch %s lies under %s; revert %s first, or together with it",
		e.Item.ID(), strings.Join(e.Above, ", "), plural(len(e.Above), "that one", "those"))
	if e.Restackable {
		text += ", or give --restack to lift and put back"
	}
	return text
}

// An IncludedError is a revert of what another patch brought.
type IncludedError struct {
	Item *Item
	In   string
}

func (e *IncludedError) Error() string {
	return fmt.Sprintf("all that patch %s adds came with %s; revert that one", e.Item.ID(), e.In)
}

// planner builds a plan on a fork of the stack's overlay.
type planner struct {
	stack *Stack
	plan  *Plan
	// asked holds what the request names, done what was looked at: whether all went well.
	asked, done map[*catalog.Patch]bool
	errs        []error
	eligible    *neighbours // all eligible items and the loose ones, once they are needed
	loose       []*Item     // those of the request that no catalogue holds
}

func (s *Stack) planner(items []*Item) *planner {
	p := &planner{
		stack: s, plan: &Plan{Overlay: s.overlay.Fork()},
		asked: map[*catalog.Patch]bool{}, done: map[*catalog.Patch]bool{},
	}
	for _, it := range items {
		p.asked[it.Patch] = true
		if it.Order == len(s.Catalog.Patches) {
			p.loose = append(p.loose, it)
		}
	}
	return p
}

// inspect says of an item of the planned tree what [Stack.Inspect] would say: together
// with all that it overlaps.
func (p *planner) inspect(it *Item) Finding {
	f := inspectOn(p.plan.Overlay, it)
	if f.State == NotApplied {
		return f
	}
	items := append(p.overlapping(it), it)
	findings := inspectAll(p.plan.Overlay, items)
	return findings[len(findings)-1]
}

// included reports whether an item that could be taken out came with a larger one.
func (p *planner) included(it *Item) bool {
	f := p.inspect(it)
	return f.State == Included && !f.Same
}

// overlapping returns the other eligible items, and those of the request, that share
// files with an item, or with others that do, and what it requires.
func (p *planner) overlapping(it *Item) []*Item {
	if p.eligible == nil {
		items, _ := p.stack.Items() // those with a broken diff cannot be in the tree
		p.eligible = newNeighbours(append(items, p.loose...))
	}
	return p.eligible.of(it)
}

// neighbours finds items that touch the same files.
type neighbours struct {
	byPath map[string][]*Item
	byID   map[string]*Item
}

func newNeighbours(items []*Item) *neighbours {
	n := &neighbours{map[string][]*Item{}, map[string]*Item{}}
	for _, it := range items {
		n.byID[lower(it.ID())] = it
		for _, path := range it.Paths() {
			n.byPath[path] = append(n.byPath[path], it)
		}
	}
	return n
}

// of returns what shares files with an item, directly or through others, and the
// items that these require. The item itself is not among them.
func (n *neighbours) of(it *Item) []*Item {
	seen := map[*catalog.Patch]bool{it.Patch: true}
	queue := []*Item{it}
	for i := 0; i < len(queue); i++ {
		add := func(next *Item) {
			if !seen[next.Patch] {
				seen[next.Patch] = true
				queue = append(queue, next)
			}
		}
		for _, path := range queue[i].Paths() {
			for _, next := range n.byPath[path] {
				add(next)
			}
		}
		for _, id := range catalog.Require(queue[i].Variants) {
			if next, ok := n.byID[lower(id)]; ok {
				add(next)
			}
		}
	}
	return queue[1:]
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
	if f.State.In() {
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

// takeOutReplaced reverts the applied patches that it replaces, those on top first, unless
// an applied patch requires them that stays.
func (p *planner) takeOutReplaced(it *Item) bool {
	var leaving []*Item
	for _, old := range p.stack.predecessors(it.Patch) {
		if _, seen := p.done[old]; seen {
			continue
		}
		if oldItem, err := p.stack.item(old); err == nil {
			leaving = append(leaving, oldItem)
		}
	}
	for {
		// One that goes may take the others with it that make the same change.
		under := map[*Item][]string{}
		leaving = slices.DeleteFunc(leaving, func(old *Item) bool {
			f := p.inspect(old)
			under[old] = f.Under
			return f.State != Applied && f.State != AppliedUnder
		})
		if len(leaving) == 0 {
			return true
		}
		next := slices.IndexFunc(leaving, func(old *Item) bool {
			_, needed := p.dependants(old, leaving, nil)
			return !needed && !slices.ContainsFunc(leaving, func(other *Item) bool { return slices.Contains(under[old], other.ID()) })
		})
		old := leaving[max(next, 0)]
		p.done[old.Patch] = true
		if torn, _ := p.dependants(old, append(slices.Clip(leaving), it), nil); torn != nil {
			p.errs = append(p.errs, torn)
			return false
		}
		if !p.step(old, applier.Reverse, "replaced with "+it.ID(), under[old]) {
			return false
		}
		leaving = slices.DeleteFunc(leaving, func(x *Item) bool { return x == old })
	}
}

// step stages one item and records it, or the reason why it cannot be, with the
// patches that lie above it or are in the way. If the stack may be rebuilt, these are
// lifted and put back.
func (p *planner) step(it *Item, dir applier.Direction, because string, above []string) bool {
	step, err := p.try(it, dir, because)
	if err == nil {
		p.plan.Steps = append(p.plan.Steps, step)
		return true
	}
	err.InTheWay = above
	if len(above) > 0 {
		steps, overlay := p.restack(it, dir, because, above)
		if steps != nil && p.stack.Restack {
			p.plan.Overlay.Merge(overlay)
			p.plan.Steps = append(p.plan.Steps, steps...)
			return true
		}
		err.Restackable = steps != nil
	} else if state, files := parts(p.plan.Overlay, it); state == Partial {
		err.Files = files
	}
	for _, r := range err.Refusals {
		err.Causes = append(err.Causes, p.stack.cause(p.plan.Overlay, it, r, above))
	}
	p.errs = append(p.errs, err)
	return false
}

// try stages one item, all of it or nothing.
func (p *planner) try(it *Item, dir applier.Direction, because string) (Step, *ConflictError) {
	fork := p.plan.Overlay.Fork()
	files, refusals := stage(fork, it, dir)
	if len(refusals) > 0 {
		return Step{}, &ConflictError{Item: it, ConflictError: &applier.ConflictError{Direction: dir, Refusals: refusals}}
	}
	p.plan.Overlay.Merge(fork)
	return Step{Item: it, Dir: dir, Because: because, Files: files}, nil
}

// restack plans, on a fork, to lift patches, the topmost first, to put an item in or take
// it out, and to put the patches back. It returns no steps if that does not work out.
func (p *planner) restack(it *Item, dir applier.Direction, because string, above []string) ([]Step, *applier.Overlay) {
	scratch := planner{plan: &Plan{Overlay: p.plan.Overlay.Fork()}}
	var steps []Step
	add := func(x *Item, dir applier.Direction, because string) bool {
		step, err := scratch.try(x, dir, because)
		if err == nil {
			step.Lift = x != it
			steps = append(steps, step)
		}
		return err == nil
	}
	var lifted []*Item
	pending := slices.DeleteFunc(p.overlapping(it), func(x *Item) bool {
		return !slices.ContainsFunc(above, func(id string) bool { return strings.EqualFold(id, x.ID()) })
	})
	for moved := true; moved; {
		moved = false
		pending = slices.DeleteFunc(pending, func(x *Item) bool {
			if !add(x, applier.Reverse, "lies above "+it.ID()) {
				return false
			}
			lifted, moved = append(lifted, x), true
			return true
		})
	}
	if len(lifted) == 0 || !add(it, dir, because) {
		return nil, nil
	}
	for _, x := range slices.Backward(lifted) {
		if !add(x, applier.Forward, "put back") {
			return nil, nil
		}
	}
	return steps, scratch.plan.Overlay
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
			if f.State != Applied || p.included(it) {
				return false
			}
			torn, leaving := p.dependants(it, pending, nil)
			above, aboveLeaving := p.above(it, pending)
			leaving = leaving || aboveLeaving
			switch {
			case torn != nil:
				p.errs = append(p.errs, torn)
				return true
			case leaving:
				return false
			}
			p.warnAmbiguous(f)
			if len(above) == 0 {
				p.step(it, applier.Reverse, "", nil)
			} else {
				p.revertUnder(it, above)
			}
			moved = true
			return true
		})
	}
	for _, it := range pending {
		f := p.inspect(it)
		torn, _ := p.dependants(it, pending, nil) // those that are pending wait for each other, in a circle
		switch {
		case f.State == NotApplied, f.State == Blocked:
			p.warnAmbiguous(f)
			p.plan.Unchanged = append(p.plan.Unchanged, f)
		case f.State == Included && !f.Same:
			p.errs = append(p.errs, &IncludedError{it, f.IncludedIn})
		case torn != nil:
			p.errs = append(p.errs, torn)
		default:
			p.step(it, applier.Reverse, "", f.Under)
		}
	}
	return p.plan, errors.Join(p.errs...)
}

// above looks for applied patches that would be torn if an item were taken out: those
// that are to stay, and whether any is about to leave.
func (p *planner) above(it *Item, pending []*Item) (staying []string, leaving bool) {
	without := p.plan.Overlay.Fork()
	if takeOff(without, it) != nil {
		return nil, false
	}
	near := p.overlapping(it)
	var before, after []Finding // of what cannot be judged by itself
	for i, other := range near {
		if !slices.ContainsFunc(other.Paths(), func(path string) bool { return slices.Contains(it.Paths(), path) }) {
			continue
		}
		switch judge(p.plan.Overlay, other).State {
		case Applied:
			if judge(without, other).State != Unknown {
				continue
			}
		case Unknown: // it may be there all the same, hidden by others
			if before == nil {
				before, after = inspectAll(p.plan.Overlay, append(slices.Clip(near), it)), inspectAll(without, near)
			}
			if !before[i].State.In() || after[i].State != Unknown && after[i].State != Partial {
				continue
			}
		default:
			continue
		}
		if slices.ContainsFunc(pending, func(x *Item) bool { return x.Patch == other.Patch }) {
			leaving = true
		} else {
			staying = append(staying, other.ID())
		}
	}
	return staying, leaving
}

// revertUnder takes out an item that applied patches lie on: these are lifted and put
// back, or it is refused.
func (p *planner) revertUnder(it *Item, above []string) {
	steps, overlay := p.restack(it, applier.Reverse, "", above)
	if steps == nil || !p.stack.Restack {
		p.errs = append(p.errs, &UnderError{it, above, steps != nil})
		return
	}
	p.plan.Overlay.Merge(overlay)
	p.plan.Steps = append(p.plan.Steps, steps...)
}

// dependants looks for applied patches that require an item, or another one that would
// go with it: an error about those that are to stay, except for the ones that are seen to
// elsewhere, and whether any is about to leave.
func (p *planner) dependants(it *Item, pending []*Item, elsewhere func(id string) bool) (torn *DependantsError, leaving bool) {
	for _, id := range append([]string{it.ID()}, p.goesWith(it)...) {
		staying, going := p.dependantsOf(id, it, pending)
		leaving = leaving || going
		if elsewhere != nil {
			staying = slices.DeleteFunc(staying, elsewhere)
		}
		if len(staying) == 0 {
			continue
		}
		if torn == nil {
			torn = &DependantsError{Item: it}
		}
		if id != it.ID() {
			torn.Through = append(torn.Through, id)
		}
		torn.Dependants = append(torn.Dependants, staying...)
	}
	if torn != nil {
		slices.Sort(torn.Dependants)
		torn.Dependants = slices.Compact(torn.Dependants)
	}
	return torn, leaving
}

// goesWith returns the patches that would not be in the tree any more without an item,
// since it makes the same change or brought theirs: those that something requires.
func (p *planner) goesWith(it *Item) []string {
	near := p.overlapping(it)
	required := func(other *Item) bool { return len(p.stack.dependants[lower(other.ID())]) > 0 }
	if !slices.ContainsFunc(near, required) {
		return nil
	}
	before := inspectAll(p.plan.Overlay, append(slices.Clip(near), it))
	without := p.plan.Overlay.Fork()
	if takeOff(without, it) != nil {
		if _, without = p.restack(it, applier.Reverse, "", before[len(near)].Under); without == nil {
			return nil
		}
	}
	var ids []string
	for i, f := range inspectAll(without, near) {
		if required(f.Item) && before[i].State.In() && (f.State == NotApplied || f.State == Blocked) {
			ids = append(ids, f.Item.ID())
		}
	}
	return ids
}

// dependantsOf leaves out the item that is about to go.
func (p *planner) dependantsOf(id string, it *Item, pending []*Item) (staying []string, leaving bool) {
	for _, other := range p.stack.dependants[lower(id)] {
		if other == it.Patch && !strings.EqualFold(id, it.ID()) || !requires(Eligible(p.stack.Packages, other), id) {
			continue
		}
		dep, err := p.stack.item(other)
		if err != nil {
			continue
		}
		if s := p.inspect(dep).State; s != Applied && s != AppliedUnder {
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
