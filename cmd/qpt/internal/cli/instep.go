package cli

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tidwall/gjson"

	"github.com/quality-patches/qpt/patches"
	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/applier/transaction"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/declared"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/stack"
)

// inStep reports whether declarations, lock, diffs, installed versions and files all
// agree, so that there is nothing to do. It compares sums and reads neither the
// catalogue nor the packages. A no means only that one has to look closer.
func (a *app) inStep(root *os.Root) (*declared.Lock, bool) {
	if work, err := transaction.Pending(root, a.transactionOptions(&project.Installation{}, "")); work != nil || err != nil {
		return nil, false
	}
	set, err := declared.Read(root.FS())
	if err != nil {
		return nil, false
	}
	lock, err := declared.ReadLock(root.FS())
	if err != nil || lock == nil || !lock.Same(set) {
		return nil, false
	}
	for _, p := range set.Patches {
		locked, ok := lock.Patch(p.Name)
		if !ok || p.SHA256 != "" && declared.Hash(locked.Sums()) != p.SHA256 {
			return nil, false
		}
	}
	return lock, a.sameInstalled(root, lock) && a.sameDiffs(root, lock) && sameFiles(root, lock)
}

// sameInstalled reports whether the packages that decided are still of the same versions.
func (a *app) sameInstalled(root *os.Root, lock *declared.Lock) bool {
	if len(lock.Installed) == 0 {
		return true
	}
	manifest, err := root.ReadFile("composer.json")
	if err != nil && !os.IsNotExist(err) || bytes.Contains(manifest, []byte(`"vendor-dir"`)) || a.Getenv("COMPOSER_VENDOR_DIR") != "" {
		return false // where the packages lie is not for a quick look
	}
	src, err := root.ReadFile("vendor/composer/installed.json")
	if err != nil {
		return false
	}
	missing := len(lock.Installed)
	gjson.GetBytes(src, "packages").ForEach(func(_, p gjson.Result) bool {
		if version, ok := lock.Installed[p.Get("name").Str]; ok {
			if p.Get("version").Str != version {
				return false
			}
			missing--
		}
		return missing > 0
	})
	return missing == 0
}

// sameDiffs reports whether every diff of the lock still lies where it came from.
func (a *app) sameDiffs(root *os.Root, lock *declared.Lock) bool {
	sources := map[string]func(file string) ([]byte, error){
		"": func(file string) ([]byte, error) { return root.ReadFile(file) },
		bundledSource: func(file string) ([]byte, error) {
			return fs.ReadFile(patches.Catalog(), path.Join("patches", file))
		},
	}
	for _, name := range a.config.Catalog {
		s, closer, err := catalog.Open(a.path(name))
		if err != nil {
			return false
		}
		a.closers = append(a.closers, closer)
		sources[a.sourceLabel(s.Name)] = func(file string) ([]byte, error) {
			return fs.ReadFile(s.FS, path.Join("patches", file))
		}
	}
	for i := range lock.Patches {
		for _, d := range lock.Patches[i].Diffs {
			read := sources[d.Source]
			if read == nil {
				read = func(file string) ([]byte, error) { return root.ReadFile(path.Join(d.Source, "patches", file)) }
			}
			if text, err := read(d.File); err != nil || hexSum(text) != d.SHA256 {
				return false
			}
		}
	}
	return true
}

// sameFiles reports whether every file is as the lock leaves it.
func sameFiles(root *os.Root, lock *declared.Lock) bool {
	var files []declared.LockedFile
	for _, f := range lock.Files() {
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b declared.LockedFile) int { return strings.Compare(a.Path, b.Path) })
	tree := applier.DirTree(root)
	var next atomic.Int64
	var differs atomic.Bool
	var wg sync.WaitGroup
	for range min(4, len(files)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(files) && !differs.Load(); i = int(next.Add(1)) - 1 {
				f, err := tree.ReadFile(files[i].Path)
				if err != nil && !os.IsNotExist(err) || stack.Sum(f) != files[i].After ||
					f != nil && files[i].Mode != "" && applier.GitMode(f.Mode) != files[i].Mode {
					differs.Store(true)
				}
			}
		})
	}
	wg.Wait()
	return !differs.Load()
}
