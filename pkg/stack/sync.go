package stack

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
)

// A Layer is a patch that was put in, with what it made of each of its files.
type Layer struct {
	ID string
	// Item is nil when the diff that was put in is not to be had any more.
	Item  *Item
	Files map[string]Sums
	// Renewed has the paths whose package is another one since, and by it the content:
	// nothing of the patch is to be taken out there, whatever it looks like.
	Renewed map[string]bool
}

// of reports whether a layer is that of an item, or of a part of it.
func (l Layer) of(it *Item) bool { return l.Item.Patch == it.Patch }

// Sums are the [Sum] of a file before and after a patch.
type Sums struct{ Before, After string }

// Sum identifies the content of a file; it is "" for a nil one, which is none.
func Sum(f *applier.File) string {
	if f == nil {
		return ""
	}
	sum := sha256.Sum256(f.Data)
	return hex.EncodeToString(sum[:])
}

// A SyncRequest says which patches are to be in the tree.
type SyncRequest struct {
	// Wanted are to be in, in this order, with what they require: see [Stack.Closure].
	Wanted []*Item
	// Known are the patches that were put in before, in their order. By their sums it
	// is known how far a file has got, without trying. Those that Wanted does not hold
	// come out.
	Known []Layer
	// Earlier are those that this very tree was brought to, in their order, where that is
	// not what Known says: as when that was changed elsewhere. They come out, too, if
	// Wanted does not hold them, and tell of files that Known cannot explain.
	Earlier []Layer
}

// A SyncPlan is what a [SyncRequest] comes to.
type SyncPlan struct {
	*Plan
	// Was has the state in which each wanted patch was found, by its id.
	Was map[string]State
	// Open is set when a file of a known patch is neither as before nor as after any of them.
	Open map[string]bool
}

// A LostError is a patch that has to come out of the tree, and whose diff is not to be had.
type LostError struct {
	ID    string
	Paths []string
}

func (e *LostError) Error() string {
	return fmt.Sprintf("patch %s was put in with a diff that is not to be had any more, so it cannot be taken out of %s; "+
		"install the package of that file anew, and sync again", e.ID, strings.Join(e.Paths, ", "))
}

// Closure returns items with all that they require, what is required before what
// requires it, and for each that was not among the items the ids that require it.
// Ignored are those that are not to go in whoever requires them. The error joins one
// for each patch that is required and cannot be had.
func (s *Stack) Closure(items []*Item, ignored func(id string) bool) (all []*Item, requiredBy map[string][]string, err error) {
	requiredBy = map[string][]string{}
	byID := map[string]*Item{}
	for _, it := range items {
		byID[lower(it.ID())] = it
	}
	seen := map[string]bool{}
	var errs []error
	var visit func(it *Item)
	visit = func(it *Item) {
		key := lower(it.ID())
		if seen[key] {
			return
		}
		seen[key] = true
		for _, id := range catalog.Require(it.Variants) {
			if ignored != nil && ignored(id) {
				continue
			}
			need := byID[lower(id)]
			if need == nil {
				var err error
				if need, err = s.Item(id); err != nil {
					errs = append(errs, fmt.Errorf("patch %s requires %s: %w", it.ID(), id, err))
					continue
				}
				byID[lower(id)] = need
				requiredBy[need.ID()] = nil
			}
			if by, ok := requiredBy[need.ID()]; ok && !slices.Contains(by, it.ID()) {
				requiredBy[need.ID()] = append(by, it.ID())
			}
			visit(need)
		}
		all = append(all, it)
	}
	for _, it := range items {
		visit(it)
	}
	return all, requiredBy, errors.Join(errs...)
}

