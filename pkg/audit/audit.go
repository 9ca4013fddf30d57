// Package audit says which security patches an installation needs, has and lacks, and
// what that means for each vulnerability that they name.
//
// It claims nothing that the tree and the catalogue do not show: a patch is there when
// all of it is in the files, and a vulnerability is closed when the catalogue says under
// the key "security" which patch closes it, and that one is there.
package audit

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/stack"
)

// A Verdict says how a security patch and an installation stand to each other.
type Verdict string

// The verdicts.
const (
	Applied       Verdict = "applied"        // all of it is in the tree
	Missing       Verdict = "missing"        // it is for this installation, and some or all of it is not in the tree
	NeedsRelease  Verdict = "needs release"  // it is for a later release of this release line, and only for that
	Unknown       Verdict = "unknown"        // whether it is there cannot be told
	Replaced      Verdict = "replaced"       // another one counts in its place
	NotApplicable Verdict = "not applicable" // it is for other packages or releases
)

// Lacking reports whether the installation lacks what a patch with this verdict brings.
func (v Verdict) Lacking() bool { return v == Missing || v == NeedsRelease }

// A Patch is a security patch and what is to be said of it.
type Patch struct {
	ID string
	// Entry is the catalogue's entry, nil if that cannot be used.
	Entry *catalog.Patch
	// CVE lists what the catalogue says that the patch closes, Named what its id or title
	// names beside that, which proves nothing.
	CVE, Named []string
	// ByName is set when only its id, title or category makes it a security patch.
	ByName  bool
	Verdict Verdict
	// Reason says why, "" where the verdict says it all.
	Reason string
	// Release is what the installation has to be brought to first, with [NeedsRelease].
	Release string
	// ReplacedWith is the patch that counts, with [Replaced].
	ReplacedWith string
	// Finding is what the tree shows, nil when it was not asked.
	Finding *stack.Finding

	// installed is set when a package that the patch is for is installed.
	installed bool
}

// A Status is what is known about a vulnerability, in the words of Adobe's patch-status.
type Status string

// The statuses.
const (
	Protected    Status = "PROTECTED"      // every patch for this installation that names it is in the tree
	Vulnerable   Status = "VULNERABLE"     // one is not
	Unclear      Status = "UNKNOWN"        // nothing proves either
	Inapplicable Status = "NOT_APPLICABLE" // what it is about is not installed
)

// A Vulnerability is one that a patch names, or that was asked for.
type Vulnerability struct {
	ID     string
	Status Status
	Reason string
	// Patches name those that decide: they close it, or would.
	Patches []string
	// Proven is set when something here is for this installation: patches that lack, or
	// cannot be judged, or are there. Where it is not, the status says what no source knows.
	Proven bool
}

// A Gap is an isolated diff that no source knows, while others make one expect it.
type Gap struct {
	Release, Edition, Month string
	// Sequence is the number of a diff that there has to be, as a later one of the month is
	// known. It is 0 when the sources know none at all of the month for the edition, while
	// they do of other months, or for another edition.
	Sequence int
}

// A Result is an audit.
type Result struct {
	// Patches are in the order of the catalogue, those that cannot be used last.
	Patches []*Patch
	// Vulnerabilities are in the order of their numbers.
	Vulnerabilities []Vulnerability
	// ReleaseKnown is set when a release table has the installed release, or a security
	// patch is made for it.
	ReleaseKnown bool
	// Newest is the newest known release of the line, if that is not the installed one.
	Newest string
	// HasSource is set when a source says of any patch for this release line that it is a
	// security patch. A name does not.
	HasSource bool
	Gaps      []Gap
}

var (
	cve = regexp.MustCompile(`(?i)\bCVE-[0-9]{4}-[0-9]{4,}\b`)
	// securityName is what ids and titles of security patches hold: a vulnerability, a
	// bulletin, Adobe's own numbers of both, or the name of an isolated diff.
	securityName = regexp.MustCompile(`(?i)\b(CVE-[0-9]{4}-[0-9]{4,}|APSB[0-9]{2}-[0-9]+|VULN-[0-9]+|PRODSECBUG-[0-9]+|[0-9]{3}(p[0-9]+)?-[0-9]{4}-[0-9]{2}-[0-9]{3}-[A-Z0-9]+)\b`)
	patchPart    = regexp.MustCompile(`-.*$`)
)

