package applier

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// names fills in the sides of an entry from what follows "--- " and "+++ ".
//
// One path serves both sides, as in git: the new name, unless the old one is a
// proper prefix of it (f and f.orig).
func (s *scanner) names(e *Entry, oldLine, newLine []byte) error {
	if !s.slashes(oldLine, newLine) {
		s.strip = 0
	}
	var path string
	var ok bool
	switch {
	case isDevNull(oldLine):
		e.Old.Presence, e.New.Presence = Absent, Present
		path, ok = fileName(newLine, s.strip)
	case isDevNull(newLine):
		e.Old.Presence, e.New.Presence = Present, Absent
		path, ok = fileName(oldLine, s.strip)
	default:
		var oldPath string
		var oldOK bool
		oldPath, oldOK = fileName(oldLine, s.strip)
		path, ok = fileName(newLine, s.strip)
		if oldOK && (!ok || strings.HasPrefix(path, oldPath)) {
			path, ok = oldPath, true
		}
		switch {
		case isEpoch(oldLine):
			e.Old.Presence, e.New.Presence = Absent, Present
		case isEpoch(newLine):
			e.Old.Presence, e.New.Presence = Present, Absent
		}
	}
	if !ok {
		return &ParseError{e.DiffLine, "no file name in the --- and +++ lines"}
	}
	e.Old.Path, e.New.Path = path, path
	return nil
}

// slashes reports whether leading components are to be stripped: not when neither
// name has a slash, from then on for the rest of the input.
func (s *scanner) slashes(oldLine, newLine []byte) bool {
	if s.strip == 0 {
		return false
	}
	depth := func(line []byte) (slash, known bool) {
		if isDevNull(line) {
			return false, false
		}
		name, ok := fileName(line, 0)
		return strings.Contains(name, "/"), ok
	}
	newSlash, newKnown := depth(newLine)
	oldSlash, oldKnown := depth(oldLine)
	if !oldKnown {
		oldSlash, oldKnown = newSlash, newKnown
	}
	return !oldKnown || !newKnown || oldSlash || newSlash
}

func isDevNull(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("/dev/null"))
	return ok && len(rest) > 0 && bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0
}

// timestamp matches a date at the end of a header line, with what separates it from the name.
var timestamp = regexp.MustCompile(`(?:\t| +)(?:\d\d)?\d\d-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\.\d+)?)?(?: [+-]\d\d:?\d\d)?$`)

// fileName reads the name in a header line: a quoted one, or all that stands before
// a trailing timestamp, or before the first tab or CR. It removes strip leading
// components and then doubled slashes.
func fileName(line []byte, strip int) (string, bool) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	if len(line) > 0 && line[0] == '"' {
		if name, _, ok := unquote(string(line)); ok {
			return stripComponents(name, strip)
		}
	}
	if at := timestamp.FindIndex(line); at != nil && at[0] > 0 {
		line = line[:at[0]]
	} else if i := bytes.IndexAny(line, "\t\r"); i >= 0 {
		line = line[:i]
	}
	return stripComponents(string(line), strip)
}

var slashRun = regexp.MustCompile(`//+`)

func stripComponents(name string, n int) (string, bool) {
	for range n {
		i := strings.IndexByte(name, '/')
		if i < 0 {
			return "", false
		}
		name = name[i+1:]
	}
	return slashRun.ReplaceAllString(name, "/"), name != ""
}

// unquote reads a C-style quoted name at the start of s, as git writes names with
// control characters, quotes or bytes above 127, and returns what follows it.
func unquote(s string) (name, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i >= len(s) {
				return "", "", false
			}
			switch c := s[i]; c {
			case '0', '1', '2', '3':
				if i+3 > len(s) {
					return "", "", false
				}
				n, err := strconv.ParseUint(s[i:i+3], 8, 8)
				if err != nil {
					return "", "", false
				}
				b.WriteByte(byte(n))
				i += 2
			case '"', '\\':
				b.WriteByte(c)
			default:
				j := strings.IndexByte("abfnrtv", c)
				if j < 0 {
					return "", "", false
				}
				b.WriteByte("\a\b\f\n\r\t\v"[j])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// isEpoch reports whether a header line carries the start of Unix time, with zone,
// after its last tab: some diff tools mark a missing file so.
func isEpoch(line []byte) bool {
	stamp := strings.TrimSuffix(string(line[bytes.LastIndexByte(line, '\t')+1:]), "\n")
	if !strings.HasPrefix(stamp, "1970-01-01 ") && !strings.HasPrefix(stamp, "1969-12-31 ") {
		return false
	}
	for _, layout := range []string{"2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 -07:00"} {
		if t, err := time.Parse(layout, stamp); err == nil {
			return t.Unix() == 0 && t.Nanosecond() == 0
		}
	}
	return false
}

// badPath says what is wrong with a path, by git's rules, or returns "".
func badPath(path string) string {
	if strings.HasPrefix(path, "/") {
		return "it is absolute"
	}
	for part := range strings.SplitSeq(path, "/") {
		switch trimmed := strings.ToLower(strings.TrimRight(part, ". ")); {
		case part == "":
			return "it has an empty component"
		case part == ".", part == "..":
			return "it has a component " + strconv.Quote(part)
		case trimmed == ".git", trimmed == "git~1":
			return "it reaches into .git"
		case strings.ContainsRune(part, 0):
			return "it holds a NUL byte"
		}
	}
	return ""
}
