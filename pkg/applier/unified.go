package applier

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// Unified writes changes as a diff with git's headers, which [Parse] and git apply read:
// put in, it makes the new files of the old ones byte for byte, and taken out the old ones
// of the new. It is for files of text and for links; a change of the mode is written as
// far as git knows modes.
func Unified(changes []Change) string {
	var b strings.Builder
	for _, c := range changes {
		oldName, newName := QuoteName("a/"+c.Path), QuoteName("b/"+c.Path)
		fmt.Fprintf(&b, "diff --git %s %s\n", oldName, newName)
		var before, after string
		switch {
		case c.Old == nil:
			fmt.Fprintf(&b, "new file mode %s\n", GitMode(c.New.Mode))
			oldName, after = "/dev/null", string(c.New.Data)
		case c.New == nil:
			fmt.Fprintf(&b, "deleted file mode %s\n", GitMode(c.Old.Mode))
			newName, before = "/dev/null", string(c.Old.Data)
		default:
			if GitMode(c.Old.Mode) != GitMode(c.New.Mode) {
				fmt.Fprintf(&b, "old mode %s\nnew mode %s\n", GitMode(c.Old.Mode), GitMode(c.New.Mode))
			}
			before, after = string(c.Old.Data), string(c.New.Data)
		}
		if strings.Contains(c.Path, " ") { // as git does, or the name would end there
			oldName, newName = oldName+"\t", newName+"\t"
		}
		b.WriteString(hunks(oldName, newName, before, after))
	}
	return b.String()
}

// hunks writes the file header and the hunks from one text to another. go-udiff loses
// count of the lines between changes that share a hunk, so the starts in the new text
// are counted again.
func hunks(oldName, newName, before, after string) string {
	const context = 3
	u, err := udiff.ToUnifiedDiff(oldName, newName, before, udiff.Lines(before, after), context)
	if err != nil {
		panic(err) // only for edits that are not of this text
	}
	grown := 0
	for _, h := range u.Hunks {
		h.ToLine = h.FromLine + grown
		for _, l := range h.Lines {
			switch l.Kind {
			case udiff.Insert:
				grown++
			case udiff.Delete:
				grown--
			}
		}
	}
	return u.String()
}

// GitMode is a mode as headers of git write it: that of a link, or of a file that its owner
// may execute, or may not.
func GitMode(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "120000"
	case m&0o100 != 0:
		return "100755"
	}
	return "100644"
}
