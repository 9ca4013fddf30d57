package applier

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// DirTree returns the files below root as a [Tree]. Folders that are links are
// followed as far as they stay inside the root; a file that is a link is not followed.
func DirTree(root *os.Root) Tree {
	t := &dirTree{root: root}
	// Without the handle, files are opened step by step.
	if t.top, _ = root.Open("."); t.top != nil {
		runtime.AddCleanup(t, func(f *os.File) { _ = f.Close() }, t.top)
	}
	return t
}

// maxFile is how large a file to be patched may be: it is held in memory.
const maxFile = 256 << 20

type dirTree struct {
	root *os.Root
	// top is a handle to the root folder, or nil.
	top *os.File
	// near holds handles to folders such as vendor/magento/module-customer: an os.Root
	// opens every folder on the way to a file, each time. They close with the last
	// reference to the tree.
	near  sync.Map // name → *os.Root, nil if it cannot be opened
	count atomic.Int32
}

// maxNear is how many folders are held open, well below the usual limit of a process.
const maxNear = 256

// folder opens a folder. The dot at the end has only a folder opened: a pipe would be
// waited for.
func (t *dirTree) folder(name string) (*os.Root, error) {
	if high, rest, ok := cutAfter(name, 3); ok {
		// A link may lead out of the high folder and stay below the root.
		if near := t.nearFolder(high); near != nil {
			if sub, err := near.OpenRoot(rest + "/."); err == nil {
				return sub, nil
			}
		}
	}
	return t.root.OpenRoot(name + "/.")
}

// nearFolder returns a handle that stays open, or nil.
func (t *dirTree) nearFolder(name string) *os.Root {
	handle, ok := t.near.Load(name)
	if !ok {
		if t.count.Add(1) > maxNear {
			return nil
		}
		opened, _ := t.root.OpenRoot(name + "/.") // what is wrong shows when it is asked for
		handle, _ = t.near.LoadOrStore(name, opened)
	}
	return handle.(*os.Root)
}

// cutAfter splits a path after n components.
func cutAfter(name string, n int) (high, rest string, ok bool) {
	at := 0
	for range n {
		i := strings.IndexByte(name[at:], '/')
		if i < 0 {
			return "", "", false
		}
		at += i + 1
	}
	return name[:at-1], name[at:], true
}

func (t *dirTree) ReadFile(name string) (*File, error) {
	if t.top != nil {
		f, err := readBeneath(t.top, name)
		if err == nil {
			return f, nil
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
		}
	}
	return t.readStepwise(name)
}

// readStepwise reads a file, or says what is in its way.
func (t *dirTree) readStepwise(name string) (*File, error) {
	fail := func(err error) (*File, error) {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		return nil, &fs.PathError{Op: "read", Path: name, Err: t.classify(name, err)}
	}
	// The folder is walked to once; the file is looked at and opened from there.
	dir, base := t.root, name
	if parent := path.Dir(name); parent != "." {
		sub, err := t.folder(parent)
		if err != nil {
			return fail(err)
		}
		defer sub.Close()
		dir, base = sub, path.Base(name)
	}
	info, err := dir.Lstat(base)
	if err != nil {
		return fail(err)
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := dir.Readlink(base)
		if err != nil {
			return fail(err)
		}
		return &File{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}, nil
	case !info.Mode().IsRegular():
		return fail(ErrNotFile)
	}
	if info.Size() > maxFile {
		return fail(fmt.Errorf("larger than %d MiB, which no file of code is", maxFile>>20))
	}
	f, err := dir.Open(base)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	data := make([]byte, info.Size())
	n, err := io.ReadFull(f, data)
	if err != nil && !errors.Is(err, io.EOF) {
		return fail(fmt.Errorf("the file changed while it was read: %w", err))
	}
	return &File{Data: data[:n], Mode: info.Mode()}, nil
}

// classify gives an error of os.Root the meaning that [Tree] promises.
func (t *dirTree) classify(name string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return ErrNotFolder
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, ErrNotFile):
		return err
	case !filepath.IsLocal(name):
		return ErrOutside
	}
	// os.Root does not export the error for a path that leaves the root; it is the
	// one that comes of following a link, so look for a link among the parents.
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if info, lerr := t.root.Lstat(dir); lerr == nil && info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%w: %s is a link", ErrOutside, dir)
		}
	}
	return err
}
