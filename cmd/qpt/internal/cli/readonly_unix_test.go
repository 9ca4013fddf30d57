//go:build unix

package cli

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A folder that may not be written to, met half-way: the run is undone, and says which.
func TestReadOnlyFolder(t *testing.T) {
	top, err := os.MkdirTemp("", "qpt-readonly") // t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	locked := filepath.Join(top, "shop/vendor/magento/module-customer/etc")
	t.Cleanup(func() {
		_ = os.Chmod(locked, 0o755)
		if err := os.RemoveAll(top); err != nil {
			t.Error(err)
		}
	})
	dir, bin := filepath.Join(top, "shop"), filepath.Join(top, "qpt")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.Chmod(top, 0o755), os.Mkdir(dir, 0o755), os.WriteFile(bin, data, 0o755), buildSandbox(dir), os.Chmod(locked, 0o555),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(bin, "apply", "DEMO-1", "DEMO-2", "DEMO-3", "ACSD-61103")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), asQpt+"=1", "HOME="+top)
	if os.Getuid() == 0 { // who may write everywhere
		const nobody = 65534
		err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(name, nobody, nobody))
		})
		if err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	before, err := treeHash(dir)
	if err != nil {
		t.Fatal(err)
	}
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitError {
		t.Errorf("exit code %d", code)
	}
	if text := string(out); !strings.Contains(text, "vendor/magento/module-customer/etc") || !strings.Contains(text, "permission denied") {
		t.Errorf("the message does not say what is wrong:\n%s", out)
	}
	if after, err := treeHash(dir); err != nil || after != before {
		t.Errorf("the tree changed (%v)\n%s", err, out)
	}
}
