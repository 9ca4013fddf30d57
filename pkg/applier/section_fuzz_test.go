package applier

import (
	"bytes"
	"testing"
)

// Sections are the diff, cut by the rules of Parse: nothing is lost, and what one
// takes the other does.
func FuzzSections(f *testing.F) {
	addRules(f, func(diff, _ []byte) { f.Add(diff) })
	f.Add([]byte("Index: a/x\r\n=====\r\n--- a/x\r\n+++ b/x\r\n@@ -1 +1 @@\r\n-a\r\n+b\r\n"))
	f.Add([]byte("diff -ru a/x b/x\n--- a/x\t2026-01-01\n+++ b/x\t2026-01-02\n@@ -1 +1 @@\n-a\n+b\nOnly in b: y\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		before := bytes.Clone(src)
		sections, err := Sections(src)
		if !bytes.Equal(src, before) {
			t.Fatal("Sections changes its input")
		}
		diff, parseErr := Parse(src)
		if err != nil {
			if parseErr == nil {
				t.Fatalf("Parse takes what Sections refuses: %v", err)
			}
			return
		}
		var joined []byte
		line, changes, binary := 1, 0, false
		for _, s := range sections {
			if s.Line != line {
				t.Fatalf("a section begins at line %d, want %d", s.Line, line)
			}
			line += bytes.Count(s.Text, []byte("\n"))
			joined = append(joined, s.Text...)
			binary = binary || s.Binary
			if s.Change {
				changes++
			}
			at := 0
			for _, n := range s.Names {
				if n.Start < at || n.End < n.Start || n.End > len(s.Text) || n.Path == "" {
					t.Fatalf("name %+v does not lie in the section behind the one before", n)
				}
				at = n.End
			}
			if same := s.Rename(func(n Name) string { return n.Path }); !bytes.Equal(same, s.Text) {
				t.Fatalf("names that stay change\n%q\nto\n%q", s.Text, same)
			}
		}
		if !bytes.Equal(joined, src) {
			t.Fatalf("the sections are\n%q\nof\n%q", joined, src)
		}
		if parseErr == nil && (binary || changes != len(diff.Entries)) {
			t.Fatalf("%d sections change a file (binary: %v), Parse finds %d entries", changes, binary, len(diff.Entries))
		}
	})
}
