package rewrite_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/rewrite"
)

const mail = `From: Someone
 app/code/Magento/Cms/a.php | 2 +-

diff --git a/app/code/Magento/Cms/a.php b/app/code/Magento/Cms/a.php
index 1..2 100644
--- a/app/code/Magento/Cms/a.php
+++ b/app/code/Magento/Cms/a.php
@@ -1,2 +1,2 @@
--- a/app/code/Magento/Cms/not-a-name
+++ b/app/code/Magento/Cms/not-a-name
 app/code/Magento/Cms
diff --git "a/app/code/Magento/Cms/\303\244.php" "b/app/code/Magento/Cms/\303\244.php"
new file mode 100644
--- /dev/null
+++ "b/app/code/Magento/Cms/\303\244.php"
@@ -0,0 +1 @@
+x
diff --git a/lib/internal/Magento/Framework/x y b/lib/internal/Magento/Framework/z
similarity index 100%
rename from lib/internal/Magento/Framework/x y
rename to lib/internal/Magento/Framework/z
diff --git a/dev/tests/a.png b/dev/tests/a.png
new file mode 100644
Binary files /dev/null and b/dev/tests/a.png differ
-- 
2.39
`

func TestConvertChangesPathsAlone(t *testing.T) {
	o := rewrite.Options{Strip: rewrite.Detect, ToStrip: 1}
	if _, err := rewrite.Convert([]byte(mail), o); err == nil || !strings.Contains(err.Error(), "binary") {
		t.Fatalf("a binary change: %v", err)
	}
	src := mail[:strings.Index(mail, "diff --git a/dev")] + "-- \n2.39\n"
	got, err := rewrite.Convert([]byte(src), o)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		"a/app/code/Magento/Cms/a.php", "a/vendor/magento/module-cms/a.php",
		"b/app/code/Magento/Cms/a.php", "b/vendor/magento/module-cms/a.php",
		`/app/code/Magento/Cms/\303`, `/vendor/magento/module-cms/\303`,
		"lib/internal/Magento/Framework/", "vendor/magento/framework/",
	).Replace(src)
	if string(got.Text) != want {
		t.Errorf("got\n%s\nwant\n%s", got.Text, want)
	}
	o.To = project.Git
	back, err := rewrite.Convert(got.Text, o)
	if err != nil || string(back.Text) != src {
		t.Errorf("back: %v\n%s", err, back.Text)
	}
	o = rewrite.Options{Strip: rewrite.Detect, ToStrip: 0, WithoutTests: true}
	flat, err := rewrite.Convert([]byte(mail), o)
	if err != nil || !strings.Contains(string(flat.Text), "\n+++ vendor/magento/module-cms/a.php\n") || strings.Contains(string(flat.Text), "dev/tests") {
		t.Fatalf("strip 0: %v\n%s", err, flat.Text)
	}
	parts, err := rewrite.Split([]byte(mail), rewrite.Options{Strip: rewrite.Detect, ToStrip: 1, WithoutTests: true})
	if err != nil || len(parts) != 2 || parts[0].Package != "magento/framework" || parts[1].Package != "magento/module-cms" {
		t.Errorf("split: %v %+v", err, parts)
	}
	if _, err := rewrite.Convert([]byte("--- a/x/y\n+++ b/x/y\n@@ -1 +1 @@\n-a\n+b\n"), o); err == nil {
		t.Error("paths of no folder of Magento are taken")
	}
	if _, err := rewrite.Convert([]byte("--- a/lib/web/x.js\n+++ b/lib/web/x.js\n@@ -1 +1 @@\n-a\n+b\n"), rewrite.Options{Strip: 4, ToStrip: 1}); err == nil || !strings.Contains(err.Error(), `"a/lib/web/x.js" has no 4 leading components`) {
		t.Errorf("a strip level that is too high: error %v", err)
	}
	for _, name := range []string{`a/vendor\magento\module-cms\x.php`, `vendor\magento\module-cms\x.php`, `C:\shop\vendor\magento\x.php`} {
		src := []byte("--- " + name + "\n+++ " + name + "\n@@ -1 +1 @@\n-a\n+b\n")
		if _, err := rewrite.Convert(src, rewrite.Options{Strip: rewrite.Detect, ToStrip: 1}); err == nil || !strings.Contains(err.Error(), "backslashes") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// What stands around the paths stays: line ends, Index lines, timestamps; a deeper strip
// level goes.
func TestConvertKinds(t *testing.T) {
	const hunk = "@@ -1 +1 @@\n-a\n+b\n"
	for _, tc := range []struct {
		name, src string
		o         rewrite.Options
		want      string
	}{
		{
			"line ends of Windows", "--- a/app/code/Magento/Cms/x.php\r\n+++ b/app/code/Magento/Cms/x.php\r\n@@ -1 +1 @@\r\n-a\r\n+b\r\n",
			rewrite.Options{Strip: rewrite.Detect, ToStrip: 1},
			"--- a/vendor/magento/module-cms/x.php\r\n+++ b/vendor/magento/module-cms/x.php\r\n@@ -1 +1 @@\r\n-a\r\n+b\r\n",
		},
		{
			"Subversion", "Index: app/code/Magento/Cms/x.php\n===================\n--- app/code/Magento/Cms/x.php\t(revision 1)\n+++ app/code/Magento/Cms/x.php\t(working copy)\n" + hunk,
			rewrite.Options{Strip: rewrite.Detect, ToStrip: 1},
			"Index: vendor/magento/module-cms/x.php\n===================\n--- a/vendor/magento/module-cms/x.php\t(revision 1)\n+++ b/vendor/magento/module-cms/x.php\t(working copy)\n" + hunk,
		},
		{
			"three levels", "diff -ru home/me/shop.orig/vendor/magento/module-cms/x.php home/me/shop/vendor/magento/module-cms/x.php\n" +
				"--- home/me/shop.orig/vendor/magento/module-cms/x.php\t2026-01-01 10:00:00\n+++ home/me/shop/vendor/magento/module-cms/x.php\t2026-01-02 10:00:00\n" + hunk,
			rewrite.Options{To: project.Git, Strip: rewrite.Detect, ToStrip: 1},
			"diff -ru a/app/code/Magento/Cms/x.php b/app/code/Magento/Cms/x.php\n" +
				"--- a/app/code/Magento/Cms/x.php\t2026-01-01 10:00:00\n+++ b/app/code/Magento/Cms/x.php\t2026-01-02 10:00:00\n" + hunk,
		},
		{
			"the root of a web server", "--- /var/www/html/vendor/magento/module-cms/x.php\n+++ /var/www/html/vendor/magento/module-cms/x.php\n" + hunk,
			rewrite.Options{Strip: rewrite.Detect, ToStrip: 1},
			"--- a/vendor/magento/module-cms/x.php\n+++ b/vendor/magento/module-cms/x.php\n" + hunk,
		},
		{
			"the root of the cloud", "--- /app/vendor/magento/module-cms/x.php\n+++ /app/vendor/magento/module-cms/x.php\n" + hunk,
			rewrite.Options{Strip: rewrite.Detect, ToStrip: 1},
			"--- a/vendor/magento/module-cms/x.php\n+++ b/vendor/magento/module-cms/x.php\n" + hunk,
		},
		{
			"a file of the folder app", "--- a/app/autoload.php\n+++ b/app/autoload.php\n" + hunk,
			rewrite.Options{Strip: rewrite.Detect, ToStrip: 1},
			"--- a/app/autoload.php\n+++ b/app/autoload.php\n" + hunk,
		},
		{
			"to no prefix", "--- a/lib/web/x.js\n+++ b/lib/web/x.js\n" + hunk,
			rewrite.Options{To: project.Git, Strip: rewrite.Detect, ToStrip: 0},
			"--- lib/web/x.js\n+++ lib/web/x.js\n" + hunk,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := rewrite.Convert([]byte(tc.src), tc.o)
			if err != nil || string(got.Text) != tc.want {
				t.Errorf("error %v, got\n%s\nwant\n%s", err, got.Text, tc.want)
			}
		})
	}
}

