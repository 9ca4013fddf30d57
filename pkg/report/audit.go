package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Audit is the result of qpt audit.
type Audit struct {
	SchemaVersion int `json:"schemaVersion"`
	// OK is set when no finding is as grave as FailOn.
	OK           bool         `json:"ok"`
	FailOn       string       `json:"failOn" jsonschema:"enum=error,enum=warning,enum=note,enum=never"`
	Installation Installation `json:"installation"`
	// Components are the versions of the editions that are installed.
	Components map[string]string `json:"components"`
	// Asked are the vulnerabilities that were asked for, if not for all.
	Asked []string `json:"asked,omitempty"`
	// Patches are the security patches, Vulnerabilities what they name.
	Patches         []AuditedPatch `json:"patches"`
	Vulnerabilities []AuditedCVE   `json:"vulnerabilities"`
	Findings        []AuditFinding `json:"findings"`
	// Sources are the catalogues that were read.
	Sources  []AuditSource `json:"sources"`
	Warnings []string      `json:"warnings,omitempty"`
}

// An AuditedPatch is a security patch, and how it and the installation stand to each other.
type AuditedPatch struct {
	ID      string `json:"id"`
	Title   string `json:"title,omitempty"`
	Source  string `json:"source,omitempty"`
	Verdict string `json:"verdict" jsonschema:"enum=applied,enum=missing,enum=needs release,enum=unknown,enum=replaced,enum=not applicable"`
	Reason  string `json:"reason,omitempty"`
	// State is what status says of the patch; it is absent for one that is not eligible.
	State string `json:"state,omitempty" jsonschema:"enum=applied,enum=applied under,enum=included,enum=not applied,enum=blocked,enum=partial,enum=unknown"`
	// CVE lists what the catalogue says that the patch closes, Named what only its id or
	// title names.
	CVE   []string `json:"cve,omitempty"`
	Named []string `json:"named,omitempty"`
	// ByName is set when only id, title or category make it a security patch.
	ByName   bool   `json:"byName,omitempty"`
	Bulletin string `json:"bulletin,omitempty"`
	// Release, Month, Sequence and Edition are those of an isolated diff.
	Release  string `json:"release,omitempty"`
	Month    string `json:"month,omitempty"`
	Sequence int    `json:"sequence,omitempty"`
	Edition  string `json:"edition,omitempty"`
	// ReplacedWith is the patch that counts in place of this one.
	ReplacedWith string `json:"replacedWith,omitempty"`
	// Refusals say what keeps a patch from being put in that is not wholly there.
	Refusals []Refusal `json:"refusals,omitempty"`
}

// An AuditedCVE is a vulnerability, and what is known about it in this installation.
type AuditedCVE struct {
	ID     string `json:"id"`
	Status string `json:"status" jsonschema:"enum=PROTECTED,enum=VULNERABLE,enum=UNKNOWN,enum=NOT_APPLICABLE"`
	Reason string `json:"reason,omitempty"`
	// Patches are those that decide.
	Patches []string `json:"patches,omitempty"`
}

// An AuditFinding is one thing that is not as it should be.
type AuditFinding struct {
	Finding
	// CVE is the vulnerability that it is about, if it is about one.
	CVE string `json:"cve,omitempty"`
}

// An AuditSource is a catalogue that was read.
type AuditSource struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	// Security is how many security patches came from it.
	Security int `json:"security"`
}

func (s AuditSource) String() string { return strings.TrimSpace(s.Name + " " + s.Version) }

// tones of verdicts and statuses.
func auditTone(s string) tone {
	switch s {
	case "applied", "PROTECTED":
		return good
	case "missing", "needs release", "VULNERABLE":
		return bad
	case "unknown", "UNKNOWN":
		return warn
	}
	return faint
}

