package report

import (
	"io"
	"net/url"
)

// The part of SARIF 2.1.0 that qpt writes.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool             sarifTool            `json:"tool"`
		AutomationID     sarifAutomation      `json:"automationDetails"`
		OriginalURIBases map[string]sarifBase `json:"originalUriBaseIds"`
		ColumnKind       string               `json:"columnKind"`
		Results          []sarifResult        `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string      `json:"id"`
		ShortDescription sarifText   `json:"shortDescription"`
		Configuration    sarifConfig `json:"defaultConfiguration"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifAutomation struct {
		ID string `json:"id"`
	}
	sarifBase struct {
		Description sarifText `json:"description"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI       string `json:"uri"`
		URIBaseID string `json:"uriBaseId"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		Name string `json:"name"`
	}
)

// sarifRoot is what paths are relative to. Where that is on the machine is left out.
const sarifRoot = "%SRCROOT%"

func writeSARIF(w io.Writer, fs findings) error {
	run := sarifRun{
		Tool:         sarifTool{sarifDriver{Name: "qpt", InformationURI: "https://github.com/quality-patches/qpt", Rules: []sarifRule{}}},
		AutomationID: sarifAutomation{"qpt/" + fs.of + "/"},
		OriginalURIBases: map[string]sarifBase{
			sarifRoot: {sarifText{"The folder that qpt looked at."}},
		},
		ColumnKind: "unicodeCodePoints",
		Results:    []sarifResult{},
	}
	list := fs.notable()
	sums := fingerprints(list)
	index := map[string]int{}
	for i, f := range list {
		at, known := index[f.rule.id]
		if !known {
			at = len(index)
			index[f.rule.id] = at
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{f.rule.id, sarifText{f.rule.text}, sarifConfig{f.level.String()}})
		}
		run.Results = append(run.Results, sarifResult{
			RuleID: f.rule.id, RuleIndex: at, Level: f.level.String(), Message: sarifText{f.message},
			Locations: []sarifLocation{f.sarifLocation()}, Fingerprints: map[string]string{"qptFinding/v1": sums[i]},
		})
	}
	return writeJSON(w, sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func (f finding) sarifLocation() sarifLocation {
	path := f.path
	if path == "" {
		path = defaultPath
	}
	l := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{(&url.URL{Path: path}).String(), sarifRoot}}}
	if f.line > 0 {
		l.Physical.Region = &sarifRegion{f.line}
	}
	if f.patch != "" {
		l.Logical = []sarifLogical{{f.patch}}
	}
	return l
}
