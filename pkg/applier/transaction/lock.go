package transaction

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/quality-patches/qpt/pkg/filelock"
)

// lockName is a file that stays. It is the kernel's lock on it that counts, not that it
// is there nor what is in it, so what a dead process has left blocks nobody; and as it
// is never removed, no two processes can hold locks on two files of that name.
const lockName = "lock"

// pollEvery is how often a wait looks whether the lock is free.
const pollEvery = 50 * time.Millisecond

// A holder is what the lock file says of who holds it.
type holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Started time.Time `json:"started"`
	Command string    `json:"command"`
}

func self(command string) holder {
	host, _ := os.Hostname()
	return holder{PID: os.Getpid(), Host: host, Started: time.Now().Round(0), Command: command}
}

type lock struct{ file *os.File }

// takeLock returns a [LockedError] when the lock is not free in time.
func takeLock(ctx context.Context, state *os.Root, e *engine, wait time.Duration) (*lock, error) {
	f, err := state.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("the folder for lock and journal cannot be used: %w; choose another with --state-dir",
			named("open", e.journalPath(lockName), errors.Unwrap(err)))
	}
	deadline := time.Now().Add(wait)
	for {
		ok, err := filelock.Try(f)
		if err != nil {
			_ = f.Close()
			return nil, err
		}
		if ok {
			break
		}
		left := time.Until(deadline)
		if left <= 0 {
			err := lockedBy(f)
			_ = f.Close()
			return nil, err
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("stopped while waiting for another run to end: %w", ctx.Err())
		case <-time.After(min(left, pollEvery)):
		}
	}
	l := &lock{f}
	// What the file says is for messages only, so it is not synced, and an error is no obstacle.
	if now, err := e.state.Lstat(lockName); err == nil {
		e.give(now, e.stateInfo, f.Chown)
	}
	if data, err := json.Marshal(e.self); err == nil && f.Truncate(0) == nil {
		_, _ = f.WriteAt(append(data, '\n'), 0)
	}
	return l, nil
}

func (l *lock) release() {
	_ = l.file.Truncate(0)
	_ = l.file.Close()
}

// lockedBy reads who holds a lock. It tries again for a moment, as a holder writes its
// name just after it has got the lock.
func lockedBy(f *os.File) error {
	var h holder
	for range 10 {
		data, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<16))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if h = (holder{}); json.Unmarshal(data, &h) == nil && h.PID != 0 {
			break
		}
		h = holder{}
		time.Sleep(2 * time.Millisecond)
	}
	return &LockedError{h.PID, h.Host, h.Started, h.Command}
}
