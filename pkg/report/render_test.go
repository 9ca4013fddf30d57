package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/quality-patches/qpt/pkg/report"
)

var update = flag.Bool("update", false, "write golden files and schemas")

// golden compares with testdata/NAME, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; write it with -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func render(t testing.TB, r report.Result, f report.Format, style report.Style) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Render(&b, f, r, style); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	yes, no = true, false

	shop    = report.Installation{Root: "/srv/shop", Layout: "composer", Edition: "commerce", Version: "2.4.6-p3"}
	variant = report.Variant{Package: "magento/magento2-base", Constraint: ">=2.4.6 <2.4.7", File: "os/EX-1_2.4.6.patch"}
	patch1  = report.Patch{
		ID: "EX-1", Title: "Keeps the example short enough for one line.", Categories: []string{"Other"},
		Origin: "qpt", Type: "Optional", Source: "bundled", Variants: []report.Variant{variant},
	}
	patch2 = report.Patch{
		ID: "EX-20000", Title: "Says something that is so long that it cannot stand in one line of a terminal of eighty columns, whatever one leaves out.",
		Categories: []string{"Cart", "Price/Tax"}, Origin: "qpt", Type: "Optional", Source: "bundled",
		Deprecated: true, ReplacedWith: "EX-3", Require: []string{"EX-1", "EX-4"}, Requirements: "Reindex afterwards.",
		Components: []string{"magento/module-cart", "magento/module-tax"},
		Metadata:   json.RawMessage(`{"rules": [{"match": "<all>", "weight": 1.5}]}`),
		Security:   &report.Security{CVE: []string{"CVE-2026-1001", "CVE-2026-1002"}, Bulletin: "APSB26-71", Release: "2.4.6-p3", Month: "2026-07", Sequence: 2, Edition: "CE"},
		Variants:   []report.Variant{variant, {Constraint: "*", File: "loose.patch"}},
	}
	wide = report.Patch{
		ID: "広い-1", Title: "漢字を含む題名は表の幅を二倍に数えなければならないので、折り返しの位置が正しいかどうかをここで確かめる。",
		Categories: []string{"Other"}, Origin: "Local", Type: "Custom", Source: "m2-hotfixes", Variants: []report.Variant{variant},
	}
	hostile = report.Patch{
		ID: "EVIL-\x1b[2J", Title: "clears\x1b[31m the\x07 screen\r\nand\tturns \u202etext\u202c \xff\u200bround \u009b1m",
		Categories: []string{"\x1b]0;title\x07"}, Origin: "\x00", Type: "Custom", Source: "a\nb", Variants: []report.Variant{{Package: "p\x1b/p", Constraint: "*", File: "x\x7f.patch"}},
		Require: []string{"\x1b[0m"}, Security: &report.Security{Bulletin: "APSB\x1b[2J", Edition: "C\nE"}, Metadata: json.RawMessage(`{"path": "a\/b", "smile": "\ud83d\ude00", "number": -1.50e3, "none": null, "no": false, "raw": "` + "\xff\x7f\u2028\u0085" + `"}`),
	}
	mismatch = report.Refusal{
		Path: "vendor/magento/module-cart/Model/Total.php", Reason: "hunk-mismatch", Message: "vendor/magento/module-cart/Model/Total.php: hunk 2 does not fit at line 57 (nearest at line 60: 2 of 3 lines as expected)",
		Hunk: 2, DiffLine: 31, Line: 57, Expected: []string{"    {", "        return 1;", "    }"}, Found: []string{"    {", "        return 2;\x1b[0m", "    }"},
		Nearest: &report.Nearest{Line: 60, Matching: 2, Of: 3},
	}
	missing  = report.Refusal{Path: "pub/none.php", Reason: "missing", Message: "pub/none.php: the file does not exist", DiffLine: 1}
	findings = []report.Finding{
		{Rule: "partial", Level: "error", Patch: "EX-1", File: "qpt.yaml", Line: 3, Message: "patch EX-1 is in some of its files only; missing in a\x1b[2J, b"},
		{Rule: "edited", Level: "error", Patch: "EX-1", Path: "a\x1b[2J", File: "m2-\x1bhotfixes", Message: "a\x1b[2J is neither as before patch EX-1 nor as after it"},
		{Rule: "replaced", Level: "warning", Patch: "EX-4", File: ".magento.env.yaml", Line: 5, Message: "patch EX-4 is replaced with EX-3"},
		{Rule: "too-many", Level: "note", Message: "3 patches are more than the 2 that the policy allows"},
	}
	steps = []report.Step{
		{Action: "revert", ID: "EX-0", Title: "old", Because: "replaced with EX-1", Files: []report.FileChange{{Path: "a", Op: "delete"}}},
		{Action: "apply", ID: "EX-4", Title: "needed", Because: "required by EX-1", Files: []report.FileChange{
			{Path: "vendor/magento/module-cart/Model/Total.php", Op: "modify", Hunks: []report.HunkChange{{Number: 1, Line: 3}, {Number: 2, Line: 70, Offset: 13}, {Number: 3, Line: 80, Offset: -2}}},
			{Path: "new.txt", Op: "create", Hunks: []report.HunkChange{{Number: 1, Line: 1}}},
		}},
		{
			Action: "apply", ID: "EX-1", Title: "asked for", Requirements: "Reindex afterwards, and mind that this takes a while in a shop with many articles and stores.",
			Files: []report.FileChange{{Path: "b", From: "a", Op: "rename"}, {Path: "d", From: "c", Op: "copy", Hunks: []report.HunkChange{{Number: 1, Line: 1, Offset: 1}}}},
		},
	}
)

