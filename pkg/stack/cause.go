package stack

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
)

// Causes says for each refusal of an item, in a phrase, what is behind it: an applied
// patch, a package that is not installed, or a file that is in none of the states that
// the catalogue knows; "" if nothing can be said. Above names the applied patches that
// are in the way, if that is known.
func (s *Stack) Causes(it *Item, refusals []applier.Refusal, above []string) []string {
	causes := make([]string, len(refusals))
	for i, r := range refusals {
		causes[i] = s.cause(s.overlay, it, r, above)
	}
	return causes
}

func (s *Stack) cause(o *applier.Overlay, it *Item, r applier.Refusal, above []string) string {
	if ids := s.touching(r.Path, above); len(ids) > 0 {
		return strings.Join(ids, " and ") + " changed this file"
	}
	switch r.Reason {
	case applier.Missing:
		if pkg, ok := packageOf(r.Path); ok && len(s.Packages.Named(pkg)) == 0 {
			return fmt.Sprintf("package %s is not installed: it was removed, or another one replaces it", pkg)
		}
	case applier.HunkMismatch, applier.Exists, applier.Remains:
		return s.stateOf(o, it, r.Path)
	}
	return ""
}

// touching returns those of the ids whose patch touches a path.
func (s *Stack) touching(path string, ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		it, err := s.Item(id)
		return err != nil || !slices.Contains(it.Paths(), path)
	})
}

// packageOf returns the package that a file below vendor belongs to.
func packageOf(file string) (name string, ok bool) {
	parts := strings.Split(file, "/")
	if len(parts) < 4 || parts[0] != "vendor" {
		return "", false
	}
	return parts[1] + "/" + parts[2], true
}

// stateOf says what is known about the content of a file, without the patches that are
// applied: git's headers name the content before and after each diff.
func (s *Stack) stateOf(o *applier.Overlay, it *Item, file string) string {
	known := s.knownStates(it, file)
	if len(known) == 0 {
		return ""
	}
	items, _ := s.Items()
	peeled := newPeeler(o, slices.DeleteFunc(items, func(x *Item) bool { return !slices.Contains(x.Paths(), file) }))
	peeled.run(nil)
	content, err := peeled.overlay.ReadFile(file)
	if err != nil {
		return ""
	}
	in := func(f *applier.File) string {
		blob := f.Blob()
		for _, k := range known {
			if strings.HasPrefix(blob, k.blob) {
				return "the file is as the catalogue knows it " + k.where
			}
		}
		return ""
	}
	if text := in(content); text != "" {
		return text + ", and this diff was made for another state"
	}
	if lf := bytes.ReplaceAll(content.Data, []byte("\r\n"), []byte("\n")); len(lf) < len(content.Data) {
		if text := in(&applier.File{Data: lf}); text != "" {
			return text + ", but its lines end with CRLF; make that LF"
		}
	}
	return "the file differs from every state that the catalogue knows: it was edited here, or belongs to another release"
}

// A knownState is a content of a file that some diff names.
type knownState struct{ blob, where string }

// knownStates gathers what all diffs of the catalogue, and the item itself, say about
// the content of a file.
func (s *Stack) knownStates(it *Item, file string) []knownState {
	patches := s.Catalog.Patches
	if !slices.Contains(patches, it.Patch) {
		patches = append(slices.Clone(patches), it.Patch)
	}
	base := []byte(path.Base(file))
	lists := make([][]knownState, len(patches))
	parallel(len(patches), func(i int) {
		for _, v := range patches[i].Variants {
			if text, err := v.Text(); err == nil && bytes.Contains(text, base) {
				lists[i] = append(lists[i], s.statesIn(patches[i], v, file)...)
			}
		}
	})
	return slices.Concat(lists...)
}

func (s *Stack) statesIn(p *catalog.Patch, v *catalog.Variant, file string) []knownState {
	d, err := v.Diff()
	if err != nil {
		return nil
	}
	if s.locate != nil {
		d = d.Relocate(s.locate)
	}
	which := p.ID
	if v.Package != "" {
		which += fmt.Sprintf(" for %s %s", v.Package, v.Constraint)
	}
	var states []knownState
	for _, e := range d.Entries {
		for _, side := range []struct {
			applier.Side
			when string
		}{{e.Old, "before "}, {e.New, "after "}} {
			if side.Path == file && side.Blob != "" && side.Presence != applier.Absent {
				states = append(states, knownState{side.Blob, side.when + which})
			}
		}
	}
	return states
}
