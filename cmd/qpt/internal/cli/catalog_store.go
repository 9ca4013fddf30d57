package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/catalog/store"
	"github.com/quality-patches/qpt/pkg/report"
)

// store returns the cache of catalogues.
func (a *app) store() store.Store {
	dir := a.Getenv("XDG_CACHE_HOME")
	if dir == "" && runtime.GOOS == "windows" {
		dir = a.Getenv("LOCALAPPDATA")
	}
	if home := a.Getenv("HOME"); dir == "" && home != "" {
		dir = filepath.Join(home, ".cache")
	}
	if dir == "" || !filepath.IsAbs(dir) {
		return store.Store{}
	}
	return store.New(filepath.Join(dir, "qpt"))
}

// cached returns the catalogues of the cache that are in use. What is wrong with the
// cache is a warning: commands work without it.
func (a *app) cached() []catalog.Source {
	s := a.store()
	entries, err := s.Entries()
	if err != nil {
		a.warnOnce(err.Error())
		return nil
	}
	var sources []catalog.Source
	for _, e := range entries {
		if !e.Selected {
			continue
		}
		files, err := s.Open(e)
		if err == nil && !fromMagento(e) {
			files, err = a.trusted(files)
		}
		if err != nil {
			a.warnOnce(fmt.Sprintf("catalogue %s of the cache is left out: %v", e, err))
			continue
		}
		sources = append(sources, catalog.Source{Name: e.Name + " " + e.Version + " (cache)", FS: files})
	}
	return sources
}

// fromMagento reports whether a catalogue is one of Adobe's, from a Composer repository:
// those are not signed, and come with Composer's own guarantees.
func fromMagento(e store.Entry) bool {
	return e.Repository != "" && strings.HasPrefix(e.Name, "magento/")
}

// trusted checks the signature of a catalogue if a key is configured, and returns the
// files that it covers.
func (a *app) trusted(files fs.FS) (fs.FS, error) {
	if a.config.CatalogKey == "" {
		return files, nil
	}
	key, err := store.ParsePublic(a.config.CatalogKey)
	if err != nil {
		return nil, usagef("catalog-key: %w", err)
	}
	m, err := store.CheckSignature(files, key)
	if err != nil {
		return nil, err
	}
	return store.Listed(files, m), nil
}

func cachedReport(s store.Store, e store.Entry) report.CachedCatalog {
	return report.CachedCatalog{
		Name: e.Name, Version: e.Version, ID: e.ID, Source: e.Source, Added: e.Added, Selected: e.Selected, Path: s.Path(e),
	}
}

func cachedReports(s store.Store, entries []store.Entry) []report.CachedCatalog {
	list := make([]report.CachedCatalog, 0, len(entries))
	for _, e := range entries {
		list = append(list, cachedReport(s, e))
	}
	return list
}

func newCatalogListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the catalogues in the cache",
		Long: `List shows the catalogues that qpt catalog update has put into the cache
($XDG_CACHE_HOME/qpt), and which of them are in use.`,
		Example: "  qpt catalog list --format json",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.catalogList(nil, false) },
	}
}

func (a *app) catalogList(removed []store.Entry, dryRun bool) error {
	s := a.store()
	entries, err := s.Entries()
	if err != nil {
		return err
	}
	return a.render(&report.Catalogs{
		SchemaVersion: report.SchemaVersion, Catalogs: cachedReports(s, entries), Removed: cachedReports(s, removed), DryRun: dryRun,
	})
}

// findCached finds a catalogue of the cache. One that is not there is a finding.
func (a *app) findCached(s store.Store, name string) (store.Entry, error) {
	e, err := s.Find(name)
	if errors.Is(err, store.ErrUnknown) {
		return e, findingError(err.Error())
	}
	return e, err
}

// completeCached offers the catalogues of the cache.
func (a *app) completeCached(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	entries, err := a.store().Entries()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var list []cobra.Completion
	for _, e := range entries {
		list = append(list, e.Name+":"+e.Version)
	}
	return list, cobra.ShellCompDirectiveDefault
}

func newCatalogPathCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "path NAME[:VERSION]",
		Short: "Print the folder of a catalogue in the cache",
		Long: `Path verifies all files of a catalogue in the cache and prints its folder. A name
alone means the release in use, else the newest.`,
		Example:           "  ls $(qpt catalog path magento/quality-patches)",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeCached,
		RunE: func(_ *cobra.Command, args []string) error {
			s := a.store()
			e, err := a.findCached(s, args[0])
			if err != nil {
				return err
			}
			if err := s.Verify(e.ID); err != nil {
				return fmt.Errorf("catalogue %s of the cache: %w", e, err)
			}
			return a.render(&report.Catalogs{
				SchemaVersion: report.SchemaVersion, OnlyPath: true, Catalogs: []report.CachedCatalog{cachedReport(s, e)},
			})
		},
	}
}

