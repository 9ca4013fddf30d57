package compat_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quality-patches/qpt/pkg/compat"
)

func TestConstraintForms(t *testing.T) {
	tests := []struct {
		constraint string
		yes, no    []string
	}{
		{"2.4", []string{"2.4", "2.4.0", "2.4.0.0"}, []string{"2.4.1", "2.4.0-p1", "2.4.0-dev", "dev-main"}},
		{"=2.4.6", []string{"2.4.6", "2.4.06"}, []string{"2.4.6-p1"}},
		{"==2.4.6-p3", []string{"2.4.6-p3", "2.4.6-p03", "2.4.6pl3"}, []string{"2.4.6-p30"}},
		{"!=2.4.6", []string{"2.4.6-p1", "dev-main"}, []string{"2.4.6"}},
		{"<>dev-main", []string{"2.4.6", "dev-other"}, []string{"dev-main"}},
		{">2.4.6", []string{"2.4.6-p1", "2.4.7-dev"}, []string{"2.4.6", "2.4.6-RC1", "dev-main"}},
		{"<=2.4.6", []string{"2.4.6", "2.4.6-beta1"}, []string{"2.4.6-p1"}},
		{">=2.4.6", []string{"2.4.6-dev", "2.4.x-dev"}, []string{"2.4.5-p99", "dev-main"}},
		{"<2.4.6", []string{"2.4.5-p99"}, []string{"2.4.6-dev"}},
		{">=2.4.6-p3", []string{"2.4.6-p3"}, []string{"2.4.6-p3-dev"}},
		{"~1.2.3", []string{"1.2.3-dev", "1.2.9-p1"}, []string{"1.3.0-dev", "1.2.2"}},
		{"~1.2", []string{"1.2.0", "1.9"}, []string{"2.0.0-dev", "1.1.9"}},
		{"~1", []string{"1.0", "1.9"}, []string{"2.0-beta1"}},
		{"~1.2.3.4", []string{"1.2.3.4", "1.2.3.9"}, []string{"1.2.3.3", "1.2.4"}},
		{"^1.2.3", []string{"1.2.3", "1.9"}, []string{"2.0-dev", "1.2.2"}},
		{"^0.3", []string{"0.3.9"}, []string{"0.4-dev"}},
		{"^0.0.3", []string{"0.0.3-p1"}, []string{"0.0.4"}},
		{"^0.0", []string{"0.0.9"}, []string{"0.1"}},
		{"^0", []string{"0.9"}, []string{"1.0"}},
		{"2.4.*", []string{"2.4.0-dev", "2.4.x-dev"}, []string{"2.5.0-dev", "2.3.9"}},
		{"2.x", []string{"2.0", "2.99"}, []string{"3.0"}},
		{"2.4.6.*", []string{"2.4.6-p3"}, []string{"2.4.7"}},
		{"*", []string{"2.4.6", "dev-main"}, nil},
		{"@dev", []string{"2.4.6", "dev-main"}, nil},
		{"v*", []string{"2.4.6"}, []string{"dev-main"}},
		{"2.4.4 - 2.4.6", []string{"2.4.4-dev", "2.4.6"}, []string{"2.4.6-p1"}},
		{"2.4.4-p1 - 2.4", []string{"2.4.4-p1", "2.4.99"}, []string{"2.4.4", "2.5-dev"}},
		{"2.3 - 2", []string{"2.3", "2.99"}, []string{"3.0-dev"}},
		{">2.4.6@beta", []string{"2.4.6-beta1", "2.4.6"}, []string{"2.4.6-beta", "2.4.6-alpha9"}},
		{">=2.4.6@stable", []string{"2.4.6-RC1"}, nil},
		{"~2.4@beta", []string{"2.4.0-dev"}, nil},
		{"dev-main as 2.4.6", []string{"dev-main"}, []string{"2.4.6"}},
		{"dev-main#a1b2c3", []string{"dev-main"}, nil},
		{"2.4.4 || 2.4.6|2.4.8", []string{"2.4.4", "2.4.6", "2.4.8"}, []string{"2.4.5"}},
		{">=2.4.4 <2.4.5, !=2.4.4-p3", []string{"2.4.4-p2"}, []string{"2.4.4-p3", "2.4.5"}},

		// Pre-releases belong to the range that starts at their final version.
		{">=2.4.4 <2.4.8", nil, []string{"2.4.8-beta1"}},
		{">=2.4.7 <2.4.8", []string{"2.4.7-beta1"}, nil},
		{"~2.4.7", []string{"2.4.7-beta1"}, nil},
		{"<=2.4.8", []string{"2.4.8-beta1"}, nil},
		{"<2.4.8-p1", []string{"2.4.8-beta1"}, nil},
		{"2.4.8", nil, []string{"2.4.8-beta1"}},
		{">=2.4.6 <2.4.7", []string{"2.4.6-p15"}, []string{"2.4.x-dev"}},

		// Oddities.
		{">=2.4.6-RC1", []string{"2.4.6-RC1-dev"}, nil},
		{">=2.4.6p3", []string{"2.4.6-p3-dev"}, nil},
		{">=2.4.6-p3+build", []string{"2.4.6-p3-dev"}, nil},
		{"2,4", nil, []string{"2.4", "2.0", "4.0"}},
		{"2.4.", []string{"2.4"}, nil},
		{"~2.4.6+x", []string{"2.4.6"}, []string{"2.4.6-RC1"}},
		{">=2.4.6@STABLE", []string{"2.4.6-dev", "2.4.6-STABLE"}, []string{"2.4.5"}},

		// Beyond Composer: en dashes.
		{"2.4.6–2.4.6-p8", []string{"2.4.6-beta1", "2.4.6", "2.4.6-p8"}, []string{"2.4.6-p9", "2.4.5-p9"}},
		{"2.4.6 – 2.4.6-p8", []string{"2.4.6-p8"}, []string{"2.4.6-p9"}},
		{"2.4.4–2.4.5 || 2.4.7 –2.4.8,!=2.4.8-beta1", []string{"2.4.5", "2.4.8"}, []string{"2.4.6", "2.4.8-beta1"}},
		{"2.3–2.4", []string{"2.3.0-dev", "2.4.9"}, []string{"2.5-dev"}},
		{"dev-a–b", []string{"dev-a–b"}, []string{"2.4.6"}}, // to Composer a branch
	}
	for _, tt := range tests {
		c, err := compat.ParseConstraint(tt.constraint)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, s := range tt.yes {
			if !c.Allows(mustVersion(t, s)) {
				t.Errorf("%q does not allow %s", tt.constraint, s)
			}
		}
		for _, s := range tt.no {
			if c.Allows(mustVersion(t, s)) {
				t.Errorf("%q allows %s", tt.constraint, s)
			}
		}
	}
}

