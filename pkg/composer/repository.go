package composer

import (
	"bytes"
	"context"
	"crypto/md5"  //nolint:gosec // a part of addresses, no checksum
	"crypto/sha1" //nolint:gosec // the protocol's checksum, not ours
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/compat"
)

// maxMetadata is how large an answer about packages may be.
const maxMetadata = 64 << 20

// ErrNotFound is wrapped when a repository has no such package or version.
var ErrNotFound = errors.New("the repository does not have it")

// A Repository is a Composer repository whose packages.json has been read.
type Repository struct {
	client *Client
	base   *url.URL
	root   root
}

type root struct {
	MetadataURL       string                     `json:"metadata-url"`
	Available         []string                   `json:"available-packages"`
	AvailablePatterns []string                   `json:"available-package-patterns"`
	ProvidersURL      string                     `json:"providers-url"`
	LazyURL           string                     `json:"providers-lazy-url"`
	ProviderIncludes  map[string]hashed          `json:"provider-includes"`
	Providers         map[string]hashed          `json:"providers"`
	Includes          map[string]hashed          `json:"includes"`
	Packages          map[string]json.RawMessage `json:"packages"`
	Minified          string                     `json:"minified"`
	Mirrors           []struct {
		DistURL   string `json:"dist-url"`
		Preferred bool   `json:"preferred"`
	} `json:"mirrors"`
}

type hashed struct {
	SHA1   string `json:"sha1"`
	SHA256 string `json:"sha256"`
}

// A Package is one version of a package.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Dist    Dist   `json:"dist"`

	version compat.Version
	urls    []string
}

// Dist is where the archive of a version is.
type Dist struct {
	Type      string   `json:"type"`
	URL       string   `json:"url"`
	Reference string   `json:"reference"`
	Shasum    string   `json:"shasum"`
	Mirrors   []Mirror `json:"mirrors"`
}

// A Mirror has the same archives at another address.
type Mirror struct {
	URL       string `json:"url"`
	Preferred bool   `json:"preferred"`
}

// Open reads the packages.json of a repository.
func (c *Client) Open(ctx context.Context, address string) (*Repository, error) {
	u, err := url.Parse(strings.TrimSuffix(strings.TrimSuffix(address, "packages.json"), "/") + "/")
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("repository %q: not an address such as https://repo.magento.com", address)
	}
	r := &Repository{client: c, base: u}
	b, err := c.metadata(ctx, r.resolve("packages.json"), hashed{})
	if err != nil {
		return nil, fmt.Errorf("repository %s: %w", Redact(u), err)
	}
	if r.root, err = parseRoot(b); err != nil {
		return nil, fmt.Errorf("repository %s: packages.json: %w", Redact(u), err)
	}
	return r, nil
}

// String returns the address of the repository, without its secrets.
func (r *Repository) String() string { return strings.TrimSuffix(Redact(r.base), "/") }

func parseRoot(b []byte) (root, error) {
	// PHP writes an empty object as a list.
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return root{}, notJSON(b, err)
	}
	for _, name := range []string{"packages", "providers", "provider-includes", "includes"} {
		if text := bytes.TrimSpace(fields[name]); bytes.HasPrefix(text, []byte("[")) {
			delete(fields, name)
		}
	}
	clean, err := json.Marshal(fields)
	if err != nil {
		return root{}, err
	}
	var r root
	if err := json.Unmarshal(clean, &r); err != nil {
		return root{}, notJSON(b, err)
	}
	return r, nil
}

func notJSON(b []byte, err error) error {
	if text := bytes.TrimSpace(b); bytes.HasPrefix(text, []byte("<")) {
		return errors.New("the server answers with a web page instead of JSON, such as a page to log in; check the address and the credentials")
	}
	return fmt.Errorf("not what Composer's protocol says: %w", err)
}

// resolve makes an address of the repository absolute. One that starts with a slash
// is relative to the host, others to the repository.
func (r *Repository) resolve(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return r.base.ResolveReference(u).String()
}

