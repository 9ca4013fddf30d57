package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/applier/transaction"
	"github.com/quality-patches/qpt/pkg/author"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/catalog/lint"
	"github.com/quality-patches/qpt/pkg/catalog/own"
	"github.com/quality-patches/qpt/pkg/catalog/store"
	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

// newOptions are those of new.
type newOptions struct {
	id                               string
	paths                            []string
	title, requirements              string
	categories, require, constraints []string
	beside, packages                 []string
	against, into                    string
	base, update, dryRun             bool
}

func newNewCmd(a *app) *cobra.Command {
	o := newOptions{}
	cmd := &cobra.Command{
		Use:   "new ID [PATH...]",
		Short: "Make a patch of edits in the shop's files",
		Long: `New compares files of the installation with what they were before they were edited, and
writes the difference as a patch into the shop's own catalogue: one diff for each package,
and an entry with title, categories, constraint and requirements.

What applied patches did is no part of the difference. An applied patch without which the
edits would not fit becomes a requirement.

The files are compared with the last commit of the git repository that holds them, with
the packages in Composer's cache, or with a pristine tree or archive: --against. Only the
first needs the git command. PATHs and --package say which files; without them all
packages are looked at that git has.

Before anything is written it is checked that the diffs take the edits out and put them
in again byte for byte, that the catalogue has no errors, and that the patch counts as
applied here. With --update, the diffs of a patch of the own catalogue are made anew of
what they did and of what was edited since.`,
		Example: `  qpt new SHOP-17 --title "Keep the coupon on reorder" --category Cart
  qpt new SHOP-18 --title "Log less" --against composer-cache --package magento/module-checkout
  qpt new SHOP-17 --update --dry-run`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeNew,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.id, o.paths = args[0], args[1:]
			return a.newPatch(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.title, "title", "", "what the patch does, in one line")
	f.StringArrayVar(&o.categories, "category", nil, "a category of the catalogue (may be repeated; default: Other)")
	f.StringVar(&o.requirements, "requirements", "", "what has to be done beside applying the patch")
	f.StringArrayVar(&o.require, "require", nil, "an id that the patch requires beside those that are found (may be repeated)")
	f.StringArrayVar(&o.beside, "beside", nil, "an id that was not applied, although parts of it seem to be (may be repeated)")
	f.StringArrayVar(&o.constraints, "constraint", nil, "the versions that the patch is for, as [PACKAGE:]CONSTRAINT (may be repeated; default: the installed ones)")
	f.BoolVar(&o.base, "base", false, "let the version of "+catalog.BasePackage+" decide for all files")
	f.StringArrayVar(&o.packages, "package", nil, "a package to look at (may be repeated)")
	f.StringVar(&o.against, "against", "", "what to compare with: git, composer-cache, or a pristine folder or zip archive (default: git if it has the files)")
	f.StringVar(&o.into, "into", "", "the folder of the catalogue (default: the setting patches-dir)")
	f.BoolVar(&o.update, "update", false, "make the diffs of a patch of this catalogue anew")
	f.BoolVar(&o.dryRun, "dry-run", false, "show the diffs and the entry, write nothing")
	return cmd
}

// completeNew offers ids for an update; a new patch has none yet.
func (a *app) completeNew(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	if update, err := cmd.Flags().GetBool("update"); err != nil || !update {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeIDs(cmd, args, typed)
}

// An authoring is one run of new.
type authoring struct {
	*app
	newOptions
	shop  *shop
	stack *stack.Stack // which knows the own catalogue
	own   *ownFolder
	edit  *own.Edit      // of it
	old   *catalog.Patch // for an update
	tree  *applier.Overlay

	decided map[string]string // which package decides for the files of the old patch
	byBase  bool              // the base package does, for files of others
}

func (a *app) newPatch(ctx context.Context, o newOptions) error {
	n, err := a.beginAuthoring(o)
	if err != nil {
		return err
	}
	if err := n.describe(); err != nil {
		return err
	}
	constraints, err := n.parseConstraints()
	if err != nil {
		return err
	}
	before, against, err := n.pristine(ctx)
	if err != nil {
		return refusedFile(err)
	}
	edits, err := author.Separate(&author.Question{
		Stack: n.stack, Tree: n.tree, Before: before, Patched: against == "git", Without: n.id,
		Over: n.over(), Beside: n.beside, Locate: n.shop.inst.Path,
	})
	if err != nil {
		return refusedFile(err)
	}
	if len(edits.Changes) == 0 {
		return findingError(fmt.Sprintf("nothing was edited: what was looked at is as in %s, but for applied patches", against))
	}
	draft, diffs, err := n.draft(edits, constraints, before)
	if err != nil {
		return refusedFile(err)
	}
	if err := edits.Verify(diffs); err != nil {
		return refusedFile(err)
	}
	if err := n.edit.Write(&draft); err != nil {
		return usageError{err}
	}
	result := &report.New{
		SchemaVersion: report.SchemaVersion, ID: draft.ID, Catalog: n.own.dir, Against: against, Update: n.update, DryRun: n.dryRun,
		Changed: len(n.edit.Files()) > 0, Entry: json.RawMessage(n.edit.Entry(draft.ID)), Require: requirements(draft), Warnings: n.warnings(edits),
	}
	for _, it := range edits.On {
		result.On = append(result.On, it.ID())
	}
	n.variants(result, draft)
	if err := n.check(result); err != nil {
		return err
	}
	if !n.dryRun && result.Changed {
		if err := n.own.write(ctx, a, n.edit, "qpt new "+draft.ID); err != nil {
			return err
		}
	}
	return a.render(result)
}

// refusedFile makes what is said about files and patches a finding.
func refusedFile(err error) error {
	var (
		file    *author.FileError
		base    *author.BaseError
		missing *author.CacheError
	)
	if errors.As(err, &file) || errors.As(err, &base) || errors.As(err, &missing) {
		return findingError(err.Error())
	}
	return err
}

// beginAuthoring opens the shop and its own catalogue.
func (a *app) beginAuthoring(o newOptions) (*authoring, error) {
	if err := own.CheckID(o.id); err != nil {
		return nil, usageError{err}
	}
	sh, err := a.openShop()
	if err != nil {
		return nil, err
	}
	switch work, err := transaction.Pending(sh.root, a.transactionOptions(sh.inst, "")); {
	case err != nil:
		return nil, err
	case work != nil: // no patch is to be made of half of another
		return nil, usagef("the files of the shop are between two states: %s; run qpt recover first", describeWork(work))
	}
	n := &authoring{app: a, newOptions: o, shop: sh}
	dir := a.ownDir(sh.inst.Root)
	if o.into != "" {
		dir = a.path(o.into)
	}
	if n.own, n.edit, err = a.ownFolder(sh, dir); err != nil {
		return nil, err
	}
	p, leftOut := n.patch(o.id)
	switch {
	case leftOut != "":
		return nil, usagef("the entry %s of %s is not usable: %s", o.id, n.own.dir, leftOut)
	case o.update && p == nil:
		return nil, &stack.UnknownError{ID: o.id}
	case !o.update && p != nil:
		return nil, usagef("%s has %s already; --update makes its diffs anew", n.own.dir, p.ID)
	case o.update:
		n.old, n.id = p, p.ID
	}
	c := n.load(n.own.folder)
	if have, ok := c.Patch(o.id); ok && !o.update {
		return nil, usagef("%s has a patch %s, which the new one would hide; choose another id", have.Source, have.ID)
	}
	n.tree = applier.NewOverlay(applier.DirTree(sh.root))
	n.stack = stack.New(c, sh.inst.Packages, n.tree, sh.inst.Path)
	n.keepDeciding()
	for _, id := range append(slices.Clone(o.require), o.beside...) {
		if _, ok := c.Patch(id); !ok {
			return nil, withSuggestions(c, &stack.UnknownError{ID: id, LeftOut: c.LeftOut(id)})
		}
	}
	return n, nil
}

// patch returns a patch as it stands in the own catalogue, and why its entry is not usable
// if it is not.
func (n *authoring) patch(id string) (p *catalog.Patch, leftOut string) {
	if n.own.folder == nil || !own.Is(n.own.folder) {
		return nil, ""
	}
	c := catalog.Load([]catalog.Source{n.own.source(n.own.folder)})
	p, ok := c.Patch(id)
	if ok && !p.Incomplete { // what else is said may concern other catalogues
		return p, ""
	}
	return p, c.LeftOut(id)
}

// load loads the catalogues with the own one as given.
func (n *authoring) load(folder fs.FS) *catalog.Catalog {
	levels := n.others()
	if folder != nil && own.Is(folder) {
		levels = append([][]catalog.Source{{n.own.source(folder)}}, levels...)
	}
	return catalog.Load(levels...)
}

// others are the sources of the shop beside the own catalogue.
func (n *authoring) others() [][]catalog.Source {
	var levels [][]catalog.Source
	for _, level := range n.shop.stack.Catalog.Levels() {
		level = slices.DeleteFunc(slices.Clone(level), func(s catalog.Source) bool { return s.Name == n.own.dir })
		if len(level) > 0 {
			levels = append(levels, level)
		}
	}
	return levels
}

// describe asks for a title where there is none, and checks the categories.
func (n *authoring) describe() error {
	if n.title == "" && !n.update {
		if !n.Terminal || n.config.NoInteraction {
			return usagef("a new patch needs a --title")
		}
		fmt.Fprint(n.Err, "qpt: what does the patch do, in one line? ")
		line, err := bufio.NewReader(n.In).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the title: %w", err)
		}
		if n.title = strings.TrimSpace(line); n.title == "" {
			return usagef("a new patch needs a --title")
		}
	}
	if len(n.categories) == 0 && !n.update {
		n.categories = []string{"Other"}
	}
	known, source, err := n.knownCategories()
	if err != nil || known == nil {
		return err
	}
	for i, c := range n.categories {
		at := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, c) })
		if at < 0 {
			return usagef("%s has no category %q; it has %s", source, c, strings.Join(known, ", "))
		}
		n.categories[i] = known[at]
	}
	return nil
}

