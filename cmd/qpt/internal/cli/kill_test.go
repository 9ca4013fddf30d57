package cli

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"
)

var kills = flag.Int("kills", 500, "how often TestKill kills a run")

// asQpt makes the test binary act as qpt, in a process of its own.
const asQpt = "QPT_TEST_AS_QPT"

// A run that is killed at any moment leaves the tree, once recovered, exactly as before
// it or exactly as intended, and no file of qpt's behind.
func TestKill(t *testing.T) {
	n := *kills
	if testing.Short() {
		n = min(n, 50)
	}
	dir := t.TempDir()
	if err := buildSandbox(dir); err != nil {
		t.Fatal(err)
	}
	patches := []string{"DEMO-1", "DEMO-2", "DEMO-3", "DEMO-4", "DEMO-6", "ACSD-61103"}
	env := Env{In: bytes.NewReader(nil), Dir: dir, Getenv: func(string) string { return "" }}
	do := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		env.Out, env.Err = &out, &out
		if code := run(t.Context(), args, env); code != exitDone {
			t.Fatalf("qpt %v: exit code %d\n%s", args, code, out.String())
		}
		return out.String()
	}
	hash := func() string {
		t.Helper()
		h, err := treeHash(dir)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	before := hash()
	do(append([]string{"apply"}, patches...)...)
	after := hash()

	// The moments are spread over how long a run takes here.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := func() *exec.Cmd {
		verb := "apply"
		if hash() == after {
			verb = "revert"
		}
		cmd := exec.Command(self, append([]string{verb}, patches...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), asQpt+"=1")
		return cmd
	}
	start := time.Now()
	if out, err := command().CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	span := time.Since(start) * 3 / 2

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d kills within %v", seed, n, span)
	rnd := rand.New(rand.NewPCG(seed, 0))
	outcomes := map[string]int{}
	for i := range n {
		cmd := command()
		was := hash()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rnd.Int64N(int64(span))))
		_ = cmd.Process.Kill() // it may have ended
		killed := false
		var exit *exec.ExitError
		if err := cmd.Wait(); errors.As(err, &exit) {
			killed = exit.ExitCode() == -1
		}
		torn := hash()
		do("recover")
		switch now := hash(); {
		case now != before && now != after:
			t.Fatalf("kill %d: the tree is neither as before nor as intended", i)
		case !killed:
			outcomes["ended first"]++
		case torn != now:
			outcomes["recovered"]++
		case now == was:
			outcomes["killed before"]++
		default:
			outcomes["killed after"]++
		}
	}
	t.Log(outcomes)
	if outcomes["recovered"] == 0 && n >= 100 {
		t.Error("no kill hit a transaction: the test proves nothing")
	}
}

// Two runs at the same time wait for each other: both succeed, and the tree is what one
// of them intended.
func TestTwoRunsAtOnce(t *testing.T) {
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
	start := func(verb string) (*exec.Cmd, *bytes.Buffer) {
		t.Helper()
		cmd := exec.Command(self, verb, "DEMO-1", "DEMO-2", "ACSD-61103", "--wait", "1m")
		var out bytes.Buffer
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
		cmd.Env = append(os.Environ(), asQpt+"=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, &out
	}
	reverted := hash()
	first, out := start("apply")
	if err := first.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	applied := hash()
	for i := range 20 {
		apply, out1 := start("apply")
		revert, out2 := start("revert")
		err := errors.Join(apply.Wait(), revert.Wait())
		if now := hash(); err != nil || now != applied && now != reverted {
			t.Fatalf("round %d: %v, the tree is whole: %v\n%s\n%s", i, err, now == applied || now == reverted, out1, out2)
		}
	}
}
