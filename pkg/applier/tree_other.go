//go:build !linux

package applier

import (
	"errors"
	"os"
)

// readBeneath is for systems that can open a file below a folder in one step.
func readBeneath(*os.File, string) (*File, error) { return nil, errors.ErrUnsupported }
