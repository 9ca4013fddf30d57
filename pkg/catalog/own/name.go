package own

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/quality-patches/qpt/pkg/catalog"
)

// A Name is what the name of a loose diff says about it.
type Name struct {
	// ID is the id that the patch has by its name.
	ID string
	// Release is the one release that the name states, such as 2.4.7-p10, or "".
	Release string
	// Line is the release line if the name states only that, such as 2.4, or "".
	Line string
	// Month, Sequence and Edition are those of an isolated security diff, else "" and 0.
	Month    string // YYYY-MM
	Sequence int
	Edition  string
	// CVE and Bulletin are those that the name states.
	CVE      []string
	Bulletin string
	// Vulnerability is set when the id is one of Adobe's for a vulnerability.
	Vulnerability bool
}

// Isolated reports whether the name is that of an isolated security diff, whose rules
// follow from it.
func (n Name) Isolated() bool { return n.Sequence > 0 }

// What names write between their parts, and how they write a release. A number longer than
// 18 digits is none: what is made of it would be no id.
const (
	begin   = `(?:^|[^0-9A-Za-z])`
	end     = `(?:[^0-9A-Za-z]|$)`
	dotted  = `2\.\d\.\d{1,2}(?:[-_]?p\d{1,2})?`
	dashed  = `2-\d-\d{1,2}(?:-?p\d{1,2})?|2_\d_\d{1,2}(?:_?p\d{1,2})?`
	compact = `2\d\d{1,2}(?:-?p\d{1,2})?`
)

// pattern returns a pattern that is compiled when it is first used: every command of qpt
// would pay for them else.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

