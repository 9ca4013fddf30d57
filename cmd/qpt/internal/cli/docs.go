package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newDocsCmd writes what qpt says about itself, for packagers and for the project's own
// pages. It is made from the commands, so it cannot tell anything else than they do.
func newDocsCmd(a *app) *cobra.Command {
	var man string
	cmd := &cobra.Command{
		Use:   "docs",
		Short: "Write the command reference",
		Long: `Docs writes the reference of all commands as Markdown, or as man pages into the folder
that --man names. It is for those who make packages of qpt.

Man pages bear the date of SOURCE_DATE_EPOCH if that is set, so that the same source
gives the same pages.`,
		Example: `  qpt docs > reference.md
  qpt docs --man share/man/man1`,
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if man != "" {
				return a.manPages(cmd.Root(), man)
			}
			if _, err := fmt.Fprint(a.Out, reference(cmd.Root())); err != nil {
				return fmt.Errorf("write the result: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&man, "man", "", "write man pages into this folder")
	return cmd
}

// manPages writes a page for every command into a folder.
func (a *app) manPages(root *cobra.Command, dir string) error {
	date := time.Now()
	if epoch := a.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return usagef("SOURCE_DATE_EPOCH is %q, which is no number of seconds", epoch)
		}
		date = time.Unix(seconds, 0)
	}
	date = date.UTC()
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(a.Dir, dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder for man pages: %w", err)
	}
	eachCommand(root, func(cmd *cobra.Command) {
		cmd.DisableAutoGenTag = true
		cmd.Long = literal(cmd.Long)
	})
	header := &doc.GenManHeader{Section: "1", Date: &date, Source: "qpt", Manual: "qpt"}
	if err := doc.GenManTree(root, header, dir); err != nil {
		return fmt.Errorf("write man pages: %w", err)
	}
	return nil
}

// literal makes the indented lines of a help text code to Markdown, from which man pages
// are made. Otherwise it would fill them into a paragraph.
func literal(text string) string {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		indented := strings.HasPrefix(line, "  ")
		if indented != inside && strings.TrimSpace(line) != "" {
			b.WriteString("\n")
			inside = indented
		}
		if indented {
			b.WriteString("    ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// reference returns the help of all commands as one page of Markdown. What is the same
// for all of them stands there once.
func reference(root *cobra.Command) string {
	var b strings.Builder
	fence := func(text string) { fmt.Fprintf(&b, "```text\n%s\n```\n\n", strings.Trim(text, "\n")) }
	b.WriteString("# Commands\n\n<!-- Written by `qpt docs`; a test compares it with the commands. -->\n\n")
	eachCommand(root, func(cmd *cobra.Command) {
		if cmd != root {
			fmt.Fprintf(&b, "## %s\n\n", cmd.CommandPath())
		}
		fmt.Fprintf(&b, "%s.\n\n", cmd.Short)
		if cmd.Runnable() {
			fence(cmd.UseLine())
		}
		if long := strings.TrimSuffix(cmd.Long, exitCodes); strings.TrimSpace(long) != "" {
			fence(long)
		}
		if cmd == root {
			fence(exitCodes)
			b.WriteString("Every command takes these flags:\n\n")
			fence(cmd.PersistentFlags().FlagUsages())
			b.WriteString("| command | does |\n|---|---|\n")
			eachCommand(root, func(cmd *cobra.Command) {
				if cmd != root {
					fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", cmd.CommandPath(), strings.ReplaceAll(cmd.CommandPath(), " ", "-"), cmd.Short)
				}
			})
			b.WriteString("\n")
			return
		}
		if flags := cmd.LocalFlags(); flags.HasAvailableFlags() {
			fence(flags.FlagUsages())
		}
		if cmd.Example != "" {
			b.WriteString("For example:\n\n")
			fence(cmd.Example)
		}
	})
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// eachCommand calls f for a command and those below it that its help lists.
func eachCommand(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			eachCommand(sub, f)
		}
	}
}
