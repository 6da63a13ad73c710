package venue_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	secp "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"golang.org/x/crypto/sha3"

	"vedette"
	"vedette/venue"
)

// capture is one recorded request or WebSocket session of a real client.
type capture struct {
	Exchange, Scheme, Call, Client, ClientVersion string
	TLS                                           bool
	Method, URL, Body                             string
	Headers                                       [][2]string
	UpgradeHeaders                                map[string]string
	Messages                                      []string
	Replies                                       []string // venue messages that came before the last message
	ReceivedAtMs, CapturedAtMs                    int64
	APIKey, Secret, Passphrase                    string
	PublicKeyPem, WalletAddress                   string
	file                                          string
}

func captures(t testing.TB, pattern string) []capture {
	t.Helper()
	files, err := filepath.Glob("testdata/clients/" + pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures match %q: %v", pattern, err)
	}
	var all []capture
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var list []capture
		if err := json.Unmarshal(b, &list); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for i := range list {
			list[i].file = filepath.Base(f)
		}
		all = append(all, list...)
	}
	return all
}

func (c *capture) name() string { return c.file + "/" + c.Exchange + "/" + c.Scheme + "/" + c.Call }

func (c *capture) at() time.Time { return time.UnixMilli(max(c.ReceivedAtMs, c.CapturedAtMs)) }

func (c *capture) dialect(t *testing.T) *venue.Dialect {
	t.Helper()
	for _, d := range venue.All {
		if d.Name == c.Exchange {
			return d
		}
	}
	t.Skipf("no dialect %q yet", c.Exchange)
	return nil
}

// request builds the request, or for WebSocket captures the upgrade.
func (c *capture) request() *venue.Request {
	r := &venue.Request{Method: c.Method, Scheme: "http", Body: []byte(c.Body)}
	if c.TLS {
		r.Scheme = "https"
	}
	r.Path, r.Query, _ = strings.Cut(c.URL, "?")
	for _, h := range c.Headers {
		r.Header = append(r.Header, venue.Field{Name: h[0], Value: h[1]})
	}
	if c.Messages != nil || c.UpgradeHeaders != nil {
		r.Kind, r.Method = venue.Upgrade, "GET"
		for k, v := range c.UpgradeHeaders {
			r.Header = append(r.Header, venue.Field{Name: k, Value: v})
		}
		r.Session = &venue.Session{ID: 1, Upgrade: r}
	}
	r.Host = r.Header.Get("Host")
	return r
}

// message builds the i-th message of a session.
func (c *capture) message(up *venue.Request, i int) *venue.Request {
	return &venue.Request{Kind: venue.Message, Scheme: "ws", Host: up.Host, Path: up.Path, Query: up.Query, Header: up.Header,
		Session: up.Session, Body: []byte(c.Messages[i])}
}

func (c *capture) schemeName() string {
	return strings.TrimPrefix(strings.TrimPrefix(c.Scheme, "jwt-"), "legacy-")
}

// verifies is an independent, slow reading of Claim and Message with the standard
// library: it holds the dialect, not package verify, to the captures.
func (c *capture) verifies(d *venue.Dialect, r *venue.Request) (claim venue.Claim, ok bool) {
	d.Claim(r, &claim)
	if claim.Auth != venue.AuthSignature && claim.Auth != venue.AuthRecover || claim.Fault != "" || claim.Mismatch != "" {
		return claim, false
	}
	name := c.schemeName()
	if claim.Scheme != "" && claim.Scheme != name {
		return claim, false
	}
	s, found := d.Scheme(name)
	if !found {
		return claim, false
	}
	sig := append([]byte(nil), claim.SigBytes...)
	if len(sig) == 0 {
		var err error
		if sig, err = decode(s.Signature, claim.Signature); err != nil {
			return claim, false
		}
	}
	secret, err := decode(s.Secret, c.Secret)
	if err != nil {
		return claim, false
	}
	if claim.HasPassphrase && !c.passphraseOK(&claim, secret) {
		return claim, false
	}
	for form := 0; ; form++ {
		msg, more := d.Message(r, &claim, form, nil)
		if !more {
			return claim, false
		}
		if c.check(s, secret, msg, sig) {
			return claim, true
		}
	}
}

func (c *capture) passphraseOK(claim *venue.Claim, secret []byte) bool {
	if !claim.PassphraseMAC {
		return claim.Passphrase == c.Passphrase
	}
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(c.Passphrase))
	return claim.Passphrase == base64.StdEncoding.EncodeToString(m.Sum(nil))
}

