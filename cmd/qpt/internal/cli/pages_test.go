package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// TestPages types what the pages of docs/ type, and compares with what they say. A page
// that has a block
//
//	```console
//	$ qpt status
//	what that prints
//	```
//
// is typed from its top to its end, in one shop, which is the sandbox. Stdout and stderr
// come as on a terminal. "…" stands for anything within a line, and for any lines where it
// is one. Comments that a reader does not see tell the rest:
//
//	<!-- run: COMMAND -->   type this, too; it has to end with 0
//	<!-- new shop -->       go on in a sandbox as it was at first
//
// With -update the blocks that say something else are written anew.
func TestPages(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for locks, and each command is a process of its own")
	}
	needs(t, "bash", "sed", "flock", "timeout", "git")
	if runtime.GOOS != "linux" {
		t.Skip("what the system says of its errors stands in the pages")
	}
	for _, name := range []string{"first-use", "migrating-from-the-php-tool", "troubleshooting", "ci", "cloud", "composer-neighbours", "authoring"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(repository, "docs", name+".md")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := typePage(t, string(text))
			if got == string(text) {
				return
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Error("the page is not what its commands print; see the difference after this test with -update")
		})
	}
}

var (
	pageRun  = regexp.MustCompile(`^<!-- run: (.*) -->$`)
	pageShop = "<!-- new shop -->"
)

// typePage returns a page with what its commands print.
func typePage(t *testing.T, page string) string {
	t.Helper()
	place := &pagePlace{t: t}
	place.newShop()
	var out strings.Builder
	lines := strings.Split(page, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		out.WriteString(line)
		if i < len(lines)-1 {
			out.WriteString("\n")
		}
		if command := pageRun.FindStringSubmatch(line); command != nil {
			if got := place.run(command[1]); place.last != 0 {
				t.Errorf("%s: exit code %d\n%s", command[1], place.last, got)
			}
		}
		if line == pageShop {
			place.newShop()
		}
		if line != "```console" {
			continue
		}
		for i++; lines[i] != "```"; {
			command, ok := strings.CutPrefix(lines[i], "$ ")
			if !ok {
				t.Fatalf("a block begins with %q, which is no command", lines[i])
			}
			fmt.Fprintf(&out, "$ %s\n", command)
			var want strings.Builder
			for i++; lines[i] != "```" && !strings.HasPrefix(lines[i], "$ "); i++ {
				want.WriteString(lines[i] + "\n")
			}
			got := place.run(command)
			if pagePattern(want.String()).MatchString(got) {
				got = want.String()
			} else {
				t.Logf("$ %s\nprints\n%s\nand not\n%s", command, got, want.String())
			}
			out.WriteString(got)
		}
		out.WriteString("```\n")
	}
	return out.String()
}

// pagePattern matches what a page says of an output.
func pagePattern(want string) *regexp.Regexp {
	pattern := regexp.QuoteMeta(want)
	pattern = regexp.MustCompile(`(?m)^…\n`).ReplaceAllString(pattern, `(?:.*\n)*?`)
	return regexp.MustCompile("^" + strings.ReplaceAll(pattern, "…", ".*?") + "$")
}

// A pagePlace is where the commands of a page are typed: /srv/shop, as the page calls it.
type pagePlace struct {
	t    *testing.T
	top  string
	last int // the last exit code
}

func (p *pagePlace) newShop() {
	p.t.Helper()
	p.top, p.last = p.t.TempDir(), 0
	if err := buildSandbox(filepath.Join(p.top, "srv", "shop")); err != nil {
		p.t.Fatal(err)
	}
	self, err := os.Executable()
	if err == nil {
		err = os.Mkdir(filepath.Join(p.top, "bin"), 0o755)
	}
	if err == nil {
		script := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", asQpt, self)
		err = os.WriteFile(filepath.Join(p.top, "bin", "qpt"), []byte(script), 0o755)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// run types a command and returns what it prints.
func (p *pagePlace) run(command string) string {
	p.t.Helper()
	// The last exit code is that of the command before, which another shell ran.
	script := fmt.Sprintf("(exit %d)\n%s\n", p.last, strings.ReplaceAll(command, "/srv/", p.top+"/srv/"))
	cmd := exec.CommandContext(p.t.Context(), "bash", "-c", script)
	cmd.Dir = filepath.Join(p.top, "srv", "shop")
	cmd.Env = []string{"PATH=" + filepath.Join(p.top, "bin") + ":" + os.Getenv("PATH"), "HOME=" + filepath.Join(p.top, "home"), "LC_ALL=C.UTF-8"}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("%s: %v", command, err)
	}
	p.last = cmd.ProcessState.ExitCode()
	return strings.ReplaceAll(string(out), p.top, "")
}

// TestLinks follows the links between pages, to their headings, too.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(repository, "docs", "*.md"))
	if err != nil || len(pages) < 10 {
		t.Fatal(pages, err)
	}
	more, _ := filepath.Glob(filepath.Join(repository, "*.md"))
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, page := range append(pages, more...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			name, heading, _ := strings.Cut(match[1], "#")
			if strings.Contains(name, "://") {
				continue
			}
			target := page
			if name != "" {
				target = filepath.Join(filepath.Dir(page), name)
			}
			there, err := os.ReadFile(target)
			if info, statErr := os.Stat(target); statErr == nil && info.IsDir() {
				err = nil
			}
			if err != nil {
				t.Errorf("%s links to %s: %v", filepath.Base(page), match[1], err)
				continue
			}
			if heading != "" && !strings.Contains(headings(string(there)), "\n"+heading+"\n") {
				t.Errorf("%s links to %s, which has no such heading", filepath.Base(page), match[1])
			}
		}
	}
}

// headings returns the names that GitHub gives the headings of a page, each in a line.
func headings(page string) string {
	names := "\n"
	for _, match := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		name := strings.ReplaceAll(strings.ToLower(match[1]), " ", "-")
		names += regexp.MustCompile(`[^\p{L}\p{N}_-]`).ReplaceAllString(name, "") + "\n"
	}
	return names
}
