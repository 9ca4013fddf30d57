package project

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/compat"
)

// Package is one entry in a set of packages: a package, or an alias of one.
type Package struct {
	Name    string // as written, such as "magento/magento2-base"
	Version compat.Version
	Dir     string // slash path relative to the root, "." for the root itself, "" if there is none (metapackages)

	// AliasOf is the version that is really installed if this entry is an alias: a branch that also counts as
	// Version, by extra.branch-alias or default-branch. Otherwise it is empty.
	AliasOf string
}

// Packages is a set of packages that answers as the findPackage of Composer's local repository does. It needs no
// installation and is safe for concurrent use; the zero value is empty.
type Packages struct {
	entries []Package
	byName  map[string][]Package // by lower-case name, in the order of entries
}

// NewPackages makes a set of entries. Their order counts: an alias belongs right before its package.
func NewPackages(entries []Package) Packages {
	p := Packages{entries: slices.Clone(entries), byName: make(map[string][]Package, len(entries))}
	for _, entry := range p.entries {
		name := strings.ToLower(entry.Name)
		p.byName[name] = append(p.byName[name], entry)
	}
	return p
}

// Find returns the first entry of that name, in any case, whose version c allows, and whether there is one. What
// packages replace or provide does not count.
func (p Packages) Find(name string, c compat.Constraint) (Package, bool) {
	for _, entry := range p.byName[strings.ToLower(name)] {
		if c.Allows(entry.Version) {
			return entry, true
		}
	}
	return Package{}, false
}

// Named returns every entry of that name, in any case, with the aliases, in the order in which Find asks them: for
// explaining why Find found nothing.
func (p Packages) Named(name string) []Package {
	return slices.Clone(p.byName[strings.ToLower(name)])
}

// All returns every package once, without aliases, sorted by name in lower case.
func (p Packages) All() []Package {
	all := slices.DeleteFunc(slices.Clone(p.entries), func(entry Package) bool { return entry.AliasOf != "" })
	slices.SortStableFunc(all, func(a, b Package) int {
		return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return all
}
