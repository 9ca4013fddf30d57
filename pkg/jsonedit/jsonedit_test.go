package jsonedit

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSet(t *testing.T) {
	entry := []string{"a <b> & \"c\"", "One"}
	const written = "[\n        \"a <b> & \\\"c\\\"\",\n        \"One\"\n    ]"
	for _, tc := range []struct {
		name, doc string
		path      []string
		value     any
		want      string
	}{
		{"an empty object", "{}\n", []string{"A"}, entry, "{\n    \"A\": " + written + "\n}\n"},
		{"an empty list, as PHP writes it", "[]", []string{"A"}, entry, "{\n    \"A\": " + written + "\n}"},
		{"after others", "{\n    \"B\": 1\n}\n", []string{"A"}, entry, "{\n    \"B\": 1,\n    \"A\": " + written + "\n}\n"},
		{"others in one line", `{"B": {"x":1}}`, []string{"A"}, "v", "{\"B\": {\"x\":1},\n    \"A\": \"v\"\n}"},
		{"blanks before it", "\n \t{\n  \"B\": 1\n}\n\n", []string{"A"}, "v", "\n \t{\n  \"B\": 1,\n  \"A\": \"v\"\n}\n\n"},
		{"blanks before an empty one", " \n{ }\n", []string{"A"}, "v", " \n{\n    \"A\": \"v\"\n}\n"},
		{"all kinds of values", "{\n  \"B\": 1\n}", []string{"A"}, Object{{Name: "o", Value: Object{}}, {Name: "l", Value: []any{"x", 1, Object{{Name: "y", Value: []string{}}}}}, {Name: "r", Value: json.RawMessage(`{"as":"is"}`)}}, "{\n  \"B\": 1,\n  \"A\": {\n    \"o\": {},\n    \"l\": [\n      \"x\",\n      1,\n      {\n        \"y\": []\n      }\n    ],\n    \"r\": {\"as\":\"is\"}\n  }\n}"},
		{"tabs", "{\n\t\"B\": {\n\t\t\"x\": 1\n\t}\n}", []string{"A", "y"}, "v", "{\n\t\"B\": {\n\t\t\"x\": 1\n\t},\n\t\"A\": {\n\t\t\"y\": \"v\"\n\t}\n}"},
		{"line endings", "{\r\n  \"B\": 1\r\n}\r\n", []string{"A"}, []string{"v"}, "{\r\n  \"B\": 1,\r\n  \"A\": [\r\n    \"v\"\r\n  ]\r\n}\r\n"},
		{"a value in depth", "{\"A\" : {\"p\":{\"1.0\":{ \"file\":\"x\" , \"k\":[ ]}}}, \"B\":2}", []string{"A", "p", "1.0", "file"}, "y", "{\"A\" : {\"p\":{\"1.0\":{ \"file\":\"y\" , \"k\":[ ]}}}, \"B\":2}"},
		{"a new one in depth", "{\n  \"A\": {\n    \"p\": {\n    }\n  },\n  \"B\": 2\n}", []string{"A", "p", "1.0", "file"}, "y", "{\n  \"A\": {\n    \"p\": {\n      \"1.0\": {\n        \"file\": \"y\"\n      }\n    }\n  },\n  \"B\": 2\n}"},
		{"a value more in one line", `{"A": {"p": {"file": "x"}}}`, []string{"A", "p", "n"}, 1, `{"A": {"p": {"file": "x", "n": 1}}}`},
		{"a list more in one line", `{"A": {"p": 1}}`, []string{"A", "l"}, []string{"x"}, "{\"A\": {\"p\": 1,\n        \"l\": [\n            \"x\"\n        ]\n    }}"},
		{"lines that begin in depth", "{\"{\\\"[\": {\n        \"p\": 1\n    }}", []string{"B"}, []string{"x"}, "{\"{\\\"[\": {\n        \"p\": 1\n    },\n    \"B\": [\n        \"x\"\n    ]\n}"},
		{"a list in pieces", "{\"A\": [ \"x\",\n\"y\" ]}", []string{"A"}, []string{"x", "y"}, "{\"A\": [ \"x\",\n\"y\" ]}"},
		{"an escaped name", `{"\u0041": 1}`, []string{"A"}, "v", `{"A": 1}`},
		{"a repeated name", `{"A": 1, "A": 2}`, []string{"A"}, "v", `{"A": 1, "A": "v"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := checkedSet(tc.doc, tc.path, tc.value)
			if err != nil {
				t.Fatal(err)
			}
			want := tc.want
			if tc.name == "an escaped name" {
				want = `{"\u0041": "v"}`
			}
			if string(got) != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
	for _, doc := range []string{"", "{", "[1]", "1", `{"A": [1]}`, `{"A": "x"}`} {
		if got, err := checkedSet(doc, []string{"A", "b"}, "v"); err == nil {
			t.Errorf("%q became %q", doc, got)
		}
	}
}

func checkedSet(doc string, path []string, value any) ([]byte, error) {
	if err := Check([]byte(doc)); err != nil {
		return nil, err
	}
	return Set([]byte(doc), path, value)
}

func TestRemove(t *testing.T) {
	for _, tc := range []struct{ doc, want string }{
		{`{"a": 1, "b": 2, "c": 3}`, `{"a": 1, "c": 3}`},
		{`{"b": 2, "c": 3}`, `{ "c": 3}`},
		{`{"a": 1, "b": 2}`, `{"a": 1}`},
		{`{"b": 2}`, `{}`},
		{`{"a": 1}`, `{"a": 1}`},
		{`{"b": 1, "c": 3, "b": 2, "d": 4}`, `{ "c": 3, "d": 4}`},
	} {
		got, err := Remove([]byte(tc.doc), []string{"b"})
		if err != nil || string(got) != tc.want {
			t.Errorf("%s became %s, %v", tc.doc, got, err)
		}
	}
}

// Whatever the document, setting changes the one value and keeps all others' bytes.
func TestSetKeepsTheRest(t *testing.T) {
	names := rapid.SampledFrom([]string{"A", "B", "a.b", "é", `q"`, "", "*"})
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		scalar := rapid.OneOf(rapid.Just[any](nil), rapid.Just[any](true), rapid.Map(rapid.String(), func(s string) any { return strings.ToValidUTF8(s, "") }), rapid.Just[any](1.5))
		if depth == 0 {
			return scalar
		}
		return rapid.OneOf(scalar, rapid.Map(rapid.MapOfN(names, value(depth-1), 0, 4), func(m map[string]any) any { return m }))
	}
	rapid.Check(t, func(t *rapid.T) {
		tree := rapid.MapOfN(names, value(2), 0, 5).Draw(t, "tree")
		doc, err := json.MarshalIndent(tree, "", rapid.SampledFrom([]string{"", "  ", "\t"}).Draw(t, "indent"))
		if err != nil {
			t.Fatal(err)
		}
		path := rapid.SliceOfN(names, 1, 3).Draw(t, "path")
		got, err := Set(doc, path, "new")
		if err != nil {
			return // a value on the way is no object
		}
		var have map[string]any
		if err := json.Unmarshal(got, &have); err != nil {
			t.Fatalf("%v in %s", err, got)
		}
		at := tree
		for _, name := range path[:len(path)-1] {
			next, ok := at[name].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[name] = next
			}
			at = next
		}
		at[path[len(path)-1]] = "new"
		if !reflect.DeepEqual(have, tree) {
			t.Fatalf("%s became %s", doc, got)
		}
		// What was added or replaced is one run of bytes: both ends are the old document's.
		head, tail := 0, 0
		for head < len(doc) && head < len(got) && doc[head] == got[head] {
			head++
		}
		for tail < len(doc)-head && tail < len(got)-head && doc[len(doc)-1-tail] == got[len(got)-1-tail] {
			tail++
		}
		lost := string(bytes.TrimSpace(doc[head : len(doc)-tail]))
		if old, rest, err := walk(doc, path); err == nil && len(rest) == 0 && strings.Contains(old.Raw, lost) {
			return
		}
		if strings.Trim(lost, "{}") != "" {
			t.Fatalf("%s became %s, without %s", doc, got, lost)
		}
	})
}

// Whatever the document, a value that was set can be read back, and one that was removed
// is gone; both leave valid JSON.
func FuzzSet(f *testing.F) {
	f.Add("{\"A\": {\"p\": [] , \"x\":1}}\r\n", "A", "p", "v")
	f.Add(`{"\u0041":{}, "A" : {"b":"\ud800"}}`, "A", "b", "")
	f.Add("\t[ ]", "", "é\"", "\n")
	f.Fuzz(func(t *testing.T, doc, first, second, value string) {
		path := []string{strings.ToValidUTF8(first, ""), strings.ToValidUTF8(second, "")}
		value = strings.ToValidUTF8(value, "")
		got, err := checkedSet(doc, path, value)
		if err != nil {
			return
		}
		at, rest, err := walk(got, path)
		if err != nil || len(rest) > 0 || at.Str != value {
			t.Fatalf("%q became %q: %v %q", doc, got, err, rest)
		}
		without, err := Remove(got, path)
		if err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		if !json.Valid(without) {
			t.Fatalf("%q became %q", got, without)
		}
	})
}
