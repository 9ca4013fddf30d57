package transaction

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"

	"github.com/quality-patches/qpt/pkg/applier"
)

// An engine does the work of a [Session], on whatever file systems it is given.
type engine struct {
	tree, state fsys
	stateName   string // for messages
	stateInfo   info   // so that nothing is written into it
	rootName    string // where the tree is, when the state folder does not lie in it
	self        holder

	untidy *journal // of a transaction that is done but not cleaned up
}

// commit runs a transaction in five steps. Between them, and within them as the comments
// say, the order of syncs is such that whatever subset of what is not yet synced a power
// cut may lose, the journal that is found afterwards can be undone or finished.
//
//  1. plan: every file is compared with what the change was made for. Nothing is written.
//  2. The journal is written and synced. From here on recovery undoes.
//  3. stage: new files are written under temporary names, originals get a second name;
//     all is synced. What readers of the tree see is unchanged.
//  4. swap: each file is replaced by a rename, or removed; then all are read back and the
//     folders synced. Then the journal is renamed, and that synced: from here on recovery finishes.
//  5. cleanup: the originals' second names and emptied folders go, then the journal.
func (e *engine) commit(ctx context.Context, changes []applier.Change) error {
	if len(changes) == 0 {
		return nil
	}
	e.tree.Forget()
	p, err := e.plan(ctx, changes)
	if err != nil || len(p.Entries) == 0 {
		return err
	}
	if err := e.writeJournal(p.journal); err != nil {
		return err
	}
	err = e.stage(ctx, p)
	if err == nil {
		err = e.swap(ctx, p.journal, p.seen)
	}
	if err != nil {
		return e.back(p, err)
	}
	// The transaction is done and durable. What cannot be cleaned up now is kept in the
	// journal for the next that holds the lock, beginning with Close.
	if e.cleanup(p.journal) != nil {
		e.untidy = p.journal
	}
	return nil
}

// tidy tries once more what a commit could not clean up.
func (e *engine) tidy() error {
	if e.untidy == nil {
		return nil
	}
	e.tree.Forget()
	if err := e.finish(e.untidy); err != nil {
		return err
	}
	e.untidy = nil
	return nil
}

// back undoes a transaction that failed.
func (e *engine) back(p *plan, cause error) error {
	j := p.journal
	if j.committed {
		// The rename of the journal happened but may not be durable. Whichever name a
		// power cut would leave is right as long as the tree is not touched, so the
		// name goes back, durably, before the first file does.
		err := e.state.Rename(committedName, journalName)
		if err == nil {
			j.committed = false
			err = e.state.SyncDir(".")
		}
		if err != nil {
			return &RestoreError{
				Journal: e.journalPath(j.name()), Help: helpRetry,
				Err: fmt.Errorf("%w (while undoing: %w)", err, cause),
			}
		}
	}
	e.tree.Forget()
	if err := e.undo(j, p.written); err != nil {
		if restore, ok := errors.AsType[*RestoreError](err); ok {
			restore.Err = fmt.Errorf("%w (while undoing: %w)", restore.Err, cause)
		}
		return err
	}
	return fmt.Errorf("%w; everything is as it was before", cause)
}

// maxOpen bounds the files that are open at once.
const maxOpen = 64

