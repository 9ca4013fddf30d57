package cli

import (
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/applier/transaction"
	"github.com/quality-patches/qpt/pkg/declared"
	"github.com/quality-patches/qpt/pkg/stack"
)

// inStep reports whether declarations, lock, catalogue, installed versions and files all
// agree, so that there is nothing to do. Of the files it compares sums alone. A no means
// only that one has to look closer.
func (a *app) inStep(sh *shop) (*declared.Lock, bool) {
	if work, err := transaction.Pending(sh.root, a.transactionOptions(sh.inst, "")); work != nil || err != nil {
		return nil, false
	}
	set, err := declared.Read(sh.root.FS())
	if err != nil {
		return nil, false
	}
	lock, err := declared.ReadLock(sh.root.FS())
	if err != nil || lock == nil || !lock.Same(set) {
		return nil, false
	}
	s := &assessment{set: set, lock: lock, sums: map[*stack.Item][]string{}}
	if err := s.choose(a, sh); err != nil || len(s.findings) > 0 || len(s.wanted) != len(lock.Patches) {
		return nil, false
	}
	if synced := a.synced(sh); synced != nil {
		for i := range synced.Patches { // there may be one that nobody declares any more
			p := &synced.Patches[i]
			if now, ok := lock.Patch(p.ID); !ok || !slices.Equal(now.Sums(), p.Sums()) {
				return nil, false
			}
		}
	}
	for i, it := range s.wanted {
		if locked, same := s.locked(it); !same || locked != &lock.Patches[i] {
			return nil, false
		}
	}
	return lock, maps.Equal(lock.Installed, s.decisive(sh)) && sameFiles(sh.root, lock)
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