// PlanSync plans to bring the tree to what is wanted: what is known and not wanted
// comes out, what is wanted and missing goes in, also where only some of its files have
// lost it. Patches that are neither wanted nor known stay, but for those that a wanted
// one replaces. The error joins those of [Stack.PlanApply] and [Stack.PlanRevert], and
// [*LostError].
func (s *Stack) PlanSync(r SyncRequest) (*SyncPlan, error) {
	y := &syncer{
		planner: s.planner(r.Wanted), wanted: r.Wanted,
		in:   map[*Item]map[string]bool{},
		sync: &SyncPlan{Was: map[string]State{}, Open: map[string]bool{}},
	}
	y.sync.Plan = y.plan
	for _, it := range r.Wanted {
		y.done[it.Patch] = true // nothing that is wanted comes out as replaced
	}
	known, earlier := y.withoutRenewed(y.withAlike(r.Known)), y.withoutRenewed(y.withAlike(r.Earlier))
	y.learn(known, earlier)
	for _, it := range r.Wanted { // before anything moves
		y.sync.Was[it.ID()] = y.found(it)
	}
	var leaving []*Item
	for _, l := range append(slices.Clip(earlier), known...) {
		if l.Item != nil && !slices.Contains(r.Wanted, l.Item) && !slices.ContainsFunc(leaving, l.of) {
			leaving = append(leaving, l.Item)
		}
	}
	for _, it := range slices.Backward(leaving) {
		y.leave(it, leaving)
	}
	if len(y.errs) == 0 { // what lies on top of something that stays would only repeat it
		for _, it := range r.Wanted {
			y.enter(it)
		}
	}
	return y.sync, errors.Join(y.errs...)
}

// A syncer plans a sync.
type syncer struct {
	*planner
	sync   *SyncPlan
	wanted []*Item
	// in says of the files of an item whether they hold it, as far as sums tell, or what
	// was staged since.
	in map[*Item]map[string]bool
}

// withAlike returns layers with an item where the diff is not to be had, and the one that
// is wanted now takes the same out: diffs change in their prose alone, too.
func (y *syncer) withAlike(known []Layer) []Layer {
	list := slices.Clone(known)
	for i := range list {
		l := &list[i]
		for _, it := range y.wanted {
			if l.Item == nil && strings.EqualFold(it.ID(), l.ID) && y.alike(it, l) {
				l.Item = it
			}
		}
	}
	return list
}

// alike reports whether an item takes out of the tree what a layer says that was put in.
func (y *syncer) alike(it *Item, l *Layer) bool {
	without := y.plan.Overlay.Fork()
	if len(it.Paths()) != len(l.Files) || takeOff(without, it) != nil {
		return false
	}
	is := func(o *applier.Overlay, path, sum string) bool {
		file, err := o.ReadFile(path)
		return (err == nil || errors.Is(err, fs.ErrNotExist)) && Sum(file) == sum
	}
	for path, sums := range l.Files {
		if !is(y.plan.Overlay, path, sums.After) || !is(without, path, sums.Before) {
			return false
		}
	}
	return true
}

// withoutRenewed returns layers without what is to come out of files that are not those
// that the patch went into. A release may hold the fix that the patch brought.
func (y *syncer) withoutRenewed(known []Layer) []Layer {
	var rest []Layer
	for _, l := range known {
		if len(l.Renewed) == 0 || l.Item != nil && slices.Contains(y.wanted, l.Item) {
			rest = append(rest, l)
			continue
		}
		gone := func(path string) bool { return l.Renewed[path] }
		if l.Item != nil {
			var paths, alike []string
			for _, unit := range units(l.Item) {
				if slices.ContainsFunc(unit, func(p string) bool { return !gone(p) }) {
					paths = append(paths, unit...)
				} else if inspectOn(y.plan.Overlay, part(l.Item, unit)).State == Applied {
					alike = append(alike, unit...)
				}
			}
			if len(alike) > 0 {
				y.plan.Warnings = append(y.plan.Warnings, fmt.Sprintf("patch %s is not taken out of %s: "+
					"the package is another one since it went in, and has this change, too", l.ID, strings.Join(alike, ", ")))
			}
			l.Item = part(l.Item, paths)
			gone = func(path string) bool { return !slices.Contains(paths, path) }
		}
		l.Files = maps.Clone(l.Files)
		maps.DeleteFunc(l.Files, func(path string, _ Sums) bool { return gone(path) })
		if len(l.Files) > 0 {
			rest = append(rest, l)
		}
	}
	return rest
}

// learn finds out by sums which files hold which of the known patches, and of the earlier
// ones.
func (y *syncer) learn(known, earlier []Layer) {
	lost := map[string][]string{}
	was := chains(earlier)
	for p, chain := range chains(known) {
		told := y.tell(p, chain, lost)
		switch {
		case len(was[p]) == 0:
			y.sync.Open[p] = !told
		case told: // without those that are known no more
			for _, l := range was[p] {
				if l.Item != nil && !slices.ContainsFunc(chain, func(k Layer) bool { return k.Item != nil && l.of(k.Item) }) {
					y.note(l.Item, p, false)
				}
			}
		default:
			y.sync.Open[p] = !y.tell(p, was[p], lost)
		}
		delete(was, p)
	}
	for p, chain := range was {
		y.sync.Open[p] = !y.tell(p, chain, lost)
	}
	maps.DeleteFunc(y.sync.Open, func(_ string, open bool) bool { return !open })
	for _, l := range append(slices.Clip(known), earlier...) {
		if paths := lost[l.ID]; len(paths) > 0 {
			slices.Sort(paths)
			y.errs = append(y.errs, &LostError{l.ID, paths})
			delete(lost, l.ID)
		}
	}
}

