package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/tidwall/gjson"
)

// A member is one name and value of a JSON object. Catalogues are read by their
// members because their order is the order in which diffs are applied.
type member struct {
	name  string
	value json.RawMessage
}

// members splits a JSON object, which must be valid. When a name occurs twice the
// last value counts, in the place of the first, as in PHP; repeated names are returned.
func members(src json.RawMessage) (list []member, repeated []string, err error) {
	object := gjson.ParseBytes(src)
	if object.IsArray() && len(object.Array()) == 0 {
		return nil, nil, nil // PHP writes an empty object as an empty list
	}
	if !object.IsObject() {
		return nil, nil, fmt.Errorf("expected an object, found %s", kind(src))
	}
	at := map[string]int{}
	object.ForEach(func(key, value gjson.Result) bool {
		m := member{name: key.Str, value: json.RawMessage(value.Raw)}
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
	var value json.RawMessage
	if err := json.Unmarshal(src, &value); err != nil {
		return syntaxError(src, err)
	}
	return nil
}

// syntaxError adds the line to an error of encoding/json.
func syntaxError(src []byte, err error) error {
	var offset int64
	if e, ok := err.(*json.SyntaxError); ok {
		offset = e.Offset
	} else {
		offset = int64(len(src))
	}
	line := 1 + bytes.Count(src[:min(offset, int64(len(src)))], []byte("\n"))
	return fmt.Errorf("not valid JSON at line %d: %w", line, err)
}

// kind names the type of a JSON value for an error message.
func kind(v json.RawMessage) string {
	v = bytes.TrimSpace(v)
	if len(v) == 0 {
		return "nothing"
	}
	switch v[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "text"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "a number"
}

// field decodes a value into target and says what was expected if it has another type.
func field(value json.RawMessage, target any, expected string) error {
	if err := json.Unmarshal(value, target); err != nil {
		return fmt.Errorf("expected %s, found %s", expected, kind(value))
	}
	return nil
}

// quality reads the format of magento/quality-patches:
// id → {title, categories, requirements, metadata, packages → constraint → variant}.
func (r *reader) quality(src []byte, origin string) error {
	entries, repeated, err := members(src)
	if err != nil {
		return err
	}
	r.reportRepeated("", repeated)
	for _, e := range entries {
		p := &Patch{ID: e.name, Origin: origin, Type: Optional, Source: r.source.Name, article: r.article(e.name)}
		if err := r.qualityPatch(p, e.value); err != nil {
			r.diagnose(e.name, "%v", err)
			continue
		}
		if len(p.Variants) == 0 {
			r.diagnose(e.name, "no usable variant is left")
			continue
		}
		r.patches = append(r.patches, p)
	}
	return nil
}

func (r *reader) reportRepeated(id string, names []string) {
	for _, name := range names {
		r.diagnose(id, "%q occurs more than once, the last counts", name)
	}
}

func (r *reader) qualityPatch(p *Patch, src json.RawMessage) error {
	fields, repeated, err := members(src)
	if err != nil {
		return err
	}
	r.reportRepeated(p.ID, repeated)
	var packages json.RawMessage
	for _, f := range fields {
		var err error
		switch f.name {
		case "title":
			err = field(f.value, &p.Title, "text")
		case "categories":
			err = field(f.value, &p.Categories, "a list of texts")
		case "requirements", "requirement": // two real entries have the second spelling
			err = field(f.value, &p.Requirements, "text")
		case "metadata":
			p.Metadata = f.value
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
	if packages == nil {
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
			continue
		}
		r.reportRepeated(p.ID, repeated)
		for _, c := range constraints {
			if err := r.qualityVariant(p, pkg.name, c); err != nil {
				r.diagnose(p.ID, "%s: %s: %v", pkg.name, c.name, err)
			}
		}
	}
	return nil
}

func (r *reader) qualityVariant(p *Patch, pkg string, c member) error {
	fields, _, err := members(c.value)
	if err != nil {
		return err
	}
	data := map[string]json.RawMessage{}
	for _, f := range fields {
		data[f.name] = f.value
	}
	var file string
	if data["file"] == nil {
		return fmt.Errorf("the diff's name is missing (\"file\")")
	}
	if err := field(data["file"], &file, "the name of a diff"); err != nil {
		return fmt.Errorf("file: %w", err)
	}
	v, ok := r.variant(p.ID, file)
	if !ok || !r.constrain(v, p.ID, pkg, c.name) {
		return nil // reported already
	}
	v.Title = p.Title
	for _, f := range []struct {
		name, expected string
		target         any
	}{
		{"require", "a list of ids", &v.Require},
		{"replaced-with", "an id", &v.ReplacedWith},
	} {
		if data[f.name] == nil {
			continue
		}
		if err := field(data[f.name], f.target, f.expected); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	v.Deprecated = v.ReplacedWith != ""
	if data["deprecated"] != nil {
		if err := field(data["deprecated"], &v.Deprecated, "true or false"); err != nil {
			return fmt.Errorf("deprecated: %w", err)
		}
	}
	p.Variants = append(p.Variants, v)
	return nil
}

// cloudName matches ID__description__version.patch, from which a patch of the
// cloud package has its id.
var cloudName = regexp.MustCompile(`^(.+?)__.*?__.*?\.patch`)

// cloud reads the format of magento/magento-cloud-patches:
// package → title → constraint → file.
func (r *reader) cloud(src []byte, origin string) error {
	packages, repeated, err := members(src)
	if err != nil {
		return err
	}
	r.reportRepeated("", repeated)
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

func (r *reader) cloudVariant(byID map[string]*Patch, origin, pkg, title string, c member) {
	var file string
	if err := field(c.value, &file, "the name of a diff"); err != nil {
		r.diagnose("", "%s: %s: %q: %s: %v", cloudFile, pkg, title, c.name, err)
		return
	}
	name := cloudName.FindStringSubmatch(file)
	if name == nil {
		r.diagnose("", "%s: %s: %q: the name %q is not of the form ID__description__version.patch", cloudFile, pkg, title, file)
		return
	}
	id := name[1]
	v, ok := r.variant(id, file)
	if !ok || !r.constrain(v, id, pkg, c.name) {
		return
	}
	v.Title = title
	p := byID[strings.ToLower(id)]
	if p == nil {
		p = &Patch{
			ID: id, Title: title, Categories: []string{"Other"}, Origin: origin, Type: Optional,
			Source: r.source.Name, article: r.article(id),
		}
		byID[strings.ToLower(id)] = p
		r.patches = append(r.patches, p)
	}
	p.Variants = append(p.Variants, v)
}
