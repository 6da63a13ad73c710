package detect

import "unsafe"

// prefetch has a processor bring units of memory near, one at least, and does not wait for them.
//
//go:noescape
func prefetch(at unsafe.Pointer, units int)
