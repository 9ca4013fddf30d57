package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

func newShowCmd(a *app) *cobra.Command {
	var diff bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show everything that is known about a patch",
		Long: `Show tells what a patch is for: the problem, the packages and releases, the files, what
it requires and what replaces it, and its article if the catalogue has one.`,
		Example: `  qpt show ACSD-61103
  qpt show ACSD-61103 --diff`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeIDs,
		RunE:              func(_ *cobra.Command, args []string) error { return a.show(args[0], diff) },
	}
	cmd.Flags().BoolVar(&diff, "diff", false, "show the diffs too")
	return cmd
}

func (a *app) show(id string, diff bool) error {
	sh, c, err := a.optionalShop()
	if err != nil {
		return err
	}
	p, ok := c.Patch(id)
	if !ok {
		return withSuggestions(c, &stack.UnknownError{ID: id, LeftOut: c.LeftOut(id)})
	}
	result := &report.Show{SchemaVersion: report.SchemaVersion, Patch: patchReport(p, p.Variants)}
	result.Patch.Components = catalog.Components(p.Variants)
	releases := a.releases(c)
	for i, v := range p.Variants {
		r := &result.Patch.Variants[i]
		satisfying := releases.Satisfying(v.Package, v.Constraint)
		if v.Base != nil { // the package's own versions may be in no table
			satisfying = releases.Satisfying(catalog.BasePackage, *v.Base)
		}
		r.Releases = versionTexts(satisfying)
		d, err := v.Diff()
		if err != nil {
			a.note("warning: %s", report.Clean(err.Error()))
			continue
		}
		r.Files = d.Paths()
		if diff {
			text, err := v.Text()
			if err != nil {
				return err
			}
			result.Diffs = append(result.Diffs, report.FileText{File: v.File, Text: string(text)})
		}
	}
	for _, other := range c.Patches {
		if containsFold(catalog.Require(other.Variants), p.ID) {
			result.Dependants = append(result.Dependants, other.ID)
		}
		if strings.EqualFold(catalog.ReplacedWith(other.Variants), p.ID) {
			result.Replaces = append(result.Replaces, other.ID)
		}
	}
	switch article, err := c.Article(p.ID); {
	case err == nil:
		result.Article = string(article)
	case !errors.Is(err, catalog.ErrNoArticle):
		a.note("warning: article: %s", report.Clean(err.Error()))
	}
	if sh != nil {
		showHere(sh, p, result)
	}
	return a.render(result)
}

// showHere adds what the installation says about the patch.
func showHere(sh *shop, p *catalog.Patch, result *report.Show) {
	reasons := map[*catalog.Variant]string{}
	for _, e := range stack.Exclusions(sh.inst.Packages, p) {
		reasons[e.Variant] = e.String()
	}
	for i, v := range p.Variants {
		reason, excluded := reasons[v]
		eligible := !excluded
		result.Patch.Variants[i].Eligible, result.Patch.Variants[i].Reason = &eligible, reason
	}
	if _, err := sh.stack.Item(p.ID); err != nil {
		return
	}
	items, _ := sh.stack.Items()
	for _, f := range sh.stack.Inspect(items) {
		if f.Item.Patch == p {
			result.State = string(f.State)
			result.Refusals = explain(sh, f, true)
		}
	}
}

// suggestion is an unknown id together with those that it may have meant.
type suggestion struct {
	err  error
	like []string
}

func (s suggestion) Error() string {
	if len(s.like) == 0 {
		return s.err.Error()
	}
	return s.err.Error() + "; did you mean " + strings.Join(s.like, ", ") + "?"
}

func (s suggestion) Unwrap() error { return s.err }

// withSuggestions adds similar ids to the error about an unknown one.
func withSuggestions(c *catalog.Catalog, err error) error {
	var unknown *stack.UnknownError
	if !errors.As(err, &unknown) || unknown.LeftOut != "" {
		return err
	}
	return suggestion{err, suggestions(c, unknown.ID)}
}
