package stack_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/stack"
)

var newFile = diff(tree{}, tree{"pub/new": "new\n"})

// A variant is eligible when its package is installed in a version that it allows;
// every other one has its reason.
func TestEligible(t *testing.T) {
	c := load(t, spec{id: "X-1", diff: newFile}) // only for its diff
	x, _ := c.Patch("X-1")
	for _, tc := range []struct {
		name, pkg, constraint string
		want                  string // the exclusion, "" when eligible
	}{
		{"exact", "magento/magento2-base", "2.4.6", ""},
		{"range", "magento/magento2-base", ">=2.4.5 <2.4.7", ""},
		{"another case", "Magento/Magento2-Base", "2.4.6", ""},
		{"below", "magento/magento2-base", ">=2.4.7", "magento/magento2-base 2.4.6 is below >=2.4.7"},
		{"above", "magento/magento2-base", "<2.4.6", "magento/magento2-base 2.4.6 is above <2.4.6"},
		{"around", "magento/magento2-base", "2.4.5 || 2.4.7", "magento/magento2-base 2.4.6 is not 2.4.5 and not 2.4.7"},
		{"not installed", "magento/magento2-ee-base", "2.4.6", "magento/magento2-ee-base is not installed"},
		{"any version of what is not installed", "magento/magento2-ee-base", "*", "magento/magento2-ee-base is not installed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := load(t, spec{id: "X-1", diff: newFile, pkg: tc.pkg, constraint: tc.constraint})
			p, _ := c.Patch("X-1")
			eligible, exclusions := stack.Eligible(packages(t), p), stack.Exclusions(packages(t), p)
			if (len(eligible) == 1) != (tc.want == "") || len(eligible)+len(exclusions) != 1 {
				t.Fatalf("%d variants are eligible, %d excluded", len(eligible), len(exclusions))
			}
			if tc.want == "" {
				return
			}
			if got := exclusions[0].String(); got != tc.want {
				t.Errorf("excluded because %q, want %q", got, tc.want)
			}
			if installed := !strings.Contains(tc.want, "not installed"); exclusions[0].Installed != installed {
				t.Errorf("installed: %v", exclusions[0].Installed)
			}
			_, err := stack.New(c, packages(t), nil, nil).Item("x-1")
			var ineligible *stack.NotEligibleError
			if !errors.As(err, &ineligible) || err.Error() != "patch X-1 is not for this installation: "+tc.want {
				t.Errorf("error %v", err)
			}
		})
	}
	loose := catalog.LoosePatch("x.patch", x.Variants[0].Text)
	if got := stack.Eligible(packages(t), loose); len(got) != 1 {
		t.Error("a loose diff is for every installation")
	}
}

// A patch of which one variant fits is eligible with that one, and the rest is explained.
func TestEligibleVariants(t *testing.T) {
	c := catalogOf(t, `{"X-1": {"packages": {
		"magento/magento2-base": {"2.4.5": {"file": "0.patch"}, "2.4.6": {"file": "0.patch"}},
		"magento/other": {"1": {"file": "0.patch"}, "*": {"file": "0.patch"}}}}}`, newFile)
	p, _ := c.Patch("X-1")
	installed := packages(t, "magento/other 2")
	var got []string
	for _, v := range stack.Eligible(installed, p) {
		got = append(got, v.Package+" "+v.Constraint.String())
	}
	for _, e := range stack.Exclusions(installed, p) {
		got = append(got, e.String())
	}
	want := []string{"magento/magento2-base 2.4.6", "magento/other *", "magento/magento2-base 2.4.6 is not 2.4.5", "magento/other 2 is not 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestItemErrors(t *testing.T) {
	c := catalogOf(t, `{
		"BAD-1": {"title": "no packages"},
		"PAGE-1": {"packages": {"magento/magento2-base": {"2.4.6": {"file": "1.patch"}}}},
		"OK-1": {"packages": {"magento/magento2-base": {"2.4.6": {"file": "0.patch"}}}}}`, newFile, "<html></html>\n")
	s := stack.New(c, packages(t), nil, nil)
	for id, want := range map[string]string{
		"NONE-1": "patch NONE-1 is in no catalogue",
		"":       "patch  is in no catalogue",
		"bad-1":  "the catalogue's entry for bad-1 is not usable: packages: missing",
		"page-1": "patch PAGE-1 cannot be used: test: 1.patch: ",
	} {
		if _, err := s.Item(id); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", id, err, want)
		}
	}
	var unknown *stack.UnknownError
	if _, err := s.Item("none"); !errors.As(err, &unknown) || unknown.ID != "none" {
		t.Errorf("error %#v", err)
	}
	var broken *catalog.DiffError
	if _, err := s.Item("PAGE-1"); !errors.As(err, &broken) || broken.File != "1.patch" {
		t.Errorf("error %#v", err)
	}
	// The list of all leaves out what cannot be used, and says so.
	all, diagnostics := s.Items()
	if len(all) != 1 || all[0].ID() != "OK-1" || all[0].Order != 1 {
		t.Errorf("items %v", all)
	}
	if len(diagnostics) != 1 || diagnostics[0].ID != "PAGE-1" || diagnostics[0].Source != "test" || !strings.Contains(diagnostics[0].Message, "HTML") {
		t.Errorf("diagnostics %q", diagnostics)
	}
}

