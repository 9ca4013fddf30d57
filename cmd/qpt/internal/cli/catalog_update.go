package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/catalog/store"
	"github.com/quality-patches/qpt/pkg/composer"
	"github.com/quality-patches/qpt/pkg/report"
)

type updateOptions struct {
	repository, sha256, name, version string
	offline, noUse                    bool
	timeout                           time.Duration
}

func newCatalogUpdateCmd(a *app) *cobra.Command {
	var o updateOptions
	cmd := &cobra.Command{
		Use:   "update [PACKAGE[:VERSION]|FOLDER|ARCHIVE|URL]...",
		Short: "Fetch catalogues into the cache",
		Long: `Update fetches catalogues into the cache ($XDG_CACHE_HOME/qpt) and puts them in use,
without Composer. With no argument these are magento/quality-patches and
magento/magento-cloud-patches, in their highest stable version.

A package comes from a Composer repository, with the credentials that Composer has:
auth.json, COMPOSER_AUTH, COMPOSER_HOME, and the composer.json and auth.json of the shop.
A catalogue may also be a folder, a zip or tar.gz archive, or the HTTPS address of an
archive together with its --sha256.

A proxy is taken from HTTPS_PROXY, HTTP_PROXY and NO_PROXY. A broken download goes on
where it ended when the command is run again.`,
		Example: `  qpt catalog update
  qpt catalog update magento/quality-patches:1.1.81
  qpt catalog update https://patches.example.com/acme.zip --sha256 9f86d081...
  qpt catalog update ./our-patches --name acme/patches --version 1.0.0`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.catalogUpdate(cmd.Context(), args, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.repository, "repository", "https://repo.magento.com", "the Composer repository")
	f.StringVar(&o.sha256, "sha256", "", "what the archive's SHA-256 has to be")
	f.StringVar(&o.name, "name", "", "what a folder, archive or URL is called in the cache (default: as its composer.json says)")
	f.StringVar(&o.version, "version", "", "the version of a folder, archive or URL (default: as its composer.json says)")
	f.BoolVar(&o.offline, "offline", false, "use what the cache has, ask no server")
	f.BoolVar(&o.noUse, "no-use", false, "fetch, but do not put in use")
	f.DurationVar(&o.timeout, "timeout", 15*time.Minute, "give up after this time")
	return cmd
}

var (
	packageArg = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]*/[a-z0-9][a-z0-9_.-]*(:[0-9A-Za-z._+-]+)?$`)
	sha256Arg  = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
)

func (a *app) catalogUpdate(ctx context.Context, args []string, o updateOptions) error {
	if o.timeout <= 0 {
		return usagef("timeout: %s is not a time", o.timeout)
	}
	if o.sha256 != "" && !sha256Arg.MatchString(o.sha256) {
		return usagef("sha256: expected 64 hexadecimal digits")
	}
	if (o.sha256 != "" || o.name != "" || o.version != "") && len(args) != 1 {
		return usagef("--sha256, --name and --version are about one folder, archive or URL; name it")
	}
	if len(args) == 0 {
		args = []string{"magento/quality-patches", "magento/magento-cloud-patches"}
	}
	ctx, stop := untilSignal(ctx)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("not done after %s: timeout", o.timeout))
	defer cancel()

	u := updater{app: a, updateOptions: o, store: a.store()}
	result := &report.Catalogs{SchemaVersion: report.SchemaVersion, Catalogs: []report.CachedCatalog{}}
	for _, arg := range args {
		e, err := u.update(ctx, arg)
		if err != nil {
			return err
		}
		if e.Selected = !o.noUse; e.Selected {
			if err := u.store.Select(e.Name, e.Version); err != nil {
				return err
			}
		}
		result.Catalogs = append(result.Catalogs, cachedReport(u.store, e))
	}
	return a.render(result)
}

// An updater brings catalogues into the cache.
type updater struct {
	*app
	updateOptions
	store      store.Store
	client     *composer.Client
	repository *composer.Repository
}

func (u *updater) update(ctx context.Context, arg string) (store.Entry, error) {
	switch {
	case strings.Contains(arg, "://"):
		return u.address(ctx, arg)
	case packageArg.MatchString(arg) && !u.looksLikeFolder(arg):
		if u.sha256 != "" || u.name != "" || u.updateOptions.version != "" {
			return store.Entry{}, usagef("%s is a package; --sha256, --name and --version are for folders, archives and URLs (for a version write %s:VERSION)", arg, arg)
		}
		return u.pack(ctx, arg)
	}
	name := u.path(arg)
	info, err := os.Stat(name)
	if err != nil {
		return store.Entry{}, usagef("%s is no package, address, folder or archive: %w", arg, err)
	}
	if u.sha256 != "" {
		if info.IsDir() {
			return store.Entry{}, usagef("%s is a folder, which has no SHA-256", arg)
		}
		if err := composer.CheckFile(name, u.sha256); err != nil {
			return store.Entry{}, fmt.Errorf("%s: %w", arg, err)
		}
	}
	return u.add(name, store.Entry{Name: u.name, Version: u.updateOptions.version, Source: name})
}

// looksLikeFolder reports whether an argument that reads like a package is a folder or file.
func (u *updater) looksLikeFolder(arg string) bool {
	_, err := os.Stat(u.path(arg))
	return err == nil
}

// add takes a file into the cache. What claims to be Adobe's has to come from a
// Composer repository: only then it needs no signature.
func (u *updater) add(file string, e store.Entry) (store.Entry, error) {
	return u.store.Add(file, e, func(files fs.FS) error {
		if fromMagento(e) {
			return nil
		}
		_, err := u.trusted(files)
		return err
	})
}

func (u *updater) connect() (*composer.Client, error) {
	if u.client != nil {
		return u.client, nil
	}
	config, err := composer.LoadConfig(u.Getenv, u.config.Root)
	if err != nil {
		return nil, usageError{err}
	}
	u.client = composer.NewClient(config, "qpt")
	u.client.Cache = u.store.Dir("")
	if u.Terminal && !u.config.Quiet {
		u.client.Progress = u.progress()
	}
	return u.client, nil
}

// progress shows how far a download is, on a line that is written over.
func (u *updater) progress() func(string, int64, int64) {
	var last time.Time
	return func(name string, done, total int64) {
		if time.Since(last) < 200*time.Millisecond && done != total {
			return
		}
		last = time.Now()
		text := fmt.Sprintf("%.1f MB", float64(done)/1e6)
		if total > 0 {
			text = fmt.Sprintf("%3d%% of %.1f MB", done*100/total, float64(total)/1e6)
		}
		fmt.Fprintf(u.Err, "\r\x1b[K%s: %s", report.Clean(name), text)
		if done == total {
			fmt.Fprint(u.Err, "\r\x1b[K")
		}
	}
}

func (u *updater) pack(ctx context.Context, arg string) (store.Entry, error) {
	name, version, _ := strings.Cut(arg, ":")
	if u.offline {
		e, err := u.newest(name, version)
		if err != nil {
			return e, err
		}
		return e, u.verifyCached(u.store, e)
	}
	client, err := u.connect()
	if err != nil {
		return store.Entry{}, err
	}
	if u.repository == nil {
		if u.repository, err = client.Open(ctx, u.updateOptions.repository); err != nil {
			return store.Entry{}, err
		}
	}
	versions := u.repository.Versions
	if strings.HasPrefix(strings.ToLower(version), "dev-") || strings.HasSuffix(strings.ToLower(version), "-dev") {
		versions = u.repository.Branches
	}
	list, err := versions(ctx, name)
	if err == nil {
		var p composer.Package
		if p, err = composer.Pick(list, version); err == nil {
			return u.fetch(ctx, p)
		}
		err = fmt.Errorf("package %s: %w", name, err)
	}
	if errors.Is(err, composer.ErrNotFound) {
		return store.Entry{}, findingError(err.Error())
	}
	return store.Entry{}, err
}

func (u *updater) fetch(ctx context.Context, p composer.Package) (store.Entry, error) {
	repository := u.repository.String()
	if e, err := u.store.Find(p.Name + ":" + p.Version); err == nil && e.Repository == repository && e.Reference == p.Dist.Reference+p.Dist.Shasum && e.Reference != "" {
		if u.verifyCached(u.store, e) == nil {
			return e, nil // it is there already
		}
	}
	file, source, err := u.client.FetchPackage(ctx, p)
	if err != nil {
		return store.Entry{}, err
	}
	defer os.Remove(file) //nolint:errcheck // prune removes it
	return u.add(file, store.Entry{
		Name: p.Name, Version: p.Version, Source: source, Repository: repository, Reference: p.Dist.Reference + p.Dist.Shasum,
	})
}

// newest finds the newest release of a name that the cache has, whichever is in use.
func (u *updater) newest(name, version string) (store.Entry, error) {
	entries, err := u.store.Entries()
	if err != nil {
		return store.Entry{}, err
	}
	for _, e := range entries {
		if e.Name == name && (version == "" || strings.EqualFold(e.Version, version)) {
			return e, nil
		}
	}
	return store.Entry{}, findingError(fmt.Sprintf("catalogue %s: the cache does not have it, and --offline asks no server", strings.TrimSuffix(name+":"+version, ":")))
}

func (u *updater) address(ctx context.Context, arg string) (store.Entry, error) {
	parsed, err := url.Parse(arg)
	if err != nil {
		return store.Entry{}, usagef("the address cannot be read")
	}
	source := composer.Redact(parsed)
	if u.sha256 == "" {
		return store.Entry{}, usagef("%s: give the SHA-256 that is expected with --sha256", source)
	}
	if u.offline {
		return store.Entry{}, usagef("%s: --offline asks no server", source)
	}
	client, err := u.connect()
	if err != nil {
		return store.Entry{}, err
	}
	file, err := client.Fetch(ctx, composer.Download{URL: arg, SHA256: u.sha256})
	if err != nil {
		return store.Entry{}, err
	}
	defer os.Remove(file) //nolint:errcheck // prune removes it
	return u.add(file, store.Entry{Name: u.name, Version: u.updateOptions.version, Source: source})
}
