package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

// This file turns what the packages find out into what package report shows.

func installationReport(i *project.Installation) report.Installation {
	return report.Installation{
		Root: i.Root, Layout: i.Layout.String(), Edition: i.Edition.String(), Version: i.Version.String(),
	}
}

// patchReport describes a patch by some of its variants: those that are eligible, or all.
func patchReport(p *catalog.Patch, variants []*catalog.Variant) report.Patch {
	r := report.Patch{
		ID: p.ID, Title: p.Title, Categories: p.Categories, Origin: p.Origin, Type: string(p.Type), Source: p.Source,
		Requirements: p.Requirements, Require: catalog.Require(variants),
		Metadata: p.Metadata, Security: securityReport(p.Security), Deprecated: catalog.Deprecated(variants), ReplacedWith: catalog.ReplacedWith(variants),
		Variants: make([]report.Variant, len(variants)),
	}
	if len(variants) > 0 && variants[0].Title != "" {
		r.Title = variants[0].Title
	}
	for i, v := range variants {
		r.Variants[i] = report.Variant{Package: v.Package, Constraint: v.Constraint.String(), File: v.File}
		if v.Base != nil {
			r.Variants[i].Base = v.Base.String()
		}
	}
	return r
}

func statusReport(f stack.Finding) report.PatchStatus {
	r := report.PatchStatus{
		Patch: patchReport(f.Item.Patch, f.Item.Variants),
		State: string(f.State), Ambiguous: f.Ambiguous, Under: f.Under, InTheWay: f.InTheWay, IncludedIn: f.IncludedIn,
	}
	r.Files = fileStateReports(f.Files)
	r.Components = catalog.Components(f.Item.Variants)
	return r
}

func fileStateReports(list []stack.FileState) []report.FileState {
	var reports []report.FileState
	for _, file := range list {
		state := report.FileState{Path: file.Path, State: string(file.Presence)}
		for _, h := range file.Hunks {
			state.Hunks = append(state.Hunks, report.HunkState{Number: h.Number, State: string(h.Presence)})
		}
		reports = append(reports, state)
	}
	return reports
}

// refusalReports describes refusals. Causes say what is behind each, or are nil.
func refusalReports(list []applier.Refusal, causes []string) []report.Refusal {
	reports := make([]report.Refusal, len(list))
	for i, r := range list {
		reports[i] = report.Refusal{
			Path: r.Path, Reason: string(r.Reason), Message: r.String(), Hunk: r.Hunk, DiffLine: r.DiffLine,
			Line: r.Line, Expected: r.Expected, Found: r.Found, AlreadyThere: r.AlreadyThere,
		}
		if r.Nearest != nil {
			reports[i].Nearest = &report.Nearest{Line: r.Nearest.Line, Matching: r.Nearest.Matching, Of: r.Nearest.Of}
		}
		if causes != nil {
			reports[i].Cause = causes[i]
		}
	}
	return reports
}

func stepReports(steps []stack.Step) []report.Step {
	reports := make([]report.Step, len(steps))
	for i, s := range steps {
		r := report.Step{
			Action: "apply", ID: s.Item.ID(), Title: s.Item.Patch.Title, Because: s.Because,
			Files: make([]report.FileChange, len(s.Files)), Requirements: s.Item.Patch.Requirements,
		}
		if s.Dir == applier.Reverse {
			r.Action = "revert"
		}
		for j, f := range s.Files {
			change := report.FileChange{Path: f.Path, From: f.From, Op: string(f.Op)}
			for _, h := range f.Hunks {
				change.Hunks = append(change.Hunks, report.HunkChange{Number: h.Number, Line: h.Line, Offset: h.Offset})
			}
			r.Files[j] = change
		}
		reports[i] = r
	}
	return reports
}

