package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/tidwall/gjson"
)

// A member is one name and value of a JSON object. Catalogues are read by their
// members because their order is the order in which diffs are applied.
type member struct {
	name  string
	value gjson.Result
}

// members splits a JSON object, which must be valid. When a name occurs twice the
// last value counts, in the place of the first, as in PHP; repeated names are returned.
func members(object gjson.Result) (list []member, repeated []string, err error) {
	if object.IsArray() && len(object.Array()) == 0 {
		return nil, nil, nil // PHP writes an empty object as an empty list
	}
	if !object.IsObject() {
		return nil, nil, fmt.Errorf("expected an object, found %s", kind(object))
	}
	at := map[string]int{}
	object.ForEach(func(key, value gjson.Result) bool {
		m := member{key.Str, value}
		if i, ok := at[m.name]; ok {
			repeated = append(repeated, m.name)
			list[i] = m
			return true
		}
		at[m.name] = len(list)
		list = append(list, m)
		return true
	})
	return list, repeated, nil
}

// validate checks that src is one JSON value.
func validate(src []byte) error {
	if !deep(src) && gjson.ValidBytes(src) {
		return nil
	}
	var value json.RawMessage // encoding/json says where the mistake is
	if err := json.Unmarshal(src, &value); err != nil {
		return syntaxError(src, err)
	}
	return nil
}

// deep reports whether brackets may nest so deep that gjson, which recurses without a
// limit, would exhaust the stack.
func deep(src []byte) bool {
	depth, text := 0, false
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case c == '"':
			text = !text
		case text && c == '\\':
			i++
		case !text && (c == '[' || c == '{'):
			if depth++; depth > 1000 {
				return true
			}
		case !text && (c == ']' || c == '}'):
			depth--
		}
	}
	return false
}

// syntaxError adds the line to an error of encoding/json.
func syntaxError(src []byte, err error) error {
	var offset int64
	var e *json.SyntaxError
	if errors.As(err, &e) {
		offset = e.Offset
	} else {
		offset = int64(len(src))
	}
	line := 1 + bytes.Count(src[:min(offset, int64(len(src)))], []byte("\n"))
	return fmt.Errorf("not valid JSON at line %d: %w", line, err)
}

// kind names the type of a JSON value for an error message.
func kind(v gjson.Result) string {
	switch {
	case v.IsObject():
		return "an object"
	case v.IsArray():
		return "a list"
	case v.IsBool():
		return "true or false"
	case v.Type == gjson.String:
		return "text"
	case v.Type == gjson.Number:
		return "a number"
	}
	return "null"
}

func mismatched(v gjson.Result, expected string) error {
	return fmt.Errorf("expected %s, found %s", expected, kind(v))
}

// text reads a JSON string.
func text(v gjson.Result, target *string, expected string) error {
	if v.Type != gjson.String {
		return mismatched(v, expected)
	}
	*target = v.Str
	return nil
}

// texts reads a list of JSON strings.
func texts(v gjson.Result, target *[]string, expected string) error {
	if !v.IsArray() {
		return mismatched(v, expected)
	}
	list := []string{}
	for _, item := range v.Array() {
		if item.Type != gjson.String {
			return mismatched(item, expected)
		}
		list = append(list, item.Str)
	}
	*target = list
	return nil
}

// quality reads the format of magento/quality-patches:
// id → {title, categories, requirements, metadata, packages → constraint → variant}.
// Three keys are qpt's own: security of a patch, sha256 and base of a variant.
func (r *reader) quality(src []byte, origin string) error {
	entries, repeated, err := members(gjson.ParseBytes(src))
	if err != nil {
		return err
	}
	r.reportRepeated("", repeated)
	r.each(len(entries), func(r *reader, i int) {
		e := entries[i]
		p := &Patch{ID: e.name, Origin: origin, Type: Optional, Source: r.source.Name}
		if err := r.qualityPatch(p, e.value); err != nil {
			r.diagnose(e.name, "%v", err)
			return
		}
		if len(p.Variants) == 0 {
			r.diagnose(e.name, "no usable variant is left")
			return
		}
		r.patches = append(r.patches, p)
	})
	return nil
}

func (r *reader) reportRepeated(id string, names []string) {
	for _, name := range names {
		r.diagnose(id, "%q occurs more than once, the last counts", name)
	}
}

