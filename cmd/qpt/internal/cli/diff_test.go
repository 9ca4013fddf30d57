package cli

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quality-patches/qpt/pkg/applier"
)

// The diff that --diff shows makes of the old tree the new one, and the reverse.
func TestUnifiedDiff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Custom(func(t *rapid.T) []byte {
			lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a\n", "b\n", "c\r\n", "\n", "-- x\n", "@@\n", "\xff\n", "\f\n"}), 0, 12).Draw(t, "lines")
			end := rapid.SampledFrom([]string{"", "end", "\\ No newline at end of file"}).Draw(t, "end")
			return []byte(strings.Join(lines, "") + end)
		})
		file := rapid.Custom(func(t *rapid.T) *applier.File {
			return &applier.File{Data: text.Draw(t, "text"), Mode: rapid.SampledFrom([]fs.FileMode{0o644, 0o755}).Draw(t, "mode")}
		})
		tree, want := applier.MapTree{}, applier.MapTree{}
		o := applier.NewOverlay(tree)
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b/c", "b/d e", "ü", "x\"y", "b b/b b", "tab\there", "back\\slash", "new\nline"}), 1, 4, rapid.ID).Draw(t, "names") {
			if rapid.Bool().Draw(t, "was there") {
				tree[name] = file.Draw(t, "old")
			}
			if rapid.Bool().Draw(t, "is there") {
				want[name] = file.Draw(t, "new")
				o.Write(name, want[name])
			} else {
				o.Remove(name)
			}
		}
		changes, err := o.Changes()
		if err != nil {
			t.Fatal(err)
		}
		src := unifiedDiff(changes)
		if len(changes) == 0 {
			if src != "" {
				t.Fatalf("a diff of nothing:\n%s", src)
			}
			return
		}
		d, err := applier.Parse([]byte(src))
		if err != nil {
			t.Fatalf("%v in\n%s", err, src)
		}
		compare := func(from, to applier.MapTree, dir applier.Direction) {
			o := applier.NewOverlay(from)
			if _, err := applier.Apply(o, d, dir); err != nil {
				t.Fatalf("%s: %v in\n%s", dir, err, src)
			}
			for _, c := range changes {
				got, err := o.ReadFile(c.Path)
				if to[c.Path] == nil {
					if err == nil {
						t.Fatalf("%s: %q is there after\n%s", dir, c.Path, src)
					}
				} else if err != nil || !bytes.Equal(got.Data, to[c.Path].Data) || got.Mode != to[c.Path].Mode {
					t.Fatalf("%s: %q is %+v, want %+v, after\n%s", dir, c.Path, got, to[c.Path], src)
				}
			}
		}
		compare(tree, want, applier.Forward)
		compare(want, tree, applier.Reverse)
	})
}
