package compat_test

import (
	"errors"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quality-patches/qpt/pkg/compat"
)

func TestParseVersion(t *testing.T) {
	tests := []struct {
		version    string
		normalized string // empty: invalid
		branch     bool
		stable     bool
	}{
		{"2.4.6", "2.4.6.0", false, true},
		{" 2.4.6\n", "2.4.6.0", false, true},
		{"2.4.6 as 2.4.7", "2.4.6.0", false, true},
		{"2.4.6@DEV", "2.4.6.0", false, true},
		{"master", "dev-master", true, false},
		{"trunk", "dev-trunk", true, false},
		{"default", "dev-default", true, false},
		{"DEV-Main", "dev-Main", true, false},
		{"2.4.6+build", "2.4.6.0", false, true},
		{"V2.04", "2.04.0.0", false, true},
		{"2.4.6p3", "2.4.6.0-patch3", false, true},
		{"2.4.6-P3", "2.4.6.0-patch3", false, true},
		{"2.4.6.pl3", "2.4.6.0-patch3", false, true},
		{"2.4.6_patch.3", "2.4.6.0-patch3", false, true},
		{"2.4-dev", "2.4.0.0-dev", false, false},
		{"2.4.6-p3-dev", "2.4.6.0-patch3-dev", false, false},
		{"2.4.6-stable", "2.4.6.0", false, true},
		{"2.4.6-STABLE", "2.4.6.0-stable", false, true},
		{"2.4.8-b2", "2.4.8.0-beta2", false, false},
		{"2.4.8-a", "2.4.8.0-alpha", false, false},
		{"2.4.8rc1", "2.4.8.0-RC1", false, false},
		{"2023-10-05", "2023.10.05", false, true},
		{"v20231005-p1", "20231005-patch1", false, true},
		{"20231005.203040", "20231005.203040", false, true},
		{"2.4.x-dev", "2.4.9999999.9999999-dev", false, false},
		{"2.X-dev", "2.9999999.9999999.9999999-dev", false, false},
		{"9999999-dev", "9999999-dev", false, false},
		{version: "2.4.6-1"},
		{version: "2.4.6-foo"},
		{version: "2.4.6.7.8"},
		{version: "latest"},
		{version: "2.4.*"},
		{version: "2.4.6–2.4.7"},
		{version: ""},
	}
	for _, tt := range tests {
		v, err := compat.ParseVersion(tt.version)
		if tt.normalized == "" {
			var versionError *compat.VersionError
			if !errors.As(err, &versionError) || versionError.Version != tt.version {
				t.Errorf("ParseVersion(%q) = %q, %v, want a VersionError", tt.version, v.Normalized(), err)
			}
			continue
		}
		if err != nil {
			t.Errorf("ParseVersion(%q): %v", tt.version, err)
			continue
		}
		if v.String() != tt.version {
			t.Errorf("ParseVersion(%q).String() = %q", tt.version, v)
		}
		if v.Normalized() != tt.normalized || v.IsBranch() != tt.branch || v.IsStable() != tt.stable {
			t.Errorf("ParseVersion(%q) = %q, branch %v, stable %v; want %q, %v, %v", tt.version,
				v.Normalized(), v.IsBranch(), v.IsStable(), tt.normalized, tt.branch, tt.stable)
		}
	}
}

func TestVersionErrorMessage(t *testing.T) {
	tests := map[string]string{
		"":           `invalid version "": it is empty`,
		"latest":     `invalid version "latest": it does not begin with a number and does not name a branch`,
		"2.4.6-foo":  `invalid version "2.4.6-foo": unknown suffix "-foo"`,
		"2.4.*":      `invalid version "2.4.*": unknown suffix ".*"`,
		"2.4.6.7.8":  `invalid version "2.4.6.7.8": its numbers are neither one to four groups nor a date`,
		"2.4.6-p3-x": `invalid version "2.4.6-p3-x": unknown suffix "-p3-x"`,
	}
	for version, want := range tests {
		if _, err := compat.ParseVersion(version); err == nil || err.Error() != want {
			t.Errorf("ParseVersion(%q) error = %v, want %s", version, err, want)
		}
	}
	if _, err := compat.ParseVersion(strings.Repeat("x", 1<<20)); err == nil || len(err.Error()) > 500 {
		t.Error("the message for a very long version is very long")
	}
}

func TestNormalizedVersion(t *testing.T) {
	// Verbatim: Composer compares the text "2.4.6-p3" without making it "2.4.6.0-patch3".
	v := compat.NormalizedVersion("2.4.6-p3")
	if v.String() != "2.4.6-p3" || v.Normalized() != "2.4.6-p3" {
		t.Errorf("got %q, normalised %q", v, v.Normalized())
	}
	if mustConstraint(t, "2.4.6-p3").Allows(v) || !mustConstraint(t, ">2.4.6.1").Allows(v) {
		t.Error("a version that is not in normal form was normalised")
	}
	for _, s := range []string{"", ".", "-", "#", "foo", "..", "1..2", "\x00", "é"} {
		compat.NormalizedVersion(s).Compare(mustVersion(t, "1.0"))
	}
}

