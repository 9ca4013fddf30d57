package composerpatches

import (
	"strings"
	"testing"
)

// TestNothingIsDroppedInSilence reads what is no form of a plugin, or that of two.
func TestNothingIsDroppedInSilence(t *testing.T) {
	for _, tc := range []struct {
		composer string
		style    Style
		want     string // a part of the only note; "" for none
		lost     bool
	}{
		{`{"extra": {"patches": ["a.patch"]}}`, CweagansV1, "no object with the names of packages", true},
		{`{"extra": {"patches": "a.patch"}}`, CweagansV2, "no object with the names of packages", true},
		{`{"extra": {"patches": [{"a/b": {"x": "a.patch"}}]}}`, Vaimo, "no object with the names of packages", true},
		{`{"extra": {"patches": {"a/b": "a.patch"}}}`, CweagansV1, "what stands there for a/b", true},
		{`{"extra": {"patches": {"a/b": 7}}}`, Vaimo, "what stands there for a/b", true},
		{`{"extra": {"patches": {"a/b": null, "c/d": []}}}`, CweagansV1, "", false},
		{`{"extra": {"patches": []}}`, CweagansV1, "", false},
		{`{"extra": {"patches": null}}`, CweagansV2, "", false},
		{`{"extra": {"patcher": {"levels": []}, "patches": {"a/b": {"x": "a.patch"}}}}`, Vaimo, "patcher.levels names no number", false},
		{`{"extra": {"patcher": {"levels": ["x", -1]}, "patches": {"a/b": {"x": "a.patch"}}}}`, Vaimo, "patcher.levels names no number", false},
		{`{"require": {"vaimo/composer-patches": "^5", "cweagans/composer-patches": "^1"}}`, Vaimo, "requires cweagans/composer-patches as well", false},
		{`{"require": {"vaimo/composer-patches": "^5"}, "require-dev": {"cweagans/composer-patches": "^1"}}`, CweagansV1, "requires vaimo/composer-patches as well", false},
	} {
		got, err := Read(tree(map[string]string{"composer.json": tc.composer}), "vendor", tc.style)
		if err != nil {
			t.Errorf("%s: %v", tc.composer, err)
			continue
		}
		switch {
		case tc.want == "" && len(got.Notes) == 0:
		case tc.want == "" || len(got.Notes) != 1 || got.Notes[0].Lost != tc.lost || !strings.Contains(got.Notes[0].Message, tc.want):
			t.Errorf("%s: %+v", tc.composer, got.Notes)
		}
		for _, d := range got.Definitions {
			if len(d.Levels) == 0 {
				t.Errorf("%s: %+v", tc.composer, d)
			}
		}
	}
}
