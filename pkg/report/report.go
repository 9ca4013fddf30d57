// Package report holds the results of qpt's commands as plain data, and renders
// each of them as a table for people, or as JSON or YAML for programs.
//
// The JSON form is described by the schemas in the folder schema. Within one
// SchemaVersion fields are only added.
package report

import (
	"encoding/json"
	"time"
)

// SchemaVersion is the version of the JSON and YAML forms.
const SchemaVersion = 1

// An Installation is the shop that a result is about.
type Installation struct {
	Root    string `json:"root"`
	Layout  string `json:"layout" jsonschema:"enum=composer,enum=git"`
	Edition string `json:"edition" jsonschema:"enum=community,enum=commerce,enum=b2b"`
	Version string `json:"version"`
}

// A Patch is a catalogue entry.
type Patch struct {
	ID           string   `json:"id"`
	Title        string   `json:"title"`
	Categories   []string `json:"categories"`
	Origin       string   `json:"origin"`
	Type         string   `json:"type"`
	Source       string   `json:"source"`
	Requirements string   `json:"requirements,omitempty"`
	Require      []string `json:"require,omitempty"`
	Deprecated   bool     `json:"deprecated,omitempty"`
	ReplacedWith string   `json:"replacedWith,omitempty"`
	Components   []string `json:"components,omitempty"`
	// Security is absent for patches that the catalogue does not call security patches.
	Security *Security `json:"security,omitempty"`
	// Metadata are the catalogue's rules for recommending the patch, as they stand there.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Variants []Variant       `json:"variants"`
}

// A Variant is one diff of a patch.
type Variant struct {
	// Package is empty for a diff that fits every installation.
	Package    string `json:"package,omitempty"`
	Constraint string `json:"constraint"`
	// Base is what Magento's release has to satisfy beside, if the catalogue says so.
	Base string `json:"base,omitempty"`
	File string `json:"file"`
	// Eligible is absent when no installation or release was asked about.
	Eligible *bool `json:"eligible,omitempty"`
	// Reason says why the variant is not eligible.
	Reason string `json:"reason,omitempty"`
	// Releases are the known Magento releases that the variant is for.
	Releases []string `json:"releases,omitempty"`
	// Files are the paths that the diff touches.
	Files []string `json:"files,omitempty"`
}

// A Refusal says where and why a diff does not fit.
type Refusal struct {
	Path         string   `json:"path"`
	Reason       string   `json:"reason"`
	Message      string   `json:"message"`
	Hunk         int      `json:"hunk,omitempty"`
	DiffLine     int      `json:"diffLine,omitempty"`
	Line         int      `json:"line,omitempty"`
	Expected     []string `json:"expected,omitempty"`
	Found        []string `json:"found,omitempty"`
	AlreadyThere bool     `json:"alreadyThere,omitempty"`
	Nearest      *Nearest `json:"nearest,omitempty"`
	// Cause says what is behind it, if that is known.
	Cause string `json:"cause,omitempty"`
}

// Nearest is the place in a file that comes closest to a refused hunk.
type Nearest struct {
	Line     int `json:"line"`
	Matching int `json:"matching"`
	Of       int `json:"of"`
}

// Status is the result of qpt status.
type Status struct {
	SchemaVersion int           `json:"schemaVersion"`
	Installation  Installation  `json:"installation"`
	Summary       Summary       `json:"summary"`
	Patches       []PatchStatus `json:"patches"`
	Warnings      []string      `json:"warnings,omitempty"`
	Diagnostics   []string      `json:"diagnostics,omitempty"`
}

// Summary counts the eligible patches by state. Applied counts those under others too.
type Summary struct {
	Eligible   int `json:"eligible"`
	Applied    int `json:"applied"`
	Included   int `json:"included"`
	NotApplied int `json:"notApplied"`
	Blocked    int `json:"blocked"`
	Partial    int `json:"partial"`
	Unknown    int `json:"unknown"`
}

// A PatchStatus is an eligible patch and its state.
type PatchStatus struct {
	Patch
	State string `json:"state" jsonschema:"enum=applied,enum=applied under,enum=included,enum=not applied,enum=blocked,enum=partial,enum=unknown"`
	// Ambiguous is set when the patch could be applied as well as reverted.
	Ambiguous bool `json:"ambiguous,omitempty"`
	// Under names the applied patches that lie on this one and hide it.
	Under []string `json:"under,omitempty"`
	// InTheWay names the applied patches without which a blocked patch would fit.
	InTheWay []string `json:"inTheWay,omitempty"`
	// IncludedIn names the applied patch that brought all that an included one adds.
	IncludedIn string `json:"includedIn,omitempty"`
	// Files say which files and hunks of a partial or unknown patch are there.
	Files []FileState `json:"files,omitempty"`
	// Refusals say what keeps a partial or unknown patch from being applied.
	Refusals []Refusal `json:"refusals,omitempty"`
}

