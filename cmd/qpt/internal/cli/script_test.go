package cli

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if os.Getenv(asQpt) != "" {
		os.Exit(Main(os.Args[1:], System()))
	}
	testscript.Main(m, map[string]func(){
		"qpt": func() { os.Exit(Main(os.Args[1:], System())) },
	})
}

// TestScripts types qpt's commands as a user would. Beside testscript's own commands
// there are
//
//	shop DIR          make the sandbox shop in DIR and go there
//	run CODE ARG...   run qpt, which must end with that exit code
//	keep NAME DIR     remember a folder: names, modes and contents outside var/
//	serve DIR         serve DIR as a Composer repository over TLS, for public:private; its URL is $REPO
//	proxy             start a proxy that leads https://example.com to $HOST; its URL is $PROXY
//	servefiles DIR    serve the files of DIR over TLS; its URL is $FILES
//	same NAME DIR     fail unless the folder is as it was when NAME was kept
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Setenv("XDG_CONFIG_HOME", "")
			env.Setenv("XDG_STATE_HOME", "")
			env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, "cache"))
			env.Setenv("COMPOSER_HOME", filepath.Join(env.WorkDir, "composer"))
			env.Values["kept"] = map[string]string{}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Getuid() == 0, nil
			}
			return false, errors.New("unknown condition")
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"shop": func(ts *testscript.TestScript, _ bool, args []string) {
				dir := ts.MkAbs(args[0])
				ts.Check(buildSandbox(dir))
				ts.Check(ts.Chdir(dir))
			},
			"run": func(ts *testscript.TestScript, _ bool, args []string) {
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				err = ts.Exec("qpt", args[1:]...)
				got := 0
				var exit *exec.ExitError
				if errors.As(err, &exit) {
					got = exit.ExitCode()
				} else {
					ts.Check(err)
				}
				if got != want {
					ts.Fatalf("exit code %d, want %d\nstderr: %s", got, want, ts.ReadFile("stderr"))
				}
			},
			"keep": func(ts *testscript.TestScript, _ bool, args []string) {
				hash, err := treeHash(ts.MkAbs(args[1]))
				ts.Check(err)
				ts.Value("kept").(map[string]string)[args[0]] = hash
			},
			"same": func(ts *testscript.TestScript, _ bool, args []string) {
				hash, err := treeHash(ts.MkAbs(args[1]))
				ts.Check(err)
				if hash != ts.Value("kept").(map[string]string)[args[0]] {
					ts.Fatalf("%s is not what it was when %s was kept", args[1], args[0])
				}
			},
			"serve":      serveRepository,
			"proxy":      startProxy,
			"servefiles": serveFiles,
			"folders": func(ts *testscript.TestScript, _ bool, args []string) {
				for _, dir := range args {
					ts.Check(os.MkdirAll(ts.MkAbs(dir), fs.ModePerm))
				}
			},
		},
	})
}
