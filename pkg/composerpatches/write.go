// Package composerpatches reads and writes the forms in which shops declare patches to the Composer plugins
// cweagans/composer-patches (versions 1 and 2) and vaimo/composer-patches, and finds the commands in Composer's scripts
// that apply patches. It applies nothing and touches no tree.
package composerpatches

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/jsonedit"
)

// A Patch is a diff that a plugin is to apply. Its paths have one leading component, and are relative to the package.
type Patch struct {
	Package, Label string
	// File is where the diff lies, relative to the root.
	File   string
	SHA256 string
}

// Write returns the text of composer.json, or of a file of its own, with patches declared in a style, in their order. Src
// is what the file holds, nil if there is none. What stands there stays as it is, byte for byte, but for declarations of
// diffs in the folder: those are taken for an earlier export and replaced.
func Write(src []byte, inComposer bool, style Style, folder string, patches []Patch) ([]byte, error) {
	names := []string{"patches"}
	if inComposer {
		names = []string{"extra", "patches"}
	}
	if len(strings.TrimSpace(string(src))) == 0 {
		src = []byte("{}\n")
	}
	doc, err := parse(src)
	if err != nil {
		return nil, err
	}
	at, ok := doc.find(names...)
	if !ok && len(patches) == 0 {
		return src, nil
	}
	if ok && !doc.is(at, '{') && !doc.empty(at) {
		return nil, fmt.Errorf("%s is no object with the names of packages", strings.Join(names, "."))
	}
	byPackage := map[string][]Patch{}
	var order []string
	for _, p := range patches {
		if byPackage[p.Package] == nil {
			order = append(order, p.Package)
		}
		byPackage[p.Package] = append(byPackage[p.Package], p)
	}
	w := writer{doc, style, path.Clean(folder) + "/"}
	value := jsonedit.Object{}
	if ok {
		for _, m := range doc.members(at) {
			if len(byPackage[m.name]) > 0 && !doc.is(m.span, '{') && !doc.is(m.span, '[') && !doc.empty(m.span) {
				return nil, fmt.Errorf("the patches of %s are neither an object nor a list", m.name)
			}
			written, err := w.merge(m, byPackage[m.name])
			if err != nil {
				return nil, err
			}
			if written != nil {
				value = append(value, jsonedit.Member{Name: m.name, Value: written})
			}
			order = slices.DeleteFunc(order, func(name string) bool { return name == m.name })
		}
	}
	for _, name := range order {
		written, err := w.merge(member{name: name}, byPackage[name])
		if err != nil {
			return nil, err
		}
		value = append(value, jsonedit.Member{Name: name, Value: written})
	}
	return jsonedit.Set(src, names, value)
}

type writer struct {
	doc    *document
	style  Style
	folder string
}

// merge returns the value for a package: what stands there without an earlier export, and the patches behind it; nil if
// nothing is left.
func (w *writer) merge(m member, patches []Patch) (any, error) {
	stays, kept := json.RawMessage(w.doc.raw(m.span)), true
	labels := map[string]bool{}
	entries := jsonedit.Object{} // of an object
	list := []any{}              // of a list
	for _, e := range w.doc.members(m.span) {
		if w.ours(e.span) {
			kept = false
			continue
		}
		labels[e.name] = true
		entries = append(entries, jsonedit.Member{Name: e.name, Value: json.RawMessage(w.doc.raw(e.span))})
	}
	for _, e := range w.doc.items(m.span) {
		if w.ours(e) {
			kept = false
			continue
		}
		list = append(list, json.RawMessage(w.doc.raw(e)))
	}
	if len(patches) == 0 {
		switch {
		case kept:
			return stays, nil
		case len(entries) > 0:
			return entries, nil
		case len(list) > 0:
			return list, nil
		}
		return nil, nil
	}
	isList := w.style == CweagansV2 || len(list) > 0
	if len(list) > 0 && w.style == CweagansV1 {
		return nil, fmt.Errorf("the patches of %s are written for version 2 of %s", m.name, w.style.Plugin())
	}
	if isList {
		for _, e := range entries { // the short form of the same
			list = append(list, jsonedit.Object{{Name: "description", Value: e.Name}, {Name: "url", Value: e.Value}})
		}
	}
	for _, p := range patches {
		label := p.Label
		for n := 2; labels[label]; n++ {
			label = fmt.Sprintf("%s (%d)", p.Label, n)
		}
		labels[label] = true
		switch {
		case w.style == CweagansV2:
			list = append(list, jsonedit.Object{{Name: "description", Value: label}, {Name: "url", Value: p.File}, {Name: "sha256", Value: p.SHA256}, {Name: "depth", Value: 1}})
		case w.style == CweagansV1:
			entries = append(entries, jsonedit.Member{Name: label, Value: p.File})
		case isList:
			list = append(list, jsonedit.Object{{Name: "label", Value: label}, {Name: "source", Value: p.File}, {Name: "level", Value: "1"}})
		default:
			entries = append(entries, jsonedit.Member{Name: label, Value: jsonedit.Object{{Name: "source", Value: p.File}, {Name: "level", Value: "1"}}})
		}
	}
	if isList {
		return list, nil
	}
	return entries, nil
}

