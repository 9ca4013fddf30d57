package own

import (
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/catalog"
)

// sameLine reports whether isolated diffs are for one release and edition.
func sameLine(a, b *catalog.Security) bool {
	return a.Sequence > 0 && b.Sequence > 0 && a.Release == b.Release && a.Edition == b.Edition
}

// Earlier returns the ids that an isolated diff requires: each month counts from 001, and
// what came before has to be in. These are the diff before it in its month, else the last
// one of the months before. A number that is missing in its month is required by the id
// that it must have, together with the last one that is known: so a gap shows.
func Earlier(s *catalog.Security, known []*catalog.Patch) []string {
	var last *catalog.Patch // of the months before
	inMonth := map[int]string{}
	for _, p := range known {
		switch o := p.Security; {
		case o == nil || !sameLine(s, o):
		case o.Month == s.Month:
			inMonth[o.Sequence] = p.ID
		case o.Month < s.Month && (last == nil || o.Month > last.Security.Month ||
			o.Month == last.Security.Month && o.Sequence > last.Security.Sequence):
			last = p
		}
	}
	var ids []string
	for n := s.Sequence - 1; n > 0; n-- {
		id, ok := inMonth[n]
		if !ok {
			id = IsolatedID(s.Release, s.Month, n, s.Edition)
		}
		ids = append(ids, id)
		if ok {
			return ids
		}
	}
	if last != nil {
		ids = append(ids, last.ID)
	}
	return ids
}

// inLine reports whether an id is that of an isolated diff of the line.
func inLine(s *catalog.Security, id string) bool {
	n, err := ParseName(id)
	return err == nil && n.Isolated() && n.Release == s.Release && n.Edition == s.Edition && strings.EqualFold(n.ID, id)
}

// required returns what a variant requires when the ids of its line are replaced; those
// that somebody wrote down beside them stay.
func required(have []string, s *catalog.Security, earlier []string) []string {
	list := slices.DeleteFunc(slices.Clone(have), func(id string) bool {
		return inLine(s, id) || slices.Contains(earlier, id)
	})
	return append(list, earlier...)
}