// failureReports splits the error of a plan into its failures.
func failureReports(err error) []report.Failure {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var list []report.Failure
		for _, e := range joined.Unwrap() {
			list = append(list, failureReports(e)...)
		}
		return list
	}
	f := report.Failure{Message: err.Error()}
	var (
		conflict   *stack.ConflictError
		dependants *stack.DependantsError
		ineligible *stack.NotEligibleError
		included   *stack.IncludedError
		under      *stack.UnderError
		unknown    *stack.UnknownError
	)
	switch {
	case errors.As(err, &included):
		f.ID, f.InTheWay = included.Item.ID(), []string{included.In}
	case errors.As(err, &under):
		f.ID, f.InTheWay = under.Item.ID(), under.Above
	case errors.As(err, &conflict):
		f.ID, f.Refusals, f.InTheWay = conflict.Item.ID(), refusalReports(conflict.Refusals, conflict.Causes), conflict.InTheWay
		f.Message = "patch " + f.ID + " does not fit"
		if conflict.Direction == applier.Reverse {
			f.Message = "patch " + f.ID + " cannot be taken out"
		}
		if len(f.InTheWay) > 0 {
			f.Message += " with " + strings.Join(f.InTheWay, ", ") + " in the way; revert that first"
			if conflict.Restackable {
				f.Message += ", or give --restack to lift it and put it back"
			}
		}
		if conflict.Files != nil {
			f.Files = fileStateReports(conflict.Files)
			f.Message += partialAdvice(conflict)
		}
	case errors.As(err, &dependants):
		f.ID = dependants.Item.ID()
	case errors.As(err, &ineligible):
		f.ID = ineligible.Patch.ID
	case errors.As(err, &unknown):
		f.ID = unknown.ID
	}
	return []report.Failure{f}
}

// partialAdvice says what can be done about a patch of which only parts are in the tree.
// Sync completes it where each file holds all or nothing of it; a file that holds some hunks
// has to be restored first.
func partialAdvice(c *stack.ConflictError) string {
	id, reverted := c.Item.ID(), c.Direction == applier.Reverse
	text := ": part of it is in the tree already; "
	if reverted {
		text = ": only part of it is in the tree; "
	}
	var packages []string
	whole := true
	for _, f := range c.Files {
		whole = whole && f.Hunks == nil
		if f.Presence != stack.Out && strings.HasPrefix(f.Path, "vendor/") {
			packages = append(packages, project.PackageOf(f.Path))
		}
	}
	switch source := c.Item.Patch.Source; {
	case whole && source == hotfixesDir:
		text += "qpt sync puts in what is missing"
		if reverted {
			text += ", after which it can be taken out"
		}
		return text
	case whole && source != "file":
		text += fmt.Sprintf("qpt add %s puts in what is missing", id)
		if reverted {
			text += fmt.Sprintf(", after which qpt remove %s takes out all of it", id)
		}
		return text
	}
	text += "make the files that hold it as the release has them"
	slices.Sort(packages)
	if packages = slices.Compact(packages); len(packages) > 0 {
		text += fmt.Sprintf(" (composer reinstall %s, which takes other patches out of there, too)", strings.Join(packages, " "))
	}
	if reverted {
		return text + ", and it is out"
	}
	return text + ", and apply it again"
}

func diagnosticTexts(list []catalog.Diagnostic) []string {
	texts := make([]string, len(list))
	for i, d := range list {
		texts[i] = d.String()
	}
	return texts
}

// exclusionReports says why no variant is eligible, each reason once.
func exclusionReports(list []stack.Exclusion) []report.Exclusion {
	var reports []report.Exclusion
	for _, e := range list {
		r := report.Exclusion{
			Package: e.Package, Constraint: e.Constraint.String(), Reason: e.String(),
		}
		if e.Installed {
			r.Version = e.Version.String()
		}
		if !slices.Contains(reports, r) {
			reports = append(reports, r)
		}
	}
	return reports
}

func sentences(list []report.Exclusion) []string {
	var texts []string
	for _, e := range list {
		text := e.Reason
		if e.Version == "" {
			text += " (it would have to satisfy " + e.Constraint + ")"
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return texts
}

func versionTexts[V interface{ String() string }](versions []V) []string {
	texts := make([]string, len(versions))
	for i, v := range versions {
		texts[i] = v.String()
	}
	return texts
}

func securityReport(s *catalog.Security) *report.Security {
	if s == nil {
		return nil
	}
	return &report.Security{CVE: s.CVE, Bulletin: s.Bulletin, Release: s.Release, Month: s.Month, Sequence: s.Sequence, Edition: s.Edition}
}
