package transaction

import (
	"bytes"
	"os"

	"golang.org/x/sys/unix"
)

// copyAttributes gives a file the extended attributes of another: access control
// lists, without which a web server may lose its right to read, and security labels.
// What cannot be read or set is left out, as with cp.
func copyAttributes(from, to *os.File) {
	src, dst := int(from.Fd()), int(to.Fd())
	size, err := unix.Flistxattr(src, nil)
	if err != nil || size <= 0 {
		return
	}
	list := make([]byte, size)
	if size, err = unix.Flistxattr(src, list); err != nil {
		return
	}
	for name := range bytes.SplitSeq(list[:size], []byte{0}) {
		if len(name) == 0 {
			continue
		}
		attr := string(name)
		if size, err = unix.Fgetxattr(src, attr, nil); err != nil {
			continue
		}
		value := make([]byte, size)
		if size, err = unix.Fgetxattr(src, attr, value); err != nil {
			continue
		}
		_ = unix.Fsetxattr(dst, attr, value[:size], 0)
	}
}
