package cli

import (
	"bytes"
	"io"
	"os"
	"testing"
)

// BenchmarkStatus runs qpt status, from arguments to output, on the sandbox shop, or
// on the installation that QPT_BENCH_ROOT names.
func BenchmarkStatus(b *testing.B) {
	dir := os.Getenv("QPT_BENCH_ROOT")
	if dir == "" {
		dir = b.TempDir()
		if err := buildSandbox(dir); err != nil {
			b.Fatal(err)
		}
	}
	var errs bytes.Buffer
	env := Env{In: bytes.NewReader(nil), Out: io.Discard, Err: &errs, Dir: dir, Getenv: func(string) string { return "" }}
	b.ReportAllocs()
	for b.Loop() {
		if code := run(b.Context(), []string{"status"}, env); code != exitDone {
			b.Fatalf("exit code %d: %s", code, errs.String())
		}
	}
}