func (a *Audit) text(p *printer) {
	p.line("%s", p.paint(strong, a.Installation.String()))
	patches, cves := map[string]int{}, map[string]int{}
	var rows [][]cell
	for _, x := range a.Patches {
		patches[x.Verdict]++
		if x.Verdict == "not applicable" && !p.style.Verbose && len(a.Asked) == 0 {
			continue
		}
		rows = append(rows, []cell{{Clean(x.ID), strong}, {Clean(x.Verdict), auditTone(x.Verdict)}, {Clean(x.about()), plain}})
	}
	if len(rows) > 0 {
		p.blank()
		p.table([]string{"PATCH", "VERDICT", "WHAT"}, rows)
	}
	rows = nil
	for _, v := range a.Vulnerabilities {
		cves[v.Status]++
		if v.Status == "NOT_APPLICABLE" && !p.style.Verbose && len(a.Asked) == 0 {
			continue
		}
		why := v.Reason
		if why == "" {
			why = strings.Join(v.Patches, ", ")
		}
		rows = append(rows, []cell{{Clean(v.ID), strong}, {Clean(v.Status), auditTone(v.Status)}, {Clean(why), plain}})
	}
	if len(rows) > 0 {
		p.blank()
		p.table([]string{"VULNERABILITY", "STATUS", "BECAUSE"}, rows)
	}
	var general []Finding
	for _, f := range a.Findings {
		if f.Patch == "" && f.CVE == "" { // the others are in the tables
			general = append(general, f.Finding)
		}
	}
	if len(general)+len(a.Warnings) > 0 {
		p.blank()
	}
	p.findings(general)
	p.notes("warning", warn, a.Warnings)
	p.blank()
	p.wrapped("", count(len(a.Patches), "security patch", "security patches")+tally(patches, "applied", "missing", "needs release", "unknown", "replaced", "not applicable"))
	p.wrapped("", count(len(a.Vulnerabilities), "vulnerability", "vulnerabilities")+tally(cves, "PROTECTED", "VULNERABLE", "UNKNOWN", "NOT_APPLICABLE"))
	switch {
	case len(a.Findings) == 0:
		p.line("%s", p.paint(good, "no findings"))
	case a.OK:
		p.line("%s, none of them as grave as to fail", count(len(a.Findings), "finding", "findings"))
	default:
		p.line("%s", p.paint(bad, count(len(a.Findings), "finding", "findings")))
	}
}

