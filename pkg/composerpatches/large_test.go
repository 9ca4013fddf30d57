package composerpatches

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A long list is read once, not once for each of its entries.
func TestLongList(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"extra": {"patches-depend": {"a/*": "c/d"}, "patches": {"z/z": {}`)
	for i := range 1000 {
		fmt.Fprintf(&b, ",\n\"a/p%d\": {\"what it is about %d\": {\"source\": \"patches/%d.patch\", \"version\": \">=1\"}}", i, i, i)
	}
	b.WriteString("}}}")
	for _, style := range []Style{CweagansV1, CweagansV2, Vaimo} {
		began := time.Now()
		d, err := Read(tree(map[string]string{"composer.json": b.String()}), "vendor", style)
		if err != nil || len(d.Definitions) != 1000 {
			t.Fatalf("%s: %d definitions, %v", style, len(d.Definitions), err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%s: %s", style, took)
		}
	}
}
