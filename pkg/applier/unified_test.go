package applier_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quality-patches/qpt/pkg/applier"
)

// A diff that qpt shows is one that it, and git, can apply: to the same result, and
// with every hunk at the line that it states.
func TestUnifiedAppliesWithoutOffset(t *testing.T) {
	line := rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "}\n", "\n", "-- x\n", "++ y\n"})
	ending := func(t *rapid.T, lines []string) string {
		s := strings.Join(lines, "")
		if rapid.Bool().Draw(t, "open end") {
			s = strings.TrimSuffix(s, "\n")
		}
		return s
	}
	// edit changes a line here and there, so that there are several hunks, some with
	// unchanged lines between their changes.
	edit := func(t *rapid.T, lines []string) []string {
		var edited []string
		for _, l := range lines {
			switch rapid.IntRange(0, 15).Draw(t, "edit") {
			case 0:
			case 1:
				edited = append(edited, "new\n", l)
			case 2:
				edited = append(edited, "changed\n")
			default:
				edited = append(edited, l)
			}
		}
		return edited
	}
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(line, 0, 80).Draw(t, "lines")
		before := &applier.File{Data: []byte(ending(t, lines)), Mode: 0o644}
		after := &applier.File{Data: []byte(ending(t, edit(t, lines))), Mode: 0o644}
		if string(before.Data) == string(after.Data) {
			return
		}
		change := applier.Change{Path: "dir/file.php", Old: before, New: after}
		tree := applier.MapTree{change.Path: before}
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			change.Old = nil
			delete(tree, change.Path)
		case 1:
			change.New = nil
		}
		shown := applier.Unified([]applier.Change{change})
		d, err := applier.Parse([]byte(shown))
		if err != nil {
			t.Fatalf("%v in\n%s", err, shown)
		}
		o := applier.NewOverlay(tree)
		files, err := applier.Apply(o, d, applier.Forward)
		if err != nil {
			t.Fatalf("%v in\n%s", err, shown)
		}
		for _, h := range files[0].Hunks {
			if h.Offset != 0 {
				t.Errorf("hunk %d is off by %d in\n%s", h.Number, h.Offset, shown)
			}
		}
		got, err := o.ReadFile(change.Path)
		switch {
		case change.New == nil && err == nil:
			t.Errorf("the file is still there after\n%s", shown)
		case change.New != nil && (err != nil || string(got.Data) != string(change.New.Data)):
			t.Errorf("got %v %v, want %q, after\n%s", got, err, change.New.Data, shown)
		}
	})
}
