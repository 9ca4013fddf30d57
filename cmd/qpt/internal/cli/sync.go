package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/applier/transaction"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/declared"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

// syncOptions are those of sync, lock, add and remove.
type syncOptions struct {
	changeOptions
	frozen bool
	pin    bool
}

func newSyncCmd(a *app) *cobra.Command {
	o := syncOptions{changeOptions: changeOptions{command: "sync"}}
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Bring the tree to what is declared",
		Long: `Sync puts in what is declared and missing, in order, and takes out what it put in and is
no longer declared: all of it or nothing. Patches that were applied by other means stay.
What it did is in qpt.lock, which belongs under version control. When all is well it
changes nothing and is quick, so it can run after every composer install.

Declarations are in qpt.yaml (patches), composer.json (extra.magento-patches),
.magento.env.yaml (stage.build.QUALITY_PATCHES) and m2-hotfixes/.

With --frozen it puts in exactly what qpt.lock says, and refuses anything else.`,
		Example: `  qpt sync
  qpt sync --frozen
  qpt sync --dry-run --diff`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.sync(cmd.Context(), o) },
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.frozen, "frozen", false, "refuse anything that qpt.lock does not say")
	return cmd
}

func newLockCmd(a *app) *cobra.Command {
	o := syncOptions{changeOptions: changeOptions{command: "lock"}}
	cmd := &cobra.Command{
		Use:   "lock",
		Short: "Write qpt.lock for what is declared, and nothing else",
		Long: `Lock works out what a sync would come to, and writes that into qpt.lock. Files of the
shop are not changed. It writes a lock anew that cannot be read, and takes files that
were edited for what they are.`,
		Example: "  qpt lock",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.sync(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "show what would change, write nothing")
	return cmd
}

func newAddCmd(a *app) *cobra.Command {
	o := syncOptions{changeOptions: changeOptions{command: "add"}}
	cmd := &cobra.Command{
		Use:   "add ID|FILE...",
		Short: "Declare patches in qpt.yaml, and sync",
		Long: `Add writes patches into qpt.yaml, after those that stand there, brings qpt.lock up to
date and the tree to what is declared then: all of it or nothing. An argument is the id of
a patch, a diff below the root, or a folder of diffs. What a patch requires is asked for
on a terminal, and needs --yes elsewhere.`,
		Example: `  qpt add ACSD-61103
  qpt add patches/ours.patch --pin`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args = args
			return a.sync(cmd.Context(), o)
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.pin, "pin", false, "declare the hash of each patch with it, so that no other diff is put in")
	return cmd
}

func newRemoveCmd(a *app) *cobra.Command {
	o := syncOptions{changeOptions: changeOptions{command: "remove"}}
	cmd := &cobra.Command{
		Use:   "remove ID|FILE...",
		Short: "Take patches out of qpt.yaml, and sync",
		Long: `Remove deletes patches from qpt.yaml, brings qpt.lock up to date and the tree to what is
declared then: all of it or nothing. What other declared patches require stays.`,
		Example:           "  qpt remove ACSD-61103",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args = args
			return a.sync(cmd.Context(), o)
		},
	}
	o.flags(cmd)
	return cmd
}

