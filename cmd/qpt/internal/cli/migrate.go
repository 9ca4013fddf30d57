package cli

import (
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
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
	"github.com/quality-patches/qpt/pkg/composerpatches"
	"github.com/quality-patches/qpt/pkg/declared"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/rewrite"
)

// migrateOptions are those of migrate.
type migrateOptions struct {
	style, into      string
	download, dryRun bool
}

// snippet is how composer.json has qpt run.
const snippet = `{
    "scripts": {
        "post-install-cmd": "qpt sync --frozen --no-interaction",
        "post-update-cmd": "qpt sync --no-interaction"
    }
}
`

func newMigrateCmd(a *app) *cobra.Command {
	o := migrateOptions{}
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Declare in qpt.yaml what Composer plugins and scripts apply",
		Long: `Migrate reads the patches that composer.json declares for cweagans/composer-patches or
vaimo/composer-patches, and commands in its scripts such as "magento-patches apply ACSD-1",
"git apply" and "patch", and adds them to qpt.yaml. A diff that a catalogue has becomes
the id of its patch, any other a diff with paths below the root.

Composer.json stays as it is: migrate says what to take out of it. The tree is not changed
either; run qpt sync then. What cannot be carried over is told, with exit code 3; the rest
is written, and migrate can be run again.`,
		Example: `  qpt migrate --dry-run
  qpt migrate --download`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.migrate(cmd.Context(), o) },
	}
	cmd.Flags().StringVar(&o.style, "style", "", "the plugin: "+strings.Join(composerpatches.Styles(), ", ")+" (default: found out)")
	cmd.Flags().StringVar(&o.into, "into", "", "the folder of diffs that are written (default: patches in the installation)")
	cmd.Flags().BoolVar(&o.download, "download", false, "download diffs that are declared by their address, over https")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "show what would be written, write nothing")
	_ = cmd.RegisterFlagCompletionFunc("style", cobra.FixedCompletions(composerpatches.Styles(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) migrate(ctx context.Context, o migrateOptions) (err error) {
	sh, err := a.openShop()
	if err != nil {
		return err
	}
	into, err := a.below(sh.inst, o.into, "patches")
	if err != nil {
		return err
	}
	var session *transaction.Session
	if !o.dryRun {
		if session, err = a.begin(ctx, sh, changeOptions{command: "migrate"}); err != nil {
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
	var style composerpatches.Style
	if o.style != "" {
		style, err = styleOf(o.style)
	} else {
		installed := ""
		for _, p := range sh.inst.Packages.Named(composerpatches.CweagansV1.Plugin()) {
			installed = p.Version.String()
		}
		style, err = composerpatches.Detect(sh.root.FS(), installed)
	}
	if err != nil {
		return usageError{err}
	}
	found, err := composerpatches.Read(sh.root.FS(), sh.inst.VendorDir, style)
	if err != nil {
		return usageError{err}
	}
	set, err := declared.Read(sh.root.FS())
	if err != nil {
		return err
	}
	m := &migration{
		app: a, sh: sh, set: set, into: into, download: o.download, made: map[string]bool{},
		overlay: applier.NewOverlay(applier.DirTree(sh.root)),
		result: &report.Migrate{
			SchemaVersion: report.SchemaVersion, Style: string(style), DryRun: o.dryRun, OK: true,
			Patches: []report.MigratedPatch{}, Written: []string{}, Findings: []report.Finding{}, Removals: []report.Removal{},
		},
	}
	for _, n := range found.Notes {
		level := report.LevelWarning
		if n.Lost {
			level = report.LevelError
		}
		m.find(n.Rule, level, n.Place, "%s", n.Message)
	}
	for i := range found.Definitions {
		m.definition(ctx, &found.Definitions[i])
	}
	m.sequence()
	for i := range found.Commands {
		m.command(&found.Commands[i])
	}
	m.recognise()
	if err := m.write(); err != nil {
		return err
	}
	if len(found.Definitions)+len(found.Commands) > 0 {
		for _, r := range found.Removals {
			m.result.Removals = append(m.result.Removals, report.Removal{File: r.File, Line: r.Line, What: r.What})
		}
		m.result.Snippet = snippet
	}
	changes, err := m.overlay.Changes()
	if err != nil {
		return err
	}
	if !o.dryRun && len(changes) > 0 {
		if err := commit(ctx, session, changes); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	if err := a.render(m.result); err != nil {
		return err
	}
	if !m.result.OK {
		return silent{errFinding}
	}
	return nil
}

// A migration gathers what is applied today, and makes declarations of it.
type migration struct {
	app      *app
	sh       *shop
	set      *declared.Set
	into     string
	download bool
	overlay  *applier.Overlay
	found    []*foundPatch
	made     map[string]bool // files that what was found makes
	result   *report.Migrate
}

// A foundPatch is an id, or a diff.
type foundPatch struct {
	id         string
	definition *composerpatches.Definition // nil for one of a script
	pkg        string
	from       report.Origin
	part       *rewrite.Part // with paths below the root; nil for an id
	same       bool          // the source is that diff already, byte for byte
	prints     []string      // of its changes, one for each file
	touched    []string
}

func (m *migration) find(rule, level string, at composerpatches.Place, format string, args ...any) {
	m.result.OK = m.result.OK && level != report.LevelError
	m.result.Findings = append(m.result.Findings, report.Finding{
		Rule: rule, Level: level, File: at.File, Line: at.Line, Message: fmt.Sprintf(format, args...),
	})
}

// name is how messages call a definition.
func name(d *composerpatches.Definition) string {
	switch {
	case d.Label == "" && d.Source == "":
		return "a diff for " + d.Package
	case d.Label == "" || d.Label == d.Source:
		return fmt.Sprintf("the diff %s for %s", shownArg(d.Source), d.Package)
	}
	return fmt.Sprintf("%q for %s", d.Label, d.Package)
}

// definition takes in what a plugin applies.
func (m *migration) definition(ctx context.Context, d *composerpatches.Definition) {
	lost := func(rule, format string, args ...any) {
		m.find(rule, report.LevelError, d.Place, "%s is not carried over: %s", name(d), fmt.Sprintf(format, args...))
	}
	if d.Skip {
		m.find("skipped", report.LevelWarning, d.Place, "%s is switched off there, and is left out", name(d))
		return
	}
	if d.Problem != "" {
		lost("not-understood", "%s", d.Problem)
		return
	}
	if d.Dev {
		lost("development", "it is for development alone, which qpt does not know; declare it by hand if it is to be everywhere")
		return
	}
	if applies, err := m.applies(d); err != nil {
		lost("condition", "%s; declare it by hand if it is needed here", err)
		return
	} else if !applies {
		return
	}
	folder, ok := m.folder(d)
	if !ok {
		return
	}
	src, err := m.source(ctx, d)
	if err != nil {
		rule := "unreadable"
		if errors.Is(err, errNotDownloaded) || errors.Is(err, errNotSafe) {
			rule = "not-downloaded"
		}
		lost(rule, "%s: %v", shownArg(d.Source), err)
		return
	}
	if sum := hexSum(src); d.SHA256 != "" && sum != d.SHA256 {
		lost("hash-mismatch", "%s has the SHA-256 %s, and %s is declared", shownArg(d.Source), sum, d.SHA256)
		return
	}
	if sum := sha1.Sum(src); d.SHA1 != "" && hex.EncodeToString(sum[:]) != d.SHA1 {
		lost("hash-mismatch", "%s has the SHA-1 %x, and %s is declared", shownArg(d.Source), sum, d.SHA1)
		return
	}
	part, err := m.place(src, folder, d.Levels)
	if err != nil {
		lost("unusable", "%s: %v", shownArg(d.Source), err)
		return
	}
	if d.Folder == "install" && deployed(d.Package) {
		// The plugin patches the package before Composer copies it into the root. What the shop runs is the copy.
		root, err := m.place(src, "", d.Levels)
		if err == nil && m.modifies(root) {
			part = root
			m.find("deployed", report.LevelWarning, d.Place, "%s is declared for the files in the root, which Composer copies from there; those in %s stay as they are", name(d), folder)
		} else {
			m.find("deployed", report.LevelWarning, d.Place, "%s is declared for the files in %s; what Composer copies from there into the root stays as it is", name(d), folder)
		}
	}
	for _, key := range d.Unused {
		m.find("setting", report.LevelWarning, d.Place, "%s: the setting %s means nothing to qpt", name(d), key)
	}
	m.take(&foundPatch{
		definition: d, pkg: d.Package, part: part, same: !d.Remote() && string(part.Text) == string(src),
		from: report.Origin{File: d.File, Line: d.Line, Package: d.Package, Label: d.Label, Source: shownArg(d.Source)},
	})
}

// deployed reports whether the files of a package are copied into the root.
func deployed(pkg string) bool {
	return strings.HasPrefix(pkg, "magento/magento2-") && strings.HasSuffix(pkg, "-base")
}

// modifies reports whether a diff changes files that are there, and makes or deletes none.
func (m *migration) modifies(part *rewrite.Part) bool {
	d, err := applier.Parse(part.Text)
	return err == nil && !slices.ContainsFunc(d.Entries, func(e applier.Entry) bool {
		_, err := m.overlay.ReadFile(e.Old.Path)
		return err != nil || e.Old.Presence == applier.Absent || e.New.Presence == applier.Absent || e.Rename()
	})
}

func (m *migration) take(f *foundPatch) {
	if f.part != nil {
		f.touched = f.part.Paths
		if d, err := applier.Parse(f.part.Text); err == nil { // it was parsed before
			f.prints = m.prints(d)
			for _, e := range d.Entries {
				if e.Old.Presence == applier.Absent || e.Old.Path != e.New.Path {
					m.made[m.sh.inst.Path(e.New.Path)] = true
				}
			}
		}
	}
	m.found = append(m.found, f)
}

// applies reports whether a plugin applies a definition with what is installed. What it depends on is told, as qpt has
// no such conditions.
func (m *migration) applies(d *composerpatches.Definition) (bool, error) {
	const always = ">=0.0.0" // what the plugin takes when nothing is said
	var conditions []string
	if len(d.Version) > 0 && !slices.Equal(d.Version, []string{always}) {
		ok, have := false, ""
		for _, text := range d.Version {
			fits, version, err := m.installed(d.VersionOf, text)
			if err != nil {
				return false, err
			}
			ok, have = ok || fits, version
		}
		condition := d.VersionOf + " " + strings.Join(d.Version, " or ")
		if !ok {
			m.find("not-for-this-shop", report.LevelWarning, d.Place, "%s is left out: it is for %s, and %s", name(d), condition, have)
			return false, nil
		}
		conditions = append(conditions, condition)
	}
	for _, r := range d.Requires {
		text := r.Constraint
		if text == "" {
			text = "*"
		}
		fits, have, err := m.installed(r.Package, text)
		if err != nil {
			return false, err
		}
		condition := r.Package + " " + text
		if r.Not {
			fits, condition = !fits, "shops without "+condition
		}
		if !fits {
			m.find("not-for-this-shop", report.LevelWarning, d.Place, "%s is left out: it is for %s, and %s", name(d), condition, have)
			return false, nil
		}
		conditions = append(conditions, condition)
	}
	if len(conditions) > 0 {
		m.find("condition", report.LevelWarning, d.Place, "%s is declared without its condition, which is met today: %s", name(d), strings.Join(conditions, ", "))
	}
	return true, nil
}

// installed reports whether a package is installed in a version that a constraint allows, and says what is.
func (m *migration) installed(name, constraint string) (fits bool, have string, err error) {
	if name == "php" || strings.HasPrefix(name, "php-") || strings.HasPrefix(name, "ext-") || strings.HasPrefix(name, "lib-") || name == "hhvm" {
		return false, "", fmt.Errorf("it depends on %s %s, which qpt does not look at", name, constraint)
	}
	c, err := compat.ParseConstraint(constraint)
	if err != nil {
		return false, "", fmt.Errorf("it depends on %s %s, which is no constraint", name, constraint)
	}
	if _, ok := m.sh.inst.Packages.Find(name, c); ok {
		return true, "", nil
	}
	if named := m.sh.inst.Packages.Named(name); len(named) > 0 {
		return false, fmt.Sprintf("%s is installed", named[0].Version), nil
	}
	return false, name + " is not installed", nil
}

// folder is what the paths of a definition's diff are relative to.
func (m *migration) folder(d *composerpatches.Definition) (string, bool) {
	switch {
	case d.Folder == "project":
		return "", true
	case d.Folder == "vendor", d.Folder == "install" && d.Package == composerpatches.Bundle:
		return m.sh.inst.VendorDir, true
	case d.Folder != "install":
		m.find("not-understood", report.LevelError, d.Place, "%s is not carried over: qpt does not know what cwd %q is", name(d), d.Folder)
		return "", false
	}
	for _, p := range m.sh.inst.Packages.Named(d.Package) {
		switch p.Dir {
		case ".":
			return "", true
		case "":
			continue
		}
		return p.Dir, true
	}
	m.find("not-for-this-shop", report.LevelWarning, d.Place, "%s is left out: the package is not installed", name(d))
	return "", false
}

var errNotDownloaded = errors.New("it is not in the shop; run with --download, or keep a copy in the shop and name that in its place")

// source reads the diff of a definition.
func (m *migration) source(ctx context.Context, d *composerpatches.Definition) ([]byte, error) {
	if d.Remote() {
		if !m.download && strings.HasPrefix(strings.ToLower(d.Source), "https://") {
			return nil, errNotDownloaded
		}
		return m.app.readDiff(ctx, d.Source)
	}
	return m.read(d.Source)
}

// read reads a diff below the root.
func (m *migration) read(name string) ([]byte, error) {
	clean := path.Clean(strings.TrimPrefix(name, "./"))
	if !fs.ValidPath(clean) || strings.Contains(clean, `\`) {
		return nil, errors.New("it does not lie below the root")
	}
	info, err := m.sh.root.Stat(filepath.FromSlash(clean))
	if err == nil && !info.Mode().IsRegular() {
		return nil, errors.New("it is no file")
	}
	var f *os.File
	if err == nil {
		f, err = m.sh.root.Open(filepath.FromSlash(clean))
	}
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	return catalog.ReadAll(f)
}

// place returns a diff with paths below the root, at the first of the levels at which the files are there that it
// modifies.
func (m *migration) place(src []byte, folder string, levels []int) (*rewrite.Part, error) {
	var first error
	var candidate *rewrite.Part
	for _, level := range levels {
		part, err := rewrite.Below(src, folder, level)
		if err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		d, err := applier.Parse(part.Text)
		if err != nil {
			return nil, err
		}
		modified, missing := 0, ""
		made := maps.Clone(m.made)
		for _, e := range d.Entries {
			if e.Old.Presence == applier.Absent || e.New.Presence == applier.Absent || e.Rename() {
				made[m.sh.inst.Path(e.New.Path)] = true // for those behind it
				continue                                // it may be there or not, before as after
			}
			modified++
			name := m.sh.inst.Path(e.Old.Path)
			if _, err := m.overlay.ReadFile(name); err != nil && !made[name] && missing == "" {
				missing = e.Old.Path
			}
		}
		switch {
		case missing != "":
			if first == nil {
				first = fmt.Errorf("it changes %s, which is not there", missing)
			}
		case modified > 0:
			return part, nil
		case candidate == nil || level == 1: // it only creates, deletes or moves
			candidate = part
		}
	}
	if candidate != nil {
		return candidate, nil
	}
	if len(levels) > 1 && first != nil {
		return nil, fmt.Errorf("with none of the strip levels %s its paths are in %s: %w", strings.Trim(fmt.Sprint(levels), "[]"), folder, first)
	}
	return nil, first
}

// sequence brings the definitions for each package into the order that their after and before ask for.
func (m *migration) sequence() {
	if !slices.ContainsFunc(m.found, func(f *foundPatch) bool { return len(f.definition.After)+len(f.definition.Before) > 0 }) {
		return // as nearly always; the search below takes the square of their number
	}
	behind := func(f, other *foundPatch) bool { // f goes in after other
		means := func(d, by *composerpatches.Definition, patterns []string) bool {
			return slices.ContainsFunc(patterns, func(p string) bool { return p != "" && d.Matches(p) })
		}
		return f.pkg == other.pkg && f != other &&
			(means(other.definition, f.definition, f.definition.After) || means(f.definition, other.definition, other.definition.Before))
	}
	m.found = m.order(m.found, behind, "after and before ask for a circle")
}

// order sorts, with as few changes as can be, so that each is behind those that it has to be behind.
func (m *migration) order(list []*foundPatch, behind func(f, other *foundPatch) bool, circle string) []*foundPatch {
	rest := slices.Clone(list)
	var sorted []*foundPatch
	for len(rest) > 0 {
		next := slices.IndexFunc(rest, func(f *foundPatch) bool {
			return !slices.ContainsFunc(rest, func(other *foundPatch) bool { return behind(f, other) })
		})
		if next < 0 {
			at := rest[0].from
			m.find("order", report.LevelWarning, composerpatches.Place{File: at.File, Line: at.Line}, "the order of %s is not clear: %s", at.Source, circle)
			next = 0
		}
		sorted = append(sorted, rest[next])
		rest = slices.Delete(rest, next, next+1)
	}
	return sorted
}

// command takes in what a script does.
func (m *migration) command(c *composerpatches.Command) {
	from := report.Origin{File: c.File, Line: c.Line, Source: c.Text}
	switch c.Kind {
	case composerpatches.ApplyIDs, composerpatches.Environment:
		for _, id := range c.IDs {
			if id == "*" || strings.EqualFold(id, "all") {
				m.find("not-understood", report.LevelError, c.Place, "%q in %q means every patch there is; name the patches", id, c.Text)
				continue
			}
			it, err := m.sh.stack.Item(id)
			if err != nil {
				m.find("unknown-patch", report.LevelError, c.Place, "%s is not carried over: %v", id, err)
				continue
			}
			m.take(&foundPatch{id: it.ID(), from: from, touched: it.Paths()})
		}
	case composerpatches.ApplyAll:
		m.find("apply-all", report.LevelWarning, c.Place, "%q applies what .magento.env.yaml and m2-hotfixes declare, which qpt reads itself, "+
			"and the patches that magento/magento-cloud-patches requires of cloud projects, which stay for ece-tools to apply", c.Text)
	case composerpatches.RevertIDs:
		m.find("revert", report.LevelWarning, c.Place, "%q takes patches out; qpt does that itself when one is not declared any more", c.Text)
	case composerpatches.ApplyDiffs:
		m.diffs(c, from)
	default:
		m.find("not-understood", report.LevelError, c.Place, "%q is not understood; declare by hand what it applies", c.Text)
	}
}

// diffs takes in diffs that a script applies.
func (m *migration) diffs(c *composerpatches.Command, from report.Origin) {
	for _, pattern := range c.Files {
		files := []string{pattern}
		if strings.ContainsAny(pattern, "*?[") {
			var err error
			if files, err = fs.Glob(m.sh.root.FS(), pattern); err != nil || len(files) == 0 {
				m.find("unreadable", report.LevelError, c.Place, "%q is not carried over: no file is named like %s", c.Text, pattern)
				continue
			}
		}
		for _, file := range files {
			src, err := m.read(file)
			var part *rewrite.Part
			if err == nil {
				part, err = m.place(src, c.Folder, []int{c.Strip})
			}
			if err != nil {
				m.find("unreadable", report.LevelError, c.Place, "%s, which %q applies, is not carried over: %v", file, c.Text, err)
				continue
			}
			f := &foundPatch{part: part, same: string(part.Text) == string(src), from: from}
			f.from.Label, f.from.Source = "", file
			m.take(f)
		}
	}
}

// prints identify the changes of a diff, one for each file, whatever it says beside them.
func (m *migration) prints(d *applier.Diff) []string {
	content, err := own.ContentOf(d.Relocate(m.sh.inst.Path))
	if err != nil {
		return nil // hunks that cannot be told from others are like none
	}
	return content.Sums()
}

// recognise replaces diffs by the patches that they are, and orders what was found.
func (m *migration) recognise() {
	known := map[string]bool{}
	for _, f := range m.found {
		for _, p := range f.prints {
			known[p] = true
		}
	}
	type match struct {
		id     string // or the path of a diff
		prints []string
		named  int // how well it fits: 3 if it is declared, 2 if its id is named, 1 if that is but for a version at the end
	}
	var matches []match
	partly := map[*foundPatch]string{} // an id of which a diff is a part
	if len(known) > 0 {
		items, _ := m.sh.stack.Items()
		for _, it := range items {
			var prints []string
			for _, v := range it.Variants {
				d, err := v.Diff()
				if err != nil {
					continue
				}
				prints = append(prints, m.prints(d)...)
			}
			slices.Sort(prints)
			prints = slices.Compact(prints)
			some, all := false, true
			for _, p := range prints {
				some, all = some || known[p], all && known[p]
			}
			switch {
			case all:
				named := 0
				for _, f := range m.found {
					if list := ids(f); containsFold(list, it.ID()) && contains(prints, f.prints) {
						named = max(named, 1)
						if strings.EqualFold(list[0], it.ID()) {
							named = 2
						}
					}
				}
				matches = append(matches, match{it.ID(), prints, named})
			case some:
				for _, f := range m.found {
					if len(f.prints) > 0 && contains(prints, f.prints) && partly[f] == "" {
						partly[f] = it.ID()
					}
				}
			}
		}
	}
	var files []string // diffs of the shop: those that are declared, and those that an export names by their path
	for _, p := range m.set.Patches {
		if p.Loose {
			files = append(files, p.Name)
		}
	}
	ours := len(files)
	for _, f := range m.found {
		if declared.IsPath(f.from.Label) {
			files = append(files, path.Clean(f.from.Label))
		}
	}
	for i, name := range files {
		src, err := m.read(name)
		if err != nil {
			continue // it only looks like a path
		}
		d, err := applier.Parse(src)
		if err != nil {
			continue
		}
		named := 2
		if i < ours {
			named = 3
		}
		if prints := m.prints(d); contains(slices.Collect(maps.Keys(known)), prints) {
			matches = append(matches, match{name, prints, named})
		}
	}
	slices.SortStableFunc(matches, func(a, b match) int { // what is named, then what is larger
		return cmp.Or(b.named-a.named, len(b.prints)-len(a.prints))
	})
	for _, match := range matches {
		var parts []*foundPatch
		var have []string
		for _, f := range m.found {
			if f.id == "" && contains(match.prints, f.prints) {
				parts = append(parts, f)
				have = append(have, f.prints...)
			}
		}
		whole := contains(have, match.prints) // unless another patch took some of it
		for _, f := range parts {
			if whole {
				f.id = match.id
			} else {
				partly[f] = match.id
			}
		}
	}
	for _, f := range m.found {
		at := composerpatches.Place{File: f.from.File, Line: f.from.Line}
		switch {
		case f.id != "" || f.definition == nil && f.same:
		case partly[f] != "":
			m.find("part-of-patch", report.LevelWarning, at, "%s is a part of patch %s and not all of it; it stays a diff of its own", f.from.Source, partly[f])
		default:
			for _, id := range ids(f) {
				if p, ok := m.sh.stack.Catalog.Patch(id); ok {
					m.find("other-diff", report.LevelWarning, at, "%s names patch %s, and its diff is none that the catalogue has for this shop; it stays a diff of its own", f.from.Source, p.ID)
					break
				}
			}
		}
	}
}

// contains reports whether a list has all of another, which is not empty.
func contains(list, all []string) bool {
	return len(all) > 0 && !slices.ContainsFunc(all, func(s string) bool { return !slices.Contains(list, s) })
}

var idLike = regexp.MustCompile(`(?i)[A-Z][A-Z0-9]*-[0-9]+(?:-V[0-9]+)?`)

// ids returns what in the names of a diff looks like an id, and that without a suffix.
func ids(f *foundPatch) []string {
	var list []string
	for _, id := range idLike.FindAllString(f.from.Label+" "+f.from.Source, -1) {
		list = append(list, id)
		if i := strings.LastIndex(strings.ToUpper(id), "-V"); i > 0 {
			list = append(list, id[:i])
		}
	}
	return list
}

// write makes declarations of what was found, and has them written.
func (m *migration) write() error {
	type unit struct {
		name  string
		found []*foundPatch
	}
	var units []*unit
	of := map[*foundPatch]*unit{}
	for _, f := range m.found {
		name := f.id
		if name == "" {
			var err error
			if name, err = m.diffFile(f); err != nil {
				return err
			}
		}
		var u *unit
		for _, have := range units {
			if strings.EqualFold(have.name, name) {
				u = have
			}
		}
		if u == nil {
			u = &unit{name: name}
			units = append(units, u)
		}
		u.found = append(u.found, f)
		of[f] = u
	}
	// What changes the same files keeps its order; a patch of several packages stands where its first part does.
	place := map[*foundPatch]int{}
	for i, f := range m.found {
		place[f] = i
	}
	heads := make([]*foundPatch, len(units))
	for i, u := range units {
		heads[i] = u.found[0]
	}
	ordered := m.order(heads, func(f, other *foundPatch) bool {
		if f == other {
			return false
		}
		for _, mine := range of[f].found {
			for _, theirs := range of[other].found {
				if place[theirs] < place[mine] && slices.ContainsFunc(mine.touched, func(p string) bool { return slices.Contains(theirs.touched, p) }) {
					return true
				}
			}
		}
		return false
	}, "patches of several packages are applied in another order in each")

	var entries []string
	for _, head := range ordered {
		u := of[head]
		patch := report.MigratedPatch{Name: u.name}
		at := composerpatches.Place{File: head.from.File, Line: head.from.Line}
		for _, f := range u.found {
			patch.From = append(patch.From, f.from)
		}
		if i, ignored := m.set.Ignores(u.name); ignored {
			m.find("ignored", report.LevelError, at, "%s is not declared: %s ignores it (%s)", u.name, i.Place, i.Reason)
			continue
		}
		_, patch.Declared = m.set.Find(u.name)
		if !patch.Declared {
			entries = append(entries, u.name)
		}
		m.result.Patches = append(m.result.Patches, patch)
	}
	src, err := readOwn(m.sh, declared.ConfigFile)
	if err != nil {
		return err
	}
	text, err := declared.Add(src, entries)
	if err != nil {
		return err
	}
	if m.result.DryRun {
		m.result.Config = string(text)
	}
	if len(entries) == 0 {
		return nil
	}
	changed, err := stageFile(m.overlay, declared.ConfigFile, text)
	if changed {
		m.result.Written = append(m.result.Written, declared.ConfigFile)
	}
	return err
}

// diffFile returns the file of a diff that no catalogue has: where it lies, if it can be applied as it is, else a new
// one that is to be written.
func (m *migration) diffFile(f *foundPatch) (string, error) {
	if f.same {
		return path.Clean(strings.TrimPrefix(f.from.Source, "./")), nil
	}
	source := f.from.Source
	if u, err := url.Parse(source); err == nil && u.Host != "" {
		source = u.Path
	}
	base := path.Base(source)
	base = strings.TrimSuffix(strings.TrimSuffix(base, ".patch"), ".diff")
	base = strings.TrimSuffix(base, "_"+fileName(f.pkg)) // as an export names it
	parts := []string{f.pkg, base}
	if f.pkg == "" || f.pkg == composerpatches.Bundle {
		parts = parts[1:]
	}
	stem := path.Join(m.into, fileName(parts...))
	name := stem + ".patch"
	for n := 2; ; n++ {
		old, err := m.overlay.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && string(old.Data) == string(f.part.Text) {
			break
		}
		if err != nil {
			return "", err
		}
		name = fmt.Sprintf("%s_%d.patch", stem, n)
	}
	changed, err := stageFile(m.overlay, name, f.part.Text)
	if changed {
		m.result.Written = append(m.result.Written, name)
	}
	return name, err
}
