package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/applier/transaction"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/report"
)

func newRecoverCmd(a *app) *cobra.Command {
	var undo, finish bool
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Undo or finish work that was interrupted",
		Long: `Recover brings a tree back to one state after a run was killed or lost power. Without
options it finishes what had been written completely, and undoes anything else; apply and
revert do the same before they begin. It never guesses: when a file was changed since, or
the journal is damaged, it says so, changes nothing and keeps every version.`,
		Example: `  qpt recover
  qpt recover --undo`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			mode := transaction.Auto
			switch {
			case undo && finish:
				return usagef("--undo and --finish exclude each other")
			case undo:
				mode = transaction.Undo
			case finish:
				mode = transaction.Finish
			}
			return a.recover(cmd.Context(), mode)
		},
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "undo it, also when all was written")
	cmd.Flags().BoolVar(&finish, "finish", false, "finish it, also when not all was written")
	return cmd
}

func (a *app) recover(ctx context.Context, mode transaction.Mode) error {
	inst, err := a.installation()
	if a.config.RootNamed && (errors.Is(err, project.ErrNotInstallation) || errors.Is(err, project.ErrNoMagento)) {
		inst, err = nil, nil // a plain folder, which apply and revert work on too
	}
	if err != nil {
		return err
	}
	root, err := a.openRoot(a.config.Root)
	if err != nil {
		return err
	}
	recovery, err := transaction.Recover(ctx, root, a.transactionOptions(inst, "qpt recover"), mode)
	if err != nil {
		return err
	}
	result := &report.Recover{SchemaVersion: report.SchemaVersion, Action: "none"}
	if recovery != nil {
		result.Action = "undone"
		if recovery.Finished {
			result.Action = "finished"
		}
		result.Command, result.Started, result.Paths = recovery.Command, recovery.Started, recovery.Paths
	}
	return a.render(result)
}
