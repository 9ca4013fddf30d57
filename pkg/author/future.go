package author

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// A future is a folder as it would be with some files more and some less.
type future struct {
	under fs.FS
	files map[string][]byte
	gone  map[string]bool
}

// Open opens a file or a folder.
func (f future) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if b, ok := f.files[name]; ok {
		return &memory{Reader: bytes.NewReader(b), info: memoryInfo{path.Base(name), int64(len(b))}}, nil
	}
	if f.gone[name] {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	var under fs.FileInfo = memoryInfo{path.Base(name), -1}
	file, err := f.under.Open(name)
	if err == nil {
		info, statErr := file.Stat()
		if statErr != nil || !info.IsDir() {
			return file, statErr
		}
		_ = file.Close() // a folder lists what is here, too
		under = info
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	entries, listErr := f.ReadDir(name)
	if listErr != nil {
		return nil, listErr
	}
	return &memory{Reader: bytes.NewReader(nil), info: under, entries: entries}, nil
}

// ReadDir lists a folder, in name order.
func (f future) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(f.under, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		at := path.Join(name, e.Name())
		return f.gone[at] || f.files[at] != nil
	})
	for have, b := range f.files {
		rest := have
		if name != "." {
			var ok bool
			if rest, ok = strings.CutPrefix(have, name+"/"); !ok {
				continue
			}
		}
		child, _, deeper := strings.Cut(rest, "/")
		if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == child }) {
			continue
		}
		info := memoryInfo{child, int64(len(b))}
		if deeper {
			info.size = -1
		}
		entries = append(entries, fs.FileInfoToDirEntry(info))
	}
	if len(entries) == 0 && err != nil && name != "." {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// A memory is an open file, or a folder with its entries.
type memory struct {
	io.Reader
	info    fs.FileInfo
	entries []fs.DirEntry
}

// ReadDir returns the next n entries of a folder, all if n is not above 0.
func (m *memory) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 || n > len(m.entries) {
		if n > 0 && len(m.entries) == 0 {
			return nil, io.EOF
		}
		n = len(m.entries)
	}
	next := m.entries[:n]
	m.entries = m.entries[n:]
	return next, nil
}

func (m *memory) Stat() (fs.FileInfo, error) { return m.info, nil }
func (m *memory) Close() error               { return nil }

// A memoryInfo has the size -1 for a folder.
type memoryInfo struct {
	name string
	size int64
}

func (i memoryInfo) Name() string       { return i.name }
func (i memoryInfo) Size() int64        { return max(i.size, 0) }
func (i memoryInfo) ModTime() time.Time { return time.Time{} }
func (i memoryInfo) IsDir() bool        { return i.size < 0 }
func (i memoryInfo) Sys() any           { return nil }
func (i memoryInfo) Mode() fs.FileMode {
	if i.size < 0 {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
