//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

// Package filelock keeps runs apart that use the same file.
package filelock

import (
	"errors"
	"os"
	"syscall"
)

// Try takes the lock of a file if it is free, and reports whether it did. It is the
// kernel's and on the file itself: it ends when the file is closed or the process ends,
// however that ends, and holds between containers.
func Try(f *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
	}
}
