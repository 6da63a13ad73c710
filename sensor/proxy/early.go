package proxy

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// errHeard says that the upstream refused a request before it had all of it.
var errHeard = errors.New("refused before it was sent whole")

const (
	// heedBytes are what the kernel takes of a request at once: beyond, a write may have to wait.
	heedBytes = 64 << 10
	// statusBytes are enough of an answer to tell a refusal: HTTP/1.1 413.
	statusBytes = len("HTTP/1.1 4")
)

// send writes a large request, and ends with errHeard where the upstream refuses it
// meanwhile: one that does not read on, and does not close, would hold the call up until
// AnswerTimeout. The beginning of the answer is in the link's buffer then.
func (l *link) send(t *task, head, body []byte) (n int64, err error) {
	switch {
	case len(body) <= heedBytes:
		bufs := net.Buffers{head, body}
		return bufs.WriteTo(l.Conn)
	case l.sock == nil:
		return l.sendReading(head, body)
	case l.under == nil:
		return l.sendHeeding(head, body)
	}
	t.block(func() { n, err = l.sendElsewhere(t, head, body) })
	return n, err
}

// sendHeeding is send on a loop.
func (l *link) sendHeeding(parts ...[]byte) (n int64, err error) {
	l.sock.heed = true
	defer func() { l.sock.heed = false }()
	for _, b := range parts {
		for len(b) > 0 {
			m, err := l.Write(b)
			n, b = n+int64(m), b[m:]
			switch {
			case err != errHeard:
			case l.refused():
				return n, errHeard
			default:
				continue
			}
			if err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// refused reads the answer that is there and reports whether it is a refusal. One that is
// none, such as an interim one, is left for later, and no more is looked for.
func (l *link) refused() bool {
	err := l.fill(false)
	if is, known := isRefusal(l.buf[l.r:l.w]); known || err != nil {
		l.sock.heed = false
		return is
	}
	return false
}

func isRefusal(b []byte) (is, known bool) {
	if len(b) < statusBytes {
		return false, false
	}
	return b[statusBytes-1] == '4' || b[statusBytes-1] == '5', true
}

// sendReading is send off the loops, where one goroutine can read while another writes.
func (l *link) sendReading(parts ...[]byte) (n int64, err error) {
	refused := make(chan bool, 1)
	go func() {
		for {
			if is, known := isRefusal(l.buf[l.r:l.w]); known {
				if is {
					l.Conn.SetWriteDeadline(time.Unix(1, 0))
				}
				refused <- is
				return
			}
			if l.fill(false) != nil {
				refused <- false // the next read fails alike
				return
			}
		}
	}()
	for _, b := range parts {
		m, e := l.Write(b)
		if n += int64(m); e != nil {
			err = e
			break
		}
	}
	if <-refused {
		return n, errHeard
	}
	return n, err
}

// sendElsewhere takes a connection under TLS off its loop, for sendReading: what an encrypted
// record holds nobody can tell but by reading, and a record that was begun must be written whole.
func (l *link) sendElsewhere(t *task, head, body []byte) (int64, error) {
	c, err := l.sock.release()
	if err != nil {
		return 0, err
	}
	l.goOn(c, func([]byte) (int, error) { return 0, syscall.EAGAIN })
	n, sent := l.sendReading(head, body)
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		c.Close()
		return n, errors.ErrUnsupported
	}
	s, err := t.l.adopt(tcp, t)
	if err != nil {
		c.Close()
		return n, err
	}
	l.sock = s
	l.goOn(s, s.readNow)
	return n, sent
}

// goOn puts another form of the connection under TLS.
func (l *link) goOn(c net.Conn, now func([]byte) (int, error)) {
	l.under.become(c, now)
	if l.g.at.Load() == guardFired {
		c.SetDeadline(time.Unix(1, 0)) // that of the former form went with it
	}
}
