package transaction

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/quality-patches/qpt/pkg/applier"
)

func text(s string, mode fs.FileMode) *applier.File {
	return &applier.File{Data: []byte(s), Mode: mode}
}

func link(s string) *applier.File { return text(s, fs.ModeSymlink|0o777) }

// everything is a story with changes of all kinds.
func everything(t tester, w *world) *story {
	olds := map[string]*applier.File{
		"app/code/A.php":       text("old A", 0o644),
		"app/code/B.php":       text("old B", 0o444),
		"app/code/deep/C.php":  text("old C", 0o640),
		"app/code/deep/x/D":    text("old D", 0o644),
		"app/etc/mode.sh":      text("same text", 0o644),
		"app/etc/keep":         text("kept", 0o600),
		"bin/suid":             text("old suid", fs.ModeSetuid|0o755),
		"lib/link":             link("../app/etc/keep"),
		"lib/gone":             link("nowhere"),
		"lib/becomes-link":     text("a file", 0o644),
		"lib/becomes-file":     link("becomes-link"),
		"old/folder/only.php":  text("", 0o644),
		"vendor/pkg/real/E":    text("old E", 0o644),
		"vendor/pkg/real/keep": text("kept", 0o644),
		"top":                  text("old top", 0o664),
	}
	for name, f := range olds {
		uid := 0
		if name == "app/code/A.php" || name == "vendor/pkg/real/E" {
			uid = 33
		}
		w.putAs(t, name, f, uid, uid)
	}
	w.put(t, "lib/pkg", link("../vendor/pkg/real"))
	change := func(name string, new *applier.File) applier.Change {
		return applier.Change{Path: name, Old: olds[name], New: new}
	}
	changes := []applier.Change{
		change("app/code/A.php", text("new A, and longer", 0o644)),
		change("app/code/B.php", text("new B", 0o444)),
		change("app/code/deep/C.php", text("", 0o640)),
		change("app/code/deep/x/D", nil),
		change("app/code/new.php", text("new", 0o644)),
		change("app/code/New/Folder/one.php", text("one", 0o644)),
		change("app/code/New/two.sh", text("two", 0o755)),
		change("app/etc/mode.sh", text("same text", 0o755)),
		change("bin/suid", text("new suid", fs.ModeSetuid|0o755)),
		change("lib/link", link("../app/code/A.php")),
		change("lib/gone", nil),
		change("lib/made", link("made too")),
		change("lib/becomes-link", link("becomes-file")),
		change("lib/becomes-file", text("now a file", 0o644)),
		change("moved/folder/only.php", text("", 0o644)),
		change("old/folder/only.php", nil),
		change("top", text("new top", 0o664)),
		{Path: "lib/pkg/E", Old: olds["vendor/pkg/real/E"], New: text("new E", 0o644)},
		{Path: "lib/pkg/sub/F", New: text("new F", 0o666)},
	}
	return w.story(t, changes, func(name string) string {
		if rest, ok := strings.CutPrefix(name, "lib/pkg/"); ok {
			return "vendor/pkg/real/" + rest
		}
		return name
	})
}

// worlds make the same story anew, in memory and on the disk.
func worlds(t *testing.T) map[string]func() *story {
	m := map[string]func() *story{
		"memory": func() *story { return everything(t, memWorld()) },
		"memory without hard links": func() *story {
			w := memWorld()
			w.mem.noLinks, w.linked = true, false
			return everything(t, w)
		},
	}
	if os.Getuid() == 0 { // the story has files of several owners
		m["disk"] = func() *story { return everything(t, diskWorld(t, tempDir(t))) }
	}
	return m
}

