package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Opcodes of RFC 6455 section 5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa
)

// Close codes of RFC 6455 section 7.4.1.
const (
	closeGoingAway  = 1001
	closeProtocol   = 1002
	closeInvalid    = 1007
	closePolicy     = 1008
	closeTooBig     = 1009
	closeUnexpected = 1011
	closeTryLater   = 1013
)

// closeError ends a session with a code.
type closeError struct {
	code int
	why  string
}

func (e *closeError) Error() string { return fmt.Sprintf("websocket: %s (%d)", e.why, e.code) }

func broken(why string) error { return &closeError{closeProtocol, why} }

// frameHead is a frame's head.
type frameHead struct {
	fin    bool
	op     byte
	key    [4]byte
	length int64
}

// parseFrameHead reads a frame's head; n is 0 while it is incomplete. masked says what the
// sender must do: clients mask, servers do not.
func parseFrameHead(b []byte, masked bool) (h frameHead, n int, err error) {
	if len(b) < 2 {
		return h, 0, nil
	}
	h.fin, h.op = b[0]&0x80 != 0, b[0]&0x0f
	switch {
	case b[0]&0x70 != 0:
		return h, 0, broken("reserved bits set, and no extension was agreed on")
	case h.op > opBinary && h.op < opClose || h.op > opPong:
		return h, 0, broken("reserved opcode")
	case b[1]&0x80 != 0 != masked:
		return h, 0, broken("masked by the wrong side")
	}
	n = 2
	switch short := int64(b[1] & 0x7f); short {
	case 126:
		if n += 2; len(b) < n {
			return h, 0, nil
		}
		h.length = int64(binary.BigEndian.Uint16(b[2:]))
		if h.length < 126 {
			return h, 0, broken("length not in its shortest form")
		}
	case 127:
		if n += 8; len(b) < n {
			return h, 0, nil
		}
		h.length = int64(binary.BigEndian.Uint64(b[2:]))
		if h.length < 1<<16 {
			return h, 0, broken("length not in its shortest form, or negative")
		}
	default:
		h.length = short
	}
	if h.op >= opClose && (h.length > 125 || !h.fin) {
		return h, 0, broken("control frame fragmented or over 125 bytes")
	}
	if masked {
		if n += 4; len(b) < n {
			return h, 0, nil
		}
		copy(h.key[:], b[n-4:])
	}
	return h, n, nil
}

// mask applies a masking key in place.
func mask(b []byte, key [4]byte) {
	k32 := binary.LittleEndian.Uint32(key[:])
	k64 := uint64(k32) | uint64(k32)<<32
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^k64)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= key[i&3]
	}
}

// appendFrame appends a whole frame, masked if there is a key.
func appendFrame(dst []byte, op byte, key *[4]byte, payload []byte) []byte {
	var maskBit byte
	if key != nil {
		maskBit = 0x80
	}
	dst = append(dst, 0x80|op)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, maskBit|byte(n))
	case n < 1<<16:
		dst = append(dst, maskBit|126, byte(n>>8), byte(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, maskBit|127), uint64(n))
	}
	if key == nil {
		return append(dst, payload...)
	}
	dst = append(dst, key[:]...)
	start := len(dst)
	dst = append(dst, payload...)
	mask(dst[start:], *key)
	return dst
}

// frames reads messages from one side of a session.
type frames struct {
	read   func([]byte) (int, error)
	room   func(grow int) bool // claims memory that is shared; may be nil
	masked bool
	limit  int // of a message, bytes
	buf    []byte
	r, w   int
	parts  []byte // of a fragmented message
	op     byte   // of the message in parts, 0 if none is under way
	held   int
}

