//go:build !linux

package detect

import "unsafe"

// region takes memory, zero.
func region(_ *memory, size uintptr) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(make([]uint64, size/8)))
}