const article = `---
title: EX-1
---
# An example

It shows *what* an article can **hold**, in ` + "`code`" + ` too, and this sentence is long enough to be wrapped at the end of a line.

## Steps

1. Sign in at <https://example.com/login>,
   and wait.
2. Then
   - open the [cart](https://example.com/cart), or
   - leave it.

       indented

> Mind the gap.

` + "```php\n<?php\n\techo 'x';\n```" + `

| Version | Fits |
| --- | --- |
| 2.4.6 | yes |
| 2.4.7-p1 | no, since the file is another one there; it has been moved to a place that this cell names at length |

---

Escaped \*stars\*, &amp; ampersands, a hard
break, and ` + "\x1b[31mcolour" + `.

<div>HTML</div>

The end.
`

// results has every kind of result, by the name of its golden files.
func results() map[string]report.Result {
	return map[string]report.Result{
		"import": &report.Import{
			SchemaVersion: 1, Installation: shop, Into: "patches", Connected: []string{"246p3-2026-07-003-CE"},
			Patches: []report.ImportedPatch{
				{
					File: "july.zip: 246p3-2026-07-002-CE.patch", ID: "246p3-2026-07-002-CE", Title: "Isolated\x1b[31m security patch", Action: report.ImportAdded,
					Release: "2.4.6-p3", Month: "2026-07", Sequence: 2, Edition: "CE", CVE: []string{"CVE-2026-11111"}, Bulletin: "APSB26-73",
					Mentions: []string{"CVE-2026-22222"}, SameAs: []string{"MCLOUD-1 (quality-patches)"}, Strip: 1, Layout: "composer",
					Variants: []report.ImportedVariant{
						{Package: "magento/magento2-base", Constraint: "2.4.6-p3", Packages: []string{"magento/a", "magento/b", "magento/c", "magento/d"}, Eligible: true},
						{Package: "magento/module-cms", Constraint: "*", Base: "2.4.6-p3", Packages: []string{"magento/module-cms"}},
					},
					Require: []string{"246p3-2026-07-001-CE"}, Eligible: true, State: "not applied", Next: []string{"qpt apply 246p3-2026-07-002-CE"},
				},
				{File: "x.patch", ID: "ACSD-1", Title: "Known", Action: report.ImportDuplicate, SameAs: []string{"ACSD-1 (quality-patches)"}, Strip: 0, Layout: "git", Variants: []report.ImportedVariant{}, Reasons: []string{"magento/magento2-base 2.4.6-p3 is below >=2.4.7"}},
			},
			Written: []string{"patches/support-patches.json"}, Warnings: []string{"careful"},
		},
		"import-nothing": &report.Import{SchemaVersion: 1, Installation: shop, DryRun: true, Into: "patches", Patches: []report.ImportedPatch{}, Written: []string{}},
		"export": &report.Export{
			SchemaVersion: 1, Style: "cweagans-v2", File: "patches.json", Written: []string{"patches/composer/EVIL-\x1b.patch", "patches.json"},
			Diffs: []report.ExportedDiff{
				{Patch: "EX-1", Package: "vendor/one", File: "patches/composer/EX-1_vendor_one.patch", SHA256: strings.Repeat("a", 64), Paths: []string{"x.php"}},
				{Patch: "EX-1", Package: "vendor/two", File: "patches/composer/EX-1_vendor_two.patch", SHA256: strings.Repeat("b", 64), Paths: []string{"y.php"}},
			},
			Findings: []report.Finding{{Rule: "outside-package", Level: report.LevelError, Patch: "EX-2", File: "qpt.yaml", Line: 3, Message: "patch EX-2 changes pub/\x1b[2J, which no installed package has"}},
		},
		"export-dry": &report.Export{
			SchemaVersion: 1, Style: "vaimo", OK: true, DryRun: true, File: "composer.json", Written: []string{"composer.json"}, Text: "{\n\t\"a\": \"\x1b\"\n}\n",
			Diffs: []report.ExportedDiff{}, Findings: []report.Finding{},
		},
		"migrate": &report.Migrate{
			SchemaVersion: 1, Style: "vaimo", Written: []string{"qpt.yaml"}, Snippet: "{\n    \"scripts\": {}\n}\n",
			Patches: []report.MigratedPatch{
				{Name: "EX-1", From: []report.Origin{{File: "composer.json", Line: 4, Package: "vendor/one", Label: "one\x1b[31m", Source: "fixes/one.patch"}, {File: "composer.json", Line: 9, Source: "git apply x"}}},
				{Name: "EX-2", Declared: true, From: []report.Origin{}},
			},
			Findings: []report.Finding{{Rule: "not-downloaded", Level: report.LevelError, File: "composer.json", Line: 5, Message: "it is not in the shop"}},
			Removals: []report.Removal{{File: "composer.json", Line: 4, What: "extra.patches"}, {File: "patches.json"}},
		},
		"migrate-dry": &report.Migrate{
			SchemaVersion: 1, OK: true, DryRun: true, Written: []string{"qpt.yaml"}, Config: "patches:\n  - EX-1\n",
			Patches: []report.MigratedPatch{{Name: "EX-1", From: []report.Origin{}}}, Findings: []report.Finding{}, Removals: []report.Removal{},
		},
		"migrate-none": &report.Migrate{SchemaVersion: 1, OK: true, Patches: []report.MigratedPatch{}, Written: []string{}, Findings: []report.Finding{}, Removals: []report.Removal{}},
		"new": &report.New{
			SchemaVersion: 1, ID: "SHOP-1", Catalog: "/srv/shop/pat\x1b[2Jches", Against: "git", Changed: true, State: "applied",
			Variants: []report.NewVariant{
				{Package: "magento/module-cart", Constraint: "101.2.6", Change: "new", File: "patches/SHOP-1_module-cart_101.2.6.patch", Paths: []string{"a", "b"}},
				{Package: "magento/module-tax", Constraint: "*", Change: "removed"},
			},
			Require: []string{"EX-1", "EX-4"}, On: []string{"EX-1"}, Entry: json.RawMessage(`{"title": "t"}`), Warnings: []string{"mind\x1b[2J it"},
		},
		"new-dry": &report.New{
			SchemaVersion: 1, ID: "SHOP-1", Catalog: "patches", Against: "composer-cache", DryRun: true, Update: true, Changed: true, State: "applied under",
			Variants: []report.NewVariant{{Package: "p/q", Constraint: "1", Change: "changed", File: "patches/x_v2.patch", Paths: []string{"a"}, Diff: "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-\x1b[2J\n+b\r\n"}},
			Entry:    json.RawMessage("{\r\n  \"title\": \"\u202e\"\r\n}"),
		},
		"new-same": &report.New{SchemaVersion: 1, ID: "SHOP-1", Catalog: "patches", Against: "git", Update: true, State: "applied", Variants: []report.NewVariant{}, Entry: json.RawMessage("{}")},
		"status": &report.Status{
			SchemaVersion: 1, Installation: shop, Summary: report.Summary{Eligible: 4, Applied: 2, NotApplied: 1, Unknown: 1},
			Patches: []report.PatchStatus{
				{Patch: patch1, State: "applied"},
				{Patch: patch2, State: "not applied", Ambiguous: true},
				{Patch: wide, State: "unknown", Refusals: []report.Refusal{mismatch, missing}},
				{Patch: hostile, State: "applied under", Under: []string{"EX-1"}},
				{Patch: patch1, State: "blocked", InTheWay: []string{"EX-1", "EX-\x1b2"}, Refusals: []report.Refusal{mismatch}},
				{Patch: patch1, State: "included", IncludedIn: "EX-\x1b1"},
			},
			Warnings:    []string{"patch EX-20000 could be applied as well as reverted here; by the lines where its hunks lie it counts as not applied"},
			Diagnostics: []string{"bundled: EX-9: its diff patches/os/none.patch does not exist"},
		},
		"status-one": &report.Status{SchemaVersion: 1, Installation: shop, Summary: report.Summary{Eligible: 1, Partial: 1}, Patches: []report.PatchStatus{{
			Patch: patch1, State: "partial", Refusals: []report.Refusal{mismatch},
			Files: []report.FileState{{Path: "a\x1b", State: "refused", Hunks: []report.HunkState{{Number: 1, State: "not applied"}, {Number: 2, State: "applied"}}}, {Path: "b", State: "applied"}},
		}}},
		"status-none":  &report.Status{SchemaVersion: 1, Installation: shop, Patches: []report.PatchStatus{}},
		"list":         &report.List{SchemaVersion: 1, Patches: []report.Patch{patch1, patch2, wide, hostile}, Diagnostics: []string{"test: X-1: title: expected text, found a number"}},
		"list-release": &report.List{SchemaVersion: 1, Release: "2.4.6-p3", Edition: "b2b", Patches: []report.Patch{patch1}},
		"list-none":    &report.List{SchemaVersion: 1, Patches: []report.Patch{}},
		"show": &report.Show{
			SchemaVersion: 1, Patch: report.Patch{
				ID: "EX-1", Title: patch2.Title, Categories: patch2.Categories, Origin: "qpt", Type: "Optional", Source: "bundled", Requirements: patch2.Requirements,
				Require: []string{"EX-4"}, Deprecated: true, ReplacedWith: "EX-3", Components: patch2.Components,
				Variants: []report.Variant{
					{
						Package: "magento/magento2-base", Constraint: ">=2.4.6 <2.4.7", File: "os/EX-1_2.4.6.patch", Eligible: &yes, Files: []string{"a", "vendor/b"},
						Releases: []string{"2.4.6-p9", "2.4.6-p8", "2.4.6-p7", "2.4.6-p6", "2.4.6-p5", "2.4.6-p4", "2.4.6-p3", "2.4.6-p2", "2.4.6-p1", "2.4.6"},
					},
					{Package: "magento/magento2-base", Constraint: "2.4.5", File: "os/EX-1_2.4.5.patch", Eligible: &no, Reason: "magento/magento2-base 2.4.6-p3 is not 2.4.5"},
					{Constraint: "*", File: "loose.patch"},
				},
			},
			State: "unknown", Refusals: []report.Refusal{mismatch, missing}, Dependants: []string{"EX-5", "EX-6"}, Replaces: []string{"EX-0"}, Article: article,
			Diffs: []report.FileText{{File: "os/EX-1_2.4.6.patch", Text: "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n \tcontext\n-old\x1b[0m\n+new\n\\ No newline at end of file"}},
		},
		"show-hostile": &report.Show{SchemaVersion: 1, Patch: hostile, Article: "no front matter, \x1b[31m\n"},
		"check": &report.Check{SchemaVersion: 1, Installation: &shop, Patches: []report.Verdict{
			{ID: "EX-1", Title: patch1.Title, Verdict: report.VerdictApplies, Steps: steps, Requirements: "Reindex afterwards."},
			{ID: "EX-2", Title: patch2.Title, Verdict: report.VerdictConflict, Reasons: []string{"patch EX-2 does not fit"}, Refusals: []report.Refusal{mismatch, missing}},
			{
				ID: "EX-3", Title: "t", Verdict: report.VerdictNotEligible, Reasons: []string{"magento/magento2-base 2.4.6-p3 is below >=2.4.7"}, NearestReleases: []string{"2.4.7", "2.4.7-p1"},
				Exclusions: []report.Exclusion{{Package: "magento/magento2-base", Constraint: ">=2.4.7", Version: "2.4.6-p3", Reason: "magento/magento2-base 2.4.6-p3 is below >=2.4.7"}},
			},
			{ID: "EX-4", Title: "t", Verdict: report.VerdictApplied, Steps: []report.Step{}},
			{ID: "EX-\x1b5", Verdict: report.VerdictUnknown, Reasons: []string{"patch EX-\x1b5 is in no catalogue"}, Suggestions: []string{"EX-1", "EX-2"}},
			{ID: "EX-6", Verdict: report.VerdictUnusable, Reasons: []string{"patch EX-6 cannot be used"}},
		}, Warnings: []string{"patch EX-1 is deprecated"}, Conflicts: []report.ConflictPair{{First: "EX-1", Second: "EX-2", Paths: []string{"a"}}}, Order: []string{"EX-2", "EX-\x1b1"}},
		"check-release": &report.Check{SchemaVersion: 1, OK: true, Release: "2.4.6-p9", Edition: "commerce", Patches: []report.Verdict{{ID: "EX-1", Title: "t", Verdict: report.VerdictEligible}}},
		"change": &report.Change{
			SchemaVersion: 1, Command: "apply", OK: true, Steps: steps, Unchanged: []report.Unchanged{{ID: "EX-7", State: "applied"}},
			NextSteps: []report.NextStep{{Command: "bin/magento cache:flush", Reason: "caches", Paths: []string{"a"}}, {Reason: "EX-\x1b1 asks for: \nmuch"}},
			Warnings:  []string{"patch EX-1 is deprecated; use EX-3 instead"}, Diff: "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-old\n+new\n",
		},
		"change-dry":  &report.Change{SchemaVersion: 1, Command: "apply", OK: true, DryRun: true, Steps: steps[2:]},
		"change-none": &report.Change{SchemaVersion: 1, Command: "revert", OK: true, Steps: []report.Step{}, Unchanged: []report.Unchanged{{ID: "EX-7", State: "not applied"}}},
		"change-refused": &report.Change{SchemaVersion: 1, Command: "apply", Steps: steps[1:2], Failures: []report.Failure{{ID: "EX-2", Message: "patch EX-2 does not fit", Refusals: []report.Refusal{mismatch}}, {Message: "something else"}, {
			ID: "EX-3", Message: "patch EX-3 does not fit", Refusals: []report.Refusal{mismatch},
			Files: []report.FileState{{Path: "a\x1b", State: "applied"}, {Path: "b", State: "refused", Hunks: []report.HunkState{{Number: 1, State: "applied"}, {Number: 2, State: "not applied"}}}},
		}}},
		"change-revert": &report.Change{SchemaVersion: 1, Command: "revert", OK: true, Steps: steps[:1]},
		"blame":         &report.Blame{SchemaVersion: 1, Path: "a", Lines: []report.BlameLine{{Number: 1, Text: "one"}, {Number: 2, ID: "EX-\x1b1", Text: "\ttwo\x1b[31m"}}},
		"diff": &report.Diff{SchemaVersion: 1, Patches: []report.PatchDiff{
			{IDs: []string{"EX-1", "EX-\x1b2"}, Diff: "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-old\n+new\x1b[0m\n"}, {IDs: []string{"EX-3"}, Diff: "--- a/b\n"},
		}},
		"conflicts": &report.Conflicts{
			SchemaVersion: 1, Installation: shop, Compared: 5, Pairs: []report.ConflictPair{{First: "EX-1", Second: "EX-\x1b2", Paths: []string{"a\x1b"}}},
			Ordered: []report.ConflictPair{{First: "EX-3", Second: "EX-1", Paths: []string{"b"}}}, NotCompared: []string{"EX-\x1b4"},
		},
		"sync": &report.Sync{
			SchemaVersion: 1, Command: "sync", OK: true, Declared: 3, Steps: steps, Written: []string{"qpt.lock"}, Findings: findings[2:],
			Warnings: []string{"EX-\x1b9: something"}, Diff: "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-old\n+new\n",
		},
		"sync-none":    &report.Sync{SchemaVersion: 1, Command: "sync", OK: true, Declared: 1, Steps: []report.Step{}, Written: []string{}},
		"sync-add":     &report.Sync{SchemaVersion: 1, Command: "add", OK: true, DryRun: true, Declared: 1, Steps: steps[2:], Written: []string{"qpt.yaml", "qpt.lock"}},
		"sync-lock":    &report.Sync{SchemaVersion: 1, Command: "lock", OK: true, Declared: 2, Steps: []report.Step{}, Written: []string{"qpt.lock"}},
		"sync-refused": &report.Sync{SchemaVersion: 1, Command: "sync", Frozen: true, Declared: 2, Steps: steps[1:2], Written: []string{}, Findings: findings, Failures: []report.Failure{{ID: "EX-2", Message: "patch EX-2 does not fit", Refusals: []report.Refusal{mismatch}}}},
		"verify": &report.Verify{
			SchemaVersion: 1, FailOn: "error", Installation: shop, Findings: findings,
			Patches: []report.DeclaredPatch{
				{ID: "EX-1", State: "partial", File: "qpt.yaml", Line: 3, Locked: true},
				{ID: "EX-4", State: "applied", RequiredBy: []string{"EX-1"}},
			},
			Failures: []report.Failure{{ID: "EX-2", Message: "patch EX-2 does not fit", Refusals: []report.Refusal{mismatch}}},
			Warnings: []string{"bundled: EX-9: its diff does not exist"},
		},
		"verify-ok":   &report.Verify{SchemaVersion: 1, OK: true, FailOn: "error", Installation: shop, Patches: []report.DeclaredPatch{{ID: "EX-1", State: "applied", Locked: true}}, Findings: []report.Finding{}},
		"verify-warn": &report.Verify{SchemaVersion: 1, OK: true, FailOn: "error", Installation: shop, Patches: []report.DeclaredPatch{}, Findings: findings[2:3]},
		"audit":       audited, "audit-ok": auditedWell,
		"lint": &report.Lint{SchemaVersion: 1, Summary: report.LintSummary{Errors: 1, Warnings: 1, Notes: 1}, Findings: []report.LintFinding{
			{Rule: "unknown-key", Severity: "warning", ID: "EX-1", Message: "nothing reads the key \"x\x1b\"", File: "support-patches.json", Pointer: "/EX-1/x\x1b", Line: 3},
			{Rule: "require-dangling", Severity: "error", ID: "EX-2", Message: "requires EX-3, which this catalogue does not have", File: "support-patches.json", Pointer: "/EX-2", Line: 57},
			{Rule: "file-unused", Severity: "note", Message: "no patch has this diff", File: "patches/a\x1b.patch"},
		}},
		"lint-none": &report.Lint{SchemaVersion: 1, OK: true, Findings: []report.LintFinding{}},
		"compat": &report.Compat{SchemaVersion: 1, Constraint: ">=2.4.6 <2.4.7", Versions: []report.VersionVerdict{
			{Version: "2.4.6-p3", Satisfies: true}, {Version: "2.4.7", Reason: "2.4.7 is above <2.4.7"},
		}},
		"compat-releases": &report.Compat{SchemaVersion: 1, Constraint: "2.4.6", Releases: []string{"2.4.6-p1", "2.4.6"}},
		"log": &report.Log{SchemaVersion: 1, Installation: shop, Entries: []report.LogEntry{
			{Time: "2026-01-02 03:04:05", Result: "applied", ID: "EX-1", Message: "applied EX-1", File: "os/EX-1.patch", By: "qpt", Command: "qpt apply EX-1"},
			{Time: "2026-01-02 03:04:06", Result: "failed", Message: "the patch \x1b[31mEX-2 could not be applied, for a reason that is too long for one line", By: "magento-patches"},
			{Time: "2026-01-02 03:04:07", Result: "unchanged", ID: "EX-1", Message: "m"},
			{Time: "2026-01-02 03:04:08", Result: "reverted", ID: "EX-1", Message: "m"},
		}},
		"log-none":      &report.Log{SchemaVersion: 1, Installation: shop, Entries: []report.LogEntry{}},
		"recover":       &report.Recover{SchemaVersion: 1, Action: "undone", Command: "qpt apply EX-1 \x1b[2J", Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Paths: []string{"a", "vendor/b\nc"}},
		"recover-none":  &report.Recover{SchemaVersion: 1, Action: "none"},
		"version":       &report.Version{SchemaVersion: 1, Version: "v1.2.3", Revision: "0123abcd", Modified: true, Go: "go1.26", Platform: "linux/amd64"},
		"version-plain": &report.Version{SchemaVersion: 1, Version: "(devel)", Go: "go1.26", Platform: "linux/amd64"},
	}
}

