package stack

import (
	"cmp"
	"container/heap"
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
	// Under names the applied patches that lie on an item that is applied under others, or
	// is included in one that is.
	Under []string
	// InTheWay names the applied patches without which a blocked item would fit.
	InTheWay []string
	// IncludedIn names the applied patch that brought what an included item adds.
	IncludedIn string
	// Same is set when that patch makes the very same change under another id.
	Same bool
	// Files says of a partial or unknown item which of its files and hunks are there.
	Files []FileState
}

// A Presence says how a file or hunk of a diff and the tree stand to each other.
type Presence string

// The ways in which a file or hunk can stand to the tree.
const (
	In      Presence = "applied"     // it is there, and could be taken out
	Out     Presence = "not applied" // it is not there, and would fit
	Neither Presence = "refused"     // it is neither there nor would it fit
)

// A FileState says which parts of an item are in one file.
type FileState struct {
	Path     string
	Presence Presence
	// Hunks tells them apart where the file as a whole is neither; it is nil where the
	// file is created, deleted, or changed by several entries.
	Hunks []HunkState
}

// A HunkState says whether a hunk is in its file, looked at by itself.
type HunkState struct {
	Number   int
	Presence Presence
}

// Inspect says of each item whether it is in the tree. It works in parallel and
// reads each file once. The order of the items does not matter to the result, nor does
// the order of the catalogue.
//
// Each item is judged by itself first. Then patches that are in the tree are taken off
// in memory, as far as they share files with one that is unclear by itself, so that
// those beneath become visible. Only items that share files are compared.
func (s *Stack) Inspect(items []*Item) []Finding { return inspectAll(s.overlay, items) }

// AtMost returns how many of the items can be in the tree, at a fraction of what
// [Stack.Inspect] costs: those that could be taken out, and those that may lie under them.
func (s *Stack) AtMost(items []*Item) int {
	visible := make([]bool, len(items))
	parallel(len(items), func(i int) { _, visible[i] = applier.Fits(s.overlay, applier.Reverse, items[i].diffs...) })
	near := newNeighbours(items)
	in := map[*Item]bool{}
	for i, it := range items {
		if visible[i] && !in[it] {
			in[it] = true
			for _, other := range near.of(it) {
				in[other] = true
			}
		}
	}
	return len(in)
}

func inspectAll(o *applier.Overlay, items []*Item) []Finding {
	findings := make([]Finding, len(items))
	parallel(len(items), func(i int) { findings[i] = judge(o, items[i]) })
	in := inspection{overlay: o, items: items, findings: findings}
	in.include()
	in.peel()
	parallel(len(items), func(i int) { findings[i].split(o) })
	in.require()
	return findings
}

// inspectOn judges one item by itself.
func inspectOn(o *applier.Overlay, it *Item) Finding {
	f := judge(o, it)
	f.split(o)
	return f
}

// judge looks at one item as a whole: it is applied, not applied, or unknown.
func judge(o *applier.Overlay, it *Item) Finding {
	f := Finding{Item: it, State: Unknown}
	forward, canApply := applier.Fits(o, applier.Forward, it.diffs...)
	reverse, canRevert := applier.Fits(o, applier.Reverse, it.diffs...)
	switch {
	case canApply && canRevert:
		f.Ambiguous = true
		f.State = Applied
		if forward < reverse || forward == reverse && changesOnlyForward(o, it) {
			f.State = NotApplied
		}
	case canApply:
		f.State = NotApplied
	case canRevert:
		f.State = Applied
	}
	return f
}

// split looks at the parts of an item that is unknown as a whole.
func (f *Finding) split(o *applier.Overlay) {
	if f.State == Unknown {
		f.State, f.Files = parts(o, f.Item)
	}
}

