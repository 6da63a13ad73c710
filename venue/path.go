package venue

import (
	"strings"

	"vedette"
	"vedette/internal/strictjson"
)

// allPermissions are those of a credential that is held to none of them.
const allPermissions = vedette.PermRead | vedette.PermTrade | vedette.PermWithdraw | vedette.PermTransfer | vedette.PermAdmin

// AmbiguousPath reports whether servers read the path differently: a doubled slash,
// a parameter after a semicolon, an escape of what needs none or of what divides a
// path, a control character. A monitor that took "/withdraw%2fapply" for an unknown
// endpoint would let pass what the venue then carries out.
func AmbiguousPath(path string) bool {
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '/' && i+1 < len(path) && path[i+1] == '/', c == ';', c == '\\', c <= ' ', c >= 0x7f:
			return true
		case c == '%':
			if i+2 >= len(path) || unhex(path[i+1]) > 15 || unhex(path[i+2]) > 15 {
				return true
			}
			if b := unhex(path[i+1])<<4 | unhex(path[i+2]); b < ' ' || b == 0x7f || strings.IndexByte(`/\;?#%`, b) >= 0 || unreserved(b) {
				return true
			}
			i += 2
		}
	}
	return false
}

// unreserved are the characters that RFC 3986 section 2.3 says to leave as they are.
func unreserved(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte("-._~", c) >= 0
}

// nearlyKnown reports whether the path is no endpoint, but would be one in lower
// case, without a slash at its end, or with another method: some servers do not mind.
func (t *Routes) nearlyKnown(path string) bool {
	return t != nil && t.folded != nil && t.folded.any(strings.ToLower(strings.TrimRight(path, "/")))
}

// any reports whether the path has a route, whatever the method; a wildcard is none.
func (t *Routes) any(path string) bool {
	return len(t.exact[path]) > 0 || t.tree.leads(path)
}

func (s *segment) leads(path string) bool {
	if path == "" {
		return len(s.routes) > 0
	}
	one, rest, _ := strings.Cut(path, "/")
	if n := s.next[one]; n != nil && n.leads(rest) {
		return true
	}
	return s.any != nil && one != "" && s.any.leads(rest)
}

// Disguised reports whether an unknown endpoint is a known one written otherwise.
// A known path with a method that it does not have is not: nobody reads that as the
// other.
func (d *Dialect) Disguised(r *Request) bool {
	return r.Kind != Message && d.Routes.nearlyKnown(r.Path) && !d.Routes.any(r.Path)
}

// Unread reports whether the request is a WebSocket message that only the venue may
// know how to read: neither a JSON object, nor an array as the dialect has them, nor a
// plain word, nor what the dialect claimed as a signature. A byte order mark, a comment or
// a form feed before an order, several orders in an array, UTF-16 and gzip are such.
func (d *Dialect) Unread(r *Request, c *Claim) bool {
	if r.Kind != Message || c.Auth != AuthNone && c.Auth != AuthSession {
		return false
	}
	switch m := r.JSON(); m.Kind() {
	case strictjson.Object:
		return false
	case strictjson.Array:
		first := m.First().Kind()
		return !d.Lists || first == strictjson.Missing || first == strictjson.Object || first == strictjson.Array
	}
	return !d.plain(r.Body)
}

// plain reports whether the message is empty or a bare word that changes nothing.
func (d *Dialect) plain(message []byte) bool {
	switch s := strings.Trim(text(message), " \t\r\n"); s {
	case "", "ping", "pong":
		return true
	default:
		return contains(d.Plain, s)
	}
}

// MayChange reports whether an unknown call could change something: it is no plain
// read over HTTP, and no plain word of a WebSocket session.
func (d *Dialect) MayChange(r *Request) bool {
	if r.Kind == Message {
		return !d.plain(r.Body)
	}
	return d.GetChanges || r.Method != "GET" && r.Method != "HEAD"
}

// Restricts reports whether a credential is held to less than everything, so that
// what the dialect does not know must not pass under it.
func Restricts(c *vedette.Credential) bool {
	return c.Permissions != 0 && c.Permissions != allPermissions || len(c.Instruments) > 0 || len(c.WithdrawAllow) > 0
}
