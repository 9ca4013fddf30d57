package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/applier/transaction"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/catalog/own"
	"github.com/quality-patches/qpt/pkg/project"
)

// hotfixesDir is the folder of loose diffs that shops have from Adobe's cloud tools.
const hotfixesDir = "m2-hotfixes"

// ownDir returns the folder of the shop's own catalogue, which need not be there.
func (a *app) ownDir(root string) string {
	switch dir := a.config.PatchesDir; {
	case dir != "":
		return a.path(dir)
	case root != "":
		return filepath.Join(root, "patches")
	}
	return ""
}

// ownCatalog returns the shop's own catalogue, if its folder holds one. Other files in
// the folder are somebody else's.
func (a *app) ownCatalog(root string) []catalog.Source {
	dir := a.ownDir(root)
	if dir == "" || !isDir(dir) {
		return nil
	}
	folder := os.DirFS(dir)
	if !own.Is(folder) {
		return nil
	}
	return []catalog.Source{own.Source(dir, folder)}
}

// ownPlace returns where in the installation the folder of a catalogue lies that is to be
// written; "" is elsewhere.
func ownPlace(inst *project.Installation, dir string) (string, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return "", usagef("the own catalogue %s cannot be changed: it is not a folder", dir)
	}
	rel, err := filepath.Rel(inst.Root, dir)
	if err != nil || !filepath.IsLocal(rel) {
		return "", nil //nolint:nilerr // another volume is elsewhere, too
	}
	rel = filepath.ToSlash(rel)
	switch {
	case rel == ".":
		return "", usagef("the own catalogue cannot be the installation %s itself; name a folder in it", inst.Root)
	case strings.HasPrefix(rel+"/", inst.VendorDir+"/"):
		return "", usagef("the own catalogue cannot lie in %s, which is Composer's; set patches-dir to another folder", inst.VendorDir)
	case slices.ContainsFunc(strings.Split(rel, "/"), func(part string) bool { return strings.EqualFold(part, ".git") }):
		return "", usagef("the own catalogue %s cannot lie in a git folder; set patches-dir to another folder", rel)
	}
	return rel, nil
}

// ownFS returns a folder below a root, nil if it is not there.
func (a *app) ownFS(root *os.Root, rel, name string) (fs.FS, error) {
	if _, err := root.Lstat(filepath.FromSlash(rel)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	sub, err := root.OpenRoot(filepath.FromSlash(rel)) // refuses a link that leaves the root
	if err != nil {
		return nil, usagef("the folder of the own catalogue, %s, cannot be used: %w", name, withoutPath(err))
	}
	a.closers = append(a.closers, sub.Close)
	return sub.FS(), nil
}

// openOwn begins an edit of the catalogue in a folder below a root; name is what the
// reader calls it.
func (a *app) openOwn(root *os.Root, rel, name string) (fs.FS, *own.Edit, error) {
	folder, err := a.ownFS(root, rel, name)
	if err != nil {
		return nil, nil, err
	}
	edit, err := own.Begin(folder)
	if err != nil {
		return nil, nil, usagef("the own catalogue %s cannot be changed: %w; qpt catalog lint %[1]s says where", name, err)
	}
	return folder, edit, nil
}

// An ownFolder is the folder of a catalogue that is edited outside of a transaction and
// written in one.
type ownFolder struct {
	dir    string
	inst   *project.Installation // below which it lies, nil for elsewhere
	root   *os.Root              // that of inst, else the folder itself; nil if that is not there yet
	rel    string                // the folder in root
	folder fs.FS                 // nil if it is not there
}

// ownFolder finds the folder of a catalogue, and begins an edit of it.
func (a *app) ownFolder(sh *shop, dir string) (*ownFolder, *own.Edit, error) {
	f := &ownFolder{dir: filepath.Clean(dir), inst: sh.inst, root: sh.root}
	var err error
	if f.rel, err = ownPlace(sh.inst, f.dir); err != nil {
		return nil, nil, err
	}
	if f.rel == "" {
		f.inst, f.root, f.rel = nil, nil, "."
		if isDir(f.dir) {
			if f.root, err = a.openRoot(f.dir); err != nil {
				return nil, nil, err
			}
		}
	}
	if f.root == nil {
		edit, err := own.Begin(nil)
		return f, edit, err
	}
	var edit *own.Edit
	f.folder, edit, err = a.openOwn(f.root, f.rel, f.dir)
	return f, edit, err
}

// source is the catalogue as it is, or as a preview has it.
func (f *ownFolder) source(folder fs.FS) catalog.Source { return own.Source(f.dir, folder) }

// transactionOptions are those of the installation, or of a folder elsewhere, whose journal
// is to be taken for no other's.
func (f *ownFolder) transactionOptions(a *app, command string) transaction.Options {
	o := a.transactionOptions(f.inst, command)
	if f.inst == nil {
		o.StateDir = a.plainStateDir(f.dir)
		if a.config.StateDir != "" {
			o.StateDir = filepath.Join(a.path(a.config.StateDir), stateName(f.dir))
		}
	}
	return o
}

// write writes an edit, all or nothing, unless somebody else wrote there in the meantime.
func (f *ownFolder) write(ctx context.Context, a *app, edit *own.Edit, command string) (err error) {
	if f.root == nil {
		var made []string
		for dir := f.dir; !isDir(dir); dir = filepath.Dir(dir) {
			made = append(made, dir)
		}
		defer func() {
			for _, dir := range made {
				if err != nil {
					_ = os.Remove(dir) // the error that is on its way matters more
				}
			}
		}()
		if err := os.MkdirAll(f.dir, 0o755); err != nil {
			return fmt.Errorf("make the folder of the catalogue: %w", err)
		}
		if f.root, err = a.openRoot(f.dir); err != nil {
			return err
		}
	}
	session, err := a.lock(ctx, f.root, f.transactionOptions(a, command))
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := session.Close(); err == nil {
			err = closeErr
		}
	}()
	overlay := applier.NewOverlay(applier.DirTree(f.root))
	if err := stageFiles(overlay, f.rel, edit.Files()); err != nil {
		return err
	}
	changes, err := overlay.Changes()
	if err != nil {
		return err
	}
	folder, err := a.ownFS(f.root, f.rel, f.dir)
	if err != nil {
		return err
	}
	if err := edit.Check(folder); err != nil { // after the overlay has read what the commit compares with
		return fmt.Errorf("catalogue %s: %w", f.dir, err)
	}
	if err := commit(ctx, session, changes); err != nil {
		return fmt.Errorf("write the catalogue %s: %w", f.dir, err)
	}
	return nil
}

// stageFiles puts files of a folder into an overlay; nil is for one that goes.
func stageFiles(o *applier.Overlay, dir string, files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		p := path.Join(dir, name)
		if files[name] != nil {
			if _, err := stageFile(o, p, files[name]); err != nil {
				return err
			}
			continue
		}
		switch old, err := o.ReadFile(p); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case old.Mode&fs.ModeSymlink != 0:
			return usagef("%s is a link; qpt writes files only", p)
		default:
			o.Remove(p)
		}
	}
	return nil
}
