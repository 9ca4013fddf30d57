package stack_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aymanbagabas/go-udiff"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/stack"
)

// A tree is files by name.
type tree map[string]string

// with returns the tree with one line of a file replaced, "" to delete the file.
func (t tree) with(name, text string) tree {
	t = maps.Clone(t)
	if text == "" {
		delete(t, name)
	} else {
		t[name] = text
	}
	return t
}

func (t tree) mapTree() applier.MapTree {
	m := applier.MapTree{}
	for name, text := range t {
		m[name] = &applier.File{Data: []byte(text), Mode: 0o644}
	}
	return m
}

// diff returns what makes after of before.
func diff(before, after tree) string {
	var b strings.Builder
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		old, oldOK := before[name]
		text, newOK := after[name]
		oldName, newName := "a/"+name, "b/"+name
		if !oldOK {
			oldName = "/dev/null"
		}
		if !newOK {
			newName = "/dev/null"
		}
		b.WriteString(udiff.Unified(oldName, newName, old, text))
	}
	return b.String()
}

// lines is a file of n lines that all differ; insert puts lines behind one of them.
func lines(n int, insert map[int]string) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "line %d\n", i)
		b.WriteString(insert[i])
	}
	return b.String()
}

// A spec is a patch of a test's catalogue.
type spec struct {
	id, diff     string
	require      []string
	replacedWith string
	pkg          string // magento/magento2-base if empty
	constraint   string // 2.4.6 if empty
}

// load makes a catalogue of specs; specs with the same id are variants of one patch.
func load(t testing.TB, specs ...spec) *catalog.Catalog {
	t.Helper()
	files := fstest.MapFS{}
	var src strings.Builder
	src.WriteString("{")
	for i, s := range specs {
		if s.pkg == "" {
			s.pkg = "magento/magento2-base"
		}
		if s.constraint == "" {
			s.constraint = "2.4.6"
		}
		file := fmt.Sprintf("%d.patch", i)
		files["patches/"+file] = &fstest.MapFile{Data: []byte(s.diff)}
		variant := map[string]any{"file": file}
		if s.require != nil {
			variant["require"] = s.require
		}
		if s.replacedWith != "" {
			variant["replaced-with"] = s.replacedWith
		}
		text, err := json.Marshal(map[string]any{"title": s.id, "packages": map[string]any{s.pkg: map[string]any{s.constraint: variant}}})
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			src.WriteString(",")
		}
		fmt.Fprintf(&src, "%q: %s", s.id, text)
	}
	src.WriteString("}")
	files["support-patches.json"] = &fstest.MapFile{Data: []byte(src.String())}
	return catalog.Load([]catalog.Source{{Name: "test", FS: files}})
}

// packages are those of the installation that tests are about.
func packages(t testing.TB, list ...string) project.Packages {
	t.Helper()
	var entries []project.Package
	for _, item := range append([]string{"magento/magento2-base 2.4.6"}, list...) {
		name, version, _ := strings.Cut(item, " ")
		v, err := compat.ParseVersion(version)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, project.Package{Name: name, Version: v})
	}
	return project.NewPackages(entries)
}

// newStack returns the stack of a tree and a catalogue of specs.
func newStack(t testing.TB, files tree, specs ...spec) *stack.Stack {
	t.Helper()
	return stack.New(load(t, specs...), packages(t), applier.NewOverlay(files.mapTree()), nil)
}

func items(t testing.TB, s *stack.Stack, ids ...string) []*stack.Item {
	t.Helper()
	var list []*stack.Item
	for _, id := range ids {
		it, err := s.Item(id)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, it)
	}
	return list
}

// states inspects all items and writes each finding as "ID: state".
func states(t testing.TB, s *stack.Stack) []string {
	t.Helper()
	all, diagnostics := s.Items()
	if len(diagnostics) > 0 {
		t.Fatalf("diagnostics %q", diagnostics)
	}
	return findings(s.Inspect(all))
}

func findings(list []stack.Finding) []string {
	texts := []string{}
	for _, f := range list {
		text := f.Item.ID() + ": " + string(f.State)
		if f.Ambiguous {
			text += ", ambiguous"
		}
		if len(f.Under) > 0 {
			text += " " + strings.Join(f.Under, " ")
		}
		texts = append(texts, text)
	}
	return texts
}

// steps writes a plan's steps as "+ID" and "-ID", with the reason if there is one.
func steps(p *stack.Plan) []string {
	list := []string{}
	for _, s := range p.Steps {
		text := "+"
		if s.Dir == applier.Reverse {
			text = "-"
		}
		text += s.Item.ID()
		if s.Because != "" {
			text += " (" + s.Because + ")"
		}
		list = append(list, text)
	}
	return list
}

// result is the tree as a plan would leave it.
func result(t testing.TB, before tree, p *stack.Plan) tree {
	t.Helper()
	changes, err := p.Overlay.Changes()
	if err != nil {
		t.Fatal(err)
	}
	after := maps.Clone(before)
	for _, c := range changes {
		if c.New == nil {
			delete(after, c.Path)
		} else {
			after[c.Path] = string(c.New.Data)
		}
	}
	return after
}

// catalogOf loads a support-patches.json whose diffs are 0.patch, 1.patch and so on.
func catalogOf(t testing.TB, src string, diffs ...string) *catalog.Catalog {
	t.Helper()
	files := fstest.MapFS{"support-patches.json": {Data: []byte(src)}}
	for i, d := range diffs {
		files[fmt.Sprintf("patches/%d.patch", i)] = &fstest.MapFile{Data: []byte(d)}
	}
	return catalog.Load([]catalog.Source{{Name: "test", FS: files}})
}
