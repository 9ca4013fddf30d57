package cli

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

func newCheckCmd(a *app) *cobra.Command {
	var o releaseOptions
	cmd := &cobra.Command{
		Use:   "check ID|FILE...",
		Short: "Tell whether patches would apply, and if not, why",
		Long: `Check answers for each patch whether it would apply here: whether a variant is for the
installed packages, whether what it requires can be had, and whether every hunk fits.
A no comes with its reason, and with the nearest Magento releases that the patch is for.

With --magento it answers from the release table, without an installation: then it
knows versions, but no files.`,
		Example: `  qpt check ACSD-61103
  qpt check --magento 2.4.6-p9 --edition commerce ACSD-61103`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeIDs,
		RunE: func(_ *cobra.Command, args []string) error {
			if o.magento != "" {
				return a.checkRelease(o, args)
			}
			return a.check(args)
		},
	}
	o.flags(cmd)
	return cmd
}

// checkRelease answers from the release table.
func (a *app) checkRelease(o releaseOptions, ids []string) error {
	_, c, err := a.optionalShop()
	if err != nil {
		return err
	}
	release, packages, err := o.packages(c.Releases)
	if err != nil {
		return err
	}
	result := &report.Check{SchemaVersion: report.SchemaVersion, Release: release.Version.String(), Edition: o.edition}
	s := stack.New(c, packages, nil, nil)
	for _, id := range ids {
		it, err := s.Item(id)
		v := report.Verdict{ID: id, Verdict: report.VerdictEligible}
		if err != nil {
			v = refusedVerdict(c, id, err, release.Version)
		} else {
			v.ID, v.Title, v.Requirements = it.ID(), it.Patch.Title, it.Patch.Requirements
			for _, need := range catalog.Require(it.Variants) {
				if _, err := s.Item(need); err != nil {
					v.Verdict = report.VerdictNotEligible
					v.Reasons = append(v.Reasons, "it requires "+need+": "+err.Error())
				}
			}
		}
		result.Patches = append(result.Patches, v)
	}
	return a.renderCheck(result)
}

// renderCheck writes a check and ends with a finding unless all is well.
func (a *app) renderCheck(result *report.Check) error {
	result.OK = !slices.ContainsFunc(result.Patches, func(v report.Verdict) bool {
		return v.Verdict != report.VerdictApplied && v.Verdict != report.VerdictApplies && v.Verdict != report.VerdictEligible
	})
	if err := a.render(result); err != nil {
		return err
	}
	if !result.OK {
		return silent{errFinding}
	}
	return nil
}

func (a *app) check(args []string) error {
	sh, err := a.target(args)
	if err != nil {
		return err
	}
	result := &report.Check{SchemaVersion: report.SchemaVersion}
	var version compat.Version
	if sh.inst != nil {
		i := installationReport(sh.inst)
		result.Installation, version = &i, sh.inst.Version
	}
	for _, arg := range args {
		it, err := a.item(sh, arg)
		if err != nil {
			var usage usageError
			if errors.As(err, &usage) {
				return err
			}
			result.Patches = append(result.Patches, refusedVerdict(sh.stack.Catalog, arg, err, version))
			continue
		}
		plan, err := sh.stack.PlanApply([]*stack.Item{it})
		v := report.Verdict{
			ID: it.ID(), Title: it.Patch.Title, Verdict: report.VerdictApplies,
			Steps: stepReports(plan.Steps), Requirements: it.Patch.Requirements,
		}
		switch {
		case err != nil:
			v.Verdict = report.VerdictConflict
			for _, f := range failureReports(err) {
				v.Reasons = append(v.Reasons, f.Message)
				v.Refusals = append(v.Refusals, f.Refusals...)
			}
		case len(plan.Unchanged) > 0:
			v.Verdict = report.VerdictApplied
		}
		result.Warnings = append(result.Warnings, plan.Warnings...)
		result.Patches = append(result.Patches, v)
	}
	return a.renderCheck(result)
}

// refusedVerdict explains why an id cannot be had here.
func refusedVerdict(c *catalog.Catalog, id string, err error, here compat.Version) report.Verdict {
	v := report.Verdict{ID: id, Verdict: report.VerdictUnusable}
	var (
		unknown    *stack.UnknownError
		ineligible *stack.NotEligibleError
	)
	switch {
	case errors.As(err, &unknown) && unknown.LeftOut == "":
		v.Verdict, v.Reasons, v.Suggestions = report.VerdictUnknown, []string{err.Error()}, suggestions(c, id)
	case errors.As(err, &ineligible):
		p := ineligible.Patch
		v.ID, v.Title, v.Verdict = p.ID, p.Title, report.VerdictNotEligible
		v.Exclusions = exclusionReports(ineligible.Exclusions)
		v.Reasons = sentences(v.Exclusions)
		v.NearestReleases = nearestReleases(c.Releases, p, here)
	default:
		v.Reasons = []string{err.Error()}
	}
	return v
}

// nearestReleases returns the releases that a patch is for, up to three, those
// nearest to a version first.
func nearestReleases(releases catalog.Releases, p *catalog.Patch, here compat.Version) []string {
	fits := map[string]bool{}
	for _, v := range p.Variants {
		for _, version := range releases.Satisfying(v.Package, v.Constraint) {
			fits[version.Normalized()] = true
		}
	}
	type candidate struct {
		version  compat.Version
		distance int
	}
	// The distance counts releases in the table, which is in order.
	at := slices.IndexFunc(releases, func(r catalog.Release) bool { return r.Version.Compare(here) <= 0 })
	if at < 0 {
		at = len(releases)
	}
	var candidates []candidate
	for i, r := range releases {
		if fits[r.Version.Normalized()] {
			candidates = append(candidates, candidate{r.Version, max(i-at, at-i)})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return a.distance - b.distance })
	var texts []string
	for _, c := range candidates[:min(3, len(candidates))] {
		texts = append(texts, c.version.String())
	}
	return texts
}
