// Package transaction turns staged changes into files: all of them or none.
//
// A transaction that returns an error has changed nothing. One that is killed, or loses
// power, is undone or finished by the next [Begin], from a journal that was on the disk
// before the first change. What a transaction has written it has also read back.
//
// While it runs, files whose names begin with ".qpt-" lie next to those that change: the
// new ones, and a second name for the originals. Files are replaced by renaming, so a
// reader sees the old file or the new one and never a part, another name of the same file
// is not written through, and undoing brings back the very files that were there.
package transaction

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/quality-patches/qpt/pkg/applier"
)

// ErrChanged is wrapped when a file is not, or no longer, what a change was made for.
var ErrChanged = errors.New("changed while qpt was working")

// ErrOutOfBounds is wrapped when a change is to a place that nothing may be written to:
// a git folder, or where lock and journal are.
var ErrOutOfBounds = errors.New("out of bounds")

// Options say where and how to run transactions.
type Options struct {
	// StateDir is the folder for lock and journal, below the root unless it is absolute.
	// It is made if it is missing. When empty it is var/qpt, and var must exist.
	// All that write to a tree must use the same one, and each tree one of its own.
	StateDir string
	// Wait is how long to wait for the lock.
	Wait time.Duration
	// Command is recorded in lock and journal, for example "qpt apply ACSD-61103".
	Command string
}

// A LockedError says that another process holds the lock. PID is 0 when the holder is not known.
type LockedError struct {
	PID     int
	Host    string
	Started time.Time
	Command string
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return "another run of qpt is at work here; wait for it to end"
	}
	return fmt.Sprintf("another run of qpt is at work here: %q, process %d on %s, since %s; wait for it to end",
		e.Command, e.PID, e.Host, e.Started.Format(time.DateTime))
}

// A RestoreError says that the tree is between two states and could not be brought back
// or forward without losing something: the journal is kept, and every version of every file.
type RestoreError struct {
	Journal string // path of the journal
	Path    string // the file that is in the way, relative to the root; may be empty
	Backup  string // where its original is, relative to the root; empty if there is none
	Err     error
	Help    string // what to do
}

func (e *RestoreError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "interrupted work (journal %s) could not be undone or finished: ", e.Journal)
	if e.Path != "" && !strings.Contains(e.Err.Error(), e.Path) {
		fmt.Fprintf(&b, "%s: ", e.Path)
	}
	b.WriteString(e.Err.Error())
	if e.Backup != "" {
		fmt.Fprintf(&b, " (its original is %s)", e.Backup)
	}
	if e.Help != "" {
		fmt.Fprintf(&b, "; %s", e.Help)
	}
	return b.String()
}

func (e *RestoreError) Unwrap() error { return e.Err }

// An Interrupted is a transaction that did not come to its end.
type Interrupted struct {
	Journal   string // path of the journal
	Command   string
	PID       int
	Host      string
	Started   time.Time
	Paths     []string // files that it changes, without links in their paths
	Committed bool     // all was written: it will be finished, otherwise undone
	Running   bool     // as far as can be told it is not interrupted but at work right now
}

func (e *engine) interrupted(j *journal) *Interrupted {
	i := &Interrupted{
		Journal: e.journalPath(j.name()), Command: j.Command, PID: j.PID, Host: j.Host, Started: j.Started, Committed: j.committed,
	}
	for _, entry := range j.Entries {
		i.Paths = append(i.Paths, entry.Path)
	}
	return i
}

// A Recovery tells what was done about interrupted work.
type Recovery struct {
	Interrupted
	Finished bool // otherwise undone
}

// A Mode says what [Recover] does about interrupted work.
type Mode int

// The modes.
const (
	Auto   Mode = iota // finish what was committed, undo what was not
	Undo               // undo it, also when it was committed and the originals are still there
	Finish             // finish it, also when it was not committed and all had been prepared
)

// A Session holds the lock on a tree. It is not safe for concurrent use.
type Session struct {
	engine *engine
	lock   *lock
	state  *os.Root
	broken error // what keeps this session from further commits
}

// Begin takes the lock on a tree and undoes or finishes interrupted work, of which the
// Recovery tells; it is nil when there was none. Close must be called on the session;
// the root must stay open until then.
//
// Errors are a [LockedError] when another process holds the lock, and a [RestoreError] when there
// is interrupted work that cannot be undone or finished.
func Begin(ctx context.Context, root *os.Root, o Options) (*Session, *Recovery, error) {
	return begin(ctx, root, o, Auto)
}

func begin(ctx context.Context, root *os.Root, o Options, mode Mode) (*Session, *Recovery, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("stopped before anything was written: %w", err)
	}
	e := &engine{tree: newRootFS(root), self: self(o.Command)}
	state, err := e.openState(root, o, true)
	if err != nil {
		return nil, nil, err
	}
	s := &Session{engine: e, state: state}
	if s.lock, err = takeLock(ctx, state, e, o.Wait); err != nil {
		state.Close()
		return nil, nil, err
	}
	recovery, err := e.recover(ctx, mode)
	if err != nil {
		s.release()
		return nil, nil, err
	}
	return s, recovery, nil
}

