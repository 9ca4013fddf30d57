//go:build unix

package transaction

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/quality-patches/qpt/pkg/applier"
)

// TestUnprivileged runs as somebody who is not allowed everything.
func TestUnprivileged(t *testing.T) {
	dir := tempDir(t)
	if os.Getuid() != 0 {
		if err := unprivileged(dir); err != nil {
			t.Fatal(err)
		}
		return
	}
	// The binary itself may lie where others cannot read.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(tempDir(t), "bin")
	for _, err := range []error{os.WriteFile(bin, data, 0o755), os.Chmod(filepath.Dir(bin), 0o755), os.Chown(dir, 65534, 65534)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	// A file of somebody else, in a folder that is ours.
	if err := os.WriteFile(filepath.Join(dir, "theirs"), []byte("theirs"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "theirs"), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := process(t, "unprivileged", dir)
	cmd.Path, cmd.Args = bin, []string{bin}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
}

func unprivileged(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	write := func(name, data string, mode fs.FileMode) *applier.File {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			panic(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), mode); err != nil {
			panic(err)
		}
		return text(data, mode)
	}
	// No state folder.
	if _, _, err := Begin(ctx, root, Options{}); err == nil || !strings.Contains(err.Error(), "--state-dir") || !strings.Contains(err.Error(), "no folder var") {
		return fmt.Errorf("without var: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "var"), 0o555); err != nil {
		return err
	}
	if _, _, err := Begin(ctx, root, Options{}); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "--state-dir") {
		return fmt.Errorf("with a read-only var: %v", err)
	}
	o := Options{StateDir: "state/of/qpt"}
	s, _, err := Begin(ctx, root, o)
	if err != nil {
		return err
	}
	defer s.Close()
	first := write("a/first", "first", 0o644)
	sub := write("b/second", "second", 0o644)
	readOnly := write("a/read-only", "read-only", 0o444)
	if err := os.Chmod(filepath.Join(dir, "b"), 0o555); err != nil {
		return err
	}
	before := list(dir)
	// A read-only folder half-way.
	err = s.Commit(ctx, []applier.Change{
		{Path: "a/first", Old: first, New: text("changed", 0o644)},
		{Path: "a/new/file", New: text("new", 0o644)},
		{Path: "b/second", Old: sub, New: text("changed", 0o644)},
	})
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "b/") {
		return fmt.Errorf("with a read-only folder: %v", err)
	}
	if now := list(dir); now != before {
		return fmt.Errorf("not undone:\n%s\nwas:\n%s", now, before)
	}
	// A deletion in it, which fails as late as can be.
	err = s.Commit(ctx, []applier.Change{{Path: "a/first", Old: first}, {Path: "b/second", Old: sub}})
	if !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("deletion in a read-only folder: %v", err)
	}
	if now := list(dir); now != before {
		return fmt.Errorf("not undone:\n%s\nwas:\n%s", now, before)
	}
	// A read-only file in a folder that is not.
	if err = s.Commit(ctx, []applier.Change{{Path: "a/read-only", Old: readOnly, New: text("changed", 0o444)}}); err != nil {
		return fmt.Errorf("a read-only file: %v", err)
	}
	if fi, err := os.Stat(filepath.Join(dir, "a/read-only")); err != nil || fi.Mode() != 0o444 {
		return fmt.Errorf("a read-only file is now %v, %v", fi.Mode(), err)
	}
	// An owner that cannot be kept.
	if _, err := os.Stat(filepath.Join(dir, "theirs")); err == nil {
		err = s.Commit(ctx, []applier.Change{{Path: "theirs", Old: text("theirs", 0o666), New: text("changed", 0o666)}})
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "owner") || !strings.Contains(err.Error(), "theirs") {
			return fmt.Errorf("a file of somebody else: %v", err)
		}
		if data, err := os.ReadFile(filepath.Join(dir, "theirs")); string(data) != "theirs" {
			return fmt.Errorf("a file of somebody else is now %q, %v", data, err)
		}
	}
	return nil
}

// TestDiskFull fills a real, small disk.
func TestDiskFull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to mount a small disk")
	}
	dir := t.TempDir()
	if err := mountSmall(dir, "256k"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	defer unmount(dir)
	w := diskWorld(t, dir)
	var changes []applier.Change
	for i := range 8 {
		name := fmt.Sprintf("folder%d/file", i)
		old := text(strings.Repeat("old", 100), 0o644)
		w.put(t, name, old)
		changes = append(changes, applier.Change{Path: name, Old: old, New: text(strings.Repeat("new", 2000), 0o644)})
	}
	story := w.story(t, changes, nil)
	full := 0
	for free := 0; ; free += 4096 {
		// Leave just so many bytes.
		os.Remove(filepath.Join(dir, stateIn, "lock"))
		var st syscall.Statfs_t
		if err := syscall.Statfs(dir, &st); err != nil {
			t.Fatal(err)
		}
		fill := int(st.Bavail)*int(st.Bsize) - free
		if fill < 0 {
			t.Fatal("never fitted")
		}
		if err := os.WriteFile(filepath.Join(dir, stateIn, "lock"), make([]byte, fill), 0o644); err != nil {
			t.Fatal(err)
		}
		err := story.engine(nil).commit(t.Context(), changes)
		story.outcome(t, err)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("got %v", err)
		}
		full++
	}
	t.Logf("full at %d places", full)
	if full < 3 {
		t.Error("the disk was hardly ever full")
	}
}

func inode(fi fs.FileInfo) any { return fi.Sys().(*syscall.Stat_t).Ino }
