package report_test

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	validate "github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/quality-patches/qpt/pkg/report"
)

// findingFormats are the formats that need findings.
func findingFormats() []string { return report.Formats()[len(report.GeneralFormats()):] }

// withFindings returns those of the results that have findings.
func withFindings() map[string]report.Findings {
	found := map[string]report.Findings{
		"failed": &report.Failed{SchemaVersion: 1, Error: "open \x1b[31mx: no", ExitCode: 1, Hint: "try,\nagain: 100%"},
	}
	for name, r := range results() {
		if f, ok := r.(report.Findings); ok {
			found[name] = f
		}
	}
	return found
}

func TestFindingFormats(t *testing.T) {
	for name, r := range withFindings() {
		for _, f := range findingFormats() {
			t.Run(name+"/"+f, func(t *testing.T) {
				golden(t, filepath.Join(name, f+".golden"), render(t, r, report.Format(f), report.Style{}))
			})
		}
	}
}

// A result without findings is refused by name of the format, and what can be had is named.
func TestFormatsThatNeedFindings(t *testing.T) {
	for _, f := range findingFormats() {
		var unfit *report.FormatError
		err := report.Render(&strings.Builder{}, report.Format(f), &report.Version{}, report.Style{})
		if !errors.As(err, &unfit) || !strings.Contains(err.Error(), f) || !strings.Contains(err.Error(), "table, json, yaml") {
			t.Errorf("%s: error %v", f, err)
		}
		if err := report.Render(failing{}, report.Format(f), withFindings()["status"], report.Style{}); err == nil {
			t.Errorf("%s: no error though nothing can be written", f)
		}
	}
}

