package lint

import (
	"regexp"
	"strings"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/compat"
)

var (
	hashName     = regexp.MustCompile(`^[0-9a-f]{64}$`)
	monthName    = regexp.MustCompile(`^20[0-9]{2}-(0[1-9]|1[0-2])$`)
	sequenceName = regexp.MustCompile(`^[1-9][0-9]{0,2}(\.0+)?$`)
)

// A promise is what a variant says of the bytes of a diff.
type promise struct {
	patch *patch
	at    *node
	diff  string
}

// security looks at what a patch says of vulnerabilities. What catalog.Load refuses is an
// error: it leaves the patch out.
func (l *linter) security(p *patch, n *node) {
	if !l.isKind(p, n, object) {
		return
	}
	l.keys(p, n, "cve", "bulletin", "release", "month", "sequence", "edition")
	if vulnerabilities := n.get("cve"); vulnerabilities != nil && l.isKind(p, vulnerabilities, list) {
		seen := map[string]bool{}
		for _, item := range vulnerabilities.items {
			if !l.isKind(p, item, text) {
				continue
			}
			if err := catalog.CheckCVE(item.text); err != nil {
				l.report(RuleSecurity, Error, p, item, "%v", err)
			}
			if seen[item.text] {
				l.report(RuleSecurity, Warning, p, item, "%s is there twice", item.text)
			}
			seen[item.text] = true
		}
	}
	for _, name := range []string{"bulletin", "release", "month", "edition"} {
		value := n.get(name)
		if value == nil || !l.isKind(p, value, text) {
			continue
		}
		switch {
		case name == "month" && !monthName.MatchString(value.text):
			l.report(RuleSecurity, Error, p, value, "%q is not a month as YYYY-MM", value.text)
		case value.text == "":
			l.report(RuleSecurity, Warning, p, value, "the %s is empty", name)
		case name == "edition" && catalog.EditionPackages(strings.ToUpper(value.text)) == nil:
			l.report(RuleSecurity, Warning, p, value, "the edition %q is none of CE, EE and B2B, so it keeps the patch from no shop", value.text)
		case name == "release":
			if _, err := compat.ParseVersion(value.text); err != nil {
				l.report(RuleSecurity, Warning, p, value, "the release: %v", err)
			}
		}
	}
	sequence := n.get("sequence")
	if sequence == nil {
		return
	}
	if !sequenceName.MatchString(sequence.number) {
		l.report(RuleSecurity, Error, p, sequence, "the sequence is not a number from 1 to 999")
	}
	for _, name := range []string{"release", "month", "edition"} {
		if n.get(name) == nil {
			l.report(RuleSecurity, Warning, p, n, "a diff with a sequence needs its %s, too, to have a place in it", name)
		}
	}
}

// promised notes the SHA-256 that a variant states.
func (l *linter) promised(v *variant, at *node) {
	switch {
	case !l.isKind(v.patch, at, text):
	case !hashName.MatchString(at.text):
		l.report(RuleHash, Error, v.patch, at, "%q is not a SHA-256 of 64 hexadecimal digits in lower case", at.text)
	case v.diff != "":
		l.promises = append(l.promises, promise{v.patch, at, v.diff})
	}
}

// kept compares the diffs with what is said of them.
func (l *linter) kept() {
	for _, p := range l.promises {
		// One that cannot be read is reported with the diff.
		if sum, ok := l.sums[p.diff]; ok && sum != p.at.text {
			l.report(RuleHash, Error, p.patch, p.at, "the SHA-256 of %s is %s, so the diff is not used", p.diff, sum)
		}
	}
}
