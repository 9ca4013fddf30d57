package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quality-patches/qpt/pkg/applier/transaction"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/stack"
)

// sandbox builds the sandbox shop.
func sandbox(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	if err := buildSandbox(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// outcome is what a run leaves behind.
type outcome struct {
	code     int
	out, err string
}

// type input for the questions of a run; "" is no terminal at all.
type terminal string

// qpt runs a command line in a folder, without any configuration but vars.
func qpt(t testing.TB, dir string, in terminal, vars map[string]string, args ...string) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	env := Env{
		In: strings.NewReader(string(in)), Out: &out, Err: &errs, Dir: dir, Terminal: in != "",
		Getenv: func(name string) string { return vars[name] },
	}
	code := run(t.Context(), args, env)
	return outcome{code, out.String(), errs.String()}
}

func hash(t testing.TB, dir string) string {
	t.Helper()
	sum, err := treeHash(dir)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// What a command line ends with, in a shop and outside of one. None of these changes
// the shop.
func TestExitCodes(t *testing.T) {
	dir := sandbox(t)
	before := hash(t, dir)
	outside := t.TempDir()
	for _, tc := range []struct {
		args    string
		in, out int // in the shop, and outside
	}{
		{"", 0, 0},
		{"--help", 0, 0},
		{"help apply", 0, 0},
		{"version", 0, 0},
		{"version x", 2, 2},
		{"--version", 0, 0},
		{"status --version", 2, 2},
		{"nonsense", 2, 2},
		{"--nonsense", 2, 2},
		{"status", 0, 2},
		{"status DEMO-1", 0, 2},
		{"status NONE", 3, 2},
		{"status DEMO-8", 3, 2},
		{"status --state partial", 0, 2},
		{"status --state half", 2, 2},
		{"status --format xml", 2, 2},
		{"status --color blue", 2, 2},
		{"status --root nowhere", 2, 2},
		{"status --catalog nowhere", 2, 2},
		{"status --wait soon", 2, 2},
		{"status --wait -1s", 2, 2},
		{"list", 0, 0},
		{"list DEMO-1", 2, 2},
		{"list --magento 2.4.6", 0, 0},
		{"list --magento 1.9", 2, 2},
		{"list --magento x", 2, 2},
		{"list --magento 2.4.6 --edition x", 2, 2},
		{"show ACSD-61103", 0, 0},
		{"show DEMO-1", 0, 3},
		{"show", 2, 2},
		{"show DEMO-1 DEMO-2", 2, 2},
		{"show NONE", 3, 3},
		{"check ACSD-61103", 0, 2},
		{"check DEMO-8", 3, 2},
		{"check NONE", 3, 2},
		{"check", 2, 2},
		{"check nowhere.patch", 2, 2},
		{"check --magento 2.4.6-p8 ACSD-61103", 0, 0},
		{"check --magento 2.4.7 ACSD-61103", 3, 3},
		{"check --magento 2.4.7 NONE", 3, 3},
		{"apply DEMO-1 --dry-run", 0, 2},
		{"apply DEMO-8 --dry-run", 3, 2},
		{"apply NONE", 3, 2},
		{"apply", 2, 2},
		{"apply nowhere.patch", 2, 2},
		{"apply DEMO-4", 2, 2},
		{"revert DEMO-1", 0, 2},
		{"revert --all", 0, 2},
		{"revert --all DEMO-1", 2, 2},
		{"revert", 2, 2},
		{"compat 2.4.*", 0, 0},
		{"compat 2.4.* 2.4.6", 0, 0},
		{"compat 2.4.* 2.5.0", 3, 3},
		{"compat 2.4.* x.y", 2, 2},
		{"compat", 2, 2},
		{"compat --batch", 0, 0},
		{"catalog diff none vendor/magento/quality-patches", 3, 3},
		{"catalog diff vendor/magento/quality-patches vendor/magento/quality-patches", 0, 3},
		{"catalog diff vendor/magento/quality-patches", 2, 2},
		{"catalog lint vendor/magento/quality-patches", 0, 2},
		{"catalog list", 0, 0},
		{"catalog list x", 2, 2},
		{"catalog pack none", 2, 2},
		{"catalog pack vendor/magento/quality-patches --key none", 2, 2},
		{"catalog path none", 3, 3},
		{"catalog prune --dry-run", 0, 0},
		{"catalog prune --keep -1", 2, 2},
		{"catalog sign none --key none", 2, 2},
		{"catalog update none/none --offline", 3, 3},
		{"catalog use none", 3, 3},
		{"catalog verify none", 2, 2},
		{"catalog verify vendor/magento/quality-patches", 3, 2},
		{"convert", 2, 2},
		{"convert none.patch", 2, 2},
		{"convert none.patch --to svn", 2, 2},
		{"convert vendor/magento/quality-patches/patches/os/DEMO-1_2.4.6-p3.patch --to git", 0, 2},
		{"convert vendor/magento/quality-patches/patches/os/DEMO-1_2.4.6-p3.patch --split", 2, 2},
		{"audit", 3, 2},
		{"audit --fail-on never", 0, 2},
		{"audit --cve CVE-2026-1001", 3, 2},
		{"audit --cve 2026-1001", 2, 2},
		{"audit --fail-on often", 2, 2},
		{"audit DEMO-1", 2, 2},
		{"status --format patch-status", 2, 2},
		{"demo a b", 2, 2},
		{"completion bash", 0, 0},
		{"log", 0, 2},
		{"recover", 0, 2},
	} {
		t.Run(tc.args, func(t *testing.T) {
			for _, place := range []struct {
				dir  string
				want int
			}{{dir, tc.in}, {outside, tc.out}} {
				got := qpt(t, place.dir, "", nil, strings.Fields(tc.args)...)
				if got.code != place.want {
					t.Errorf("in %s: exit code %d, want %d\n%s%s", filepath.Base(place.dir), got.code, place.want, got.out, got.err)
				}
				if got.code == exitUsage && (got.err == "" || got.out != "") {
					t.Errorf("wrong usage says %q on stdout and %q on stderr", got.out, got.err)
				}
			}
		})
	}
	if hash(t, dir) != before {
		t.Error("the shop is not what it was")
	}
}

func TestClassify(t *testing.T) {
	unknown := &stack.UnknownError{ID: "X"}
	conflict := &stack.ConflictError{}
	for _, tc := range []struct {
		name string
		err  error
		code int
		hint string
	}{
		{"nothing", nil, 0, ""},
		{"anything", errors.New("x"), 1, ""},
		{"usage", usagef("x"), 2, ""},
		{"no installation", fmt.Errorf("x: %w", project.ErrNotInstallation), 2, "--root"},
		{"no Magento", fmt.Errorf("x: %w", project.ErrNoMagento), 2, ""},
		{"a finding", silent{errFinding}, 3, ""},
		{"unknown id", suggestion{unknown, nil}, 3, ""},
		{"not eligible", &stack.NotEligibleError{}, 3, ""},
		{"a diff that cannot be used", fmt.Errorf("x: %w", &catalog.DiffError{}), 3, ""},
		{"a diff that was named and cannot be used", usageError{&catalog.DiffError{}}, 3, ""},
		{"conflict", conflict, 4, ""},
		{"dependants", &stack.DependantsError{}, 4, ""},
		{"conflict and unknown id", silent{errors.Join(unknown, conflict)}, 4, ""},
		{"not restored", fmt.Errorf("apply: %w", &transaction.RestoreError{}), 5, ""},
		{"not restored after an interruption", errors.Join(context.Canceled, &transaction.RestoreError{}), 5, ""},
		{"locked", &transaction.LockedError{}, 6, "--wait"},
		{"cancelled", fmt.Errorf("apply: %w", context.Canceled), 130, ""},
		{"Ctrl-C", interrupted{os.Interrupt}, 130, ""},
		{"waited too long", context.DeadlineExceeded, 1, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, hint := classify(tc.err)
			if code != tc.code || !strings.Contains(hint, tc.hint) || (hint == "") != (tc.hint == "") {
				t.Errorf("exit code %d and hint %q, want %d and %q", code, hint, tc.code, tc.hint)
			}
		})
	}
}

// A question is answered with a clear yes, or the answer is no and nothing is changed.
func TestQuestions(t *testing.T) {
	dir := sandbox(t)
	before := hash(t, dir)
	for _, tc := range []struct {
		name  string
		input terminal
		agree bool
	}{
		{"y", "y\n", true},
		{"yes", "yes\n", true},
		{"capitals", "YES\n", true},
		{"blanks", "  y \r\n", true},
		{"yes without a line feed", "y", true},
		{"n", "n\n", false},
		{"no", "no\n", false},
		{"nothing", "\n", false},
		{"end of input", "\x04", false},
		{"garbage", "yesterday\n", false},
		{"yes on the second line", "\ny\n", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.input == "\x04" {
				tc.input = " " // an input that ends without an answer
			}
			got := qpt(t, dir, tc.input, nil, "apply", "DEMO-4")
			if !strings.HasPrefix(got.err, "qpt: this also means to apply DEMO-2, required by DEMO-4. Go on? [y/N] ") {
				t.Errorf("asked %q", got.err)
			}
			if tc.agree {
				if got.code != exitDone || hash(t, dir) == before {
					t.Errorf("exit code %d: %s", got.code, got.err)
				}
				if back := qpt(t, dir, "", nil, "revert", "DEMO-4", "DEMO-2"); back.code != exitDone {
					t.Fatalf("exit code %d: %s%s", back.code, back.out, back.err)
				}
			} else if got.code != exitUsage || got.out != "" || !strings.Contains(got.err, "nothing was changed") {
				t.Errorf("exit code %d, stdout %q, stderr %q", got.code, got.out, got.err)
			}
			if hash(t, dir) != before {
				t.Error("the shop is not what it was")
			}
		})
	}
	for name, args := range map[string][]string{
		"--yes asks nothing":               {"apply", "DEMO-4", "--yes"},
		"nothing is implied":               {"apply", "DEMO-4", "DEMO-2"},
		"a dry run asks nothing":           {"apply", "DEMO-4", "--dry-run"},
		"what is not there is no question": {"revert", "DEMO-4"},
	} {
		t.Run(name, func(t *testing.T) {
			got := qpt(t, dir, "n\n", nil, args...)
			if got.code != exitDone || strings.Contains(got.err, "Go on?") {
				t.Errorf("exit code %d, stderr %q", got.code, got.err)
			}
			qpt(t, dir, "", nil, "revert", "--all")
		})
	}
	t.Run("--no-interaction never asks", func(t *testing.T) {
		got := qpt(t, dir, "y\n", nil, "apply", "DEMO-4", "--no-interaction")
		if got.code != exitUsage || !strings.Contains(got.err, "give --yes to agree") {
			t.Errorf("exit code %d, stderr %q", got.code, got.err)
		}
	})
	if hash(t, dir) != before {
		t.Error("the shop is not what it was")
	}
}