var styles = map[string]report.Style{
	"80":      {Width: 80},
	"pipe":    {},
	"colour":  {Width: 80, Color: true},
	"verbose": {Width: 120, Verbose: true},
}

// The table form of every result, in every style that a terminal or a pipe has.
func TestTables(t *testing.T) {
	for name, r := range results() {
		for style, s := range styles {
			t.Run(name+"/"+style, func(t *testing.T) {
				golden(t, filepath.Join(name, style+".txt"), render(t, r, report.Table, s))
			})
		}
	}
}

// What holds for every table, whatever is in it: no control characters beside those
// that colour it, no blanks at the end of a line, and no line wider than the terminal
// where there is a place to break it.
func TestTablesAreSafe(t *testing.T) {
	for name, r := range results() {
		for style, s := range styles {
			t.Run(name+"/"+style, func(t *testing.T) {
				text := render(t, r, report.Table, s)
				if !s.Color && strings.Contains(text, "\x1b") {
					t.Errorf("an escape sequence without colour: %q", text)
				}
				plain := stripColour(text)
				for line := range strings.Lines(plain) {
					line = strings.TrimSuffix(line, "\n")
					if strings.ContainsFunc(line, func(r rune) bool {
						return r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e
					}) {
						t.Errorf("a control character in %q", line)
					}
					if line != strings.TrimRight(line, " ") {
						t.Errorf("blanks at the end of %q", line)
					}
					longest := 0
					for word := range strings.FieldsSeq(line) {
						longest = max(longest, lipgloss.Width(word))
					}
					if s.Width > 0 && longest < s.Width/4 && lipgloss.Width(line) > s.Width {
						t.Errorf("%d columns: %q", lipgloss.Width(line), line)
					}
				}
				if s.Color && plain != stripColour(render(t, r, report.Table, report.Style{Width: s.Width, Verbose: s.Verbose})) {
					t.Error("with colour the text is another one")
				}
			})
		}
	}
}

