package cli

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/composer"
)

// A looseDiff is a diff to import.
type looseDiff struct {
	name string // of its file
	from string // to a reader
	text []byte
}

// looseDiffs reads what an argument leads to: a diff, those below a folder, or those in
// a zip archive. Sum, if it is not "", is the SHA-256 of the file.
func (a *app) looseDiffs(ctx context.Context, arg, sum string) ([]looseDiff, error) {
	switch {
	case arg == "":
		return nil, errors.New("an empty argument is neither a file nor an address")
	case arg == "-":
		if sum != "" {
			return nil, errors.New("--sha256 is for a file or an address")
		}
		text, err := catalog.ReadAll(a.In)
		return []looseDiff{{"", "standard input", text}}, err
	case isAddress(arg):
		return a.looseDownload(ctx, arg, sum)
	}
	name := a.path(arg)
	info, err := os.Stat(name)
	if err != nil {
		return nil, withoutPath(err)
	}
	if !info.IsDir() {
		return readLoose(name, filepath.Base(name), arg, sum)
	}
	if sum != "" {
		return nil, errors.New("a folder has no SHA-256")
	}
	return looseFolder(os.DirFS(name), arg)
}

// looseDownload downloads a diff or an archive of diffs.
func (a *app) looseDownload(ctx context.Context, address, sum string) ([]looseDiff, error) {
	file, u, err := a.download(ctx, address, sum)
	if err != nil {
		return nil, err
	}
	defer os.Remove(file) //nolint:errcheck // the cache of downloads is pruned
	return readLoose(file, path.Base(u.Path), composer.Redact(u), "")
}

// readLoose reads a file: a diff, or an archive of diffs.
func readLoose(file, name, from, sum string) ([]looseDiff, error) {
	if sum != "" {
		if err := composer.CheckFile(file, sum); err != nil {
			return nil, err
		}
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, withoutPath(err)
	}
	if !info.Mode().IsRegular() && info.Mode()&os.ModeNamedPipe == 0 {
		return nil, errors.New("not a regular file")
	}
	head := make([]byte, 2)
	if n, _ := f.ReadAt(head, 0); n == len(head) && string(head) == "PK" {
		archive, err := zip.NewReader(f, info.Size())
		if err != nil {
			return nil, fmt.Errorf("a broken or truncated zip archive: %w", err)
		}
		if err := catalog.CheckArchive(archive, info.Size()); err != nil {
			return nil, err
		}
		return looseArchive(archive, from)
	}
	text, err := catalog.ReadAll(f)
	return []looseDiff{{name, from, text}}, err
}

// looseArchive reads the diffs of an archive, which are never written below their names.
// An archive with entries that would leave a folder is refused as a whole.
func looseArchive(archive *zip.Reader, from string) ([]looseDiff, error) {
	var list []looseDiff
	left := int64(catalog.MaxArchiveSize)
	for _, entry := range archive.File {
		name := strings.TrimSuffix(entry.Name, "/")
		switch {
		case !fs.ValidPath(name) || strings.ContainsAny(name, "\\:\x00"):
			return nil, fmt.Errorf("the entry %q has a name that leads out of the archive's folder, or that cannot be used", entry.Name)
		case entry.Mode().IsDir():
			continue
		case !entry.Mode().IsRegular():
			return nil, fmt.Errorf("the entry %q is a link or a device, which no diff is", entry.Name)
		case !isLoose(name):
			continue
		}
		f, err := entry.Open()
		if err != nil {
			return nil, fmt.Errorf("the entry %q: %w", entry.Name, err)
		}
		text, err := catalog.ReadAll(f)
		_ = f.Close() // only read from
		if err != nil {
			return nil, fmt.Errorf("the entry %q: %w", entry.Name, err)
		}
		if left -= int64(len(text)); left < 0 {
			return nil, fmt.Errorf("the diffs in the archive have more than %d GiB", catalog.MaxArchiveSize>>30)
		}
		list = append(list, looseDiff{path.Base(name), from + ": " + name, text})
	}
	if len(list) == 0 {
		return nil, errors.New("the archive holds no .patch or .diff file")
	}
	return list, nil
}

// looseFolder reads the diffs below a folder, in the order of their names. Links are not
// followed.
func looseFolder(folder fs.FS, from string) ([]looseDiff, error) {
	for _, name := range []string{"support-patches.json", "community-patches.json"} {
		if _, err := fs.Stat(folder, name); err == nil {
			return nil, fmt.Errorf("it is a catalogue (%s), whose diffs have their rules already: name it with --catalog, or name single diffs", name)
		}
	}
	var list []looseDiff
	left := int64(catalog.MaxArchiveSize)
	err := fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return withoutPath(err)
		case d.IsDir() && name != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir() || d.Type()&fs.ModeSymlink != 0 || !isLoose(name):
			return nil
		}
		text, err := catalog.ReadFile(folder, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, withoutPath(err))
		}
		if left -= int64(len(text)); left < 0 {
			return fmt.Errorf("the diffs below the folder have more than %d GiB", catalog.MaxArchiveSize>>30)
		}
		list = append(list, looseDiff{path.Base(name), path.Join(filepath.ToSlash(from), name), text})
		return nil
	})
	if err == nil && len(list) == 0 {
		err = errors.New("the folder holds no .patch or .diff file")
	}
	return list, err
}

var looseName = regexp.MustCompile(`(?i)\.(patch|diff)(\.txt)?$`)

// isLoose reports whether a file is a diff by its name. Systems leave files of their own
// in archives, beside each.
func isLoose(name string) bool {
	return looseName.MatchString(name) && !strings.HasPrefix(path.Base(name), ".") && !strings.HasPrefix(name, "__MACOSX/")
}

// withoutPath is what went wrong, for a message that names the file already.
func withoutPath(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
