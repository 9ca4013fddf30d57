package compat

import (
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Version is a version as Composer understands it. It is a small value, made by [ParseVersion] or
// [NormalizedVersion]; the zero Version stands for "no version", satisfies only "*" and sorts first.
type Version struct {
	written    string
	normalized string
	order      *semver.Version // the place in Composer's order; nil in the zero Version
}

// ParseVersion reads a version as written in a composer.json or on a command line, following Composer's
// VersionParser::normalize: "2.4.6-p3", "v2.4.6", "2.4.x-dev", "dev-main". Anything that Composer rejects, such as
// "latest" or "2.4.*", is a *[VersionError].
func ParseVersion(s string) (Version, error) {
	normalized, err := normalize(s)
	if err != nil {
		return Version{}, err
	}
	return Version{written: s, normalized: normalized, order: orderOf(normalized)}, nil
}

// NormalizedVersion takes s as a version that is normalised already, verbatim and unchecked, as Composer does with
// version_normalized in an installed.json. It never fails: what is not in normal form still has its place in
// the order, though perhaps not the expected one.
func NormalizedVersion(s string) Version {
	return Version{written: s, normalized: s, order: orderOf(s)}
}

// String returns the version as it was written.
func (v Version) String() string { return v.written }

// Normalized returns Composer's normal form, such as "2.4.6.0-patch3" for "2.4.6-p3" and "dev-main" for a branch.
func (v Version) Normalized() string { return v.normalized }

// IsBranch reports whether v is a named branch ("dev-main"). Branches have no place among the numbers: they
// satisfy only "*", "!=" and their own name. A numeric branch ("2.4.x-dev") is not a branch in this sense.
func (v Version) IsBranch() bool { return isBranch(v.normalized) }

// IsStable reports whether v has no dev, alpha, beta or RC part (VersionParser::parseStability). Patch releases such
// as "2.4.6-p3" are stable.
func (v Version) IsStable() bool { return v.order != nil && isStable(v.normalized) }

// Compare returns -1, 0 or +1 as v sorts before, with or after o: Composer's Semver::sort, which follows PHP's
// version_compare. Named branches come first, by name, except that dev-master, dev-trunk and dev-default stand
// for 9999999-dev as they do in Composer. "2.4.6" and "2.4.06" are equal.
func (v Version) Compare(o Version) int {
	v, o = v.sortable(), o.sortable()
	switch vb, ob := v.IsBranch(), o.IsBranch(); {
	case v.order == nil || o.order == nil || !vb && !ob:
		return compareOrder(v.order, o.order)
	case vb && ob:
		return strings.Compare(v.normalized, o.normalized)
	case vb:
		return -1
	default:
		return 1
	}
}

// sortable replaces Composer's default branches by the version that they stand for when sorting.
func (v Version) sortable() Version {
	switch v.normalized {
	case "dev-master", "dev-trunk", "dev-default":
		return NormalizedVersion("9999999-dev")
	}
	return v
}

func isBranch(normalized string) bool { return strings.HasPrefix(normalized, "dev-") }