// A diff's paths are asked for where they lie in this installation.
func TestLocate(t *testing.T) {
	c := load(t, spec{id: "X-1", diff: diff(tree{"vendor/magento/module-x/a": "1\n"}, tree{"vendor/magento/module-x/a": "2\n"})})
	files := tree{"app/code/Magento/X/a": "1\n"}
	s := stack.New(c, packages(t), applier.NewOverlay(files.mapTree()), func(p string) string {
		return strings.Replace(p, "vendor/magento/module-x", "app/code/Magento/X", 1)
	})
	it := items(t, s, "X-1")[0]
	if got := it.Paths(); len(got) != 1 || got[0] != "app/code/Magento/X/a" {
		t.Errorf("paths %q", got)
	}
	p, err := s.PlanApply([]*stack.Item{it})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree{"app/code/Magento/X/a": "2\n"}, result(t, files, p)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

// A diff of no catalogue is an item behind all others.
func TestLoose(t *testing.T) {
	s := newStack(t, tree{}, spec{id: "X-1", diff: newFile})
	it, err := s.Loose(catalog.LoosePatch("own.patch", func() ([]byte, error) { return []byte(newFile), nil }))
	if err != nil || it.ID() != "own.patch" || it.Order != 1 {
		t.Errorf("item %+v, error %v", it, err)
	}
	_, err = s.Loose(catalog.LoosePatch("own.patch", func() ([]byte, error) { return nil, errors.New("gone") }))
	var broken *catalog.DiffError
	if !errors.As(err, &broken) {
		t.Errorf("error %v", err)
	}
}

// A variant that hangs on one package and on Magento's release needs both.
func TestEligibleByBase(t *testing.T) {
	c := catalog.Load([]catalog.Source{{FS: fstest.MapFS{
		"support-patches.json": {Data: []byte(`{"X-1": {"title": "x", "packages": {"magento/module-cms": {"*": {"file": "a", "base": "2.4.6-p3"}}}},
			"X-2": {"title": "x", "packages": {"magento/module-cms": {"*": {"file": "a", "base": "2.4.6-p4"}}}},
			"X-3": {"title": "x", "packages": {"magento/module-cms": {"1.0.0": {"file": "a", "base": "2.4.6-p3"}}}},
			"X-4": {"title": "x", "packages": {"magento/module-cms": {"*": {"file": "a", "base": "what?"}, "1": {"file": "a"}}}}}`)},
		"patches/a": {Data: []byte(newFile)},
	}}})
	version := func(s string) compat.Version {
		v, err := compat.ParseVersion(s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	installed := project.NewPackages([]project.Package{
		{Name: catalog.BasePackage, Version: version("2.4.6-p3")}, {Name: "magento/module-cms", Version: version("104.0.6-p3")},
	})
	for id, want := range map[string]string{
		"X-1": "", "X-2": "magento/magento2-base 2.4.6-p3 is not 2.4.6-p4", "X-3": "magento/module-cms 104.0.6-p3 is not 1.0.0",
		"X-4": "magento/module-cms 104.0.6-p3 is not 1", // the other variant was left out
	} {
		p, ok := c.Patch(id)
		if !ok {
			t.Fatal(id)
		}
		var got string
		if list := stack.Exclusions(installed, p); len(list) > 0 {
			got = list[0].String()
		}
		if got != want || (len(stack.Eligible(installed, p)) == 1) != (want == "") {
			t.Errorf("%s: excluded because %q, want %q", id, got, want)
		}
	}
	if len(c.Diagnostics) != 1 {
		t.Errorf("diagnostics %v", c.Diagnostics)
	}
}
