package composerpatches

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/quality-patches/qpt/pkg/compat"
)

const composerFile = "composer.json"

// A Style is the form of one plugin.
type Style string

// The styles.
const (
	CweagansV1 Style = "cweagans-v1"
	CweagansV2 Style = "cweagans-v2"
	Vaimo      Style = "vaimo"
)

// Styles returns the styles by name.
func Styles() []string { return []string{string(CweagansV1), string(CweagansV2), string(Vaimo)} }

// Plugin is the package that reads the style.
func (s Style) Plugin() string {
	if s == Vaimo {
		return "vaimo/composer-patches"
	}
	return "cweagans/composer-patches"
}

// A Place is where something is declared.
type Place struct {
	File string
	Line int
}

// Bundle stands for a package where a diff is for several.
const Bundle = "*"

// A Definition is a diff that is declared for a package.
type Definition struct {
	// Package is that to whose folder the paths of the diff are relative, or [Bundle].
	Package string
	Label   string
	// Source is a path below the root, or an address.
	Source       string
	SHA256, SHA1 string
	// Levels are the numbers of leading components that the plugin tries, in order.
	Levels []int
	// Folder is what paths are relative to: "install" (the package), "vendor", "project", or another that is not known.
	Folder string
	// Version are constraints of which one has to allow the installed version of VersionOf; without any, all is allowed.
	Version   []string
	VersionOf string
	Requires  []Requirement
	// After and Before are parts of the sources of other definitions for the package, maybe with wildcards.
	After, Before []string
	// Skip is set if it is switched off, Dev if it is for development alone.
	Skip, Dev bool
	// Unused are settings that mean something to the plugin and nothing here.
	Unused []string
	// Problem says why the definition cannot be understood, or is "".
	Problem string
	Place
}

// Remote reports whether the source is an address.
func (d *Definition) Remote() bool { return strings.Contains(d.Source, "://") }

// A Requirement is a package that has to be installed, or not, for a patch to be applied.
type Requirement struct {
	Package, Constraint string
	Not                 bool
}

// A Note is about a declaration that is more or less than a list of patches.
type Note struct {
	Rule string
	// Lost is set if patches are applied today that no definition tells of.
	Lost    bool
	Message string
	Place
}

// A Removal is what is not needed any more once another tool applies the patches.
type Removal struct {
	Place
	// What is a name in the file, or a line of a script; "" for the file as a whole.
	What string
}

// Declarations are what a shop declares in the forms of the plugins, and in scripts.
type Declarations struct {
	Style       Style
	Definitions []Definition
	Commands    []Command
	Notes       []Note
	Removals    []Removal
}

// An Error is a file that cannot be read.
type Error struct {
	File string
	Err  error
}

