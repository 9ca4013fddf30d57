package cli

import (
	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

func newConflictsCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "conflicts [ID...]",
		Short: "List the patches that cannot be applied together",
		Long: `Conflicts compares the eligible patches that touch the same files, each with what it
requires, and lists the pairs that cannot be in the tree together, in either order. Pairs
that fit in one order only are counted, and listed with --verbose. With ids it lists the
pairs that these are part of. Which patches are applied does not matter to the answer. A
patch that does not fit even alone is not compared, and named.`,
		Example: `  qpt conflicts
  qpt conflicts ACSD-61103 --format json`,
		ValidArgsFunction: a.completeIDs,
		RunE:              func(_ *cobra.Command, args []string) error { return a.conflicts(args) },
	}
}

func (a *app) conflicts(ids []string) error {
	sh, err := a.shop()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := sh.stack.Item(id); err != nil {
			return withSuggestions(sh.stack.Catalog, err)
		}
	}
	items, _ := sh.stack.Items()
	result := &report.Conflicts{
		SchemaVersion: report.SchemaVersion, Installation: installationReport(sh.inst), Compared: len(items),
		Pairs: []report.ConflictPair{}, Ordered: []report.ConflictPair{},
	}
	pairs, apart := sh.stack.Conflicts(items)
	for _, it := range apart {
		if len(ids) == 0 || containsFold(ids, it.ID()) {
			result.NotCompared = append(result.NotCompared, it.ID())
		}
	}
	for _, p := range pairs {
		if len(ids) > 0 && !containsFold(ids, p.First.ID()) && !containsFold(ids, p.Second.ID()) {
			continue
		}
		if r := pairReport(p); p.Ordered {
			result.Ordered = append(result.Ordered, r)
		} else {
			result.Pairs = append(result.Pairs, r)
		}
	}
	return a.render(result)
}

func pairReport(p stack.Pair) report.ConflictPair {
	return report.ConflictPair{First: p.First.ID(), Second: p.Second.ID(), Paths: p.Paths}
}
