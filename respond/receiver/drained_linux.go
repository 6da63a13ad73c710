package receiver

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// drained returns once the peer has acknowledged every byte that was written to the TCP
// connection.
func drained(ctx context.Context, c net.Conn) error {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	for wait := 100 * time.Microsecond; ; wait = min(2*wait, 50*time.Millisecond) {
		left, ioctl := 0, error(nil)
		if err := raw.Control(func(fd uintptr) { left, ioctl = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) }); err != nil {
			return err
		}
		if ioctl != nil || left == 0 {
			return ioctl
		}
		select {
		case <-ctx.Done():
			return errors.New("it acknowledges nothing")
		case <-time.After(wait):
		}
	}
}
