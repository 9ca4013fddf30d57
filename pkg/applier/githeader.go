package applier

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// A gitHeader holds what stands between a "diff --git" line and its hunks.
type gitHeader struct {
	line             int    // of the "diff --git" line
	path             string // the name that both sides share, "" if the line does not tell
	created, deleted bool
	oldMode, newMode fs.FileMode
	from, to         string
	oldBlob, newBlob string
	renamed, copied  bool
	binary           bool
}

// gitHeader reads a header. Lines it does not know end it: they are prose.
func (s *scanner) gitHeader() (*gitHeader, error) {
	h := &gitHeader{line: s.number()}
	h.path = commonName(strings.TrimRight(string(s.next()[len("diff --git "):]), "\r\n"))
	for !s.done() {
		line := strings.TrimRight(string(s.peek()), "\r\n")
		known, err := h.read(line)
		if err != nil {
			return nil, &ParseError{s.number(), err.Error()}
		}
		if !known {
			break
		}
		s.next()
	}
	if h.oldMode != 0 && h.newMode != 0 && (h.oldMode^h.newMode)&fs.ModeSymlink != 0 {
		return nil, &ParseError{h.line, "the git header turns a file into a link, or back: that takes a deletion and a creation"}
	}
	return h, nil
}

// read takes one line of an extended header.
func (h *gitHeader) read(line string) (known bool, err error) {
	for _, field := range []struct {
		prefix string
		set    func(value string) error
	}{
		{"old mode ", mode(&h.oldMode)},
		{"new mode ", mode(&h.newMode)},
		{"new file mode ", func(v string) error { h.created = true; return mode(&h.newMode)(v) }},
		{"deleted file mode ", func(v string) error { h.deleted = true; return mode(&h.oldMode)(v) }},
		{"rename from ", func(v string) error { h.renamed = true; return name(&h.from)(v) }},
		{"rename to ", func(v string) error { h.renamed = true; return name(&h.to)(v) }},
		{"copy from ", func(v string) error { h.copied = true; return name(&h.from)(v) }},
		{"copy to ", func(v string) error { h.copied = true; return name(&h.to)(v) }},
		{"similarity index ", ignore},
		{"dissimilarity index ", ignore},
		{"index ", h.blobs},
		{"GIT binary patch", func(string) error { h.binary = true; return nil }},
		{"Binary files ", func(string) error { h.binary = true; return nil }},
	} {
		if value, ok := strings.CutPrefix(line, field.prefix); ok {
			return true, field.set(value)
		}
	}
	return false, nil
}

func ignore(string) error { return nil }

// blobs reads "OLD..NEW", maybe with a mode behind it. What has another form is prose.
func (h *gitHeader) blobs(v string) error {
	v, _, _ = strings.Cut(v, " ")
	old, new, ok := strings.Cut(v, "..")
	if ok && isObject(old) && isObject(new) {
		h.oldBlob, h.newBlob = old, new
	}
	return nil
}

// isObject reports whether s is the name of a git object, maybe cut short.
func isObject(s string) bool {
	return len(s) >= 7 && strings.Trim(s, "0123456789abcdef") == ""
}

func name(to *string) func(string) error {
	return func(v string) error {
		if strings.HasPrefix(v, `"`) {
			if unquoted, _, ok := unquote(v); ok {
				v = unquoted
			}
		}
		*to = slashRun.ReplaceAllString(v, "/")
		return nil
	}
}

// mode reads the modes that git knows: regular, executable, link, and (refused) submodule.
func mode(to *fs.FileMode) func(string) error {
	return func(v string) error {
		n, err := strconv.ParseUint(strings.TrimSpace(v), 8, 32)
		if err != nil {
			return fmt.Errorf("invalid mode %q", v)
		}
		switch n & 0o170000 {
		case 0o100000:
			*to = 0o644
			if n&0o100 != 0 {
				*to = 0o755
			}
		case 0o120000:
			*to = fs.ModeSymlink | 0o777
		default:
			return fmt.Errorf("mode %s is not that of a file (submodules are not supported)", v)
		}
		return nil
	}
}

