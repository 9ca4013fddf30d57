package catalog_test

import (
	"strings"
	"testing"
)

// Nesting without end is refused; it does not exhaust the stack.
func TestDeepNesting(t *testing.T) {
	for _, src := range []string{
		strings.Repeat("[", 20_000_000),
		`{"A-1":` + strings.Repeat(`{"a":`, 5_000_000),
		`{"A-1":` + strings.Repeat(`["]]\\",`, 5_000_000), // brackets in texts close nothing
	} {
		c := quality(src)
		if got := diagnostics(c); len(got) != 1 || !strings.HasPrefix(got[0], "test: support-patches.json: not valid JSON at line 1: ") {
			t.Errorf("diagnostics %.200q", got)
		}
	}
}
