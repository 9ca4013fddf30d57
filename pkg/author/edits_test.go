package author

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/stack"
)

// A shop is a tree with patches of a catalogue in it, and edits upon them.
type shop struct {
	pristine, patched, edited applier.MapTree
	files                     fstest.MapFS
	applied                   []string
}

const entry = `%q: {"title": "t", "packages": {"a/b": {"*": {"file": "%s.patch"}}}}`

// randomShop has patches, some of them applied one upon the other, and edits.
func randomShop(r *rand.Rand) *shop {
	s := &shop{pristine: applier.MapTree{}, files: fstest.MapFS{}}
	for i := range 3 {
		s.pristine[fmt.Sprintf("f%d", i)] = text(r, 30+r.IntN(30))
	}
	s.patched = s.pristine
	var entries []string
	for i := range 1 + r.IntN(4) {
		id := fmt.Sprintf("P-%d", i)
		next := applier.MapTree{}
		for name, f := range s.patched {
			next[name] = f
			if r.IntN(3) > 0 {
				next[name] = edit(r, f, id)
			}
		}
		diff := applier.Unified(difference(s.patched, next))
		if diff == "" {
			continue
		}
		s.files["patches/"+id+".patch"] = &fstest.MapFile{Data: []byte(diff)}
		entries = append(entries, fmt.Sprintf(entry, id, id))
		if r.IntN(4) > 0 {
			s.patched = next
			s.applied = append(s.applied, id)
		}
	}
	s.files["support-patches.json"] = &fstest.MapFile{Data: []byte("{" + strings.Join(entries, ",\n") + "}")}
	s.edited = applier.MapTree{}
	for name, f := range s.patched {
		s.edited[name] = f
		if r.IntN(2) > 0 {
			s.edited[name] = edit(r, f, "edit")
		}
	}
	if r.IntN(3) == 0 {
		s.edited["new"] = text(r, 3)
	}
	return s
}

func text(r *rand.Rand, n int) *applier.File {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "line %d %d\n", i, r.IntN(3))
	}
	return &applier.File{Data: b.Bytes(), Mode: 0o644}
}

// edit changes a place or two.
func edit(r *rand.Rand, f *applier.File, by string) *applier.File {
	lines := slices.Clone(f.Lines())
	for range 1 + r.IntN(2) {
		at := r.IntN(len(lines))
		line := fmt.Appendf(nil, "%s %d\n", by, r.IntN(1000))
		switch r.IntN(3) {
		case 0:
			lines = slices.Insert(lines, at, line, fmt.Appendf(nil, "%s, too\n", by))
		case 1:
			lines[at] = line
		default:
			lines = slices.Delete(lines, at, at+1)
		}
	}
	return &applier.File{Data: bytes.Join(lines, nil), Mode: f.Mode}
}

func difference(from, to applier.MapTree) []applier.Change {
	o := applier.NewOverlay(from)
	for name, f := range to {
		o.Write(name, f)
	}
	changes, err := o.Changes()
	if err != nil {
		panic(err)
	}
	return changes
}

func (s *shop) question(catalogue fstest.MapFS) *Question {
	v, err := compat.ParseVersion("1.0")
	if err != nil {
		panic(err)
	}
	tree := applier.NewOverlay(s.edited)
	packages := project.NewPackages([]project.Package{{Name: "a/b", Version: v}})
	q := &Question{
		Stack: stack.New(catalog.Load([]catalog.Source{{Name: "test", FS: catalogue}}), packages, tree, nil),
		Tree:  tree, Before: Pristine{}, Locate: func(p string) string { return p },
	}
	for _, c := range difference(s.pristine, s.edited) {
		q.Before[c.Path] = c.Old
	}
	return q
}

// The edits are told from the patches: with what they require they make the edited tree of
// the pristine one, and taken out of the edited tree they leave the patches. Where the
// patches are whole, nothing but the edits is in the diff.
func TestSeparate(t *testing.T) {
	n := 400
	if testing.Short() {
		n = 60
	}
	kinds := map[string]int{}
	for seed := range n {
		s := randomShop(rand.New(rand.NewPCG(uint64(seed), 3)))
		q := s.question(s.files)
		e, err := Separate(q)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if len(e.Changes) == 0 {
			kinds["nothing"]++
			continue
		}
		text := []byte(applier.Unified(e.Changes))
		diff, err := applier.Parse(text)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := e.Verify([]*applier.Diff{diff}); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		// Pristine, what is required, the edits, and all other patches: the tree as it is.
		if len(e.Above) == 0 {
			o := applier.NewOverlay(s.pristine)
			required := map[string]bool{}
			for _, it := range e.Require {
				required[it.ID()] = true
				if !e.put(o, it, applier.Forward) {
					t.Fatalf("seed %d: %s does not fit on the pristine tree", seed, it.ID())
				}
			}
			if _, err := applier.Apply(o, diff, applier.Forward); err != nil {
				t.Fatalf("seed %d: with %v: %v\n%s", seed, e.Require, err, text)
			}
			for _, it := range e.laid {
				if !required[it.ID()] && !e.put(o, it, applier.Forward) {
					t.Fatalf("seed %d: %s does not fit on top", seed, it.ID())
				}
			}
			for _, c := range e.Changes {
				if got, _ := read(o, c.Path); !same(got, c.New) {
					t.Fatalf("seed %d: %s is another", seed, c.Path)
				}
			}
		}
		switch {
		case len(e.Torn) > 0:
			kinds["torn"]++
		case len(e.Require) > 0:
			kinds["required"]++
		default:
			kinds["free"]++
		}
		whole := len(e.Torn) == 0 && len(e.Unsure) == 0
		if want := applier.Unified(difference(s.patched, s.edited)); whole && len(e.On) > 0 && allOf(s.applied, e) && string(text) != want {
			t.Fatalf("seed %d: the diff is\n%s\nwant\n%s", seed, text, want)
		}
		// As an entry of the catalogue the patch is applied.
		files := fstest.MapFS{}
		for name, f := range s.files {
			files[name] = f
		}
		files["patches/NEW.patch"] = &fstest.MapFile{Data: text}
		list := strings.TrimSuffix(string(s.files["support-patches.json"].Data), "}")
		files["support-patches.json"] = &fstest.MapFile{Data: []byte(strings.Replace(list+",\n"+fmt.Sprintf(entry, "NEW", "NEW")+"}", "{,", "{", 1))}
		after := s.question(files)
		it, err := after.Stack.Item("NEW")
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		items, _ := after.Stack.Items()
		for _, f := range after.Stack.Inspect(items) {
			if f.Item.ID() == it.ID() && !f.State.In() {
				t.Fatalf("seed %d: it is %s\n%s", seed, f.State, text)
			}
		}
	}
	t.Log(kinds)
	for _, kind := range []string{"torn", "required", "free"} {
		if kinds[kind] < n/50 {
			t.Errorf("only %d of %d cases are %s", kinds[kind], n, kind)
		}
	}
}

// allOf reports whether the applied patches were found and no others, whose changes the edits
// happen to make; as far as they share files with the edits.
func allOf(applied []string, e *Edits) bool {
	for _, id := range applied {
		it, err := e.question.Stack.Item(id)
		if err != nil {
			return false
		}
		shares := slices.ContainsFunc(e.Changes, func(c applier.Change) bool { return slices.Contains(it.Paths(), c.Path) })
		if shares && !slices.ContainsFunc(e.On, func(on *stack.Item) bool { return on.ID() == id }) {
			return false
		}
	}
	return !slices.ContainsFunc(e.On, func(on *stack.Item) bool { return !slices.Contains(applied, on.ID()) })
}
