package transaction

import (
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

// A fsys is what a transaction asks of a file system, below one folder. Names are
// slash-separated and relative, "." is the folder itself. No method follows a link
// in the last part of a name. Every error names its path.
//
// Tests put faults, crashes and lost writes behind it.
type fsys interface {
	Lstat(name string) (info, error)
	ReadFile(name string) ([]byte, error)
	Readlink(name string) (string, error)
	ReadDir(name string) ([]string, error)
	// Create makes a file that must not exist yet; perm is lessened by the umask.
	Create(name string, perm fs.FileMode) (file, error)
	// Open opens a file for Sync.
	Open(name string) (file, error)
	Symlink(text, name string) error
	Link(oldName, newName string) error
	Rename(oldName, newName string) error
	// Remove removes a file, a link, or an empty folder.
	Remove(name string) error
	Mkdir(name string, perm fs.FileMode) error
	Lchown(name string, uid, gid int) error
	// Chtimes sets the time of modification.
	Chtimes(name string, t time.Time) error
	// SyncDir makes the names in a folder durable, not what is in the files.
	SyncDir(name string) error
	// Forget drops what was remembered of folders, so that the next access looks anew.
	Forget()
}

// A file is one that was opened for writing.
type file interface {
	io.Writer
	Stat() (info, error)
	Chown(uid, gid int) error
	Chmod(mode fs.FileMode) error
	// CopyAttributes takes over what a file has beside mode and owner: access control
	// lists, security labels and other extended attributes. What the system refuses is left out.
	CopyAttributes(from string)
	Sync() error
	Close() error
}

// An info is what is known of a file without reading it.
type info struct {
	mode     fs.FileMode
	size     int64
	modTime  time.Time
	uid, gid int // -1 where the system has none

	stat fs.FileInfo // of the os package, or
	id   any         // what identifies the file in a test
}

func newInfo(fi fs.FileInfo) info {
	i := info{mode: fi.Mode(), size: fi.Size(), modTime: fi.ModTime(), stat: fi}
	i.uid, i.gid = owner(fi)
	return i
}

func sameFile(a, b info) bool {
	if a.stat != nil && b.stat != nil {
		return os.SameFile(a.stat, b.stat)
	}
	return a.id != nil && a.id == b.id
}

// unchanged reports whether a file is the same and was not written to in between.
func unchanged(a, b info) bool {
	return sameFile(a, b) && a.size == b.size && a.mode == b.mode && a.modTime.Equal(b.modTime)
}

// modeBits are those that chmod sets.
const modeBits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// maxFolders bounds the handles that a rootFS keeps open.
const maxFolders = 64

// A rootFS is a fsys over [os.Root]. It keeps a handle for each folder that is
// worked in, because a root looks up every part of a name anew for each access.
type rootFS struct {
	root    *os.Root
	folders map[string]*os.Root
}

func newRootFS(root *os.Root) *rootFS {
	return &rootFS{root: root, folders: map[string]*os.Root{}}
}

// at returns the folder of a name, and the name in it.
func (r *rootFS) at(name string) (*os.Root, string, error) {
	dir, base := path.Split(name)
	if dir == "" {
		return r.root, base, nil
	}
	folder, err := r.folder(path.Clean(dir))
	return folder, base, err
}

func (r *rootFS) folder(dir string) (*os.Root, error) {
	if dir == "." {
		return r.root, nil
	}
	if folder := r.folders[dir]; folder != nil {
		return folder, nil
	}
	folder, err := r.root.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	if len(r.folders) >= maxFolders {
		r.Forget()
	}
	r.folders[dir] = folder
	return folder, nil
}

func (r *rootFS) Forget() {
	for _, folder := range r.folders {
		folder.Close()
	}
	clear(r.folders)
}

// named gives an error the name as seen from the root.
func named(op, name string, err error) error {
	switch e := err.(type) { //nolint:errorlint // only the outermost names the file
	case nil:
		return nil
	case *fs.PathError:
		err = e.Err
	case *os.LinkError:
		err = e.Err
	case *os.SyscallError:
		err = e.Err
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// do runs an operation in the folder of a name.
func (r *rootFS) do(op, name string, f func(dir *os.Root, base string) error) error {
	dir, base, err := r.at(name)
	if err == nil {
		err = f(dir, base)
	}
	return named(op, name, err)
}

func (r *rootFS) Lstat(name string) (i info, err error) {
	err = r.do("stat", name, func(dir *os.Root, base string) error {
		fi, err := dir.Lstat(base)
		if err == nil {
			i = newInfo(fi)
		}
		return err
	})
	return i, err
}

func (r *rootFS) ReadFile(name string) (data []byte, err error) {
	err = r.do("read", name, func(dir *os.Root, base string) (err error) {
		data, err = dir.ReadFile(base)
		return err
	})
	return data, err
}

func (r *rootFS) Readlink(name string) (text string, err error) {
	err = r.do("read link", name, func(dir *os.Root, base string) (err error) {
		text, err = dir.Readlink(base)
		return err
	})
	return text, err
}

func (r *rootFS) ReadDir(name string) (names []string, err error) {
	dir, err := r.root.Open(name)
	if err != nil {
		return nil, named("read folder", name, err)
	}
	defer dir.Close()
	names, err = dir.Readdirnames(-1)
	return names, named("read folder", name, err)
}

func (r *rootFS) open(op, name string, flag int, perm fs.FileMode) (f file, err error) {
	err = r.do(op, name, func(dir *os.Root, base string) error {
		osFile, err := dir.OpenFile(base, flag, perm)
		if err == nil {
			f = &rootFile{File: osFile, fs: r, name: name}
		}
		return err
	})
	return f, err
}

func (r *rootFS) Create(name string, perm fs.FileMode) (file, error) {
	return r.open("create", name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
}

func (r *rootFS) Open(name string) (file, error) {
	return r.open("open", name, os.O_RDONLY, 0)
}

func (r *rootFS) Symlink(text, name string) error {
	return r.do("link", name, func(dir *os.Root, base string) error { return dir.Symlink(text, base) })
}

// inFolder runs an operation on two names of the same folder.
func (r *rootFS) inFolder(op, oldName, newName string, f func(dir *os.Root, oldBase, newBase string) error) error {
	return r.do(op, newName, func(dir *os.Root, base string) error {
		if path.Dir(oldName) != path.Dir(newName) {
			return fs.ErrInvalid
		}
		return f(dir, path.Base(oldName), base)
	})
}

func (r *rootFS) Link(oldName, newName string) error {
	return r.inFolder("link", oldName, newName, (*os.Root).Link)
}

func (r *rootFS) Rename(oldName, newName string) error {
	return r.inFolder("rename to", oldName, newName, (*os.Root).Rename)
}

func (r *rootFS) Remove(name string) error {
	if folder := r.folders[name]; folder != nil {
		folder.Close()
		delete(r.folders, name)
	}
	return r.do("remove", name, (*os.Root).Remove)
}

func (r *rootFS) Mkdir(name string, perm fs.FileMode) error {
	return r.do("create folder", name, func(dir *os.Root, base string) error { return dir.Mkdir(base, perm) })
}

func (r *rootFS) Lchown(name string, uid, gid int) error {
	return r.do("change owner of", name, func(dir *os.Root, base string) error { return dir.Lchown(base, uid, gid) })
}

func (r *rootFS) Chtimes(name string, t time.Time) error {
	return r.do("set time of", name, func(dir *os.Root, base string) error {
		return dir.Chtimes(base, time.Time{}, t)
	})
}

func (r *rootFS) SyncDir(name string) error {
	folder, err := r.folder(name)
	if err == nil {
		err = syncFolder(folder)
	}
	return named("sync", name, err)
}

// A rootFile is a file of a rootFS.
type rootFile struct {
	*os.File
	fs   *rootFS
	name string
}

func (f *rootFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, named("write", f.name, err)
}

func (f *rootFile) Stat() (info, error) {
	fi, err := f.File.Stat()
	if err != nil {
		return info{}, named("stat", f.name, err)
	}
	return newInfo(fi), nil
}

func (f *rootFile) Chown(uid, gid int) error {
	return named("change owner of", f.name, f.File.Chown(uid, gid))
}

func (f *rootFile) Chmod(mode fs.FileMode) error {
	return named("change mode of", f.name, f.File.Chmod(mode))
}

func (f *rootFile) CopyAttributes(from string) {
	source, err := f.fs.open("open", from, os.O_RDONLY, 0)
	if err != nil {
		return
	}
	defer source.Close()
	copyAttributes(source.(*rootFile).File, f.File)
}

func (f *rootFile) Sync() error  { return named("sync", f.name, f.File.Sync()) }
func (f *rootFile) Close() error { return named("close", f.name, f.File.Close()) }