// changesOnlyForward reports whether an item that fits in both directions would change
// something only if it were put in, as one does that sets nothing but modes.
func changesOnlyForward(o *applier.Overlay, it *Item) bool {
	changes := func(dir applier.Direction) bool {
		fork := o.Fork()
		stage(fork, it, dir)
		list, err := fork.Changes()
		return err == nil && len(list) > 0
	}
	return changes(applier.Forward) && !changes(applier.Reverse)
}

// parts says of each file of an item, and of each hunk where they can be told apart,
// whether it is there. The item is partial if one is there and every other would fit.
func parts(o *applier.Overlay, it *Item) (State, []FileState) {
	var files []FileState
	held, refused := false, false
	count := func(p Presence) {
		held, refused = held || p == In, refused || p == Neither
	}
	for _, part := range perFile(it.diffs) {
		f := FileState{Path: part.Entries[0].Path(), Presence: presence(o, part)}
		if e := part.Entries[0]; f.Presence == Neither && len(part.Entries) == 1 && e.Old.Path == e.New.Path && e.Old.Presence == e.New.Presence && len(e.Hunks) > 1 {
			for _, h := range e.Hunks {
				one := e
				one.Hunks = []applier.Hunk{h}
				f.Hunks = append(f.Hunks, HunkState{h.Number, presence(o, &applier.Diff{Entries: []applier.Entry{one}})})
			}
		}
		if f.Hunks != nil {
			for _, h := range f.Hunks {
				count(h.Presence)
			}
		} else {
			count(f.Presence)
		}
		files = append(files, f)
	}
	if held && !refused {
		return Partial, files
	}
	return Unknown, files
}

func presence(o *applier.Overlay, d *applier.Diff) Presence {
	if _, ok := applier.Fits(o, applier.Reverse, d); ok {
		return In
	}
	if _, ok := applier.Fits(o, applier.Forward, d); ok {
		return Out
	}
	return Neither
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

// An inspection looks at items together once each was judged by itself.
type inspection struct {
	overlay  *applier.Overlay
	items    []*Item
	findings []Finding
}

// onPath returns, for each path, the items that touch it and are accepted.
func (in *inspection) onPath(accept func(i int) bool) map[string][]int {
	index := map[string][]int{}
	for i, it := range in.items {
		if accept(i) {
			for _, p := range it.Paths() {
				index[p] = append(index[p], i)
			}
		}
	}
	return index
}

// include finds items that are there because another one is: both could be taken out,
// but not one after the other, and without the other there would be nothing of them.
func (in *inspection) include() {
	type pair struct{ a, b int }
	type bringer struct {
		whole int
		same  bool
	}
	seen := map[pair]bool{}
	brought := map[int][]bringer{}
	applied := in.onPath(func(i int) bool { return in.findings[i].State == Applied })
	for _, list := range applied {
		for x, a := range list {
			for _, b := range list[x+1:] {
				if seen[pair{a, b}] {
					continue
				}
				seen[pair{a, b}] = true
				if part, whole, same, ok := in.includes(a, b); ok {
					brought[part] = append(brought[part], bringer{whole, same})
				}
			}
		}
	}
	for part, by := range brought {
		// Of several, one that was not brought itself.
		by = slices.DeleteFunc(by, func(w bringer) bool { return brought[w.whole] != nil })
		if len(by) == 0 {
			continue
		}
		first := slices.MinFunc(by, func(a, b bringer) int { return compareIDs(in.items[a.whole].ID(), in.items[b.whole].ID()) })
		f := &in.findings[part]
		f.State, f.IncludedIn, f.Same = Included, in.items[first.whole].ID(), first.same
	}
}

// includes says which of two items that are in the tree was brought by the other, and
// whether both make the same change.
func (in *inspection) includes(a, b int) (part, whole int, same, ok bool) {
	first, second := in.items[a], in.items[b]
	together := func(x, y *Item) bool {
		_, ok := applier.Fits(in.overlay, applier.Reverse, slices.Concat(x.diffs, y.diffs)...)
		return ok
	}
	if together(first, second) || together(second, first) {
		return 0, 0, false, false
	}
	gone := func(without, it *Item) bool {
		fork := in.overlay.Fork()
		return takeOff(fork, without) == nil && judge(fork, it).State == NotApplied
	}
	firstGone, secondGone := gone(second, first), gone(first, second)
	switch {
	case firstGone && secondGone: // the same change under two ids: the one to use counts
		if senior(first, second) {
			return b, a, true, true
		}
		return a, b, true, true
	case firstGone:
		return a, b, false, true
	case secondGone:
		return b, a, false, true
	}
	return 0, 0, false, false
}

// senior decides between two items with the same change: a successor comes first.
func senior(a, b *Item) bool {
	if succeeds(a, b) != succeeds(b, a) {
		return succeeds(a, b)
	}
	if old, other := catalog.Deprecated(a.Variants), catalog.Deprecated(b.Variants); old != other {
		return other
	}
	return compareIDs(a.ID(), b.ID()) < 0
}

func succeeds(a, b *Item) bool {
	return strings.EqualFold(catalog.ReplacedWith(b.Variants), a.ID())
}

func compareIDs(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) }

