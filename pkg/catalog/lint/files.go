package lint

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"path"

	"github.com/quality-patches/qpt/pkg/applier"
	"github.com/quality-patches/qpt/pkg/catalog"
)

const diffsDir = "patches"

// files looks at the diffs: those that are named, and those that are not.
func (l *linter) files() error {
	first := map[[sha256.Size]byte]variant{}
	for _, v := range l.diffs {
		src, err := catalog.ReadFile(l.fsys, v.diff)
		if err != nil {
			l.report(RuleDiff, Error, v.patch, v.at, "%s: %v", v.diff, err)
			continue
		}
		sum := sha256.Sum256(src)
		l.sums[v.diff] = hex.EncodeToString(sum[:])
		if have, ok := first[sum]; ok {
			l.report(RuleDuplicate, Note, v.patch, v.at, "%s has the same content as %s", v.diff, have.diff)
			continue // what is wrong with it is said there
		}
		first[sum] = v
		if _, err := applier.Parse(src); err != nil { // which refuses names that lead out of the tree
			l.report(RuleDiff, Error, v.patch, v.at, "%s: %v", v.diff, err)
		}
	}
	err := fs.WalkDir(l.fsys, diffsDir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() && path.Ext(name) == ".patch" && !l.used[name] && !l.former {
			l.report(RuleFileUnused, Warning, &patch{file: name}, nil, "no patch has this diff")
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
