package transaction

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/quality-patches/qpt/pkg/applier"
)

func BenchmarkCommit5(b *testing.B) {
	dir := b.TempDir()
	os.MkdirAll(dir+"/var", 0o777)
	text := bytes.Repeat([]byte("some line of code\n"), 500)
	var changes []applier.Change
	for i := range 5 {
		name := fmt.Sprintf("vendor/magento/module-%d/Model/Resource/Thing.php", i)
		os.MkdirAll(filepath.Dir(dir+"/"+name), 0o777)
		os.WriteFile(dir+"/"+name, text, 0o644)
		changes = append(changes, applier.Change{
			Path: name,
			Old:  &applier.File{Data: text, Mode: 0o644}, New: &applier.File{Data: append([]byte("x\n"), text...), Mode: 0o644},
		})
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer root.Close()
	for b.Loop() {
		s, _, err := Begin(b.Context(), root, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Commit(b.Context(), changes); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		for i := range changes {
			changes[i].Old, changes[i].New = changes[i].New, changes[i].Old
		}
	}
}
