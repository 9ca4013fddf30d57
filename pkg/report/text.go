package report

import (
	"fmt"
	"strings"
	"time"
)

func (i Installation) String() string {
	return fmt.Sprintf("Magento %s (%s, %s layout) in %s", Clean(i.Version), i.Edition, i.Layout, Clean(i.Root))
}

func stateTone(state string) tone {
	switch state {
	case "applied", "applied under", "included":
		return good
	case "blocked", "partial", "unknown":
		return warn
	}
	return plain
}

// remarks are what a table says about a patch behind its title.
func (p *Patch) remarks() string {
	var s []string
	if p.Deprecated {
		remark := "deprecated"
		if p.ReplacedWith != "" {
			remark += ", use " + p.ReplacedWith
		}
		s = append(s, remark)
	}
	if len(p.Require) > 0 {
		s = append(s, "requires "+strings.Join(p.Require, ", "))
	}
	if len(s) == 0 {
		return ""
	}
	return " [" + strings.Join(s, "; ") + "]"
}

func (s *Status) text(p *printer) {
	p.line("%s", p.paint(strong, s.Installation.String()))
	if len(s.Patches) > 0 {
		p.blank()
		rows := make([][]cell, len(s.Patches))
		for i, patch := range s.Patches {
			rows[i] = []cell{
				{Clean(patch.ID), strong},
				{patch.State, stateTone(patch.State)},
				{Clean(patch.Title + patch.remarks()), plain},
			}
		}
		p.table([]string{"ID", "STATE", "TITLE"}, rows)
	}
	for i := range s.Patches {
		if text := s.Patches[i].about(); text != "" {
			p.blank()
			p.wrapped("", text)
			p.unclear(&s.Patches[i], p.style.Verbose || len(s.Patches) == 1)
		}
	}
	p.blank()
	p.line("%s: %s", count(s.Summary.Eligible, "eligible patch", "eligible patches"), s.Summary)
	p.notes("warning", warn, s.Warnings)
	p.notes("left out", warn, s.Diagnostics)
}

