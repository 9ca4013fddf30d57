package report

import (
	"encoding/json"
	"strconv"
	"strings"
)

// New is the result of qpt new.
type New struct {
	SchemaVersion int    `json:"schemaVersion"`
	ID            string `json:"id"`
	// Catalog is the folder that the patch was, or with dryRun would be, written to.
	Catalog string `json:"catalog"`
	// Against says what the edits were compared with.
	Against string `json:"against"`
	Update  bool   `json:"update"`
	// Changed is set if the catalogue is, or with dryRun would be, another one.
	Changed bool `json:"changed"`
	DryRun  bool `json:"dryRun"`
	// State is that of the patch on the installation.
	State    string       `json:"state"`
	Variants []NewVariant `json:"variants"`
	// Require are the patches that the new one requires, On those that its files have beside it.
	Require []string `json:"require,omitempty"`
	On      []string `json:"on,omitempty"`
	// Entry is the entry of the catalogue.
	Entry    json.RawMessage `json:"entry"`
	Warnings []string        `json:"warnings,omitempty"`
}

// A NewVariant is one diff of a new patch.
type NewVariant struct {
	Package    string `json:"package"`
	Constraint string `json:"constraint"`
	// Change says how it stands to what the catalogue had.
	Change string   `json:"change" jsonschema:"enum=new,enum=changed,enum=unchanged,enum=removed"`
	File   string   `json:"file,omitempty"`
	Paths  []string `json:"paths,omitempty"`
	Diff   string   `json:"diff,omitempty"`
}

func (n *New) text(p *printer) {
	if n.DryRun {
		for _, v := range n.Variants {
			if v.Diff == "" {
				continue
			}
			p.line("%s", p.paint(strong, "# "+Clean(v.File)))
			p.diff(v.Diff)
			p.blank()
		}
		p.line("%s", p.paint(strong, "# the entry"))
		for line := range strings.Lines(strconv.Quote(n.ID) + ": " + string(n.Entry)) {
			p.line("%s", cleanLine(strings.TrimRight(line, "\r\n")))
		}
		p.blank()
	}
	verb := "wrote"
	switch {
	case !n.Changed:
		verb = "nothing changes:"
	case n.DryRun:
		verb = "would write"
	}
	p.line("%s %s in %s, compared with %s", verb, p.paint(strong, Clean(n.ID)), Clean(n.Catalog), Clean(n.Against))
	for _, v := range n.Variants {
		text := v.Change
		if v.File != "" {
			text = Clean(v.File) + " " + v.Change + ", " + count(len(v.Paths), "file", "files")
		}
		p.wrapped("  - ", Clean(v.Package)+" "+Clean(v.Constraint)+": "+text)
	}
	if len(n.Require) > 0 {
		p.wrapped("  ", "requires "+Clean(strings.Join(n.Require, ", ")))
	}
	p.line("  it is %s here", Clean(n.State))
	p.notes("warning", warn, n.Warnings)
}
