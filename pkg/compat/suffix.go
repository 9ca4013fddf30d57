package compat

import "strings"

// suffix is what may follow the numbers of a version: a word such as "p" or "beta", numbers that belong to it, and
// "dev" after that. All three may be missing.
type suffix struct {
	word    string // as written
	numbers string // as written, such as "3" or ".2.1-3"
	dev     bool
}

// cutSuffix reads all of s as a suffix, with at most one of "._-" in front. With anyCase, the words may be in
// any case; without it they must be written exactly as Composer's grammar has them.
func cutSuffix(s string, anyCase bool) (suffix, bool) {
	var x suffix
	if s != "" && strings.IndexByte("._-", s[0]) >= 0 {
		s = s[1:]
	}
	for _, word := range [...]string{"stable", "beta", "b", "RC", "alpha", "a", "patch", "pl", "p"} {
		if hasPrefix(s, word, anyCase) {
			x.word, s = s[:len(word)], s[len(word):]
			n := numbersLen(s)
			x.numbers, s = s[:n], s[n:]
			break
		}
	}
	if s == "" {
		return x, true
	}
	if s[0] == '.' || s[0] == '-' {
		s = s[1:]
	}
	x.dev = len(s) == len("dev") && hasPrefix(s, "dev", anyCase)
	return x, x.dev
}

// numbersLen returns the length of the groups of digits at the beginning of s, each of which may follow "." or "-".
func numbersLen(s string) int {
	end := 0
	for {
		i := end
		if i < len(s) && (s[i] == '.' || s[i] == '-') {
			i++
		}
		n := digitsLen(s[i:])
		if n == 0 {
			return end
		}
		end = i + n
	}
}

func digitsLen(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

// appendTo completes the normal form of numbers with x.
func (x suffix) appendTo(numbers string) string {
	if x.word == "stable" { // only in lower case, and whatever follows goes too
		return numbers
	}
	if x.word != "" {
		numbers += "-" + longWord(x.word) + strings.TrimLeft(x.numbers, ".-")
	}
	if x.dev {
		numbers += "-dev"
	}
	return numbers
}

// longWord returns the word that stands in the normal form (VersionParser::expandStability).
func longWord(word string) string {
	switch word = strings.ToLower(word); word {
	case "a":
		return "alpha"
	case "b":
		return "beta"
	case "p", "pl":
		return "patch"
	case "rc":
		return "RC"
	default:
		return word
	}
}

// cutFlag cuts a stability flag ("@beta") off the end of s.
func cutFlag(s string) (rest, flag string, found bool) {
	i := strings.LastIndexByte(s, '@')
	if i < 0 {
		return s, "", false
	}
	for _, name := range [...]string{"stable", "RC", "beta", "alpha", "dev"} {
		if word := s[i+1:]; len(word) == len(name) && equalFoldASCII(word, name) {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// hasPrefix reports whether s begins with prefix.
func hasPrefix(s, prefix string, anyCase bool) bool {
	if len(s) < len(prefix) {
		return false
	}
	return s[:len(prefix)] == prefix || anyCase && equalFoldASCII(s[:len(prefix)], prefix)
}

// equalFoldASCII compares two texts of the same length; unlike strings.EqualFold it folds no letter outside ASCII.
func equalFoldASCII(a, b string) bool {
	for i := range len(a) {
		if a[i] != b[i] && (!isLetter(a[i]) || a[i]|0x20 != b[i]|0x20) {
			return false
		}
	}
	return true
}
