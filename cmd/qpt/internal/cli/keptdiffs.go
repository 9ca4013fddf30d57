package cli

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/quality-patches/qpt/pkg/catalog/store"
	"github.com/quality-patches/qpt/pkg/declared"
	"github.com/quality-patches/qpt/pkg/report"
)

// The store keeps the diffs that were put in, named by their sums, so that they can be
// taken out when the catalogue has others by then. It is a help, and no more: what it
// lacks is to be had in the catalogue, or else is a [stack.LostError].
func (a *app) storeDir(sh *shop) string {
	o := a.transactionOptions(sh.inst, "")
	if o.StateDir == "" {
		return filepath.Join(sh.inst.Root, "var", "qpt", "diffs")
	}
	return filepath.Join(o.StateDir, "diffs")
}

// stored returns the diff with a sum, or nil.
func (a *app) stored(sh *shop, sum string) []byte {
	text, err := os.ReadFile(filepath.Join(a.storeDir(sh), sum+".patch"))
	if err != nil || hexSum(text) != sum {
		return nil
	}
	return text
}

// keepDiffs keeps the diffs of a lock, and drops those that neither it nor the one before needs.
func (a *app) keepDiffs(sh *shop, s *assessment) {
	dir := a.storeDir(sh)
	needed := map[string]bool{}
	err := os.MkdirAll(dir, 0o777)
	for _, it := range s.wanted {
		for i, v := range it.Variants {
			name := s.sums[it][i] + ".patch"
			needed[name] = true
			if a.stored(sh, s.sums[it][i]) != nil || err != nil {
				continue
			}
			var text []byte
			if text, err = v.Text(); err == nil {
				err = store.WriteFile(filepath.Join(dir, name), text, 0o644)
			}
		}
	}
	for _, lock := range []*declared.Lock{s.lock, s.synced} {
		if lock == nil {
			continue
		}
		for i := range lock.Patches {
			for _, sum := range lock.Patches[i].Sums() {
				needed[sum+".patch"] = true
			}
		}
	}
	if err != nil {
		a.note("warning: the diffs were not kept: %s", report.Clean(err.Error()))
		return
	}
	entries, _ := os.ReadDir(dir) // what is left lying is no harm
	for _, e := range entries {
		if !needed[e.Name()] && strings.HasSuffix(e.Name(), ".patch") {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// syncedName is the file in the state folder that has the lock which the tree was last
// brought to. Another one may have come since with a commit of somebody else.
const syncedName = "synced.lock"

// synced returns the lock that this tree was last brought to, nil if that is not known.
func (a *app) synced(sh *shop) *declared.Lock {
	text, err := os.ReadFile(filepath.Join(filepath.Dir(a.storeDir(sh)), syncedName))
	if err != nil {
		return nil
	}
	lock, err := declared.ParseLock(text)
	if err != nil {
		return nil // of another version, or not of qpt
	}
	return lock
}

// keepSynced remembers the lock that the tree is brought to, where there is a state folder,
// and reports whether it was another one.
func (a *app) keepSynced(sh *shop, lock *declared.Lock) (changed bool) {
	name := filepath.Join(filepath.Dir(a.storeDir(sh)), syncedName)
	text := lock.Bytes()
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, text) {
		return false
	}
	if _, err := os.Stat(filepath.Dir(name)); err != nil {
		return false
	}
	return store.WriteFile(name, text, 0o644) == nil // without it, the next sync knows less
}

// readOwn reads a file of qpt in the root; none is empty.
func readOwn(sh *shop, name string) ([]byte, error) {
	text, err := sh.root.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &declared.Error{Place: declared.Place{File: name}, Err: err}
	}
	return text, nil
}
