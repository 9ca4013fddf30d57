package transaction

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quality-patches/qpt/pkg/applier"
)

// tester is what testing.T and rapid.T have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

// A seen is all that can be told of a file or folder.
type seen struct {
	mode     fs.FileMode
	uid, gid int
	data     string
	time     time.Time
	id       any // which file it is
}

func (s seen) String() string {
	return fmt.Sprintf("%v %d:%d %q %s %v", s.mode, s.uid, s.gid, s.data, s.time.Format("05.000000000"), s.id)
}

// A picture is a whole tree, without qpt's own folder.
type picture map[string]seen

// A world is a tree to work on: in memory or on the disk.
type world struct {
	tree, state fsys
	mem         *memDisk
	done        func()
	linked      bool // hard links work, so undoing brings back the very files
}

const stateIn = "var/qpt"

// memWorld is a world in memory.
func memWorld() *world {
	d := newMemDisk()
	w := &world{tree: memFS{d, "."}, state: memFS{d, stateIn}, mem: d, linked: true, done: func() {}}
	for _, dir := range []string{"var", stateIn} {
		if err := w.tree.Mkdir(dir, 0o777); err != nil {
			panic(err)
		}
	}
	return w
}

// diskWorld is a world below a folder.
func diskWorld(t testing.TB, dir string) *world {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, stateIn), 0o777); err != nil {
		t.Fatal(err)
	}
	w := &world{linked: true}
	t.Cleanup(func() { w.done() })
	var done []func()
	w.done = func() {
		for _, f := range done {
			f()
		}
		os.RemoveAll(dir)
	}
	for at, to := range map[string]*fsys{".": &w.tree, stateIn: &w.state} {
		root, err := os.OpenRoot(filepath.Join(dir, at))
		if err != nil {
			t.Fatal(err)
		}
		r := newRootFS(root)
		done = append(done, r.Forget, func() { root.Close() })
		*to = r
	}
	return w
}

// engine returns an engine on the world, with faults if there are any.
func (w *world) engine(f *fault) *engine {
	e := &engine{tree: w.tree, state: w.state, stateName: "/state", self: holder{PID: 1, Host: "h", Command: "qpt test"}}
	e.stateInfo, _ = w.state.Lstat(".")
	if f != nil {
		e.tree, e.state = faultFS{w.tree, f}, faultFS{w.state, f}
	}
	return e
}

func (w *world) put(t tester, name string, f *applier.File) {
	t.Helper()
	w.putAs(t, name, f, 0, 0)
}

func (w *world) putAs(t tester, name string, f *applier.File, uid, gid int) {
	t.Helper()
	w.mkdir(t, path.Dir(name))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v", err)
		}
	}
	if f.Mode&fs.ModeSymlink != 0 {
		must(w.tree.Symlink(string(f.Data), name))
		return
	}
	h, err := w.tree.Create(name, 0o600)
	must(err)
	_, err = h.Write(f.Data)
	must(err)
	if uid+gid != 0 {
		must(h.Chown(uid, gid))
	}
	must(h.Chmod(f.Mode))
	must(h.Sync())
	must(h.Close())
}

func (w *world) mkdir(t tester, dir string) {
	t.Helper()
	if dir == "." {
		return
	}
	w.mkdir(t, path.Dir(dir))
	if err := w.tree.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatalf("%v", err)
	}
}

// settle makes what is there durable, and old: a change of any time shows.
func (w *world) settle() {
	if w.mem != nil {
		w.mem.sync()
	}
}

func (w *world) picture(t tester) picture {
	t.Helper()
	p := picture{}
	var walk func(dir string)
	walk = func(dir string) {
		names, err := w.tree.ReadDir(dir)
		if err != nil {
			t.Fatalf("%v", err)
		}
		for _, name := range names {
			name = path.Join(dir, name)
			if name == stateIn {
				continue
			}
			i, err := w.tree.Lstat(name)
			if err != nil {
				t.Fatalf("%v", err)
			}
			s := seen{mode: i.mode, uid: i.uid, gid: i.gid, time: i.modTime, id: i.id}
			if i.stat != nil {
				s.id = inode(i.stat)
			}
			switch {
			case i.mode.IsDir():
				walk(name)
			case i.mode&fs.ModeSymlink != 0:
				s.data, err = w.tree.Readlink(name)
			default:
				var data []byte
				data, err = w.tree.ReadFile(name)
				s.data = string(data)
			}
			if err != nil {
				t.Fatalf("%v", err)
			}
			p[name] = s
		}
	}
	w.tree.Forget()
	walk(".")
	return p
}

