package store

import (
	"archive/zip"
	"crypto/ed25519"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// Pack writes a catalogue as a zip archive with its manifest and, if there is a key,
// its signature. The same files give the same bytes, whenever and wherever it is done.
func Pack(w io.Writer, fsys fs.FS, key ed25519.PrivateKey) (Manifest, error) {
	m, err := ManifestOf(fsys)
	if err != nil {
		return nil, err
	}
	archive := zip.NewWriter(w)
	add := func(name string, b []byte) error {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
		h.SetMode(0o644)
		f, err := archive.CreateHeader(h)
		if err != nil {
			return err
		}
		_, err = f.Write(b)
		return err
	}
	for _, file := range m {
		b, err := read(fsys, file.Path)
		if err != nil {
			return nil, err
		}
		if hashOf(b) != file.SHA256 {
			return nil, fmt.Errorf("%s changed while it was packed", file.Path)
		}
		if err := add(file.Path, b); err != nil {
			return nil, err
		}
	}
	if err := add(ManifestName, m.Text()); err != nil {
		return nil, err
	}
	if key != nil {
		if err := add(SignatureName, Sign(m, key)); err != nil {
			return nil, err
		}
	}
	return m, archive.Close()
}
