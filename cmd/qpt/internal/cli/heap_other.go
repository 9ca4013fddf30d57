//go:build !linux

package cli

// prepareHeap is for systems that give huge pages to those who ask.
func prepareHeap() {}