func newCatalogUseCmd(a *app) *cobra.Command {
	var none bool
	cmd := &cobra.Command{
		Use:   "use NAME[:VERSION]",
		Short: "Choose the release of a catalogue that is used",
		Long: `Use verifies a catalogue of the cache and makes it a source of patches: below the
catalogues that are installed in vendor and the hotfixes, above the bundled one. One
release of each name is in use. With --none, none of that name is any more.`,
		Example: `  qpt catalog use magento/quality-patches:1.1.81
  qpt catalog use magento/quality-patches --none`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeCached,
		RunE: func(_ *cobra.Command, args []string) error {
			s := a.store()
			e, err := a.findCached(s, args[0])
			if err != nil {
				return err
			}
			version := e.Version
			if none {
				version = ""
			} else if err := a.verifyCached(s, e); err != nil {
				return err
			}
			if err := s.Select(e.Name, version); err != nil {
				return err
			}
			return a.catalogList(nil, false)
		},
	}
	cmd.Flags().BoolVar(&none, "none", false, "use no release of this catalogue")
	return cmd
}

func (a *app) verifyCached(s store.Store, e store.Entry) error {
	err := s.Verify(e.ID)
	if err == nil && !fromMagento(e) {
		_, err = a.trusted(os.DirFS(s.Path(e)))
	}
	if err != nil {
		return fmt.Errorf("catalogue %s of the cache: %w", e, err)
	}
	return nil
}

func newCatalogPruneCmd(a *app) *cobra.Command {
	var keep int
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove old catalogues from the cache",
		Long: `Prune removes the catalogues that are not in use, but keeps the newest ones of each
name. What broken downloads and other runs have left behind goes as well, after an hour.`,
		Example: "  qpt catalog prune --keep 0 --dry-run",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if keep < 0 {
				return usagef("keep: %d is not a number of releases", keep)
			}
			removed, err := a.store().Prune(keep, dryRun)
			if err != nil {
				return err
			}
			return a.catalogList(removed, dryRun)
		},
	}
	cmd.Flags().IntVar(&keep, "keep", 1, "how many releases of each name to keep beside that in use")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "remove nothing, only say what would be")
	return cmd
}

func newCatalogDiffCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Compare two catalogues",
		Long: `Diff lists the patches that came, went, changed and were deprecated from one catalogue
to another. Each is a folder, a zip archive, or a release in the cache: VERSION,
NAME:VERSION or the beginning of its content's hash.`,
		Example: `  qpt catalog diff 1.1.60 1.1.82
  qpt catalog diff vendor/magento/quality-patches magento/quality-patches:1.1.82`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeCached,
		RunE:              func(_ *cobra.Command, args []string) error { return a.catalogDiff(args[0], args[1]) },
	}
}

// namedCatalog loads one catalogue, from the file system or the cache.
func (a *app) namedCatalog(name string) (*catalog.Catalog, error) {
	s := a.store()
	e, err := s.Find(name)
	var source catalog.Source
	switch _, statErr := os.Stat(a.path(name)); {
	case err == nil:
		source.Name = e.String()
		if source.FS, err = s.Open(e); err != nil {
			return nil, err
		}
	case statErr == nil:
		var closer func() error
		if source, closer, err = catalog.Open(a.path(name)); err != nil {
			return nil, usageError{err}
		}
		a.closers = append(a.closers, closer)
	case errors.Is(err, store.ErrUnknown):
		return nil, findingError(err.Error() + ", nor a file")
	default:
		return nil, err
	}
	return catalog.Load([]catalog.Source{source}), nil
}

func (a *app) catalogDiff(older, newer string) error {
	from, err := a.namedCatalog(older)
	if err != nil {
		return err
	}
	to, err := a.namedCatalog(newer)
	if err != nil {
		return err
	}
	for _, d := range slices.Concat(from.Diagnostics, to.Diagnostics) {
		if d.Unread {
			return usagef("%s; its patches are not known, so there is nothing to compare", d)
		}
	}
	result := &report.CatalogDiff{
		SchemaVersion: report.SchemaVersion, Old: older, New: newer,
		Added: []report.CatalogChange{}, Removed: []report.CatalogChange{}, Changed: []report.CatalogChange{}, Deprecated: []report.CatalogChange{},
		Diagnostics: append(diagnosticTexts(from.Diagnostics), diagnosticTexts(to.Diagnostics)...),
	}
	for _, c := range catalog.Compare(from, to) {
		p := c.New
		if p == nil {
			p = c.Old
		}
		change := report.CatalogChange{ID: p.ID, Title: p.Title, What: c.What}
		switch {
		case c.Old == nil:
			result.Added = append(result.Added, change)
		case c.New == nil:
			result.Removed = append(result.Removed, change)
		case c.Deprecated():
			change.ReplacedWith = catalog.ReplacedWith(p.Variants)
			result.Deprecated = append(result.Deprecated, change)
		default:
			result.Changed = append(result.Changed, change)
		}
	}
	return a.render(result)
}
