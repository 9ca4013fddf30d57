package cli

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write the command reference anew")

// repository is the root of the project, seen from this package.
const repository = "../../../.."

// The committed reference is what the commands say.
func TestReference(t *testing.T) {
	name := filepath.Join(repository, "docs", "reference.md")
	got := reference(newRoot(&app{Env: Env{Out: io.Discard}}))
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/reference.md is not what the commands say (-page +commands); run this test with -update:\n%s", diff)
	}
	for _, flag := range []string{"--frozen", "--dry-run", "--sha256"} {
		if !strings.Contains(got, flag) {
			t.Errorf("the reference does not tell %s", flag)
		}
	}
}

// Every command has a man page that says all that its help says, and the same source
// gives the same pages.
func TestManPages(t *testing.T) {
	dir := t.TempDir()
	write := func(name, epoch string) {
		t.Helper()
		got := qpt(t, dir, "", map[string]string{"SOURCE_DATE_EPOCH": epoch}, "docs", "--man", name)
		if got.code != exitDone || got.out+got.err != "" {
			t.Fatalf("%+v", got)
		}
	}
	write("one/man1", "1700000000")
	write("two", "1700000000")
	if hash(t, filepath.Join(dir, "one/man1")) != hash(t, filepath.Join(dir, "two")) {
		t.Error("two runs differ")
	}
	roff := regexp.MustCompile(`(?m)^\.\S+ ?|\\f[BIRP]|\\&|\\`)
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	pages := 0
	eachCommand(newRoot(&app{Env: Env{Out: io.Discard}}), func(cmd *cobra.Command) {
		pages++
		page, err := os.ReadFile(filepath.Join(dir, "two", strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1"))
		if err != nil {
			t.Error(err)
			return
		}
		if !bytes.Contains(page, []byte("Nov 2023")) {
			t.Errorf("%s does not bear the date", cmd.CommandPath())
		}
		text := words(roff.ReplaceAllString(string(page), ""))
		for _, part := range []string{cmd.Short, cmd.Long, cmd.Example} {
			for line := range strings.Lines(part) {
				// Markdown takes these for its own, in cobra's help for completion.
				if line := words(strings.NewReplacer("`", "", `\`, "").Replace(line)); !strings.Contains(text, line) && !isCompletion(cmd) {
					t.Errorf("the page of %s lacks %q", cmd.CommandPath(), line)
				}
			}
		}
	})
	if files, _ := os.ReadDir(filepath.Join(dir, "two")); len(files) != pages || pages < 30 {
		t.Errorf("%d pages for %d commands", len(files), pages)
	}
	if got := qpt(t, dir, "", map[string]string{"SOURCE_DATE_EPOCH": "today"}, "docs", "--man", "x"); got.code != exitUsage || !strings.Contains(got.err, "SOURCE_DATE_EPOCH") {
		t.Errorf("%+v", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "x")); err == nil {
		t.Error("a wrong date leaves a folder")
	}
}
