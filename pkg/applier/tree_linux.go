package applier

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// readBeneath reads a regular file below a folder. The kernel walks the path in one
// step, follows links as [os.Root] does, and refuses those that lead out. It opens
// neither a link in the last place nor anything else than a regular file, and does not
// wait for a pipe. [fs.ErrNotExist] says that there is nothing; every other error means
// no more than that the file has to be looked for step by step: kernels before 5.6 and
// some containers do not know the call at all.
func readBeneath(folder *os.File, name string) (*File, error) {
	fd, err := unix.Openat2(int(folder.Fd()), name, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd) //nolint:errcheck // only read from
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG || stat.Size > maxFile {
		return nil, ErrNotFile
	}
	f := &File{Data: make([]byte, stat.Size), Mode: fs.FileMode(stat.Mode & 0o777)}
	for bit, mode := range map[uint32]fs.FileMode{
		unix.S_ISUID: fs.ModeSetuid, unix.S_ISGID: fs.ModeSetgid, unix.S_ISVTX: fs.ModeSticky,
	} {
		if stat.Mode&bit != 0 {
			f.Mode |= mode
		}
	}
	read := 0
	for read < len(f.Data) {
		n, err := unix.Read(fd, f.Data[read:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, err
		case n == 0:
			return nil, errors.New("the file changed while it was read")
		}
		read += n
	}
	return f, nil
}
