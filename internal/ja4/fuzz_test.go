package ja4

import (
	"crypto/tls"
	"errors"
	"net"
	"regexp"
	"testing"
	"time"
)

var shape = regexp.MustCompile(`^t(1[0-3]|s3|00)[di][0-9]{4}[0-9A-Za-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}$`)

// wire is a connection that has received some bytes and takes whatever is written.
type wire struct {
	net.Conn
	in []byte
}

func (w *wire) Read(b []byte) (int, error) {
	if len(w.in) == 0 {
		return 0, errors.New("no more")
	}
	n := copy(b, w.in)
	w.in = w.in[n:]
	return n, nil
}
func (w *wire) Write(b []byte) (int, error)      { return len(b), nil }
func (w *wire) Close() error                     { return nil }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// FuzzClientHello: whatever a server takes for a ClientHello has a fingerprint of the
// right shape, and the order of ciphers and extensions does not matter to it.
func FuzzClientHello(f *testing.F) {
	f.Add(hello{version: 0x0303, ciphers: "1301,c02b,0a0a", extensions: "0000,0010,002b,000d", schemes: "0403,0804", versions: "0304,0303", alpn: []string{"h2"}}.record())
	f.Fuzz(func(t *testing.T, b []byte) {
		stop := errors.New("seen")
		_ = tls.Server(&wire{in: b}, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			got := Of(h)
			if !shape.MatchString(got) {
				t.Errorf("fingerprint %q", got)
			}
			for i, j := 0, len(h.CipherSuites)-1; i < j; i, j = i+1, j-1 {
				h.CipherSuites[i], h.CipherSuites[j] = h.CipherSuites[j], h.CipherSuites[i]
			}
			for i, j := 0, len(h.Extensions)-1; i < j; i, j = i+1, j-1 {
				h.Extensions[i], h.Extensions[j] = h.Extensions[j], h.Extensions[i]
			}
			if again := Of(h); again != got {
				t.Errorf("in another order %q, not %q", again, got)
			}
			return nil, stop
		}}).Handshake()
	})
}
