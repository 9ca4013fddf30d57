package applier

import (
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// A ruleCase is a case in testdata/rules. The files of a case are named "NAME: PART",
// where PART is
//
//	before/PATH [MODE]  a file of the tree (mode 0644, 0755, ..., or "link"),
//	diff, diff reverse  the diff, and its direction,
//	after/PATH [MODE]   a file of the tree afterwards: all of them, if it is accepted,
//	refusal             what does not fit, a line each,
//	parse error         the line and the beginning of the reason,
//	git                 why git differs, which it then must.
//
// Glyphs stand for what is hard to see: ␍ a carriage return, ␉ a tab, ␠ a space, ␀ a NUL,
// ⍰ a byte order mark, ⌫ nothing, also instead of the line feed after it.
type ruleCase struct {
	name                       string
	before, after              MapTree
	diff                       []byte
	dir                        Direction
	refusal, parseError, gitIs string
}

var glyphs = strings.NewReplacer("␍", "\r", "␉", "\t", "␠", " ", "␀", "\x00", "⍰", "\ufeff", "⌫\n", "", "⌫", "")

func readRules(t *testing.T) []*ruleCase {
	files, err := filepath.Glob("testdata/rules/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no rules", err)
	}
	var cases []*ruleCase
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c *ruleCase
		for _, part := range archive.Files {
			name, what, ok := strings.Cut(part.Name, ": ")
			if !ok {
				t.Fatalf("%s: %q is not NAME: PART", file, part.Name)
			}
			if c == nil || c.name != name {
				c = &ruleCase{name: name, before: MapTree{}, after: MapTree{}}
				cases = append(cases, c)
			}
			if err := c.add(what, glyphs.Replace(string(part.Data))); err != nil {
				t.Fatalf("%s: %s: %v", file, part.Name, err)
			}
		}
	}
	return cases
}

func (c *ruleCase) add(what, text string) error {
	switch what {
	case "diff":
		c.diff = []byte(text)
	case "diff reverse":
		c.diff, c.dir = []byte(text), Reverse
	case "refusal":
		c.refusal = text
	case "parse error":
		c.parseError = strings.TrimSpace(text)
	case "git":
		c.gitIs = strings.TrimSpace(text)
	default:
		name, mode := what, fs.FileMode(0o644)
		if at := strings.LastIndex(what, " ["); at >= 0 {
			name = what[:at]
			stated := strings.Trim(what[at:], " []")
			if stated == "link" {
				mode = fs.ModeSymlink | 0o777
			} else if n, err := strconv.ParseUint(stated, 8, 32); err != nil {
				return err
			} else {
				mode = fs.FileMode(n)
			}
		}
		tree := c.before
		path, ok := strings.CutPrefix(name, "before/")
		if !ok {
			tree = c.after
			if path, ok = strings.CutPrefix(name, "after/"); !ok {
				return fmt.Errorf("unknown part %q", what)
			}
		}
		tree[path] = &File{Data: []byte(text), Mode: mode}
	}
	return nil
}

// outcome applies the diff of a case in memory.
func (c *ruleCase) outcome(t *testing.T) (after MapTree, refusal, parseError string) {
	d, err := Parse(c.diff)
	if err != nil {
		return MapTree{}, "", err.Error()
	}
	o := NewOverlay(c.before)
	_, fits := Fits(o, c.dir, d)
	_, err = Apply(o, d, c.dir)
	if fits != (err == nil) {
		t.Errorf("Fits says %v, Apply %v", fits, err)
	}
	changes, changesErr := o.Changes()
	if changesErr != nil {
		t.Fatal(changesErr)
	}
	if err != nil {
		if len(changes) > 0 {
			t.Errorf("refused, but staged %v", changes)
		}
		for _, r := range err.(*ConflictError).Refusals {
			refusal += fmt.Sprintf("%s hunk %d line %d diff line %d: %s\n", r.Path, r.Hunk, r.Line, r.DiffLine, r.Reason)
		}
		return MapTree{}, refusal, ""
	}
	after = maps.Clone(c.before)
	for _, change := range changes {
		if change.New == nil {
			delete(after, change.Path)
		} else {
			after[change.Path] = change.New
		}
	}
	return after, "", ""
}

// listing makes a tree comparable and readable.
func listing(tree MapTree) (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		lines = append(lines, fmt.Sprintf("%s %v %q", name, tree[name].Mode, tree[name].Data))
	}
	return lines
}

// Every rule of the engine, by its number.
func TestRules(t *testing.T) {
	for _, c := range readRules(t) {
		t.Run(c.name, func(t *testing.T) {
			after, refusal, parseError := c.outcome(t)
			if !strings.HasPrefix(parseError, c.parseError) || c.parseError == "" && parseError != "" {
				t.Errorf("got parse error %q, want %q", parseError, c.parseError)
			}
			if refusal != c.refusal {
				t.Errorf("got refusal %q, want %q", refusal, c.refusal)
			}
			if diff := cmp.Diff(listing(c.after), listing(after)); diff != "" {
				t.Errorf("tree (-want +got):\n%s", diff)
			}
		})
	}
}

// The same cases in git, which differs just where the case says why.
func TestRulesInGit(t *testing.T) {
	needGit(t)
	s := newSandbox(t)
	for _, c := range readRules(t) {
		t.Run(c.name, func(t *testing.T) {
			if err := s.fill(c.before); err != nil {
				t.Fatal(err)
			}
			ours, err := s.ours(c.diff, c.dir)
			if err != nil {
				t.Fatal(err)
			}
			git, err := s.git(asPeer(c.diff), c.dir)
			if err != nil {
				t.Fatal(err)
			}
			switch problem := disagreement(ours, git); {
			case problem != "" && c.gitIs == "":
				t.Errorf("%s\nours: %d %s\ngit: %d %s", problem, ours.code, ours.text, git.code, git.text)
			case problem == "" && c.gitIs != "":
				t.Errorf("git does the same, although %s", c.gitIs)
			}
		})
	}
}
