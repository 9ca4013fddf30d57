package own_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quality-patches/qpt/pkg/catalog/own"
)

func TestParseName(t *testing.T) {
	isolated := func(id, release, month string, sequence int, edition string) own.Name {
		return own.Name{ID: id, Release: release, Month: month, Sequence: sequence, Edition: edition}
	}
	ce := isolated("247p10-2026-07-001-CE", "2.4.7-p10", "2026-07", 1, "CE")
	for _, tc := range []struct {
		file    string
		want    own.Name
		problem string
	}{
		{"247p10-2026-07-001-CE.patch", ce, ""},
		{"some/folder/247p10-2026-07-001-CE.patch", ce, ""},
		{`some\folder\247p10-2026-07-001-CE.diff`, ce, ""},
		{"247P10-2026-07-001-ce.PATCH", ce, ""},
		{"247p10_2026_07_001_CE.patch", ce, ""},
		{"2.4.7-p10-2026-07-001-CE.patch", ce, ""},
		{"2-4-7-p10-2026-07-001-CE.patch", ce, ""},
		{"247-p10-2026-07-001-CE", ce, ""},
		{"247p10-2026-07-1-CE.patch", ce, ""},
		{"magento-247p10-2026-07-001-CE_composer.patch", ce, ""},
		{"247p10-2026-07-001-CE.composer.patch", ce, ""},
		{"247p10-2026-07-001-CE (1).patch", ce, ""},
		{"248p3-2026-08-002-EE.patch", isolated("248p3-2026-08-002-EE", "2.4.8-p3", "2026-08", 2, "EE"), ""},
		{"246p13-2026-12-123-B2B.patch", isolated("246p13-2026-12-123-B2B", "2.4.6-p13", "2026-12", 123, "B2B"), ""},
		{"249-2026-09-001-CE.patch", isolated("249-2026-09-001-CE", "2.4.9", "2026-09", 1, "CE"), ""},
		{"2410p1-2027-01-001-CE.patch", isolated("2410p1-2027-01-001-CE", "2.4.10-p1", "2027-01", 1, "CE"), ""},
		{"APSB26-73_247p10-2026-07-001-CE_CVE-2026-11111_CVE-2026-22222.patch", func() own.Name {
			n := ce
			n.CVE, n.Bulletin = []string{"CVE-2026-11111", "CVE-2026-22222"}, "APSB26-73"
			return n
		}(), ""},
		{"247p10-2026-07-000-CE.patch", own.Name{}, "count from 001"},
		{"247p10-2026-07-001-PB.patch", own.Name{}, `edition "PB"`},
		{"247p10-2026-13-001-CE.patch", own.Name{}, "the month 13"},
		{"247p10-2026-7-001-CE.patch", ce, ""},
		{"247p10-2026-0-001-CE.patch", own.Name{}, "the month 0"},
		{"247p10-2026-07-001.patch", own.Name{}, "RELEASE-YEAR-MONTH-NUMBER-EDITION"},
		{"247p10-2026-07-0001-CE.patch", own.Name{}, "RELEASE-YEAR-MONTH-NUMBER-EDITION"},
		{"2.4.7-p10_202607_001_CE.patch", own.Name{}, "RELEASE-YEAR-MONTH-NUMBER-EDITION"},
		{"247p10-2026-07-001-CEandEE.patch", own.Name{}, "RELEASE-YEAR-MONTH-NUMBER-EDITION"},
		{"fix-2.4.6-p8-2026-07-12.patch", own.Name{ID: "fix-2.4.6-p8-2026-07-12", Release: "2.4.6-p8"}, ""},

		{"VULN-32437-2-4-X.patch", own.Name{ID: "VULN-32437", Line: "2.4", Vulnerability: true}, ""},
		{"VULN-32437-2.4.X-repo.patch", own.Name{ID: "VULN-32437", Line: "2.4", Vulnerability: true}, ""},
		{"VULN-27015-2.4.7_COMPOSER.patch", own.Name{ID: "VULN-27015", Release: "2.4.7", Vulnerability: true}, ""},
		{"VULN-39341_249.patch", own.Name{ID: "VULN-39341", Release: "2.4.9", Vulnerability: true}, ""},
		{"VULN-39341_246p15.patch", own.Name{ID: "VULN-39341", Release: "2.4.6-p15", Vulnerability: true}, ""},
		{"vuln-28982-composer-patch.zip-part.patch", own.Name{ID: "VULN-28982", Vulnerability: true}, ""},
		{"VULN-1.patch", own.Name{ID: "VULN-1", Vulnerability: true}, ""},
		{"ACSD-12345_2.4.6-p3.patch", own.Name{ID: "ACSD-12345", Release: "2.4.6-p3"}, ""},
		{"ACSD-12345.patch", own.Name{ID: "ACSD-12345"}, ""},
		{"acsd-12345_v2.diff", own.Name{ID: "ACSD-12345"}, ""},
		{"MDVA-43395_EE_2.4.3-p1_COMPOSER_v1.patch", own.Name{ID: "MDVA-43395", Release: "2.4.3-p1"}, ""},
		{"MDVA-43443_EE_2.4.3-p1_GIT_v1.patch.txt", own.Name{ID: "MDVA-43443", Release: "2.4.3-p1"}, ""},
		{"AC-1234", own.Name{ID: "AC-1234"}, ""},
		{"CVE-2026-12345.patch", own.Name{ID: "CVE-2026-12345", CVE: []string{"CVE-2026-12345"}, Vulnerability: true}, ""},
		{"APSB26-73.patch", own.Name{ID: "APSB26-73", Bulletin: "APSB26-73", Vulnerability: true}, ""},
		{"fix-for-CVE-2026-12345.patch", own.Name{ID: "fix-for-CVE-2026-12345", CVE: []string{"CVE-2026-12345"}}, ""},
		{"github-pr-12345.patch", own.Name{ID: "PR-12345"}, ""},
		{"12345.diff", own.Name{ID: "PR-12345"}, ""},
		{"MY-123.patch", own.Name{ID: "MY-123"}, ""},
		{"MY-123-part-2.patch", own.Name{ID: "MY-123-part-2"}, ""},
		{"fix cart & ünïcode.patch", own.Name{ID: "fix-cart-n-code"}, ""},
		{"fix-2.4.6-p8.patch", own.Name{ID: "fix-2.4.6-p8", Release: "2.4.6-p8"}, ""},
		{"MACRO-249.patch", own.Name{ID: "MACRO-249"}, ""},
		{"../../x.patch", own.Name{ID: "x"}, ""},
		{"...patch", own.Name{}, ""},
		{strings.Repeat("3", 300) + ".patch", own.Name{ID: strings.Repeat("3", 100)}, ""},
		{"MC-" + strings.Repeat("3", 300) + ".patch", own.Name{ID: "MC-" + strings.Repeat("3", 97)}, ""},
		{strings.Repeat("a", 300) + ".patch", own.Name{ID: strings.Repeat("a", 100)}, ""},
	} {
		t.Run(tc.file, func(t *testing.T) {
			got, err := own.ParseName(tc.file)
			if tc.problem != "" {
				if err == nil || !strings.Contains(err.Error(), tc.problem) {
					t.Fatalf("error %v, want %q", err, tc.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.Isolated() != (tc.want.Sequence > 0) || got.ID != "" && own.CheckID(got.ID) != nil {
				t.Errorf("isolated %v, id %v", got.Isolated(), own.CheckID(got.ID))
			}
		})
	}
}

func TestCheckID(t *testing.T) {
	for id, ok := range map[string]bool{
		"A": true, "247p10-2026-07-001-CE": true, "a.b_c+d": true, "": false, ".a": false, "a/b": false, `a\b`: false,
		"a b": false, "a.": false, "-a": false, strings.Repeat("a", 101): false, "a\x1b": false, "ä": false, "fix.patch": false, "Fix.PATCH": false, "x\n": false,
	} {
		if err := own.CheckID(id); (err == nil) != ok {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func FuzzParseName(f *testing.F) {
	f.Add("247p10-2026-07-001-CE.patch")
	f.Add("VULN-32437-2-4-X.patch")
	f.Add("x.patch.patch.patch")
	f.Add("a/b\\c CVE-2026-12345 2.4.6.diff")
	f.Fuzz(func(t *testing.T, name string) {
		n, err := own.ParseName(name)
		if err != nil || n.ID == "" {
			return
		}
		if err := own.CheckID(n.ID); err != nil {
			t.Fatal(err)
		}
		if !n.Isolated() {
			return
		}
		again, err := own.ParseName(n.ID + ".patch") // the id is the name in its usual form
		again.CVE, again.Bulletin = n.CVE, n.Bulletin
		if diff := cmp.Diff(n, again); err != nil || diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
	})
}
