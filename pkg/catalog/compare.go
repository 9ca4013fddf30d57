package catalog

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A Change is a patch that differs between two catalogues.
type Change struct {
	// Old and New are nil for a patch that came or went.
	Old, New *Patch
	// What names the parts that differ, "title" or "diffs" for example.
	What []string
}

// Deprecated reports whether the patch is deprecated now and was not before.
func (c Change) Deprecated() bool {
	return c.Old != nil && c.New != nil && !Deprecated(c.Old.Variants) && Deprecated(c.New.Variants)
}

// Compare returns the patches in which two catalogues differ, by id without regard to
// case: those of the new one in its order, then those that it no longer has.
func Compare(older, newer *Catalog) []Change {
	var changes []Change
	for _, p := range newer.Patches {
		old, ok := older.Patch(p.ID)
		if !ok {
			changes = append(changes, Change{New: p})
		} else if what := differences(old, p); len(what) > 0 {
			changes = append(changes, Change{old, p, what})
		}
	}
	for _, p := range older.Patches {
		if _, ok := newer.Patch(p.ID); !ok {
			changes = append(changes, Change{Old: p})
		}
	}
	return changes
}

func differences(a, b *Patch) []string {
	var what []string
	note := func(same bool, name string) {
		if !same {
			what = append(what, name)
		}
	}
	note(a.Title == b.Title, "title")
	note(slices.Equal(a.Categories, b.Categories), "categories")
	note(a.Origin == b.Origin && a.Type == b.Type, "origin")
	note(a.Requirements == b.Requirements, "requirements")
	note(bytes.Equal(a.Metadata, b.Metadata), "metadata")
	note(reflect.DeepEqual(a.Security, b.Security), "vulnerabilities")
	note(variantsEqual(a, b, func(v *Variant) string {
		if v.Base != nil {
			return v.Package + " " + v.Constraint.String() + " with " + v.Base.String()
		}
		return v.Package + " " + v.Constraint.String()
	}), "versions")
	note(variantsEqual(a, b, func(v *Variant) string { return strings.ToLower(strings.Join(v.Require, " ")) }), "required patches")
	note(Deprecated(a.Variants) == Deprecated(b.Variants), "deprecation")
	note(strings.EqualFold(ReplacedWith(a.Variants), ReplacedWith(b.Variants)), "replacement")
	note(variantsEqual(a, b, diffHash), "diffs")
	return what
}

// variantsEqual compares what the variants of two patches say, each thing once.
func variantsEqual(a, b *Patch, of func(*Variant) string) bool {
	set := func(p *Patch) []string {
		var list []string
		for _, v := range p.Variants {
			list = append(list, of(v))
		}
		slices.Sort(list)
		return slices.Compact(list)
	}
	return slices.Equal(set(a), set(b))
}

func diffHash(v *Variant) string {
	b, err := v.Text()
	if err != nil {
		return err.Error()
	}
	return hash(b)
}

func hash(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }
