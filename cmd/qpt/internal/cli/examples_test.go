package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// blocks returns the blocks of one language in a page of docs/.
func blocks(t *testing.T, page, language string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		found = append(found, match[1])
	}
	if len(found) == 0 {
		t.Fatalf("docs/%s has no block of %s", page, language)
	}
	return found
}

// hooks reads what pre-commit is offered.
func hooks(t *testing.T) map[string][]string {
	t.Helper()
	var manifest []struct {
		ID            string `yaml:"id"`
		Name          string `yaml:"name"`
		Entry         string `yaml:"entry"`
		Language      string `yaml:"language"`
		Files         string `yaml:"files"`
		PassFilenames *bool  `yaml:"pass_filenames"`
	}
	text, err := os.ReadFile(filepath.Join(repository, ".pre-commit-hooks.yaml"))
	if err == nil {
		err = yaml.Unmarshal(text, &manifest)
	}
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string][]string{}
	for _, hook := range manifest {
		if hook.Name == "" || hook.Language != "golang" || hook.PassFilenames == nil || *hook.PassFilenames {
			t.Errorf("hook %+v", hook)
		}
		if _, err := regexp.Compile(hook.Files); err != nil {
			t.Error(err)
		}
		entries[hook.ID] = strings.Fields(hook.Entry)
	}
	return entries
}

