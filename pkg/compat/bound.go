package compat

// operator is the relation that a bound demands.
type operator uint8

const (
	opAny operator = iota // everything, branches too
	opEqual
	opNotEqual
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
)

// bound is one comparison with one version: what every form of constraint is made of in the end.
type bound struct {
	op      operator
	version Version
	part    string // the piece of the constraint, as written, that this bound comes from
}

// allows follows Composer's Constraint::versionCompare.
func (b *bound) allows(v Version) bool {
	if b.op == opAny {
		return true
	}
	if v.order == nil {
		return false
	}
	if v.IsBranch() || b.version.IsBranch() {
		switch b.op {
		case opEqual:
			return v.normalized == b.version.normalized
		case opNotEqual:
			return v.normalized != b.version.normalized
		default:
			return false
		}
	}
	d := compareOrder(v.order, b.version.order)
	switch b.op {
	case opEqual:
		return d == 0
	case opNotEqual:
		return d != 0
	case opLess:
		return d < 0
	case opLessEqual:
		return d <= 0
	case opGreater:
		return d > 0
	default:
		return d >= 0
	}
}

// side says how v, which the bound does not allow, misses it.
func (b *bound) side(v Version) Side {
	switch b.op {
	case opNotEqual:
		return Excluded
	case opEqual:
		if v.IsBranch() && !b.version.IsBranch() {
			return Branch
		}
		return Unequal
	}
	switch {
	case v.IsBranch() || b.version.IsBranch():
		return Branch
	case b.op == opLess || b.op == opLessEqual:
		return Above
	default:
		return Below
	}
}
