package composerpatches

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommands(t *testing.T) {
	for _, tc := range []struct {
		line string
		want []Command // without their texts
	}{
		{"vendor/bin/magento-patches apply ACSD-1 ACSD-2 -n", []Command{{Kind: ApplyIDs, IDs: []string{"ACSD-1", "ACSD-2"}}}},
		{"@php ./vendor/bin/magento-patches apply 'ACSD-1' \"ACSD-2\"", []Command{{Kind: ApplyIDs, IDs: []string{"ACSD-1", "ACSD-2"}}}},
		{"@php -d memory_limit=-1 vendor/bin/magento-patches -n apply ACSD-1", []Command{{Kind: ApplyIDs, IDs: []string{"ACSD-1"}}}},
		{"php ./vendor/bin/ece-patches apply", []Command{{Kind: ApplyAll}}},
		{"vendor/bin/magento-patches status", nil},
		{"vendor/bin/magento-patches apply $PATCHES", []Command{{Kind: Unclear}}},
		{"vendor/bin/magento-patches revert ACSD-1", []Command{{Kind: RevertIDs, IDs: []string{"ACSD-1"}}}},
		{"QUALITY_PATCHES='[\"ACSD-1\", \"ACSD-2\"]' php vendor/bin/ece-patches apply", []Command{
			{Kind: Environment, IDs: []string{"ACSD-1", "ACSD-2"}}, {Kind: ApplyAll},
		}},
		{"git apply m2-hotfixes/a.patch", []Command{{Kind: ApplyDiffs, Files: []string{"m2-hotfixes/a.patch"}, Strip: 1}}},
		{"git apply -p2 --directory=vendor/x/y 'fixes/a b.patch' || true", []Command{
			{Kind: ApplyDiffs, Files: []string{"fixes/a b.patch"}, Folder: "vendor/x/y", Strip: 2},
		}},
		{"git apply --check a.patch && git apply --directory vendor a.patch", []Command{{Kind: ApplyDiffs, Files: []string{"a.patch"}, Folder: "vendor", Strip: 1}}},
		{"git apply -R a.patch", []Command{{Kind: Unclear, Files: []string{"a.patch"}, Strip: 1}}},
		{"git checkout a.patch", nil},
		{"patch -p1 < fixes/a.patch 2>/dev/null", []Command{{Kind: ApplyDiffs, Files: []string{"fixes/a.patch"}, Strip: 1}}},
		{"patch -N -d vendor/x/y -p0 <fixes/a.patch", []Command{{Kind: ApplyDiffs, Files: []string{"fixes/a.patch"}, Folder: "vendor/x/y"}}},
		{"patch -p1 -d vendor/x/y -i ../../../a.patch", []Command{{Kind: ApplyDiffs, Files: []string{"a.patch"}, Folder: "vendor/x/y", Strip: 1}}},
		{"cd vendor/x/y && patch -p1 --forward < ../../../fixes/a.patch; echo done", []Command{
			{Kind: ApplyDiffs, Files: []string{"fixes/a.patch"}, Folder: "vendor/x/y", Strip: 1},
		}},
		{"(cd vendor/x/y && git apply ../../../a.patch); git apply b.patch", []Command{
			{Kind: ApplyDiffs, Files: []string{"a.patch"}, Folder: "vendor/x/y", Strip: 1},
			{Kind: ApplyDiffs, Files: []string{"b.patch"}, Strip: 1},
		}},
		{"cd x && (cd y; (cd z)); git apply b.patch ) ; git apply c.patch", []Command{
			{Kind: ApplyDiffs, Files: []string{"x/b.patch"}, Folder: "x", Strip: 1},
			{Kind: ApplyDiffs, Files: []string{"x/c.patch"}, Folder: "x", Strip: 1},
		}},
		{"cd vendor && cd .. && git apply a.patch", []Command{{Kind: ApplyDiffs, Files: []string{"a.patch"}, Strip: 1}}},
		{"patch -d . -p1 -i ./a.patch", []Command{{Kind: ApplyDiffs, Files: []string{"a.patch"}, Strip: 1}}},
		{"git -C . apply --directory=. a.patch", []Command{{Kind: ApplyDiffs, Files: []string{"a.patch"}, Strip: 1}}},
		{"cd vendor && cd - && git apply a.patch", []Command{{Kind: Unclear, Files: []string{"../a.patch"}, Folder: "..", Strip: 1}}},
		{"cd ~ && git apply a.patch", []Command{{Kind: Unclear, Files: []string{"../a.patch"}, Folder: "..", Strip: 1}}},
		{"@putenv QUALITY_PATCHES=ACSD-1,ACSD-2", []Command{{Kind: Environment, IDs: []string{"ACSD-1", "ACSD-2"}}}},
		{"cat fixes/*.patch | patch -p1", []Command{{Kind: ApplyDiffs, Files: []string{"fixes/*.patch"}, Strip: 1}}},
		{"patch < a.patch", []Command{{Kind: Unclear, Files: []string{"a.patch"}, Strip: -1}}},
		{"patch -p1 < /etc/a.patch", []Command{{Kind: Unclear, Files: []string{"/etc/a.patch"}, Strip: 1}}},
		{"cd .. && git apply a.patch", []Command{{Kind: Unclear, Files: []string{"../a.patch"}, Folder: "..", Strip: 1}}},
		{"for p in m2-hotfixes/*.patch; do patch -p1 < $p; done", []Command{{Kind: Unclear}, {Kind: Unclear, Strip: 1}}},
		{"patch -p1 <<< 'x'", []Command{{Kind: Unclear, Strip: 1}}},
		{"bash 'unclosed a.patch", []Command{{Kind: Unclear}}},
		{"echo a.patch", nil},
		{"Vendor\\Handler::run", nil},
		{"# git apply a.patch", nil},
		{"", nil},
	} {
		got := Commands(tc.line)
		for i := range got {
			if got[i].Text != tc.line {
				t.Errorf("%s: text %q", tc.line, got[i].Text)
			}
			got[i].Text = ""
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.line, diff)
		}
	}
}

func FuzzCommands(f *testing.F) {
	for _, line := range []string{"a 'b' \"c\\\"\" | patch -p1 < d && git -C x apply --directory=y z", "X=[\"A-1\"] php -d a=b ece-patches apply", "cat a | patch -p", "((;;<", "2>&1"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, c := range Commands(line) {
			if c.Kind == ApplyDiffs && (len(c.Files) == 0 || c.Strip < 0) {
				t.Fatalf("%q: %+v", line, c)
			}
			if c.Kind == ApplyIDs && len(c.IDs) == 0 {
				t.Fatalf("%q: %+v", line, c)
			}
		}
	})
}
