package compat_test

import (
	"cmp"
	"compress/gzip"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/quality-patches/qpt/pkg/compat"
)

// readVectors reads a gzipped JSON file of answers that were recorded from composer/semver.
func readVectors(tb testing.TB, name string, into any) {
	tb.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(into); err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
}

type catalogueVectors struct {
	Counts struct {
		Constraints, Versions, Pairs, Satisfied int
	}
	Versions   []string
	Normalized []*string
	Results    []struct {
		C    string
		Bits string
	}
}

func TestCatalogueVectors(t *testing.T) {
	var vectors catalogueVectors
	readVectors(t, "vectors.json.gz", &vectors)

	versions := make([]*compat.Version, len(vectors.Versions))
	for i, s := range vectors.Versions {
		v, err := compat.ParseVersion(s)
		switch want := vectors.Normalized[i]; {
		case want == nil:
			if err == nil {
				t.Errorf("ParseVersion(%q) = %q, want an error", s, v.Normalized())
			}
			continue
		case err != nil:
			t.Errorf("ParseVersion(%q): %v", s, err)
			continue
		case v.Normalized() != *want:
			t.Errorf("ParseVersion(%q) = %q, want %q", s, v.Normalized(), *want)
		}
		versions[i] = &v
	}

	pairs, satisfied := 0, 0
	for _, result := range vectors.Results {
		c, err := compat.ParseConstraint(result.C)
		if err != nil {
			t.Errorf("ParseConstraint(%q): %v", result.C, err)
			continue
		}
		for i, bit := range result.Bits {
			pairs++
			v := versions[i]
			switch bit {
			case 'v':
				if v != nil {
					t.Errorf("version %q is valid, want invalid", vectors.Versions[i])
				}
				continue
			case '1':
				satisfied++
			}
			if v == nil {
				t.Errorf("version %q is invalid, want valid", vectors.Versions[i])
				continue
			}
			if got := c.Allows(*v); got != (bit == '1') {
				t.Errorf("%q allows %q = %v, want %c", result.C, v, got, bit)
			}
			if verdict := c.Explain(*v); verdict.Satisfied != (bit == '1') {
				t.Errorf("%q explains %q: %v, want %c", result.C, v, verdict, bit)
			}
		}
	}
	if want := vectors.Counts; pairs != want.Pairs || satisfied != want.Satisfied || pairs == 0 {
		t.Errorf("checked %d pairs, %d of them satisfied; want %d and %d", pairs, satisfied, want.Pairs, want.Satisfied)
	}
}

type syntaxVectors struct {
	Pairs []struct {
		ID         string
		Constraint string
		Version    string
		Want       json.RawMessage
		ErrorIn    string `json:"error_in"`
	}
	Sort struct {
		Input, Sorted []string
		Equal         [][]string
	}
	Normalize []struct {
		Input      string
		Normalized *string
	}
}