// stripColour removes the sequences that set colours and weight.
func stripColour(s string) string {
	var b strings.Builder
	for {
		head, rest, ok := strings.Cut(s, "\x1b[")
		b.WriteString(head)
		if !ok {
			return b.String()
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return !strings.ContainsRune("0123456789;", r) })
		if end < 0 || rest[end] != 'm' {
			return b.String() + "\x1b[" + rest
		}
		s = rest[end+1:]
	}
}

// JSON is one document with two blanks of indentation, in which text stands as it is.
func TestJSON(t *testing.T) {
	got := render(t, results()["list-release"], report.JSON, report.Style{Width: 20, Color: true})
	golden(t, "list-release/list.json", got)
	golden(t, "list-release/list.yaml", render(t, results()["list-release"], report.YAML, report.Style{Width: 20, Color: true}))
	if !strings.Contains(got, `">=2.4.6 <2.4.7"`) {
		t.Error("< and > are escaped")
	}
}

// decodeBoth reads the JSON and the YAML form of a result.
func decodeBoth(t testing.TB, r report.Result) (fromJSON, fromYAML any) {
	t.Helper()
	j, y := render(t, r, report.JSON, report.Style{}), render(t, r, report.YAML, report.Style{})
	if err := json.Unmarshal([]byte(j), &fromJSON); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(y), &fromYAML); err != nil {
		t.Fatalf("%v in\n%s", err, y)
	}
	// Numbers by way of JSON, so that 1 and 1.0 are one.
	b, err := json.Marshal(fromYAML)
	if err != nil {
		t.Fatal(err)
	}
	fromYAML = nil
	if err := json.Unmarshal(b, &fromYAML); err != nil {
		t.Fatal(err)
	}
	return fromJSON, fromYAML
}

