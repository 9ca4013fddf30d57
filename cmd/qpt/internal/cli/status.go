package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

type statusOptions struct {
	ids    []string
	states []string
}

func newStatusCmd(a *app) *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status [ID|FILE...]",
		Short: "Show the eligible patches of this installation and their state",
		Long: `Status shows every patch that is for one of the installed packages, and whether it
is in the tree. With ids it shows only these, and with diff files these, too: what lies
under a diff that no catalogue has is seen when that is named. It changes nothing.

States:
  applied        all of it is in the tree
  applied under  all of it is, under the patches that are named
  included       all of it is, because the patch that is named brought it
  not applied    none of it is, and it would fit
  blocked        none of it is, and it would fit without the patches that are named
  partial        some of its files or hunks are there, the others would fit
  unknown        it can neither be put in nor taken out; a refusal says why`,
		Example: `  qpt status
  qpt status ACSD-61103
  qpt status --state applied --format json`,
		ValidArgsFunction: a.completeIDs,
		RunE: func(_ *cobra.Command, args []string) error {
			o.ids = args
			return a.status(o)
		},
	}
	cmd.Flags().StringSliceVar(&o.states, "state", nil, "only patches in these states, such as applied or \"not applied\"; applied stands for those under others, too")
	return cmd
}

func (a *app) status(o statusOptions) error {
	for _, s := range o.states {
		if !slices.Contains(stack.States(), stack.State(s)) {
			return usagef("unknown state %q, expected one of %s", s, strings.Join(stateNames(), ", "))
		}
	}
	sh, err := a.shop()
	if err != nil {
		return err
	}
	items, diagnostics := sh.stack.Items()
	eligible := len(items)
	for _, id := range o.ids {
		it, err := a.item(sh, id)
		if err != nil {
			return err
		}
		if _, known := sh.stack.Catalog.Patch(id); !known && !slices.ContainsFunc(items[eligible:], func(have *stack.Item) bool { return have.ID() == id }) {
			items = append(items, it)
		}
	}
	result := &report.Status{
		SchemaVersion: report.SchemaVersion,
		Installation:  installationReport(sh.inst),
		Patches:       []report.PatchStatus{},
		Diagnostics:   diagnosticTexts(append(sh.stack.Catalog.Diagnostics, diagnostics...)),
	}
	for i, f := range sh.stack.Inspect(items) {
		if i < eligible {
			count(&result.Summary, f.State)
		}
		if len(o.ids) > 0 && !containsFold(o.ids, f.Item.ID()) || !o.wants(f.State) {
			continue
		}
		r := statusReport(f)
		r.Refusals = explain(sh, f, len(o.ids) > 0 || a.config.Verbose)
		if f.Ambiguous {
			result.Warnings = append(result.Warnings, stack.Ambiguity(f))
		}
		result.Patches = append(result.Patches, r)
	}
	return a.render(result)
}

func count(s *report.Summary, state stack.State) {
	s.Eligible++
	switch state {
	case stack.Applied, stack.AppliedUnder:
		s.Applied++
	case stack.Included:
		s.Included++
	case stack.NotApplied:
		s.NotApplied++
	case stack.Blocked:
		s.Blocked++
	case stack.Partial:
		s.Partial++
	case stack.Unknown:
		s.Unknown++
	}
}

// wants reports whether patches in a state are asked for.
func (o *statusOptions) wants(s stack.State) bool {
	return len(o.states) == 0 || slices.Contains(o.states, string(s)) ||
		s == stack.AppliedUnder && slices.Contains(o.states, string(stack.Applied))
}

func stateNames() []string {
	var names []string
	for _, s := range stack.States() {
		names = append(names, string(s))
	}
	return names
}

// explain says what keeps a patch from being applied that is not in the tree, and if
// that is worth a look at the whole catalogue, what is behind it.
func explain(sh *shop, f stack.Finding, causes bool) []report.Refusal {
	switch f.State {
	case stack.Blocked, stack.Partial, stack.Unknown:
	default:
		return nil
	}
	refusals := sh.stack.Explain(f.Item, applier.Forward)
	if !causes {
		return refusalReports(refusals, nil)
	}
	return refusalReports(refusals, sh.stack.Causes(f.Item, refusals, f.InTheWay))
}