func TestConstraintErrors(t *testing.T) {
	tests := []struct{ constraint, part, message string }{
		{"", "", `invalid constraint: it is empty`},
		{"2.4.5 ||", "", `invalid constraint "2.4.5 ||": an alternative of it is empty`},
		{"2.4.4  -  2.4.5", "-", ``},
		{"2.4.4-2.4.5", "2.4.4-2.4.5", `invalid constraint: invalid version "2.4.4-2.4.5": its numbers are neither one to four groups nor a date`},
		{"~ 2.4", "~", `invalid constraint "~ 2.4": invalid version "~": it is not a version with an operator of Composer's`},
		{"^ 2.4", "^", ``},
		{"~>2.4", "~>2.4", ``},
		{"=>2.4", "=>2.4", ``},
		{"=<2.4", "=<2.4", ``},
		{">=2.4.6 && <2.5", "&&", `invalid constraint ">=2.4.6 && <2.5": invalid version "&&": it does not begin with a number and does not name a branch`},
		{">=2.4.*", ">=2.4.*", `invalid constraint: invalid version "2.4.*": unknown suffix ".*"`},
		{"~2.4.*", "~2.4.*", ``},
		{">=2.4.6,", ">=2.4.6,", ``},
		{">=2.4.6\t<2.4.7", ">=2.4.6\t<2.4.7", ``},
		{"2.4.5 || 2.4.6-foo", "2.4.6-foo", `invalid constraint "2.4.5 || 2.4.6-foo": invalid version "2.4.6-foo": unknown suffix "-foo"`},
		{"2.4.6–foo", "2.4.6–foo", ``},
		{"2.4.5–2.4.6–2.4.7", "2.4.5–2.4.6–2.4.7", ``},
		{"V2.4.*", "V2.4.*", ``},
	}
	for _, tt := range tests {
		c, err := compat.ParseConstraint(tt.constraint)
		var constraintError *compat.ConstraintError
		if !errors.As(err, &constraintError) {
			t.Errorf("ParseConstraint(%q) = %v, %v, want a ConstraintError", tt.constraint, c, err)
			continue
		}
		if constraintError.Constraint != tt.constraint || constraintError.Part != tt.part {
			t.Errorf("ParseConstraint(%q) names part %q of %q, want %q", tt.constraint, constraintError.Part, constraintError.Constraint, tt.part)
		}
		if tt.message != "" && err.Error() != tt.message {
			t.Errorf("ParseConstraint(%q) error:\n got %s\nwant %s", tt.constraint, err, tt.message)
		}
		var versionError *compat.VersionError
		if !errors.As(err, &versionError) {
			t.Errorf("ParseConstraint(%q) error = %v wraps no VersionError", tt.constraint, err)
		}
	}
}

