package declared_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/quality-patches/qpt/pkg/declared"
)

var sum = strings.Repeat("0123456789abcdef", 4)

func root(files ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		m[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return m
}

func TestRead(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files []string
		want  string // name[@] at place, one after the other; ! for what is ignored
	}{
		{"nothing", nil, ""},
		{"an empty file", []string{"qpt.yaml", ""}, ""},
		{"null", []string{"qpt.yaml", "patches:\nignore:\npolicy:\n"}, ""},
		{"ids in order", []string{"qpt.yaml", "patches:\n- B-2\n- A-1 # why\n"}, "B-2 qpt.yaml:2, A-1 qpt.yaml:3"},
		{"a number is an id", []string{"qpt.yaml", "patches: [1.10]"}, "1.10 qpt.yaml:1"},
		{"hashes", []string{"qpt.yaml", "patches:\n- A@" + sum + "\n- B@sha256:" + strings.ToUpper(sum)}, "A@ qpt.yaml:2, B@ qpt.yaml:3"},
		{"each once, with the hash of any", []string{"qpt.yaml", "patches:\n- A\n- a@" + sum}, "A@ qpt.yaml:2"},
		{"an alias", []string{"qpt.yaml", "x: &x A\npatches: [*x]"}, "A qpt.yaml:1"},
		{"diffs and folders", []string{"qpt.yaml", "patches: [./f, top.diff]", "f/b.patch", "", "f/a.diff", "", "f/c.txt", "", "f/d/e.patch", "", "top.diff", ""}, "f/a.diff qpt.yaml:1, f/b.patch qpt.yaml:1, top.diff qpt.yaml:1"},
		{"a path with an @", []string{"qpt.yaml", "patches: [a@b.patch]", "a@b.patch", ""}, "a@b.patch qpt.yaml:1"},
		{"hotfixes", []string{"m2-hotfixes/2.patch", "", "m2-hotfixes/1.patch", "", "m2-hotfixes/no.txt", "", "m2-hotfixes/._1.patch", ""}, "m2-hotfixes/1.patch m2-hotfixes, m2-hotfixes/2.patch m2-hotfixes"},
		{"the cloud", []string{".magento.env.yaml", "stage:\n  build:\n    QUALITY_PATCHES:\n      - A\n      - B\n"}, "A .magento.env.yaml:4, B .magento.env.yaml:5"},
		{"the cloud with constants", []string{".magento.env.yaml", "stage:\n  build:\n    QUALITY_PATCHES: [A]\n  deploy:\n    D:\n      !php/const:\\PDO::X : 1\n"}, "A .magento.env.yaml:3"},
		{"the cloud with other things", []string{".magento.env.yaml", "stage:\n  global:\n    QUALITY_PATCHES: [A]\n  build: ~\nx: !php/const \\A::B\n"}, ""},
		{"composer", []string{"composer.json", "{\"extra\": {\"magento-patches\": {\n\"apply\": [\"A\",\n\"B\"]}}}"}, "A composer.json:2, B composer.json:3"},
		{"composer with comments", []string{"composer.json", `{"extra": {"magento-patches": {"apply": {"why": "B", "z": "A"}, "ignore": {"breaks": "C"}}}}`}, "B composer.json:1, A composer.json:1, !C breaks"},
		{"composer as PHP writes it", []string{"composer.json", `{"extra": {"magento-patches": []}, "x": 1}`}, ""},
		{"composer with lists of PHP", []string{"composer.json", `{"extra": []}`}, ""},
		{"broken composer is not our matter", []string{"composer.json", `{"magento-patches"`}, ""},
		{"the order of the files", []string{"m2-hotfixes/h.patch", "", ".magento.env.yaml", "stage: {build: {QUALITY_PATCHES: [C, A]}}", "composer.json", `{"extra": {"magento-patches": {"apply": ["B"]}}}`, "qpt.yaml", "patches: [A]"}, "A qpt.yaml:1, B composer.json:1, C .magento.env.yaml:1, m2-hotfixes/h.patch m2-hotfixes"},
		{"ignored wherever declared", []string{"m2-hotfixes/h.patch", "", "qpt.yaml", "patches: [A, B]\nignore:\n  a: why\n  m2-hotfixes/h.patch: not here"}, "B qpt.yaml:1, !a why, !m2-hotfixes/h.patch not here"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set, err := declared.Read(root(tc.files...))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range set.Patches {
				text := p.Name
				if p.SHA256 != "" {
					if p.SHA256 != sum {
						t.Errorf("hash %s", p.SHA256)
					}
					text += "@"
				}
				if p.Loose != declared.IsPath(p.Name) {
					t.Errorf("%s: loose is %v", p.Name, p.Loose)
				}
				got = append(got, text+" "+p.String())
			}
			for _, i := range set.Ignored {
				got = append(got, "!"+i.Name+" "+i.Reason)
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, ", ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files []string
		want  string
	}{
		{"no YAML", []string{"qpt.yaml", "a: ["}, "qpt.yaml: yaml"},
		{"a key in capitals", []string{"qpt.yaml", "wait: 1s\nPatches: [A]"}, `qpt.yaml:2: unknown key "Patches"; is "patches" meant?`},
		{"a second document", []string{"qpt.yaml", "patches: [A]\n---\npatches: [B]"}, "qpt.yaml: it holds more than one YAML document"},
		{"no list", []string{"qpt.yaml", "patches: A"}, "qpt.yaml:1: patches: expected a list"},
		{"a list of lists", []string{"qpt.yaml", "patches:\n- [A]"}, "qpt.yaml:2: patches: expected a list of texts"},
		{"an empty entry", []string{"qpt.yaml", "patches:\n- A\n-\n"}, "expected a list of texts"},
		{"no name", []string{"qpt.yaml", "patches: [' ']"}, "an empty name"},
		{"a short hash", []string{"qpt.yaml", "patches: ['A@12']"}, "not a SHA-256"},
		{"two hashes", []string{"qpt.yaml", "patches:\n- A@" + sum + "\n- A@" + strings.Repeat("0", 64)}, "qpt.yaml:3: A is declared with another hash at qpt.yaml:2"},
		{"a hash of a folder", []string{"qpt.yaml", "patches: [f/@" + sum + "]", "f/a.patch", ""}, "f is a folder, which has no hash"},
		{"a file that is not there", []string{"qpt.yaml", "patches: [f/a.patch]"}, "f/a.patch does not exist"},
		{"a path outside", []string{"qpt.yaml", "patches: [f/../../a.patch]"}, "not a path below the root"},
		{"an absolute path", []string{"qpt.yaml", "patches: [/etc/a.patch]"}, "not a path below the root"},
		{"composer with a list", []string{"composer.json", "{\"extra\":\n{\"magento-patches\": [\"A\"]}}"}, "composer.json:2: extra.magento-patches: expected an object with apply and ignore"},
		{"composer with a text", []string{"composer.json", `{"extra": {"magento-patches": "A"}}`}, "extra.magento-patches: expected an object"},
		{"an unknown rule", []string{"qpt.yaml", "policy:\n  depricated: deny"}, "qpt.yaml:2: policy: unknown rule \"depricated\"; there are categories, deprecated, ineligible,"},
		{"everything", []string{"composer.json", `{"extra": {"magento-patches": {"apply": ["ALL"]}}}`}, "composer.json:1: \"ALL\" means every patch"},
		{"composer with numbers", []string{"composer.json", `{"extra": {"magento-patches": {"apply": [1]}}}`}, "extra.magento-patches.apply: expected"},
		{"composer with nested objects", []string{"composer.json", `{"extra": {"magento-patches": {"ignore": {"a": {}}}}}`}, "extra.magento-patches.ignore: expected"},
		{"the cloud with a text", []string{".magento.env.yaml", "stage: {build: {QUALITY_PATCHES: A}}"}, ".magento.env.yaml:1: QUALITY_PATCHES: expected a list"},
		{"ignored without a reason", []string{"qpt.yaml", "ignore: {A: ''}"}, "ignore: A needs a reason"},
		{"ignored as a list", []string{"qpt.yaml", "ignore: [A]"}, "ignore: expected an id and a reason"},
		{"a policy of another kind", []string{"qpt.yaml", "policy: deny"}, "policy: expected rules"},
		{"a number that is none", []string{"qpt.yaml", "policy: {max-patches: many}"}, "max-patches: expected a number"},
		{"categories as a list", []string{"qpt.yaml", "policy: {categories: [A]}"}, "categories: expected"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := declared.Read(root(tc.files...))
			var e *declared.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// A declaration without effect does not pass in silence.
func TestReadVain(t *testing.T) {
	set, err := declared.Read(root(
		"qpt.yaml", "patches:\n- A\n- f/\n- g", "f/readme.txt", "", "f/d/e.patch", "", "g", "",
		"composer.json", "{\"extra\": {\"magento-patches\": {\n\"Apply\": [\"B\"],\n\"aply\": [\"C\"]}}}",
		"m2-hotfixes/readme.txt", "",
	))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range set.Vain {
		got = append(got, v.Error())
	}
	want := []string{
		"qpt.yaml:3: the folder f holds no .patch or .diff file; those of folders in it have to be named",
		"composer.json:3: extra.magento-patches.aply declares nothing; apply and ignore are what is read",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPolicy(t *testing.T) {
	set, err := declared.Read(root("qpt.yaml", `
policy:
  deprecated: deny
  replaced: off
  unknown-origin: warn
  max-patches: {warn: 20}
  categories: {deny: [A, B], warn: [C]}
  origins: []
`))
	if err != nil {
		t.Fatal(err)
	}
	want := declared.Policy{
		Deprecated: declared.Deny, Replaced: declared.Off, Ineligible: declared.Deny, UnknownOrigin: declared.Warn, Unpinned: declared.Off,
		TooMany: declared.Warn, MaxPatches: 20, Origins: []string{},
		Categories: map[string]declared.Level{"A": declared.Deny, "B": declared.Deny, "C": declared.Warn},
	}
	if diff := cmp.Diff(want, set.Policy); diff != "" {
		t.Error(diff)
	}
}

func TestAdd(t *testing.T) {
	for _, tc := range []struct{ name, src, want string }{
		{"no file", "", "patches:\n  - NEW\n"},
		{"other settings", "wait: 1s # s\n", "wait: 1s # s\npatches:\n  - NEW\n"},
		{"no line feed at the end", "wait: 1s", "wait: 1s\npatches:\n  - NEW\n"},
		{"an empty list", "patches: # none yet\nwait: 1s\n", "patches: # none yet\n  - NEW\nwait: 1s\n"},
		{"behind the last", "patches:\n- A\n\n- B # b\n# end\nwait: 1s\n", "patches:\n- A\n\n- B # b\n- NEW\n# end\nwait: 1s\n"},
		{"without a line feed", "patches:\n    - A", "patches:\n    - A\n    - NEW\n"},
		{"other line ends", "patches:\r\n  - A\r\n", "patches:\r\n  - A\r\n  - NEW\r\n"},
		{"in brackets", "# c\npatches: [A, B] # d\nwait: 1s\n", "# c\npatches: [A, B, NEW] # d\nwait: 1s\n"},
		{"in brackets, and all else stays", "# c\n\npatches: [ 'A',\n  B ]   # d\n\n\npolicy:\n    replaced:   warn  # e\n", "# c\n\npatches: ['A', B, NEW]   # d\n\n\npolicy:\n    replaced:   warn  # e\n"},
		{"in brackets, with other brackets", "patches: ['a]', \"b\\\"]\"] # ]\r\n", "patches: ['a]', \"b\\\"]\", NEW] # ]\r\n"},
		{"in brackets behind a mark of the byte order", "\xef\xbb\xbf# ü\npatches: [A]\n", "\xef\xbb\xbf# ü\npatches: [A, NEW]\n"},
		{"in many brackets", "patches: [" + strings.Repeat("ACSD-12345, ", 40) + "B]\n", "patches: [" + strings.Repeat("ACSD-12345, ", 40) + "B, NEW]\n"},
		{"null", "patches: null # none yet\nwait: 1s\n", "patches: # none yet\n  - NEW\nwait: 1s\n"},
		{"a tilde", "# c\npatches:   ~\n", "# c\npatches:\n  - NEW\n"},
		{"null in braces", "{wait: 1s, patches: null}\n", "{wait: 1s, patches: [NEW]}\n"},
		{"in empty brackets", "patches: []\n", "patches: [NEW]\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := declared.Add([]byte(tc.src), []string{"NEW"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got, err := declared.Add(nil, []string{"1.10", "a: b"}); err != nil || string(got) != "patches:\n  - \"1.10\"\n  - 'a: b'\n" {
		t.Errorf("%q %v", got, err)
	}
}

func TestRemove(t *testing.T) {
	for _, tc := range []struct{ name, src, want, missing string }{
		{"no file", "", "", "X"},
		{"one", "patches:\n  # why\n  - A\n  - X # x\n  - B\n", "patches:\n  # why\n  - A\n  - B\n", ""},
		{"the last of all", "patches:\n  - x\nwait: 1s\n", "patches:\nwait: 1s\n", ""},
		{"whatever its hash", "patches:\n- X@" + sum + "\n- A\n", "patches:\n- A\n", ""},
		{"twice there", "patches:\n- X\n- x\n", "patches:\n", ""},
		{"not there", "patches: [A]\n", "patches: [A]\n", "X"},
		{"in brackets", "patches: [A, X] # d\n", "patches: [A] # d\n", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, missing, err := declared.Remove([]byte(tc.src), []string{"X"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want+"|"+tc.missing, string(got)+"|"+strings.Join(missing, ",")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What cannot be edited line by line is refused, and not spoilt.
func TestEditRefuses(t *testing.T) {
	for _, tc := range []struct{ name, src string }{
		{"an entry on a line of its own", "patches:\n  -\n    X\n  - A\n"},
		{"an entry over two lines", "patches:\n  - \"X\n    Y\"\n  - A\n  - X\n"},
		{"settings that are none", "- a\n"},
		{"patches that are none", "patches: a\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, _, err := declared.Remove([]byte(tc.src), []string{"X", "X Y"})
			var e *declared.Error
			if !errors.As(err, &e) {
				t.Errorf("%q, error %v", out, err)
			}
		})
	}
}

func lock() *declared.Lock {
	return &declared.Lock{
		Version: declared.LockVersion, Declared: []string{"B", "A"}, Installed: map[string]string{"p/b": "1", "p/a": "2"},
		Patches: []declared.LockedPatch{
			{ID: "B", Diffs: []declared.LockedDiff{{File: "b.patch", Package: "p/b", Constraint: ">=1 <2", SHA256: sum}}, Files: []declared.LockedFile{{Path: "x", After: sum, Mode: "100755"}}},
			{ID: "A", RequiredBy: []string{"B"}, Diffs: []declared.LockedDiff{{File: "a.patch", SHA256: sum}}, Files: []declared.LockedFile{{Path: "x", Before: sum}}},
		},
	}
}

func TestLock(t *testing.T) {
	text := lock().Bytes()
	back, err := declared.ParseLock(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lock(), back); diff != "" {
		t.Error(diff)
	}
	if !bytes.Equal(back.Bytes(), text) || !bytes.Contains(text, []byte(`">=1 <2"`)) || !bytes.HasSuffix(text, []byte("}\n")) {
		t.Errorf("not canonical:\n%s", text)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Count(line, sum) > 1 {
			t.Errorf("more than one item in %q", line)
		}
	}
	if f := back.Files()["x"]; f.After != "" || f.Mode != "100755" {
		t.Errorf("the file at the end: %+v", f)
	}
	if p, ok := back.Patch("a"); !ok || p.ID != "A" {
		t.Error("patches are found without regard to case")
	}
	if none, err := declared.ReadLock(root()); none != nil || err != nil {
		t.Errorf("without a lock: %v, %v", none, err)
	}
}

func TestParseLockRefuses(t *testing.T) {
	good := string(lock().Bytes())
	for _, tc := range []struct{ name, src, want string }{
		{"nothing", "", "not valid JSON"},
		{"a merge", "<<<<<<< HEAD\n" + good, "marks of a merge"},
		{"half a merge", good + ">>>>>>> other\n", "marks of a merge"},
		{"a later version", `{"version": 2, "new": true}`, "its version is 2"},
		{"no version", `{}`, "its version is 0"},
		{"an unknown field", `{"version": 1, "patchez": []}`, "patchez"},
		{"another kind", `{"version": 1, "patches": {}}`, "cannot unmarshal"},
		{"a patch twice", strings.Replace(good, `"id": "A"`, `"id": "b"`, 1), "occurs twice"},
		{"a hash that is none", strings.Replace(good, sum, "00", 1), "b.patch"},
		{"a path that leaves", strings.Replace(good, `"path": "x"`, `"path": "../x"`, 1), "../x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := declared.ParseLock([]byte(tc.src))
			var e *declared.LockError
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestHash(t *testing.T) {
	if declared.Hash([]string{sum}) != sum {
		t.Error("the hash of one diff is its own")
	}
	if a, b := declared.Hash([]string{"1", "2"}), declared.Hash([]string{"2", "1"}); a == b || len(a) != 64 {
		t.Error("the hash of several depends on their order")
	}
}

// An edit does what it is meant to do, or is refused: what is added is declared then,
// what is removed is not, and the rest is as before.
func FuzzEdit(f *testing.F) {
	for _, src := range []string{"", "patches:\n  # c\n  - A\n\n  - X # x\n", "patches: [A, X]\r\nwait: 1s", "patches:\n  -\n    X\n", "? patches\n: - X\n", "---\npatches: &l\n- X\n...\n"} {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		names := func(text []byte) string {
			set, err := declared.Read(root("qpt.yaml", string(text)))
			if err != nil {
				return "error"
			}
			patches, ignored := set.Names()
			return fmt.Sprint(patches, ignored, set.Policy)
		}
		before := names([]byte(src))
		if before == "error" || strings.Contains(strings.ToLower(src), "fresh") {
			return
		}
		out, err := declared.Add([]byte(src), []string{"fresh-1", "fresh-2"})
		if err != nil {
			return
		}
		if now := names(out); !strings.Contains(now, "fresh-1 fresh-2") {
			t.Fatalf("%q became %q: %s", src, out, now)
		}
		back, missing, err := declared.Remove(out, []string{"FRESH-1", "fresh-2"})
		if err != nil {
			return
		}
		if len(missing) > 0 || names(back) != before {
			t.Fatalf("%q came back as %q: %s, not %s", src, back, names(back), before)
		}
	})
}

// A lock that can be read is written the same way again.
func FuzzParseLock(f *testing.F) {
	f.Add(lock().Bytes())
	f.Fuzz(func(t *testing.T, src []byte) {
		l, err := declared.ParseLock(src)
		if err != nil {
			return
		}
		again, err := declared.ParseLock(l.Bytes())
		if err != nil || !bytes.Equal(again.Bytes(), l.Bytes()) {
			t.Fatalf("%s: %v", l.Bytes(), err)
		}
	})
}