// after is the picture that changes make of p, as git apply would leave it. What may be
// different in it has no id.
func (p picture) after(changes []applier.Change, real func(string) string) picture {
	p = maps.Clone(p)
	touch := func(dir string) { // times of folders that were written in are not told
		for ; dir != "."; dir = path.Dir(dir) {
			if s, ok := p[dir]; ok {
				s.time = time.Time{}
				p[dir] = s
			}
		}
	}
	var gone []string
	for _, c := range changes {
		name := real(c.Path)
		touch(path.Dir(name))
		if c.New == nil {
			delete(p, name)
			gone = append(gone, path.Dir(name))
			continue
		}
		old := p[name]
		s := seen{mode: c.New.Mode, uid: old.uid, gid: old.gid, data: string(c.New.Data)}
		if c.Old == nil {
			if c.New.Mode.IsRegular() {
				s.mode &^= 0o022
			}
			near := path.Dir(name)
			for p[near].mode == 0 && near != "." {
				near = path.Dir(near)
			}
			s.uid, s.gid = p[near].uid, p[near].gid
			for dir := path.Dir(name); dir != near; dir = path.Dir(dir) {
				p[dir] = seen{mode: fs.ModeDir | 0o755, uid: s.uid, gid: s.gid}
			}
		}
		p[name] = s
	}
	for _, dir := range gone {
		for ; dir != "."; dir = path.Dir(dir) {
			if slices.ContainsFunc(slices.Collect(maps.Keys(p)), func(name string) bool { return strings.HasPrefix(name, dir+"/") }) {
				break
			}
			delete(p, dir)
		}
	}
	return p
}

// diff tells in what a picture differs from what is wanted. Zero times and ids in want are not compared.
func (p picture) diff(want picture, ids bool) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if _, ok := want[name]; !ok {
			fmt.Fprintf(&b, "\n%s: should not be there", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		got, ok := p[name]
		exp := want[name]
		if exp.time.IsZero() {
			got.time = exp.time
		}
		if !ids && got.mode&fs.ModeSymlink != 0 {
			got.time = exp.time // what a copy cannot keep
		}
		if exp.id == nil || !ids || got.mode.IsDir() {
			got.id, exp.id = nil, nil
		}
		if got.mode.IsDir() && exp.time.IsZero() {
			got.time = exp.time
		}
		got.time, exp.time = got.time.UTC(), exp.time.UTC()
		switch {
		case !ok:
			fmt.Fprintf(&b, "\n%s: missing", name)
		case got != exp:
			fmt.Fprintf(&b, "\n%s:\n\tgot  %v\n\twant %v", name, got, exp)
		}
	}
	return b.String()
}

// withoutFolderTimes is a picture for which the times of folders do not matter.
func (p picture) withoutFolderTimes() picture {
	p = maps.Clone(p)
	for name, s := range p {
		if s.mode.IsDir() {
			s.time = time.Time{}
			p[name] = s
		}
	}
	return p
}

// leftovers are qpt's own files that should be gone when all is done.
func (w *world) leftovers() string {
	names, _ := w.state.ReadDir(".")
	names = slices.DeleteFunc(names, func(name string) bool { return name == lockName })
	if len(names) > 0 {
		return fmt.Sprintf("\nin the state folder: %v", names)
	}
	return ""
}

// A story is a world, changes to it, and what it looks like before and after them.
type story struct {
	*world
	changes       []applier.Change
	before, after picture
}

func (w *world) story(t tester, changes []applier.Change, real func(string) string) *story {
	w.settle()
	before := w.picture(t)
	if real == nil {
		real = func(name string) string { return name }
	}
	return &story{w, changes, before, before.after(changes, real)}
}

func (s *story) isBefore(t tester) string {
	return s.picture(t).diff(s.before, s.linked) + s.leftovers()
}
func (s *story) isAfter(t tester) string { return s.picture(t).diff(s.after, true) + s.leftovers() }

// outcome checks that the world is in the state that err promises.
func (s *story) outcome(t tester, err error) {
	t.Helper()
	if err != nil {
		if d := s.isBefore(t); d != "" {
			t.Fatalf("after the error %q the tree is not as before:%s", err, d)
		}
		return
	}
	if d := s.isAfter(t); d != "" {
		t.Fatalf("after success the tree is not as intended:%s", d)
	}
}