func TestVersionOrder(t *testing.T) {
	sorted := []string{
		"dev-a", "dev-b", "0.0.0-dev", "2.4.6-STABLE", "2.4.6-dev", "2.4.6-alpha", "2.4.6-alpha1", "2.4.6-beta1",
		"2.4.6-RC1", "2.4.6", "2.4.6-p", "2.4.6-p0", "2.4.6-p1", "2.4.6-p8", "2.4.6-p10", "2.4.6-p256",
		"2.4.6-p65536", "2.4.6-p99999999999999999999", "2.4.6.1", "2.4.x-dev", "2.256", "2.65536", "dev-master", "20231005",
		"20231005.10.10.10.10-p1.300.300.300.300", "20231005.10.10.10.10-p1.300.300.300.301",
	}
	for i, a := range sorted {
		for j, b := range sorted {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := mustVersion(t, a).Compare(mustVersion(t, b)); got != want {
				t.Errorf("%s compared with %s = %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestZeroVersion(t *testing.T) {
	var zero compat.Version
	for _, s := range []string{"dev-main", "0.0.0-dev", "2.4.6"} {
		v := mustVersion(t, s)
		if zero.Compare(v) != -1 || v.Compare(zero) != 1 {
			t.Errorf("the zero version compared with %s = %d and %d, want -1 and 1", s, zero.Compare(v), v.Compare(zero))
		}
	}
	if zero.Compare(zero) != 0 || zero.IsStable() || zero.IsBranch() {
		t.Error("the zero version is not equal to itself, is stable or is a branch")
	}
	for s, want := range map[string]bool{"*": true, "!=2.4.6": false, "<2.4.6": false, ">=0": false, "2.4.6": false} {
		if got := mustConstraint(t, s).Allows(zero); got != want {
			t.Errorf("%q allows the zero version = %v, want %v", s, got, want)
		}
	}
}

// versionPart splits a normal form as version_compare does.
var versionPart = regexp.MustCompile(`[0-9]+|[A-Za-z]+`)

// compareReference compares two normal forms part by part, in the plainest way.
func compareReference(a, b string) int {
	rank := func(parts []string, i int) (int, *big.Int) {
		if i >= len(parts) {
			return 5, nil
		}
		if n, ok := new(big.Int).SetString(parts[i], 10); ok {
			return 6, n
		}
		return slices.Index([]string{"stable", "dev", "alpha", "beta", "RC", "", "", "patch"}, parts[i]), nil
	}
	x, y := versionPart.FindAllString(a, -1), versionPart.FindAllString(b, -1)
	for i := range max(len(x), len(y)) {
		xr, xn := rank(x, i)
		yr, yn := rank(y, i)
		if xr != yr {
			return 1 - 2*btoi(xr < yr)
		}
		if xn != nil && xn.Cmp(yn) != 0 {
			return xn.Cmp(yn)
		}
	}
	return 0
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestCompareProperties(t *testing.T) {
	gen := rapid.OneOf(
		rapid.StringMatching(`[0-9]{1,4}(\.([0-9]{1,3}|65536|9007199254740993)){0,3}`+
			`(-(dev|stable|alpha|beta|RC|patch)([0-9]{1,3}([.-][0-9]{1,7}){0,5})?)?(-dev)?`),
		rapid.StringMatching(`1(\.[12]){0,3}(-(dev|stable|alpha|beta|RC|patch)([12]([.-][12]){0,2})?)?(-dev)?`),
	)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := gen.Draw(t, "a"), gen.Draw(t, "b"), gen.Draw(t, "c")
		va, vb, vc := compat.NormalizedVersion(a), compat.NormalizedVersion(b), compat.NormalizedVersion(c)
		if got, want := va.Compare(vb), compareReference(a, b); got != want {
			t.Fatalf("%s compared with %s = %d, want %d", a, b, got, want)
		}
		if va.Compare(vb) != -vb.Compare(va) {
			t.Fatalf("comparing %s and %s is not antisymmetric", a, b)
		}
		if va.Compare(vb) <= 0 && vb.Compare(vc) <= 0 && va.Compare(vc) > 0 {
			t.Fatalf("comparing %s, %s and %s is not transitive", a, b, c)
		}
	})
}

// TestCompareExhaustively compares every pair of normal forms that differ in one place or another.
func TestCompareExhaustively(t *testing.T) {
	var texts []string
	for _, numbers := range []string{"1", "1.0", "1.1", "1.255.0.0", "1.256"} {
		texts = append(texts, numbers, numbers+"-dev")
		for _, word := range []string{"-stable", "-alpha", "-beta", "-RC", "-patch"} {
			for _, n := range []string{"", "1", "1.1"} {
				texts = append(texts, numbers+word+n, numbers+word+n+"-dev")
			}
		}
	}
	versions := make([]compat.Version, len(texts))
	for i, s := range texts {
		versions[i] = compat.NormalizedVersion(s)
	}
	for i, a := range versions {
		for j, b := range versions {
			if got, want := a.Compare(b), compareReference(texts[i], texts[j]); got != want {
				t.Fatalf("%s compared with %s = %d, want %d", a, b, got, want)
			}
		}
	}
}
