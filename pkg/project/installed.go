package project

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/quality-patches/qpt/pkg/compat"
)

// installedEntry is what counts of one package in an installed.json. Every field may have any type.
type installedEntry struct {
	Name              json.RawMessage `json:"name"`
	Version           json.RawMessage `json:"version"`
	VersionNormalized json.RawMessage `json:"version_normalized"`
	Type              json.RawMessage `json:"type"`
	TargetDir         json.RawMessage `json:"target-dir"`
	Extra             json.RawMessage `json:"extra"`
	DefaultBranch     json.RawMessage `json:"default-branch"`
}

// installed is what an installed.json says.
type installed struct {
	packages []Package
	invalid  []string // entries that cannot be used, and why: fatal to Composer, left out here
	missing  []string // names of packages that Composer would not count, as their folder is missing
}

// readInstalled reads the installed.json below the vendor folder, in the form of Composer 1 or 2. A file that is missing
// means that nothing is installed; one that cannot be read or is not JSON is a *FileError.
func readInstalled(root, vendorDir string) (installed, error) {
	file := filepath.Join(root, filepath.FromSlash(vendorDir), "composer", "installed.json")
	data, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return installed{}, nil
	case err != nil:
		return installed{}, &FileError{Path: file, Err: err}
	}
	entries, err := parseInstalled(data)
	if err != nil {
		return installed{}, jsonError(file, data, err)
	}
	// A look at every package's folder takes most of the time.
	const workers = 4
	var parts [workers]installed
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w * len(entries) / workers; i < (w+1)*len(entries)/workers; i++ {
				if err := parts[w].add(root, vendorDir, entries[i]); err != nil {
					parts[w].invalid = append(parts[w].invalid, fmt.Sprintf("%s: package %d is left out: %v", file, i+1, err))
				}
			}
		})
	}
	wg.Wait()
	var found installed
	for _, part := range parts {
		found.packages = append(found.packages, part.packages...)
		found.invalid = append(found.invalid, part.invalid...)
		found.missing = append(found.missing, part.missing...)
	}
	return found, nil
}

// parseInstalled splits an installed.json into its entries.
func parseInstalled(data []byte) ([]installedEntry, error) {
	if start := bytes.TrimLeft(data, " \t\r\n"); len(start) > 0 && start[0] == '[' {
		var list []installedEntry // Composer 1
		err := json.Unmarshal(data, &list)
		return list, err
	}
	var object *struct { // Composer 2
		Packages []installedEntry `json:"packages"`
	}
	if err := json.Unmarshal(data, &object); err != nil {
		return nil, err
	}
	if object == nil {
		return nil, errors.New("it is null")
	}
	return object.Packages, nil
}

// add adds one entry with its alias, or says why it cannot be used.
func (in *installed) add(root, vendorDir string, entry installedEntry) error {
	name := text(entry.Name)
	if name == "" {
		return errors.New("it has no name")
	}
	version, err := entry.version()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	p := Package{Name: name, Version: version}
	if text(entry.Type) != "metapackage" {
		if p.Dir, err = packageDir(vendorDir, name, text(entry.TargetDir)); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(p.Dir))); err != nil {
			in.missing = append(in.missing, name)
			return nil
		}
	}
	if alias, ok := readExtra(entry.Extra, entry.DefaultBranch).alias(text(entry.Version)); ok {
		in.packages = append(in.packages, Package{Name: name, Version: alias, Dir: p.Dir, AliasOf: version.String()})
	}
	in.packages = append(in.packages, p)
	return nil
}

// version takes version_normalized verbatim where there is one. If it is what version stands for, the result
// shows as version was written.
func (e *installedEntry) version() (compat.Version, error) {
	written := text(e.Version)
	if written == "" {
		return compat.Version{}, errors.New("it has no version")
	}
	parsed, err := compat.ParseVersion(written)
	if normalized, ok := jsonString(e.VersionNormalized); ok && normalized != defaultBranch {
		if err == nil && parsed.Normalized() == normalized {
			return parsed, nil
		}
		return compat.NormalizedVersion(normalized), nil
	}
	return parsed, err
}

// packageDir returns where a package lies. The name decides, not install-path, as in Composer's own installers. A
// name that would lead out of the vendor folder is an error.
func packageDir(vendorDir, name, targetDir string) (string, error) {
	targetDir = strings.Trim(targetDir, "/")
	for _, p := range []string{name, path.Join(name, targetDir)} {
		if !fs.ValidPath(p) || p == "." || strings.ContainsAny(p, "\\\x00") || !filepath.IsLocal(filepath.FromSlash(p)) {
			return "", fmt.Errorf("%q is not a path inside the vendor folder", p)
		}
	}
	if targetDir != "" && !fs.ValidPath(targetDir) {
		return "", fmt.Errorf("%s: target-dir %q is not a plain path", name, targetDir)
	}
	return path.Join(vendorDir, name, targetDir), nil
}

// jsonString returns a JSON string's value.
func jsonString(raw json.RawMessage) (string, bool) {
	var s string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}

// text returns a JSON string, or a number as PHP writes it; anything else counts as missing.
func text(raw json.RawMessage) string {
	if s, ok := jsonString(raw); ok {
		return s
	}
	var n json.Number
	if len(raw) == 0 || raw[0] == '"' || json.Unmarshal(raw, &n) != nil {
		return ""
	}
	if _, err := n.Int64(); err == nil {
		return n.String()
	}
	f, err := n.Float64()
	if err != nil {
		return ""
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
