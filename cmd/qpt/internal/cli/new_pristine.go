package cli

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/author"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/report"
	"github.com/quality-patches/qpt/pkg/stack"
)

// What edits can be compared with, beside folders and archives.
const (
	againstGit   = "git"
	againstCache = "composer-cache"
)

// pristine finds the files that differ from what they were, and what they were.
func (n *authoring) pristine(ctx context.Context) (author.Pristine, string, error) {
	if err := n.resolve(); err != nil {
		return nil, "", err
	}
	always := n.oldPaths()
	before := author.Pristine{}
	switch n.against {
	case againstGit, "":
		c, err := openClone(ctx, n.shop.inst.Root)
		if err == nil && n.against == "" && n.lacking(ctx, c) != "" {
			err = fmt.Errorf("git does not keep %s", n.lacking(ctx, c))
		}
		if err == nil {
			return before, againstGit, n.fromGit(ctx, c, before, always)
		}
		if n.against == againstGit {
			return nil, "", usagef("--against git: %w", err)
		}
		n.note("not compared with git: %s", report.Clean(err.Error()))
		fallthrough
	case againstCache:
		return before, againstCache, n.fromCache(before, always)
	}
	return before, n.against, n.fromPackage(n.path(n.against), before, always)
}

// resolve makes PATHs relative to the root, and checks packages.
func (n *authoring) resolve() error {
	for i, arg := range n.paths {
		rel, err := filepath.Rel(n.shop.inst.Root, n.path(arg))
		known := func(p string) bool { // as a file or folder, or one that was deleted
			_, err := n.shop.root.Stat(filepath.Dir(p))
			return err == nil
		}
		if err != nil || !filepath.IsLocal(rel) || !known(rel) {
			rel = filepath.Clean(arg)
		}
		if !filepath.IsLocal(rel) || rel == "." {
			return usagef("%s is not below the installation", arg)
		}
		n.paths[i] = filepath.ToSlash(rel)
		if _, err := n.shop.root.Lstat(filepath.Dir(rel)); err != nil {
			return usagef("%s: there is no such file or folder in the installation", arg)
		}
	}
	for _, name := range n.packages {
		if _, ok := n.folder(name); !ok {
			return usagef("package %s is not installed", name)
		}
	}
	return nil
}

// folder returns where a package lies.
func (n *authoring) folder(name string) (string, bool) {
	if list := n.installed(name); len(list) > 0 {
		return list[0].Dir, list[0].Dir != ""
	}
	if n.shop.inst.Layout == project.Git {
		dir := n.shop.inst.Path("vendor/" + strings.ToLower(name))
		return dir, isDir(filepath.Join(n.shop.inst.Root, filepath.FromSlash(dir)))
	}
	return "", false
}