func (r *reader) qualityPatch(p *Patch, src gjson.Result) error {
	fields, repeated, err := members(src)
	if err != nil {
		return err
	}
	r.reportRepeated(p.ID, repeated)
	var packages gjson.Result
	for _, f := range fields {
		var err error
		switch f.name {
		case "title":
			err = text(f.value, &p.Title, "text")
		case "categories":
			err = texts(f.value, &p.Categories, "a list of texts")
		case "requirements", "requirement": // two real entries have the second spelling
			err = text(f.value, &p.Requirements, "text")
			p.Misspelled = f.name == "requirement"
		case "metadata":
			p.Metadata = json.RawMessage(f.value.Raw)
		case "security":
			p.Security, err = security(f.value)
		case "packages":
			packages = f.value
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	for i, c := range p.Categories {
		p.Categories[i] = strings.TrimSpace(c)
	}
	if len(p.Categories) == 0 {
		p.Categories = []string{"Other"}
	}
	if !packages.Exists() {
		return fmt.Errorf("packages: missing")
	}
	list, repeated, err := members(packages)
	if err != nil {
		return fmt.Errorf("packages: %w", err)
	}
	r.reportRepeated(p.ID, repeated)
	for _, pkg := range list {
		constraints, repeated, err := members(pkg.value)
		if err != nil {
			r.diagnose(p.ID, "%s: %v", pkg.name, err)
			p.Incomplete = true
			continue
		}
		r.reportRepeated(p.ID, repeated)
		for _, c := range constraints {
			before := len(p.Variants)
			if err := r.qualityVariant(p, pkg.name, c); err != nil {
				r.diagnose(p.ID, "%s: %s: %v", pkg.name, c.name, err)
			}
			p.Incomplete = p.Incomplete || len(p.Variants) == before
		}
	}
	return nil
}

func (r *reader) qualityVariant(p *Patch, pkg string, c member) error {
	fields, _, err := members(c.value)
	if err != nil {
		return err
	}
	var file, base string
	var deprecated gjson.Result
	v := &Variant{}
	for _, f := range fields {
		var err error
		switch f.name {
		case "file":
			err = text(f.value, &file, "the name of a diff")
		case "require":
			err = texts(f.value, &v.Require, "a list of ids")
		case "replaced-with":
			err = text(f.value, &v.ReplacedWith, "an id")
		case "sha256":
			if err = text(f.value, &v.SHA256, "a SHA-256"); err == nil && !hashName.MatchString(v.SHA256) {
				err = fmt.Errorf("%q is not a SHA-256 of 64 hexadecimal digits in lower case", v.SHA256)
			}
		case "base":
			err = text(f.value, &base, "a constraint for "+BasePackage)
		case "deprecated":
			if deprecated = f.value; !deprecated.IsBool() {
				err = mismatched(deprecated, "true or false")
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if file == "" {
		return fmt.Errorf("the diff's name is missing (\"file\")")
	}
	if !r.diff(v, p.ID, file) || !r.constrain(v, p.ID, pkg, c.name) {
		return nil // reported already
	}
	if base != "" {
		onBase := &Variant{}
		if !r.constrain(onBase, p.ID, BasePackage, base) {
			return nil
		}
		v.Base = &onBase.Constraint
	}
	v.Title = p.Title
	v.Deprecated = v.ReplacedWith != ""
	if deprecated.Exists() {
		v.Deprecated = deprecated.Bool()
	}
	p.Variants = append(p.Variants, v)
	return nil
}

var hashName = regexp.MustCompile(`^[0-9a-f]{64}$`)

// cloudName matches ID__description__version.patch, from which a patch of the
// cloud package has its id.
var cloudName = regexp.MustCompile(`^(.+?)__.*?__.*?\.patch`)

// cloud reads the format of magento/magento-cloud-patches:
// package → title → constraint → file.
func (r *reader) cloud(src []byte, origin string) error {
	packages, repeated, err := members(gjson.ParseBytes(src))
	if err != nil {
		return err
	}
	r.reportRepeated("", repeated)
	if former(packages) {
		return errors.New("its format is that of magento/quality-patches before 1.1.0, which is not read: take a newer release")
	}
	byID := map[string]*Patch{}
	for _, pkg := range packages {
		titles, repeated, err := members(pkg.value)
		if err != nil {
			r.diagnose("", "%s: %s: %v", cloudFile, pkg.name, err)
			continue
		}
		r.reportRepeated("", repeated)
		for _, title := range titles {
			constraints, repeated, err := members(title.value)
			if err != nil {
				r.diagnose("", "%s: %s: %q: %v", cloudFile, pkg.name, title.name, err)
				continue
			}
			r.reportRepeated("", repeated)
			for _, c := range constraints {
				r.cloudVariant(byID, origin, pkg.name, title.name, c)
			}
		}
	}
	return nil
}

// former reports whether a file is in the first format of magento/quality-patches:
// id → package → title → constraint → object.
func former(ids []member) bool {
	found := false
	for _, id := range ids {
		id.value.ForEach(func(_, pkg gjson.Result) bool {
			pkg.ForEach(func(_, title gjson.Result) bool {
				title.ForEach(func(_, constraint gjson.Result) bool {
					found = constraint.IsObject() && constraint.Get("file").Type == gjson.String
					return false
				})
				return false
			})
			return false
		})
		if found {
			return true
		}
	}
	return false
}

func (r *reader) cloudVariant(byID map[string]*Patch, origin, pkg, title string, c member) {
	var file string
	if err := text(c.value, &file, "the name of a diff"); err != nil {
		r.diagnose("", "%s: %s: %q: %s: %v", cloudFile, pkg, title, c.name, err)
		return
	}
	name := cloudName.FindStringSubmatch(file)
	if name == nil {
		r.diagnose("", "%s: %s: %q: the name %q is not of the form ID__description__version.patch", cloudFile, pkg, title, file)
		return
	}
	id := name[1]
	v := &Variant{Title: title}
	if !r.diff(v, id, file) || !r.constrain(v, id, pkg, c.name) {
		return
	}
	p := byID[strings.ToLower(id)]
	if p == nil {
		p = &Patch{
			ID: id, Title: title, Categories: []string{"Other"}, Origin: origin, Type: Optional,
			Source: r.source.Name,
		}
		byID[strings.ToLower(id)] = p
		r.patches = append(r.patches, p)
	}
	p.Variants = append(p.Variants, v)
}