// ours reports whether a declaration is of a diff in the folder.
func (w *writer) ours(s span) bool {
	if text, ok := w.doc.text(s); ok {
		return strings.HasPrefix(strings.TrimPrefix(text, "./"), w.folder)
	}
	for _, m := range w.doc.members(s) {
		if text, ok := w.doc.text(m.span); ok && (m.name == "url" || m.name == "source") {
			return strings.HasPrefix(strings.TrimPrefix(text, "./"), w.folder)
		}
	}
	return false
}

// requiresOther returns the plugin that composer.json requires, if that is only another one than the style is for.
func requiresOther(doc *document, style Style) (string, bool) {
	other := ""
	for _, key := range []string{"require", "require-dev"} {
		for _, plugin := range []string{CweagansV1.Plugin(), Vaimo.Plugin()} {
			s, ok := doc.find(key, plugin)
			if !ok {
				continue
			}
			constraint, _ := doc.text(s)
			v, known := cweagansVersion(constraint)
			if plugin == style.Plugin() && (style == Vaimo || !known || v == style) {
				return "", false
			}
			other = plugin + " " + constraint
		}
	}
	return other, other != ""
}

// Obstacles returns what in composer.json would have the plugin of a style treat an export in another way than it is
// meant. File is where the patches are declared, "composer.json" or another.
func Obstacles(src []byte, style Style, file string, patches []Patch) ([]string, error) {
	doc, err := parse(src)
	if err != nil {
		return nil, err
	}
	var list []string
	text := func(names ...string) string {
		s, _ := doc.find(names...)
		t, _ := doc.text(s)
		return t
	}
	if other, ok := requiresOther(doc, style); ok {
		list = append(list, "composer.json requires "+other+", which does not read this form; --style names that plugin's")
	}
	_, inline := doc.find("extra", "patches")
	switch style {
	case CweagansV1:
		if file != composerFile && inline {
			list = append(list, "composer.json has extra.patches, and then the plugin does not read "+file+"; give --write to have them there")
		}
		if file != composerFile && !inline && path.Clean(text("extra", "patches-file")) != file {
			list = append(list, "the plugin does not read "+file+` until composer.json has "patches-file": `+jsonedit.Quote(file)+" below extra")
		}
		if file == composerFile && text("extra", "patches-file") != "" {
			list = append(list, "the plugin reads extra.patches-file no more once there is extra.patches")
		}
		seen := map[string]bool{}
		for _, p := range patches {
			if level := text("extra", "patchLevel", p.Package); level != "" && level != "-p1" && !seen[p.Package] {
				seen[p.Package] = true
				list = append(list, "extra.patchLevel has "+level+" for "+p.Package+", and the diffs need -p1")
			}
		}
	case CweagansV2:
		name := text("extra", "composer-patches", "patches-file")
		if name == "" {
			name = "patches.json"
		}
		if file != composerFile && path.Clean(name) != file {
			list = append(list, "the plugin does not read "+file+` until composer.json has "patches-file": `+jsonedit.Quote(file)+" below extra.composer-patches")
		}
	case Vaimo:
		named := false
		for _, names := range [][]string{{"patches-file"}, {"patcher", "file"}} {
			s, _ := doc.find(append([]string{"extra"}, names...)...)
			r := reader{}
			for _, n := range r.texts(doc, s) {
				named = named || path.Clean(n) == file
			}
		}
		if file != composerFile && !named {
			list = append(list, "the plugin does not read "+file+` until composer.json has "patches-file": `+jsonedit.Quote(file)+" below extra")
		}
		for _, names := range [][]string{{"patches-base"}, {"patcher", "paths"}} {
			if _, ok := doc.find(append([]string{"extra"}, names...)...); ok {
				list = append(list, "extra."+strings.Join(names, ".")+" changes where the plugin looks for the diffs; the paths are written without it")
			}
		}
	}
	return list, nil
}
