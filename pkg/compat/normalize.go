package compat

import "strings"

// The characters that PHP's trim cuts off, and those that \s matches in a pattern.
const (
	trimmed = " \t\n\r\x00\v"
	blank   = " \t\n\r\f\v"
)

// anyNumber stands for the x in a numeric branch: "2.4.x-dev" is 2.4.9999999.9999999-dev.
const anyNumber = "9999999"

// normalize returns Composer's normal form of a version, step by step as VersionParser::normalize takes them.
func normalize(written string) (string, error) {
	s := strings.Trim(written, trimmed)
	if aliased, ok := cutAlias(s); ok {
		s = aliased
	}
	s, _, _ = cutFlag(s)
	switch s {
	case "master", "trunk", "default":
		return "dev-" + s, nil
	}
	if hasPrefix(s, "dev-", true) {
		return "dev-" + s[len("dev-"):], nil
	}
	line := cutBuild(strings.TrimSuffix(s, "\n")) // a pattern's end lies before a last line break, too
	if normalized, ok := numeric(line); ok {
		return normalized, nil
	}
	if normalized, ok := date(line); ok {
		return normalized, nil
	}
	if normalized, ok := numericBranch(line); ok {
		return normalized, nil
	}
	return "", &VersionError{Version: written, Reason: reason(line)}
}

// cutAlias returns A for "A as B".
func cutAlias(s string) (string, bool) {
	i := strings.Index(s, " as ")
	if i < 0 {
		return s, false
	}
	a, b := strings.TrimRight(s[:i], " "), strings.TrimLeft(s[i+len(" as "):], " ")
	if a == "" || b == "" || strings.ContainsAny(a, blank+",") || strings.ContainsAny(b, blank+",") {
		return s, false
	}
	return a, true
}

// cutBuild cuts off build metadata ("+build").
func cutBuild(s string) string {
	i := strings.IndexByte(s, '+')
	if i <= 0 || i == len(s)-1 || strings.ContainsAny(s[:i], blank+",") || strings.ContainsAny(s[i:], blank) {
		return s
	}
	return s[:i]
}

// cutV cuts off the v that may stand before the numbers.
func cutV(s string) string {
	if s != "" && s[0]|0x20 == 'v' {
		return s[1:]
	}
	return s
}

// numeric reads one to four numbers, the first of at most five digits, and a suffix.
func numeric(s string) (string, bool) {
	s = cutV(s)
	end := digitsLen(s)
	if end == 0 || end > 5 {
		return "", false
	}
	groups := 1
	for ; groups < 4 && end < len(s) && s[end] == '.'; groups++ {
		n := digitsLen(s[end+1:])
		if n == 0 {
			break
		}
		end += 1 + n
	}
	x, ok := cutSuffix(s[end:], true)
	if !ok {
		return "", false
	}
	return x.appendTo(s[:end] + ".0.0.0"[:2*(4-groups)]), true
}

// date reads a version in date style and a suffix: four digits, one to six pairs of digits, perhaps one to three digits
// more, each with or without one of ".:-" before it.
func date(s string) (string, bool) {
	s = cutV(s)
	end := digitsLen(s)
	if end < 4 {
		return "", false
	}
	last := end - 4 // digits in the last group, not counting those of the year
	sum := last
	for end < len(s) && strings.IndexByte(".:-", s[end]) >= 0 {
		n := digitsLen(s[end+1:])
		if n == 0 {
			break
		}
		if last%2 != 0 {
			return "", false // only the last group may end with something else than a pair
		}
		end, last, sum = end+1+n, n, sum+n
	}
	if sum < 2 || sum > 15 || sum == 15 && last < 3 {
		return "", false
	}
	x, ok := cutSuffix(s[end:], true)
	if !ok {
		return "", false
	}
	return x.appendTo(strings.NewReplacer(":", ".", "-", ".").Replace(s[:end])), true
}

// numericBranch reads a branch that is named like a version, such as "2.4.x-dev".
func numericBranch(s string) (string, bool) {
	s = s[strings.LastIndexByte(s, '\n')+1:] // a pattern starts over on each line
	name, ok := cutDev(s)
	if !ok {
		return "", false
	}
	name = strings.Trim(name, trimmed)
	groups := strings.SplitN(cutV(name), ".", 5)
	if len(groups) > 4 || groups[0] == "" || digitsLen(groups[0]) != len(groups[0]) {
		return "", false
	}
	for i, group := range groups {
		switch {
		case i > 0 && isWildcard(group):
			groups[i] = anyNumber
		case group == "" || digitsLen(group) != len(group):
			return "", false
		}
	}
	for len(groups) < 4 {
		groups = append(groups, anyNumber)
	}
	return strings.Join(groups, ".") + "-dev", true
}

// cutDev cuts "dev" off the end of s, with the "." or "-" before it.
func cutDev(s string) (string, bool) {
	i := len(s) - len("dev")
	if i < 0 || !hasPrefix(s[i:], "dev", true) {
		return s, false
	}
	if i > 0 && (s[i-1] == '.' || s[i-1] == '-') {
		i--
	}
	return s[:i], true
}

func isWildcard(s string) bool { return s == "*" || s == "x" || s == "X" }

// reason says why s is not a version.
func reason(s string) string {
	numbers := strings.TrimLeft(s, "vV")
	end := numbersLen(numbers)
	switch {
	case s == "":
		return "it is empty"
	case len(s)-len(numbers) > 1 || end == 0 || !isDigit(numbers[0]):
		return "it does not begin with a number and does not name a branch"
	case end < len(numbers):
		return "unknown suffix " + quote(numbers[end:])
	default:
		return "its numbers are neither one to four groups nor a date"
	}
}
