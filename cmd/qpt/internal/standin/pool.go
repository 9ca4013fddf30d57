package standin

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/stack"
)

// An item is one diff that fits the installation; several may have one id.
type item struct {
	id, title, file, path string
	kind                  catalog.Type
	origin                string
	categories            []string
	components            []string
	require               []string
	replacedWith          string
	deprecated            bool
	requirements          string
	// diff is nil if it cannot be read, so that it fits nowhere; unusable says why.
	diff     *applier.Diff
	unusable error
}

// A pool holds the items in the order of the catalogues.
type pool struct {
	items  []*item // those of the catalogues
	cloud  int     // so many of them are of the cloud catalogue
	hot    []*item // those of m2-hotfixes
	byID   map[string][]*item
	groups []*group // the items by id, in order of appearance
}

// A group is all items of one id.
type group struct {
	*item
	items []*item
}

// isCloud reports whether this is a cloud project, for which ece-patches takes every shop.
func (r *run) isCloud() bool {
	project := r.Getenv("MAGENTO_CLOUD_PROJECT")
	return r.name == EcePatches || project != "" && project != "0"
}

// collect gathers the items.
func (r *run) collect() *pool {
	if r.pool != nil {
		return r.pool
	}
	p := &pool{byID: map[string][]*item{}}
	for _, patch := range r.Catalog.Patches {
		for _, v := range stack.Eligible(r.Installation.Packages, patch) {
			it := r.item(patch, v)
			if patch.Source == cloudSource {
				p.cloud++
				if r.isCloud() {
					it.kind = catalog.Required
				}
			}
			p.items = append(p.items, it)
		}
	}
	for _, patch := range r.Hotfixes.Patches {
		it := r.item(patch, patch.Variants[0])
		base := filepath.Base(it.file)
		it.title = "../m2-hotfixes/" + base
		it.id, it.file, it.path = strings.ToUpper(it.title), base, filepath.Join(r.Installation.Root, "m2-hotfixes", base)
		it.kind, it.origin, it.categories = catalog.Custom, catalog.OriginLocal, []string{"Other"}
		p.hot = append(p.hot, it)
	}
	for _, it := range slices.Concat(p.items, p.hot) {
		p.byID[it.id] = append(p.byID[it.id], it)
	}
	seen := map[string]bool{}
	for _, it := range slices.Concat(p.items, p.hot) {
		if !seen[it.id] {
			seen[it.id] = true
			p.groups = append(p.groups, newGroup(p.byID[it.id]))
		}
	}
	r.pool = p
	return p
}

// The Composer packages of the catalogues, which are the names of their sources.
const (
	cloudSource   = "magento/magento-cloud-patches"
	qualitySource = "magento/quality-patches"
)

func (r *run) item(patch *catalog.Patch, v *catalog.Variant) *item {
	it := &item{
		id: strings.ToUpper(patch.ID), title: patch.Title, file: v.File, kind: catalog.Optional, origin: patch.Origin,
		categories: patch.Categories, require: v.Require, replacedWith: v.ReplacedWith, deprecated: v.Deprecated,
	}
	if v.Title != "" {
		it.title = v.Title
	}
	if !patch.Misspelled { // the PHP tool does not know the other spelling
		it.requirements = patch.Requirements
	}
	vendor := filepath.Join(r.Installation.Root, filepath.FromSlash(r.Installation.VendorDir))
	it.path = filepath.Join(vendor, filepath.FromSlash(qualitySource), "src") + "/../patches/" + v.File
	if patch.Source == cloudSource {
		it.path = filepath.Join(vendor, filepath.FromSlash(cloudSource), "patches", v.File)
		it.categories = []string{"Other"}
	}
	if text, err := v.Text(); err == nil {
		it.components = components(text)
	}
	if d, err := v.Diff(); err == nil {
		it.diff = d.Relocate(r.Installation.Path)
	} else {
		it.unusable = err
	}
	return it
}

