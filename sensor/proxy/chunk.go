package proxy

import "bytes"

func indexByte(b []byte, c byte) int { return bytes.IndexByte(b, c) }

// chunks reads a chunked body (RFC 9112 section 7.1) piece by piece.
type chunks struct {
	left    int64 // of the chunk under way
	state   chunkState
	count   int
	trail   int  // bytes of trailers seen
	lenient bool // of an answer: as many chunks as it likes, since it is not kept
}

type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkData
	chunkEnd // the CRLF after the data
	chunkTrailer
	chunkDone
)

// next reads as much of b as it can: it returns how many bytes it used, and which of
// these are data. It wants more input when it uses nothing and is not done; more than
// chunkLineBytes of a line that does not end is malformed.
func (c *chunks) next(b []byte) (used int, data []byte, ok bool) {
	switch c.state {
	case chunkSize:
		line, n, ok := chunkLine(b)
		if !ok || n == 0 {
			return 0, nil, ok
		}
		size, ok := parseChunkSize(line)
		if c.count++; !ok || c.count > chunkCount && !c.lenient {
			return 0, nil, false
		}
		c.left, c.state = size, chunkData
		if size == 0 {
			c.state = chunkTrailer
		}
		return n, nil, true
	case chunkData:
		n := int(min(int64(len(b)), c.left))
		if c.left -= int64(n); c.left == 0 {
			c.state = chunkEnd
		}
		return n, b[:n], true
	case chunkEnd:
		if len(b) < 2 {
			return 0, nil, len(b) == 0 || b[0] == '\r'
		}
		c.state = chunkSize
		return 2, nil, b[0] == '\r' && b[1] == '\n'
	case chunkTrailer:
		line, n, ok := trailerLine(b)
		if !ok || n == 0 {
			return 0, nil, ok
		}
		if len(line) == 0 {
			c.state = chunkDone
			return n, nil, true
		}
		if c.trail += n; c.trail > trailerBytes {
			return 0, nil, false
		}
		colon := indexByte(line, ':')
		return n, nil, colon > 0 && all(line[:colon], charToken) && all(line[colon+1:], charValue)
	}
	return 0, nil, true
}

// chunkLine finds a line that ends with CRLF. n is 0 while it is incomplete.
func chunkLine(b []byte) (line []byte, n int, ok bool) {
	return boundedLine(b, chunkLineBytes)
}

func trailerLine(b []byte) (line []byte, n int, ok bool) {
	return boundedLine(b, trailerBytes)
}

func boundedLine(b []byte, limit int) (line []byte, n int, ok bool) {
	i := indexByte(b[:min(len(b), limit)], '\n')
	if i < 0 {
		return nil, 0, len(b) < limit
	}
	if i == 0 || b[i-1] != '\r' {
		return nil, 0, false
	}
	return b[:i-1], i + 1, true
}

// parseChunkSize reads the size and checks that what follows is an extension. Extensions
// mean nothing to us and are dropped (RFC 9112 section 7.1.1).
func parseChunkSize(line []byte) (int64, bool) {
	var size int64
	i := 0
	for ; i < len(line); i++ {
		c := line[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			if i == 0 || c != ';' || !all(line[i:], charValue) {
				return 0, false
			}
			return size, true
		}
		if i >= 12 {
			return 0, false
		}
		size = size<<4 | int64(c)
	}
	return size, i > 0
}