// Versions returns all versions of a package, the highest first. Those whose version
// Composer could not read, or that have no archive, are left out.
func (r *Repository) Versions(ctx context.Context, name string) ([]Package, error) {
	return r.sorted(ctx, name, "")
}

// Branches does the same as Versions for versions in development, which the second version of the protocol keeps apart;
// of the first it returns all.
func (r *Repository) Branches(ctx context.Context, name string) ([]Package, error) {
	return r.sorted(ctx, name, "~dev")
}

func (r *Repository) sorted(ctx context.Context, name, suffix string) ([]Package, error) {
	name = strings.ToLower(name)
	list, err := r.versions(ctx, name, suffix)
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("package %s in %s: %w", name, Redact(r.base), err)
	}
	slices.SortStableFunc(list, func(a, b Package) int { return b.version.Compare(a.version) })
	return list, nil
}

// versions returns those of a package. The suffix is for an address of the second version of the protocol.
func (r *Repository) versions(ctx context.Context, name, suffix string) ([]Package, error) {
	if raw, ok := r.root.Packages[name]; ok {
		return r.packages(name, raw, "")
	}
	for _, file := range slices.Sorted(maps.Keys(r.root.Includes)) {
		b, err := r.client.metadata(ctx, r.resolve(strings.ReplaceAll(file, "$", "%24")), r.root.Includes[file])
		if err != nil {
			return nil, err
		}
		included, err := parseRoot(b)
		if err != nil {
			return nil, err
		}
		if raw, ok := included.Packages[name]; ok {
			return r.packages(name, raw, "")
		}
	}
	if r.root.MetadataURL != "" {
		if !r.mayHave(name) {
			return nil, ErrNotFound
		}
		return r.lazily(ctx, strings.ReplaceAll(r.root.MetadataURL, "%package%", "%package%"+suffix), name)
	}
	return r.protocol1(ctx, name)
}

