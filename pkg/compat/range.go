package compat

import "strings"

// appendBounds expands one part of a constraint, following VersionParser::parseConstraint.
func appendBounds(bounds []bound, part string) ([]bound, error) {
	s, _ := cutAlias(part)
	flag := ""
	if rest, name, ok := cutFlag(s); ok && !strings.ContainsAny(rest, blank+",") {
		if s = rest; s == "" {
			s = "*"
		}
		if name != "stable" {
			flag = name
		}
	}
	s = cutReference(s)
	switch {
	case s == "":
		return nil, &VersionError{Version: part, Reason: "it is empty"}
	case isWildcard(s):
		return append(bounds, bound{op: opAny, part: part}), nil
	case onlyWildcards(s):
		return append(bounds, newBound(opGreaterEqual, "0.0.0.0-dev", part)), nil
	case s[0] == '~':
		return appendTilde(bounds, s[1:], part)
	case s[0] == '^':
		return appendCaret(bounds, s[1:], part)
	}
	if groups, ok := cutWildcards(s); ok {
		return appendWildcard(bounds, groups, part), nil
	}
	if from, to, ok := cutHyphen(s); ok {
		return appendHyphen(bounds, from, to, part)
	}
	return appendComparison(bounds, s, flag, part)
}

// appendEnDash expands one part of a constraint that may also be a range written with an en dash.
func appendEnDash(bounds []bound, part string) ([]bound, error) {
	expanded, err := appendBounds(bounds, part)
	if err == nil {
		return expanded, nil
	}
	before, after, _ := strings.Cut(part, enDash)
	from, ok := readNumbers(before)
	if !ok {
		return nil, err
	}
	to, ok := readNumbers(after)
	if !ok {
		return nil, err
	}
	return appendHyphen(bounds, from, to, part)
}

func newBound(op operator, normalized, part string) bound {
	return bound{op: op, version: NormalizedVersion(normalized), part: part}
}

// cutReference cuts the commit off "dev-main#a1b2c3" and "2.4.x-dev#a1b2c3".
func cutReference(s string) string {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ',' || c == '@' || strings.IndexByte(blank, c) >= 0:
			return s
		case c != '#' || i == len(s)-1:
			continue
		}
		const dev, branch = "dev-", ".x-dev"
		if i > len(dev) && hasPrefix(s, dev, true) || i > len(branch) && hasPrefix(s[i-len(branch):], branch, true) {
			if strings.IndexByte(s[i:], '\n') < 0 {
				return s[:i]
			}
			return s
		}
	}
	return s
}

// appendTilde expands ~: the last group written may grow.
func appendTilde(bounds []bound, s, part string) ([]bound, error) {
	n, ok := readNumbers(s)
	if !ok {
		return nil, notAVersion(part, s)
	}
	count := n.count - 1
	if n.branch {
		count++
	}
	return appendFrom(bounds, n, max(count, 1), part)
}

// appendCaret expands ^: everything behind the first group that is not zero may grow.
func appendCaret(bounds []bound, s, part string) ([]bound, error) {
	n, ok := readNumbers(s)
	if !ok {
		return nil, notAVersion(part, s)
	}
	count := 1
	for count < min(n.count, 3) && n.groups[count-1] == "0" {
		count++
	}
	return appendFrom(bounds, n, count, part)
}

// appendFrom appends the range from n to where the first so many of its groups change.
func appendFrom(bounds []bound, n numbers, count int, part string) ([]bound, error) {
	low, err := n.lowest()
	if err != nil {
		return nil, notAVersion(part, n.written)
	}
	return append(bounds,
		newBound(opGreaterEqual, low, part),
		newBound(opLess, next(n.groups, count), part)), nil
}

func appendWildcard(bounds []bound, w wildcard, part string) []bound {
	if low := floor(w.groups, w.count) + "-dev"; low != "0.0.0.0-dev" {
		bounds = append(bounds, newBound(opGreaterEqual, low, part))
	}
	return append(bounds, newBound(opLess, next(w.groups, w.count), part))
}

// cutHyphen takes "A - B" apart.
func cutHyphen(s string) (from, to numbers, ok bool) {
	before, after, ok := strings.Cut(s, " ")
	if !ok {
		return from, to, false
	}
	after, ok = strings.CutPrefix(strings.TrimLeft(after, " "), "- ")
	if !ok {
		return from, to, false
	}
	if from, ok = readNumbers(before); !ok {
		return from, to, false
	}
	to, ok = readNumbers(strings.TrimLeft(after, " "))
	return from, to, ok
}

// appendHyphen expands a range that includes everything that B stands for: B itself if it is complete, else
// all that begins with it.
func appendHyphen(bounds []bound, from, to numbers, part string) ([]bound, error) {
	low, err := normalize(from.written)
	if err != nil {
		return nil, err
	}
	if from.final() {
		low += "-dev"
	}
	high, err := normalize(to.written)
	if err != nil {
		return nil, err
	}
	upper := newBound(opLessEqual, high, part)
	if to.count < 3 && to.final() {
		upper = newBound(opLess, next(to.groups, to.count), part)
	}
	return append(bounds, newBound(opGreaterEqual, low, part), upper), nil
}

// appendComparison expands an operator, or none, and a version.
func appendComparison(bounds []bound, s, flag, part string) ([]bound, error) {
	op, s := cutOperator(s)
	s = strings.TrimLeft(s, blank)
	s, _, _ = strings.Cut(s, "\n") // Composer ignores what follows on another line
	normalized, err := normalize(s)
	if err != nil {
		branch, ok := strings.CutSuffix(s, "-dev")
		if !ok || strings.Trim(branch, "-./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
			return nil, notAVersion(part, s)
		}
		if normalized, err = normalize("dev-" + branch); err != nil {
			return nil, err
		}
	}
	switch {
	case op != opEqual && flag != "" && isStable(normalized):
		normalized += "-" + flag
	case (op == opLess || op == opGreaterEqual) && !hasHyphenatedSuffix(s) && !isBranch(normalized):
		normalized += "-dev"
	}
	return append(bounds, newBound(op, normalized, part)), nil
}

func cutOperator(s string) (operator, string) {
	for _, o := range [...]struct {
		text string
		op   operator
	}{
		{"<>", opNotEqual},
		{"!=", opNotEqual},
		{">=", opGreaterEqual},
		{">", opGreater},
		{"<=", opLessEqual},
		{"<", opLess},
		{"==", opEqual},
		{"=", opEqual},
	} {
		if rest, ok := strings.CutPrefix(s, o.text); ok {
			return o.op, rest
		}
	}
	return opEqual, s
}

// hasHyphenatedSuffix reports whether s ends with a hyphen and a suffix, the sign that its author meant this very
// version as a bound. Composer looks for "RC" in a text in lower case and so never finds it.
func hasHyphenatedSuffix(s string) bool {
	s = strings.ToLower(s)
	for i := range len(s) {
		if s[i] == '-' {
			if _, ok := cutSuffix(s[i+1:], false); ok {
				return true
			}
		}
	}
	return false
}

// notAVersion explains why a part cannot be read.
func notAVersion(part, version string) error {
	_, err := normalize(version)
	if err == nil || version == "" {
		return &VersionError{Version: part, Reason: "it is not a version with an operator of Composer's"}
	}
	return err
}