// knownCategories returns the categories of the own catalogue, or else of the first that
// has a list of them.
func (n *authoring) knownCategories() (names []string, source string, err error) {
	sources := slices.Concat(n.others()...)
	if n.own.folder != nil {
		sources = append([]catalog.Source{n.own.source(n.own.folder)}, sources...)
	}
	for _, s := range sources {
		text, err := fs.ReadFile(s.FS, lint.CategoriesFile)
		if err != nil {
			continue
		}
		var list []struct {
			Name string `json:"name"`
		}
		if err := json.Unmarshal(text, &list); err != nil {
			return nil, "", usagef("%s: %s: %w", s.Name, lint.CategoriesFile, err)
		}
		for _, c := range list {
			names = append(names, c.Name)
		}
		return names, s.Name, nil
	}
	return nil, "", nil
}

// parseConstraints reads --constraint, by package; "" is for any.
func (n *authoring) parseConstraints() (map[string]string, error) {
	constraints := map[string]string{}
	for _, value := range n.constraints {
		pkg, text, ok := strings.Cut(value, ":")
		if !ok {
			pkg, text = "", value
		}
		if _, err := compat.ParseConstraint(text); err != nil {
			return nil, usagef("--constraint %q: %w", value, err)
		}
		if _, twice := constraints[strings.ToLower(pkg)]; twice {
			return nil, usagef("--constraint %q: there is one already", value)
		}
		constraints[strings.ToLower(pkg)] = text
	}
	return constraints, nil
}

