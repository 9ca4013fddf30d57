package audit_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aymanbagabas/go-udiff"
	"github.com/google/go-cmp/cmp"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/audit"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/stack"
)

// An entry is a patch of a test's catalogue.
type entry struct {
	id, title    string
	security     string // JSON, none if empty
	diff         string
	pkg          string // magento/magento2-base if empty
	constraint   string // * if empty
	replacedWith string
	sha256       string
}

// A shop is what a test audits.
type shop struct {
	release  string
	packages []string // beside the base package
	files    map[string]string
	entries  []entry
	table    []string // the releases of the table
	more     string   // further members of the catalogue
}

func (s shop) audit(t *testing.T, only ...string) *audit.Result {
	t.Helper()
	files := fstest.MapFS{}
	var src strings.Builder
	for i, e := range s.entries {
		name := fmt.Sprintf("%d.patch", i)
		files["patches/"+name] = &fstest.MapFile{Data: []byte(e.diff)}
		variant := map[string]any{"file": name}
		if e.replacedWith != "" {
			variant["replaced-with"] = e.replacedWith
		}
		if e.sha256 != "" {
			variant["sha256"] = e.sha256
		}
		object := map[string]any{"title": e.title, "packages": map[string]any{
			or(e.pkg, "magento/magento2-base"): map[string]any{or(e.constraint, "*"): variant},
		}}
		if e.security != "" {
			object["security"] = json.RawMessage(e.security)
		}
		text, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&src, "%q: %s,", e.id, text)
	}
	files["support-patches.json"] = &fstest.MapFile{Data: []byte("{" + strings.TrimSuffix(src.String()+s.more, ",") + "}")}
	table := map[string]map[string]string{}
	for _, release := range s.table {
		table[release] = map[string]string{"magento/magento2-base": release}
	}
	text, err := json.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	files["magento_releases.json"] = &fstest.MapFile{Data: text}
	c := catalog.Load([]catalog.Source{{Name: "test", FS: files}})
	releases, diagnostics := c.Releases()
	if len(diagnostics) > 0 {
		t.Fatal(diagnostics)
	}
	var installed []project.Package
	for _, item := range append([]string{"magento/magento2-base " + s.release}, s.packages...) {
		name, v, _ := strings.Cut(item, " ")
		installed = append(installed, project.Package{Name: name, Version: version(t, v)})
	}
	tree := applier.MapTree{}
	for name, text := range s.files {
		tree[name] = &applier.File{Data: []byte(text), Mode: 0o644}
	}
	st := stack.New(c, project.NewPackages(installed), applier.NewOverlay(tree), nil)
	return audit.Run(st, version(t, s.release), releases, only)
}

