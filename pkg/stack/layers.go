package stack

import (
	"slices"

	"github.com/quality-patches/qpt/pkg/applier"
)

// Layers are the patches that are in a tree, one upon the other.
type Layers struct {
	// Base is the tree without them.
	Base *applier.Overlay
	// Items are in an order in which they can be put in, the lowest first.
	Items []*Item
}

// Layers takes all applied patches off in memory that touch one of the paths, or share
// files with one that does. Without paths it takes off all.
func (s *Stack) Layers(paths ...string) *Layers {
	items, _ := s.Items() // those with a broken diff cannot be in the tree
	if len(paths) > 0 {
		near := newNeighbours(items)
		var some []*Item
		for _, p := range paths {
			for _, it := range near.byPath[p] {
				some = append(some, append(near.of(it), it)...)
			}
		}
		slices.SortFunc(some, func(a, b *Item) int { return a.Order - b.Order })
		items = slices.Compact(some)
	}
	findings := s.Inspect(items)
	var applied []*Item
	for _, f := range findings {
		if f.State == Applied || f.State == AppliedUnder {
			applied = append(applied, f.Item)
		}
	}
	p := newPeeler(s.overlay, applied)
	p.run(nil)
	slices.Reverse(p.taken)
	return &Layers{Base: p.overlay, Items: p.taken}
}

// Put puts the next item on a tree of layers, and returns what it did to which file.
// Layers are put on in their order, beginning with the base.
func Put(o *applier.Overlay, it *Item) []applier.FileResult {
	files, _ := stage(o, it, applier.Forward)
	return files
}

// A BlameLine is a line of a file and the patch that put it there, nil for the release
// or an edit.
type BlameLine struct {
	Text string // without its line feed
	Item *Item
}

// Blame says for each line of a file which applied patch put it there. A line that two
// patches wrote belongs to the later one; what a patch shows as context only is not its
// own. The error is one of reading the file.
func (s *Stack) Blame(file string) ([]BlameLine, error) {
	if _, err := s.overlay.ReadFile(file); err != nil {
		return nil, err
	}
	layers := s.Layers(file)
	tree := layers.Base.Fork()
	owners := map[string][]*Item{}
	lines := func(path string) []*Item {
		if _, known := owners[path]; !known {
			if f, err := tree.ReadFile(path); err == nil {
				owners[path] = make([]*Item, len(f.Lines()))
			}
		}
		return owners[path]
	}
	for _, it := range layers.Items {
		for _, p := range it.Paths() {
			lines(p) // before they change
		}
		for i, r := range Put(tree, it) {
			from := r.Path
			if r.From != "" {
				from = r.From
			}
			now := slices.Clone(lines(from))
			if r.Op == applier.Create {
				now = nil
			}
			for j, h := range r.Hunks {
				read, err := it.entry(i).Hunks[j].Lines()
				if err != nil {
					return nil, err
				}
				now = own(now, h.Line-1, read, it)
			}
			if r.Op == applier.Rename || r.Op == applier.Delete {
				delete(owners, from)
			}
			if r.Op != applier.Delete {
				owners[r.Path] = now
			}
		}
	}
	f, err := tree.ReadFile(file)
	if err != nil {
		return nil, err
	}
	list := make([]BlameLine, 0, len(f.Lines()))
	by := lines(file)
	for i, text := range f.Lines() {
		list = append(list, BlameLine{Text: string(trimLF(text)), Item: by[i]})
	}
	return list, nil
}

func trimLF(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		return line[:n-1]
	}
	return line
}

// own gives the lines that a hunk adds at a 0-based line to an item.
func own(owners []*Item, at int, lines []applier.Line, it *Item) []*Item {
	for _, l := range lines {
		switch l.Op {
		case '+':
			owners = slices.Insert(owners, at, it)
			at++
		case '-':
			owners = slices.Delete(owners, at, at+1)
		default:
			at++
		}
	}
	return owners
}

// entry returns the n-th entry of an item's diffs.
func (it *Item) entry(n int) *applier.Entry {
	for _, d := range it.diffs {
		if n < len(d.Entries) {
			return &d.Entries[n]
		}
		n -= len(d.Entries)
	}
	return nil
}
