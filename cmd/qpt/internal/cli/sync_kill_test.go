package cli

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A sync that is killed leaves files, qpt.yaml and qpt.lock together as they were or as
// intended, and the next sync finishes what was begun.
func TestSyncIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	dir := t.TempDir()
	if err := buildSandbox(dir); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	hash := func() string {
		t.Helper()
		h, err := treeHash(dir)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(self, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), asQpt+"=1")
		return cmd
	}
	do := func(args ...string) {
		t.Helper()
		if out, err := command(args...).CombinedOutput(); err != nil {
			t.Fatalf("qpt %v: %v\n%s", args, err, out)
		}
	}
	patches := []string{"DEMO-1", "DEMO-3", "DEMO-6"}
	do("add", "ACSD-61103")
	without := hash()
	start := time.Now()
	do(append([]string{"add"}, patches...)...)
	span := time.Since(start) * 3 / 2
	with := hash()
	if config, err := os.ReadFile(filepath.Join(dir, "qpt.yaml")); err != nil || !bytes.Contains(config, []byte("DEMO-6")) {
		t.Fatalf("%s %v", config, err)
	}
	outcomes := map[string]int{}
	for i := range 60 {
		verb := "remove"
		if hash() == without {
			verb = "add"
		}
		cmd := command(append([]string{verb}, patches...)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.Int64N(int64(span))))
		_ = cmd.Process.Kill() // it may have ended
		var exit *exec.ExitError
		killed := errors.As(cmd.Wait(), &exit)
		torn := hash()
		do("sync") // finishes or undoes first, and then has nothing to do
		switch now := hash(); {
		case now != with && now != without:
			t.Fatalf("kill %d: the tree is neither as before nor as intended", i)
		case !killed:
			outcomes["ended first"]++
		case torn != now:
			outcomes["recovered"]++
		default:
			outcomes["killed before or after"]++
		}
		do("verify")
	}
	t.Log(outcomes)
}