func TestExplain(t *testing.T) {
	type exclusions = []compat.Exclusion
	tests := []struct {
		constraint, version string
		want                exclusions
		phrase              string
	}{
		{">=2.4.6", "2.4.6", nil, "2.4.6 satisfies >=2.4.6"},
		{">=2.4.6", "2.4.5", exclusions{{">=2.4.6", compat.Below}}, "2.4.5 is below >=2.4.6"},
		{">=2.4.6 <2.4.7", "2.4.7", exclusions{{"<2.4.7", compat.Above}}, "2.4.7 is above <2.4.7"},
		{"~2.4.5", "2.5", exclusions{{"~2.4.5", compat.Above}}, "2.5 is above ~2.4.5"},
		{"2.4.*", "2.3.7", exclusions{{"2.4.*", compat.Below}}, "2.3.7 is below 2.4.*"},
		{"2.4.4 - 2.4.6", "2.4.6-p1", exclusions{{"2.4.4 - 2.4.6", compat.Above}}, "2.4.6-p1 is above 2.4.4 - 2.4.6"},
		{"2.4.4 – 2.4.6", "2.4.3", exclusions{{"2.4.4–2.4.6", compat.Below}}, "2.4.3 is below 2.4.4–2.4.6"},
		{
			">=2.4.4 <2.4.4-p9 || >=2.4.6", "2.4.5-p2",
			exclusions{{"<2.4.4-p9", compat.Above}, {">=2.4.6", compat.Below}},
			"2.4.5-p2 is above <2.4.4-p9 and below >=2.4.6",
		},
		{
			"2.4.5|2.4.7", "2.4.6",
			exclusions{{"2.4.5", compat.Unequal}, {"2.4.7", compat.Unequal}},
			"2.4.6 is not 2.4.5 and not 2.4.7",
		},
		{">=2.4, !=2.4.6", "2.4.6", exclusions{{"!=2.4.6", compat.Excluded}}, "2.4.6 is excluded by !=2.4.6"},
		{">=2.4", "dev-main", exclusions{{">=2.4", compat.Branch}}, "dev-main is not comparable (a branch) with >=2.4"},
		{"2.4.6", "dev-main", exclusions{{"2.4.6", compat.Branch}}, ""},
		{">=dev-main", "2.4.6", exclusions{{">=dev-main", compat.Branch}}, ""},
		{"dev-main", "dev-other", exclusions{{"dev-main", compat.Unequal}}, "dev-other is not dev-main"},
		{"dev-main", "2.4.6", exclusions{{"dev-main", compat.Unequal}}, ""},
		{"dev-main || *", "2.4.6", nil, "2.4.6 satisfies dev-main || *"},
	}
	for _, tt := range tests {
		got := mustConstraint(t, tt.constraint).Explain(mustVersion(t, tt.version))
		want := compat.Verdict{Satisfied: tt.want == nil, Exclusions: tt.want}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(compat.Verdict{})); diff != "" {
			t.Errorf("%q explains %s (-want +got):\n%s", tt.constraint, tt.version, diff)
		}
		if tt.phrase != "" && got.String() != tt.phrase {
			t.Errorf("%q explains %s: %q, want %q", tt.constraint, tt.version, got, tt.phrase)
		}
	}
	if c := (compat.Constraint{}); c.Allows(mustVersion(t, "1.0")) || c.Explain(mustVersion(t, "1.0")).Satisfied {
		t.Error("the zero constraint allows a version")
	}
}

func TestSideString(t *testing.T) {
	var got []string
	for side := compat.Below; side <= compat.Branch+1; side++ {
		got = append(got, side.String())
	}
	want := []string{"below", "above", "unequal", "excluded", "branch", "unknown"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
