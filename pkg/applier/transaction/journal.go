package transaction

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The journal has one of two names, which is its phase. A rename goes from one to the
// other, so the phase changes at once or not at all, and needs no space on the disk.
const (
	journalName   = "journal"           // the tree may hold old and new files: undo
	committedName = "journal.committed" // the tree is new and durable: finish, that is clean up
	journalTemp   = "journal.tmp"       // not yet a journal: the tree has not been touched
)

// journalVersion goes up when an older qpt could no longer do the right thing.
const journalVersion = 1

// A journal holds all that is needed to undo or finish a transaction, beside the files
// themselves: the new ones lie under temporary names next to where they go, the
// originals under backup names where they were.
type journal struct {
	ID      string    `json:"id"`
	Command string    `json:"command"`
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Started time.Time `json:"started"`
	Root    string    `json:"root,omitempty"` // where the tree is, when this does not lie in it

	Entries []entry  `json:"files"`
	Made    []string `json:"new_folders,omitempty"` // parents first
	Times   []stamp  `json:"folders"`               // the existing folders that are written in

	committed bool
}

// An entry is one file of a journal. Paths contain no links. Old is nil for a file that is
// made, New for one that is removed.
type entry struct {
	Path   string   `json:"path"`
	Old    *version `json:"old,omitempty"`
	New    *version `json:"new,omitempty"`
	Temp   string   `json:"temporary,omitempty"`
	Backup string   `json:"backup,omitempty"`
}

// A version is what a file is, or is to be.
type version struct {
	SHA256 string      `json:"sha256"` // of the text of a link, if it is one
	Mode   fs.FileMode `json:"mode"`
	UID    int         `json:"uid"`
	GID    int         `json:"gid"`
}

