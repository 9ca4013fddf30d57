//go:build !linux || race

package cli

// prepareHeap is for systems that give huge pages to those who ask, and would only cost the
// race detector time.
func prepareHeap() {}
