package cli

import "github.com/spf13/cobra"

func newCatalogCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "catalog",
		Short:   "Work with catalogues of patches",
		Long:    "Catalog has the commands for those who write, check and distribute catalogues.",
		Example: "  qpt catalog lint .",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(withFindings(newCatalogLintCmd(a)))
	for _, sub := range cmd.Commands() {
		sub.Long += "\n\n" + exitCodes
		if sub.Args != nil {
			sub.Args = usageArgs(sub.Args)
		}
	}
	return cmd
}
