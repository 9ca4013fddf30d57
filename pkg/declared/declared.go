// Package declared knows which patches a shop says it wants, and what was put in for
// that: it reads declarations from qpt.yaml and from the files that the ecosystem has,
// edits qpt.yaml, and reads and writes qpt.lock. It touches no tree.
package declared

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v3"
)

// The files in the root of a shop.
const (
	ConfigFile   = "qpt.yaml"
	LockFile     = "qpt.lock"
	envFile      = ".magento.env.yaml"
	composerFile = "composer.json"
	hotfixDir    = "m2-hotfixes"
)

// Keys are the names in [ConfigFile] that this package reads; others are settings.
func Keys() []string { return []string{"patches", "ignore", "policy"} }

// A Place is where something is declared. Line is 0 when the file as a whole declares it.
type Place struct {
	File string
	Line int
}

func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// An Error is a declaration that cannot be used.
type Error struct {
	Place
	Err error
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Place, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// A Patch is one that is to be in the tree.
type Patch struct {
	// Name is an id, or the path of a diff below the root.
	Name  string
	Loose bool
	// SHA256 is what the diff has to be, in hexadecimal, or "".
	SHA256 string
	Place
}

// An Ignored patch does not go in, whoever declares or requires it.
type Ignored struct {
	Name, Reason string
	Place
}

// A Set is what a shop declares.
type Set struct {
	// Patches are in order, each once, without those that are ignored.
	Patches []Patch
	Ignored []Ignored
	Policy  Policy
	// Vain are declarations that declare nothing, which is very likely a mistake.
	Vain []Error
}

// Ignores reports whether a patch is ignored, and why.
func (s *Set) Ignores(name string) (Ignored, bool) {
	for _, i := range s.Ignored {
		if strings.EqualFold(i.Name, name) {
			return i, true
		}
	}
	return Ignored{}, false
}

// Find returns the declaration of a patch.
func (s *Set) Find(name string) (Patch, bool) {
	i := slices.IndexFunc(s.Patches, func(p Patch) bool { return strings.EqualFold(p.Name, name) })
	if i < 0 {
		return Patch{}, false
	}
	return s.Patches[i], true
}

// Names returns the names of the patches in their order, and of what is ignored, sorted.
func (s *Set) Names() (patches, ignored []string) {
	patches, ignored = []string{}, []string{}
	for _, p := range s.Patches {
		patches = append(patches, p.Name)
	}
	for _, i := range s.Ignored {
		ignored = append(ignored, i.Name)
	}
	slices.Sort(ignored)
	return patches, slices.Compact(ignored)
}

// Read returns what the files in a root declare: qpt.yaml first, then composer.json
// (extra.magento-patches), .magento.env.yaml (stage.build.QUALITY_PATCHES), and the
// diffs in m2-hotfixes. A file that is missing declares nothing. The error is an
// [*Error], or that of reading a file.
func Read(root fs.FS) (*Set, error) { return ReadWith(root, nil) }

// ReadWith is [Read] with another text for qpt.yaml, unless that is nil.
func ReadWith(root fs.FS, config []byte) (*Set, error) {
	r := reader{root: root, set: &Set{Policy: defaultPolicy()}}
	for _, f := range []struct {
		name string
		read func([]byte) error
	}{
		{ConfigFile, r.config}, {composerFile, r.composer}, {envFile, r.env},
	} {
		src, err := config, error(nil)
		if f.name != ConfigFile || config == nil {
			src, err = readFile(root, f.name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			r.file = f.name
			err = f.read(src)
		}
		if err != nil {
			return nil, err
		}
	}
	r.file = hotfixDir
	diffs, err := r.diffsIn(hotfixDir, ".patch")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		if named := named(root, hotfixDir, err); named != nil {
			return nil, r.errorf(0, "it %w", named)
		}
		return nil, err
	}
	for _, name := range diffs {
		if err := r.add(Patch{Name: name, Loose: true, Place: Place{File: hotfixDir}}); err != nil {
			return nil, err
		}
	}
	r.set.Patches = slices.DeleteFunc(r.set.Patches, func(p Patch) bool {
		_, ignored := r.set.Ignores(p.Name)
		return ignored
	})
	return r.set, nil
}

// errOutside is of a link that leaves the root. What reads the root refuses it, with an
// error that has no name.
var errOutside = errors.New("leads out of the installation")

// named gives the error of reading a path below the root a name if a link on the way is
// what is wrong, else it is nil.
func named(root fs.FS, name string, err error) error {
	var pathErr *fs.PathError
	if !errors.As(err, &pathErr) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	var system syscall.Errno
	if errors.As(pathErr.Err, &system) {
		return nil // it says enough
	}
	for at := name; at != "."; at = path.Dir(at) {
		if info, lerr := fs.Lstat(root, at); lerr == nil && info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%w: %s is a link", errOutside, at)
		}
	}
	return nil
}