// A file that moves from package to package belongs to neither.
func TestSplitMoves(t *testing.T) {
	move := func(to string) []byte {
		return []byte("diff --git a/vendor/magento/module-cms/x.php b/" + to + "\nsimilarity index 100%\nrename from vendor/magento/module-cms/x.php\nrename to " + to + "\n")
	}
	o := rewrite.Options{Strip: rewrite.Detect, ToStrip: 1}
	parts, err := rewrite.Split(move("vendor/magento/module-cms/y.php"), o)
	if err != nil || len(parts) != 1 || parts[0].Package != "magento/module-cms" {
		t.Errorf("inside of a package: %v %+v", err, parts)
	}
	_, err = rewrite.Split(move("vendor/magento/module-catalog/x.php"), o)
	if want := "vendor/magento/module-cms/x.php is moved from magento/module-cms to magento/module-catalog, which cannot be split"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// A converted diff is one that the applier reads, about the paths that are told, and
// converting it once more changes nothing. The parts of a split are about its paths.
func FuzzConvert(f *testing.F) {
	f.Add([]byte(mail), false, true)
	f.Add([]byte("Index: lib/web/x\n=====\n--- lib/web/x\n+++ lib/web/x\n@@ -1 +1 @@\n-a\n+b\n"), true, false)
	f.Add([]byte("--- a/b/c/app/etc/di.xml\r\n+++ a/b/c/app/etc/di.xml\r\n@@ -1 +1 @@\n-a\n+b\n"), true, true)
	f.Add([]byte("diff --git a/app/design/frontend/Magento/luma/x b/app/i18n/Magento/de_DE/x\nrename from app/design/frontend/Magento/luma/x\nrename to app/i18n/Magento/de_DE/x\n"), false, true)
	f.Fuzz(func(t *testing.T, src []byte, git, withoutTests bool) {
		o := rewrite.Options{Strip: rewrite.Detect, ToStrip: 1, WithoutTests: withoutTests}
		if git {
			o.To = project.Git
		}
		got, err := rewrite.Convert(src, o)
		if err != nil {
			return
		}
		d, err := applier.Parse(got.Text)
		if err != nil {
			t.Fatalf("the result is no diff: %v\n%q", err, got.Text)
		}
		if paths := d.Paths(); !slices.Equal(paths, got.Paths) {
			t.Fatalf("paths %q, told %q\n%q", paths, got.Paths, got.Text)
		}
		o.Strip = 1
		again, err := rewrite.Convert(got.Text, o)
		if err != nil {
			t.Fatalf("once more: %v\n%q", err, got.Text)
		}
		if !bytes.Equal(again.Text, got.Text) {
			t.Fatalf("once more\n%q\nmakes\n%q", got.Text, again.Text)
		}
		parts, err := rewrite.Split(src, rewrite.Options{To: o.To, Strip: rewrite.Detect, ToStrip: 1, WithoutTests: withoutTests})
		if err != nil {
			return
		}
		var paths []string
		for _, p := range parts {
			paths = append(paths, p.Paths...)
		}
		slices.Sort(paths)
		if paths = slices.Compact(paths); !slices.Equal(paths, got.Paths) {
			t.Fatalf("the parts are about %q, the whole about %q", paths, got.Paths)
		}
	})
}