// tempDir is a folder on a file system that is quick to sync, if there is one.
func tempDir(t testing.TB) string {
	dir, err := os.MkdirTemp(memoryDir(), "qpt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// memoryDir is a folder on a file system that is quick to sync, if there is one.
func memoryDir() string {
	if fi, err := os.Stat("/dev/shm"); err == nil && fi.IsDir() {
		return "/dev/shm"
	}
	return ""
}

// count runs a story without faults and returns its operations.
func count(t *testing.T, s *story) []string {
	t.Helper()
	f := &fault{record: true}
	s.runFault(t, f)
	s.done()
	return f.names
}

// TestEveryOperation fails, and crashes after, each operation of a transaction with all
// kinds of changes.
func TestEveryOperation(t *testing.T) {
	for name, make := range worlds(t) {
		t.Run(name, func(t *testing.T) {
			names := count(t, make())
			runs := 0
			run := func(f func(s *story)) {
				s := make()
				f(s)
				s.done()
				runs++
			}
			for n := 1; n <= len(names); n++ {
				t.Run(fmt.Sprint(n, " ", strings.NewReplacer("/", "\u2215", " ", "_").Replace(names[n-1])), func(t *testing.T) {
					run(func(s *story) { s.runFault(t, &fault{fails: map[int]error{n: syscall.EIO}}) })
					run(func(s *story) { s.runCrash(t, &fault{crash: n, half: n%2 == 0}, nil, Auto) })
					if name == "disk" {
						return
					}
					run(func(s *story) { s.runFault(t, &fault{fails: map[int]error{n: syscall.EPERM}}) })
					run(func(s *story) { s.runFault(t, &fault{fails: map[int]error{n: syscall.ENOSPC}}) })
					run(func(s *story) { s.runCrash(t, &fault{crash: n}, nil, Undo) })
					run(func(s *story) { s.runCrash(t, &fault{crash: n}, nil, Finish) })
				})
			}
			t.Logf("%d operations, %d runs", len(names), runs)
		})
	}
}

var cuts = flag.Int("cuts", 2, "how many different power cuts TestPowerCut makes after each operation")

// TestPowerCut crashes after each operation and loses what is not synced, or some of it.
func TestPowerCut(t *testing.T) {
	seeds := uint64(*cuts)
	for _, noLinks := range []bool{false, true} {
		make := func() *story {
			w := memWorld()
			w.mem.noLinks, w.linked = noLinks, !noLinks
			return everything(t, w)
		}
		names := count(t, make())
		runs := 0
		for n := 1; n <= len(names)+1; n++ {
			for seed := range seeds {
				for _, mode := range []Mode{Auto, Undo, Finish} {
					make().runCrash(t, &fault{crash: n, half: seed%2 == 0}, rand.New(rand.NewPCG(seed, uint64(n))), mode)
					runs++
				}
			}
		}
		// Crashes while recovering from crashes.
		for n := 1; n <= len(names)+1; n += 3 {
			for m := 1; m < 150; m += 15 {
				rng := rand.New(rand.NewPCG(uint64(m), uint64(n)))
				make().runCrash(t, &fault{crash: n}, rng, Auto, m, 1+rng.IntN(100))
				runs++
			}
		}
		t.Logf("hard links %v: %d operations, %d runs", !noLinks, len(names), runs)
	}
}

// TestDurable cuts the power right after success, and right after an error.
func TestDurable(t *testing.T) {
	for seed := range uint64(50) {
		for _, f := range []*fault{nil, {fails: map[int]error{200: syscall.EIO}}} {
			s := everything(t, memWorld())
			err := s.engine(f).commit(t.Context(), s.changes)
			if (err != nil) != (f != nil) {
				t.Fatal(err)
			}
			s.mem.powerCut(rand.New(rand.NewPCG(seed, 0)))
			s.outcome(t, err)
		}
	}
}

// TestTurnBack cuts the power while committed work is undone: by hand, and because the
// commit could not be made durable.
func TestTurnBack(t *testing.T) {
	runs := 0
	check := func(n int, seed uint64, s *story) {
		t.Helper()
		s.mem.powerCut(rand.New(rand.NewPCG(seed, uint64(n))))
		recovery, err := s.engine(nil).recover(t.Context(), Auto)
		if err != nil {
			t.Fatalf("operation %d, seed %d: %v", n, seed, err)
		}
		if recovery == nil || !recovery.Finished {
			err = errors.New("undone")
		}
		s.outcome(t, err)
		runs++
	}
	names := count(t, everything(t, memWorld()))
	commit := slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, committedName) }) + 1
	for seed := range uint64(8) {
		for n := 1; ; n++ {
			s := everything(t, memWorld())
			f := &fault{fails: map[int]error{commit + 1: syscall.EIO}, crash: commit + n}
			_ = s.engine(f).commit(t.Context(), s.changes)
			check(n, seed, s)
			if f.ops <= f.crash {
				break
			}
		}
		for n := 1; ; n++ {
			s := doneStory(t)
			s.mem.sync()
			f := &fault{crash: n}
			_, _ = s.engine(f).recover(t.Context(), Undo)
			check(n, seed, s)
			if f.ops <= f.crash {
				break
			}
		}
	}
	t.Logf("%d runs", runs)
}
