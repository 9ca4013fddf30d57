package lint

import (
	"slices"
	"strings"
)

// references looks at what patches say about each other.
func (l *linter) references() {
	for _, p := range l.patches {
		for _, v := range p.variants {
			for _, r := range v.require {
				l.required(v, r)
			}
			if v.replaced != nil {
				l.replacement(v)
			}
		}
	}
	l.circles(RuleRequireCircular, "requires", func(v variant) []*node { return v.require })
	l.circles(RuleReplaceCircular, "is replaced with", func(v variant) []*node {
		if v.replaced == nil {
			return nil
		}
		return []*node{v.replaced}
	})
}

// variants returns those of an id.
func (l *linter) variants(id string) []variant {
	var list []variant
	for _, p := range l.ids[strings.ToLower(id)] {
		list = append(list, p.variants...)
	}
	return list
}

func (l *linter) required(v variant, r *node) {
	if l.ids[strings.ToLower(r.text)] == nil {
		if other, ok := l.others.Patch(r.text); ok {
			l.report(RuleRequireElsewhere, Note, v.patch, r, "requires %s, which only %s has", r.text, other.Source)
			return
		}
		l.report(RuleRequireDangling, Error, v.patch, r, "requires %s, which this catalogue does not have", r.text)
		return
	}
	// Only variants that can be chosen together with this one matter.
	if v.deprecated {
		return
	}
	for _, w := range l.variants(r.text) {
		if w.deprecated && w.pkg == v.pkg && w.constraint.Intersects(v.constraint) {
			l.report(RuleRequireDeprecated, Warning, v.patch, r, "requires %s, which is deprecated for %s %s", r.text, w.pkg, w.constraint)
			return
		}
	}
}

func (l *linter) replacement(v variant) {
	id := v.replaced.text
	if l.ids[strings.ToLower(id)] == nil {
		if _, ok := l.others.Patch(id); !ok {
			l.report(RuleReplaceDangling, Error, v.patch, v.replaced, "is replaced with %s, which this catalogue does not have", id)
		}
		return
	}
	fits := slices.ContainsFunc(l.variants(id), func(w variant) bool {
		return w.pkg == v.pkg && w.constraint.Intersects(v.constraint)
	})
	if !fits {
		l.report(RuleReplaceRange, Warning, v.patch, v.replaced, "is replaced with %s, which is for no version of %s that satisfies %s", id, v.pkg, v.constraint)
	}
}

// circles reports each circle once, at the patch of it that comes first.
func (l *linter) circles(rule, verb string, next func(v variant) []*node) {
	const (
		onPath = 1
		done   = 2
	)
	state := map[string]int{}
	var trail []string
	var visit func(id string)
	visit = func(id string) {
		key := strings.ToLower(id)
		state[key] = onPath
		trail = append(trail, id)
		for _, v := range l.variants(id) {
			for _, n := range next(v) {
				switch state[strings.ToLower(n.text)] {
				case 0:
					if l.ids[strings.ToLower(n.text)] != nil {
						visit(n.text)
					}
				case onPath:
					from := slices.IndexFunc(trail, func(t string) bool { return strings.EqualFold(t, n.text) })
					circle := append(slices.Clone(trail[from:]), n.text)
					l.report(rule, Error, v.patch, n, "%s", strings.Join(circle, " "+verb+" "))
				}
			}
		}
		trail = trail[:len(trail)-1]
		state[key] = done
	}
	for _, p := range l.patches {
		if state[strings.ToLower(p.id)] == 0 {
			visit(p.id)
		}
	}
}
