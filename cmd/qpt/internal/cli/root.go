package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/report"
)

// newRoot returns the command tree of one run.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "qpt",
		Short: "List, check, apply and revert patches on Adobe Commerce and Magento",
		Long: `qpt lists, checks, applies and reverts quality, security and custom patches on an
Adobe Commerce or Magento Open Source installation.

Settings come from flags, QPT_* variables, qpt.yaml in the installation, and
$XDG_CONFIG_HOME/qpt/config.yaml, in this order.`,
		Version:       buildVersion().Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			a.started = true
			if isCompletion(cmd) {
				return nil
			}
			return a.configure(cmd)
		},
	}
	globalFlags(root.PersistentFlags())
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	for _, name := range []string{"format", "color"} {
		values := report.Formats()
		if name == "color" {
			values = []string{"auto", "always", "never"}
		}
		_ = root.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	}
	root.AddCommand(
		withFindings(newStatusCmd(a)), newListCmd(a), newShowCmd(a), withFindings(newCheckCmd(a)),
		withAdobeStatus(newAuditCmd(a)),
		newApplyCmd(a), newRevertCmd(a), newCompatCmd(a), newDemoCmd(a), newVersionCmd(a),
		newLogCmd(a), newRecoverCmd(a), newConflictsCmd(a), newBlameCmd(a), newDiffCmd(a), newAsCmd(a),
		newSyncCmd(a), withFindings(newVerifyCmd(a)), newLockCmd(a), newAddCmd(a), newRemoveCmd(a),
		newCatalogCmd(a), newConvertCmd(a), newDocsCmd(a),
		newImportCmd(a), newNewCmd(a), newExportCmd(a), newMigrateCmd(a),
	)
	root.SetOut(a.Out) // the completion command takes it when it is made
	root.InitDefaultCompletionCmd("completion")
	root.Long += "\n\n" + exitCodes
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.Example = "  qpt completion bash > /etc/bash_completion.d/qpt"
		}
		cmd.Long = strings.TrimRight(cmd.Long, "\n") + "\n\n" + exitCodes
		if cmd.Args != nil {
			cmd.Args = usageArgs(cmd.Args)
		}
	}
	return root
}

// isCompletion reports whether a command only writes a completion script.
func isCompletion(cmd *cobra.Command) bool {
	return cmd.Name() == "completion" || cmd.Parent() != nil && cmd.Parent().Name() == "completion"
}

// usageArgs makes the errors of a check of arguments usage errors.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usagef("%w (see qpt %s --help)", err, cmd.Name())
		}
		return nil
	}
}

// completeIDs offers the ids of the catalogue that begin with what is typed.
func (a *app) completeIDs(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if err := a.configure(cmd); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	_, c, err := a.optionalShop()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var completions []cobra.Completion
	for _, p := range c.Patches {
		if len(p.ID) >= len(typed) && strings.EqualFold(p.ID[:len(typed)], typed) && !containsFold(args, p.ID) {
			completions = append(completions, cobra.CompletionWithDesc(report.Clean(p.ID), report.Clean(p.Title)))
		}
	}
	if cmd.Name() == "apply" || cmd.Name() == "revert" {
		return completions, cobra.ShellCompDirectiveDefault // a file will do as well
	}
	return completions, cobra.ShellCompDirectiveNoFileComp
}

func containsFold(list []string, s string) bool {
	for _, have := range list {
		if strings.EqualFold(have, s) {
			return true
		}
	}
	return false
}

// suggested brings the commands that cobra suggests for an unknown one into a line.
func suggested(err error) error {
	text, like, ok := strings.Cut(err.Error(), "\n\nDid you mean this?\n")
	if !ok {
		return err
	}
	return fmt.Errorf("%s; did you mean %s?", text, strings.Join(strings.Fields(like), ", "))
}

// beforeRun reports whether an error of Execute came before any command ran, from
// cobra itself: an unknown command or flag.
func beforeRun(a *app, err error) bool {
	var usage usageError
	return err != nil && !a.started && !errors.As(err, &usage) && !errors.Is(err, context.Canceled)
}
