package project

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// manifest is what counts of the composer.json in the root.
type manifest struct {
	exists    bool
	name      string // in lower case
	version   string
	vendorDir string // config.vendor-dir as written
	extra     extra
}

// readManifest reads the composer.json in the root. A missing file gives an empty manifest.
func readManifest(root string) (manifest, error) {
	file := filepath.Join(root, "composer.json")
	data, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return manifest{}, nil
	case err != nil:
		return manifest{}, &FileError{Path: file, Err: err}
	}
	var fields struct {
		Name    json.RawMessage `json:"name"`
		Version json.RawMessage `json:"version"`
		Config  json.RawMessage `json:"config"`
		Extra   json.RawMessage `json:"extra"`
	}
	if err := json.Unmarshal(data, &fields); err != nil {
		return manifest{}, jsonError(file, data, err)
	}
	var config struct {
		VendorDir json.RawMessage `json:"vendor-dir"`
	}
	if json.Unmarshal(fields.Config, &config) != nil { // an empty PHP array, for one
		config.VendorDir = nil
	}
	return manifest{
		exists:    true,
		name:      strings.ToLower(text(fields.Name)),
		version:   text(fields.Version),
		vendorDir: text(config.VendorDir),
		extra:     readExtra(fields.Extra, nil),
	}, nil
}

// isGit reports whether the root is a clone of Magento's own repository.
func (m *manifest) isGit() bool {
	return m.name == "magento/magento2ce" || m.name == "magento/magento2ee"
}

// findVendorDir returns the vendor folder relative to the root: COMPOSER_VENDOR_DIR, else config.vendor-dir, else
// "vendor". As qpt writes nothing outside of the root, a vendor folder outside is an error.
func (m *manifest) findVendorDir(root string, getenv func(string) string) (string, error) {
	dir := getenv("COMPOSER_VENDOR_DIR")
	if dir == "" {
		dir = m.vendorDir
	}
	dir = strings.TrimRight(expandHome(dir, getenv), `/\`)
	if dir == "" {
		return "vendor", nil
	}
	local := filepath.FromSlash(dir)
	if filepath.IsAbs(local) {
		rel, err := filepath.Rel(root, local)
		if err != nil {
			return "", fmt.Errorf("the vendor folder %s is not inside of %s: %w", dir, root, err)
		}
		local = rel
	}
	local = filepath.Clean(local)
	if !filepath.IsLocal(local) || local == "." {
		return "", fmt.Errorf("the vendor folder %s is not inside of %s", dir, root)
	}
	return filepath.ToSlash(local), nil
}

// expandHome expands "~" and "$HOME" at the beginning of a path.
func expandHome(dir string, getenv func(string) string) string {
	for _, home := range []string{"~", "$HOME"} {
		if rest, ok := strings.CutPrefix(dir, home); ok && strings.HasPrefix(rest, "/") && getenv("HOME") != "" {
			return getenv("HOME") + rest
		}
	}
	return dir
}
