package proxy

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"vedette/venue"
)

// Ways an answer breaks HTTP or off.
var (
	errBadAnswer  = errors.New("malformed answer")
	errAnswerHead = errors.New("answer's head over the limit")
	errExpired    = errors.New("time is up")
)

// answer is an answer's head. Its strings alias the link's buffer.
type answer struct {
	status  int
	reason  string // as it came, may be empty
	minor   byte
	fields  venue.Header
	kinds   []kind
	length  int64
	chunked bool
	close   bool
	coding  string
}

func (a *answer) reset() { *a = answer{fields: a.fields[:0], kinds: a.kinds[:0], length: -1} }

// parse reads a whole head.
func (a *answer) parse(b []byte) error {
	a.reset()
	line, rest, ok := cutLine(b)
	if !ok || !a.statusLine(line) {
		return fmt.Errorf("%w: status line", errBadAnswer)
	}
	for {
		if line, rest, ok = cutLine(rest); !ok {
			return fmt.Errorf("%w: header line", errBadAnswer)
		}
		if len(line) == 0 {
			break
		}
		if err := a.field(line); err != nil {
			return err
		}
	}
	if a.chunked && a.length >= 0 {
		return fmt.Errorf("%w: length and transfer coding", errBadAnswer)
	}
	return nil
}

func (a *answer) statusLine(line []byte) bool {
	if len(line) < 12 || string(line[:7]) != "HTTP/1." || line[7] != '1' && line[7] != '0' || line[8] != ' ' || !all(line, charValue) {
		return false
	}
	a.minor = line[7] - '0'
	a.close = a.minor == 0
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return false
		}
		a.status = a.status*10 + int(c-'0')
	}
	if len(line) > 12 {
		if line[12] != ' ' {
			return false
		}
		a.reason = text(line[13:])
	}
	return a.status >= 100
}

func (a *answer) field(line []byte) error {
	colon := indexByte(line, ':')
	if colon < 1 || !all(line[:colon], charToken) || !all(line[colon+1:], charValue) {
		return fmt.Errorf("%w: header line", errBadAnswer)
	}
	name, value := text(line[:colon]), strings.Trim(text(line[colon+1:]), " \t")
	k := answerKind(name)
	switch k {
	case kindLength:
		n, ok := decimal(value)
		if !ok || a.length >= 0 && a.length != n {
			return fmt.Errorf("%w: content length", errBadAnswer)
		}
		a.length = n
	case kindCoding:
		if a.chunked || a.minor == 0 || !strings.EqualFold(value, "chunked") {
			return fmt.Errorf("%w: transfer coding", errBadAnswer)
		}
		a.chunked = true
	case kindConnection:
		for value != "" {
			var token string
			token, value, _ = strings.Cut(value, ",")
			token = strings.Trim(token, " \t")
			a.close = a.close || strings.EqualFold(token, "close")
			if a.minor == 0 && strings.EqualFold(token, "keep-alive") {
				a.close = false
			}
		}
	case kindContentCoding:
		if a.coding != "" && value != "" {
			value = a.coding + ", " + value
		}
		a.coding = value
	}
	a.fields = append(a.fields, venue.Field{Name: name, Value: value})
	if k == kindConnection {
		a.fields[len(a.fields)-1].Value = strings.Trim(text(line[colon+1:]), " \t")
	}
	a.kinds = append(a.kinds, k)
	return nil
}

// answerKind is kindOf for the few fields that matter in an answer.
func answerKind(name string) kind {
	switch len(name) {
	case 7, 10, 14, 16, 17, 18:
		switch k := kindOf(name); k {
		case kindHop, kindConnection, kindLength, kindCoding, kindUpgrade, kindContentCoding:
			if len(name) == 18 { // Proxy-Authenticate: a hop's, but so is nothing else of that length
				return kindHop
			}
			return k
		}
	}
	return kindPlain
}

// framing says how an answer's body ends.
type framing uint8

const (
	bodyNone framing = iota
	bodyLength
	bodyChunked
	bodyClose
)

// framing follows RFC 9112 section 6.3.
func (a *answer) framing(method string) framing {
	switch {
	case method == "HEAD" || a.status < 200 || a.status == 204 || a.status == 304:
		return bodyNone
	case a.chunked:
		return bodyChunked
	case a.length >= 0:
		return bodyLength
	}
	return bodyClose
}