// A FileState says whether a file of a patch is as the patch makes it, and where hunks
// can be told apart, which of them are there.
type FileState struct {
	Path  string      `json:"path"`
	State string      `json:"state" jsonschema:"enum=applied,enum=not applied,enum=refused"`
	Hunks []HunkState `json:"hunks,omitempty"`
}

// A HunkState says whether one hunk is there.
type HunkState struct {
	Number int    `json:"number"`
	State  string `json:"state" jsonschema:"enum=applied,enum=not applied,enum=refused"`
}

// List is the result of qpt list.
type List struct {
	SchemaVersion int `json:"schemaVersion"`
	// Release and Edition are set when the list was narrowed to them.
	Release     string   `json:"release,omitempty"`
	Edition     string   `json:"edition,omitempty"`
	Patches     []Patch  `json:"patches"`
	Diagnostics []string `json:"diagnostics,omitempty"`
}

// Show is the result of qpt show.
type Show struct {
	SchemaVersion int   `json:"schemaVersion"`
	Patch         Patch `json:"patch"`
	// State is absent without an installation, or when the patch is not eligible.
	State    string    `json:"state,omitempty"`
	Refusals []Refusal `json:"refusals,omitempty"`
	// Dependants are the patches that require this one, Replaces those it succeeds.
	Dependants []string `json:"dependants,omitempty"`
	Replaces   []string `json:"replaces,omitempty"`
	// Article is Markdown with its front matter.
	Article string `json:"article,omitempty"`
	// Diffs are the variants' diffs, when asked for.
	Diffs []FileText `json:"diffs,omitempty"`
}

// A FileText is a named text.
type FileText struct {
	File string `json:"file"`
	Text string `json:"text"`
}

