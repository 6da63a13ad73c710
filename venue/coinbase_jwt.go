package venue

import (
	"encoding/base64"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

const (
	// coinbaseJWTLife is how long a JWT is good from its nbf on.
	coinbaseJWTLife = 120 * time.Second
	// coinbaseJWTLeeway is how far ahead nbf may be: the venue states none; clients
	// take it from clocks that are a little off (RFC 7519 section 4.1.5 allows it).
	coinbaseJWTLeeway = 5 * time.Second
)

// coinbaseJWT claims the JWT in c.Token, a JWS in compact form (RFC 7515). The
// header names the key and nothing that would let the token bring its own; the
// claims of a request name METHOD, host and path, those of a message none.
func coinbaseJWT(r *Request, c *Claim) {
	token := c.Token
	head, rest, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	fault := c.Fault
	c.Auth, c.Signature, c.Text, c.Token = AuthSignature, signature, token[:len(head)+1+len(payload)], ""

	header, err := r.heldJSON(base64.RawURLEncoding, head)
	if err != nil || header.Kind() != strictjson.Object {
		c.Fault = vedette.TokenInvalid
		return
	}
	if typ := header.Get("typ").Text(); fold(typ, "at+jwt") || fold(typ, "application/at+jwt") {
		c.Auth, c.Token, c.Signature, c.Text = AuthBearer, token, "", "" // an access token (RFC 9068), not the credential's own
		return
	}
	c.Fault = coinbaseJWTHeader(header, c)
	if fault != "" {
		c.Fault = fault
	}
	claims, err := r.heldJSON(base64.RawURLEncoding, payload)
	if err != nil || claims.Kind() != strictjson.Object {
		c.Fault = vedette.TokenInvalid
		return
	}
	coinbaseJWTTimes(claims, c)
	c.Mismatch = coinbaseJWTBinding(r, claims, c)
}

// coinbaseJWTHeader reads key, algorithm and nonce, and returns what is wrong.
func coinbaseJWTHeader(header strictjson.Value, c *Claim) (fault vedette.Reason) {
	for m := header.First(); m.Exists(); m = m.Next(header) {
		switch m.Name() {
		case "alg":
			switch alg := m.Text(); alg {
			case "ES256":
				c.Scheme = "es256"
			case "EdDSA":
				c.Scheme = "eddsa"
			default: // none, HS256 and the like: no scheme of any credential here
				c.Scheme = "unknown"
			}
		case "kid":
			c.Key = m.Text()
		case "nonce":
			if c.Nonce = m.Text(); c.Nonce != "" {
				c.NonceRule = NonceUnique
			}
		case "typ":
			if !fold(m.Text(), "JWT") {
				fault = vedette.TokenType
			}
		case "jku", "jwk", "x5u", "x5c":
			fault = vedette.TokenKey
		case "crit", "b64", "zip", "enc":
			fault = vedette.TokenInvalid
		}
	}
	if c.Key == "" || c.Scheme == "" {
		return vedette.TokenInvalid
	}
	return fault
}

// coinbaseJWTTimes reads nbf, or iat in its place, and exp.
func coinbaseJWTTimes(claims strictjson.Value, c *Claim) {
	exp, _, ok := parseUnix(claims.Get("exp").Text())
	if !ok {
		c.Fault = vedette.TokenInvalid
		return
	}
	c.Expires = exp
	start := claims.Get("nbf")
	if !start.Exists() {
		start = claims.Get("iat")
	}
	if start.Exists() {
		t, tick, ok := parseUnix(start.Text())
		c.within(t, tick, ok, coinbaseJWTLife, coinbaseJWTLeeway)
	}
}

// coinbaseJWTBinding holds the claims against the request.
func coinbaseJWTBinding(r *Request, claims strictjson.Value, c *Claim) vedette.Reason {
	if iss := claims.Get("iss").Text(); iss != "cdp" && iss != "coinbase-cloud" {
		return vedette.TokenIssuer
	}
	if claims.Get("sub").Text() != c.Key {
		return vedette.BoundElsewhere
	}
	uri, uris := claims.Get("uri"), claims.Get("uris")
	if r.Kind == Message {
		if uri.Exists() || uris.Exists() {
			return vedette.BoundElsewhere
		}
		return ""
	}
	if r.isURI(uri.Text(), coinbaseHosts) {
		return ""
	}
	for u := uris.First(); u.Exists(); u = u.Next(uris) {
		if r.isURI(u.Text(), coinbaseHosts) {
			return ""
		}
	}
	return vedette.BoundElsewhere
}

// isURI reports whether a claim "METHOD host/path" names the request. A client that
// reaches the venue through another address may name that, or one of the venue's
// own hosts.
func (r *Request) isURI(claim string, hosts []string) bool {
	method, target, _ := strings.Cut(claim, " ")
	slash := strings.IndexByte(target, '/')
	if method != r.Method || slash < 0 || target[slash:] != r.Path {
		return false
	}
	host := target[:slash]
	if strings.EqualFold(host, r.Host) {
		return true
	}
	name, _, _ := strings.Cut(r.Host, ":")
	named := false
	for _, h := range hosts {
		if strings.EqualFold(name, h) {
			return strings.EqualFold(host, name)
		}
		named = named || strings.EqualFold(host, h)
	}
	return named
}
