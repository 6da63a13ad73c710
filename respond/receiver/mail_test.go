package receiver

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/respond/outbox"
)

// mailServer is an SMTP server with as much as the tests need.
type mailServer struct {
	addr     string
	startTLS *tls.Config // offered if set
	refuse   string      // answer to the end of DATA
	mails    []string
	secure   []bool // whether each came over TLS
	auth     []string
}

func newMailServer(t *testing.T, s *mailServer) *mailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s.addr = l.Addr().String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.session(c)
		}
	}()
	return s
}

func (s *mailServer) session(c net.Conn) {
	defer func() { c.Close() }()
	secure := false
	r := bufio.NewReader(c)
	say := func(line string) { fmt.Fprintf(c, "%s\r\n", line) }
	say("220 ready")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch word, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " "); word {
		case "EHLO":
			if s.startTLS != nil && !secure {
				say("250-here")
				say("250 STARTTLS")
			} else {
				say("250-here")
				say("250 AUTH PLAIN")
			}
		case "STARTTLS":
			say("220 go on")
			t := tls.Server(c, s.startTLS)
			c, r, secure = t, bufio.NewReader(t), true
		case "AUTH":
			s.auth = append(s.auth, strings.TrimSpace(line))
			say("235 welcome")
		case "DATA":
			say("354 go on")
			b, _ := io.ReadAll(textproto.NewReader(r).DotReader())
			if s.refuse != "" {
				say(s.refuse)
				continue
			}
			s.mails, s.secure = append(s.mails, string(b)), append(s.secure, secure)
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

func mailer(s *mailServer) *Mail {
	return &Mail{Address: s.addr, From: "vedette@example.org", To: []string{"a@example.org", "b@example.org"}, Host: "monitor-1",
		Now: func() time.Time { return time.Unix(1767614400, 0).UTC() }}
}

// TestMailDigest: many events are one mail, the worst first, and no text in it makes a field.
func TestMailDigest(t *testing.T) {
	s := newMailServer(t, &mailServer{})
	m := mailer(s)
	batch := findings(0, 150)
	batch[70].Finding.Severity, batch[70].Finding.Summary = vedette.Critical, "Ключ stolen.\r\nBcc: c@example.org\r\n\r\n.\r\nQUIT"
	if err := m.Deliver(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	got, err := mail.ReadMessage(strings.NewReader(s.mails[0]))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(quotedprintable.NewReader(got.Body))
	subject, _ := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
	if want := "[vedette] 150 findings, the worst critical: Ключ stolen.  Bcc: c@example.org    .  QUIT"; subject != want || got.Header.Get("Bcc") != "" {
		t.Errorf("subject %q, header %v", subject, got.Header)
	}
	text := string(body)
	if !strings.HasPrefix(text, "2026-01-05T12:00:00Z CRITICAL access.replay: Ключ stolen.") || !strings.Contains(text, "and 50 more, none more severe") || strings.Count(text, "sha256:") != 100 {
		t.Errorf("%s", text)
	}
	id := got.Header.Get("Message-Id")
	if err := m.Deliver(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.mails[1], id) || !strings.HasSuffix(id, "@monitor-1>") {
		t.Errorf("message id %s, then another", id)
	}
}

// TestMailTLS: the log-in and the mail go over TLS, with a certificate that is known.
func TestMailTLS(t *testing.T) {
	cert, key, roots := certificate(t, t.TempDir())
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	s := newMailServer(t, &mailServer{startTLS: &tls.Config{Certificates: []tls.Certificate{pair}}})
	m := mailer(s)
	m.User, m.Password, m.TLS = "user", "password", &tls.Config{RootCAs: roots}
	if err := m.Deliver(t.Context(), findings(0, 1)); err != nil || !s.secure[0] || len(s.auth) != 1 {
		t.Fatalf("%v, over TLS %v, log-in %v", err, s.secure, s.auth)
	}
	m.TLS = nil
	if err := m.Deliver(t.Context(), findings(0, 1)); err == nil || len(s.mails) != 1 {
		t.Errorf("an unknown certificate was taken: %v", err)
	}
}

// TestMailRefused: a mail that the server refuses is given up; a server elsewhere without STARTTLS is not
// told anything.
func TestMailRefused(t *testing.T) {
	s := newMailServer(t, &mailServer{refuse: "554 spam"})
	if err := mailer(s).Deliver(t.Context(), findings(0, 1)); !errors.Is(err, outbox.ErrRefused) {
		t.Errorf("554: %v", err)
	}
	s = newMailServer(t, &mailServer{refuse: "451 later"})
	if err := mailer(s).Deliver(t.Context(), findings(0, 1)); err == nil || errors.Is(err, outbox.ErrRefused) {
		t.Errorf("451: %v", err)
	}
	s = newMailServer(t, &mailServer{})
	m := mailer(s)
	_, port, _ := net.SplitHostPort(s.addr)
	m.Address = "127.0.0.1.nip.test:" + port
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := m.overConn(c, findings(0, 1)); err == nil || !strings.Contains(err.Error(), "STARTTLS") || len(s.mails) != 0 {
		t.Errorf("sent in the clear: %v", err)
	}
}
