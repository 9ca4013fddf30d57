package composer

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // the protocol's checksum, not ours
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/quality-patches/qpt/pkg/filelock"
)

// MaxDownload is how large an archive may be.
const MaxDownload = 1 << 30

// ErrChecksum is wrapped when an archive is not the one that was promised.
var ErrChecksum = errors.New("the checksum is wrong")

// A Download is an archive to fetch. Of the sums, in hex, those that are not "" are checked.
type Download struct {
	URL          string
	SHA1, SHA256 string
}

// state says what an incomplete download is part of.
type state struct {
	URL       string `json:"url"`
	Validator string `json:"validator"` // for If-Range
}

// Fetch downloads to a file in a folder of the cache and returns its name. What is
// incomplete is kept, and continued if the server still has the same. The caller
// removes the file, which no other run uses.
func (c *Client) Fetch(ctx context.Context, d Download) (_ string, err error) {
	if c.Cache == "" {
		return "", errors.New("there is no folder for downloads")
	}
	dir := filepath.Join(c.Cache, "downloads")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	key := sha256.Sum256([]byte(d.URL + "\n" + d.SHA1 + "\n" + d.SHA256))
	f, kept, err := incomplete(filepath.Join(dir, hex.EncodeToString(key[:])))
	if err != nil {
		return "", err
	}
	name := f.Name()
	defer func() { _ = f.Close() }() // what is written has been synced
	if err = c.retry(ctx, func(ctx context.Context) error { return c.fetch(ctx, d, f) }); err == nil {
		err = d.check(name)
		kept = kept && err == nil // else it would be wrong the next time, too
	}
	if info, statErr := f.Stat(); err != nil && kept && statErr == nil && info.Size() > 0 {
		return "", err
	}
	if runtime.GOOS == "windows" {
		_ = f.Close() // an open file can neither be renamed nor removed there
	}
	_ = os.Remove(name + ".state") // of no use any more
	if err == nil && kept {
		name, err = takeAway(f)
	}
	if err != nil {
		_ = os.Remove(name) // what matters is the first error
		return "", err
	}
	return name, nil
}

// incomplete opens what there is of a download, to be kept until it is complete. While
// another run has that, the download goes to a file of this run alone.
func incomplete(name string) (f *os.File, kept bool, err error) {
	if f, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, false, err
	}
	if free, err := filelock.Try(f); err == nil && free && stillAt(name, f) {
		return f, true, nil
	}
	_ = f.Close() // nothing was written
	f, err = os.CreateTemp(filepath.Dir(name), filepath.Base(name)+"-")
	return f, false, err
}

// stillAt reports whether a file was not taken away before it was locked.
func stillAt(name string, f *os.File) bool {
	at, err := os.Stat(name)
	if err != nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && os.SameFile(at, info)
}

// takeAway gives a complete download, whose lock this run has, a name of its own.
func takeAway(f *os.File) (string, error) {
	own, err := os.CreateTemp(filepath.Dir(f.Name()), filepath.Base(f.Name())+"-")
	if err != nil {
		return f.Name(), err
	}
	_ = own.Close() // it is replaced
	if err := os.Rename(f.Name(), own.Name()); err != nil {
		_ = os.Remove(own.Name()) // it is empty
		return f.Name(), err
	}
	return own.Name(), nil
}

