package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/cmd/qpt/internal/standin"
	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
)

// newAsCmd makes qpt behave as a PHP command. Its flags are that command's.
func newAsCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "as magento-patches|ece-patches [ARGUMENT...]",
		Short: "Behave as the PHP command of that name",
		Long: `As takes the arguments of magento-patches or ece-patches and does what that command does:
the same commands, options, messages, exit codes and log lines. A binary or link that is
called magento-patches or ece-patches does the same. What the PHP tool would leave broken
is done right: docs/php-tool.md lists the differences. All settings come from QPT_*
variables and configuration files. Exit codes are 0 and 1 as those of the PHP command;
the others mean what they mean elsewhere.`,
		Example: `  qpt as magento-patches status --format=json
  qpt as ece-patches apply`,
		DisableFlagParsing: true,
		ValidArgs:          []string{standin.MagentoPatches, standin.EcePatches},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
				return cmd.Help()
			}
			if len(args) == 0 || !slices.Contains(cmd.ValidArgs, args[0]) {
				return usagef("name the command to stand in for: %s", strings.Join(cmd.ValidArgs, " or "))
			}
			return a.as(cmd.Context(), args[0], args[1:])
		},
	}
}

// exitStatus ends a run with a status that was explained already.
type exitStatus int

func (e exitStatus) Error() string { return "failed" }

// as runs a PHP command's command line.
func (a *app) as(ctx context.Context, name string, args []string) error {
	inst, err := a.installation()
	if err != nil {
		return err
	}
	root, err := a.openRoot(inst.Root)
	if err != nil {
		return err
	}
	vendor := filepath.Join(inst.Root, filepath.FromSlash(inst.VendorDir), "magento")
	var sources []catalog.Source
	for _, pkg := range []string{"magento-cloud-patches", "quality-patches"} { // in the PHP tool's order
		if dir := filepath.Join(vendor, pkg); isDir(dir) {
			sources = append(sources, catalog.Source{Name: "magento/" + pkg, FS: os.DirFS(dir)})
		}
	}
	hotfixes := catalog.Load()
	if dir := filepath.Join(inst.Root, "m2-hotfixes"); isDir(dir) {
		hotfixes = catalog.Load([]catalog.Source{{Name: "m2-hotfixes", FS: os.DirFS(dir), Dir: "m2-hotfixes"}})
	}
	a.reportPending(root, inst)
	status, err := standin.Run(ctx, name, args, &standin.Shop{
		In: a.In, Out: a.Out, Err: a.Err, Getenv: a.Getenv, Installation: inst, Root: root,
		Catalog: catalog.Load(sources), Hotfixes: hotfixes,
		AppendLog: func(data []byte) error { return appendFile(root, historyFile, data) },
		Begin: func(ctx context.Context) (func(context.Context, []applier.Change) error, func() error, error) {
			session, err := a.lock(ctx, root, a.transactionOptions(inst, strings.Join(append([]string{name}, args...), " ")))
			if err != nil {
				return nil, nil, err
			}
			return func(ctx context.Context, changes []applier.Change) error { return commit(ctx, session, changes) }, session.Close, nil
		},
	})
	if err == nil && status != 0 {
		err = silent{exitStatus(status)}
	}
	return err
}
