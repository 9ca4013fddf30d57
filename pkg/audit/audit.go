// Package audit says which security patches an installation needs, has and lacks, and
// what that means for each vulnerability that they name.
//
// It claims nothing that the tree and the catalogue do not show: a patch is there when
// all of it is in the files, and a vulnerability is closed when the catalogue says under
// the key "security" which patch closes it, and that one is there.
package audit

import (
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
	// Unread are the sources, or files of them, of which nothing is known.
	Unread []catalog.Diagnostic
}

var (
	cve = regexp.MustCompile(`(?i)\bCVE-[0-9]{4}-[0-9]{4,}\b`)
	// securityName is what ids and titles of security patches hold: a vulnerability, a
	// bulletin, Adobe's own numbers of both, or the name of an isolated diff.
	securityName = regexp.MustCompile(`(?i)\b(CVE-[0-9]{4}-[0-9]{4,}|APSB[0-9]{2}-[0-9]+|VULN-[0-9]+|PRODSECBUG-[0-9]+|[0-9]{3,4}(p[0-9]+)?-[0-9]{4}-[0-9]{2}-[0-9]{3}-[A-Z0-9]+)\b`)
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
	for _, p := range a.chronology() { // what is found missing counts for those after it
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
		if d.Unread {
			a.result.Unread = append(a.result.Unread, d)
		}
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