// next returns the next message (opText, opBinary) or control frame. The payload is valid
// until the next call.
func (f *frames) next() (op byte, payload []byte, err error) {
	for {
		h, n, err := parseFrameHead(f.buf[f.r:f.w], f.masked)
		if err != nil {
			return 0, nil, err
		}
		if n == 0 {
			if err := f.fill(14); err != nil {
				return 0, nil, err
			}
			continue
		}
		if err := f.sequence(h); err != nil {
			return 0, nil, err
		}
		for f.w-f.r < n+int(h.length) {
			if err := f.fill(n + int(h.length)); err != nil {
				return 0, nil, err
			}
		}
		payload = f.buf[f.r+n : f.r+n+int(h.length)]
		f.r += n + int(h.length)
		if f.masked {
			mask(payload, h.key)
		}
		op, payload, err := f.take(h, payload)
		if op != opContinuation || err != nil {
			return op, payload, err
		}
	}
}

// sequence checks that the frame may come now, and how large the message gets.
func (f *frames) sequence(h frameHead) error {
	switch {
	case h.op >= opClose:
		return nil
	case h.op == opContinuation && f.op == 0:
		return broken("continuation of nothing")
	case h.op != opContinuation && f.op != 0:
		return broken("new message inside a fragmented one")
	case h.length > int64(f.limit-len(f.parts)):
		return &closeError{closeTooBig, "message over the limit"}
	}
	return nil
}

// take adds a frame to its message. It returns opContinuation while that is incomplete.
func (f *frames) take(h frameHead, payload []byte) (byte, []byte, error) {
	op := h.op
	switch {
	case op == opClose:
		return op, payload, checkClose(payload)
	case op > opClose:
		return op, payload, nil
	case op != opContinuation && h.fin:
	case !h.fin:
		if op != opContinuation {
			f.op = op
		}
		if !f.claim(len(f.parts) + len(payload) + len(f.buf)) {
			return 0, nil, errNoMemory
		}
		f.parts = append(f.parts, payload...)
		return opContinuation, nil, nil
	default:
		if !f.claim(len(f.parts) + len(payload) + len(f.buf)) {
			return 0, nil, errNoMemory
		}
		payload = append(f.parts, payload...)
		f.parts = payload[:0]
		if cap(payload) > keepBuffer {
			f.parts = nil
		}
		op, f.op = f.op, 0
	}
	if op == opText && !utf8.Valid(payload) {
		return 0, nil, &closeError{closeInvalid, "text is not UTF-8"}
	}
	return op, payload, nil
}

// checkClose checks a Close frame's body (RFC 6455 sections 5.5.1 and 7.4).
func checkClose(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if len(b) == 1 {
		return broken("close frame of one byte")
	}
	switch code := int(b[0])<<8 | int(b[1]); {
	case code < 1000 || code > 4999 || code >= 1004 && code <= 1006 || code > 1014 && code < 3000:
		return broken("close code that must not be sent")
	case !utf8.Valid(b[2:]):
		return &closeError{closeInvalid, "close reason is not UTF-8"}
	}
	return nil
}

// fill reads more. The buffer grows with what arrives, not with what is announced.
func (f *frames) fill(need int) error {
	if f.r == f.w {
		f.r, f.w = 0, 0
		if len(f.buf) > keepBuffer && need <= firstBuffer {
			f.buf = nil
			f.claim(0)
		}
	}
	if f.w == len(f.buf) {
		if err := f.makeRoom(need); err != nil {
			return err
		}
	}
	n, err := f.read(f.buf[f.w:])
	f.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = errors.New("websocket: no progress")
	}
	return err
}

// makeRoom moves what is unread to the front, of a larger buffer if it is there already.
func (f *frames) makeRoom(need int) error {
	buf := f.buf
	if f.r == 0 {
		size := max(firstBuffer, min(need, 2*len(f.buf)))
		if !f.claim(size + len(f.parts)) {
			return errNoMemory
		}
		buf = make([]byte, size)
	}
	f.w = copy(buf, f.buf[f.r:f.w])
	f.buf, f.r = buf, 0
	return nil
}

var errNoMemory = &closeError{closeTryLater, "no memory for the message"}

// claim changes what is held of the memory that all sessions and bodies share; a
// session's first keepBuffer is its own.
func (f *frames) claim(size int) bool {
	size = max(0, size-keepBuffer)
	if f.room == nil || size == f.held {
		return true
	}
	if !f.room(size - f.held) {
		return false
	}
	f.held = size
	return true
}