// What pre-commit runs says yes to what is well and no to what is not.
func TestHooks(t *testing.T) {
	entries := hooks(t)
	_, dir := declaring(t, ".")
	run := func(id string, args ...string) outcome {
		t.Helper()
		entry := entries[id]
		if len(entry) == 0 || entry[0] != "qpt" {
			t.Fatalf("hook %s runs %q", id, entry)
		}
		return qpt(t, dir, "", nil, append(entry[1:len(entry):len(entry)], args...)...)
	}
	if got := run("qpt-verify"); got.code != exitDone {
		t.Errorf("%+v", got)
	}
	edit(t, dir)
	if got := run("qpt-verify"); got.code != exitFinding {
		t.Errorf("%+v", got)
	}
	bundled, err := filepath.Abs(filepath.Join(repository, "patches"))
	if err != nil {
		t.Fatal(err)
	}
	if got := run("qpt-catalog-lint", bundled); got.code != exitDone {
		t.Errorf("%+v", got)
	}
	bad := t.TempDir()
	if err := os.WriteFile(filepath.Join(bad, "support-patches.json"), []byte(`{"X-1": {}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := run("qpt-catalog-lint", bad); got.code != exitFinding {
		t.Errorf("%+v", got)
	}
}

// What the pages show for pipelines uses what there is.
func TestPipelineExamples(t *testing.T) {
	var a action
	text, err := os.ReadFile(filepath.Join(repository, "action.yml"))
	if err == nil {
		err = yaml.Unmarshal(text, &a)
	}
	if err != nil {
		t.Fatal(err)
	}
	entries := hooks(t)
	seen := map[string]int{}
	var walk func(node any)
	walk = func(node any) {
		switch node := node.(type) {
		case []any:
			for _, item := range node {
				walk(item)
			}
		case map[string]any:
			for _, item := range node {
				walk(item)
			}
			if uses, _ := node["uses"].(string); strings.Contains(uses, "/qpt@") {
				seen["action"]++
				with, _ := node["with"].(map[string]any)
				for name := range with {
					if _, ok := a.Inputs[name]; !ok {
						t.Errorf("the action has no input %s", name)
					}
				}
			}
			if remote, _ := node["remote"].(string); strings.HasSuffix(remote, "/templates/qpt.yml") {
				seen["template"]++
				inputs := map[string]string{}
				given, _ := node["inputs"].(map[string]any)
				for name, value := range given {
					inputs[name] = fmt.Sprint(value)
				}
				if _, ok := gitlabJobs(t, inputs)["patches"]; !ok {
					t.Error("the job is not called patches")
				}
			}
			if repo, _ := node["repo"].(string); strings.HasSuffix(repo, "/qpt") {
				listed, _ := node["hooks"].([]any)
				for _, hook := range listed {
					seen["hook"]++
					if id := hook.(map[string]any)["id"]; entries[id.(string)] == nil {
						t.Errorf("there is no hook %s", id)
					}
				}
			}
		}
	}
	for _, page := range []string{"ci.md", "cloud.md"} {
		for _, block := range blocks(t, page, "yaml") {
			var node any
			if err := yaml.Unmarshal([]byte(block), &node); err != nil {
				t.Errorf("%s: %v\n%s", page, err, block)
			}
			walk(node)
		}
	}
	if seen["action"] < 2 || seen["template"] != 1 || seen["hook"] != 2 {
		t.Errorf("the pages show %v", seen)
	}
}

// The build hook of docs/cloud.md and the steps of docs/docker.md that run qpt bring an
// unpatched shop to what is declared.
func TestBuildExamples(t *testing.T) {
	needs(t, "bash", "sh", "curl", "tar", "sha256sum")
	url := releases(t)
	unpatched := func(t *testing.T) (dir, want string) {
		t.Helper()
		_, dir = declaring(t, ".")
		want = hash(t, dir)
		if got := qpt(t, dir, "", nil, "revert", "DEMO-1"); got.code != exitDone || hash(t, dir) == want {
			t.Fatalf("%+v", got)
		}
		return dir, want
	}
	check := func(t *testing.T, dir, want, script string, vars map[string]string) {
		t.Helper()
		got := shell(t, dir, vars, "sh", "-c", script)
		if got.code != 0 || hash(t, dir) != want {
			t.Errorf("%s\n%+v", script, got)
		}
	}
	t.Run("cloud", func(t *testing.T) {
		var app struct {
			Hooks struct{ Build string }
		}
		if err := yaml.Unmarshal([]byte(blocks(t, "cloud.md", "yaml")[0]), &app); err != nil {
			t.Fatal(err)
		}
		script := app.Hooks.Build
		tool := regexp.MustCompile(`(?m)^php \./vendor/bin/ece-tools run \S+$`)
		if n := len(tool.FindAllString(script, -1)); n != 2 {
			t.Errorf("%d commands of ece-tools", n)
		}
		script = tool.ReplaceAllString(script, "")
		// The release of the example is one that this test has, and so is its checksum.
		replaced := strings.NewReplacer(
			"https://github.com/quality-patches/qpt/releases", url, "1.2.3", "1.1.0",
			`--sha256 "SHA-256 of qpt_linux_amd64.tar.gz"`, "--releases "+url, "/tmp/", "$TMPDIR/",
		).Replace(script)
		if strings.Contains(replaced, "github") || !strings.Contains(replaced, "--releases") {
			t.Fatalf("another example: %s", replaced)
		}
		dir, want := unpatched(t)
		check(t, dir, want, replaced, map[string]string{"PATH": os.Getenv("PATH"), "HOME": t.TempDir(), "TMPDIR": t.TempDir()})
	})
	run := regexp.MustCompile(`(?m)^RUN ((?:.*\\\n)*.*)$`)
	for i, file := range blocks(t, "docker.md", "dockerfile") {
		t.Run(fmt.Sprintf("docker %d", i), func(t *testing.T) {
			dir, want := unpatched(t)
			bin := t.TempDir()
			if got := shell(t, bin, map[string]string{"PATH": os.Getenv("PATH")}, "sh", installer(t), "--to", bin, "--releases", url); got.code != 0 {
				t.Fatalf("%+v", got)
			}
			steps := 0
			for _, step := range run.FindAllStringSubmatch(file, -1) {
				script := strings.ReplaceAll(step[1], "\\\n", " ")
				script = regexp.MustCompile(`--mount=\S+`).ReplaceAllString(script, "")
				if !strings.Contains(script, "qpt sync") {
					continue
				}
				steps++
				script = "set -e; " + strings.ReplaceAll(script, "/var/www/html", dir)
				check(t, dir, want, script, map[string]string{"PATH": bin + ":" + os.Getenv("PATH")})
			}
			if steps != 1 {
				t.Errorf("%d steps run qpt", steps)
			}
		})
	}
}

// installer is where the installer is.
func installer(t *testing.T) string {
	t.Helper()
	name, err := filepath.Abs(filepath.Join(repository, "ci", "install.sh"))
	if err != nil {
		t.Fatal(err)
	}
	return name
}
