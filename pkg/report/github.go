package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// writeGitHub writes the findings as commands that GitHub's runner turns into annotations.
func writeGitHub(w io.Writer, fs findings) error {
	var b bytes.Buffer
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	for _, f := range fs.notable() {
		command := map[level]string{levelNote: "notice", levelWarning: "warning", levelError: "error"}[f.level]
		var properties []string
		if f.path != "" {
			properties = append(properties, "file="+property.Replace(Clean(f.path)))
			if f.line > 0 {
				properties = append(properties, fmt.Sprintf("line=%d", f.line))
			}
		}
		properties = append(properties, "title="+property.Replace("qpt "+f.rule.id))
		fmt.Fprintf(&b, "::%s %s::%s\n", command, strings.Join(properties, ","), data.Replace(f.message))
	}
	_, err := w.Write(b.Bytes())
	return err
}
