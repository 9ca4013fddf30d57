package compat

import "strings"

// Side says how a version missed a part of a constraint.
type Side int

// The ways to miss a part of a constraint.
const (
	Below    Side = iota // the version sorts below everything that the part allows
	Above                // the version sorts above everything that the part allows
	Unequal              // the part demands one version, and this is another
	Excluded             // the part (!= or <>) excludes this very version
	Branch               // a named branch is involved, and branches are never ordered
)

// String returns the side in lower case: "below", "above", "unequal", "excluded" or "branch".
func (s Side) String() string {
	switch s {
	case Below:
		return "below"
	case Above:
		return "above"
	case Unequal:
		return "unequal"
	case Excluded:
		return "excluded"
	case Branch:
		return "branch"
	default:
		return "unknown"
	}
}

// Exclusion is the part of one alternative of a constraint that kept a version out.
type Exclusion struct {
	Part string // as written, such as ">=2.4.6", "~2.4" or "2.4.4 - 2.4.6"
	Side Side   // where the version lies, seen from the part
}

// Verdict is the answer to whether a version satisfies a constraint, with reasons.
type Verdict struct {
	Satisfied bool
	// Exclusions has one entry for each alternative (OR) of the constraint, in order, naming the first part of
	// it that the version does not satisfy. It is empty if the constraint is satisfied.
	Exclusions []Exclusion

	version    string
	constraint string
}

// String returns the verdict as a phrase: "2.4.5 is below >=2.4.6", or for several alternatives
// "2.4.5-p2 is above <2.4.5 and below >=2.4.6".
func (v Verdict) String() string {
	if v.Satisfied {
		return v.version + " satisfies " + v.constraint
	}
	if len(v.Exclusions) == 0 {
		return v.version + " satisfies nothing, as there is no constraint"
	}
	var b strings.Builder
	b.WriteString(v.version)
	for i, e := range v.Exclusions {
		if i > 0 {
			b.WriteString(" and")
		} else {
			b.WriteString(" is")
		}
		switch e.Side {
		case Below:
			b.WriteString(" below ")
		case Above:
			b.WriteString(" above ")
		case Unequal:
			b.WriteString(" not ")
		case Excluded:
			b.WriteString(" excluded by ")
		default:
			b.WriteString(" not comparable (a branch) with ")
		}
		b.WriteString(e.Part)
	}
	return b.String()
}
