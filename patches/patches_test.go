package patches_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sourcegraph/go-diff/diff"
	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"

	"github.com/quality-patches/qpt/patches"
)

const fix = "ACSD-61103"

type variant struct {
	File         string   `json:"file"`
	Require      []string `json:"require"`
	ReplacedWith string   `json:"replaced-with"`
	Deprecated   bool     `json:"deprecated"`
}

type patch struct {
	Categories   []string                      `json:"categories"`
	Title        string                        `json:"title"`
	Requirements string                        `json:"requirements"`
	Packages     map[string]map[string]variant `json:"packages"`
}

// variants lists every variant of the patch.
func (p patch) variants() []variant {
	var all []variant
	for _, constraints := range p.Packages {
		all = slices.AppendSeq(all, maps.Values(constraints))
	}
	return all
}

type source struct {
	name  string
	files fs.FS
	lists []string
}

func sources() []source {
	return []source{
		{"catalog", patches.Catalog(), []string{"support-patches.json", "community-patches.json"}},
		{"sandbox", patches.Sandbox(), []string{"support-patches.json"}},
	}
}

// load reads the lists of patches, refusing unknown keys and repeated ids.
func load(t *testing.T, s source) map[string]patch {
	t.Helper()
	all := map[string]patch{}
	for _, name := range s.lists {
		dec := json.NewDecoder(bytes.NewReader(read(t, s.files, name)))
		dec.DisallowUnknownFields()
		var list map[string]patch
		if err := dec.Decode(&list); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: text after the list", name)
		}
		for id, p := range list {
			if _, twice := all[id]; twice {
				t.Errorf("%s: %s is there twice", name, id)
			}
			all[id] = p
		}
	}
	return all
}

