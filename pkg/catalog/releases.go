package catalog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/compat"
)

// A Release is what one Magento release consists of.
type Release struct {
	// Version is the release, such as 2.4.6-p3.
	Version compat.Version
	// Packages maps a Composer package to its version in the release.
	Packages map[string]compat.Version
}

// Releases are the known Magento releases, newest first.
type Releases []Release

// An Edition is what a shop has bought: it decides which packages a release brings.
type Edition string

// The editions. Each has all packages of those before it.
const (
	Community Edition = "community"
	Commerce  Edition = "commerce"
	B2B       Edition = "b2b"
)

// ParseEdition reads the name of an edition.
func ParseEdition(s string) (Edition, error) {
	switch e := Edition(strings.ToLower(s)); e {
	case Community, Commerce, B2B:
		return e, nil
	}
	return "", fmt.Errorf("unknown edition %q, expected community, commerce or b2b", s)
}

// edition returns the smallest edition that brings a package.
func edition(pkg string) Edition {
	switch pkg {
	case "magento/magento2-ee-base", "magento/page-builder-commerce", "magento/security-package-ee":
		return Commerce
	case "magento/magento2-b2b-base", "magento/extension-b2b", "magento/security-package-b2b":
		return B2B
	}
	return Community
}

// Find returns a release by its version, written as Composer allows.
func (r Releases) Find(version string) (Release, error) {
	v, err := compat.ParseVersion(version)
	if err != nil {
		return Release{}, err
	}
	for _, release := range r {
		if release.Version.Compare(v) == 0 {
			return release, nil
		}
	}
	return Release{}, fmt.Errorf("release %s is not in the release table", version)
}

// In returns the packages of the release that an edition brings.
func (r Release) In(e Edition) map[string]compat.Version {
	rank := []Edition{Community, Commerce, B2B}
	packages := map[string]compat.Version{}
	for name, version := range r.Packages {
		if slices.Index(rank, edition(name)) <= slices.Index(rank, e) {
			packages[name] = version
		}
	}
	return packages
}

// Satisfying returns the releases whose version of a package a constraint allows.
func (r Releases) Satisfying(pkg string, c compat.Constraint) []compat.Version {
	var versions []compat.Version
	for _, release := range r {
		if v, ok := release.Packages[pkg]; ok && c.Allows(v) {
			versions = append(versions, release.Version)
		}
	}
	return versions
}

func parseReleases(src []byte) (Releases, error) {
	var table map[string]map[string]string
	if err := validate(src); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(src, &table); err != nil {
		return nil, fmt.Errorf("expected a version for each package of each release: %w", err)
	}
	releases := make(Releases, 0, len(table))
	for name, packages := range table {
		version, err := compat.ParseVersion(name)
		if err != nil {
			return nil, err
		}
		release := Release{Version: version, Packages: make(map[string]compat.Version, len(packages))}
		for pkg, text := range packages {
			if release.Packages[pkg], err = compat.ParseVersion(text); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", name, pkg, err)
			}
		}
		releases = append(releases, release)
	}
	releases.sort()
	return releases, nil
}

func (r Releases) sort() {
	slices.SortFunc(r, func(a, b Release) int { return b.Version.Compare(a.Version) })
}
