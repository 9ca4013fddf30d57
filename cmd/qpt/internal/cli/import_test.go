package cli

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quality-patches/qpt/pkg/catalog/own"
)

// The page of a pull request stands for its diff, from whose name the id comes.
func TestDiffAddress(t *testing.T) {
	for address, want := range map[string]string{
		"https://github.com/magento/magento2/pull/12345":       "PR-12345",
		"https://github.com/magento/magento2/pull/12345.diff":  "PR-12345",
		"https://github.com/magento/magento2/pull/12345.patch": "PR-12345",
		"https://example.org/a/247p10-2026-07-001-CE.patch":    "247p10-2026-07-001-CE",
	} {
		n, err := own.ParseName(path.Base(diffAddress(address)))
		if err != nil || n.ID != want || !strings.Contains(path.Base(diffAddress(address)), ".") {
			t.Errorf("%s: %s %v, want %s", address, n.ID, err, want)
		}
	}
}

const loosePatch = "--- /dev/null\n+++ b/pub/loose.txt\n@@ -0,0 +1 @@\n+x\n"

// An archive that could hurt is refused as a whole, and the shop stays as it is.
func TestImportHostileArchives(t *testing.T) {
	header := func(name string, mode fs.FileMode) *zip.FileHeader {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(mode)
		return h
	}
	type entry struct {
		header *zip.FileHeader
		text   string
	}
	archive := func(entries ...entry) []byte {
		var buf bytes.Buffer
		w := zip.NewWriter(&buf)
		for _, e := range append([]entry{{header("good.patch", 0o644), loosePatch}}, entries...) {
			f, err := w.CreateHeader(e.header)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write([]byte(e.text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	}
	good := archive()
	// The directory says that the diff is small, and it is not.
	lying := bytes.Clone(archive(entry{header("big.patch", 0o644), strings.Repeat("x", 1<<20)}))
	at := bytes.LastIndex(lying, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(lying[at+24:], 10)
	many := make([]entry, 0, 100_001)
	for i := range cap(many) {
		many = append(many, entry{&zip.FileHeader{Name: fmt.Sprintf("%d.patch", i)}, ""})
	}
	for _, tc := range []struct {
		name string
		data []byte
		want string
	}{
		{"out of the folder", archive(entry{header("../../evil.patch", 0o644), loosePatch}), "leads out of the archive's folder"},
		{"absolute", archive(entry{header("/etc/evil.patch", 0o644), loosePatch}), "leads out of the archive's folder"},
		{"backslashes", archive(entry{header(`..\evil.patch`, 0o644), loosePatch}), "leads out of the archive's folder"},
		{"a drive", archive(entry{header("C:evil.patch", 0o644), loosePatch}), "leads out of the archive's folder"},
		{"a link", archive(entry{header("link.patch", 0o777|fs.ModeSymlink), "/etc/passwd"}), "is a link or a device"},
		{"a bomb", archive(entry{header("bomb.patch", 0o644), strings.Repeat("\x00", 32<<20)}), "more than 200 times its size"},
		{"a lie about the size", lying, "big.patch"},
		{"many entries", archive(many...), "entries, more than"},
		{"truncated", good[:len(good)-10], "broken or truncated zip"},
		{"corrupt", bytes.Replace(good, good[45:50], []byte("?????"), 1), "good.patch"},
		{"no diff inside", archive(entry{header("bad.patch", 0o644), "not a diff"}), "bad.patch"},
		{"a sequence in a name", archive(entry{header("x\x1b[31m.patch", 0o644), "not a diff"}), `x\x1b[31m.patch`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := sandbox(t)
			before, err := treeHash(dir)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "in.zip")
			if err := os.WriteFile(file, tc.data, 0o644); err != nil {
				t.Fatal(err)
			}
			got := qpt(t, dir, "", nil, "import", file)
			if got.code != exitUsage || !strings.Contains(got.err, tc.want) || strings.Contains(got.err, "\x1b") {
				t.Errorf("exit code %d, stderr %q, want %q", got.code, got.err, tc.want)
			}
			if after, err := treeHash(dir); err != nil || after != before {
				t.Errorf("the shop was changed: %v", err)
			}
		})
	}
	dir := sandbox(t)
	file := filepath.Join(t.TempDir(), "in.zip")
	if err := os.WriteFile(file, good, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := qpt(t, dir, "", nil, "import", file); got.code != exitDone || !strings.Contains(got.out, "good  added") {
		t.Errorf("exit code %d, stdout %q, stderr %q", got.code, got.out, got.err)
	}
}

// looseFiles makes n diffs of names of their own, and returns their folder.
func looseFiles(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		text := strings.ReplaceAll(loosePatch, "loose", fmt.Sprintf("loose%d", i))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("LOOSE-%d.patch", i)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// An import that is killed at any moment leaves the own catalogue, once recovered, exactly
// as before it or with all that was to be taken in.
func TestKillImport(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, in := sandbox(t), looseFiles(t, 25)
	hash := func() string {
		t.Helper()
		h, err := treeHash(dir)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	start := func() *exec.Cmd {
		t.Helper()
		cmd := exec.Command(self, "import", in)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), asQpt+"=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	before, begun := hash(), time.Now()
	if err := start().Wait(); err != nil {
		t.Fatal(err)
	}
	after, span := hash(), time.Since(begun)*5/4
	outcomes := map[string]int{}
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	for range rounds {
		if err := os.RemoveAll(filepath.Join(dir, "patches")); err != nil {
			t.Fatal(err)
		}
		cmd := start()
		time.Sleep(time.Duration(rand.Int64N(int64(span))))
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		torn := hash()
		if got := qpt(t, dir, "", nil, "recover"); got.code != exitDone {
			t.Fatalf("recover: %+v", got)
		}
		switch now := hash(); {
		case now != before && now != after:
			t.Fatal("the catalogue is neither as before nor as intended")
		case torn != now:
			outcomes["recovered"]++
		case now == before:
			outcomes["before"]++
		default:
			outcomes["after"]++
		}
	}
	t.Log(outcomes)
}

// Imports at the same time wait for each other, and none loses what another took in.
func TestImportsAtOnce(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const n = 6
	dir, in := sandbox(t), looseFiles(t, n)
	var cmds []*exec.Cmd
	for i := range n {
		cmd := exec.Command(self, "import", filepath.Join(in, fmt.Sprintf("LOOSE-%d.patch", i)), "--wait", "1m")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), asQpt+"=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	got := qpt(t, dir, "", nil, "list", "--search", "LOOSE-")
	for i := range n {
		if !strings.Contains(got.out, fmt.Sprintf("LOOSE-%d ", i)) {
			t.Errorf("LOOSE-%d is lost:\n%s", i, got.out)
		}
	}
}
