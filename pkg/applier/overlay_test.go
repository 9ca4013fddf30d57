package applier

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// Every file of a tree is read once, however many overlays ask.
func TestOverlayReadsOnce(t *testing.T) {
	c := counting{MapTree{"f": {Data: []byte("a\n"), Mode: 0o644}}, map[string]int{}}
	o := NewOverlay(c)
	for range 3 {
		fork := o.Fork()
		_, _ = fork.ReadFile("f")
		_, _ = fork.ReadFile("missing")
	}
	if c.reads["f"] != 1 || c.reads["missing"] != 1 {
		t.Errorf("read %v", c.reads)
	}
}

type counting struct {
	MapTree
	reads map[string]int
}

func (c counting) ReadFile(name string) (*File, error) {
	c.reads[name]++
	return c.MapTree.ReadFile(name)
}

// An overlay shows what is staged, also where it makes folders and takes files' places.
func TestOverlayStaged(t *testing.T) {
	o := NewOverlay(MapTree{"f": {Data: []byte("a"), Mode: 0o644}, "d/x": {Data: []byte("x"), Mode: 0o644}})
	o.Write("new/file", &File{Mode: 0o644})
	o.Remove("f")
	fork := o.Fork()
	for name, want := range map[string]error{
		"f": fs.ErrNotExist, "new/file": nil, "new": ErrNotFile, "new/file/x": ErrNotFolder,
		"d": ErrNotFile, "d/x": nil, "d/x/y": ErrNotFolder, "e": fs.ErrNotExist,
	} {
		if _, err := fork.ReadFile(name); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
	fork.Write("f", &File{Data: []byte("a"), Mode: 0o644})
	fork.Remove("d/x")
	o.Merge(fork)
	changes, err := o.Changes()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		got = append(got, c.Path)
	}
	if len(got) != 2 || got[0] != "d/x" || got[1] != "new/file" {
		t.Errorf("changes of %q, want d/x and new/file: f is as it was", got)
	}
}

// What is staged reads like a tree of its own, whatever was staged in its place before.
func TestOverlayIsTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([]string{"a", "a/b", "a/b/c", "a/c", "b", "b/c/d"})
		o, want := NewOverlay(MapTree{}), MapTree{}
		for range rapid.IntRange(0, 12).Draw(t, "times") {
			target := o
			forked := rapid.Bool().Draw(t, "forked")
			if forked {
				target = o.Fork()
			}
			for range rapid.IntRange(1, 3).Draw(t, "changes") {
				name := names.Draw(t, "name")
				if _, err := want.ReadFile(name); errors.Is(err, ErrNotFile) || errors.Is(err, ErrNotFolder) {
					continue // nothing is staged over a folder or below a file
				}
				if want[name] != nil && rapid.Bool().Draw(t, "remove") {
					target.Remove(name)
					delete(want, name)
				} else {
					f := &File{Mode: 0o644}
					target.Write(name, f)
					want[name] = f
				}
			}
			if forked {
				o.Merge(target)
			}
		}
		for _, name := range []string{"a", "a/b", "a/b/c", "a/c", "b", "b/c", "b/c/d", "c"} {
			got, err := o.ReadFile(name)
			expected, expectedErr := want.ReadFile(name)
			if got != expected || fmt.Sprint(err) != fmt.Sprint(expectedErr) {
				t.Fatalf("%s: got %v, %v; want %v, %v", name, got, err, expected, expectedErr)
			}
		}
	})
}

func BenchmarkStaged(b *testing.B) {
	for _, n := range []int{1000, 10000, 100000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				o := NewOverlay(MapTree{})
				for i := range n {
					name := fmt.Sprintf("folder%d/file%d", i%100, i)
					if _, err := o.ReadFile(name); err == nil {
						b.Fatal("there is nothing to read")
					}
					o.Write(name, &File{})
				}
			}
		})
	}
}
