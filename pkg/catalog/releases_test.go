package catalog_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/quality-patches/qpt/pkg/catalog"
)

const releaseTable = `{
	"2.4.6": {"magento/magento2-base": "2.4.6", "magento/magento2-ee-base": "2.4.6", "magento/magento2-b2b-base": "1.3.5", "magento/inventory-metapackage": "1.2.6"},
	"2.4.7-p1": {"magento/magento2-base": "2.4.7-p1"},
	"2.4.6-p10": {"magento/magento2-base": "2.4.6-p10", "magento/page-builder-commerce": "1.7.3", "magento/security-package-b2b": "1.0.4"},
	"2.4.6-p3": {"magento/magento2-base": "2.4.6-p3"}
}`

func releases(t *testing.T) catalog.Releases {
	t.Helper()
	c := catalog.Load([]catalog.Source{{Name: "test", FS: fstest.MapFS{"magento_releases.json": file("\xef\xbb\xbf" + releaseTable)}}})
	r, diagnostics := c.Releases()
	if len(diagnostics) > 0 {
		t.Fatalf("diagnostics %q", diagnostics)
	}
	return r
}

// The newest release is first, in Composer's order and not the table's.
func TestReleaseOrder(t *testing.T) {
	var got []string
	for _, r := range releases(t) {
		got = append(got, r.Version.String())
	}
	if want := "2.4.7-p1 2.4.6-p10 2.4.6-p3 2.4.6"; strings.Join(got, " ") != want {
		t.Errorf("releases %s, want %s", got, want)
	}
}

func TestFindRelease(t *testing.T) {
	for _, tc := range []struct{ version, want, err string }{
		{"2.4.6", "2.4.6", ""},
		{"v2.4.6-P3", "2.4.6-p3", ""},
		{"2.4.6.0", "2.4.6", ""},
		{"2.4.9", "", "release 2.4.9 is not in the release table"},
		{"latest one", "", "invalid version"},
		{"", "", "invalid version"},
	} {
		t.Run(tc.version, func(t *testing.T) {
			r, err := releases(t).Find(tc.version)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("error %v, want %q", err, tc.err)
				}
				return
			}
			if err != nil || r.Version.String() != tc.want {
				t.Errorf("release %s, error %v", r.Version, err)
			}
		})
	}
}

// Each edition has all packages of the smaller ones.
func TestReleaseIn(t *testing.T) {
	for _, tc := range []struct {
		release string
		edition catalog.Edition
		want    string
	}{
		{"2.4.6", catalog.Community, "magento/inventory-metapackage magento/magento2-base"},
		{"2.4.6", catalog.Commerce, "magento/inventory-metapackage magento/magento2-base magento/magento2-ee-base"},
		{"2.4.6", catalog.B2B, "magento/inventory-metapackage magento/magento2-b2b-base magento/magento2-base magento/magento2-ee-base"},
		{"2.4.6-p10", catalog.Community, "magento/magento2-base"},
		{"2.4.6-p10", catalog.Commerce, "magento/magento2-base magento/page-builder-commerce"},
		{"2.4.6-p10", catalog.B2B, "magento/magento2-base magento/page-builder-commerce magento/security-package-b2b"},
	} {
		t.Run(tc.release+" "+string(tc.edition), func(t *testing.T) {
			r, err := releases(t).Find(tc.release)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(slices.Sorted(maps.Keys(r.In(tc.edition))), " "); got != tc.want {
				t.Errorf("packages %s, want %s", got, tc.want)
			}
		})
	}
}

func TestParseEdition(t *testing.T) {
	for _, name := range []string{"community", "Commerce", "B2B"} {
		if e, err := catalog.ParseEdition(name); err != nil || string(e) != strings.ToLower(name) {
			t.Errorf("%s: %s, error %v", name, e, err)
		}
	}
	if _, err := catalog.ParseEdition("gold"); err == nil {
		t.Error("gold is an edition")
	}
}

func TestSatisfying(t *testing.T) {
	for _, tc := range []struct{ pkg, constraint, want string }{
		{"magento/magento2-base", ">=2.4.6 <2.4.7", "2.4.6-p10 2.4.6-p3 2.4.6"},
		{"magento/magento2-base", "2.4.6", "2.4.6"},
		{"magento/magento2-b2b-base", "1.3.*", "2.4.6"},
		{"magento/magento2-base", "3.*", ""},
		{"no/package", "*", ""},
		{"", "*", ""},
	} {
		t.Run(tc.pkg+" "+tc.constraint, func(t *testing.T) {
			var got []string
			for _, v := range releases(t).Satisfying(tc.pkg, constraint(t, tc.constraint)) {
				got = append(got, v.String())
			}
			if strings.Join(got, " ") != tc.want {
				t.Errorf("releases %s, want %s", got, tc.want)
			}
		})
	}
}

// The tables of all sources are taken together, what the first says of a release
// counts; one that cannot be read is a diagnostic.
func TestReleaseSources(t *testing.T) {
	source := func(name, table string) catalog.Source {
		return catalog.Source{Name: name, FS: fstest.MapFS{"magento_releases.json": file(table)}}
	}
	for _, tc := range []struct {
		name, first string
		want        string
		diagnostics []string
	}{
		{"new release", `{"2.5.0": {}}`, "2.5.0", []string{}},
		{"old release", `{"2.4.0": {}}`, "2.4.7-p1", []string{}},
		{"not JSON", "{\n", "2.4.7-p1", []string{"first: magento_releases.json: not valid JSON at line 2: unexpected end of JSON input"}},
		{
			"other form", "{\n\"2.4.0\": []\n}", "2.4.7-p1",
			[]string{"first: magento_releases.json: expected a version for each package of each release: json: cannot unmarshal array"},
		},
		{"bad release", `{"next": {}}`, "2.4.7-p1", []string{`first: magento_releases.json: invalid version "next"`}},
		{"bad version", `{"2.4.0": {"p/p": "new"}}`, "2.4.7-p1", []string{`first: magento_releases.json: 2.4.0: p/p: invalid version "new"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := catalog.Load([]catalog.Source{source("first", tc.first)}, []catalog.Source{source("second", releaseTable)})
			releases, diagnostics := c.Releases()
			got := []string{}
			for _, d := range diagnostics {
				got = append(got, d.String())
			}
			for i, d := range got {
				if i < len(tc.diagnostics) && strings.HasPrefix(d, tc.diagnostics[i]) {
					got[i] = tc.diagnostics[i] // the rest is package compat's
				}
			}
			if diff := cmp.Diff(tc.diagnostics, got); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
			if len(releases) == 0 || releases[0].Version.String() != tc.want {
				t.Errorf("releases %v, want %s first", releases, tc.want)
			}
		})
	}
	c := catalog.Load([]catalog.Source{source("first", `{"2.4.6": {"p/p": "1.0"}}`)}, []catalog.Source{source("second", releaseTable)})
	releases, _ := c.Releases()
	r, err := releases.Find("2.4.6")
	if err != nil || len(r.Packages) != 1 || r.Packages["p/p"].String() != "1.0" {
		t.Errorf("2.4.6 is %v, %v; want what the first source says", r, err)
	}
}
