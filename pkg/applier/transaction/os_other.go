//go:build !unix

package transaction

import (
	"io/fs"
	"os"
)

func owner(fs.FileInfo) (uid, gid int) { return -1, -1 }

// syncFolder does nothing: a folder cannot be synced here, its names are journalled by the file system.
func syncFolder(*os.Root) error { return nil }

func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	p.Release()
	return true
}

func cannotLink(err error) bool { return true }
