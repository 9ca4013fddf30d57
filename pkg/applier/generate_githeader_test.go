package applier

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// genGitForm makes a case of entries whose git headers say more than their hunks. The
// diff fits exactly if so wanted.
func genGitForm(d dice, exactly bool) genCase {
	c := genCase{tree: MapTree{}, dir: Direction(chance(d, 40))}
	var w bytes.Buffer
	before, after := MapTree{}, MapTree{}
	for _, f := range genFiles(d, 1+d.roll(3)) {
		mode := pick(d, fs.FileMode(0o644), 0o644, 0o755)
		genGitEntry(d, &w, f, mode, before, after)
		if chance(d, 10) {
			w.WriteString(pick(d, "\n", "-- \n2.39.5\n", "prose\n"))
		}
	}
	c.diff = w.Bytes()
	state := before
	if c.dir == Reverse {
		state = after
	}
	if exactly {
		c.tree = state
		return c
	}
	for _, name := range slices.Sorted(maps.Keys(state)) {
		f := state[name]
		switch {
		case chance(d, 4): // missing
			continue
		case f.Mode&fs.ModeSymlink != 0:
			if chance(d, 5) {
				f = &File{Data: f.Data, Mode: 0o644}
			}
		case chance(d, 15):
			f = &File{Data: joined(drift(d, (&File{Data: f.Data}).text())), Mode: f.Mode}
		}
		c.tree[name] = f
	}
	if chance(d, 4) {
		for _, name := range slices.Sorted(maps.Keys(after)) {
			c.tree[name] = after[name]
		}
	}
	return c
}

func (f *File) text() []string {
	var text []string
	for _, l := range f.Lines() {
		text = append(text, string(l))
	}
	return text
}

// genGitEntry writes an entry about a file, and the file as it is before and after it.
func genGitEntry(d dice, w *bytes.Buffer, f genFile, mode fs.FileMode, before, after MapTree) {
	octal := map[fs.FileMode]string{0o644: "100644", 0o755: "100755"}
	other := map[fs.FileMode]fs.FileMode{0o644: 0o755, 0o755: 0o644}[mode]
	p, to := f.path, f.path
	header := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	if f.old != nil && f.new != nil && slices.Equal(f.old, f.new) {
		f.new = append([]string{"first\n"}, f.new...) // a plain header without hunks is nothing
	}
	body := func(old, new string) {
		hunks := genHunks(script(f.old, f.new), 3, true)
		if len(hunks) > 0 {
			header("--- %s\n+++ %s", old, new)
		}
		for i := range hunks {
			hunks[i].render(d, w, false)
		}
	}
	newMode := mode
	switch {
	case f.old == nil:
		header("diff --git a/%s b/%s\nnew file mode %s\nindex 0000000..1234567", p, p, octal[mode])
		body("/dev/null", "b/"+p)
	case f.new == nil:
		header("diff --git a/%s b/%s\ndeleted file mode %s\nindex 1234567..0000000", p, p, octal[mode])
		body("a/"+p, "/dev/null")
	default:
		switch d.roll(8) {
		case 0, 1: // rename
			to = pick(d, p+".php", "moved/"+p, "g/"+p)
			header("diff --git a/%s b/%s", p, to)
			if chance(d, 30) {
				newMode = other
				header("old mode %s\nnew mode %s", octal[mode], octal[newMode])
			}
			header("similarity index 90%%\nrename from %s\nrename to %s", p, to)
			if chance(d, 50) {
				f.new = f.old
			}
			body("a/"+p, "b/"+to)
		case 2: // copy, of a file that another entry may change
			to = pick(d, p+".php", "moved/"+p, "g/"+p)
			copied := f
			if chance(d, 50) {
				header("diff --git a/%s b/%s\nindex 1234567..89abcde %s", p, p, octal[mode])
				body("a/"+p, "b/"+p)
				f.new = append([]string{"other\n"}, genEdit(d, f.old)...)
			} else {
				copied.new = f.old
			}
			after[p] = &File{Data: joined(copied.new), Mode: mode}
			header("diff --git a/%s b/%s\nsimilarity index 90%%\ncopy from %s\ncopy to %s", p, to, p, to)
			body("a/"+p, "b/"+to)
		case 3: // mode
			newMode = other
			header("diff --git a/%s b/%s\nold mode %s\nnew mode %s", p, p, octal[mode], octal[newMode])
			if chance(d, 50) {
				f.new = f.old
			}
			body("a/"+p, "b/"+p)
		case 4: // a link
			link := fs.ModeSymlink | 0o777
			f.old, f.new = []string{pick(d, "a", "./b", "x/../c")}, []string{"other"}
			switch d.roll(3) {
			case 0:
				f.old = nil
				header("diff --git a/%s b/%s\nnew file mode 120000\nindex 0000000..1234567", p, p)
				body("/dev/null", "b/"+p)
			case 1:
				f.new = nil
				header("diff --git a/%s b/%s\ndeleted file mode 120000\nindex 1234567..0000000", p, p)
				body("a/"+p, "/dev/null")
			case 2:
				header("diff --git a/%s b/%s\nindex 1234567..89abcde 120000", p, p)
				body("a/"+p, "b/"+p)
			}
			mode, newMode = link, link
		default:
			header("diff --git a/%s b/%s\nindex 1234567..89abcde %s", p, p, octal[mode])
			body("a/"+p, "b/"+p)
		}
	}
	if f.old != nil {
		before[p] = &File{Data: joined(f.old), Mode: mode}
	}
	if f.new != nil {
		after[to] = &File{Data: joined(f.new), Mode: newMode}
	}
}
