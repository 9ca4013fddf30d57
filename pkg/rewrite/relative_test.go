package rewrite_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/rewrite"
)

// inVendor takes vendor/NAME/NAME for a package.
func inVendor(p string) (name, rel string, ok bool) {
	parts := strings.SplitN(p, "/", 4)
	if len(parts) < 4 || parts[0] != "vendor" {
		return "", "", false
	}
	return parts[1] + "/" + parts[2], parts[3], true
}

const several = `Subject: words
 vendor/a/b/one.php | 2 +-

diff --git a/vendor/a/b/one.php b/vendor/a/b/one.php
index 1111111..2222222 100644
--- a/vendor/a/b/one.php
+++ b/vendor/a/b/one.php
@@ -1,2 +1,2 @@
--- a/vendor/a/b/not-a-name
+++ b/vendor/a/b/not-a-name
 vendor/a/b/same
between
Index: vendor/c/d/x y
===================================================================
--- old/vendor/c/d/x y	2020-01-02 03:04:05
+++ new/vendor/c/d/x y	2020-01-02 03:04:05
@@ -1 +1 @@
-a
+b
diff --git "a/vendor/a/b/\303\244" "b/vendor/a/b/\303\244"
new file mode 100755
--- /dev/null
+++ "b/vendor/a/b/\303\244"
@@ -0,0 +1 @@
+x
diff --git a/vendor/a/b/f b/vendor/a/b/g
similarity index 100%
rename from vendor/a/b/f
rename to vendor/a/b/g
-- 
2.39
`

const partAB = `Subject: words
 vendor/a/b/one.php | 2 +-

diff --git a/one.php b/one.php
index 1111111..2222222 100644
--- a/one.php
+++ b/one.php
@@ -1,2 +1,2 @@
--- a/vendor/a/b/not-a-name
+++ b/vendor/a/b/not-a-name
 vendor/a/b/same
diff --git "a/\303\244" "b/\303\244"
new file mode 100755
--- /dev/null
+++ "b/\303\244"
@@ -0,0 +1 @@
+x
diff --git a/f b/g
similarity index 100%
rename from f
rename to g
`

const partCD = `Subject: words
 vendor/a/b/one.php | 2 +-

Index: x y
===================================================================
--- old/x y	2020-01-02 03:04:05
+++ new/x y	2020-01-02 03:04:05
@@ -1 +1 @@
-a
+b
`

func TestRelative(t *testing.T) {
	parts, outside, err := rewrite.Relative([]byte(several), inVendor)
	if err != nil || len(outside) > 0 || len(parts) != 2 {
		t.Fatal(parts, outside, err)
	}
	for i, want := range []struct{ name, text, paths string }{{"a/b", partAB, "f g one.php ä"}, {"c/d", partCD, "x y"}} {
		if parts[i].Package != want.name || strings.Join(parts[i].Paths, " ") != want.paths {
			t.Errorf("%s: %q", parts[i].Package, parts[i].Paths)
		}
		if diff := cmp.Diff(want.text, string(parts[i].Text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.name, diff)
		}
	}
}

func TestRelativeOutside(t *testing.T) {
	change := func(old, new string) string {
		return fmt.Sprintf("--- a/%s\n+++ b/%s\n@@ -1 +1 @@\n-a\n+b\n", old, new)
	}
	parts, outside, err := rewrite.Relative([]byte(change("pub/x", "pub/x")+change("vendor/a/b/c", "vendor/a/b/c")+change("index.php", "index.php")), inVendor)
	if err != nil || len(parts) != 1 || strings.Join(outside, " ") != "index.php pub/x" {
		t.Error(parts, outside, err)
	}
	_, _, err = rewrite.Relative([]byte("diff --git a/vendor/a/b/f b/vendor/c/d/f\nsimilarity index 100%\nrename from vendor/a/b/f\nrename to vendor/c/d/f\n"), inVendor)
	if err == nil || !strings.Contains(err.Error(), "vendor/a/b/f is moved from a/b to c/d") {
		t.Error(err)
	}
	var parse *applier.ParseError
	if _, _, err = rewrite.Relative([]byte("words"), inVendor); !errors.As(err, &parse) {
		t.Error(err)
	}
}

