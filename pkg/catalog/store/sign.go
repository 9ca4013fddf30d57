package store

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// ErrSignature is wrapped when a catalogue is not signed with the right key.
var ErrSignature = errors.New("the signature cannot be trusted")

const keyPrefix = "ed25519:"

// GenerateKey makes a key to sign with, as a PEM file, and the public key that belongs
// to it, as one line.
func GenerateKey() (private []byte, public string, err error) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, "", err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), PublicText(pub), nil
}

// PublicText writes a public key.
func PublicText(key ed25519.PublicKey) string {
	return keyPrefix + base64.StdEncoding.EncodeToString(key)
}

// ParsePublic reads a public key.
func ParsePublic(text string) (ed25519.PublicKey, error) {
	raw, ok := strings.CutPrefix(strings.TrimSpace(text), keyPrefix)
	key, err := base64.StdEncoding.DecodeString(raw)
	if !ok || err != nil || len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("not a public key such as qpt catalog keygen writes (%s and 44 characters)", keyPrefix)
	}
	return key, nil
}

// ParsePrivate reads a private key. No error repeats it.
func ParsePrivate(b []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(b)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("not a private key in a PEM file")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the private key cannot be read")
	}
	ed, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("the private key is not for Ed25519")
	}
	return ed, nil
}

// signedFor keeps a signature from being one of anything else.
const signedFor = "qpt catalogue manifest\n"

// Sign returns the content of the signature file for a manifest.
func Sign(m Manifest, key ed25519.PrivateKey) []byte {
	signature := ed25519.Sign(key, append([]byte(signedFor), m.Text()...))
	return []byte(keyPrefix + base64.StdEncoding.EncodeToString(signature) + "\n")
}

// CheckManifest compares the files of a catalogue with the manifest inside it.
func CheckManifest(fsys fs.FS) (Manifest, error) {
	text, err := read(fsys, ManifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("it has no manifest %s: %w", ManifestName, ErrSignature)
	}
	if err != nil {
		return nil, err
	}
	want, err := ParseManifest(text)
	if err != nil {
		return nil, err
	}
	got, err := ManifestOf(fsys)
	if err != nil {
		return nil, err
	}
	return want, differ(want, got)
}

// CheckSignature makes sure that all files of a catalogue are those that the owner of
// a key has signed.
func CheckSignature(fsys fs.FS, key ed25519.PublicKey) (Manifest, error) {
	m, err := CheckManifest(fsys)
	if err != nil {
		return nil, err
	}
	text, err := read(fsys, SignatureName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("it is not signed: %w", ErrSignature)
	}
	if err != nil {
		return nil, err
	}
	raw, ok := strings.CutPrefix(strings.TrimSpace(string(text)), keyPrefix)
	signature, err := base64.StdEncoding.DecodeString(raw)
	if !ok || err != nil || !ed25519.Verify(key, append([]byte(signedFor), m.Text()...), signature) {
		return nil, fmt.Errorf("it is not signed with the expected key: %w", ErrSignature)
	}
	return m, nil
}

// Listed returns the files that a manifest lists, each compared with it when it is
// read. Others are not there.
func Listed(fsys fs.FS, m Manifest) fs.FS { return newVerified(fsys, m) }
