package declared

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Level says how much a rule of the policy matters.
type Level string

// The levels.
const (
	Off  Level = "off"
	Warn Level = "warn"
	Deny Level = "deny"
)

// A Policy says which patches a shop accepts.
type Policy struct {
	// Deprecated, Replaced and Ineligible are about what the catalogue says of a patch.
	Deprecated, Replaced, Ineligible Level
	// UnknownOrigin is about patches whose origin is not among Origins, or whose catalogue
	// is neither installed by Composer, nor bundled, nor named in qpt.yaml.
	UnknownOrigin Level
	// Unpinned is about declarations without a hash.
	Unpinned Level
	// TooMany is about more than MaxPatches.
	TooMany    Level
	MaxPatches int
	// Categories has the level of each category that has one.
	Categories map[string]Level
	// Origins are those that are known; nil for the usual ones.
	Origins []string
}

// CategoryLevel returns the level of a category, in any case; deny where it has several.
func (p *Policy) CategoryLevel(name string) Level {
	level := Off
	for have, l := range p.Categories {
		if strings.EqualFold(have, name) && (level == Off || l == Deny) {
			level = l
		}
	}
	return level
}

func defaultPolicy() Policy {
	return Policy{
		Deprecated: Warn, Replaced: Warn, Ineligible: Deny, UnknownOrigin: Off, Unpinned: Off, TooMany: Off,
		Categories: map[string]Level{},
	}
}

func (r *reader) level(n *yaml.Node, to *Level) error {
	text := n.Value
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" && (text == "off" || text == "Off" || text == "OFF" || text == "false") {
		text = string(Off)
	}
	switch l := Level(text); l {
	case Off, Warn, Deny:
		*to = l
		return nil
	}
	return r.errorf(n.Line, "policy: expected off, warn or deny, not %q", text)
}

func (r *reader) policy(n *yaml.Node) error {
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return r.errorf(n.Line, "policy: expected rules with off, warn or deny")
	}
	p := &r.set.Policy
	levels := map[string]*Level{
		"deprecated": &p.Deprecated, "replaced": &p.Replaced, "ineligible": &p.Ineligible,
		"unknown-origin": &p.UnknownOrigin, "unpinned": &p.Unpinned,
	}
	for key, value := range pairs(n) {
		var err error
		switch to := levels[key.Value]; {
		case to != nil:
			err = r.level(value, to)
		case key.Value == "max-patches":
			err = r.maxPatches(value)
		case key.Value == "categories":
			err = r.categories(value)
		case key.Value == "origins":
			var items []*yaml.Node
			items, err = r.texts(value, "policy: origins")
			p.Origins = []string{}
			for _, item := range items {
				p.Origins = append(p.Origins, item.Value)
			}
		default:
			err = r.errorf(key.Line, "policy: unknown rule %q; there are %s", key.Value, strings.Join(rules(levels), ", "))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rules are what a policy may have.
func rules(levels map[string]*Level) []string {
	return slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(levels)), "max-patches", "categories", "origins")))
}

// maxPatches reads a number, which denies more, or {deny: N} or {warn: N}.
func (r *reader) maxPatches(n *yaml.Node) error {
	p := &r.set.Policy
	p.TooMany = Deny
	number := n
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 {
		if err := r.level(n.Content[0], &p.TooMany); err != nil {
			return err
		}
		number = target(n.Content[1])
	}
	var err error
	if p.MaxPatches, err = strconv.Atoi(number.Value); err != nil || p.MaxPatches < 0 {
		return r.errorf(n.Line, "policy: max-patches: expected a number, or a level and a number as in {warn: 20}")
	}
	return nil
}

// categories reads {deny: [NAME…], warn: [NAME…]}.
func (r *reader) categories(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode && !isNull(n) {
		return r.errorf(n.Line, "policy: categories: expected lists of names under deny or warn")
	}
	for key, value := range pairs(n) {
		var level Level
		if err := r.level(key, &level); err != nil {
			return err
		}
		items, err := r.texts(value, "policy: categories")
		if err != nil {
			return err
		}
		for _, item := range items {
			r.set.Policy.Categories[item.Value] = level
		}
	}
	return nil
}
