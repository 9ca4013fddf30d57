// Package author makes patches of edits: it tells the edits of a tree from the patches
// that are in it, and finds out which of these the edits need.
package author

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/stack"
)

// A Pristine is what files were before anybody edited them, by their paths in the
// installation; nil for a file that was not there. Paths that it does not have were not
// compared.
type Pristine map[string]*applier.File

// A Question is what [Separate] is to tell apart.
type Question struct {
	Stack *stack.Stack
	// Tree is the tree with the edits.
	Tree   *applier.Overlay
	Before Pristine
	// Patched is set if Before may hold patches, as a commit may.
	Patched bool
	// Without is the id of a patch that counts as edits.
	Without string
	// Over are ids of patches that the edits were made on top of, also where the tree
	// does not show it any more.
	Over []string
	// Beside are ids of patches that were not applied, although parts of them can be seen.
	Beside []string
	// Locate maps the paths of diffs to those of the installation.
	Locate func(string) string
}

// Edits are what was changed in a tree beside the patches in it.
type Edits struct {
	// Changes lead from the tree without the edits to the one with them.
	Changes []applier.Change
	// On are the applied patches that share files with the edits, the lowest first.
	On []*stack.Item
	// Require are those of them without which the edits do not fit, or would not end
	// up where they are.
	Require []*stack.Item
	// Torn are those of them of whose own lines some were edited.
	Torn []*stack.Item
	// Above are the applied patches that need the edits to be there.
	Above []*stack.Item
	// Unsure are patches that fit without the edits and not with them, and of which nothing
	// is to be seen in the tree. They are in conflict with the edits, or all of what they
	// did was edited.
	Unsure []*stack.Item

	question *Question
	laid     []*stack.Item // all that lie beneath, the lowest first
	parts    map[*stack.Item][]*applier.Diff
}

// A FileError is a change that cannot be written as a diff of text.
type FileError struct{ Path, Reason string }

func (e *FileError) Error() string { return fmt.Sprintf("%s: %s", e.Path, e.Reason) }

// A BaseError is an applied patch for which there is no place beside the edits.
type BaseError struct{ Item *stack.Item }

func (e *BaseError) Error() string {
	return fmt.Sprintf("patch %s is in the tree, but neither fits on the pristine files nor comes off the edited ones; "+
		"are the pristine files those of the installed version?", e.Item.ID())
}

// Separate tells the edits of a tree from the patches in it. The errors are a
// [*FileError], a [*BaseError], and those of reading the tree.
func Separate(q *Question) (*Edits, error) {
	e := &Edits{question: q, parts: map[*stack.Item][]*applier.Diff{}}
	all, _ := q.Stack.Items() // those with a broken diff cannot be in the tree
	var items []*stack.Item
	var own *stack.Item
	for _, it := range all {
		if !slices.ContainsFunc(it.Paths(), func(p string) bool { _, ok := q.Before[p]; return ok }) {
			continue
		}
		if err := e.cut(it); err != nil {
			return nil, err
		}
		if strings.EqualFold(it.ID(), q.Without) {
			own = it
			continue
		}
		items = append(items, it)
	}
	states := map[*stack.Item]stack.State{}
	for _, f := range q.Stack.Inspect(all) {
		states[f.Item] = f.State
	}

	ground := q.Tree.Fork()
	for p, f := range q.Before {
		if f == nil {
			ground.Remove(p)
		} else {
			ground.Write(p, f)
		}
	}
	if q.Patched {
		e.takeOff(ground, slices.DeleteFunc(append(slices.Clone(items), own), func(it *stack.Item) bool {
			return it == nil || states[it] == stack.Included
		}))
	}

	base, edited := ground.Fork(), q.Tree.Fork()
	if err := e.lay(base, edited, e.layers(items, states)); err != nil {
		return nil, err
	}
	e.findTorn(base, edited, items, states)
	var err error
	if e.Changes, err = changes(base, edited, q.Before); err != nil {
		return nil, err
	}
	e.require(ground, edited)
	e.laid = slices.Clone(e.On)
	e.On = slices.DeleteFunc(e.On, func(it *stack.Item) bool {
		return !slices.ContainsFunc(e.Changes, func(c applier.Change) bool { return slices.Contains(it.Paths(), c.Path) })
	})
	return e, nil
}

