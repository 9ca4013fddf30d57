package applier

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// spiral searches as git does: the start, a line below, a line above, two below, ...
// for as long as there is a file. It skips no line and knows no shortcut.
func spiral(img *image, pattern [][]byte, p placement) int {
	fits := func(at int) bool {
		if at < 0 || at+len(pattern) > img.len() {
			return false
		}
		if p.atStart && at != 0 || p.atEnd && at+len(pattern) != img.len() {
			return false
		}
		for i := range pattern {
			if img.isWritten(at+i) || !bytes.Equal(img.line(at+i), pattern[i]) {
				return false
			}
		}
		return true
	}
	if p.exact {
		if fits(p.at) {
			return p.at
		}
		return -1
	}
	start := min(p.at, img.len())
	for d := 0; d <= img.len(); d++ {
		if fits(start + d) {
			return start + d
		}
		if fits(start - d) {
			return start - d
		}
	}
	if p.atStart || p.atEnd { // an anchored hunk begins elsewhere in git
		for _, at := range []int{0, img.len() - len(pattern)} {
			if fits(at) {
				return at
			}
		}
	}
	return -1
}

func drawLines(t *rapid.T, label string, most int) [][]byte {
	names := rapid.SliceOfN(rapid.SampledFrom([]string{"a\n", "b\n", "c\n"}), 0, most).Draw(t, label)
	lines := make([][]byte, len(names))
	for i := range names {
		lines[i] = []byte(names[i])
	}
	return lines
}

// The linear search finds what git's spiral finds.
func TestFindIsSpiral(t *testing.T) { rapid.Check(t, findIsSpiral) }

func findIsSpiral(t *rapid.T) {
	img := newImage(drawLines(t, "lines", 30), nil)
	if rapid.Bool().Draw(t, "marked") {
		img.own(rapid.IntRange(0, img.len()).Draw(t, "gap"))
		for i := range img.len() {
			img.marks[img.index(i)] = rapid.IntRange(0, 9).Draw(t, "written") == 9
		}
	}
	pattern := drawLines(t, "pattern", 6)
	if n := img.len(); rapid.Bool().Draw(t, "from the file") {
		from := rapid.IntRange(0, n).Draw(t, "from")
		pattern = img.all()[from:rapid.IntRange(from, n).Draw(t, "to")]
	}
	p := placement{
		at:      rapid.IntRange(0, 35).Draw(t, "at"),
		atStart: rapid.IntRange(0, 5).Draw(t, "start") == 5,
		atEnd:   rapid.IntRange(0, 5).Draw(t, "end") == 5,
		exact:   rapid.IntRange(0, 5).Draw(t, "exact") == 5,
	}
	if p.exact {
		p.atStart, p.atEnd = false, false
	}
	if got, want := img.find(pattern, p), spiral(img, pattern, p); got != want {
		t.Fatalf("got %d, want %d", got, want)
	}
}

// So it does for all small files and patterns of two different lines, from every start.
func TestFindIsSpiralThroughout(t *testing.T) {
	text := func(n, bits int) (lines [][]byte) {
		for i := range n {
			lines = append(lines, []byte{"ab"[bits>>i&1], '\n'})
		}
		return lines
	}
	for n := range 8 {
		for bits := range 1 << n {
			img := newImage(text(n, bits), nil)
			for m := 1; m <= 4; m++ {
				for bits := range 1 << m {
					pattern := text(m, bits)
					for at := range n + 2 {
						p := placement{at: at}
						if got, want := img.find(pattern, p), spiral(img, pattern, p); got != want {
							t.Fatalf("%q in %q from %d: got %d, want %d", pattern, img.all(), at, got, want)
						}
					}
				}
			}
		}
	}
}

