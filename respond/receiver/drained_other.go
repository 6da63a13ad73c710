//go:build !linux

package receiver

import (
	"context"
	"net"
)

// drained knows nothing of the peer's acknowledgements here.
func drained(context.Context, net.Conn) error { return nil }
