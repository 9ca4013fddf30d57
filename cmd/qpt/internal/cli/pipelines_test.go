package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// releases serves releases that hold this test binary as qpt, as the release page does:
// the latest is 1.1.0.
func releases(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("each command is a process of its own")
	}
	if runtime.GOOS != "linux" {
		t.Skip("the archive holds a shell script for qpt")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(installer(t))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, version := range []string{"v1.0.0", "v1.1.0"} {
		program := fmt.Sprintf("#!/bin/sh\n# %s\n%s=1 exec '%s' \"$@\"\n", version, asQpt, self)
		var archive bytes.Buffer
		gz := gzip.NewWriter(&archive)
		tw := tar.NewWriter(gz)
		for name, text := range map[string]string{"LICENSE": "free", "qpt": program} {
			if err := tw.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))}); err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(tw, text)
		}
		if err := errors.Join(tw.Close(), gz.Close()); err != nil {
			t.Fatal(err)
		}
		name := "qpt_linux_" + runtime.GOARCH + ".tar.gz"
		for _, place := range []string{"/download/" + version, "/latest/download"} {
			files[place+"/"+name] = archive.Bytes()
			files[place+"/checksums.txt"] = fmt.Appendf(nil, "%064d  %s.sbom.json\n%x  %s\n", 0, name, sha256.Sum256(archive.Bytes()), name)
			files[place+"/install.sh"] = fmt.Appendf(bytes.Clone(script), "echo installed by %s >&2\n", place)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if files[r.URL.Path] == nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(files[r.URL.Path])
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// shell runs a script in a folder with these variables and no others.
func shell(t *testing.T, dir string, vars map[string]string, name string, args ...string) outcome {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	for name, value := range vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// needs skips a test where a program is missing that runs it.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed, and this test runs it", name)
		}
	}
}

// The installer takes what the release's checksums, or the caller, say, and nothing else.
func TestInstaller(t *testing.T) {
	needs(t, "sh", "curl", "tar", "sha256sum")
	url := releases(t)
	broken := t.TempDir()
	latest := filepath.Join(broken, "latest", "download")
	archive := "qpt_linux_" + runtime.GOARCH + ".tar.gz"
	write := func(name, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(latest, archive), "<html>log in</html>")
	write(filepath.Join(latest, "checksums.txt"), fmt.Sprintf("%064d  %s\n", 0, archive))
	write(filepath.Join(broken, "download", "v3", archive), "")
	write(filepath.Join(broken, "download", "v3", "checksums.txt"), fmt.Sprintf("%064d  %s.sig\n", 0, archive))
	script := installer(t)
	for _, tc := range []struct {
		name, args string
		say        string // on stderr; "" is success
	}{
		{"the latest", "--releases " + url, ""},
		{"a version", "--version 1.0.0 --releases " + url, ""},
		{"a tag", "--version v1.0.0 --releases " + url + "/", ""},
		{"no such version", "--version 7.0.0 --releases " + url, "download/v7.0.0/" + archive + " cannot be had"},
		{"another checksum", "--releases " + url + " --sha256 " + strings.Repeat("0f", 32), "its SHA-256 is "},
		{"another archive", "--releases file://" + broken, "its SHA-256 is "},
		{"not in the checksums", "--version 3 --releases file://" + broken, "does not name " + archive},
		{"no checksum", "--sha256 123 --releases " + url, "123 is no SHA-256"},
		{"plain http in disguise", "--releases http://127.0.0.1:80@example.com/releases", "releases are not fetched from http://127.0.0.1:80@example.com"},
		{"plain http", "--releases http://example.com/releases", "releases are not fetched from http://example.com"},
		{"no version", "--version ../../latest --releases " + url, "../../latest is no version"},
		{"an option that is not there", "--release 1.0.0", "there is no option --release"},
		{"an option without a value", "--version", "--version lacks its value"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			to := filepath.Join(dir, "bin")
			tmp := filepath.Join(dir, "tmp")
			if err := os.Mkdir(tmp, 0o755); err != nil {
				t.Fatal(err)
			}
			vars := map[string]string{"PATH": os.Getenv("PATH"), "TMPDIR": tmp}
			got := shell(t, dir, vars, "sh", append([]string{script, "--to", to}, strings.Fields(tc.args)...)...)
			if left, _ := os.ReadDir(tmp); len(left) != 0 {
				t.Errorf("it leaves %s behind", left[0].Name())
			}
			there, _ := os.ReadDir(to)
			if tc.say != "" {
				if got.code != 1 || !strings.Contains(got.err, "install qpt: ") || !strings.Contains(got.err, tc.say) || len(there) != 0 {
					t.Errorf("%+v, and %d files", got, len(there))
				}
				return
			}
			if got.code != 0 || !strings.HasPrefix(got.out, "qpt ") || got.err != "" || len(there) != 1 {
				t.Errorf("%+v, and %d files", got, len(there))
			}
			want := "v1.1.0"
			if strings.Contains(tc.args, "1.0.0") {
				want = "v1.0.0"
			}
			if text, err := os.ReadFile(filepath.Join(to, "qpt")); err != nil || !bytes.Contains(text, []byte(want)) {
				t.Errorf("it is not %s: %v", want, err)
			}
		})
	}
}