// over are the ids that the edits lie on whatever the tree says.
func (n *authoring) over() []string {
	ids := slices.Clone(n.require)
	if n.old != nil {
		ids = append(ids, catalog.Require(stack.Eligible(n.stack.Packages, n.old))...)
	}
	return ids
}

// composerPath returns a file's path in the layout of Composer, in which catalogues are
// written.
func (n *authoring) composerPath(p string) (string, error) {
	c := p
	if rest, ok := strings.CutPrefix(p, n.shop.inst.VendorDir+"/"); ok {
		c = "vendor/" + rest
	} else if n.shop.inst.Layout == project.Git {
		c = project.ToComposer(p)
	}
	if n.shop.inst.Path(c) != p {
		return "", &author.FileError{Path: p, Reason: "it has no place in the layout of Composer"}
	}
	return c, nil
}

// keepDeciding notes by which packages the old patch of an update is for this shop.
func (n *authoring) keepDeciding() {
	if n.old == nil {
		return
	}
	n.decided = map[string]string{}
	for _, have := range stack.Eligible(n.stack.Packages, n.old) {
		diff, err := have.Diff()
		if err != nil {
			continue // what it changes is not known
		}
		for _, p := range diff.Paths() {
			n.decided[p] = have.Package
			of := project.PackageOf(p)
			n.byBase = n.byBase || strings.EqualFold(have.Package, catalog.BasePackage) && of != catalog.BasePackage && len(n.installed(of)) > 0
		}
	}
}

