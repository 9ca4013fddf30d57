package stack

import "github.com/quality-patches/qpt/pkg/applier"

// Chain looks at items that go in one upon the other, in the order given, at each of
// their files by itself. Where a file was put back, as by reinstalling its package, this
// tells what is in the others, though no item can be taken out as a whole any more.
//
// For each item it returns what its files say: In for the first so many items of a file
// that can be taken out of it, Out if the others can be put in. Neither stands where no
// such number explains the file, or several do, and for files that are renamed or copied.
func (s *Stack) Chain(items []*Item) [][]FileState {
	type part struct {
		state *FileState
		diff  *applier.Diff
	}
	states := make([][]FileState, len(items))
	var paths []string
	byPath := map[string][]part{}
	moved := map[string]bool{}
	for i, it := range items {
		diffs := perFile(it.diffs)
		states[i] = make([]FileState, len(diffs))
		for j, d := range diffs {
			path := d.Entries[0].Path()
			states[i][j] = FileState{Path: path, Presence: Neither}
			if byPath[path] == nil {
				paths = append(paths, path)
			}
			byPath[path] = append(byPath[path], part{&states[i][j], d})
			for k := range d.Entries {
				if e := &d.Entries[k]; e.Old.Path != e.New.Path {
					moved[e.Old.Path], moved[e.New.Path] = true, true
				}
			}
		}
	}
	for _, path := range paths {
		if moved[path] {
			continue
		}
		parts := byPath[path]
		diffs := make([]*applier.Diff, len(parts))
		for i, p := range parts {
			diffs[i] = p.diff
		}
		there, ways := 0, 0
		for n := range len(parts) + 1 {
			if _, ok := applier.Fits(s.overlay, applier.Reverse, diffs[:n]...); !ok {
				continue
			}
			if _, ok := applier.Fits(s.overlay, applier.Forward, diffs[n:]...); ok {
				there, ways = n, ways+1
			}
		}
		if ways != 1 {
			continue
		}
		for i, p := range parts {
			p.state.Presence = Out
			if i < there {
				p.state.Presence = In
			}
		}
	}
	return states
}
