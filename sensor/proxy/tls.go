package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"vedette/internal/ja4"
)

// certificateAge is how long a certificate is used before its files are looked at again.
const certificateAge = 10 * time.Second

// tlsSetting is how a listener does TLS.
type tlsSetting struct {
	config *tls.Config
	now    func() time.Time
	TLS

	mu      sync.Mutex
	cert    *tls.Certificate
	changed time.Time // newest modification time of the files cert was read from
	looked  time.Time
}

// newTLSSetting returns nil for a listener without TLS.
func newTLSSetting(t *TLS, now func() time.Time) (*tlsSetting, error) {
	if t == nil {
		return nil, nil
	}
	s := &tlsSetting{TLS: *t, now: now, cert: t.Certificate}
	if (t.CertFile == "") != (t.KeyFile == "") || (t.CertFile == "") == (t.Certificate == nil) {
		return nil, errors.New("want certificate and key file, or a certificate")
	}
	if t.CertFile != "" {
		if err := s.load(); err != nil {
			return nil, err
		}
	}
	s.config = &tls.Config{MinVersion: max(t.MinVersion, tls.VersionTLS12), GetCertificate: s.certificate,
		GetConfigForClient: remember, NextProtos: []string{"h2", "http/1.1"}}
	if t.NoHTTP2 {
		s.config.NextProtos = []string{"http/1.1"}
	}
	if t.RequireClient && t.ClientCAs == "" {
		return nil, errors.New("client certificates are required, but there is no CA file")
	}
	if t.ClientCAs == "" {
		return s, nil
	}
	pem, err := os.ReadFile(t.ClientCAs)
	if err != nil {
		return nil, fmt.Errorf("cannot read client CAs: %w", err)
	}
	s.config.ClientCAs = x509.NewCertPool()
	if !s.config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("cannot read client CAs: no certificate in %s", t.ClientCAs)
	}
	s.config.ClientAuth = tls.VerifyClientCertIfGiven
	if t.RequireClient {
		s.config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return s, nil
}

// load reads the certificate's files.
func (s *tlsSetting) load() error {
	changed, err := newest(s.CertFile, s.KeyFile)
	if err != nil {
		return fmt.Errorf("cannot read certificate: %w", err)
	}
	cert, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
	if err != nil {
		return fmt.Errorf("cannot read certificate: %w", err)
	}
	s.cert, s.changed, s.looked = &cert, changed, s.now()
	return nil
}

func newest(files ...string) (t time.Time, err error) {
	for _, f := range files {
		st, err := os.Stat(f)
		if err != nil {
			return t, err
		}
		if st.ModTime().After(t) {
			t = st.ModTime()
		}
	}
	return t, nil
}

// certificate returns the certificate, read anew if its files have changed. While they
// cannot be read, or do not fit each other, the one in use stays.
func (s *tlsSetting) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.CertFile == "" {
		return s.cert, nil
	}
	if now := s.now(); now.Sub(s.looked) >= certificateAge || now.Before(s.looked) {
		s.looked = now
		if t, err := newest(s.CertFile, s.KeyFile); err == nil && !t.Equal(s.changed) {
			_ = s.load() // in use stays in use
		}
	}
	return s.cert, nil
}

// helloConn carries the fingerprint from the handshake to the connection.
type helloConn struct {
	net.Conn
	ja4 string
}

func remember(h *tls.ClientHelloInfo) (*tls.Config, error) {
	if c, ok := h.Conn.(*helloConn); ok {
		c.ja4 = ja4.Of(h)
	}
	return nil, nil
}

// handshake does the server's part. The guard on c bounds how long it takes.
func (s *tlsSetting) handshake(c net.Conn) (*tls.Conn, string, error) {
	h := &helloConn{Conn: c}
	t := tls.Server(h, s.config)
	if err := t.Handshake(); err != nil {
		return nil, "", err
	}
	return t, h.ja4, nil
}
