//go:build !linux

package transaction

import "errors"

func mountSmall(dir, size string) error { return errors.ErrUnsupported }

func unmount(dir string) {}
