package applier

import (
	"errors"
	"io/fs"
	"testing"
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
