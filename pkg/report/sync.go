package report

// Sync is the result of qpt sync, lock, add and remove.
type Sync struct {
	SchemaVersion int    `json:"schemaVersion"`
	Command       string `json:"command" jsonschema:"enum=sync,enum=lock,enum=add,enum=remove"`
	// OK is set when the tree is as declared, or would be.
	OK     bool `json:"ok"`
	DryRun bool `json:"dryRun"`
	Frozen bool `json:"frozen"`
	// Declared counts the patches that are to be in the tree, with those required.
	Declared int `json:"declared"`
	// Steps are what was done to the tree, or would be; nothing of it was done when OK is false.
	Steps []Step `json:"steps"`
	// Written are the files of qpt that were changed, or would be: qpt.yaml, qpt.lock.
	Written []string `json:"written"`
	// Findings say why a sync was refused, or what it cannot mend.
	Findings []Finding `json:"findings,omitempty"`
	Failures []Failure `json:"failures,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
	// Diff is the change of the tree as a unified diff, when asked for.
	Diff string `json:"diff,omitempty"`
}

func (s *Sync) text(p *printer) {
	if s.OK || s.DryRun {
		for _, step := range s.Steps {
			p.step("", step)
		}
	}
	p.findings(s.Findings)
	p.failures(s.Failures)
	if s.Diff != "" {
		p.blank()
		p.diff(s.Diff)
	}
	for _, step := range s.Steps {
		if s.OK && step.Requirements != "" && step.Action == "apply" {
			p.wrapped(p.paint(warn, Clean(step.ID)+" also asks for:")+" ", Clean(step.Requirements))
		}
	}
	p.notes("warning", warn, s.Warnings)
	what := count(s.Declared, "declared patch", "declared patches")
	switch {
	case !s.OK:
		p.line("%s", p.paint(bad, "nothing was changed"))
	case len(s.Steps) == 0 && len(s.Written) == 0 && s.Command == "lock":
		p.line("%s: qpt.lock is up to date", what)
	case len(s.Steps) == 0 && len(s.Written) == 0:
		p.line("%s: nothing to do", what)
	case s.DryRun:
		p.line("dry run: nothing was changed")
	case s.Command == "lock":
		p.line("%s", p.paint(good, what+": "+commas(s.Written)+" written"))
	case len(s.Written) == 0:
		p.line("%s", p.paint(good, what+": the tree is as declared"))
	default:
		p.line("%s", p.paint(good, what+": the tree is as declared, "+commas(s.Written)+" written"))
	}
}
