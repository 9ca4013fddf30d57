package transaction

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quality-patches/qpt/pkg/applier"
)

// swappedStory stops when all files are swapped but the work is not committed,
// doneStory when it is committed but not cleaned up.
func swappedStory(t *testing.T) *story {
	s := everything(t, memWorld())
	s.interrupt(t, "rename journal journal.committed")
	must(t, s.state.Rename(committedName, journalName)) // the crash came after the operation
	return s
}

func doneStory(t *testing.T) *story {
	s := everything(t, memWorld())
	s.interrupt(t, "rename journal journal.committed")
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestModes gives recovery by hand what it can do and what it cannot.
func TestModes(t *testing.T) {
	for name, c := range map[string]struct {
		story    func(*testing.T) *story
		mode     Mode
		finished bool
	}{
		"swapped, auto":     {swappedStory, Auto, false},
		"swapped, undo":     {swappedStory, Undo, false},
		"swapped, finish":   {swappedStory, Finish, true},
		"committed, auto":   {doneStory, Auto, true},
		"committed, finish": {doneStory, Finish, true},
		"committed, undo":   {doneStory, Undo, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.story(t)
			recovery, err := s.engine(nil).recover(t.Context(), c.mode)
			if err != nil || recovery == nil || recovery.Finished != c.finished {
				t.Fatalf("%+v, %v", recovery, err)
			}
			if recovery.Command != "qpt test" || len(recovery.Paths) != len(s.changes) {
				t.Errorf("%+v", recovery)
			}
			if !c.finished {
				err = errors.New("undone")
			}
			s.outcome(t, err)
			if again, err := s.engine(nil).recover(t.Context(), c.mode); again != nil || err != nil {
				t.Errorf("again: %+v, %v", again, err)
			}
		})
	}
	t.Run("staged too little to finish", func(t *testing.T) {
		s := everything(t, memWorld())
		s.interrupt(t, "write app/code/deep")
		before := s.picture(t)
		_, err := s.engine(nil).recover(t.Context(), Finish)
		if err == nil || !strings.Contains(err.Error(), "--undo") {
			t.Fatalf("got %v", err)
		}
		if d := s.picture(t).diff(before, true); d != "" {
			t.Fatal(d)
		}
		_, err = s.engine(nil).recover(t.Context(), Auto)
		must(t, err)
		s.outcome(t, errors.New("undone"))
	})
	t.Run("cleaned too much to undo", func(t *testing.T) {
		s := everything(t, memWorld())
		f := &fault{}
		f.before = func(op int, name string) {
			if f.crash == 0 && strings.HasPrefix(name, "remove ") && strings.HasSuffix(name, ".old") {
				f.crash = op
			}
		}
		must(t, s.engine(f).commit(t.Context(), s.changes))
		_, err := s.engine(nil).recover(t.Context(), Undo)
		if err == nil || !strings.Contains(err.Error(), "qpt revert") {
			t.Fatalf("got %v", err)
		}
		_, err = s.engine(nil).recover(t.Context(), Auto)
		must(t, err)
		s.outcome(t, nil)
	})
}

// replace puts another file in the place of one.
func (s *story) replace(t *testing.T, name, data string) {
	t.Helper()
	must(t, remove(s.tree, name))
	s.put(t, name, text(data, 0o644))
}

