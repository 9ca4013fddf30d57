// Package stack works out which patches are in a tree and what a request needs:
// it brings the catalogue, the installed packages and the overlay together.
package stack

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/project"
)

// A State says how a patch and a tree stand to each other.
type State string

// The states of an eligible patch.
const (
	Applied      State = "applied"       // all of it is in the tree, and it could be taken out
	AppliedUnder State = "applied under" // all of it is in the tree, under patches that lie on it
	Included     State = "included"      // all of it is in the tree because another patch brought it
	NotApplied   State = "not applied"   // none of it is, and it would fit
	Blocked      State = "blocked"       // none of it is, and it would fit but for applied patches
	Partial      State = "partial"       // some files or hunks are there, the others would fit
	Unknown      State = "unknown"       // it can neither be put in nor taken out
)

// States returns the states in the order in which they are listed above.
func States() []State {
	return []State{Applied, AppliedUnder, Included, NotApplied, Blocked, Partial, Unknown}
}

// In reports whether all of a patch in this state is in the tree.
func (s State) In() bool { return s == Applied || s == AppliedUnder || s == Included }

// An Item is an eligible patch: the variants that fit the installation.
type Item struct {
	Patch    *catalog.Patch
	Variants []*catalog.Variant
	// Order is the item's place in the catalogue.
	Order int

	diffs []*applier.Diff
	paths []string
}

// ID returns the id of the item's patch.
func (it *Item) ID() string { return it.Patch.ID }

// Paths returns every path that the item touches, sorted. It is not to be changed.
func (it *Item) Paths() []string { return it.paths }

// A Stack knows the eligible patches of one installation. It reads the tree only
// through its overlay.
type Stack struct {
	Catalog  *catalog.Catalog
	Packages project.Packages
	// Restack lets plans lift patches that lie above another one, and put them back.
	Restack bool

	overlay *applier.Overlay
	locate  func(path string) string
	// By the id in lower case, the patches that require it or name it as their
	// successor, in the order of the catalogue.
	dependants, replaced map[string][]*catalog.Patch
}

// New returns the stack of an installation. Locate maps a path that a diff names to
// where it lies in the tree; nil leaves paths as they are.
func New(c *catalog.Catalog, packages project.Packages, o *applier.Overlay, locate func(string) string) *Stack {
	s := &Stack{
		Catalog: c, Packages: packages, overlay: o, locate: locate,
		dependants: map[string][]*catalog.Patch{}, replaced: map[string][]*catalog.Patch{},
	}
	for _, p := range c.Patches {
		for _, id := range catalog.Require(p.Variants) {
			s.dependants[lower(id)] = append(s.dependants[lower(id)], p)
		}
		for _, v := range p.Variants {
			id := lower(v.ReplacedWith)
			if id != "" && !slices.Contains(s.replaced[id], p) {
				s.replaced[id] = append(s.replaced[id], p)
			}
		}
	}
	return s
}

// lower is how ids are compared.
func lower(id string) string { return strings.ToLower(id) }

// Eligible returns the variants of a patch whose package is installed in a version
// that their constraint allows.
func Eligible(packages project.Packages, p *catalog.Patch) []*catalog.Variant {
	var eligible []*catalog.Variant
	for _, v := range p.Variants {
		if fits(packages, v) {
			eligible = append(eligible, v)
		}
	}
	return eligible
}

func fits(packages project.Packages, v *catalog.Variant) bool {
	if v.Package == "" {
		return true
	}
	_, ok := packages.Find(v.Package, v.Constraint)
	return ok && fitsBase(packages, v)
}

func fitsBase(packages project.Packages, v *catalog.Variant) bool {
	if v.Base == nil {
		return true
	}
	_, ok := packages.Find(catalog.BasePackage, *v.Base)
	return ok
}

// predecessors returns the patches that name one as their successor, then those that name
// these, and so on. A patch that is not for this installation leads on to what it replaces.
func (s *Stack) predecessors(p *catalog.Patch) []*catalog.Patch {
	list := []*catalog.Patch{p}
	for i := 0; i < len(list); i++ {
		for _, old := range s.replaced[lower(list[i].ID)] {
			variants := Eligible(s.Packages, old)
			if len(variants) == 0 {
				variants = old.Variants
			}
			if !slices.Contains(list, old) && strings.EqualFold(catalog.ReplacedWith(variants), list[i].ID) {
				list = append(list, old)
			}
		}
	}
	return list[1:]
}

// An Exclusion says why a variant is not eligible.
type Exclusion struct {
	Variant *catalog.Variant
	// Package is the variant's, or the base package if only that is in the way.
	Package    string
	Constraint compat.Constraint
	// Installed is false when the package is not there at all.
	Installed bool
	// Version is the installed one, and Verdict what the constraint says to it.
	Version compat.Version
	Verdict compat.Verdict
}

