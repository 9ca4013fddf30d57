package report

import (
	"fmt"
	"strings"
)

// Import is the result of qpt import.
type Import struct {
	SchemaVersion int          `json:"schemaVersion"`
	Installation  Installation `json:"installation"`
	DryRun        bool         `json:"dryRun"`
	// Into is the folder that took the diffs in, relative to the root.
	Into    string          `json:"into"`
	Patches []ImportedPatch `json:"patches"`
	// Connected are patches whose requirements changed because of what was imported.
	Connected []string `json:"connected,omitempty"`
	// Written and Removed are files, relative to the root.
	Written  []string `json:"written"`
	Removed  []string `json:"removed,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// The actions of an import.
const (
	ImportAdded     = "added"     // the patch is new
	ImportExtended  = "extended"  // the patch was there, and has more variants now
	ImportReplaced  = "replaced"  // its diff took the place of another one
	ImportDescribed = "described" // the diff was there; what is known of it is new
	ImportDuplicate = "duplicate" // a catalogue has the diff already; nothing was done
)

// An ImportedPatch is one loose diff, and the patch that it comes to.
type ImportedPatch struct {
	// File is where the diff came from: a file, an address, or an archive and its entry.
	File   string `json:"file"`
	ID     string `json:"id"`
	Title  string `json:"title"`
	Action string `json:"action" jsonschema:"enum=added,enum=extended,enum=replaced,enum=described,enum=duplicate"`
	// SameAs are the patches of catalogues that change the same, with their source.
	SameAs []string `json:"sameAs,omitempty"`
	// Release, Month, Sequence and Edition are those that the name states.
	Release  string   `json:"release,omitempty"`
	Month    string   `json:"month,omitempty"`
	Sequence int      `json:"sequence,omitempty"`
	Edition  string   `json:"edition,omitempty"`
	CVE      []string `json:"cve,omitempty"`
	Bulletin string   `json:"bulletin,omitempty"`
	// Mentions are vulnerabilities and bulletins that the text of the diff names and that
	// were not taken over.
	Mentions []string `json:"mentions,omitempty"`
	// Strip is how many leading components the names had, Layout how the paths lay.
	Strip    int               `json:"strip"`
	Layout   string            `json:"layout" jsonschema:"enum=composer,enum=git"`
	Variants []ImportedVariant `json:"variants"`
	Require  []string          `json:"require,omitempty"`
	Eligible bool              `json:"eligible"`
	// State is absent for a patch that is not eligible.
	State string `json:"state,omitempty"`
	// Reasons say why the patch is not eligible, or cannot be applied.
	Reasons []string `json:"reasons,omitempty"`
	// Next are the commands that make sense now, with a remark where one needs it.
	Next []string `json:"next,omitempty"`
}

// An ImportedVariant is what one part of a diff is for.
type ImportedVariant struct {
	Package    string `json:"package,omitempty"`
	Constraint string `json:"constraint"`
	// Base is what Magento's release has to satisfy beside, or absent.
	Base string `json:"base,omitempty"`
	// Packages are those whose files the part changes.
	Packages []string `json:"packages"`
	Eligible bool     `json:"eligible"`
}

func (i *Import) text(p *printer) {
	for n := range i.Patches {
		if n > 0 {
			p.blank()
		}
		i.Patches[n].text(p, i.DryRun)
	}
	if len(i.Patches) > 0 {
		p.blank()
	}
	if len(i.Connected) > 0 {
		p.wrapped("what they require was brought up to date: ", commas(i.Connected))
	}
	p.notes("warning", warn, i.Warnings)
	switch {
	case len(i.Written)+len(i.Removed) == 0:
		p.line("nothing to do")
	case i.DryRun:
		p.line("dry run: nothing was written")
	default:
		p.line("%s", p.paint(good, fmt.Sprintf("%s written in %s", count(len(i.Written), "file", "files"), Clean(i.Into))))
	}
}

func (i *ImportedPatch) text(p *printer, dryRun bool) {
	verb := i.Action
	if dryRun && verb != ImportDuplicate {
		verb = "to be " + verb
	}
	tone := good
	if i.Action == ImportDuplicate {
		tone = faint
	}
	p.wrapped("", p.paint(strong, Clean(i.ID))+"  "+p.paint(tone, verb)+"  "+Clean(i.Title))
	p.field("  from", i.File)
	if len(i.SameAs) > 0 {
		p.field("  same as", strings.Join(i.SameAs, ", "))
	}
	if i.Action != ImportDuplicate {
		i.about(p)
	}
	state := p.paint(stateTone(i.State), Clean(i.State))
	if !i.Eligible {
		state = p.paint(warn, "not eligible here")
	}
	p.wrapped("  "+p.paint(faint, fmt.Sprintf("%-12s", "state"))+" ", state)
	for _, r := range i.Reasons {
		p.field("  because", r)
	}
	for _, n := range i.Next {
		p.field("  next", n)
	}
}

// about says what was found out.
func (i *ImportedPatch) about(p *printer) {
	for _, v := range i.Variants {
		text := v.Package + " " + v.Constraint
		if v.Package == "" {
			text = "every installation"
		}
		if v.Base != "" {
			text += ", with Magento " + v.Base
		}
		p.field("  for", fmt.Sprintf("%s (%s)", text, packages(v.Packages)))
	}
	p.field("  closes", strings.Join(append(append([]string{}, i.CVE...), blankless(i.Bulletin)...), ", "))
	if len(i.Mentions) > 0 {
		p.field("  mentions", strings.Join(i.Mentions, ", ")+", not taken over: give --cve or --bulletin if the patch closes them")
	}
	p.field("  requires", strings.Join(i.Require, ", "))
	p.field("  read with", fmt.Sprintf("strip level %d, %s layout", i.Strip, i.Layout))
}

// packages names what a part changes, at length only if it is little.
func packages(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more packages", strings.Join(names[:2], ", "), len(names)-2)
	}
	return strings.Join(names, ", ")
}

func blankless(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
