package own

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/project"
)

// A Content is what diffs change, whatever text stands around the changes, in whatever
// order the files come and in whichever layout their paths are.
type Content struct {
	paths string   // of the files, sorted
	sums  []string // of the changes of each file, sorted
}

// Equal reports whether both are the same changes.
func (c Content) Equal(other Content) bool {
	return c.paths == other.paths && slices.Equal(c.sums, other.sums)
}

// Sums returns a hash of the change of each file, sorted. They are not to be changed.
func (c Content) Sums() []string { return c.sums }

// ContentOf returns what diffs change together.
func ContentOf(diffs ...*applier.Diff) (Content, error) {
	c := Content{paths: pathsOf(diffs)}
	for _, d := range diffs {
		for i := range d.Entries {
			sum, err := sumOf(&d.Entries[i])
			if err != nil {
				return Content{}, err
			}
			c.sums = append(c.sums, sum)
		}
	}
	slices.Sort(c.sums)
	return c, nil
}

func pathsOf(diffs []*applier.Diff) string {
	var paths []string
	for _, d := range diffs {
		for i := range d.Entries {
			paths = append(paths, project.ToComposer(d.Entries[i].New.Path))
		}
	}
	slices.Sort(paths)
	return strings.Join(paths, "\x00")
}

// sumOf returns a hash of the change of a file.
func sumOf(e *applier.Entry) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%q %d %q %d %v\n", project.ToComposer(e.Old.Path), e.Old.Presence, project.ToComposer(e.New.Path), e.New.Presence, e.Copy)
	// A header states modes that do not change, too; a diff without headers does not.
	if e.Old.Mode != e.New.Mode && e.New.Mode != 0 && (e.Old.Mode != 0 || e.New.Mode != 0o644) {
		fmt.Fprintf(h, "mode %o\n", e.New.Mode)
	}
	for i := range e.Hunks {
		lines, err := e.Hunks[i].Lines()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "@@ %d %d\n", e.Hunks[i].OldStart, e.Hunks[i].NewStart)
		for _, l := range lines {
			fmt.Fprintf(h, "%c%d ", l.Op, len(l.Text))
			_, _ = h.Write(l.Text) // a hash takes all
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// An Index finds patches by what their diffs change.
type Index struct {
	byPaths map[string][]*candidate
}

// A candidate is a patch with diffs that change certain files. What they change there is
// looked at when somebody asks for the same files.
type candidate struct {
	patch   *catalog.Patch
	diffs   []*applier.Diff
	content *Content
}

func (c *candidate) is(other Content) bool {
	if c.content == nil {
		content, _ := ContentOf(c.diffs...) // what cannot be told apart equals nothing
		c.content = &content
	}
	return c.content.sums != nil && c.content.Equal(other)
}

// NewIndex reads every diff of the catalogues. Those that cannot be used are left out.
func NewIndex(catalogs ...*catalog.Catalog) *Index {
	var patches []*catalog.Patch
	for _, c := range catalogs {
		patches = append(patches, c.Patches...)
	}
	found := make([]map[string]*candidate, len(patches))
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				found[i] = candidates(patches[i])
			}
		})
	}
	for i := range patches {
		next <- i
	}
	close(next)
	wg.Wait()
	x := &Index{map[string][]*candidate{}}
	for _, list := range found {
		for _, c := range list {
			paths := pathsOf(c.diffs)
			x.byPaths[paths] = append(x.byPaths[paths], c)
		}
	}
	return x
}

// candidates returns the diffs of a patch, each for itself and those for one release
// together: an import may have cut one diff into several.
func candidates(p *catalog.Patch) map[string]*candidate {
	list := map[string]*candidate{}
	for i, v := range p.Variants {
		d, err := v.Diff()
		if err != nil {
			continue
		}
		list[fmt.Sprint(i)] = &candidate{patch: p, diffs: []*applier.Diff{d}}
		release := "for " + releaseOf(v)
		if list[release] == nil {
			list[release] = &candidate{patch: p}
		}
		list[release].diffs = append(list[release].diffs, d)
	}
	for key, c := range list {
		if strings.HasPrefix(key, "for ") && len(c.diffs) == 1 {
			delete(list, key) // it is there for itself
		}
	}
	return list
}

// releaseOf is what a variant states of Magento's release.
func releaseOf(v *catalog.Variant) string {
	if v.Base != nil {
		return v.Base.String()
	}
	return v.Constraint.String()
}

// Add takes a patch in whose diffs together change that.
func (x *Index) Add(content Content, p *catalog.Patch) {
	x.byPaths[content.paths] = append(x.byPaths[content.paths], &candidate{patch: p, content: &content})
}

// Find returns the patches that change the same, in the order of the catalogues.
func (x *Index) Find(content Content) []*catalog.Patch {
	var patches []*catalog.Patch
	for _, c := range x.byPaths[content.paths] {
		if !slices.Contains(patches, c.patch) && c.is(content) {
			patches = append(patches, c.patch)
		}
	}
	return patches
}