// A replacement changes its lines, marks them, and leaves the file's own lines alone.
func TestReplace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		original := drawLines(t, "lines", 20)
		file := &File{Data: bytes.Join(original, nil)}
		img := newImage(file.Lines(), nil)
		want := slices.Clone(original)
		marks := make([]bool, len(want))
		for range rapid.IntRange(1, 4).Draw(t, "times") {
			at := rapid.IntRange(0, len(want)).Draw(t, "at")
			n := rapid.IntRange(0, len(want)-at).Draw(t, "n")
			lines := drawLines(t, "new", 4)
			img.replace(at, n, lines)
			want = slices.Concat(want[:at:at], lines, want[at+n:])
			marks = slices.Concat(marks[:at:at], slices.Repeat([]bool{true}, len(lines)), marks[at+n:])
		}
		var written []bool
		for i := range img.len() {
			written = append(written, img.isWritten(i))
		}
		if got := img.join(); !bytes.Equal(got, bytes.Join(want, nil)) || !slices.Equal(written, marks) {
			t.Fatalf("got %q %v, want %q %v", got, written, want, marks)
		}
		if !bytes.Equal(bytes.Join(file.Lines(), nil), bytes.Join(original, nil)) {
			t.Fatal("the file itself was changed")
		}
	})
}

// The nearest place has as many matching lines as any, and no lines tell no place.
func TestAlmost(t *testing.T) {
	lines := func(s string) (out [][]byte) {
		for _, c := range s {
			out = append(out, []byte(string(c)+"\n"))
		}
		return out
	}
	for _, tt := range []struct {
		name, file, pattern string
		at, line, matching  int
	}{
		{"one line differs", "1234abXd5678", "abcd", 0, 4, 3},
		{"the nearer of two", "abX..........abX", "abc", 12, 13, 2},
		{"a tie goes to the later line", "abX....abX", "abc", 3, 0, 2},
		{"a tie in the middle goes to the later line", "abX...abX", "abc", 3, 6, 2},
		{"more lines before nearer ones", "abcX.......aXXX", "abcd", 11, 0, 3},
		{"nothing", "123", "abc", 1, 0, 0},
		{"longer than the file", "bc", "abcd", 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			img := newImage(lines(tt.file), nil)
			line, matching := img.almost(lines(tt.pattern), tt.at)
			if line != tt.line || matching != tt.matching {
				t.Errorf("got line %d with %d matching, want %d with %d", line, matching, tt.line, tt.matching)
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		img, pattern := newImage(drawLines(t, "lines", 20), nil), drawLines(t, "pattern", 6)
		line, matching := img.almost(pattern, rapid.IntRange(0, 20).Draw(t, "at"))
		count := 0
		for i, l := range pattern {
			if line+i < img.len() && bytes.Equal(img.line(line+i), l) {
				count++
			}
		}
		if count < matching || matching < 0 || line < 0 || line > img.len() {
			t.Fatalf("line %d is said to match %d lines, it does %d", line, matching, count)
		}
	})
}

// What a refusal tells: where the hunk was expected, what stands at the nearest place,
// and whether its result is there already.
func TestRefusalExplains(t *testing.T) {
	d, err := Parse([]byte("--- a/f\n+++ b/f\n@@ -2,3 +2,3 @@\n a\n-b\n+B\n c\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ file, want string }{
		{"0\na\nB\nc\n", "f: hunk 1 does not fit at line 2 (its result is there already)"},
		{"0\n0\n0\na\nx\nc\n", "f: hunk 1 does not fit at line 2 (nearest at line 4: 2 of 3 lines as expected)"},
		{"0\n", "f: hunk 1 does not fit at line 2"},
		{"", "f: hunk 1 does not fit at line 1"},
	} {
		_, err := Apply(NewOverlay(MapTree{"f": {Data: []byte(tt.file), Mode: 0o644}}), d, Forward)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q: got %v, want %q", tt.file, err, tt.want)
		}
	}
}

// The distance of a hunk from its stated line, in all forms that have one.
func TestDisplacement(t *testing.T) {
	for _, tt := range []struct {
		name, file, diff string
		dir              Direction
		want             int
	}{
		{"in place", "1\na\nb\n3\n", "@@ -2,2 +2,2 @@\n-a\n+A\n b\n", Forward, 0},
		{"two below", "1\n2\n3\na\nb\n3\n", "@@ -2,2 +2,2 @@\n-a\n+A\n b\n", Forward, 2},
		{"two above", "1\na\nb\n3\n4\n5\n", "@@ -4,2 +4,2 @@\n-a\n+A\n b\n", Forward, 2},
		{"deletion without context", "1\na\n3\n", "@@ -2 +1,0 @@\n-a\n", Forward, 0},
		{"insertion without context", "1\na\n3\n", "@@ -1,0 +2 @@\n+a\n", Forward, 0},
		{"insertion without context, taken back", "1\na\n3\n", "@@ -1,0 +2 @@\n+a\n", Reverse, 0},
		{"truncation", "a\n", "@@ -1 +0,0 @@\n-a\n", Forward, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Parse([]byte("--- a/f\n+++ b/f\n" + tt.diff))
			if err != nil {
				t.Fatal(err)
			}
			got, ok := Fits(NewOverlay(MapTree{"f": {Data: []byte(tt.file), Mode: 0o644}}), tt.dir, d)
			if !ok || got != tt.want {
				t.Errorf("got %d, %v, want %d", got, ok, tt.want)
			}
		})
	}
}

