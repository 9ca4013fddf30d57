package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	stdhash "hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/tidwall/gjson"

	"github.com/quality-patches/qpt/pkg/applier/transaction"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/declared"
	"github.com/quality-patches/qpt/pkg/project"
)

// A stamp is the hash of all that decides what a sync has to do, beside the files that
// qpt.lock names. A sync that finds nothing to do keeps it in the state folder: as long as
// it holds, the next one need not load catalogue and packages to find the same.
type stamp struct {
	state *os.Root
	lock  *declared.Lock
	sum   string
	// same is set if every file is as the lock leaves it.
	same bool
}

// stampName is the name of its file in the state folder.
const stampName = "in-step"

// stamp makes the stamp of the shop as it is, nil where there is none to rely on.
func (a *app) stamp() *stamp {
	root, err := a.openRoot(a.config.Root)
	if err != nil {
		return nil
	}
	s := &stamp{}
	o := a.transactionOptions(&project.Installation{}, "")
	if o.StateDir != "" {
		s.state, err = os.OpenRoot(o.StateDir)
	} else {
		s.state, err = root.OpenRoot("var/qpt")
	}
	if err != nil {
		return nil
	}
	a.closers = append(a.closers, s.state.Close)
	if work, err := transaction.Pending(root, o); work != nil || err != nil {
		return nil
	}
	set, err := declared.Read(root.FS())
	if err != nil {
		return nil
	}
	if s.lock, err = declared.ReadLock(root.FS()); err != nil || s.lock == nil || !s.lock.Same(set) {
		return nil
	}
	f := fingerprint{Hash: sha256.New(), buffer: make([]byte, 64<<10)}
	var files sync.WaitGroup
	files.Go(func() { s.same = sameFiles(root, s.lock) })
	a.inputs(&f, root, s.lock)
	f.file(s.state.FS(), syncedName)
	files.Wait()
	if f.err != nil {
		return nil
	}
	s.sum = hex.EncodeToString(f.Sum(nil))
	return s
}

// holds reports whether an earlier sync left this stamp, and the files are as it left them.
func (s *stamp) holds() bool {
	kept, err := s.state.ReadFile(stampName)
	return err == nil && string(kept) == s.sum+"\n" && s.same
}

// keep leaves the stamp behind. Where that cannot be, the next sync looks closer.
func (s *stamp) keep() {
	const fresh = "." + stampName + ".new"
	if s.state.WriteFile(fresh, []byte(s.sum+"\n"), 0o644) != nil || s.state.Rename(fresh, stampName) != nil {
		_ = s.state.Remove(fresh) // if it is there at all
	}
}

// inputs takes in all that decides which patches belong into the shop, and which diffs they
// are.
func (a *app) inputs(f *fingerprint, root *os.Root, lock *declared.Lock) {
	vendorDir, err := project.VendorDir(a.config.Root, a.Getenv)
	if err != nil {
		f.fail(err)
		return
	}
	f.program()
	for _, name := range []string{"COMPOSER_ROOT_VERSION", "COMPOSER_VENDOR_DIR"} {
		f.note(name, []byte(a.Getenv(name)))
	}
	manifest, err := root.ReadFile("composer.json")
	f.fail(err)
	if name := gjson.GetBytes(manifest, "name").String(); strings.HasPrefix(strings.ToLower(name), "magento/magento2") {
		f.fail(errors.New("the version of a clone hangs on git"))
	}
	for _, name := range []string{"composer.json", declared.ConfigFile, declared.LockFile, ".magento.env.yaml", path.Join(vendorDir, "composer", "installed.json")} {
		f.file(root.FS(), name)
	}
	for _, dir := range []string{vendorDir, path.Join(vendorDir, "magento")} { // a package without its folder is not installed
		f.folder(filepath.Join(a.config.Root, filepath.FromSlash(dir)))
	}
	levels, _, err := a.levels(a.config.Root, vendorDir)
	f.fail(err)
	for _, level := range levels {
		for _, source := range level {
			f.catalog(source, lock)
		}
	}
	for i := range lock.Patches {
		for _, d := range lock.Patches[i].Diffs {
			if fs.ValidPath(d.File) { // a diff by its path; others are not there
				f.file(root.FS(), d.File)
			}
		}
	}
}

// A fingerprint hashes what it is told, until something cannot be read.
type fingerprint struct {
	stdhash.Hash
	buffer []byte
	err    error
}

func (f *fingerprint) fail(err error) { f.err = errors.Join(f.err, err) }

func (f *fingerprint) note(name string, content []byte) {
	fmt.Fprintf(f, "%q %d ", name, len(content))
	_, _ = f.Write(content) // a hash takes all
}

// program notes which qpt this is: another one may come to something else.
func (f *fingerprint) program() {
	exe, err := os.Executable()
	if err == nil {
		var info fs.FileInfo
		if info, err = os.Stat(exe); err == nil {
			f.note("program", fmt.Append(nil, buildVersion().Version, info.Size(), info.ModTime().UnixNano()))
		}
	}
	f.fail(err)
}

// file notes a file, which need not be there.
func (f *fingerprint) file(fsys fs.FS, name string) {
	info, err := fs.Stat(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		f.note("no "+name, nil)
		return
	}
	if err != nil || !info.Mode().IsRegular() { // to open a named pipe waits for who writes to it
		f.fail(errors.Join(err, fmt.Errorf("%s is no file", name)))
		return
	}
	file, err := fsys.Open(name)
	if err != nil {
		f.fail(err)
		return
	}
	defer file.Close()
	// Its length stands before it, so that no content can pass for two.
	fmt.Fprintf(f, "%q %d ", name, info.Size())
	n, err := io.CopyBuffer(struct{ io.Writer }{f}, struct{ io.Reader }{file}, f.buffer)
	if err == nil && n != info.Size() {
		err = fmt.Errorf("%s changes", name)
	}
	f.fail(err)
}

// folder notes what a folder holds, by name.
func (f *fingerprint) folder(name string) {
	dir, err := os.Open(name)
	if err != nil {
		f.note("no "+name, nil)
		return
	}
	defer dir.Close()
	entries, err := dir.Readdirnames(-1) // without a look at each
	f.fail(err)
	slices.Sort(entries)
	f.note(name, []byte(strings.Join(entries, "\n")))
}

// catalog notes the entries of a catalogue, and the diffs that the lock has of it.
func (f *fingerprint) catalog(source catalog.Source, lock *declared.Lock) {
	f.note("catalogue", []byte(source.Name))
	for _, name := range []string{"support-patches.json", "community-patches.json", "patches.json"} {
		f.file(source.FS, name)
	}
	var diffs []string
	for i := range lock.Patches {
		for _, d := range lock.Patches[i].Diffs {
			if fs.ValidPath(d.File) {
				diffs = append(diffs, path.Join("patches", d.File))
			}
		}
	}
	slices.Sort(diffs)
	for _, name := range slices.Compact(diffs) {
		f.file(source.FS, name)
	}
}