func TestBelow(t *testing.T) {
	const plain = "--- Model/x.php.orig\n+++ Model/x.php\n@@ -1 +1 @@\n-a\n+b\n"
	for _, tc := range []struct {
		src, folder string
		strip       int
		want        string // "" for an error
	}{
		{plain, "vendor/a/b", 0, "--- a/vendor/a/b/Model/x.php.orig\n+++ b/vendor/a/b/Model/x.php\n@@ -1 +1 @@\n-a\n+b\n"},
		{"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", "", 1, "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"},
		{"--- q/r/s/t/x\n+++ q/r/s/t/x\n@@ -1 +1 @@\n-a\n+b\n", "v", 4, "--- a/v/x\n+++ b/v/x\n@@ -1 +1 @@\n-a\n+b\n"},
		{"Index: x\n--- old/x\n+++ new/x\n@@ -1 +1 @@\n-a\n+b\n", "v", 1, "Index: v/x\n--- old/v/x\n+++ new/v/x\n@@ -1 +1 @@\n-a\n+b\n"},
		{"--- x\n+++ x\n@@ -1 +1 @@\n-a\n+b\n", "v", 1, ""},
		{"--- a/../x\n+++ b/../x\n@@ -1 +1 @@\n-a\n+b\n", "v", 1, ""},
		{"diff --git a/x.png b/x.png\nBinary files a/x.png and b/x.png differ\n", "v", 1, ""},
		{"words", "v", 1, ""},
	} {
		part, err := rewrite.Below([]byte(tc.src), tc.folder, tc.strip)
		switch {
		case tc.want == "" && err == nil:
			t.Errorf("%q became %q", tc.src, part.Text)
		case tc.want == "":
		case err != nil:
			t.Errorf("%q: %v", tc.src, err)
		case string(part.Text) != tc.want:
			t.Errorf("%q (-want +got):\n%s", tc.src, cmp.Diff(tc.want, string(part.Text)))
		}
	}
}

// Below takes back what Relative did, byte for byte.
func TestRelativeAndBelow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var src strings.Builder
		n := rapid.IntRange(1, 6).Draw(t, "changes")
		for i := range n {
			name := rapid.SampledFrom([]string{"x", "d/x y", "ä", "a/b", "vendor/a/b/z", "b.orig"}).Draw(t, "name")
			p := fmt.Sprintf("vendor/%s/%s_%d", rapid.SampledFrom([]string{"a/b", "c/d"}).Draw(t, "package"), name, i)
			a, b := "a/"+p, "b/"+p
			if rapid.Bool().Draw(t, "git") {
				fmt.Fprintf(&src, "diff --git %s %s\n", applier.QuoteName(a), applier.QuoteName(b))
			}
			fmt.Fprintf(&src, "--- %s\n+++ %s\n@@ -1 +1 @@\n-%s\n+y\n", applier.QuoteName(a), applier.QuoteName(b), a)
		}
		parts, outside, err := rewrite.Relative([]byte(src.String()), inVendor)
		if err != nil || len(outside) > 0 {
			t.Fatal(outside, err)
		}
		want, err := applier.Parse([]byte(src.String()))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range parts {
			back, err := rewrite.Below(p.Text, "vendor/"+p.Package, 1)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, back.Paths...)
			for _, s := range mustSections(t, back.Text) {
				if !strings.Contains(src.String(), string(s.Text)) {
					t.Fatalf("%q is not of\n%s", s.Text, src.String())
				}
			}
		}
		if len(got) != len(want.Paths()) {
			t.Fatalf("%q, want %q", got, want.Paths())
		}
	})
}

func mustSections(t *rapid.T, src []byte) []applier.Section {
	sections, err := applier.Sections(src)
	if err != nil {
		t.Fatal(err)
	}
	return sections
}

func FuzzRelative(f *testing.F) {
	f.Add(several)
	f.Add(partAB)
	f.Fuzz(func(t *testing.T, src string) {
		parts, _, err := rewrite.Relative([]byte(src), inVendor)
		if err != nil {
			return
		}
		for _, p := range parts {
			back, err := rewrite.Below(p.Text, "vendor/"+p.Package, 1)
			if err != nil {
				t.Fatalf("%q: %v", p.Text, err)
			}
			if _, err := applier.Parse(back.Text); err != nil {
				t.Fatal(err)
			}
		}
	})
}
