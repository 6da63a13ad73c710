package receiver

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/netip"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"vedette/respond"
	"vedette/respond/format"
	"vedette/respond/outbox"
)

// Mail sends digests over SMTP: what has come since the last mail is one mail, so that a flood makes
// one. STARTTLS is demanded unless the server is on this machine.
type Mail struct {
	Address  string // host:port of the server
	From     string // addresses only
	To       []string
	User     string // "" for no log-in
	Password string
	TLS      *tls.Config   // roots; ServerName is the server's host
	Every    time.Duration // between two mails; 0 for 5 min
	Host     string        // of this monitor
	Now      func() time.Time
}

// Batch implements Receiver.
func (m *Mail) Batch() (int, time.Duration) { return mailBatch, cmp.Or(m.Every, mailEvery) }

// Close implements Receiver.
func (*Mail) Close() error { return nil }

// Deliver implements Receiver.
func (m *Mail) Deliver(ctx context.Context, batch []respond.Event) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", m.Address)
	if err != nil {
		return fmt.Errorf("cannot reach mail server: %w", err)
	}
	defer conn.Close()
	if end, ok := ctx.Deadline(); ok {
		conn.SetDeadline(end)
	}
	if err := m.overConn(conn, batch); err != nil {
		return fmt.Errorf("cannot send mail: %w", err)
	}
	return nil
}

func (m *Mail) overConn(conn net.Conn, batch []respond.Event) error {
	host, _, err := net.SplitHostPort(m.Address)
	if err != nil {
		return err
	}
	c, err := smtp.NewClient(conn, host)
	if err == nil {
		err = m.logIn(c, host)
	}
	if err == nil {
		err = m.send(c, batch)
	}
	if err == nil {
		c.Quit() // the server has the mail
	}
	return err
}

func (m *Mail) logIn(c *smtp.Client, host string) error {
	if err := c.Hello(helloName(m.Host)); err != nil {
		return err
	}
	if ok, _ := c.Extension("STARTTLS"); ok {
		t := m.TLS.Clone()
		if t == nil {
			t = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		t.ServerName = host
		if err := c.StartTLS(t); err != nil {
			return err
		}
	} else if a, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !a.IsLoopback()) {
		return errors.New("the server offers no STARTTLS: findings do not cross a network in the clear")
	}
	if m.User == "" {
		return nil
	}
	return c.Auth(smtp.PlainAuth("", m.User, m.Password, host))
}

// helloName is a name that EHLO takes.
func helloName(host string) string {
	if host = strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return -1
	}, host); host == "" {
		return "localhost"
	}
	return host
}

func (m *Mail) send(c *smtp.Client, batch []respond.Event) error {
	if err := c.Mail(m.From); err != nil {
		return err
	}
	for _, to := range m.To {
		if err := c.Rcpt(to); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err == nil {
		_, err = w.Write(m.digest(batch))
	}
	if err != nil {
		return err
	}
	err = w.Close()
	var code *textproto.Error
	if errors.As(err, &code) && code.Code/100 == 5 { // of this mail, not of the addresses or the log-in
		return fmt.Errorf("%w: %w", err, outbox.ErrRefused)
	}
	return err
}

// digest writes the mail. The same events make the same Message-ID.
func (m *Mail) digest(batch []respond.Event) []byte {
	sum := sha256.New()
	for _, e := range batch {
		fmt.Fprintf(sum, "%d:%s", len(e.ID()), e.ID())
	}
	sorted := slices.Clone(batch)
	slices.SortStableFunc(sorted, func(a, b respond.Event) int { return cmp.Compare(b.Severity(), a.Severity()) })
	worst := sorted[0]
	subject := fmt.Sprintf("[vedette] %s: %s", worst.Severity(), format.Clip(format.OneLine(worst.Words()), 200))
	if n := len(batch); n > 1 {
		subject = fmt.Sprintf("[vedette] %d findings, the worst %s: %s", n, worst.Severity(), format.Clip(format.OneLine(worst.Words()), 200))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
		m.From, strings.Join(m.To, ">, <"), mime.QEncoding.Encode("utf-8", subject), m.Now().Format(time.RFC1123Z), hex.EncodeToString(sum.Sum(nil)[:16]), helloName(m.Host))
	q := quotedprintable.NewWriter(&b)
	for i, e := range sorted {
		if i == mailLines {
			fmt.Fprintf(q, "\r\nand %d more, none more severe: all are in the ledger.\r\n", len(sorted)-i)
			break
		}
		fmt.Fprintf(q, "%s %s\r\n    %s\r\n", e.Time().UTC().Format(time.RFC3339), format.Clip(string(format.Text(e)), mailLine), format.OneLine(e.ID()))
	}
	q.Close()
	return b.Bytes()
}