// A hostile diff of many hunks against a file of equal lines takes few comparisons of
// lines for every hunk, wherever it is said to be.
func BenchmarkHostile(b *testing.B) {
	const count = 20000
	var w bytes.Buffer
	w.WriteString("--- a/f\n+++ b/f\n")
	for i := range count {
		fmt.Fprintf(&w, "@@ -%d,3 +%d,3 @@\n x\n-x\n+y\n x\n", 2+3*i, 2+3*i)
	}
	d, err := Parse(w.Bytes())
	if err != nil {
		b.Fatal(err)
	}
	same := &File{Data: bytes.Repeat([]byte("x\n"), 4*count), Mode: 0o644}
	other := &File{Data: bytes.Repeat([]byte("x\nz\n"), 2*count), Mode: 0o644}
	for _, bb := range []struct {
		name string
		file *File
	}{{"all fit", same}, {"none fits", other}} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				o := NewOverlay(MapTree{"f": bb.file})
				_, _ = Apply(o, d, Forward)
			}
		})
	}
}

// What a diff may ask for grows with its size and the file's, however far from their
// stated lines its hunks fit, and in whatever order they come.
func TestEffort(t *testing.T) {
	const n = 3000
	line := func(i int) []byte { return fmt.Appendf(nil, "%d\n", i) }
	var file [][]byte
	for i := range n {
		file = append(file, line(i))
	}
	hunks := func(stated func(i int) int) []Hunk {
		var list []Hunk
		for i := range n {
			h := Hunk{Number: i + 1, OldStart: 2, NewStart: stated(i) + 1, leading: 1, trailing: 1}
			h.old, h.new = [][]byte{line(i)}, [][]byte{line(-i), line(-i)}
			list = append(list, h)
		}
		return list
	}
	try := func(list []Hunk) (*image, run, bool) {
		img, r := newImage(file, list), run{explain: true}
		_, ok := r.hunks(&Entry{Hunks: list}, img, false)
		return img, r, ok
	}
	if _, _, ok := try(hunks(func(i int) int { return 2 * i })); !ok {
		t.Error("hunks that stand where they say are refused")
	}
	img, r, ok := try(hunks(func(int) int { return n * 2 }))
	if ok || r.refusals[0].Reason != TooFar {
		t.Errorf("hunks that are all elsewhere: ok %v, refusals %v", ok, r.refusals)
	}
	if least := -(3 * n); img.effort < least {
		t.Errorf("went on for %d lines after the effort was used up", -img.effort)
	}
}
