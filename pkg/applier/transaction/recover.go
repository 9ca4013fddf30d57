package transaction

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// helpRetry is what to do when the system refused, not the state of the tree.
const helpRetry = "put right what the message names, then run qpt recover"

// recover deals with the journal of interrupted work, if there is one.
func (e *engine) recover(ctx context.Context, mode Mode) (*Recovery, error) {
	// What is left of a journal that was never completed: nothing had been touched.
	if err := remove(e.state, journalTemp); err != nil {
		return nil, fmt.Errorf("%w (--state-dir chooses another folder for the journal)", err)
	}
	// What is seen may not be durable: a process that was killed between renaming or
	// removing the journal and syncing that leaves a name that a power cut would take
	// back, when what was done on the strength of it cannot be.
	if err := e.state.SyncDir("."); err != nil {
		return nil, fmt.Errorf("%w (--state-dir chooses another folder for the journal)", err)
	}
	j, err := e.readJournal()
	if j == nil {
		return nil, err
	}
	e.tree.Forget()
	done := &Recovery{Interrupted: *e.interrupted(j)}
	switch {
	case j.committed && mode == Undo:
		err = e.undoCommitted(j)
	case j.committed:
		done.Finished = true
		err = e.finish(j)
	case mode == Finish:
		done.Finished = true
		err = e.finishStaged(ctx, j)
	default:
		err = e.undo(j, nil)
	}
	if err != nil {
		return nil, err
	}
	return done, nil
}

// A sight is a file as it is found.
type sight struct {
	info
	sum   string
	there bool
}

func (s sight) is(v *version) bool {
	return v != nil && s.there && s.sum == v.SHA256 && s.mode.Type() == v.Mode.Type()
}

func (e *engine) look(name string) (sight, error) {
	if name == "" {
		return sight{}, nil
	}
	i, err := e.tree.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return sight{}, nil
	}
	s := sight{info: i, there: true}
	if err != nil || i.mode.Type()&^fs.ModeSymlink != 0 {
		return s, err
	}
	_, file, err := e.read(name)
	if file != nil {
		s.sum = sum(file.Data)
	}
	return s, err
}

// An action is what undoing does to an entry.
type action int

const (
	leave        action = iota
	removeTarget        // the new file is ours
	dropBackup          // the original is in place, or not ours to restore
	restore             // the original goes back
)

// decide finds out how far an entry got. After an interruption a file that is neither old
// nor new stops recovery. In a live transaction more is known, which live holds: the
// new file as it was written. A file that was not swapped yet is left as it is, whatever
// others did to it; and one that was is undone even if it does not hold what it should.
func (e *engine) decide(entry entry, live *info) (action, error) {
	target, err := e.look(entry.Path)
	if err != nil {
		return leave, err
	}
	temp, err := e.look(entry.Temp)
	if err != nil {
		return leave, err
	}
	backup, err := e.look(entry.Backup)
	if err != nil {
		return leave, err
	}
	ours := live != nil && target.there && unchanged(target.info, *live)
	isOld, isNew := target.is(entry.Old), target.is(entry.New) || ours
	if entry.Old == nil {
		switch {
		case !target.there:
			return leave, nil
		case temp.there && live != nil:
			return leave, nil // the rename takes the temporary name away, so this is somebody else's
		case isNew:
			return removeTarget, nil
		}
		return leave, e.changed(entry, backup, "something else is there now")
	}
	switch {
	case backup.there && target.there && sameFile(target.info, backup.info):
		return dropBackup, nil // two names of one file: it was not swapped
	case temp.there && live != nil:
		return dropBackup, nil
	case !backup.there && isOld:
		return leave, nil // not yet given a second name, or restored before
	case !backup.there && !target.there:
		return leave, e.changed(entry, backup, "it is gone, and so is the original's second name")
	case !backup.there:
		return leave, e.changed(entry, backup, "the original's second name is gone, so it cannot be put back")
	case ours, !target.there && (live != nil || entry.New != nil):
		// Even if somebody wrote to the original, which is then theirs again. No
		// transaction leaves a file that it replaces without its name, so who took
		// that away did as a RestoreError says.
		return restore, nil
	case !backup.is(entry.Old):
		return leave, e.changed(entry, backup, "the original has changed under its second name")
	case !target.there || isOld || isNew:
		return restore, nil
	}
	return leave, e.changed(entry, backup, "it has changed since: it is neither what it was nor what qpt made of it")
}

