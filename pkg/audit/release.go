package audit

import (
	"slices"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/stack"
)

// forRelease reports whether a patch for one release is for the installed one, and gives
// the verdict if it is not.
func (a *auditor) forRelease(p *Patch, release string, set func(v Verdict, format string, args ...any)) bool {
	want, err := compat.ParseVersion(release)
	if err != nil {
		set(Unknown, "the release that it is for cannot be read: %v", err)
		return false
	}
	have, ok := a.onLine(p.Entry, want)
	if !ok {
		set(NotApplicable, "it is for %s, and this is %s", want, a.base)
		return false
	}
	switch have.Compare(want) {
	case -1:
		p.Release = want.String()
		set(NeedsRelease, "it is for %s alone: bring the installation from %s to that release first", want, have)
	case 1:
		set(NotApplicable, "it is for %s, before %s, and nothing here tells whether that has the fix", want, have)
	default:
		return true
	}
	return false
}

// onLine returns the installed version that is on the release line of another one: that
// of the base package, or that of a package that the patch is for, such as B2B.
func (a *auditor) onLine(p *catalog.Patch, want compat.Version) (compat.Version, bool) {
	if line(a.base) == line(want) {
		return a.base, true
	}
	for _, v := range p.Variants {
		for _, found := range a.stack.Packages.Named(v.Package) {
			if line(found.Version) == line(want) {
				return found.Version, true
			}
		}
	}
	return compat.Version{}, false
}

// line names the release line of a version: 2.4.7-p3 is of the line of 2.4.7.
func line(v compat.Version) string { return patchPart.ReplaceAllString(v.Normalized(), "") }

// missingEdition returns a package without which a patch for an edition is not for this
// installation, or "".
func (a *auditor) missingEdition(s *catalog.Security) string {
	if s == nil || a.hasEdition(s.Edition) {
		return ""
	}
	return catalog.EditionPackages(s.Edition)[0]
}

func (a *auditor) hasEdition(edition string) bool {
	packages := catalog.EditionPackages(edition)
	return packages == nil || slices.ContainsFunc(packages, func(name string) bool { return len(a.stack.Packages.Named(name)) > 0 })
}

// release finds out what is known about the installed release and its line.
func (a *auditor) release() {
	newest := a.base
	note := func(v compat.Version) {
		if line(v) != line(a.base) {
			return
		}
		if v.Compare(a.base) == 0 {
			a.result.ReleaseKnown = true
		}
		if v.IsStable() && v.Compare(newest) > 0 {
			newest = v
		}
	}
	onLine := false
	for _, r := range a.releases {
		note(r.Version)
	}
	for _, p := range a.result.Patches {
		if p.Entry == nil || p.Entry.Security == nil {
			continue
		}
		if release := p.Entry.Security.Release; release != "" {
			if v, err := compat.ParseVersion(release); err == nil {
				note(v)
				_, of := a.onLine(p.Entry, v)
				onLine = onLine || of
			}
			continue
		}
		onLine = onLine || a.touchesLine(p.Entry)
	}
	a.result.HasSource = onLine
	if newest.Compare(a.base) > 0 {
		a.result.Newest = newest.String()
	}
}

// touchesLine reports whether a patch is for any release of the installed line.
func (a *auditor) touchesLine(p *catalog.Patch) bool {
	if len(stack.Eligible(a.stack.Packages, p)) > 0 {
		return true
	}
	for _, v := range p.Variants {
		if slices.ContainsFunc(a.releases.Satisfying(v.Package, v.Constraint), func(v compat.Version) bool { return line(v) == line(a.base) }) {
			return true
		}
	}
	return false
}
