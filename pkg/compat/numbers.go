package compat

import (
	"math"
	"strconv"
	"strings"
)

// numbers is a version as ~, ^ and hyphen ranges take it apart: unlike a normalised one it tells how many
// groups were written.
type numbers struct {
	written string
	groups  [4]string
	count   int
	suffix  suffix
	branch  bool // ends with ".x-dev"
}

// readNumbers takes a version apart. What it accepts may still be invalid.
func readNumbers(s string) (numbers, bool) {
	n := numbers{written: s}
	n.groups, n.count, s = cutGroups(cutV(s), 4)
	if n.count == 0 {
		return n, false
	}
	if i := strings.IndexByte(s, '+'); i >= 0 {
		if i == len(s)-1 || strings.ContainsAny(s[i:], blank) {
			return n, false
		}
		s = s[:i]
	}
	if len(s) > 1 && s[0] == '.' && isWildcard(s[1:2]) {
		rest, ok := cutDev(s[2:])
		n.branch = ok && rest == ""
		return n, n.branch
	}
	var ok bool
	n.suffix, ok = cutSuffix(s, true)
	return n, ok
}

// cutGroups cuts up to most groups of digits, with dots in between, off the beginning of s.
func cutGroups(s string, most int) (groups [4]string, count int, rest string) {
	for count < most {
		digits := s
		if count > 0 {
			if s == "" || s[0] != '.' {
				break
			}
			digits = s[1:]
		}
		n := digitsLen(digits)
		if n == 0 {
			break
		}
		groups[count], s = digits[:n], digits[n:]
		count++
	}
	return groups, count, s
}

// final reports whether n has neither a word nor dev after its numbers.
func (n *numbers) final() bool { return n.suffix.word == "" && !n.suffix.dev && !n.branch }

// lowest returns the normal form of the lowest version of a range that starts at n: -dev, unless n says otherwise.
func (n *numbers) lowest() (string, error) {
	if n.final() {
		return normalize(n.written + "-dev")
	}
	return normalize(n.written)
}

// floor returns the first so many of the groups with zeros after them.
func floor(groups [4]string, count int) string {
	for i := count; i < len(groups); i++ {
		groups[i] = "0"
	}
	return strings.Join(groups[:], ".")
}

// next returns the lowest version in which the first so many groups are higher by one.
func next(groups [4]string, count int) string {
	n, err := strconv.ParseInt(groups[count-1], 10, 64)
	if err != nil || n == math.MaxInt64 {
		n = math.MaxInt64 - 1
	}
	groups[count-1] = strconv.FormatInt(n+1, 10)
	return floor(groups, count) + "-dev"
}

// onlyWildcards recognises "*.*", "v*" and the like.
func onlyWildcards(s string) bool {
	if s = cutV(s); len(s)%2 == 0 {
		return false
	}
	for i := range len(s) {
		if i%2 == 0 && !isWildcard(s[i:i+1]) || i%2 == 1 && s[i] != '.' {
			return false
		}
	}
	return true
}

// wildcard is the part before the stars of "2.4.*".
type wildcard struct {
	groups [4]string
	count  int
}

func cutWildcards(s string) (wildcard, bool) {
	var w wildcard
	w.groups, w.count, s = cutGroups(strings.TrimPrefix(s, "v"), 3)
	return w, w.count > 0 && len(s) > 1 && s[0] == '.' && s[1]|0x20 != 'v' && onlyWildcards(s[1:])
}
