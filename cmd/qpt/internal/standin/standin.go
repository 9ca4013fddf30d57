// Package standin behaves as the PHP commands magento-patches and ece-patches do:
// the same commands, options, messages, exit codes and log lines. What it decides
// differently, because the PHP tool would leave a broken tree, is listed in
// docs/php-tool.md.
package standin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/report"
)

// The names of the PHP commands.
const (
	MagentoPatches = "magento-patches"
	EcePatches     = "ece-patches"
)

// A Shop is what the commands work on.
type Shop struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string

	Installation *project.Installation
	Root         *os.Root
	// Catalog holds the patches of magento/magento-cloud-patches before those of
	// magento/quality-patches; Hotfixes the diffs in m2-hotfixes.
	Catalog, Hotfixes *catalog.Catalog
	// AppendLog adds to var/log/patch.log.
	AppendLog func(data []byte) error
	// Begin takes the lock and returns what commits a change of the tree as one
	// transaction; end releases it. The tree is not read before.
	Begin func(ctx context.Context) (commit func(context.Context, []applier.Change) error, end func() error, err error)
}

// failure is what the PHP commands call a RuntimeException: told, and exit status 1.
type failure string

func (f failure) Error() string { return string(f) }

// configurationError begins the failures that are the catalogue's.
const configurationError = "Configuration error - "

// Run carries out a command line of the program of that name, and returns its exit
// status, 0 or 1 as that of the PHP command. An error is one that the PHP commands do
// not have, such as a lock that another run holds; nothing was changed then.
func Run(ctx context.Context, name string, args []string, shop *Shop) (status int, err error) {
	r := &run{Shop: shop, in: bufio.NewReader(shop.In), name: name}
	defer r.flushLog()
	a, err := parse(name, args)
	if err != nil {
		fmt.Fprintf(shop.Err, "\n  %s\n\n", clean(err.Error()))
		return 1, nil
	}
	r.args = a
	switch {
	case a.version:
		r.say("%s stand-in by qpt", name)
	case a.help || a.command == "" || a.command == "list" || a.command == "help":
		r.usage()
	case a.command == "status":
		err = r.showStatus()
	default:
		err = r.change(ctx)
	}
	var f failure
	if !errors.As(err, &f) {
		return 0, err
	}
	if strings.HasPrefix(string(f), configurationError) { // what the PHP commands do not catch
		fmt.Fprintf(shop.Err, "\n  %s\n\n", clean(string(f)))
		return 1, nil
	}
	if a.command != "status" {
		r.say("%s", r.magentoVersion())
		r.log("INFO", r.magentoVersion(), "")
	}
	r.say("%s", f)
	r.log("ERROR", string(f), "")
	return 1, nil
}

// A run is one command line at work.
type run struct {
	*Shop
	in   *bufio.Reader
	name string
	args arguments

	pool    *pool
	overlay *applier.Overlay
	states  map[string]string // by id, as they were first asked for
	lines   []logLine
	staged  []*item // what this part of the run puts in
}

// arguments are a command line.
type arguments struct {
	command              string
	patches              []string
	format               string
	all, version, help   bool
	quiet, noInteraction bool
}

// parse reads a command line as the commands of the PHP tool understand it.
func parse(name string, args []string) (a arguments, err error) {
	a.format = "table"
	var given []string // the options that not every command has
	options := true
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case options && arg == "--":
			options = false
			continue
		case !options || arg == "-" || !strings.HasPrefix(arg, "-"):
			if a.command == "" {
				a.command = arg
			} else {
				a.patches = append(a.patches, arg)
			}
			continue
		}
		value, hasValue := "", false
		letters := ""
		if strings.HasPrefix(arg, "--") {
			arg, value, hasValue = strings.Cut(arg, "=")
		} else {
			arg, letters = arg[:2], arg[2:]
		}
		for {
			switch arg {
			case "--format", "-f":
				given = append(given, arg)
				switch {
				case letters != "":
					value, letters = strings.TrimPrefix(letters, "="), ""
				case !hasValue && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-"):
					i++
					value = args[i]
				}
				a.format, hasValue = value, false
			case "--all", "-a":
				given = append(given, arg)
				a.all = true
			case "--no-interaction", "-n":
				a.noInteraction = true
			case "--quiet", "-q":
				a.quiet = true
			case "--version", "-V":
				a.version = true
			case "--help", "-h":
				a.help = true
			case "--ansi", "--no-ansi", "--verbose", "-v":
			default:
				return a, noOption(arg)
			}
			if hasValue {
				return a, fmt.Errorf("The \"%s\" option does not accept a value.", arg) //nolint:staticcheck,revive // the PHP command's words
			}
			if letters == "" {
				break
			}
			arg, letters = "-"+letters[:1], letters[1:]
		}
	}
	if a.version || a.help {
		return a, nil
	}
	if a.command, err = command(a.command); err != nil || a.command == "" || a.command == "list" || a.command == "help" {
		return a, err
	}
	for _, option := range given {
		isFormat := strings.HasSuffix(option, "f") || option == "--format"
		if isFormat != (a.command == "status") || !isFormat && (name != MagentoPatches || a.command != "revert") {
			return a, noOption(option)
		}
	}
	if a.command == "apply" && name == MagentoPatches && len(a.patches) == 0 {
		return a, errors.New("Not enough arguments (missing: \"list-of-patches\").") //nolint:staticcheck,revive // the PHP command's words
	}
	if len(a.patches) > 0 && (a.command == "status" || name == EcePatches) {
		return a, fmt.Errorf("No arguments expected for \"%s\" command, got \"%s\".", a.command, a.patches[0]) //nolint:staticcheck,revive // the PHP command's words
	}
	return a, nil
}

