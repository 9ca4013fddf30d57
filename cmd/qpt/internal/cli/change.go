package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/applier/transaction"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

// changeOptions are those of apply and revert.
type changeOptions struct {
	command string // apply or revert
	args    []string
	all     bool
	dryRun  bool
	diff    bool
	yes     bool
	restack bool
}

func (o *changeOptions) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "show what would change, write nothing")
	cmd.Flags().BoolVar(&o.diff, "diff", false, "show the change of the tree as a diff")
	cmd.Flags().BoolVar(&o.restack, "restack", false, "lift applied patches that are in the way, and put them back")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do what the request implies without asking")
}

func newApplyCmd(a *app) *cobra.Command {
	o := changeOptions{command: "apply"}
	cmd := &cobra.Command{
		Use:   "apply ID|FILE...",
		Short: "Apply patches, with those they require",
		Long: `Apply puts patches into the tree, all of them or none. An argument is the id of a patch,
a diff file, or - for a diff on standard input. What a patch requires goes in before it,
what it replaces comes out: that is asked for on a terminal, and needs --yes elsewhere.

Applying what is applied is success. With --root and only diff files it works on any
folder.`,
		Example: `  qpt apply ACSD-61103
  qpt apply ACSD-61103 fixes/ours.patch --dry-run --diff
  qpt apply --root some/folder - < change.diff`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args = args
			return a.change(cmd.Context(), o)
		},
	}
	o.flags(cmd)
	return cmd
}

func newRevertCmd(a *app) *cobra.Command {
	o := changeOptions{command: "revert"}
	cmd := &cobra.Command{
		Use:   "revert ID|FILE...",
		Short: "Take patches out again",
		Long: `Revert takes patches out of the tree, all of them or none. An argument is the id of a
patch, a diff file, or - for a diff on standard input; --all means every patch that is
applied. It refuses to take away what an applied patch requires.

Reverting what is not there is success.`,
		Example: `  qpt revert ACSD-61103
  qpt revert --all --dry-run`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.all && len(args) > 0 {
				return errors.New("--all takes no ids")
			}
			if !o.all {
				return cobra.MinimumNArgs(1)(cmd, args)
			}
			return nil
		},
		ValidArgsFunction: a.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args = args
			return a.change(cmd.Context(), o)
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.all, "all", false, "take out every patch that is applied")
	return cmd
}

// target opens the shop, or, for diff files alone under an explicit root, any folder.
func (a *app) target(args []string) (*shop, error) {
	sh, err := a.openShop()
	if err == nil || !a.config.RootNamed ||
		!errors.Is(err, project.ErrNotInstallation) && !errors.Is(err, project.ErrNoMagento) {
		return sh, err
	}
	c, cerr := a.catalog("", "")
	if cerr != nil {
		return nil, cerr
	}
	for _, arg := range args {
		if _, known := c.Patch(arg); known || arg != "-" && !a.looksLikeFile(arg) {
			return nil, err
		}
	}
	if len(args) == 0 {
		return nil, err
	}
	root, err := a.openRoot(a.config.Root)
	if err != nil {
		return nil, err
	}
	overlay := applier.NewOverlay(applier.DirTree(root))
	return &shop{nil, root, stack.New(c, project.Packages{}, overlay, nil)}, nil
}

// item returns what an argument means: a patch of the catalogue, or a diff.
func (a *app) item(sh *shop, arg string) (*stack.Item, error) {
	if arg == "" {
		return nil, usagef("an empty argument is neither an id nor a file")
	}
	it, err := sh.stack.Item(arg)
	var unknown *stack.UnknownError
	if !errors.As(err, &unknown) {
		return it, err
	}
	if arg != "-" && !a.looksLikeFile(arg) {
		return nil, withSuggestions(sh.stack.Catalog, err)
	}
	it, err = sh.stack.Loose(catalog.LoosePatch(arg, func() ([]byte, error) {
		if arg == "-" {
			return catalog.ReadAll(a.In)
		}
		f, err := os.Open(a.path(arg))
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return catalog.ReadAll(f)
	}))
	var diff *catalog.DiffError
	if errors.As(err, &diff) {
		return nil, usagef("%s: %w", arg, diff.Err)
	}
	return it, err
}

