package applier

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// benchCase is a diff of 50 files with 4 hunks each, and the files, 400 lines each.
func benchCase(context int) (diff []byte, before, after MapTree) {
	r := rand.New(rand.NewPCG(1, 2))
	var w bytes.Buffer
	before, after = MapTree{}, MapTree{}
	for i := range 50 {
		name := fmt.Sprintf("vendor/acme/module-%d/Model/Thing%d.php", i%7, i)
		old := make([]string, 400)
		for j := range old {
			old[j] = fmt.Sprintf("        $this->value%d = $other->get%d();\n", j, r.IntN(90))
		}
		new := slices.Clone(old)
		for j := 350; j > 0; j -= 100 {
			new = slices.Replace(new, j, j+2, "        // changed\n", fmt.Sprintf("        return %d;\n", j), "\n")
		}
		fmt.Fprintf(&w, "diff --git a/%s b/%s\nindex 1234567..89abcde 100644\n--- a/%s\n+++ b/%s\n", name, name, name, name)
		for _, h := range genHunks(script(old, new), context, true) {
			h.render(newSeeded(1), &w, false)
		}
		before[name] = &File{Data: joined(old), Mode: 0o644}
		after[name] = &File{Data: joined(new), Mode: 0o644}
	}
	return w.Bytes(), before, after
}

func BenchmarkParse(b *testing.B) {
	diff, _, _ := benchCase(3)
	b.SetBytes(int64(len(diff)))
	for b.Loop() {
		if _, err := Parse(diff); err != nil {
			b.Fatal(err)
		}
	}
}

// A diff that fits where it says, one that fits elsewhere, and one that is put in
// already, which is known only when the whole of the first file was searched.
func BenchmarkFits(b *testing.B) {
	diff, before, after := benchCase(3)
	d := mustParse(b, diff)
	shifted := MapTree{}
	for name, f := range before {
		shifted[name] = &File{Data: append(bytes.Repeat([]byte("// new\n"), 20), f.Data...), Mode: f.Mode}
	}
	for _, bb := range []struct {
		name string
		tree MapTree
		fits bool
	}{{"hit", before, true}, {"shifted", shifted, true}, {"miss", after, false}} {
		b.Run(bb.name, func(b *testing.B) {
			o := NewOverlay(bb.tree)
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := Fits(o, Forward, d); ok != bb.fits {
					b.Fatal(ok)
				}
			}
		})
	}
}

func BenchmarkApply(b *testing.B) {
	diff, before, after := benchCase(3)
	d := mustParse(b, diff)
	b.Run("fits", func(b *testing.B) {
		o := NewOverlay(before)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Apply(o.Fork(), d, Forward); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("refused", func(b *testing.B) { // 200 refusals, all explained
		o := NewOverlay(after)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Apply(o.Fork(), d, Forward); err == nil {
				b.Fatal("fits")
			}
		}
	})
}
