package report_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quality-patches/qpt/pkg/report"
)

// auditFinding makes a finding of an audit.
func auditFinding(rule, level, patch, cve, message string) report.AuditFinding {
	return report.AuditFinding{Finding: report.Finding{Rule: rule, Level: level, Patch: patch, Message: message}, CVE: cve}
}

var (
	audited = &report.Audit{
		SchemaVersion: 1, FailOn: "error", Installation: shop, Components: map[string]string{"CE": "2.4.6-p3", "EE": "2.4.6-p3"},
		Patches: []report.AuditedPatch{
			{ID: "246p3-2026-07-001-CE", Title: "July", Source: "test", Verdict: "applied", State: "applied under", Reason: "under EX-1", CVE: []string{"CVE-2026-1001"}, Release: "2.4.6-p3", Month: "2026-07", Sequence: 1, Edition: "CE", Bulletin: "APSB26-71"},
			{ID: "246p3-2026-08-001-CE", Title: "August", Source: "test", Verdict: "missing", State: "partial", Reason: "a part of it is in the tree, the rest is not", CVE: []string{"CVE-2026-1002"}, Refusals: []report.Refusal{mismatch, missing}},
			{ID: "246p4-2026-09-001-CE", Source: "test", Verdict: "needs release", Reason: "it is for 2.4.6-p4 alone: bring the installation from 2.4.6-p3 to that release first", CVE: []string{"CVE-2026-1002", "CVE-2026-1003"}},
			{ID: "VULN-\x1b1", Title: "names CVE-2026-1004 \x1b[2J", Source: "a\nb", Verdict: "unknown", State: "unknown", Reason: "it is neither in the tree nor would it fit", Named: []string{"CVE-2026-1004"}, ByName: true},
			{ID: "VULN-2", Title: "Has a title that is so long that it takes more than one line of a terminal of eighty columns.", Source: "test", Verdict: "replaced", Reason: "VULN-3 replaces it", ReplacedWith: "VULN-3"},
			{ID: "VULN-3", Verdict: "not applicable", Reason: "magento/extension-b2b is not installed", CVE: []string{"CVE-2026-1005"}},
		},
		Vulnerabilities: []report.AuditedCVE{
			{ID: "CVE-2026-1001", Status: "PROTECTED", Patches: []string{"246p3-2026-07-001-CE"}},
			{ID: "CVE-2026-1002", Status: "VULNERABLE", Reason: "246p3-2026-08-001-CE, 246p4-2026-09-001-CE are not in the tree", Patches: []string{"246p3-2026-08-001-CE", "246p4-2026-09-001-CE"}},
			{ID: "CVE-2026-1003", Status: "VULNERABLE", Reason: "246p4-2026-09-001-CE is not in the tree", Patches: []string{"246p4-2026-09-001-CE"}},
			{ID: "CVE-2026-1004", Status: "UNKNOWN", Reason: "whether VULN-\x1b1 is in the tree cannot be told", Patches: []string{"VULN-\x1b1"}},
			{ID: "CVE-2026-1005", Status: "NOT_APPLICABLE", Reason: "what it is about is not installed", Patches: []string{"VULN-3"}},
		},
		Findings: []report.AuditFinding{
			auditFinding("unknown-release", "error", "", "", "no source knows the release 2.4.6-p3\x1b[2J"),
			auditFinding("not-newest", "warning", "", "", "2.4.6-p3 is not the newest release of its line"),
			auditFinding("sequence-gap", "warning", "", "", "no source knows the isolated diff 002 of 2026-07 for 2.4.6-p3 (CE), though a later one is known"),
			auditFinding("missing", "error", "246p3-2026-08-001-CE", "", "security patch 246p3-2026-08-001-CE is missing"),
			auditFinding("needs-release", "error", "246p4-2026-09-001-CE", "", "security patch 246p4-2026-09-001-CE needs release 2.4.6-p4"),
			auditFinding("unknown", "error", "VULN-\x1b1", "", "whether security patch VULN-\x1b1 is in the tree cannot be told"),
			auditFinding("cve-vulnerable", "error", "", "CVE-2026-1002", "the installation is vulnerable to CVE-2026-1002"),
			auditFinding("cve-vulnerable", "error", "", "CVE-2026-1003", "the installation is vulnerable to CVE-2026-1003"),
			auditFinding("cve-unknown", "error", "", "CVE-2026-1004", "whether the installation is protected against CVE-2026-1004 is unknown"),
		},
		Sources:  []report.AuditSource{{Name: "test", Version: "1.1.82", Security: 4}, {Name: "a\nb", Security: 1}},
		Warnings: []string{"test: patches.json: not valid JSON at line 3"},
	}
	auditedWell = &report.Audit{
		SchemaVersion: 1, OK: true, FailOn: "never", Installation: shop, Components: map[string]string{"CE": "2.4.6-p3"}, Asked: []string{"CVE-2026-1005"},
		Patches:         []report.AuditedPatch{{ID: "VULN-3", Verdict: "not applicable", Reason: "magento/extension-b2b is not installed", CVE: []string{"CVE-2026-1005"}}},
		Vulnerabilities: []report.AuditedCVE{{ID: "CVE-2026-1005", Status: "NOT_APPLICABLE", Reason: "what it is about is not installed", Patches: []string{"VULN-3"}}},
		Findings:        []report.AuditFinding{}, Sources: []report.AuditSource{},
	}
)