// chains returns the layers that touch each path.
func chains(layers []Layer) map[string][]Layer {
	chains := map[string][]Layer{}
	for _, l := range layers {
		for p := range l.Files {
			chains[p] = append(chains[p], l)
		}
	}
	return chains
}

// tell notes which patches of a chain a file holds, and returns whether its sum tells.
// Lost gets the path by the ids of those that it holds and that have no item.
func (y *syncer) tell(p string, chain []Layer, lost map[string][]string) bool {
	// What makes nothing of the file comes and goes with what brings it.
	var brought []*Item
	chain = slices.DeleteFunc(slices.Clone(chain), func(l Layer) bool {
		nothing := l.Files[p].Before == l.Files[p].After
		if nothing && l.Item != nil {
			brought = append(brought, l.Item)
		}
		return nothing
	})
	stays := len(chain) > 0 && !slices.ContainsFunc(chain, func(l Layer) bool { return !slices.Contains(y.wanted, l.Item) })
	for _, it := range brought {
		if wanted := slices.Contains(y.wanted, it); !wanted || stays {
			y.note(it, p, wanted)
		}
	}
	if len(chain) == 0 {
		return true
	}
	file, err := y.plan.Overlay.ReadFile(p)
	n, ok := 0, err == nil || errors.Is(err, fs.ErrNotExist) // what is wrong shows when it is needed
	if ok {
		n, ok = position(p, chain, Sum(file))
	}
	if !ok {
		for _, it := range brought {
			delete(y.in[it], p)
		}
		return false
	}
	for i, l := range chain {
		switch {
		case l.Item == nil && i < n:
			lost[l.ID] = append(lost[l.ID], p)
		case l.Item != nil:
			y.note(l.Item, p, i < n)
		}
	}
	return true
}

// position returns how many patches of a chain a file holds, and whether its sum tells.
// A chain that is not one, since a patch in between is unknown, tells nothing.
func position(path string, chain []Layer, sum string) (n int, ok bool) {
	for i := 1; i < len(chain); i++ {
		if chain[i].Files[path].Before != chain[i-1].Files[path].After {
			return 0, false
		}
	}
	for i := len(chain); i > 0; i-- {
		if chain[i-1].Files[path].After == sum {
			return i, true
		}
	}
	// A diff may leave open whether its file was empty or not there: taken out again, it
	// leaves an empty one, which is what the lock has.
	before := chain[0].Files[path].Before
	return 0, before == sum || sum == "" && before == Sum(&applier.File{})
}

func (y *syncer) note(it *Item, path string, in bool) {
	if y.in[it] == nil {
		y.in[it] = map[string]bool{}
	}
	y.in[it][path] = in
}

// units returns the paths of an item that stand by themselves: each, or all together
// where the item moves or copies a file.
func units(it *Item) [][]string {
	var paths [][]string
	for _, d := range it.diffs {
		for i := range d.Entries {
			e := &d.Entries[i]
			if e.Old.Path != e.New.Path {
				return [][]string{it.Paths()}
			}
		}
	}
	for _, p := range it.Paths() {
		paths = append(paths, []string{p})
	}
	return paths
}

// near returns those of an item's paths that are among some, or cannot be told apart from
// one that is.
func near(it *Item, paths, some []string) []string {
	var list []string
	for _, unit := range units(it) {
		if slices.Contains(paths, unit[0]) && slices.ContainsFunc(unit, func(p string) bool { return slices.Contains(some, p) }) {
			list = append(list, unit...)
		}
	}
	return list
}

// part returns what an item does to some of its paths.
func part(it *Item, paths []string) *Item {
	some := *it
	some.diffs = nil
	for _, d := range it.diffs {
		var entries []applier.Entry
		for _, e := range d.Entries {
			if slices.Contains(paths, e.Old.Path) || slices.Contains(paths, e.New.Path) {
				entries = append(entries, e)
			}
		}
		if len(entries) > 0 {
			some.diffs = append(some.diffs, &applier.Diff{Entries: entries})
		}
	}
	some.paths = slices.DeleteFunc(slices.Clone(it.paths), func(p string) bool { return !slices.Contains(paths, p) })
	return &some
}

