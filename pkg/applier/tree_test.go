//go:build unix

package applier

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A tree on disk: a regular file, modes, links within and out of the root, what is no
// file, what is not there.
func TestDirTree(t *testing.T) {
	base := t.TempDir()
	in := func(name string) string { return filepath.Join(base, "root", filepath.FromSlash(name)) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(in("packages/one/src"), 0o755))
	must(os.MkdirAll(in("vendor/acme"), 0o755))
	must(os.MkdirAll(filepath.Join(base, "outside"), 0o755))
	must(os.WriteFile(filepath.Join(base, "outside/secret"), []byte("secret\n"), 0o644))
	must(os.WriteFile(in("packages/one/src/A.php"), []byte("<?php\r\n"), 0o644))
	must(os.WriteFile(in("run"), []byte("#!/bin/sh"), 0o644))
	must(os.Chmod(in("run"), 0o750))
	must(os.WriteFile(in("empty"), nil, 0o600))
	must(os.WriteFile(in("locked"), []byte("x"), 0o600))
	must(os.Chmod(in("locked"), 0))
	must(os.Symlink("../../packages/one", in("vendor/acme/one")))
	must(os.Symlink("../../nowhere", in("vendor/acme/gone")))
	must(os.Symlink("../../../outside", in("vendor/acme/out")))
	must(os.Symlink(filepath.Join(base, "outside"), in("vendor/acme/absolute")))
	must(os.Symlink("loop", in("vendor/acme/loop")))
	must(os.Symlink("packages/one/src/A.php", in("link.php")))
	must(os.Symlink("/etc/passwd", in("absolute.link")))
	must(syscall.Mkfifo(in("pipe"), 0o644))

	root, err := os.OpenRoot(filepath.Join(base, "root"))
	must(err)
	defer root.Close()
	tree := DirTree(root)

	for _, tt := range []struct {
		name, data string
		mode       fs.FileMode
		err        error
	}{
		{name: "packages/one/src/A.php", data: "<?php\r\n", mode: 0o644},
		{name: "vendor/acme/one/src/A.php", data: "<?php\r\n", mode: 0o644},
		{name: "run", data: "#!/bin/sh", mode: 0o750},
		{name: "empty", mode: 0o600},
		{name: "link.php", data: "packages/one/src/A.php", mode: fs.ModeSymlink | 0o777},
		{name: "absolute.link", data: "/etc/passwd", mode: fs.ModeSymlink | 0o777},
		{name: "vendor/acme/out", data: "../../../outside", mode: fs.ModeSymlink | 0o777},
		{name: "vendor/acme/out/secret", err: ErrOutside},
		{name: "vendor/acme/out/nothing", err: ErrOutside},
		{name: "vendor/acme/out/deeper/secret", err: ErrOutside},
		{name: "vendor/acme/absolute/secret", err: ErrOutside},
		{name: "vendor/acme/loop/x", err: ErrOutside},
		{name: "vendor/acme/gone/x", err: fs.ErrNotExist},
		{name: "../outside/secret", err: ErrOutside},
		{name: "packages", err: ErrNotFile},
		{name: "packages/one", err: ErrNotFile},
		{name: "pipe", err: ErrNotFile},
		{name: "pipe/x", err: ErrNotFolder},
		{name: "run/x", err: ErrNotFolder},
		{name: "run/x/y", err: ErrNotFolder},
		{name: "link.php/x", err: ErrNotFolder},
		{name: "missing", err: fs.ErrNotExist},
		{name: "no/such/folder", err: fs.ErrNotExist},
		{name: "packages/one/src/a.php", err: fs.ErrNotExist},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := readInTime(t, tree, tt.name)
			if !errors.Is(err, tt.err) {
				t.Fatalf("got error %v, want %v", err, tt.err)
			}
			if err != nil {
				return
			}
			if string(f.Data) != tt.data || f.Mode != tt.mode {
				t.Errorf("got %q %v, want %q %v", f.Data, f.Mode, tt.data, tt.mode)
			}
		})
	}
	t.Run("unreadable", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("root may read every file")
		}
		_, err := tree.ReadFile("locked")
		if !errors.Is(err, fs.ErrPermission) || reasonOf(err) != Unreadable {
			t.Errorf("got %v, want a lack of permission", err)
		}
	})
}

// readInTime fails when a read hangs, as the opening of a pipe may.
func readInTime(t *testing.T, tree Tree, name string) (f *File, err error) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		f, err = tree.ReadFile(name)
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("reading hangs")
	}
	return f, err
}