// YAML says what JSON says.
func TestYAMLEqualsJSON(t *testing.T) {
	for name, r := range results() {
		t.Run(name, func(t *testing.T) {
			j, y := decodeBoth(t, r)
			if diff := cmp.Diff(j, y); diff != "" {
				t.Errorf("(-json +yaml):\n%s", diff)
			}
		})
	}
	t.Run("any text", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			text := rapid.OneOf(
				rapid.String(),
				rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
				rapid.StringOf(rapid.SampledFrom([]rune(" \t\n\r\v:-#'\"|>%@`{}[]&*!?,~ab01\x00\x1b\x7f\u0085\u009b\u00a0\u2028\u2029\ufeff\ufffe\uffff\U0001f600"))),
				rapid.SampledFrom([]string{"yes", "null", "~", "1", "1.0", "0x1", "2.4", "2001-01-01", "<<", "=", "---", "...", "", " ", "\n", "a\n", "\na", " a\n b\n", "a\n\n", "\ta\n", "true"}),
			).Draw(rt, "text")
			j, y := decodeBoth(t, &report.Show{Patch: report.Patch{ID: text, Categories: []string{text}}, Article: text})
			if diff := cmp.Diff(j, y); diff != "" {
				rt.Fatalf("%q (-json +yaml):\n%s", text, diff)
			}
		})
	})
}