// changed is the refusal to touch a file that is not as a journal says.
func (e *engine) changed(entry entry, backup sight, what string) error {
	err := &RestoreError{Path: entry.Path, Err: errors.New(what)}
	if backup.there {
		err.Backup = entry.Backup
	}
	err.Help = "move the file away (all versions are then safe) and run qpt recover, or remove the journal to leave everything as it is"
	if entry.Backup != "" && !backup.there {
		err.Help = "put back what the file was and run qpt recover, or remove the journal to leave everything as it is"
	}
	return err
}

// undo brings back what a journal holds. It looks at everything before it touches
// anything, and can be repeated from wherever it was interrupted. Its errors are
// of type [RestoreError].
//
// live is nil, or for each entry what decide needs.
func (e *engine) undo(j *journal, live []info) error {
	if err := e.tryUndo(j, live); err != nil {
		return e.restoreError(j, err)
	}
	return nil
}

// restoreError makes an error one that names the journal.
func (e *engine) restoreError(j *journal, err error) error {
	restore, ok := errors.AsType[*RestoreError](err)
	if !ok {
		restore = &RestoreError{Err: err, Help: helpRetry}
		if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
			restore.Path = pathErr.Path
		}
	}
	restore.Journal = e.journalPath(j.name())
	return restore
}