func version(t *testing.T, s string) compat.Version {
	t.Helper()
	v, err := compat.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// change is the diff that makes one text of another in a file.
func change(name, before, after string) string {
	return udiff.Unified("a/"+name, "b/"+name, before, after)
}

// closes is the security of an isolated diff.
func closes(release, month string, sequence int, edition string, cves ...string) string {
	b, _ := json.Marshal(map[string]any{"cve": append([]string{}, cves...), "release": release, "month": month, "sequence": sequence, "edition": edition})
	return string(b)
}

const (
	one  = "1\n2\n3\n4\n5\n6\n7\n8\n9\n"
	two  = "1\n2\n3\nfixed\n5\n6\n7\n8\n9\n"
	last = "1\n2\n3\nfixed and again\n5\n6\n7\n8\n9\n"
	odd  = "1\n2\n3\nedited\n5\n6\n7\n8\n9\n"
)

var fix = change("a.php", one, two)

// says writes verdicts and statuses, in order.
func says(r *audit.Result) string {
	var parts []string
	for _, p := range r.Patches {
		parts = append(parts, p.ID+" "+string(p.Verdict))
	}
	for _, v := range r.Vulnerabilities {
		parts = append(parts, v.ID+" "+string(v.Status))
	}
	return strings.Join(parts, ", ")
}

// What a patch and the vulnerability that it closes come to.
func TestVerdicts(t *testing.T) {
	two4 := change("a.php", two, last)
	general := `{"cve": ["CVE-2026-1001"]}`
	p10 := closes("2.4.7-p10", "2026-07", 1, "CE", "CVE-2026-1001")
	for _, tc := range []struct {
		name string
		shop shop
		want string
	}{
		{"applied", shop{files: map[string]string{"a.php": two}, entries: []entry{{id: "S-1", security: general, diff: fix}}}, "S-1 applied, CVE-2026-1001 PROTECTED"},
		{"not applied", shop{files: map[string]string{"a.php": one}, entries: []entry{{id: "S-1", security: general, diff: fix}}}, "S-1 missing, CVE-2026-1001 VULNERABLE"},
		{"edited afterwards", shop{files: map[string]string{"a.php": odd}, entries: []entry{{id: "S-1", security: general, diff: fix}}}, "S-1 unknown, CVE-2026-1001 UNKNOWN"},
		{
			"a part of it",
			shop{files: map[string]string{"a.php": two, "b.php": one}, entries: []entry{{id: "S-1", security: general, diff: fix + change("b.php", one, two)}}},
			"S-1 missing, CVE-2026-1001 VULNERABLE",
		},
		{
			"under another one",
			shop{files: map[string]string{"a.php": last}, entries: []entry{{id: "S-1", security: general, diff: fix}, {id: "Q-1", diff: two4}}},
			"S-1 applied, CVE-2026-1001 PROTECTED",
		},
		{
			"another one in the way",
			shop{files: map[string]string{"a.php": odd}, entries: []entry{{id: "S-1", security: general, diff: fix}, {id: "Q-1", diff: change("a.php", one, odd)}}},
			"S-1 missing, CVE-2026-1001 VULNERABLE",
		},
		{
			"in both directions",
			shop{
				files:   map[string]string{"a.php": "1\n2\n3\nfixed\n4\n5\n6\n-\n1\n2\n3\n4\n5\n6\n"},
				entries: []entry{{id: "S-1", security: general, diff: "--- a/a.php\n+++ b/a.php\n@@ -2,6 +2,7 @@\n 1\n 2\n 3\n+fixed\n 4\n 5\n 6\n"}},
			},
			"S-1 unknown, CVE-2026-1001 UNKNOWN",
		},
		{"a diff that is another one", shop{files: map[string]string{"a.php": two}, entries: []entry{{id: "S-1", security: general, diff: fix, sha256: strings.Repeat("0", 64)}}}, "S-1 unknown, CVE-2026-1001 UNKNOWN"},
		{"a package that is not installed", shop{entries: []entry{{id: "S-1", security: general, diff: fix, pkg: "magento/extension-b2b"}}}, "S-1 not applicable, CVE-2026-1001 NOT_APPLICABLE"},
		{
			"an edition that is not installed",
			shop{files: map[string]string{"a.php": two}, entries: []entry{{id: "S-1", security: closes("2.4.7-p10", "2026-07", 1, "EE", "CVE-2026-1001"), diff: fix}}},
			"S-1 not applicable, CVE-2026-1001 NOT_APPLICABLE",
		},
		{
			"an edition that is installed",
			shop{
				packages: []string{"magento/magento2-ee-base 2.4.7-p10"}, files: map[string]string{"a.php": two},
				entries: []entry{{id: "S-1", security: closes("2.4.7-p10", "2026-07", 1, "EE", "CVE-2026-1001"), diff: fix, pkg: "magento/magento2-ee-base"}},
			},
			"S-1 applied, CVE-2026-1001 PROTECTED",
		},
		{"another version", shop{files: map[string]string{"a.php": two}, entries: []entry{{id: "S-1", security: general, diff: fix, constraint: "<2.4.7"}}}, "S-1 not applicable, CVE-2026-1001 UNKNOWN"},
		{"its very release", shop{files: map[string]string{"a.php": two}, entries: []entry{{id: "S-1", security: p10, diff: fix}}}, "S-1 applied, CVE-2026-1001 PROTECTED"},
		{"an older release of the line", shop{release: "2.4.7-p9", files: map[string]string{"a.php": one}, entries: []entry{{id: "S-1", security: p10, diff: fix}}}, "S-1 needs release, CVE-2026-1001 VULNERABLE"},
		{"the first release of the line", shop{release: "2.4.7", files: map[string]string{"a.php": one}, entries: []entry{{id: "S-1", security: p10, diff: fix}}}, "S-1 needs release, CVE-2026-1001 VULNERABLE"},
		{"a newer release of the line", shop{release: "2.4.7-p11", files: map[string]string{"a.php": two}, entries: []entry{{id: "S-1", security: p10, diff: fix}}}, "S-1 not applicable, CVE-2026-1001 UNKNOWN"},
		{"another line", shop{release: "2.4.8-p1", files: map[string]string{"a.php": one}, entries: []entry{{id: "S-1", security: p10, diff: fix}}}, "S-1 not applicable, CVE-2026-1001 UNKNOWN"},
		{
			"the line of its own package",
			shop{packages: []string{"magento/extension-b2b 1.5.2-p4"}, entries: []entry{{
				id: "S-1", security: closes("1.5.2-p5", "2026-07", 1, "B2B", "CVE-2026-1001"), diff: fix, pkg: "magento/extension-b2b",
			}}},
			"S-1 needs release, CVE-2026-1001 VULNERABLE",
		},
		{"a release that cannot be read", shop{files: map[string]string{"a.php": two}, entries: []entry{{id: "S-1", security: `{"cve": ["CVE-2026-1001"], "release": "soon"}`, diff: fix}}}, "S-1 unknown, CVE-2026-1001 UNKNOWN"},
		{
			"replaced, and neither is there",
			shop{files: map[string]string{"a.php": one}, entries: []entry{
				{id: "S-1", security: general, diff: fix, replacedWith: "S-2"}, {id: "S-2", diff: change("a.php", one, last)},
			}},
			"S-1 replaced, S-2 missing, CVE-2026-1001 VULNERABLE",
		},
		{
			"replaced, and only the old one is there",
			shop{files: map[string]string{"a.php": two}, entries: []entry{
				{id: "S-1", security: general, diff: fix, replacedWith: "S-2"}, {id: "S-2", diff: change("a.php", one, last)},
			}},
			"S-1 replaced, S-2 missing, CVE-2026-1001 VULNERABLE",
		},
		{
			"replaced, and the new one is there",
			shop{files: map[string]string{"a.php": last}, entries: []entry{
				{id: "S-1", security: general, diff: fix, replacedWith: "S-2"}, {id: "S-2", diff: change("a.php", one, last)},
			}},
			"S-1 replaced, S-2 applied, CVE-2026-1001 PROTECTED",
		},
		{
			"replaced by what is for others",
			shop{files: map[string]string{"a.php": two}, entries: []entry{
				{id: "S-1", security: general, diff: fix, replacedWith: "S-2"}, {id: "S-2", diff: change("a.php", one, last), constraint: "<2"},
			}},
			"S-1 applied, S-2 not applicable, CVE-2026-1001 PROTECTED",
		},
		{
			"replaced in a circle",
			shop{files: map[string]string{"a.php": two}, entries: []entry{
				{id: "S-1", security: general, diff: fix, replacedWith: "S-2"}, {id: "S-2", diff: change("a.php", one, last), replacedWith: "S-1"},
			}},
			"S-1 replaced, S-2 replaced, CVE-2026-1001 UNKNOWN",
		},
		{"a title alone, and it is there", shop{files: map[string]string{"a.php": two}, entries: []entry{{id: "X-1", title: "Closes cve-2026-1001.", diff: fix}}}, "X-1 applied, CVE-2026-1001 UNKNOWN"},
		{"a title alone, and it is not", shop{files: map[string]string{"a.php": one}, entries: []entry{{id: "X-1", title: "Closes CVE-2026-1001.", diff: fix}}}, "X-1 missing, CVE-2026-1001 VULNERABLE"},
		{"a title beside what is asserted", shop{files: map[string]string{"a.php": two}, entries: []entry{{id: "X-1", title: "See CVE-2026-1002.", security: general, diff: fix}}}, "X-1 applied, CVE-2026-1001 PROTECTED, CVE-2026-1002 UNKNOWN"},
		{"no security patch", shop{files: map[string]string{"a.php": one}, entries: []entry{{id: "X-1", title: "Shows an invalid security or form key less often.", diff: fix}}}, ""},
		{"an entry that cannot be used", shop{more: `"S-1": {"security": {"cve": "CVE-2026-1001"}, "packages": {}}`}, "S-1 unknown"},
		{"one that is so named", shop{more: `"VULN-12345": {"title": "x"}`}, "VULN-12345 unknown"},
		{"another one", shop{more: `"X-1": {"title": "x"}`}, ""},
		{
			"a variant that cannot be used, and another one that is there",
			shop{
				files: map[string]string{"a.php": two}, entries: []entry{{id: "X-1", diff: fix}},
				more: `"S-1": {"security": {"cve": ["CVE-2026-1001"]}, "packages": {"magento/magento2-base": {"2.4.7-p10": {"file": "0.patch"}}, "magento/other": {"1": {"file": "none.patch"}}}}`,
			},
			"S-1 unknown, CVE-2026-1001 UNKNOWN",
		},
		{
			"a requirement that no catalogue has",
			shop{
				files: map[string]string{"a.php": two}, entries: []entry{{id: "X-1", diff: fix}},
				more: `"S-1": {"security": {"cve": ["CVE-2026-1001"]}, "packages": {"magento/magento2-base": {"2.4.7-p10": {"file": "0.patch", "require": ["NONE-1"]}}}}`,
			},
			"S-1 applied, CVE-2026-1001 PROTECTED",
		},
		{
			"a variant that cannot be used",
			shop{more: `"S-1": {"security": {"cve": ["CVE-2026-1001"]}, "packages": {"magento/magento2-base": {"2.4.7-p10": {"file": "none.patch"}, "<2": {"file": "0.patch"}}}}`, entries: []entry{{id: "X-1", diff: fix}}},
			"S-1 unknown, CVE-2026-1001 UNKNOWN",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.shop.release = or(tc.shop.release, "2.4.7-p10")
			if got := says(tc.shop.audit(t)); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// A reason names the files that are to blame.
func TestReasons(t *testing.T) {
	parts := ""
	for _, name := range []string{"a.php", "b.php", "c.php", "d.php", "e.php"} {
		parts += change(name, one, two)
	}
	for _, tc := range []struct {
		name  string
		files string // the contents of a.php to e.php: o for one, t for two, x for an edit
		want  string
	}{
		{"in", "ttttt", ""},
		{"out", "ooooo", ""},
		{"one is missing", "tttto", "a part of it is in the tree; missing in e.php"},
		{"four are missing", "toooo", "a part of it is in the tree; missing in b.php, c.php, d.php and 1 more"},
		{"one was edited", "ttxtt", "it is neither in the tree nor would it fit, because of c.php"},
		{"some were edited", "toxxo", "it is neither in the tree nor would it fit, because of c.php, d.php"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := shop{release: "2.4.7-p10", files: map[string]string{}, entries: []entry{{id: "S-1", security: `{"cve": ["CVE-2026-1001"]}`, diff: parts}}}
			for i, c := range tc.files {
				s.files[string(rune('a'+i))+".php"] = map[rune]string{'o': one, 't': two, 'x': odd}[c]
			}
			if got := s.audit(t).Patches[0].Reason; got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// A vulnerability is closed when all patches for the installation that name it are there.
func TestSeveralPatches(t *testing.T) {
	for _, tc := range []struct {
		name   string
		states []string // of the patches that close CVE-2026-1001
		want   audit.Status
	}{
		{"all there", []string{"in", "in"}, audit.Protected},
		{"one missing", []string{"in", "out"}, audit.Vulnerable},
		{"one unclear", []string{"in", "odd"}, audit.Unclear},
		{"one missing and one unclear", []string{"odd", "out"}, audit.Vulnerable},
		{"one is for others", []string{"in", "other"}, audit.Protected},
		{"one is for others, one is unclear", []string{"other", "odd"}, audit.Unclear},
		{"one is not installed", []string{"in", "absent"}, audit.Protected},
		{"one is not installed, one is for others", []string{"other", "absent"}, audit.Unclear},
		{"none is installed", []string{"absent", "absent"}, audit.Inapplicable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := shop{release: "2.4.7-p10", files: map[string]string{}}
			for i, state := range tc.states {
				name := fmt.Sprintf("%d.php", i)
				e := entry{id: fmt.Sprintf("S-%d", i), security: `{"cve": ["CVE-2026-1001"]}`, diff: change(name, one, two)}
				s.files[name] = map[string]string{"in": two, "odd": odd}[state]
				switch state {
				case "out":
					s.files[name] = one
				case "other":
					e.constraint = "<2"
				case "absent":
					e.pkg = "magento/none"
				}
				s.entries = append(s.entries, e)
			}
			r := s.audit(t)
			if len(r.Vulnerabilities) != 1 || r.Vulnerabilities[0].Status != tc.want {
				t.Errorf("%+v, want %s", r.Vulnerabilities, tc.want)
			}
		})
	}
}

// What is missing in a month makes what comes after it missing, not unclear.
func TestSequence(t *testing.T) {
	s := shop{release: "2.4.7-p10", files: map[string]string{"a.php": one}, entries: []entry{
		{id: "247p10-2026-08-001-CE", security: closes("2.4.7-p10", "2026-08", 1, "CE", "CVE-2026-1002"), diff: change("a.php", two, last)},
		{id: "247p10-2026-07-001-CE", security: closes("2.4.7-p10", "2026-07", 1, "CE", "CVE-2026-1001"), diff: fix},
	}}
	for files, want := range map[string]string{
		one:  "247p10-2026-08-001-CE missing, 247p10-2026-07-001-CE missing, CVE-2026-1001 VULNERABLE, CVE-2026-1002 VULNERABLE",
		two:  "247p10-2026-08-001-CE missing, 247p10-2026-07-001-CE applied, CVE-2026-1001 PROTECTED, CVE-2026-1002 VULNERABLE",
		last: "247p10-2026-08-001-CE applied, 247p10-2026-07-001-CE applied, CVE-2026-1001 PROTECTED, CVE-2026-1002 PROTECTED",
		odd:  "247p10-2026-08-001-CE unknown, 247p10-2026-07-001-CE unknown, CVE-2026-1001 UNKNOWN, CVE-2026-1002 UNKNOWN",
	} {
		s.files["a.php"] = files
		r := s.audit(t)
		if got := says(r); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if files == one && r.Patches[0].Reason != "it would fit after 247p10-2026-07-001-CE" {
			t.Errorf("reason %q", r.Patches[0].Reason)
		}
	}
}

// A package that was installed anew is without all of a series, and the files of the
// others tell that they have it.
func TestSequenceAfterReinstall(t *testing.T) {
	both := func(from, to string) string { return change("m.php", from, to) + change("n.php", from, to) }
	s := shop{release: "2.4.7-p10", files: map[string]string{}, entries: []entry{
		{id: "A-1", security: closes("2.4.7-p10", "2026-07", 1, "CE", "CVE-2026-1001"), diff: both(one, two)},
		{id: "B-1", security: closes("2.4.7-p10", "2026-07", 2, "CE", "CVE-2026-1002"), diff: change("n.php", two, last)},
		{id: "C-1", security: closes("2.4.7-p10", "2026-08", 1, "CE", "CVE-2026-1003"), diff: change("m.php", two, last) + change("n.php", last, odd)},
	}}
	for _, tc := range []struct{ m, n, want, reasons string }{
		{last, odd, "A-1 applied, B-1 applied, C-1 applied, CVE-2026-1001 PROTECTED, CVE-2026-1002 PROTECTED, CVE-2026-1003 PROTECTED", "under C-1, B-1|under C-1|"},
		{one, odd, "A-1 missing, B-1 applied, C-1 missing, CVE-2026-1001 VULNERABLE, CVE-2026-1002 PROTECTED, CVE-2026-1003 VULNERABLE", "a part of it is in the tree; missing in m.php|under parts of later ones|a part of it is in the tree; missing in m.php"},
		{last, one, "A-1 missing, B-1 missing, C-1 missing, CVE-2026-1001 VULNERABLE, CVE-2026-1002 VULNERABLE, CVE-2026-1003 VULNERABLE", "a part of it is in the tree; missing in n.php|it would fit after those before it|a part of it is in the tree; missing in n.php"},
		{one, two, "A-1 missing, B-1 missing, C-1 missing, CVE-2026-1001 VULNERABLE, CVE-2026-1002 VULNERABLE, CVE-2026-1003 VULNERABLE", "a part of it is in the tree; missing in m.php||it would fit after those before it"},
		{"other", odd, "A-1 unknown, B-1 applied, C-1 unknown, CVE-2026-1001 UNKNOWN, CVE-2026-1002 PROTECTED, CVE-2026-1003 UNKNOWN", "it is neither in the tree nor would it fit, because of m.php, n.php|under parts of later ones|it is neither in the tree nor would it fit, because of m.php"},
	} {
		s.files["m.php"], s.files["n.php"] = tc.m, tc.n
		r := s.audit(t)
		if got := says(r); got != tc.want {
			t.Errorf("%q %q: got  %s\nwant %s", tc.m, tc.n, got, tc.want)
		}
		var reasons []string
		for _, p := range r.Patches {
			reasons = append(reasons, p.Reason)
		}
		if got := strings.Join(reasons, "|"); got != tc.reasons {
			t.Errorf("%q %q: reasons %s\nwant %s", tc.m, tc.n, got, tc.reasons)
		}
	}
}

// The order of the catalogue says nothing of the order in which diffs came out.
func TestSequenceOfThree(t *testing.T) {
	s := shop{release: "2.4.7-p10", files: map[string]string{"a.php": one}, entries: []entry{
		{id: "C-1", security: closes("2.4.7-p10", "2026-08", 1, "CE", "CVE-2026-1003"), diff: change("a.php", last, odd)},
		{id: "B-1", security: closes("2.4.7-p10", "2026-07", 2, "CE", "CVE-2026-1002"), diff: change("a.php", two, last)},
		{id: "A-1", security: closes("2.4.7-p10", "2026-07", 1, "CE", "CVE-2026-1001"), diff: fix},
	}}
	r := s.audit(t)
	if got, want := says(r), "C-1 missing, B-1 missing, A-1 missing, CVE-2026-1001 VULNERABLE, CVE-2026-1002 VULNERABLE, CVE-2026-1003 VULNERABLE"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if r.Patches[0].Reason != "it would fit after A-1, B-1" {
		t.Errorf("reason %q", r.Patches[0].Reason)
	}
}

// One that is replaced stays so, wherever it is in a sequence.
func TestReplacedInSequence(t *testing.T) {
	s := shop{release: "2.4.7-p10", files: map[string]string{"a.php": one}, entries: []entry{
		{id: "J-1", security: closes("2.4.7-p10", "2026-07", 1, "CE", "CVE-2026-1001"), diff: fix},
		{id: "A-1", security: closes("2.4.7-p10", "2026-08", 1, "CE", "CVE-2026-1002"), diff: change("a.php", two, last), replacedWith: "A-2"},
		{id: "A-2", security: closes("2.4.7-p10", "2026-08", 2, "CE", "CVE-2026-1002"), diff: change("a.php", two, odd)},
	}}
	if got, want := says(s.audit(t)), "J-1 missing, A-1 replaced, A-2 missing, CVE-2026-1001 VULNERABLE, CVE-2026-1002 VULNERABLE"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Diffs that others make one expect are named.
func TestGaps(t *testing.T) {
	for _, tc := range []struct {
		name     string
		packages []string
		known    []string // month, sequence and edition
		release  string
		want     []audit.Gap
	}{
		{"none", nil, []string{"2026-07 1 CE", "2026-07 2 CE", "2026-08 1 CE"}, "2.4.7-p10", nil},
		{"the first of a month", nil, []string{"2026-07 2 CE"}, "2.4.7-p10", []audit.Gap{{"2.4.7-p10", "CE", "2026-07", 1}}},
		{"one in between", nil, []string{"2026-07 1 CE", "2026-07 3 CE"}, "2.4.7-p10", []audit.Gap{{"2.4.7-p10", "CE", "2026-07", 2}}},
		{"a month, at the turn of a year", nil, []string{"2026-12 1 CE", "2027-02 1 CE"}, "2.4.7-p10", []audit.Gap{{"2.4.7-p10", "CE", "2027-01", 0}}},
		{"for another release", nil, []string{"2026-07 2 CE"}, "2.4.7-p9", nil},
		{
			"an edition that is installed",
			[]string{"magento/magento2-ee-base 2.4.7-p10"},
			[]string{"2026-07 1 CE"},
			"2.4.7-p10",
			[]audit.Gap{{"2.4.7-p10", "EE", "2026-07", 0}},
		},
		{"an edition in one month", []string{"magento/magento2-ee-base 2.4.7-p10"}, []string{"2026-07 1 CE", "2026-08 1 CE", "2026-08 1 EE"}, "2.4.7-p10", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := shop{release: "2.4.7-p10", packages: tc.packages, files: map[string]string{"a.php": two}}
			for _, k := range tc.known {
				var month, edition string
				var n int
				if _, err := fmt.Sscan(k, &month, &n, &edition); err != nil {
					t.Fatal(err)
				}
				s.entries = append(s.entries, entry{id: k, security: closes(tc.release, month, n, edition, "CVE-2026-1001"), diff: fix})
			}
			if diff := cmp.Diff(tc.want, s.audit(t).Gaps); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What the sources know of the installed release.
func TestRelease(t *testing.T) {
	isolated := []entry{{id: "S-1", security: closes("2.4.7-p10", "2026-07", 1, "CE", "CVE-2026-1001"), diff: fix}}
	for _, tc := range []struct {
		name          string
		release       string
		table         []string
		entries       []entry
		known, source bool
		newest        string
	}{
		{name: "nothing", release: "2.4.7-p10"},
		{name: "the table", release: "2.4.7-p10", table: []string{"2.4.7-p10", "2.4.7-p9", "2.4.8-p5"}, known: true},
		{name: "an older one", release: "2.4.7-p9", table: []string{"2.4.7-p10", "2.4.7-p9"}, known: true, newest: "2.4.7-p10"},
		{name: "a beta is no newer release", release: "2.4.8-beta1", table: []string{"2.4.8-beta1", "2.4.8-beta2"}, known: true},
		{name: "one that is not in the table", release: "2.4.7-p12", table: []string{"2.4.7-p11", "2.4.7-p10"}},
		{name: "a diff that is made for it", release: "2.4.7-p10", entries: isolated, known: true, source: true},
		{name: "a diff that is made for a later one", release: "2.4.7-p9", table: []string{"2.4.7-p9"}, entries: isolated, known: true, source: true, newest: "2.4.7-p10"},
		{name: "a diff of another line", release: "2.4.6-p15", table: []string{"2.4.6-p15"}, entries: isolated, known: true},
		{name: "diffs that name nothing", release: "2.4.7-p10", entries: []entry{{id: "S-1", security: closes("2.4.7-p10", "2026-07", 1, "CE"), diff: fix}}, known: true, source: true},
		{name: "a patch by constraint", release: "2.4.7-p10", entries: []entry{{id: "S-1", security: `{"cve": ["CVE-2026-1001"]}`, diff: fix}}, source: true},
		{
			name: "a patch for an older one of the line", release: "2.4.7-p10", table: []string{"2.4.7-p10", "2.4.7-p1"},
			entries: []entry{{id: "S-1", security: `{"cve": ["CVE-2026-1001"]}`, diff: fix, constraint: "<=2.4.7-p1"}}, known: true, source: true,
		},
		{
			name: "a patch for an older line", release: "2.4.7-p10", table: []string{"2.4.7-p10", "2.4.6-p1"},
			entries: []entry{{id: "S-1", security: `{"cve": ["CVE-2026-1001"]}`, diff: fix, constraint: "<=2.4.6-p1"}}, known: true,
		},
		{name: "a title proves nothing", release: "2.4.7-p10", entries: []entry{{id: "VULN-1", title: "CVE-2026-1001", diff: fix}}},
		{name: "a branch", release: "dev-main", table: []string{"2.4.7"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := shop{release: tc.release, table: tc.table, entries: tc.entries, files: map[string]string{"a.php": two}}.audit(t)
			if r.ReleaseKnown != tc.known || r.HasSource != tc.source || r.Newest != tc.newest {
				t.Errorf("known %v, source %v, newest %q; want %v, %v, %q", r.ReleaseKnown, r.HasSource, r.Newest, tc.known, tc.source, tc.newest)
			}
		})
	}
}

// An audit of some vulnerabilities says nothing of others.
func TestOnly(t *testing.T) {
	s := shop{release: "2.4.7-p10", files: map[string]string{"a.php": last, "b.php": one}, entries: []entry{
		{id: "S-1", security: `{"cve": ["CVE-2026-1001", "CVE-2026-1003"]}`, diff: fix, replacedWith: "S-3"},
		{id: "S-2", security: closes("2.4.7-p10", "2026-07", 2, "CE", "CVE-2026-1002"), diff: change("b.php", one, two)},
		{id: "S-3", diff: change("a.php", one, last)},
	}}
	for _, tc := range []struct {
		only []string
		want string
		gaps int
	}{
		{nil, "S-1 replaced, S-2 missing, S-3 applied, CVE-2026-1001 PROTECTED, CVE-2026-1002 VULNERABLE, CVE-2026-1003 PROTECTED", 1},
		{[]string{"CVE-2026-1001"}, "S-1 replaced, S-3 applied, CVE-2026-1001 PROTECTED", 0},
		{[]string{"CVE-2026-1002", "CVE-2025-9999"}, "S-2 missing, CVE-2025-9999 UNKNOWN, CVE-2026-1002 VULNERABLE", 0},
		{[]string{"CVE-2026-100"}, "CVE-2026-100 UNKNOWN", 0},
	} {
		r := s.audit(t, tc.only...)
		if got := says(r); got != tc.want || len(r.Gaps) != tc.gaps {
			t.Errorf("%q: %d gaps, %s\nwant %s", tc.only, len(r.Gaps), got, tc.want)
		}
	}
}

// Where patches do not say what they close, an unknown vulnerability may be among it.
func TestSilentPatches(t *testing.T) {
	s := shop{release: "2.4.7-p10", files: map[string]string{"a.php": two}, entries: []entry{
		{id: "S-1", security: `{}`, diff: fix},
		{id: "S-2", security: `{}`, diff: fix, constraint: "<2"},
		{id: "S-3", security: `{"cve": ["CVE-2026-1001"]}`, diff: fix},
		{id: "S-4", security: `{"cve": ["CVE-2026-1003"]}`, diff: change("a.php", one, last), replacedWith: "Q-1"},
		{id: "Q-1", diff: change("a.php", one, odd)},
	}}
	if got, want := s.audit(t, "CVE-2026-1002").Vulnerabilities[0].Reason, "no source names it; none says what S-1 closes"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Which names are those of security patches, and which are not.
func TestByName(t *testing.T) {
	for name, want := range map[string]bool{
		"VULN-32437-2-4-X": true, "vuln-32437": true, "PRODSECBUG-2233": true, "APSB25-94": true, "CVE-2025-54236": true,
		"247p10-2026-07-001-CE": true, "249-2026-07-001-EE": true, "2410p1-2027-07-001-CE": true, "m2-hotfixes/248p5-2026-08-001-B2B.patch": true, "m2-hotfixes/VULN-39341-249.patch": true,
		"ACSD-61103": false, "AC-3022": false, "MDVA-43443": false, "MC-5964": false, "Fixes an invalid security or form key": false, "2026-07-001": false, "CVE-2025": false,
	} {
		if got := audit.ByName(&catalog.Patch{ID: name}); got != want {
			t.Errorf("id %s: %v", name, got)
		}
		if got := audit.ByName(&catalog.Patch{ID: "X-1", Title: "For " + name + "."}); got != want {
			t.Errorf("title with %s: %v", name, got)
		}
		if got := audit.ByName(&catalog.Patch{ID: "X-1", Variants: []*catalog.Variant{{Title: name}}}); got != want {
			t.Errorf("title of a variant, %s: %v", name, got)
		}
	}
	if !audit.ByName(&catalog.Patch{ID: "X-1", Categories: []string{"Other", "security"}}) {
		t.Error("the category Security")
	}
}

// Vulnerabilities are in the order of their numbers.
func TestOrder(t *testing.T) {
	s := shop{release: "2.4.7-p10", files: map[string]string{"a.php": two}, entries: []entry{{id: "S-1", security: `{"cve": ["CVE-2026-10001", "CVE-2026-9999", "CVE-2025-20000", "CVE-2026-9999"]}`, diff: fix}}}
	seen := map[string]bool{}
	var got []string
	for _, v := range s.audit(t).Vulnerabilities {
		got = append(got, v.ID)
		seen[v.ID] = true
	}
	if want := []string{"CVE-2025-20000", "CVE-2026-9999", "CVE-2026-10001"}; !slices.Equal(got, want) || len(slices.Collect(maps.Keys(seen))) != 3 {
		t.Errorf("got %q, want %q", got, want)
	}
}
