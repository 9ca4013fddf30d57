package lint

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/quality-patches/qpt/pkg/compat"
)

// isKind reports whether a value has a type, or else reports it. PHP writes an empty
// object as an empty list, so that passes for one.
func (l *linter) isKind(p *patch, n *node, want kind) bool {
	if n.kind == want || want == object && n.kind == list && len(n.items) == 0 {
		return true
	}
	l.report(RuleStructure, Error, p, n, "expected %s, found %s", want, n.kind)
	return false
}

// keys reports the names of an object that nothing reads, and those that occur twice.
// With no known names all are allowed.
func (l *linter) keys(p *patch, n *node, known ...string) {
	seen := map[string]bool{}
	for _, m := range n.members {
		if seen[m.name] {
			l.report(RuleRepeatedKey, Error, p, m.value, "%q occurs more than once; only the last counts", m.name)
		}
		seen[m.name] = true
		if len(known) == 0 || slices.Contains(known, m.name) {
			continue
		}
		hint := ""
		for _, k := range known {
			if strings.HasPrefix(k, m.name) || strings.HasPrefix(m.name, k) || squeeze(k) == squeeze(m.name) {
				hint = "; is " + k + " meant?"
			}
		}
		l.report(RuleUnknownKey, Warning, p, m.value, "nothing reads the key %q%s", m.name, hint)
	}
}

// squeeze makes spellings of a key alike.
func squeeze(s string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s))
}

func (l *linter) quality(file string, doc *node) {
	whole := &patch{file: file}
	if !l.isKind(whole, doc, object) {
		return
	}
	l.keys(whole, doc)
	for _, m := range doc.members {
		l.qualityPatch(&patch{id: m.name, file: file}, m.value)
	}
}

// add takes a patch in, and reports an id that is there already.
func (l *linter) add(p *patch, at *node) {
	key := strings.ToLower(p.id)
	if strings.TrimSpace(p.id) == "" || strings.TrimSpace(p.id) != p.id {
		l.report(RuleStructure, Error, p, at, "the id is empty or has blanks around it")
	}
	for _, have := range l.ids[key] {
		if have.file != p.file || have.id != p.id { // the same name in one object is a repeated key
			l.report(RuleRepeatedID, Warning, p, at, "%s has the patch as %s, too", have.file, have.id)
			break
		}
	}
	l.ids[key] = append(l.ids[key], p)
	l.patches = append(l.patches, p)
}

func (l *linter) qualityPatch(p *patch, n *node) {
	l.add(p, n)
	if !l.isKind(p, n, object) {
		return
	}
	l.keys(p, n, "title", "categories", "requirements", "metadata", "security", "packages")
	if title := n.get("title"); title == nil {
		l.report(RuleTitle, Error, p, n, "there is no title")
	} else if l.isKind(p, title, text) {
		l.title(p, title, title.text)
	}
	if r := n.get("requirements"); r != nil {
		l.isKind(p, r, text)
	}
	if s := n.get("security"); s != nil {
		l.security(p, s)
	}
	if c := n.get("categories"); c == nil {
		l.report(RuleCategory, Warning, p, n, "there are no categories")
	} else if l.isKind(p, c, list) {
		for _, item := range c.items {
			if l.isKind(p, item, text) && l.categories != nil && !l.categories[item.text] {
				l.report(RuleCategory, Warning, p, item, "%s does not have the category %q", CategoriesFile, item.text)
			}
		}
	}
	packages := n.get("packages")
	if packages == nil {
		l.report(RuleStructure, Error, p, n, "there are no packages")
		return
	}
	if !l.isKind(p, packages, object) {
		return
	}
	if len(packages.members) == 0 {
		l.report(RuleStructure, Error, p, packages, "there are no packages")
	}
	l.keys(p, packages)
	for _, pkg := range packages.members {
		if !l.isKind(p, pkg.value, object) {
			continue
		}
		if len(pkg.value.members) == 0 {
			l.report(RuleStructure, Error, p, pkg.value, "there are no constraints for %s", pkg.name)
		}
		l.keys(p, pkg.value)
		var others []variant
		for _, c := range pkg.value.members {
			others = l.qualityVariant(p, pkg.name, c, others)
		}
	}
}

func (l *linter) title(p *patch, at *node, title string) {
	switch {
	case strings.TrimSpace(title) == "":
		l.report(RuleTitle, Error, p, at, "the title is empty")
	case strings.TrimSpace(title) != title:
		l.report(RuleTitle, Warning, p, at, "the title has blanks around it")
	case strings.ContainsFunc(title, unicode.IsControl):
		l.report(RuleTitle, Warning, p, at, "the title has control characters or line breaks")
	}
}