// newGroup takes most of what is said of a group from its first item.
func newGroup(items []*item) *group {
	head := *items[0]
	head.components, head.require, head.replacedWith, head.deprecated = nil, nil, "", false
	for _, it := range items {
		head.components = append(head.components, it.components...)
		for _, id := range it.require {
			if !slices.Contains(head.require, id) {
				head.require = append(head.require, id)
			}
		}
		if it.replacedWith != "" {
			head.replacedWith = it.replacedWith
		}
		head.deprecated = head.deprecated || it.deprecated
	}
	slices.Sort(head.components)
	head.components = slices.Compact(head.components)
	return &group{&head, items}
}

func aggregate(items []*item) []*group {
	var groups []*group
	byID := map[string][]*item{}
	for _, it := range items {
		byID[it.id] = append(byID[it.id], it)
	}
	for _, it := range items {
		if list := byID[it.id]; list[0] == it {
			groups = append(groups, newGroup(list))
		}
	}
	return groups
}

var (
	vendorPath = regexp.MustCompile(`(?i)^.* [ab]/vendor/(.*?)/(.*?)/.*$`)
	otherPath  = regexp.MustCompile(`(?i)^.* [ab]/(.*?)/(.*?)[/ ].*$`)
	sidePrefix = regexp.MustCompile(`(?i) [ab]/`)
)

// components finds the packages and folders that the header lines of a diff name, in
// the PHP tool's own way.
func components(text []byte) []string {
	var list []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.Contains(line, " a/") && !strings.Contains(line, " b/") && !sidePrefix.MatchString(line) {
			continue
		}
		if m := vendorPath.FindStringSubmatch(line); m != nil {
			list = append(list, m[1]+"/"+m[2])
		}
		if m := otherPath.FindStringSubmatch(line); m != nil && m[1] != "vendor" {
			list = append(list, m[1]+"/"+m[2])
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// list returns the items of some ids in the order of the catalogues, each behind those
// that it requires if these are wanted too; without ids, all.
func (p *pool) list(ids []string, withRequired bool) ([]*item, error) {
	if len(ids) == 0 {
		return p.items, nil
	}
	return p.search(ids, withRequired, map[string]bool{})
}

func (p *pool) search(ids []string, withRequired bool, chain map[string]bool) ([]*item, error) {
	var found []*item
	seen := map[*item]bool{}
	add := func(items ...*item) {
		for _, it := range items {
			if !seen[it] {
				seen[it] = true
				found = append(found, it)
			}
		}
	}
	for _, it := range p.items {
		if !slices.Contains(ids, it.id) {
			continue
		}
		if withRequired && len(it.require) > 0 && !chain[it.id] { // the PHP tool would not come back from a circle
			chain[it.id] = true
			need, err := p.search(it.require, true, chain)
			delete(chain, it.id)
			if err != nil {
				return nil, failure(configurationError + strings.TrimPrefix(err.Error(), configurationError))
			}
			add(need...)
		}
		add(it)
	}
	var missing []string
	for _, id := range ids {
		if !slices.ContainsFunc(found, func(it *item) bool { return it.id == id }) {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		return nil, failure("Next patches weren't found: " + strings.Join(missing, " ") +
			". Please, check with \"status\" command availability of these patches for the current Magento version.")
	}
	return found, nil
}

// optional returns the optional items of an origin, behind what they require.
func (p *pool) optional(origin string) ([]*item, error) {
	var found []*item
	for _, it := range p.items {
		if it.kind != catalog.Optional || it.origin != origin {
			continue
		}
		if len(it.require) > 0 {
			need, err := p.search(it.require, true, map[string]bool{})
			if err != nil {
				return nil, failure(configurationError + strings.TrimPrefix(err.Error(), configurationError))
			}
			found = append(found, need...)
		}
		found = append(found, it)
	}
	var unique []*item
	seen := map[*item]bool{}
	for _, it := range found {
		if !seen[it] {
			seen[it] = true
			unique = append(unique, it)
		}
	}
	return unique, nil
}

// dependents returns the ids that require one, directly or not.
func (p *pool) dependents(id string) []string {
	var ids []string
	var visit func(string)
	visited := map[string]bool{}
	visit = func(id string) {
		if visited[id] {
			return
		}
		visited[id] = true
		for _, it := range p.items {
			if slices.Contains(it.require, id) {
				visit(it.id)
				if !slices.Contains(ids, it.id) {
					ids = append(ids, it.id)
				}
			}
		}
	}
	visit(id)
	return ids
}
