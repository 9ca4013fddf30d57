package applier

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// names fills in the sides of an entry from what follows "--- " and "+++ ".
//
// One path serves both sides, as in git: the new name, unless the old one is a
// proper prefix of it (f and f.orig) and it is not quoted.
func (s *scanner) names(e *Entry, oldLine, newLine []byte) error {
	if bytes.IndexByte(oldLine, 0) >= 0 || bytes.IndexByte(newLine, 0) >= 0 {
		return &ParseError{e.DiffLine, "a NUL byte in the --- and +++ lines"} // git cuts the name there
	}
	if flat(newLine) {
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
		_, quoted := quotedName(bytes.TrimSuffix(newLine, []byte("\n")), s.strip)
		if oldOK && (!ok || !quoted && strings.HasPrefix(path, oldPath)) {
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

// flat reports whether a new name has no slash. Then there is no leading component
// to strip, as git supposes, from then on for the rest of the input.
func flat(newLine []byte) bool {
	if isDevNull(newLine) {
		return false
	}
	name, ok := fileName(newLine, 0)
	return ok && !strings.Contains(name, "/")
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
	if name, ok := quotedName(line, strip); ok {
		return name, true
	}
	if at := findTimestamp(line); at != nil {
		line = line[:at[0]]
	} else if i := bytes.IndexAny(line, "\t\r"); i >= 0 {
		line = line[:i]
	}
	return stripComponents(string(line), strip)
}

// quotedName reads a quoted name; one whose quotes do not end is a plain name.
func quotedName(line []byte, strip int) (string, bool) {
	if len(line) == 0 || line[0] != '"' {
		return "", false
	}
	name, _, ok := unquote(string(line))
	if !ok {
		return "", false
	}
	return stripComponents(name, strip)
}

// findTimestamp returns where a timestamp stands at the end of a line, or nil. Every
// timestamp ends in a digit, hardly any name does.
func findTimestamp(line []byte) []int {
	if n := len(line); n == 0 || line[n-1] < '0' || line[n-1] > '9' {
		return nil
	}
	return timestamp.FindIndex(line)
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
	if strings.Contains(name, "//") {
		name = slashRun.ReplaceAllString(name, "/")
	}
	return name, name != ""
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

// epochStamp matches a time at full minutes of the two dates on which the start of Unix
// time falls, around the globe.
var epochStamp = regexp.MustCompile(`\t(1970-01-01|1969-12-31) ([0-2]\d):([0-5]\d):00(?:\.0+)? ([+-])([0-2]\d):?([0-5]\d)\n?$`)

// isEpoch reports whether a header line carries the start of Unix time, with zone,
// after its last tab: some diff tools mark a missing file so.
func isEpoch(line []byte) bool {
	m := epochStamp.FindSubmatch(line)
	if m == nil {
		return false
	}
	minutes := func(hour, minute []byte) int {
		h, _ := strconv.Atoi(string(hour)) // two digits each
		m, _ := strconv.Atoi(string(minute))
		return 60*h + m
	}
	at, zone := minutes(m[2], m[3]), minutes(m[5], m[6])
	if m[4][0] == '-' {
		zone = -zone
	}
	if string(m[1]) == "1969-12-31" {
		at -= minutes([]byte("24"), []byte("00"))
	}
	return at == zone
}

// gitFolder matches a component that names a repository on some file system. As in
// git, a backslash may separate components, a colon begins a stream of NTFS.
var gitFolder = regexp.MustCompile(`(?i)(?:^|[/\\])(?:\.git|git~1)[. ]*(?:$|[/\\:])`)

// maxPath is how long a path may be, as on the systems that qpt runs on.
const maxPath = 4096

// badPath says what is wrong with a path, by git's rules, or returns "".
func badPath(path string) string {
	switch {
	case len(path) > maxPath:
		return fmt.Sprintf("it is longer than %d bytes", maxPath)
	case strings.HasPrefix(path, "/"):
		return "it is absolute"
	case strings.ContainsRune(path, 0):
		return "it holds a NUL byte"
	case strings.Contains(strings.ToLower(path), "git") && gitFolder.MatchString(path):
		return "it reaches into .git"
	}
	for part := range strings.SplitSeq(path, "/") {
		switch part {
		case "":
			return "it has an empty component"
		case ".", "..":
			return "it has a component " + strconv.Quote(part)
		}
	}
	return ""
}
