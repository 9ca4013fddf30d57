package cli

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/tidwall/gjson"

	"github.com/quality-patches/qpt/pkg/audit"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/report"
)

type auditOptions struct {
	cves   []string
	failOn string
}

func newAuditCmd(a *app) *cobra.Command {
	var o auditOptions
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Tell which security patches this installation has and lacks",
		Long: `Audit looks at all security patches that the catalogues know, and at the files of this
installation. It says of each patch whether it is there, and of each vulnerability whether
the installation is protected. It changes nothing and takes no lock.

Verdicts on patches:
  applied         all of it is in the tree, maybe under other patches
  missing         it is for this installation, and some or all of it is not in the tree
  needs release   it is for a later release of this line alone; upgrade first
  unknown         whether it is in the tree cannot be told
  replaced        the patch that replaces it counts
  not applicable  it is for other packages or other releases
Statuses of vulnerabilities:
  PROTECTED       every patch for this installation that names it is in the tree
  VULNERABLE      one of them is missing
  UNKNOWN         nothing proves either
  NOT_APPLICABLE  what it is about is not installed

A release that no source knows, and a release line for which no source has security
patches, are findings.`,
		Example: `  qpt audit
  qpt audit --cve CVE-2026-12345
  qpt audit --output sarif=security.sarif --output patch-status=patch-status.json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.audit(o) },
	}
	cmd.Flags().StringSliceVar(&o.cves, "cve", nil, "only about this vulnerability (may be repeated)")
	failOnFlag(cmd, &o.failOn)
	_ = cmd.RegisterFlagCompletionFunc("cve", func(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return a.completeCVEs(cmd, typed)
	}) // fails only for a flag that is not there
	return cmd
}

func (a *app) audit(o auditOptions) error {
	if err := checkFailOn(o.failOn); err != nil {
		return err
	}
	var asked []string
	for _, id := range o.cves {
		id = strings.ToUpper(strings.TrimSpace(id))
		if err := catalog.CheckCVE(id); err != nil {
			return usageError{err}
		}
		if !slices.Contains(asked, id) {
			asked = append(asked, id)
		}
	}
	sh, err := a.shop()
	if err != nil {
		return err
	}
	releases, diagnostics := sh.stack.Catalog.Releases()
	found := audit.Run(sh.stack, sh.inst.Version, releases, asked)
	result := &report.Audit{
		SchemaVersion: report.SchemaVersion, FailOn: o.failOn, Installation: installationReport(sh.inst), Components: components(sh.inst), Asked: asked,
		Patches: []report.AuditedPatch{}, Vulnerabilities: []report.AuditedCVE{}, Findings: []report.AuditFinding{},
		Sources: a.auditSources(sh, found), Warnings: append(catalogWarnings(sh.stack.Catalog, nil), diagnosticTexts(diagnostics)...),
	}
	for _, d := range found.Unread { // which is a finding
		result.Warnings = slices.DeleteFunc(result.Warnings, func(text string) bool { return text == d.String() })
	}
	for _, p := range found.Patches {
		result.Patches = append(result.Patches, auditedPatch(sh, p))
	}
	for _, v := range found.Vulnerabilities {
		result.Vulnerabilities = append(result.Vulnerabilities, report.AuditedCVE{ID: v.ID, Status: string(v.Status), Reason: v.Reason, Patches: v.Patches})
	}
	result.Findings = append(result.Findings, auditFindings(sh.inst, found, len(asked) > 0)...)
	result.OK = !slices.ContainsFunc(result.Findings, func(f report.AuditFinding) bool { return f.Fails(o.failOn) })
	if err := a.render(result); err != nil {
		return err
	}
	if !result.OK {
		return silent{errFinding}
	}
	return nil
}

func auditedPatch(sh *shop, p *audit.Patch) report.AuditedPatch {
	r := report.AuditedPatch{
		ID: p.ID, Verdict: string(p.Verdict), Reason: p.Reason, CVE: p.CVE, Named: p.Named, ByName: p.ByName, ReplacedWith: p.ReplacedWith,
	}
	if p.Entry != nil {
		r.Title, r.Source = p.Entry.Title, p.Entry.Source
		if s := p.Entry.Security; s != nil {
			r.Bulletin, r.Release, r.Month, r.Sequence, r.Edition = s.Bulletin, s.Release, s.Month, s.Sequence, s.Edition
		}
	}
	if p.Finding != nil {
		r.State = string(p.Finding.State)
		if p.Verdict == audit.Missing || p.Verdict == audit.Unknown {
			r.Refusals = explain(sh, *p.Finding, true)
		}
	}
	return r
}

// auditFindings says what of an audit is not as it should be.
func auditFindings(inst *project.Installation, found *audit.Result, asked bool) []report.AuditFinding {
	var list []report.AuditFinding
	add := func(rule, level, patch, cve, format string, args ...any) {
		list = append(list, report.AuditFinding{
			Finding: report.Finding{Rule: rule, Level: level, Patch: patch, Message: fmt.Sprintf(format, args...)}, CVE: cve,
		})
	}
	for _, d := range found.Unread {
		add("unreadable-source", report.LevelError, "", "",
			"%s, so nobody can say which security patches there are in it; qpt catalog lint says where", d)
	}
	if !found.ReleaseKnown {
		add("unknown-release", report.LevelError, "", "",
			"no source knows the release %s, so nobody can say which security patches it needs; bring the catalogues up to date", inst.Version)
	}
	if !found.HasSource {
		add("no-source", report.LevelError, "", "",
			"no source knows security patches for the release line of %s; name a catalogue that does", inst.Version)
	}
	if found.Newest != "" {
		add("not-newest", report.LevelWarning, "", "",
			"%s is not the newest release of its line: %s is, and isolated security diffs are made for that alone", inst.Version, found.Newest)
	}
	for _, g := range found.Gaps {
		add("sequence-gap", report.LevelWarning, "", "", "%s", gapText(g))
	}
	for _, p := range found.Patches {
		because := ""
		if p.Reason != "" {
			because = ": " + p.Reason
		}
		switch p.Verdict {
		case audit.Missing:
			add("missing", report.LevelError, p.ID, "", "security patch %s is missing%s", p.ID, because)
		case audit.NeedsRelease:
			add("needs-release", report.LevelError, p.ID, "", "security patch %s needs release %s%s", p.ID, p.Release, because)
		case audit.Unknown:
			add("unknown", report.LevelError, p.ID, "", "whether security patch %s is in the tree cannot be told%s", p.ID, because)
		}
	}
	for _, v := range found.Vulnerabilities {
		switch v.Status {
		case audit.Vulnerable:
			add("cve-vulnerable", report.LevelError, "", v.ID, "the installation is vulnerable to %s: %s", v.ID, v.Reason)
		case audit.Unclear:
			level := report.LevelError
			if !v.Proven && !asked { // which says more of the sources than of the installation
				level = report.LevelWarning
			}
			add("cve-unknown", level, "", v.ID, "whether the installation is protected against %s is unknown: %s", v.ID, v.Reason)
		}
	}
	return list
}

func gapText(g audit.Gap) string {
	if g.Sequence == 0 {
		return fmt.Sprintf("no source knows an isolated diff of %s for %s (%s); if there is one, it is needed", g.Month, g.Release, g.Edition)
	}
	return fmt.Sprintf("no source knows the isolated diff %03d of %s for %s (%s), though a later one is known", g.Sequence, g.Month, g.Release, g.Edition)
}

// components are the versions of the editions that are installed, by Adobe's short names.
func components(inst *project.Installation) map[string]string {
	versions := map[string]string{}
	for _, edition := range []string{"CE", "EE", "B2B"} {
		for _, pkg := range catalog.EditionPackages(edition) {
			if found := inst.Packages.Named(pkg); len(found) > 0 {
				versions[edition] = found[0].Version.String()
				break
			}
		}
	}
	return versions
}

// auditSources lists the catalogues, each with its version as far as that is known, and
// with how many security patches come from it.
func (a *app) auditSources(sh *shop, found *audit.Result) []report.AuditSource {
	sources := []report.AuditSource{}
	for _, s := range slices.Concat(sh.stack.Catalog.Levels()...) {
		r := report.AuditSource{Name: s.Name, Version: a.sourceVersion(sh, s)}
		if filepath.IsAbs(s.Name) {
			r.Name = a.sourceLabel(s.Name)
		}
		for _, p := range found.Patches {
			if p.Entry != nil && p.Entry.Source == s.Name {
				r.Security++
			}
		}
		sources = append(sources, r)
	}
	return sources
}

// sourceVersion is what Composer says of an installed catalogue, or the catalogue's own
// composer.json.
func (a *app) sourceVersion(sh *shop, s catalog.Source) string {
	if s.Name == bundledSource {
		return buildVersion().Version
	}
	if named := sh.inst.Packages.Named(s.Name); len(named) > 0 {
		return named[0].Version.String()
	}
	src, err := fs.ReadFile(s.FS, "composer.json")
	if err != nil {
		return ""
	}
	version := gjson.GetBytes(src, "version").String()
	if strings.Contains(s.Name, " "+version+" ") { // as that of a catalogue of the cache does
		return ""
	}
	return version
}

// completeCVEs offers the vulnerabilities that the catalogues name.
func (a *app) completeCVEs(cmd *cobra.Command, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if err := a.configure(cmd); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	_, c, err := a.optionalShop()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var completions []cobra.Completion
	for _, p := range c.Patches {
		if p.Security == nil {
			continue
		}
		for _, id := range p.Security.CVE {
			if strings.HasPrefix(id, strings.ToUpper(typed)) && !slices.Contains(completions, id) {
				completions = append(completions, id)
			}
		}
	}
	slices.Sort(completions)
	return completions, cobra.ShellCompDirectiveNoFileComp
}
