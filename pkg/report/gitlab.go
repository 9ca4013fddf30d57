package report

import "io"

// The code quality report that GitLab reads, a subset of Code Climate's.
type (
	gitlabIssue struct {
		Description string         `json:"description"`
		CheckName   string         `json:"check_name"`
		Fingerprint string         `json:"fingerprint"`
		Severity    string         `json:"severity"`
		Location    gitlabLocation `json:"location"`
	}
	gitlabLocation struct {
		Path  string      `json:"path"`
		Lines gitlabLines `json:"lines"`
	}
	gitlabLines struct {
		Begin int `json:"begin"`
	}
)

func writeGitLab(w io.Writer, fs findings) error {
	list := fs.notable()
	issues := make([]gitlabIssue, len(list))
	sums := fingerprints(list)
	for i, f := range list {
		path := f.path
		if path == "" {
			path = defaultPath
		}
		issues[i] = gitlabIssue{
			Description: f.message, CheckName: f.rule.id, Fingerprint: sums[i],
			Severity: map[level]string{levelNote: "info", levelWarning: "minor", levelError: "major"}[f.level],
			Location: gitlabLocation{path, gitlabLines{max(f.line, 1)}},
		}
	}
	return writeJSON(w, issues)
}
