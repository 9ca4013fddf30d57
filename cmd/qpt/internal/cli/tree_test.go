package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Every command explains itself: what it does, how it ends, how it is used. No short
// flag means two things, and every flag says what it is for.
func TestCommands(t *testing.T) {
	root := newRoot(&app{})
	shorthands := map[string]string{}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") || strings.Contains(cmd.Short, "\n") {
				t.Errorf("short description %q", cmd.Short)
			}
			if ours := cmd.Parent() == nil || cmd.Parent() == root; ours {
				if !strings.HasSuffix(cmd.Long, exitCodes) {
					t.Error("the help does not tell the exit codes")
				}
				if cmd.Parent() == root && !strings.Contains(cmd.Example, "qpt "+cmd.Name()) {
					t.Errorf("the example %q does not use it", cmd.Example)
				}
				for line := range strings.Lines(cmd.Long + "\n" + cmd.Example) {
					if len([]rune(line)) > 100 {
						t.Errorf("too long a line for a terminal: %q", line)
					}
				}
			}
			if cmd.Runnable() && cmd.RunE == nil {
				t.Log("runs without an error to return") // cobra's own
			}
			cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
				if f.Usage == "" {
					t.Errorf("--%s says nothing", f.Name)
				}
				if f.Shorthand == "" {
					return
				}
				if other := shorthands[f.Shorthand]; other != "" && other != f.Name {
					t.Errorf("-%s is --%s and --%s", f.Shorthand, f.Name, other)
				}
				shorthands[f.Shorthand] = f.Name
			})
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	var names []string
	for _, cmd := range root.Commands() {
		names = append(names, cmd.Name())
	}
	for _, want := range strings.Fields("status list show check apply revert compat demo version completion log recover sync verify lock add remove") {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+want+" ") {
			t.Errorf("there is no qpt %s, only %s", want, names)
		}
	}
}

// Every global setting is a flag, a variable and a name in the configuration files.
func TestSettings(t *testing.T) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	globalFlags(flags)
	var names []string
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	for _, tc := range []struct{ name, want string }{
		{"root", "QPT_ROOT"}, {"no-interaction", "QPT_NO_INTERACTION"}, {"state-dir", "QPT_STATE_DIR"},
	} {
		if got := variable(tc.name); got != tc.want {
			t.Errorf("%s is %s, want %s", tc.name, got, tc.want)
		}
		if !strings.Contains(strings.Join(names, " "), tc.name) {
			t.Errorf("--%s is gone", tc.name)
		}
	}
}
