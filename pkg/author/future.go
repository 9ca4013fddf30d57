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
	if file, err := f.under.Open(name); !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	for have := range f.files {
		if name == "." || strings.HasPrefix(have, name+"/") {
			return &memory{Reader: bytes.NewReader(nil), info: memoryInfo{path.Base(name), -1}}, nil
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// ReadDir lists a folder, in name order.
func (f future) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(f.under, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return f.gone[path.Join(name, e.Name())] })
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
	if len(entries) == 0 && err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// A memory is an open file, or a folder that does not exist yet.
type memory struct {
	io.Reader
	info memoryInfo
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