// The form of Adobe's patch-status has its eight keys and no other, whatever there is to
// tell, and the types that its documentation shows.
func TestAdobeStatus(t *testing.T) {
	failed := &report.Failed{SchemaVersion: 1, Error: "no installation", ExitCode: 2}
	for name, r := range map[string]report.Result{"audit": audited, "audit-ok": auditedWell, "failed": failed} {
		text := render(t, r, report.AdobeStatus, report.Style{})
		golden(t, filepath.Join(name, "patch-status.golden"), text)
		var got struct {
			BaseVersion         *string                       `json:"base_version"`
			InstalledComponents *map[string]string            `json:"installed_components"`
			AppliedPatches      *[]string                     `json:"applied_patches"`
			MissingPatches      *[]string                     `json:"missing_patches"`
			UnknownPatches      *[]string                     `json:"unknown_patches"`
			VulnerabilityStatus *map[string]map[string]string `json:"vulnerability_status"`
			RegistrySource      *string                       `json:"registry_source"`
			Warnings            *[]string                     `json:"warnings"`
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		if got.BaseVersion == nil || got.InstalledComponents == nil || got.AppliedPatches == nil || got.MissingPatches == nil || got.UnknownPatches == nil ||
			got.VulnerabilityStatus == nil || got.RegistrySource == nil || got.Warnings == nil {
			t.Errorf("%s: a key is missing or null in %s", name, text)
		}
		var keys map[string]any
		if err := json.Unmarshal([]byte(text), &keys); err != nil || len(keys) != 8 {
			t.Errorf("%s: %d keys, error %v", name, len(keys), err)
		}
		if name == "audit" {
			if diff := cmp.Diff([]string{"246p3-2026-08-001-CE", "246p4-2026-09-001-CE"}, *got.MissingPatches); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
			if (*got.VulnerabilityStatus)["CVE-2026-1005"]["status"] != "NOT_APPLICABLE" {
				t.Errorf("%v", *got.VulnerabilityStatus)
			}
		}
	}
	var unfit *report.FormatError
	if err := report.Render(failing{}, report.AdobeStatus, results()["status"], report.Style{}); !errors.As(err, &unfit) {
		t.Errorf("a status: error %v", err)
	}
	if f, err := report.ParseFormat("patch-status"); err != nil || f != report.AdobeStatus {
		t.Errorf("format %q, error %v", f, err)
	}
}
