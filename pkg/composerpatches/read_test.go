package composerpatches

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func tree(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

// at is a definition in composer.json for a package, as most tests have it.
func at(line int, label, source string, more func(*Definition)) Definition {
	d := Definition{Package: "a/b", Label: label, Source: source, Folder: "install", Place: Place{"composer.json", line}}
	if more != nil {
		more(&d)
	}
	return d
}

func TestReadCweagans(t *testing.T) {
	for _, tc := range []struct {
		name  string
		style Style
		files map[string]string
		want  []Definition
	}{
		{
			"the short form, with a level for one package", CweagansV1,
			map[string]string{"composer.json": "{\"extra\": {\n\"patchLevel\": {\"c/d\": \"-p4\"}, \"patches\": {\"A/b\": {\n\"z\": \"x/1.patch\",\n\"a\": \"https://example.org/2.patch\"},\n\"c/d\": {\"n\": \"3.patch\"}}}}"},
			[]Definition{
				at(3, "z", "x/1.patch", func(d *Definition) { d.Levels = []int{1, 0, 2, 4} }),
				at(4, "a", "https://example.org/2.patch", func(d *Definition) { d.Levels = []int{1, 0, 2, 4} }),
				at(5, "n", "3.patch", func(d *Definition) { d.Package, d.Levels = "c/d", []int{4} }),
			},
		},
		{
			"a file counts only without patches in composer.json", CweagansV1,
			map[string]string{"composer.json": `{"extra": {"patches": {"a/b": {"one": "1.patch"}}, "patches-file": "more.json"}}`},
			[]Definition{at(1, "one", "1.patch", func(d *Definition) { d.Levels = []int{1, 0, 2, 4} })},
		},
		{
			"a file", CweagansV1,
			map[string]string{"composer.json": `{"extra": {"patches-file": "more.json"}}`, "more.json": `{"patches": {"a/b": {"one": "1.patch"}}}`},
			[]Definition{at(1, "one", "1.patch", func(d *Definition) { d.Levels, d.File = []int{1, 0, 2, 4}, "more.json" })},
		},
		{
			"both forms of version 2, and its file", CweagansV2,
			map[string]string{
				"composer.json": `{"extra": {"composer-patches": {"package-depths": {"c/d": 3}, "default-patch-depth": 2}, "patches": {
					"a/b": [{"description": "one", "url": "1.patch", "sha256": "AB", "depth": 0, "extra": {"x": 1}}, {"url": "2.patch", "description": "own", "extra": {"freeform": {}}}],
					"c/d": {"short": "3.patch"}}}}`,
				"patches.json": `{"patches": {"a/b": {"four": "4.patch"}}}`,
			},
			[]Definition{
				at(2, "one", "1.patch", func(d *Definition) { d.Levels, d.SHA256 = []int{0}, "ab" }),
				at(2, "own", "2.patch", func(d *Definition) {
					d.Levels, d.Problem = []int{2}, "it is applied by a program of your own (extra.freeform)"
				}),
				at(3, "short", "3.patch", func(d *Definition) { d.Package, d.Levels = "c/d", []int{3} }),
				at(1, "four", "4.patch", func(d *Definition) { d.Levels, d.File = []int{2}, "patches.json" }),
			},
		},
		{
			"what is no definition", CweagansV2,
			map[string]string{"composer.json": `{"extra": {"patches": {"a/b": [{"description": "x"}, 7]}}}`},
			[]Definition{
				at(1, "", "", func(d *Definition) { d.Levels, d.Problem = []int{1}, "there is no url in it" }),
				at(1, "", "7", func(d *Definition) { d.Levels = []int{1} }),
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Read(tree(tc.files), "vendor", tc.style)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got.Definitions); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadVaimo(t *testing.T) {
	levels := []int{0, 1, 2}
	for _, tc := range []struct {
		name, extra string
		files       map[string]string
		want        []Definition
	}{
		{"a path", `"patches": {"a/b": {"x": "f1.patch"}}`, nil, []Definition{at(1, "x", "f1.patch", nil)}},
		{"switched off", `"patches": {"a/b": {"x": "f1.patch#skip"}}`, nil, []Definition{at(1, "x", "f1.patch", func(d *Definition) { d.Skip = true })}},
		{"what Composer takes for a version", `"patches": {"a/b": {"x": "1.patch"}}`, nil, []Definition{
			at(1, "x", "x", func(d *Definition) { d.Version = []string{"1.patch"} }),
		}},
		{"versions", `"patches": {"a/b": {"x": {">=1.0 <1.2": "f1.patch", ">=1.2": "f2.patch"}}}`, nil, []Definition{
			at(1, "x", "f1.patch", func(d *Definition) { d.Version = []string{">=1.0 <1.2"} }),
			at(1, "x", "f2.patch", func(d *Definition) { d.Version = []string{">=1.2"} }),
		}},
		{
			"all settings", `"patches": {"a/b": {"x": {"source": "f1.patch", "version": ["1.*", "2.*"], "level": "1", "cwd": "project", "after": "o", "before": ["p", "q"], "depends": {"!c/d": ">=1", "e/f": "*"}, "sha1": "0A", "issue": "I-1", "_note": "n", "strange": 1}}}`, nil,
			[]Definition{at(1, "x", "f1.patch", func(d *Definition) {
				d.Version, d.Levels, d.Folder, d.After, d.Before, d.SHA1, d.Unused = []string{"1.*", "2.*"}, []int{1}, "project", []string{"o"}, []string{"p", "q"}, "0a", []string{"strange"}
				d.Requires = []Requirement{{"c/d", ">=1", true}, {"e/f", "*", false}}
			})},
		},
		{"sources by version below source", `"patches": {"a/b": {"x": {"source": {"1.*": "f1.patch"}, "level": 2}}}`, nil, []Definition{
			at(1, "x", "f1.patch", func(d *Definition) { d.Version, d.Levels = []string{"1.*"}, []int{2} }),
		}},
		{"settings by source", `"patches": {"a/b": {"x": {"f1.patch": {"version": "1.*"}, "f2.patch": {"depends": {"c/d": "2.*"}}}}}`, nil, []Definition{
			at(1, "x", "f1.patch", func(d *Definition) { d.Version = []string{"1.*"} }),
			at(1, "x", "f2.patch", func(d *Definition) { d.Requires = []Requirement{{"c/d", "2.*", false}} }),
		}},
		{"shared settings", `"patches": {"_config": {"level": 1}, "a/b": {"_config": {"version": "1.*"}, "_note": "n", "x": "f1.patch"}}`, nil, []Definition{
			at(1, "x", "f1.patch", func(d *Definition) { d.Levels, d.Version = []int{1}, []string{"1.*"} }),
		}},
		{"a list", `"patches": {"a/b": [{"label": "x", "source": "f1.patch"}]}`, nil, []Definition{at(1, "x", "f1.patch", nil)}},
		{"for development", `"patches-dev": {"a/b": {"x": "f1.patch"}}`, nil, []Definition{at(1, "x", "f1.patch", func(d *Definition) { d.Dev = true })}},
		{"the version of another package", `"patches-depend": {"a/*": "c/d"}, "patches": {"a/b": {"x": {"source": "f1.patch", "version": "1"}}}`, nil, []Definition{
			at(1, "x", "f1.patch", func(d *Definition) { d.Version, d.VersionOf = []string{"1"}, "c/d" }),
		}},
		{"a template", `"patches-base": "p/{{vendor}}/{{package}}/{{version}}/{{file}}", "patches": {"a/b": {"x": {"source": "f1.patch", "version": ">=1.2 <3"}}}`, nil, []Definition{
			at(1, "x", "p/a/b/1.2/f1.patch", func(d *Definition) { d.Version = []string{">=1.2 <3"} }),
		}},
		{"a template that cannot be filled in", `"patches-base": "{{VendorName}}/{{file}}", "patches": {"a/b": {"x": "f1.patch"}}`, nil, []Definition{
			at(1, "x", "f1.patch", func(d *Definition) {
				d.Problem = "where its diff lies follows from the template {{VendorName}}/{{file}}, which qpt cannot fill in"
			}),
		}},
		{
			"a bundle, files, and levels", `"patcher": {"file": ["one.json", "two.json"], "levels": [3]}`,
			map[string]string{"one.json": `{"*": {"x": {"source": "f1.patch"}}}`, "two.json": `{"patches": {"a/b": {"y": "f2.patch"}}}`},
			[]Definition{
				at(1, "x", "f1.patch", func(d *Definition) { d.Package, d.VersionOf, d.File, d.Levels = "*", "*", "one.json", []int{3} }),
				at(1, "y", "f2.patch", func(d *Definition) { d.File, d.Levels = "two.json", []int{3} }),
			},
		},
		{
			"headers of diffs", `"patches-search": "p*"`,
			map[string]string{
				"px/d/1.patch": "@package a/b\n@label fixes it\n@version >=1.0\n@level 0\n@after other\n--- a\n+++ b\n@skip\n", "px/2.patch": "--- a\n@package a/b\n",
				"px/3.PATCH": "@type dev+bundle\n", "px/4.diff": "@package a/b\n", "px/5.patch": "@version a/b:1.*\n@depends !c/d:2.*\n@skip\n",
			},
			[]Definition{
				at(0, "3.PATCH", "px/3.PATCH", func(d *Definition) { d.Package, d.VersionOf, d.File, d.Dev = "*", "*", "px/3.PATCH", true }),
				at(0, "5.patch", "px/5.patch", func(d *Definition) {
					d.Version, d.File, d.Skip, d.Requires = []string{"1.*"}, "px/5.patch", true, []Requirement{{"c/d", "2.*", true}}
				}),
				at(0, "fixes it", "px/d/1.patch", func(d *Definition) {
					d.Version, d.File, d.Levels, d.After = []string{">=1.0"}, "px/d/1.patch", []int{0}, []string{"other"}
				}),
			},
		},
		{"switched off as a whole", `"patcher": false, "patches": {"a/b": {"x": "f1.patch"}}`, nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{"composer.json": "{\"extra\": {" + tc.extra + "}}"}
			for name, text := range tc.files {
				files[name] = text
			}
			got, err := Read(tree(files), "vendor", Vaimo)
			if err != nil {
				t.Fatal(err)
			}
			for i := range tc.want {
				if tc.want[i].Levels == nil {
					tc.want[i].Levels = levels
				}
				if tc.want[i].VersionOf == "" {
					tc.want[i].VersionOf = "a/b"
				}
			}
			if diff := cmp.Diff(tc.want, got.Definitions); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for _, tc := range []struct {
		style    Style
		file     string
		composer string
	}{
		{CweagansV1, "composer.json", "{\n\"extra\": }"},
		{CweagansV1, "none.json", `{"extra": {"patches-file": "none.json"}}`},
		{CweagansV1, "../up.json", `{"extra": {"patches-file": "../up.json"}}`},
		{CweagansV2, "none.json", `{"extra": {"composer-patches": {"patches-file": "none.json"}}}`},
		{Vaimo, "bad.json", `{"extra": {"patches-file": "bad.json"}}`},
	} {
		_, err := Read(tree(map[string]string{"composer.json": tc.composer, "bad.json": "["}), "vendor", tc.style)
		var wrong *Error
		if !errors.As(err, &wrong) || wrong.File != tc.file {
			t.Errorf("%s: %v, want an error about %s", tc.composer, err, tc.file)
		}
	}
	if d, err := Read(tree(nil), "vendor", CweagansV2); err != nil || len(d.Definitions) > 0 {
		t.Errorf("without composer.json: %v, %v", d, err)
	}
}

func TestDetect(t *testing.T) {
	for _, tc := range []struct {
		composer, installed string
		want                Style
	}{
		{`{"require": {"vaimo/composer-patches": "^5"}, "require-dev": {"cweagans/composer-patches": "^1"}}`, "", Vaimo},
		{`{"require": {"cweagans/composer-patches": "~1.7"}}`, "", CweagansV1},
		{`{"require": {"cweagans/composer-patches": "*"}}`, "2.0.0", CweagansV2},
		{`{"require": {"cweagans/composer-patches": "^2.0"}}`, "1.7.3", CweagansV1},
		{`{"extra": {"patches": {"a/b": {"x": {"source": "y"}}}}}`, "", Vaimo},
		{`{"extra": {"patcher": {}}}`, "", Vaimo},
		{`{"extra": {"patches-file": "x"}}`, "", CweagansV1},
		{`{"extra": {"patches": {}}}`, "", CweagansV2},
		{`{}`, "", ""},
	} {
		got, err := Detect(tree(map[string]string{"composer.json": tc.composer}), tc.installed)
		if got != tc.want || err != nil {
			t.Errorf("%s: %q, %v, want %q", tc.composer, got, err, tc.want)
		}
	}
	for text, want := range map[string]Style{`{"patches": {"a/b": {}}}`: CweagansV2, `{"patches": []}`: "", `[]`: ""} {
		got, err := Detect(tree(map[string]string{"composer.json": "{}", "patches.json": text}), "")
		if got != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestNotesAndRemovals(t *testing.T) {
	d, err := Read(tree(map[string]string{
		"composer.json": `{
"require": {"cweagans/composer-patches": "^2"},
"scripts": {"post-install-cmd": ["@php x", "git apply a.patch"], "y": "git status"},
"extra": {
"composer-patches": {"ignore-dependency-patches": ["q/ignored"], "disable-patchers": []}}}`,
		"patches.lock.json":           "{}",
		"lib/composer/installed.json": `{"packages": [{"name": "q/brings", "extra": {"patches": {"a/b": {"x": "y"}}}}, {"name": "q/ignored", "extra": {"patches": {"a/b": {}, "c/d": {}}}}, {"name": "q/none", "extra": []}]}`,
	}), "lib", CweagansV2)
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, n := range d.Notes {
		rules = append(rules, n.Rule)
	}
	if diff := cmp.Diff([]string{"setting", "dependency-patches"}, rules); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Removal{
		{Place{"composer.json", 5}, "extra.composer-patches"},
		{Place{"composer.json", 2}, "require.cweagans/composer-patches"},
		{Place{"patches.lock.json", 0}, ""},
		{Place{"composer.json", 3}, "scripts.post-install-cmd: git apply a.patch"},
	}, d.Removals); diff != "" {
		t.Errorf("removals (-want +got):\n%s", diff)
	}
}

// Whatever the file holds, reading it ends.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		`{"extra": {"patches": {"a/b": {"x": {"source": {}}, "y": [], "z": {"1.*": {"2.*": null}}}, "_config": 1}, "patches-base": {"default": 1}}}`,
		`{"extra": [], "scripts": {"a": [["b"]]}, "require": null}`,
		`{"extra": {"patches-search": ["[", "."], "patches-file": {"a": "b"}, "patches-depend": {"(": 1, "default": "x"}}}`,
		`[]`, `"x"`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		for _, style := range []Style{CweagansV1, CweagansV2, Vaimo} {
			d, err := Read(tree(map[string]string{"composer.json": src, "p/1.patch": src}), "vendor", style)
			if err != nil {
				continue
			}
			for _, def := range d.Definitions {
				if def.Problem == "" && def.Source == "" {
					t.Fatalf("%q: %+v", src, def)
				}
			}
		}
	})
}