// A release that does not run here leaves the qpt that is installed.
func TestInstallerKeepsWhatRuns(t *testing.T) {
	needs(t, "sh", "tar", "sha256sum")
	dir := t.TempDir()
	release := filepath.Join(dir, "releases", "latest", "download")
	bin := filepath.Join(dir, "bin")
	archive := "qpt_linux_" + runtime.GOARCH + ".tar.gz"
	if err := errors.Join(os.MkdirAll(release, 0o755), os.Mkdir(bin, 0o755), os.WriteFile(filepath.Join(bin, "qpt"), []byte("old"), 0o755),
		os.WriteFile(filepath.Join(release, "qpt"), []byte("#!/bin/sh\nexit 126\n"), 0o755)); err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{"PATH": os.Getenv("PATH"), "TMPDIR": dir}
	if got := shell(t, release, vars, "sh", "-c", "tar -czf "+archive+" qpt && sha256sum "+archive+" > checksums.txt"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	got := shell(t, dir, vars, "sh", installer(t), "--to", bin, "--releases", "file://"+filepath.Join(dir, "releases"))
	if got.code != 1 || !strings.Contains(got.err, "does not run on this machine; nothing was installed") {
		t.Errorf("%+v", got)
	}
	left, _ := os.ReadDir(bin)
	if text, err := os.ReadFile(filepath.Join(bin, "qpt")); err != nil || string(text) != "old" || len(left) != 1 {
		t.Errorf("%q, %v, %d files", text, err, len(left))
	}
}

// An action is what action.yml says.
type action struct {
	Inputs map[string]struct {
		Default string `yaml:"default"`
	} `yaml:"inputs"`
	Outputs map[string]struct {
		Value string `yaml:"value"`
	} `yaml:"outputs"`
	Runs struct {
		Steps []actionStep `yaml:"steps"`
	} `yaml:"runs"`
}

type actionStep struct {
	Name  string            `yaml:"name"`
	ID    string            `yaml:"id"`
	If    string            `yaml:"if"`
	Shell string            `yaml:"shell"`
	Env   map[string]string `yaml:"env"`
	Run   string            `yaml:"run"`
	Uses  string            `yaml:"uses"`
	With  map[string]string `yaml:"with"`
}

// An actionJob is a job that has one step, the action.
type actionJob struct {
	values  map[string]string // what expressions can name
	log     strings.Builder
	summary string
	failed  string                       // the step that failed
	code    int                          // and how
	used    map[string]map[string]string // the actions that it used, and with what
}

var expression = regexp.MustCompile(`\$\{\{\s*(.*?)\s*\}\}`)

// expand puts values in place of the expressions of a text.
func (j *actionJob) expand(text string) string {
	return expression.ReplaceAllStringFunc(text, func(s string) string {
		return j.values[expression.FindStringSubmatch(s)[1]]
	})
}

// holds tells whether a condition of comparisons is true.
func (j *actionJob) holds(t *testing.T, condition string) bool {
	t.Helper()
	if condition == "" {
		return true
	}
	for part := range strings.SplitSeq(expression.FindStringSubmatch(condition)[1], " && ") {
		words := strings.Fields(part)
		if len(words) != 3 {
			t.Fatalf("a condition that this test does not know: %s", part)
		}
		equal := j.values[words[0]] == strings.Trim(words[2], "'")
		if equal != (words[1] == "==") {
			return false
		}
	}
	return true
}

// runAction does what a runner does with action.yml.
func runAction(t *testing.T, workspace string, inputs map[string]string) *actionJob {
	t.Helper()
	var a action
	text, err := os.ReadFile(filepath.Join(repository, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	j := &actionJob{values: map[string]string{}, used: map[string]map[string]string{}}
	for name, input := range a.Inputs {
		j.values["inputs."+name] = input.Default
	}
	for name, value := range inputs {
		if _, ok := a.Inputs[name]; !ok {
			t.Fatalf("there is no input %s", name)
		}
		j.values["inputs."+name] = value
	}
	here, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	runner := t.TempDir()
	file := func(name string) string { return filepath.Join(runner, name) }
	lines := func(name string) []string {
		text, _ := os.ReadFile(file(name))
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
	for _, step := range a.Runs.Steps {
		if j.failed != "" || !j.holds(t, step.If) {
			continue
		}
		if step.Uses != "" {
			with := map[string]string{}
			for name, value := range step.With {
				with[name] = j.expand(value)
			}
			j.used[step.Uses] = with
			continue
		}
		if strings.Contains(step.Run, "${{") {
			t.Fatalf("step %s has an expression in its script, where a value could become a command", step.Name)
		}
		vars := map[string]string{
			"PATH": os.Getenv("PATH"), "HOME": runner, "RUNNER_TEMP": runner, "GITHUB_ACTION_PATH": here,
			"GITHUB_PATH": file("path"), "GITHUB_OUTPUT": file("output"), "GITHUB_STEP_SUMMARY": file("summary"),
		}
		for _, dir := range lines("path") {
			vars["PATH"] = dir + ":" + vars["PATH"]
		}
		for name, value := range step.Env {
			vars[name] = j.expand(value)
		}
		if err := os.WriteFile(file("step.sh"), []byte(step.Run), 0o644); err != nil {
			t.Fatal(err)
		}
		got := shell(t, workspace, vars, step.Shell, "--noprofile", "--norc", "-e", "-o", "pipefail", file("step.sh"))
		j.log.WriteString(got.out + got.err)
		for _, line := range lines("output") {
			if name, value, ok := strings.Cut(line, "="); ok && step.ID != "" {
				j.values["steps."+step.ID+".outputs."+name] = value
			}
		}
		if got.code != 0 {
			j.failed, j.code = step.Name, got.code
		}
	}
	for name, output := range a.Outputs {
		j.values["outputs."+name] = j.expand(output.Value)
	}
	summary, _ := os.ReadFile(file("summary"))
	j.summary = string(summary)
	return j
}

const uploadSARIF = "github/codeql-action/upload-sarif@v4"

// sarifPaths returns the files that the findings of a SARIF file lie in.
func sarifPaths(t *testing.T, name string) []string {
	t.Helper()
	var log struct {
		Runs []struct {
			Results []struct {
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct {
							URI string `json:"uri"`
						} `json:"artifactLocation"`
					} `json:"physicalLocation"`
				} `json:"locations"`
			} `json:"results"`
		} `json:"runs"`
	}
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, &log)
	}
	if err != nil || len(log.Runs) != 1 {
		t.Fatalf("%d runs: %v", len(log.Runs), err)
	}
	var paths []string
	for _, result := range log.Runs[0].Results {
		paths = append(paths, result.Locations[0].PhysicalLocation.ArtifactLocation.URI)
	}
	return paths
}