// A stamp is the time of modification of a folder.
type stamp struct {
	Path    string    `json:"path"`
	ModTime time.Time `json:"modified"`
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// tempName and backupName lie in the folder of the file, so that a rename never leaves
// its file system, and start with a dot and end in no name that a shop reads.
func (j *journal) tempName(i int) string   { return j.sideName(i, ".new") }
func (j *journal) backupName(i int) string { return j.sideName(i, ".old") }

func (j *journal) sideName(i int, ext string) string {
	return path.Join(path.Dir(j.Entries[i].Path), ".qpt-"+j.ID+"-"+strconv.Itoa(i)+ext)
}

// partName is that of a backup which is being copied.
func partName(backup string) string { return backup + ".part" }

const journalMagic = "qpt journal "

var errVersion = errors.New("it has version")

// encode writes a line with the version and the SHA-256 of the rest, and the rest as JSON.
func (j *journal) encode() ([]byte, error) {
	body, err := json.MarshalIndent(j, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode journal: %w", err)
	}
	body = append(body, '\n')
	return append(fmt.Appendf(nil, "%s%d %s\n", journalMagic, journalVersion, sum(body)), body...), nil
}

// decodeJournal reads what encode wrote, and nothing else: any doubt is an error.
func decodeJournal(data []byte) (*journal, error) {
	head, body, ok := bytes.Cut(data, []byte("\n"))
	rest, magic := strings.CutPrefix(string(head), journalMagic)
	number, digest, spaced := strings.Cut(rest, " ")
	switch {
	case len(data) == 0:
		return nil, errors.New("it is empty")
	case !magic:
		return nil, errors.New("it does not begin as a journal does")
	case !ok || !spaced:
		return nil, errors.New("it ends in its first line")
	case number != strconv.Itoa(journalVersion):
		return nil, fmt.Errorf("%w %.20q and this qpt reads version %d", errVersion, number, journalVersion)
	case digest != sum(body):
		return nil, errors.New("its content does not match its checksum: it is truncated or was changed")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	j := new(journal)
	if err := dec.Decode(j); err != nil {
		return nil, fmt.Errorf("its content is not that of a journal: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("its content goes on after its end")
	}
	return j, j.validate()
}

// validate checks all that recovery relies on. The checksum guards against accidents;
// this guards the rest of the tree against a journal that was made by something else.
func (j *journal) validate() error {
	if len(j.ID) != 16 || strings.Trim(j.ID, "0123456789abcdef") != "" {
		return fmt.Errorf("its id %.40q is not one", j.ID)
	}
	seen := map[string]bool{}
	for i := range j.Entries {
		e := &j.Entries[i]
		if err := checkName(e.Path); err != nil {
			return err
		}
		if seen[e.Path] {
			return fmt.Errorf("it names %q twice", e.Path)
		}
		seen[e.Path] = true
		temp, backup := "", ""
		if e.New != nil {
			temp = j.tempName(i)
		}
		if e.Old != nil {
			backup = j.backupName(i)
		}
		if e.Temp != temp || e.Backup != backup || temp+backup == "" {
			return fmt.Errorf("its entry for %q is inconsistent", e.Path)
		}
		for _, v := range []*version{e.Old, e.New} {
			if v == nil {
				continue
			}
			if b, err := hex.DecodeString(v.SHA256); err != nil || len(b) != sha256.Size || v.SHA256 != strings.ToLower(v.SHA256) {
				return fmt.Errorf("its checksum of %q is not one", e.Path)
			}
			if v.Mode&^(modeBits|fs.ModeSymlink) != 0 {
				return fmt.Errorf("its mode of %q is not that of a file", e.Path)
			}
		}
	}
	for _, name := range j.Made {
		if err := checkName(name); err != nil {
			return err
		}
	}
	for _, t := range j.Times {
		if t.Path == "." {
			continue
		}
		if err := checkName(t.Path); err != nil {
			return err
		}
	}
	return nil
}

// checkName refuses names that are not plain, relative and below the root, and those of git.
func checkName(name string) error {
	switch {
	case name == "" || name == "." || path.Clean(name) != name || !filepath.IsLocal(filepath.FromSlash(name)):
		return fmt.Errorf("%q is not a path below the root", name)
	case strings.ContainsRune(name, 0) || !utf8.ValidString(name):
		return fmt.Errorf("%q is not a valid file name: it must be UTF-8", name)
	case os.PathSeparator != '/' && strings.ContainsAny(name, `\:`):
		return fmt.Errorf("%q is not a valid file name on this system", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if isGit(part) {
			return fmt.Errorf("%q lies in a git folder, which is out of bounds", name)
		}
	}
	return nil
}

// isGit reports whether a name is that of git's own folder on any file system.
func isGit(part string) bool {
	return strings.EqualFold(part, ".git") || strings.EqualFold(part, "git~1")
}

// writeJournal makes a journal durable. When it fails, the tree is untouched.
//
// The content is synced before the rename, or the name could survive a power cut
// without it. The folder is synced after the rename and before the tree is touched,
// or the tree's changes could survive without the journal.
func (e *engine) writeJournal(j *journal) (err error) {
	data, err := j.encode()
	if err != nil {
		return err
	}
	if err := remove(e.state, journalTemp); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = remove(e.state, journalTemp)
			_ = e.removeJournal(j)
			err = fmt.Errorf("write the journal in %s: %w (--state-dir chooses another folder)", e.stateName, err)
		}
	}()
	f, err := e.state.Create(journalTemp, 0o666)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := e.state.Rename(journalTemp, journalName); err != nil {
		return err
	}
	return e.state.SyncDir(".")
}

// removeJournal ends a transaction. The folder is synced, or a power cut could bring the
// journal back after the files were edited anew. Should that fail, the work is done
// nevertheless, and a journal that comes back finds nothing left to do.
func (e *engine) removeJournal(j *journal) error {
	if err := remove(e.state, j.name()); err != nil {
		return err
	}
	_ = e.state.SyncDir(".")
	return nil
}

func (j *journal) name() string {
	if j.committed {
		return committedName
	}
	return journalName
}

// readJournal returns nil when there is no interrupted work, and a [RestoreError] when
// there is but the journal cannot be relied upon.
func (e *engine) readJournal() (*journal, error) {
	var found *journal
	for _, name := range []string{journalName, committedName} {
		data, err := e.state.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		damaged := func(err error) error {
			help := "compare the files under .qpt-*.old names with those next to them, put right what must be, and remove the journal"
			if errors.Is(err, errVersion) {
				help = "run qpt recover with the qpt that wrote it"
			}
			return &RestoreError{Journal: e.journalPath(name), Err: err, Help: help}
		}
		if err != nil {
			return nil, damaged(err)
		}
		j, err := decodeJournal(data)
		if err != nil {
			return nil, damaged(err)
		}
		if j.Root != e.rootName {
			return nil, &RestoreError{
				Journal: e.journalPath(name), Err: fmt.Errorf("it belongs to the tree in %q", j.Root),
				Help: "run qpt recover there with this --state-dir, and use a folder of its own for each tree",
			}
		}
		if found != nil {
			return nil, damaged(fmt.Errorf("there is a second journal, %s", e.journalPath(journalName)))
		}
		found, j.committed = j, name == committedName
	}
	return found, nil
}

func (e *engine) journalPath(name string) string { return filepath.Join(e.stateName, name) }

// remove is Remove, but content when there is nothing. A file system that is read-only
// refuses before it looks, so a refusal says nothing of what is there.
func remove(f fsys, name string) error {
	err := f.Remove(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, missing := f.Lstat(name); errors.Is(missing, fs.ErrNotExist) {
		return nil
	}
	return err
}
