//go:build !unix

package transaction

import (
	"errors"
	"io/fs"
)

func unprivileged(string) error { return errors.ErrUnsupported }

func inode(fs.FileInfo) any { return nil }