func (c *capture) check(s *venue.Scheme, secret, msg, sig []byte) bool {
	if s.Algorithm.Symmetric() {
		m := hmac.New(s.Algorithm.Hash().New, secret)
		m.Write(msg)
		return hmac.Equal(m.Sum(nil), sig)
	}
	if s.Algorithm == venue.EIP712Recover {
		return strings.EqualFold(recoverAddress(msg, sig), c.WalletAddress)
	}
	block, _ := pem.Decode([]byte(c.PublicKeyPem))
	if block == nil {
		return false
	}
	pub, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return false
	}
	switch k := pub.(type) {
	case ed25519.PublicKey:
		return s.Algorithm == venue.Ed25519 && ed25519.Verify(k, msg, sig)
	case *rsa.PublicKey:
		sum := sha256.Sum256(msg)
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, sum[:], sig) == nil
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(msg)
		return len(sig) == 64 && ecdsa.Verify(k, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
	}
	return false
}

func recoverAddress(digest, sig []byte) string {
	if len(sig) != 65 || len(digest) != 32 {
		return ""
	}
	v := sig[64]
	if v < 27 {
		v += 27
	}
	pub, _, err := secp.RecoverCompact(append([]byte{v}, sig[:64]...), digest)
	if err != nil {
		return ""
	}
	h := sha3.NewLegacyKeccak256()
	h.Write(pub.SerializeUncompressed()[1:])
	return "0x" + hex.EncodeToString(h.Sum(nil)[12:])
}

func decode(e venue.Encoding, s string) ([]byte, error) {
	switch e {
	case venue.Hex:
		return hex.DecodeString(s)
	case venue.Base64:
		return base64.StdEncoding.DecodeString(s)
	case venue.Base64URL:
		return base64.RawURLEncoding.DecodeString(s)
	}
	return []byte(s), nil
}

// unsigned are the captures that carry no signature by the venue's design, or a
// token that the venue issued.
func unsigned(c *capture) bool {
	return strings.Contains(c.Call, "no signature") || strings.Contains(c.Call, "unsigned") || c.Scheme == "token" || c.Scheme == "none"
}

func TestClientsREST(t *testing.T) {
	for _, c := range captures(t, "*-rest.json") {
		t.Run(c.name(), func(t *testing.T) {
			d := c.dialect(t)
			claim, ok := c.verifies(d, c.request())
			if unsigned(&c) {
				if ok || claim.Auth == venue.AuthSignature || claim.Auth == venue.AuthRecover {
					t.Fatalf("unsigned request read as signed: %+v", claim)
				}
				return
			}
			if !ok {
				t.Fatalf("does not verify: auth %d key %q fault %q mismatch %q", claim.Auth, claim.Key, claim.Fault, claim.Mismatch)
			}
			checkClaim(t, &c, &claim)
			if why := c.request().Ambiguous(d.Repeatable); why != "" {
				t.Errorf("a real client's request is %s", why)
			}
		})
	}
}

func checkClaim(t *testing.T, c *capture, claim *venue.Claim) {
	t.Helper()
	if claim.Auth == venue.AuthSignature && c.APIKey != "" && claim.Key != c.APIKey {
		t.Errorf("key %q, want %q", claim.Key, c.APIKey)
	}
	if claim.Time.IsZero() && claim.Expires.IsZero() && claim.NonceRule == venue.NonceNone && !claim.Replayable {
		t.Error("neither time nor nonce read, and not said to be replayable")
	}
	if !claim.Time.IsZero() {
		if age := c.at().Sub(claim.Time); age > claim.MaxAge || -age >= claim.MaxAhead && age < 0 {
			t.Errorf("not fresh: age %v, window -%v +%v", age, claim.MaxAge, claim.MaxAhead)
		}
	}
	if !claim.Expires.IsZero() && c.at().After(claim.Expires) {
		t.Errorf("expired at %v, received %v", claim.Expires, c.at())
	}
}