// ByName reports whether the id, the titles or the categories of a patch say that it is
// about security: it names a CVE, an APSB bulletin, a VULN- or PRODSECBUG- number, it is
// named as isolated diffs are, or it is of the category Security.
func ByName(p *catalog.Patch) bool {
	return securityName.MatchString(p.ID) || slices.ContainsFunc(titles(p), securityName.MatchString) ||
		slices.ContainsFunc(p.Categories, func(c string) bool { return strings.EqualFold(c, "Security") })
}

func titles(p *catalog.Patch) []string {
	list := []string{p.Title}
	for _, v := range p.Variants {
		list = append(list, v.Title)
	}
	return list
}

// Run audits an installation of the release base, without changing anything. Only, if
// there is any, are the vulnerabilities that are asked for: nothing is said of others.
func Run(s *stack.Stack, base compat.Version, releases catalog.Releases, only []string) *Result {
	a := &auditor{stack: s, base: base, releases: releases, result: &Result{}, byPatch: map[*catalog.Patch]*Patch{}, unusable: map[string]string{}}
	a.collect()
	a.inspect()
	for _, p := range a.result.Patches {
		a.replace(p)
	}
	for _, p := range a.result.Patches {
		a.inSequence(p)
	}
	a.release()
	a.gaps()
	a.vulnerabilities(only)
	if len(only) > 0 {
		a.narrow(only)
	}
	return a.result
}

type auditor struct {
	stack    *stack.Stack
	base     compat.Version
	releases catalog.Releases
	result   *Result
	byPatch  map[*catalog.Patch]*Patch
	unusable map[string]string // by the id in lower case, what is wrong with the entry
}

// collect finds the security patches, what replaces them, and entries that may be some
// and cannot be used.
func (a *auditor) collect() {
	for _, p := range a.stack.Catalog.Patches {
		if p.Security != nil || ByName(p) {
			a.add(p)
		}
	}
	for i := 0; i < len(a.result.Patches); i++ { // which grows
		if next, ok := a.stack.Catalog.Patch(catalog.ReplacedWith(a.result.Patches[i].Entry.Variants)); ok {
			a.add(next)
		}
	}
	for _, d := range a.stack.Catalog.Diagnostics {
		if d.ID == "" {
			continue
		}
		if _, ok := a.stack.Catalog.Patch(d.ID); ok {
			if key := strings.ToLower(d.ID); a.unusable[key] == "" { // dangling references come last
				a.unusable[key] = d.Message
			}
			continue
		}
		if securityName.MatchString(d.ID) || strings.HasPrefix(d.Message, "security:") {
			a.result.Patches = append(a.result.Patches, &Patch{
				ID: d.ID, Named: named(d.ID), Verdict: Unknown, Reason: "its entry in " + d.Source + " cannot be used: " + d.Message, installed: true,
			})
		}
	}
}

func (a *auditor) add(entry *catalog.Patch) {
	if a.byPatch[entry] != nil {
		return
	}
	p := &Patch{ID: entry.ID, Entry: entry, ByName: entry.Security == nil}
	if entry.Security != nil {
		p.CVE = entry.Security.CVE
	}
	for _, id := range named(append(titles(entry), entry.ID)...) {
		if !slices.Contains(p.CVE, id) {
			p.Named = append(p.Named, id)
		}
	}
	a.byPatch[entry] = p
	a.result.Patches = append(a.result.Patches, p)
}

