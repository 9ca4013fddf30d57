package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

// historyFile is the log that the PHP tool writes, and qpt after it.
const historyFile = "var/log/patch.log"

// historyTime is how that log writes times.
const historyTime = "2006-01-02T15:04:05.000000-07:00"

// A historyContext is what stands in braces behind the message of a log line.
type historyContext struct {
	File    string `json:"file,omitempty"`
	By      string `json:"by,omitempty"`
	Command string `json:"command,omitempty"`
}

// remember adds what was done to the log, in the PHP tool's form. A log that cannot
// be written is no reason to fail: the tree is as intended.
func (a *app) remember(sh *shop, o changeOptions, steps []stack.Step, failures []report.Failure) {
	if sh.inst == nil {
		return
	}
	context := historyContext{By: whoami(), Command: o.String()}
	now := time.Now().Format(historyTime)
	var lines bytes.Buffer
	add := func(level, message, file string) {
		context.File = file
		text, err := json.Marshal(context)
		if err == nil {
			fmt.Fprintf(&lines, "[%s] %s: %s %s \n", now, level, report.Clean(message), text)
		}
	}
	for _, s := range steps {
		done := "applied"
		if s.Dir == applier.Reverse {
			done = "reverted"
		}
		for _, v := range s.Item.Variants {
			add("INFO", fmt.Sprintf("Patch %s has been %s", s.Item.ID(), done), v.File)
		}
	}
	for _, f := range failures {
		add("ERROR", f.Message, "")
	}
	if err := appendFile(sh.root, historyFile, lines.Bytes()); err != nil {
		a.note("warning: the log was not written: %s", report.Clean(err.Error()))
	}
}

// appendFile adds to a file in a folder whose parent exists.
func appendFile(root *os.Root, name string, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if err := root.Mkdir("var/log", 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// whoami names the user and the machine.
func whoami() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + host
}

func newLogCmd(a *app) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Show what was applied and reverted, when and by whom",
		Long: `Log shows the history of this installation from var/log/patch.log, which the PHP tool
writes too, the newest last.`,
		Example: `  qpt log
  qpt log --limit 5 --format json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.log(limit) },
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "only the newest so many entries, 0 for all")
	return cmd
}

func (a *app) log(limit int) error {
	if limit < 0 {
		return usagef("limit: %d is not a number of entries", limit)
	}
	inst, err := a.installation()
	if err != nil {
		return err
	}
	root, err := a.openRoot(inst.Root)
	if err != nil {
		return err
	}
	result := &report.Log{SchemaVersion: report.SchemaVersion, Installation: installationReport(inst)}
	if result.Entries, err = readHistory(root); err != nil {
		return err
	}
	if limit > 0 && len(result.Entries) > limit {
		result.Entries = result.Entries[len(result.Entries)-limit:]
	}
	return a.render(result)
}

// readHistory reads the log. One that is not there has no entries.
func readHistory(root *os.Root) ([]report.LogEntry, error) {
	entries := []report.LogEntry{}
	f, err := root.Open(historyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return entries, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	defer f.Close()
	src, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	for line := range strings.Lines(string(src)) {
		if e, ok := parseHistory(line); ok {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

var (
	// historyLine matches "[time] LEVEL: message {context} ".
	historyLine = regexp.MustCompile(`^\[([^\]]+)\] ([A-Z]+): (.*?) *(\{.*\})? *\n?$`)
	// historyPatch matches the messages about one patch, of the PHP tool and ours.
	historyPatch = regexp.MustCompile(`(?i)^patch (.+?) (?:\([^)]*\) )?(has been applied|has been reverted|was already applied|is not applied|wasn't applied)$`)
)

// parseHistory reads a line about a patch, or an error. Other lines, such as those
// about the start and end of the PHP tool's runs, are not history.
func parseHistory(line string) (report.LogEntry, bool) {
	m := historyLine.FindStringSubmatch(line)
	if m == nil {
		return report.LogEntry{}, false
	}
	e := report.LogEntry{Time: m[1], Message: m[3]}
	var context historyContext
	if m[4] != "" && json.Unmarshal([]byte(m[4]), &context) == nil {
		e.File, e.By, e.Command = context.File, context.By, context.Command
	}
	if p := historyPatch.FindStringSubmatch(m[3]); p != nil {
		e.ID = p[1]
		e.Result = map[string]string{
			"has been applied": "applied", "has been reverted": "reverted",
		}[strings.ToLower(p[2])]
		if e.Result == "" {
			e.Result = "unchanged"
		}
		return e, true
	}
	e.Result = "failed"
	return e, m[2] == "ERROR" || m[2] == "CRITICAL"
}