func (a *app) sync(ctx context.Context, o syncOptions) (err error) {
	nothing := func(lock *declared.Lock) error {
		return a.render(&report.Sync{
			SchemaVersion: report.SchemaVersion, Command: o.command, OK: true, DryRun: o.dryRun, Frozen: o.frozen,
			Declared: len(lock.Patches), Steps: []report.Step{}, Written: []string{},
		})
	}
	var before *stamp
	if o.command == "sync" && a.config.Root != "" {
		if before = a.stamp(); before != nil && before.holds() {
			return nothing(before.lock)
		}
	}
	sh, err := a.openShop()
	if err != nil {
		return err
	}
	if o.command == "sync" {
		if lock, ok := a.inStep(sh); ok {
			if !o.dryRun && !a.keepSynced(sh, lock) && before != nil {
				before.keep()
			}
			return nothing(lock)
		}
	}
	var session *transaction.Session
	var stateErr error
	if !o.dryRun {
		if session, err = a.begin(ctx, sh, o.changeOptions); err != nil {
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
	if o.command == "remove" {
		if o.args, err = a.declaredNames(sh, o.args); err != nil {
			return err
		}
	}
	config, err := a.editConfig(sh, o)
	if err != nil {
		return err
	}
	set, err := declared.ReadWith(sh.root.FS(), config)
	if err != nil {
		return err
	}
	lock, err := declared.ReadLock(sh.root.FS())
	if err != nil && o.command != "lock" {
		return err
	}
	for _, name := range o.args {
		if i, ignored := set.Ignores(plainName(name)); ignored && o.command == "add" {
			return usagef("%s is ignored (%s, %s); take it out of there first", name, i.Place, i.Reason)
		}
		if p, still := set.Find(plainName(name)); still && o.command == "remove" {
			return usagef("%s is declared in %s, too; remove it there", name, p.Place)
		}
	}
	s, err := a.assess(sh, set, lock, o.command == "lock")
	if err != nil {
		return err
	}
	result := &report.Sync{
		SchemaVersion: report.SchemaVersion, Command: o.command, DryRun: o.dryRun, Frozen: o.frozen,
		Declared: len(s.wanted), Steps: []report.Step{}, Written: []string{},
		Warnings: append(catalogWarnings(sh.stack.Catalog, declaredIDs(set)), s.plan.Warnings...),
	}
	if err := s.refusal(o, result); err != nil {
		return a.refuseSync(sh, o, result, err)
	}
	result.OK = true
	overlay := s.plan.Overlay
	if o.command == "lock" {
		overlay = applier.NewOverlay(applier.DirTree(sh.root))
	} else {
		result.Steps = stepReports(s.plan.Steps)
	}
	changes, err := s.stageAll(sh, o, overlay, config, result)
	if err != nil {
		return err
	}
	if o.diff {
		result.Diff = applier.Unified(changes)
	}
	if !o.dryRun && len(changes) > 0 {
		if o.command != "lock" {
			if err := a.confirm(&stack.Plan{Steps: s.implied(o)}, o.changeOptions); err != nil {
				return err
			}
		}
		if stateErr != nil {
			return stateErr
		}
		if o.command != "lock" {
			a.keepDiffs(sh, s) // before the commit, so that nothing is in that cannot be taken out
		}
		if err := commit(ctx, session, changes); err != nil {
			return fmt.Errorf("%s: %w", o.command, err)
		}
		if o.command != "lock" {
			a.remember(sh, o.changeOptions, s.plan.Steps, nil)
		}
	}
	if !o.dryRun && o.command != "lock" {
		a.keepSynced(sh, s.next)
	}
	return a.render(result)
}

// declaredIDs returns the names that a set declares.
func declaredIDs(set *declared.Set) []string {
	names, _ := set.Names()
	return names
}

// plainName is an argument of add or remove without its hash, as a set has it.
func plainName(arg string) string {
	if name, _, err := declared.SplitHash(arg); err == nil {
		arg = name
	}
	return strings.TrimPrefix(arg, "./")
}

// declaredNames returns arguments of remove as declarations have them: a path may be
// relative to the working directory, as for add.
func (a *app) declaredNames(sh *shop, args []string) ([]string, error) {
	src, err := readOwn(sh, declared.ConfigFile)
	if err != nil {
		return nil, err
	}
	_, missing, err := declared.Remove(src, args)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, arg := range args {
		name := plainName(arg)
		rel, err := filepath.Rel(sh.inst.Root, a.path(name))
		if err == nil && filepath.IsLocal(rel) && slices.Contains(missing, arg) {
			if _, err := sh.root.Stat(rel); err == nil {
				name = filepath.ToSlash(rel)
			}
		}
		names = append(names, name)
	}
	return names, nil
}

// editConfig returns qpt.yaml as add or remove make it; nil when it is to be read as it is.
func (a *app) editConfig(sh *shop, o syncOptions) ([]byte, error) {
	if o.command != "add" && o.command != "remove" {
		return nil, nil
	}
	src, err := readOwn(sh, declared.ConfigFile)
	if err != nil {
		return nil, err
	}
	if o.command == "remove" {
		out, missing, err := declared.Remove(src, o.args)
		if err != nil {
			return nil, err
		}
		if len(missing) > 0 {
			set, err := declared.Read(sh.root.FS())
			if err != nil {
				return nil, err
			}
			if p, ok := set.Find(missing[0]); ok {
				return nil, usagef("%s is declared in %s, not by itself in %s; remove it there", missing[0], p.Place, declared.ConfigFile)
			}
			return nil, findingError(missing[0] + " is not declared")
		}
		if out == nil {
			out = []byte{}
		}
		return out, nil
	}
	set, err := declared.ReadWith(sh.root.FS(), append([]byte{}, src...))
	if err != nil {
		return nil, err
	}
	var entries []string
	for _, arg := range o.args {
		entry, err := a.entry(sh, arg, o.pin)
		if err != nil {
			return nil, err
		}
		_, have := set.Find(plainName(entry))
		if _, missing, err := declared.Remove(src, []string{entry}); err == nil && len(missing) == 0 {
			have = true // a folder, which is none of the patches
		}
		if !have && !containsFold(entries, entry) {
			entries = append(entries, entry)
		}
	}
	out, err := declared.Add(src, entries)
	if out == nil {
		out = []byte{}
	}
	return out, err
}

// entry returns what qpt.yaml says for an argument of add.
func (a *app) entry(sh *shop, arg string, pin bool) (string, error) {
	name, sum, err := declared.SplitHash(arg)
	if err != nil {
		return "", usageError{err}
	}
	var variants []*catalog.Variant
	if it, err := sh.stack.Item(name); err == nil {
		name, variants = it.ID(), it.Variants // as the catalogue writes it
	} else {
		var unknown *stack.UnknownError
		switch {
		case !errors.As(err, &unknown):
			return "", err
		case !declared.IsPath(name):
			if info, statErr := os.Stat(a.path(name)); statErr != nil || !info.IsDir() {
				return "", withSuggestions(sh.stack.Catalog, err)
			}
		}
		rel, err := filepath.Rel(sh.inst.Root, a.path(name))
		if err != nil || !filepath.IsLocal(rel) {
			return "", usagef("%s does not lie in the installation %s", name, sh.inst.Root)
		}
		info, err := sh.root.Stat(rel)
		if err != nil {
			return "", usagef("%s: %w", name, errors.Unwrap(err))
		}
		name = filepath.ToSlash(rel)
		if info.IsDir() {
			name += "/"
			pin = false
		}
		variants = catalog.LoosePatch(name, func() ([]byte, error) { return sh.root.ReadFile(rel) }).Variants
	}
	if sum == "" && pin {
		var sums []string
		for _, v := range variants {
			text, err := v.Text()
			if err != nil {
				return "", err
			}
			sums = append(sums, hexSum(text))
		}
		sum = declared.Hash(sums)
	}
	if sum != "" {
		name += "@" + sum
	}
	return name, nil
}

// refusal returns what keeps a sync from being carried out, and puts it into the result.
func (s *assessment) refusal(o syncOptions, result *report.Sync) error {
	moved := s.moved()
	for _, f := range s.findings {
		grave := f.Level == report.LevelError && s.refused != nil && refusesSync(f.Rule)
		if grave || f.Rule == "edited" || f.Rule == "overlap" || f.Rule == "ineligible" {
			if f.Rule == "edited" {
				f.Level = report.LevelWarning // it is no obstacle
			}
			if f.Rule == "edited" && moved[f.Path] {
				f.Level = report.LevelNote
				f.Message = f.Path + " was another original than the locked one when patch " + f.Patch + " went in; " + declared.LockFile + " has the new one"
			}
			result.Findings = append(result.Findings, f)
		}
	}
	if s.failures != nil {
		result.Failures = failureReports(s.failures)
	}
	if err := errors.Join(s.refused, s.failures); err != nil {
		return err
	}
	if o.frozen {
		if found := s.frozen(); len(found) > 0 {
			result.Findings = found
			return fmt.Errorf("%s does not say what is declared: %w", declared.LockFile, errFinding)
		}
	}
	return nil
}

// refusesSync reports whether a rule is one that keeps declarations from being resolved.
func refusesSync(rule string) bool {
	switch rule {
	case "unknown-patch", "ineligible", "unusable", "hash-mismatch", "missing-requirement":
		return true
	}
	return false
}

// refuseSync ends a sync that is refused.
func (a *app) refuseSync(sh *shop, o syncOptions, result *report.Sync, err error) error {
	if !o.dryRun && o.command != "lock" && len(result.Failures) > 0 {
		a.remember(sh, o.changeOptions, nil, result.Failures)
	}
	if code, _ := classify(err); code == exitError {
		err = errors.Join(errFinding, err) // a declaration that cannot be had is a finding
	}
	if a.config.Quiet {
		return err
	}
	if err := a.render(result); err != nil {
		return err
	}
	return silent{err}
}

// stageAll adds the files of qpt to the change of the tree, so that they are written together.
func (s *assessment) stageAll(sh *shop, o syncOptions, overlay *applier.Overlay, config []byte, result *report.Sync) ([]applier.Change, error) {
	write := func(name string, text []byte) error {
		old, err := overlay.ReadFile(name)
		mode := fs.FileMode(0o644)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case old.Mode&fs.ModeSymlink != 0:
			return usagef("%s is a link; qpt writes files only", name)
		case bytes.Equal(old.Data, text):
			return nil
		default:
			mode = old.Mode
		}
		overlay.Write(name, &applier.File{Data: text, Mode: mode})
		result.Written = append(result.Written, name)
		return nil
	}
	if config != nil {
		if err := write(declared.ConfigFile, config); err != nil {
			return nil, err
		}
	}
	// A frozen sync takes the lock as it is; and without any declaration there is none to be made.
	if !o.frozen && (s.lock != nil || len(s.next.Declared)+len(s.next.Patches) > 0 || o.command == "lock") {
		if err := write(declared.LockFile, s.next.Bytes()); err != nil {
			return nil, err
		}
	}
	return overlay.Changes()
}

// implied returns the steps that need consent: what add requires, and what is taken out
// although no declaration put it in.
func (s *assessment) implied(o syncOptions) []stack.Step {
	var steps []stack.Step
	for _, step := range s.plan.Steps {
		_, locked := s.lock.Patch(step.Item.ID())
		if !locked {
			_, locked = s.synced.Patch(step.Item.ID())
		}
		_, needed := s.requiredBy[step.Item.ID()]
		wanted := false
		for _, it := range s.wanted {
			wanted = wanted || strings.EqualFold(it.ID(), step.Item.ID())
		}
		foreign := step.Dir == applier.Reverse && !locked && !wanted
		if foreign || needed && !locked && step.Dir == applier.Forward && o.command == "add" {
			steps = append(steps, step)
		}
	}
	return steps
}
