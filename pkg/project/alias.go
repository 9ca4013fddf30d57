package project

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/compat"
)

// defaultBranch is the version that Composer gives to the default branch of a package.
const defaultBranch = "9999999-dev"

// extra is the part of a composer.json that may give a branch a number.
type extra struct {
	branchAlias   map[string]json.RawMessage
	defaultBranch bool
}

// readExtra reads the fields "extra" and "default-branch"; what has another type counts as missing, as in Composer.
func readExtra(extraField, defaultField json.RawMessage) extra {
	var x extra
	var fields struct {
		BranchAlias json.RawMessage `json:"branch-alias"`
	}
	if json.Unmarshal(extraField, &fields) == nil && len(fields.BranchAlias) > 0 {
		if json.Unmarshal(fields.BranchAlias, &x.branchAlias) != nil {
			x.branchAlias = nil
		}
	}
	x.defaultBranch = string(defaultField) == "true"
	return x
}

// alias returns the version that a development version also counts as, following Composer's
// ArrayLoader::getBranchAlias.
func (x extra) alias(version string) (compat.Version, bool) {
	if !strings.HasPrefix(version, "dev-") && !strings.HasSuffix(version, "-dev") {
		return compat.Version{}, false
	}
	for _, branch := range slices.Sorted(maps.Keys(x.branchAlias)) {
		target, ok := jsonString(x.branchAlias[branch])
		if !ok || !strings.EqualFold(branch, version) {
			continue
		}
		if alias, ok := numericAlias(branch, target); ok {
			return alias, true
		}
	}
	if x.defaultBranch && numericPrefix(strings.TrimPrefix(version, "v")) == "" {
		return mustParse(defaultBranch), true
	}
	return compat.Version{}, false
}

// numericAlias reads the target of a branch alias, which must be a branch that is named like a version, such as
// "2.4.x-dev", and must not contradict a branch that is named like one, too.
func numericAlias(branch, target string) (compat.Version, bool) {
	name, ok := strings.CutSuffix(target, "-dev")
	if !ok {
		return compat.Version{}, false
	}
	if target == defaultBranch {
		return mustParse(defaultBranch), true
	}
	if from, to := numericPrefix(branch), numericPrefix(target); from != "" && to != "" && !strings.HasPrefix(to, from) {
		return compat.Version{}, false
	}
	return branchVersion(name)
}

// branchVersion returns the version of a branch that is named like a version: "2.4" and "2.4.x" are both
// 2.4.x-dev (VersionParser::normalizeBranch).
func branchVersion(name string) (compat.Version, bool) {
	name = strings.TrimSpace(name)
	if !isBranchNumber(name) {
		return compat.Version{}, false
	}
	if strings.Count(name, ".") < 3 && !strings.ContainsAny(name, "xX*") {
		name += ".x"
	}
	version, err := compat.ParseVersion(name + "-dev")
	return version, err == nil
}

// numericPrefix returns the numbers of "2.4.x-dev" and "2.4-dev", with a dot at the end, or "".
func numericPrefix(branch string) string {
	if len(branch) < len("-dev") || !strings.EqualFold(branch[len(branch)-len("-dev"):], "-dev") {
		return ""
	}
	numbers := branch[:len(branch)-len("-dev")]
	if n := len(numbers); n > 2 && (numbers[n-2:] == ".x" || numbers[n-2:] == ".X") {
		numbers = numbers[:n-2]
	}
	for group := range strings.SplitSeq(numbers, ".") {
		if !isNumber(group) {
			return ""
		}
	}
	return numbers + "."
}

// isBranchNumber reports whether a branch is named like a version: one to four groups, of which all but the first may
// be a wildcard.
func isBranchNumber(name string) bool {
	groups := strings.Split(strings.TrimPrefix(strings.TrimPrefix(name, "v"), "V"), ".")
	for i, group := range groups {
		if !isNumber(group) && (i == 0 || group != "x" && group != "X" && group != "*") {
			return false
		}
	}
	return len(groups) <= 4
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// mustParse parses a version that is known to be valid.
func mustParse(s string) compat.Version {
	v, err := compat.ParseVersion(s)
	if err != nil {
		return compat.NormalizedVersion(s)
	}
	return v
}
