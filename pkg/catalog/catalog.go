// Package catalog reads catalogues of patches: what exists, for which packages and
// versions, and with which diffs. It reads the formats of the Composer packages
// magento/quality-patches and magento/magento-cloud-patches, folders of loose
// diffs, and any of these in a zip archive.
//
// A bad entry becomes a [Diagnostic] and is left out; it never keeps the others from
// being read.
package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/compat"
)

// A Type says who decides that a patch is applied.
type Type string

// The types of patches, in the words of the PHP tool.
const (
	Optional Type = "Optional" // chosen by the shop
	Required Type = "Required" // applied on every cloud deployment
	Custom   Type = "Custom"   // the shop's own
)

// Origins, in the words of the PHP tool where it has one.
const (
	OriginSupport   = "Adobe Commerce Support"
	OriginCommunity = "Magento OS Community"
	OriginLocal     = "Local"
	OriginBundled   = "qpt"
)

// A Patch is one fix: an id and the variants of it for different packages and versions.
type Patch struct {
	// ID is as the catalogue writes it. Ids are compared without regard to case.
	ID         string
	Title      string
	Categories []string
	Origin     string
	Type       Type
	// Requirements is what someone has to do beside applying the patch.
	Requirements string
	// Misspelled is set when the catalogue gives Requirements under the key "requirement",
	// which the PHP tool does not know.
	Misspelled bool
	// Metadata holds the catalogue's rules for recommending the patch, as JSON, or nil.
	Metadata json.RawMessage
	// Security is set for patches that the catalogue knows to close vulnerabilities.
	Security *Security
	Variants []*Variant
	// Incomplete is set when a variant is left out because it cannot be used. A diagnostic
	// says why.
	Incomplete bool
	// Source names where the patch was read from.
	Source string
}

// BasePackage is the one whose version is that of Magento's release.
const BasePackage = "magento/magento2-base"

// A Variant is the diff of a patch for one package and one range of its versions.
type Variant struct {
	// Title is the patch's, or the variant's own where a catalogue has one per diff.
	Title string
	// Package is the Composer package whose version decides, "" for a loose diff,
	// which fits every installation.
	Package    string
	Constraint compat.Constraint
	// Base, if it is not nil, has to allow the version of [BasePackage], too: a diff for
	// one release of Magento that hangs on a package with versions of its own.
	Base *compat.Constraint
	// File is the diff's path inside its source.
	File string
	// Require lists the ids of patches that have to be applied before.
	Require []string
	// ReplacedWith is the id of the successor, or "".
	ReplacedWith string
	// Deprecated is set by the catalogue, or implied by ReplacedWith.
	Deprecated bool
	// SHA256 is what the catalogue says of the diff's bytes, in lower case, or "". A diff
	// with another one cannot be used.
	SHA256 string

	source string
	load   func() ([]byte, error)
	once   sync.Once
	diff   *applier.Diff
	err    error
}

// A DiffError is a diff that is missing or cannot be used.
type DiffError struct {
	Source, File string
	Err          error
}

func (e *DiffError) Error() string { return fmt.Sprintf("%s: %s: %v", e.Source, e.File, e.Err) }
func (e *DiffError) Unwrap() error { return e.Err }

// Diff reads and parses the variant's diff, once. It is safe for concurrent use.
// The error is a [*DiffError].
func (v *Variant) Diff() (*applier.Diff, error) {
	v.once.Do(func() {
		var src []byte
		if src, v.err = v.Text(); v.err != nil {
			return
		}
		if v.diff, v.err = applier.Parse(src); v.err != nil {
			v.err = &DiffError{v.source, v.File, v.err}
		}
	})
	return v.diff, v.err
}

// Source names where the diff is read from; a patch may have diffs of several sources.
func (v *Variant) Source() string { return v.source }

// Text returns the diff as it stands in the catalogue, if it is the one that the
// catalogue means ([Variant.SHA256]). The error is a [*DiffError].
func (v *Variant) Text() ([]byte, error) {
	b, err := v.load()
	if err != nil {
		return nil, &DiffError{v.source, v.File, unwrapPath(err)}
	}
	if v.SHA256 != "" {
		if sum := hash(b); sum != v.SHA256 {
			return nil, &DiffError{v.source, v.File, fmt.Errorf("its SHA-256 is %s, but the catalogue says %s; get the diff anew, or state its sum in the entry if it is meant to have changed", sum, v.SHA256)}
		}
	}
	return b, nil
}