// decides returns the package whose version decides for a path of Composer's layout. An
// update keeps to what decides already.
func (n *authoring) decides(p string) (project.Package, error) {
	name := catalog.BasePackage
	by, known := n.decided[p]
	switch of := project.PackageOf(p); {
	case n.base:
	case known:
		name = by
	case !n.byBase && len(n.installed(of)) > 0:
		name = of
	}
	list := n.installed(name)
	if len(list) == 0 {
		return project.Package{}, &author.FileError{Path: p, Reason: name + " is not installed"}
	}
	return list[0], nil
}

// installed returns the packages of a name, without aliases.
func (n *authoring) installed(name string) []project.Package {
	return slices.DeleteFunc(n.stack.Packages.Named(name), func(p project.Package) bool { return p.AliasOf != "" })
}

// draft makes the entry, and the diffs with the paths of the installation.
func (n *authoring) draft(edits *author.Edits, constraints map[string]string, before author.Pristine) (own.Draft, []*applier.Diff, error) {
	d := own.Draft{ID: n.id, Title: n.title, Categories: n.categories, Requirements: n.requirements}
	parts := map[string][]applier.Change{}
	packages := map[string]project.Package{}
	for _, c := range edits.Changes {
		p, err := n.composerPath(c.Path)
		if err != nil {
			return d, nil, err
		}
		pkg, err := n.decides(p)
		if err != nil {
			return d, nil, err
		}
		c.Path = p
		parts[pkg.Name], packages[pkg.Name] = append(parts[pkg.Name], c), pkg
	}
	names := slices.Sorted(maps.Keys(parts))
	for pkg := range constraints {
		if pkg != "" && !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, pkg) }) {
			return d, nil, usagef("--constraint for %s: nothing of it was edited", pkg)
		}
	}
	if _, any := constraints[""]; any && len(parts) > 1 {
		return d, nil, usagef("several packages were edited (%s): give each its --constraint PACKAGE:CONSTRAINT, or --base", strings.Join(names, ", "))
	}
	var diffs []*applier.Diff
	for _, name := range names {
		v, err := n.variant(packages[name], constraints, n.needed(edits, parts[name]))
		if err != nil {
			return d, nil, err
		}
		v.Text = n.kept(v, parts[name], []byte(applier.Unified(parts[name])))
		diff, err := applier.Parse(v.Text)
		if err != nil {
			return d, nil, fmt.Errorf("the diff of %s cannot be read back; this is a mistake of qpt, nothing was written: %w", name, err)
		}
		diffs = append(diffs, diff.Relocate(n.shop.inst.Path))
		d.Variants = append(d.Variants, v)
	}
	n.reverted(&d, before)
	return d, diffs, nil
}

// needed returns what the diff of some changes requires: what was asked for, and the
// patches in its own files.
func (n *authoring) needed(edits *author.Edits, changes []applier.Change) []string {
	ids := slices.Clone(n.require)
	for _, it := range edits.Require {
		shared := slices.ContainsFunc(changes, func(c applier.Change) bool {
			return slices.Contains(it.Paths(), n.shop.inst.Path(c.Path))
		})
		if shared && !containsFold(ids, it.ID()) {
			ids = append(ids, it.ID())
		}
	}
	return author.Direct(n.stack, ids)
}