func TestParseFormat(t *testing.T) {
	for _, name := range []string{"table", "json", "yaml"} {
		if f, err := report.ParseFormat(name); err != nil || string(f) != name {
			t.Errorf("%s: %s, error %v", name, f, err)
		}
	}
	for _, name := range []string{"", "JSON", "xml"} {
		if _, err := report.ParseFormat(name); err == nil || !strings.Contains(err.Error(), "expected table, json, yaml") {
			t.Errorf("%q: error %v", name, err)
		}
	}
}

func TestClean(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "Größe 漢字 🙂 'quoted' \"text\" \\n", "Größe 漢字 🙂 'quoted' \"text\" \\n"},
		{"escape sequence", "\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"8-bit escape", "\u009b31m", `\u009b31m`},
		{"bell and null", "\a\x00", `\a\x00`},
		{"delete", "\x7f", `\x7f`},
		{"line feeds", "a\nb\n", "a b "},
		{"carriage return", "a\r\nb\rc", `a\r b\rc`},
		{"tab", "a\tb", "a    b"},
		{"direction of text", "\u202eabc\u202c\u2066\u2069\u200f", `\u202eabc\u202c\u2066\u2069\u200f`},
		{"invisible", "a\u200bb\u2060\ufeff\u00ad", `a\u200bb\u2060\ufeff\u00ad`},
		{"invalid UTF-8", "a\xffb\xc3", `a\xffb\xc3`},
		{"replacement character", "\ufffd", `\ufffd`},
		{"line separators", "a\u2028b\u2029", `a\u2028b\u2029`},
		{"empty", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := report.Clean(tc.in); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		got := report.Clean(s)
		if again := report.Clean(got); again != got {
			t.Fatalf("cleaning %q again gives %q", got, again)
		}
	})
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }

// What cannot be written is an error in every format.
func TestRenderFails(t *testing.T) {
	for _, f := range report.Formats() {
		if err := report.Render(failing{}, report.Format(f), results()["version"], report.Style{}); err == nil {
			t.Errorf("%s: no error", f)
		}
	}
}

// An article's front matter is left out, however its lines end; what only looks like
// one is not.
func TestArticleFrontMatter(t *testing.T) {
	show := func(article string) string {
		_, text, _ := strings.Cut(render(t, &report.Show{Patch: report.Patch{ID: "EX-1"}, Article: article}, report.Table, report.Style{}), "EX-1\n")
		return strings.TrimSpace(text)
	}
	for _, tc := range []struct{ name, article, want string }{
		{"none", "Text.\n", "Text."},
		{"some", "---\ntitle: t\n---\nText.\n", "Text."},
		{"with carriage returns", "---\r\ntitle: t\r\n---\r\nText.\r\n", "Text."},
		{"never closed", "---\nText.\n", "---\n\nText."},
		{"a rule further down", "Text.\n\n---\n\nMore.\n", "Text.\n\n---\n\nMore."},
		{"empty", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := show(tc.article); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