// cut keeps of an item's diffs what concerns the compared files.
func (e *Edits) cut(it *stack.Item) error {
	for _, v := range it.Variants {
		d, err := v.Diff()
		if err != nil {
			return err
		}
		d = d.Relocate(e.question.Locate)
		d.Entries = slices.DeleteFunc(d.Entries, func(entry applier.Entry) bool {
			_, old := e.question.Before[entry.Old.Path]
			_, now := e.question.Before[entry.New.Path]
			return !old && !now
		})
		e.parts[it] = append(e.parts[it], d)
	}
	return nil
}

// put stages an item's part, in one direction or the other, if it fits.
func (e *Edits) put(o *applier.Overlay, it *stack.Item, dir applier.Direction) bool {
	diffs := slices.Clone(e.parts[it])
	if dir == applier.Reverse {
		slices.Reverse(diffs)
	}
	fork := o.Fork()
	for _, d := range diffs {
		if _, err := applier.Apply(fork, d, dir); err != nil {
			return false
		}
	}
	o.Merge(fork)
	return true
}

// inIt reports whether an item's part is in an overlay, going by the nearer direction if
// both fit.
func (e *Edits) inIt(o *applier.Overlay, it *stack.Item) bool {
	reverse, canRevert := applier.Fits(o, applier.Reverse, e.parts[it]...)
	forward, canApply := applier.Fits(o, applier.Forward, e.parts[it]...)
	return canRevert && (!canApply || reverse <= forward)
}

// takeOff takes all items off an overlay that are in it, those above first.
func (e *Edits) takeOff(o *applier.Overlay, items []*stack.Item) {
	for progress := true; progress; {
		progress = false
		items = slices.DeleteFunc(items, func(it *stack.Item) bool {
			gone := e.inIt(o, it) && e.put(o, it, applier.Reverse)
			progress = progress || gone
			return gone
		})
	}
}

// layers returns those of the items that are in the tree, the lowest first.
func (e *Edits) layers(items []*stack.Item, states map[*stack.Item]stack.State) []*stack.Item {
	order := map[string]int{}
	for i, it := range e.question.Stack.Layers(slices.Sorted(maps.Keys(e.question.Before))...).Items {
		order[it.ID()] = i
	}
	in := slices.DeleteFunc(slices.Clone(items), func(it *stack.Item) bool {
		return states[it] != stack.Applied && states[it] != stack.AppliedUnder
	})
	slices.SortStableFunc(in, func(a, b *stack.Item) int { return order[a.ID()] - order[b.ID()] })
	return in
}

// lay puts items on the base. Those that have no place there lie on the edits, and are
// taken off the edited tree.
func (e *Edits) lay(base, edited *applier.Overlay, items []*stack.Item) error {
	for progress := true; progress; {
		progress = false
		items = slices.DeleteFunc(items, func(it *stack.Item) bool {
			ok := e.put(base, it, applier.Forward)
			if ok {
				e.On = append(e.On, it)
			}
			progress = progress || ok
			return ok
		})
	}
	for len(items) > 0 {
		n := len(items)
		for i, it := range slices.Backward(items) {
			if e.put(edited, it, applier.Reverse) {
				e.Above = append(e.Above, it)
				items = slices.Delete(items, i, i+1)
			}
		}
		if len(items) == n {
			return &BaseError{items[0]}
		}
	}
	slices.Reverse(e.Above)
	return nil
}

// findTorn finds patches that were applied before they were edited, or edited beside: with
// one of those on the base there is less to be edited than without it. The one that leaves
// least comes first, since another version of a patch explains a part of it, too.
func (e *Edits) findTorn(base, edited *applier.Overlay, items []*stack.Item, states map[*stack.Item]stack.State) {
	candidates := slices.DeleteFunc(slices.Clone(items), func(it *stack.Item) bool {
		return states[it] != stack.Unknown && states[it] != stack.Partial || hasID(e.question.Beside, it.ID())
	})
	for {
		var best *torn
		for _, it := range candidates {
			if t := e.explain(base, edited, it); t != nil && (best == nil || t.better(best)) {
				best = t
			}
		}
		if best == nil {
			break
		}
		base.Merge(best.with)
		e.On = append(e.On, best.item)
		if !best.whole {
			e.Torn = append(e.Torn, best.item)
		}
		candidates = slices.DeleteFunc(candidates, func(it *stack.Item) bool { return it == best.item })
	}
	for _, it := range candidates {
		if e.put(base.Fork(), it, applier.Forward) {
			e.Unsure = append(e.Unsure, it)
		}
	}
}