// tally lists how many there are of what, in order.
func tally(counts map[string]int, order ...string) string {
	var parts []string
	for _, what := range order {
		if n := counts[what]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

// about says what a patch closes, and why it has its verdict.
func (x *AuditedPatch) about() string {
	var parts []string
	switch {
	case len(x.CVE)+len(x.Named) > 0:
		parts = append(parts, strings.Join(append(slices.Clone(x.CVE), x.Named...), ", "))
	case x.Title != "":
		parts = append(parts, strings.TrimSuffix(x.Title, "."))
	}
	if x.Reason != "" {
		parts = append(parts, x.Reason)
	}
	return strings.Join(parts, "; ")
}

// findings makes an audit writable in every format: each patch and vulnerability, and
// what is found. Where a finding is about a vulnerability, that stands for the patch.
func (a *Audit) findings() findings {
	fs := findings{of: "audit"}
	found := map[string]bool{}
	for _, f := range a.Findings {
		found[f.subject()] = true
	}
	for _, x := range a.Patches {
		if !found[x.ID] {
			fs.list = append(fs.list, finding{
				rule: rule{"audit-" + strings.ReplaceAll(x.Verdict, " ", "-"), "A security patch is " + x.Verdict + "."}, patch: x.ID, title: x.Title, state: x.Verdict,
				message: strings.TrimSuffix(x.ID+" is "+x.Verdict+": "+x.Reason, ": "),
			})
		}
	}
	for _, v := range a.Vulnerabilities {
		if !found[v.ID] {
			fs.list = append(fs.list, finding{
				rule: rule{"audit-cve-" + cveRule(v.Status), "A vulnerability is " + v.Status + "."}, patch: v.ID, state: v.Status,
				message: strings.TrimSuffix(v.ID+" is "+v.Status+": "+v.Reason, ": "),
			})
		}
	}
	for _, f := range a.Findings {
		x := finding{
			rule:  rule{"audit-" + f.Rule, auditRules()[f.Rule]},
			level: map[string]level{LevelError: levelError, LevelWarning: levelWarning, LevelNote: levelNote}[f.Level],
			patch: f.subject(), message: f.Message,
		}
		var refusals []Refusal
		for _, p := range a.Patches {
			if p.ID == x.patch {
				x.title, x.state, refusals = p.Title, p.Verdict, p.Refusals
			}
		}
		for _, v := range a.Vulnerabilities {
			if v.ID == x.patch {
				x.state = v.Status
			}
		}
		fs.list = append(fs.list, fromRefusals(x, refusals)...)
	}
	fs.list = append(fs.list, general(levelWarning, warningRule(), a.Warnings)...)
	return fs
}

// subject is the vulnerability or the patch that a finding is about, or "".
func (f *AuditFinding) subject() string {
	if f.CVE != "" {
		return f.CVE
	}
	return f.Patch
}

// cveRule writes a status as a part of a rule's id.
func cveRule(status string) string { return strings.ToLower(strings.ReplaceAll(status, "_", "-")) }

func auditRules() map[string]string {
	return map[string]string{
		"missing":           "A security patch for this installation is not in the tree.",
		"needs-release":     "A security patch is for a later release of the line, to which the installation has to be brought first.",
		"unknown":           "Whether a security patch is in the tree cannot be told.",
		"cve-vulnerable":    "A patch that closes a vulnerability is not in the tree.",
		"cve-unknown":       "Nothing proves that the installation is protected against a vulnerability, or that it is not.",
		"unknown-release":   "No source knows the installed release.",
		"unreadable-source": "A source, or a file of it, cannot be read.",
		"no-source":         "No source knows security patches for the release line.",
		"not-newest":        "There is a newer release of the line, and isolated diffs are for that alone.",
		"sequence-gap":      "No source knows an isolated diff that there has to be.",
	}
}

// patchStatus is the report of Adobe's vendor/bin/patch-status.
type patchStatus struct {
	BaseVersion         string                       `json:"base_version"`
	InstalledComponents map[string]string            `json:"installed_components"`
	AppliedPatches      []string                     `json:"applied_patches"`
	MissingPatches      []string                     `json:"missing_patches"`
	UnknownPatches      []string                     `json:"unknown_patches"`
	VulnerabilityStatus map[string]patchStatusStatus `json:"vulnerability_status"`
	RegistrySource      string                       `json:"registry_source"`
	Warnings            []string                     `json:"warnings"`
}

// patchStatusStatus names the patch that closes a vulnerability, and its edition, where
// these are known.
type patchStatusStatus struct {
	Status  string `json:"status"`
	FixedIn string `json:"fixed_in,omitempty"`
	Area    string `json:"area,omitempty"`
}

// patchStatusWriter is a result that can be written as [AdobeStatus].
type patchStatusWriter interface{ patchStatus() patchStatus }

func newPatchStatus(base string) patchStatus {
	return patchStatus{
		BaseVersion: base, InstalledComponents: map[string]string{}, AppliedPatches: []string{}, MissingPatches: []string{},
		UnknownPatches: []string{}, VulnerabilityStatus: map[string]patchStatusStatus{}, Warnings: []string{},
	}
}

func (a *Audit) patchStatus() patchStatus {
	s := newPatchStatus(a.Installation.Version)
	maps.Copy(s.InstalledComponents, a.Components)
	for _, x := range a.Patches {
		switch x.Verdict {
		case "applied":
			s.AppliedPatches = append(s.AppliedPatches, x.ID)
		case "missing", "needs release":
			s.MissingPatches = append(s.MissingPatches, x.ID)
		case "unknown":
			s.UnknownPatches = append(s.UnknownPatches, x.ID)
		}
		if x.Reason != "" && (x.Verdict == "needs release" || x.Verdict == "unknown") {
			s.Warnings = append(s.Warnings, x.ID+": "+x.Reason)
		}
	}
	for _, v := range a.Vulnerabilities {
		status := patchStatusStatus{Status: v.Status}
		if len(v.Patches) > 0 && v.Status != "UNKNOWN" { // where a name may be all there is
			status.FixedIn = v.Patches[0]
		}
		for _, x := range a.Patches {
			if x.ID == status.FixedIn {
				status.Area = x.Edition
			}
		}
		s.VulnerabilityStatus[v.ID] = status
	}
	var sources []string
	for _, source := range a.Sources {
		sources = append(sources, source.String())
	}
	s.RegistrySource = strings.Join(sources, ", ")
	for _, f := range a.Findings {
		if f.subject() == "" {
			s.Warnings = append(s.Warnings, f.Message)
		}
	}
	s.Warnings = append(s.Warnings, a.Warnings...)
	return s
}

// A command that fails before it can audit says so as patch-status does: the release is
// unknown.
func (f *Failed) patchStatus() patchStatus {
	s := newPatchStatus("unknown")
	s.Warnings = append(s.Warnings, f.Error)
	return s
}

func writePatchStatus(w io.Writer, r Result) error {
	report, ok := r.(patchStatusWriter)
	if !ok {
		return &FormatError{AdobeStatus}
	}
	return writeJSON(w, report.patchStatus())
}
