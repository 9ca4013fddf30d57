//go:build !race

package cli

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// usualHeap is what a status over a real catalogue allocates, rounded up. It stays below
// the size at which the collector would start by itself.
const usualHeap = 36 << 20

// prepareHeap has the heap grow into huge pages, if the kernel gives them to those who
// ask. A run is short and touches most of its memory once: a fault for every small page
// was a quarter of the processor time of a status, and the runtime does not ask for
// large ones. Memory that is not touched costs nothing.
func prepareHeap() {
	room := make([]byte, usualHeap)
	if unix.Madvise(room, unix.MADV_HUGEPAGE) == nil {
		runtime.GC() // makes the room free for others; it holds nothing
	}
}
