package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/catalog/store"
	"github.com/quality-patches/qpt/pkg/declared"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/report"
)

// output is a file that a result is written to beside standard output.
type output struct {
	format report.Format
	file   string // absolute
}

// hasFindings marks a command whose result can be written in all formats.
const hasFindings = "findings"

// withFindings marks commands whose result is a report.Findings.
func withFindings(cmd *cobra.Command) *cobra.Command {
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	cmd.Annotations[hasFindings] = "yes"
	return cmd
}

// hasAdobeStatus marks a command whose result can be written as report.AdobeStatus.
const hasAdobeStatus = "patch-status"

// withAdobeStatus marks the command whose result can be written as report.AdobeStatus.
func withAdobeStatus(cmd *cobra.Command) *cobra.Command {
	cmd = withFindings(cmd)
	cmd.Annotations[hasAdobeStatus] = "yes"
	return cmd
}

// parseOutputs reads the values of --output, and checks that the files can be made, and
// replace nothing but results. Args are those of the command.
func (c *config) parseOutputs(env Env, args []string) error {
	for _, value := range c.Output {
		name, file, ok := strings.Cut(value, "=")
		if !ok || file == "" {
			return usagef("output %q: expected FORMAT=FILE, as in junit=qpt.xml", value)
		}
		format, err := report.ParseFormat(name)
		if err != nil {
			return usagef("output %q: %w", value, err)
		}
		if file == "-" {
			return usagef("output %q: standard output takes one result, as --format says", value)
		}
		if !filepath.IsAbs(file) {
			file = filepath.Join(env.Dir, file)
		}
		file = filepath.Clean(file)
		if resolved, err := filepath.EvalSymlinks(file); err == nil {
			file = resolved // a link stays one
		} else if dir, err := filepath.EvalSymlinks(filepath.Dir(file)); err == nil {
			file = filepath.Join(dir, filepath.Base(file))
		}
		if !isDir(filepath.Dir(file)) {
			return usagef("output %q: the folder %s does not exist", value, filepath.Dir(file))
		}
		if info, err := os.Lstat(file); err == nil && !info.Mode().IsRegular() {
			return usagef("output %q: %s is not a regular file", value, file)
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return usagef("output %q: %w", value, err)
		}
		if slices.ContainsFunc(c.outputs, func(o output) bool { return o.file == file || sameFile(o.file, file) }) {
			return usagef("output %q: the file is named twice", value)
		}
		if what := c.needed(env, file, args); what != "" {
			return usagef("output %q: %s is %s, which a result must not replace; name another file", value, file, what)
		}
		c.outputs = append(c.outputs, output{format, file})
	}
	return nil
}

// needed says what a file is, by its name and place, that is the shop's or qpt's own; "" is
// nothing of the kind. It does not depend on what is there yet, so that a pipeline that
// works once works again.
func (c *config) needed(env Env, file string, args []string) string {
	switch base := strings.ToLower(filepath.Base(file)); {
	case slices.Contains([]string{
		declared.ConfigFile, declared.LockFile, ".magento.env.yaml", "composer.json", "composer.lock", "auth.json",
		"support-patches.json", "community-patches.json", "patches.json", "magento_releases.json",
	}, base):
		return "a file that qpt or Composer reads"
	case slices.Contains([]string{".patch", ".diff"}, filepath.Ext(base)):
		return "a diff by its name"
	case slices.Contains([]string{".php", ".phtml"}, filepath.Ext(base)):
		return "code by its name"
	}
	for _, read := range slices.Concat(c.Catalog, args) {
		if !filepath.IsAbs(read) {
			read = filepath.Join(env.Dir, read)
		}
		if sameFile(read, file) {
			return "read by this command"
		}
	}
	root, err := filepath.EvalSymlinks(c.Root)
	if c.Root == "" || err != nil {
		return ""
	}
	vendorDir, err := project.VendorDir(c.Root, env.Getenv)
	if err != nil {
		vendorDir = "vendor" // it is said later what is wrong
	}
	for _, dir := range []string{vendorDir, "app", "bin", "lib", "setup", hotfixesDir, ".git"} {
		if rel, err := filepath.Rel(filepath.Join(root, filepath.FromSlash(dir)), file); err == nil && filepath.IsLocal(rel) {
			return "in " + dir + " of the installation"
		}
	}
	return ""
}

// sameFile reports whether two names are of one file that is there.
func sameFile(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}

// checkFormats refuses formats in which the result of a command cannot be written,
// before the command does anything.
func (c *config) checkFormats(cmd *cobra.Command) error {
	formats := []report.Format{report.Format(c.Format)}
	for _, o := range c.outputs {
		formats = append(formats, o.format)
	}
	for _, f := range formats {
		fits := cmd.Annotations[hasFindings] != "" || slices.Contains(report.GeneralFormats(), string(f))
		if f == report.AdobeStatus {
			fits = cmd.Annotations[hasAdobeStatus] != ""
		}
		if !fits {
			return usagef("%s: %w", cmd.CommandPath(), &report.FormatError{Format: f})
		}
	}
	return nil
}

// writeOutputs writes a result to the files. Nobody reads them in a terminal.
func (c *config) writeOutputs(r report.Result) error {
	for _, o := range c.outputs {
		var b bytes.Buffer
		if err := report.Render(&b, o.format, r, report.Style{Verbose: c.Verbose}); err != nil {
			return err
		}
		if err := writeFile(o.file, b.Bytes()); err != nil {
			return fmt.Errorf("%s: %w", o.file, err)
		}
	}
	return nil
}

// writeFile replaces a file, or leaves it as it was. Its mode stays; a new file gets the
// one that new files have.
func writeFile(name string, content []byte) error {
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	return store.WriteFile(name, content, mode)
}