func (a *app) change(ctx context.Context, o changeOptions) (err error) {
	sh, err := a.target(o.args)
	if err != nil {
		return err
	}
	var session *transaction.Session
	var stateErr error
	if !o.dryRun {
		if session, err = a.begin(ctx, sh, o); err != nil {
			if code, _ := classify(err); code != exitError {
				return err
			}
			stateErr = err // only matters if there is something to write
		} else {
			defer func() {
				// What could not be cleaned up after a commit is told here.
				if closeErr := session.Close(); err == nil {
					err = closeErr
				}
			}()
		}
	} else {
		a.reportPending(sh.root, sh.inst)
	}
	plan, failures, err := a.plan(sh, o)
	if err != nil {
		return err
	}
	result := &report.Change{
		SchemaVersion: report.SchemaVersion, Command: o.command, DryRun: o.dryRun,
		OK: failures == nil, Steps: stepReports(plan.Steps),
		Warnings: append(catalogWarnings(sh.stack.Catalog, o.args), plan.Warnings...),
	}
	for _, f := range plan.Unchanged {
		result.Unchanged = append(result.Unchanged, report.Unchanged{ID: f.Item.ID(), State: string(f.State)})
	}
	if failures != nil {
		result.Failures = failureReports(failures)
		if !o.dryRun {
			a.remember(sh, o, nil, result.Failures)
		}
		if a.config.Quiet {
			return failures
		}
		if err := a.render(result); err != nil {
			return err
		}
		return silent{failures}
	}
	changes, err := plan.Overlay.Changes()
	if err != nil {
		return err
	}
	result.NextSteps = nextSteps(plan, changes)
	if o.command == "apply" && len(plan.Steps) > 0 {
		result.Warnings = append(result.Warnings, advice(sh, plan)...)
	}
	if o.diff {
		result.Diff = applier.Unified(changes)
	}
	if !o.dryRun && len(changes) > 0 {
		if err := a.confirm(plan, o); err != nil {
			return err
		}
		if stateErr != nil {
			return stateErr
		}
		if err := commit(ctx, session, changes); err != nil {
			return fmt.Errorf("%s: %w", o.command, err)
		}
		a.remember(sh, o, plan.Steps, nil)
	}
	return a.render(result)
}

// plan resolves the arguments and plans. Failures are those of the plan, which are
// part of the result; the error is one that ends the command.
func (a *app) plan(sh *shop, o changeOptions) (plan *stack.Plan, failures, err error) {
	var items []*stack.Item
	if o.all {
		eligible, _ := sh.stack.Items()
		for _, f := range sh.stack.Inspect(eligible) {
			if f.State.In() {
				items = append(items, f.Item)
			}
		}
	}
	for _, arg := range o.args {
		it, err := a.item(sh, arg)
		var usage usageError
		if errors.As(err, &usage) {
			return nil, nil, err
		}
		if err != nil {
			failures = errors.Join(failures, err)
			continue
		}
		items = append(items, it)
	}
	sh.stack.Restack = o.restack
	if o.command == "revert" {
		plan, err = sh.stack.PlanRevert(items)
	} else {
		plan, err = sh.stack.PlanApply(items)
	}
	return plan, errors.Join(failures, err), nil
}

// transactionOptions say where lock and journal of a tree are.
func (a *app) transactionOptions(inst *project.Installation, command string) transaction.Options {
	o := transaction.Options{StateDir: a.config.StateDir, Wait: a.config.Wait, Command: command}
	switch {
	case o.StateDir != "":
		o.StateDir = a.path(o.StateDir)
	case inst == nil:
		o.StateDir = a.plainStateDir(a.config.Root)
	}
	return o
}

// String is the command line, as the lock and the log name it.
func (o *changeOptions) String() string {
	words := []string{"qpt", o.command}
	if o.all {
		words = append(words, "--all")
	}
	return strings.Join(append(words, o.args...), " ")
}

// begin takes the lock, after which interrupted work is finished or undone.
func (a *app) begin(ctx context.Context, sh *shop, o changeOptions) (*transaction.Session, error) {
	return a.lock(ctx, sh.root, a.transactionOptions(sh.inst, o.String()))
}

// lock takes the lock, and tells what was done about interrupted work.
func (a *app) lock(ctx context.Context, root *os.Root, o transaction.Options) (*transaction.Session, error) {
	session, recovery, err := transaction.Begin(ctx, root, o)
	if recovery != nil {
		what := "undid"
		if recovery.Finished {
			what = "finished"
		}
		a.note("%s interrupted work first: %s", what, describeWork(&recovery.Interrupted))
	}
	return session, err
}

// describeWork names work that was interrupted.
func describeWork(w *transaction.Interrupted) string {
	return report.Clean(fmt.Sprintf("%q, process %d on %s, begun %s, %d files",
		w.Command, w.PID, w.Host, w.Started.Format(time.RFC3339), len(w.Paths)))
}

