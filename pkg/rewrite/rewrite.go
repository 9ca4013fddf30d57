// Package rewrite changes the paths of a diff, from one layout of Magento's files to the other and from one strip
// level to another, and splits a diff by package. Every byte that is no path stays.
package rewrite

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/project"
)

// Detect has [Convert] find out how many leading components the names of a diff have.
const Detect = -1

// Options say what [Convert] makes of a diff.
type Options struct {
	// To is the layout that the paths are to have; those that have it already stay.
	To project.Layout
	// Strip is how many leading components the names have before the path, or [Detect].
	Strip int
	// ToStrip is how many they are to have, 0 or 1.
	ToStrip int
	// WithoutTests leaves out changes of test code.
	WithoutTests bool
}

// A Part is a diff, and what it is about.
type Part struct {
	// Package is the Composer package that the files belong to, "" if there are several.
	Package string
	Text    []byte
	// Paths are sorted, in the layout that was asked for.
	Paths []string
	// Strip is how many leading components the names had.
	Strip int
	// Moved is set if a path was written in the other layout.
	Moved bool
}

// An UnplacedError is a diff whose paths begin with no folder of Magento.
type UnplacedError struct{ Path string }

func (e *UnplacedError) Error() string {
	return fmt.Sprintf("%q lies in no folder of Magento at any strip level; give the level with --strip if it is right", e.Path)
}

// Convert rewrites the paths of a diff. The error is an [*applier.ParseError] for what is no usable diff and an
// [*UnplacedError] if the strip level cannot be detected.
func Convert(src []byte, o Options) (*Part, error) {
	d, err := open(src, o)
	if err != nil {
		return nil, err
	}
	return d.part(func(change) bool { return true })
}

// Split does the same as [Convert] and returns a diff for each package, in the order of their names. Text between
// the changes is left out; what stands before the first is in every part. A file that moves from one package to
// another cannot be split and is an error.
func Split(src []byte, o Options) ([]Part, error) {
	return Group(src, o, func(name string) string { return name })
}

// Group does the same as [Split] for sets of packages, by the name of the set that each
// package belongs to. The names of the sets stand in the place of the packages'.
func Group(src []byte, o Options, set func(name string) string) ([]Part, error) {
	d, err := open(src, o)
	if err != nil {
		return nil, err
	}
	var sets []string
	for _, c := range d.changes {
		for _, p := range c.packages {
			if set(p) != set(c.packages[0]) {
				return nil, fmt.Errorf("%s is moved from %s to %s, which cannot be split", c.paths[0], c.packages[0], p)
			}
		}
		if c.change {
			sets = append(sets, set(c.packages[0]))
		}
	}
	slices.Sort(sets)
	var parts []Part
	for _, name := range slices.Compact(sets) {
		begun := false
		part, err := d.part(func(c change) bool {
			begun = begun || c.change
			return !begun || c.change && set(c.packages[0]) == name
		})
		if err != nil {
			return nil, err
		}
		part.Package = name
		parts = append(parts, *part)
	}
	return parts, nil
}

// A change is a section with the new text of its names.
type change struct {
	change          bool
	text            []byte
	checked         []byte // the same with one leading component, as the applier reads it
	paths, packages []string
	moved           bool
}

type converted struct {
	changes []change
	strip   int
	to      project.Layout
}

