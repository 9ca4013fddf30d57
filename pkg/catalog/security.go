package catalog

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/tidwall/gjson"
)

// Security is what a catalogue says of a patch that closes vulnerabilities: the key
// "security" of its entry.
type Security struct {
	// CVE lists the vulnerabilities, as CVE-YYYY-NNNN.
	CVE []string
	// Bulletin is the one that announced the patch, such as APSB26-71, or "".
	Bulletin string
	// Release is the one release that the patch is for, such as 2.4.7-p10, or "" when
	// its constraints alone decide.
	Release string
	// Month is the one in which an isolated diff appeared, as YYYY-MM, or "".
	Month string
	// Sequence is the diff's number among those for the same release and month, from 1 to
	// 999; 0 when it has none.
	Sequence int
	// Edition is the one that the diff is for, in upper case, such as CE, or "".
	Edition string
}

var (
	cveName   = regexp.MustCompile(`^CVE-[0-9]{4}-[0-9]{4,}$`)
	monthName = regexp.MustCompile(`^20[0-9]{2}-(0[1-9]|1[0-2])$`)
)

// maxSequence is the last number that a name has room for. What is missing before a number
// is counted up, so that an entry with any number could stop everything.
const maxSequence = 999

// CheckCVE returns an error unless id names a vulnerability as CVE-YYYY-NNNN.
func CheckCVE(id string) error {
	if !cveName.MatchString(id) {
		return fmt.Errorf("%q is not the name of a vulnerability, which is of the form CVE-2026-12345", id)
	}
	return nil
}

// EditionPackages returns the Composer packages of which one is there where an edition
// (CE, EE or B2B) is installed, the one that tells most of its version first; nil for
// other names.
func EditionPackages(edition string) []string {
	switch edition {
	case "CE":
		return []string{BasePackage}
	case "EE":
		return []string{"magento/magento2-ee-base"}
	case "B2B":
		return []string{"magento/magento2-b2b-base", "magento/extension-b2b"}
	}
	return nil
}

func security(src gjson.Result) (*Security, error) {
	fields, _, err := members(src)
	if err != nil {
		return nil, err
	}
	s := &Security{}
	for _, f := range fields {
		var err error
		switch f.name {
		case "cve":
			if err = texts(f.value, &s.CVE, "a list of names"); err == nil {
				for _, id := range s.CVE {
					err = errors.Join(err, CheckCVE(id))
				}
			}
		case "bulletin":
			err = text(f.value, &s.Bulletin, "the name of a bulletin")
		case "release":
			err = text(f.value, &s.Release, "a version")
		case "month":
			if err = text(f.value, &s.Month, "a month as YYYY-MM"); err == nil && !monthName.MatchString(s.Month) {
				err = fmt.Errorf("%q is not a month as YYYY-MM", s.Month)
			}
		case "sequence":
			s.Sequence = int(f.value.Int())
			if f.value.Type != gjson.Number || s.Sequence < 1 || s.Sequence > maxSequence || float64(s.Sequence) != f.value.Num {
				err = fmt.Errorf("expected a number from 1 to %d", maxSequence)
			}
		case "edition":
			err = text(f.value, &s.Edition, "the short name of an edition")
			s.Edition = strings.ToUpper(s.Edition)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return s, nil
}