// peel looks under the applied patches for those that they hide. What reverses cleanly
// is taken off a fork, and those beneath become visible.
func (in *inspection) peel() {
	touched := in.onPath(func(i int) bool { return in.findings[i].State == Unknown })
	if len(touched) == 0 {
		return
	}
	overlap := func(i int) bool {
		return slices.ContainsFunc(in.items[i].Paths(), func(p string) bool { return touched[p] != nil })
	}
	index, hidden := map[*Item]int{}, map[*Item]bool{}
	var items []*Item
	for i, it := range in.items {
		if state := in.findings[i].State; (state == Unknown || state == Applied) && overlap(i) {
			index[it] = i
			items = append(items, it)
			hidden[it] = state == Unknown
		}
	}
	p := newPeeler(in.overlay, items)
	p.hidden = hidden
	p.run(func(it *Item, gone []goneWith) {
		lead := goneWith{it, true}
		for _, g := range gone {
			if g.same && hidden[it] && senior(g.item, lead.item) {
				lead = g
			}
		}
		for _, g := range append(gone, goneWith{it, true}) {
			f := &in.findings[index[g.item]]
			if f.State != Unknown {
				continue
			}
			f.State, f.Under = AppliedUnder, p.needed(in.overlay, g.item, Applied)
			if g != lead {
				f.State, f.IncludedIn, f.Same = Included, lead.item.ID(), g.same
			}
		}
	})
	for i, it := range in.items {
		if f := &in.findings[i]; f.State == Unknown && judge(p.overlay, it).State == NotApplied {
			f.State, f.InTheWay = Blocked, p.needed(in.overlay, it, NotApplied)
		}
	}
}

// A peeler takes items off an overlay, the topmost first.
type peeler struct {
	overlay *applier.Overlay
	items   []*Item            // in the order of their ids
	taken   []*Item            // in the order in which they come off
	above   map[string][]*Item // by path: what was taken off

	near    *neighbours
	hidden  map[*Item]bool // those that are asked about when they are gone with another one
	queue   byID
	queued  map[*Item]bool
	done    map[*Item]bool
	between map[*Item]bool // came off after others were put back
}

// newPeeler returns a peeler of items on a fork of an overlay.
func newPeeler(o *applier.Overlay, items []*Item) *peeler {
	p := &peeler{
		overlay: o.Fork(), items: slices.SortedFunc(slices.Values(items), byIDs), above: map[string][]*Item{},
		near: newNeighbours(items), queued: map[*Item]bool{}, done: map[*Item]bool{}, between: map[*Item]bool{},
	}
	for _, it := range items {
		p.push(it)
	}
	return p
}

func (p *peeler) push(it *Item) {
	if !p.done[it] && !p.queued[it] {
		p.queued[it] = true
		heap.Push(&p.queue, it)
	}
}

