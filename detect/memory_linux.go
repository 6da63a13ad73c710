package detect

import (
	"runtime"
	"unsafe"

	sys "golang.org/x/sys/unix"
)

// region takes memory from the system, zero, for as long as m is there. It asks for large pages: records are visited at random, and most
// visits would wait for two look-ups of their address otherwise.
func region(m *memory, size uintptr) unsafe.Pointer {
	b, err := sys.Mmap(-1, 0, int(size), sys.PROT_READ|sys.PROT_WRITE, sys.MAP_ANON|sys.MAP_PRIVATE)
	if err != nil {
		panic("cannot take memory for detection: " + err.Error()) // as the runtime does where there is none
	}
	sys.Madvise(b, sys.MADV_HUGEPAGE) // a kernel that has none goes on without
	runtime.AddCleanup(m, func(b []byte) { sys.Munmap(b) }, b)
	return unsafe.Pointer(unsafe.SliceData(b))
}