// variant works out for which versions a diff is: those that were asked for, those of the
// variant that it replaces, or the installed one alone.
func (n *authoring) variant(pkg project.Package, constraints map[string]string, require []string) (own.DraftVariant, error) {
	v := own.DraftVariant{Variant: own.Variant{Package: pkg.Name, Constraint: pkg.Version.String()}, Version: pkg.Version.String(), Require: require}
	var now *catalog.Variant // what the patch has for this shop
	if n.old != nil {
		for _, have := range stack.Eligible(n.stack.Packages, n.old) {
			if strings.EqualFold(have.Package, pkg.Name) {
				now = have
			}
		}
	}
	if now != nil {
		v.Package, v.Constraint = now.Package, now.Constraint.String()
		v.Require = slices.Clone(now.Require)
		for _, id := range require {
			if !containsFold(v.Require, id) {
				v.Require = append(v.Require, id)
			}
		}
	}
	asked, ok := constraints[strings.ToLower(pkg.Name)]
	if !ok {
		asked, ok = constraints[""]
	}
	if !ok {
		return v, nil
	}
	if now != nil && asked != v.Constraint {
		return v, usagef("%s has a diff for %s %s already, and both would be applied to %s; edit the constraint in %s, or leave --constraint out",
			n.id, pkg.Name, v.Constraint, pkg.Version, n.own.dir)
	}
	v.Constraint = asked
	c, err := compat.ParseConstraint(asked)
	if err != nil {
		return v, usageError{err}
	}
	if _, ok := n.stack.Packages.Find(pkg.Name, c); !ok {
		return v, usagef("--constraint %q leaves out %s %s, which is installed", asked, pkg.Name, pkg.Version)
	}
	return v, nil
}

// kept returns the diff that a variant has already, if it makes the same changes.
func (n *authoring) kept(v own.DraftVariant, changes []applier.Change, text []byte) []byte {
	if n.old == nil {
		return text
	}
	for _, have := range n.old.Variants {
		if have.Package != v.Package || have.Constraint.String() != v.Constraint {
			continue
		}
		diff, err := have.Diff()
		if old, textErr := have.Text(); err == nil && textErr == nil && author.Makes(diff, changes) {
			return old
		}
	}
	return text
}

// reverted takes the variants out whose files were looked at and are not edited any more.
func (n *authoring) reverted(d *own.Draft, before author.Pristine) {
	if n.old == nil {
		return
	}
	for _, have := range stack.Eligible(n.stack.Packages, n.old) {
		made := slices.ContainsFunc(d.Variants, func(v own.DraftVariant) bool {
			return v.Package == have.Package && v.Constraint == have.Constraint.String()
		})
		diff, err := have.Diff()
		if made || err != nil {
			continue
		}
		looked := !slices.ContainsFunc(diff.Paths(), func(p string) bool {
			_, ok := before[n.shop.inst.Path(p)]
			return !ok
		})
		if looked {
			d.Variants = append(d.Variants, own.DraftVariant{Variant: own.Variant{Package: have.Package, Constraint: have.Constraint.String()}})
		}
	}
}

