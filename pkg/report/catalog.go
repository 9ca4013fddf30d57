package report

import (
	"fmt"
	"strings"
	"time"
)

// Catalogs is the result of the commands that change or list the cache of catalogues.
type Catalogs struct {
	SchemaVersion int             `json:"schemaVersion"`
	Catalogs      []CachedCatalog `json:"catalogs"`
	// Removed are those that were, or with dryRun would be, taken out of the cache.
	Removed []CachedCatalog `json:"removed,omitempty"`
	DryRun  bool            `json:"dryRun,omitempty"`
	// OnlyPath makes the table form the paths alone, for a shell.
	OnlyPath bool `json:"-"`
}

// A CachedCatalog is a release of a catalogue in the cache.
type CachedCatalog struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// ID is the SHA-256 of the manifest of its files.
	ID       string    `json:"id"`
	Source   string    `json:"source"`
	Added    time.Time `json:"added"`
	Selected bool      `json:"selected"`
	Path     string    `json:"path"`
}

func (c *Catalogs) text(p *printer) {
	if c.OnlyPath {
		for _, e := range c.Catalogs {
			p.line("%s", Clean(e.Path))
		}
		return
	}
	for _, e := range c.Removed {
		what := "removed"
		if c.DryRun {
			what = "would be removed:"
		}
		p.line("%s %s %s", what, Clean(e.Name), Clean(e.Version))
	}
	if len(c.Catalogs) == 0 {
		p.line("the cache holds no catalogue; qpt catalog update fetches some")
		return
	}
	rows := make([][]cell, 0, len(c.Catalogs))
	for _, e := range c.Catalogs {
		use := cell{"", plain}
		if e.Selected {
			use = cell{"in use", good}
		}
		rows = append(rows, []cell{{Clean(e.Name), strong}, {Clean(e.Version), plain}, use, {e.ID[:min(12, len(e.ID))], faint}, {Clean(e.Source), plain}})
	}
	p.table([]string{"CATALOGUE", "VERSION", "", "CONTENT", "SOURCE"}, rows)
}

// CatalogDiff is the result of qpt catalog diff.
type CatalogDiff struct {
	SchemaVersion int    `json:"schemaVersion"`
	Old           string `json:"old"`
	New           string `json:"new"`
	// Added came, Removed went, Deprecated were not before.
	Added      []CatalogChange `json:"added"`
	Removed    []CatalogChange `json:"removed"`
	Changed    []CatalogChange `json:"changed"`
	Deprecated []CatalogChange `json:"deprecated"`
	// Diagnostics are what is wrong with either.
	Diagnostics []string `json:"diagnostics,omitempty"`
}

// A CatalogChange is a patch that differs between two catalogues.
type CatalogChange struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// What names the changed parts.
	What         []string `json:"what,omitempty"`
	ReplacedWith string   `json:"replacedWith,omitempty"`
}

func (d *CatalogDiff) text(p *printer) {
	for _, part := range []struct {
		name string
		tone tone
		list []CatalogChange
	}{{"added", good, d.Added}, {"removed", bad, d.Removed}, {"changed", warn, d.Changed}, {"deprecated", warn, d.Deprecated}} {
		for _, c := range part.list {
			text := Clean(c.Title)
			if len(c.What) > 0 {
				text = Clean(strings.Join(c.What, ", "))
			}
			if c.ReplacedWith != "" {
				text = "replaced with " + Clean(c.ReplacedWith)
			}
			p.wrapped(fmt.Sprintf("%s  %s  ", p.paint(part.tone, fmt.Sprintf("%-10s", part.name)), p.paint(strong, Clean(c.ID))), text)
		}
	}
	if p.style.Verbose {
		p.notes("warning", warn, d.Diagnostics)
	}
	p.line("%d added, %d removed, %d changed, %d deprecated", len(d.Added), len(d.Removed), len(d.Changed), len(d.Deprecated))
}

// CatalogFile is the result of the commands that make, sign and verify catalogues.
type CatalogFile struct {
	SchemaVersion int    `json:"schemaVersion"`
	File          string `json:"file"`
	// SHA256 is that of the file, absent for a folder.
	SHA256 string `json:"sha256,omitempty"`
	// ID is the SHA-256 of the manifest, Files how many it lists.
	ID    string `json:"id,omitempty"`
	Files int    `json:"files,omitempty"`
	// Signature is "valid", "not checked" for want of a key, or "none"; absent without a manifest.
	Signature string `json:"signature,omitempty"`
	// PublicKey is the key that belongs to the signature, or to the new private key.
	PublicKey string `json:"publicKey,omitempty"`
}

func (f *CatalogFile) text(p *printer) {
	p.field("file", f.File)
	p.field("sha256", f.SHA256)
	p.field("manifest", f.ID)
	if f.ID != "" {
		p.field("files", fmt.Sprint(f.Files))
		p.field("signature", f.Signature)
	}
	p.field("public key", f.PublicKey)
}