//nolint:gochecknoglobals // patterns are never changed
var (
	isolatedName   = pattern(`(?i)` + begin + `(` + dotted + `|` + dashed + `|` + compact + `)[-_](20\d\d)[-_](\d{1,2})[-_](\d{1,3})[-_]([A-Z][A-Z0-9]{0,4})` + end)
	almostIsolated = pattern(`(?i)` + begin + `(?:` + dotted + `|` + dashed + `|` + compact + `)[-_]20\d\d[-_]?\d{1,2}[-_]\d{3}`)
	adobeID        = pattern(`(?i)` + begin + `((?:VULN|ACSD|MDVA|ACP2E|ACPT|AC|MCLOUD|MAGECLOUD|MAGETWO|MC|MSI|B2B|BUNDLE|PRODSECBUG|LYNX|MCP|PB)-\d{1,18})` + end)
	cveID          = pattern(`(?i)` + begin + `(CVE-\d{4}-\d{4,18})` + end)
	bulletinID     = pattern(`(?i)` + begin + `(APSB\d\d-\d{1,18})` + end)
	pullName       = pattern(`(?i)^(?:github[-_])?(?:pr|pull)[-_]?(\d{1,18})$|^(\d{2,18})$`)
	plainRelease   = pattern(`(?i)` + begin + `(` + dotted + `|` + dashed + `)` + end)
	shortRelease   = pattern(`(?i)[-_](` + compact + `)` + end)
	releaseLine    = pattern(`(?i)` + begin + `2[-._](\d)[-._]X` + end)
	releaseParts   = pattern(`(?i)^2[-._]?(\d)[-._]?(\d{1,2})(?:[-_]?p(\d{1,2}))?$`)
	notInIDs       = pattern(`[^A-Za-z0-9._+-]+`)
	idForm         = pattern(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$`)
)

// CheckID returns an error unless an id can be the name of a file everywhere, and is not
// taken for one.
func CheckID(id string) error {
	if !idForm().MatchString(id) || strings.HasSuffix(id, ".") || strings.HasSuffix(strings.ToLower(id), ".patch") {
		return fmt.Errorf("%q is no id for a patch: it begins with a letter or a digit, goes on with those, '.', '_', '+' and '-', 100 at most, and ends in neither '.' nor .patch, as in SHOP-17", id)
	}
	return nil
}

// ParseName reads the name of a diff, with or without folders and suffix. The error is
// one for a name that has the form of an isolated security diff and states what there
// is not, or that is almost of that form.
func ParseName(file string) (Name, error) {
	stem := path.Base(strings.ReplaceAll(file, `\`, "/"))
	for _, suffix := range []string{".txt", ".patch", ".diff", ".composer", ".git"} {
		if len(stem) > len(suffix) && strings.EqualFold(stem[len(stem)-len(suffix):], suffix) {
			stem = stem[:len(stem)-len(suffix)]
		}
	}
	n := Name{CVE: all(cveID(), stem)}
	if m := bulletinID().FindStringSubmatch(stem); m != nil {
		n.Bulletin = strings.ToUpper(m[1])
	}
	if m := isolatedName().FindStringSubmatch(stem); m != nil {
		month, _ := strconv.Atoi(m[3]) // two digits at most
		n.Release, n.Month, n.Edition = release(m[1]), fmt.Sprintf("%s-%02d", m[2], month), strings.ToUpper(m[5])
		n.Sequence, _ = strconv.Atoi(m[4]) // three digits at most
		if month < 1 || month > 12 {
			return n, fmt.Errorf("the name states the month %s, which there is not; rename the file", m[3])
		}
		if n.Sequence == 0 {
			return n, fmt.Errorf("the sequence %s in the name is none: they count from 001", m[4])
		}
		if catalog.EditionPackages(n.Edition) == nil {
			return n, fmt.Errorf("the name states the edition %q, which is none of CE, EE and B2B; rename the file", m[5])
		}
		n.ID = IsolatedID(n.Release, n.Month, n.Sequence, n.Edition)
		return n, nil
	}
	if almostIsolated().MatchString(stem) {
		return n, errors.New("its name begins like that of an isolated security diff, whose rules follow from it, but is not of the form RELEASE-YEAR-MONTH-NUMBER-EDITION as 247p10-2026-07-001-CE; rename the file")
	}
	switch m := adobeID().FindStringSubmatchIndex(stem); {
	case m != nil:
		rest := stem[m[3]:]
		n.ID = strings.ToUpper(stem[m[2]:m[3]])
		n.Vulnerability = strings.HasPrefix(n.ID, "VULN-") || strings.HasPrefix(n.ID, "PRODSECBUG-")
		if r := plainRelease().FindStringSubmatch(rest); r != nil {
			n.Release = release(r[1])
		} else if r := releaseLine().FindStringSubmatch(rest); r != nil {
			n.Line = "2." + r[1]
		} else if r := shortRelease().FindStringSubmatch(rest); r != nil {
			n.Release = release(r[1])
		}
		return n, nil
	case len(n.CVE) == 1 && strings.HasPrefix(strings.ToUpper(stem), n.CVE[0]),
		n.Bulletin != "" && len(n.CVE) == 0 && strings.HasPrefix(strings.ToUpper(stem), n.Bulletin):
		n.Vulnerability = true
	case pullName().MatchString(stem):
		m := pullName().FindStringSubmatch(stem)
		n.ID = "PR-" + m[1] + m[2]
		return n, nil
	}
	if r := plainRelease().FindStringSubmatch(stem); r != nil {
		n.Release = release(r[1])
	}
	n.ID = strings.Trim(notInIDs().ReplaceAllString(stem, "-"), "-._+")
	if len(n.ID) > 100 {
		n.ID = strings.TrimRight(n.ID[:100], "-._+")
	}
	for strings.HasSuffix(strings.ToLower(n.ID), ".patch") {
		n.ID = strings.TrimRight(n.ID[:len(n.ID)-len(".patch")], "-._+")
	}
	return n, nil
}

// IsolatedID is the id of an isolated security diff, as Adobe names its file.
func IsolatedID(release, month string, sequence int, edition string) string {
	r := strings.ReplaceAll(strings.ReplaceAll(release, ".", ""), "-", "")
	return fmt.Sprintf("%s-%s-%03d-%s", r, month, sequence, edition)
}

// release writes a release as Composer does: 247p10 and 2-4-7-p10 are 2.4.7-p10.
func release(s string) string {
	m := releaseParts().FindStringSubmatch(s)
	r := "2." + m[1] + "." + m[2]
	if m[3] != "" {
		r += "-p" + m[3]
	}
	return r
}

// all returns what a pattern finds, in upper case, each once. Neighbours may share what
// stands between them.
func all(pattern *regexp.Regexp, s string) []string {
	var list []string
	for {
		m := pattern.FindStringSubmatchIndex(s)
		if m == nil {
			return list
		}
		if found := strings.ToUpper(s[m[2]:m[3]]); !slices.Contains(list, found) {
			list = append(list, found)
		}
		s = s[m[3]:]
	}
}

// mentioned returns the vulnerabilities and bulletins that a text names.
func mentioned(text string) (cve, bulletins []string) {
	return all(cveID(), text), all(bulletinID(), text)
}