// declaring makes a workspace with a shop that declares a patch, which is in.
func declaring(t *testing.T, shop string) (workspace, dir string) {
	t.Helper()
	workspace = t.TempDir()
	dir = filepath.Join(workspace, shop)
	if err := buildSandbox(dir); err != nil {
		t.Fatal(err)
	}
	if got := qpt(t, dir, "", nil, "add", "DEMO-1"); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	return workspace, dir
}

const cartTotals = "vendor/magento/module-checkout/Model/CartTotals.php"

// edit changes a file that a declared patch has changed.
func edit(t *testing.T, dir string) {
	t.Helper()
	name := filepath.Join(dir, cartTotals)
	text, err := os.ReadFile(name)
	if err == nil {
		err = os.WriteFile(name, bytes.ReplaceAll(text, []byte("discount"), []byte("rebate")), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The GitHub action as a runner would run it.
func TestAction(t *testing.T) {
	needs(t, "bash", "curl", "tar", "sha256sum")
	url := releases(t)
	t.Run("verify a good tree", func(t *testing.T) {
		workspace, dir := declaring(t, ".")
		before := hash(t, dir)
		j := runAction(t, workspace, map[string]string{"releases": url, "upload-sarif": "true"})
		if j.failed != "" || j.values["outputs.exit-code"] != "0" || !strings.Contains(j.summary, "The tree is what is declared.") {
			t.Errorf("failed at %q: %s\n%s", j.failed, j.log.String(), j.summary)
		}
		if paths := sarifPaths(t, j.values["outputs.sarif"]); len(paths) != 0 || j.used[uploadSARIF]["sarif_file"] != j.values["outputs.sarif"] {
			t.Errorf("findings at %q, uploaded %v", paths, j.used)
		}
		var result struct {
			SchemaVersion int `json:"schemaVersion"`
		}
		if text, err := os.ReadFile(j.values["outputs.json"]); err != nil || json.Unmarshal(text, &result) != nil || result.SchemaVersion != 1 {
			t.Errorf("JSON: %v, %s", err, text)
		}
		if hash(t, dir) != before {
			t.Error("verify changed the shop")
		}
	})
	t.Run("verify an edited tree below the workspace", func(t *testing.T) {
		workspace, dir := declaring(t, "src/shop")
		edit(t, dir)
		j := runAction(t, workspace, map[string]string{"releases": url, "upload-sarif": "true", "root": "./src/shop/", "category": "shop"})
		if j.failed != "Result" || j.code != exitFinding || j.values["outputs.exit-code"] != "3" {
			t.Errorf("failed at %q with %d: %s", j.failed, j.code, j.log.String())
		}
		paths := sarifPaths(t, j.values["outputs.sarif"])
		if len(paths) == 0 || paths[0] != "src/shop/"+cartTotals {
			t.Errorf("findings at %q", paths)
		}
		if with := j.used[uploadSARIF]; with["sarif_file"] != j.values["outputs.sarif"] || with["category"] != "shop" {
			t.Errorf("uploaded %v", j.used)
		}
		if !strings.Contains(j.log.String(), "\n::error file=src/shop/"+cartTotals+",title=qpt verify-edited::") {
			t.Errorf("no annotation: %s", j.log.String())
		}
		// Commands to the runner are off while qpt prints, and on again for the annotations.
		stop := regexp.MustCompile(`(?s)::stop-commands::([0-9a-f]{32})\n(.*)\n::([0-9a-f]{32})::\n::error`).FindStringSubmatch(j.log.String())
		if stop == nil || stop[1] != stop[3] || strings.Contains(stop[2], "::error") || !strings.Contains(stop[2], "Magento 2.4.6-p3") {
			t.Errorf("commands are not stopped: %q", stop)
		}
		if !strings.Contains(j.summary, "exit code 3") || !strings.Contains(j.summary, "**error** "+cartTotals) {
			t.Errorf("summary: %s", j.summary)
		}
	})
	t.Run("verify in a folder with an odd name", func(t *testing.T) {
		workspace, dir := declaring(t, `é, my|sh%p & c:o\1/it's`)
		edit(t, dir)
		j := runAction(t, workspace, map[string]string{"releases": url, "root": `é, my|sh%p & c:o\1/it's`})
		paths := sarifPaths(t, j.values["outputs.sarif"])
		if want := "%C3%A9%2C%20my%7Csh%25p%20%26%20c%3Ao%5C1/it%27s/" + cartTotals; len(paths) == 0 || paths[0] != want {
			t.Errorf("findings at %q", paths)
		}
		if !strings.Contains(j.log.String(), "\n::error file=é%2C my|sh%25p & c%3Ao\\1/it's/"+cartTotals+",title=") {
			t.Errorf("no annotation: %s", j.log.String())
		}
	})
	t.Run("fail on nothing", func(t *testing.T) {
		workspace, dir := declaring(t, ".")
		edit(t, dir)
		j := runAction(t, workspace, map[string]string{"releases": url, "fail-on": "never"})
		if j.failed != "" || len(sarifPaths(t, j.values["outputs.sarif"])) == 0 || len(j.used) != 0 {
			t.Errorf("failed at %q, used %v: %s", j.failed, j.used, j.log.String())
		}
	})
	t.Run("sync", func(t *testing.T) {
		workspace, dir := declaring(t, "shop")
		want := hash(t, dir)
		if got := qpt(t, dir, "", nil, "revert", "DEMO-1"); got.code != exitDone || hash(t, dir) == want {
			t.Fatalf("%+v", got)
		}
		j := runAction(t, workspace, map[string]string{"releases": url, "command": "sync", "root": "shop"})
		if j.failed != "" || hash(t, dir) != want {
			t.Errorf("failed at %q: %s", j.failed, j.log.String())
		}
	})
	t.Run("sync without a lock", func(t *testing.T) {
		workspace, dir := declaring(t, ".")
		if err := os.Remove(filepath.Join(dir, "qpt.lock")); err != nil {
			t.Fatal(err)
		}
		before := hash(t, dir)
		j := runAction(t, workspace, map[string]string{"releases": url, "command": "sync"})
		if j.failed != "Result" || j.code != exitFinding || j.values["outputs.sarif"] == "" || hash(t, dir) != before {
			t.Errorf("failed at %q with %d: %s", j.failed, j.code, j.log.String())
		}
		j = runAction(t, workspace, map[string]string{"releases": url, "command": "sync", "frozen": "false"})
		if j.failed != "" {
			t.Errorf("failed at %q: %s", j.failed, j.log.String())
		}
	})
	t.Run("install alone", func(t *testing.T) {
		j := runAction(t, t.TempDir(), map[string]string{"releases": url, "command": "install", "version": "1.0.0"})
		if j.failed != "" || j.summary != "" || !strings.HasPrefix(j.log.String(), "qpt ") {
			t.Errorf("failed at %q: %s", j.failed, j.log.String())
		}
	})
	t.Run("another archive", func(t *testing.T) {
		j := runAction(t, t.TempDir(), map[string]string{"releases": url, "sha256": strings.Repeat("0", 64)})
		if j.failed != "Install qpt" || !strings.Contains(j.log.String(), "nothing was installed") {
			t.Errorf("failed at %q: %s", j.failed, j.log.String())
		}
	})
	t.Run("no shop", func(t *testing.T) {
		j := runAction(t, t.TempDir(), map[string]string{"releases": url, "root": "shop", "upload-sarif": "true"})
		if j.failed != "Result" || j.code != exitUsage || j.used[uploadSARIF]["sarif_file"] == "" || !strings.Contains(j.summary, "exit code 2") ||
			!strings.Contains(j.log.String(), "\n::error title=qpt failed::root: ") {
			t.Errorf("failed at %q with %d, used %v: %s", j.failed, j.code, j.used, j.log.String())
		}
	})
	t.Run("a command that is not there", func(t *testing.T) {
		workspace, dir := declaring(t, ".")
		before := hash(t, dir)
		j := runAction(t, workspace, map[string]string{"releases": url, "command": "apply"})
		if j.failed != "Result" || j.code != exitUsage || hash(t, dir) != before {
			t.Errorf("failed at %q with %d: %s", j.failed, j.code, j.log.String())
		}
	})
	t.Run("values that would like to be commands", func(t *testing.T) {
		for _, name := range []string{"command", "root", "fail-on", "frozen", "version", "sha256", "category"} {
			for _, value := range []string{"$(touch pwned)", "`touch pwned`", `"; touch pwned; "`, "'; touch pwned; '", "x\ntouch pwned", "--version"} {
				workspace := t.TempDir()
				j := runAction(t, workspace, map[string]string{"releases": url, name: value})
				if left, _ := os.ReadDir(workspace); len(left) != 0 {
					t.Errorf("%s %q leaves %s", name, value, left[0].Name())
				}
				if j.failed == "" {
					t.Errorf("%s %q passes", name, value)
				}
			}
		}
	})
}

// A component is a GitLab template in two documents: what can be given, and the jobs.
type component struct {
	Spec struct {
		Inputs map[string]struct {
			Default any      `yaml:"default"`
			Options []string `yaml:"options"`
			Regex   string   `yaml:"regex"`
		} `yaml:"inputs"`
	} `yaml:"spec"`
}

type gitlabJob struct {
	Stage, Image string
	Script       []string
	Artifacts    struct {
		When    string
		Paths   []string
		Reports map[string]string
	}
}

// gitlabJobs reads the template with these inputs.
func gitlabJobs(t *testing.T, inputs map[string]string) map[string]gitlabJob {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "templates", "qpt.yml"))
	if err != nil {
		t.Fatal(err)
	}
	head, body, ok := strings.Cut(string(text), "\n---\n")
	var c component
	if err := yaml.Unmarshal([]byte(head), &c); err != nil || !ok {
		t.Fatal(ok, err)
	}
	for name := range inputs {
		if _, ok := c.Spec.Inputs[name]; !ok {
			t.Fatalf("there is no input %s", name)
		}
	}
	for name, input := range c.Spec.Inputs {
		value := fmt.Sprint(input.Default)
		if given, ok := inputs[name]; ok {
			value = given
		}
		if !regexp.MustCompile(input.Regex).MatchString(value) {
			t.Fatalf("%s may not be %q", name, value)
		}
		if input.Options != nil && !containsFold(input.Options, value) {
			t.Fatalf("%s is %q, which is none of %q", name, value, input.Options)
		}
		body = strings.ReplaceAll(body, "$[[ inputs."+name+" ]]", value)
	}
	if strings.Contains(body, "$[[") {
		t.Fatal("an input that is not there")
	}
	var jobs map[string]gitlabJob
	if err := yaml.Unmarshal([]byte(body), &jobs); err != nil {
		t.Fatal(err)
	}
	return jobs
}

// The GitLab job as a runner would run it, with each shell that its image may have.
func TestGitLabJob(t *testing.T) {
	needs(t, "sh", "curl", "tar", "sha256sum")
	url := releases(t)
	run := func(t *testing.T, workspace string, inputs map[string]string) (gitlabJob, outcome) {
		t.Helper()
		inputs["releases"] = url
		jobs := gitlabJobs(t, inputs)
		job, ok := jobs["patches"]
		if !ok || len(jobs) != 1 || job.Stage != "test" || job.Image == "" || job.Artifacts.When != "always" {
			t.Fatalf("%+v", jobs)
		}
		vars := map[string]string{"PATH": os.Getenv("PATH"), "HOME": t.TempDir(), "TMPDIR": t.TempDir()}
		return job, shell(t, workspace, vars, "sh", "-c", strings.Join(job.Script, "\n"))
	}
	// quality returns the files of the code quality report, and the failures of the test report.
	quality := func(t *testing.T, workspace string, job gitlabJob) (paths []string, failures int) {
		t.Helper()
		var findings []struct {
			Location struct {
				Path string `json:"path"`
			} `json:"location"`
		}
		var tests struct {
			Failures int `xml:"failures,attr"`
		}
		text, err := os.ReadFile(filepath.Join(workspace, job.Artifacts.Reports["codequality"]))
		if err == nil {
			err = json.Unmarshal(text, &findings)
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err = os.ReadFile(filepath.Join(workspace, job.Artifacts.Reports["junit"]))
		if err == nil {
			err = xml.Unmarshal(text, &tests)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, finding := range findings {
			paths = append(paths, finding.Location.Path)
		}
		return paths, tests.Failures
	}
	t.Run("verify a good tree", func(t *testing.T) {
		workspace, _ := declaring(t, "shop")
		job, got := run(t, workspace, map[string]string{"root": "shop"})
		if paths, failures := quality(t, workspace, job); got.code != exitDone || len(paths) != 0 || failures != 0 {
			t.Errorf("%+v, findings at %q", got, paths)
		}
	})
	t.Run("the installer of the version", func(t *testing.T) {
		for version, place := range map[string]string{"latest": "/latest/download", "1.0.0": "/download/v1.0.0", "v1.1.0": "/download/v1.1.0"} {
			workspace, _ := declaring(t, "shop")
			_, got := run(t, workspace, map[string]string{"root": "shop", "version": version})
			if got.code != exitDone || !strings.Contains(got.err, "installed by "+place+"\n") {
				t.Errorf("%s: %+v", version, got)
			}
		}
	})
	t.Run("where releases may be", func(t *testing.T) {
		text, err := os.ReadFile(filepath.Join(repository, "templates", "qpt.yml"))
		if err != nil {
			t.Fatal(err)
		}
		var c component
		if err := yaml.Unmarshal(text, &c); err != nil {
			t.Fatal(err)
		}
		may := regexp.MustCompile(c.Spec.Inputs["releases"].Regex)
		for address, want := range map[string]bool{
			"https://example.com/releases": true, url: true, url + "/x": true,
			"http://example.com/releases": false, "http://127.0.0.1:80@example.com/": false, "https://example.com/$(id)": false, "file:///x": false,
		} {
			if may.MatchString(address) != want {
				t.Errorf("%s: %v", address, !want)
			}
		}
	})
	t.Run("verify an edited tree", func(t *testing.T) {
		workspace, dir := declaring(t, "shop")
		edit(t, dir)
		job, got := run(t, workspace, map[string]string{"root": "./shop/"})
		paths, failures := quality(t, workspace, job)
		if got.code != exitFinding || len(paths) == 0 || paths[0] != "shop/"+cartTotals || failures != 1 {
			t.Errorf("%+v, findings at %q, %d failures", got, paths, failures)
		}
	})
	t.Run("sync", func(t *testing.T) {
		workspace, dir := declaring(t, "shop")
		want := hash(t, dir)
		if got := qpt(t, dir, "", nil, "revert", "DEMO-1"); got.code != exitDone {
			t.Fatalf("%+v", got)
		}
		if _, got := run(t, workspace, map[string]string{"root": "shop", "command": "sync"}); got.code != exitDone || hash(t, dir) != want {
			t.Errorf("%+v", got)
		}
	})
	t.Run("sync without a lock", func(t *testing.T) {
		workspace, dir := declaring(t, ".")
		if err := os.Remove(filepath.Join(dir, "qpt.lock")); err != nil {
			t.Fatal(err)
		}
		job, got := run(t, workspace, map[string]string{"command": "sync"})
		if paths, _ := quality(t, workspace, job); got.code != exitFinding || len(paths) == 0 {
			t.Errorf("%+v, findings at %q", got, paths)
		}
		if _, got := run(t, workspace, map[string]string{"command": "sync", "frozen": "false"}); got.code != exitDone {
			t.Errorf("%+v", got)
		}
	})
	t.Run("no release", func(t *testing.T) {
		_, got := run(t, t.TempDir(), map[string]string{"version": "7"})
		if got.code != exitError || !strings.Contains(got.err, "cannot be had") {
			t.Errorf("%+v", got)
		}
	})
}
