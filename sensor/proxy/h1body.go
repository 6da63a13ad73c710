package proxy

import "io"

// readBody reads the whole body: a signature covers all of it.
func (s *h1) readBody(lim *Limits) ([]byte, fault, error) {
	h := &s.c.h
	switch {
	case h.length > int64(lim.BodyBytes):
		return nil, faultBody, nil
	case h.length <= 0 && !h.chunked:
		return nil, faultNone, nil
	}
	if int64(s.w-s.r) >= h.length && !h.chunked {
		b := s.in[s.r : s.r+int(h.length)]
		s.r += int(h.length)
		return b, faultNone, nil
	}
	if !s.g.arm(s.p.sweep, lim.BodyTimeout) {
		return nil, faultNone, errExpired
	}
	if h.expect && s.r == s.w {
		if _, err := s.conn.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
			return nil, faultNone, err
		}
	}
	if h.chunked {
		return s.readChunks(lim)
	}
	if int(h.length) <= len(s.in)-s.r {
		for int64(s.w-s.r) < h.length {
			if err := s.fill(); err != nil {
				return nil, faultNone, err
			}
		}
		b := s.in[s.r : s.r+int(h.length)]
		s.r += int(h.length)
		return b, faultNone, nil
	}
	return s.readLong(h.length)
}

// readLong reads a body that does not fit into the connection's buffer. Its memory
// grows with what arrives.
func (s *h1) readLong(length int64) ([]byte, fault, error) {
	s.body = s.body[:0]
	for int64(len(s.body)) < length {
		want := int(min(length-int64(len(s.body)), smallBody))
		if !s.grow(want, length) {
			return nil, faultMemory, nil
		}
		dst := s.body[len(s.body):min(int64(cap(s.body)), length)]
		n := copy(dst, s.in[s.r:s.w])
		s.r += n
		if n == 0 {
			m, err := s.conn.Read(dst)
			s.p.n.bytesIn.Add(int64(m))
			if n = m; n == 0 {
				if err == nil {
					err = io.ErrNoProgress
				}
				return nil, faultNone, err
			}
		}
		s.body = s.body[:len(s.body)+n]
	}
	return s.body, faultNone, nil
}

// readChunks reads a chunked body.
func (s *h1) readChunks(lim *Limits) ([]byte, fault, error) {
	s.body = s.body[:0]
	// The head's strings alias the start of in: reading goes on behind them, in a buffer
	// of its own once there is no room left.
	kept := s.in
	var ch chunks
	for ch.state != chunkDone {
		used, data, ok := ch.next(s.in[s.r:s.w])
		if !ok {
			return nil, faultChunk, nil
		}
		s.r += used
		switch {
		case len(s.body)+len(data) > lim.BodyBytes || ch.left > int64(lim.BodyBytes-len(s.body)-len(data)):
			return nil, faultBody, nil
		case len(data) > 0:
			if !s.grow(len(data), 0) {
				return nil, faultMemory, nil
			}
			s.body = append(s.body, data...)
		case used == 0 && ch.state != chunkDone:
			if s.r == s.w && unshared(s.in, kept) {
				s.r, s.w = 0, 0
			}
			if err := s.fill(); err != nil {
				return nil, faultNone, err
			}
		}
	}
	return s.body, faultNone, nil
}

// unshared reports whether two buffers are different memory.
func unshared(a, b []byte) bool { return &a[0] != &b[0] }

// grow makes room for n more bytes of body, up to limit where that is known, within the
// memory all bodies share.
func (s *h1) grow(n int, limit int64) bool {
	need := len(s.body) + n
	if need <= cap(s.body) {
		return true
	}
	size := int64(max(2*cap(s.body), need, smallBody))
	if limit > 0 {
		size = min(size, max(limit, int64(need)))
	}
	if add := size - smallBody; add > 0 {
		if !s.reserve(add) {
			return false
		}
	}
	s.body = append(make([]byte, 0, size), s.body...)
	return true
}

// reserve raises what this connection holds of BodyMemory to held.
func (s *h1) reserve(held int64) bool {
	if s.p.n.bodyMemory.Add(held-s.held) > s.c.st.cfg.Limits.BodyMemory {
		s.p.n.bodyMemory.Add(s.held - held)
		return false
	}
	s.held = held
	return true
}

// dropBody gives memory of a large body back.
func (s *h1) dropBody() {
	s.body = s.body[:0]
	if cap(s.body) > smallBody {
		s.body = nil
		s.free()
	}
}