// runFault commits with operations that fail, and checks all-or-nothing.
func (s *story) runFault(t tester, f *fault) {
	t.Helper()
	if len(f.fails) > 1 { // the second may be the restoring of a folder's time, which does not matter enough
		s.before = s.before.withoutFolderTimes()
	}
	e := s.engine(f)
	err := e.commit(context.Background(), s.changes)
	restore, isRestore := errors.AsType[*RestoreError](err)
	if isRestore && len(f.fails) == 1 {
		t.Fatalf("one fault was too much: %v", restore)
	}
	_ = e.tidy()
	if isRestore {
		if names, _ := s.state.ReadDir("."); !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "journal") }) {
			t.Fatalf("no journal was kept with %v", err)
		}
	}
	recovery, recErr := s.engine(nil).recover(context.Background(), Auto)
	switch {
	case recErr != nil:
		t.Fatalf("recovery after %v: %v", err, recErr)
	case isRestore && recovery == nil:
		t.Fatalf("nothing was recovered after %v", err)
	case isRestore && recovery.Finished:
		err = nil
	case recovery != nil && len(f.fails) == 1:
		t.Fatalf("one fault left work for the next run: %v, %+v", err, recovery)
	}
	if err == nil && slices.Contains(slices.Collect(maps.Values(f.fails)), error(syscall.EPERM)) {
		// A folder that may not be removed stays, which is no error.
		for _, dir := range slices.Backward(slices.Sorted(maps.Keys(s.before))) {
			if _, wanted := s.after[dir]; !wanted && s.before[dir].mode.IsDir() {
				_ = remove(s.tree, dir)
			}
		}
	}
	s.outcome(t, err)
}

// runCrash commits until a crash, may lose what is not synced, and recovers; which may
// crash as well, at the operations in crashes.
func (s *story) runCrash(t tester, f *fault, rng *rand.Rand, mode Mode, crashes ...int) {
	t.Helper()
	e := s.engine(f)
	err := e.commit(context.Background(), s.changes)
	if err == nil {
		_ = e.tidy()
	}
	cut := func() {
		if rng != nil && rng.IntN(4) > 0 { // otherwise the machine lives on
			s.mem.powerCut(rng)
		}
		s.tree.Forget()
		s.state.Forget()
	}
	cut()
	for _, n := range crashes {
		recovery, recErr := s.engine(&fault{crash: n}).recover(context.Background(), mode)
		if recovery != nil && recErr == nil && recovery.Finished {
			err = nil
		}
		cut()
	}
	recovery, recErr := s.engine(nil).recover(context.Background(), mode)
	if recErr != nil && mode != Auto {
		// What was asked for may be impossible; then nothing was touched.
		recovery, recErr = s.engine(nil).recover(context.Background(), Auto)
	}
	if recErr != nil {
		t.Fatalf("crash after operation %d, again %v: recovery: %v", f.crash, crashes, recErr)
	}
	if rng != nil {
		s.mem.powerCut(rng) // what was recovered stays so
		if again, err := s.engine(nil).recover(context.Background(), Auto); again != nil || err != nil {
			t.Fatalf("crash after operation %d, again %v: recovered twice: %+v, %v", f.crash, crashes, again, err)
		}
	}
	now := s.picture(t)
	before, after := now.diff(s.before, s.linked)+s.leftovers(), now.diff(s.after, true)+s.leftovers()
	switch {
	case recovery != nil && recovery.Finished, recovery == nil && err == nil && mode == Auto:
		if after != "" {
			t.Fatalf("crash after operation %d, again %v, finished: the tree is not as intended:%s", f.crash, crashes, after)
		}
	case recovery != nil:
		if before != "" {
			t.Fatalf("crash after operation %d, again %v, undone: the tree is not as before:%s", f.crash, crashes, before)
		}
	case before != "" && after != "":
		t.Fatalf("crash after operation %d, again %v: the tree is neither as before:%s\n nor as intended:%s", f.crash, crashes, before, after)
	}
}

// list describes a tree, without the state folder.
func list(dir string) string {
	var b strings.Builder
	filepath.WalkDir(dir, func(name string, d fs.DirEntry, _ error) error {
		if d != nil && d.Name() == "state" {
			return fs.SkipDir
		}
		fi, err := os.Lstat(name)
		if err != nil {
			return err
		}
		var data []byte
		if fi.Mode().IsRegular() {
			data, _ = os.ReadFile(name)
		}
		fmt.Fprintln(&b, name, fi.Mode(), fi.ModTime(), string(data))
		return nil
	})
	return b.String()
}
