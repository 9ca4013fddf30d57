//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package transaction

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the lock if it is free. It is the kernel's and on the file itself, so
// it ends with the process, however that ends, and holds between containers.
func tryLock(f *os.File) (bool, error) {
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