func sarifSchema(t testing.TB) *validate.Schema {
	t.Helper()
	schema, err := validate.NewCompiler().Compile(filepath.Join("testdata", "sarif", "sarif-2.1.0-rtm.5.json"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// hostileCheck is a check in which every text is the one given.
func hostileCheck(s string) *report.Check {
	return &report.Check{SchemaVersion: 1, Patches: []report.Verdict{
		{ID: s, Title: s, Verdict: report.VerdictConflict, Refusals: []report.Refusal{{Path: s, Message: s, Cause: s, Line: 3}, {Path: "a/b.php", Message: s}}},
		{ID: "EX-2", Title: s, Verdict: report.VerdictApplies},
		{ID: "EX-3", Title: s, Verdict: report.VerdictUnknown, Reasons: []string{s}},
	}, Warnings: []string{s}}
}

// Whatever the texts are, each format stays what it is, and says no more than it means.
func TestHostileText(t *testing.T) {
	schema := sarifSchema(t)
	for _, s := range []string{
		"\x1b[2J\x1b]0;x\x07", "]]>", "a|b|c", "one\ntwo\r\nthree", "\n::error file=x::y", "%0A::error::x", "::set-output name=x::y",
		"</details><script>", "@everyone #1 [a](http://b) `c` *d* ![e](f) www.example.com $x$", "=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\"q\",'s'",
		"\xff\xfe", "\x00", "\u202e", "\ufffe\uffff", "a:b,c", "&amp;", "..//x y", "",
	} {
		checkFormats(t, schema, s)
	}
	rapid.Check(t, func(rt *rapid.T) {
		checkFormats(t, schema, string(rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(rt, "text")))
	})
}

func checkFormats(t *testing.T, schema *validate.Schema, s string) {
	t.Helper()
	r := hostileCheck(s)
	out := map[string]string{}
	for _, f := range findingFormats() {
		text := render(t, r, report.Format(f), report.Style{})
		if strings.ContainsFunc(text, func(r rune) bool {
			return unicode.IsControl(r) && r != '\n' && (r != '\r' || f != "csv") || unicode.Is(unicode.Cf, r)
		}) && f != "gitlab" { // whose paths are those of files, as JSON
			t.Errorf("%s of %q: a control character in %q", f, s, text)
		}
		out[f] = text
	}

	rows, err := csv.NewReader(strings.NewReader(out["csv"])).ReadAll()
	if err != nil || len(rows) != 6 || strings.Count(out["csv"], "\r\n") != 6 {
		t.Errorf("csv of %q: %d rows, error %v", s, len(rows), err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if trimmed := strings.TrimSpace(cell); trimmed != "" && strings.ContainsRune("=+-@|%", rune(trimmed[0])) {
				t.Errorf("csv of %q: a formula %q", s, cell)
			}
		}
	}

	var suites struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Skipped  int `xml:"skipped,attr"`
		Cases    []struct {
			Failure []struct{} `xml:"failure"`
			Skipped []struct{} `xml:"skipped"`
		} `xml:"testsuite>testcase"`
	}
	if err := xml.Unmarshal([]byte(out["junit"]), &suites); err != nil {
		t.Errorf("junit of %q: %v", s, err)
	}
	failures, skipped := 0, 0
	for _, c := range suites.Cases {
		failures, skipped = failures+len(c.Failure), skipped+len(c.Skipped)
	}
	if len(suites.Cases) != suites.Tests || failures != suites.Failures || skipped != suites.Skipped || failures < 2 {
		t.Errorf("junit of %q: the counts are wrong:\n%s", s, out["junit"])
	}

	doc, err := validate.UnmarshalJSON(strings.NewReader(out["sarif"]))
	if err == nil {
		err = schema.Validate(doc)
	}
	if err != nil {
		t.Errorf("sarif of %q: %v", s, err)
	}

	lines := strings.Split(strings.TrimSuffix(out["github"], "\n"), "\n")
	command := regexp.MustCompile(`^::(error|warning|notice) (file=[^:,]*,(line=\d+,)?)?title=[^:,]+::[^\r\n]*$`)
	if len(lines) != 4 || slices.ContainsFunc(lines, func(l string) bool { return !command.MatchString(l) }) {
		t.Errorf("github of %q: %q", s, lines)
	}

	var issues []struct {
		Fingerprint string
		Location    struct {
			Path  string
			Lines struct{ Begin int }
		}
	}
	if err := json.Unmarshal([]byte(out["gitlab"]), &issues); err != nil || len(issues) != 4 {
		t.Errorf("gitlab of %q: %d issues, error %v", s, len(issues), err)
	}
	known := map[string]bool{}
	for _, issue := range issues {
		if known[issue.Fingerprint] || issue.Location.Path == "" || issue.Location.Lines.Begin < 1 {
			t.Errorf("gitlab of %q: %+v", s, issue)
		}
		known[issue.Fingerprint] = true
	}

	cells := -1 // of the first row, if there is one
	for line := range strings.Lines(out["markdown"]) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		n := len(regexp.MustCompile(`(^|[^\\])\|`).FindAllString(line, -1)) - 1
		if cells < 0 {
			cells = n
		}
		if n != cells || n < 3 || n > 4 {
			t.Errorf("markdown of %q: a row has %d cells, the first %d: %q", s, n, cells, line)
		}
	}
	for _, tag := range regexp.MustCompile(`(^|[^\\])<[^\n>]*>`).FindAllString(out["markdown"], -1) {
		if !regexp.MustCompile(`</?(details|summary)>$|<!-- -->$`).MatchString(tag) {
			t.Errorf("markdown of %q: HTML %q", s, tag)
		}
	}
}

// Every SARIF log fits the schema, which does refuse what is wrong, and no path in it is
// one of the machine.
func TestSARIF(t *testing.T) {
	schema := sarifSchema(t)
	for name, r := range withFindings() {
		text := render(t, r, report.SARIF, report.Style{})
		doc, err := validate.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(text, shop.Root) {
			t.Errorf("%s: it has the root of the shop", name)
		}
		broken, _ := validate.UnmarshalJSON(strings.NewReader(strings.Replace(text, `"startLine": 57`, `"startLine": 0`, 1)))
		if strings.Contains(text, `"startLine": 57`) && schema.Validate(broken) == nil {
			t.Errorf("%s: the schema takes line 0", name)
		}
	}
}

// A finding keeps its fingerprint when its line, message or neighbours change, and has
// another than its like in another file.
func TestFingerprints(t *testing.T) {
	prints := func(verdicts ...report.Verdict) []string {
		text := render(t, &report.Check{Patches: verdicts}, report.GitLab, report.Style{})
		return regexp.MustCompile(`"fingerprint": "([0-9a-f]{64})"`).FindAllString(text, -1)
	}
	at := func(id, path string, line int) report.Verdict {
		return report.Verdict{ID: id, Verdict: report.VerdictConflict, Refusals: []report.Refusal{{Path: path, Line: line, Message: strings.Repeat("m", line)}}}
	}
	before, after := prints(at("A", "a", 1), at("A", "b", 1)), prints(at("B", "b", 1), at("A", "a", 7), at("A", "b", 9))
	if len(before) != 2 || before[0] == before[1] || before[0] != after[1] || before[1] != after[2] || after[0] == after[2] {
		t.Errorf("before %q, after %q", before, after)
	}
}