// A torn is a patch that may have been applied before the edits.
type torn struct {
	item *stack.Item
	with *applier.Overlay // the base with it
	over bool             // it is said to have been
	// explained is how many lines less are left to be edited, whole whether all of its own
	// lines are there.
	explained int
	whole     bool
}

func (t *torn) better(o *torn) bool {
	if t.over != o.over {
		return t.over
	}
	return t.explained > o.explained
}

// explain returns what an item would explain of the edits, nil if nothing.
func (e *Edits) explain(base, edited *applier.Overlay, it *stack.Item) *torn {
	t := &torn{item: it, with: base.Fork(), over: hasID(e.question.Over, it.ID())}
	if !e.put(t.with, it, applier.Forward) {
		return nil
	}
	paths := e.paths(it)
	without, left := cost(base, edited, paths), cost(t.with, edited, paths)
	t.explained = without - left
	if t.explained <= 0 && !t.over {
		return nil
	}
	t.whole = left+cost(base, t.with, paths) == without
	return t
}

// paths are those that an item's part touches.
func (e *Edits) paths(it *stack.Item) []string {
	var paths []string
	for _, d := range e.parts[it] {
		paths = append(paths, d.Paths()...)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// cost counts the lines that differ.
func cost(from, to *applier.Overlay, paths []string) int {
	n := 0
	for _, p := range paths {
		old, _ := from.ReadFile(p) // what cannot be read counts as not there
		now, _ := to.ReadFile(p)
		if old == nil && now == nil {
			continue
		}
		for line := range strings.Lines(applier.Unified([]applier.Change{{Path: p, Old: old, New: now}})) {
			if (line[0] == '+' || line[0] == '-') && !strings.HasPrefix(line, "+++ ") && !strings.HasPrefix(line, "--- ") {
				n++
			}
		}
	}
	return n
}

// read returns a file, nil if it is not there.
func read(o *applier.Overlay, p string) (*applier.File, error) {
	f, err := o.ReadFile(p)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, applier.ErrNotFolder) {
		return nil, nil
	}
	return f, err
}

// same reports whether two files are the same to a diff.
func same(a, b *applier.File) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bytes.Equal(a.Data, b.Data) && applier.GitMode(a.Mode) == applier.GitMode(b.Mode)
}

// changes returns what differs in the compared files.
func changes(from, to *applier.Overlay, compared Pristine) ([]applier.Change, error) {
	var list []applier.Change
	for _, p := range slices.Sorted(maps.Keys(compared)) {
		old, err := read(from, p)
		if err != nil {
			return nil, err
		}
		now, err := read(to, p)
		if err != nil {
			return nil, err
		}
		if same(old, now) {
			continue
		}
		for _, f := range []*applier.File{old, now} {
			switch {
			case f == nil:
			case f.Mode&fs.ModeSymlink != 0:
				return nil, &FileError{p, "a link, and a patch changes files alone; say which files are meant with PATHs"}
			case bytes.IndexByte(f.Data, 0) >= 0:
				return nil, &FileError{p, "not a file of text, which alone can be patched; say which files are meant with PATHs"}
			}
		}
		list = append(list, applier.Change{Path: p, Old: old, New: now})
	}
	return list, nil
}

