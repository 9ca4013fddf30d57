package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

// releaseOptions name a Magento release to answer for without an installation.
type releaseOptions struct {
	magento, edition string
}

func (o *releaseOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.magento, "magento", "", "answer for this Magento release, from the release table")
	cmd.Flags().StringVar(&o.edition, "edition", string(catalog.Community), "with --magento: community, commerce or b2b")
}

// packages returns the packages that the release consists of.
func (o *releaseOptions) packages(releases catalog.Releases) (catalog.Release, project.Packages, error) {
	edition, err := catalog.ParseEdition(o.edition)
	if err != nil {
		return catalog.Release{}, project.Packages{}, usageError{err}
	}
	o.edition = string(edition)
	release, err := releases.Find(o.magento)
	if err != nil {
		return catalog.Release{}, project.Packages{}, usageError{err}
	}
	var list []project.Package
	for name, version := range release.In(edition) {
		list = append(list, project.Package{Name: name, Version: version})
	}
	return release, project.NewPackages(list), nil
}

type listOptions struct {
	releaseOptions
	categories []string
	search     string
}

func newListCmd(a *app) *cobra.Command {
	var o listOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the patches of the catalogue",
		Long: `List shows the whole catalogue, whether its patches are for this installation or
not. With --magento it shows what is for that release, with no installation at hand.`,
		Example: `  qpt list --search "sign-in"
  qpt list --magento 2.4.6-p8 --edition commerce
  qpt list --category GraphQL --format json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.list(o) },
	}
	o.flags(cmd)
	cmd.Flags().StringSliceVar(&o.categories, "category", nil, "only patches of these categories")
	cmd.Flags().StringVar(&o.search, "search", "", "only patches with this text in their id or title")
	return cmd
}

func (a *app) list(o listOptions) error {
	_, c, err := a.optionalShop()
	if err != nil {
		return err
	}
	result := &report.List{
		SchemaVersion: report.SchemaVersion, Patches: []report.Patch{}, Diagnostics: diagnosticTexts(c.Diagnostics),
	}
	variantsOf := func(p *catalog.Patch) []*catalog.Variant { return p.Variants }
	if o.magento != "" {
		release, packages, err := o.packages(a.releases(c))
		if err != nil {
			return err
		}
		result.Release, result.Edition = release.Version.String(), o.edition
		variantsOf = func(p *catalog.Patch) []*catalog.Variant { return stack.Eligible(packages, p) }
	}
	for _, p := range c.Patches {
		if variants := variantsOf(p); len(variants) > 0 && o.wants(p) {
			result.Patches = append(result.Patches, patchReport(p, variants))
		}
	}
	return a.render(result)
}

func (o *listOptions) wants(p *catalog.Patch) bool {
	if o.search != "" && !strings.Contains(strings.ToLower(p.ID+"\n"+p.Title), strings.ToLower(o.search)) {
		return false
	}
	return len(o.categories) == 0 ||
		slices.ContainsFunc(o.categories, func(c string) bool { return containsFold(p.Categories, c) })
}
