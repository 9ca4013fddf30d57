package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Findings is a result that has findings. It can be written in every format; other
// results only in those of [GeneralFormats].
type Findings interface {
	Result
	findings() findings
}

// findings are what a result says, one by one, for the formats that programs read which
// know nothing of patches.
type findings struct {
	// of names the command.
	of   string
	list []finding
}

// A finding is what a result says about one patch, or about one place in a file.
type finding struct {
	rule  rule
	level level
	// patch, title and state are empty where no patch is meant.
	patch, title, state string
	message             string
	// path is slash-separated and relative to what the result is about, or empty; line is
	// 1-based, or 0 when the file as a whole is meant.
	path string
	line int
}

// A rule is the kind of a finding. Its id is part of the fingerprint, so it stays.
type rule struct{ id, text string }

// A level says how much a finding matters.
type level int

// The levels. What passes is a row of a table and a passed test, but no finding.
const (
	levelPass level = iota
	levelNote
	levelWarning
	levelError
)

func (l level) String() string {
	return [...]string{levelPass: "pass", levelNote: "note", levelWarning: "warning", levelError: "error"}[l]
}

// worst returns the highest level.
func worst(list []finding) level {
	l := levelPass
	for _, f := range list {
		l = max(l, f.level)
	}
	return l
}

// count returns how many findings have a level.
func (fs findings) count(l level) int {
	n := 0
	for _, f := range fs.list {
		if f.level == l {
			n++
		}
	}
	return n
}

// notable returns the findings that do not pass.
func (fs findings) notable() []finding {
	list := []finding{}
	for _, f := range fs.list {
		if f.level != levelPass {
			list = append(list, f)
		}
	}
	return list
}

// subject names what a finding is about: the patch, else the file, else the rule.
func (f finding) subject() string {
	switch {
	case f.patch != "":
		return f.patch
	case f.path != "":
		return f.path
	}
	return f.rule.id
}

// place returns the path and the line, as far as there are any.
func (f finding) place() string {
	if f.path == "" || f.line == 0 {
		return f.path
	}
	return f.path + ":" + strconv.Itoa(f.line)
}

// clean makes the texts of all findings safe to show. Paths stay as they are, as a
// program has to find the file; whoever shows one cleans it.
func (fs findings) clean() findings {
	list := make([]finding, len(fs.list))
	for i, f := range fs.list {
		f.patch, f.title, f.state, f.message = Clean(f.patch), Clean(f.title), Clean(f.state), Clean(f.message)
		list[i] = f
	}
	return findings{fs.of, list}
}

// fingerprints identifies each finding, today and in a later run: by rule, patch and
// path, and by number where these are the same. Messages and lines may change without
// making another finding of it.
func fingerprints(list []finding) []string {
	seen := map[string]int{}
	sums := make([]string, len(list))
	for i, f := range list {
		key := fmt.Sprintf("%q %q %q", f.rule.id, strings.ToLower(f.patch), f.path)
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", key, seen[key]))
		seen[key]++
		sums[i] = hex.EncodeToString(sum[:])
	}
	return sums
}

// defaultPath stands for findings that no file is to blame for, in formats that demand
// one: the file that says what is installed.
const defaultPath = "composer.json"

// fromRefusals makes a finding of each refusal, or one of the whole if there is none. What is
// there already is no fault of its file, and told of only where nothing else is in the way.
func fromRefusals(f finding, refusals []Refusal) []finding {
	faults := slices.DeleteFunc(slices.Clone(refusals), func(r Refusal) bool { return r.AlreadyThere || r.Reason == "exists" })
	if len(faults) > 0 {
		refusals = faults
	}
	if len(refusals) == 0 {
		return []finding{f}
	}
	list := make([]finding, len(refusals))
	for i, r := range refusals {
		list[i] = f
		list[i].path, list[i].line = r.Path, r.Line
		list[i].message = f.message + ": " + r.Message
		if r.Cause != "" {
			list[i].message += " (" + r.Cause + ")"
		}
	}
	return list
}

// general makes findings of what a result says beside its patches.
func general(l level, r rule, texts []string) []finding {
	list := make([]finding, len(texts))
	for i, text := range texts {
		list[i] = finding{rule: r, level: l, message: text}
	}
	return list
}

func warningRule() rule {
	return rule{"warning", "Something that whoever asked should know."}
}

func catalogueRule() rule {
	return rule{"catalogue", "A catalogue has an entry that cannot be used."}
}

func (s *Status) findings() findings {
	fs := findings{of: "status"}
	for _, p := range s.Patches {
		f := finding{patch: p.ID, title: p.Title, state: p.State, message: p.ID + " is " + p.State}
		switch p.State {
		case "partial":
			f.level, f.rule = levelWarning, rule{"status-partial", "Some of a patch is in the tree, and some is not."}
		case "unknown":
			f.level, f.rule = levelWarning, rule{"status-unknown", "A patch can neither be put in nor taken out."}
		case "blocked":
			f.level, f.rule = levelNote, rule{"status-blocked", "A patch would fit, were it not for another one."}
			f.message += " by " + strings.Join(p.InTheWay, ", ")
		default:
			f.rule = rule{"status-" + strings.ReplaceAll(p.State, " ", "-"), "A patch is " + p.State + "."}
			if p.IncludedIn != "" {
				f.message += " in " + p.IncludedIn
			}
			if len(p.Under) > 0 {
				f.message += ": " + strings.Join(p.Under, ", ") + " lie on it"
			}
			fs.list = append(fs.list, f)
			continue
		}
		fs.list = append(fs.list, fromRefusals(f, p.Refusals)...)
	}
	fs.list = append(fs.list, general(levelWarning, warningRule(), s.Warnings)...)
	fs.list = append(fs.list, general(levelNote, catalogueRule(), s.Diagnostics)...)
	return fs
}

func (c *Check) findings() findings {
	fs := findings{of: "check"}
	for _, v := range c.Patches {
		f := finding{patch: v.ID, title: v.Title, state: v.Verdict, level: levelError, message: v.ID + ": " + v.Verdict}
		switch v.Verdict {
		case VerdictApplied:
			f.level, f.rule = levelPass, rule{"check-applied", "A patch is applied."}
		case VerdictApplies:
			f.level, f.rule = levelPass, rule{"check-applies", "A patch would apply."}
		case VerdictEligible:
			f.level, f.rule = levelPass, rule{"check-eligible", "A patch is for the release."}
		case VerdictNotEligible:
			f.rule = rule{"check-not-eligible", "A patch is for no package in the version that is there."}
		case VerdictConflict:
			f.rule = rule{"check-conflict", "A patch does not fit the files."}
		case VerdictUnknown:
			f.rule = rule{"check-unknown-id", "No catalogue has the patch."}
		default:
			f.rule = rule{"check-unusable", "The diff of a patch is broken."}
		}
		for _, reason := range v.Reasons {
			f.message += "; " + reason
		}
		if len(v.Refusals) > 0 {
			f.message = v.ID + ": " + v.Verdict // each refusal has its own reason
		}
		fs.list = append(fs.list, fromRefusals(f, v.Refusals)...)
	}
	fs.list = append(fs.list, general(levelWarning, warningRule(), c.Warnings)...)
	return fs
}

// A command that fails says so in every format.
func (f *Failed) findings() findings {
	message := f.Error
	if f.Hint != "" {
		message += "; " + f.Hint
	}
	return findings{of: "qpt", list: []finding{{
		rule: rule{"failed", "The command could not do its work."}, level: levelError, message: message,
	}}}
}
