package catalog_test

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/quality-patches/qpt/pkg/catalog"
)

// Input that is larger than any diff is refused, however it comes in.
func TestReadAll(t *testing.T) {
	if b, err := catalog.ReadAll(strings.NewReader("diff")); err != nil || string(b) != "diff" {
		t.Errorf("%q, error %v", b, err)
	}
	if _, err := catalog.ReadAll(iotest.ErrReader(fs.ErrClosed)); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("error %v", err)
	}
	zeros := bytes.NewReader(make([]byte, catalog.MaxSize+1))
	if _, err := catalog.ReadAll(zeros); !errors.Is(err, catalog.ErrTooLarge) {
		t.Errorf("error %v", err)
	}
}

// sized is a file that says that it has a size.
type sized struct {
	fs.FileInfo
	size int64
}

func (s sized) Size() int64 { return s.size }

// lying is a source whose files say what size they like.
type lying struct {
	fs.FS
	size int64
}

type lyingFile struct {
	fs.File
	size int64
}

func (l lying) Open(name string) (fs.File, error) {
	f, err := l.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".json") {
		return f, err
	}
	return lyingFile{f, l.size}, nil
}

func (f lyingFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	return sized{info, f.size}, err
}

// A file is read as far as its source says; one that has more, or too much, is
// reported and not read.
func TestFileSizes(t *testing.T) {
	const src = `{"A-1": {"packages": {"p/p": {"1": {"file": "one.patch"}}}}}`
	for _, tc := range []struct {
		name string
		size int64
		want string
	}{
		{"the right size", int64(len(src)), ""},
		{"shorter than it says", int64(len(src)) + 10, ""},
		{"longer than it says", 10, "larger than its folder says"},
		{"too large", catalog.MaxSize + 1, "larger than 64 MiB"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := one("test", fstest.MapFS{"support-patches.json": file(src)}).FS
			c := catalog.Load([]catalog.Source{{Name: "test", FS: lying{files, tc.size}}})
			got := strings.Join(diagnostics(c), "\n")
			if tc.want == "" && (got != "" || ids(c) != "A-1") || tc.want != "" && (!strings.Contains(got, tc.want) || ids(c) != "") {
				t.Errorf("patches %q, diagnostics %q, want %q", ids(c), got, tc.want)
			}
		})
	}
}

// An archive that unpacks to far more than it is, is refused before it is read.
func TestArchiveRatio(t *testing.T) {
	name := filepath.Join(t.TempDir(), "bomb.zip")
	writeZip(t, name, "", map[string]string{"support-patches.json": "{}", "patches/zeros.patch": strings.Repeat("\x00", 8<<20)})
	if _, _, err := catalog.Open(name); err == nil || !strings.Contains(err.Error(), "times its size") {
		t.Errorf("error %v", err)
	}
}