func (l *linter) qualityVariant(p *patch, pkg string, c member, others []variant) []variant {
	n := c.value
	v := variant{patch: p, pkg: pkg, at: n}
	if b := n.get("base"); b != nil && b.kind == text && b.text != "" {
		base, err := compat.ParseConstraint(b.text)
		if err != nil {
			l.report(RuleConstraint, Error, p, b, "base: %v", err)
		}
		v.base = &base
	}
	others, fits := l.constrain(&v, c.name, others)
	if !l.isKind(p, n, object) {
		return others
	}
	l.keys(p, n, "file", "require", "replaced-with", "deprecated", "sha256", "base")
	if file := n.get("file"); file == nil {
		l.report(RuleStructure, Error, p, n, "there is no file")
	} else if l.isKind(p, file, text) {
		l.diffFile(&v, file)
	}
	if sum := n.get("sha256"); sum != nil {
		l.promised(&v, sum)
	}
	if r := n.get("require"); r != nil && l.isKind(p, r, list) {
		for _, item := range r.items {
			if l.isKind(p, item, text) {
				v.require = append(v.require, item)
			}
		}
	}
	if r := n.get("replaced-with"); r != nil && l.isKind(p, r, text) {
		v.replaced, v.deprecated = r, true
	}
	if b := n.get("base"); b != nil {
		l.isKind(p, b, text)
	}
	if d := n.get("deprecated"); d != nil {
		v.deprecated = d.boolean
		if !d.isBoolean {
			l.report(RuleStructure, Error, p, d, "expected true or false")
		}
	}
	if fits {
		p.variants = append(p.variants, v)
	}
	return others
}

// constrain reads a constraint and compares it with those before it of the same package
// and patch, which are returned with it.
func (l *linter) constrain(v *variant, written string, others []variant) ([]variant, bool) {
	c, err := compat.ParseConstraint(written)
	if err != nil {
		l.report(RuleConstraint, Error, v.patch, v.at, "%v", err)
		return others, false
	}
	v.constraint = c
	if !c.Intersects(c) {
		l.report(RuleEmptyConstraint, Error, v.patch, v.at, "no version satisfies %s", c)
	}
	for _, o := range others {
		apart := o.base != nil && v.base != nil && !o.base.Intersects(*v.base)
		if o.patch == v.patch && o.constraint.Intersects(c) && !apart {
			l.report(RuleOverlap, Warning, v.patch, v.at, "%s: a version can satisfy %s as well as %s, and both diffs would be applied", v.pkg, c, o.constraint)
		}
	}
	return append(others, *v), true
}

// diffFile notes the diff that a variant names, and reports one that is not there.
func (l *linter) diffFile(v *variant, at *node) {
	name := path.Join(diffsDir, at.text)
	if !fs.ValidPath(name) || !strings.HasPrefix(name, diffsDir+"/") || strings.Contains(at.text, `\`) || path.IsAbs(at.text) {
		l.report(RuleFileName, Error, v.patch, at, "%q is not the name of a file below %s", at.text, diffsDir)
		return
	}
	if l.used[name] {
		v.diff = name
		return
	}
	if info, err := fs.Stat(l.fsys, name); err != nil || info.IsDir() {
		l.report(RuleFileMissing, Error, v.patch, at, "the diff %s does not exist", name)
		return
	}
	l.used[name], v.diff = true, name
	l.diffs = append(l.diffs, variant{patch: v.patch, at: at, diff: name})
}

// cloudName matches the names of diffs from which a patch of the cloud package has its id.
var cloudName = regexp.MustCompile(`^(.+?)__.*?__.*?\.patch`)

// former reports whether a file is in the first format of magento/quality-patches:
// id → package → title → constraint → object.
func former(doc *node) bool {
	for _, id := range doc.members {
		for _, pkg := range id.value.members {
			for _, title := range pkg.value.members {
				for _, constraint := range title.value.members {
					for _, field := range constraint.value.members {
						if field.name == "file" && field.value.kind == text {
							return true
						}
					}
				}
			}
		}
	}
	return false
}

func (l *linter) cloud(file string, doc *node) {
	whole := &patch{file: file}
	if !l.isKind(whole, doc, object) {
		return
	}
	l.keys(whole, doc)
	if l.former = former(doc); l.former {
		l.report(RuleStructure, Error, whole, doc, "the format is that of magento/quality-patches before 1.1.0, which is not read")
		return
	}
	byID := map[string]*patch{}
	for _, pkg := range doc.members {
		if !l.isKind(whole, pkg.value, object) {
			continue
		}
		l.keys(whole, pkg.value)
		for _, title := range pkg.value.members {
			l.title(whole, title.value, title.name)
			if !l.isKind(whole, title.value, object) {
				continue
			}
			l.keys(whole, title.value)
			var others []variant
			for _, c := range title.value.members {
				if !l.isKind(whole, c.value, text) {
					continue
				}
				name := cloudName.FindStringSubmatch(c.value.text)
				if name == nil {
					l.report(RuleFileName, Error, whole, c.value, "the name %q is not of the form ID__description__version.patch", c.value.text)
					l.diffFile(&variant{patch: whole}, c.value)
					continue
				}
				p := byID[strings.ToLower(name[1])]
				if p == nil {
					p = &patch{id: name[1], file: file}
					byID[strings.ToLower(p.id)] = p
					l.add(p, c.value)
				}
				v := variant{patch: p, pkg: pkg.name, at: c.value}
				var fits bool
				others, fits = l.constrain(&v, c.name, others)
				l.diffFile(&v, c.value)
				if fits {
					p.variants = append(p.variants, v)
				}
			}
		}
	}
}
