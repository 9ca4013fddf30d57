package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

func newBlameCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "blame FILE",
		Short: "Show which applied patch put each line of a file there",
		Long: `Blame takes the applied patches that touch a file off in memory, puts them back one by
one, and shows for each line which of them wrote it. Lines without an id are those of the
release, or edits. FILE is relative to the working directory or to the installation.`,
		Example: `  qpt blame vendor/magento/module-customer/etc/webapi_rest/events.xml`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.blame(args[0]) },
	}
}

func (a *app) blame(arg string) error {
	sh, err := a.shop()
	if err != nil {
		return err
	}
	name := a.inShop(sh, arg)
	lines, err := sh.stack.Blame(name)
	if err != nil {
		return usagef("blame: %w", err)
	}
	result := &report.Blame{SchemaVersion: report.SchemaVersion, Path: name, Lines: []report.BlameLine{}}
	for i, l := range lines {
		line := report.BlameLine{Number: i + 1, Text: l.Text}
		if l.Item != nil {
			line.ID = l.Item.ID()
		}
		result.Lines = append(result.Lines, line)
	}
	return a.render(result)
}

// inShop makes an argument a path relative to the root: the file may be named from the
// working directory, or from the root itself.
func (a *app) inShop(sh *shop, arg string) string {
	rel, err := filepath.Rel(sh.inst.Root, a.path(arg))
	if err == nil && filepath.IsLocal(rel) {
		if _, err := sh.root.Stat(rel); err == nil {
			return filepath.ToSlash(rel)
		}
	}
	return filepath.ToSlash(filepath.Clean(arg))
}

func newDiffCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "diff [ID...]",
		Short: "Show what the applied patches change in the tree",
		Long: `Diff shows the difference between the tree without the applied patches and the tree as
it is, as one diff. With ids it shows what each of these changes, on top of the patches
below it. Nothing is written to the installation.`,
		Example: `  qpt diff
  qpt diff ACSD-61103`,
		ValidArgsFunction: a.completeIDs,
		RunE:              func(_ *cobra.Command, args []string) error { return a.diff(args) },
	}
}

func (a *app) diff(ids []string) error {
	sh, err := a.shop()
	if err != nil {
		return err
	}
	var paths []string
	for _, id := range ids {
		it, err := sh.stack.Item(id)
		if err != nil {
			return withSuggestions(sh.stack.Catalog, err)
		}
		paths = append(paths, it.Paths()...)
	}
	layers := sh.stack.Layers(paths...)
	result := &report.Diff{SchemaVersion: report.SchemaVersion, Patches: []report.PatchDiff{}}
	tree := layers.Base.Fork()
	var found []string
	for _, it := range layers.Items {
		step := tree.Fork()
		stack.Put(step, it)
		if containsFold(ids, it.ID()) {
			changes, err := step.Changes()
			if err != nil {
				return err
			}
			result.Patches = append(result.Patches, report.PatchDiff{IDs: []string{it.ID()}, Diff: applier.Unified(changes)})
		}
		found = append(found, it.ID())
		tree.Merge(step)
	}
	var missing []string
	for _, id := range ids {
		if !containsFold(found, id) {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		return findingError(whyNot(sh, missing))
	}
	if len(ids) == 0 && len(found) > 0 {
		changes, err := tree.Changes()
		if err != nil {
			return err
		}
		result.Patches = append(result.Patches, report.PatchDiff{IDs: found, Diff: applier.Unified(changes)})
	}
	return a.render(result)
}

// whyNot says of patches that are not among the layers of the tree how they stand to it.
func whyNot(sh *shop, ids []string) string {
	items, _ := sh.stack.Items()
	var not, texts []string
	for _, f := range sh.stack.Inspect(items) {
		switch id := f.Item.ID(); {
		case !containsFold(ids, id):
		case f.State == stack.NotApplied:
			not = append(not, id)
		case f.State == stack.Included:
			texts = append(texts, fmt.Sprintf("%s is included in %s (see qpt diff %[2]s)", id, f.IncludedIn))
		default:
			texts = append(texts, fmt.Sprintf("%s is %s (see qpt status %[1]s)", id, f.State))
		}
	}
	if len(not) > 0 {
		texts = append([]string{"not applied here: " + strings.Join(not, ", ")}, texts...)
	}
	return strings.Join(texts, "; ")
}
