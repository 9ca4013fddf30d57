package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

func newCheckCmd(a *app) *cobra.Command {
	var o releaseOptions
	failOn := ""
	cmd := &cobra.Command{
		Use:   "check ID|FILE...",
		Short: "Tell whether patches would apply, and if not, why",
		Long: `Check answers for each patch whether it would apply here: whether a variant is for the
installed packages, whether what it requires can be had, and whether every hunk fits.
A no comes with its reason, and with the nearest Magento releases that the patch is for.
The policy in qpt.yaml has its say, too: --fail-on sets what makes it a no.

With --magento it answers from the release table, without an installation: then it
knows versions, but no files.`,
		Example: `  qpt check ACSD-61103
  qpt check --magento 2.4.6-p9 --edition commerce ACSD-61103`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeIDs,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := checkFailOn(failOn); err != nil {
				return err
			}
			if o.magento != "" {
				return a.checkRelease(o, args)
			}
			return a.check(args, failOn)
		},
	}
	o.flags(cmd)
	failOnFlag(cmd, &failOn)
	return cmd
}

// checkRelease answers from the release table.
func (a *app) checkRelease(o releaseOptions, ids []string) error {
	_, c, err := a.optionalShop()
	if err != nil {
		return err
	}
	release, packages, err := o.packages(a.releases(c))
	if err != nil {
		return err
	}
	result := &report.Check{SchemaVersion: report.SchemaVersion, Release: release.Version.String(), Edition: o.edition}
	s := stack.New(c, packages, nil, nil)
	for _, id := range ids {
		it, err := s.Item(id)
		v := report.Verdict{ID: id, Verdict: report.VerdictEligible}
		if err != nil {
			v = refusedVerdict(c, id, err, release.Version, catalog.Edition(o.edition))
		} else {
			v.ID, v.Title, v.Requirements = it.ID(), it.Patch.Title, it.Patch.Requirements
			if v.Reasons = missingRequirements(s, it, map[string]bool{}); len(v.Reasons) > 0 {
				v.Verdict = report.VerdictNotEligible
			}
		}
		result.Patches = append(result.Patches, v)
	}
	return a.renderCheck(result, "")
}

// missingRequirements says which of the patches that an item requires, maybe through
// others, cannot be had.
func missingRequirements(s *stack.Stack, it *stack.Item, seen map[string]bool) []string {
	var reasons []string
	for _, id := range catalog.Require(it.Variants) {
		if seen[strings.ToLower(id)] {
			continue
		}
		seen[strings.ToLower(id)] = true
		need, err := s.Item(id)
		if err != nil {
			reasons = append(reasons, it.ID()+" requires "+id+": "+err.Error())
			continue
		}
		reasons = append(reasons, missingRequirements(s, need, seen)...)
	}
	return reasons
}

// renderCheck writes a check and ends with a finding unless all is well.
func (a *app) renderCheck(result *report.Check, failOn string) error {
	result.OK = !slices.ContainsFunc(result.Patches, func(v report.Verdict) bool {
		return v.Verdict != report.VerdictApplied && v.Verdict != report.VerdictApplies && v.Verdict != report.VerdictEligible
	}) && !slices.ContainsFunc(result.Findings, func(f report.Finding) bool { return f.Fails(failOn) })
	if err := a.render(result); err != nil {
		return err
	}
	if !result.OK {
		return silent{errFinding}
	}
	return nil
}

func (a *app) check(args []string, failOn string) error {
	sh, err := a.target(args)
	if err != nil {
		return err
	}
	result := &report.Check{SchemaVersion: report.SchemaVersion}
	var version compat.Version
	edition := catalog.B2B
	if sh.inst != nil {
		i := installationReport(sh.inst)
		result.Installation, version, edition = &i, sh.inst.Version, catalog.Edition(i.Edition)
	}
	var open, items []*stack.Item // open are those that are not in the tree
	for _, arg := range args {
		it, err := a.item(sh, arg)
		if err != nil {
			var usage usageError
			if errors.As(err, &usage) {
				return err
			}
			result.Patches = append(result.Patches, refusedVerdict(sh.stack.Catalog, arg, err, version, edition))
			continue
		}
		items = append(items, it)
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
		if v.Verdict != report.VerdictApplied {
			open = append(open, it)
		}
		result.Warnings = append(result.Warnings, plan.Warnings...)
		result.Patches = append(result.Patches, v)
	}
	checkTogether(sh.stack, items, open, result)
	if err := a.checkPolicy(sh, items, result); err != nil {
		return err
	}
	result.Warnings = append(result.Warnings, catalogWarnings(sh.stack.Catalog, args)...)
	return a.renderCheck(result, failOn)
}