// reportPending tells a reader that the tree is between two states.
func (a *app) reportPending(root *os.Root, inst *project.Installation) {
	work, err := transaction.Pending(root, a.transactionOptions(inst, ""))
	switch {
	case err != nil:
		a.note("warning: %s", report.Clean(err.Error()))
	case work != nil && work.Running:
		a.note("warning: another run is at work: %s", describeWork(work))
	case work != nil:
		a.note("warning: work was interrupted here, the next apply or revert will undo or finish it: %s", describeWork(work))
	}
}

// plainStateDir is where the state of a folder is kept that is no installation.
func (a *app) plainStateDir(root string) string {
	base := a.Getenv("XDG_STATE_HOME")
	if base == "" && a.Getenv("HOME") != "" {
		base = filepath.Join(a.Getenv("HOME"), ".local", "state")
	}
	if base == "" {
		return "" // var/qpt in the folder, then, and a message about it if there is no var
	}
	return filepath.Join(base, "qpt", stateName(root))
}

// stateName is the name of a folder's state.
func stateName(root string) string {
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real // one folder has one state, whatever leads to it
	}
	sum := sha256.Sum256([]byte(root))
	return hex.EncodeToString(sum[:8])
}

// commit writes the changes. A signal has it stop at a safe point and undo.
func commit(ctx context.Context, session *transaction.Session, changes []applier.Change) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	err := session.Commit(ctx, changes)
	if cause := context.Cause(ctx); errors.Is(err, context.Canceled) && cause != nil {
		return cause
	}
	return err
}

// confirm asks for what was not asked for by name.
func (a *app) confirm(plan *stack.Plan, o changeOptions) error {
	implied := plan.Implied()
	if o.restack { // agrees to what it asks for
		implied = slices.DeleteFunc(implied, func(s stack.Step) bool { return s.Lift })
	}
	if len(implied) == 0 || o.yes {
		return nil
	}
	var list []string
	for _, s := range implied {
		verb := "apply"
		if s.Dir == applier.Reverse {
			verb = "revert"
		}
		list = append(list, fmt.Sprintf("%s %s, %s", verb, s.Item.ID(), s.Because))
	}
	question := "this also means to " + report.Clean(strings.Join(list, "; "))
	if a.config.NoInteraction || !a.Terminal {
		return usagef("%s: give --yes to agree", question)
	}
	ok, err := a.ask(question + ". Go on?")
	if err != nil {
		return err
	}
	if !ok {
		return usagef("nothing was changed: what the request implies was not agreed to")
	}
	return nil
}

// nextSteps are what the shop has to do after the changes, and what the patches that
// went in ask for in words.
func nextSteps(plan *stack.Plan, changes []applier.Change) []report.NextStep {
	var steps []report.NextStep
	for _, n := range stack.NextSteps(changes) {
		steps = append(steps, report.NextStep{Command: n.Command, Reason: n.Reason, Paths: n.Paths})
	}
	for _, s := range plan.Steps {
		if text := s.Item.Patch.Requirements; text != "" && s.Dir == applier.Forward {
			steps = append(steps, report.NextStep{Reason: s.Item.ID() + " asks for: " + text})
		}
	}
	return steps
}

// manyPatches is from how many quality patches on the PHP tool advises to upgrade.
const manyPatches = 8

// advice warns, as the PHP tool does, when a shop lives on patches.
func advice(sh *shop, plan *stack.Plan) []string {
	quality := map[string]bool{}
	for _, s := range plan.Steps {
		if s.Item.Patch.Origin == catalog.OriginSupport {
			quality[s.Item.ID()] = s.Dir == applier.Forward
		}
	}
	items, _ := sh.stack.Items()
	items = slices.DeleteFunc(items, func(it *stack.Item) bool {
		_, planned := quality[it.ID()]
		return planned || it.Patch.Origin != catalog.OriginSupport
	})
	if sh.stack.AtMost(items)+len(plan.Steps) < manyPatches {
		return nil
	}
	for _, f := range sh.stack.Inspect(items) {
		quality[f.Item.ID()] = f.State.In()
	}
	n := 0
	for _, in := range quality {
		if in {
			n++
		}
	}
	if n < manyPatches {
		return nil
	}
	return []string{fmt.Sprintf("%d quality patches are in the tree; Adobe advises to keep their number small, and to plan an upgrade to the latest release instead", n)}
}
