package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/stack"
)

// inspect looks at the tree: at all eligible patches, since any may lie upon a security
// patch.
func (a *auditor) inspect() {
	items, broken := a.stack.Items()
	for _, d := range broken {
		a.unusable[strings.ToLower(d.ID)] = d.Message
	}
	found := map[*catalog.Patch]*stack.Finding{}
	for _, f := range a.stack.Inspect(items) {
		found[f.Item.Patch] = &f
	}
	for _, p := range a.result.Patches {
		if p.Entry != nil {
			a.judge(p, found[p.Entry])
		}
	}
}

// judge gives a patch its verdict, for now without regard to others.
func (a *auditor) judge(p *Patch, f *stack.Finding) {
	set := func(v Verdict, format string, args ...any) { p.Verdict, p.Reason = v, fmt.Sprintf(format, args...) }
	excluded := stack.Exclusions(a.stack.Packages, p.Entry)
	p.installed = len(excluded) < len(p.Entry.Variants) || slices.ContainsFunc(excluded, func(e stack.Exclusion) bool { return e.Installed })
	if missing := a.missingEdition(p.Entry.Security); p.installed && missing != "" {
		p.installed = false
		set(NotApplicable, "%s is not installed", missing)
		return
	}
	if !p.installed {
		set(NotApplicable, "%s", reasons(excluded))
		return
	}
	if s := p.Entry.Security; s != nil && s.Release != "" && !a.forRelease(p, s.Release, set) {
		return
	}
	if len(excluded) == len(p.Entry.Variants) {
		if p.Entry.Incomplete { // what is left out may be for this installation
			set(Unknown, "a part of its entry cannot be used: %s", a.unusable[strings.ToLower(p.ID)])
			return
		}
		set(NotApplicable, "%s", reasons(excluded))
		return
	}
	if f == nil {
		set(Unknown, "its diff cannot be used: %s", a.unusable[strings.ToLower(p.ID)])
		return
	}
	p.Finding = f
	switch {
	case f.Ambiguous:
		set(Unknown, "it could be put in as well as taken out, so that the tree proves nothing")
	case f.State.In() && p.Entry.Incomplete:
		set(Unknown, "what its entry has for this installation is in the tree, but a part of the entry cannot be used: %s", a.unusable[strings.ToLower(p.ID)])
	case f.State == stack.AppliedUnder:
		set(Applied, "under %s", strings.Join(f.Under, ", "))
	case f.State == stack.Included:
		set(Applied, "%s brought it", f.IncludedIn)
	case f.State == stack.Applied:
		set(Applied, "")
	case f.State == stack.Partial:
		set(Missing, "a part of it is in the tree; missing in %s", files(f, func(p stack.Presence) bool { return p != stack.In }))
	case f.State == stack.Blocked:
		set(Missing, "it would fit without %s", strings.Join(f.InTheWay, ", "))
	case f.State == stack.NotApplied:
		set(Missing, "")
	default:
		set(Unknown, "it is neither in the tree nor would it fit, because of %s", files(f, func(p stack.Presence) bool { return p == stack.Neither }))
	}
}

// files names the files of a finding with some presence.
func files(f *stack.Finding, with func(stack.Presence) bool) string {
	var names []string
	for _, file := range f.Files {
		if with(file.Presence) {
			names = append(names, file.Path)
		}
	}
	if len(names) == 0 { // each fits by itself, as a hunk more or less may
		return "how its files go together"
	}
	return some(names)
}

// some names the first of many.
func some(names []string) string {
	const most = 3
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

func reasons(list []stack.Exclusion) string {
	var texts []string
	for _, e := range list {
		if text := e.String(); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "; ")
}

// replace lets a successor that is for this installation count.
func (a *auditor) replace(p *Patch) {
	if p.Entry == nil || p.Verdict == NotApplicable || p.Verdict == NeedsRelease {
		return
	}
	next, ok := a.stack.Catalog.Patch(catalog.ReplacedWith(stack.Eligible(a.stack.Packages, p.Entry)))
	if !ok || next == p.Entry || a.byPatch[next] == nil || a.byPatch[next].Verdict == NotApplicable {
		return
	}
	p.Verdict, p.ReplacedWith = Replaced, next.ID
	p.Reason = next.ID + " replaces it"
}

// counts returns the patch that counts for another one: itself, or its last successor.
func (a *auditor) counts(p *Patch) *Patch {
	for range a.result.Patches { // a circle of successors ends, too
		if p.Verdict != Replaced {
			return p
		}
		next, _ := a.stack.Catalog.Patch(p.ReplacedWith)
		p = a.byPatch[next]
	}
	return p
}
