package own

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/compat"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/rewrite"
)

// A Shop is what has to be known of an installation to say what a diff is for.
type Shop struct {
	Packages project.Packages
	// Has reports whether a package is there, with a version or without.
	Has func(name string) bool
}

// Options say about a diff what is to count in the place of what is found out.
type Options struct {
	ID, Title string
	// Categories are those of the patch; none means "Other".
	Categories []string
	// CVE and Bulletin are added to what the name states.
	CVE      []string
	Bulletin string
	// Constraint is for the package that decides. An isolated diff takes none.
	Constraint string
	// Strip is how many leading components the names have, or [rewrite.Detect].
	Strip int
	// WithoutTests leaves out changes of test code.
	WithoutTests bool
}

// A Diff is a loose diff, and the patch that it comes to.
type Diff struct {
	Name
	Title      string
	Categories []string
	// Security is nil for a patch of which nobody says that it closes a vulnerability.
	Security *catalog.Security
	// Strip is how many leading components the names had, and Layout how the paths lay.
	Strip  int
	Layout project.Layout
	// Mentions are the vulnerabilities and bulletins that its prose names and that
	// nobody stated: they are told, and not taken over.
	Mentions []string
	Variants []Variant
	Content  Content
}

// A Variant is a part of a loose diff with what it is for.
type Variant struct {
	Package, Constraint string
	// Base is the constraint for Magento's release, "" when Package has its version.
	Base string
	// Text has the paths of the Composer layout and one leading component.
	Text []byte
	// Touches are the packages whose files it changes.
	Touches []string
	// File is where an [Edit] has put the text, in the folder of the catalogue.
	File string
}

// Release is what the variant states of Magento's release.
func (v *Variant) release() string {
	if v.Base != "" {
		return v.Base
	}
	return v.Constraint
}

// Read finds out what a diff is. The name of its file counts, see [ParseName]. The error
// is that of [rewrite.Convert] for what is no usable diff, and else says which option is
// missing.
func Read(file string, src []byte, shop Shop, o Options) (*Diff, error) {
	src = bytes.TrimPrefix(src, []byte("\ufeff")) // a byte order mark would hide the first header
	name, err := ParseName(file)
	if err != nil {
		return nil, err
	}
	if o.ID != "" {
		name.ID = o.ID
	}
	if name.ID == "" {
		return nil, errors.New("its name gives no id; give one with --id")
	}
	if err := CheckID(name.ID); err != nil {
		return nil, err
	}
	if name.Isolated() && o.Constraint != "" {
		return nil, fmt.Errorf("an isolated diff is for %s alone and takes no constraint; rename the file if it is none", name.Release)
	}
	d := &Diff{Name: name, Title: o.Title, Categories: o.Categories}
	rules := rewrite.Options{Strip: o.Strip, ToStrip: 1, WithoutTests: o.WithoutTests}
	whole, err := rewrite.Convert(src, rules)
	if err != nil {
		return nil, err
	}
	d.Strip = whole.Strip
	if whole.Moved {
		d.Layout = project.Git
	}
	parsed, err := applier.Parse(whole.Text)
	if err != nil {
		return nil, err
	}
	if d.Content, err = ContentOf(parsed); err != nil {
		return nil, err
	}
	if err := d.cut(src, whole, rules, shop, o.Constraint); err != nil {
		return nil, err
	}
	prose, err := proseOf(src)
	if err != nil {
		return nil, err
	}
	d.describe(file, prose, o)
	return d, nil
}

// cut makes the variants: one of all that is installed, and one for each package that is
// not, so that the rest can be applied.
func (d *Diff) cut(src []byte, whole *rewrite.Part, rules rewrite.Options, shop Shop, constraint string) error {
	parts := []rewrite.Part{*whole}
	key := catalog.BasePackage
	if d.Isolated() {
		key = catalog.EditionPackages(d.Edition)[0]
	}
	if shop.Has(key) { // else what else is there says nothing of the shops that it is for
		groups, err := rewrite.Group(src, rules, func(pkg string) string {
			if pkg == catalog.BasePackage || shop.Has(pkg) {
				return ""
			}
			return pkg
		})
		if err == nil { // a file that moves from one package to another is not torn
			parts = groups
		}
	}
	release, err := d.releaseConstraint(shop, constraint)
	if err != nil {
		return err
	}
	for _, p := range parts {
		v := Variant{Package: key, Constraint: release, Text: p.Text, Touches: packagesOf(p.Paths)}
		switch own, foreign := foreignPackage(v.Touches); {
		case p.Package != "":
			v.Package, v.Constraint, v.Base = p.Package, "*", release
		case d.Edition == "B2B": // which has versions of its own
			v.Constraint, v.Base = "*", release
		case foreign && !d.Isolated() && shop.Has(own):
			v.Package = own
			if constraint == "" {
				if v.Constraint = versionOf(shop, own); v.Constraint == "" {
					return fmt.Errorf("the version of %s is not known; give --constraint or --any-version", own)
				}
				if d.Release != "" || d.Line != "" {
					v.Base = release
				}
			}
		}
		d.Variants = append(d.Variants, v)
	}
	return nil
}

