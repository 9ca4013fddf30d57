// Package lint says what is wrong with a catalogue of patches, and where: for its
// authors, while package catalog makes the best of what it finds.
package lint

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/compat"
)

// A Severity says how much a finding matters.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // a patch cannot be used, or not as it is meant
	Warning Severity = "warning" // very likely a mistake
	Note    Severity = "note"    // worth a look
)

// The rules, whose names stay.
const (
	RuleSyntax            = "syntax"             // a file is not JSON
	RuleStructure         = "structure"          // something is missing or of another type
	RuleUnknownKey        = "unknown-key"        // a key that nothing reads
	RuleRepeatedKey       = "repeated-key"       // the last one counts
	RuleRepeatedID        = "repeated-id"        // in two files, or with other letters
	RuleTitle             = "title"              // empty, with blanks around it or control characters
	RuleCategory          = "category"           // not in the list of categories
	RuleConstraint        = "constraint"         // not Composer's syntax
	RuleEmptyConstraint   = "constraint-empty"   // it allows nothing
	RuleOverlap           = "constraint-overlap" // two of one package share a version
	RuleFileName          = "file-name"          // leads out of the catalogue, or names no id
	RuleFileMissing       = "file-missing"
	RuleFileUnused        = "file-unused"
	RuleDiff              = "diff"      // it does not parse, or names what is outside of the tree or git's
	RuleDuplicate         = "duplicate" // two files have the same content
	RuleHash              = "hash"      // a diff has other bytes than its entry says
	RuleSecurity          = "security"  // what is said of vulnerabilities cannot be meant
	RuleRequireDangling   = "require-dangling"
	RuleRequireElsewhere  = "require-elsewhere" // only another catalogue has it
	RuleRequireCircular   = "require-circular"
	RuleRequireDeprecated = "require-deprecated"
	RuleReplaceDangling   = "replace-dangling"
	RuleReplaceCircular   = "replace-circular"
	RuleReplaceRange      = "replace-range" // the successor is for none of the versions
)

// A Finding is one thing that is wrong.
type Finding struct {
	Rule     string
	Severity Severity
	// ID is the patch, or "".
	ID      string
	Message string
	// File is slash-separated and relative to the catalogue. Pointer is a JSON pointer
	// (RFC 6901) into it and Line where that is, "" and 0 when the file is meant.
	File    string
	Pointer string
	Line    int
}

// Catalog looks at everything in a catalogue. Others are those in which what it requires
// may be, too. The error says that the catalogue cannot be read at all.
func Catalog(source catalog.Source, others ...catalog.Source) ([]Finding, error) {
	l := &linter{
		fsys: source.FS, ids: map[string][]*patch{}, used: map[string]bool{}, sums: map[string]string{},
		others: catalog.Load(others),
	}
	l.readCategories()
	found := false
	for _, f := range []struct {
		name string
		read func(file string, doc *node)
	}{
		{"support-patches.json", l.quality},
		{"community-patches.json", l.quality},
		{"patches.json", l.cloud},
	} {
		doc, err := l.document(f.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		found = true
		if doc != nil {
			f.read(f.name, doc)
		}
	}
	if !found {
		return nil, errors.New("it holds none of support-patches.json, community-patches.json and patches.json")
	}
	l.references()
	if err := l.files(); err != nil {
		return nil, err
	}
	l.kept()
	slices.SortStableFunc(l.findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return l.findings, nil
}

type linter struct {
	fsys       fs.FS
	findings   []Finding
	categories map[string]bool // nil when the catalogue has no list of them
	patches    []*patch
	ids        map[string][]*patch // by the id in lower case
	used       map[string]bool     // the diffs, by their paths
	diffs      []variant           // each diff once, where it is named first
	sums       map[string]string   // of the diffs, SHA-256
	promises   []promise
	others     *catalog.Catalog
	former     bool // in a format that is not read: nothing is known of its files
}

// A patch is an entry of a catalogue file.
type patch struct {
	id, file string
	variants []variant
}

// A variant is a diff of a patch, with the node that names it.
type variant struct {
	patch      *patch
	pkg        string
	constraint compat.Constraint
	base       *compat.Constraint // for Magento's release, or nil
	at         *node
	diff       string
	require    []*node
	replaced   *node
	deprecated bool
}

func (l *linter) report(rule string, s Severity, p *patch, at *node, format string, args ...any) {
	f := Finding{Rule: rule, Severity: s, Message: fmt.Sprintf(format, args...), File: p.file, ID: p.id}
	if at != nil {
		f.Pointer, f.Line = at.pointer, at.line
	}
	l.findings = append(l.findings, f)
}

// document reads a JSON file. One that is not JSON is reported, and nil.
func (l *linter) document(name string) (*node, error) {
	src, err := catalog.ReadFile(l.fsys, name)
	if err != nil {
		return nil, err
	}
	src, marked := bytes.CutPrefix(src, []byte("\ufeff"))
	if marked {
		l.report(RuleSyntax, Warning, &patch{file: name}, &node{line: 1}, "it begins with a byte order mark, with which PHP, and so Adobe's tool, reads none of the file")
	}
	if at := invalidUTF8(src); at >= 0 {
		l.report(RuleSyntax, Error, &patch{file: name}, &node{line: 1 + bytes.Count(src[:at], []byte("\n"))}, "a character that is not UTF-8, as all JSON has to be: PHP, and so Adobe's tool, reads none of the file")
	}
	doc, syntax := parse(src)
	if syntax != nil {
		l.report(RuleSyntax, Error, &patch{file: name}, &node{line: syntax.line}, "not valid JSON: %v", syntax)
		return nil, nil
	}
	return doc, nil
}

// invalidUTF8 returns where a text stops being UTF-8, or -1.
func invalidUTF8(src []byte) int {
	for at := 0; at < len(src); {
		r, size := utf8.DecodeRune(src[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

// CategoriesFile is the list of categories that a catalogue may ship.
const CategoriesFile = "config/patch-categories.json"

// readCategories reads the list of categories that a catalogue may ship.
func (l *linter) readCategories() {
	doc, err := l.document(CategoriesFile)
	if errors.Is(err, fs.ErrNotExist) || err == nil && doc == nil {
		return
	}
	if err != nil || doc.kind != list {
		l.report(RuleStructure, Error, &patch{file: CategoriesFile}, doc, "expected a list of categories, each with a name")
		return
	}
	l.categories = map[string]bool{}
	for _, item := range doc.items {
		if name := item.get("name"); name != nil && name.kind == text {
			l.categories[name.text] = true
		} else {
			l.report(RuleStructure, Error, &patch{file: CategoriesFile}, item, "expected a category with a name")
		}
	}
}
