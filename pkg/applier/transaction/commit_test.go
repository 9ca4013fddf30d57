package transaction

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quality-patches/qpt/pkg/applier"
)

// shop is a small tree on the disk with a session on it.
func shop(t *testing.T, o Options) (dir string, root *os.Root, s *Session) {
	t.Helper()
	dir, root = lockDir(t)
	s, recovery, err := Begin(t.Context(), root, o)
	if err != nil || recovery != nil {
		t.Fatalf("%+v, %v", recovery, err)
	}
	t.Cleanup(func() { s.Close() })
	return dir, root, s
}

// put writes a file and returns it as it would be read.
func put(t *testing.T, root *os.Root, name string, f *applier.File) *applier.File {
	t.Helper()
	if err := root.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	var err error
	if f.Mode&fs.ModeSymlink != 0 {
		err = root.Symlink(string(f.Data), name)
	} else if err = root.WriteFile(name, f.Data, 0o666); err == nil {
		err = root.Chmod(name, f.Mode)
	}
	if err != nil {
		t.Fatal(err)
	}
	return read(t, root, name)
}

// read returns nil when there is no such file.
func read(t *testing.T, root *os.Root, name string) *applier.File {
	t.Helper()
	f, err := applier.DirTree(root).ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return f
}

func TestEmptyCommit(t *testing.T) {
	_, root, s := shop(t, Options{})
	for name, changes := range map[string][]applier.Change{"nil": nil, "nothing": {{Path: "x"}}} {
		if err := s.Commit(t.Context(), changes); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := memWorld()
	f := &fault{record: true}
	if err := w.engine(f).commit(t.Context(), nil); err != nil || f.ops != 0 {
		t.Errorf("%v, %d operations: %v", err, f.ops, f.names)
	}
	if p, err := Pending(root, Options{}); p != nil || err != nil {
		t.Errorf("pending %v, %v", p, err)
	}
}

// TestChanged commits changes that were made for another tree.
func TestChanged(t *testing.T) {
	dir, root, s := shop(t, Options{})
	file := put(t, root, "a/file", text("text", 0o644))
	put(t, root, "a/link", link("file"))
	first := put(t, root, "a/a-first", text("first", 0o644))
	before := list(dir)
	for what, c := range map[string]applier.Change{
		"content":       {Path: "a/file", Old: text("texT", 0o644), New: text("new", 0o644)},
		"mode":          {Path: "a/file", Old: text("text", 0o755), New: text("new", 0o755)},
		"kind":          {Path: "a/file", Old: link("text"), New: text("new", 0o644)},
		"link":          {Path: "a/link", Old: text("file", 0o644), New: text("new", 0o644)},
		"link text":     {Path: "a/link", Old: link("other"), New: nil},
		"gone":          {Path: "a/gone", Old: file, New: text("new", 0o644)},
		"gone, deleted": {Path: "a/gone", Old: file},
		"folder gone":   {Path: "b/gone", Old: file},
		"appeared":      {Path: "a/file", New: text("new", 0o644)},
	} {
		err := s.Commit(t.Context(), []applier.Change{{Path: "a/a-first", Old: first, New: text("new", 0o644)}, c})
		if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), c.Path) {
			t.Errorf("%s: got %v", what, err)
		}
		if now := list(dir); strings.ReplaceAll(now, "lock", "") != strings.ReplaceAll(before, "lock", "") {
			t.Errorf("%s: something was written:\n%s\nbefore:\n%s", what, now, before)
		}
	}
	if err := s.Commit(t.Context(), []applier.Change{{Path: "a", New: text("new", 0o644)}}); !errors.Is(err, applier.ErrNotFile) {
		t.Errorf("a folder: %v", err)
	}
	if err := s.Commit(t.Context(), []applier.Change{{Path: "a/file/x", New: text("new", 0o644)}}); !errors.Is(err, applier.ErrNotFolder) {
		t.Errorf("below a file: %v", err)
	}
}

