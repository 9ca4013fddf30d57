// Package compat answers which package versions satisfy which version constraints, exactly as Composer does.
//
// Composer's idea of versions is not semantic versioning: "2.4.6-p3" comes after "2.4.6", "<2.4.8" excludes
// "2.4.8-beta1", "~2.4" reaches up to 3, and a development branch satisfies no range at all. This package knows
// those rules. It maps every version onto a semantic version that sorts in Composer's order and lets
// github.com/Masterminds/semver compare; no type of that library is visible here.
//
// Parse once, ask often: [ParseVersion] and [ParseConstraint] do the work, [Constraint.Allows] does not allocate.
package compat
