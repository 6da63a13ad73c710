package receiver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"

	"vedette/respond"
	"vedette/respond/format"
	"vedette/respond/outbox"
)

// Syslog sends messages of RFC 5424: over TLS (RFC 5425) and TCP with octet counting, over UDP
// (RFC 5426), or to a Unix datagram socket. No syslog transport acknowledges. Over TCP and TLS what was
// written counts as delivered when the peer's system has acknowledged its bytes (on Linux) and the
// connection is still open; over the others when it was sent.
type Syslog struct {
	Network string // tls tcp udp unix
	Address string // host:port, or the socket's path
	TLS     *tls.Config
	Format  format.Format
	Host    string // of this monitor
	Process string // its id

	conn   net.Conn
	closed chan struct{} // closed when the peer ends the connection
}

// Batch implements Receiver.
func (*Syslog) Batch() (int, time.Duration) { return syslogBatch, 0 }

// Close implements Receiver.
func (s *Syslog) Close() error {
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.conn = nil
	return err
}

// Deliver implements Receiver.
func (s *Syslog) Deliver(ctx context.Context, batch []respond.Event) error {
	err := s.deliver(ctx, batch)
	if err != nil && s.conn != nil {
		s.Close()
	}
	return err
}

func (s *Syslog) deliver(ctx context.Context, batch []respond.Event) error {
	if err := s.connect(ctx); err != nil {
		return fmt.Errorf("cannot reach syslog: %w", err)
	}
	if end, ok := ctx.Deadline(); ok {
		s.conn.SetWriteDeadline(end)
	}
	if s.Network == "udp" || s.Network == "unix" {
		return s.datagrams(batch)
	}
	var b []byte
	for _, e := range batch {
		m := format.Syslog(e, s.Host, s.Process, s.Format)
		b = append(append(strconv.AppendInt(b, int64(len(m)), 10), ' '), m...)
	}
	if _, err := s.conn.Write(b); err != nil {
		return fmt.Errorf("cannot write to syslog: %w", err)
	}
	if err := drained(ctx, s.conn); err != nil {
		return fmt.Errorf("syslog did not take what was written: %w", err)
	}
	select {
	case <-s.closed:
		return errors.New("syslog closed the connection")
	default:
		return nil
	}
}

func (s *Syslog) datagrams(batch []respond.Event) error {
	for _, e := range batch {
		_, err := s.conn.Write(format.Syslog(e, s.Host, s.Process, s.Format))
		if errors.Is(err, syscall.EMSGSIZE) {
			return fmt.Errorf("cannot send datagram: %w: %w", err, outbox.ErrRefused)
		}
		if err != nil {
			return fmt.Errorf("cannot send datagram: %w", err)
		}
	}
	return nil
}

func (s *Syslog) connect(ctx context.Context) (err error) {
	if s.conn != nil {
		select {
		case <-s.closed:
			s.Close()
		default:
			return nil
		}
	}
	var d net.Dialer
	switch s.Network {
	case "tls":
		s.conn, err = (&tls.Dialer{NetDialer: &d, Config: s.TLS}).DialContext(ctx, "tcp", s.Address)
	case "unix":
		s.conn, err = d.DialContext(ctx, "unixgram", s.Address)
	default:
		s.conn, err = d.DialContext(ctx, s.Network, s.Address)
	}
	if err != nil {
		s.conn = nil
		return err
	}
	s.closed = make(chan struct{})
	if s.Network == "tls" || s.Network == "tcp" {
		go func(c net.Conn, closed chan struct{}) { // a syslog receiver sends nothing: only the end is read
			io.Copy(io.Discard, c)
			close(closed)
		}(s.conn, s.closed)
	}
	return nil
}
