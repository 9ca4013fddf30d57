package catalog

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Limits keep broken or hostile input from taking all memory. The largest real diff
// has half a megabyte, the largest catalogue file one.
const (
	// MaxSize is how many bytes a diff, a catalogue file or an article may have.
	MaxSize = 64 << 20

	// What an archive may hold.
	MaxArchiveEntries = 100_000
	MaxArchiveSize    = 2 << 30 // unpacked
	MaxArchiveRatio   = 200     // of unpacked to packed, of the archive as a whole
)

// ErrTooLarge is wrapped when input is larger than [MaxSize].
var ErrTooLarge = errors.New("larger than 64 MiB, which no diff or catalogue is")

// ReadAll reads to the end, or to [MaxSize].
func ReadAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(b) > MaxSize {
		return nil, ErrTooLarge
	}
	return b, nil
}

// ErrNotRegular is wrapped when a file is to be read that is a named pipe, a socket or a device.
var ErrNotRegular = errors.New("not a regular file")

// ReadFile reads a regular file of at most [MaxSize] bytes. It opens nothing else: a named
// pipe would keep it waiting for somebody who writes.
func ReadFile(fsys fs.FS, name string) ([]byte, error) {
	if s, ok := fsys.(fs.StatFS); ok {
		info, err := s.Stat(name)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, &fs.PathError{Op: "read", Path: name, Err: ErrNotRegular}
		}
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: ErrNotRegular}
	}
	if info.Size() > MaxSize {
		return nil, ErrTooLarge
	}
	b := make([]byte, info.Size())
	n, err := io.ReadFull(f, b)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if n == len(b) { // an archive may lie about the size
		if more, _ := f.Read(make([]byte, 1)); more > 0 {
			return nil, errors.New("the file is larger than its folder says")
		}
	}
	return b[:n], nil
}

// CheckArchive refuses zip archives that unpack to far more than they are.
func CheckArchive(archive *zip.Reader, size int64) error {
	if len(archive.File) > MaxArchiveEntries {
		return fmt.Errorf("the archive has %d entries, more than %d", len(archive.File), MaxArchiveEntries)
	}
	var total uint64
	for _, f := range archive.File {
		total += f.UncompressedSize64
		if total > MaxArchiveSize || f.UncompressedSize64 > MaxArchiveSize {
			return fmt.Errorf("the archive unpacks to more than %d GiB", MaxArchiveSize>>30)
		}
	}
	if size > 0 && total/uint64(size) > MaxArchiveRatio {
		return fmt.Errorf("the archive unpacks to more than %d times its size", MaxArchiveRatio)
	}
	return nil
}
