package transaction

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"
)

var errCrash = errors.New("the process is dead")

// A fault decides the fate of each operation of a run, counted from 1, on all file systems.
type fault struct {
	ops    int
	names  []string               // of the operations, if wanted
	fails  map[int]error          // operations that fail
	crash  int                    // the operation after which nothing works any more; 0 = never
	half   bool                   // the crashing operation, if it writes, writes a half
	before func(op int, s string) // runs before an operation
	record bool
}

// step returns an error for an operation that does not happen.
func (f *fault) step(op, name string) error {
	f.ops++
	if f.record {
		f.names = append(f.names, op+" "+name)
	}
	if f.before != nil {
		f.before(f.ops, op+" "+name)
	}
	if f.crash > 0 && f.ops > f.crash {
		return &fs.PathError{Op: op, Path: name, Err: errCrash}
	}
	if err := f.fails[f.ops]; err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

// A faultFS is a file system with faults.
type faultFS struct {
	fsys
	*fault
}

func (f faultFS) Lstat(name string) (info, error) {
	if err := f.step("lstat", name); err != nil {
		return info{}, err
	}
	return f.fsys.Lstat(name)
}

func (f faultFS) ReadFile(name string) ([]byte, error) {
	if err := f.step("read", name); err != nil {
		return nil, err
	}
	return f.fsys.ReadFile(name)
}

func (f faultFS) Readlink(name string) (string, error) {
	if err := f.step("readlink", name); err != nil {
		return "", err
	}
	return f.fsys.Readlink(name)
}

func (f faultFS) ReadDir(name string) ([]string, error) {
	if err := f.step("readdir", name); err != nil {
		return nil, err
	}
	return f.fsys.ReadDir(name)
}

func (f faultFS) Create(name string, perm fs.FileMode) (file, error) {
	if err := f.step("create", name); err != nil {
		return nil, err
	}
	under, err := f.fsys.Create(name, perm)
	if err != nil {
		return nil, err
	}
	return faultFile{under, f.fault, name}, nil
}

func (f faultFS) Open(name string) (file, error) {
	if err := f.step("open", name); err != nil {
		return nil, err
	}
	under, err := f.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	return faultFile{under, f.fault, name}, nil
}

func (f faultFS) Symlink(text, name string) error {
	if err := f.step("symlink", name); err != nil {
		return err
	}
	return f.fsys.Symlink(text, name)
}

func (f faultFS) Link(oldName, newName string) error {
	if err := f.step("link", newName); err != nil {
		return err
	}
	return f.fsys.Link(oldName, newName)
}

func (f faultFS) Rename(oldName, newName string) error {
	if err := f.step("rename", fmt.Sprint(oldName, " ", newName)); err != nil {
		return err
	}
	return f.fsys.Rename(oldName, newName)
}

func (f faultFS) Remove(name string) error {
	if err := f.step("remove", name); err != nil {
		return err
	}
	return f.fsys.Remove(name)
}

func (f faultFS) Mkdir(name string, perm fs.FileMode) error {
	if err := f.step("mkdir", name); err != nil {
		return err
	}
	return f.fsys.Mkdir(name, perm)
}

func (f faultFS) Lchown(name string, uid, gid int) error {
	if err := f.step("lchown", name); err != nil {
		return err
	}
	return f.fsys.Lchown(name, uid, gid)
}

func (f faultFS) Chtimes(name string, t time.Time) error {
	if err := f.step("chtimes", name); err != nil {
		return err
	}
	return f.fsys.Chtimes(name, t)
}

func (f faultFS) SyncDir(name string) error {
	if err := f.step("syncdir", name); err != nil {
		return err
	}
	return f.fsys.SyncDir(name)
}

type faultFile struct {
	file
	*fault
	name string
}

func (f faultFile) Write(p []byte) (int, error) {
	err := f.step("write", f.name)
	if errors.Is(err, errCrash) {
		return 0, err
	}
	if err != nil || f.half && f.ops == f.crash {
		n, _ := f.file.Write(p[:len(p)/2])
		if err == nil {
			err = syscall.EIO
		}
		return n, err
	}
	return f.file.Write(p)
}

func (f faultFile) Stat() (info, error) {
	if err := f.step("fstat", f.name); err != nil {
		return info{}, err
	}
	return f.file.Stat()
}

func (f faultFile) Chown(uid, gid int) error {
	if err := f.step("fchown", f.name); err != nil {
		return err
	}
	return f.file.Chown(uid, gid)
}

func (f faultFile) Chmod(mode fs.FileMode) error {
	if err := f.step("fchmod", f.name); err != nil {
		return err
	}
	return f.file.Chmod(mode)
}

func (f faultFile) CopyAttributes(from string) {
	if f.step("copy attributes", f.name) == nil {
		f.file.CopyAttributes(from)
	}
}

func (f faultFile) Sync() error {
	if err := f.step("sync", f.name); err != nil {
		return err
	}
	return f.file.Sync()
}

// Close fails without leaving the file open, as the kernel does.
func (f faultFile) Close() error {
	err := f.step("close", f.name)
	if closeErr := f.file.Close(); err == nil {
		err = closeErr
	}
	return err
}