func TestSyntaxVectors(t *testing.T) {
	var vectors syntaxVectors
	readVectors(t, "syntax-vectors.json.gz", &vectors)
	if len(vectors.Pairs) != 636 || len(vectors.Sort.Sorted) < 100 || len(vectors.Normalize) != 138 {
		t.Fatalf("incomplete vectors: %d pairs, %d sorted, %d normalised",
			len(vectors.Pairs), len(vectors.Sort.Sorted), len(vectors.Normalize))
	}

	t.Run("pairs", func(t *testing.T) {
		extended := 0
		for _, p := range vectors.Pairs {
			if p.Constraint == "2.4.6 – 2.4.7" {
				extended++ // an error to Composer; here an en dash means a hyphen range
				continue
			}
			c, constraintErr := compat.ParseConstraint(p.Constraint)
			v, versionErr := compat.ParseVersion(p.Version)
			if got, want := constraintErr != nil, p.ErrorIn == "constraint"; got != want && (want || p.ErrorIn == "") {
				t.Errorf("%s: ParseConstraint(%q) error = %v, want error: %v", p.ID, p.Constraint, constraintErr, want)
				continue
			}
			if got, want := versionErr != nil, p.ErrorIn == "version"; got != want && (want || p.ErrorIn == "") {
				t.Errorf("%s: ParseVersion(%q) error = %v, want error: %v", p.ID, p.Version, versionErr, want)
				continue
			}
			if p.ErrorIn != "" {
				continue
			}
			want := string(p.Want) == `"true"` || string(p.Want) == "true"
			if got := c.Allows(v); got != want {
				t.Errorf("%s: %q allows %q = %v, want %v", p.ID, p.Constraint, p.Version, got, want)
			}
			if got := c.Explain(v); got.Satisfied != want {
				t.Errorf("%s: %q explains %q: %v, want %v", p.ID, p.Constraint, p.Version, got, want)
			}
		}
		if extended != 1 {
			t.Errorf("skipped %d pairs, want 1", extended)
		}
	})

	t.Run("sort", func(t *testing.T) {
		parse := func(texts []string) []compat.Version {
			versions := make([]compat.Version, len(texts))
			for i, s := range texts {
				versions[i] = mustVersion(t, s)
			}
			return versions
		}
		sorted := parse(vectors.Sort.Sorted)
		for i, a := range sorted {
			for j, b := range sorted {
				if got, want := a.Compare(b), cmp.Compare(i, j); got != want {
					t.Errorf("%s compared with %s = %d, want %d", a, b, got, want)
				}
			}
		}
		input := parse(vectors.Sort.Input)
		slices.SortFunc(input, compat.Version.Compare)
		for i, v := range input {
			if v.String() != vectors.Sort.Sorted[i] {
				t.Fatalf("sorted[%d] = %s, want %s", i, v, vectors.Sort.Sorted[i])
			}
		}
		for _, group := range vectors.Sort.Equal {
			versions := parse(group)
			for _, a := range versions {
				for _, b := range versions {
					if got := a.Compare(b); got != 0 {
						t.Errorf("%s compared with %s = %d, want 0", a, b, got)
					}
				}
			}
		}
	})

	t.Run("normalize", func(t *testing.T) {
		for _, n := range vectors.Normalize {
			v, err := compat.ParseVersion(n.Input)
			switch {
			case n.Normalized == nil && err == nil:
				t.Errorf("ParseVersion(%q) = %q, want an error", n.Input, v.Normalized())
			case n.Normalized != nil && err != nil:
				t.Errorf("ParseVersion(%q): %v, want %q", n.Input, err, *n.Normalized)
			case n.Normalized != nil && v.Normalized() != *n.Normalized:
				t.Errorf("ParseVersion(%q) = %q, want %q", n.Input, v.Normalized(), *n.Normalized)
			}
		}
	})
}

func mustVersion(tb testing.TB, s string) compat.Version {
	tb.Helper()
	v, err := compat.ParseVersion(s)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func mustConstraint(tb testing.TB, s string) compat.Constraint {
	tb.Helper()
	c, err := compat.ParseConstraint(s)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// TestRandomVectors covers what no one would write: odd spacing, half suffixes, flags in strange places.
func TestRandomVectors(t *testing.T) {
	var vectors struct {
		Rows []struct {
			C  string
			OK bool
			V  [][3]any
		}
	}
	readVectors(t, "random-vectors.json.gz", &vectors)
	if len(vectors.Rows) != 3000 {
		t.Fatalf("incomplete vectors: %d rows", len(vectors.Rows))
	}
	for _, row := range vectors.Rows {
		c, err := compat.ParseConstraint(row.C)
		if (err == nil) != row.OK {
			t.Errorf("ParseConstraint(%q) error = %v, want valid: %v", row.C, err, row.OK)
			continue
		}
		for _, want := range row.V {
			v, err := compat.ParseVersion(want[0].(string))
			switch {
			case (err == nil) != (want[1] != nil):
				t.Errorf("ParseVersion(%q) error = %v, want %v", want[0], err, want[1])
			case err == nil && v.Normalized() != want[1]:
				t.Errorf("ParseVersion(%q) = %q, want %q", want[0], v.Normalized(), want[1])
			case want[2] != nil && c.Allows(v) != want[2]:
				t.Errorf("%q allows %q = %v, want %v", row.C, want[0], c.Allows(v), want[2])
			}
		}
	}
}
