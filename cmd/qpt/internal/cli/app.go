package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/sahilm/fuzzy"
	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/patches"
	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

// bundledSource names the catalogue that is built in.
const bundledSource = "bundled"

// app is one run: its surroundings, its configuration, and what commands open.
type app struct {
	Env
	config  config
	started bool // a command was found and its arguments are right
	closers []func() error
	warned  map[string]bool // the warnings that are given once
}

// configure reads the configuration for the command that is about to run.
func (a *app) configure(cmd *cobra.Command) error {
	c, err := loadConfig(a.Env, cmd.Flags())
	if err != nil {
		if given, err := givenConfig(a.Env, cmd.Flags()); err == nil && given.checkFormats(cmd) == nil {
			a.config = given // a program may wait for a document
		}
		var usage usageError
		if !errors.As(err, &usage) {
			err = usageError{err}
		}
		return err
	}
	if err := c.checkFormats(cmd); err != nil {
		return err
	}
	a.config = c
	return nil
}

func (a *app) close() {
	for _, c := range slices.Backward(a.closers) {
		_ = c() // only read from
	}
	a.closers = nil
}

// render writes a command's result. The files come first: if one fails, standard
// output is still free for the error.
func (a *app) render(r report.Result) error {
	if err := a.config.writeOutputs(r); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if a.config.Quiet {
		return nil
	}
	if err := report.Render(a.Out, report.Format(a.config.Format), r, a.config.style(a.Env)); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// note writes something for a person beside the result.
func (a *app) note(format string, args ...any) {
	if !a.config.Quiet {
		fmt.Fprintf(a.Err, "qpt: "+format+"\n", args...)
	}
}

// installation opens the shop.
func (a *app) installation() (*project.Installation, error) {
	if a.config.Root == "" {
		return nil, a.noRoot()
	}
	inst, err := project.Open(a.config.Root, a.Getenv)
	if err != nil {
		return nil, err
	}
	a.warn(inst)
	return inst, nil
}

// warnOnce warns of what is come upon again where a command goes on without a shop.
func (a *app) warnOnce(text string) {
	if a.warned[text] {
		return
	}
	if a.warned == nil {
		a.warned = map[string]bool{}
	}
	a.warned[text] = true
	a.note("warning: %s", report.Clean(text))
}

func (a *app) noRoot() error {
	return fmt.Errorf("%s and its parents: %w", a.Dir, project.ErrNotInstallation)
}

func (a *app) warn(inst *project.Installation) {
	for _, w := range inst.Warnings {
		a.note("warning: %s", report.Clean(w))
	}
}

// openRoot opens the folder through which all files of the shop are reached.
func (a *app) openRoot(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the installation: %w", err)
	}
	a.closers = append(a.closers, root.Close)
	return root, nil
}

// catalog loads the sources in order of precedence. Root and vendorDir are those of the
// shop, or empty.
func (a *app) catalog(root, vendorDir string) (*catalog.Catalog, error) {
	levels, _, err := a.levels(root, vendorDir)
	if err != nil {
		return nil, err
	}
	return catalog.Load(levels...), nil
}

// levels returns the sources in order of precedence, and which level is for the shop's
// own catalogue: what was put there on purpose stays what it is whatever Composer brings.
func (a *app) levels(root, vendorDir string) (levels [][]catalog.Source, ownLevel int, err error) {
	for _, name := range a.config.Catalog {
		if !filepath.IsAbs(name) {
			name = filepath.Join(a.Dir, name)
		}
		s, closer, err := catalog.Open(name)
		if err != nil {
			return nil, 0, usageError{err}
		}
		a.closers = append(a.closers, closer)
		if s.FS, err = a.trusted(s.FS); err != nil {
			return nil, 0, usagef("catalogue %s: %w", name, err)
		}
		levels = append(levels, []catalog.Source{s})
	}
	ownLevel = len(levels)
	levels = append(levels, a.ownCatalog(root))
	if root != "" {
		levels = append(levels, installed(filepath.Join(root, filepath.FromSlash(vendorDir))))
		if hotfixes := filepath.Join(root, hotfixesDir); isDir(hotfixes) {
			levels = append(levels, []catalog.Source{{Name: hotfixesDir, FS: os.DirFS(hotfixes), Dir: hotfixesDir}})
		}
	}
	levels = append(levels, a.cached())
	levels = append(levels, []catalog.Source{{Name: bundledSource, FS: patches.Catalog(), Origin: catalog.OriginBundled}})
	return levels, ownLevel, nil
}

