package cli

import (
	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/catalog/lint"
	"github.com/quality-patches/qpt/pkg/report"
)

func newCatalogLintCmd(a *app) *cobra.Command {
	var strict bool
	cmd := &cobra.Command{
		Use:   "lint DIR|ZIP",
		Short: "Tell what is wrong with a catalogue",
		Long: `Lint reads every entry and every diff of a catalogue, and tells what is wrong with it:
each finding with its file, line and JSON pointer. It ends with exit code 3 if there is
an error, with --strict also if there is a warning.

What patches require may be in another catalogue, too: those of --catalog are looked at
for it.`,
		Example: `  qpt catalog lint .
  qpt catalog lint vendor/magento/quality-patches --catalog vendor/magento/magento-cloud-patches
  qpt catalog lint . --strict --output sarif=lint.sarif`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.catalogLint(args[0], strict) },
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "take warnings for errors")
	return cmd
}

func (a *app) catalogLint(name string, strict bool) error {
	source, err := a.openCatalog(name)
	if err != nil {
		return err
	}
	var others []catalog.Source
	for _, other := range a.config.Catalog {
		s, err := a.openCatalog(other)
		if err != nil {
			return err
		}
		others = append(others, s)
	}
	found, err := lint.Catalog(source, others...)
	if err != nil {
		return err
	}
	result := &report.Lint{SchemaVersion: report.SchemaVersion, Findings: []report.LintFinding{}}
	for _, f := range found {
		switch f.Severity {
		case lint.Error:
			result.Summary.Errors++
		case lint.Warning:
			result.Summary.Warnings++
		case lint.Note:
			result.Summary.Notes++
		}
		result.Findings = append(result.Findings, report.LintFinding{
			Rule: f.Rule, Severity: string(f.Severity), ID: f.ID, Message: f.Message,
			File: f.File, Pointer: f.Pointer, Line: f.Line,
		})
	}
	result.OK = result.Summary.Errors == 0 && (!strict || result.Summary.Warnings == 0)
	if err := a.render(result); err != nil {
		return err
	}
	if !result.OK {
		return silent{errFinding}
	}
	return nil
}

// openCatalog opens a catalogue that was named.
func (a *app) openCatalog(name string) (catalog.Source, error) {
	s, closer, err := catalog.Open(a.path(name))
	if err != nil {
		return catalog.Source{}, usageError{err}
	}
	a.closers = append(a.closers, closer)
	return s, nil
}
