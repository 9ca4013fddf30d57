package standin

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/tidwall/gjson"
	"go.yaml.in/yaml/v3"

	"github.com/quality-patches/qpt/pkg/declared"
)

const envFile = ".magento.env.yaml"

// qualityPatches returns what QUALITY_PATCHES lists: in the environment, where it is a
// list in JSON or of words, or in .magento.env.yaml.
func (r *run) qualityPatches() ([]string, error) {
	if text := strings.TrimSpace(r.Getenv("QUALITY_PATCHES")); text != "" {
		if gjson.Valid(text) && strings.HasPrefix(text, "[") {
			var ids []string
			for _, id := range gjson.Parse(text).Array() {
				ids = append(ids, id.String())
			}
			return ids, nil
		}
		return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' || c == '\n' || c == '\t' }), nil
	}
	text, err := r.Root.ReadFile(envFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var n yaml.Node
	if err == nil {
		err = yaml.Unmarshal(declared.PlainYAML(text), &n)
	}
	list := &n
	for _, name := range []string{"stage", "build", "QUALITY_PATCHES"} {
		if err == nil {
			list, err = member(list, name)
		}
	}
	var ids []string
	if err == nil {
		ids, err = texts(list)
	}
	if err != nil {
		return nil, failure(fmt.Sprintf("%s: %v", envFile, err))
	}
	return ids, nil
}

// resolved returns what a node stands for.
func resolved(n *yaml.Node) *yaml.Node {
	switch {
	case n.Kind == yaml.DocumentNode && len(n.Content) > 0:
		return resolved(n.Content[0])
	case n.Kind == yaml.AliasNode:
		return resolved(n.Alias)
	}
	return n
}

// member returns what a mapping has under a name. What is no mapping has nothing.
func member(n *yaml.Node, name string) (*yaml.Node, error) {
	if n = resolved(n); n.Kind != yaml.MappingNode {
		return &yaml.Node{}, nil
	}
	var members map[string]yaml.Node
	if err := n.Decode(&members); err != nil { // which merges, and refuses names that come twice
		return nil, err
	}
	value := members[name]
	return &value, nil
}

// texts returns the entries of a list, with names or without. What PHP takes for false
// is an empty one.
func texts(n *yaml.Node) ([]string, error) {
	n = resolved(n)
	var entries []*yaml.Node
	switch n.Kind {
	case yaml.SequenceNode:
		entries = n.Content
	case yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			entries = append(entries, n.Content[i])
		}
	case yaml.ScalarNode:
		if tag := n.ShortTag(); tag != "!!null" && n.Value != "" && n.Value != "0" && (tag != "!!bool" || !strings.EqualFold(n.Value, "false")) {
			return nil, errNoList
		}
	}
	var list []string
	for _, e := range entries {
		e = resolved(e)
		switch {
		case e.Kind != yaml.ScalarNode:
			return nil, errNoList
		case e.ShortTag() == "!!null":
			list = append(list, "")
		default:
			list = append(list, e.Value)
		}
	}
	return list, nil
}

var errNoList = errors.New("QUALITY_PATCHES is no list of ids")