// String says it in a phrase.
func (e Exclusion) String() string {
	if !e.Installed {
		return fmt.Sprintf("%s is not installed", e.Package)
	}
	return fmt.Sprintf("%s %s", e.Package, e.Verdict)
}

// Exclusions explains every variant of a patch that is not eligible.
func Exclusions(packages project.Packages, p *catalog.Patch) []Exclusion {
	var list []Exclusion
	for _, v := range p.Variants {
		if fits(packages, v) {
			continue
		}
		e := Exclusion{Variant: v, Package: v.Package, Constraint: v.Constraint}
		if _, ok := packages.Find(v.Package, v.Constraint); ok {
			e.Package, e.Constraint = catalog.BasePackage, *v.Base
		}
		if named := packages.Named(e.Package); len(named) > 0 {
			e.Installed = true
			e.Version = named[0].Version
			e.Verdict = e.Constraint.Explain(e.Version)
		}
		list = append(list, e)
	}
	return list
}

// Item returns the eligible patch of an id. The error is an [*UnknownError], a
// [*NotEligibleError], or a [*catalog.DiffError] for a diff that cannot be used.
func (s *Stack) Item(id string) (*Item, error) {
	p, ok := s.Catalog.Patch(id)
	if !ok {
		return nil, &UnknownError{ID: id, LeftOut: s.Catalog.LeftOut(id)}
	}
	return s.item(p)
}

func (s *Stack) item(p *catalog.Patch) (*Item, error) {
	it := &Item{Patch: p, Variants: Eligible(s.Packages, p), Order: slices.Index(s.Catalog.Patches, p)}
	if len(it.Variants) == 0 {
		return nil, &NotEligibleError{Patch: p, Exclusions: Exclusions(s.Packages, p)}
	}
	return it, s.readDiffs(it)
}

func (s *Stack) readDiffs(it *Item) error {
	for _, v := range it.Variants {
		d, err := v.Diff()
		if err != nil {
			return fmt.Errorf("patch %s cannot be used: %w", it.ID(), err)
		}
		if s.locate != nil {
			d = d.Relocate(s.locate)
		}
		it.diffs = append(it.diffs, d)
		it.paths = append(it.paths, d.Paths()...)
	}
	slices.Sort(it.paths)
	it.paths = slices.Compact(it.paths)
	return nil
}

// Loose returns the item for a diff that no catalogue holds.
func (s *Stack) Loose(p *catalog.Patch) (*Item, error) {
	it := &Item{Patch: p, Variants: p.Variants, Order: len(s.Catalog.Patches)}
	return it, s.readDiffs(it)
}

// Items returns all eligible patches in the order of the catalogue, and a
// diagnostic for each whose diff cannot be used.
func (s *Stack) Items() ([]*Item, []catalog.Diagnostic) {
	candidates := make([]*Item, 0, len(s.Catalog.Patches))
	for i, p := range s.Catalog.Patches {
		if variants := Eligible(s.Packages, p); len(variants) > 0 {
			candidates = append(candidates, &Item{Patch: p, Variants: variants, Order: i})
		}
	}
	errs := make([]error, len(candidates))
	parallel(len(candidates), func(i int) { errs[i] = s.readDiffs(candidates[i]) })
	var items []*Item
	var diagnostics []catalog.Diagnostic
	for i, it := range candidates {
		if errs[i] != nil {
			message := errs[i].Error()
			var diff *catalog.DiffError
			if errors.As(errs[i], &diff) { // its source is named anyway
				message = fmt.Sprintf("%s: %v", diff.File, diff.Err)
			}
			diagnostics = append(diagnostics, catalog.Diagnostic{Source: it.Patch.Source, ID: it.ID(), Message: message})
			continue
		}
		items = append(items, it)
	}
	return items, diagnostics
}

// An UnknownError is an id that no catalogue has, or has only in an entry that is
// not usable.
type UnknownError struct {
	ID string
	// LeftOut says what is wrong with the entry, or is "".
	LeftOut string
}

func (e *UnknownError) Error() string {
	if e.LeftOut != "" {
		return fmt.Sprintf("the catalogue's entry for %s is not usable: %s", e.ID, e.LeftOut)
	}
	return fmt.Sprintf("patch %s is in no catalogue", e.ID)
}

// A NotEligibleError is a patch of which no variant fits the installed packages.
type NotEligibleError struct {
	Patch      *catalog.Patch
	Exclusions []Exclusion
}

func (e *NotEligibleError) Error() string {
	reasons := make([]string, 0, len(e.Exclusions))
	for _, x := range e.Exclusions {
		reasons = append(reasons, x.String())
	}
	return fmt.Sprintf("patch %s is not for this installation: %s", e.Patch.ID, strings.Join(reasons, "; "))
}
