//go:build !amd64

package detect

import "unsafe"

// prefetch brings units of memory near, one at least, by reading of each.
func prefetch(at unsafe.Pointer, units int) {
	read := uint64(0)
	for i := range units {
		read += *(*uint64)(unsafe.Add(at, i*unit))
	}
	keep(read)
}

// keep lets the compiler believe that a value is used.
//
//go:noinline
func keep(uint64) {}