// named returns the vulnerabilities that texts name, each once.
func named(texts ...string) []string {
	var ids []string
	for _, text := range texts {
		for _, id := range cve.FindAllString(text, -1) {
			if id = strings.ToUpper(id); !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

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

// files names the files of a finding with some presence, the first of many.
func files(f *stack.Finding, with func(stack.Presence) bool) string {
	var names []string
	for _, file := range f.Files {
		if with(file.Presence) {
			names = append(names, file.Path)
		}
	}
	const most = 3
	switch {
	case len(names) == 0: // each fits by itself, as a hunk more or less may
		return "how its files go together"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

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

// editionPackages tell whether an edition is installed, one of each being enough.
func editionPackages(edition string) []string {
	switch edition {
	case "EE":
		return []string{"magento/magento2-ee-base"}
	case "B2B":
		return []string{"magento/extension-b2b", "magento/magento2-b2b-base"}
	}
	return nil
}

// missingEdition returns a package without which a patch for an edition is not for this
// installation, or "".
func (a *auditor) missingEdition(s *catalog.Security) string {
	if s == nil || a.hasEdition(s.Edition) {
		return ""
	}
	return editionPackages(s.Edition)[0]
}

func (a *auditor) hasEdition(edition string) bool {
	packages := editionPackages(edition)
	return packages == nil || slices.ContainsFunc(packages, func(name string) bool { return len(a.stack.Packages.Named(name)) > 0 })
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

// inSequence finds out about an isolated diff that does not fit, because those before it
// are missing: it is missing if it would fit after them.
func (a *auditor) inSequence(p *Patch) {
	if p.Verdict != Unknown || p.Finding == nil || p.Finding.State != stack.Unknown || p.Entry.Security == nil || p.Entry.Security.Month == "" {
		return
	}
	var before []*stack.Item
	var ids []string
	for _, other := range a.result.Patches {
		if other.Verdict == Missing && other.Entry.Security != nil && other.Entry.Security.Month != "" &&
			precedes(other.Entry.Security, p.Entry.Security) {
			before = append(before, other.Finding.Item)
		}
	}
	if len(before) == 0 {
		return
	}
	slices.SortStableFunc(before, func(x, y *stack.Item) int { return chronological(x.Patch.Security, y.Patch.Security) })
	for _, it := range before {
		ids = append(ids, it.ID())
	}
	if _, err := a.stack.PlanApply(append(before, p.Finding.Item)); err == nil {
		p.Verdict, p.Reason = Missing, "it would fit after "+strings.Join(ids, ", ")
	}
}

// precedes reports whether an isolated diff has to go in before another one of its release.
func precedes(s, t *catalog.Security) bool {
	return strings.EqualFold(s.Release, t.Release) && chronological(s, t) < 0
}

func chronological(s, t *catalog.Security) int {
	return cmp.Or(cmp.Compare(s.Month, t.Month), cmp.Compare(s.Sequence, t.Sequence), editionRank(s.Edition)-editionRank(t.Edition))
}

// editionRank orders editions as they build on each other.
func editionRank(edition string) int { return slices.Index([]string{"CE", "EE", "B2B"}, edition) }

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

// gaps finds what is missing in the sequences of isolated diffs for what is installed.
func (a *auditor) gaps() {
	type series struct{ release, edition string }
	known := map[series]map[string][]int{}
	monthly := map[string]string{} // by month, a release that has a diff of it
	byEdition := map[string]map[string]bool{"EE": {}, "B2B": {}}
	for _, p := range a.result.Patches {
		if p.Verdict == NotApplicable || p.Verdict == NeedsRelease || p.Entry == nil || p.Entry.Security == nil {
			continue
		}
		if s := p.Entry.Security; s.Month != "" && s.Sequence > 0 && s.Release != "" {
			of := series{s.Release, s.Edition}
			if known[of] == nil {
				known[of] = map[string][]int{}
			}
			known[of][s.Month] = append(known[of][s.Month], s.Sequence)
			monthly[s.Month] = s.Release
			if months := byEdition[s.Edition]; months != nil {
				months[s.Month] = true
			}
		}
	}
	for edition, months := range byEdition {
		for month, release := range monthly {
			if a.hasEdition(edition) && !months[month] && len(months) == 0 {
				a.result.Gaps = append(a.result.Gaps, Gap{release, edition, month, 0})
			}
		}
	}
	for of, months := range known {
		first, last := "", ""
		for month, numbers := range months {
			for n := 1; n < slices.Max(numbers); n++ {
				if !slices.Contains(numbers, n) {
					a.result.Gaps = append(a.result.Gaps, Gap{of.release, of.edition, month, n})
				}
			}
			if first == "" || month < first {
				first = month
			}
			last = max(last, month)
		}
		for month := nextMonth(first); month < last; month = nextMonth(month) {
			if months[month] == nil {
				a.result.Gaps = append(a.result.Gaps, Gap{of.release, of.edition, month, 0})
			}
		}
	}
	slices.SortFunc(a.result.Gaps, func(x, y Gap) int {
		return cmp.Or(cmp.Compare(x.Release, y.Release), cmp.Compare(x.Month, y.Month), cmp.Compare(x.Sequence, y.Sequence), cmp.Compare(x.Edition, y.Edition))
	})
}

// nextMonth returns the month after one that is written as YYYY-MM.
func nextMonth(month string) string {
	var y, m int
	_, _ = fmt.Sscanf(month, "%d-%d", &y, &m) // catalogues are checked for the form
	if m++; m > 12 {
		y, m = y+1, 1
	}
	return fmt.Sprintf("%04d-%02d", y, m)
}

// vulnerabilities says of each vulnerability that is named or asked for what its patches
// come to.
func (a *auditor) vulnerabilities(only []string) {
	ids := slices.Clone(only)
	if len(only) == 0 {
		for _, p := range a.result.Patches {
			ids = append(ids, p.CVE...)
			ids = append(ids, p.Named...)
		}
	}
	slices.SortFunc(ids, compareCVE)
	for _, id := range slices.Compact(ids) {
		a.result.Vulnerabilities = append(a.result.Vulnerabilities, a.vulnerability(id))
	}
}

// compareCVE orders names of vulnerabilities by year and number.
func compareCVE(x, y string) int {
	return cmp.Or(cmp.Compare(x[:min(8, len(x))], y[:min(8, len(y))]), len(x)-len(y), cmp.Compare(x, y))
}

func (a *auditor) vulnerability(id string) Vulnerability {
	v := Vulnerability{ID: id, Status: Unclear}
	by := map[Verdict][]string{}
	installed, asserted, known := false, false, false
	for _, p := range a.result.Patches {
		closes := slices.Contains(p.CVE, id)
		if !closes && !slices.Contains(p.Named, id) {
			continue
		}
		known = true
		installed = installed || p.installed
		decides := a.counts(p)
		asserted = asserted || closes && decides.Verdict == Applied
		if !slices.Contains(by[decides.Verdict], decides.ID) {
			by[decides.Verdict] = append(by[decides.Verdict], decides.ID)
		}
	}
	lacking := append(slices.Clone(by[Missing]), by[NeedsRelease]...)
	v.Proven = true
	switch {
	case len(lacking) > 0:
		v.Status, v.Patches, v.Reason = Vulnerable, lacking, join(lacking)+" not wholly in the tree"
	case len(by[Unknown]) > 0:
		v.Patches, v.Reason = by[Unknown], "whether "+join(by[Unknown])+" in the tree cannot be told"
	case asserted:
		v.Status, v.Patches = Protected, by[Applied]
	case len(by[Applied]) > 0:
		v.Patches, v.Reason, v.Proven = by[Applied], join(by[Applied])+" in the tree, but only a title or an id says that this closes it", false
	case !known:
		v.Reason, v.Proven = "no source names it", false
		if silent := a.silent(); len(silent) > 0 {
			v.Reason += "; none says what " + strings.Join(silent, ", ") + " closes"
		}
	case installed:
		v.Patches, v.Proven = by[NotApplicable], false
		v.Reason = "the patches that name it are for other releases, and nothing here tells whether this one has the fix"
	default:
		v.Status, v.Patches, v.Reason = Inapplicable, by[NotApplicable], "what it is about is not installed"
	}
	return v
}

// silent returns the security patches for this installation of which no source says what
// they close.
func (a *auditor) silent() []string {
	var ids []string
	for _, p := range a.result.Patches {
		successor := p.Entry != nil && p.Entry.Security == nil && !ByName(p.Entry)
		if p.Verdict != NotApplicable && p.Verdict != Replaced && len(p.CVE)+len(p.Named) == 0 && !successor {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// join makes a subject and its verb of ids.
func join(ids []string) string {
	if len(ids) == 1 {
		return ids[0] + " is"
	}
	return strings.Join(ids, ", ") + " are"
}

// narrow leaves what is about the vulnerabilities that are asked for.
func (a *auditor) narrow(only []string) {
	var keep []*Patch
	for _, p := range a.result.Patches {
		if slices.ContainsFunc(only, func(id string) bool { return slices.Contains(p.CVE, id) || slices.Contains(p.Named, id) }) {
			for q := p; q != nil && !slices.Contains(keep, q); {
				keep = append(keep, q)
				next, _ := a.stack.Catalog.Patch(q.ReplacedWith)
				q = a.byPatch[next]
			}
		}
	}
	a.result.Patches, a.result.Gaps = keep, nil
}