// TestOutOfBounds tries to get where a transaction must not be.
func TestOutOfBounds(t *testing.T) {
	dir, root, _ := shop(t, Options{})
	s, _, err := Begin(t.Context(), root, Options{StateDir: filepath.Join(dir, "own")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	outside := tempDir(t)
	put(t, root, ".git/config", text("git", 0o644))
	put(t, root, "into-git", link(".git"))
	put(t, root, "into-state", link("own"))
	put(t, root, "up", link(".."))
	put(t, root, "deep/up", link("../../"+filepath.Base(outside)))
	put(t, root, "loop", link("loop"))
	put(t, root, "nothing", link("nowhere"))
	if err := os.Symlink(outside, filepath.Join(dir, "absolute")); err != nil {
		t.Fatal(err)
	}
	put(t, root, "real/file", text("x", 0o644))
	put(t, root, "alias", link("real"))
	before := list(dir)
	for _, names := range []string{
		"../x", "/x", "", ".", "a//b", "a/../b", "a/", "./a", "a\x00b", "a\xffb",
		".git/config2", "sub/.GIT/x", "a/git~1/x", ".git", "into-git/x", "own/journal", "own/x", "into-state/x",
		"up/x", "up/" + filepath.Base(dir) + "/x", "deep/up/x", "absolute/x", "loop/x", "nothing/x",
		"same same", "Same same", "new/File new/file", "d d/e", "real/new alias/new",
	} {
		var changes []applier.Change
		for name := range strings.SplitSeq(names, " ") {
			changes = append(changes, applier.Change{Path: name, New: text("bad", 0o644)})
		}
		if err := s.Commit(t.Context(), changes); err == nil {
			t.Errorf("%q: accepted", names)
		} else {
			t.Logf("%q: %v", names, err)
		}
	}
	for _, to := range []string{"/etc/passwd", "../../outside", "deeper/../../../x"} {
		if err := s.Commit(t.Context(), []applier.Change{{Path: "sub/link", New: link(to)}}); !errors.Is(err, applier.ErrOutside) {
			t.Errorf("a link to %q: %v", to, err)
		}
	}
	if now := list(dir); now != before {
		t.Errorf("something was written:\n%s\nbefore:\n%s", now, before)
	}
	if names, _ := os.ReadDir(outside); len(names) > 0 {
		t.Errorf("something was written outside: %v", names)
	}
	// A rename that changes case only is none of these.
	old := read(t, root, "real/file")
	if err := s.Commit(t.Context(), []applier.Change{{Path: "real/FILE", New: old}, {Path: "real/file", Old: old}}); err != nil {
		t.Error(err)
	}
}

// TestCaseless makes a file whose name is there already in another case, where that counts.
func TestCaseless(t *testing.T) {
	w := memWorld()
	w.mem.caseless = true
	w.put(t, "app/Model.php", text("old", 0o644))
	before := w.picture(t)
	err := w.engine(nil).commit(t.Context(), []applier.Change{{Path: "app/model.php", New: text("new", 0o644)}})
	if err == nil || !strings.Contains(err.Error(), "app/Model.php") || !strings.Contains(err.Error(), "app/model.php") {
		t.Errorf("got %v", err)
	}
	if d := w.picture(t).diff(before, true); d != "" {
		t.Error(d)
	}
}

func TestHardLink(t *testing.T) {
	_, root, s := shop(t, Options{})
	old := put(t, root, "a/file", text("old", 0o644))
	if err := root.Link("a/file", "other"); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), []applier.Change{{Path: "a/file", Old: old, New: text("new", 0o644)}}); err != nil {
		t.Fatal(err)
	}
	if a, b := read(t, root, "a/file"), read(t, root, "other"); string(a.Data) != "new" || string(b.Data) != "old" {
		t.Errorf("%q and %q", a.Data, b.Data)
	}
}

// TestOwner makes files and folders as root in folders of others.
func TestOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	dir, root := lockDir(t)
	put(t, root, "theirs/deep/file", text("x", 0o644))
	for _, name := range []string{"var", "theirs", "theirs/deep"} {
		if err := root.Chown(name, 1234, 2345); err != nil {
			t.Fatal(err)
		}
	}
	s, _, err := Begin(t.Context(), root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Commit(t.Context(), []applier.Change{
		{Path: "theirs/deep/link", New: link("file")},
		{Path: "theirs/deep/new", New: text("new", 0o666)},
		{Path: "theirs/new/folder/new", New: text("new", 0o777)},
	}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"theirs/deep/link", "theirs/deep/new", "theirs/new", "theirs/new/folder", "theirs/new/folder/new", "var/qpt", "var/qpt/lock"} {
		fi, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if uid, gid := owner(fi); uid != 1234 || gid != 2345 {
			t.Errorf("%s belongs to %d:%d", name, uid, gid)
		}
	}
}

