package compat_test

import (
	"testing"

	"github.com/quality-patches/qpt/pkg/compat"
)

var benchmarkConstraints = []struct{ name, constraint string }{
	{"range", ">=2.4.4 <2.4.8"},
	{"patches", ">=2.4.4 <2.4.4-p18 || >=2.4.6 <2.4.6-p15"},
	{"hyphen", "2.4.4 - 2.4.6-p8"},
	{"tilde", "~2.4.5"},
	{"wildcard", "2.4.*"},
}

func BenchmarkParseVersion(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := compat.ParseVersion("2.4.6-p8"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseConstraint(b *testing.B) {
	for _, bb := range benchmarkConstraints {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := compat.ParseConstraint(bb.constraint); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAllows(b *testing.B) {
	v := mustVersion(b, "2.4.6-p8")
	for _, bb := range benchmarkConstraints {
		b.Run(bb.name, func(b *testing.B) {
			c := mustConstraint(b, bb.constraint)
			b.ReportAllocs()
			for b.Loop() {
				c.Allows(v)
			}
		})
	}
}

func BenchmarkCompare(b *testing.B) {
	v, w := mustVersion(b, "2.4.6-p8"), mustVersion(b, "2.4.6-p10")
	b.ReportAllocs()
	for b.Loop() {
		v.Compare(w)
	}
}

func TestAllowsDoesNotAllocate(t *testing.T) {
	for _, s := range []string{"2.4.6-p8", "dev-main", "2.4.x-dev", "103.0.6-p3-dev"} {
		v := mustVersion(t, s)
		for _, bb := range benchmarkConstraints {
			c := mustConstraint(t, bb.constraint)
			if n := testing.AllocsPerRun(100, func() { c.Allows(v) }); n != 0 {
				t.Errorf("%q allows %s: %v allocations", bb.constraint, s, n)
			}
		}
	}
}
