// Package patches carries the files that are built into qpt: the bundled
// catalogue of patches, and a sandbox to try the tool on.
//
// Both are in the file format of the Composer package magento/quality-patches.
package patches

import (
	"embed"
	"io/fs"
)

//go:embed support-patches.json community-patches.json magento_releases.json patches articles
var catalogFiles embed.FS

//go:embed sandbox/support-patches.json sandbox/patches sandbox/shop.txtar
var sandboxFiles embed.FS

// Catalog returns the bundled catalogue, read-only. Its root holds
//
//   - support-patches.json and community-patches.json: patches by id; their
//     file names are relative to patches/,
//   - patches/: the diffs,
//   - articles/: one <ID>.md for a patch, Markdown with YAML front matter,
//   - magento_releases.json: release → package → version, newest release first.
func Catalog() fs.FS {
	return catalogFiles
}

// Sandbox returns the material of the demonstration, read-only. Its root holds
//
//   - support-patches.json and patches/: a small catalogue, as in [Catalog],
//   - shop.txtar: the installation that these patches are for, a txtar archive
//     (golang.org/x/tools/txtar) because Go modules leave out folders named
//     vendor.
func Sandbox() fs.FS {
	sub, err := fs.Sub(sandboxFiles, "sandbox")
	if err != nil {
		panic(err) // only for an invalid path
	}
	return sub
}
