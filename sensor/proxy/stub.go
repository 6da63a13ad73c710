package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"time"
)

type tlsSetting struct{}

func newTLSSetting(t *TLS, now func() time.Time) (*tlsSetting, error) { return nil, nil }
func (s *tlsSetting) handshake(c net.Conn) (*tls.Conn, string, error) {
	return nil, "", errors.New("x")
}
func readProxyHeader(c net.Conn, t hops, peer netip.AddrPort) (netip.AddrPort, net.Conn, error) {
	return netip.AddrPort{}, nil, errors.New("x")
}
func (p *Proxy) serveHTTP2(l *listener, c *tls.Conn, g *guard, o *origin) {}