// body reads an answer's body from a link, piece by piece.
type body struct {
	l      *link
	frame  framing
	left   int64
	chunks chunks
}

// next returns the next piece, that aliases the link's buffer until the next call. It returns
// io.EOF after the last piece, never with one.
func (b *body) next() ([]byte, error) {
	for {
		switch b.frame {
		case bodyNone:
			return nil, io.EOF
		case bodyLength:
			if b.left == 0 {
				return nil, io.EOF
			}
			if b.l.r < b.l.w {
				n := int(min(b.left, int64(b.l.w-b.l.r)))
				piece := b.l.buf[b.l.r : b.l.r+n]
				b.l.r += n
				b.left -= int64(n)
				return piece, nil
			}
		case bodyClose:
			if b.l.r < b.l.w {
				piece := b.l.buf[b.l.r:b.l.w]
				b.l.r = b.l.w
				return piece, nil
			}
		case bodyChunked:
			if b.chunks.state == chunkDone {
				return nil, io.EOF
			}
			used, data, ok := b.chunks.next(b.l.buf[b.l.r:b.l.w])
			if !ok {
				return nil, fmt.Errorf("%w: chunk", errBadAnswer)
			}
			b.l.r += used
			if len(data) > 0 {
				return data, nil
			}
			if used > 0 || b.chunks.state == chunkDone {
				continue
			}
		}
		if err := b.l.fill(true); err != nil {
			if b.frame == bodyClose && errors.Is(err, io.EOF) {
				return nil, io.EOF
			}
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// fill reads more into the link's buffer. body says that only what is still unread is
// needed besides the head: its strings alias the first buffer, which must stay as it is
// until Done, so the body moves to another one.
func (l *link) fill(body bool) error {
	if body && l.moved {
		l.w = copy(l.buf, l.buf[l.r:l.w])
		l.r = 0
	}
	switch room := len(l.buf) - l.w; {
	case body && !l.moved && room < fillRoom:
		l.move(keepBuffer)
		l.moved = true
	case room == 0:
		l.move(2 * len(l.buf))
	}
	n, err := l.Read(l.buf[l.w:])
	l.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

func (l *link) move(size int) {
	bigger := make([]byte, size)
	l.w = copy(bigger, l.buf[l.r:l.w])
	l.buf, l.r = bigger, 0
}

// torn reports whether the beginning of a head already is no good: past offset from it has a
// line that ends with a bare LF.
func torn(b []byte, from int) bool {
	for i := from; ; {
		j := indexByte(b[i:], '\n')
		if j < 0 {
			return false
		}
		if i += j + 1; i < 2 || b[i-2] != '\r' {
			return true
		}
	}
}

// readHead reads the answer's final head. got says whether any byte of an answer came.
func (l *link) readHead(a *answer, limit int) (got bool, err error) {
	for interim := 0; ; interim++ {
		from := l.r
		for {
			if i := headEnd(l.buf[l.r:l.w], from-l.r); i > limit {
				return true, errAnswerHead
			} else if i >= 0 {
				if err := a.parse(l.buf[l.r : l.r+i]); err != nil {
					return true, err
				}
				l.r += i
				break
			}
			switch b := l.buf[l.r:l.w]; {
			case len(b) > limit:
				return true, errAnswerHead
			case len(b) >= 5 && string(b[:5]) != "HTTP/" || torn(b, from-l.r):
				return true, fmt.Errorf("%w: head", errBadAnswer)
			}
			from = max(l.r, l.w-3)
			shift := l.r
			if err := l.fill(false); err != nil {
				return got || l.w > l.r, err
			}
			got = true
			from -= shift - l.r
		}
		if a.status >= 200 || a.status == 101 {
			return true, nil
		}
		if interim >= interimAnswers {
			return true, fmt.Errorf("%w: too many interim answers", errBadAnswer)
		}
	}
}

// headEnd returns the length of the head that ends with an empty line, looking past offset from;
// -1 if there is none.
func headEnd(b []byte, from int) int {
	for i := from; ; {
		j := indexByte(b[i:], '\n')
		if j < 0 {
			return -1
		}
		i += j + 1
		if i >= 4 && b[i-2] == '\r' && b[i-3] == '\n' {
			return i
		}
	}
}
