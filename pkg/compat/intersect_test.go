package compat_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/quality-patches/qpt/pkg/compat"
)

func TestIntersects(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"2.4.6", "2.4.6", true},
		{"2.4.6", "2.4.6-p1", false},
		{">=2.4.6 <2.4.7", ">=2.4.7", false},
		{">=2.4.6 <=2.4.7", ">=2.4.7", true},
		{">=2.4.6 <=2.4.7", ">2.4.7", false},
		{">=2.4.6 <2.4.6-p3", ">=2.4.6-p3 <2.4.7", false},
		{">=2.4.6 <2.4.6-p4", ">=2.4.6-p3 <2.4.7", true},
		{"~2.4.6", "2.4.7 || 2.5.0", true}, // to 2.5
		{"~2.4.6", "2.5.0 || 2.6.0", false},
		{"2.4.6 || 2.4.8", "2.4.7 || 2.4.8", true},
		{"*", "dev-main", true},
		{"*", "*", true},
		{"dev-main", "dev-main", true},
		{"dev-main", "dev-other", false},
		{"dev-main", ">=1.0", false},
		{"!=2.4.6", "2.4.6", false},
		{"!=2.4.6", ">=2.4.6 <=2.4.6", true}, // from 2.4.6-dev
		{"!=2.4.6", ">=2.4.6-stable <=2.4.6", false},
		{"!=2.4.6", ">=2.4.6 <2.4.7", true},
		{">2 <1", "*", false},
		{"2.4.*", "2.4.6 - 2.4.7", true},
	} {
		a, b := constraint(t, tc.a), constraint(t, tc.b)
		if got := a.Intersects(b); got != tc.want {
			t.Errorf("%s and %s: %t", tc.a, tc.b, got)
		}
		if got := b.Intersects(a); got != tc.want {
			t.Errorf("%s and %s: %t", tc.b, tc.a, got)
		}
	}
}

func constraint(t rapid.TB, s string) compat.Constraint {
	t.Helper()
	c, err := compat.ParseConstraint(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Where constraints of whole versions share one, it is among those near the bounds.
func TestIntersectsAgreesWithAllows(t *testing.T) {
	near := []string{"0.5.0", "1.0.0", "1.5.0", "2.0.0", "2.5.0", "3.0.0", "3.5.0", "4.0.0", "4.5.0"}
	part := rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">="}).Draw(t, "operator") +
			rapid.SampledFrom([]string{"1.0.0-stable", "2.0.0-stable", "3.0.0-stable", "4.0.0-stable"}).Draw(t, "version")
	})
	alternative := rapid.Custom(func(t *rapid.T) string {
		return part.Draw(t, "first") + " " + part.Draw(t, "second")
	})
	choice := rapid.Custom(func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "or") {
			return alternative.Draw(t, "left") + " || " + alternative.Draw(t, "right")
		}
		return alternative.Draw(t, "only")
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := constraint(t, choice.Draw(t, "a")), constraint(t, choice.Draw(t, "b"))
		want := false
		for _, s := range near {
			v, err := compat.ParseVersion(s)
			if err != nil {
				t.Fatal(err)
			}
			want = want || a.Allows(v) && b.Allows(v)
		}
		if got := a.Intersects(b); got != want {
			t.Fatalf("%s and %s: %t, want %t", a, b, got, want)
		}
	})
}
