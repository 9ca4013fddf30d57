package report

import (
	"fmt"
	"strings"
)

// Export is the result of qpt export composer-patches.
type Export struct {
	SchemaVersion int    `json:"schemaVersion"`
	Style         string `json:"style" jsonschema:"enum=cweagans-v1,enum=cweagans-v2,enum=vaimo"`
	// OK is set when every declared patch is in the export.
	OK     bool `json:"ok"`
	DryRun bool `json:"dryRun"`
	// Diffs are one for each patch and package, in the order in which they go in.
	Diffs []ExportedDiff `json:"diffs"`
	// File is where the diffs are declared, Text what it holds, on a dry run alone.
	File string `json:"file"`
	Text string `json:"text,omitempty"`
	// Written are the files that were changed, or would be, relative to the root.
	Written  []string  `json:"written"`
	Findings []Finding `json:"findings"`
}

// An ExportedDiff is the part of a patch that changes one package.
type ExportedDiff struct {
	Patch   string `json:"patch"`
	Package string `json:"package"`
	File    string `json:"file"`
	SHA256  string `json:"sha256"`
	// Paths are relative to the package.
	Paths []string `json:"paths"`
}

func (e *Export) text(p *printer) {
	p.findings(e.Findings)
	for _, name := range e.Written {
		verb := "wrote"
		if e.DryRun {
			verb = "would write"
		}
		p.line("%s %s", verb, Clean(name))
	}
	if e.Text != "" {
		p.blank()
		p.verbatim(e.Text)
	}
	packages := map[string]bool{}
	patches := map[string]bool{}
	for _, d := range e.Diffs {
		packages[d.Package], patches[d.Patch] = true, true
	}
	what := fmt.Sprintf("%s in %s of %s for %s", count(len(patches), "patch", "patches"), count(len(e.Diffs), "diff", "diffs"),
		count(len(packages), "package", "packages"), e.Style)
	switch {
	case len(e.Written) == 0 && !e.OK:
		p.line("%s", p.paint(bad, "nothing was written"))
	case len(e.Written) == 0:
		p.line("%s: nothing to do", what)
	case e.DryRun:
		p.line("dry run: nothing was written")
	case !e.OK:
		p.line("%s", p.paint(warn, what+", not all that is declared"))
	default:
		p.line("%s", p.paint(good, what))
	}
}

// Migrate is the result of qpt migrate.
type Migrate struct {
	SchemaVersion int `json:"schemaVersion"`
	// Style is that of the plugin that is read, or empty.
	Style string `json:"style,omitempty" jsonschema:"enum=cweagans-v1,enum=cweagans-v2,enum=vaimo"`
	// OK is set when all that is applied today is declared afterwards.
	OK     bool `json:"ok"`
	DryRun bool `json:"dryRun"`
	// Patches are those that were found, in the order in which they are to go in.
	Patches []MigratedPatch `json:"patches"`
	// Config is the text of qpt.yaml, on a dry run alone.
	Config   string    `json:"config,omitempty"`
	Written  []string  `json:"written"`
	Findings []Finding `json:"findings"`
	// Removals are what is not needed any more, for a person to take out.
	Removals []Removal `json:"removals"`
	// Snippet is what composer.json needs instead.
	Snippet string `json:"snippet,omitempty"`
}

// A MigratedPatch is a patch that was found.
type MigratedPatch struct {
	// Name is what qpt.yaml says: an id, or the path of a diff.
	Name string `json:"name"`
	// Declared is set if it was declared before.
	Declared bool     `json:"declared"`
	From     []Origin `json:"from"`
}

// An Origin is where a patch was found.
type Origin struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	// Package and Label are as they stand there; Source is the diff, or the command.
	Package string `json:"package,omitempty"`
	Label   string `json:"label,omitempty"`
	Source  string `json:"source"`
}

// A Removal is a setting, a line of a script, or a file.
type Removal struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	What string `json:"what,omitempty"`
}

func (m *Migrate) text(p *printer) {
	added := 0
	for _, patch := range m.Patches {
		if patch.Declared {
			p.line("%s is declared already", Clean(patch.Name))
			continue
		}
		added++
		p.line("%s", p.paint(strong, Clean(patch.Name)))
		for _, from := range patch.From {
			text := from.Source
			if from.Label != "" {
				text = from.Label + ": " + text
			}
			if from.Package != "" {
				text = from.Package + ", " + text
			}
			p.wrapped("  from ", Clean(fmt.Sprintf("%s (%s)", text, place(from.File, from.Line))))
		}
	}
	p.findings(m.Findings)
	if m.Config != "" {
		p.blank()
		p.verbatim(m.Config)
	}
	if len(m.Patches) > 0 {
		m.next(p)
	}
	p.blank()
	what := count(added, "patch", "patches")
	switch {
	case len(m.Patches) == 0 && m.OK:
		p.line("nothing to migrate")
	case m.DryRun:
		p.line("dry run: nothing was written")
	case len(m.Written) == 0 && m.OK:
		p.line("nothing to do")
	case !m.OK:
		p.line("%s", p.paint(bad, what+" migrated, not all that is applied today"))
	default:
		p.line("%s", p.paint(good, what+" migrated: "+commas(m.Written)+" written; run qpt sync"))
	}
}

// next writes what is left for a person to do.
func (m *Migrate) next(p *printer) {
	say := "Have composer.json say:"
	if len(m.Removals) > 0 {
		say = "and have composer.json say:"
		p.blank()
		if m.OK {
			p.line("When qpt sync has put them in, take out by hand:")
		} else {
			p.line("When the errors are mended too and qpt sync has put all in, take out by hand:")
		}
		for _, r := range m.Removals {
			what := r.What
			if what == "" {
				what = "the file"
			}
			p.wrapped("  "+Clean(place(r.File, r.Line))+"  ", Clean(what))
		}
	}
	if m.Snippet != "" {
		p.blank()
		p.line("%s", say)
		p.verbatim(m.Snippet)
	}
}

func place(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// verbatim writes the text of a file.
func (p *printer) verbatim(text string) {
	for l := range strings.Lines(text) {
		p.line("%s", cleanLine(l))
	}
}