func read(t *testing.T, files fs.FS, name string) []byte {
	t.Helper()
	data, err := fs.ReadFile(files, name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// names lists the regular files below dir, or none if there is no such folder.
func names(t *testing.T, files fs.FS, dir string) []string {
	t.Helper()
	var list []string
	err := fs.WalkDir(files, dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			list = append(list, name)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return list
}

// The names that the ecosystem sorts patches by.
var categories = []string{
	"Admin", "B2B", "Cache", "Catalog Search", "Catalog/Product", "Content", "Cron", "Customer", "Emails", "GraphQL",
	"Import/Export", "Inventory", "Order/Checkout", "Other", "Payments", "Performance", "Price/Tax", "Reports",
	"Shipping", "Shopping Cart", "Web API",
}

func TestLists(t *testing.T) {
	for _, s := range sources() {
		t.Run(s.name, func(t *testing.T) {
			list := load(t, s)
			if len(list) == 0 {
				t.Error("no patches")
			}
			var used []string
			for id, p := range list {
				if p.Title == "" || !strings.HasSuffix(p.Title, ".") {
					t.Errorf("%s: title %q is not a sentence", id, p.Title)
				}
				if len(p.Categories) == 0 {
					t.Errorf("%s: no category", id)
				}
				for _, c := range p.Categories {
					if !slices.Contains(categories, c) {
						t.Errorf("%s: unknown category %q", id, c)
					}
				}
				if len(p.variants()) == 0 {
					t.Errorf("%s: no variants", id)
				}
				for _, v := range p.variants() {
					used = append(used, "patches/"+v.File)
					if !strings.HasPrefix(path.Base(v.File), id+"_") {
						t.Errorf("%s: file %q is not named for it", id, v.File)
					}
					others := v.Require
					if v.ReplacedWith != "" {
						others = append(slices.Clone(others), v.ReplacedWith)
					}
					for _, other := range others {
						if _, ok := list[other]; !ok || other == id {
							t.Errorf("%s: names %s, which is no other patch of this list", id, other)
						}
					}
				}
			}
			there := names(t, s.files, "patches")
			for _, name := range used {
				if !slices.Contains(there, name) {
					t.Errorf("%s is missing", name)
				}
			}
			for _, name := range there {
				if !slices.Contains(used, name) {
					t.Errorf("%s is not in any list", name)
				}
			}
		})
	}
}

func TestTextFiles(t *testing.T) {
	for _, s := range sources() {
		for _, name := range names(t, s.files, ".") {
			data := read(t, s.files, name)
			if !bytes.HasSuffix(data, []byte("\n")) {
				t.Errorf("%s: %s does not end in a newline", s.name, name)
			}
			if bytes.ContainsAny(data, "\r\x00") {
				t.Errorf("%s: %s holds a carriage return or a zero byte", s.name, name)
			}
			if path.Ext(name) == ".json" && !json.Valid(data) {
				t.Errorf("%s: %s is not valid JSON", s.name, name)
			}
		}
	}
}

func parse(t *testing.T, files fs.FS, name string) []*diff.FileDiff {
	t.Helper()
	list, err := diff.ParseMultiFileDiffOptions(read(t, files, name), diff.ParseOptions{KeepCR: true})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return list
}

func TestDiffs(t *testing.T) {
	for _, s := range sources() {
		for _, name := range names(t, s.files, "patches") {
			list := parse(t, s.files, name)
			if len(list) == 0 {
				t.Errorf("%s: %s is empty", s.name, name)
			}
			for _, d := range list {
				if len(d.Extended) == 0 || !strings.HasPrefix(d.Extended[0], "diff --git a/") {
					t.Errorf("%s: %s: %s is not in git format", s.name, name, d.NewName)
				}
				if len(d.Hunks) == 0 {
					t.Errorf("%s: %s: %s has no hunks", s.name, name, d.NewName)
				}
				for prefix, side := range map[string]string{"a/": d.OrigName, "b/": d.NewName} {
					file, ok := strings.CutPrefix(side, prefix)
					if side != "/dev/null" && (!ok || !filepath.IsLocal(file)) {
						t.Errorf("%s: %s: bad path %q", s.name, name, side)
					}
				}
				for _, h := range d.Hunks {
					var before, after int32
					for line := range strings.Lines(string(h.Body)) {
						if line[0] != '+' {
							before++
						}
						if line[0] != '-' {
							after++
						}
					}
					if before != h.OrigLines || after != h.NewLines {
						t.Errorf("%s: %s: the hunk at line %d has %d and %d lines, and says %d and %d",
							s.name, name, h.OrigStartLine, before, after, h.OrigLines, h.NewLines)
					}
				}
			}
		}
	}
}

func TestFixOnlyCreatesFiles(t *testing.T) {
	p, ok := load(t, sources()[0])[fix]
	if !ok {
		t.Fatalf("%s is not in the catalogue", fix)
	}
	want := []string{
		"vendor/magento/module-customer/etc/graphql/events.xml",
		"vendor/magento/module-customer/etc/webapi_rest/events.xml",
		"vendor/magento/module-customer/etc/webapi_soap/events.xml",
	}
	for _, v := range p.variants() {
		var got []string
		for _, d := range parse(t, patches.Catalog(), "patches/"+v.File) {
			got = append(got, strings.TrimPrefix(d.NewName, "b/"))
			if d.OrigName != "/dev/null" || !slices.Contains(d.Extended, "new file mode 100644") {
				t.Errorf("%s: %s is not a new file", v.File, d.NewName)
			}
			for _, h := range d.Hunks {
				for line := range strings.Lines(string(h.Body)) {
					if line[0] != '+' {
						t.Errorf("%s: %s takes the line %q", v.File, d.NewName, line)
					}
				}
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s creates %q, want %q", v.File, got, want)
		}
	}
}

func TestArticles(t *testing.T) {
	list := load(t, sources()[0])
	var ids []string
	for _, name := range names(t, patches.Catalog(), "articles") {
		id, ok := strings.CutSuffix(path.Base(name), ".md")
		if _, known := list[id]; !ok || !known {
			t.Errorf("%s does not belong to a patch", name)
		}
		ids = append(ids, id)

		text, ok := strings.CutPrefix(string(read(t, patches.Catalog(), name)), "---\n")
		front, body, closed := strings.Cut(text, "\n---\n")
		if !ok || !closed {
			t.Errorf("%s: no front matter", name)
			continue
		}
		var meta struct{ Title, Description, Feature, Role string }
		dec := yaml.NewDecoder(strings.NewReader(front))
		dec.KnownFields(true)
		if err := dec.Decode(&meta); err != nil {
			t.Errorf("%s: front matter: %v", name, err)
		}
		if meta.Title == "" || meta.Description == "" || meta.Feature == "" || meta.Role == "" {
			t.Errorf("%s: front matter lacks one of title, description, feature, role", name)
		}
		if !strings.HasPrefix(meta.Title, id+": ") {
			t.Errorf("%s: title %q does not start with the id", name, meta.Title)
		}
		at := 0
		for _, heading := range []string{
			"# " + meta.Title, "## Affected products and versions", "## Issue", "## Steps to reproduce",
			"## Expected results", "## Actual results", "## Apply the patch",
		} {
			i := strings.Index(body[at:], "\n"+heading+"\n")
			if i < 0 {
				t.Errorf("%s: heading %q is missing or in the wrong place", name, heading)
				continue
			}
			at += i + 1
		}
		for _, verb := range []string{"check", "apply", "revert"} {
			if !strings.Contains(body[at:], "\nqpt "+verb+" "+id+"\n") {
				t.Errorf("%s: does not say: qpt %s %s", name, verb, id)
			}
		}
	}
	for id := range list {
		if !slices.Contains(ids, id) {
			t.Errorf("%s has no article", id)
		}
	}
}

func TestReleases(t *testing.T) {
	data := read(t, patches.Catalog(), "magento_releases.json")
	var table map[string]map[string]string
	if err := json.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	for _, release := range []string{"2.3.0", "2.4.6", "2.4.6-p3", "2.4.6-p8", "2.4.7-p3", "2.4.8"} {
		if got := table[release]["magento/magento2-base"]; got != release {
			t.Errorf("%s: magento/magento2-base is %q", release, got)
		}
	}
	version := regexp.MustCompile(`^\d+(\.\d+)+(-p\d+)?$`)
	for release, packages := range table {
		if len(packages) == 0 {
			t.Errorf("%s has no packages", release)
		}
		for name, v := range packages {
			if !version.MatchString(v) || strings.Count(name, "/") != 1 {
				t.Errorf("%s: %s %s", release, name, v)
			}
		}
	}

	// One release a line, newest first, none twice.
	key := regexp.MustCompile(`(?m)^    "(\d+)\.(\d+)\.(\d+)(?:-p(\d+))?": \{.*\},?$`)
	var last []int
	lines := key.FindAllStringSubmatch(string(data), -1)
	if len(lines) != len(table) {
		t.Errorf("%d lines for %d releases", len(lines), len(table))
	}
	for _, line := range lines {
		var now []int
		for _, digits := range line[1:] {
			n, _ := strconv.Atoi(digits) // "" is 0: no patch level
			now = append(now, n)
		}
		if last != nil && slices.Compare(now, last) >= 0 {
			t.Errorf("%v comes after %v", now, last)
		}
		last = now
	}
}

// unpack writes the shop into a new folder and returns it.
func unpack(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range txtar.Parse(read(t, patches.Sandbox(), "shop.txtar")).Files {
		if !filepath.IsLocal(f.Name) {
			t.Fatalf("shop.txtar: %q leads out of the shop", f.Name)
		}
		name := filepath.Join(root, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		out, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatalf("shop.txtar: %v", err)
		}
		_, err = out.Write(f.Data)
		if err := errors.Join(err, out.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestShop(t *testing.T) {
	root := unpack(t)
	for _, name := range []string{"composer.json", "app/etc/config.php", "bin/magento", "pub/index.php", "var"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
	data, err := os.ReadFile(filepath.Join(root, "vendor/composer/installed.json"))
	if err != nil {
		t.Fatal(err)
	}
	var installed struct {
		Packages []struct {
			Name, Version, Type string
			Normalized          string  `json:"version_normalized"`
			Path                *string `json:"install-path"`
		}
	}
	if err := json.Unmarshal(data, &installed); err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, p := range installed.Packages {
		versions[p.Name] = p.Version
		number, level, patched := strings.Cut(p.Version, "-p")
		normalized := number + strings.Repeat(".0", 3-strings.Count(number, "."))
		if patched {
			normalized += "-patch" + level
		}
		if p.Normalized != normalized {
			t.Errorf("%s %s is normalized as %q, want %q", p.Name, p.Version, p.Normalized, normalized)
		}
		if p.Type == "metapackage" {
			if p.Path != nil {
				t.Errorf("%s is a metapackage with a folder", p.Name)
			}
			continue
		}
		if p.Path == nil {
			t.Errorf("%s has no folder", p.Name)
			continue
		}
		dir := filepath.Join(root, "vendor/composer", *p.Path)
		if entries, err := os.ReadDir(dir); err != nil || len(entries) == 0 {
			t.Errorf("%s: %s is missing or empty", p.Name, *p.Path)
		}
		if dir != filepath.Join(root, "vendor", p.Name) {
			t.Errorf("%s lives in %s", p.Name, *p.Path)
		}
	}
	for name, want := range map[string]string{
		"magento/magento2-base":         "2.4.6-p3",
		"magento/framework":             "103.0.6-p3",
		"magento/module-customer":       "103.0.6-p3",
		"magento/inventory-metapackage": "1.2.6-p3",
		"magento/magento2-b2b-base":     "", // DEMO-10 is about its absence
	} {
		if versions[name] != want {
			t.Errorf("%s is %q, want %q", name, versions[name], want)
		}
	}
}

// shop is an unpacked shop on which git applies patches.
type shop struct {
	t     *testing.T
	root  string
	env   []string
	diffs map[string][]byte
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, root: unpack(t), diffs: map[string][]byte{}}
	for _, src := range sources() {
		for id, p := range load(t, src) {
			for _, v := range p.variants() {
				s.diffs[id] = read(t, src.files, "patches/"+v.File)
			}
		}
	}
	// Neither a surrounding repository nor the user's configuration counts.
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GIT_") {
			s.env = append(s.env, v)
		}
	}
	s.env = append(s.env, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull,
		"GIT_CEILING_DIRECTORIES="+filepath.Dir(s.root))
	return s
}

// git applies one patch and returns what git said and whether it did it.
func (s *shop) git(id string, flags ...string) (string, bool) {
	s.t.Helper()
	if s.diffs[id] == nil {
		s.t.Fatalf("no diff for %s", id)
	}
	cmd := exec.Command("git", append([]string{"apply", "--verbose"}, flags...)...)
	cmd.Dir, cmd.Env, cmd.Stdin = s.root, s.env, bytes.NewReader(s.diffs[id])
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return string(out), err == nil
}

// tree returns the content of every file, and an entry for every folder.
func (s *shop) tree() map[string]string {
	s.t.Helper()
	files := os.DirFS(s.root)
	all := map[string]string{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			all[name+"/"] = ""
			return nil
		}
		data, err := fs.ReadFile(files, name)
		all[name] = string(data)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

func TestSandboxWithGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed, and this test compares with it")
	}
	const none = "" // does not fit
	for _, c := range []struct {
		id      string
		after   []string // what is applied before
		changes string   // the files it changes, + new, - deleted
		refusal string   // what git says if it does not fit
	}{
		{id: "DEMO-1", changes: "vendor/magento/module-checkout/Model/CartTotals.php " +
			"vendor/magento/module-checkout/view/frontend/web/js/totals.js"},
		{id: "DEMO-2", changes: "+vendor/magento/module-catalog/Model/Label/FewLeft.php " +
			"+vendor/magento/module-catalog/view/frontend/templates/few-left.phtml"},
		{id: "DEMO-3", changes: "-pub/stock-probe.php"},
		{id: "DEMO-4", changes: none, refusal: "No such file"},
		{id: "DEMO-4", after: []string{"DEMO-2"}, changes: "vendor/magento/module-catalog/Model/Label/FewLeft.php"},
		{id: "DEMO-5", changes: "vendor/magento/module-catalog/Model/PriceRounding.php"},
		{id: "DEMO-5", after: []string{"DEMO-6"}, changes: none, refusal: "PriceRounding.php: patch does not apply"},
		{id: "DEMO-6", changes: "vendor/magento/module-catalog/Model/PriceRounding.php"},
		{id: "DEMO-6", after: []string{"DEMO-5"}, changes: none, refusal: "PriceRounding.php: patch does not apply"},
		{id: "DEMO-7", changes: "vendor/magento/module-checkout/Model/CartTotals.php"},
		{id: "DEMO-7", after: []string{"DEMO-1"}, changes: none, refusal: "CartTotals.php: patch does not apply"},
		{id: "DEMO-1", after: []string{"DEMO-7"}, changes: none, refusal: "CartTotals.php: patch does not apply"},
		{id: "DEMO-8", changes: none, refusal: "CartTotals.php: patch does not apply"},
		{id: "DEMO-9", changes: "vendor/magento/module-inventory/Model/StockCounter.php"},
		{id: "DEMO-10", changes: none, refusal: "No such file"},
		{id: fix, changes: "+vendor/magento/module-customer/etc/graphql/ +vendor/magento/module-customer/etc/graphql/events.xml " +
			"+vendor/magento/module-customer/etc/webapi_rest/ +vendor/magento/module-customer/etc/webapi_rest/events.xml " +
			"+vendor/magento/module-customer/etc/webapi_soap/ +vendor/magento/module-customer/etc/webapi_soap/events.xml"},
	} {
		t.Run(strings.Join(append(slices.Clone(c.after), c.id), ","), func(t *testing.T) {
			s := newShop(t)
			for _, id := range c.after {
				if out, ok := s.git(id); !ok {
					t.Fatalf("%s does not apply:\n%s", id, out)
				}
			}
			before := s.tree()
			out, ok := s.git(c.id)
			changed := changes(before, s.tree())
			if c.changes == none {
				if ok || !strings.Contains(out, c.refusal) {
					t.Errorf("want a refusal with %q, got:\n%s", c.refusal, out)
				}
				if len(changed) > 0 {
					t.Errorf("refused, but changed %q", changed)
				}
				return
			}
			if !ok {
				t.Fatalf("does not apply:\n%s", out)
			}
			if got := strings.Contains(out, "offset"); got != (c.id == "DEMO-9") {
				t.Errorf("offset: %v\n%s", got, out)
			}
			want := strings.Fields(c.changes)
			got := slices.DeleteFunc(changed, func(name string) bool {
				return strings.HasSuffix(name, "/") && !slices.Contains(want, name)
			})
			if slices.Sort(want); !slices.Equal(got, want) {
				t.Errorf("changes %q, want %q", got, want)
			}
			if out, ok := s.git(c.id, "--check"); ok {
				t.Errorf("applies twice:\n%s", out)
			}
			if out, ok := s.git(c.id, "--reverse"); !ok {
				t.Fatalf("does not reverse:\n%s", out)
			}
			if left := changes(before, s.tree()); len(left) > 0 {
				t.Errorf("reversing leaves %q changed", left)
			}
		})
	}
}

// The patches that go together: on top of each other and off again.
func TestSandboxStackWithGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed, and this test compares with it")
	}
	s := newShop(t)
	before := s.tree()
	stack := []string{"DEMO-1", "DEMO-2", "DEMO-3", "DEMO-4", "DEMO-6", "DEMO-9", fix}
	for _, id := range stack {
		if out, ok := s.git(id); !ok {
			t.Fatalf("%s does not apply:\n%s", id, out)
		}
	}
	if out, ok := s.git("DEMO-2", "--reverse", "--check"); ok {
		t.Errorf("DEMO-2 can be taken out below DEMO-4:\n%s", out)
	}
	for _, id := range slices.Backward(stack) {
		if out, ok := s.git(id, "--reverse"); !ok {
			t.Fatalf("%s does not reverse:\n%s", id, out)
		}
	}
	if left := changes(before, s.tree()); len(left) > 0 {
		t.Errorf("%q differ from the untouched shop", left)
	}
}

// changes names what differs, in order: + for new, - for gone.
func changes(before, after map[string]string) []string {
	var list []string
	for name, content := range after {
		if old, ok := before[name]; !ok {
			list = append(list, "+"+name)
		} else if old != content {
			list = append(list, name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			list = append(list, "-"+name)
		}
	}
	slices.Sort(list)
	return list
}
