package compat

// Intersects reports whether there can be a version that satisfies both constraints. It
// compares their bounds, not a list of versions, and takes it that between two different
// versions there is always another one. A constraint that does not intersect itself
// allows nothing.
func (c Constraint) Intersects(o Constraint) bool {
	for _, a := range c.alternatives {
		for _, b := range o.alternatives {
			if satisfiable(append(append(make([]bound, 0, len(a)+len(b)), a...), b...)) {
				return true
			}
		}
	}
	return false
}

// satisfiable reports whether some version satisfies all bounds.
func satisfiable(bounds []bound) bool {
	var low, high *bound // the strictest of each side
	for i := range bounds {
		b := &bounds[i]
		switch b.op {
		case opEqual:
			return firstMiss(bounds, b.version) < 0
		case opLess, opLessEqual:
			if b.version.IsBranch() {
				return false
			}
			if high == nil || stricter(b, high, -1, opLess) {
				high = b
			}
		case opGreater, opGreaterEqual:
			if b.version.IsBranch() {
				return false
			}
			if low == nil || stricter(b, low, +1, opGreater) {
				low = b
			}
		}
	}
	if low == nil || high == nil {
		return true // only so many versions are excluded by !=
	}
	switch d := compareOrder(low.version.order, high.version.order); {
	case d < 0:
		return true
	case d > 0:
		return false
	}
	return firstMiss(bounds, low.version) < 0
}

// stricter reports whether b allows less than the bound of the same side that is known:
// it lies further in a direction, or at the same place without including it.
func stricter(b, known *bound, direction int, strict operator) bool {
	d := compareOrder(b.version.order, known.version.order)
	return d == direction || d == 0 && b.op == strict
}
