//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

// Package filelock keeps runs apart that use the same file.
package filelock

import (
	"errors"
	"fmt"
	"os"
)

// Try refuses: there is no lock here that ends with its holder.
func Try(f *os.File) (bool, error) {
	return false, fmt.Errorf("lock %s: %w", f.Name(), errors.ErrUnsupported)
}