func noOption(name string) error {
	return fmt.Errorf("The \"%s\" option does not exist.", name) //nolint:staticcheck,revive // the PHP command's words
}

// command returns the command that a word means, which may be cut short.
func command(word string) (string, error) {
	if word == "" {
		return "", nil
	}
	for _, name := range []string{"apply", "help", "list", "revert", "status"} { // no two begin alike
		if strings.HasPrefix(name, strings.ToLower(word)) {
			return name, nil
		}
	}
	return "", fmt.Errorf("Command \"%s\" is not defined.", word) //nolint:staticcheck,revive // the PHP command's words
}

func (r *run) usage() {
	r.say("%s, as qpt stands in for it", r.name)
	r.say("")
	r.say("Usage:")
	r.say("  command [options] [arguments]")
	r.say("")
	r.say("Available commands:")
	r.say("  status [--format=json]")
	if r.name == MagentoPatches {
		r.say("  apply <list-of-patches>...")
		r.say("  revert [-a|--all] [<list-of-patches>...]")
	} else {
		r.say("  apply")
		r.say("  revert")
	}
}

// say writes a line of the result, or several. Control characters, which a catalogue or a
// path may hold, do not reach a terminal.
func (r *run) say(format string, args ...any) {
	if !r.args.quiet {
		fmt.Fprintln(r.Out, clean(fmt.Sprintf(format, args...)))
	}
}

// clean escapes what is no text, and leaves lines and tabs as they are.
func clean(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		parts := strings.Split(line, "\t")
		for j := range parts {
			parts[j] = report.Clean(parts[j])
		}
		lines[i] = strings.Join(parts, "\t")
	}
	return strings.Join(lines, "\n")
}

// ask asks a question, and takes yes for the answer if there is none, as the PHP
// commands do although they print [y/N].
func (r *run) ask(question string) bool {
	if r.args.noInteraction || r.args.quiet {
		return true
	}
	fmt.Fprintf(r.Err, "%s [y/N] ", question)
	answer := r.answer()
	return answer == "" || strings.HasPrefix(strings.ToLower(answer), "y")
}

// prompt asks for a text, for which no answer means a default.
func (r *run) prompt(question, otherwise string) string {
	if r.args.noInteraction || r.args.quiet {
		return otherwise
	}
	fmt.Fprint(r.Err, question)
	if answer := r.answer(); answer != "" {
		return answer
	}
	return otherwise
}

// answer reads a line. The end of the input is no answer, and nothing is asked after it.
func (r *run) answer() string {
	line, err := r.in.ReadString('\n')
	if err != nil && line == "" {
		r.args.noInteraction = true
	}
	return strings.TrimSpace(line)
}

// magentoVersion names the installation as the PHP commands do.
func (r *run) magentoVersion() string {
	edition := map[project.Edition]string{project.Commerce: "Enterprise Edition", project.B2B: "B2B Edition"}[r.Installation.Edition]
	if edition == "" {
		edition = "Community Edition"
	}
	text := fmt.Sprintf("Magento 2 %s, version %s", edition, r.Installation.Version.Normalized())
	if r.Installation.Layout == project.Git {
		text = "Git-based: " + text
	}
	return text
}