// Require returns the ids that any of the variants requires, each once.
func Require(variants []*Variant) []string {
	var ids []string
	for _, v := range variants {
		for _, id := range v.Require {
			if !slices.ContainsFunc(ids, func(have string) bool { return strings.EqualFold(have, id) }) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// ReplacedWith returns the successor that the variants name, or "". As in the PHP
// tool, the last one that names one decides.
func ReplacedWith(variants []*Variant) string {
	for _, v := range slices.Backward(variants) {
		if v.ReplacedWith != "" {
			return v.ReplacedWith
		}
	}
	return ""
}

// Deprecated reports whether any of the variants is deprecated.
func Deprecated(variants []*Variant) bool {
	return slices.ContainsFunc(variants, func(v *Variant) bool { return v.Deprecated })
}

// Components returns what the diffs of the variants touch, sorted: vendor/package
// for files below vendor, else the first two folders. Diffs that cannot be read add
// nothing.
func Components(variants []*Variant) []string {
	var components []string
	for _, v := range variants {
		d, err := v.Diff()
		if err != nil {
			continue
		}
		for _, path := range d.Paths() {
			components = append(components, component(path))
		}
	}
	slices.Sort(components)
	return slices.Compact(components)
}

func component(path string) string {
	path = strings.TrimPrefix(path, "vendor/")
	parts := strings.SplitN(path, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// A Diagnostic says what is wrong in a catalogue, and where.
type Diagnostic struct {
	// Source and ID name the entry; ID is empty when the source as a whole is meant.
	Source, ID string
	Message    string
	// Unread is set when the entries of a file, or the diffs of a folder, are not known at
	// all.
	Unread bool
}

func (d Diagnostic) String() string {
	if d.ID == "" {
		return d.Source + ": " + d.Message
	}
	return fmt.Sprintf("%s: %s: %s", d.Source, d.ID, d.Message)
}

// A Catalog holds the patches of one or more sources.
type Catalog struct {
	// Patches are in the order of the sources, and within a source in its own.
	Patches     []*Patch
	Diagnostics []Diagnostic

	byID     map[string]*Patch
	levels   [][]Source
	sources  []Source
	releases func() (Releases, []Diagnostic)
}

// Releases returns the release tables of all sources as one, and what is wrong with
// them. What the first source says of a release counts. They are read when they are
// first asked for.
func (c *Catalog) Releases() (Releases, []Diagnostic) { return c.releases() }

// Levels returns what was given to [Load]. It is not to be changed.
func (c *Catalog) Levels() [][]Source { return c.levels }

// Patch finds a patch by its id, without regard to case.
func (c *Catalog) Patch(id string) (*Patch, bool) {
	p, ok := c.byID[strings.ToLower(id)]
	return p, ok
}

// ErrNoArticle is returned for an id that no source has an article about.
var ErrNoArticle = errors.New("no article about this patch")

// Article returns the text about a patch, Markdown with front matter. It may come
// from another source than the patch, whose catalogue has no articles.
func (c *Catalog) Article(id string) ([]byte, error) {
	name := path.Join(articlesDir, strings.ToUpper(id)+".md")
	if !fs.ValidPath(name) {
		return nil, ErrNoArticle
	}
	for _, s := range c.sources {
		b, err := ReadFile(s.FS, name)
		if !errors.Is(err, fs.ErrNotExist) {
			return b, err
		}
	}
	return nil, ErrNoArticle
}

// LeftOut returns why the entry of an id was not usable, or "" if there was none.
func (c *Catalog) LeftOut(id string) string {
	for _, d := range c.Diagnostics {
		if d.ID != "" && strings.EqualFold(d.ID, id) {
			return d.Message
		}
	}
	return ""
}

// Load reads sources in order of precedence. An id that an earlier level has hides
// it in later ones. What cannot be read becomes a diagnostic.
func Load(levels ...[]Source) *Catalog {
	c := &Catalog{byID: map[string]*Patch{}, levels: levels, sources: slices.Concat(levels...)}
	type content struct {
		patches     []*Patch
		diagnostics []Diagnostic
	}
	contents := make([]content, len(c.sources))
	var wg sync.WaitGroup
	for i, s := range c.sources {
		wg.Go(func() { contents[i].patches, contents[i].diagnostics = s.read() })
	}
	c.releases = sync.OnceValues(func() (Releases, []Diagnostic) { return readReleases(c.sources) })
	wg.Wait()

	next := 0
	for _, level := range levels {
		hidden := make(map[string]bool, len(c.byID))
		for id := range c.byID {
			hidden[id] = true
		}
		for _, d := range c.Diagnostics {
			// A broken entry is not a reason to use what a lower level has under the same id.
			hidden[strings.ToLower(d.ID)] = true
		}
		for range level {
			c.Diagnostics = append(c.Diagnostics, contents[next].diagnostics...)
			for _, p := range contents[next].patches {
				if key := strings.ToLower(p.ID); !hidden[key] {
					c.add(key, p)
				}
			}
			next++
		}
	}
	c.checkReferences()
	return c
}

func readReleases(sources []Source) (Releases, []Diagnostic) {
	var releases Releases
	var diagnostics []Diagnostic
	known := map[string]bool{}
	for _, s := range sources {
		table, err := s.releases()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			diagnostics = append(diagnostics, Diagnostic{Source: s.Name, Message: err.Error()})
		}
		for _, r := range table {
			if key := r.Version.Normalized(); !known[key] {
				known[key] = true
				releases = append(releases, r)
			}
		}
	}
	releases.sort()
	return releases, diagnostics
}

// add takes a patch in; one whose id the same level has already adds its variants to it.
func (c *Catalog) add(key string, p *Patch) {
	if have, ok := c.byID[key]; ok {
		have.Variants = append(have.Variants, p.Variants...)
		have.Incomplete = have.Incomplete || p.Incomplete
		return
	}
	c.byID[key] = p
	c.Patches = append(c.Patches, p)
}

// checkReferences reports ids that are required or recommended and exist nowhere.
func (c *Catalog) checkReferences() {
	for _, p := range c.Patches {
		for _, id := range Require(p.Variants) {
			if _, ok := c.Patch(id); !ok {
				c.Diagnostics = append(c.Diagnostics, Diagnostic{Source: p.Source, ID: p.ID, Message: "requires " + id + ", which no catalogue has"})
			}
		}
		if id := ReplacedWith(p.Variants); id != "" {
			if _, ok := c.Patch(id); !ok {
				c.Diagnostics = append(c.Diagnostics, Diagnostic{Source: p.Source, ID: p.ID, Message: "is replaced with " + id + ", which no catalogue has"})
			}
		}
	}
}

// trimBOM removes a byte order mark, which editors leave and encoding/json refuses.
func trimBOM(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) }