// Check is the result of qpt check.
type Check struct {
	SchemaVersion int `json:"schemaVersion"`
	// OK is set when every patch is applied or would apply, and no finding fails the check.
	OK           bool          `json:"ok"`
	Installation *Installation `json:"installation,omitempty"`
	Release      string        `json:"release,omitempty"`
	Edition      string        `json:"edition,omitempty"`
	Patches      []Verdict     `json:"patches"`
	// Conflicts are those of the patches that cannot be applied together.
	Conflicts []ConflictPair `json:"conflicts,omitempty"`
	// Order is one in which the patches fit, if they do not fit in the given one.
	Order []string `json:"order,omitempty"`
	// Findings are what the policy in qpt.yaml says of the patches.
	Findings []Finding `json:"findings,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
}

// The verdicts of a check.
const (
	VerdictApplied     = "applied"      // nothing to do
	VerdictApplies     = "applies"      // it would apply
	VerdictEligible    = "eligible"     // versions fit; without an installation nothing else is known
	VerdictNotEligible = "not eligible" // no package in a version that it is for
	VerdictConflict    = "conflict"     // the versions fit, the files do not
	VerdictUnknown     = "unknown id"   // no catalogue has it
	VerdictUnusable    = "unusable"     // the catalogue's diff is broken
)

// A Verdict is what a check says about one patch.
type Verdict struct {
	ID      string `json:"id"`
	Title   string `json:"title,omitempty"`
	Verdict string `json:"verdict" jsonschema:"enum=applied,enum=applies,enum=eligible,enum=not eligible,enum=conflict,enum=unknown id,enum=unusable"`
	// Reasons say why, in sentences.
	Reasons []string `json:"reasons,omitempty"`
	// Exclusions are the constraints that the installed packages do not satisfy.
	Exclusions []Exclusion `json:"exclusions,omitempty"`
	// NearestReleases are the Magento releases nearest to this one that the patch is for.
	NearestReleases []string `json:"nearestReleases,omitempty"`
	// Steps are what applying would come to, required patches first.
	Steps        []Step    `json:"steps,omitempty"`
	Refusals     []Refusal `json:"refusals,omitempty"`
	Requirements string    `json:"requirements,omitempty"`
	// Suggestions are ids like the one that is unknown.
	Suggestions []string `json:"suggestions,omitempty"`
}

// An Exclusion is a constraint that keeps a variant out.
type Exclusion struct {
	Package    string `json:"package"`
	Constraint string `json:"constraint"`
	// Version is the installed one, empty when the package is not installed.
	Version string `json:"version,omitempty"`
	Reason  string `json:"reason"`
}

// A Step puts one patch in or takes it out.
type Step struct {
	Action  string       `json:"action" jsonschema:"enum=apply,enum=revert"`
	ID      string       `json:"id"`
	Title   string       `json:"title"`
	Because string       `json:"because,omitempty"`
	Files   []FileChange `json:"files"`
	// Requirements is what someone has to do beside it.
	Requirements string `json:"requirements,omitempty"`
}

// A FileChange is what a step does to one file.
type FileChange struct {
	Path  string       `json:"path"`
	From  string       `json:"from,omitempty"`
	Op    string       `json:"op" jsonschema:"enum=create,enum=modify,enum=delete,enum=rename,enum=copy"`
	Hunks []HunkChange `json:"hunks,omitempty"`
}

// A HunkChange is where a hunk went: Line is 1-based, Offset the distance from where
// the diff says.
type HunkChange struct {
	Number int `json:"number"`
	Line   int `json:"line"`
	Offset int `json:"offset"`
}

// Change is the result of qpt apply and qpt revert.
type Change struct {
	SchemaVersion int    `json:"schemaVersion"`
	Command       string `json:"command" jsonschema:"enum=apply,enum=revert"`
	// OK is set when everything asked for is done, or would be.
	OK     bool `json:"ok"`
	DryRun bool `json:"dryRun"`
	// Steps are what was done, or would be; nothing of it was done when OK is false.
	Steps []Step `json:"steps"`
	// Unchanged are the patches that were as requested before.
	Unchanged []Unchanged `json:"unchanged,omitempty"`
	Failures  []Failure   `json:"failures,omitempty"`
	Warnings  []string    `json:"warnings,omitempty"`
	// NextSteps are what the shop has to do now, or would have to do.
	NextSteps []NextStep `json:"nextSteps,omitempty"`
	// Diff is the change of the tree as a unified diff, when asked for.
	Diff string `json:"diff,omitempty"`
}

// Unchanged is a patch that needs nothing.
type Unchanged struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

// A Failure is a patch that could not be applied or reverted.
type Failure struct {
	ID      string `json:"id"`
	Message string `json:"message"`
	// InTheWay names the applied patches that are the cause, if any are.
	InTheWay []string  `json:"inTheWay,omitempty"`
	Refusals []Refusal `json:"refusals,omitempty"`
	// Files say of a patch that is partial which parts of it are there.
	Files []FileState `json:"files,omitempty"`
}

// Compat is the result of qpt compat.
type Compat struct {
	SchemaVersion int    `json:"schemaVersion"`
	Constraint    string `json:"constraint"`
	// Versions are the answers about the versions that were given.
	Versions []VersionVerdict `json:"versions,omitempty"`
	// Releases are the known releases that satisfy the constraint, when none was given.
	Releases []string `json:"releases,omitzero"`
}

// A VersionVerdict says whether a version satisfies a constraint.
type VersionVerdict struct {
	Version   string `json:"version"`
	Satisfies bool   `json:"satisfies"`
	Reason    string `json:"reason,omitempty"`
}

// Log is the result of qpt log.
type Log struct {
	SchemaVersion int          `json:"schemaVersion"`
	Installation  Installation `json:"installation"`
	// Entries are in the order of the log, the newest last.
	Entries []LogEntry `json:"entries"`
}

// A LogEntry is one line of the history.
type LogEntry struct {
	// Time is as the log writes it.
	Time    string `json:"time"`
	Result  string `json:"result" jsonschema:"enum=applied,enum=reverted,enum=unchanged,enum=failed"`
	ID      string `json:"id,omitempty"`
	Message string `json:"message"`
	File    string `json:"file,omitempty"`
	// By and Command are known of qpt's own runs.
	By      string `json:"by,omitempty"`
	Command string `json:"command,omitempty"`
}

// Recover is the result of qpt recover.
type Recover struct {
	SchemaVersion int    `json:"schemaVersion"`
	Action        string `json:"action" jsonschema:"enum=none,enum=undone,enum=finished"`
	// Command and Started say what was interrupted, Paths which files it was about.
	Command string    `json:"command,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Paths   []string  `json:"paths,omitempty"`
}

// Failed is what a command writes that ends with an error instead of a result.
type Failed struct {
	SchemaVersion int    `json:"schemaVersion"`
	Error         string `json:"error"`
	ExitCode      int    `json:"exitCode"`
	// Hint says what can be done, if something can.
	Hint string `json:"hint,omitempty"`
}

// Version is the result of qpt version.
type Version struct {
	SchemaVersion int    `json:"schemaVersion"`
	Version       string `json:"version"`
	Revision      string `json:"revision,omitempty"`
	Modified      bool   `json:"modified,omitempty"`
	Go            string `json:"go"`
	Platform      string `json:"platform"`
}