// checkTogether looks at several patches in the given order: which of them fit only
// behind others, which cannot be together, and, if they do not fit in this order, in
// which they would. Open are those of them that are not in the tree by themselves.
func checkTogether(s *stack.Stack, items, open []*stack.Item, result *report.Check) {
	if len(items) < 2 {
		return
	}
	plan, err := s.PlanApply(items)
	for _, f := range plan.Unchanged {
		for i := range result.Patches {
			if v := &result.Patches[i]; v.ID == f.Item.ID() && v.Verdict == report.VerdictConflict {
				v.Verdict, v.Refusals, v.Reasons = report.VerdictApplied, nil, nil
			}
		}
	}
	for _, step := range plan.Steps {
		for i := range result.Patches {
			if v := &result.Patches[i]; v.ID == step.Item.ID() && v.Verdict == report.VerdictConflict {
				v.Verdict, v.Refusals, v.Steps = report.VerdictApplies, nil, stepReports([]stack.Step{step})
				v.Reasons = []string{"it would not apply alone, only after patches named before it"}
			}
		}
	}
	if err == nil {
		return
	}
	pairs, _ := s.Conflicts(open)
	for _, p := range pairs {
		if !p.Ordered {
			result.Conflicts = append(result.Conflicts, pairReport(p))
		}
	}
	order, ok := s.Order(open)
	if ok {
		for _, it := range order {
			result.Order = append(result.Order, it.ID())
		}
	}
	failures := failureReports(err)
	for i := range result.Patches {
		v := &result.Patches[i]
		if v.Verdict != report.VerdictApplies ||
			slices.ContainsFunc(plan.Steps, func(s stack.Step) bool { return s.Item.ID() == v.ID }) ||
			slices.ContainsFunc(plan.Unchanged, func(f stack.Finding) bool { return f.Item.ID() == v.ID }) {
			continue
		}
		v.Verdict, v.Steps = report.VerdictConflict, nil
		for _, f := range behind(v.ID, failures, result.Patches) {
			v.Refusals = append(v.Refusals, f.Refusals...)
			v.Reasons = append(v.Reasons, "it would apply alone, but not after the patches named before it: "+f.Message)
		}
	}
}

// behind returns the failures that keep a patch out: its own, else those of patches that
// are not named, which it may require, else all.
func behind(id string, failures []report.Failure, named []report.Verdict) []report.Failure {
	var own, others []report.Failure
	for _, f := range failures {
		if f.ID == id {
			own = append(own, f)
		} else if !slices.ContainsFunc(named, func(v report.Verdict) bool { return v.ID == f.ID }) {
			others = append(others, f)
		}
	}
	for _, list := range [][]report.Failure{own, others} {
		if len(list) > 0 {
			return list
		}
	}
	return failures
}

// refusedVerdict explains why an id cannot be had here.
func refusedVerdict(c *catalog.Catalog, id string, err error, here compat.Version, edition catalog.Edition) report.Verdict {
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
		releases, _ := c.Releases()
		v.NearestReleases = nearestReleases(releases, p, here, edition)
	default:
		v.Reasons = []string{err.Error()}
	}
	return v
}

// nearestReleases returns the releases in which an edition has a package that a patch
// is for, up to three, those nearest to a version first.
func nearestReleases(releases catalog.Releases, p *catalog.Patch, here compat.Version, edition catalog.Edition) []string {
	fits := func(r catalog.Release) bool {
		packages := r.In(edition)
		return slices.ContainsFunc(p.Variants, func(v *catalog.Variant) bool {
			version, ok := packages[v.Package]
			return ok && v.Constraint.Allows(version) && (v.Base == nil || v.Base.Allows(packages[catalog.BasePackage]))
		})
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
		if fits(r) {
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