// commonName finds the name in "a/NAME b/NAME", which may hold spaces.
func commonName(args string) string {
	if strings.HasPrefix(args, `"`) {
		first, _, ok := unquote(args)
		if !ok {
			return ""
		}
		path, _ := stripComponents(first, 1)
		return path
	}
	from := strings.IndexByte(args, '/') + 1
	if from == 0 {
		return ""
	}
	// The name ends at a space after which, one component on, it comes again and ends
	// the line. With i grows what the first and lessens what the second takes: of all
	// spaces one has a slash at the right place behind it.
	slash := 0
	for i := from; i < len(args); i++ {
		if args[i] != ' ' {
			continue
		}
		if slash <= i {
			n := strings.IndexByte(args[i:], '/')
			if n < 0 {
				return ""
			}
			slash = i + n
		}
		if name := args[from:i]; len(args)-slash-1 == len(name) && args[slash+1:] == name {
			return slashRun.ReplaceAllString(name, "/")
		}
	}
	return ""
}

// bareEntry returns the entry of a header that has no hunks; ok is false if it says nothing.
func (h *gitHeader) bareEntry() (e Entry, ok bool, err error) {
	e = Entry{
		DiffLine: h.line,
		Old:      Side{Path: h.path, Presence: Present, Mode: h.oldMode},
		New:      Side{Path: h.path, Presence: Present, Mode: h.newMode},
	}
	if h.moved() {
		e.Old.Path, e.New.Path, e.Copy = h.from, h.to, h.copied
	}
	switch {
	case h.binary:
		return e, false, &ParseError{h.line, fmt.Sprintf("%q: binary changes are not supported", e.Path())}
	case h.created:
		e.Old.Presence = Absent
	case h.deleted:
		e.New.Presence = Absent
	case !h.moved() && h.newMode == 0:
		return e, false, nil
	}
	if e.Old.Path == "" || e.New.Path == "" {
		return e, false, &ParseError{h.line, "the git header does not name its file"}
	}
	return e, true, nil
}

func (h *gitHeader) moved() bool { return h.renamed || h.copied }

// amend adds to an entry what its header says. A header that contradicts the hunks is an error.
func (h *gitHeader) amend(e *Entry) error {
	contradiction := func(format string, args ...any) error {
		return &ParseError{h.line, "the git header contradicts its hunks: " + fmt.Sprintf(format, args...)}
	}
	if h.binary {
		return &ParseError{h.line, fmt.Sprintf("%q: binary changes are not supported", e.Path())}
	}
	e.Old.Mode, e.New.Mode = h.oldMode, h.newMode
	e.Old.Blob, e.New.Blob = h.oldBlob, h.newBlob
	switch {
	case h.moved():
		// The names of the hunks are h.from alone if it is a prefix of h.to.
		known := e.New.Path == h.to || e.New.Path == h.from && strings.HasPrefix(h.to, h.from)
		if e.Old.Presence == Absent || e.New.Presence == Absent || !known {
			return contradiction("it moves %q to %q, they are about %q", h.from, h.to, e.Path())
		}
		e.Old.Path, e.New.Path, e.Copy = h.from, h.to, h.copied
		e.Old.Presence, e.New.Presence = Present, Present
		return nil
	case h.created && h.deleted:
		return contradiction("%q cannot be both created and deleted", e.Path())
	case h.created:
		if e.Old.Presence == Present {
			return contradiction("it creates %q, they change it", e.Path())
		}
		e.Old.Presence, e.New.Presence = Absent, Present
	case h.deleted:
		if e.New.Presence == Present {
			return contradiction("it deletes %q, they change it", e.Path())
		}
		e.New.emptyCounts = e.New.Presence == Open
		e.Old.Presence, e.New.Presence = Present, Absent
	case h.newMode != 0:
		if e.Old.Presence == Absent || e.New.Presence == Absent {
			return contradiction("it changes the mode of %q, they create or delete it", e.Path())
		}
		e.Old.Presence, e.New.Presence = Present, Present
	}
	if h.path != "" && e.Path() != h.path {
		return contradiction("it is about %q, they are about %q", h.path, e.Path())
	}
	return nil
}
