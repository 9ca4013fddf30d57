package rewrite_test

import (
	"strings"
	"testing"

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
}