// TestCancel cancels at each operation: before the commit all is undone, after it all is done.
func TestCancel(t *testing.T) {
	names := count(t, everything(t, memWorld()))
	commit := slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, committedName) }) + 1
	for n := 1; n <= len(names); n++ {
		s := everything(t, memWorld())
		ctx, cancel := context.WithCancel(t.Context())
		f := &fault{before: func(op int, _ string) {
			if op == n {
				cancel()
			}
		}}
		err := s.engine(f).commit(ctx, s.changes)
		if n < commit && !errors.Is(err, context.Canceled) || n >= commit && err != nil {
			t.Fatalf("operation %d %s: %v", n, names[n-1], err)
		}
		s.outcome(t, err)
		cancel()
	}
}

// A liar changes what is written.
type (
	liar      struct{ fsys }
	lyingFile struct{ file }
)

func (l liar) Create(name string, perm fs.FileMode) (file, error) {
	f, err := l.fsys.Create(name, perm)
	return lyingFile{f}, err
}

func (l lyingFile) Write(p []byte) (int, error) {
	p = slices.Clone(p)
	if len(p) > 0 {
		p[len(p)-1] ^= 1
	}
	return l.file.Write(p)
}

// A sloth does not do some of what it says.
type sloth struct {
	fsys
	lazy string
}

func (s sloth) Remove(name string) error {
	if name == s.lazy {
		return nil
	}
	return s.fsys.Remove(name)
}

func (s sloth) Rename(from, to string) error {
	if to == s.lazy && strings.HasSuffix(from, ".new") {
		return nil
	}
	return s.fsys.Rename(from, to)
}

