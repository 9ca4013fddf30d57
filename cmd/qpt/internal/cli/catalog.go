package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

func newCatalogCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "catalog",
		Short:   "Fetch, compare, check and publish catalogues of patches",
		Long:    "Catalog has the commands for those who fetch, write, check and distribute catalogues.",
		Example: "  qpt catalog lint .\n  qpt catalog update",
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
