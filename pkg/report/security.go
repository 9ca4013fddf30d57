package report

import "strings"

// A Security is what a catalogue says of a patch that closes vulnerabilities.
type Security struct {
	CVE      []string `json:"cve,omitempty"`
	Bulletin string   `json:"bulletin,omitempty"`
	// Release, Month, Sequence and Edition are those of an isolated diff.
	Release  string `json:"release,omitempty"`
	Month    string `json:"month,omitempty"`
	Sequence int    `json:"sequence,omitempty"`
	Edition  string `json:"edition,omitempty"`
}

// fields prints what is known, if the patch is a security patch.
func (s *Security) fields(p *printer) {
	if s == nil {
		return
	}
	closes := strings.Join(s.CVE, ", ")
	if closes == "" {
		closes = "vulnerabilities that the catalogue does not name"
	}
	p.field("closes", closes)
	p.field("bulletin", s.Bulletin)
	p.field("only for", strings.TrimSpace(s.Release+" "+s.Edition))
}