func TestClientsWebSocket(t *testing.T) {
	for _, c := range captures(t, "*-ws.json") {
		t.Run(c.name(), func(t *testing.T) {
			d := c.dialect(t)
			up := c.request()
			claim, ok := c.verifies(d, up)
			for i := range c.Messages {
				if d.Push != nil {
					for _, m := range c.replies(i) {
						d.Push(&venue.Request{Kind: venue.Reply, Session: up.Session, Body: []byte(m)}, up.Session)
					}
				}
				m := c.message(up, i)
				if got, good := c.verifies(d, m); good || got.Auth == venue.AuthToken {
					claim, ok = got, good
					up.Session.Key = claim.Key
				}
				var call vedette.Call
				d.Meaning(m, &call)
				if call.Operation == vedette.OpUnknown {
					t.Errorf("operation of %s unknown", c.Messages[i])
				}
			}
			if unsigned(&c) {
				if ok {
					t.Fatalf("unsigned session read as signed: %+v", claim)
				}
				return
			}
			if !ok {
				t.Fatalf("does not verify: auth %d key %q fault %q mismatch %q", claim.Auth, claim.Key, claim.Fault, claim.Mismatch)
			}
			checkClaim(t, &c, &claim)
		})
	}
}

// replies returns the venue's messages that the client saw before message i. A
// recorded challenge stands in the client's own answer to it.
func (c *capture) replies(i int) []string {
	if i == len(c.Messages)-1 {
		if len(c.Replies) > 0 {
			return c.Replies
		}
		var m struct {
			Original string `json:"original_challenge"`
		}
		if json.Unmarshal([]byte(c.Messages[i]), &m) == nil && m.Original != "" {
			return []string{`{"event":"challenge","message":"` + m.Original + `"}`}
		}
	}
	return nil
}

// TestCoverage alters one part of every captured REST request at a time: what the
// scheme says it covers must break the signature, what it leaves open must not.
func TestCoverage(t *testing.T) {
	for _, c := range captures(t, "*-rest.json") {
		if unsigned(&c) {
			continue
		}
		t.Run(c.name(), func(t *testing.T) {
			d := c.dialect(t)
			s, ok := d.Scheme(c.schemeName())
			if !ok {
				t.Fatalf("dialect has no scheme %q", c.schemeName())
			}
			for _, m := range mutations(&c) {
				if s.Partly&m.part != 0 {
					continue // held to by the dialect's own tests
				}
				bad := c
				bad.Headers = append([][2]string(nil), c.Headers...)
				m.apply(&bad)
				_, verified := bad.verifies(d, bad.request())
				if covered := s.Covers&m.part != 0; covered == verified {
					t.Errorf("%s: covered %v, yet verifies %v\n%s %s %s", m.what, covered, verified, bad.Method, bad.URL, bad.Body)
				}
			}
		})
	}
}

type mutation struct {
	what  string
	part  venue.Part
	apply func(*capture)
}

// mutations of a request, by part. Parts that carry the signature itself, or whose
// change makes another kind of request, are left to the dialect's own tests.
func mutations(c *capture) []mutation {
	list := []mutation{
		{"path", venue.CoversPath, func(c *capture) {
			p, q, has := strings.Cut(c.URL, "?")
			c.URL = p + "x"
			if has {
				c.URL += "?" + q
			}
		}},
	}
	for i, h := range c.Headers {
		// A client that signs the venue's own name is good through a proxy of any name.
		if strings.EqualFold(h[0], "Host") && strings.HasPrefix(h[1], "127.") {
			list = append(list, mutation{"host", venue.CoversHost, func(c *capture) { c.Headers[i][1] = "other.example" }})
		}
	}
	other := map[string]string{"GET": "DELETE", "POST": "PUT", "DELETE": "POST", "PUT": "POST"}[c.Method]
	list = append(list, mutation{"method", venue.CoversMethod, func(c *capture) { c.Method = other }})
	if _, q, ok := strings.Cut(c.URL, "?"); ok && q != "" {
		list = append(list, mutation{"query", venue.CoversQuery, func(c *capture) { c.URL = strings.Replace(c.URL, "?", "?zz=1&", 1) }})
	}
	if strings.HasPrefix(c.Body, "{") && c.Body != "{}" {
		list = append(list, mutation{"body", venue.CoversBody, func(c *capture) {
			for _, o := range []string{`"params":{`, `"action":{`, "{"} { // where a venue signs one member of the body
				if at := strings.Index(c.Body, o); at >= 0 {
					at += len(o)
					comma := strings.TrimSuffix(",", map[bool]string{true: ","}[c.Body[at] == '}'])
					c.Body = c.Body[:at] + `"zz":1` + comma + c.Body[at:]
					return
				}
			}
		}})
	} else if c.Body != "" && !strings.HasPrefix(c.Body, "[") && c.Body != "{}" {
		list = append(list, mutation{"body", venue.CoversBody, func(c *capture) { c.Body = "zz=1&" + c.Body }})
	}
	return list
}
