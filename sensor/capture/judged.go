package capture

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"vedette"
)

// Judged is a call that was judged before it was recorded, or what happened to an account.
type Judged struct {
	Line int // from 1
	Call vedette.Call
}

// ReadJudged reads JSONL events and gives f the calls and the changes of accounts, in the order of the
// file. Events of other kinds, which are about markets, are skipped. lenient allows members that it
// does not know. What f is given is valid until it returns. Reading goes ahead of f, on a goroutine of its own,
// by a few hundred lines; it has ended when ReadJudged returns.
func ReadJudged(r io.Reader, lenient bool, f func(*Judged) error) error {
	x := blockReader{r: r, parser: EventParser{Lenient: lenient}}
	free, full := make(chan *block, blockCount), make(chan *block, blockCount)
	for range blockCount {
		free <- &block{}
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(full)
		for b := range free {
			x.fill(b)
			full <- b
			if b.err != nil {
				return
			}
		}
	})
	defer reading.Wait()
	defer close(free)
	for b := range full {
		for i := range b.calls {
			if err := f(&b.calls[i]); err != nil {
				return err
			}
		}
		if b.err == io.EOF {
			return nil
		}
		if b.err != nil {
			return b.err
		}
		free <- b
	}
	return nil
}

// block is a stretch of the input: whole lines, and what was read of them.
type block struct {
	text  []byte
	calls []Judged // they alias text
	err   error    // why no more lines follow
}

const (
	blockBytes = 64 << 10 // of text, some 100 calls: with what is read of them it fits into a processor's own cache
	blockCount = 3        // one that is read, one whose calls are taken, and one between
)

// blockReader reads blocks, one after another.
type blockReader struct {
	r      io.Reader
	parser EventParser
	line   int    // number of the last line
	rest   []byte // the beginning of a line whose end has not been read
}

// fill reads lines into the block, at least one and no more than are there, so that what follows a file that is being
// written does not wait.
func (x *blockReader) fill(b *block) {
	if cap(b.text) < blockBytes || cap(b.text) > 16*blockBytes && len(x.rest) < blockBytes {
		b.text = make([]byte, 0, blockBytes)
	}
	b.text, b.calls, b.err = append(b.text[:0], x.rest...), b.calls[:0], nil
	whole := 0 // bytes of whole lines
	for whole == 0 && b.err == nil {
		if len(b.text) == cap(b.text) {
			b.text = append(b.text, 0)[:len(b.text)]
		}
		from := len(b.text)
		n, err := x.r.Read(b.text[from:cap(b.text)])
		b.text = b.text[:from+n]
		if i := bytes.LastIndexByte(b.text[from:], '\n'); i >= 0 {
			whole = from + i + 1
		}
		switch {
		case err == io.EOF:
			b.err, whole = io.EOF, len(b.text)
		case err != nil:
			b.err = fmt.Errorf("line %d: %w", x.line+1+bytes.Count(b.text, newline), err)
		case whole == 0 && len(b.text) > maxUnit:
			whole = len(b.text) // enough to say that it is too long
		}
	}
	x.rest = append(x.rest[:0], b.text[whole:]...)
	if err := x.read(b, b.text[:whole]); err != nil {
		b.err = err
	}
}

var newline = []byte("\n")

// read reads the lines into calls of the block.
func (x *blockReader) read(b *block, text []byte) error {
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, newline)
		x.line++
		if len(line) > maxUnit {
			return fmt.Errorf("line %d: over %d bytes", x.line, maxUnit)
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		n := len(b.calls)
		if n == cap(b.calls) {
			b.calls = append(b.calls, Judged{})[:n]
		}
		j := &b.calls[:n+1][n] // with the memory of a former call
		ok, err := x.parser.Parse(line, &j.Call)
		if err != nil {
			return fmt.Errorf("line %d: %w", x.line, err)
		}
		if ok {
			j.Line = x.line
			b.calls = b.calls[:n+1]
		}
	}
	return nil
}

// IsJudged reports whether the input begins with an event that ReadJudged reads. It takes nothing from br.
func IsJudged(br *bufio.Reader) bool {
	for n := 256; ; n *= 2 {
		b, err := br.Peek(min(n, br.Size()))
		b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n")
		var kind struct {
			Event string `json:"event"`
		}
		line, _, whole := bytes.Cut(b, []byte("\n"))
		if bytes.HasPrefix(line, []byte(`{"event":"request"`)) || bytes.HasPrefix(line, []byte(`{"log"`)) {
			return false
		}
		if json.Unmarshal(line, &kind) == nil {
			return kind.Event != "" && kind.Event != "request"
		}
		if whole || err != nil || n >= br.Size() {
			return bytes.HasPrefix(line, []byte(`{"event":"`))
		}
	}
}
