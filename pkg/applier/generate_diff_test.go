package applier

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// A genCase is a tree, a diff, and the direction in which the diff may fit the tree.
type genCase struct {
	tree MapTree
	diff []byte
	dir  Direction
}

// genTraditional makes a case of traditional entries, most of them of plain shape, with
// oddities that depend on wildness in percent. At 0 the diff fits exactly.
func genTraditional(d dice, wildness int) genCase {
	c := genCase{tree: MapTree{}, dir: Direction(chance(d, 40))}
	files := genFiles(d, 1+d.roll(3))
	if chance(d, wildness/6) { // a second change of the same file
		f := files[d.roll(len(files))]
		next := genFile{f.path, f.new, genEdit(d, f.new)}
		if chance(d, 20) {
			next.new = nil
		}
		if next.old != nil || next.new != nil {
			files = append(files, next)
		}
	}
	var w bytes.Buffer
	if chance(d, wildness) {
		prose(d, &w)
	}
	order := slices.Clone(files)
	if c.dir == Reverse {
		slices.Reverse(order)
	}
	for _, f := range order {
		state := f.old
		if c.dir == Reverse {
			state = f.new
		}
		if _, twice := c.tree[f.path]; twice || state == nil {
			continue
		}
		if wildness > 0 && chance(d, 50) {
			state = drift(d, state)
		}
		if !chance(d, wildness/8) {
			c.tree[f.path] = &File{Data: joined(state), Mode: pick(d, fs.FileMode(0o644), 0o644, 0o755)}
		}
	}
	if chance(d, wildness/8) {
		f := files[d.roll(len(files))]
		c.tree[f.path] = &File{Data: joined(drift(d, f.old)), Mode: 0o644}
	}
	for _, f := range files {
		genEntry(d, &w, f, wildness)
		if chance(d, wildness/2) {
			prose(d, &w)
		}
	}
	c.diff = w.Bytes()
	if len(c.diff) > 0 && chance(d, wildness/10) {
		c.diff = damage(d, c.diff)
	}
	return c
}

// genEntry writes the entry that changes a file.
func genEntry(d dice, w *bytes.Buffer, f genFile, wildness int) {
	context := pick(d, 3, 3, 3, 2, 1)
	if chance(d, wildness/10) {
		context = 0
	}
	hunks := genHunks(script(f.old, f.new), context, !chance(d, wildness/10))
	if chance(d, wildness) {
		hunks = spoil(d, hunks)
	}
	if len(hunks) == 0 {
		return
	}
	old, new := "a/"+f.path, "b/"+f.path
	if f.old == nil && !chance(d, wildness/10) {
		old = "/dev/null"
	}
	if f.new == nil && !chance(d, wildness/10) {
		new = "/dev/null"
	}
	if chance(d, 40) {
		fmt.Fprintf(w, "diff --git a/%s b/%s\n", f.path, f.path)
	}
	odd := chance(d, wildness/3)
	fmt.Fprintf(w, "--- %s\n+++ %s\n", headerName(d, old, odd), headerName(d, new, odd))
	for i := range hunks {
		hunks[i].render(d, w, chance(d, wildness/2))
		if chance(d, wildness/30) {
			w.WriteString(pick(d, "\n", "stray\n", " \n", "@@ -x @@\n", "@@ -1 +1 @@"))
		}
	}
}

// headerName writes a name as some tool may.
func headerName(d dice, name string, odd bool) string {
	stamps := []string{
		"", "\t", "\t2024-02-29 10:20:30 +0100", "\t2024-02-29 10:20:30.123456789 +0100", "\t(date 1750251863102)",
		"\t(revision 7)", "  2023-01-02 03:04:05.000000000 +0000", " 2023-01-02", "\t23-01-02 03:04:05 +02:00",
	}
	if !odd {
		if chance(d, 20) {
			return name + pick(d, stamps...)
		}
		return name
	}
	if name != "/dev/null" {
		switch d.roll(12) {
		case 0:
			name += pick(d, ".orig", "~", ".")
		case 1:
			name = strings.Replace(name, "/", "//", 1+d.roll(2))
		case 2:
			_, name, _ = strings.Cut(name, "/")
		case 3:
			name = `"` + strings.NewReplacer("a", `\141`, "ü", `\303\274`).Replace(name) + `"`
		case 4:
			name = "x/" + name
		case 5:
			name = pick(d, "a/../f", "a//f", "a/lib/../f", "a/.git/x", "a/.GIT./x", "a/GIT~1", "a/.github", "a/f/", "a/./f",
				"a/.git ", "a/x\\.git", "a/.git:x", "a/lib\\f", "a/.gitx", "a/...")
		}
	}
	if chance(d, 30) {
		return name + pick(d, stamps...)
	}
	if chance(d, 40) {
		return name + pick(d,
			"\t1970-01-01 00:00:00 +0000", "\t1970-01-01 00:00:00.000000000 +0000", "\t1969-12-31 19:00:00 -0500",
			"\t1970-01-01 05:30:00 +05:30", "\t1970-01-01 00:00:00", " 1970-01-01 00:00:00 +0000", "\tx\t1970-01-01 00:00:00 +0000",
			"\t1970-01-01 0:00:00 +0000", "\t1970-01-01 00:00:00,00 +0000", "\t1970-01-01 00:00:00.1 +0000", "\t1970-01-01 01:00:00 +0000",
			"\t1970-01-01 00:00:00 +0000\r", "\r", "\tx", " 10:20:30 +0000", " (revision 1)", " ", "\t1970-01-01 24:00:00 +2400")
	}
	return name
}

// prose writes what stands between entries and means nothing, mostly.
func prose(d dice, w *bytes.Buffer) {
	w.WriteString(pick(d,
		"Only in x: y\n", "Index: lib/a.txt\n===================================================================\n",
		"From 1234 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] x\n\n---\n 1 file changed\n\n", "-- \n2.39.5\n\n", "\n", " \n", "+x\n", "-x\n",
		"--- a/f\n+++ b/f\n", "@@ nothing\n", "@@ -foo\n", "@@ -1,2 +1,2 @\n", "index 123..456 100644\n", "\\ No newline at end of file\n",
		"diff -r 1 f\n", "IDEA additional info:\nSubsystem: x\n<+>UTF-8\n", "no line feed", "--- a/f\n--- a/f\n", "@@ -1 +1 @@\n"))
}

// damage breaks the bytes of a diff.
func damage(d dice, b []byte) []byte {
	at := d.roll(len(b))
	switch d.roll(5) {
	case 0:
		return b[:at]
	case 1:
		return bytes.TrimSuffix(b, []byte("\n"))
	case 2:
		return append([]byte("\xef\xbb\xbf"), b...)
	case 3: // lose a line
		to := at + bytes.IndexByte(b[at:], '\n') + 1
		from := bytes.LastIndexByte(b[:at], '\n') + 1
		return append(slices.Clone(b[:from]), b[max(to, from):]...)
	}
	out := slices.Clone(b)
	out[at] = pick(d, byte('\n'), ' ', '+', '-', '@', '\\', 0, '\r')
	return out
}
