package own

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/project"
)

// A Content is what diffs change: a hash for each file, whatever text stands around the
// changes, in whatever order the files come and in whichever layout their paths are.
type Content []string

// ContentOf returns what a diff changes.
func ContentOf(d *applier.Diff) (Content, error) {
	c := make(Content, 0, len(d.Entries))
	for i := range d.Entries {
		e := &d.Entries[i]
		h := sha256.New()
		fmt.Fprintf(h, "%q %d %q %d %v\n", project.ToComposer(e.Old.Path), e.Old.Presence, project.ToComposer(e.New.Path), e.New.Presence, e.Copy)
		// A header states modes that do not change, too; a diff without headers does not.
		if e.Old.Mode != e.New.Mode && e.New.Mode != 0 && (e.Old.Mode != 0 || e.New.Mode != 0o644) {
			fmt.Fprintf(h, "mode %o\n", e.New.Mode)
		}
		for j := range e.Hunks {
			lines, err := e.Hunks[j].Lines()
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(h, "@@ %d %d\n", e.Hunks[j].OldStart, e.Hunks[j].NewStart)
			for _, l := range lines {
				fmt.Fprintf(h, "%c%d ", l.Op, len(l.Text))
				_, _ = h.Write(l.Text) // a hash takes all
			}
		}
		c = append(c, hex.EncodeToString(h.Sum(nil)))
	}
	slices.Sort(c)
	return c, nil
}

// key tells contents apart.
func (c Content) key() string {
	h := sha256.New()
	_, _ = io.WriteString(h, strings.Join(c, "\n")) // a hash takes all
	return string(h.Sum(nil))
}

// An Index finds patches by what their diffs change.
type Index struct {
	byContent map[string][]*catalog.Patch
}

// NewIndex reads every diff of the catalogues. Those that cannot be used are left out.
func NewIndex(catalogs ...*catalog.Catalog) *Index {
	var patches []*catalog.Patch
	for _, c := range catalogs {
		patches = append(patches, c.Patches...)
	}
	keys := make([][]string, len(patches))
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				keys[i] = contents(patches[i])
			}
		})
	}
	for i := range patches {
		next <- i
	}
	close(next)
	wg.Wait()
	x := &Index{map[string][]*catalog.Patch{}}
	for i, p := range patches {
		for _, k := range keys[i] {
			x.byContent[k] = append(x.byContent[k], p)
		}
	}
	return x
}

// contents returns the keys of what the diffs of a patch change, each for itself and
// those for one release together: an import may have cut one diff into several.
func contents(p *catalog.Patch) []string {
	var keys []string
	together := map[string]Content{}
	for _, v := range p.Variants {
		d, err := v.Diff()
		if err != nil {
			continue
		}
		c, err := ContentOf(d)
		if err != nil {
			continue
		}
		keys = append(keys, c.key())
		r := releaseOf(v.Constraint.String(), v)
		together[r] = append(together[r], c...)
	}
	for _, c := range together {
		slices.Sort(c)
		keys = append(keys, c.key())
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// releaseOf is what a variant states of Magento's release.
func releaseOf(constraint string, v *catalog.Variant) string {
	if v.Base != nil {
		return v.Base.String()
	}
	return constraint
}

// Add takes a patch in whose diffs together change that.
func (x *Index) Add(c Content, p *catalog.Patch) {
	x.byContent[c.key()] = append(x.byContent[c.key()], p)
}

// Find returns the patches that change the same.
func (x *Index) Find(c Content) []*catalog.Patch { return x.byContent[c.key()] }