// Commit writes changes to the tree, all or none: when it returns an error, nothing has
// changed, unless that is a [RestoreError]. No changes write nothing.
//
// Before anything is written, each file is compared with Old in content, kind and
// permissions; one that differs is an error that wraps [ErrChanged]. An existing file
// keeps its owner, extended attributes and setuid, setgid and sticky bits, and takes the
// permissions of New. A new file takes those of New less the umask, and like a new folder
// the owner of the nearest existing folder, as far as this process may give it away.
// Folders are made as needed, and removed when a deletion empties them.
//
// When ctx is done the transaction is undone and the error wraps ctx.Err().
func (s *Session) Commit(ctx context.Context, changes []applier.Change) error {
	if len(changes) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("stopped before anything was written: %w", err)
	}
	if s.broken != nil {
		return s.broken
	}
	if err := s.engine.tidy(); err != nil {
		return err
	}
	err := s.engine.commit(ctx, changes)
	if restore, ok := errors.AsType[*RestoreError](err); ok {
		s.broken = restore
	}
	return err
}

// Close releases the lock. It returns an error when a committed transaction could not be
// cleaned up: the changes are in place then, and the next Begin will try again.
func (s *Session) Close() error {
	err := s.engine.tidy()
	s.release()
	return err
}

func (s *Session) release() {
	s.lock.release()
	s.engine.tree.Forget()
	s.state.Close()
}

// Recover takes the lock, does what mode says about interrupted work, and releases the
// lock. The Recovery is nil when there was none. Errors are as for [Begin]; when mode
// cannot be had the error says why, and nothing has changed.
func Recover(ctx context.Context, root *os.Root, o Options, mode Mode) (*Recovery, error) {
	s, recovery, err := begin(ctx, root, o, mode)
	if err != nil {
		return nil, err
	}
	return recovery, s.Close()
}

// Pending returns the interrupted work of a tree, nil when there is none. It takes no
// lock and writes nothing. A journal that cannot be read is a [RestoreError].
func Pending(root *os.Root, o Options) (*Interrupted, error) {
	e := &engine{tree: newRootFS(root), self: self(o.Command)}
	defer e.tree.Forget()
	state, err := e.openState(root, o, false)
	if state == nil {
		return nil, err
	}
	defer state.Close()
	j, err := e.readJournal()
	if j == nil {
		return nil, err
	}
	i := e.interrupted(j)
	i.Running = j.Host == e.self.Host && alive(j.PID)
	return i, nil
}

// openState opens the state folder. Without create it returns nil when there is none.
func (e *engine) openState(root *os.Root, o Options, create bool) (*os.Root, error) {
	fail := func(err error) (*os.Root, error) {
		return nil, fmt.Errorf("the folder for lock and journal cannot be used: %w; choose another with --state-dir", err)
	}
	dir := o.StateDir
	if dir == "" {
		if fi, err := root.Stat("var"); errors.Is(err, os.ErrNotExist) && create {
			return fail(fmt.Errorf("there is no folder var in %s", root.Name()))
		} else if err == nil && !fi.IsDir() {
			return fail(fmt.Errorf("var in %s is not a folder", root.Name()))
		}
		dir = "var/qpt"
	}
	var state *os.Root
	var err error
	if filepath.IsAbs(dir) {
		e.stateName = dir
		if create {
			err = os.MkdirAll(dir, 0o777)
		}
		if err == nil {
			state, err = os.OpenRoot(dir)
		}
		if err == nil {
			e.rootName, err = elsewhere(root.Name(), dir)
		}
	} else {
		dir = path.Clean(filepath.ToSlash(dir))
		e.stateName = filepath.Join(root.Name(), filepath.FromSlash(dir))
		if !filepath.IsLocal(filepath.FromSlash(dir)) || dir == "." {
			return fail(fmt.Errorf("%q is not a folder below the root", o.StateDir))
		}
		if create {
			err = e.makeState(dir)
		}
		if err == nil {
			state, err = root.OpenRoot(filepath.FromSlash(dir))
		}
	}
	if errors.Is(err, os.ErrNotExist) && !create {
		return nil, nil
	}
	if err != nil {
		return fail(err)
	}
	e.state = newRootFS(state)
	if e.stateInfo, err = e.state.Lstat("."); err != nil {
		state.Close()
		return fail(err)
	}
	if here, err := e.tree.Lstat("."); err == nil && sameFile(here, e.stateInfo) {
		state.Close()
		return fail(errors.New("it is the root itself"))
	}
	return state, nil
}

// elsewhere returns the absolute path of a root, but nothing when the state folder lies in
// it and moves with it.
func elsewhere(root, state string) (string, error) {
	root, err := filepath.Abs(root)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err == nil {
		state, err = filepath.EvalSymlinks(state)
	}
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(root, state); err == nil && filepath.IsLocal(rel) {
		return "", nil
	}
	return root, nil
}

// makeState makes the state folder below the root, durably: the journal is no use in a
// folder that a power cut takes away.
func (e *engine) makeState(dir string) error {
	parent := "."
	for part := range strings.SplitSeq(dir, "/") {
		name := path.Join(parent, part)
		if _, err := e.tree.Lstat(name); errors.Is(err, os.ErrNotExist) {
			like, err := e.tree.Lstat(parent)
			if err != nil {
				return err
			}
			if err := e.tree.Mkdir(name, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
				return err
			}
			made, err := e.tree.Lstat(name)
			if err != nil {
				return err
			}
			e.give(made, like, func(uid, gid int) error { return e.tree.Lchown(name, uid, gid) })
			if err := e.tree.SyncDir(parent); err != nil {
				return err
			}
		}
		parent = name
	}
	return nil
}
