package compat

import (
	"encoding/binary"
	"iter"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// The codes of the words and numbers of a version, in the order of PHP's version_compare:
// unknown word < dev < alpha < beta < RC < end < number < patch.
const (
	codeUnknown byte = iota + 1
	codeDev
	codeAlpha
	codeBeta
	codeRC
	codeEnd
	codeNumber // plus the count of significant bytes, which follow: 0 to 8
	codePatch  = codeNumber + 9
)

// orderOf maps a normalised version onto a semantic version with the same place in the order.
//
// The version is written as a string of bytes that sorts as version_compare sorts: one code per word, a length and the
// significant bytes for each number, and an end code. No such string is the beginning of another one, so
// filling up with zeros does not disturb the order. Its first 24 bytes become major, minor and patch; that
// is enough for every version in practice ("2.4.6.0-patch8" takes 11), and the library compares three
// integers without allocating. Whatever is longer goes on in numeric pre-release identifiers of 8 bytes each.
func orderOf(normalized string) *semver.Version {
	var space [64]byte
	key := space[:0]
	if normalized == "" || !isAlphanumeric(normalized[0]) {
		key = append(key, codeUnknown)
	}
	for token := range tokens(normalized) {
		key = appendToken(key, token)
	}
	key = append(key, codeEnd)
	for len(key) < 24 || len(key)%8 != 0 {
		key = append(key, 0)
	}
	word := func(i int) uint64 { return binary.BigEndian.Uint64(key[8*i:]) }
	pre := ""
	if len(key) > 24 {
		var b strings.Builder
		for i := 3; i < len(key)/8; i++ {
			if i > 3 {
				b.WriteByte('.')
			}
			b.WriteString(strconv.FormatUint(word(i), 10))
		}
		pre = b.String()
	}
	return semver.New(word(0), word(1), word(2), pre, "")
}

// compareOrder compares two places in the order; nil comes first.
func compareOrder(a, b *semver.Version) int {
	switch {
	case a == b:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return a.Compare(b)
}

// tokens yields the words and numbers of a version, which end at punctuation and where letters and digits meet.
func tokens(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := 0; i < len(s); {
			start, is := i, isLetter
			if isDigit(s[i]) {
				is = isDigit
			}
			for i < len(s) && is(s[i]) {
				i++
			}
			if i == start {
				i++ // punctuation
			} else if !yield(s[start:i]) {
				return
			}
		}
	}
}

func appendToken(key []byte, token string) []byte {
	if !isDigit(token[0]) {
		return append(key, wordCode(token))
	}
	n, err := strconv.ParseInt(token, 10, 64) // out of range gives the nearest value, as PHP does
	_ = err
	size := byte(0)
	for m := n; m > 0; m >>= 8 {
		size++
	}
	key = append(key, codeNumber+size)
	for i := int(size) - 1; i >= 0; i-- {
		key = append(key, byte(n>>(8*i)))
	}
	return key
}

// wordCode ranks a word by its beginning, as version_compare does.
func wordCode(word string) byte {
	switch {
	case strings.HasPrefix(word, "dev"):
		return codeDev
	case strings.HasPrefix(word, "a"):
		return codeAlpha
	case strings.HasPrefix(word, "b"):
		return codeBeta
	case strings.HasPrefix(word, "RC"), strings.HasPrefix(word, "rc"):
		return codeRC
	case strings.HasPrefix(word, "p"):
		return codePatch
	default:
		return codeUnknown
	}
}

// isStable follows VersionParser::parseStability.
func isStable(normalized string) bool {
	if isBranch(normalized) {
		return false
	}
	for token := range tokens(normalized) {
		if isDigit(token[0]) {
			continue
		}
		switch wordCode(strings.ToLower(token)) {
		case codeDev, codeAlpha, codeBeta, codeRC:
			return false
		}
	}
	return true
}

func isDigit(c byte) bool        { return '0' <= c && c <= '9' }
func isAlphanumeric(c byte) bool { return isDigit(c) || isLetter(c) }
func isLetter(c byte) bool       { return 'a' <= c|0x20 && c|0x20 <= 'z' }
