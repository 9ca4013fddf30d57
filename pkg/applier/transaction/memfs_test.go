package transaction

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A memDisk is a file system in memory that knows what has reached the disk and what a
// power cut would lose. It promises no more than POSIX does: the content of a file is
// durable once the file was synced, a name once its folder was, in no particular order.
type memDisk struct {
	root     *memNode
	nodes    []*memNode
	clock    int64
	umask    fs.FileMode
	noLinks  bool // no hard links
	caseless bool // names are equal if they are under case folding
}

type memNode struct {
	memMeta
	data  []byte
	names map[string]*memNode

	syncedMeta  memMeta
	syncedData  []byte
	syncedNames map[string]*memNode
	pending     []memOp
}

type memMeta struct {
	mode     fs.FileMode
	uid, gid int
	time     int64
}

// A memOp changes names of a folder, at once.
type memOp map[string]*memNode

func newMemDisk() *memDisk {
	d := &memDisk{umask: 0o022}
	d.root = d.node(fs.ModeDir | 0o755)
	return d
}

func (d *memDisk) tick() int64 { d.clock++; return d.clock }

func (d *memDisk) node(mode fs.FileMode) *memNode {
	n := &memNode{memMeta: memMeta{mode: mode, time: d.tick()}}
	if mode.IsDir() {
		n.names = map[string]*memNode{}
	}
	n.syncedMeta = n.memMeta
	d.nodes = append(d.nodes, n)
	return n
}

func (n *memNode) sync() {
	n.syncedMeta, n.syncedData = n.memMeta, slices.Clone(n.data)
	n.syncedNames, n.pending = maps.Clone(n.names), nil
}

// sync makes everything durable.
func (d *memDisk) sync() {
	for _, n := range d.nodes {
		n.sync()
	}
}

// powerCut loses what was not synced, or some of it.
func (d *memDisk) powerCut(rng *rand.Rand) {
	for _, n := range d.nodes {
		if n.mode.IsDir() {
			names := maps.Clone(n.syncedNames)
			if names == nil {
				names = map[string]*memNode{}
			}
			for _, op := range n.pending {
				if rng.IntN(2) == 0 {
					apply(names, op)
				}
			}
			n.names = names
		} else if n.mode.IsRegular() && string(n.data) != string(n.syncedData) {
			switch rng.IntN(4) {
			case 0:
				n.data = n.syncedData
			case 1:
				n.data = make([]byte, len(n.data))
			case 2:
				n.data = n.data[:rng.IntN(len(n.data)+1)]
			}
		}
		if rng.IntN(2) == 0 {
			n.memMeta = n.syncedMeta
		}
	}
	d.sync()
}

func apply(names map[string]*memNode, op memOp) {
	for name, n := range op {
		if n == nil {
			delete(names, name)
		} else {
			names[name] = n
		}
	}
}

func (d *memDisk) change(dir *memNode, op memOp) {
	apply(dir.names, op)
	dir.pending = append(dir.pending, op)
	dir.time = d.tick()
}

// A memFS is a memDisk as seen from one folder.
type memFS struct {
	*memDisk
	base string
}

// find returns the folder of a name, the name as it is listed there, and what it names.
func (m memFS) find(op, name string) (dir *memNode, base string, n *memNode, err error) {
	full := path.Join(m.base, name)
	if full == "." {
		return nil, ".", m.root, nil
	}
	dir = m.root
	parts := strings.Split(full, "/")
	for i, part := range parts {
		if !dir.mode.IsDir() {
			return nil, "", nil, &fs.PathError{Op: op, Path: name, Err: syscall.ENOTDIR}
		}
		if n = dir.names[part]; n == nil && m.caseless {
			for listed, other := range dir.names {
				if strings.EqualFold(listed, part) {
					part, n = listed, other
				}
			}
		}
		if i == len(parts)-1 {
			return dir, part, n, nil
		}
		if n == nil {
			return nil, "", nil, &fs.PathError{Op: op, Path: name, Err: syscall.ENOENT}
		}
		dir = n
	}
	panic("unreachable")
}

func (m memFS) get(op, name string) (*memNode, error) {
	_, _, n, err := m.find(op, name)
	if err == nil && n == nil {
		err = &fs.PathError{Op: op, Path: name, Err: syscall.ENOENT}
	}
	return n, err
}

// add gives a node a name that must not exist.
func (m memFS) add(op, name string, n *memNode) error {
	dir, base, old, err := m.find(op, name)
	if err != nil {
		return err
	}
	if old != nil {
		return &fs.PathError{Op: op, Path: name, Err: syscall.EEXIST}
	}
	m.change(dir, memOp{base: n})
	return nil
}