// A terminal that fails is an error, not an answer.
func TestQuestionFails(t *testing.T) {
	dir := sandbox(t)
	var out, errs bytes.Buffer
	env := Env{In: failingReader{}, Out: &out, Err: &errs, Dir: dir, Terminal: true, Getenv: func(string) string { return "" }}
	if code := run(t.Context(), []string{"apply", "DEMO-4"}, env); code != exitError || !strings.Contains(errs.String(), "read the answer") {
		t.Errorf("exit code %d, stderr %q", code, errs.String())
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, fs.ErrClosed }

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, fs.ErrClosed }

// Output that cannot be written is an error, in every command.
func TestOutputFails(t *testing.T) {
	dir := sandbox(t)
	for _, args := range []string{"status", "list", "show DEMO-1", "check DEMO-1", "check DEMO-8", "apply DEMO-1 --dry-run", "apply DEMO-8", "compat 2.4.*", "compat 2.4.* 2.5", "version", "log", "recover", "audit", "audit --format patch-status"} {
		t.Run(args, func(t *testing.T) {
			var errs bytes.Buffer
			env := Env{In: strings.NewReader(""), Out: failingWriter{}, Err: &errs, Dir: dir, Getenv: func(string) string { return "" }}
			if code := run(t.Context(), strings.Fields(args), env); code != exitError || !strings.Contains(errs.String(), "write the result") {
				t.Errorf("exit code %d, stderr %q", code, errs.String())
			}
		})
	}
	var errs bytes.Buffer
	env := Env{In: strings.NewReader(`{"constraint":"*","version":"1"}`), Out: failingWriter{}, Err: &errs, Dir: dir, Getenv: func(string) string { return "" }}
	if code := run(t.Context(), []string{"compat", "--batch"}, env); code != exitError {
		t.Errorf("exit code %d", code)
	}
	env.In, env.Out = failingReader{}, io.Discard
	if code := run(t.Context(), []string{"compat", "--batch"}, env); code != exitError {
		t.Errorf("exit code %d", code)
	}
}

