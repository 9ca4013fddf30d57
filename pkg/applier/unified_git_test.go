package applier

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// What Unified writes, git applies as we do: forward it makes the new files of the old
// ones, in reverse the old ones of the new, byte for byte.
func TestUnifiedAgreesWithGit(t *testing.T) {
	needGit(t)
	s := newSandbox(t)
	n := 300
	if testing.Short() {
		n = 40
	}
	kinds := map[string]int{}
	for seed := range n {
		r := rand.New(rand.NewPCG(uint64(seed), 11))
		before, after := MapTree{}, MapTree{}
		var changes []Change
		for i := range 1 + r.IntN(4) {
			c := Change{Path: fmt.Sprintf("%s%d", []string{"dir/file", "with space/x y", "ümlaut/ö", "quo\"te/a"}[r.IntN(4)], i)}
			old := &File{Data: randomText(r), Mode: 0o644}
			edited := &File{Data: randomEdit(r, old.Data), Mode: 0o644}
			if r.IntN(6) == 0 {
				edited.Mode = 0o755
			}
			kind := []string{"modify", "modify", "modify", "create", "delete"}[r.IntN(5)]
			if kind != "create" {
				c.Old, before[c.Path] = old, old
			}
			if kind != "delete" {
				c.New, after[c.Path] = edited, edited
			}
			if kind == "modify" && bytes.Equal(old.Data, edited.Data) && old.Mode == edited.Mode {
				continue
			}
			kinds[kind]++
			changes = append(changes, c)
		}
		if len(changes) == 0 {
			continue
		}
		diff := []byte(Unified(changes))
		for _, step := range []struct {
			from, to MapTree
			dir      Direction
		}{{before, after, Forward}, {after, before, Reverse}} {
			if err := s.fill(step.from); err != nil {
				t.Fatal(err)
			}
			ours, err := s.ours(diff, step.dir)
			if err != nil {
				t.Fatal(err)
			}
			git, err := s.git(diff, step.dir)
			if err != nil {
				t.Fatal(err)
			}
			for who, v := range map[string]verdict{"qpt": ours, "git": git} {
				if v.code != 0 {
					t.Fatalf("seed %d, %v: %s refuses: %s\n%s", seed, step.dir, who, v.text, diff)
				}
				if d := different(step.to, v.tree); len(d) > 0 {
					t.Fatalf("seed %d, %v: %s makes something else of %q\n%s", seed, step.dir, who, d, diff)
				}
			}
		}
	}
	for _, kind := range []string{"modify", "create", "delete"} {
		if kinds[kind] < n/10 {
			t.Errorf("only %d cases of %s", kinds[kind], kind)
		}
	}
}

// randomText has lines of all endings, bytes that are no UTF-8, and lines that look like headers.
func randomText(r *rand.Rand) []byte {
	lines := []string{"a\n", "b\n", "\n", "}\n", "c\r\n", "\r\n", " \n", "\t\n", "-- x\n", "++ y\n", "@@ -1 +1 @@\n", "diff --git a/x b/x\n", "\xff\xfe\n", "ü\n", "lone\rreturn\n", "\\ No newline at end of file\n"}
	var b bytes.Buffer
	for range r.IntN(40) {
		b.WriteString(lines[r.IntN(len(lines))])
	}
	return trimEnd(r, b.Bytes())
}

func trimEnd(r *rand.Rand, text []byte) []byte {
	if r.IntN(3) == 0 {
		return bytes.TrimSuffix(text, []byte("\n"))
	}
	return text
}

// randomEdit changes, adds and takes out a line here and there.
func randomEdit(r *rand.Rand, text []byte) []byte {
	var b bytes.Buffer
	for _, line := range bytes.SplitAfter(text, []byte("\n")) {
		switch r.IntN(12) {
		case 0:
		case 1:
			b.WriteString("changed\n")
		case 2:
			b.WriteString("new\r\n")
			b.Write(line)
		default:
			b.Write(line)
		}
	}
	if r.IntN(4) == 0 {
		b.WriteString("at the end\n")
	}
	return trimEnd(r, b.Bytes())
}
