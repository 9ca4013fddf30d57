package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/declared"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

func newVerifyCmd(a *app) *cobra.Command {
	failOn := ""
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Tell whether the tree is what is declared",
		Long: `Verify does what sync does, and stops before anything is written: it tells how the tree,
qpt.lock and the catalogue differ from what is declared, and which rules of the policy in
qpt.yaml are broken.

Rules about drift:
  not-applied, reverted, partial   a declared patch is not, or not wholly, in the tree
  unlocked, undeclared, reordered  qpt.lock and the declarations differ
  leftover                         this tree has a patch, or a diff of one, that qpt.lock does not
  edited                           a file is not what any patch made of it
  catalogue-changed, newer-variant another diff would be put in now
  no-effect                        a declaration without effect
  unknown-patch, ineligible, unusable, hash-mismatch, missing-requirement
                                   a declaration cannot be had
  conflict, overlap                patches are in each other's way
Rules of the policy: deprecated, replaced, category, unknown-origin, unpinned, too-many`,
		Example: `  qpt verify
  qpt verify --fail-on warning --format json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.verify(failOn) },
	}
	failOnFlag(cmd, &failOn)
	return cmd
}

func (a *app) verify(failOn string) error {
	if err := checkFailOn(failOn); err != nil {
		return err
	}
	sh, err := a.shop()
	if err != nil {
		return err
	}
	set, err := declared.Read(sh.root.FS())
	if err != nil {
		return err
	}
	lock, err := declared.ReadLock(sh.root.FS())
	if err != nil {
		return err
	}
	s, err := a.assess(sh, set, lock, false)
	if err != nil {
		return err
	}
	result := &report.Verify{
		SchemaVersion: report.SchemaVersion, FailOn: failOn, Installation: installationReport(sh.inst),
		Patches: []report.DeclaredPatch{}, Findings: []report.Finding{},
		Warnings: append(catalogWarnings(sh.stack.Catalog, declaredIDs(set)), s.plan.Warnings...),
	}
	for _, it := range s.wanted {
		at := s.place(it.ID())
		_, locked := s.lock.Patch(it.ID())
		p := report.DeclaredPatch{ID: it.ID(), State: string(s.plan.Was[it.ID()]), RequiredBy: s.requiredBy[it.ID()], Locked: locked}
		if len(p.RequiredBy) == 0 {
			p.File, p.Line = at.File, at.Line
		}
		result.Patches = append(result.Patches, p)
	}
	if s.failures != nil {
		result.Failures = failureReports(s.failures)
		for _, f := range result.Failures {
			s.add("conflict", report.LevelError, f.ID, "", s.place(f.ID), f.Message)
		}
	}
	result.Findings = append(result.Findings, s.findings...)
	result.Findings = append(result.Findings, a.policyFindings(sh, &set.Policy, s.wanted, s.place)...)
	result.Findings = append(result.Findings, unpinned(set)...)
	return a.renderVerify(result)
}

// unpinned finds the declarations without a hash, if the policy asks for one.
func unpinned(set *declared.Set) []report.Finding {
	level := map[declared.Level]string{declared.Warn: report.LevelWarning, declared.Deny: report.LevelError}[set.Policy.Unpinned]
	var findings []report.Finding
	for _, p := range set.Patches {
		if level != "" && p.SHA256 == "" {
			findings = append(findings, report.Finding{
				Rule: "unpinned", Level: level, Patch: p.Name, File: p.File, Line: p.Line,
				Message: "patch " + p.Name + " is declared without a hash",
			})
		}
	}
	return findings
}

func (a *app) renderVerify(result *report.Verify) error {
	result.OK = !slices.ContainsFunc(result.Findings, func(f report.Finding) bool { return f.Fails(result.FailOn) })
	if err := a.render(result); err != nil {
		return err
	}
	if !result.OK {
		return silent{errFinding}
	}
	return nil
}

// checkPolicy adds to a check what the policy of the installation says of its patches.
func (a *app) checkPolicy(sh *shop, items []*stack.Item, result *report.Check) error {
	if sh.inst == nil || len(items) == 0 {
		return nil
	}
	set, err := declared.Read(sh.root.FS())
	if err != nil {
		return err
	}
	policy := set.Policy
	policy.TooMany = declared.Off // of the patches that are declared, not of those that are asked about
	result.Findings = a.policyFindings(sh, &policy, items, func(id string) declared.Place {
		p, _ := set.Find(id)
		return p.Place
	})
	return nil
}
