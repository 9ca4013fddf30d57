package transaction

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"syscall"
	"testing"

	"github.com/quality-patches/qpt/pkg/applier"
	"pgregory.net/rapid"
)

// A spec says how to make a story.
type spec struct {
	olds    map[string]*applier.File
	owners  map[string]int
	changes []applier.Change
	noLinks bool
}

func (s *spec) story(t tester) *story {
	w := memWorld()
	w.mem.noLinks, w.linked = s.noLinks, !s.noLinks
	for _, name := range slices.Sorted(maps.Keys(s.olds)) {
		w.putAs(t, name, s.olds[name], s.owners[name], s.owners[name])
	}
	return w.story(t, s.changes, nil)
}

func drawFile(t *rapid.T) *applier.File {
	if rapid.IntRange(0, 7).Draw(t, "kind") == 0 {
		return link(rapid.SampledFrom([]string{"x", "y", "a/x", "./nowhere"}).Draw(t, "link"))
	}
	return text(rapid.SampledFrom([]string{"", "one", "two\n", "three\nlines\nlong\n"}).Draw(t, "text"),
		rapid.SampledFrom([]fs.FileMode{0o644, 0o600, 0o755, 0o444, 0o664}).Draw(t, "mode"))
}

func drawSpec(t *rapid.T) *spec {
	s := &spec{olds: map[string]*applier.File{}, owners: map[string]int{}, noLinks: rapid.IntRange(0, 3).Draw(t, "no links") == 0}
	dirs := []string{".", "a", "a/b", "a/b/c", "d", "d/e/f"}
	draw := func(label string) string {
		return path.Join(rapid.SampledFrom(dirs).Draw(t, label), rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, label))
	}
	for range rapid.IntRange(0, 8).Draw(t, "files") {
		name := draw("file")
		s.olds[name] = drawFile(t)
		if rapid.IntRange(0, 3).Draw(t, "owner") == 0 && s.olds[name].Mode.IsRegular() {
			s.owners[name] = 33
		}
	}
	news := map[string]*applier.File{}
	for range rapid.IntRange(1, 6).Draw(t, "changes") {
		name := draw("change")
		if rapid.IntRange(0, 2).Draw(t, "delete") == 0 {
			news[name] = nil
		} else {
			news[name] = drawFile(t)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(news)) {
		if s.olds[name] != nil || news[name] != nil {
			s.changes = append(s.changes, applier.Change{Path: name, Old: s.olds[name], New: news[name]})
		}
	}
	return s
}

// TestGenerated runs generated transactions into generated trouble.
func TestGenerated(t *testing.T) {
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		s := drawSpec(t)
		clean := &fault{}
		s.story(t).runFault(t, clean)
		op := rapid.IntRange(1, clean.ops+1)
		seed := rapid.Uint64()
		for range 30 {
			runs++
			story := s.story(t)
			switch kind := rapid.IntRange(0, 4).Draw(t, "trouble"); kind {
			case 0:
				err := rapid.SampledFrom([]error{syscall.EIO, syscall.ENOSPC, syscall.EPERM, syscall.EROFS}).Draw(t, "error")
				story.runFault(t, &fault{fails: map[int]error{op.Draw(t, "op"): err}})
			case 1: // so many that undoing may fail as well
				fails := map[int]error{}
				first := op.Draw(t, "op")
				for range rapid.IntRange(2, 5).Draw(t, "faults") {
					fails[first] = syscall.EIO
					first += rapid.IntRange(1, 20).Draw(t, "distance")
				}
				story.runFault(t, &fault{fails: fails})
			default:
				f := &fault{crash: op.Draw(t, "op"), half: rapid.Bool().Draw(t, "half")}
				var rng *rand.Rand
				if kind > 2 {
					rng = rand.New(rand.NewPCG(seed.Draw(t, "seed"), 0))
				}
				again := rapid.SliceOfN(rapid.IntRange(1, 80), 0, 3).Draw(t, "again")
				mode := rapid.SampledFrom([]Mode{Auto, Auto, Undo, Finish}).Draw(t, "mode")
				if rapid.IntRange(0, 3).Draw(t, "fault too") == 0 {
					f.fails = map[int]error{op.Draw(t, "op"): syscall.EIO}
				}
				story.runCrash(t, f, rng, mode, again...)
			}
		}
	})
	t.Logf("%d transactions", runs)
}
