package proxy

import "strings"

// kind is what the proxy must know of a header field.
type kind uint8

const (
	kindPlain           kind = iota
	kindHop                  // of this connection only (RFC 9110 section 7.6.1), or named in Connection
	kindHost                 // Host
	kindLength               // Content-Length
	kindCoding               // Transfer-Encoding
	kindConnection           // Connection
	kindUpgrade              // Upgrade
	kindExpect               // Expect
	kindForwarded            // Forwarded and X-Forwarded-*
	kindForwardedFor         // X-Forwarded-For
	kindForwardedProto       // X-Forwarded-Proto
	kindAcceptCoding         // Accept-Encoding
	kindContentCoding        // Content-Encoding
	kindSocketKey            // Sec-WebSocket-Key
	kindSocketVersion        // Sec-WebSocket-Version
	kindSocketExtension      // Sec-WebSocket-Extensions
	kindSocketProtocol       // Sec-WebSocket-Protocol
)

// kindOf returns the kind of the field with that name.
func kindOf(name string) kind {
	is := func(s string) bool { return strings.EqualFold(name, s) }
	switch len(name) {
	case 2:
		if is("te") {
			return kindHop
		}
	case 4:
		if is("host") {
			return kindHost
		}
	case 6:
		if is("expect") {
			return kindExpect
		}
	case 7:
		switch {
		case is("upgrade"):
			return kindUpgrade
		case is("trailer"):
			return kindHop
		}
	case 9:
		if is("forwarded") {
			return kindForwarded
		}
	case 10:
		switch {
		case is("connection"):
			return kindConnection
		case is("keep-alive"):
			return kindHop
		}
	case 14, 15, 16, 17, 18, 19, 20, 21, 22, 24:
		return longKind(name)
	}
	if len(name) > 12 && name[9] == '-' && strings.EqualFold(name[:12], "x-forwarded-") {
		return kindForwarded
	}
	return kindPlain
}

func longKind(name string) kind {
	is := func(s string) bool { return len(name) == len(s) && strings.EqualFold(name, s) }
	switch name[0] | 0x20 {
	case 'c':
		switch {
		case is("content-length"):
			return kindLength
		case is("content-encoding"):
			return kindContentCoding
		}
	case 't':
		if is("transfer-encoding") {
			return kindCoding
		}
	case 'a':
		if is("accept-encoding") {
			return kindAcceptCoding
		}
	case 'h':
		if is("http2-settings") {
			return kindHop
		}
	case 'p':
		if is("proxy-connection") || is("proxy-authorization") || is("proxy-authenticate") {
			return kindHop
		}
	case 'x':
		switch {
		case is("x-forwarded-for"):
			return kindForwardedFor
		case is("x-forwarded-proto"):
			return kindForwardedProto
		case len(name) > 12 && strings.EqualFold(name[:12], "x-forwarded-"):
			return kindForwarded
		}
	case 's':
		switch {
		case is("sec-websocket-key"):
			return kindSocketKey
		case is("sec-websocket-version"):
			return kindSocketVersion
		case is("sec-websocket-extensions"):
			return kindSocketExtension
		case is("sec-websocket-protocol"):
			return kindSocketProtocol
		}
	}
	return kindPlain
}