func open(src []byte, o Options) (*converted, error) {
	src = bytes.TrimPrefix(src, []byte("\ufeff")) // a byte order mark would hide the first header
	sections, err := applier.Sections(src)
	if err != nil {
		return nil, err
	}
	if o.Strip == Detect {
		if o.Strip, err = detect(sections); err != nil {
			return nil, err
		}
	}
	d := &converted{strip: o.Strip, to: o.To}
	for i := range sections {
		s := &sections[i]
		c := change{change: s.Change, text: s.Text, checked: s.Text}
		if s.Change {
			for _, n := range s.Names {
				if n.Kind == applier.HunkName && strings.Count(n.Path, "/") < o.Strip {
					return nil, missing(s, n, o.Strip)
				}
				if n.Kind != applier.IndexName {
					from := pathOf(n, o.Strip)
					if strings.Contains(from, `\`) {
						return nil, &applier.ParseError{Line: s.Line, Reason: fmt.Sprintf("the name %q has backslashes, as on Windows: write / in their place", n.Path)}
					}
					p := layout(o.To, from)
					c.moved = c.moved || p != from
					c.paths = append(c.paths, p)
					c.packages = append(c.packages, project.PackageOf(project.ToComposer(p)))
				}
			}
			if len(c.paths) == 0 {
				return nil, &applier.ParseError{Line: s.Line, Reason: "a change that names no file"}
			}
			if o.WithoutTests && !slices.ContainsFunc(c.paths, func(p string) bool { return !isTest(p) }) {
				continue
			}
			if s.Binary {
				return nil, &applier.ParseError{Line: s.Line, Reason: fmt.Sprintf("%q: binary changes are not supported", c.paths[0])}
			}
			c.text = s.Rename(o.rename(s, o.ToStrip))
			c.checked = c.text
			if o.ToStrip != 1 {
				c.checked = s.Rename(o.rename(s, 1))
			}
		}
		if err := o.checkLeft(s, c.text); err != nil {
			return nil, err
		}
		d.changes = append(d.changes, c)
	}
	return d, nil
}

// missing is a name that has fewer leading components than it should have.
func missing(s *applier.Section, n applier.Name, strip int) error {
	return &applier.ParseError{Line: s.Line, Reason: fmt.Sprintf("%q has no %d leading components", n.Path, strip)}
}

// rename returns how a name is rewritten when names are to have that many leading components.
func (o Options) rename(s *applier.Section, strip int) func(applier.Name) string {
	return func(n applier.Name) string {
		rest := pathOf(n, o.Strip)
		if n.Kind == applier.IndexName {
			rest = indexed(s, n, o.Strip)
		}
		to := layout(o.To, rest)
		switch {
		case n.Kind == applier.IndexName, strip == o.Strip:
			return strings.TrimSuffix(n.Path, rest) + to
		case n.Kind == applier.MoveName, strip == 0:
			return to
		case n.New:
			return "b/" + to
		}
		return "a/" + to
	}
}

// indexed is what a name behind "Index:" says without the prefix that it has before the path of the change, if any.
func indexed(s *applier.Section, index applier.Name, strip int) string {
	for _, n := range s.Names {
		if n.Kind == applier.HunkName && strings.HasSuffix(index.Path, "/"+pathOf(n, strip)) {
			return pathOf(n, strip)
		}
	}
	return index.Path
}

// indexes reports whether the name behind "Index:" is that of the change, maybe with a prefix.
func (o Options) indexes(s *applier.Section) bool {
	for _, n := range s.Names {
		if n.Kind == applier.IndexName {
			return slices.ContainsFunc(s.Names, func(h applier.Name) bool {
				return h.Kind == applier.HunkName && strings.HasSuffix("/"+n.Path, "/"+pathOf(h, o.Strip))
			})
		}
	}
	return false
}

// header matches the lines of diffs that name files. Some are read, the rest is for people or for other tools. It is
// compiled when it is needed, not by every command.
//
//nolint:gochecknoglobals // never changed
var header = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:diff (?:["'-]|\S+/)|Index: |--- |\+\+\+ |\*\*\* |(?:rename|copy) (?:from|to) |Only in .*: |(?:Binary f|F)iles .* differ\r?$|Property changes on: )`)
})

// checkLeft refuses a section in which, as rewritten, a header still names a file in the other layout: a diff of which
// part is rewritten says what nobody meant.
func (o Options) checkLeft(s *applier.Section, text []byte) error {
	line := s.Line - 1
	for l := range bytes.Lines(text) {
		line++
		if s.Change && bytes.HasPrefix(l, []byte("@@ -")) {
			return nil
		}
		if !header().Match(bytes.TrimSuffix(l, []byte("\n"))) {
			continue
		}
		words := strings.TrimSpace(string(l))
		if dir, ok := strings.CutPrefix(words, "Only in "); ok {
			words = strings.Replace(dir, ": ", "/", 1)
		}
		for _, word := range strings.FieldsFunc(words, func(r rune) bool { return strings.ContainsRune(" \t'\"", r) }) {
			levels := []int{0, 1, o.Strip - 1, o.Strip}
			if bytes.HasPrefix(l, []byte("Index: ")) && !o.indexes(s) {
				for strip := range strings.Count(word, "/") {
					levels = append(levels, strip)
				}
			}
			for _, strip := range levels {
				if p := pathOf(applier.Name{Path: word}, strip); layout(o.To, p) != p {
					return &applier.ParseError{Line: line, Reason: fmt.Sprintf("the name %q cannot be rewritten where it stands, and the rest alone is not: take the line out if nothing is lost with it", word)}
				}
			}
		}
	}
	return nil
}

// pathOf is what a name says without its leading components.
func pathOf(n applier.Name, strip int) string {
	switch n.Kind {
	case applier.MoveName:
		strip = max(strip-1, 0)
	case applier.IndexName:
		strip = 0
	}
	p := n.Path
	for range strip {
		if _, rest, ok := strings.Cut(p, "/"); ok {
			p = rest
		}
	}
	return p
}

// layout maps a path. Doubled slashes are one, as the applier reads them; a path that stays keeps them.
func layout(to project.Layout, p string) string {
	one := p
	for strings.Contains(one, "//") {
		one = strings.ReplaceAll(one, "//", "/")
	}
	mapped := project.ToComposer(one)
	if to == project.Git {
		mapped = project.ToGit(one)
	}
	if mapped == one {
		return p
	}
	return mapped
}

// detect returns the strip level at which every path begins with a folder of Magento, or lies in its root.
func detect(sections []applier.Section) (int, error) {
	const deepest = 12
	first := ""
	for _, strip := range []int{1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, deepest} {
		fits := true
		for _, s := range sections {
			for _, n := range s.Names {
				if n.Kind == applier.HunkName && !placed(n.Path, strip) {
					fits = false
					if first == "" {
						first = n.Path
					}
				}
			}
		}
		if fits {
			return strip, nil
		}
	}
	return 0, &UnplacedError{first}
}

// placed reports whether a name with that many leading components is a path of Magento.
func placed(name string, strip int) bool {
	if strings.Count(name, "/") < strip {
		return false
	}
	p := pathOf(applier.Name{Path: name}, strip)
	top, rest, below := strings.Cut(p, "/")
	if !below { // a file in the root
		prefix := name[:len(name)-len(p)]
		return strip == 0 || prefix == "a/" || prefix == "b/"
	}
	switch top {
	case "app": // as /app is the root of a shop on Adobe's cloud
		second, _, folder := strings.Cut(rest, "/")
		return !folder || slices.Contains([]string{"code", "design", "etc", "i18n"}, second)
	case "var": // as /var/www is where web servers have theirs
		return !strings.HasPrefix(rest, "www/")
	case "bin", "dev", "generated", "lib", "phpserver", "pub", "setup", "update", "vendor", ".github":
		return true
	}
	return false
}

func isTest(p string) bool {
	if strings.HasPrefix(p, "dev/tests/") {
		return true
	}
	parts := strings.Split(p, "/")
	return len(parts) > 4 && (parts[3] == "Test" && parts[0] == "vendor" || parts[4] == "Test" && parts[0] == "app")
}

// part joins the changes that are kept, and checks that they can be applied.
func (d *converted) part(keep func(change) bool) (*Part, error) {
	var text, checked bytes.Buffer
	changes, moved := false, false
	for _, c := range d.changes {
		if keep(c) {
			text.Write(c.text)
			checked.Write(c.checked)
			changes, moved = changes || c.change, moved || c.moved
		}
	}
	if !changes {
		return nil, errors.New("nothing is left of the diff: it changes tests alone")
	}
	diff, err := applier.Parse(checked.Bytes())
	if err != nil {
		return nil, err
	}
	for _, p := range diff.Paths() {
		if layout(d.to, p) != p {
			return nil, fmt.Errorf("the name of %s is written in a way that cannot be rewritten", p)
		}
	}
	return &Part{Text: text.Bytes(), Paths: diff.Paths(), Strip: d.strip, Moved: moved}, nil
}
