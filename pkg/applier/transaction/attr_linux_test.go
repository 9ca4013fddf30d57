package transaction

import (
	"path/filepath"
	"testing"

	"github.com/quality-patches/qpt/pkg/applier"
	"golang.org/x/sys/unix"
)

// TestAttributes replaces a file that an access control list opens to user 1234.
func TestAttributes(t *testing.T) {
	_, root, s := shop(t, Options{})
	put(t, root, "file", text("old", 0o640))
	name := filepath.Join(root.Name(), "file")
	acl := []byte{
		2, 0, 0, 0, // version, then tag, permissions, id
		1, 0, 6, 0, 255, 255, 255, 255,
		2, 0, 4, 0, 0xd2, 4, 0, 0,
		4, 0, 0, 0, 255, 255, 255, 255,
		0x10, 0, 4, 0, 255, 255, 255, 255,
		0x20, 0, 0, 0, 255, 255, 255, 255,
	}
	attrs := map[string]string{"system.posix_acl_access": string(acl), "user.comment": "kept"}
	for attr, value := range attrs {
		if err := unix.Setxattr(name, attr, []byte(value), 0); err != nil {
			t.Logf("%s cannot be set here: %v", attr, err)
			delete(attrs, attr)
		}
	}
	if len(attrs) == 0 {
		t.Skip("no extended attributes here")
	}
	old := read(t, root, "file")
	new := text("new", old.Mode)
	if err := s.Commit(t.Context(), []applier.Change{{Path: "file", Old: old, New: new}}); err != nil {
		t.Fatal(err)
	}
	for attr, want := range attrs {
		value := make([]byte, 200)
		n, err := unix.Getxattr(name, attr, value)
		if err != nil || string(value[:n]) != want {
			t.Errorf("%s: %q, %v", attr, value[:max(n, 0)], err)
		}
	}
	if f := read(t, root, "file"); string(f.Data) != "new" || f.Mode != old.Mode {
		t.Errorf("%q %v", f.Data, f.Mode)
	}
}
