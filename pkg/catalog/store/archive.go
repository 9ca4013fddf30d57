package store

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/quality-patches/qpt/pkg/catalog"
)

// unpack copies the regular files of a folder, a zip or a tar.gz below an empty
// folder. What could leave it, and every link and device, is an error.
func unpack(source string, into *os.Root) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	w := &writer{root: into, limit: catalog.MaxArchiveSize}
	if info.IsDir() {
		return w.folder(os.DirFS(source))
	}
	if !info.Mode().IsRegular() {
		return catalog.ErrNotRegular
	}
	f, err := os.Open(source)
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte("PK")):
		archive, err := zip.NewReader(f, info.Size())
		if err != nil {
			return fmt.Errorf("a broken or truncated zip archive: %w", err)
		}
		if err := catalog.CheckArchive(archive, info.Size()); err != nil {
			return err
		}
		return w.zip(archive)
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		w.limit = min(w.limit, max(info.Size(), 1<<16)*catalog.MaxArchiveRatio)
		return w.tarball(f)
	case looksLikeHTML(head):
		return errors.New("a web page instead of an archive, such as a page to log in; check the address and the credentials")
	}
	return errors.New("neither a folder nor a zip or tar.gz archive")
}

func looksLikeHTML(head []byte) bool {
	text := strings.ToLower(string(bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")))))
	return strings.HasPrefix(text, "<!doctype") || strings.HasPrefix(text, "<html") || strings.Contains(text, "<head")
}

// A writer puts files below a folder, and counts.
type writer struct {
	root         *os.Root
	entries      int
	total, limit int64
}

func (w *writer) count() error {
	if w.entries++; w.entries > catalog.MaxArchiveEntries {
		return fmt.Errorf("the archive has more than %d entries", catalog.MaxArchiveEntries)
	}
	return nil
}

func (w *writer) folder(fsys fs.FS) error {
	return fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == "." || d.IsDir() && !strings.HasPrefix(d.Name(), "."):
			return nil
		case d.IsDir():
			return fs.SkipDir
		case strings.HasPrefix(d.Name(), "."):
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is neither a file nor a folder; a catalogue may hold no links", name)
		}
		f, err := fsys.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return w.file(name, f)
	})
}

func (w *writer) zip(archive *zip.Reader) error {
	for _, entry := range archive.File {
		mode := entry.Mode()
		if strings.HasSuffix(entry.Name, "/") || mode.IsDir() {
			if err := w.dir(entry.Name); err != nil {
				return err
			}
			continue
		}
		if !mode.IsRegular() {
			return fmt.Errorf("the entry %q is a link or a device, which no catalogue holds", entry.Name)
		}
		f, err := entry.Open()
		if err != nil {
			return fmt.Errorf("the entry %q: %w", entry.Name, err)
		}
		err = w.file(entry.Name, f)
		_ = f.Close() // only read from
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) tarball(r io.Reader) error {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("a broken tar.gz archive: %w", err)
	}
	limited := &io.LimitedReader{R: unzipped, N: w.limit}
	archive := tar.NewReader(limited)
	for {
		h, err := archive.Next()
		if limited.N <= 0 {
			return w.tooLarge()
		}
		if errors.Is(err, io.EOF) {
			// The end of the stream is where the checksum is.
			if _, err := io.Copy(io.Discard, limited); err != nil {
				return fmt.Errorf("a broken or truncated tar.gz archive: %w", err)
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("a broken or truncated tar.gz archive: %w", err)
		}
		switch h.Typeflag {
		case tar.TypeXGlobalHeader: // git archive writes the commit there
		case tar.TypeDir:
			err = w.dir(h.Name)
		case tar.TypeReg:
			err = w.file(h.Name, archive)
		default:
			return fmt.Errorf("the entry %q is a link or a device, which no catalogue holds", h.Name)
		}
		if err != nil {
			if limited.N <= 0 {
				return w.tooLarge()
			}
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return fmt.Errorf("a broken or truncated tar.gz archive: %w", err)
			}
			return err
		}
	}
}

func (w *writer) tooLarge() error {
	return fmt.Errorf("the archive unpacks to more than %d MiB, which is too much for its size or for a catalogue", w.limit>>20)
}

func (w *writer) dir(name string) error {
	if err := w.count(); err != nil {
		return err
	}
	clean := strings.TrimSuffix(strings.TrimPrefix(name, "./"), "/")
	if clean != "" && !validPath(clean) {
		return fmt.Errorf("the entry %q would leave the catalogue's folder, or has a name that cannot be used", name)
	}
	return nil // folders are made for their files
}

func (w *writer) file(name string, r io.Reader) error {
	if err := w.count(); err != nil {
		return err
	}
	clean := strings.TrimPrefix(name, "./")
	if !validPath(clean) {
		return fmt.Errorf("the entry %q would leave the catalogue's folder, or has a name that cannot be used", name)
	}
	local := filepath.FromSlash(clean)
	if err := w.root.MkdirAll(filepath.Dir(local), 0o755); err != nil {
		return err
	}
	f, err := w.root.OpenFile(local, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the entry %q is there twice", name)
	}
	if err != nil {
		return err
	}
	allowed := min(w.limit-w.total, catalog.MaxSize)
	n, err := io.Copy(f, io.LimitReader(r, allowed+1))
	w.total += n
	if err == nil && n > allowed {
		err = w.tooLarge()
		if allowed == catalog.MaxSize {
			err = catalog.ErrTooLarge
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("the entry %q: %w", name, err)
	}
	return nil
}