func (e *Error) Error() string { return e.File + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Detect returns the style that composer.json is written for, by the plugin it requires and its settings; "" if it has
// no patches. Installed is the version of cweagans/composer-patches, or "".
func Detect(root fs.FS, installed string) (Style, error) {
	doc, err := open(root, composerFile)
	if doc == nil {
		return "", err
	}
	constraint := installed
	for _, key := range []string{"require", "require-dev"} {
		if _, ok := doc.find(key, Vaimo.Plugin()); ok {
			return Vaimo, nil
		}
		if s, ok := doc.find(key, CweagansV1.Plugin()); ok && constraint == "" {
			constraint, _ = doc.text(s)
		}
	}
	if style, ok := cweagansVersion(constraint); ok {
		return style, nil
	}
	for _, name := range []string{"patcher", "patches-search", "patches-base", "patches-dev"} {
		if _, ok := doc.find("extra", name); ok {
			return Vaimo, nil
		}
	}
	for _, name := range []string{"patchLevel", "patches-file"} {
		if _, ok := doc.find("extra", name); ok {
			return CweagansV1, nil
		}
	}
	at, patches := doc.find("extra", "patches")
	for _, p := range doc.members(at) {
		for _, d := range doc.members(p.span) {
			if doc.is(d.span, '{') { // a description that is no list
				return Vaimo, nil
			}
		}
	}
	_, settings := doc.find("extra", "composer-patches")
	if patches || settings {
		return CweagansV2, nil
	}
	file, err := open(root, "patches.json") // which that plugin reads unasked
	if file == nil {
		return "", err
	}
	if at, ok := file.find("patches"); ok && file.is(at, '{') {
		return CweagansV2, nil
	}
	return "", nil
}

// cweagansVersion returns the style of the version of cweagans/composer-patches that a constraint begins with.
func cweagansVersion(constraint string) (Style, bool) {
	switch digits := strings.TrimLeft(constraint, "^~>=v "); {
	case digits == "":
		return "", false
	case digits[0] == '1':
		return CweagansV1, true
	default:
		return CweagansV2, true
	}
}

// Read gathers what a root declares for the plugin of a style; with no style, what scripts say alone. VendorDir is where
// packages lie, relative to the root. The error is an [*Error].
func Read(root fs.FS, vendorDir string, style Style) (*Declarations, error) {
	r := &reader{root: root, Declarations: Declarations{Style: style}}
	doc, err := open(root, composerFile)
	if doc == nil {
		return &r.Declarations, err
	}
	r.composer, r.extra = doc, span{}
	if s, ok := doc.find("extra"); ok {
		r.extra = s
	}
	switch style {
	case CweagansV1:
		err = r.cweagans1()
	case CweagansV2:
		err = r.cweagans2()
	case Vaimo:
		err = r.vaimo()
	}
	if err != nil {
		return nil, err
	}
	if style != "" {
		r.plugin()
		if err := r.dependencies(vendorDir); err != nil {
			return nil, err
		}
	}
	r.scripts()
	return &r.Declarations, nil
}

type reader struct {
	Declarations
	root     fs.FS
	composer *document
	extra    span
	// What definitions are read from.
	doc      *document
	file     string
	dev      bool
	levels   map[string][]int // by package
	fallback []int
	ignored  []string // packages whose patches are not wanted
	depends  []span   // settings of vaimo's: whose version counts, and where diffs lie
	bases    []span
}

// maxFile is how large a file may be.
const maxFile = 64 << 20

// read reads a file that is not too large.
func read(root fs.FS, name string) ([]byte, error) {
	// A named pipe would keep it waiting for somebody who writes.
	if info, err := fs.Stat(root, name); err == nil && !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(src) > maxFile {
		err = fmt.Errorf("larger than %d MiB", maxFile>>20)
	}
	return src, err
}

// open reads a file; nil if it is not there.
func open(root fs.FS, name string) (*document, error) {
	src, err := read(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &Error{name, err}
	}
	doc, err := parse(src)
	if err != nil {
		return nil, &Error{name, err}
	}
	return doc, nil
}

// setting returns a value below extra, and notes that it can go.
func (r *reader) setting(names ...string) (span, bool) {
	s, ok := r.composer.find(append([]string{"extra"}, names...)...)
	if ok {
		r.remove(s, "extra."+strings.Join(names, "."))
	}
	return s, ok
}

func (r *reader) remove(at span, what string) {
	r.Removals = append(r.Removals, Removal{Place{composerFile, r.composer.line(at.start)}, what})
}

func (r *reader) note(rule string, lost bool, at Place, format string, args ...any) {
	r.Notes = append(r.Notes, Note{rule, lost, fmt.Sprintf(format, args...), at})
}

func (r *reader) at(s span) Place { return Place{r.file, r.doc.line(s.start)} }

func (r *reader) cweagans1() error {
	r.fallback = []int{1, 0, 2, 4}
	r.levels = map[string][]int{}
	if s, ok := r.setting("patchLevel"); ok {
		for _, m := range r.composer.members(s) {
			text, _ := r.composer.text(m.span)
			if n, err := strconv.Atoi(strings.TrimPrefix(text, "-p")); err == nil && n >= 0 {
				r.levels[m.name] = []int{n}
			}
		}
	}
	if s, ok := r.setting("patches-ignore"); ok {
		at := Place{composerFile, r.composer.line(s.start)}
		r.note("ignored-patches", false, at, "patches-ignore keeps patches of other packages out, which qpt does not put in anyway")
	}
	if s, ok := r.setting("patches"); ok {
		r.doc, r.file = r.composer, composerFile
		r.list(s)
		return nil // then the file does not count
	}
	if s, ok := r.setting("patches-file"); ok {
		return r.patchesFile(s, true)
	}
	return nil
}

func (r *reader) cweagans2() error {
	depth := 1
	r.levels = map[string][]int{"drupal/core": {2}}
	settings, _ := r.setting("composer-patches")
	file := span{}
	for _, m := range r.composer.members(settings) {
		switch m.name {
		case "patches-file":
			file = m.span
		case "default-patch-depth":
			if n, ok := r.number(r.composer, m.span); ok {
				depth = n
			}
		case "package-depths":
			for _, p := range r.composer.members(m.span) {
				if n, ok := r.number(r.composer, p.span); ok {
					r.levels[p.name] = []int{n}
				}
			}
		case "ignore-dependency-patches":
			r.ignored = r.texts(r.composer, m.span)
		default:
			r.note("setting", false, Place{composerFile, r.composer.line(m.at)}, "the setting %s of the plugin means nothing to qpt", m.name)
		}
	}
	r.fallback = []int{depth}
	if s, ok := r.setting("patches"); ok {
		r.doc, r.file = r.composer, composerFile
		r.list(s)
	}
	if s, ok := r.composer.find("extra", "patches-file"); ok {
		at := Place{composerFile, r.composer.line(s.start)}
		r.note("setting", false, at, "extra.patches-file is read by version 1 of the plugin alone; run qpt migrate --style cweagans-v1 if that is the one")
	}
	if file != (span{}) {
		return r.patchesFile(file, true)
	}
	return r.readList("patches.json", false)
}

func (r *reader) vaimo() error {
	r.fallback = []int{0, 1, 2}
	patcher, _ := r.composer.find("extra", "patcher")
	if string(r.composer.raw(patcher)) == "false" {
		r.note("setting", false, Place{composerFile, r.composer.line(patcher.start)}, "extra.patcher is false, so the plugin applies nothing")
		return nil
	}
	if patcher != (span{}) {
		r.setting("patcher")
	}
	for _, names := range [][]string{{"patches-depend"}, {"patcher", "depends"}} {
		if s, ok := r.composer.find(append([]string{"extra"}, names...)...); ok {
			r.depends = append(r.depends, s)
		}
	}
	for _, names := range [][]string{{"patches-base"}, {"patcher", "paths"}} {
		if s, ok := r.composer.find(append([]string{"extra"}, names...)...); ok {
			r.bases = append(r.bases, s)
		}
	}
	for _, m := range r.composer.members(patcher) {
		if m.name != "levels" {
			continue
		}
		var levels []int
		for _, text := range r.texts(r.composer, m.span) {
			if n, err := strconv.Atoi(text); err == nil && n >= 0 {
				levels = append(levels, n)
			}
		}
		if levels == nil {
			r.note("setting", false, Place{composerFile, r.composer.line(m.at)}, "the setting patcher.levels names no number; the usual ones are tried")
			continue
		}
		r.fallback = levels
	}
	for _, s := range []struct {
		names, in string
		dev       bool
		read      func(span) error
	}{
		{"patches", "", false, r.inline},
		{"patches-file", "file", false, func(s span) error { return r.patchesFile(s, false) }},
		{"patches-search", "search", false, r.search},
		{"patches-dev", "", true, r.inline},
		{"patches-file-dev", "file-dev", true, func(s span) error { return r.patchesFile(s, false) }},
		{"patches-search-dev", "search-dev", true, r.search},
	} {
		r.dev = s.dev
		if at, ok := r.setting(s.names); ok {
			if err := s.read(at); err != nil {
				return err
			}
		}
		if s.in == "" {
			continue
		}
		for _, m := range r.composer.members(patcher) {
			if m.name == s.in {
				if err := s.read(m.span); err != nil {
					return err
				}
			}
		}
	}
	for _, name := range []string{"patches-base", "patches-depend"} {
		r.setting(name)
	}
	if s, ok := r.setting("patches-exclude"); ok {
		r.note("ignored-patches", false, Place{composerFile, r.composer.line(s.start)}, "patches-exclude keeps patches of other packages out, which qpt does not put in anyway")
	}
	for _, m := range r.composer.members(patcher) {
		if !slices.Contains([]string{"file", "file-dev", "search", "search-dev", "depends", "paths", "levels"}, m.name) {
			r.note("setting", false, Place{composerFile, r.composer.line(m.at)}, "the setting patcher.%s of the plugin means nothing to qpt", m.name)
		}
	}
	return nil
}

func (r *reader) inline(s span) error {
	r.doc, r.file = r.composer, composerFile
	r.list(s)
	return nil
}

// patchesFile reads the files that a setting names.
func (r *reader) patchesFile(s span, nested bool) error {
	names := r.texts(r.composer, s)
	for _, name := range names {
		if err := r.readList(name, nested); err != nil {
			return err
		}
	}
	return nil
}

// readList reads a file with definitions, which stand below "patches", or without it if that is not needed.
func (r *reader) readList(name string, required bool) error {
	clean := path.Clean(strings.TrimPrefix(name, "./"))
	if !fs.ValidPath(clean) {
		return &Error{name, errors.New("it does not lie below the root")}
	}
	doc, err := open(r.root, clean)
	if err != nil {
		return err
	}
	if doc == nil {
		if clean == "patches.json" && r.Style == CweagansV2 && !required {
			return nil
		}
		return &Error{clean, errors.New("composer.json names it, and it does not exist")}
	}
	r.doc, r.file = doc, clean
	r.Removals = append(r.Removals, Removal{Place: Place{File: clean}})
	at, ok := doc.find("patches")
	switch {
	case ok:
	case r.Style == Vaimo:
		at = doc.top()
	case r.Style == CweagansV2 && !required:
		return nil // another tool's file of this name
	default:
		return &Error{clean, errors.New(`there is no "patches" in it`)}
	}
	r.list(at)
	return nil
}

func (r *reader) number(d *document, s span) (int, bool) {
	text, ok := d.text(s)
	n, err := strconv.Atoi(text)
	return n, ok && err == nil && n >= 0
}

// texts returns a text, or those of a list or an object.
func (r *reader) texts(d *document, s span) []string {
	if text, ok := d.text(s); ok {
		return []string{text}
	}
	var list []string
	for _, item := range d.items(s) {
		if text, ok := d.text(item); ok {
			list = append(list, text)
		}
	}
	for _, m := range d.members(s) {
		if text, ok := d.text(m.span); ok {
			list = append(list, text)
		}
	}
	return list
}

// list reads definitions by package.
func (r *reader) list(s span) {
	if !r.doc.is(s, '{') {
		r.unreadable(s, "the list of patches is no object with the names of packages")
		return
	}
	shared := Definition{}
	r.shared(&shared, s)
	for _, p := range r.doc.members(s) {
		if strings.HasPrefix(p.name, "_") {
			continue
		}
		if !r.doc.is(p.span, '{') && !r.doc.is(p.span, '[') {
			r.unreadable(p.span, "what stands there for "+p.name+" is neither an object nor a list of patches")
		}
		base := shared
		base.Package = strings.ToLower(p.name)
		base.Levels = r.fallback
		if levels, ok := r.levels[p.name]; ok {
			base.Levels = levels
		}
		if len(shared.Levels) > 0 {
			base.Levels = shared.Levels
		}
		r.shared(&base, p.span)
		for _, m := range r.doc.members(p.span) {
			if !strings.HasPrefix(m.name, "_") || r.Style != Vaimo {
				r.item(base, m.name, m.span, Place{r.file, r.doc.line(m.at)})
			}
		}
		for _, item := range r.doc.items(p.span) {
			r.item(base, "", item, r.at(item))
		}
	}
}

// unreadable notes what should have been definitions, if it is anything.
func (r *reader) unreadable(s span, what string) {
	if !r.doc.empty(s) {
		r.note("not-understood", true, r.at(s), "%s; nothing of it is carried over", what)
	}
}

// shared reads what vaimo's plugin takes for all definitions below.
func (r *reader) shared(d *Definition, s span) {
	if r.Style != Vaimo {
		return
	}
	for _, m := range r.doc.members(s) {
		if m.name == "_config" {
			r.fill(d, m.span)
		}
	}
}

// item reads one definition, or those of several versions under one label.
func (r *reader) item(d Definition, label string, s span, at Place) {
	d.Label, d.Place, d.Dev = label, at, r.dev
	if text, ok := r.doc.text(s); ok {
		if r.Style == Vaimo && isConstraint(text) {
			d.Source, d.Version = label, []string{text}
		} else {
			d.Source = text
		}
		r.add(d)
		return
	}
	if items := r.doc.items(s); items != nil && r.Style == Vaimo {
		d.Source, d.Version = label, r.texts(r.doc, s)
		r.add(d)
		return
	}
	list := r.doc.members(s)
	if len(list) == 0 {
		d.Problem = "neither a path nor a description of a patch"
		r.add(d)
		return
	}
	versions := func(list []member, base Definition) {
		for _, m := range list {
			if !isConstraint(m.name) {
				continue
			}
			v := base
			v.Version, v.Line = []string{m.name}, r.doc.line(m.at)
			if text, ok := r.doc.text(m.span); ok {
				v.Source = text
			} else {
				r.fill(&v, m.span)
			}
			r.add(v)
		}
	}
	source := span{}
	for _, m := range list {
		if m.name == "source" || m.name == "url" {
			source = m.span
		}
	}
	switch {
	case source != (span{}) && r.doc.is(source, '{') && r.Style == Vaimo:
		r.fill(&d, s)
		d.Problem = ""
		inner := r.doc.members(source)
		if len(inner) > 0 && isConstraint(inner[0].name) {
			versions(inner, d)
			return
		}
		r.bySource(inner, d)
	case source != (span{}):
		r.fill(&d, s)
		r.add(d)
	case r.Style == Vaimo && isConstraint(list[0].name):
		versions(list, d)
	case r.Style == Vaimo && len(r.doc.members(list[0].span)) > 0 && !slices.Contains([]string{"depends", "version", "config"}, list[0].name):
		r.bySource(list, d)
	case r.Style == Vaimo:
		r.fill(&d, s)
		d.Source = strings.ToLower(strings.ReplaceAll(notInNames.ReplaceAllString(label, ""), " ", "-"))
		r.add(d)
	default:
		d.Problem = "there is no url in it"
		r.add(d)
	}
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9 -]`)

// bySource reads members whose names are sources.
func (r *reader) bySource(list []member, d Definition) {
	for _, m := range list {
		v := d
		v.Line = r.doc.line(m.at)
		r.fill(&v, m.span)
		v.Source = m.name
		r.add(v)
	}
}

// fill reads the members of a definition.
func (r *reader) fill(d *Definition, s span) {
	for _, m := range r.doc.members(s) {
		text, isText := r.doc.text(m.span)
		switch m.name {
		case "source", "url":
			if !isText {
				d.Problem = m.name + " is no text"
			}
			d.Source = text
		case "label", "description":
			d.Label = text
		case "sha256":
			d.SHA256 = strings.ToLower(text)
		case "sha1":
			d.SHA1 = strings.ToLower(text)
		case "depth", "level":
			if n, ok := r.number(r.doc, m.span); ok {
				d.Levels = []int{n}
			} else if !r.doc.is(m.span, 'n') {
				d.Problem = m.name + " is no number"
			}
		case "cwd":
			d.Folder = text
		case "version":
			if list := r.doc.members(m.span); list != nil {
				r.requires(d, list)
			} else {
				d.Version = r.texts(r.doc, m.span)
			}
		case "depends":
			if isText {
				d.VersionOf = text
			}
			r.requires(d, r.doc.members(m.span))
		case "after":
			d.After = r.texts(r.doc, m.span)
		case "before":
			d.Before = r.texts(r.doc, m.span)
		case "skip":
			d.Skip = text != "false"
		case "extra":
			for _, x := range r.doc.members(m.span) {
				if x.name == "freeform" {
					d.Problem = "it is applied by a program of your own (extra.freeform)"
				}
			}
		case "targets", "issue", "link", "category", "local", "package": // for people, or to be seen from the diff
		default:
			if !strings.HasPrefix(m.name, "_") {
				d.Unused = append(d.Unused, m.name)
			}
		}
	}
}

func (r *reader) requires(d *Definition, list []member) {
	for _, m := range list {
		text, _ := r.doc.text(m.span)
		name, not := strings.CutPrefix(m.name, "!")
		d.Requires = append(slices.Clone(d.Requires), Requirement{name, text, not})
	}
}

// add takes a definition in.
func (r *reader) add(d Definition) {
	if d.Folder == "" {
		d.Folder = "install"
	}
	if r.Style == Vaimo {
		if source, ok := strings.CutSuffix(d.Source, "#skip"); ok {
			d.Source, d.Skip = source, true
		}
		if d.VersionOf == "" {
			d.VersionOf = r.versionOf(d.Package)
		}
		if d.Problem == "" && !d.Remote() {
			r.base(&d)
		}
	}
	if d.Problem == "" && strings.TrimSpace(d.Source) == "" {
		d.Problem = "it names no diff"
	}
	r.Definitions = append(r.Definitions, d)
}

// versionOf is the package whose version counts for the patches of a package.
func (r *reader) versionOf(name string) string {
	for _, s := range r.depends {
		if text, ok := r.composer.text(s); ok {
			return text
		}
		list := r.composer.members(s)
		for _, m := range list {
			text, _ := r.composer.text(m.span)
			if m.name == name || m.name != Bundle && m.name != "default" && matches(m.name, name) {
				return text
			}
		}
		for _, m := range list {
			if text, _ := r.composer.text(m.span); m.name == "default" {
				return text
			}
		}
	}
	return name
}

// matches reports whether a text has a part that a pattern with wildcards describes.
func matches(pattern, text string) bool {
	quoted := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
	re, err := regexp.Compile(quoted)
	return err == nil && re.MatchString(text)
}

// Matches reports whether another definition's after or before means this one.
func (d *Definition) Matches(pattern string) bool { return matches(pattern, d.Source) }

// base puts a source behind the template for paths.
func (r *reader) base(d *Definition) {
	template := ""
	for _, s := range r.bases {
		if text, ok := r.composer.text(s); ok {
			template = text
		}
		vendor, _, _ := strings.Cut(d.Package, "/")
		for _, name := range []string{"default", vendor, d.Package} {
			for _, m := range r.composer.members(s) {
				if text, ok := r.composer.text(m.span); ok && m.name == name {
					template = text
				}
			}
		}
	}
	if template == "" {
		return
	}
	vendor, name, _ := strings.Cut(d.Package, "/")
	version := "0.0.0"
	if len(d.Version) > 0 {
		version = notInVersions.ReplaceAllString(strings.SplitN(d.Version[0], " ", 2)[0], "")
	}
	source := strings.NewReplacer("{{file}}", d.Source, "{{vendor}}", vendor, "{{package}}", name, "{{version}}", version).Replace(template)
	if strings.Contains(source, "{{") {
		d.Problem = fmt.Sprintf("where its diff lies follows from the template %s, which qpt cannot fill in", template)
		return
	}
	d.Source = source
}

var notInVersions = regexp.MustCompile(`[^A-Za-z0-9.-]`)

func isConstraint(text string) bool {
	if strings.ContainsAny(text, "/") {
		return false
	}
	_, err := compat.ParseConstraint(text)
	return err == nil
}

// search finds diffs that say themselves what they are for.
func (r *reader) search(s span) error {
	for _, pattern := range r.texts(r.composer, s) {
		folders, err := fs.Glob(r.root, path.Clean(pattern))
		if err != nil {
			return &Error{composerFile, fmt.Errorf("%s: %w", pattern, err)}
		}
		for _, folder := range folders {
			err := fs.WalkDir(r.root, folder, func(name string, e fs.DirEntry, err error) error {
				if err != nil || e.IsDir() || !strings.EqualFold(path.Ext(name), ".patch") {
					return err
				}
				if !e.Type().IsRegular() {
					return nil
				}
				src, err := read(r.root, name)
				if err != nil {
					return err
				}
				if d, ok := r.tagged(name, string(src)); ok {
					r.add(d)
				}
				return nil
			})
			if err != nil {
				return &Error{folder, err}
			}
		}
	}
	return nil
}

// tag matches a line of a header such as "@package vendor/name".
var tag = regexp.MustCompile(`^@([a-z]+)(?:[ \t]+(.*?))?\s*$`)

// tagged reads the header of a diff.
func (r *reader) tagged(name, src string) (Definition, bool) {
	d := Definition{Label: path.Base(name), Source: name, Levels: r.fallback, Dev: r.dev, Place: Place{File: name}}
	bundle := false
	var version string
	for line := range strings.Lines(src) {
		if strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "diff ") || strings.HasPrefix(line, "Index:") {
			break
		}
		m := tag.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		value := m[2]
		switch m[1] {
		case "package", "target", "module", "targets":
			name, constraint, ok := strings.Cut(value, ":")
			if d.Package == "" {
				d.Package = strings.ToLower(strings.TrimSpace(name))
			}
			if ok {
				version = strings.TrimSpace(constraint)
			}
		case "version", "constraint":
			of, constraint, ok := strings.Cut(value, ":")
			if !ok {
				version = value
				break
			}
			d.VersionOf, version = strings.ToLower(strings.TrimSpace(of)), strings.TrimSpace(constraint)
			if d.Package == "" {
				d.Package = d.VersionOf
			}
		case "depends":
			of, constraint, ok := strings.Cut(value, ":")
			of, not := strings.CutPrefix(strings.TrimSpace(of), "!")
			switch {
			case ok || not:
				d.Requires = append(d.Requires, Requirement{of, strings.TrimSpace(constraint), not})
			default:
				d.VersionOf = of
			}
		case "label", "desc", "description", "reason":
			d.Label = value
		case "level":
			if n, err := strconv.Atoi(value); err == nil {
				d.Levels = []int{n}
			}
		case "cwd":
			d.Folder = value
		case "after":
			d.After = append(d.After, value)
		case "before":
			d.Before = append(d.Before, value)
		case "skip":
			d.Skip = true
		case "type", "mode":
			for _, flag := range strings.Split(value, "+") {
				switch flag {
				case "dev", "developer", "development", "develop":
					d.Dev = true
				case "bundle", "bundled", "merged", "multiple", "multi", "group":
					bundle = true
				}
			}
		}
	}
	if bundle {
		d.Package = Bundle
	}
	if version != "" {
		d.Version = []string{version}
	}
	return d, d.Package != ""
}

// plugin notes where composer.json asks for the plugin.
func (r *reader) plugin() {
	for _, names := range [][]string{{"require", r.Style.Plugin()}, {"require-dev", r.Style.Plugin()}, {"config", "allow-plugins", r.Style.Plugin()}} {
		if s, ok := r.composer.find(names...); ok {
			r.remove(s, strings.Join(names, "."))
		}
	}
	other := Vaimo
	if r.Style == Vaimo {
		other = CweagansV2
	}
	for _, key := range []string{"require", "require-dev"} {
		if s, ok := r.composer.find(key, other.Plugin()); ok {
			at := Place{composerFile, r.composer.line(s.start)}
			r.note("two-plugins", false, at, "composer.json requires %s as well; what that alone reads is carried over by another run with --style", other.Plugin())
		}
	}
	for _, name := range []string{"enable-patching", "composer-exit-on-patch-failure", "composer-patches-skip-reporting"} {
		r.setting(name)
	}
	if _, err := fs.Stat(r.root, "patches.lock.json"); err == nil && r.Style == CweagansV2 {
		r.Removals = append(r.Removals, Removal{Place: Place{File: "patches.lock.json"}})
	}
}

// dependencies notes the packages that bring patches for others.
func (r *reader) dependencies(vendorDir string) error {
	name := path.Join(vendorDir, "composer", "installed.json")
	doc, err := open(r.root, name)
	if doc == nil {
		return err
	}
	type pkg struct {
		Name  string          `json:"name"`
		Extra json.RawMessage `json:"extra"`
	}
	var list []pkg
	var nested struct {
		Packages []pkg `json:"packages"`
	}
	if json.Unmarshal(doc.src, &list) != nil && json.Unmarshal(doc.src, &nested) != nil {
		return nil // whether it is right is for others to say
	}
	for _, p := range append(list, nested.Packages...) {
		if slices.Contains(r.ignored, p.Name) || len(p.Extra) == 0 {
			continue
		}
		extra, err := parse(p.Extra)
		if err != nil {
			continue
		}
		names := []string{"patches"}
		if r.Style == Vaimo {
			names = []string{"patches", "patches-file", "patches-search"}
		}
		for _, key := range names {
			if s, ok := extra.find(key); ok && (len(extra.members(s)) > 0 || extra.is(s, '"') || len(extra.items(s)) > 0) {
				r.note("dependency-patches", true, Place{File: name}, "package %s brings patches for other packages (extra.%s); declare copies of the diffs that are needed", p.Name, key)
				break
			}
		}
	}
	return nil
}

// scripts finds commands.
func (r *reader) scripts() {
	s, ok := r.composer.find("scripts")
	if !ok {
		return
	}
	for _, m := range r.composer.members(s) {
		lines := r.composer.items(m.span)
		if lines == nil {
			lines = []span{m.span}
		}
		for _, l := range lines {
			text, ok := r.composer.text(l)
			if !ok {
				continue
			}
			commands := Commands(text)
			for _, c := range commands {
				c.Place = Place{composerFile, r.composer.line(l.start)}
				r.Commands = append(r.Commands, c)
			}
			if len(commands) > 0 {
				r.remove(l, fmt.Sprintf("scripts.%s: %s", m.name, text))
			}
		}
	}
}