func (c *Client) fetch(ctx context.Context, d Download, f *os.File) error {
	name := f.Name()
	header := http.Header{}
	have := resumable(name, d.URL, header)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answer, err := c.get(ctx, d.URL, header)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	address := Redact(answer.Request.URL)
	switch {
	case answer.StatusCode == http.StatusPartialContent && have > 0:
		if !strings.HasPrefix(answer.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)) {
			_ = os.Remove(name + ".state") // start anew
			return &connectionError{address, errors.New("the server continues at another place than it was asked to")}
		}
	case answer.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0:
		_ = os.Remove(name + ".state") // start anew
		return &connectionError{address, errors.New("the server has less than was there before")}
	case answer.StatusCode == http.StatusOK:
		have = 0
	default:
		return &StatusError{address, answer.StatusCode}
	}
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
		return fmt.Errorf("%s: the server answers with a web page instead of a file, such as a page to log in; check the credentials", address)
	}
	total := int64(-1)
	if answer.ContentLength >= 0 {
		total = have + answer.ContentLength
	}
	if total > MaxDownload {
		return fmt.Errorf("%s: larger than %d MiB", address, MaxDownload>>20)
	}
	if err := remember(name, d.URL, answer); err != nil {
		return err
	}
	if err := f.Truncate(have); err != nil {
		return err
	}
	if _, err := f.Seek(have, io.SeekStart); err != nil {
		return err
	}
	done := have
	err = c.watch(f, io.LimitReader(answer.Body, MaxDownload+1-have), cancel, func(n int64) {
		done += n
		if c.Progress != nil {
			c.Progress(filepath.Base(answer.Request.URL.Path), done, total)
		}
	})
	if syncErr := f.Sync(); err == nil {
		err = syncErr
	}
	var write *writeError
	switch {
	case errors.As(err, &write):
		return err
	case errors.Is(context.Cause(ctx), errStalled):
		return &connectionError{address, errStalled}
	case err != nil:
		return &connectionError{address, fmt.Errorf("the download broke off after %d bytes: %w", done, err)}
	case done > MaxDownload:
		return fmt.Errorf("%s: larger than %d MiB", address, MaxDownload>>20)
	}
	return nil
}

// resumable asks for the rest of what is there, if the server can say that it is of the same file.
func resumable(name, address string, header http.Header) int64 {
	info, err := os.Stat(name)
	if err != nil || info.Size() == 0 {
		return 0
	}
	b, err := os.ReadFile(name + ".state")
	var s state
	if err != nil || json.Unmarshal(b, &s) != nil || s.URL != address || s.Validator == "" {
		return 0
	}
	header.Set("Range", "bytes="+strconv.FormatInt(info.Size(), 10)+"-")
	header.Set("If-Range", s.Validator)
	return info.Size()
}

// remember keeps what is needed to go on later. A weak ETag does not promise the same bytes.
func remember(name, address string, answer *http.Response) error {
	s := state{URL: address, Validator: answer.Header.Get("ETag")}
	if s.Validator == "" || strings.HasPrefix(s.Validator, "W/") {
		s.Validator = answer.Header.Get("Last-Modified")
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(name+".state", b, 0o600)
}

func (d Download) check(name string) error {
	for _, sum := range []struct {
		kind, want string
		hash       hash.Hash
	}{{"SHA-1", d.SHA1, sha1.New()}, {"SHA-256", d.SHA256, sha256.New()}} { //nolint:gosec // see above
		if sum.want == "" {
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		_, err = io.Copy(sum.hash, f)
		_ = f.Close() // only read from
		if err != nil {
			return err
		}
		if got := hex.EncodeToString(sum.hash.Sum(nil)); !strings.EqualFold(got, sum.want) {
			return fmt.Errorf("%w: the archive's %s is %s, expected %s%s", ErrChecksum, sum.kind, got, strings.ToLower(sum.want), noArchive(name))
		}
	}
	return nil
}

// noArchive says what a file is whose sum is wrong, if it is plainly no archive.
func noArchive(name string) string {
	const enough = 512
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, enough))
	head = bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff")))
	switch {
	case err != nil:
		return ""
	case len(head) == 0:
		return "; what came is empty"
	case bytes.HasPrefix(head, []byte("<")):
		return "; what came is a web page, such as one to log in: check the address and the credentials"
	case bytes.HasPrefix(head, []byte("{")), bytes.HasPrefix(head, []byte("[")):
		return "; what came is JSON, such as the message of an error: check the address and the credentials"
	}
	return ""
}

// CheckFile compares a file with a SHA-256 in hex.
func CheckFile(name, sum string) error { return Download{SHA256: sum}.check(name) }
