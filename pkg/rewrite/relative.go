package rewrite

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/applier"
)

// Relative splits a diff, whose names have one leading component, into one for each package, with paths relative to the
// package's folder and in the order of their names. PackageOf says which package a path belongs to, and its path there.
// Outside are the paths that belong to none, sorted; they are in no part. What stands before the first change is in
// every part, text between the changes in none. A file that moves from one package to another is an error, and so is a
// diff that the applier would not read ([*applier.ParseError]).
func Relative(src []byte, packageOf func(path string) (name, rel string, ok bool)) (parts []Part, outside []string, err error) {
	if _, err := applier.Parse(src); err != nil {
		return nil, nil, err
	}
	sections, err := applier.Sections(src)
	if err != nil {
		return nil, nil, err
	}
	var (
		lead  []byte
		begun bool
		texts = map[string]*bytes.Buffer{}
		paths = map[string][]string{}
	)
	for i := range sections {
		s := &sections[i]
		if !s.Change {
			if !begun {
				lead = append(lead, s.Text...)
			}
			continue
		}
		begun = true
		in, first := "", ""
		var rels, out []string
		for _, n := range s.Names {
			if n.Kind == applier.IndexName {
				continue
			}
			p := path.Clean("/" + pathOf(n, 1))[1:]
			name, rel, ok := packageOf(p)
			switch {
			case !ok:
				out = append(out, p)
			case in != "" && in != name:
				return nil, nil, fmt.Errorf("%s is moved from %s to %s, which cannot be split", first, in, name)
			default:
				in, first = name, p
				rels = append(rels, rel)
			}
		}
		if len(out) > 0 {
			outside = append(outside, out...)
			continue
		}
		text := s.Rename(func(n applier.Name) string {
			p := pathOf(n, 1)
			_, rel, ok := packageOf(path.Clean("/" + p)[1:])
			if !ok { // a name for people alone
				return n.Path
			}
			return strings.TrimSuffix(n.Path, p) + rel
		})
		if texts[in] == nil {
			texts[in] = bytes.NewBuffer(slices.Clone(lead))
		}
		texts[in].Write(text)
		paths[in] = append(paths[in], rels...)
	}
	for name, text := range texts {
		part := Part{Package: name, Text: text.Bytes(), Paths: paths[name]}
		slices.Sort(part.Paths)
		part.Paths = slices.Compact(part.Paths)
		if err := part.checkBelow(); err != nil {
			return nil, nil, err
		}
		parts = append(parts, part)
	}
	slices.SortFunc(parts, func(a, b Part) int { return strings.Compare(a.Package, b.Package) })
	slices.Sort(outside)
	return parts, slices.Compact(outside), nil
}

// checkBelow makes sure that a part says what it was cut out for: that it can be read, and taken back.
func (p *Part) checkBelow() error {
	d, err := applier.Parse(p.Text)
	if err != nil {
		return err
	}
	back, err := Below(p.Text, "folder", 1)
	if err != nil {
		return err
	}
	for i := range back.Paths {
		back.Paths[i] = strings.TrimPrefix(back.Paths[i], "folder/")
	}
	for _, name := range d.Paths() {
		if !slices.Contains(p.Paths, name) || !slices.Contains(back.Paths, name) {
			return fmt.Errorf("the change of %s is written in a way that cannot be cut out", name)
		}
	}
	return nil
}

// Below does the reverse of [Relative] for one diff: its paths, behind that many leading components, are relative to a
// folder, and those of the result to the root, with one leading component. The folder may be "". A diff that has these
// paths already comes back as it is, byte for byte.
func Below(src []byte, folder string, strip int) (*Part, error) {
	sections, err := applier.Sections(src)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	part := &Part{}
	for i := range sections {
		s := &sections[i]
		if !s.Change {
			text.Write(s.Text)
			continue
		}
		if s.Binary {
			return nil, &applier.ParseError{Line: s.Line, Reason: "binary changes are not supported"}
		}
		for _, n := range s.Names {
			if n.Kind == applier.HunkName && strings.Count(n.Path, "/") < strip {
				return nil, missing(s, n, strip)
			}
			if n.Kind != applier.IndexName {
				part.Paths = append(part.Paths, path.Join(folder, pathOf(n, strip)))
			}
		}
		text.Write(s.Rename(func(n applier.Name) string {
			p := pathOf(n, strip)
			to := p
			if folder != "" {
				to = folder + "/" + strings.TrimLeft(p, "/")
			}
			switch {
			case n.Kind == applier.IndexName && strip == 1 && folder == "":
				return n.Path
			case n.Kind != applier.HunkName:
				return to
			case strip == 1:
				return strings.TrimSuffix(n.Path, p) + to
			case n.New:
				return "b/" + to
			}
			return "a/" + to
		}))
	}
	part.Text = text.Bytes()
	if _, err := applier.Parse(part.Text); err != nil {
		return nil, err
	}
	slices.Sort(part.Paths)
	part.Paths = slices.Compact(part.Paths)
	return part, nil
}
