package report

import (
	"fmt"
	"slices"
	"strings"
)

// The levels of a finding, the gravest first.
const (
	LevelError   = "error"
	LevelWarning = "warning"
	LevelNote    = "note"
)

// Levels returns the levels of findings, the gravest first.
func Levels() []string { return []string{LevelError, LevelWarning, LevelNote} }

// A Finding is one thing that is not as it should be.
type Finding struct {
	// Rule says which kind of thing it is, for example "reverted".
	Rule  string `json:"rule"`
	Level string `json:"level" jsonschema:"enum=error,enum=warning,enum=note"`
	Patch string `json:"patch,omitempty"`
	// Path is the file of the installation that it is about.
	Path string `json:"path,omitempty"`
	// File and Line are where the patch is declared. Line is absent where a whole file,
	// or a folder, declares it.
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`
}

// Fails reports whether a finding is at least as grave as a level; nothing is as grave
// as a level that there is not.
func (f *Finding) Fails(level string) bool {
	least := slices.Index(Levels(), level)
	return least >= 0 && slices.Index(Levels(), f.Level) <= least
}

// Verify is the result of qpt verify.
type Verify struct {
	SchemaVersion int `json:"schemaVersion"`
	// OK is set when no finding is as grave as FailOn.
	OK           bool         `json:"ok"`
	FailOn       string       `json:"failOn" jsonschema:"enum=error,enum=warning,enum=note,enum=never"`
	Installation Installation `json:"installation"`
	// Patches are those that are declared or required, in the order in which they go in.
	Patches  []DeclaredPatch `json:"patches"`
	Findings []Finding       `json:"findings"`
	// Failures say what would keep a sync from mending it.
	Failures []Failure `json:"failures,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
}

// A DeclaredPatch is a patch that is to be in the tree.
type DeclaredPatch struct {
	ID    string `json:"id"`
	State string `json:"state" jsonschema:"enum=applied,enum=not applied,enum=partial,enum=unknown"`
	// File and Line are where it is declared.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	// RequiredBy names the patches for which it is there, if it is not declared.
	RequiredBy []string `json:"requiredBy,omitempty"`
	Locked     bool     `json:"locked"`
}

func (v *Verify) text(p *printer) {
	p.line("%s", p.paint(strong, v.Installation.String()))
	if len(v.Findings) > 0 || len(v.Failures) > 0 {
		p.blank()
	}
	p.findings(v.Findings)
	p.failures(v.Failures)
	p.notes("warning", warn, v.Warnings)
	p.blank()
	what := count(len(v.Patches), "declared patch", "declared patches")
	switch {
	case len(v.Findings) == 0:
		p.line("%s", p.paint(good, what+": the tree is as declared"))
	case v.OK:
		p.line("%s: %s, none of them as grave as to fail", what, count(len(v.Findings), "finding", "findings"))
	default:
		p.line("%s", p.paint(bad, what+": "+count(len(v.Findings), "finding", "findings")))
	}
}

// findings writes each finding with its level, rule and place.
func (p *printer) findings(list []Finding) {
	for _, f := range list {
		t := faint
		switch f.Level {
		case LevelError:
			t = bad
		case LevelWarning:
			t = warn
		}
		text := f.Message
		if f.File != "" {
			at := f.File
			if f.Line > 0 {
				at = fmt.Sprintf("%s:%d", at, f.Line)
			}
			text += " (" + at + ")"
		}
		p.wrapped(fmt.Sprintf("%s  %s  ", p.paint(t, fmt.Sprintf("%-7s", f.Level)), fmt.Sprintf("%-17s", Clean(f.Rule))), Clean(text))
	}
}

// failures shows the refused patches. Where a part of a patch is there, or one is missing,
// is told by its files; the refusals would only say it at length.
func (p *printer) failures(list []Failure) {
	for _, f := range list {
		p.wrapped(p.paint(bad, "refused")+"  ", Clean(f.Message))
		if len(f.Files) == 0 || p.style.Verbose {
			p.refusals("  ", f.Refusals, true)
		}
		p.fileStates(f.Files)
	}
}

// commas joins texts for a reader.
func commas(list []string) string { return Clean(strings.Join(list, ", ")) }

// findings makes verify writable in every format: each declared patch, and what is found.
func (v *Verify) findings() findings {
	fs := findings{of: "verify"}
	found := map[string]bool{}
	for _, x := range v.Findings {
		found[strings.ToLower(x.Patch)] = true
	}
	for _, p := range v.Patches {
		if !found[strings.ToLower(p.ID)] {
			fs.list = append(fs.list, finding{
				rule: rule{"verify-ok", "A patch is in the tree as it is declared."}, patch: p.ID, state: p.State,
				message: p.ID + " is " + p.State, path: p.File, line: p.Line,
			})
		}
	}
	for _, x := range v.Findings {
		f := finding{
			rule:  rule{"verify-" + x.Rule, "A declared patch and the tree disagree: " + strings.ReplaceAll(x.Rule, "-", " ") + "."},
			level: levelNote, patch: x.Patch, message: x.Message, path: x.Path,
		}
		switch x.Level {
		case LevelError:
			f.level = levelError
		case LevelWarning:
			f.level = levelWarning
		}
		if f.path == "" { // else the declaration
			f.path, f.line = x.File, x.Line
		}
		for _, p := range v.Patches {
			if strings.EqualFold(p.ID, x.Patch) {
				f.state = p.State
			}
		}
		fs.list = append(fs.list, f)
	}
	for _, f := range v.Failures {
		base := finding{rule: rule{"verify-conflict", "A declared patch does not fit."}, level: levelError, patch: f.ID, message: f.Message}
		fs.list = append(fs.list, fromRefusals(base, f.Refusals)...)
	}
	fs.list = append(fs.list, general(levelWarning, warningRule(), v.Warnings)...)
	return fs
}
