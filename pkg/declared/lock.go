package declared

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// LockVersion is the version of the form of [LockFile].
const LockVersion = 1

// A Lock says what was put in for a set of declarations: [LockFile].
type Lock struct {
	Version int `json:"version"`
	// Declared and Ignored are what the lock was made for, as [Set.Names] gives it.
	Declared []string `json:"declared"`
	Ignored  []string `json:"ignored,omitempty"`
	// Installed has the version of each package that decided about a variant, or that a
	// file of a patch belongs to.
	Installed map[string]string `json:"installed,omitempty"`
	// Patches are in the order in which they go in.
	Patches []LockedPatch `json:"patches"`
}

// A LockedPatch is one patch with all that it does.
type LockedPatch struct {
	ID string `json:"id"`
	// RequiredBy names the patches for which it goes in, if it is not declared itself.
	RequiredBy []string     `json:"requiredBy,omitempty"`
	Diffs      []LockedDiff `json:"diffs"`
	// Files are sorted by path.
	Files []LockedFile `json:"files"`
}

// A LockedDiff is one variant.
type LockedDiff struct {
	// Source is the catalogue: a path below the root, the name of one elsewhere,
	// "bundled", or "" for a diff that lies in the root itself.
	Source string `json:"source,omitempty"`
	// Release is the version of the catalogue, if it has one.
	Release    string `json:"release,omitempty"`
	File       string `json:"file"`
	Package    string `json:"package,omitempty"`
	Constraint string `json:"constraint,omitempty"`
	SHA256     string `json:"sha256"`
}

// A LockedFile is what a patch makes of a file. Before and After are SHA-256 sums,
// empty where there is no file. Mode is set when the patch changes it.
type LockedFile struct {
	Path   string `json:"path"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	Mode   string `json:"mode,omitempty"`
}

// ErrMergeConflict is wrapped when a lock holds the marks of a merge that is not resolved.
var ErrMergeConflict = errors.New("it holds the marks of a merge that is not resolved; resolve qpt.yaml if it has any, then run qpt lock, which writes it anew")

// A LockError is a lock that cannot be read.
type LockError struct{ Err error }

func (e *LockError) Error() string { return LockFile + ": " + e.Err.Error() }
func (e *LockError) Unwrap() error { return e.Err }

// ReadLock reads the lock in a root; nil without an error when there is none. The error
// is a [*LockError].
func ReadLock(root fs.FS) (*Lock, error) {
	src, err := readFile(root, LockFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &LockError{err}
	}
	return ParseLock(src)
}

// Unresolved reports whether a text holds the marks of a merge.
func Unresolved(src []byte) bool {
	for line := range bytes.Lines(src) {
		for _, mark := range []string{"<<<<<<<", "|||||||", "=======", ">>>>>>>"} {
			if bytes.HasPrefix(line, []byte(mark)) {
				return true
			}
		}
	}
	return false
}

// ParseLock reads a lock. The error is a [*LockError].
func ParseLock(src []byte) (*Lock, error) {
	if Unresolved(src) {
		return nil, &LockError{ErrMergeConflict}
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(src, &version); err != nil {
		return nil, &LockError{fmt.Errorf("not valid JSON: %w; run qpt lock to write it anew", err)}
	}
	if version.Version != LockVersion {
		return nil, &LockError{fmt.Errorf("its version is %d, and this qpt knows version %d only; use the qpt that wrote it", version.Version, LockVersion)}
	}
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.DisallowUnknownFields()
	l := &Lock{}
	if err := dec.Decode(l); err != nil {
		return nil, &LockError{fmt.Errorf("%w; run qpt lock to write it anew", err)}
	}
	if err := l.validate(); err != nil {
		return nil, &LockError{fmt.Errorf("%w; run qpt lock to write it anew", err)}
	}
	return l, nil
}

func (l *Lock) validate() error {
	seen := map[string]bool{}
	for _, p := range l.Patches {
		key := strings.ToLower(p.ID)
		if p.ID == "" || seen[key] || len(p.Diffs) == 0 {
			return fmt.Errorf("patch %q has no name, no diff, or occurs twice", p.ID)
		}
		seen[key] = true
		for _, d := range p.Diffs {
			if !isHash(d.SHA256) || !fs.ValidPath(d.File) {
				return fmt.Errorf("patch %s: the diff %q or its hash is not one", p.ID, d.File)
			}
		}
		for _, f := range p.Files {
			if !fs.ValidPath(f.Path) || f.Before != "" && !isHash(f.Before) || f.After != "" && !isHash(f.After) {
				return fmt.Errorf("patch %s: the file %q or one of its hashes is not one", p.ID, f.Path)
			}
		}
	}
	return nil
}

// Bytes returns the canonical text of a lock: the same for the same content.
func (l *Lock) Bytes() []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // constraints have < and >
	enc.SetIndent("", "  ")
	if err := enc.Encode(l); err != nil {
		panic(err) // texts and numbers always encode
	}
	return buf.Bytes()
}

// Patch returns what the lock says of a patch.
func (l *Lock) Patch(id string) (*LockedPatch, bool) {
	if l == nil {
		return nil, false
	}
	i := slices.IndexFunc(l.Patches, func(p LockedPatch) bool { return strings.EqualFold(p.ID, id) })
	if i < 0 {
		return nil, false
	}
	return &l.Patches[i], true
}

// Sums returns the sums of the patch's diffs, in their order.
func (p *LockedPatch) Sums() []string {
	sums := make([]string, len(p.Diffs))
	for i, d := range p.Diffs {
		sums[i] = d.SHA256
	}
	return sums
}

// Files returns the files as they are when all patches are in, by path.
func (l *Lock) Files() map[string]LockedFile {
	files := map[string]LockedFile{}
	for _, p := range l.Patches {
		for _, f := range p.Files {
			if mode := files[f.Path].Mode; f.Mode == "" {
				f.Mode = mode
			}
			files[f.Path] = f
		}
	}
	return files
}

// Same reports whether the lock was made for a set of declarations.
func (l *Lock) Same(s *Set) bool {
	patches, ignored := s.Names()
	return slices.EqualFunc(l.Declared, patches, strings.EqualFold) && slices.EqualFunc(l.Ignored, ignored, strings.EqualFold)
}
