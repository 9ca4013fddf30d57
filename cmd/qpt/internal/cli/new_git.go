package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path"
	"slices"
	"strings"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/author"
)

// A clone is the git repository that holds an installation. It is asked through the git
// command, which authors have: git's own rules for line endings, filters and what is
// ignored apply, and nothing else of qpt needs git.
type clone struct{ root, prefix string }

// openClone finds the repository around the installation.
func openClone(ctx context.Context, root string) (*clone, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return nil, errors.New("the git command is not there; install it, or give --against composer-cache or a pristine tree")
	}
	c := &clone{root: root}
	prefix, err := c.git(ctx, "rev-parse", "--show-prefix")
	if err != nil {
		return nil, err
	}
	c.prefix = strings.TrimSuffix(string(prefix), "\n")
	if _, err := c.git(ctx, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"); err != nil {
		return nil, errors.New("the repository has no commit to compare with")
	}
	return c, nil
}

// git runs a command in the root and returns what it writes.
func (c *clone) git(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"--literal-pathspecs"}, args...)...)
	cmd.Dir = c.root
	cmd.Env = append(cmd.Environ(), "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	var out, message bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &message
	if err := cmd.Run(); err != nil {
		if text := strings.TrimSpace(message.String()); text != "" {
			line, _, _ := strings.Cut(text, "\n")
			err = errors.New(line)
		}
		return nil, fmt.Errorf("git %s: %w", args[0], err)
	}
	return out.Bytes(), nil
}

// holds reports whether the last commit has a file or a folder.
func (c *clone) holds(ctx context.Context, name string) bool {
	out, err := c.git(ctx, "ls-tree", "HEAD", "--", name)
	return err == nil && len(out) > 0
}

// A gitFile is a file as a commit has it.
type gitFile struct {
	name, mode, sha string
	sameMode        bool
}

// changed returns what differs between the last commit and the tree, at or below paths:
// files that the commit has, and those that it does not.
func (c *clone) changed(ctx context.Context, paths []string) (files []gitFile, added []string, err error) {
	args := append([]string{"diff", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-ext-diff", "--relative", "HEAD", "--"}, paths...)
	out, err := c.git(ctx, args...)
	if err != nil {
		return nil, nil, err
	}
	fields := strings.Split(string(out), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		// :100644 100644 SHA SHA M
		words := strings.Fields(strings.TrimPrefix(fields[i], ":"))
		if len(words) != 5 {
			return nil, nil, fmt.Errorf("git diff: %q is not understood", fields[i])
		}
		if words[4] == "A" {
			added = append(added, fields[i+1])
			continue
		}
		files = append(files, gitFile{fields[i+1], words[0], words[2], words[0] == words[1]})
	}
	out, err = c.git(ctx, append([]string{"ls-files", "-z", "--others", "--exclude-standard", "--"}, paths...)...)
	if err != nil {
		return nil, nil, err
	}
	for name := range strings.SplitSeq(string(out), "\x00") {
		if name != "" && !strings.HasSuffix(name, "/") { // that is a repository of its own
			added = append(added, name)
		}
	}
	return files, added, nil
}

// committed looks up files of the last commit; those that it does not have are left out.
func (c *clone) committed(ctx context.Context, names []string) ([]gitFile, error) {
	if len(names) == 0 {
		return nil, nil
	}
	out, err := c.git(ctx, append([]string{"ls-tree", "-z", "HEAD", "--"}, names...)...)
	if err != nil {
		return nil, err
	}
	var files []gitFile
	for record := range strings.SplitSeq(string(out), "\x00") {
		// 100644 blob SHA<tab>name
		head, name, ok := strings.Cut(record, "\t")
		if words := strings.Fields(head); ok && len(words) == 3 {
			files = append(files, gitFile{name, words[0], words[2], true})
		}
	}
	return files, nil
}

// read returns a file as git would check it out. Now is what the tree has, or nil.
func (c *clone) read(ctx context.Context, f gitFile, now *applier.File) (*applier.File, error) {
	file := &applier.File{Mode: 0o644}
	switch {
	case f.mode == "160000":
		return nil, &author.FileError{Path: f.name, Reason: "a repository of its own, of which git keeps the commit alone"}
	case f.mode == "120000":
		file.Mode = fs.ModeSymlink | 0o777
	case f.sameMode && now != nil:
		file.Mode = now.Mode
	case f.mode == "100755":
		file.Mode = 0o755
	}
	var err error
	if file.Mode&fs.ModeSymlink != 0 {
		file.Data, err = c.git(ctx, "cat-file", "blob", f.sha)
	} else {
		file.Data, err = c.git(ctx, "cat-file", "--filters", "--path="+path.Join(c.prefix, f.name), f.sha)
	}
	return file, err
}

// before adds to pristine what differs from the last commit, as far as accept wants it, and
// the files that always count.
func (c *clone) before(ctx context.Context, pristine author.Pristine, tree applier.Tree, paths, always []string, accept func(name string, added bool) bool) error {
	files, added, err := c.changed(ctx, paths)
	if err != nil {
		return err
	}
	more, err := c.committed(ctx, always)
	if err != nil {
		return err
	}
	for _, name := range always {
		pristine[name] = nil
	}
	for _, name := range added {
		if accept(name, true) {
			pristine[name] = nil
		}
	}
	for i, f := range append(files, more...) {
		if i < len(files) && !accept(f.name, false) && !slices.Contains(always, f.name) {
			continue
		}
		if have := pristine[f.name]; have != nil {
			continue
		}
		now, err := tree.ReadFile(f.name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if pristine[f.name], err = c.read(ctx, f, now); err != nil {
			return err
		}
	}
	return nil
}