// held splits the paths of an item into those that hold it and those that would take
// it. Where that cannot be told the paths are unclear.
func (y *syncer) held(it *Item) (in, out, unclear []string) {
	for _, unit := range units(it) {
		var known, holds int
		for _, p := range unit {
			if has, ok := y.in[it][p]; ok {
				known++
				if has {
					holds++
				}
			}
		}
		switch {
		case known == len(unit) && holds == known:
			in = append(in, unit...)
			continue
		case known == len(unit) && holds == 0:
			out = append(out, unit...)
			continue
		}
		switch inspectOn(y.plan.Overlay, part(it, unit)).State {
		case Applied:
			in = append(in, unit...)
		case NotApplied:
			out = append(out, unit...)
		default:
			unclear = append(unclear, unit...)
		}
	}
	return in, out, unclear
}

// found returns the state of an item in the tree as it is.
func (y *syncer) found(it *Item) State {
	in, out, unclear := y.held(it)
	switch {
	case len(unclear) > 0:
		switch s := y.inspect(it).State; {
		case s.In():
			return Applied
		case s == Blocked:
			return NotApplied
		default:
			return s
		}
	case len(out) == 0:
		return Applied
	case len(in) == 0:
		return NotApplied
	}
	return Partial
}

// move stages an item, or what it does to some paths, and remembers that.
func (y *syncer) move(it *Item, paths []string, dir applier.Direction, because string, inTheWay []string) bool {
	some := it
	if len(paths) < len(it.Paths()) {
		some = part(it, paths)
	}
	if !y.step(some, dir, because, inTheWay) {
		return false
	}
	for _, p := range paths {
		if _, known := y.in[it][p]; !known { // what sums told of others there counts no more
			for _, other := range y.in {
				delete(other, p)
			}
		}
		y.note(it, p, dir == applier.Forward)
	}
	return true
}

// leave takes out an item that is not wanted any more. What is wanted and lies on it
// comes off before, and goes in again later.
func (y *syncer) leave(it *Item, leaving []*Item) {
	in, _, unclear := y.held(it)
	var under []string
	if len(unclear) > 0 || len(in) > 0 && !y.certain(it) {
		f := y.inspect(it)
		if f.State == NotApplied || f.State == Blocked || f.State == Included {
			return // what is included in another patch comes out with that
		}
		if under = f.Under; len(unclear) > 0 {
			in = it.Paths()
		}
	}
	if len(in) == 0 {
		return
	}
	because := "no longer declared"
	if y.wants(it.ID()) {
		because = "its diff has changed"
	} else {
		if torn, _ := y.dependants(it, leaving, y.wants); torn != nil {
			y.errs = append(y.errs, torn)
			return
		}
	}
	for _, above := range slices.Backward(y.wanted) {
		if !slices.ContainsFunc(above.Paths(), func(p string) bool { return slices.Contains(in, p) }) {
			continue
		}
		without := y.plan.Overlay.Fork()
		if takeOff(without, part(it, in)) == nil && !liesAbove(y.plan.Overlay, without, above) {
			continue
		}
		on, _, unclear := y.held(above)
		on, unclear = near(above, on, in), near(above, unclear, in)
		if len(on) > 0 && len(unclear) == 0 && takeOff(y.plan.Overlay.Fork(), part(above, on)) == nil &&
			y.move(above, on, applier.Reverse, "lies above "+it.ID(), nil) {
			y.plan.Steps[len(y.plan.Steps)-1].Lift = true
		}
	}
	if staying, _ := y.above(it, leaving); len(staying) > 0 && !y.certain(it) {
		y.errs = append(y.errs, &UnderError{it, staying, false})
		return
	}
	y.move(it, in, applier.Reverse, because, under)
}

// certain reports whether sums tell of every path of an item.
func (y *syncer) certain(it *Item) bool {
	return !slices.ContainsFunc(it.Paths(), func(p string) bool { _, ok := y.in[it][p]; return !ok })
}

// wants reports whether a patch of that id is to be in.
func (y *syncer) wants(id string) bool {
	return slices.ContainsFunc(y.wanted, func(w *Item) bool { return strings.EqualFold(w.ID(), id) })
}

