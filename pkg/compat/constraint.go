package compat

// Constraint is a set of versions, written in Composer's constraint syntax. It is a small value, made by
// [ParseConstraint] and safe for concurrent use; the zero Constraint allows nothing.
type Constraint struct {
	written      string
	alternatives [][]bound // satisfied if all the bounds of one alternative are
}

// String returns the constraint as it was written.
func (c Constraint) String() string { return c.written }

// Allows reports whether v satisfies c, as Composer's Semver::satisfies. It does not allocate.
func (c Constraint) Allows(v Version) bool {
	for _, bounds := range c.alternatives {
		if firstMiss(bounds, v) < 0 {
			return true
		}
	}
	return false
}

// Explain reports whether v satisfies c, and if not, which part of each alternative excluded it. It agrees with
// [Constraint.Allows].
func (c Constraint) Explain(v Version) Verdict {
	verdict := Verdict{version: v.String(), constraint: c.written}
	for _, bounds := range c.alternatives {
		i := firstMiss(bounds, v)
		if i < 0 {
			verdict.Satisfied, verdict.Exclusions = true, nil
			return verdict
		}
		verdict.Exclusions = append(verdict.Exclusions, Exclusion{Part: bounds[i].part, Side: bounds[i].side(v)})
	}
	return verdict
}

// firstMiss returns the index of the first bound that v does not satisfy, or -1.
func firstMiss(bounds []bound, v Version) int {
	for i := range bounds {
		if !bounds[i].allows(v) {
			return i
		}
	}
	return -1
}
