package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

func newCatalogCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "catalog",
		Short:   "Fetch, compare, check and publish catalogues of patches",
		Long:    "Catalog groups the commands about catalogues as such: where they come from, how they differ,\nwhat is wrong with one, and how to publish one.",
		Example: "  qpt catalog update\n  qpt catalog diff 1.1.81 1.1.82\n  qpt catalog lint .",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newCatalogUpdateCmd(a),
		newCatalogListCmd(a), newCatalogPathCmd(a), newCatalogUseCmd(a), newCatalogPruneCmd(a), newCatalogDiffCmd(a),
		newCatalogPackCmd(a), newCatalogSignCmd(a), newCatalogVerifyCmd(a), newCatalogKeygenCmd(a),
		withFindings(newCatalogLintCmd(a)),
	)
	for _, sub := range cmd.Commands() {
		sub.Long = strings.TrimRight(sub.Long, "\n") + "\n\n" + exitCodes
		if sub.Args != nil {
			sub.Args = usageArgs(sub.Args)
		}
	}
	return cmd
}