// TestReadBack has file systems that do not do what they are told.
func TestReadBack(t *testing.T) {
	for name, wrap := range map[string]func(fsys) fsys{
		"liar":           func(f fsys) fsys { return liar{f} },
		"sloth renames":  func(f fsys) fsys { return sloth{f, "app/code/B.php"} },
		"sloth creates":  func(f fsys) fsys { return sloth{f, "app/code/new.php"} },
		"sloth removes":  func(f fsys) fsys { return sloth{f, "old/folder/only.php"} },
		"sloth on links": func(f fsys) fsys { return sloth{f, "lib/link"} },
	} {
		s := everything(t, memWorld())
		e := s.engine(nil)
		e.tree = wrap(e.tree)
		err := e.commit(t.Context(), s.changes)
		if err == nil || !strings.Contains(err.Error(), "read back") {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		s.outcome(t, err)
	}
}

// TestMeanwhile lets somebody else change files while a transaction runs.
func TestMeanwhile(t *testing.T) {
	names := count(t, everything(t, memWorld()))
	for _, target := range []string{"app/code/A.php", "top", "app/code/new.php", "old/folder/only.php"} {
		for _, how := range []string{"write", "replace"} {
			refused := 0
			for n := 1; n <= len(names); n++ {
				w := memWorld()
				s := everything(t, w)
				meddled := false
				f := &fault{before: func(op int, what string) {
					if op != n {
						return
					}
					now, err := w.tree.Lstat(target)
					switch {
					case err != nil && target != "app/code/new.php":
						return
					case err == nil && how == "write":
						now.id.(*memNode).data = []byte("theirs")
						now.id.(*memNode).time = w.mem.tick()
					default:
						_ = w.tree.Remove(target)
						if file, err := w.tree.Create(target, 0o644); err == nil {
							file.Write([]byte("theirs"))
						}
					}
					meddled = true
				}}
				err := s.engine(f).commit(t.Context(), s.changes)
				if !meddled {
					continue
				}
				// What they wrote is never lost, except to a replacement at the very moment of
				// ours: no system call compares and renames.
				if swap := names[n-1]; strings.HasSuffix(swap, ".new "+target) || swap == "remove "+target {
					if how == "replace" || target == "app/code/new.php" {
						continue
					}
				}
				data, readErr := w.tree.ReadFile(target)
				if readErr != nil || string(data) != "theirs" {
					t.Fatalf("%s %s at %d %s: now it is %q, %v; %v", how, target, n, names[n-1], data, readErr, err)
				}
				restore, isRestore := errors.AsType[*RestoreError](err)
				switch {
				case err == nil:
				case isRestore && restore.Path != target:
					t.Fatalf("%s %s at %d %s: %v", how, target, n, names[n-1], err)
				case isRestore:
					refused++
				default:
					delete(s.before, target)
					d := w.picture(t)
					delete(d, target)
					if diff := d.withoutFolderTimes().diff(s.before.withoutFolderTimes(), true); diff != "" || w.leftovers() != "" {
						t.Fatalf("%s %s at %d %s: %v:%s%s", how, target, n, names[n-1], err, diff, w.leftovers())
					}
				}
			}
			t.Logf("%s %s: %d refusals", how, target, refused)
		}
	}
}

// TestMany needs more files and folders than are held open.
func TestMany(t *testing.T) {
	_, root, s := shop(t, Options{})
	var changes, back []applier.Change
	for i := range 3 * maxFolders {
		name := fmt.Sprintf("d%d/e/f", i)
		old := put(t, root, name, text("old", 0o644))
		new := text("new", 0o644)
		changes = append(changes, applier.Change{Path: name, Old: old, New: new}, applier.Change{Path: name + "2", New: new})
		back = append(back, applier.Change{Path: name, Old: new, New: old}, applier.Change{Path: name + "2", Old: new})
	}
	for _, c := range [][]applier.Change{changes, back, changes} {
		if err := s.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range changes {
		if f := read(t, root, c.Path); f == nil || string(f.Data) != "new" {
			t.Fatalf("%s: %v", c.Path, f)
		}
	}
}

func TestStateDir(t *testing.T) {
	dir := tempDir(t)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	outside := filepath.Join(tempDir(t), "new", "state")
	for _, bad := range []string{"", "..", "../x", ".", dir} {
		if _, _, err := Begin(t.Context(), root, Options{StateDir: bad}); err == nil || !strings.Contains(err.Error(), "--state-dir") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, good := range []string{"own", "own/deeper/one", outside} {
		if p, err := Pending(root, Options{StateDir: good}); p != nil || err != nil {
			t.Errorf("%q: %v, %v", good, p, err)
		}
		s, _, err := Begin(t.Context(), root, Options{StateDir: good})
		if err != nil {
			t.Errorf("%q: %v", good, err)
			continue
		}
		name := "f" + filepath.Base(good)
		if err := s.Commit(t.Context(), []applier.Change{{Path: name, New: text("x", 0o644)}}); err != nil {
			t.Errorf("%q: %v", good, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	// A state folder for two trees: work on one is not undone in the other.
	other, err := os.OpenRoot(tempDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	s, _, err := Begin(t.Context(), other, Options{StateDir: outside})
	if err != nil {
		t.Fatal(err)
	}
	e := *s.engine
	e.tree = faultFS{e.tree, &fault{crash: 8}}
	if err := e.commit(t.Context(), []applier.Change{{Path: "file", New: text("x", 0o644)}}); err == nil {
		t.Fatal("no crash")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Recover(t.Context(), root, Options{StateDir: outside}, Auto)
	if _, ok := errors.AsType[*RestoreError](err); !ok || !strings.Contains(err.Error(), other.Name()) {
		t.Errorf("got %v", err)
	}
	if r, err := Recover(t.Context(), other, Options{StateDir: outside}, Auto); r == nil || err != nil {
		t.Errorf("got %v, %v", r, err)
	}
	// A link instead of var that leaves the root.
	if err := root.Symlink("../elsewhere", "var"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Begin(t.Context(), root, Options{}); err == nil || !strings.Contains(err.Error(), "--state-dir") {
		t.Errorf("got %v", err)
	}
	if p, err := Pending(root, Options{}); p != nil || err == nil {
		t.Errorf("pending: %v, %v", p, err)
	}
}

// A readOnly file system refuses to change a name, whether it is there or not.
type readOnly struct{ fsys }

func refuse(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: syscall.EROFS} }

func (r readOnly) Create(name string, _ fs.FileMode) (file, error) {
	return nil, refuse("create", name)
}
func (r readOnly) Symlink(_, name string) error           { return refuse("symlink", name) }
func (r readOnly) Link(_, name string) error              { return refuse("link", name) }
func (r readOnly) Rename(_, name string) error            { return refuse("rename", name) }
func (r readOnly) Remove(name string) error               { return refuse("remove", name) }
func (r readOnly) Mkdir(name string, _ fs.FileMode) error { return refuse("mkdir", name) }
func (r readOnly) Lchown(name string, _, _ int) error     { return refuse("chown", name) }
func (r readOnly) Chtimes(name string, _ time.Time) error { return refuse("chtimes", name) }

// TestReadOnlyTree has a tree that cannot be changed, and a state folder that can: what is
// deployed to a cloud. There is nothing to undo, so no journal may stay.
func TestReadOnlyTree(t *testing.T) {
	s := everything(t, memWorld())
	e := s.engine(nil)
	e.tree = readOnly{e.tree}
	err := e.commit(t.Context(), s.changes)
	var restore *RestoreError
	if !errors.Is(err, syscall.EROFS) || errors.As(err, &restore) {
		t.Fatalf("got %v", err)
	}
	if bad := s.isBefore(t); bad != "" {
		t.Error(bad)
	}
}