// goneWith is an item that was in the tree and is not any more without another one. Same
// is set when it is so the other way round as well.
type goneWith struct {
	item *Item
	same bool
}

// run takes off all items that come off, and calls taken for each, if it is not nil. What
// lies below one that came off is looked at again.
func (p *peeler) run(taken func(it *Item, gone []goneWith)) {
	for again := true; again; again = p.takeBetween(taken) {
		for p.queue.Len() > 0 {
			it := heap.Pop(&p.queue).(*Item)
			p.queued[it] = false
			if !p.done[it] {
				p.take(it, map[*Item]bool{}, taken)
			}
		}
	}
}

// takeBetween takes off an item that lies on some that came off too early: that was not
// seen, because others still hid the item. They are put back, to come off after it. It
// reports whether there was any.
func (p *peeler) takeBetween(taken func(*Item, []goneWith)) bool {
	for _, it := range p.items {
		if p.done[it] || p.between[it] || !slices.ContainsFunc(it.Paths(), func(path string) bool { return p.above[path] != nil }) {
			continue
		}
		with, beneath := p.putBack(it)
		if judge(with, it).State != Applied {
			continue
		}
		without := with.Fork()
		if takeOff(without, it) != nil {
			continue
		}
		for _, other := range beneath {
			p.done[other] = false
			p.push(other)
			p.taken = slices.DeleteFunc(p.taken, func(x *Item) bool { return x == other })
			for _, path := range other.Paths() {
				p.above[path] = slices.DeleteFunc(p.above[path], func(x *Item) bool { return x == other })
			}
		}
		p.between[it] = true // once is enough, or two could put each other back for ever
		p.overlay.Merge(with)
		p.came(it, without, taken)
		return true
	}
	return false
}

// putBack returns the overlay with those items that an item may lie on: what came off
// and shares files with it, except where that would hide more of it.
func (p *peeler) putBack(it *Item) (*applier.Overlay, []*Item) {
	parts := perFile(it.diffs)
	hidden := func(o *applier.Overlay) (paths []string) {
		for _, part := range parts {
			if _, ok := applier.Fits(o, applier.Reverse, part); !ok {
				paths = append(paths, part.Entries[0].Path())
			}
		}
		return paths
	}
	with := p.overlay.Fork()
	before := hidden(with)
	var beneath []*Item
	if slices.ContainsFunc(before, func(path string) bool { return p.above[path] == nil }) {
		return with, nil // no item that came off hides it there
	}
	for _, other := range slices.Backward(p.taken) {
		if !slices.ContainsFunc(other.Paths(), func(path string) bool { return slices.Contains(before, path) }) {
			continue
		}
		fork := with.Fork()
		if _, refusals := stage(fork, other, applier.Forward); len(refusals) > 0 {
			continue
		}
		after := hidden(fork)
		if slices.ContainsFunc(after, func(path string) bool { return !slices.Contains(before, path) }) {
			continue
		}
		with.Merge(fork)
		if before, beneath = after, append(beneath, other); len(before) == 0 {
			break
		}
	}
	return with, beneath
}

// came merges the overlay that is without an item, keeps that it came off, and has those
// that share files with it looked at again.
func (p *peeler) came(it *Item, without *applier.Overlay, taken func(*Item, []goneWith)) {
	gone := p.gone(it, without)
	p.overlay.Merge(without)
	p.done[it] = true
	if taken != nil {
		taken(it, gone)
	}
	p.taken = append(p.taken, it)
	for _, path := range it.Paths() {
		p.above[path] = append(p.above[path], it)
	}
	for _, other := range p.touching(it) {
		p.push(other)
	}
}

