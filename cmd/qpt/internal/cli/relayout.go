package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/rewrite"
)

// convertOptions are those of convert.
type convertOptions struct {
	to, output string
	split      bool
	options    rewrite.Options
}

func newConvertCmd(a *app) *cobra.Command {
	o := convertOptions{}
	cmd := &cobra.Command{
		Use:   "convert FILE|URL|-",
		Short: "Rewrite a diff for the other layout of Magento's files",
		Long: `Convert rewrites the paths of a diff from the layout of Magento's git repository to that of
a Composer installation, or back. Every byte that is no path stays. A pull request on
GitHub can be named by its address.

The diff goes to standard output, or into the file that --into names. With --split
there is one for each package, in the folder that --into names. No file is replaced.`,
		Example: `  qpt convert https://github.com/magento/magento2/pull/12345 --without-tests -o fix.patch
  qpt convert --to git fix.patch | git apply
  qpt convert big.patch --split -o patches`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.relayout(cmd.Context(), args[0], o) },
	}
	cmd.Flags().StringVar(&o.to, "to", "composer", "the layout to write: composer, git")
	cmd.Flags().StringVarP(&o.output, "into", "o", "", "the file to write, or the folder with --split")
	cmd.Flags().BoolVar(&o.split, "split", false, "write one diff for each package")
	cmd.Flags().IntVar(&o.options.Strip, "strip", rewrite.Detect, "leading components of the names that are read (default: found out)")
	cmd.Flags().IntVar(&o.options.ToStrip, "to-strip", 1, "leading components of the names that are written: 0, 1")
	cmd.Flags().BoolVar(&o.options.WithoutTests, "without-tests", false, "leave out changes of tests")
	return cmd
}

func (a *app) relayout(ctx context.Context, arg string, o convertOptions) error {
	switch {
	case o.to != "composer" && o.to != "git":
		return usagef("unknown layout %q, expected composer or git", o.to)
	case o.options.ToStrip < 0 || o.options.ToStrip > 1:
		return usagef("--to-strip %d: names are written with 0 or 1 leading components", o.options.ToStrip)
	case o.options.Strip < rewrite.Detect:
		return usagef("--strip %d: names cannot have fewer than 0 leading components", o.options.Strip)
	case o.split && o.output == "":
		return usagef("--split needs a folder for its diffs: give --into")
	}
	if o.to == "git" {
		o.options.To = project.Git
	}
	src, err := a.readDiff(ctx, arg)
	if err != nil {
		return argError(arg, err)
	}
	var parts []rewrite.Part
	if o.split {
		parts, err = rewrite.Split(src, o.options)
	} else {
		var part *rewrite.Part
		if part, err = rewrite.Convert(src, o.options); err == nil {
			parts = []rewrite.Part{*part}
		}
	}
	if err != nil {
		return usagef("%s: %w", shownArg(arg), err)
	}
	result := &report.Convert{SchemaVersion: report.SchemaVersion, Layout: o.to}
	files := map[string][]byte{}
	for _, p := range parts {
		d := report.ConvertedDiff{Package: p.Package, Paths: p.Paths}
		switch {
		case o.split:
			d.File = filepath.Join(o.output, strings.ReplaceAll(p.Package, "/", "_")+".patch")
		case o.output != "":
			d.File = o.output
		default:
			d.Text = string(p.Text)
		}
		if d.File != "" {
			files[a.path(d.File)] = p.Text
		}
		result.Diffs = append(result.Diffs, d)
	}
	if o.output == "" && a.config.Format == string(report.Table) && a.Width == 0 && !a.config.Quiet {
		_, err := a.Out.Write(parts[0].Text) // byte for byte: it is for a file or a program
		return err
	}
	if err := writeNew(files); err != nil {
		return err
	}
	return a.render(result)
}

// writeNew writes files that are not there yet, all or none.
func writeNew(files map[string][]byte) (err error) {
	var made []string
	defer func() {
		if err != nil {
			for _, name := range made {
				_ = os.Remove(name) // the error that is on its way matters more
			}
		}
	}()
	for name, data := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return usageError{err}
		}
		f, err := os.CreateTemp(filepath.Dir(name), ".qpt-*")
		if err != nil {
			return usageError{err}
		}
		made = append(made, f.Name())
		_, err = f.Write(data)
		err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if err := os.Link(f.Name(), name); err != nil { // unlike a rename it replaces nothing
			return usagef("write %s: %w", name, errors.Unwrap(err))
		}
		_ = os.Remove(f.Name()) // its other name stays
		made[len(made)-1] = name
	}
	return nil
}