// oldPaths are all files of the diffs that an update replaces, since it would drop what was
// not looked at.
func (n *authoring) oldPaths() []string {
	if n.old == nil {
		return nil
	}
	var paths []string
	for _, v := range stack.Eligible(n.stack.Packages, n.old) {
		diff, err := v.Diff()
		if err != nil {
			continue
		}
		var files []string
		for _, p := range diff.Paths() {
			files = append(files, n.shop.inst.Path(p))
		}
		if n.takesIn(v.Package) || slices.ContainsFunc(files, n.wanted) {
			paths = append(paths, files...)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// takesIn reports whether a diff for a package gets files that were asked for and that it
// does not have yet.
func (n *authoring) takesIn(pkg string) bool {
	if (n.base || n.byBase) && strings.EqualFold(pkg, catalog.BasePackage) {
		return true
	}
	return containsFold(n.packages, pkg) || slices.ContainsFunc(n.paths, func(p string) bool {
		c, err := n.composerPath(p)
		return err == nil && strings.EqualFold(project.PackageOf(c+"/x"), pkg) // also a package's own folder
	})
}

// wanted reports whether a file is among those that were asked for.
func (n *authoring) wanted(p string) bool {
	if n.everything() {
		return true
	}
	if slices.ContainsFunc(n.paths, func(dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }) {
		return true
	}
	return slices.ContainsFunc(n.packages, func(name string) bool {
		dir, _ := n.folder(name)
		return dir == "." && n.ofBase(p) || strings.HasPrefix(p, dir+"/") || strings.EqualFold(name, catalog.BasePackage) && n.ofBase(p)
	})
}

// ofBase reports whether a file of the root comes from the base package: Composer copies
// it there.
func (n *authoring) ofBase(p string) bool {
	inst := n.shop.inst
	if inst.Layout == project.Git {
		return !strings.HasPrefix(p, inst.VendorDir+"/")
	}
	switch path.Base(p) {
	case "composer.json", "composer.lock", ".gitignore":
		return false
	}
	_, err := n.shop.root.Lstat(filepath.FromSlash(inst.VendorDir + "/" + catalog.BasePackage + "/" + p))
	return err == nil
}

// ofPackage reports whether a file belongs to an installed package.
func (n *authoring) ofPackage(p string) bool {
	c, err := n.composerPath(p)
	if err != nil {
		return false
	}
	if strings.HasPrefix(c, "vendor/") {
		const inPackage = 3 // vendor, its vendor, its name
		return strings.Count(c, "/") >= inPackage && (c != p || len(n.installed(project.PackageOf(c))) > 0)
	}
	if n.shop.inst.Layout == project.Git {
		return strings.HasPrefix(p, "lib/") || strings.HasPrefix(p, "setup/")
	}
	return n.ofBase(p)
}

// ofRepository reports whether a file of a clone that its last commit has is Magento's, though it lies in no package and
// in no folder that is Magento's alone: a new file there may be the shop's.
func (n *authoring) ofRepository(p string) bool {
	if n.shop.inst.Layout != project.Git {
		return false
	}
	top, rest, below := strings.Cut(p, "/")
	switch top {
	case "app":
		return !strings.Contains(rest, "/") || strings.HasPrefix(rest, "etc/")
	case "bin", "dev", "phpserver", "pub":
		return true
	case ".htaccess", "index.php", "nginx.conf.sample":
		return !below
	}
	return false
}

// lacking names a folder that was asked for and that the last commit does not have.
func (n *authoring) lacking(ctx context.Context, c *clone) string {
	folders := []string{n.shop.inst.VendorDir}
	if n.shop.inst.Layout == project.Git {
		folders = nil
	}
	for _, name := range n.packages {
		if dir, _ := n.folder(name); dir != "." {
			folders = append(folders, dir)
		}
	}
	for _, p := range n.paths {
		if pkg := project.PackageOf(p); strings.HasPrefix(p, n.shop.inst.VendorDir+"/") && len(n.installed(pkg)) > 0 {
			dir, _ := n.folder(pkg)
			folders = append(folders, dir)
		}
	}
	for _, dir := range folders {
		if !c.holds(ctx, dir) {
			return dir
		}
	}
	return ""
}

func (n *authoring) fromGit(ctx context.Context, c *clone, before author.Pristine, always []string) error {
	if dir := n.lacking(ctx, c); dir != "" {
		return usagef("git does not keep %s; give --against composer-cache, or a pristine folder or archive", dir)
	}
	held := map[string]bool{}
	holds := func(dir string) bool {
		known, ok := held[dir]
		if !ok {
			known = c.holds(ctx, dir)
			held[dir] = known
			if !known {
				n.note("git does not keep %s, so it was not looked at", report.Clean(dir))
			}
		}
		return known
	}
	return c.before(ctx, before, n.tree, nil, always, func(p string, added bool) bool {
		if slices.ContainsFunc(n.paths, func(dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }) {
			return true
		}
		if !n.wanted(p) || !n.ofPackage(p) && (added || !n.ofRepository(p)) {
			return false
		}
		if !added {
			return true
		}
		// What git has never seen is new only beside files that it has.
		if pkg := project.PackageOf(p); strings.HasPrefix(p, n.shop.inst.VendorDir+"/") && len(n.installed(pkg)) > 0 {
			dir, _ := n.folder(pkg)
			return holds(dir)
		}
		return n.shop.inst.Layout == project.Git
	})
}

// A part is a package that is compared, with the files of it that were asked for, relative
// to dir; nil are all.
type part struct {
	pkg  project.Package
	dir  string
	only []string
}

// everything reports whether nothing was asked for by name.
func (n *authoring) everything() bool { return len(n.paths) == 0 && len(n.packages) == 0 }

// parts are the packages that were asked for, and those of the files that were.
func (n *authoring) parts(always []string) ([]part, error) {
	var list []part
	at := func(pkg project.Package, dir string) *part {
		for i := range list {
			if list[i].pkg.Name == pkg.Name && list[i].dir == dir {
				return &list[i]
			}
		}
		list = append(list, part{pkg: pkg, dir: dir, only: []string{}})
		return &list[len(list)-1]
	}
	base := func(p string) bool { return !strings.HasPrefix(p, n.shop.inst.VendorDir+"/") }
	for _, p := range append(slices.Clone(n.paths), always...) {
		name, dir := catalog.BasePackage, "."
		if !base(p) {
			c, err := n.composerPath(p)
			if err != nil {
				return nil, err
			}
			name = project.PackageOf(c + "/x") // also of a package's own folder
			dir, _ = n.folder(name)
		}
		pkgs := n.installed(name)
		if len(pkgs) == 0 {
			return nil, usagef("%s belongs to no installed package", p)
		}
		part := at(pkgs[0], dir)
		if n.everything() { // what an update is about: the packages of its diffs
			part.only = nil
			continue
		}
		rel := "."
		if p != dir {
			rel = strings.TrimPrefix(p, dir+"/")
		}
		part.only = append(part.only, rel)
	}
	for _, name := range n.packages {
		pkgs := n.installed(name)
		if len(pkgs) == 0 || pkgs[0].Dir == "" {
			return nil, usagef("package %s has no files of its own", name)
		}
		if strings.EqualFold(name, catalog.BasePackage) {
			at(pkgs[0], ".").only = nil
		} else {
			at(pkgs[0], pkgs[0].Dir).only = nil
		}
	}
	return list, nil
}

// compare compares one package.
func (n *authoring) compare(before author.Pristine, p part, pristine fs.FS, always []string) error {
	place := author.Place{Dir: p.dir, Pristine: pristine, Only: p.only}
	for _, name := range always {
		if rel, ok := strings.CutPrefix(name, p.dir+"/"); ok || p.dir == "." && !strings.HasPrefix(name, n.shop.inst.VendorDir+"/") {
			place.Always = append(place.Always, rel)
		}
	}
	if p.dir == "." && p.only == nil { // of the base package, what Composer copied into the root
		place.Only = []string{}
		err := fs.WalkDir(pristine, ".", func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && name != "composer.json" && name != ".gitignore" {
				if _, err := n.shop.root.Lstat(filepath.FromSlash(name)); err == nil {
					place.Only = append(place.Only, name)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return author.Compare(before, n.tree, n.shop.root.FS(), place)
}

func (n *authoring) fromCache(before author.Pristine, always []string) error {
	parts, err := n.parts(always)
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		return usagef("say which packages were edited, with --package or PATHs: only git tells")
	}
	for _, p := range parts {
		archive, _, err := author.FromCache(n.shop.inst, p.pkg, n.Getenv)
		if err != nil {
			return err
		}
		n.closers = append(n.closers, archive.Close)
		if err := n.compare(before, p, archive.FS, always); err != nil {
			return err
		}
	}
	return nil
}

// fromPackage compares with a folder or archive: of one package, or a tree of the whole
// installation.
func (n *authoring) fromPackage(name string, before author.Pristine, always []string) error {
	pristine, err := author.OpenPackage(name)
	if err != nil {
		return usagef("--against %s: %w (or give git or composer-cache)", n.against, err)
	}
	n.closers = append(n.closers, pristine.Close)
	parts, err := n.parts(always)
	if err != nil {
		return err
	}
	inst := n.shop.inst
	if info, err := fs.Stat(pristine.FS, inst.VendorDir); err == nil && info.IsDir() {
		return n.fromTree(pristine.FS, before, parts, always)
	}
	if pkgs := n.installed(pristine.Name); len(parts) == 0 && len(pkgs) > 0 {
		dir := pkgs[0].Dir
		if strings.EqualFold(pkgs[0].Name, catalog.BasePackage) {
			dir = "."
		}
		parts = []part{{pkg: pkgs[0], dir: dir}}
	}
	if len(parts) != 1 {
		return usagef("--against %s: it holds neither %s nor a package that was asked for alone; name one with --package", n.against, inst.VendorDir)
	}
	if err := pristine.Is(parts[0].pkg); err != nil {
		return usagef("--against %s: %w", n.against, err)
	}
	return n.compare(before, parts[0], pristine.FS, always)
}

// fromTree compares with a tree of the whole installation.
func (n *authoring) fromTree(tree fs.FS, before author.Pristine, parts []part, always []string) error {
	if n.everything() {
		parts = nil
		for _, pkg := range n.stack.Packages.All() {
			switch {
			case strings.EqualFold(pkg.Name, catalog.BasePackage) && n.shop.inst.Layout != project.Git:
				parts = append(parts, part{pkg: pkg, dir: "."})
			case pkg.Dir != "" && pkg.Dir != ".":
				parts = append(parts, part{pkg: pkg, dir: pkg.Dir})
			}
		}
		if n.shop.inst.Layout == project.Git {
			parts = append(parts, part{dir: ".", only: []string{"app/code/Magento", "app/design", "app/i18n", "lib", "setup"}})
		}
	}
	for _, p := range parts {
		sub, err := fs.Sub(tree, p.dir)
		if err != nil {
			return err
		}
		if p.dir != "." {
			if _, err := fs.Stat(sub, "."); err != nil {
				return usagef("--against %s: it has no %s", n.against, p.dir)
			}
			stated := author.Describe(sub)
			if err := stated.Is(p.pkg); err != nil {
				return usagef("--against %s: %s: %w", n.against, p.dir, err)
			}
		}
		if p.dir == "." && p.only == nil { // the copies lie in its root, too
			p.only = n.copies(sub)
		}
		if err := n.compare(before, p, sub, always); err != nil {
			return err
		}
	}
	return nil
}

// copies are the files of the base package that a tree has in its root.
func (n *authoring) copies(tree fs.FS) []string {
	names := []string{}
	dir := n.shop.inst.VendorDir + "/" + catalog.BasePackage
	_ = fs.WalkDir(tree, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir
		}
		rel := strings.TrimPrefix(name, dir+"/")
		if !d.IsDir() && rel != "composer.json" && rel != ".gitignore" {
			if _, err := fs.Stat(tree, rel); err == nil {
				names = append(names, rel)
			}
		}
		return nil
	})
	return names
}