var errNotRegular = errors.New("not a regular file")

// maxFile is how large a file with declarations or a lock may be.
const maxFile = 16 << 20

func readFile(root fs.FS, name string) ([]byte, error) {
	// A named pipe would keep it waiting for somebody who writes.
	if info, err := fs.Stat(root, name); err == nil && !info.Mode().IsRegular() {
		return nil, &Error{Place{File: name}, fmt.Errorf("it is %w", errNotRegular)}
	}
	f, err := root.Open(name)
	if err != nil {
		if named := named(root, name, err); named != nil {
			return nil, &Error{Place{File: name}, fmt.Errorf("it %w", named)}
		}
		return nil, err
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(src) > maxFile {
		err = fmt.Errorf("%s is larger than %d MiB", name, maxFile>>20)
	}
	return src, err
}

// A reader gathers a set.
type reader struct {
	root fs.FS
	set  *Set
	file string // that is being read
}

func (r *reader) errorf(line int, format string, args ...any) error {
	return &Error{Place{r.file, line}, fmt.Errorf(format, args...)}
}

func (r *reader) vain(line int, format string, args ...any) {
	r.set.Vain = append(r.set.Vain, Error{Place{r.file, line}, fmt.Errorf(format, args...)})
}

// add takes a declaration in. The first of a name counts; its hash may come from any.
func (r *reader) add(p Patch) error {
	i := slices.IndexFunc(r.set.Patches, func(have Patch) bool { return strings.EqualFold(have.Name, p.Name) })
	if i < 0 {
		r.set.Patches = append(r.set.Patches, p)
		return nil
	}
	have := &r.set.Patches[i]
	switch {
	case have.SHA256 == "":
		have.SHA256 = p.SHA256
	case p.SHA256 != "" && p.SHA256 != have.SHA256:
		return &Error{p.Place, fmt.Errorf("%s is declared with another hash at %s", p.Name, have.Place)}
	}
	return nil
}

// id takes in what a file of the ecosystem names: an id and nothing else.
func (r *reader) id(text string, line int) error {
	switch {
	case text == "*" || strings.EqualFold(text, "all"):
		return r.errorf(line, "%q means every patch there is, which changes with the catalogue and cannot be locked; name the patches", text)
	case strings.TrimSpace(text) == "":
		return r.errorf(line, "an empty name")
	}
	return r.add(Patch{Name: strings.TrimSpace(text), Place: Place{r.file, line}})
}

// config reads qpt.yaml.
func (r *reader) config(src []byte) error {
	doc, err := r.yaml(src)
	if err != nil {
		return err
	}
	dec := yaml.NewDecoder(bytes.NewReader(src))
	var each yaml.Node
	if dec.Decode(&each) == nil && !errors.Is(dec.Decode(&each), io.EOF) {
		return r.errorf(0, "it holds more than one YAML document")
	}
	for key, value := range pairs(doc) {
		for _, known := range Keys() { // settings may have any case, and nothing is to be passed over
			if key.Value != known && strings.EqualFold(key.Value, known) {
				return r.errorf(key.Line, "unknown key %q; is %q meant?", key.Value, known)
			}
		}
		switch key.Value {
		case "patches":
			err = r.patches(value)
		case "ignore":
			err = r.ignore(value)
		case "policy":
			err = r.policy(value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// yaml parses a document and returns its top.
func (r *reader) yaml(src []byte) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(bytes.TrimPrefix(src, []byte("\xef\xbb\xbf")), &doc); err != nil {
		return nil, &Error{Place{File: r.file}, err}
	}
	if len(doc.Content) == 0 {
		return &yaml.Node{}, nil
	}
	return target(doc.Content[0]), nil
}

// target follows an alias.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// pairs yields the keys and values of a mapping; nothing for any other node.
func pairs(n *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		if n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], target(n.Content[i+1])) {
				return
			}
		}
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == 0 || n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// texts returns the scalars of a list.
func (r *reader) texts(n *yaml.Node, what string) ([]*yaml.Node, error) {
	if isNull(n) {
		return nil, nil
	}
	if n.Kind != yaml.SequenceNode {
		return nil, r.errorf(n.Line, "%s: expected a list", what)
	}
	var list []*yaml.Node
	for _, item := range n.Content {
		if item = target(item); item.Kind != yaml.ScalarNode || isNull(item) {
			return nil, r.errorf(item.Line, "%s: expected a list of texts", what)
		}
		list = append(list, item)
	}
	return list, nil
}

func (r *reader) patches(n *yaml.Node) error {
	items, err := r.texts(n, "patches")
	if err != nil {
		return err
	}
	for _, item := range items {
		if err := r.declare(item.Value, item.Line); err != nil {
			return err
		}
	}
	return nil
}

// declare takes in an entry of qpt.yaml: an id, a diff, or a folder of diffs, and maybe a hash.
func (r *reader) declare(text string, line int) error {
	name, sum, err := SplitHash(text)
	if err != nil {
		return r.errorf(line, "%w", err)
	}
	if !IsPath(name) {
		if err := r.id(name, line); err != nil {
			return err
		}
		return r.add(Patch{Name: strings.TrimSpace(name), SHA256: sum, Place: Place{r.file, line}})
	}
	clean := path.Clean(strings.TrimPrefix(name, "./"))
	if !fs.ValidPath(clean) || clean == "." || strings.Contains(name, `\`) {
		return r.errorf(line, "%s is not a path below the root, with slashes", name)
	}
	info, err := fs.Stat(r.root, clean)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r.errorf(line, "%s does not exist", clean)
	case err != nil:
		if named := named(r.root, clean, err); named != nil {
			return r.errorf(line, "%s %w", clean, named)
		}
		return &Error{Place{r.file, line}, err}
	case info.Mode().IsRegular():
		return r.add(Patch{Name: clean, Loose: true, SHA256: sum, Place: Place{r.file, line}})
	case !info.IsDir():
		return r.errorf(line, "%s is %w", clean, errNotRegular)
	case sum != "":
		return r.errorf(line, "%s is a folder, which has no hash; name its diffs", clean)
	}
	diffs, err := r.diffsIn(clean, ".patch", ".diff")
	if err != nil {
		return &Error{Place{r.file, line}, err}
	}
	if len(diffs) == 0 {
		r.vain(line, "the folder %s holds no .patch or .diff file; those of folders in it have to be named", clean)
	}
	for _, diff := range diffs {
		if err := r.add(Patch{Name: diff, Loose: true, Place: Place{r.file, line}}); err != nil {
			return err
		}
	}
	return nil
}

// diffsIn returns the diffs in a folder in name order, without hidden files.
func (r *reader) diffsIn(dir string, exts ...string) ([]string, error) {
	entries, err := fs.ReadDir(r.root, dir)
	var diffs []string
	for _, e := range entries {
		if !e.IsDir() && e.Name()[0] != '.' && slices.Contains(exts, path.Ext(e.Name())) {
			diffs = append(diffs, path.Join(dir, e.Name()))
		}
	}
	return diffs, err
}

// IsPath reports whether a declaration names a file or folder, and no id.
func IsPath(name string) bool {
	return strings.Contains(name, "/") || path.Ext(name) == ".patch" || path.Ext(name) == ".diff"
}

// SplitHash splits NAME@SHA256. Without a hash sum is "".
func SplitHash(text string) (name, sum string, err error) {
	i := strings.LastIndexByte(text, '@')
	if i < 0 {
		return text, "", nil
	}
	name, sum = text[:i], strings.ToLower(strings.TrimPrefix(text[i+1:], "sha256:"))
	if isHash(sum) && name != "" {
		return name, sum, nil
	}
	if IsPath(text) {
		return text, "", nil
	}
	return "", "", fmt.Errorf("%q: what follows the @ is not a SHA-256 of 64 hexadecimal digits", text)
}

// Hash is what stands behind the @ of a declaration for a patch whose diffs have these
// sums: that of the one diff, or the sum of those of several, each on a line.
func Hash(sums []string) string {
	if len(sums) == 1 {
		return sums[0]
	}
	sum := sha256.Sum256([]byte(strings.Join(sums, "\n") + "\n"))
	return hex.EncodeToString(sum[:])
}

func isHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32
}

func (r *reader) ignore(n *yaml.Node) error {
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return r.errorf(n.Line, "ignore: expected an id and a reason on each line, as in \"ACSD-1: its module is removed here\"")
	}
	for key, value := range pairs(n) {
		if value.Kind != yaml.ScalarNode || isNull(value) || strings.TrimSpace(value.Value) == "" {
			return r.errorf(key.Line, "ignore: %s needs a reason", key.Value)
		}
		r.set.Ignored = append(r.set.Ignored, Ignored{key.Value, value.Value, Place{r.file, key.Line}})
	}
	return nil
}

// PlainYAML writes what Symfony's parser takes besides as YAML has it: PHP constants in the
// form "!php/const NAME" where a text has "!php/const:NAME", and a comment in place of a
// first line such as "%YAML 1.2", which there may name any version, with or without "---"
// behind. Lines and columns stay as they are.
func PlainYAML(src []byte) []byte {
	src = bytes.ReplaceAll(src, []byte("!php/const:"), []byte("!php/const "))
	if bytes.HasPrefix(src, []byte("%YAML")) && regexp.MustCompile(`^%YAML[: ][0-9.]+.*\n`).Match(src) {
		src[0] = '#'
	}
	return src
}

// env reads the configuration of a cloud project.
func (r *reader) env(src []byte) error {
	src = PlainYAML(src)
	n, err := r.yaml(src)
	if err != nil {
		return err
	}
	for _, name := range []string{"stage", "build", "QUALITY_PATCHES"} {
		next := &yaml.Node{}
		for key, value := range pairs(n) {
			if key.Value == name {
				next = value
			}
		}
		n = next
	}
	items, err := r.texts(n, "QUALITY_PATCHES")
	if err != nil {
		return err
	}
	for _, item := range items {
		if err := r.id(item.Value, item.Line); err != nil {
			return err
		}
	}
	return nil
}

// composer reads extra.magento-patches of composer.json, whose apply and ignore are
// lists of ids, or objects with comments for names.
func (r *reader) composer(src []byte) error {
	var top struct {
		Extra json.RawMessage `json:"extra"`
	}
	if !bytes.Contains(src, []byte(`"magento-patches"`)) || json.Unmarshal(src, &top) != nil {
		return nil // whether it is JSON is not for this package to say
	}
	var extra struct {
		Patches json.RawMessage `json:"magento-patches"`
	}
	var lists struct {
		Apply  json.RawMessage `json:"apply"`
		Ignore json.RawMessage `json:"ignore"`
	}
	if json.Unmarshal(top.Extra, &extra) != nil || len(extra.Patches) == 0 {
		return nil
	}
	from := bytes.Index(src, []byte(`"magento-patches"`))
	line := func(text string) int {
		quoted, err := json.Marshal(text)
		i := bytes.Index(src[from:], quoted)
		if err != nil || i < 0 {
			i = 0
		}
		return 1 + bytes.Count(src[:from+i], []byte("\n"))
	}
	var keys map[string]json.RawMessage
	if json.Unmarshal(extra.Patches, &lists) != nil || json.Unmarshal(extra.Patches, &keys) != nil {
		var none []any
		if json.Unmarshal(extra.Patches, &none) == nil && len(none) == 0 { // PHP writes an empty object as a list
			return nil
		}
		return r.errorf(line("magento-patches"), "extra.magento-patches: expected an object with apply and ignore")
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !strings.EqualFold(key, "apply") && !strings.EqualFold(key, "ignore") {
			r.vain(line(key), "extra.magento-patches.%s declares nothing; apply and ignore are what is read", key)
		}
	}
	apply, err := members(lists.Apply)
	if err != nil {
		return r.errorf(line("apply"), "extra.magento-patches.apply: %w", err)
	}
	for _, m := range apply {
		if err := r.id(m.value, line(m.value)); err != nil {
			return err
		}
	}
	ignore, err := members(lists.Ignore)
	if err != nil {
		return r.errorf(line("ignore"), "extra.magento-patches.ignore: %w", err)
	}
	for _, m := range ignore {
		reason := m.name
		if reason == "" {
			reason = "composer.json says so"
		}
		r.set.Ignored = append(r.set.Ignored, Ignored{m.value, reason, Place{r.file, line(m.value)}})
	}
	return nil
}

// A member is a text of a JSON list, or of an object, then with its name.
type member struct{ name, value string }

func members(src json.RawMessage) ([]member, error) {
	if len(src) == 0 || string(src) == "null" {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(src))
	open, err := dec.Token()
	if err != nil {
		return nil, err
	}
	wrong := errors.New("expected a list of ids, or an object of comments and ids")
	if open != json.Delim('[') && open != json.Delim('{') {
		return nil, wrong
	}
	var list []member
	for dec.More() {
		var m member
		for _, field := range []*string{&m.name, &m.value} {
			if field == &m.name && open == json.Delim('[') {
				continue
			}
			token, err := dec.Token()
			if err != nil {
				return nil, err
			}
			text, ok := token.(string)
			if !ok {
				return nil, wrong
			}
			*field = text
		}
		list = append(list, m)
	}
	return list, nil
}