func (n *memNode) info() info {
	return info{mode: n.mode, size: int64(len(n.data)), modTime: time.Unix(0, n.time), uid: n.uid, gid: n.gid, id: n}
}

func (m memFS) Lstat(name string) (info, error) {
	n, err := m.get("stat", name)
	if err != nil {
		return info{}, err
	}
	return n.info(), nil
}

func (m memFS) ReadFile(name string) ([]byte, error) {
	n, err := m.get("read", name)
	if err != nil {
		return nil, err
	}
	return slices.Clone(n.data), nil
}

func (m memFS) Readlink(name string) (string, error) {
	data, err := m.ReadFile(name)
	return string(data), err
}

func (m memFS) ReadDir(name string) ([]string, error) {
	n, err := m.get("read folder", name)
	if err != nil {
		return nil, err
	}
	return slices.Collect(maps.Keys(n.names)), nil
}

func (m memFS) Create(name string, perm fs.FileMode) (file, error) {
	n := m.node(perm &^ m.umask)
	return memFile{n, m}, m.add("create", name, n)
}

func (m memFS) Open(name string) (file, error) {
	n, err := m.get("open", name)
	return memFile{n, m}, err
}

func (m memFS) Symlink(text, name string) error {
	n := m.node(fs.ModeSymlink | 0o777)
	n.data = []byte(text)
	n.syncedData = n.data
	return m.add("link", name, n)
}

func (m memFS) Link(oldName, newName string) error {
	n, err := m.get("link", oldName)
	if err != nil {
		return err
	}
	if m.noLinks {
		return &fs.PathError{Op: "link", Path: newName, Err: syscall.EPERM}
	}
	return m.add("link", newName, n)
}

func (m memFS) Rename(oldName, newName string) error {
	n, err := m.get("rename", oldName)
	if err != nil {
		return err
	}
	from, oldBase, _, _ := m.find("rename", oldName)
	to, newBase, target, err := m.find("rename", newName)
	switch {
	case err != nil:
		return err
	case from != to || target != nil && target.mode.IsDir():
		return &fs.PathError{Op: "rename", Path: newName, Err: syscall.EINVAL}
	case target == n: // as POSIX has it
		return nil
	}
	m.change(to, memOp{oldBase: nil, newBase: n})
	return nil
}

func (m memFS) Remove(name string) error {
	n, err := m.get("remove", name)
	if err != nil {
		return err
	}
	if len(n.names) > 0 {
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	dir, base, _, _ := m.find("remove", name)
	m.change(dir, memOp{base: nil})
	return nil
}

func (m memFS) Mkdir(name string, perm fs.FileMode) error {
	return m.add("create folder", name, m.node(fs.ModeDir|perm&^m.umask))
}

func (m memFS) Lchown(name string, uid, gid int) error {
	n, err := m.get("chown", name)
	if err != nil {
		return err
	}
	return memFile{n, m}.Chown(uid, gid)
}

func (m memFS) Chtimes(name string, t time.Time) error {
	n, err := m.get("chtimes", name)
	if err == nil {
		n.time = t.UnixNano()
	}
	return err
}

func (m memFS) SyncDir(name string) error {
	n, err := m.get("sync", name)
	if err == nil {
		n.sync()
		for _, link := range n.names { // which has no sync of its own and goes with its folder
			if link.mode&fs.ModeSymlink != 0 {
				link.sync()
			}
		}
	}
	return err
}

func (m memFS) Forget() {}

type memFile struct {
	*memNode
	memFS
}

func (f memFile) Write(p []byte) (int, error) {
	f.data = append(slices.Clip(f.data), p...)
	f.time = f.tick()
	f.mode &^= fs.ModeSetuid | fs.ModeSetgid
	return len(p), nil
}

func (f memFile) Stat() (info, error) { return f.info(), nil }

func (f memFile) Chown(uid, gid int) error {
	if uid >= 0 {
		f.uid = uid
	}
	if gid >= 0 {
		f.gid = gid
	}
	if !f.mode.IsDir() {
		f.mode &^= fs.ModeSetuid | fs.ModeSetgid
	}
	return nil
}

func (f memFile) Chmod(mode fs.FileMode) error {
	f.mode = f.mode.Type() | mode
	return nil
}

func (f memFile) CopyAttributes(string) {}
func (f memFile) Sync() error           { f.memNode.sync(); return nil }
func (f memFile) Close() error          { return nil }