// require finds out which of the patches beneath the edits need, by leaving out one after
// the other: without one that is not needed, the edits fit and so does it on top of them,
// and what comes out is the same.
func (e *Edits) require(ground, edited *applier.Overlay) {
	text := applier.Unified(e.Changes)
	if text == "" {
		return
	}
	diff, err := applier.Parse([]byte(text))
	if err != nil { // it is verified later, with the reason
		e.Require = slices.Clone(e.On)
		return
	}
	left := map[*stack.Item]bool{}
	works := func() bool {
		o := ground.Fork()
		for _, it := range e.On {
			if !left[it] && !e.put(o, it, applier.Forward) {
				return false
			}
		}
		if _, err := applier.Apply(o, diff, applier.Forward); err != nil {
			return false
		}
		for _, it := range e.On {
			if left[it] && !e.put(o, it, applier.Forward) {
				return false
			}
		}
		list, err := changes(o, edited, e.question.Before)
		return err == nil && len(list) == 0
	}
	for _, it := range slices.Backward(e.On) {
		left[it] = true
		if slices.Contains(e.Torn, it) || !works() {
			left[it] = false
		}
	}
	for _, it := range e.On {
		if !left[it] {
			e.Require = append(e.Require, it)
		}
	}
}

// Makes reports whether a diff makes just these changes, however it is written.
func Makes(d *applier.Diff, changes []applier.Change) bool {
	tree := applier.MapTree{}
	paths := map[string]bool{}
	for _, c := range changes {
		paths[c.Path] = true
		if c.Old != nil {
			tree[c.Path] = c.Old
		}
	}
	if slices.ContainsFunc(d.Paths(), func(p string) bool { return !paths[p] }) {
		return false
	}
	o := applier.NewOverlay(tree)
	if _, err := applier.Apply(o, d, applier.Forward); err != nil {
		return false
	}
	return !slices.ContainsFunc(changes, func(c applier.Change) bool {
		got, err := read(o, c.Path)
		return err != nil || !same(got, c.New)
	})
}

// Direct returns those of the ids that no other of them requires, itself or through others.
func Direct(s *stack.Stack, ids []string) []string {
	direct := slices.Clone(ids)
	for _, id := range ids {
		others := slices.DeleteFunc(slices.Clone(direct), func(other string) bool { return strings.EqualFold(other, id) })
		if len(others) < len(direct) && hasID(implied(s, others), id) {
			direct = others
		}
	}
	return direct
}

// implied returns the ids that those of a list require, themselves or through others.
func implied(s *stack.Stack, ids []string) []string {
	var list []string
	var visit func(id string)
	visit = func(id string) {
		it, err := s.Item(id)
		if err != nil {
			return
		}
		for _, need := range catalog.Require(it.Variants) {
			if !hasID(list, need) {
				list = append(list, need)
				visit(need)
			}
		}
	}
	for _, id := range ids {
		visit(id)
	}
	return list
}

func hasID(ids []string, id string) bool {
	return slices.ContainsFunc(ids, func(have string) bool { return strings.EqualFold(have, id) })
}

// A VerifyError is a diff that does not do what was edited.
type VerifyError struct{ Path, What string }

func (e *VerifyError) Error() string {
	return fmt.Sprintf("the diff does not %s %s as it should; this is a mistake of qpt, nothing was written", e.What, e.Path)
}

// Verify checks that diffs, with the paths of the installation, take the edits out of the
// tree and put them in again, byte for byte.
func (e *Edits) Verify(diffs []*applier.Diff) error {
	tree := e.question.Tree.Fork()
	for _, it := range slices.Backward(e.Above) {
		if !e.put(tree, it, applier.Reverse) {
			return &BaseError{it}
		}
	}
	for _, step := range []struct {
		dir  applier.Direction
		what string
		want func(c applier.Change) *applier.File
	}{
		{applier.Reverse, "take out", func(c applier.Change) *applier.File { return c.Old }},
		{applier.Forward, "make", func(c applier.Change) *applier.File { return c.New }},
	} {
		for _, d := range diffs {
			if _, err := applier.Apply(tree, d, step.dir); err != nil {
				return fmt.Errorf("the diff cannot be put in and taken out; nothing was written: %w", err)
			}
		}
		for _, c := range e.Changes {
			got, err := read(tree, c.Path)
			if err != nil {
				return err
			}
			if !same(got, step.want(c)) {
				return &VerifyError{c.Path, step.what}
			}
		}
	}
	return nil
}
