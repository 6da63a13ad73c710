package ledger

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// A frame is what segments consist of after their magic:
//
//	kind(1) length(2, big-endian) crc32c(4, big-endian, of kind, length and payload) 0x00 payload
//
// The zero byte before the payload is the prefix with which RFC 6962 section 2.1 hashes
// a leaf, so that a record is hashed where it lies.
const (
	frameHeader = 8

	kindRecord = 'R' // payload: the record
	kindCommit = 'C' // payload: size before the batch (8, big-endian), checkpoint
	kindOpen   = 'O' // payload: checkpoint at the segment's first position
)

var (
	crcTable = crc32.MakeTable(crc32.Castagnoli)

	errShort = errors.New("the frame is cut short")
	errKind  = errors.New("the frame has no known kind")
	errZero  = errors.New("the frame's separator is not zero")
	errCRC   = errors.New("the frame's checksum does not match")
)

// frameHead returns the header of a frame.
func frameHead(kind byte, payload []byte) (h [frameHeader]byte) {
	h[0] = kind
	binary.BigEndian.PutUint16(h[1:], uint16(len(payload)))
	binary.BigEndian.PutUint32(h[3:], crc32.Update(crcStart(h[0], h[1], h[2]), crcTable, payload))
	return h
}

// crcStart returns the checksum of the header bytes that it covers. It is done by hand
// because crc32.Update would move the header to the heap.
func crcStart(header ...byte) uint32 {
	crc := ^uint32(0)
	for _, b := range header {
		crc = crcTable[byte(crc)^b] ^ crc>>8
	}
	return ^crc
}

func appendFrame(b []byte, kind byte, payload []byte) []byte {
	h := frameHead(kind, payload)
	b = append(b, h[:]...)
	return append(b, payload...)
}

// parseFrame reads the frame at the start of b. The payload aliases b.
func parseFrame(b []byte) (kind byte, payload []byte, err error) {
	if len(b) < frameHeader {
		return 0, nil, errShort
	}
	kind = b[0]
	if kind != kindRecord && kind != kindCommit && kind != kindOpen {
		return 0, nil, errKind
	}
	if b[7] != 0 {
		return 0, nil, errZero
	}
	end := frameHeader + int(binary.BigEndian.Uint16(b[1:]))
	if len(b) < end {
		return 0, nil, errShort
	}
	if crc32.Update(crcStart(b[:3]...), crcTable, b[frameHeader:end]) != binary.BigEndian.Uint32(b[3:]) {
		return 0, nil, errCRC
	}
	return kind, b[frameHeader:end:end], nil
}

// commit is the payload of a commit frame.
type commit struct {
	prev uint64 // tree size before the batch
	note []byte // signed checkpoint after it
}

func (c commit) payload() []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(c.note)), c.prev), c.note...)
}

func parseCommit(payload []byte) (commit, error) {
	if len(payload) < 8 || len(payload) > 8+maxNote {
		return commit{}, errors.New("the commit has no checkpoint")
	}
	return commit{prev: binary.BigEndian.Uint64(payload), note: payload[8:]}, nil
}