func (e *engine) tryUndo(j *journal, live []info) error {
	actions := make([]action, len(j.Entries))
	for i, entry := range j.Entries {
		var written *info
		if live != nil {
			written = &live[i]
		}
		var err error
		if actions[i], err = e.decide(entry, written); err != nil {
			return err
		}
	}
	for i, entry := range slices.Backward(j.Entries) {
		var err error
		switch actions[i] {
		case removeTarget:
			err = remove(e.tree, entry.Path)
		case dropBackup:
			err = remove(e.tree, entry.Backup)
		case restore:
			err = e.tree.Rename(entry.Backup, entry.Path)
		}
		if err != nil {
			return err
		}
		if entry.Temp != "" {
			if err := remove(e.tree, entry.Temp); err != nil {
				return err
			}
		}
		if entry.Backup != "" {
			if err := remove(e.tree, partName(entry.Backup)); err != nil {
				return err
			}
		}
	}
	for _, dir := range slices.Backward(j.Made) {
		// One that is not empty is left: somebody else has put something there.
		if err := remove(e.tree, dir); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	for _, t := range j.Times {
		// Only the owner may, and nothing hangs on it.
		_ = e.tree.Chtimes(t.Path, t.ModTime)
		// Durable before the journal goes, or a power cut could bring the new files back.
		if err := e.tree.SyncDir(t.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return e.removeJournal(j)
}

// undoCommitted undoes a transaction that had been committed, as long as all originals are there.
func (e *engine) undoCommitted(j *journal) error {
	for _, entry := range j.Entries {
		if entry.Old != nil {
			if _, err := e.tree.Lstat(entry.Backup); errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("the work was complete and is being cleaned up, so it cannot be undone any more (the original of %s is gone); run qpt recover, then qpt revert", entry.Path)
			}
		}
		if _, err := e.decide(entry, nil); err != nil {
			return e.restoreError(j, err)
		}
	}
	// Durable before the first file goes back, or a power cut could leave a journal that
	// says finish with old files.
	err := e.state.Rename(committedName, journalName)
	if err == nil {
		j.committed = false
		err = e.state.SyncDir(".")
	}
	if err != nil {
		return e.restoreError(j, err)
	}
	return e.undo(j, nil)
}

// finish cleans up after a transaction that was committed. The tree was new and durable
// then; a file that is no longer new stops it as long as the original could be lost by it.
func (e *engine) finish(j *journal) error {
	for _, entry := range j.Entries {
		backup, err := e.look(entry.Backup)
		if err != nil {
			return e.cannotFinish(j, err)
		}
		if !backup.there {
			continue
		}
		target, err := e.look(entry.Path)
		if err != nil {
			return e.cannotFinish(j, err)
		}
		if entry.New == nil && !target.there || target.is(entry.New) {
			continue
		}
		return &RestoreError{
			Journal: e.journalPath(j.name()), Path: entry.Path, Backup: entry.Backup,
			Err:  errors.New("it has changed since: it is not what qpt made of it"),
			Help: "to keep it as it is, remove " + entry.Backup + " and run qpt recover; to go back, move it away and run qpt recover --undo",
		}
	}
	if err := e.cleanup(j); err != nil {
		return e.cannotFinish(j, err)
	}
	return nil
}

func (e *engine) cannotFinish(j *journal, err error) error {
	return &RestoreError{
		Journal: e.journalPath(j.name()),
		Err:     fmt.Errorf("the changes are in place, but qpt's own files cannot be cleaned up: %w", err),
		Help:    helpRetry,
	}
}

// finishStaged carries out a transaction that was interrupted before it was committed,
// if all that it needs had been prepared.
func (e *engine) finishStaged(ctx context.Context, j *journal) error {
	unready := func(entry entry, what string) error {
		return fmt.Errorf("the interrupted work cannot be finished: %s: %s; run qpt recover --undo", entry.Path, what)
	}
	for _, entry := range j.Entries {
		target, err := e.look(entry.Path)
		if err != nil {
			return e.cannotFinishStaged(j, err)
		}
		temp, err := e.look(entry.Temp)
		if err != nil {
			return e.cannotFinishStaged(j, err)
		}
		backup, err := e.look(entry.Backup)
		if err != nil {
			return e.cannotFinishStaged(j, err)
		}
		if entry.Old != nil && !backup.is(entry.Old) {
			return unready(entry, "the original had not been secured")
		}
		old := entry.Old == nil && !target.there || target.is(entry.Old)
		swapped := entry.New == nil && !target.there || target.is(entry.New) && !temp.there
		if !old && !swapped {
			return e.restoreError(j, e.changed(entry, backup, "it has changed since: it is neither what it was nor what qpt was to make of it"))
		}
		if swapped || entry.New == nil {
			continue
		}
		ready := temp.is(entry.New)
		if ready && entry.Old != nil && temp.mode.IsRegular() {
			ready = temp.mode&modeBits == entry.New.Mode&modeBits && temp.uid == entry.New.UID && temp.gid == entry.New.GID
		}
		if !ready {
			return unready(entry, "the new file had not been written")
		}
	}
	err := e.resync(j)
	if err == nil {
		err = e.swap(ctx, j, nil)
	}
	if err != nil {
		return e.cannotFinishStaged(j, err)
	}
	return e.finish(j)
}

// resync makes durable what an interrupted stage may have left in memory only.
func (e *engine) resync(j *journal) error {
	for _, entry := range j.Entries {
		if entry.New == nil || entry.New.Mode&fs.ModeSymlink != 0 {
			continue
		}
		f, err := e.tree.Open(entry.Temp)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		err = f.Sync()
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
	}
	return e.syncStaged(j)
}

func (e *engine) cannotFinishStaged(j *journal, err error) error {
	return &RestoreError{Journal: e.journalPath(j.name()), Err: err, Help: helpRetry + ", or qpt recover --undo"}
}
