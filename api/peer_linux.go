package api

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// peerOf returns the user at the other end of a Unix socket, as the kernel says (SO_PEERCRED of unix(7)).
func peerOf(c net.Conn) (who string) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return ""
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return ""
	}
	raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			who = fmt.Sprintf("uid %d", cred.Uid)
		}
	})
	return who
}