// releaseConstraint says for which releases of Magento the diff is: those that are asked
// for, else what its name states, else the installed one.
func (d *Diff) releaseConstraint(shop Shop, constraint string) (string, error) {
	switch {
	case constraint != "":
		if _, err := compat.ParseConstraint(constraint); err != nil {
			return "", err
		}
		return constraint, nil
	case d.Release != "":
		return d.Release, nil
	case d.Line != "":
		return "~" + d.Line + ".0", nil
	}
	if v := versionOf(shop, catalog.BasePackage); v != "" {
		return v, nil
	}
	return "", fmt.Errorf("%s is not installed, so it is not known which release the diff is for; give --constraint or --any-version", catalog.BasePackage)
}

func versionOf(shop Shop, name string) string {
	if named := shop.Packages.Named(name); len(named) > 0 {
		return named[0].Version.String()
	}
	return ""
}

// packagesOf returns the packages that paths belong to, sorted.
func packagesOf(paths []string) []string {
	var list []string
	for _, p := range paths {
		list = append(list, project.PackageOf(p))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// foreignPackage returns the only package, if it is one of another vendor than Magento.
func foreignPackage(touches []string) (string, bool) {
	return touches[0], len(touches) == 1 && !strings.HasPrefix(touches[0], "magento/")
}

// proseOf returns what stands in a diff outside of its changes.
func proseOf(src []byte) (string, error) {
	sections, err := applier.Sections(src)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, s := range sections {
		if !s.Change {
			b.Write(s.Text)
			b.WriteByte('\n')
		}
	}
	return b.String(), nil
}

// describe says what the patch is called and which vulnerabilities it closes.
func (d *Diff) describe(file, prose string, o Options) {
	for _, id := range o.CVE {
		if !slices.Contains(d.CVE, id) {
			d.CVE = append(d.CVE, id)
		}
	}
	if o.Bulletin != "" {
		d.Bulletin = o.Bulletin
	}
	if d.Isolated() || d.Vulnerability || len(d.CVE) > 0 || d.Bulletin != "" {
		d.Security = &catalog.Security{CVE: d.CVE, Bulletin: d.Bulletin}
		if d.Isolated() {
			d.Security.Release, d.Security.Month, d.Security.Sequence, d.Security.Edition = d.Release, d.Month, d.Sequence, d.Edition
		}
	}
	cve, bulletins := mentioned(prose)
	for _, m := range slices.Concat(cve, bulletins) {
		if !slices.Contains(d.CVE, m) && m != d.Bulletin {
			d.Mentions = append(d.Mentions, m)
		}
	}
	if len(d.Categories) == 0 {
		d.Categories = []string{"Other"}
	}
	if d.Title != "" {
		return
	}
	switch title := titleOf(prose); {
	case d.Isolated():
		month, _ := time.Parse("2006-01", d.Month) // the name's pattern allows no other
		d.Title = fmt.Sprintf("Isolated security patch %03d of %s for %s (%s)", d.Sequence, month.Format("January 2006"), d.Release, d.Edition)
	case title != "":
		d.Title = title
	default:
		d.Title = d.ID
	}
}

//nolint:gochecknoglobals // patterns are never changed
var (
	mailPrefix = pattern(`^(?:\[[^\]]*\]\s*)+`)
	notTitles  = pattern(`^(?:From |[A-Z][A-Za-z-]+: |commit [0-9a-f]{7,}|Index: |diff |---|===|index |\s|\*|#|//|\.\.\.)| \| +\d+ |^\d+ files? changed`)
)

// titleOf returns the subject of a mail, else the first line of prose, or "".
func titleOf(prose string) string {
	lines := strings.Split(strings.ReplaceAll(prose, "\r\n", "\n"), "\n")
	title := ""
	for i, l := range lines {
		if subject, ok := strings.CutPrefix(l, "Subject: "); ok {
			for _, more := range lines[i+1:] { // a long one is folded
				if !strings.HasPrefix(more, " ") {
					break
				}
				subject += " " + strings.TrimSpace(more)
			}
			title = mailPrefix().ReplaceAllString(subject, "")
			break
		}
	}
	for _, l := range lines {
		if title == "" && l != "-- " && strings.ContainsFunc(l, unicode.IsLetter) && !notTitles().MatchString(l) {
			title = l
		}
	}
	title = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, title)
	title = strings.Join(strings.Fields(title), " ")
	if runes := []rune(title); len(runes) > 200 {
		title = strings.TrimSpace(string(runes[:199])) + "…"
	}
	return title
}

// For returns what the variants are for, without their diffs.
func (d *Diff) For() []*catalog.Variant {
	var list []*catalog.Variant
	for _, v := range d.Variants {
		c, err := compat.ParseConstraint(v.Constraint)
		if err != nil {
			continue // it came from a version or was read before
		}
		variant := &catalog.Variant{Package: v.Package, Constraint: c}
		if base, err := compat.ParseConstraint(v.Base); v.Base != "" && err == nil {
			variant.Base = &base
		}
		list = append(list, variant)
	}
	return list
}

// Covers reports whether a patch may be for a release of Magento; "" is any. Of packages
// with versions of their own that is not known.
func Covers(p *catalog.Patch, release string) bool {
	if release == "" {
		return true
	}
	version, err := compat.ParseVersion(release)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(p.Variants, func(v *catalog.Variant) bool {
		switch {
		case v.Base != nil:
			return v.Base.Allows(version)
		case v.Package == catalog.BasePackage, v.Package == catalog.EditionPackages("EE")[0]:
			return v.Constraint.Allows(version)
		}
		return true
	})
}
