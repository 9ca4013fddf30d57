package catalog

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// zeros is endless.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestReadAllStopsAtTheLimit(t *testing.T) {
	if _, err := ReadAll(zeros{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("endless input: %v, want ErrTooLarge", err)
	}
	b, err := ReadAll(io.LimitReader(zeros{}, MaxSize))
	if err != nil || len(b) != MaxSize {
		t.Errorf("input of exactly the limit: %d bytes, %v", len(b), err)
	}
}

func TestOpenRefusesArchives(t *testing.T) {
	for _, test := range []struct {
		name  string
		write func(*zip.Writer) error
		want  string
	}{
		{"bomb", func(w *zip.Writer) error {
			f, err := w.Create("patches.json")
			if err == nil {
				_, err = io.CopyN(f, zeros{}, 64<<20)
			}
			return err
		}, "times its size"},
		{"too many entries", func(w *zip.Writer) error {
			for i := range maxArchiveEntries + 1 {
				if _, err := w.CreateRaw(&zip.FileHeader{Name: fmt.Sprint(i)}); err != nil {
					return err
				}
			}
			return nil
		}, "entries"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var buf bytes.Buffer
			w := zip.NewWriter(&buf)
			if err := errors.Join(test.write(w), w.Close()); err != nil {
				t.Fatal(err)
			}
			name := filepath.Join(t.TempDir(), "catalogue.zip")
			if err := os.WriteFile(name, buf.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := Open(name)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error about %q", err, test.want)
			}
		})
	}
}
