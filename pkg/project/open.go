package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/quality-patches/qpt/pkg/compat"
)

// Installation is a Magento installation as it was when [Open] looked. It does not change and is safe for
// concurrent use.
type Installation struct {
	Root      string // absolute
	VendorDir string // slash path relative to Root, usually "vendor"
	Layout    Layout
	Edition   Edition
	Version   compat.Version // of magento/magento2-base
	Packages  Packages
	Warnings  []string // what was left out or looks wrong, for people

	paths pathMap
}

// Find returns the absolute path of the nearest folder, dir itself or one above it, that holds an installation: a
// composer.json or vendor folder together with an installed.json, or a clone of Magento's repository, or an
// app/etc/env.php. A Composer project that does not look like Magento's is only taken if there is no better one
// above it: a shop may hold tools with a vendor folder of their own. Whether it can be used only [Open] tells.
// The environment comes through getenv (nil for none). If there is none, the error wraps [ErrNotInstallation].
func Find(dir string, getenv func(string) string) (string, error) {
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	start, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("cannot find the installation around %s: %w", dir, err)
	}
	nearest := ""
	for root := start; ; root = filepath.Dir(root) {
		found, magento := looksLike(root, getenv)
		if magento {
			return root, nil
		}
		if found && nearest == "" {
			nearest = root
		}
		if root == filepath.Dir(root) {
			break
		}
	}
	if nearest == "" {
		return "", fmt.Errorf("neither %s nor a folder above it: %w", start, ErrNotInstallation)
	}
	return nearest, nil
}

// looksLike reports whether a folder holds an installation, and whether it seems to be one of Magento.
func looksLike(root string, getenv func(string) string) (found, magento bool) {
	if exists(root, "app/etc/env.php") {
		return true, true
	}
	m, err := readManifest(root)
	if err != nil { // broken, but there: Open reports it
		return exists(root, "vendor/composer/installed.json"), false
	}
	if m.exists && m.isGit() {
		return true, true
	}
	vendorDir, err := m.findVendorDir(root, getenv)
	if err != nil {
		vendorDir = "vendor"
	}
	return exists(root, vendorDir+"/composer/installed.json"), exists(root, vendorDir+"/"+basePackage)
}

func exists(root, p string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(p)))
	return err == nil
}

// Open reads the installation in root. The environment comes through getenv (nil for none), of which it asks for
// COMPOSER_VENDOR_DIR, COMPOSER_ROOT_VERSION and HOME.
//
// Packages follow the rules of Composer's local repository: a package whose folder is missing is not installed, a
// version_normalized counts as it is, branches have aliases. Where Composer would refuse the whole file for one bad
// entry, Open leaves the entry out and adds a warning.
//
// Errors: one that wraps [ErrNotInstallation] if there is no Composer project in root, a *[FileError] if composer.json or
// installed.json cannot be read, and one that wraps [ErrNoMagento] if magento/magento2-base is missing. Only
// in the last case the Installation is returned, too, without Version and Edition.
func Open(root string, getenv func(string) string) (*Installation, error) {
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("cannot open the installation in %s: %w", root, err)
	}
	if info, err := os.Stat(abs); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: there is no such folder", ErrNotInstallation)
		}
		return nil, fmt.Errorf("cannot open the installation in %s: %w", abs, err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("cannot open the installation in %s: %w: it is a file", abs, ErrNotInstallation)
	}
	m, err := readManifest(abs)
	if err != nil {
		return nil, err
	}
	in := &Installation{Root: abs}
	if in.VendorDir, err = m.findVendorDir(abs, getenv); err != nil {
		return nil, err
	}
	if !m.exists && !exists(abs, in.VendorDir+"/composer/installed.json") {
		return nil, fmt.Errorf("cannot open the installation in %s: %w: it has no composer.json", abs, ErrNotInstallation)
	}
	if err := in.readPackages(&m, getenv); err != nil {
		return nil, err
	}
	base := in.Packages.Named(basePackage)
	if len(base) == 0 {
		return in, in.noMagento()
	}
	in.Version, in.Edition = base[0].Version, editionOf(in.Packages)
	return in, nil
}

// VendorDir returns the folder that Composer installs packages into, as a slash path relative to root. Of the
// environment, getenv (nil for none) is asked for COMPOSER_VENDOR_DIR and HOME. It is quicker than [Open] and has its
// errors.
func VendorDir(root string, getenv func(string) string) (string, error) {
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	m, err := readManifest(root)
	if err != nil {
		return "", err
	}
	return m.findVendorDir(root, getenv)
}

// readPackages fills in the packages, the layout and the warnings.
func (in *Installation) readPackages(m *manifest, getenv func(string) string) error {
	found, err := readInstalled(in.Root, in.VendorDir)
	if err != nil {
		return err
	}
	in.Warnings = found.invalid
	if n := len(found.missing); n > 0 {
		const most = 5
		names := strings.Join(found.missing[:min(n, most)], ", ")
		if n > most {
			names += fmt.Sprintf(" and %d more", n-most)
		}
		in.Warnings = append(in.Warnings, fmt.Sprintf("listed in %s/composer/installed.json, but their folders are missing, "+
			"so they count as not installed: %s", in.VendorDir, names))
	}
	entries := found.packages
	if m.isGit() {
		in.Layout = Git
		own, err := m.rootPackages(in.Root, getenv)
		if err != nil {
			return fmt.Errorf("cannot tell the version of the repository in %s: %w", in.Root, err)
		}
		if v := own[0].Version; v.IsBranch() || m.version == "" && v.String() == unknownVersion {
			in.Warnings = append(in.Warnings, fmt.Sprintf("the version of this clone of Magento is %s, which hardly any patch is "+
				"for; set COMPOSER_ROOT_VERSION, or version in composer.json, to the release it stands for", v))
		}
		entries = append(own, entries...)
	}
	in.Packages = NewPackages(entries)
	in.paths = newPathMap(in)
	return nil
}

// noMagento explains what to do about a project without Magento.
func (in *Installation) noMagento() error {
	hint := "run composer install there, or name the folder of a Magento installation"
	for _, p := range in.Packages.All() {
		if name := strings.ToLower(p.Name); name != basePackage && strings.HasSuffix(name, "/magento2-base") {
			hint = fmt.Sprintf("it has %s %s, which Magento's patches are not made for", p.Name, p.Version)
		}
	}
	return fmt.Errorf("the project in %s cannot be patched: %w; %s", in.Root, ErrNoMagento, hint)
}
