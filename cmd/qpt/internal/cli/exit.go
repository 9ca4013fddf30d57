package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/applier/transaction"
	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/declared"
	"github.com/quality-patches/qpt/pkg/project"
	"github.com/quality-patches/qpt/pkg/stack"
)

// Exit codes, the same for every output format.
const (
	exitDone        = 0
	exitError       = 1
	exitUsage       = 2
	exitFinding     = 3
	exitConflict    = 4
	exitRestore     = 5
	exitLocked      = 6
	exitInterrupted = 130
	exitTerminated  = 143
)

// exitCodes is what every command's help says about them.
const exitCodes = `Exit codes:
  0    done, also when there was nothing to do
  1    unexpected error
  2    wrong usage or configuration
  3    a finding: a check that says no, a patch that is unknown or not eligible
  4    conflict, nothing was written
  5    the tree could not be restored, the message names the journal
  6    another run holds the lock
  130  interrupted, 143 terminated: the tree is as it was`

// usageError is a command line or configuration that cannot be meant.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// silent is an error whose explanation has been printed as the command's result.
type silent struct{ err error }

func (e silent) Error() string { return e.err.Error() }
func (e silent) Unwrap() error { return e.err }

func isSilent(err error) bool {
	var s silent
	return errors.As(err, &s)
}

// errFinding ends a command whose result is a no.
var errFinding = errors.New("a finding")

// findingError is a finding that is told as an error, for want of a result.
type findingError string

func (e findingError) Error() string { return string(e) }

// Is makes it a finding.
func (e findingError) Is(target error) bool { return target == errFinding }

// classify is the one table from an error to its exit code and to what can be done.
func classify(err error) (code int, hint string) {
	var (
		usage      usageError
		signalled  interrupted
		status     exitStatus
		restore    *transaction.RestoreError
		locked     *transaction.LockedError
		conflict   *stack.ConflictError
		dependants *stack.DependantsError
		included   *stack.IncludedError
		under      *stack.UnderError
		unknown    *stack.UnknownError
		ineligible *stack.NotEligibleError
		diff       *catalog.DiffError
		lost       *stack.LostError
		lock       *declared.LockError
		declaring  *declared.Error
		file       *project.FileError
		unreadable *fs.PathError
	)
	switch {
	case err == nil:
		return exitDone, ""
	case errors.As(err, &status):
		return int(status), ""
	case errors.As(err, &restore):
		return exitRestore, ""
	case errors.As(err, &signalled):
		return signalled.code(), ""
	case errors.Is(err, context.Canceled):
		return exitInterrupted, ""
	case errors.As(err, &locked):
		return exitLocked, "or give --wait a time"
	case errors.As(err, &conflict), errors.As(err, &dependants), errors.As(err, &included), errors.As(err, &under), errors.As(err, &lost),
		errors.Is(err, applier.ErrOutside), errors.Is(err, transaction.ErrOutOfBounds):
		return exitConflict, ""
	case errors.Is(err, transaction.ErrChanged):
		return exitConflict, "run it again to look at the tree anew"
	case errors.As(err, &unknown), errors.As(err, &ineligible), errors.As(err, &diff), errors.Is(err, errFinding):
		return exitFinding, ""
	case errors.Is(err, project.ErrNotInstallation):
		return exitUsage, "go to the folder of the shop, or name it with --root"
	case errors.As(err, &usage), errors.As(err, &lock), errors.As(err, &declaring), errors.Is(err, project.ErrNoMagento),
		errors.As(err, &file) && !errors.As(err, &unreadable):
		return exitUsage, ""
	}
	return exitError, ""
}
