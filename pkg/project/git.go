package project

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/compat"
)

// unknownVersion is the version that Composer gives to a root package of which it knows none.
const unknownVersion = "1.0.0"

// rootPackages returns the base packages of a clone of Magento's repository: their version is that of the
// root package, or its alias.
func (m *manifest) rootPackages(root string, getenv func(string) string) ([]Package, error) {
	written := m.version
	if written == "" {
		written = getenv("COMPOSER_ROOT_VERSION")
	}
	var version compat.Version
	if written == "" {
		written, version = gitVersion(root)
	} else {
		var err error
		if version, err = compat.ParseVersion(written); err != nil {
			return nil, err
		}
	}
	version = again(version)
	if alias, ok := m.extra.alias(written); ok {
		version = alias // Composer knows the root package by its alias alone
	}
	packages := []Package{{Name: basePackage, Version: version, Dir: "."}}
	if m.name == "magento/magento2ee" {
		packages = append(packages, Package{Name: commercePackage, Version: version, Dir: "."})
	}
	return packages, nil
}

// again normalises a version once more, as happens on the way from Composer's root package to the constraint.
func again(v compat.Version) compat.Version {
	if w, err := compat.ParseVersion(v.Normalized()); err == nil && w.Normalized() != v.Normalized() {
		return w
	}
	return v
}

// gitVersion returns the version that the checked out branch or tag stands for, as written and as a version: a branch
// is dev-<branch>, or the numeric branch that it is named like; a commit is the highest version among its tags.
func gitVersion(root string) (string, compat.Version) {
	gitDir, ok := findGitDir(root)
	if !ok {
		return unknownVersion, mustParse(unknownVersion)
	}
	head := firstLine(filepath.Join(gitDir, "HEAD"))
	if ref, ok := strings.CutPrefix(head, "ref:"); ok {
		branch, ok := strings.CutPrefix(strings.TrimSpace(ref), "refs/heads/")
		if !ok || branch == "" {
			return unknownVersion, mustParse(unknownVersion)
		}
		if version, ok := branchVersion(branch); ok {
			return version.String(), version
		}
		return "dev-" + branch, mustParse("dev-" + branch)
	}
	if !isCommit(head) {
		return unknownVersion, mustParse(unknownVersion)
	}
	best := mustParse("dev-" + head)
	for _, tag := range tagsOf(commonDir(gitDir), head) {
		if version, err := compat.ParseVersion(tag); err == nil && (best.IsBranch() || version.Compare(best) > 0) {
			best = version
		}
	}
	return best.String(), best
}

// findGitDir returns the git folder of a clone or of one of its work trees.
func findGitDir(root string) (string, bool) {
	dir := filepath.Join(root, ".git")
	info, err := os.Stat(dir)
	if err != nil {
		return "", false
	}
	if info.IsDir() {
		return dir, true
	}
	target, ok := strings.CutPrefix(firstLine(dir), "gitdir:")
	if !ok {
		return "", false
	}
	return resolve(root, strings.TrimSpace(target)), true
}

// commonDir returns the git folder that has the tags: for a work tree, that of the clone it belongs to.
func commonDir(gitDir string) string {
	if common := firstLine(filepath.Join(gitDir, "commondir")); common != "" {
		return resolve(gitDir, common)
	}
	return gitDir
}

func resolve(base, p string) string {
	if p = filepath.FromSlash(p); filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(base, p)
}

// tagsOf returns the names of the tags of a commit.
func tagsOf(gitDir, commit string) []string {
	var tags []string
	if packed, err := os.Open(filepath.Join(gitDir, "packed-refs")); err == nil {
		defer packed.Close()
		name := ""
		for lines := bufio.NewScanner(packed); lines.Scan(); {
			line := lines.Text()
			if peeled, ok := strings.CutPrefix(line, "^"); ok {
				if peeled == commit && name != "" {
					tags = append(tags, name)
				}
				continue
			}
			object, ref, _ := strings.Cut(line, " ")
			if name, _ = strings.CutPrefix(ref, "refs/tags/"); name == ref {
				name = ""
			} else if object == commit {
				tags = append(tags, name)
			}
		}
	}
	loose := filepath.Join(gitDir, "refs", "tags")
	_ = filepath.WalkDir(loose, func(p string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // what cannot be read is no tag
		}
		if object := firstLine(p); object == commit || tagTarget(gitDir, object) == commit {
			if rel, err := filepath.Rel(loose, p); err == nil {
				tags = append(tags, filepath.ToSlash(rel))
			}
		}
		return nil
	})
	slices.Sort(tags)
	return slices.Compact(tags)
}

// tagTarget returns the commit that an annotated tag names, or "" if the object is not a loose tag object.
func tagTarget(gitDir, object string) string {
	if !isCommit(object) {
		return ""
	}
	f, err := os.Open(filepath.Join(gitDir, "objects", object[:2], object[2:]))
	if err != nil {
		return ""
	}
	defer f.Close()
	z, err := zlib.NewReader(f)
	if err != nil {
		return ""
	}
	data, err := io.ReadAll(io.LimitReader(z, 256))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return ""
	}
	header, body, _ := bytes.Cut(data, []byte{0})
	line, _, _ := bytes.Cut(body, []byte("\n"))
	target, ok := bytes.CutPrefix(line, []byte("object "))
	if !ok || !bytes.HasPrefix(header, []byte("tag ")) {
		return ""
	}
	return string(target)
}

// isCommit reports whether s is the full name of a git object, in SHA-1 or SHA-256.
func isCommit(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// firstLine returns the first line of a small file, or "".
func firstLine(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(line)
}
