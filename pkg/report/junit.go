package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
)

// The form of JUnit's results that Jenkins and GitLab read.
type (
	junitSuites struct {
		XMLName  xml.Name   `xml:"testsuites"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Errors   int        `xml:"errors,attr"`
		Skipped  int        `xml:"skipped,attr"`
		Suite    junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string      `xml:"name,attr"`
		ClassName string      `xml:"classname,attr"`
		File      string      `xml:"file,attr,omitempty"`
		Failure   *junitCause `xml:"failure"`
		Skipped   *junitCause `xml:"skipped"`
	}
	junitCause struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit makes a test of each subject. It fails if there is an error; a warning or
// note, which does not make the command fail, counts as skipped.
func writeJUnit(w io.Writer, fs findings) error {
	suite := junitSuite{Name: "qpt." + fs.of}
	var order []string
	groups := map[string][]finding{}
	for _, f := range fs.list {
		key := f.subject()
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], f)
	}
	for _, key := range order {
		suite.add(groups[key])
	}
	suites := junitSuites{
		Name: "qpt", Tests: suite.Tests, Failures: suite.Failures, Skipped: suite.Skipped, Suite: suite,
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", "  ")
	if err := enc.Encode(suites); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}

// add makes a test of the findings about one subject.
func (s *junitSuite) add(group []finding) {
	s.Tests++
	first := group[0]
	c := junitCase{Name: Clean(first.subject()), ClassName: s.Name}
	var lines []string
	for _, f := range group {
		if f.level == levelPass {
			continue
		}
		if c.File == "" {
			c.File = Clean(f.path)
		}
		text := f.level.String() + ": " + f.message
		if f.path != "" {
			text = Clean(f.place()) + ": " + text
		}
		lines = append(lines, text)
	}
	for _, f := range group {
		if l := worst(group); l == levelPass || f.level != l {
			continue
		}
		cause := &junitCause{Message: f.message, Type: f.rule.id, Text: strings.Join(lines, "\n")}
		if f.level == levelError {
			c.Failure = cause
			s.Failures++
		} else {
			cause.Type = "" // which the schemas do not give to skipped
			c.Skipped = cause
			s.Skipped++
		}
		break
	}
	s.Cases = append(s.Cases, c)
}
