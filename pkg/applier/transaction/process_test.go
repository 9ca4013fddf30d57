package transaction

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quality-patches/qpt/pkg/applier"
)

var kills = flag.Int("kills", 100, "how often TestKill kills a process at work")

// roles are what this binary does when it is started as another process.
var roles = map[string]func(dir string) error{
	"flip": flip,
	"hold": func(dir string) error {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return err
		}
		s, _, err := Begin(context.Background(), root, Options{Command: "qpt hold"})
		if err != nil {
			return err
		}
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
		return s.Close()
	},
	"count":        countUp,
	"unprivileged": unprivileged,
}

const roleVar, dirVar = "QPT_TEST_ROLE", "QPT_TEST_DIR"

func TestMain(m *testing.M) {
	if role := roles[os.Getenv(roleVar)]; role != nil {
		if err := role(os.Getenv(dirVar)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// process returns a process that plays a role.
func process(t *testing.T, role, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleVar+"="+role, dirVar+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

// start starts a process and waits until it says that it is ready.
func start(t *testing.T, cmd *exec.Cmd) io.WriteCloser {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the process said %q, %v", line, err)
	}
	return in
}

// The two states between which flip goes back and forth.
var sides = [2]map[string]*applier.File{
	{
		"app/A.php":           text(strings.Repeat("left\n", 3000), 0o644),
		"app/code/B.php":      text("left B", 0o600),
		"app/code/only/C.php": text("left only", 0o644),
		"app/etc/link":        link("../A.php"),
		"vendor/x/y/z/D":      text("left D", 0o755),
		"vendor/x/y/mode":     text("same", 0o644),
		"moved/from":          text("moved", 0o644),
	},
	{
		"app/A.php":         text(strings.Repeat("right\n", 2000), 0o644),
		"app/code/B.php":    text("right B", 0o600),
		"app/etc/link":      link("../code/B.php"),
		"app/new/deep/E":    text("right only", 0o644),
		"vendor/x/y/z/D":    text("", 0o755),
		"vendor/x/y/mode":   text("same", 0o755),
		"moved/right/there": text("moved", 0o644),
	},
}

// flipChanges are the changes from one side to the other.
func flipChanges(from int) []applier.Change {
	tree := applier.MapTree(sides[from])
	o := applier.NewOverlay(tree)
	for name := range sides[from] {
		o.Remove(name)
	}
	for name, f := range sides[1-from] {
		o.Write(name, f)
	}
	changes, err := o.Changes()
	if err != nil {
		panic(err)
	}
	return changes
}

// side finds out on which side a tree is, and whether it is there exactly.
func side(dir string) (int, error) {
	var reasons []error
	for n, want := range sides {
		err := func() error {
			files := 0
			folders := map[string]bool{}
			for name := range want {
				for d := filepath.Dir(name); d != "."; d = filepath.Dir(d) {
					folders[d] = true
				}
			}
			err := filepath.WalkDir(dir, func(full string, d fs.DirEntry, err error) error {
				name, _ := filepath.Rel(dir, full)
				switch {
				case err != nil:
					return err
				case name == "var":
					return fs.SkipDir
				case name == "." || d.IsDir() && folders[name]:
					return nil
				case want[name] == nil:
					return fmt.Errorf("%s should not be there", name)
				}
				files++
				var data []byte
				if d.Type()&fs.ModeSymlink != 0 {
					var text string
					text, err = os.Readlink(full)
					data = []byte(text)
				} else {
					data, err = os.ReadFile(full)
				}
				if err != nil {
					return err
				}
				if fi, err := d.Info(); err != nil || fi.Mode() != want[name].Mode || string(data) != string(want[name].Data) {
					return fmt.Errorf("%s is different: %v", name, err)
				}
				return nil
			})
			if err == nil && files != len(want) {
				err = fmt.Errorf("%d files instead of %d", files, len(want))
			}
			return err
		}()
		if err == nil {
			return n, nil
		}
		reasons = append(reasons, err)
	}
	return 0, errors.Join(reasons...)
}

// flip does transactions until it is killed.
func flip(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	for first := true; ; first = false {
		s, _, err := Begin(context.Background(), root, Options{Command: "qpt flip"})
		if err != nil {
			return err
		}
		from, err := side(dir)
		if err != nil {
			return err
		}
		if first {
			fmt.Println("ready")
		}
		if err := s.Commit(context.Background(), flipChanges(from)); err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
}

// TestKill kills a process at work at random moments. What it leaves is one side or the
// other after recovery, and nothing else.
func TestKill(t *testing.T) {
	dir := tempDir(t)
	if err := os.Mkdir(filepath.Join(dir, "var"), 0o777); err != nil {
		t.Fatal(err)
	}
	for name, f := range sides[0] {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o777); err != nil {
			t.Fatal(err)
		}
		var err error
		if f.Mode&fs.ModeSymlink != 0 {
			err = os.Symlink(string(f.Data), full)
		} else if err = os.WriteFile(full, f.Data, f.Mode); err == nil {
			err = os.Chmod(full, f.Mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	outcomes := map[string]int{}
	for n := range *kills {
		cmd := process(t, "flip", dir)
		start(t, cmd)
		time.Sleep(time.Duration(rng.IntN(15_000)) * time.Microsecond)
		cmd.Process.Kill()
		cmd.Wait()
		pending, err := Pending(root, Options{})
		if err != nil {
			t.Fatalf("kill %d, seed %d: %v", n, seed, err)
		}
		s, recovery, err := Begin(t.Context(), root, Options{Command: "qpt test"})
		if err != nil {
			t.Fatalf("kill %d, seed %d: %v", n, seed, err)
		}
		if (pending == nil) != (recovery == nil) {
			t.Fatalf("kill %d, seed %d: pending %v, then recovered %v", n, seed, pending, recovery)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := side(dir); err != nil {
			t.Fatalf("kill %d, seed %d, recovery %+v: %v", n, seed, recovery, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, stateIn, "journal*")); left != nil {
			t.Fatalf("kill %d, seed %d: %v is left", n, seed, left)
		}
		switch {
		case recovery == nil:
			outcomes["between transactions"]++
		case recovery.Finished:
			outcomes["finished"]++
		default:
			outcomes["undone"]++
		}
	}
	t.Logf("seed %d: %d kills: %v", seed, *kills, outcomes)
}

func lockDir(t *testing.T) (string, *os.Root) {
	t.Helper()
	dir := tempDir(t)
	if err := os.Mkdir(filepath.Join(dir, "var"), 0o777); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return dir, root
}

func TestLock(t *testing.T) {
	dir, root := lockDir(t)
	holder := process(t, "hold", dir)
	in := start(t, holder)

	_, _, err := Begin(t.Context(), root, Options{})
	locked, ok := errors.AsType[*LockedError](err)
	if !ok {
		t.Fatalf("got %v, want a LockedError", err)
	}
	host, _ := os.Hostname()
	if locked.PID != holder.Process.Pid || locked.Host != host || locked.Command != "qpt hold" || time.Since(locked.Started) > time.Minute {
		t.Errorf("wrong holder: %+v", locked)
	}
	for _, want := range []string{strconv.Itoa(holder.Process.Pid), host, "qpt hold", locked.Started.Format(time.DateTime)} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %q", err, want)
		}
	}

	began := time.Now()
	_, _, err = Begin(t.Context(), root, Options{Wait: 120 * time.Millisecond})
	if _, ok := errors.AsType[*LockedError](err); !ok || time.Since(began) < 120*time.Millisecond {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err = Begin(ctx, root, Options{Wait: time.Minute}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that of the context", err)
	}
	time.AfterFunc(100*time.Millisecond, func() { in.Close() })
	s, _, err := Begin(t.Context(), root, Options{Wait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Begin(t.Context(), root, Options{}); err == nil {
		t.Error("two sessions in one process")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestStaleLock leaves the lock file of a process that was killed.
func TestStaleLock(t *testing.T) {
	dir, root := lockDir(t)
	holder := process(t, "hold", dir)
	start(t, holder)
	holder.Process.Kill()
	holder.Wait()
	if data, _ := os.ReadFile(filepath.Join(dir, stateIn, lockName)); !strings.Contains(string(data), "qpt hold") {
		t.Fatalf("the lock file holds %q", data)
	}
	s, _, err := Begin(t.Context(), root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

const countTo = 30

// countUp adds to a number in a file, one transaction each.
func countUp(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	for range countTo {
		s, _, err := Begin(context.Background(), root, Options{Wait: time.Minute})
		if err != nil {
			return err
		}
		old, err := applier.DirTree(root).ReadFile("number")
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(old.Data))
		if err != nil {
			return err
		}
		new := &applier.File{Data: []byte(strconv.Itoa(n + 1)), Mode: old.Mode}
		if err := s.Commit(context.Background(), []applier.Change{{Path: "number", Old: old, New: new}}); err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	return nil
}

// TestRace lets processes compete. None of their changes is lost.
func TestRace(t *testing.T) {
	dir, _ := lockDir(t)
	if err := os.WriteFile(filepath.Join(dir, "number"), []byte("0"), 0o644); err != nil {
		t.Fatal(err)
	}
	var all []*exec.Cmd
	for range 3 {
		cmd := process(t, "count", dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, cmd)
	}
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	if data, err := os.ReadFile(filepath.Join(dir, "number")); err != nil || string(data) != strconv.Itoa(3*countTo) {
		t.Errorf("the number is %q, %v", data, err)
	}
}
