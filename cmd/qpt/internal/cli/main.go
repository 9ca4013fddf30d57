// Package cli is qpt's command line: commands, configuration, streams and exit
// codes. It is the only package that prints.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"

	"golang.org/x/term"

	"github.com/quality-patches/qpt/cmd/qpt/internal/standin"
	"github.com/quality-patches/qpt/pkg/report"
)

// Env is what a run takes from its surroundings.
type Env struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	// Program is the name under which qpt was called, without its folder.
	Program string
	// Dir is the working directory.
	Dir string
	// Terminal reports whether In and Err are a terminal, so that questions can be asked.
	Terminal bool
	// Width is that of the terminal behind Out, 0 if there is none.
	Width int

	// prepareHeap is called before the heap grows. It is nil where the heap is shared
	// with others.
	prepareHeap func()
}

// System returns the surroundings of the process.
func System() Env {
	e := Env{Program: filepath.Base(os.Args[0]), In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, prepareHeap: prepareHeap}
	e.Dir, _ = os.Getwd() // an unusable working directory shows when it is needed
	e.Terminal = term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd()))
	if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		e.Width = w
	}
	return e
}

// Main runs the command line and returns the exit status.
func Main(args []string, env Env) int {
	// A run is short and most of what it allocates lives to its end: collecting
	// garbage seldom is a fifth of the time of a status. The limit is soft, and keeps a
	// huge catalogue from taking all memory. GOGC still decides if it is set.
	if env.Getenv("GOGC") == "" {
		debug.SetGCPercent(1000)
		debug.SetMemoryLimit(512 << 20)
	}
	return run(context.Background(), args, env)
}

func run(ctx context.Context, args []string, env Env) int {
	app := &app{Env: env}
	root := newRoot(app)
	if env.Program == standin.MagentoPatches || env.Program == standin.EcePatches {
		args = append([]string{"as", env.Program}, args...)
	}
	root.SetArgs(args)
	root.SetIn(env.In)
	root.SetErr(env.Err)
	err := root.ExecuteContext(ctx)
	app.close()
	if beforeRun(app, err) {
		err = usageError{suggested(err)}
	}
	code, hint := classify(err)
	if err != nil && !isSilent(err) {
		fmt.Fprintf(env.Err, "qpt: %s\n", report.Clean(err.Error()))
		if hint != "" {
			fmt.Fprintf(env.Err, "     %s\n", hint)
		}
		if app.config.Format != "" { // configured: a program may wait for a document
			_ = app.render(&report.Failed{ // when this fails, too, the exit code says enough
				SchemaVersion: report.SchemaVersion, Error: err.Error(), ExitCode: code, Hint: hint,
			})
		}
	}
	return code
}
