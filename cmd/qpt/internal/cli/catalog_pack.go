package cli

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/quality-patches/qpt/pkg/catalog"
	"github.com/quality-patches/qpt/pkg/catalog/lint"
	"github.com/quality-patches/qpt/pkg/catalog/store"
	"github.com/quality-patches/qpt/pkg/report"
)

func newCatalogPackCmd(a *app) *cobra.Command {
	var output, key string
	cmd := &cobra.Command{
		Use:   "pack FOLDER",
		Short: "Make an archive of a catalogue to publish",
		Long: `Pack writes the files of a catalogue into a zip archive, with a manifest of their
SHA-256 sums and, with --key, an Ed25519 signature. The same files give the same bytes.
A catalogue with errors is not packed.`,
		Example: "  qpt catalog pack our-patches --archive acme-patches-1.0.0.zip --key company.key",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.catalogPack(args[0], output, key) },
	}
	cmd.Flags().StringVar(&output, "archive", "", "the archive to write (default: FOLDER.zip)")
	cmd.Flags().StringVar(&key, "key", "", "a private key to sign with")
	return cmd
}

func (a *app) catalogPack(dir, output, keyFile string) error {
	dir = a.path(dir)
	if output == "" {
		output = filepath.Clean(dir) + ".zip"
	}
	if !isDir(dir) {
		return usagef("%s is not a folder", dir)
	}
	return a.packInto(dir, a.path(output), keyFile)
}

func (a *app) packInto(source, output, keyFile string) error {
	var key ed25519.PrivateKey
	if keyFile != "" {
		var err error
		if key, err = a.privateKey(keyFile); err != nil {
			return err
		}
	}
	s, closer, err := catalog.Open(source)
	if err != nil {
		return usageError{err}
	}
	a.closers = append(a.closers, closer)
	findings, err := lint.Catalog(s)
	if err != nil {
		return err
	}
	var found []lint.Finding
	for _, f := range findings {
		switch {
		case f.Rule == lint.RuleRequireDangling || f.Rule == lint.RuleReplaceDangling: // another catalogue of the shop may have it
			a.note("warning: %s: %s", report.Clean(f.ID), report.Clean(f.Message))
		case f.Severity == lint.Error:
			found = append(found, f)
		}
	}
	if len(found) > 0 {
		return findingError(fmt.Sprintf("the catalogue has %d errors and is not packed, qpt catalog lint lists them; the first: %s: %s", len(found), cmp.Or(found[0].ID, found[0].File), found[0].Message))
	}
	var buf bytes.Buffer
	m, err := store.Pack(&buf, s.FS, key)
	if err != nil {
		return fmt.Errorf("pack %s: %w", source, err)
	}
	if err := store.WriteFile(output, buf.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", output, err)
	}
	result := fileReport(output, m, key)
	sum := sha256.Sum256(buf.Bytes())
	result.SHA256 = hex.EncodeToString(sum[:])
	return a.render(result)
}

func fileReport(name string, m store.Manifest, key ed25519.PrivateKey) *report.CatalogFile {
	r := &report.CatalogFile{SchemaVersion: report.SchemaVersion, File: name, ID: m.ID(), Files: len(m), Signature: "none"}
	if key != nil {
		if public, ok := key.Public().(ed25519.PublicKey); ok {
			r.PublicKey, r.Signature = store.PublicText(public), "valid"
		}
	}
	return r
}

func (a *app) privateKey(name string) (ed25519.PrivateKey, error) {
	b, err := os.ReadFile(a.path(name))
	if err != nil {
		return nil, usagef("key: %w", err)
	}
	key, err := store.ParsePrivate(b)
	if err != nil {
		return nil, usagef("key %s: %w", name, err)
	}
	return key, nil
}

func newCatalogSignCmd(a *app) *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "sign FOLDER|ZIP --key FILE",
		Short: "Sign a catalogue",
		Long: `Sign adds a manifest and an Ed25519 signature to a catalogue. A folder gets two files,
qpt-manifest.sha256 and qpt-manifest.sig; a zip archive is packed anew with them.`,
		Example: "  qpt catalog sign our-patches --key company.key",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.catalogSign(a.path(args[0]), key) },
	}
	cmd.Flags().StringVar(&key, "key", "", "the private key, as qpt catalog keygen writes it")
	return cmd
}

func (a *app) catalogSign(name, keyFile string) error {
	if keyFile == "" {
		return usagef("name the private key with --key (qpt catalog keygen makes one)")
	}
	if !isDir(name) {
		return a.packInto(name, name, keyFile)
	}
	key, err := a.privateKey(keyFile)
	if err != nil {
		return err
	}
	s, _, err := catalog.Open(name)
	if err != nil {
		return usageError{err}
	}
	m, err := store.ManifestOf(s.FS)
	if err != nil {
		return fmt.Errorf("sign %s: %w", name, err)
	}
	err = errors.Join(
		store.WriteFile(filepath.Join(name, store.ManifestName), m.Text(), 0o644),
		store.WriteFile(filepath.Join(name, store.SignatureName), store.Sign(m, key), 0o644),
	)
	if err != nil {
		return fmt.Errorf("sign %s: %w", name, err)
	}
	return a.render(fileReport(name, m, key))
}

func newCatalogVerifyCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "verify FOLDER|ZIP",
		Short: "Check the manifest and the signature of a catalogue",
		Long: `Verify compares every file of a catalogue with its manifest and, when a public key is
configured or given with --catalog-key, checks the signature. What is wrong is a finding.`,
		Example: "  qpt catalog verify acme-patches-1.0.0.zip --catalog-key ed25519:...",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.catalogVerify(a.path(args[0])) },
	}
}

func (a *app) catalogVerify(name string) error {
	s, closer, err := catalog.Open(name)
	if err != nil {
		return usageError{err}
	}
	a.closers = append(a.closers, closer)
	result := &report.CatalogFile{SchemaVersion: report.SchemaVersion, File: name, PublicKey: a.config.CatalogKey}
	var m store.Manifest
	if a.config.CatalogKey == "" {
		m, err = store.CheckManifest(s.FS)
		result.Signature = "none"
		if _, missing := fs.Stat(s.FS, store.SignatureName); missing == nil {
			result.Signature = "not checked"
		}
	} else {
		var key ed25519.PublicKey
		if key, err = store.ParsePublic(a.config.CatalogKey); err != nil {
			return usagef("catalog-key: %w", err)
		}
		m, err = store.CheckSignature(s.FS, key)
		result.Signature = "valid"
	}
	if err != nil {
		return findingError(fmt.Sprintf("catalogue %s: %v", name, err))
	}
	result.ID, result.Files = m.ID(), len(m)
	if a.config.CatalogKey == "" {
		a.note("the files are as the manifest says; whose manifest it is, only a public key tells: give --catalog-key")
	}
	return a.render(result)
}

func newCatalogKeygenCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "keygen FILE",
		Short: "Make a key to sign catalogues with",
		Long: `Keygen writes a new private Ed25519 key to a file that only you can read, and prints
the public key. Shops that set it as catalog-key take no catalogue that is not signed
with the private one.`,
		Example: "  qpt catalog keygen company.key",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.catalogKeygen(a.path(args[0])) },
	}
}

func (a *app) catalogKeygen(name string) error {
	private, public, err := store.GenerateKey()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usagef("%s exists; a key is never written over", name)
	}
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	_, err = f.Write(private)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(name) // what matters is the first error
		return fmt.Errorf("write the key: %w", err)
	}
	return a.render(&report.CatalogFile{SchemaVersion: report.SchemaVersion, File: name, PublicKey: public})
}