func requirements(d own.Draft) []string {
	var ids []string
	for _, v := range d.Variants {
		for _, id := range v.Require {
			if !containsFold(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// variants adds what becomes of each diff to the result.
func (n *authoring) variants(result *report.New, d own.Draft) {
	for _, v := range d.Variants {
		r := report.NewVariant{Package: v.Package, Constraint: v.Constraint, File: v.File, Change: "new"}
		if n.old != nil {
			for _, have := range n.old.Variants {
				if have.Package == v.Package && have.Constraint.String() == v.Constraint {
					r.Change = "changed"
					if text, err := have.Text(); err == nil && string(text) == string(v.Text) {
						r.Change = "unchanged"
					}
				}
			}
		}
		if v.Text == nil {
			r.Change = "removed"
		} else if diff, err := applier.Parse(v.Text); err == nil {
			r.Paths = diff.Paths()
		}
		if n.dryRun {
			r.Diff = string(v.Text)
		}
		result.Variants = append(result.Variants, r)
	}
}

// warnings say what the author should look at.
func (n *authoring) warnings(edits *author.Edits) []string {
	var list []string
	for _, it := range edits.Torn {
		list = append(list, fmt.Sprintf("%s is taken for applied and then edited, so the new patch requires it; if it was never applied, give --beside %s", it.ID(), it.ID()))
	}
	var unsure []string
	for _, it := range edits.Unsure {
		unsure = append(unsure, it.ID())
	}
	if len(unsure) > 0 {
		list = append(list, fmt.Sprintf("not applied, and in conflict with the new patch: %s; if the edits were made on top of one of these, give --require with its id", strings.Join(unsure, ", ")))
	}
	for _, it := range edits.Require {
		if it.Patch.Type == catalog.Custom {
			list = append(list, it.ID()+" is required, but no catalogue has an entry for it: only shops with this file know the id")
		}
	}
	for _, it := range edits.Above {
		list = append(list, fmt.Sprintf("%s is applied on top of these edits, and should require the new patch", it.ID()))
	}
	if _, err := os.Stat(filepath.Join(n.own.dir, store.ManifestName)); err == nil {
		list = append(list, "the catalogue is signed: sign it again with qpt catalog sign")
	}
	return list
}

// check looks at the catalogue and at the tree as they would be.
func (n *authoring) check(result *report.New) error {
	others := slices.Concat(n.others()...)
	preview, err := n.edit.Preview()
	if err != nil {
		return fmt.Errorf("check the entry: %w", err)
	}
	found, err := lint.Catalog(n.own.source(preview), others...)
	if err != nil {
		return fmt.Errorf("check the entry: %w", err)
	}
	known := map[string]bool{} // what was wrong before is not the new entry's fault
	if n.own.folder != nil {
		earlier, _ := lint.Catalog(n.own.source(n.own.folder), others...) // fails if there were no entries
		for _, f := range earlier {
			known[f.Rule+"\x00"+f.ID+"\x00"+f.Message] = true
		}
	}
	for _, f := range found {
		switch {
		case known[f.Rule+"\x00"+f.ID+"\x00"+f.Message]:
		case f.Severity == lint.Error:
			return usagef("the catalogue would be wrong, nothing was written: %s: %s (%s)", f.ID, f.Message, f.Rule)
		case f.Severity == lint.Warning:
			result.Warnings = append(result.Warnings, f.Message)
		}
	}
	s := stack.New(n.load(preview), n.shop.inst.Packages, applier.NewOverlay(applier.DirTree(n.shop.root)), n.shop.inst.Path)
	items, diagnostics := s.Items()
	for _, f := range s.Inspect(items) {
		if !strings.EqualFold(f.Item.ID(), n.id) {
			if containsFold(result.Require, f.Item.ID()) && !f.State.In() {
				result.Warnings = append(result.Warnings, fmt.Sprintf("%s is required, and %s here", f.Item.ID(), f.State))
			}
			continue
		}
		result.State = string(f.State)
		if f.State == stack.Included {
			result.Warnings = append(result.Warnings, "the same change came with "+f.IncludedIn)
		}
		if !f.State.In() {
			return fmt.Errorf("the patch would be %q here instead of applied; nothing was written: %s", f.State, refusalText(s.Explain(f.Item, applier.Reverse)))
		}
	}
	if result.State == "" {
		for _, d := range diagnostics {
			if strings.EqualFold(d.ID, n.id) {
				return fmt.Errorf("the patch could not be used; nothing was written: %s", d.Message)
			}
		}
		return errors.New("the patch would not be for this installation; nothing was written")
	}
	return nil
}

func refusalText(list []applier.Refusal) string {
	if len(list) == 0 {
		return "it fits in both directions"
	}
	return list[0].String()
}
