package compat_test

import (
	"strings"
	"testing"
	"time"

	"github.com/quality-patches/qpt/pkg/compat"
)

func FuzzParseVersion(f *testing.F) {
	for _, s := range []string{
		"2.4.6-p3", "v2.4.6", "2.4.x-dev", "dev-main", "2023-10-05-p1", "2.4.6 as 2.4.7", "2.4.6+b@dev", "2.4.6-alpha2.1-3", "\n2.x-dev", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := compat.ParseVersion(s)
		if err != nil {
			_ = err.Error()
			compat.NormalizedVersion(s).IsStable()
			return
		}
		again, err := compat.ParseVersion(v.String())
		if err != nil || again.Normalized() != v.Normalized() || again.Compare(v) != 0 {
			t.Fatalf("%q is %q at first and %q (%v) later", s, v.Normalized(), again.Normalized(), err)
		}
		if w := compat.NormalizedVersion(v.Normalized()); w.Compare(v) != 0 || w.IsBranch() != v.IsBranch() || w.IsStable() != v.IsStable() {
			t.Fatalf("%q differs from its normal form %q", s, v.Normalized())
		}
	})
}

func FuzzParseConstraint(f *testing.F) {
	for _, s := range []string{
		">=2.4.4 <2.4.4-p18 || >=2.4.6 <2.4.6-p15", "2.4.4 - 2.4.6, !=2.4.5", "~2.4|^1.0", "2.4.* || *", "2.4.6–2.4.6-p8", ">=2.4@beta",
		"dev-main#abc as 2.4.6", "2.4  -  2.5", ">=2.4.6 ,  as", "v*.x",
	} {
		f.Add(s, "2.4.6-p3")
		f.Add(s, "dev-main")
	}
	f.Fuzz(func(t *testing.T, s, version string) {
		c, err := compat.ParseConstraint(s)
		if err != nil {
			_ = err.Error()
			return
		}
		again, err := compat.ParseConstraint(c.String())
		if err != nil {
			t.Fatalf("%q is valid at first and %v later", s, err)
		}
		v, err := compat.ParseVersion(version)
		if err != nil {
			v = compat.NormalizedVersion(version)
		}
		verdict := c.Explain(v)
		_ = verdict.String()
		if allowed := c.Allows(v); allowed != again.Allows(v) || allowed != verdict.Satisfied || allowed != (len(verdict.Exclusions) == 0) {
			t.Fatalf("%q on %q: %v, again %v, explained %+v", s, version, allowed, again.Allows(v), verdict)
		}
	})
}

// TestLongInput feeds texts that would keep a quadratic parser busy for long.
func TestLongInput(t *testing.T) {
	const n = 1 << 16
	pieces := []string{
		"1", "1.", ".1", "-1", "-p1", "v", "x.", "*.", "@dev", " as ", "as ", " ", ", ", " ,", "||", "| ", " - ", "-", "#", "–", " – ", "dev-", "+", "+a",
		">=2.4.6 ", "2.4.6||", ".x-dev#", "\n", "99.", "-dev", "~", "1 - 1 ",
	}
	deadline := 2 * time.Second
	for _, piece := range pieces {
		for _, start := range []string{"", ">=2.4.6-p1", "2.4.x-dev#"} {
			for _, end := range []string{"", "-dev"} {
				s := start + strings.Repeat(piece, n/len(piece)) + end
				began := time.Now()
				c, _ := compat.ParseConstraint(s)
				v, _ := compat.ParseVersion(s)
				_ = c.Allows(v)
				_ = compat.NormalizedVersion(s).Compare(compat.NormalizedVersion(s + "x"))
				if took := time.Since(began); took > deadline {
					t.Errorf("%q + %q repeated + %q: took %v", start, piece, end, took)
				}
			}
		}
	}
}
