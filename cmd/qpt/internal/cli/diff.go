package cli

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/quality-patches/qpt/pkg/applier"
)

// unifiedDiff writes changes as a diff that git apply and qpt apply understand.
func unifiedDiff(changes []applier.Change) string {
	var b strings.Builder
	for _, c := range changes {
		oldName, newName := applier.QuoteName("a/"+c.Path), applier.QuoteName("b/"+c.Path)
		fmt.Fprintf(&b, "diff --git %s %s\n", oldName, newName)
		var before, after string
		switch {
		case c.Old == nil:
			fmt.Fprintf(&b, "new file mode %s\n", gitMode(c.New.Mode))
			oldName, after = "/dev/null", string(c.New.Data)
		case c.New == nil:
			fmt.Fprintf(&b, "deleted file mode %s\n", gitMode(c.Old.Mode))
			newName, before = "/dev/null", string(c.Old.Data)
		default:
			if gitMode(c.Old.Mode) != gitMode(c.New.Mode) {
				fmt.Fprintf(&b, "old mode %s\nnew mode %s\n", gitMode(c.Old.Mode), gitMode(c.New.Mode))
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

// gitMode is a mode as git headers write it.
func gitMode(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "120000"
	case m&0o100 != 0:
		return "100755"
	}
	return "100644"
}
