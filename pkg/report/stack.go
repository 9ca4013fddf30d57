package report

import (
	"fmt"
	"strconv"
	"strings"
)

// Blame is the result of qpt blame.
type Blame struct {
	SchemaVersion int         `json:"schemaVersion"`
	Path          string      `json:"path"`
	Lines         []BlameLine `json:"lines"`
}

// A BlameLine is a line of a file.
type BlameLine struct {
	Number int `json:"number"`
	// ID names the patch that put the line there; it is absent for a line of the release,
	// or of an edit.
	ID   string `json:"id,omitempty"`
	Text string `json:"text"`
}

func (b *Blame) text(p *printer) {
	width := 0
	for _, l := range b.Lines {
		width = max(width, len(l.ID))
	}
	number := len(strconv.Itoa(len(b.Lines)))
	for _, l := range b.Lines {
		id := fmt.Sprintf("%-*s", width, Clean(l.ID))
		p.line("%s", strings.TrimRight(fmt.Sprintf("%s  %s  %s", p.paint(good, id), p.paint(faint, fmt.Sprintf("%*d", number, l.Number)), cleanLine(l.Text)), " "))
	}
}

// Diff is the result of qpt diff.
type Diff struct {
	SchemaVersion int `json:"schemaVersion"`
	// Patches are the applied patches that the diffs are about, the lowest first.
	Patches []PatchDiff `json:"patches"`
}

// A PatchDiff is what one patch changes in the tree, or what several do together.
type PatchDiff struct {
	IDs  []string `json:"ids"`
	Diff string   `json:"diff"`
}

func (d *Diff) text(p *printer) {
	for i, patch := range d.Patches {
		if i > 0 {
			p.blank()
		}
		if len(d.Patches) > 1 || len(patch.IDs) > 1 {
			p.line("%s", p.paint(strong, "# "+Clean(strings.Join(patch.IDs, ", "))))
		}
		p.diff(patch.Diff)
	}
}

// Conflicts is the result of qpt conflicts.
type Conflicts struct {
	SchemaVersion int          `json:"schemaVersion"`
	Installation  Installation `json:"installation"`
	// Compared is how many eligible patches were looked at.
	Compared int `json:"compared"`
	// Pairs cannot be in the tree together.
	Pairs []ConflictPair `json:"pairs"`
	// Ordered pairs fit in one order only, First before Second.
	Ordered []ConflictPair `json:"ordered"`
	// NotCompared are those of them, or of the patches that were asked about, that do not
	// fit even alone.
	NotCompared []string `json:"notCompared,omitempty"`
}

// A ConflictPair is two patches that do not get along in every order.
type ConflictPair struct {
	First  string   `json:"first"`
	Second string   `json:"second"`
	Paths  []string `json:"paths"`
}

func (c *Conflicts) text(p *printer) {
	p.line("%s", p.paint(strong, c.Installation.String()))
	p.pairs("cannot be applied together", c.Pairs)
	if p.style.Verbose {
		p.pairs("fit in this order only", c.Ordered)
	}
	p.blank()
	text := fmt.Sprintf("%s: %s cannot be applied together, %s in one order only", count(c.Compared, "eligible patch", "eligible patches"),
		count(len(c.Pairs), "pair", "pairs"), count(len(c.Ordered), "fits", "fit"))
	if len(c.Ordered) > 0 && !p.style.Verbose {
		text += " (--verbose lists these)"
	}
	p.wrapped("", text)
	for _, id := range c.NotCompared {
		p.wrapped("", fmt.Sprintf("%s does not fit even alone, and was not compared; qpt status %[1]s says why", Clean(id)))
	}
}

func (p *printer) pairs(what string, list []ConflictPair) {
	for _, pair := range list {
		p.blank()
		p.line("%s and %s %s", p.paint(strong, Clean(pair.First)), p.paint(strong, Clean(pair.Second)), what)
		for _, path := range pair.Paths {
			p.wrapped("  ", Clean(path))
		}
	}
}

// A NextStep is what the shop has to do after a change of its files.
type NextStep struct {
	// Command is absent for what a patch asks for in words.
	Command string `json:"command,omitempty"`
	Reason  string `json:"reason"`
	// Paths are the changed files that ask for it.
	Paths []string `json:"paths,omitempty"`
}

func (p *printer) nextSteps(list []NextStep, dryRun bool) {
	if len(list) == 0 {
		return
	}
	p.blank()
	if dryRun {
		p.line("then the shop would need:")
	} else {
		p.line("now the shop needs:")
	}
	for _, n := range list {
		text := Clean(n.Reason)
		if n.Command != "" {
			text = p.paint(strong, n.Command) + ": " + text
		}
		p.wrapped("  - ", text)
	}
}
