//go:build !linux

package transaction

import "os"

// copyAttributes does nothing: extended attributes are kept on Linux only.
func copyAttributes(from, to *os.File) {}
