package composerpatches

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var two = []Patch{
	{Package: "a/b", Label: "X-1: <one> & \"two\"", File: "out/X-1_a_b.patch", SHA256: "aa"},
	{Package: "c/d", Label: "X-1", File: "out/X-1_c_d.patch", SHA256: "bb"},
	{Package: "a/b", Label: "X-2", File: "out/X-2_a_b.patch", SHA256: "cc"},
}

func TestWrite(t *testing.T) {
	for _, tc := range []struct {
		name       string
		src        string
		inComposer bool
		style      Style
		patches    []Patch
		want       string
	}{
		{"a new file", "", false, CweagansV1, two, `{
    "patches": {
        "a/b": {
            "X-1: <one> & \"two\"": "out/X-1_a_b.patch",
            "X-2": "out/X-2_a_b.patch"
        },
        "c/d": {
            "X-1": "out/X-1_c_d.patch"
        }
    }
}
`},
		{"the long form", "", false, CweagansV2, two[1:2], `{
    "patches": {
        "c/d": [
            {
                "description": "X-1",
                "url": "out/X-1_c_d.patch",
                "sha256": "bb",
                "depth": 1
            }
        ]
    }
}
`},
		{"vaimo's", "", false, Vaimo, two[1:2], `{
    "patches": {
        "c/d": {
            "X-1": {
                "source": "out/X-1_c_d.patch",
                "level": "1"
            }
        }
    }
}
`},
		{
			"composer.json keeps its bytes", "{\n  \"name\" :\"x\\/y\",\n  \"extra\":{\n    \"z\": [ 1,2 ]\n  },\n  \"type\": \"é\"}", true, CweagansV1, two[1:2],
			"{\n  \"name\" :\"x\\/y\",\n  \"extra\":{\n    \"z\": [ 1,2 ],\n    \"patches\": {\n      \"c/d\": {\n        \"X-1\": \"out/X-1_c_d.patch\"\n      }\n    }\n  },\n  \"type\": \"é\"}",
		},
		{
			"without extra", "{\r\n\t\"name\": \"x\"\r\n}\r\n", true, CweagansV1, two[1:2],
			"{\r\n\t\"name\": \"x\",\r\n\t\"extra\": {\r\n\t\t\"patches\": {\r\n\t\t\t\"c/d\": {\r\n\t\t\t\t\"X-1\": \"out/X-1_c_d.patch\"\r\n\t\t\t}\r\n\t\t}\r\n\t}\r\n}\r\n",
		},
		{
			"PHP's empty object", "{\n \"extra\": []\n}\n", true, CweagansV1, two[1:2],
			"{\n \"extra\": {\n  \"patches\": {\n   \"c/d\": {\n    \"X-1\": \"out/X-1_c_d.patch\"\n   }\n  }\n }\n}\n",
		},
		{
			"others' patches stay, an earlier export goes",
			"{\n    \"patches\": {\n        \"o/p\": {\"own\":   \"own.patch\"},\n        \"a/b\": {\n            \"own\": \"own.patch\",\n            \"X-1\": \"out/old.patch\"\n        },\n        \"q/r\": {\"X-3\": \"./out/X-3.patch\"}\n    }\n}\n",
			false, CweagansV1,
			[]Patch{{"a/b", "own", "out/X-9.patch", ""}},
			"{\n    \"patches\": {\n        \"o/p\": {\"own\":   \"own.patch\"},\n        \"a/b\": {\n            \"own\": \"own.patch\",\n            \"own (2)\": \"out/X-9.patch\"\n        }\n    }\n}\n",
		},
		{
			"the short form becomes the long one", "{\n    \"patches\": {\n        \"a/b\": {\n            \"own\": \"own.patch\"\n        }\n    }\n}\n",
			false, CweagansV2, two[2:],
			"{\n    \"patches\": {\n        \"a/b\": [\n            {\n                \"description\": \"own\",\n                \"url\": \"own.patch\"\n            },\n            {\n                \"description\": \"X-2\",\n                \"url\": \"out/X-2_a_b.patch\",\n                \"sha256\": \"cc\",\n                \"depth\": 1\n            }\n        ]\n    }\n}\n",
		},
		{"nothing to declare", "{ }", true, CweagansV2, nil, "{ }"},
		{"nothing any more", "{\"patches\": {\"a/b\": [{\"url\": \"out/x.patch\", \"description\": \"x\"}]}}", false, CweagansV2, nil, "{\"patches\": {}}"},
		{"on one line", `{"a": 1}`, true, CweagansV1, nil, `{"a": 1}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var src []byte
			if tc.src != "" {
				src = []byte(tc.src)
			}
			got, err := Write(src, tc.inComposer, tc.style, "out", tc.patches)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			again, err := Write(got, tc.inComposer, tc.style, "out", tc.patches)
			if err != nil || !bytes.Equal(again, got) {
				t.Errorf("a second time: %v\n%s", err, again)
			}
		})
	}
	for _, src := range []string{`{"patches": "own.patch"}`, `{"patches": true}`, `{"patches": {"a/b": "own.patch"}}`, `{"patches": {"a/b": 1}}`, `{"patches": [1]}`, `{"patches": {"a/b": [{"url": "x"}]}}`, `{"patches": `, `[]x`, `7`} {
		if got, err := Write([]byte(src), false, CweagansV1, "out", two); err == nil {
			t.Errorf("%s became %s", src, got)
		}
	}
}

func TestObstacles(t *testing.T) {
	for _, tc := range []struct {
		composer, file string
		style          Style
		want           string // a part of each, joined
	}{
		{`{}`, "patches.json", CweagansV2, ""},
		{`{"extra": {"composer-patches": {"patches-file": "p.json"}}}`, "patches.json", CweagansV2, "does not read patches.json"},
		{`{"extra": {"composer-patches": {"patches-file": "./patches.json"}}}`, "patches.json", CweagansV2, ""},
		{`{"require": {"cweagans/composer-patches": "^1.7"}}`, "patches.json", CweagansV2, "requires cweagans/composer-patches ^1.7, which"},
		{`{"require": {"cweagans/composer-patches": "^2.0"}}`, "composer.json", CweagansV1, "requires cweagans/composer-patches ^2.0, which"},
		{`{"require-dev": {"vaimo/composer-patches": "*"}}`, "patches.json", CweagansV2, "requires vaimo/composer-patches *, which"},
		{`{"require": {"cweagans/composer-patches": "1.*"}}`, "composer.json", Vaimo, "requires cweagans/composer-patches 1.*, which"},
		{`{"require": {"cweagans/composer-patches": "~2.0", "vaimo/composer-patches": "*"}}`, "patches.json", CweagansV2, ""},
		{`{"require": {"cweagans/composer-patches": ""}}`, "patches.json", CweagansV2, ""},
		{`{}`, "patches.json", CweagansV1, "does not read patches.json until"},
		{`{"extra": {"patches-file": "patches.json"}}`, "patches.json", CweagansV1, ""},
		{`{"extra": {"patches": {}}}`, "patches.json", CweagansV1, "then the plugin does not read patches.json"},
		{`{"extra": {"patches-file": "p.json", "patchLevel": {"a/b": "-p4"}}}`, "composer.json", CweagansV1, "no more once there is extra.patches|-p4 for a/b"},
		{`{}`, "patches.json", Vaimo, "does not read patches.json until"},
		{`{"extra": {"patcher": {"file": ["x", "patches.json"]}}}`, "patches.json", Vaimo, ""},
		{`{"extra": {"patches-base": "x/{{file}}"}}`, "composer.json", Vaimo, "changes where the plugin looks"},
	} {
		got, err := Obstacles([]byte(tc.composer), tc.style, tc.file, two)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		if tc.want != "" {
			want = strings.Split(tc.want, "|")
		}
		if len(got) != len(want) {
			t.Errorf("%s: %q, want %q", tc.composer, got, want)
			continue
		}
		for i := range want {
			if !strings.Contains(got[i], want[i]) {
				t.Errorf("%s: %q, want %q", tc.composer, got[i], want[i])
			}
		}
	}
}

// What is written can be read, as what it was, and nothing else of the file changes its meaning.
func FuzzWrite(f *testing.F) {
	for _, s := range []string{"{}", `{"extra": {"patches": {"a/b": {"x": "y"}}}, "z": [1, {"q": null}]}`, "{\"extra\":[]}", "{\r\n\t\"a\": 1\r\n}", `{"extra": {"a": 1, "a": {"b": 2}}}`, ` {"extra":{"patches":{"a/b":[{"url":"out/x"}]}}} `} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		for _, style := range []Style{CweagansV1, CweagansV2, Vaimo} {
			out, err := Write([]byte(src), true, style, "out", two)
			if err != nil {
				continue
			}
			if !json.Valid(out) {
				t.Fatalf("%q became %q", src, out)
			}
			d, err := Read(tree(map[string]string{"composer.json": string(out)}), "vendor", style)
			if err != nil {
				continue // it names a file that is not there
			}
			var files []string
			for _, def := range d.Definitions {
				if strings.HasPrefix(def.Source, "out/") && !def.Dev && def.Place.File == "composer.json" {
					files = append(files, def.Package+" "+def.Source)
				}
			}
			for _, p := range two {
				found := 0
				for _, have := range files {
					if have == p.Package+" "+p.File {
						found++
					}
				}
				if found == 0 && !strings.Contains(string(out), "patcher") && !strings.Contains(string(out), "patches-base") {
					t.Fatalf("%s: %q lost %s:\n%s", style, src, p.File, out)
				}
			}
			var before, after map[string]any
			if json.Unmarshal([]byte(src), &before) == nil && json.Unmarshal(out, &after) == nil {
				for _, m := range []map[string]any{before, after} {
					if extra, ok := m["extra"].(map[string]any); ok {
						delete(extra, "patches")
						if len(extra) == 0 {
							delete(m, "extra")
						}
					} else if list, ok := m["extra"].([]any); ok && len(list) == 0 {
						delete(m, "extra")
					}
				}
				if diff := cmp.Diff(before, after); diff != "" && len(before) > 0 {
					t.Fatalf("%q (-before +after):\n%s", src, diff)
				}
			}
		}
	})
}