// enter puts in what is missing of a wanted item.
func (y *syncer) enter(it *Item) {
	_, out, unclear := y.held(it)
	var inTheWay []string
	if len(unclear) > 0 {
		f := y.inspect(it)
		y.warnAmbiguous(f)
		if f.State.In() {
			out = nil
		} else {
			out, inTheWay = it.Paths(), f.InTheWay
		}
	}
	if len(out) == 0 {
		y.plan.Unchanged = append(y.plan.Unchanged, Finding{Item: it, State: Applied})
		return
	}
	if y.takeOutReplaced(it) {
		y.move(it, out, applier.Forward, "", inTheWay)
	}
}

// A Record is what a patch makes of its files when it goes in after those before it.
type Record struct {
	Item  *Item
	Files []FileRecord
}

// A FileRecord is what becomes of one file. Mode is that after the patch, if the patch
// changes it, else 0.
type FileRecord struct {
	Path string
	Sums
	Mode fs.FileMode
}

// Record works out what patches that are all in an overlay make of their files, one
// after the other in the given order: as on a tree that holds none of them. Others
// names the applied patches that change the same files; those that lie on top are
// taken off for it, and those beneath are part of what it starts from.
func (s *Stack) Record(o *applier.Overlay, items []*Item) (records []Record, others []string, err error) {
	base := o.Fork()
	included := map[*Item]bool{} // another of them brought it, and it makes nothing by itself
	for _, f := range inspectAll(o, items) {
		included[f.Item] = f.State == Included
	}
	pending := slices.DeleteFunc(slices.Clone(items), func(it *Item) bool { return included[it] })
	slices.Reverse(pending)
	peelOff := func() {
		for moved := true; moved; {
			moved = false
			pending = slices.DeleteFunc(pending, func(it *Item) bool {
				fork := base.Fork()
				if takeOff(fork, it) != nil {
					return false
				}
				base.Merge(fork)
				moved = true
				return true
			})
		}
	}
	peelOff()
	foreign := s.foreign(items)
	for _, it := range slices.Backward(foreign) {
		if f := inspectOn(base, it); f.State != Applied || f.Ambiguous {
			continue
		}
		others = append(others, it.ID())
		if len(pending) > 0 && takeOff(base, it) == nil {
			peelOff()
		}
	}
	slices.Reverse(others)
	if len(pending) > 0 {
		it := pending[len(pending)-1]
		_, refusals := stage(base.Fork(), it, applier.Reverse)
		return nil, others, &ConflictError{Item: it, ConflictError: &applier.ConflictError{Direction: applier.Reverse, Refusals: refusals}}
	}
	for _, it := range items {
		after := base.Fork()
		if included[it] {
			// It is as the other one left it.
		} else if _, refusals := stage(after, it, applier.Forward); len(refusals) > 0 {
			return nil, others, &ConflictError{Item: it, InTheWay: others, ConflictError: &applier.ConflictError{Direction: applier.Forward, Refusals: refusals}}
		}
		r := Record{Item: it}
		for _, p := range it.Paths() {
			f, err := fileRecord(base, after, p)
			if err != nil {
				return nil, others, err
			}
			r.Files = append(r.Files, f)
		}
		base.Merge(after)
		records = append(records, r)
	}
	return records, others, nil
}

// foreign returns the eligible patches that change files of others, without those.
func (s *Stack) foreign(items []*Item) []*Item {
	paths := map[string]bool{}
	ours := map[string]bool{}
	for _, it := range items {
		ours[lower(it.ID())] = true
		for _, p := range it.Paths() {
			paths[p] = true
		}
	}
	all, _ := s.Items() // those with a broken diff cannot be in the tree
	return slices.DeleteFunc(all, func(it *Item) bool {
		return ours[lower(it.ID())] || !slices.ContainsFunc(it.Paths(), func(p string) bool { return paths[p] })
	})
}

func fileRecord(before, after *applier.Overlay, path string) (FileRecord, error) {
	r := FileRecord{Path: path}
	from, err := readIf(before, path)
	if err != nil {
		return r, err
	}
	to, err := readIf(after, path)
	if err != nil {
		return r, err
	}
	r.Sums = Sums{Sum(from), Sum(to)}
	if from != nil && to != nil && (from.Mode^to.Mode)&(fs.ModeSymlink|0o100) != 0 {
		r.Mode = to.Mode
	}
	return r, nil
}

// readIf returns nil for a file that is not there.
func readIf(o *applier.Overlay, path string) (*applier.File, error) {
	f, err := o.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}
