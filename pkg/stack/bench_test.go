package stack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/stack"
)

// BenchmarkInspect shows how looking at the stack grows with the catalogue. Of ten
// patches three change one file in the same place; one of them is applied.
func BenchmarkInspect(b *testing.B) {
	for _, n := range []int{300, 3000, 30000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			files := tree{}
			var specs []spec
			for i := range n {
				name := fmt.Sprintf("f%d", i)
				if i%10 < 3 {
					name = fmt.Sprintf("shared%d", i/10)
				}
				var old strings.Builder
				for j := range 100 {
					fmt.Fprintf(&old, "%s, line %d\n", name, j)
				}
				before := tree{name: old.String()}
				after := before.with(name, strings.Replace(old.String(), ", line 50\n", fmt.Sprintf(", line 50\nadded by %d\n", i), 1))
				specs = append(specs, spec{id: fmt.Sprintf("P-%d", i), diff: diff(before, after)})
				if _, made := files[name]; !made {
					files[name] = before[name]
				}
				if i%10 == 1 {
					files[name] = after[name]
				}
			}
			s := newStack(b, files, specs...)
			items, _ := s.Items()
			tree := files.mapTree()
			b.ResetTimer()
			for b.Loop() {
				fresh := stack.New(s.Catalog, s.Packages, applier.NewOverlay(tree), nil)
				applied := 0
				for _, f := range fresh.Inspect(items) {
					if f.State == stack.Applied {
						applied++
					}
				}
				if applied != n/10 {
					b.Fatalf("%d applied", applied)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/patch")
		})
	}
}
