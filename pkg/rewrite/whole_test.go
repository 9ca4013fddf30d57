package rewrite_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/rewrite"
)

// Every name of a diff is rewritten, or none: however a name is written, and wherever it stands.
func TestConvertIsWhole(t *testing.T) {
	const (
		hunk = "@@ -1 +1 @@\n-a\n+b\n"
		file = "vendor/magento/module-cms/x.php"
		body = "--- a/" + file + "\n+++ b/" + file + "\n" + hunk
	)
	for _, tc := range []struct{ name, src, want string }{ // without want it is refused
		{"a byte order mark", "\ufeffdiff --git a/" + file + " b/" + file + "\nnew mode 100755\n", "diff --git a/app/code/Magento/Cms/x.php b/app/code/Magento/Cms/x.php\nnew mode 100755\n"},
		{"doubled slashes", strings.ReplaceAll(body, "r/m", "r//m"), strings.ReplaceAll(body, "vendor/magento/module-cms", "app/code/Magento/Cms")},
		{"doubled slashes in what stays", "--- a/lib//web/x\n+++ b/lib//web/x\n" + hunk, "--- a/lib//web/x\n+++ b/lib//web/x\n" + hunk},
		{
			"PhpStorm", "Index: " + file + "\nIDEA additional info:\nSubsystem: com.intellij.openapi.diff.impl.patch.CharsetEP\n<+>UTF-8\n=====\n" + body,
			"Index: app/code/Magento/Cms/x.php\nIDEA additional info:\nSubsystem: com.intellij.openapi.diff.impl.patch.CharsetEP\n<+>UTF-8\n=====\n" + strings.ReplaceAll(body, "vendor/magento/module-cms", "app/code/Magento/Cms"),
		},
		{
			"a blank line behind another diff", "diff -Naur a/" + file + " b/" + file + "\n\n" + body,
			"diff -Naur a/app/code/Magento/Cms/x.php b/app/code/Magento/Cms/x.php\n\n" + strings.ReplaceAll(body, "vendor/magento/module-cms", "app/code/Magento/Cms"),
		},
		{
			"lines of git behind another diff", "diff -Nuar a/" + file + " b/" + file + "\nindex 1..2 100644\n" + body,
			"diff -Nuar a/app/code/Magento/Cms/x.php b/app/code/Magento/Cms/x.php\nindex 1..2 100644\n" + strings.ReplaceAll(body, "vendor/magento/module-cms", "app/code/Magento/Cms"),
		},
		{"a prefix behind Index", "Index: trunk/" + file + "\n=====\n" + body, "Index: trunk/app/code/Magento/Cms/x.php\n=====\n" + strings.ReplaceAll(body, "vendor/magento/module-cms", "app/code/Magento/Cms")},
		{
			"a rename below a folder", "diff --git a/src/" + file + " b/src/" + file + "2\nsimilarity index 100%\nrename from src/" + file + "\nrename to src/" + file + "2\n",
			"diff --git a/app/code/Magento/Cms/x.php b/app/code/Magento/Cms/x.php2\nsimilarity index 100%\nrename from app/code/Magento/Cms/x.php\nrename to app/code/Magento/Cms/x.php2\n",
		},
		{
			"a mail about files", "Files of vendor/magento/module-cms, and diff and\ncopy vendor/magento/module-cms/y.php here\n\n" + body,
			"Files of vendor/magento/module-cms, and diff and\ncopy vendor/magento/module-cms/y.php here\n\n" + strings.ReplaceAll(body, "vendor/magento/module-cms", "app/code/Magento/Cms"),
		},
		{"a file on one side", body + "Only in a/vendor/magento/module-cms: y.php\n", ""},
		{"a binary change without a header of git", body + "Binary files a/" + file + " and b/" + file + " differ\n", ""},
		{"names in the quotes of a shell", "diff -u 'a/vendor/magento/module-cms/x y' 'b/vendor/magento/module-cms/x y'\n" + strings.ReplaceAll(body, "x.php", "x y"), ""},
		{"a header without a change", body + "diff --git a/" + file + " b/" + file + "\n", ""},
		{"a merge", "diff --cc " + file + "\nindex 1,2..3\n" + body, ""},
		{"a context diff before it", "*** a/" + file + "\n--- b/" + file + "\n***************\n*** 1 ****\n" + body, ""},
		{"properties of Subversion", body + "\nProperty changes on: " + file + "\n____\n", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := rewrite.Convert([]byte(tc.src), rewrite.Options{To: project.Git, Strip: rewrite.Detect, ToStrip: 1})
			switch {
			case tc.want == "":
				if err == nil || !strings.Contains(err.Error(), "cannot be rewritten where it stands") {
					t.Errorf("error %v", err)
				}
			case err != nil || string(got.Text) != tc.want:
				t.Errorf("error %v, got\n%s\nwant\n%s", err, got.Text, tc.want)
			}
		})
	}
}

