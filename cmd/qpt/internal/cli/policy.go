package cli

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/declared"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

// failOnFlag adds --fail-on.
func failOnFlag(cmd *cobra.Command, to *string) {
	values := append(report.Levels(), "never")
	cmd.Flags().StringVar(to, "fail-on", report.LevelError, "the least level of a finding that fails: error, warning, note, never")
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
}

func checkFailOn(level string) error {
	if level != "never" && !slices.Contains(report.Levels(), level) {
		return usagef("unknown level %q, expected error, warning, note or never", level)
	}
	return nil
}

// policyFindings says which rules of the policy patches break. Place says where each is declared.
func (a *app) policyFindings(sh *shop, p *declared.Policy, items []*stack.Item, place func(id string) declared.Place) []report.Finding {
	var findings []report.Finding
	add := func(level declared.Level, rule, id, format string, args ...any) {
		f := report.Finding{Rule: rule, Level: report.LevelError, Patch: id, Message: fmt.Sprintf(format, args...)}
		if level == declared.Warn {
			f.Level = report.LevelWarning
		}
		if id != "" {
			at := place(id)
			f.File, f.Line = at.File, at.Line
		}
		if level == declared.Warn || level == declared.Deny {
			findings = append(findings, f)
		}
	}
	for _, it := range items {
		id := it.ID()
		if with := catalog.ReplacedWith(it.Variants); with != "" {
			add(p.Replaced, "replaced", id, "patch %s is replaced with %s", id, with)
		} else if catalog.Deprecated(it.Variants) {
			add(p.Deprecated, "deprecated", id, "patch %s is deprecated", id)
		}
		for _, c := range it.Patch.Categories {
			add(p.CategoryLevel(c), "category", id, "patch %s is of the category %s", id, c)
		}
		if why := a.unknownOrigin(sh, p, it); why != "" {
			add(p.UnknownOrigin, "unknown-origin", id, "patch %s %s", id, why)
		}
	}
	if n := len(items); n > p.MaxPatches {
		add(p.TooMany, "too-many", "", "%d patches are more than the %d that the policy allows", n, p.MaxPatches)
	}
	return findings
}

// unknownOrigin says what is unknown about where a patch comes from, or "".
func (a *app) unknownOrigin(sh *shop, p *declared.Policy, it *stack.Item) string {
	origins := p.Origins
	if origins == nil {
		origins = []string{catalog.OriginSupport, catalog.OriginCommunity, catalog.OriginLocal, catalog.OriginBundled}
	}
	if !containsFold(origins, it.Patch.Origin) {
		return "has the origin " + it.Patch.Origin
	}
	for _, v := range it.Variants {
		source, _ := a.sourceOf(sh, v)
		known := source == "" || source == bundledSource || path.Dir(source) == path.Join(sh.inst.VendorDir, "magento")
		if v.Source() == a.ownDir(sh.inst.Root) { // that of the shop, committed with it
			rel, err := filepath.Rel(sh.inst.Root, v.Source())
			known = known || err == nil && filepath.IsLocal(rel)
		}
		if !known && !slices.Contains(a.config.OwnCatalog, v.Source()) {
			return "is from the catalogue " + v.Source() + ", which " + declared.ConfigFile + " does not name"
		}
	}
	return ""
}
