//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package transaction

import (
	"errors"
	"fmt"
	"os"
)

// tryLock refuses: without a lock that ends with its holder, nothing is written.
func tryLock(f *os.File) (bool, error) {
	return false, fmt.Errorf("lock %s: %w", f.Name(), errors.ErrUnsupported)
}
