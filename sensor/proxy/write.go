package proxy

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// appendRequest appends the request's head as it goes to the upstream.
func (c *call) appendRequest(dst []byte) []byte {
	h := &c.h
	dst = append(dst, h.method...)
	dst = append(dst, ' ')
	dst = append(dst, c.target...)
	dst = append(dst, " HTTP/1.1\r\n"...)
	hasLength := false
	for i, k := range h.kinds {
		f := &h.fields[i]
		value := f.Value
		switch k {
		case kindHost:
			if c.v.SendHost == UpstreamHost {
				value = c.v.up.host
			}
		case kindLength:
			hasLength = true
		case kindForwarded, kindForwardedFor, kindForwardedProto:
			if !c.hop || c.v.HideClient || k == kindForwardedFor {
				continue
			}
		case kindAcceptCoding:
			value = offer(value)
		}
		dst = append(dst, f.Name...)
		dst = append(dst, ": "...)
		dst = append(dst, value...)
		dst = append(dst, '\r', '\n')
	}
	if h.socket {
		dst = append(dst, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	}
	if !hasLength && (len(c.x.Request.Body) > 0 || h.chunked) {
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(c.x.Request.Body)), 10)
		dst = append(dst, '\r', '\n')
	}
	if !c.v.HideClient {
		dst = c.appendForwarded(dst)
	}
	return append(dst, '\r', '\n')
}

// appendForwarded appends who asked: the chain as a trusted hop told it with that hop
// added, or what we know ourselves.
func (c *call) appendForwarded(dst []byte) []byte {
	dst = append(dst, "X-Forwarded-For: "...)
	proto := false
	if c.hop {
		for i, k := range c.h.kinds {
			switch k {
			case kindForwardedFor:
				dst = append(append(dst, c.h.fields[i].Value...), ", "...)
			case kindForwardedProto:
				proto = true
			}
		}
	}
	dst = appendAddr(dst, c.from)
	if !proto {
		dst = append(dst, "\r\nX-Forwarded-Proto: "...)
		scheme := c.x.Request.Scheme
		if c.h.socket {
			scheme = "http" + strings.TrimPrefix(scheme, "ws")
		}
		dst = append(dst, scheme...)
	}
	return append(dst, '\r', '\n')
}

func appendAddr(dst []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return append(dst, "unknown"...)
	}
	return a.AppendTo(dst)
}

// offer narrows an Accept-Encoding to what the proxy can decode too.
func offer(value string) string {
	other, gzip, deflate := false, false, false
	for rest := value; rest != ""; {
		var item string
		item, rest, _ = strings.Cut(rest, ",")
		token, weight, weighted := strings.Cut(strings.Trim(item, " \t"), ";")
		refused := weighted && zeroWeight(weight)
		switch token = strings.TrimRight(token, " \t"); {
		case strings.EqualFold(token, "gzip"):
			gzip = !refused
		case strings.EqualFold(token, "deflate"):
			deflate = !refused
		case token == "", strings.EqualFold(token, "identity") && !refused:
		default:
			other = true
		}
	}
	switch {
	case !other:
		return value
	case gzip && deflate:
		return "gzip, deflate"
	case gzip:
		return "gzip"
	case deflate:
		return "deflate"
	}
	return "identity"
}

// zeroWeight reports whether a weight parameter says q=0.
func zeroWeight(s string) bool {
	s = strings.Trim(s, " \t")
	if len(s) < 3 || s[0]|0x20 != 'q' || s[1] != '=' {
		return false
	}
	return strings.Trim(s[2:], "0.") == ""
}

// appendReply appends an answer's head for HTTP/1.1.
func appendReply(dst []byte, r *reply, chunked, closing bool) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(r.status), 10)
	dst = append(dst, ' ')
	if r.reason == "" && r.fields == nil {
		dst = append(dst, http.StatusText(r.status)...)
	}
	dst = append(dst, r.reason...)
	dst = append(dst, '\r', '\n')
	for i, k := range r.kinds {
		switch k {
		case kindHop, kindConnection, kindLength, kindCoding, kindUpgrade:
			continue
		}
		dst = append(dst, r.fields[i].Name...)
		dst = append(dst, ": "...)
		dst = append(dst, r.fields[i].Value...)
		dst = append(dst, '\r', '\n')
	}
	if r.contentType != "" {
		dst = append(append(append(dst, "Content-Type: "...), r.contentType...), '\r', '\n')
	}
	if r.challenge != "" {
		dst = append(append(append(dst, "WWW-Authenticate: "...), r.challenge...), '\r', '\n')
	}
	if r.nonce != "" {
		dst = append(append(append(dst, "DPoP-Nonce: "...), r.nonce...), '\r', '\n')
	}
	if r.retryAfter > 0 {
		dst = append(strconv.AppendInt(append(dst, "Retry-After: "...), r.retryAfter, 10), '\r', '\n')
	}
	switch {
	case chunked:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	case r.length >= 0 && r.status >= 200 && r.status != 204:
		dst = append(strconv.AppendInt(append(dst, "Content-Length: "...), r.length, 10), '\r', '\n')
	}
	if closing {
		dst = append(dst, "Connection: close\r\n"...)
	}
	return append(dst, '\r', '\n')
}