// installed returns the catalogues that Composer has installed below a vendor folder.
func installed(vendorDir string) []catalog.Source {
	var sources []catalog.Source
	for _, name := range []string{"quality-patches", "magento-cloud-patches"} {
		dir := filepath.Join(vendorDir, "magento", name)
		if isDir(dir) {
			sources = append(sources, catalog.Source{Name: "magento/" + name, FS: os.DirFS(dir)})
		}
	}
	return sources
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// shop is an opened installation with what is known about it.
type shop struct {
	inst  *project.Installation
	root  *os.Root
	stack *stack.Stack
}

// shop opens the installation for a command that reads it, which is told when the tree is
// between two states.
func (a *app) shop() (*shop, error) {
	sh, err := a.openShop()
	if err == nil {
		a.reportPending(sh.root, sh.inst)
	}
	return sh, err
}

// openShop opens the installation. A command that takes the lock finishes or undoes what
// was interrupted, and need not be told before.
func (a *app) openShop() (*shop, error) {
	if a.config.Root == "" {
		return nil, a.noRoot()
	}
	if a.prepareHeap != nil {
		a.prepareHeap()
	}
	vendorDir, err := project.VendorDir(a.config.Root, a.Getenv)
	if err != nil {
		vendorDir = "vendor" // Open says what is wrong
	}
	// Packages and catalogues do not need each other, and take about as long.
	var inst *project.Installation
	var opening sync.WaitGroup
	opening.Go(func() { inst, err = project.Open(a.config.Root, a.Getenv) })
	c, cerr := a.catalog(a.config.Root, vendorDir)
	opening.Wait()
	if err != nil {
		return nil, err
	}
	a.warn(inst)
	if cerr != nil {
		return nil, cerr
	}
	root, err := a.openRoot(inst.Root)
	if err != nil {
		return nil, err
	}
	overlay := applier.NewOverlay(applier.DirTree(root))
	return &shop{inst, root, stack.New(c, inst.Packages, overlay, inst.Path)}, nil
}

// optionalShop opens the shop if there is one, else the catalogue alone. A root that
// was named has to be a shop.
func (a *app) optionalShop() (*shop, *catalog.Catalog, error) {
	if a.config.Root != "" {
		s, err := a.shop()
		if err == nil {
			return s, s.stack.Catalog, nil
		}
		if a.config.RootNamed {
			return nil, nil, err
		}
		a.note("no shop is looked at: %s", report.Clean(err.Error()))
	}
	c, err := a.catalog("", "")
	return nil, c, err
}

// catalogWarnings returns what is wrong with the catalogue and matters to a request:
// sources that cannot be read, and entries of the ids that are asked for.
func catalogWarnings(c *catalog.Catalog, ids []string) []string {
	var texts []string
	for _, d := range c.Diagnostics {
		if d.ID == "" || containsFold(ids, d.ID) {
			texts = append(texts, d.String())
		}
	}
	return texts
}

// releases returns the release table, and warns of what is wrong with it.
func (a *app) releases(c *catalog.Catalog) catalog.Releases {
	releases, diagnostics := c.Releases()
	for _, d := range diagnostics {
		a.note("warning: %s", report.Clean(d.String()))
	}
	return releases
}

// suggestions returns up to three ids like one that no catalogue has.
func suggestions(c *catalog.Catalog, id string) []string {
	ids := make([]string, len(c.Patches))
	for i, p := range c.Patches {
		ids[i] = p.ID
	}
	var like []string
	for _, m := range fuzzy.Find(strings.ToUpper(id), ids) {
		like = append(like, m.Str)
	}
	// Fuzzy search finds what letters are left out of; a wrong or swapped letter
	// needs a distance.
	if len(like) == 0 {
		slices.SortStableFunc(ids, func(a, b string) int { return edits(a, id) - edits(b, id) })
		for _, have := range ids[:min(3, len(ids))] {
			if edits(have, id) <= 2 {
				like = append(like, have)
			}
		}
	}
	return like[:min(3, len(like))]
}

// edits counts the letters to insert, delete or replace to make b of a, without
// regard to case.
func edits(a, b string) int {
	a, b = strings.ToUpper(a), strings.ToUpper(b)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// looksLikeFile reports whether an argument that no catalogue knows is meant as a file.
func (a *app) looksLikeFile(arg string) bool {
	if strings.HasSuffix(arg, ".patch") || strings.HasSuffix(arg, ".diff") || strings.ContainsAny(arg, `/\`) {
		return true
	}
	_, err := os.Stat(a.path(arg))
	return !errors.Is(err, fs.ErrNotExist)
}

// path makes an argument absolute.
func (a *app) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(a.Dir, name)
}