// lazily asks for a package without knowing whether it is there.
func (r *Repository) lazily(ctx context.Context, address, name string) ([]Package, error) {
	b, err := r.client.metadata(ctx, r.resolve(strings.ReplaceAll(address, "%package%", name)), hashed{})
	var status *StatusError
	if errors.As(err, &status) && status.Code == http.StatusNotFound {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	file, err := parseRoot(b)
	if err != nil {
		return nil, err
	}
	return r.packages(name, file.Packages[name], file.Minified)
}

// mayHave reports whether the root does not rule a package out.
func (r *Repository) mayHave(name string) bool {
	if r.root.Available == nil && r.root.AvailablePatterns == nil {
		return true
	}
	return slices.ContainsFunc(r.root.Available, func(have string) bool { return strings.EqualFold(have, name) }) ||
		slices.ContainsFunc(r.root.AvailablePatterns, func(pattern string) bool {
			expr := "(?i)^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$"
			ok, err := regexp.MatchString(expr, name)
			return err == nil && ok
		})
}

func (r *Repository) protocol1(ctx context.Context, name string) ([]Package, error) {
	sum, ok := r.root.Providers[name]
	for _, file := range slices.Sorted(maps.Keys(r.root.ProviderIncludes)) {
		if ok {
			break
		}
		h := r.root.ProviderIncludes[file]
		b, err := r.client.metadata(ctx, r.resolve(strings.ReplaceAll(file, "%hash%", h.SHA256)), h)
		if err != nil {
			return nil, err
		}
		included, err := parseRoot(b)
		if err != nil {
			return nil, err
		}
		sum, ok = included.Providers[name]
	}
	switch {
	case !ok && r.root.LazyURL != "":
		return r.lazily(ctx, r.root.LazyURL, name)
	case !ok || r.root.ProvidersURL == "":
		return nil, ErrNotFound
	}
	address := strings.NewReplacer("%package%", name, "%hash%", sum.SHA256, "$", "%24").Replace(r.root.ProvidersURL)
	b, err := r.client.metadata(ctx, r.resolve(address), sum)
	if err != nil {
		return nil, err
	}
	file, err := parseRoot(b)
	if err != nil {
		return nil, err
	}
	return r.packages(name, file.Packages[name], "")
}

// packages reads the versions of a package: a list, perhaps minified, or a map.
func (r *Repository) packages(name string, raw json.RawMessage, minified string) ([]Package, error) {
	if len(raw) == 0 {
		return nil, ErrNotFound
	}
	var entries []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil {
		var byVersion map[string]map[string]json.RawMessage
		if err := json.Unmarshal(raw, &byVersion); err != nil {
			return nil, notJSON(raw, err)
		}
		for _, version := range slices.Sorted(maps.Keys(byVersion)) {
			entries = append(entries, byVersion[version])
		}
	}
	switch minified {
	case "":
	case "composer/2.0":
		entries = expand(entries)
	default:
		return nil, fmt.Errorf("its metadata is minified in an unknown way, %q", minified)
	}
	var list []Package
	for _, entry := range entries {
		text, err := json.Marshal(entry)
		if err != nil {
			return nil, err
		}
		var p Package
		if json.Unmarshal(text, &p) != nil || !strings.EqualFold(p.Name, name) {
			continue
		}
		if p.version, err = compat.ParseVersion(p.Version); err != nil || p.Dist.URL == "" {
			continue
		}
		p.Name = name
		p.urls = r.addresses(p)
		list = append(list, p)
	}
	return list, nil
}

// expand undoes Composer's minification: each entry says what differs from the one before.
func expand(entries []map[string]json.RawMessage) []map[string]json.RawMessage {
	current := map[string]json.RawMessage{}
	full := make([]map[string]json.RawMessage, 0, len(entries))
	for _, entry := range entries {
		for key, value := range entry {
			if string(value) == `"__unset"` {
				delete(current, key)
			} else {
				current[key] = value
			}
		}
		full = append(full, maps.Clone(current))
	}
	return full
}

// addresses returns where an archive can be had: preferred mirrors, itself, other mirrors.
func (r *Repository) addresses(p Package) []string {
	mirrors := slices.Clone(p.Dist.Mirrors)
	for _, m := range r.root.Mirrors {
		mirrors = append(mirrors, Mirror{m.DistURL, m.Preferred})
	}
	version, reference := p.version.Normalized(), p.Dist.Reference
	if strings.Contains(version, "/") {
		version = sumMD5(version)
	}
	if strings.Trim(reference, "0123456789abcdef") != "" {
		reference = sumMD5(reference)
	}
	fill := strings.NewReplacer("%package%", p.Name, "%version%", version, "%prettyVersion%", p.Version,
		"%reference%", reference, "%type%", p.Dist.Type)
	list := []string{r.resolve(p.Dist.URL)}
	for _, m := range slices.Backward(mirrors) {
		if m.URL != "" && m.Preferred {
			list = slices.Insert(list, 0, r.resolve(fill.Replace(m.URL)))
		}
	}
	for _, m := range mirrors {
		if m.URL != "" && !m.Preferred {
			list = append(list, r.resolve(fill.Replace(m.URL)))
		}
	}
	return list
}

// sumMD5 is what Composer puts into the address of a mirror for what may have other characters than a file name.
func sumMD5(s string) string {
	sum := md5.Sum([]byte(s)) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}

// Pick returns the version that is asked for, or the highest stable one for "". The
// list is as [Repository.Versions] returns it.
func Pick(list []Package, version string) (Package, error) {
	want, err := compat.ParseVersion(version)
	if version != "" && err != nil {
		return Package{}, err
	}
	for _, p := range list {
		if version == "" && p.version.IsStable() || version != "" && p.version.Normalized() == want.Normalized() {
			return p, nil
		}
	}
	if version == "" {
		return Package{}, fmt.Errorf("no stable version: %w", ErrNotFound)
	}
	return Package{}, fmt.Errorf("version %s: %w; the highest is %s", version, ErrNotFound, list[0].Version)
}

// FetchPackage downloads the archive of a version, from a mirror if need be, and
// returns the file and the address without its secrets.
func (c *Client) FetchPackage(ctx context.Context, p Package) (file, source string, err error) {
	if p.Dist.Type != "zip" && p.Dist.Type != "tar" {
		return "", "", fmt.Errorf("%s %s: its archive is a %q, expected zip or tar", p.Name, p.Version, p.Dist.Type)
	}
	var failed []error
	for _, address := range p.urls {
		file, err := c.Fetch(ctx, Download{URL: address, SHA1: p.Dist.Shasum})
		if err == nil {
			u, err := url.Parse(address)
			if err != nil {
				return file, "", err
			}
			return file, Redact(u), nil
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	return "", "", fmt.Errorf("%s %s: %w", p.Name, p.Version, errors.Join(failed...))
}

// metadata gets a JSON document. One that has not changed since it was last fetched
// comes from the cache.
func (c *Client) metadata(ctx context.Context, address string, want hashed) ([]byte, error) {
	var result []byte
	err := c.retry(ctx, func(ctx context.Context) error {
		var err error
		result, err = c.document(ctx, address)
		return err
	})
	if err != nil {
		return nil, err
	}
	sum256, sum1 := sha256.Sum256(result), sha1.Sum(result) //nolint:gosec // see above
	if want.SHA256 != "" && !strings.EqualFold(want.SHA256, hex.EncodeToString(sum256[:])) ||
		want.SHA256 == "" && want.SHA1 != "" && !strings.EqualFold(want.SHA1, hex.EncodeToString(sum1[:])) {
		shown := "metadata"
		if u, err := url.Parse(address); err == nil {
			shown = Redact(u)
		}
		return nil, fmt.Errorf("%s: %w", shown, ErrChecksum)
	}
	return result, nil
}

// cached is a document as it is kept.
type cached struct {
	URL      string `json:"url"`
	Modified string `json:"lastModified"`
	Body     []byte `json:"body"`
}

func (c *Client) document(ctx context.Context, address string) ([]byte, error) {
	header := http.Header{"Accept": {"application/json"}}
	var old cached
	key := sha256.Sum256([]byte(address))
	name := filepath.Join(c.Cache, "metadata", hex.EncodeToString(key[:]))
	if c.Cache != "" {
		if b, err := os.ReadFile(name); err == nil && json.Unmarshal(b, &old) == nil && old.URL == address && old.Modified != "" {
			header.Set("If-Modified-Since", old.Modified)
		} else {
			old = cached{}
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answer, err := c.get(ctx, address, header)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	shown := Redact(answer.Request.URL)
	if answer.StatusCode == http.StatusNotModified && old.Modified != "" {
		return old.Body, nil
	}
	if answer.StatusCode != http.StatusOK {
		return nil, &StatusError{shown, answer.StatusCode}
	}
	var buf bytes.Buffer
	err = c.watch(&buf, io.LimitReader(answer.Body, maxMetadata+1), cancel, func(int64) {})
	switch {
	case errors.Is(context.Cause(ctx), errStalled):
		return nil, &connectionError{shown, errStalled}
	case err != nil:
		return nil, &connectionError{shown, fmt.Errorf("the answer broke off: %w", err)}
	case buf.Len() > maxMetadata:
		return nil, fmt.Errorf("%s: larger than %d MiB, which no metadata is", shown, maxMetadata>>20)
	}
	if c.Cache != "" && answer.Header.Get("Last-Modified") != "" && json.Valid(buf.Bytes()) {
		c.keep(name, cached{address, answer.Header.Get("Last-Modified"), buf.Bytes()})
	}
	return buf.Bytes(), nil
}

// keep writes a document to the cache. If it fails, the document is fetched again.
func (c *Client) keep(name string, doc cached) {
	b, err := json.Marshal(doc)
	if err != nil || os.MkdirAll(filepath.Dir(name), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".new-")
	if err != nil {
		return
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Close()); err != nil || os.Rename(f.Name(), name) != nil {
		_ = os.Remove(f.Name()) // it is only a cache
	}
}
