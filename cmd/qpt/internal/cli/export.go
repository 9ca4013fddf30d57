package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/applier/transaction"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/composerpatches"
	"github.com/quality-patches/qpt/pkg/declared"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/rewrite"
	"github.com/quality-patches/qpt/pkg/stack"
)

func newExportCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "export",
		Short:   "Write what is declared in the form of another tool",
		Long:    "Export groups the commands that write the declared patches in the form of another tool.",
		Example: "  qpt export composer-patches",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	sub := newExportComposerPatchesCmd(a)
	sub.Long = strings.TrimRight(sub.Long, "\n") + "\n\n" + exitCodes
	sub.Args = usageArgs(sub.Args)
	cmd.AddCommand(sub)
	return cmd
}

// exportOptions are those of export composer-patches.
type exportOptions struct {
	style, into, file string
	write, replace    bool
	leaveOut, dryRun  bool
}

func newExportComposerPatchesCmd(a *app) *cobra.Command {
	o := exportOptions{}
	cmd := &cobra.Command{
		Use:   "composer-patches",
		Short: "Write what is declared for a Composer patch plugin",
		Long: `Export composer-patches writes the declared patches for cweagans/composer-patches or
vaimo/composer-patches: the diffs that are for this shop, in their order, one for each
patch and package with paths relative to the package, and their declarations in
patches.json, or with --write in composer.json. What these files hold stays.

A plugin patches packages alone. A patch that changes files outside of packages, such as
lib/web, cannot be written for it. Then nothing is, unless --leave-out says to leave it
out, and with it what changes the same files or requires it.`,
		Example: `  qpt export composer-patches
  qpt export composer-patches --style vaimo --write --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.exportPatches(cmd.Context(), o) },
	}
	cmd.Flags().StringVar(&o.style, "style", string(composerpatches.CweagansV2), "the plugin: "+strings.Join(composerpatches.Styles(), ", "))
	cmd.Flags().StringVar(&o.into, "into", "", "the folder of the diffs (default: patches/composer in the installation)")
	cmd.Flags().StringVar(&o.file, "file", "", "the file of the declarations (default: patches.json in the installation)")
	cmd.Flags().BoolVar(&o.write, "write", false, "declare the diffs in composer.json")
	cmd.Flags().BoolVar(&o.replace, "replace", false, "replace diffs of an earlier export that have changed")
	cmd.Flags().BoolVar(&o.leaveOut, "leave-out", false, "leave out what the plugin cannot apply, and write the rest")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "show what would be written, write nothing")
	_ = cmd.RegisterFlagCompletionFunc("style", cobra.FixedCompletions(composerpatches.Styles(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// styleOf reads the name of a style.
func styleOf(name string) (composerpatches.Style, error) {
	if !slices.Contains(composerpatches.Styles(), name) {
		return "", usagef("unknown style %q, expected %s", name, strings.Join(composerpatches.Styles(), ", "))
	}
	return composerpatches.Style(name), nil
}

// below returns a path relative to the root, with slashes.
func (a *app) below(inst *project.Installation, name, fallback string) (string, error) {
	if name == "" {
		return fallback, nil
	}
	root, abs := inst.Root, a.path(name)
	rel, err := filepath.Rel(root, abs)
	if err == nil && rel == "." {
		return "", usagef("%s is the installation itself; name something in it", name)
	}
	if err != nil || !filepath.IsLocal(rel) {
		return "", usagef("%s does not lie in the installation %s", name, root)
	}
	rel = filepath.ToSlash(rel)
	switch {
	case strings.HasPrefix(rel+"/", inst.VendorDir+"/"), rel == "composer.lock":
		return "", usagef("%s is Composer's own; name another place", rel)
	case slices.ContainsFunc(strings.Split(rel, "/"), func(part string) bool { return strings.EqualFold(part, ".git") }):
		return "", usagef("%s lies in a git folder; name another place", rel)
	}
	return rel, nil
}

func (a *app) exportPatches(ctx context.Context, o exportOptions) (err error) {
	style, err := styleOf(o.style)
	if err != nil {
		return err
	}
	if o.write && o.file != "" {
		return usagef("--write declares the diffs in composer.json, --file elsewhere; give one of them")
	}
	sh, err := a.openShop()
	if err != nil {
		return err
	}
	if sh.inst.Layout == project.Git {
		return usagef("%s is a clone of Magento's repository: its packages are not installed by Composer, so that no plugin patches them", sh.inst.Root)
	}
	into, err := a.below(sh.inst, o.into, "patches/composer")
	if err != nil {
		return err
	}
	file, err := a.below(sh.inst, o.file, "patches.json")
	if err != nil {
		return err
	}
	if o.write {
		file = "composer.json"
	}
	var session *transaction.Session
	if !o.dryRun {
		if session, err = a.begin(ctx, sh, changeOptions{command: "export"}); err != nil {
			return err
		}
		defer func() {
			if closeErr := session.Close(); err == nil {
				err = closeErr
			}
		}()
	} else {
		a.reportPending(sh.root, sh.inst)
	}
	set, err := declared.Read(sh.root.FS())
	if err != nil {
		return err
	}
	lock, err := declared.ReadLock(sh.root.FS())
	if err != nil {
		return err
	}
	s, err := a.assess(sh, set, lock, false)
	if err != nil {
		return err
	}
	if s.failures != nil {
		return s.failures
	}
	e := exporter{inst: sh.inst, into: into, names: map[string]bool{}}
	result := &report.Export{
		SchemaVersion: report.SchemaVersion, Style: string(style), DryRun: o.dryRun, File: file,
		Diffs: []report.ExportedDiff{}, Written: []string{}, Findings: []report.Finding{},
	}
	if s.refused != nil {
		for _, f := range s.findings {
			if f.Level == report.LevelError && refusesSync(f.Rule) {
				result.Findings = append(result.Findings, f)
			}
		}
		if err := a.render(result); err != nil {
			return err
		}
		return silent{errors.Join(errFinding, s.refused)}
	}
	for _, it := range e.expressible(s) {
		if err := e.add(it); err != nil {
			return err
		}
	}
	result.Findings = append(append(result.Findings, e.findings...), e.notes...)
	if len(e.findings) > 0 && !o.leaveOut {
		result.Findings = append(result.Findings, report.Finding{
			Rule: "nothing-written", Level: report.LevelNote,
			Message: "give --leave-out to write the other patches, and leave out those above with what builds on them",
		})
		if err := a.render(result); err != nil {
			return err
		}
		return silent{errFinding}
	}
	result.Diffs = append(result.Diffs, e.diffs...)

	overlay := applier.NewOverlay(applier.DirTree(sh.root))
	if err := e.stage(overlay, result, o); err != nil {
		return err
	}
	text, err := e.declare(sh, overlay, style, file, result)
	if err != nil {
		return err
	}
	changes, err := overlay.Changes()
	if err != nil {
		return err
	}
	if o.dryRun {
		result.Text = string(text)
	} else if len(changes) > 0 {
		if err := commit(ctx, session, changes); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	result.OK = len(e.findings) == 0
	if err := a.render(result); err != nil {
		return err
	}
	if !result.OK {
		return silent{errFinding}
	}
	return nil
}

// An exporter gathers the diffs for a plugin.
type exporter struct {
	inst     *project.Installation
	into     string
	names    map[string]bool // of files that are taken
	texts    [][]byte        // of diffs, by their place
	diffs    []report.ExportedDiff
	patches  []composerpatches.Patch
	findings []report.Finding // what keeps patches from being exported
	notes    []report.Finding
}

// packageOf says which installed package a path of a diff belongs to.
func packageOf(inst *project.Installation) func(p string) (name, rel string, ok bool) {
	return func(p string) (name, rel string, ok bool) {
		for _, dir := range []string{"vendor", inst.VendorDir} {
			below, found := strings.CutPrefix(p, dir+"/")
			parts := strings.SplitN(below, "/", 3)
			if !found || len(parts) < 3 {
				continue
			}
			for _, have := range inst.Packages.Named(parts[0] + "/" + parts[1]) {
				if have.Dir == inst.VendorDir+"/"+parts[0]+"/"+parts[1] {
					return have.Name, parts[2], true
				}
			}
		}
		return "", "", false
	}
}

// expressible returns the patches that a plugin can apply, and finds those that it cannot, with those that build on them.
func (e *exporter) expressible(s *assessment) []*stack.Item {
	var list []*stack.Item
	out := map[string]bool{}     // ids in lower case
	paths := map[string]string{} // what patches that are left out change
	for i, it := range s.wanted {
		if idle(s.next.Patches[i]) { // another one brings it, and a plugin could not put it in once more
			e.notes = append(e.notes, report.Finding{
				Rule: "included", Level: report.LevelNote, Patch: it.ID(),
				Message: "patch " + it.ID() + " is left out: other declared patches bring all of it",
			})
			continue
		}
		rule, reason := e.obstacle(it)
		for _, p := range it.Paths() {
			if other := paths[p]; other != "" && rule == "" {
				rule, reason = "builds-on", fmt.Sprintf("changes %s after patch %s, which is left out", p, other)
			}
		}
		for _, id := range catalog.Require(it.Variants) {
			if out[strings.ToLower(id)] && rule == "" {
				rule, reason = "builds-on", "requires "+id+", which is left out"
			}
		}
		if rule == "" {
			list = append(list, it)
			continue
		}
		at := s.place(it.ID())
		e.findings = append(e.findings, report.Finding{
			Rule: rule, Level: report.LevelError, Patch: it.ID(), File: at.File, Line: at.Line, Message: "patch " + it.ID() + " " + reason,
		})
		out[strings.ToLower(it.ID())] = true
		for _, p := range it.Paths() {
			paths[p] = it.ID()
		}
	}
	return list
}

// idle reports whether a patch changes nothing where it goes in.
func idle(p declared.LockedPatch) bool {
	return !slices.ContainsFunc(p.Files, func(f declared.LockedFile) bool { return f.Before != f.After || f.Mode != "" })
}

// obstacle says why a plugin cannot apply a patch; "" if it can.
func (e *exporter) obstacle(it *stack.Item) (rule, reason string) {
	for _, v := range it.Variants {
		text, err := v.Text()
		var outside []string
		if err == nil {
			_, outside, err = rewrite.Relative(text, packageOf(e.inst))
		}
		switch {
		case err != nil:
			return "not-separable", "cannot be written for each package: " + err.Error()
		case len(outside) > 0:
			return "outside-package", "changes " + strings.Join(outside, ", ") + ", which no installed package has"
		}
	}
	return "", ""
}

var notInFiles = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// fileName makes a name of a file out of texts.
func fileName(parts ...string) string {
	for i, p := range parts {
		parts[i] = strings.Trim(notInFiles.ReplaceAllString(p, "_"), "._-")
	}
	return strings.Join(parts, "_")
}

// add takes a patch in: a diff for each package.
func (e *exporter) add(it *stack.Item) error {
	label, base := it.ID(), it.ID()
	if it.Patch.Source == "file" || declared.IsPath(base) {
		base = strings.TrimSuffix(path.Base(base), path.Ext(base))
	} else if it.Patch.Title != "" && it.Patch.Title != it.ID() {
		label += ": " + it.Patch.Title
	}
	for _, v := range it.Variants {
		text, err := v.Text()
		if err != nil {
			return err
		}
		parts, _, err := rewrite.Relative(text, packageOf(e.inst))
		if err != nil {
			return err
		}
		for _, p := range parts {
			name := path.Join(e.into, fileName(base, p.Package))
			unique := name
			for n := 2; e.names[strings.ToLower(unique)]; n++ {
				unique = fmt.Sprintf("%s_%d", name, n)
			}
			e.names[strings.ToLower(unique)] = true
			unique += ".patch"
			e.texts = append(e.texts, p.Text)
			e.diffs = append(e.diffs, report.ExportedDiff{
				Patch: it.ID(), Package: p.Package, File: unique, SHA256: hexSum(p.Text), Paths: p.Paths,
			})
			e.patches = append(e.patches, composerpatches.Patch{Package: p.Package, Label: report.Clean(label), File: unique, SHA256: hexSum(p.Text)})
		}
	}
	return nil
}

// stageFile has a file of the shop written, and reports whether that changes it.
func stageFile(overlay *applier.Overlay, name string, text []byte) (bool, error) {
	mode := fs.FileMode(0o644)
	old, err := overlay.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return false, err
	case old.Mode&fs.ModeSymlink != 0:
		return false, usagef("%s is a link; qpt writes files only", name)
	case bytes.Equal(old.Data, text):
		return false, nil
	default:
		mode = old.Mode
	}
	overlay.Write(name, &applier.File{Data: text, Mode: mode})
	return true, nil
}

// stage has the diffs written.
func (e *exporter) stage(overlay *applier.Overlay, result *report.Export, o exportOptions) error {
	own := map[string]bool{}
	for i, d := range e.diffs {
		own[d.File] = true
		if old, err := overlay.ReadFile(d.File); err == nil && !bytes.Equal(old.Data, e.texts[i]) && !o.replace {
			return usagef("%s is there and has another content; give --replace if it is from an earlier export, or another folder with --into", d.File)
		}
		changed, err := stageFile(overlay, d.File, e.texts[i])
		if err != nil {
			return err
		}
		if changed {
			result.Written = append(result.Written, d.File)
		}
	}
	entries, err := fs.ReadDir(os.DirFS(e.inst.Root), e.into)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if name := path.Join(e.into, entry.Name()); path.Ext(name) == ".patch" && !own[name] {
			result.Findings = append(result.Findings, report.Finding{
				Rule: "left-over", Level: report.LevelNote, Path: name,
				Message: name + " is of no declared patch; delete it if it is from an earlier export",
			})
		}
	}
	return nil
}

// declare has the declarations written, and returns their text.
func (e *exporter) declare(sh *shop, overlay *applier.Overlay, style composerpatches.Style, file string, result *report.Export) ([]byte, error) {
	var src []byte
	old, err := overlay.ReadFile(file)
	switch {
	case err == nil && old.Mode&fs.ModeSymlink != 0:
		return nil, usagef("%s is a link; qpt writes files only", file)
	case err == nil:
		src = old.Data
	case !errors.Is(err, fs.ErrNotExist) || file == "composer.json":
		return nil, usagef("%s: %w", file, err)
	case len(e.patches) == 0:
		return nil, nil
	}
	text, err := composerpatches.Write(src, file == "composer.json", style, e.into, e.patches)
	if err != nil {
		return nil, usagef("%s: %w", file, err)
	}
	manifest, err := readOwn(sh, "composer.json")
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(manifest)) > 0 {
		obstacles, err := composerpatches.Obstacles(manifest, style, file, e.patches)
		if err != nil {
			return nil, usagef("composer.json: %w", err)
		}
		for _, o := range obstacles {
			result.Findings = append(result.Findings, report.Finding{Rule: "plugin-settings", Level: report.LevelWarning, File: "composer.json", Message: o})
		}
	}
	changed, err := stageFile(overlay, file, text)
	if err != nil || !changed {
		return text, err
	}
	result.Written = append(result.Written, file)
	if _, err := sh.root.Lstat("composer.lock"); err == nil && file == "composer.json" {
		result.Findings = append(result.Findings, report.Finding{
			Rule: "outdated-lock", Level: report.LevelNote, File: "composer.lock",
			Message: "composer.lock has a sum of composer.json; run composer update --lock",
		})
	}
	return text, nil
}
