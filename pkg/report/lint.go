package report

import "fmt"

// Lint is the result of qpt catalog lint.
type Lint struct {
	SchemaVersion int `json:"schemaVersion"`
	// OK is set when nothing makes the command say no.
	OK       bool          `json:"ok"`
	Summary  LintSummary   `json:"summary"`
	Findings []LintFinding `json:"findings"`
}

// LintSummary counts the findings by severity.
type LintSummary struct {
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Notes    int `json:"notes"`
}

// A LintFinding is one thing that is wrong in a catalogue.
type LintFinding struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity" jsonschema:"enum=error,enum=warning,enum=note"`
	// ID is the patch, if one is meant.
	ID      string `json:"id,omitempty"`
	Message string `json:"message"`
	// File is relative to the catalogue, Pointer a JSON pointer into it, and Line where that is.
	File    string `json:"file"`
	Pointer string `json:"pointer,omitempty"`
	Line    int    `json:"line,omitempty"`
}

func (l *Lint) text(p *printer) {
	for _, f := range l.Findings {
		tone := map[string]tone{"error": bad, "warning": warn}[f.Severity]
		p.line("%s: %s: %s [%s]", p.paint(strong, Clean(finding{path: f.File, line: f.Line}.place())), p.paint(tone, f.Severity), Clean(f.says()), Clean(f.Rule))
		if f.Pointer != "" {
			p.line("  at %s", Clean(f.Pointer))
		}
	}
	s := l.Summary
	p.line("%s, %s, %s", counted(s.Errors, "error"), counted(s.Warnings, "warning"), counted(s.Notes, "note"))
}

// says is the message with the patch that it is about.
func (f *LintFinding) says() string {
	if f.ID == "" {
		return f.Message
	}
	return fmt.Sprintf("%s: %s", f.ID, f.Message)
}

func (l *Lint) findings() findings {
	fs := findings{of: "catalog lint"}
	for _, f := range l.Findings {
		message := f.says()
		if f.Pointer != "" {
			message += " (at " + f.Pointer + ")"
		}
		fs.list = append(fs.list, finding{
			rule:  rule{"catalog-" + f.Rule, "The rule " + f.Rule + " of catalogues, as docs/lint.md explains it."},
			level: map[string]level{"error": levelError, "warning": levelWarning, "note": levelNote}[f.Severity],
			patch: f.ID, message: message, path: f.File, line: f.Line,
		})
	}
	return fs
}