// TestChangedSince changes a file between interruption and recovery, which stops, keeps
// both versions, and goes on when it was done as the message says.
func TestChangedSince(t *testing.T) {
	for name, c := range map[string]struct {
		story    func(*testing.T) *story
		path     string
		mode     Mode
		original bool // there is one
	}{
		"modified":                {swappedStory, "app/code/A.php", Auto, true},
		"modified, by hand":       {swappedStory, "app/code/A.php", Undo, true},
		"modified, to finish":     {swappedStory, "app/code/A.php", Finish, true},
		"created":                 {swappedStory, "app/code/new.php", Auto, false},
		"deleted":                 {swappedStory, "old/folder/only.php", Auto, true},
		"link":                    {swappedStory, "lib/link", Auto, true},
		"committed":               {doneStory, "app/code/A.php", Auto, true},
		"committed, by hand":      {doneStory, "app/code/A.php", Finish, true},
		"committed, to undo":      {doneStory, "app/code/A.php", Undo, true},
		"committed, deleted file": {doneStory, "old/folder/only.php", Auto, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.story(t)
			s.replace(t, c.path, "theirs")
			before := s.picture(t)
			_, err := s.engine(nil).recover(t.Context(), c.mode)
			restore, ok := errors.AsType[*RestoreError](err)
			if !ok || restore.Path != c.path || !strings.Contains(err.Error(), c.path) || !strings.Contains(err.Error(), "/state/journal") {
				t.Fatalf("got %v", err)
			}
			if (restore.Backup != "") != c.original {
				t.Errorf("the original is %q", restore.Backup)
			}
			if c.original {
				if data, err := s.tree.ReadFile(restore.Backup); err != nil || !strings.Contains(restore.Error(), restore.Backup) {
					t.Errorf("%q, %v", data, err)
				}
			}
			if d := s.picture(t).diff(before, true); d != "" {
				t.Fatalf("something was touched:%s", d)
			}
			// Move it away, and back.
			must(t, remove(s.tree, c.path))
			_, err = s.engine(nil).recover(t.Context(), Undo)
			must(t, err)
			s.outcome(t, errors.New("undone"))
		})
	}
	t.Run("committed, and kept", func(t *testing.T) {
		s := doneStory(t)
		s.replace(t, "top", "theirs")
		_, err := s.engine(nil).recover(t.Context(), Auto)
		restore, ok := errors.AsType[*RestoreError](err)
		if !ok {
			t.Fatalf("got %v", err)
		}
		must(t, s.tree.Remove(restore.Backup))
		_, err = s.engine(nil).recover(t.Context(), Auto)
		must(t, err)
		if data, err := s.tree.ReadFile("top"); err != nil || string(data) != "theirs" {
			t.Errorf("%q, %v", data, err)
		}
	})
	t.Run("original gone", func(t *testing.T) {
		s := swappedStory(t)
		for name := range s.picture(t) {
			if strings.HasSuffix(name, "-0.old") {
				must(t, s.tree.Remove(name))
			}
		}
		_, err := s.engine(nil).recover(t.Context(), Auto)
		restore, ok := errors.AsType[*RestoreError](err)
		if !ok || restore.Path != "app/code/A.php" || restore.Backup != "" {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("original changed", func(t *testing.T) {
		s := swappedStory(t)
		for name := range s.picture(t) {
			if strings.HasSuffix(name, "-0.old") {
				s.replace(t, name, "not it")
			}
		}
		_, err := s.engine(nil).recover(t.Context(), Auto)
		if restore, ok := errors.AsType[*RestoreError](err); !ok || restore.Path != "app/code/A.php" {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("before it was its turn", func(t *testing.T) {
		s := everything(t, memWorld())
		s.interrupt(t, "syncdir app/code")
		now, err := s.tree.Lstat("top")
		must(t, err)
		now.id.(*memNode).data = []byte("theirs")
		_, err = s.engine(nil).recover(t.Context(), Auto)
		must(t, err)
		if data, err := s.tree.ReadFile("top"); err != nil || string(data) != "theirs" {
			t.Errorf("%q, %v", data, err)
		}
	})
	t.Run("something in a new folder", func(t *testing.T) {
		s := swappedStory(t)
		s.put(t, "app/code/New/theirs", text("theirs", 0o644))
		_, err := s.engine(nil).recover(t.Context(), Auto)
		must(t, err)
		if _, err := s.tree.Lstat("app/code/New/theirs"); err != nil {
			t.Error(err)
		}
		if _, err := s.tree.Lstat("app/code/New/Folder"); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	})
}

// TestPending reports interrupted work, and neither touches nor locks anything.
func TestPending(t *testing.T) {
	dir, root, s := shop(t, Options{Command: "qpt apply X"})
	put(t, root, "file", text("old", 0o644))
	change := []applier.Change{{Path: "file", Old: text("old", 0o644), New: text("new", 0o644)}}
	f := &fault{crash: 25}
	e := *s.engine
	e.tree, e.state = faultFS{e.tree, f}, faultFS{e.state, f}
	if err := e.commit(t.Context(), change); err == nil {
		t.Fatal("no crash")
	}
	before := list(dir)
	for range 2 {
		p, err := Pending(root, Options{})
		if err != nil || p == nil {
			t.Fatalf("%v, %v", p, err)
		}
		if p.Command != "qpt apply X" || p.PID != os.Getpid() || len(p.Paths) != 1 || p.Paths[0] != "file" || p.Committed || !p.Running {
			t.Errorf("%+v", p)
		}
		if _, err := os.Stat(p.Journal); err != nil || p.Journal != filepath.Join(dir, stateIn, journalName) {
			t.Error(p.Journal, err)
		}
	}
	if now := list(dir); now != before {
		t.Errorf("%s\nbefore:\n%s", now, before)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	recovery, err := Recover(t.Context(), root, Options{}, Auto)
	if err != nil || recovery == nil || recovery.Finished || recovery.Command != "qpt apply X" {
		t.Fatalf("%+v, %v", recovery, err)
	}
	if f := read(t, root, "file"); string(f.Data) != "old" {
		t.Errorf("%q", f.Data)
	}
	if recovery, err := Recover(t.Context(), root, Options{}, Undo); recovery != nil || err != nil {
		t.Errorf("again: %+v, %v", recovery, err)
	}
}

// TestUntidy cannot clean up at first.
func TestUntidy(t *testing.T) {
	s := everything(t, memWorld())
	f := &fault{fails: map[int]error{}}
	f.before = func(op int, name string) {
		if strings.HasPrefix(name, "remove ") && strings.HasSuffix(name, ".old") {
			f.fails[op] = fs.ErrPermission
		}
	}
	e := s.engine(f)
	must(t, e.commit(t.Context(), s.changes))
	if _, ok := errors.AsType[*RestoreError](e.tidy()); !ok {
		t.Error("tidied")
	}
	if err := (&Session{engine: e}).Commit(t.Context(), s.changes); err == nil {
		t.Error("committed on top of it")
	}
	f.before = nil
	must(t, e.tidy())
	s.outcome(t, nil)
}
