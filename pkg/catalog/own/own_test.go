package own_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/catalog/lint"
	"github.com/quality-patches/qpt/pkg/catalog/own"
	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/rewrite"
)

func shop(t testing.TB, packages ...string) own.Shop {
	t.Helper()
	var list []project.Package
	for _, p := range packages {
		name, version, _ := strings.Cut(p, " ")
		v, err := compat.ParseVersion(version)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, project.Package{Name: name, Version: v})
	}
	set := project.NewPackages(list)
	return own.Shop{Packages: set, Has: func(name string) bool { return len(set.Named(name)) > 0 }}
}

func read(t testing.TB, name, src string, s own.Shop) *own.Diff {
	t.Helper()
	d, err := own.Read(name, []byte(src), s, own.Options{Strip: rewrite.Detect})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func creates(paths ...string) string {
	var b strings.Builder
	for _, p := range paths {
		b.WriteString("--- /dev/null\n+++ b/" + p + "\n@@ -0,0 +1 @@\n+x\n")
	}
	return b.String()
}

const base = "magento/magento2-base 2.4.6-p3"

func TestTitles(t *testing.T) {
	for _, tc := range []struct{ name, prose, want string }{
		{"none", "", "fix"},
		{"a mail", "From 0123456 Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nDate: Mon\nSubject: [PATCH 2/3][x] Fix\n the  cart\n\nBody\n---\n a | 2 +-\n", "Fix the cart"},
		{"the first line", "\nFix the cart.\nMore.\n", "Fix the cart."},
		{"a commit", "commit 0123456789\nAuthor: A <a@example.org>\n\n    Fix the cart\n", "fix"},
		{"statistics", " pub/a | 2 +-\n 1 file changed, 1 insertion(+)\n", "fix"},
		{"control characters", "Fix\x1b[31m \u202ethe\tcart\xff\n", "Fix [31m the cart"},
		{"without end", strings.Repeat("é", 300) + "\n", strings.Repeat("é", 199) + "…"},
		{"a byte order mark", "\ufeff", "fix"},
		{"a byte order mark before a header of git", "\ufeffdiff --git a/pub/a b/pub/a\nnew file mode 100644\n", "fix"},
		{"a byte order mark before a mail", "\ufeffSubject: Fix the cart\n\n", "Fix the cart"},
		{"a signature", "-- \n2.39.5\n", "fix"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := read(t, "fix.patch", tc.prose+creates("pub/a"), shop(t, base)).Title; got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// What a diff is for, and into which parts it is cut.
func TestVariants(t *testing.T) {
	cms, acme := "vendor/magento/module-cms/a", "vendor/acme/cart/a"
	for _, tc := range []struct {
		name, file, src string
		shop            []string
		want            []string // package constraint [base]: packages
	}{
		{"the installed release", "x.patch", creates("pub/a", cms), []string{base, "magento/module-cms 104"}, []string{"magento/magento2-base 2.4.6-p3: magento/magento2-base magento/module-cms"}},
		{"the release of the name", "ACSD-1_2.4.7.patch", creates(cms), []string{base, "magento/module-cms 104"}, []string{"magento/magento2-base 2.4.7: magento/module-cms"}},
		{"the line of the name", "VULN-1-2-4-X.patch", creates("pub/a"), []string{base}, []string{"magento/magento2-base ~2.4.0: magento/magento2-base"}},
		{"a package that is not installed", "x.patch", creates("pub/a", cms), []string{base}, []string{"magento/magento2-base 2.4.6-p3: magento/magento2-base", "magento/module-cms * [2.4.6-p3]: magento/module-cms"}},
		{"only such", "x.patch", creates(cms), []string{base}, []string{"magento/module-cms * [2.4.6-p3]: magento/module-cms"}},
		{"another vendor's", "x.patch", creates(acme), []string{base, "acme/cart 1.2"}, []string{"acme/cart 1.2: acme/cart"}},
		{"another vendor's for a release", "x-2.4.7.patch", creates(acme), []string{base, "acme/cart 1.2"}, []string{"acme/cart 1.2 [2.4.7]: acme/cart"}},
		{"another vendor's that is not installed", "x.patch", creates(acme), []string{base}, []string{"acme/cart * [2.4.6-p3]: acme/cart"}},
		{"Magento's and another vendor's", "x.patch", creates(acme, "pub/a"), []string{base, "acme/cart 1.2"}, []string{"magento/magento2-base 2.4.6-p3: acme/cart magento/magento2-base"}},
		{"CE", "247p10-2026-07-001-CE.patch", creates("pub/a", cms), []string{base}, []string{"magento/magento2-base 2.4.7-p10: magento/magento2-base", "magento/module-cms * [2.4.7-p10]: magento/module-cms"}},
		{"CE that is of another vendor alone", "247p10-2026-07-001-CE.patch", creates(acme), []string{base, "acme/cart 1.2"}, []string{"magento/magento2-base 2.4.7-p10: acme/cart"}},
		{"EE without it", "247p10-2026-07-001-EE.patch", creates("pub/a", cms), []string{base}, []string{"magento/magento2-ee-base 2.4.7-p10: magento/magento2-base magento/module-cms"}},
		{"EE", "246p3-2026-07-001-EE.patch", creates("pub/a", cms), []string{base, "magento/magento2-ee-base 2.4.6-p3"}, []string{"magento/magento2-ee-base 2.4.6-p3: magento/magento2-base", "magento/module-cms * [2.4.6-p3]: magento/module-cms"}},
		{"B2B", "246p3-2026-07-001-B2B.patch", creates("pub/a"), []string{base, "magento/magento2-b2b-base 1.4.2"}, []string{"magento/magento2-b2b-base * [2.4.6-p3]: magento/magento2-base"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, v := range read(t, tc.file, tc.src, shop(t, tc.shop...)).Variants {
				text := v.Package + " " + v.Constraint
				if v.Base != "" {
					text += " [" + v.Base + "]"
				}
				got = append(got, text+": "+strings.Join(v.Touches, " "))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := own.Read("x.patch", []byte(creates("pub/a")), shop(t), own.Options{Strip: rewrite.Detect}); err == nil || !strings.Contains(err.Error(), "--constraint") {
		t.Errorf("without any release: %v", err)
	}
}

// Contents are equal whatever stands around the changes, and differ in all that is changed.
func TestContent(t *testing.T) {
	of := func(src string) own.Content {
		d, err := applier.Parse([]byte(src))
		if err != nil {
			t.Fatalf("%v in\n%s", err, src)
		}
		c, err := own.ContentOf(d)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const plain = "--- a/vendor/magento/module-cms/a\n+++ b/vendor/magento/module-cms/a\n@@ -1,2 +1,2 @@\n-a\n+b\n c\n"
	want := of(plain + creates("pub/x"))
	for name, src := range map[string]string{
		"prose":           "Words\n\n" + plain + "more\n" + creates("pub/x") + "-- \n2.39\n",
		"headers":         "diff --git a/vendor/magento/module-cms/a b/vendor/magento/module-cms/a\nindex 1234567..89abcde 100644\n" + plain + "diff --git a/pub/x b/pub/x\nnew file mode 100644\n" + creates("pub/x"),
		"another order":   creates("pub/x") + plain,
		"heading":         strings.Replace(plain, "@@\n", "@@ class A\n", 1) + creates("pub/x"),
		"timestamps":      strings.NewReplacer("a/vendor/magento/module-cms/a\n", "a/vendor/magento/module-cms/a\t2026-01-01 00:00:00\n").Replace(plain) + creates("pub/x"),
		"the git layout":  strings.ReplaceAll(plain, "vendor/magento/module-cms", "app/code/Magento/Cms") + creates("pub/x"),
		"counts left out": strings.Replace(plain, "", "", 1) + strings.Replace(creates("pub/x"), "+1 @@", "+1,1 @@", 1),
	} {
		if diff := cmp.Diff(want, of(src)); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
	}
	for name, src := range map[string]string{
		"another line":    strings.Replace(plain, "+b", "+B", 1) + creates("pub/x"),
		"another place":   strings.Replace(plain, "@@ -1,2 +1,2", "@@ -2,2 +2,2", 1) + creates("pub/x"),
		"another file":    plain + creates("pub/y"),
		"less":            plain,
		"a blank":         strings.Replace(plain, " c\n", " c \n", 1) + creates("pub/x"),
		"an end of line":  strings.Replace(plain, " c\n", " c\n\\ No newline at end of file\n", 1) + creates("pub/x"),
		"executable":      plain + "diff --git a/pub/x b/pub/x\nnew file mode 100755\n" + creates("pub/x"),
		"lines in pieces": strings.Replace(plain, "-a\n+b\n", "+b\n-a\n", 1) + creates("pub/x"),
	} {
		if cmp.Equal(want, of(src)) {
			t.Errorf("%s makes no difference", name)
		}
	}
}

func TestEarlier(t *testing.T) {
	patch := func(id string) *catalog.Patch {
		n, err := own.ParseName(id)
		if err != nil || !n.Isolated() {
			t.Fatal(id)
		}
		return &catalog.Patch{ID: n.ID, Security: &catalog.Security{Release: n.Release, Month: n.Month, Sequence: n.Sequence, Edition: n.Edition}}
	}
	for _, tc := range []struct{ name, id, known, want string }{
		{"the first", "247-2026-07-001-CE", "", ""},
		{"the second", "247-2026-07-002-CE", "247-2026-07-001-CE", "247-2026-07-001-CE"},
		{"the one before it alone", "247-2026-07-003-CE", "247-2026-07-001-CE 247-2026-07-002-CE", "247-2026-07-002-CE"},
		{"a gap", "247-2026-07-004-CE", "247-2026-07-001-CE", "247-2026-07-003-CE 247-2026-07-002-CE 247-2026-07-001-CE"},
		{"a gap at the start of a month", "247-2026-08-002-CE", "247-2026-07-001-CE", "247-2026-08-001-CE 247-2026-07-001-CE"},
		{"months before", "247-2026-09-001-CE", "247-2026-07-002-CE 247-2026-07-001-CE 247-2026-10-001-CE", "247-2026-07-002-CE"},
		{"years before", "247-2027-01-001-CE", "247-2026-12-001-CE", "247-2026-12-001-CE"},
		{"other releases and editions", "247-2026-08-001-CE", "247p1-2026-07-001-CE 247-2026-07-001-EE 248-2026-07-001-CE", ""},
		{"itself and what comes later", "247-2026-07-001-CE", "247-2026-07-001-CE 247-2026-07-002-CE", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			known := []*catalog.Patch{{ID: "other"}, {ID: "vuln", Security: &catalog.Security{Release: "2.4.7"}}}
			for id := range strings.FieldsSeq(tc.known) {
				known = append(known, patch(id))
			}
			if got := strings.Join(own.Earlier(patch(tc.id).Security, known), " "); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	renamed := patch("247-2026-07-001-CE")
	renamed.ID = "ACME-SEC-1" // as another catalogue may call it
	if got := own.Earlier(patch("247-2026-07-002-CE").Security, []*catalog.Patch{renamed}); !cmp.Equal(got, []string{"ACME-SEC-1"}) {
		t.Errorf("got %q", got)
	}
}

// What is written can be read, whatever the text looked like; what stood there stays.
func TestEditKeepsBytes(t *testing.T) {
	d := func(id string) *own.Diff { return read(t, id+".patch", creates("pub/"+id), shop(t, base)) }
	for _, src := range []string{
		"{}", "[]", "{ }\n", "\xef\xbb\xbf{}", "{\n}\n", "{\r\n\t\"Other\": {\"title\": \"<o>\", \"packages\": {}}\r\n}\r\n",
		`{"Other":{"a":[1,{"b":"}"}]},"Second":{"c":"\"}{"}}`, "{\"Other\" : {\n}  ,\n\n\"Second\":\n{} \n\n}\n\n",
	} {
		folder := fstest.MapFS{"support-patches.json": {Data: []byte(src)}}
		e, err := own.Begin(folder)
		if err != nil {
			t.Fatalf("%q: %v", src, err)
		}
		for _, id := range []string{"one", "two"} {
			if out, err := e.Add(d(id), false); err != nil || out != own.Added {
				t.Fatalf("%q: %v %v", src, out, err)
			}
		}
		files := e.Files()
		text := files["support-patches.json"]
		body := strings.TrimPrefix(src, "\xef\xbb\xbf")
		if bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) != (body != src) {
			t.Errorf("%q: the mark at the start is not as it was", src)
		}
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), &doc); err != nil {
			t.Fatalf("%q became %s: %v", src, text, err)
		}
		if i := strings.LastIndex(body, "}"); i > 0 && strings.Contains(body, "Other") {
			kept := strings.TrimRight(body[:i], " \r\n")
			if !bytes.Contains(text, []byte(kept)) {
				t.Errorf("%q is not in %s", kept, text)
			}
		}
		if strings.Contains(src, "\r\n") && bytes.Contains(bytes.ReplaceAll(text, []byte("\r\n"), nil), []byte("\n")) {
			t.Errorf("line ends are mixed in %q", text)
		}
		preview, err := e.Preview()
		if err != nil {
			t.Fatal(err)
		}
		c := catalog.Load([]catalog.Source{own.Source("own", preview)})
		for _, id := range []string{"one", "two"} {
			p, ok := c.Patch(id)
			if !ok || p.Origin != catalog.OriginLocal {
				t.Fatalf("%q: %s is not there: %v", src, id, c.Diagnostics)
			}
			if _, err := p.Variants[0].Diff(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestEdit(t *testing.T) {
	first := read(t, "VULN-1_246p3.patch", creates("pub/a"), shop(t, base))
	start := func() (*own.Edit, fstest.MapFS) {
		folder := fstest.MapFS{
			"support-patches.json":    {Data: []byte(`{"Vuln-1": {"title": "T", "requirements": "R", "more": 1, "packages": {"magento/magento2-base": {"2.4.6-p3": {"file": "a.patch", "note": "n"}, "2.4.7": {"file": "shared.patch"}}}}, "B": {"packages": {"x/y": {"*": {"file": "shared.patch"}}}}}`)},
			"community-patches.json":  {Data: []byte(`{"C": {"title": "C", "packages": {"x/y": {"*": {"file": "c.patch"}}}}}`)},
			"patches/a.patch":         {Data: []byte(creates("pub/old"))},
			"patches/shared.patch":    {Data: []byte(creates("pub/shared"))},
			"patches/c.patch":         {Data: []byte(creates("pub/c"))},
			"patches/VULN-1_2.4.6-p3": {Data: []byte("not ours")},
			"patches.json":            {Data: []byte(`{"other": "tool"}`)},
		}
		e, err := own.Begin(folder)
		if err != nil {
			t.Fatal(err)
		}
		return e, folder
	}
	e, _ := start()
	var exists *own.ExistsError
	if _, err := e.Add(first, false); !errors.As(err, &exists) || exists.ID != "Vuln-1" || exists.File != "a.patch" {
		t.Fatalf("error %v", err)
	}
	if files := e.Files(); len(files) != 0 {
		t.Errorf("files %v", files)
	}

	// What is known beside the diff stays when it is replaced; a diff that nothing names goes.
	e, folder := start()
	if out, err := e.Add(first, true); err != nil || out != own.Replaced {
		t.Fatal(out, err)
	}
	files := e.Files()
	if data, ok := files["patches/a.patch"]; !ok || data != nil {
		t.Errorf("the old diff stays: %v", slicesOf(files))
	}
	for _, want := range []string{`"requirements": "R"`, `"more": 1`, `"2.4.7"`, `"Vuln-1"`, `"B": {"packages": {"x/y"`} {
		if !bytes.Contains(files["support-patches.json"], []byte(want)) {
			t.Errorf("%s is lost in %s", want, files["support-patches.json"])
		}
	}

	// A diff that another entry has, too, does not go.
	e, _ = start()
	if _, err := e.Add(read(t, "VULN-1_2.4.7.patch", creates("pub/new"), shop(t, base)), true); err != nil {
		t.Fatal(err)
	}
	if files = e.Files(); len(files) != 2 {
		t.Errorf("files %v", slicesOf(files))
	}

	// Parts for several releases do not get into each other's way.
	e, _ = start()
	for _, name := range []string{"VULN-2_246p3.patch", "VULN-2_247.patch"} {
		if _, err := e.Add(read(t, name, creates("pub/p", "vendor/magento/module-cms/"+name), shop(t, base)), false); err != nil {
			t.Fatal(err)
		}
	}
	if preview, err := e.Preview(); err != nil {
		t.Fatal(err)
	} else if p, _ := catalog.Load([]catalog.Source{own.Source("own", preview)}).Patch("VULN-2"); len(p.Variants) != 4 {
		t.Errorf("%d variants, want 4", len(p.Variants))
	} else if findings, err := lint.Catalog(catalog.Source{Name: "own", FS: preview}); err != nil || slices.ContainsFunc(findings, func(f lint.Finding) bool { return f.ID == "VULN-2" && f.Rule != lint.RuleDuplicate }) {
		t.Errorf("%v %+v", err, findings)
	}

	// The community's file is not edited, and its ids are not taken twice.
	e, _ = start()
	if _, err := e.Add(read(t, "c.patch", creates("pub/a"), shop(t, base)), true); err == nil || !strings.Contains(err.Error(), "community-patches.json") {
		t.Errorf("error %v", err)
	}
	if changed, err := e.Describe("C", &catalog.Security{Bulletin: "APSB26-73"}); changed || err != nil {
		t.Errorf("%v %v", changed, err)
	}

	// What is known of vulnerabilities adds up.
	for _, tc := range []struct {
		cve  string
		want bool
	}{{"CVE-2026-11111", true}, {"CVE-2026-22222", true}, {"CVE-2026-11111", false}} {
		if changed, err := e.Describe("vuln-1", &catalog.Security{CVE: []string{tc.cve}}); changed != tc.want || err != nil {
			t.Errorf("%s: %v %v", tc.cve, changed, err)
		}
	}
	preview, err := e.Preview()
	if err != nil {
		t.Fatal(err)
	}
	c := catalog.Load([]catalog.Source{own.Source("own", preview)})
	p, _ := c.Patch("VULN-1")
	if len(p.Security.CVE) != 2 || len(c.Patches) != 3 || len(c.Diagnostics) != 0 {
		t.Errorf("%+v, %d patches, %v", p.Security, len(c.Patches), c.Diagnostics)
	}
	if own.Is(fstest.MapFS{"patches.json": {Data: []byte("{}")}}) || !own.Is(folder) {
		t.Error("a patches.json alone makes a catalogue")
	}
	c = catalog.Load([]catalog.Source{own.Source("own", folder)})
	if len(c.Diagnostics) != 0 {
		t.Errorf("another tool's file is read: %v", c.Diagnostics)
	}
}

func slicesOf(files map[string][]byte) string {
	return strings.Join(func() (names []string) {
		for name := range maps.Keys(files) {
			names = append(names, name)
		}
		return names
	}(), " ")
}

// Text that is no catalogue is refused, and what is one stays one with an entry more.
func FuzzEdit(f *testing.F) {
	f.Add(`{"A": {"title": "a", "packages": {"x/y": {"*": {"file": "a.patch"}}}}}`)
	f.Add(`{"a": 1, "b": [{}], "x": {"packages": {"magento/magento2-base": {"2.4.6-p3": {"file": 1}}}}}`)
	f.Add("[]")
	f.Add(`{"a": 1e999}`)
	d := read(f, "x.patch", creates("pub/a"), shop(f, base))
	decode := func(src []byte, into any) error { // numbers as they are: some are too large for Go's
		dec := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))))
		dec.UseNumber()
		return dec.Decode(into)
	}
	f.Fuzz(func(t *testing.T, src string) {
		e, err := own.Begin(fstest.MapFS{"support-patches.json": {Data: []byte(src)}})
		if err != nil {
			return
		}
		diff := *d
		if _, err := e.Add(&diff, true); err != nil {
			return
		}
		files := e.Files()
		var before, after map[string]any
		_ = decode([]byte(src), &before) // a list has no entries
		if err := decode(files["support-patches.json"], &after); err != nil {
			t.Fatalf("%v in %q", err, files["support-patches.json"])
		}
		maps.DeleteFunc(before, func(id string, _ any) bool { return strings.EqualFold(id, "x") })
		maps.DeleteFunc(after, func(id string, _ any) bool { return strings.EqualFold(id, "x") })
		if !cmp.Equal(len(before), len(after)) || len(before) > 0 && !cmp.Equal(before, after) {
			t.Fatalf("%q became %q", src, files["support-patches.json"])
		}
		preview, err := e.Preview()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fs.Stat(preview, "patches/"+diff.ID+".patch"); err != nil {
			t.Fatal(err)
		}
		if p, ok := catalog.Load([]catalog.Source{own.Source("own", preview)}).Patch("x"); ok {
			if _, err := p.Variants[len(p.Variants)-1].Diff(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
