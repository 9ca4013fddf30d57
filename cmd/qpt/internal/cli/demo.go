package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/tools/txtar"

	"github.com/quality-patches/qpt/patches"
)

func newDemoCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "demo [DIR]",
		Short: "Try qpt on a small sandbox shop",
		Long: `Demo builds a small shop, laid out as a Composer installation of 2.4.6-p3 with a
catalogue of its own, and does the main job on it: status, check, apply, a patch for
another version, a conflict, revert. It ends with the proof that the shop is as it was.

The shop is made in a temporary folder and removed; with DIR it is made there and stays.`,
		Example: `  qpt demo
  qpt demo /tmp/shop && cd /tmp/shop && qpt status`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.demoIn(cmd.Context(), a.path(args[0]))
			}
			dir, err := os.MkdirTemp("", "qpt-demo-")
			if err != nil {
				return fmt.Errorf("make the sandbox: %w", err)
			}
			return errors.Join(a.demoIn(cmd.Context(), dir), os.RemoveAll(dir))
		},
	}
}

// demoSteps are what the demo does, each with the exit code that it must have.
func demoSteps() []struct {
	say  string
	args []string
	code int
} {
	return []struct {
		say  string
		args []string
		code int
	}{
		{"What is there for this shop, and what of it is applied?", []string{"status"}, exitDone},
		{"Would ACSD-61103 apply?", []string{"check", "ACSD-61103"}, exitDone},
		{"Apply it.", []string{"apply", "ACSD-61103"}, exitDone},
		{"Applying it again changes nothing, and is no error.", []string{"apply", "ACSD-61103"}, exitDone},
		{"A patch brings along what it requires.", []string{"apply", "DEMO-4", "--yes"}, exitDone},
		{"A patch for another release is refused, with the reason.", []string{"apply", "DEMO-8"}, exitFinding},
		{"One patch goes in ...", []string{"apply", "DEMO-1"}, exitDone},
		{"... and another that changes the same lines is refused: nothing is written.", []string{"apply", "DEMO-7"}, exitConflict},
		{"What is applied now?", []string{"status", "--state", "applied"}, exitDone},
		{"Take everything out again.", []string{"revert", "--all"}, exitDone},
	}
}

// demoIn builds the sandbox in a folder and runs the demo on it.
func (a *app) demoIn(ctx context.Context, dir string) error {
	if err := buildSandbox(dir); err != nil {
		return err
	}
	before, err := treeHash(dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "A sandbox shop is in %s\n", dir)
	env := a.Env
	env.Dir, env.Err, env.Terminal = dir, a.Out, false
	env.Getenv = func(name string) string {
		if strings.HasPrefix(name, "QPT_") || strings.HasPrefix(name, "COMPOSER") || name == "XDG_CONFIG_HOME" || name == "HOME" {
			return "" // the demo is the same for everyone
		}
		return a.Getenv(name)
	}
	for _, step := range demoSteps() {
		fmt.Fprintf(a.Out, "\n# %s\n$ qpt %s\n", step.say, strings.Join(step.args, " "))
		args := append([]string{"--root", dir, "--color", a.config.Color}, step.args...)
		code := run(ctx, args, env)
		if code != exitDone {
			fmt.Fprintf(a.Out, "(exit code %d)\n", code)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if code != step.code {
			return fmt.Errorf("demo: qpt %s ended with %d, not %d", strings.Join(step.args, " "), code, step.code)
		}
	}
	after, err := treeHash(dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "\n# The proof: every file outside var/, by content and mode, before and after.\nbefore %s\nafter  %s\n", before, after)
	if before != after {
		return fmt.Errorf("demo: the shop in %s is not what it was", dir)
	}
	fmt.Fprintln(a.Out, "The shop is what it was.")
	return nil
}

// buildSandbox unpacks the sandbox shop, with its catalogue as an installed package,
// into a folder that is new or empty.
func buildSandbox(dir string) error {
	fail := func(err error) error { return fmt.Errorf("make the sandbox: %w", err) }
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return usagef("%s is not empty", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fail(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fail(err)
	}
	defer root.Close()
	sandbox := patches.Sandbox()
	shop, err := fs.ReadFile(sandbox, "shop.txtar")
	if err != nil {
		return fail(err)
	}
	for _, f := range txtar.Parse(shop).Files {
		if err := writeSandboxFile(root, f.Name, f.Data); err != nil {
			return fail(err)
		}
	}
	err = fs.WalkDir(sandbox, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == "shop.txtar" {
			return err
		}
		data, err := fs.ReadFile(sandbox, name)
		if err != nil {
			return err
		}
		return writeSandboxFile(root, path.Join("vendor/magento/quality-patches", name), data)
	})
	if err != nil {
		return fail(err)
	}
	return nil
}

func writeSandboxFile(root *os.Root, name string, data []byte) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	return root.WriteFile(name, data, 0o644)
}

// treeHash sums up the names, modes and contents of all files outside var/.
func treeHash(dir string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if rel == "var" {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %s\n", info.Mode(), filepath.ToSlash(rel))
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			fmt.Fprintf(sum, "%x\n", sha256.Sum256(data))
		}
		return nil
	})
	return fmt.Sprintf("%x", sum.Sum(nil)), err
}
