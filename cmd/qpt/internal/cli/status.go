package cli

import (
	"slices"

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
		Use:   "status [ID...]",
		Short: "Show the eligible patches of this installation and their state",
		Long: `Status shows every patch that is for one of the installed packages, and whether it
is in the tree. It changes nothing.

States:
  applied      all of it is in the tree
  not applied  none of it is, and it would fit
  partial      some of its files hold it, the others would take it
  unknown      it can neither be put in nor taken out; a refusal says why`,
		Example: `  qpt status
  qpt status ACSD-61103
  qpt status --state applied --format json`,
		ValidArgsFunction: a.completeIDs,
		RunE: func(_ *cobra.Command, args []string) error {
			o.ids = args
			return a.status(o)
		},
	}
	cmd.Flags().StringSliceVar(&o.states, "state", nil, "only patches in these states: applied, \"not applied\", partial, unknown")
	return cmd
}

func (a *app) status(o statusOptions) error {
	for _, s := range o.states {
		if !slices.Contains([]stack.State{stack.Applied, stack.NotApplied, stack.Partial, stack.Unknown}, stack.State(s)) {
			return usagef("unknown state %q, expected applied, \"not applied\", partial or unknown", s)
		}
	}
	sh, err := a.shop()
	if err != nil {
		return err
	}
	for _, id := range o.ids {
		if _, err := sh.stack.Item(id); err != nil {
			return withSuggestions(sh.stack.Catalog, err)
		}
	}
	items, diagnostics := sh.stack.Items()
	result := &report.Status{
		SchemaVersion: report.SchemaVersion,
		Installation:  installationReport(sh.inst),
		Patches:       []report.PatchStatus{},
		Diagnostics:   diagnosticTexts(append(sh.stack.Catalog.Diagnostics, diagnostics...)),
	}
	for _, f := range sh.stack.Inspect(items) {
		switch f.State {
		case stack.Applied:
			result.Summary.Applied++
		case stack.NotApplied:
			result.Summary.NotApplied++
		case stack.Partial:
			result.Summary.Partial++
		case stack.Unknown:
			result.Summary.Unknown++
		}
		result.Summary.Eligible++
		if len(o.ids) > 0 && !containsFold(o.ids, f.Item.ID()) || len(o.states) > 0 && !slices.Contains(o.states, string(f.State)) {
			continue
		}
		r := statusReport(f)
		if f.State == stack.Partial || f.State == stack.Unknown {
			r.Refusals = refusalReports(sh.stack.Explain(f.Item, applier.Forward))
		}
		if f.Ambiguous {
			result.Warnings = append(result.Warnings, stack.Ambiguity(f))
		}
		result.Patches = append(result.Patches, r)
	}
	return a.render(result)
}