// stage writes what is new beside where it goes and gives the originals a second name.
func (e *engine) stage(ctx context.Context, p *plan) error {
	for i, dir := range p.Made {
		if err := e.tree.Mkdir(dir, 0o777); err != nil {
			return err
		}
		made, err := e.tree.Lstat(dir)
		if err != nil {
			return err
		}
		e.give(made, p.owners[i], func(uid, gid int) error { return e.tree.Lchown(dir, uid, gid) })
	}
	// Files are synced in batches: when the first of them reaches the disk, most file
	// systems have written the others as well.
	var open []file
	flush := func() (err error) {
		for _, f := range open {
			if err == nil {
				err = f.Sync()
			}
			if closeErr := f.Close(); err == nil {
				err = closeErr
			}
		}
		open = nil
		return err
	}
	defer func() { _ = flush() }() // only after an error, which says more
	for i := range p.Entries {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("stopped: %w", err)
		}
		if p.Entries[i].New != nil {
			f, err := e.write(p, i)
			if f != nil {
				open = append(open, f)
			}
			if err == nil {
				p.written[i], err = e.tree.Lstat(p.Entries[i].Temp)
			}
			if err != nil {
				return err
			}
		}
		if p.Entries[i].Old != nil {
			if err := e.backup(p.Entries[i]); err != nil {
				return err
			}
		}
		if len(open) == maxOpen {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return e.syncStaged(p.journal)
}

// syncStaged makes the temporary and the second names durable, and new folders. Without
// it a power cut could keep the rename of a new file and lose the original's second name.
func (e *engine) syncStaged(j *journal) error {
	for _, dir := range j.Made {
		if err := e.tree.SyncDir(dir); err != nil {
			return err
		}
	}
	for _, t := range j.Times {
		if err := e.tree.SyncDir(t.Path); err != nil {
			return err
		}
	}
	return nil
}

// give makes the owner of one folder or file that of another, as far as that is
// permitted: only root can give away what it made.
func (e *engine) give(made, like info, chown func(uid, gid int) error) {
	if made.uid == like.uid && made.gid == like.gid {
		return
	}
	if chown(like.uid, like.gid) != nil && made.gid != like.gid {
		_ = chown(-1, like.gid)
	}
}

// write makes the temporary file of an entry, which it returns unless it is a link.
func (e *engine) write(p *plan, i int) (file, error) {
	entry, data := p.Entries[i], p.files[i].Data
	if entry.New.Mode&fs.ModeSymlink != 0 {
		return nil, e.writeLink(entry, entry.Temp, string(data), *entry.New)
	}
	perm := entry.New.Mode.Perm() // of a new file, less the umask or as the folder's access control list says
	replaces := entry.Old != nil && entry.Old.Mode&fs.ModeSymlink == 0
	if entry.Old != nil {
		perm = 0o600
	}
	f, err := e.tree.Create(entry.Temp, perm)
	if err != nil {
		return nil, err
	}
	now, err := f.Stat()
	if err != nil {
		return f, err
	}
	if entry.Old == nil {
		e.give(now, info{uid: entry.New.UID, gid: entry.New.GID}, f.Chown)
	} else {
		// Owner first, as a change of owner clears the bits beyond rwx; mode after the
		// attributes, as an access control list brings a mode of its own.
		if now.uid != entry.New.UID || now.gid != entry.New.GID {
			if err := f.Chown(entry.New.UID, entry.New.GID); err != nil {
				return f, fmt.Errorf("%s: its owner cannot be kept: %w", entry.Path, err)
			}
		}
		if replaces {
			f.CopyAttributes(entry.Path)
		}
		if err := f.Chmod(entry.New.Mode & modeBits); err != nil {
			return f, err
		}
	}
	if _, err := f.Write(data); err != nil {
		return f, err
	}
	if entry.Old != nil && entry.New.Mode&(modeBits&^fs.ModePerm) != 0 {
		return f, f.Chmod(entry.New.Mode & modeBits) // writing cleared them
	}
	return f, nil
}

func (e *engine) writeLink(entry entry, name, text string, v version) error {
	if err := e.tree.Symlink(text, name); err != nil {
		return err
	}
	made, err := e.tree.Lstat(name)
	if err != nil || made.uid == v.UID && made.gid == v.GID {
		return err
	}
	if entry.Old == nil {
		e.give(made, info{uid: v.UID, gid: v.GID}, func(uid, gid int) error { return e.tree.Lchown(name, uid, gid) })
		return nil
	}
	if err := e.tree.Lchown(name, v.UID, v.GID); err != nil {
		return fmt.Errorf("%s: its owner cannot be kept: %w", entry.Path, err)
	}
	return nil
}

// backup gives an original a second name, so that undoing brings back the very file, with
// its times and its other names. Where there are no hard links it makes a copy, which
// keeps all but the other names, and the time of a link.
func (e *engine) backup(entry entry) error {
	err := e.tree.Link(entry.Path, entry.Backup)
	if err == nil || !cannotLink(err) {
		return err
	}
	now, file, err := e.read(entry.Path)
	if err != nil || file == nil {
		return errors.Join(fmt.Errorf("%s %w", entry.Path, ErrChanged), err)
	}
	if now.mode&fs.ModeSymlink != 0 {
		return e.writeLink(entry, entry.Backup, string(file.Data), *entry.Old)
	}
	// The copy takes its name when it is complete, so whatever has that name can be restored from.
	part := partName(entry.Backup)
	f, err := e.tree.Create(part, 0o600)
	if err != nil {
		return err
	}
	err = func() error {
		if made, err := f.Stat(); err != nil {
			return err
		} else if made.uid != now.uid || made.gid != now.gid {
			if err := f.Chown(now.uid, now.gid); err != nil {
				return fmt.Errorf("%s: its owner cannot be kept: %w", entry.Path, err)
			}
		}
		f.CopyAttributes(entry.Path)
		if _, err := f.Write(file.Data); err != nil {
			return err
		}
		if err := f.Chmod(now.mode & modeBits); err != nil {
			return err
		}
		if err := e.tree.Chtimes(part, now.modTime); err != nil {
			return err
		}
		return f.Sync()
	}()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return e.tree.Rename(part, entry.Backup)
}

// swap puts the new files in place, checks them, and commits. seen holds what the files
// were when they were compared, or nothing when staged work of before is finished.
func (e *engine) swap(ctx context.Context, j *journal, seen []info) error {
	for i, entry := range j.Entries {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("stopped: %w", err)
		}
		now, err := e.tree.Lstat(entry.Path)
		there := !errors.Is(err, fs.ErrNotExist)
		if there && err != nil {
			return err
		}
		switch {
		case seen == nil && e.swapped(entry, there):
			continue
		case there != (entry.Old != nil), seen != nil && there && !unchanged(now, seen[i]):
			return fmt.Errorf("%s %w", entry.Path, ErrChanged)
		}
		if entry.New == nil {
			err = e.tree.Remove(entry.Path)
		} else {
			err = e.tree.Rename(entry.Temp, entry.Path)
		}
		if err != nil {
			return err
		}
	}
	e.tree.Forget()
	for i, entry := range j.Entries {
		if err := e.verify(entry); err != nil {
			return err
		}
		if seen == nil || entry.Old == nil {
			continue
		}
		// Somebody who had the original open may have written to it behind the rename.
		now, err := e.tree.Lstat(entry.Backup)
		if err != nil {
			return err
		}
		if sameFile(now, seen[i]) && !unchanged(now, seen[i]) {
			return fmt.Errorf("%s %w", entry.Path, ErrChanged)
		}
	}
	// The tree is made durable before the journal says so: with the names swapped the
	// other way round, a power cut could leave old files that recovery takes for new.
	for dir := range folders(j) {
		if err := e.tree.SyncDir(dir); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("stopped: %w", err)
	}
	if err := e.state.Rename(journalName, committedName); err != nil {
		return err
	}
	j.committed = true
	// Durable before the first original goes, or a power cut could leave a journal
	// that says undo without what to undo from.
	return e.state.SyncDir(".")
}

