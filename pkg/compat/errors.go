package compat

import (
	"fmt"
	"strconv"
	"strings"
)

// VersionError reports a text that is not a version to Composer.
type VersionError struct {
	Version string // the text as it was given
	Reason  string // what is wrong with it, for example `unknown suffix "-foo"`
}

// Error implements error.
func (e *VersionError) Error() string {
	return fmt.Sprintf("invalid version %s: %s", quote(e.Version), e.Reason)
}

// ConstraintError reports a text that is not a constraint to Composer. A constraint with one bad part is bad as a
// whole, which is something else than a constraint that no version satisfies.
type ConstraintError struct {
	Constraint string // the text as it was given
	Part       string // the part of it that is wrong, as written; may be empty
	Err        error  // why: a *VersionError
}

// Error implements error.
func (e *ConstraintError) Error() string {
	switch {
	case strings.TrimSpace(e.Constraint) == "":
		return "invalid constraint: it is empty"
	case e.Part == "":
		return fmt.Sprintf("invalid constraint %s: an alternative of it is empty", quote(e.Constraint))
	case e.Part == e.Constraint:
		return fmt.Sprintf("invalid constraint: %v", e.Err)
	default:
		return fmt.Sprintf("invalid constraint %s: %v", quote(e.Constraint), e.Err)
	}
}

// Unwrap returns the reason, so that errors.As finds a *VersionError.
func (e *ConstraintError) Unwrap() error { return e.Err }

// quote quotes s for a message and shortens what is too long to be a version.
func quote(s string) string {
	const most = 120
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}
