package catalog_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/quality-patches/qpt/pkg/catalog"
)

func TestSecurity(t *testing.T) {
	for _, tc := range []struct {
		name, src string
		want      *catalog.Security
		problem   string
	}{
		{"nothing", `{}`, &catalog.Security{}, ""},
		{
			"all there is",
			`{"cve": ["CVE-2026-21234", "CVE-2026-0001"], "bulletin": "APSB26-71", "release": "2.4.7-p10", "month": "2026-07", "sequence": 2, "edition": "ce", "more": 1}`,
			&catalog.Security{CVE: []string{"CVE-2026-21234", "CVE-2026-0001"}, Bulletin: "APSB26-71", Release: "2.4.7-p10", Month: "2026-07", Sequence: 2, Edition: "CE"}, "",
		},
		{"a list", `[1]`, nil, "security: expected an object, found a list"},
		{"one vulnerability as text", `{"cve": "CVE-2026-0001"}`, nil, "security: cve: expected a list of names, found text"},
		{"no vulnerability", `{"cve": ["CVE-26-1"]}`, nil, `security: cve: "CVE-26-1" is not the name of a vulnerability, which is of the form CVE-2026-12345`},
		{"month 13", `{"month": "2026-13"}`, nil, `security: month: "2026-13" is not a month as YYYY-MM`},
		{"sequence as text", `{"sequence": "001"}`, nil, "security: sequence: expected a number from 1 to 999"},
		{"sequence 0", `{"sequence": 0}`, nil, "security: sequence: expected a number from 1 to 999"},
		{"the last sequence", `{"sequence": 999}`, &catalog.Security{Sequence: 999}, ""},
		{"sequence of four digits", `{"sequence": 1000}`, nil, "security: sequence: expected a number from 1 to 999"},
		{"sequence of many digits", `{"sequence": 9223372036854775808}`, nil, "security: sequence: expected a number from 1 to 999"},
		{"a month of long ago", `{"month": "0001-01"}`, nil, `security: month: "0001-01" is not a month as YYYY-MM`},
		{"sequence with a fraction", `{"sequence": 1.5}`, nil, "security: sequence: expected a number from 1 to 999"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := quality(`{"X-1": {"security": ` + tc.src + `, "packages": {"p/p": {"1": {"file": "one.patch"}}}}}`)
			if got := strings.Join(diagnostics(c), "\n"); !strings.HasSuffix(got, tc.problem) || (got == "") != (tc.problem == "") {
				t.Fatalf("diagnostics %q, want %q", got, tc.problem)
			}
			if tc.problem != "" {
				return
			}
			if got := patch(t, c, "X-1").Security; !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

// A diff that is not the one that the catalogue means is not used.
func TestDiffHash(t *testing.T) {
	load := func(hash string) (*catalog.Catalog, *catalog.Variant) {
		c := quality(`{"X-1": {"packages": {"p/p": {"1": {"file": "one.patch", "sha256": "` + hash + `"}, "2": {"file": "two.patch"}}}}}`)
		return c, patch(t, c, "X-1").Variants[0]
	}
	zeros := strings.Repeat("0", 64)
	_, v := load(zeros)
	_, err := v.Diff()
	if err == nil || !strings.Contains(err.Error(), ", but the catalogue says "+zeros+"; get the diff anew") {
		t.Fatalf("error %v", err)
	}
	_, sum, _ := strings.Cut(err.Error(), "its SHA-256 is ")
	sum, _, _ = strings.Cut(sum, ",")
	if _, v = load(sum); v.SHA256 != sum {
		t.Errorf("hash %s, want %s", v.SHA256, sum)
	}
	if _, err := v.Diff(); err != nil {
		t.Error(err)
	}
	c, v := load(strings.ToUpper(sum))
	if v.File != "two.patch" || len(diagnostics(c)) != 1 {
		t.Errorf("a hash in capitals is taken: %s, %q", v.File, diagnostics(c))
	}
}

// A patch of which something is left out says so.
func TestIncomplete(t *testing.T) {
	for variants, want := range map[string]bool{
		`"p/p": {"1": {"file": "one.patch"}, "2": {"file": "two.patch"}}`:                  false,
		`"p/p": {"1": {"file": "one.patch", "require": ["NONE-1"]}}`:                       false,
		`"p/p": {"1": {"file": "one.patch"}, "2": {"file": "none.patch"}}`:                 true,
		`"p/p": {"2": {"file": 1}, "1": {"file": "one.patch"}}`:                            true,
		`"p/p": {"1": {"file": "one.patch"}, "nonsense x": {"file": "two.patch"}}`:         true,
		`"p/p": {"1": {"file": "one.patch"}}, "q/q": 1`:                                    true,
		`"p/p": {"1": {"file": "one.patch"}}, "q/q": {"1": {"file": "../two.patch"}}`:      true,
		`"p/p": {"1": {"file": "one.patch"}}, "q/q": {}`:                                   false,
		`"p/p": {"1": {"file": "one.patch", "sha256": "0"}, "2": {"file": "two.patch"}}`:   true,
		`"p/p": {"1": {"file": "one.patch"}}, "q/q": {"1": {"file": "two.patch", "x": 1}}`: false,
	} {
		if got := patch(t, quality(`{"X-1": {"packages": {`+variants+`}}}`), "X-1").Incomplete; got != want {
			t.Errorf("%s: %v, want %v", variants, got, want)
		}
	}
}
