//go:build unix

package proxy

import "syscall"

// peekStale reports whether an idle connection was closed or, but for TLS, whose records may
// come at any time, has sent something unasked.
func peekStale(fd uintptr, secure bool) bool {
	var b [1]byte
	n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	if err != nil {
		return err != syscall.EAGAIN && err != syscall.EINTR
	}
	return n == 0 || !secure
}