// String lists the counts; states that are rare are left out when there are none.
func (s Summary) String() string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
		rare bool
	}{
		{s.Applied, "applied", false},
		{s.Included, "included", true},
		{s.NotApplied, "not applied", false},
		{s.Blocked, "blocked", true},
		{s.Partial, "partial", false},
		{s.Unknown, "unknown", false},
	} {
		if c.n > 0 || !c.rare {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

// about says who lies on a patch, is in its way or brought it, or where it is refused.
func (p *PatchStatus) about() string {
	text := Clean(p.ID) + " is " + p.State
	switch {
	case p.IncludedIn != "":
		return text + " in " + Clean(p.IncludedIn)
	case len(p.Under) > 0:
		return text + " " + Clean(strings.Join(p.Under, ", "))
	case len(p.InTheWay) > 0:
		return text + " by " + Clean(strings.Join(p.InTheWay, ", "))
	case len(p.Refusals) > 0:
		return text + "; applying it is refused by"
	}
	return ""
}

// unclear shows which parts of a patch are there, and where it is refused, in full or the
// first few places.
func (p *printer) unclear(patch *PatchStatus, full bool) {
	const few = 3
	if len(patch.InTheWay) > 0 && !full {
		return
	}
	shown := patch.Refusals
	if !full && len(shown) > few {
		shown = shown[:few]
	}
	p.refusals("  ", shown, full)
	if more := len(patch.Refusals) - len(shown); more > 0 {
		p.line("  - and %d more, which qpt status %s shows", more, Clean(patch.ID))
	}
	if !full && patch.State != "partial" {
		return
	}
	p.fileStates(patch.Files)
}

// fileStates shows which files of a patch are there, and how much of them.
func (p *printer) fileStates(list []FileState) {
	for _, f := range list {
		text := f.State
		var there []string
		for _, h := range f.Hunks {
			if h.State == "applied" {
				there = append(there, fmt.Sprint(h.Number))
			}
		}
		if f.State == "refused" && len(there) > 0 {
			text = fmt.Sprintf("hunk %s of %d applied", strings.Join(there, ", "), len(f.Hunks))
		}
		p.wrapped(fmt.Sprintf("  %-11s  ", text), Clean(f.Path))
	}
}

func (l *List) text(p *printer) {
	rows := make([][]cell, len(l.Patches))
	for i, patch := range l.Patches {
		rows[i] = []cell{{Clean(patch.ID), strong}, {Clean(patch.Title + patch.remarks()), plain}}
	}
	if len(rows) > 0 {
		p.table([]string{"ID", "TITLE"}, rows)
		p.blank()
	}
	what := count(len(l.Patches), "patch", "patches")
	if l.Release != "" {
		what += fmt.Sprintf(" for Magento %s, %s edition", Clean(l.Release), Clean(l.Edition))
	}
	p.line("%s", what)
	p.notes("left out", warn, l.Diagnostics)
}

func (s *Show) text(p *printer) {
	patch := &s.Patch
	p.line("%s", p.paint(strong, Clean(patch.ID)))
	p.wrapped("", Clean(patch.Title))
	p.blank()
	p.field("state", s.State)
	p.field("categories", strings.Join(patch.Categories, ", "))
	p.field("origin", patch.Origin)
	p.field("type", patch.Type)
	p.field("source", patch.Source)
	if patch.Deprecated {
		p.field("deprecated", "yes")
	}
	p.field("replaced with", patch.ReplacedWith)
	p.field("replaces", strings.Join(s.Replaces, ", "))
	p.field("requires", strings.Join(patch.Require, ", "))
	p.field("required by", strings.Join(s.Dependants, ", "))
	p.field("requirements", patch.Requirements)
	p.field("components", strings.Join(patch.Components, ", "))
	patch.Security.fields(p)
	for _, v := range patch.Variants {
		p.blank()
		title := Clean(v.File)
		if v.Eligible != nil {
			if *v.Eligible {
				title += "  " + p.paint(good, "eligible here")
			} else {
				title += "  " + p.paint(warn, "not eligible here: "+Clean(v.Reason))
			}
		}
		p.wrapped("", title)
		if v.Package != "" {
			constraint := v.Package + " " + v.Constraint
			if v.Base != "" {
				constraint += ", with Magento " + v.Base
			}
			p.field("  package", constraint)
		}
		p.field("  releases", strings.Join(v.Releases, ", "))
		for i, f := range v.Files {
			label := ""
			if i == 0 {
				label = "  files"
			}
			p.field(label, f)
		}
	}
	if len(s.Refusals) > 0 {
		p.blank()
		p.line("Applying it is refused by")
		p.refusals("  ", s.Refusals, true)
	}
	if s.Article != "" {
		p.blank()
		p.markdown(s.Article)
	}
	for _, d := range s.Diffs {
		p.blank()
		p.line("%s", p.paint(faint, Clean(d.File)))
		p.diff(d.Text)
	}
}

// diff writes a unified diff, coloured.
func (p *printer) diff(text string) {
	for l := range strings.Lines(text) {
		t := plain
		switch {
		case strings.HasPrefix(l, "+++"), strings.HasPrefix(l, "---"), strings.HasPrefix(l, "diff "):
			t = strong
		case strings.HasPrefix(l, "+"):
			t = good
		case strings.HasPrefix(l, "-"):
			t = bad
		case strings.HasPrefix(l, "@@"):
			t = faint
		}
		p.line("%s", p.paint(t, cleanLine(l)))
	}
}

// cleanLine cleans a line of a text whose tabs are to stay.
func cleanLine(l string) string {
	parts := strings.Split(strings.TrimSuffix(l, "\n"), "\t")
	for i := range parts {
		parts[i] = Clean(parts[i])
	}
	return strings.Join(parts, "\t")
}

func (c *Check) text(p *printer) {
	switch {
	case c.Installation != nil:
		p.line("%s", p.paint(strong, c.Installation.String()))
	case c.Release != "":
		p.line("%s", p.paint(strong, fmt.Sprintf("Magento %s, %s edition (from the release table)", Clean(c.Release), Clean(c.Edition))))
	}
	for _, v := range c.Patches {
		p.blank()
		t := warn
		switch v.Verdict {
		case VerdictApplied, VerdictApplies, VerdictEligible:
			t = good
		case VerdictConflict:
			t = bad
		}
		p.line("%s  %s", p.paint(strong, Clean(v.ID)), p.paint(t, v.Verdict))
		if v.Title != "" {
			p.wrapped("  ", Clean(v.Title))
		}
		for _, r := range v.Reasons {
			p.wrapped("  - ", Clean(r))
		}
		if len(v.NearestReleases) > 0 {
			p.wrapped("  ", "nearest releases it is for: "+Clean(strings.Join(v.NearestReleases, ", ")))
		}
		p.refusals("  ", v.Refusals, true)
		if len(v.Steps) > 1 || p.style.Verbose {
			for _, s := range v.Steps {
				p.step("  ", s)
			}
		}
		if v.Requirements != "" {
			p.wrapped("  requirements: ", Clean(v.Requirements))
		}
		if len(v.Suggestions) > 0 {
			p.wrapped("  ", "did you mean "+Clean(strings.Join(v.Suggestions, ", "))+"?")
		}
	}
	p.pairs("cannot be applied together", c.Conflicts)
	if len(c.Order) > 0 {
		p.blank()
		p.wrapped("they fit in this order: ", Clean(strings.Join(c.Order, " ")))
	}
	if len(c.Warnings)+len(c.Findings) > 0 {
		p.blank()
	}
	p.findings(c.Findings)
	p.notes("warning", warn, c.Warnings)
}

func (p *printer) step(indent string, s Step) {
	title := s.Action + " " + Clean(s.ID)
	if s.Because != "" {
		title += " (" + Clean(s.Because) + ")"
	}
	p.line("%s%s", indent, p.paint(strong, title))
	for _, f := range s.Files {
		p.wrapped(fmt.Sprintf("%s  %-6s ", indent, f.Op), fileChange(f))
	}
}

func fileChange(f FileChange) string {
	s := Clean(f.Path)
	if f.From != "" {
		s += " from " + Clean(f.From)
	}
	if f.Op == "modify" || f.From != "" && len(f.Hunks) > 0 {
		var offsets []string
		for _, h := range f.Hunks {
			if h.Offset != 0 {
				offsets = append(offsets, fmt.Sprintf("hunk %d at line %d, %+d", h.Number, h.Line, h.Offset))
			}
		}
		s += "  " + count(len(f.Hunks), "hunk", "hunks")
		if len(offsets) > 0 {
			s += " (" + strings.Join(offsets, "; ") + ")"
		}
	}
	return s
}

func (c *Change) text(p *printer) {
	for _, u := range c.Unchanged {
		state := u.State
		switch state {
		case "applied", "applied under":
			state = "applied already"
		case "included":
			state = "included already"
		}
		p.line("%s is %s", p.paint(strong, Clean(u.ID)), state)
	}
	if c.OK || c.DryRun {
		for _, s := range c.Steps {
			p.step("", s)
		}
	}
	p.failures(c.Failures)
	if c.Diff != "" {
		p.blank()
		p.diff(c.Diff)
	}
	p.notes("warning", warn, c.Warnings)
	done := map[string]string{"apply": "applied", "revert": "reverted"}
	switch n := len(c.Steps); {
	case !c.OK:
		p.line("%s", p.paint(bad, "nothing was changed"))
	case n == 0:
		p.line("nothing to do")
	case c.DryRun:
		p.line("dry run: nothing was changed")
	default:
		asked := 0
		for _, s := range c.Steps {
			if s.Action == c.Command {
				asked++
			}
		}
		p.line("%s", p.paint(good, count(asked, "patch", "patches")+" "+done[c.Command]))
	}
	if c.OK {
		p.nextSteps(c.NextSteps, c.DryRun)
	}
}

func (c *Compat) text(p *printer) {
	for _, v := range c.Versions {
		answer, t := "no ", bad
		if v.Satisfies {
			answer, t = "yes", good
		}
		line := p.paint(t, answer) + "  " + Clean(v.Version)
		if v.Reason != "" {
			line += "  " + p.paint(faint, Clean(v.Reason))
		}
		p.line("%s", line)
	}
	for _, r := range c.Releases {
		p.line("%s", Clean(r))
	}
	if len(c.Versions) == 0 && len(c.Releases) == 0 {
		p.line("no known release satisfies it")
	}
}

func (l *Log) text(p *printer) {
	if len(l.Entries) == 0 {
		p.line("nothing was applied or reverted here yet")
		return
	}
	rows := make([][]cell, len(l.Entries))
	for i, e := range l.Entries {
		t := plain
		switch e.Result {
		case "applied", "reverted":
			t = good
		case "failed":
			t = bad
		}
		what := e.ID
		if what == "" {
			what = e.Message
		}
		if e.Command != "" {
			what += "  (" + e.Command + ")"
		}
		rows[i] = []cell{{Clean(e.Time), plain}, {e.Result, t}, {Clean(e.By), plain}, {Clean(what), plain}}
	}
	p.table([]string{"TIME", "RESULT", "BY", "WHAT"}, rows)
}

func (r *Recover) text(p *printer) {
	if r.Action == "none" {
		p.line("there is no interrupted work")
		return
	}
	p.line("%s: %s, begun %s", r.Action, Clean(r.Command), r.Started.Format(time.RFC3339))
	for _, path := range r.Paths {
		p.line("  %s", Clean(path))
	}
}

// text writes nothing: people read the error on the other stream.
func (f *Failed) text(*printer) {}

func (v *Version) text(p *printer) {
	s := "qpt " + v.Version
	if v.Revision != "" {
		s += " (" + v.Revision
		if v.Modified {
			s += ", modified"
		}
		s += ")"
	}
	p.line("%s %s %s", s, v.Go, v.Platform)
}
