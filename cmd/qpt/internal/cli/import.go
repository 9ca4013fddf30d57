package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	"github.com/quality-patches/qpt/pkg/catalog/own"
	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/rewrite"
	"github.com/quality-patches/qpt/pkg/stack"
)

// importOptions are those of import.
type importOptions struct {
	args                   []string
	about                  own.Options
	sha256, into           string
	anyVersion             bool
	replace, force, dryRun bool
}

func newImportCmd(a *app) *cobra.Command {
	o := importOptions{}
	cmd := &cobra.Command{
		Use:   "import FILE|FOLDER|ZIP|URL|-...",
		Short: "Make patches of loose diffs, in the shop's own catalogue",
		Long: `Import takes loose diffs into the shop's own catalogue, a folder that qpt.yaml names as
patches-dir ("patches" by default) and that is a source like any other from then on. It
works out what each diff is: id, release and edition from its name, strip level and layout
from its paths, the packages that it touches. Paths are written for the layout of Composer.

The name of an isolated security diff such as 247p10-2026-07-001-CE.patch gives its rules:
it is for that release and edition alone, and requires what came before it. Any other diff
is for the release that its name states, else for the installed one; --constraint and
--any-version say otherwise. What it changes in packages that are not installed becomes a
variant of its own, so that the rest can be applied.

A diff that a catalogue has already is recognised by what it changes, whatever it is called,
and not taken in again. All diffs are taken in, or none; nothing is applied.`,
		Example: `  qpt import 247p10-2026-07-001-CE.patch --bulletin APSB26-73 --cve CVE-2026-12345
  qpt import 2-4-7-p10-jul-2026.zip --dry-run
  qpt import https://github.com/magento/magento2/pull/12345 --without-tests --title "Fix the cart"`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args = args
			return a.importDiffs(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.about.ID, "id", "", "the id of the patch (default: by the name of the file)")
	f.StringVar(&o.about.Title, "title", "", "the title of the patch (default: the subject of the diff, or what its name says)")
	f.StringArrayVar(&o.about.Categories, "category", nil, "a category of the patches (may be repeated)")
	f.StringArrayVar(&o.about.CVE, "cve", nil, "a vulnerability that the patches close, as CVE-2026-12345 (may be repeated)")
	f.StringVar(&o.about.Bulletin, "bulletin", "", "the bulletin that announced the patches, as APSB26-73")
	f.StringVar(&o.about.Constraint, "constraint", "", "the versions that the patches are for, in Composer's syntax")
	f.BoolVar(&o.anyVersion, "any-version", false, "the same as --constraint '*'")
	f.IntVar(&o.about.Strip, "strip", rewrite.Detect, "leading components of the names in the diff (default: found out)")
	f.BoolVar(&o.about.WithoutTests, "without-tests", false, "leave out changes of tests")
	f.StringVar(&o.sha256, "sha256", "", "what the SHA-256 of the file or download has to be")
	f.StringVar(&o.into, "into", "", "m2-hotfixes: put the diffs there, without rules")
	_ = cmd.RegisterFlagCompletionFunc("into", cobra.FixedCompletions([]string{hotfixesDir}, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	f.BoolVar(&o.replace, "replace", false, "take the place of a diff that has the same id and versions")
	f.BoolVar(&o.force, "force", false, "take in what a catalogue has already, too")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would be written, write nothing")
	return cmd
}

var bulletinForm = regexp.MustCompile(`^APSB[0-9]{2}-[0-9]+$`)

// check refuses options that cannot be meant.
func (o *importOptions) check() error {
	for _, id := range o.about.CVE {
		if err := catalog.CheckCVE(id); err != nil {
			return usagef("--cve: %w", err)
		}
	}
	if b := o.about.Bulletin; b != "" && !bulletinForm.MatchString(b) {
		return usagef("--bulletin: %q is not of the form APSB26-73", b)
	}
	if o.anyVersion {
		if o.about.Constraint != "" {
			return usagef("--constraint and --any-version exclude each other")
		}
		o.about.Constraint = "*"
	}
	if o.about.Constraint != "" {
		if _, err := compat.ParseConstraint(o.about.Constraint); err != nil {
			return usagef("--constraint: %w", err)
		}
	}
	if o.about.ID != "" {
		if err := own.CheckID(o.about.ID); err != nil {
			return usageError{err}
		}
	}
	if o.about.Strip < rewrite.Detect {
		return usagef("--strip %d: names cannot have fewer than 0 leading components", o.about.Strip)
	}
	if o.sha256 = strings.ToLower(o.sha256); o.sha256 != "" && len(o.args) > 1 {
		return usagef("--sha256 is for one file or address")
	}
	if o.into != "" && filepath.Base(filepath.Clean(o.into)) != hotfixesDir {
		return usagef("--into %s: only %s can be named; the folder of the own catalogue is the setting patches-dir", o.into, hotfixesDir)
	}
	return nil
}

// An importer takes loose diffs in.
type importer struct {
	*app
	importOptions
	inst     *project.Installation
	shop     own.Shop
	root     *os.Root
	overlay  *applier.Overlay
	levels   [][]catalog.Source
	ownLevel int
	dir      string // of the own catalogue, or m2-hotfixes; relative to the root, with slashes
	loose    bool   // into m2-hotfixes
	catalog  *catalog.Catalog
	result   *report.Import
	placed   map[string]string // the files that were put in place so far, by id and versions
}

// A taken is a diff that was looked at.
type taken struct {
	*own.Diff
	report *report.ImportedPatch
	id     string // in the catalogue
}

func (a *app) importDiffs(ctx context.Context, o importOptions) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	inst, err := a.installation()
	if err != nil {
		return err
	}
	m := &importer{app: a, importOptions: o, inst: inst, placed: map[string]string{}, result: &report.Import{
		SchemaVersion: report.SchemaVersion, Installation: installationReport(inst), DryRun: o.dryRun,
		Patches: []report.ImportedPatch{}, Written: []string{},
	}}
	if err := m.locate(); err != nil {
		return err
	}
	diffs, err := m.read(ctx)
	if err != nil {
		return err
	}
	if m.root, err = a.openRoot(inst.Root); err != nil {
		return err
	}
	var session *transaction.Session
	if o.dryRun {
		a.reportPending(m.root, inst)
	} else {
		command := "qpt import"
		for _, arg := range o.args {
			command += " " + shownArg(arg)
		}
		if session, err = a.lock(ctx, m.root, a.transactionOptions(inst, command)); err != nil {
			return err
		}
		defer func() {
			if closeErr := session.Close(); err == nil {
				err = closeErr
			}
		}()
	}
	m.overlay = applier.NewOverlay(applier.DirTree(m.root))
	if m.levels, m.ownLevel, err = a.levels(inst.Root, inst.VendorDir); err != nil {
		return err
	}
	m.catalog = catalog.Load(m.levels...)
	staged := m.overlay.Fork()
	if m.loose {
		err = m.intoHotfixes(diffs, staged)
	} else {
		err = m.intoCatalog(diffs, staged)
	}
	if err != nil {
		return err
	}
	changes, err := staged.Changes()
	if err != nil {
		return err
	}
	for _, c := range changes {
		if c.New == nil {
			m.result.Removed = append(m.result.Removed, c.Path)
		} else {
			m.result.Written = append(m.result.Written, c.Path)
		}
	}
	if !o.dryRun && len(changes) > 0 {
		if err := commit(ctx, session, changes); err != nil {
			return fmt.Errorf("import: %w", err)
		}
	}
	return a.render(m.result)
}

// locate finds the folder that takes the diffs in.
func (m *importer) locate() error {
	dir := m.ownDir(m.inst.Root)
	if m.into != "" {
		dir = filepath.Join(m.inst.Root, hotfixesDir)
		if filepath.IsAbs(m.into) && filepath.Clean(m.into) != dir {
			return usagef("--into %s: %s of this installation is %s", m.into, hotfixesDir, dir)
		}
	}
	var err error
	switch m.dir, err = ownPlace(m.inst, dir); {
	case err != nil:
		return err
	case m.dir == "":
		return usagef("the own catalogue %s does not lie below the installation %s; set patches-dir to a folder in it", dir, m.inst.Root)
	}
	m.loose = m.dir == hotfixesDir
	m.result.Into = m.dir
	return nil
}

// read brings all diffs in and finds out what they are. One that cannot be used keeps all
// out.
func (m *importer) read(ctx context.Context) ([]taken, error) {
	m.shop = own.Shop{Packages: m.inst.Packages, Has: m.has}
	var loose []looseDiff
	for _, arg := range m.args {
		list, err := m.looseDiffs(ctx, arg, m.sha256)
		if err != nil {
			return nil, argError(arg, err)
		}
		loose = append(loose, list...)
	}
	if len(loose) > 1 && (m.about.ID != "" || m.about.Title != "") {
		return nil, usagef("--id and --title are for one diff, and here are %d", len(loose))
	}
	var diffs []taken
	var errs []error
	for _, l := range loose {
		if l.name == "" && m.about.ID == "" {
			return nil, usagef("a diff on standard input has no name: give --id")
		}
		d, err := own.Read(l.name, l.text, m.shop, m.about)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", l.from, err))
			continue
		}
		diffs = append(diffs, taken{Diff: d, report: m.describe(l.from, d)})
	}
	if len(errs) > 0 {
		texts := make([]string, len(errs))
		for i, err := range errs {
			texts[i] = err.Error()
		}
		return nil, usagef("nothing was imported: %s", strings.Join(texts, "; "))
	}
	// Isolated diffs in the order in which they are applied, then the others as they came.
	order := func(d taken) string {
		if !d.Isolated() {
			return "~"
		}
		return d.Release + " " + d.Edition + " " + d.ID
	}
	slices.SortStableFunc(diffs, func(x, y taken) int { return strings.Compare(order(x), order(y)) })
	return diffs, nil
}

// has reports whether a package is installed: as Composer says, or, in a clone of
// Magento's repository, as a folder.
func (m *importer) has(name string) bool {
	if len(m.inst.Packages.Named(name)) > 0 {
		return true
	}
	if m.inst.Layout != project.Git {
		return false
	}
	probe := "vendor/" + name + "/registration.php"
	at := m.inst.Path(probe)
	return at != probe && isDir(filepath.Join(m.inst.Root, filepath.FromSlash(path.Dir(at))))
}

func (m *importer) describe(from string, d *own.Diff) *report.ImportedPatch {
	r := &report.ImportedPatch{
		File: from, ID: d.ID, Title: d.Title, Action: report.ImportAdded, Release: d.Release, Month: d.Month,
		Sequence: d.Sequence, Edition: d.Edition, CVE: d.CVE, Bulletin: d.Bulletin, Mentions: d.Mentions,
		Strip: d.Strip, Layout: d.Layout.String(), Variants: variantReports(d),
	}
	return r
}

func variantReports(d *own.Diff) []report.ImportedVariant {
	list := []report.ImportedVariant{}
	for _, v := range d.Variants {
		list = append(list, report.ImportedVariant{
			Package: v.Package, Constraint: v.Constraint, Base: v.Base, Packages: v.Touches,
		})
	}
	return list
}

// intoCatalog stages the own catalogue with the diffs, and says what they come to there.
func (m *importer) intoCatalog(diffs []taken, staged *applier.Overlay) error {
	_, edit, err := m.openOwn(m.root, m.dir, m.dir)
	if err != nil {
		return err
	}
	index := own.NewIndex(m.catalog)
	for i := range diffs {
		if err := m.take(&diffs[i], edit, index); err != nil {
			return err
		}
	}
	load := func() (*catalog.Catalog, error) {
		preview, err := edit.Preview()
		if err != nil {
			return nil, fmt.Errorf("the own catalogue %s: %w", m.dir, err)
		}
		levels := slices.Clone(m.levels)
		levels[m.ownLevel] = nil
		if own.Is(preview) {
			levels[m.ownLevel] = []catalog.Source{own.Source(m.ownName(), preview)}
		}
		return catalog.Load(levels...), nil
	}
	next, err := load()
	if err != nil {
		return err
	}
	changed, err := edit.Connect(next.Patches)
	if err != nil {
		return usagef("the own catalogue %s cannot be changed: %w", m.dir, err)
	}
	if len(changed) > 0 {
		if next, err = load(); err != nil {
			return err
		}
	}
	for _, d := range diffs { // what is written has to be what can be read
		if text := next.LeftOut(d.id); text != "" && !strings.HasPrefix(text, "requires ") && d.report.Action != report.ImportDuplicate {
			return fmt.Errorf("import %s: its entry would not be usable: %s", d.id, text)
		}
	}
	for _, id := range changed {
		if !slices.ContainsFunc(diffs, func(d taken) bool { return strings.EqualFold(d.id, id) }) {
			m.result.Connected = append(m.result.Connected, id)
		}
	}
	m.assess(diffs, next)
	return stageFiles(staged, m.dir, edit.Files())
}

// take puts a diff into the catalogue, unless one has it already.
func (m *importer) take(d *taken, edit *own.Edit, index *own.Index) error {
	d.id = d.ID
	action, same := m.known(d, index.Find(d.Content))
	for _, p := range same {
		d.report.SameAs = append(d.report.SameAs, p.ID+" ("+m.sourceLabel(p.Source)+")")
	}
	if action == report.ImportDuplicate && (!m.force || slices.ContainsFunc(same, func(p *catalog.Patch) bool { return m.isThere(d, p) })) {
		d.id = same[0].ID
		d.report.Action = action
		if own := slices.IndexFunc(same, m.isOwn); own >= 0 && d.Security != nil {
			d.id = same[own].ID
			changed, err := edit.Describe(d.id, d.Security)
			if err != nil {
				return usageError{err}
			}
			if changed {
				d.report.Action = report.ImportDescribed
			}
		}
		if lost := m.unrecorded(d, same); d.report.Action == report.ImportDuplicate && len(lost) > 0 {
			m.result.Warnings = append(m.result.Warnings, fmt.Sprintf("%s: not written down: %s, since the entry of %s is not one that an import changes; add it there, or give --force and another --id",
				d.report.File, strings.Join(lost, ", "), d.id))
		}
		return nil
	}
	if have, ok := m.catalog.Patch(d.ID); ok && !m.isOwn(have) && !m.replace {
		return usagef("%s has a patch %s with another diff, and the own catalogue would hide it; give another --id, or --replace to have this one in its place", m.sourceLabel(have.Source), have.ID)
	}
	for _, v := range d.For() {
		place := strings.ToLower(d.ID) + " " + versions(v)
		if first, ok := m.placed[place]; ok {
			return usagef("%s and %s are different diffs with the id %s for %s; import one of them alone with another --id", first, d.report.File, d.ID, versions(v))
		}
		m.placed[place] = d.report.File
	}
	outcome, err := edit.Add(d.Diff, m.replace)
	if err != nil {
		return usagef("%s: %w", d.report.File, err)
	}
	d.report.Action = string(outcome)
	d.id = d.ID
	d.report.ID, d.report.Variants = d.ID, variantReports(d.Diff)
	index.Add(d.Content, &catalog.Patch{ID: d.ID, Source: m.ownName(), Security: d.Security, Variants: d.For()})
	return nil
}

func (m *importer) ownName() string {
	return filepath.Join(m.inst.Root, filepath.FromSlash(m.dir))
}

func (m *importer) isOwn(p *catalog.Patch) bool { return p.Source == m.ownName() }

// unrecorded returns what is known of a diff's vulnerabilities that no entry with the same
// changes says.
func (m *importer) unrecorded(d *taken, same []*catalog.Patch) []string {
	if d.Security == nil {
		return nil
	}
	var lost []string
	for _, id := range append(slices.Clone(d.Security.CVE), d.Security.Bulletin) {
		if id != "" && !slices.ContainsFunc(same, func(p *catalog.Patch) bool {
			return p.Security != nil && (slices.Contains(p.Security.CVE, id) || p.Security.Bulletin == id)
		}) {
			lost = append(lost, id)
		}
	}
	return lost
}

// isThere reports whether a patch of the own catalogue that changes the same is what a diff
// would become: there is nothing to force.
func (m *importer) isThere(d *taken, p *catalog.Patch) bool {
	if !m.isOwn(p) || !strings.EqualFold(p.ID, d.ID) {
		return false
	}
	for _, v := range d.For() {
		if !slices.ContainsFunc(p.Variants, func(have *catalog.Variant) bool { return versions(have) == versions(v) }) {
			return false
		}
	}
	return true
}

// versions says for which versions of what a variant is.
func versions(v *catalog.Variant) string {
	text := v.Package + " " + v.Constraint.String()
	if v.Base != nil {
		text += " with Magento " + v.Base.String()
	}
	return text
}

// known tells whether catalogues have a diff already, and as which patches. An isolated
// diff brings rules of its own: only the same id is the same. A diff whose name states a
// release is another one where the patch is not for that release.
func (m *importer) known(d *taken, same []*catalog.Patch) (action string, patches []*catalog.Patch) {
	action = report.ImportAdded
	for _, p := range same {
		if d.Isolated() && !(m.isOwn(p) && strings.EqualFold(p.ID, d.ID)) || !d.Isolated() && !own.Covers(p, d.Release) {
			continue
		}
		action = report.ImportDuplicate
	}
	if action == report.ImportDuplicate {
		same = slices.DeleteFunc(slices.Clone(same), func(p *catalog.Patch) bool {
			return !d.Isolated() && !own.Covers(p, d.Release)
		})
		if i := slices.IndexFunc(same, func(p *catalog.Patch) bool { return strings.EqualFold(p.ID, d.ID) }); i > 0 {
			same[0], same[i] = same[i], same[0] // its own name first
		}
	}
	return action, same
}

// assess says of each diff whether it is for this shop, and how the tree stands to it.
func (m *importer) assess(diffs []taken, c *catalog.Catalog) {
	s := stack.New(c, m.inst.Packages, m.overlay, m.inst.Path)
	items, _ := s.Items()
	states := map[string]stack.Finding{}
	for _, f := range s.Inspect(items) {
		states[strings.ToLower(f.Item.ID())] = f
	}
	for _, d := range diffs {
		r := d.report
		p, ok := c.Patch(d.id)
		if !ok {
			continue
		}
		r.ID = p.ID
		for i := range r.Variants {
			r.Variants[i].Eligible = slices.ContainsFunc(stack.Eligible(m.inst.Packages, p), func(v *catalog.Variant) bool {
				return v.Package == r.Variants[i].Package && v.Constraint.String() == r.Variants[i].Constraint
			})
		}
		it, err := s.Item(d.id)
		if err != nil {
			var ineligible *stack.NotEligibleError
			if errors.As(err, &ineligible) {
				r.Reasons = sentences(exclusionReports(ineligible.Exclusions))
				r.Require = catalog.Require(p.Variants)
			} else {
				r.Reasons = []string{err.Error()}
			}
		} else {
			r.Eligible, r.State, r.Require = true, string(states[strings.ToLower(d.id)].State), catalog.Require(it.Variants)
			r.Reasons = missingRequirements(s, it, map[string]bool{})
			if stack.State(r.State) == stack.Unknown && slices.ContainsFunc(d.Variants, endsInCRLF) {
				r.Reasons = append(r.Reasons, "its lines end in CR LF, as they do on Windows, and do not fit files whose lines end in LF: convert it (dos2unix) and import it with --replace")
			}
			r.Next = nextCommands(r)
		}
		if r.Action == report.ImportDuplicate && !m.isOwn(p) && (!r.Eligible || p.Source == hotfixesDir) {
			// It is there under rules that leave this shop out, or under none.
			r.Next = append(r.Next, "qpt import --force, to have it in the own catalogue for this release, too")
		}
		m.result.Patches = append(m.result.Patches, *r)
	}
}

// endsInCRLF reports whether the lines of a diff end as on Windows. Lines count byte for
// byte when a diff is applied.
func endsInCRLF(v own.Variant) bool {
	return bytes.Count(v.Text, []byte("\r\n"))*2 > bytes.Count(v.Text, []byte("\n"))
}

// nextCommands are what makes sense for a patch that is eligible.
func nextCommands(r *report.ImportedPatch) []string {
	switch state := stack.State(r.State); {
	case state.In():
		return []string{"qpt add " + r.ID}
	case len(r.Reasons) > 0 || state != stack.NotApplied:
		return []string{"qpt check " + r.ID}
	}
	return []string{"qpt apply " + r.ID, "qpt add " + r.ID}
}