// An interrupted run leaves the tree as it was and ends with 130.
func TestInterrupted(t *testing.T) {
	dir := sandbox(t)
	before := hash(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range []string{"apply DEMO-1", "apply DEMO-4 --yes", "demo"} {
		t.Run(args, func(t *testing.T) {
			var out, errs bytes.Buffer
			env := Env{In: strings.NewReader(""), Out: &out, Err: &errs, Dir: dir, Getenv: func(string) string { return "" }}
			if code := run(ctx, strings.Fields(args), env); code != exitInterrupted {
				t.Errorf("exit code %d, stderr %q", code, errs.String())
			}
			if hash(t, dir) != before {
				t.Error("the shop is not what it was")
			}
		})
	}
	if got := qpt(t, dir, "", nil, "apply", "DEMO-1"); got.code != exitDone {
		t.Errorf("afterwards: exit code %d, stderr %q", got.code, got.err)
	}
}

// --quiet leaves the exit code and errors, and nothing else.
func TestQuiet(t *testing.T) {
	dir := sandbox(t)
	for args, code := range map[string]int{"status": 0, "check DEMO-8": 3, "apply DEMO-5 --dry-run": 0} {
		if got := qpt(t, dir, "", nil, append(strings.Fields(args), "--quiet")...); got != (outcome{code: code}) {
			t.Errorf("%s: %+v", args, got)
		}
	}
	for args, code := range map[string]int{"status NONE -q": 3, "apply DEMO-8 -q": 3, "revert NONE -q": 3} {
		if got := qpt(t, dir, "", nil, strings.Fields(args)...); got.code != code || got.err == "" || got.out != "" {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

// The sandbox is built in a folder that is new or empty, and nowhere else.
func TestBuildSandbox(t *testing.T) {
	dir := t.TempDir()
	if err := buildSandbox(dir); err != nil {
		t.Fatal(err)
	}
	if err := buildSandbox(dir); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("a second time: %v", err)
	}
	file := filepath.Join(dir, "composer.json")
	if err := buildSandbox(file); err == nil {
		t.Error("in the place of a file")
	}
	if other := filepath.Join(t.TempDir(), "deep", "shop"); buildSandbox(other) != nil || hash(t, other) != hash(t, dir) {
		t.Error("two sandboxes differ")
	}
}

// treeHash sees names, contents and modes, and not var/.
func TestTreeHash(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode fs.FileMode) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), mode), os.Chmod(name, mode)); err != nil {
			t.Fatal(err)
		}
	}
	write("a", "1", 0o644)
	seen := map[string]string{hash(t, dir): "the first"}
	write("var/log", "1", 0o644)
	if seen[hash(t, dir)] == "" {
		t.Error("var/ counts")
	}
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"content", func() { write("a", "2", 0o644) }},
		{"mode", func() { write("a", "2", 0o755) }},
		{"new file", func() { write("b/c", "", 0o644) }},
		{"new folder", func() { _ = os.Mkdir(filepath.Join(dir, "d"), 0o755) }},
	} {
		step.do()
		sum := hash(t, dir)
		if same := seen[sum]; same != "" {
			t.Errorf("%s makes no difference to %s", step.name, same)
		}
		seen[sum] = step.name
	}
}

// The demo's steps are what they claim, in order, and end with a clean shop.
func TestDemoSteps(t *testing.T) {
	dir := sandbox(t)
	before := hash(t, dir)
	for _, step := range demoSteps() {
		if got := qpt(t, dir, "", nil, step.args...); got.code != step.code {
			t.Fatalf("qpt %s: exit code %d, want %d\n%s%s", strings.Join(step.args, " "), got.code, step.code, got.out, got.err)
		}
		if step.say == "" {
			t.Errorf("qpt %s says nothing", strings.Join(step.args, " "))
		}
	}
	if hash(t, dir) != before {
		t.Error("the shop is not what it was")
	}
}