// As the test before, for diffs of all kinds, at random.
func TestConvertIsWholeAtRandom(t *testing.T) {
	const seeds = 4000
	converted := 0
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 6))
		to := []project.Layout{project.Composer, project.Git}[r.IntN(2)]
		src, names := randomDiff(r, to)
		got, err := rewrite.Convert([]byte(src), rewrite.Options{To: to, Strip: rewrite.Detect, ToStrip: r.IntN(2)})
		if err != nil {
			continue
		}
		converted++
		for line := range strings.Lines(string(got.Text)) {
			if strings.Contains(line, "hunk") {
				continue
			}
			for _, old := range names {
				if strings.Contains(strings.ReplaceAll(line, "//", "/"), old) {
					t.Fatalf("seed %d: %q stays in %q\n%s\nmakes\n%s", seed, old, line, src, got.Text)
				}
			}
		}
		sections, err := applier.Sections(got.Text)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, got.Text)
		}
		for _, s := range sections {
			for _, n := range s.Names {
				for _, old := range names {
					if strings.Contains(n.Path, old) {
						t.Fatalf("seed %d: the name %q stays\n%s", seed, n.Path, got.Text)
					}
				}
			}
		}
		if slices.ContainsFunc(got.Paths, func(p string) bool {
			return to == project.Git && project.ToGit(p) != p || to == project.Composer && project.ToComposer(p) != p
		}) {
			t.Fatalf("seed %d: paths %q\n%s", seed, got.Paths, got.Text)
		}
	}
	if converted < seeds/4 {
		t.Errorf("only %d of %d diffs are converted", converted, seeds)
	}
}

// randomDiff returns a diff whose names are to move to a layout, and the folders that none may name afterwards.
func randomDiff(r *rand.Rand, to project.Layout) (src string, moved []string) {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	folders := []string{"vendor/magento/module-cms", "vendor/magento/theme-frontend-luma", "vendor/magento/language-de_de", "vendor/magento/framework", "vendor/magento/framework-amqp"}
	if to == project.Composer {
		folders = []string{"app/code/Magento/Cms", "app/design/frontend/Magento/luma", "app/i18n/Magento/de_DE", "lib/internal/Magento/Framework", "lib/internal/Magento/Framework/Amqp"}
	}
	prefix := pick("a/ b/", "a/ b/", " ", "a/src/ b/src/", "/var/www/html/ /var/www/html/", "old/shop/ new/shop/", "i/ w/")
	before, after, _ := strings.Cut(prefix, " ")
	_, deeper, _ := strings.Cut(before, "/")
	eol := pick("\n", "\n", "\n", "\r\n")
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+eol, args...) }
	b.WriteString(pick("", "", "", "\ufeff"))
	for range 1 + r.IntN(3) {
		name := pick(folders...) + "/" + pick("x.php", "Model/Page.php", "a b.php", `\303\244.php`, "x.php.orig", "über.php")
		if r.IntN(8) == 0 {
			name = strings.Replace(name, "/", "//", 1)
		}
		other := name
		quote := ""
		if strings.Contains(name, `\`) {
			quote = `"`
		}
		tail := pick("", "", "\t", "\t2026-01-01 10:00:00.000000000 +0100", " 2026-01-01", "\t(revision 1)")
		if quote != "" {
			tail = ""
		}
		old, current := quote+before+name+quote, quote+after+name+quote
		git := r.IntN(2) == 0
		switch {
		case r.IntN(8) == 0:
			line("Only in %s: y", before+name[:strings.LastIndex(name, "/")])
		case r.IntN(8) == 0:
			line("Binary files %s and %s differ", old, current)
		case r.IntN(8) == 0:
			line("Index: %s", pick("", "trunk/", before)+name)
			b.WriteString(pick("", "=====\n", "IDEA additional info:\n<+>UTF-8\n===\n"))
		}
		kind := r.IntN(5)
		if git {
			if kind == 3 {
				other = pick(folders...) + "/new"
			}
			if kind == 3 {
				line("diff --git %s %s", old, after+other)
			} else {
				line("diff --git %s %s", old, current)
			}
		} else {
			b.WriteString(pick("", "diff -ru "+old+" "+current+"\n", "diff "+current+"\n", "diff -u '"+old+"' '"+current+"'\n"))
		}
		switch {
		case kind == 3 && git:
			verb := pick("rename", "copy")
			line("similarity index 100%%")
			line("%s from %s", verb, quote+deeper+name+quote)
			line("%s to %s", verb, deeper+other)
			continue
		case kind == 1:
			if git {
				line("deleted file mode 100644")
			}
			line("--- %s%s", old, tail)
			line("+++ /dev/null%s", pick("", "\t1970-01-01 00:00:00 +0000"))
			b.WriteString("@@ -1 +0,0 @@\n-hunk\n")
		case kind == 2:
			if git {
				line("new file mode 100644")
			}
			line("--- /dev/null%s", pick("", "\t1970-01-01"))
			line("+++ %s%s", current, tail)
			b.WriteString("@@ -0,0 +1 @@\n+hunk\n")
		default:
			line("--- %s%s", old, tail)
			line("+++ %s%s", current, tail)
			b.WriteString("@@ -1 +1 @@\n-hunk\n+hunk " + name + "\n")
		}
	}
	if to == project.Composer {
		return b.String(), append(folders, "lib/internal/Magento/Framework")
	}
	return b.String(), folders
}