// swapped reports whether an entry was swapped in an earlier run.
func (e *engine) swapped(entry entry, there bool) bool {
	if entry.New == nil {
		return !there
	}
	_, err := e.tree.Lstat(entry.Temp)
	return there && errors.Is(err, fs.ErrNotExist)
}

// folders yields the folders of a journal's files, each once, in order.
func folders(j *journal) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		seen := map[string]bool{}
		for _, entry := range j.Entries {
			if dir := path.Dir(entry.Path); !seen[dir] {
				seen[dir] = true
				if !yield(dir) {
					return
				}
			}
		}
	}
}

// verify reads a file back and compares it with what was to be written.
func (e *engine) verify(entry entry) error {
	now, err := e.look(entry.Path)
	switch {
	case err != nil:
		return fmt.Errorf("read back: %w", err)
	case entry.New == nil && now.there:
		return fmt.Errorf("read back %s: it is still there after its removal", entry.Path)
	case entry.New == nil:
		return nil
	case !now.is(entry.New):
		return fmt.Errorf("read back %s: it does not hold what was written", entry.Path)
	}
	// A new file's mode and owner are up to the system; those of an existing one are kept.
	if entry.Old == nil || entry.New.Mode&fs.ModeSymlink != 0 {
		return nil
	}
	if got, want := now.mode&modeBits, entry.New.Mode&modeBits; got != want {
		return fmt.Errorf("read back %s: its mode is %v instead of %v", entry.Path, got, want)
	}
	if now.uid != entry.New.UID || now.gid != entry.New.GID {
		return fmt.Errorf("read back %s: its owner is %d:%d instead of %d:%d", entry.Path, now.uid, now.gid, entry.New.UID, entry.New.GID)
	}
	return nil
}

// cleanup removes what only undoing needed, the folders that deletions emptied, and at
// last the journal. It can be repeated from wherever it was interrupted.
func (e *engine) cleanup(j *journal) error {
	for _, entry := range j.Entries {
		if entry.Backup != "" {
			if err := remove(e.tree, entry.Backup); err != nil {
				return err
			}
		}
	}
	touched := map[string]bool{}
	for _, entry := range j.Entries {
		dir := path.Dir(entry.Path)
		if entry.New == nil {
			var err error
			if dir, err = e.prune(dir); err != nil {
				return err
			}
		}
		touched[dir] = true
	}
	// The journal goes last and only when this is durable, or a power cut could leave
	// second names that nothing knows of any more.
	for dir := range touched {
		if err := e.tree.SyncDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return e.removeJournal(j)
}

// prune removes a folder and its parents as far as they are empty and that is permitted,
// as git does. It returns the first that stays.
func (e *engine) prune(dir string) (string, error) {
	for ; dir != "."; dir = path.Dir(dir) {
		now, err := e.tree.Lstat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return dir, err
		}
		if !now.mode.IsDir() {
			return dir, nil
		}
		switch err := e.tree.Remove(dir); {
		case errors.Is(err, fs.ErrExist), // it is not empty
			errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EBUSY): // or a mount
			return dir, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return dir, err
		}
	}
	return dir, nil
}
