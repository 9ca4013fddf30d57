package report

// Convert is the result of qpt convert.
type Convert struct {
	SchemaVersion int    `json:"schemaVersion"`
	Layout        string `json:"layout" jsonschema:"enum=composer,enum=git"`
	// Diffs are the converted diffs: one, or one for each package.
	Diffs []ConvertedDiff `json:"diffs"`
}

// A ConvertedDiff is a diff with other paths.
type ConvertedDiff struct {
	// Package is set if the diff was split.
	Package string   `json:"package,omitempty"`
	Paths   []string `json:"paths"`
	// File is what was written, Text the diff if no file was.
	File string `json:"file,omitempty"`
	Text string `json:"text,omitempty"`
}

func (c *Convert) text(p *printer) {
	for _, d := range c.Diffs {
		if d.File == "" {
			p.diff(d.Text)
			continue
		}
		what := ""
		if d.Package != "" {
			what = d.Package + ", "
		}
		p.line("wrote %s (%s%s)", Clean(d.File), Clean(what), count(len(d.Paths), "file", "files"))
	}
}
