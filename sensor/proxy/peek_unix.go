//go:build unix

package proxy

import (
	"io"
	"os"
	"syscall"
)

// peekStale reports whether an idle connection was closed or has sent something unasked.
func peekStale(fd uintptr) bool {
	var b [1]byte
	_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return err != syscall.EAGAIN && err != syscall.EINTR
}

// readNow reads what is there; if that is nothing, the error is that of a deadline.
func readNow(fd uintptr, b []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), b)
		switch {
		case n > 0:
			return n, nil
		case err == syscall.EAGAIN:
			return 0, os.ErrDeadlineExceeded
		case err == syscall.EINTR:
		case err == nil:
			return 0, io.EOF
		default:
			return 0, os.NewSyscallError("read", err)
		}
	}
}
