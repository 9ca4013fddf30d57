package cli

import (
	"os"
	"path/filepath"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/catalog/own"
)

// hotfixesDir is the folder of loose diffs that shops have from Adobe's cloud tools.
const hotfixesDir = "m2-hotfixes"

// ownDir returns the folder of the shop's own catalogue, which need not be there.
func (a *app) ownDir(root string) string {
	switch dir := a.config.PatchesDir; {
	case dir != "":
		return a.path(dir)
	case root != "":
		return filepath.Join(root, "patches")
	}
	return ""
}

// ownCatalog returns the shop's own catalogue, if its folder holds one. Other files in
// the folder are somebody else's.
func (a *app) ownCatalog(root string) []catalog.Source {
	dir := a.ownDir(root)
	if dir == "" || !isDir(dir) {
		return nil
	}
	folder := os.DirFS(dir)
	if !own.Is(folder) {
		return nil
	}
	return []catalog.Source{own.Source(dir, folder)}
}