// take takes an item off if it is in the tree. What lies above it comes off first; asked
// holds those that wait for it.
func (p *peeler) take(it *Item, asked map[*Item]bool, taken func(*Item, []goneWith)) {
	if judge(p.overlay, it).State != Applied {
		return
	}
	asked[it] = true
	without := p.overlay.Fork()
	if takeOff(without, it) != nil {
		return
	}
	for _, other := range p.touching(it) {
		if !p.done[other] && !asked[other] && liesAbove(p.overlay, without, other) {
			p.take(other, asked, taken)
			if p.done[other] { // the tree is another one now
				delete(asked, it)
				p.take(it, asked, taken)
				return
			}
		}
	}
	p.came(it, without, taken)
}

// gone returns what is in the overlay and is not without an item, since that brought it or
// makes the same change.
func (p *peeler) gone(it *Item, without *applier.Overlay) []goneWith {
	var list []goneWith
	for _, other := range p.touching(it) {
		if !p.hidden[other] || p.done[other] || judge(p.overlay, other).State != Applied || judge(without, other).State != NotApplied {
			continue
		}
		fork := p.overlay.Fork()
		same := takeOff(fork, other) == nil && judge(fork, it).State == NotApplied
		list = append(list, goneWith{other, same})
	}
	return list
}

// liesAbove reports whether an item that could come off an overlay is torn once another
// one is off.
func liesAbove(o, without *applier.Overlay, it *Item) bool {
	return judge(o, it).State == Applied && judge(without, it).State == Unknown
}

// touching returns the items that share files with one, in the order of their ids.
func (p *peeler) touching(it *Item) []*Item {
	var others []*Item
	for _, path := range it.Paths() {
		for _, other := range p.near.byPath[path] {
			if other != it && !slices.Contains(others, other) {
				others = append(others, other)
			}
		}
	}
	slices.SortFunc(others, byIDs)
	return others
}

func byIDs(a, b *Item) int { return compareIDs(a.ID(), b.ID()) }

// byID is a heap of items in the order of their ids.
type byID []*Item

func (q byID) Len() int           { return len(q) }
func (q byID) Less(a, b int) bool { return byIDs(q[a], q[b]) < 0 }
func (q byID) Swap(a, b int)      { q[a], q[b] = q[b], q[a] }
func (q *byID) Push(it any)       { *q = append(*q, it.(*Item)) }
func (q *byID) Pop() any {
	old := *q
	it := old[len(old)-1]
	*q = old[:len(old)-1]
	return it
}

// needed names those that had to be taken off before an item came to a state: one of
// them if that is enough, else all that were taken off its paths.
func (p *peeler) needed(o *applier.Overlay, it *Item, state State) []string {
	var all []string
	for _, path := range it.Paths() {
		for _, other := range p.above[path] {
			if other == it || slices.Contains(all, other.ID()) {
				continue
			}
			fork := o.Fork()
			if takeOff(fork, other) == nil && judge(fork, it).State == state {
				return []string{other.ID()}
			}
			all = append(all, other.ID())
		}
	}
	return all
}

// require looks at items that fit only once what they require is in: these are not
// applied, and nothing is in their way.
func (in *inspection) require() {
	index := make(map[string]int, len(in.items))
	for i, it := range in.items {
		index[lower(it.ID())] = i
	}
	fits := make([]bool, len(in.items))
	parallel(len(in.items), func(i int) {
		if in.findings[i].State != Unknown {
			return
		}
		var diffs []*applier.Diff
		for _, need := range closure(in.items, index, i) {
			if need != i && !in.findings[need].State.In() {
				diffs = append(diffs, in.items[need].diffs...)
			}
		}
		if len(diffs) > 0 {
			_, fits[i] = applier.Fits(in.overlay, applier.Forward, append(diffs, in.items[i].diffs...)...)
		}
	})
	for i := range in.findings {
		if fits[i] {
			in.findings[i] = Finding{Item: in.items[i], State: NotApplied}
		}
	}
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
			if need, ok := index[lower(id)]; ok {
				visit(need)
			}
		}
		order = append(order, i)
	}
	visit(start)
	return order
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
