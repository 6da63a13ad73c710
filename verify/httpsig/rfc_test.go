package httpsig

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/dunglas/httpsfv"

	"vedette"
)

type rfcMessage struct {
	Method, Scheme, Target, Body, Request string
	Status                                int
	Fields                                [][2]string
}

type rfcVectors struct {
	Keys map[string]struct {
		Alg         Algorithm
		PEM, Secret string
	}
	Messages map[string]rfcMessage
	Tests    []struct {
		Name, Message, Input, Signature, Base string
		Valid                                 bool
	}
}

func loadRFC(t testing.TB) (v rfcVectors) {
	t.Helper()
	data, err := os.ReadFile("testdata/rfc9421.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v rfcVectors) key(t testing.TB) func(string) (Key, bool) {
	keys := make(map[string]Key)
	for id, e := range v.Keys {
		k := Key{Algorithm: e.Alg}
		var err error
		if e.Secret != "" {
			k.Secret, err = base64.StdEncoding.DecodeString(e.Secret)
		} else if b, _ := pem.Decode([]byte(e.PEM)); b.Type == "RSA PUBLIC KEY" {
			k.Public, err = x509.ParsePKCS1PublicKey(b.Bytes)
		} else {
			k.Public, err = x509.ParsePKIXPublicKey(b.Bytes)
		}
		if err != nil {
			t.Fatal(err)
		}
		keys[id] = k
	}
	return func(id string) (Key, bool) { k, ok := keys[id]; return k, ok }
}

func (v rfcVectors) message(name string) Message {
	r := v.Messages[name]
	m := Message{Method: r.Method, Scheme: r.Scheme, Target: r.Target, Status: r.Status, Header: http.Header{}}
	if r.Body != "" {
		m.Body = []byte(r.Body)
	}
	for _, f := range r.Fields {
		if f[0] == "Host" { // as net/http does
			m.Authority = f[1]
			continue
		}
		m.Header.Add(f[0], f[1])
	}
	if r.Request != "" {
		q := v.message(r.Request)
		m.Request = &q
	}
	return m
}

var signed = time.Unix(1618884480, 0)

func newVerifier(t testing.TB, c Config) *Verifier {
	t.Helper()
	v, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRFC9421(t *testing.T) {
	rfc := loadRFC(t)
	v := newVerifier(t, Config{Key: rfc.key(t), Partial: true})
	for _, e := range rfc.Tests {
		t.Run(e.Name, func(t *testing.T) {
			m := rfc.message(e.Message)
			m.Header.Add("Signature-Input", e.Input)
			m.Header.Add("Signature", e.Signature)
			r := v.Verify(m, signed)
			if (r.Verdict == vedette.Authentic) != e.Valid || !e.Valid && r.Verdict != vedette.Forged {
				t.Errorf("%+v", r)
			}
			if e.Base != "" && baseOf(t, &m, e.Input) != e.Base {
				t.Errorf("base is\n%s\nwant\n%s", baseOf(t, &m, e.Input), e.Base)
			}
			if e.Valid {
				d, _ := httpsfv.UnmarshalDictionary([]string{e.Signature})
				item, _ := d.Get(d.Names()[0])
				item.(httpsfv.Item).Value.([]byte)[7] ^= 1
				s, _ := httpsfv.Marshal(d)
				m.Header["Signature"][len(m.Header["Signature"])-1] = s
				if r := v.Verify(m, signed); r.Verdict != vedette.Forged {
					t.Errorf("altered: %+v", r)
				}
			}
		})
	}
}

func baseOf(t *testing.T, m *Message, input string) string {
	t.Helper()
	base, err := tryBase(m, input, nil)
	if err != nil {
		t.Fatal(err)
	}
	return base
}

func tryBase(m *Message, input string, fields map[string]Kind) (string, error) {
	d, err := httpsfv.UnmarshalDictionary([]string{input})
	if err != nil {
		return "", err
	}
	list, _ := d.Get(d.Names()[0])
	covered, err := readComponents(list.(httpsfv.InnerList))
	if err != nil {
		return "", err
	}
	base, err := signatureBase(m, list.(httpsfv.InnerList), covered, fields)
	return string(base), err
}

// TestComponents: examples of RFC 9421 sections 2.1 and 2.2, and the errors of
// section 2.5.
func TestComponents(t *testing.T) {
	m := &Message{Method: "POST", Scheme: "HTTPS", Authority: "WWW.Example.com:443", Target: "/path?param=value&foo=bar&baz=bat%2Dman",
		Header: http.Header{"X-Ows-Header": {"  Leading and trailing whitespace.    "}, "X-Obs-Fold-Header": {"Obsolete\r\n    line folding."},
			"Cache-Control": {"max-age=60", "   must-revalidate"}, "Example-Dict": {" a=1,    b=2;x=1;y=2,   c=(a   b   c), d"},
			"Example-Header": {"value, with, lots", "of, commas"}, "X-Empty-Header": {""}, "Bad": {"a\r\nb"}},
		Trailer: http.Header{"Expires": {"Wed, 9 Nov 2022 07:28:00 GMT"}}}
	fields := map[string]Kind{"example-dict": Dictionary, "example-header": List}
	f := func(id, want string) {
		t.Helper()
		got, err := tryBase(m, "s=("+id+")", fields)
		if want == "" {
			if err == nil {
				t.Errorf("%s: %q", id, got)
			}
			return
		}
		if end := "\n\"@signature-params\": (" + id + ")"; err != nil || got != want+end {
			t.Errorf("%s: %q %v", id, got, err)
		}
	}
	f(`"x-ows-header"`, `"x-ows-header": Leading and trailing whitespace.`)
	f(`"x-obs-fold-header"`, `"x-obs-fold-header": Obsolete line folding.`)
	f(`"cache-control"`, `"cache-control": max-age=60, must-revalidate`)
	f(`"x-empty-header"`, `"x-empty-header": `)
	f(`"example-dict"`, `"example-dict": a=1,    b=2;x=1;y=2,   c=(a   b   c), d`)
	f(`"example-dict";sf`, `"example-dict";sf: a=1, b=2;x=1;y=2, c=(a b c), d`)
	f(`"example-dict";key="a"`, `"example-dict";key="a": 1`)
	f(`"example-dict";key="b"`, `"example-dict";key="b": 2;x=1;y=2`)
	f(`"example-dict";key="c"`, `"example-dict";key="c": (a b c)`)
	f(`"example-dict";key="d"`, `"example-dict";key="d": ?1`)
	f(`"example-header";bs`, `"example-header";bs: :dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:`)
	f(`"expires";tr`, `"expires";tr: Wed, 9 Nov 2022 07:28:00 GMT`)
	f(`"host"`, `"host": WWW.Example.com:443`)
	f(`"@method"`, `"@method": POST`)
	f(`"@target-uri"`, `"@target-uri": https://www.example.com/path?param=value&foo=bar&baz=bat%2Dman`)
	f(`"@authority"`, `"@authority": www.example.com`)
	f(`"@scheme"`, `"@scheme": https`)
	f(`"@request-target"`, `"@request-target": /path?param=value&foo=bar&baz=bat%2Dman`)
	f(`"@path"`, `"@path": /path`)
	f(`"@query"`, `"@query": ?param=value&foo=bar&baz=bat%2Dman`)
	f(`"@query-param";name="baz"`, `"@query-param";name="baz": bat-man`)
	for _, bad := range []string{`"absent"`, `"Cache-Control"`, `""`, `a`, `1`, `"@status"`, `"@signature-params"`, `"@nothing"`, `"@query-param"`,
		`"@query-param";name="absent"`, `"@method";name="x"`, `"@method";sf`, `"@path";bs`, `"example-dict";key="z"`, `"example-dict";sf;bs`,
		`"example-dict";key=1`, `"example-dict";sf=1`, `"cache-control";sf`, `"example-header";key="a"`, `"@method";req`, `"expires"`,
		`"cache-control";unknown`, `"@method" "@method"`, `"example-dict";key="a";sf "example-dict";sf;key="a"`, `"bad"`} {
		f(bad, "")
	}
	m.Target = "/parameters?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something"
	f(`"@query-param";name="var"`, `"@query-param";name="var": this%20is%20a%20big%0Amultiline%20value`)
	f(`"@query-param";name="bar"`, `"@query-param";name="bar": with%20plus%20whitespace`)
	f(`"@query-param";name="fa%C3%A7ade%22%3A%20"`, `"@query-param";name="fa%C3%A7ade%22%3A%20": something`)
	m.Target = "/?a=1&b=2&%61=3&c=%"
	f(`"@query-param";name="a"`, "")
	f(`"@query-param";name="c"`, "")
	m.Target = ""
	f(`"@path"`, `"@path": /`)
	f(`"@query"`, `"@query": ?`)
	m.Target = "http://www.example.com?a"
	f(`"@path"`, `"@path": /`)
	f(`"@query"`, `"@query": ?a`)
	m.Status = 200
	f(`"@method"`, "")
	f(`"@status"`, `"@status": 200`)
}

func TestPolicy(t *testing.T) {
	rfc := loadRFC(t)
	m := rfc.message("request")
	var seen map[[32]byte]bool
	base := Config{Key: rfc.key(t), Seen: func(_ string, id [32]byte, now, until time.Time) (bool, bool) {
		again := seen[id]
		seen[id] = true
		return again, len(seen) > 5
	}}
	f := func(name string, change func(*Config), edit func(*Message), input string, want vedette.Verdict, reasons ...vedette.Reason) {
		t.Helper()
		seen = make(map[[32]byte]bool)
		c, msg := base, m
		msg.Header = m.Header.Clone()
		sign(t, &msg, rfc, input)
		if change != nil {
			change(&c)
		}
		if edit != nil {
			edit(&msg)
		}
		r := newVerifier(t, c).Verify(msg, signed)
		if r.Verdict != want || !(len(reasons) == 0 && r.Reasons == nil || reflect.DeepEqual(r.Reasons, reasons)) {
			t.Errorf("%s: %v %v", name, r.Verdict, r.Reasons)
		}
	}
	const all = `s=("@method" "@authority" "@path" "@query" "content-digest");created=1618884473;keyid="test-shared-secret"`
	uncovered := []vedette.Reason{vedette.ProofInvalid, vedette.WrongScheme}
	f("all", nil, nil, all, vedette.Authentic)
	f("target URI", nil, nil, `s=("@method" "@target-uri" "content-digest";sf);created=1618884473;keyid="test-shared-secret"`, vedette.Authentic)
	f("no method", nil, nil, `s=("@target-uri" "content-digest");created=1618884473;keyid="test-shared-secret"`, vedette.Forged, uncovered...)
	f("no authority", nil, nil, `s=("@method" "@request-target" "content-digest");created=1618884473;keyid="test-shared-secret"`, vedette.Forged, uncovered...)
	f("no query", nil, nil, `s=("@method" "@authority" "@path" "content-digest");created=1618884473;keyid="test-shared-secret"`, vedette.Forged, uncovered...)
	f("no body", nil, nil, `s=("@method" "@target-uri");created=1618884473;keyid="test-shared-secret"`, vedette.Forged, uncovered...)
	f("required lacking", func(c *Config) { c.Required = []string{"x-account"} }, nil, all, vedette.Forged, uncovered...)
	f("required there", func(c *Config) { c.Required = []string{"@path"} }, nil, all, vedette.Authentic)
	f("other body", nil, func(m *Message) { m.Body = []byte("{}") }, all, vedette.Forged, vedette.ProofInvalid, vedette.BadSignature)
	f("other method", nil, func(m *Message) { m.Method = "PUT" }, all, vedette.Forged, vedette.ProofInvalid)
	f("other path", nil, func(m *Message) { m.Target = "/bar?param=Value&Pet=dog" }, all, vedette.Forged, vedette.ProofInvalid)
	f("other query", nil, func(m *Message) { m.Target = "/foo?param=Value&Pet=cat" }, all, vedette.Forged, vedette.ProofInvalid)
	f("other host", nil, func(m *Message) { m.Authority = "evil.example" }, all, vedette.Forged, vedette.ProofInvalid)
	f("no created", nil, nil, `s=("@method" "@target-uri" "content-digest");keyid="test-shared-secret"`, vedette.Stale, vedette.ProofStale)
	f("future", nil, nil, `s=("@method" "@target-uri" "content-digest");created=1618884511;keyid="test-shared-secret"`, vedette.Stale, vedette.ProofStale)
	f("old", nil, nil, `s=("@method" "@target-uri" "content-digest");created=1618884149;keyid="test-shared-secret"`, vedette.Stale, vedette.ProofStale)
	f("expired", nil, nil, `s=("@method" "@target-uri" "content-digest");created=1618884400;expires=1618884450;keyid="test-shared-secret"`, vedette.Stale, vedette.ProofStale)
	f("no expires", func(c *Config) { c.NeedExpires = true }, nil, all, vedette.Stale, vedette.ProofStale)
	f("no nonce", func(c *Config) { c.NeedNonce = true }, nil, all, vedette.Stale, vedette.NonceMissing)
	f("nonce", func(c *Config) { c.NeedNonce = true }, nil, all+`;nonce="n"`, vedette.Authentic)
	f("other tag", func(c *Config) { c.Tag = "venue" }, nil, all, vedette.Anonymous, vedette.NoSignature)
	f("tag", func(c *Config) { c.Tag = "venue" }, nil, all+`;tag="venue"`, vedette.Authentic)
	f("other label", func(c *Config) { c.Label = "t" }, nil, all, vedette.Anonymous, vedette.NoSignature)
	f("alg of another kind", nil, nil, all+`;alg="ed25519"`, vedette.Forged, vedette.ProofInvalid, vedette.WrongScheme)
	f("alg named", nil, nil, all+`;alg="hmac-sha256"`, vedette.Authentic)
	f("unknown key", nil, func(m *Message) {
		m.Header.Set("Signature-Input", `s=("@method");created=1618884473;keyid="nobody"`)
	}, all, vedette.Unverifiable, vedette.UnknownKey)
	f("not signed", nil, func(m *Message) { m.Header.Del("Signature"); m.Header.Del("Signature-Input") }, all, vedette.Anonymous)
	f("no signature", nil, func(m *Message) { m.Header.Del("Signature") }, all, vedette.Malformed, vedette.ProofInvalid, vedette.NoSignature)
	f("other signature label", nil, func(m *Message) { m.Header.Set("Signature", "t=:AAAA:") }, all, vedette.Malformed, vedette.ProofInvalid, vedette.BadEncoding)
	f("component twice", nil, func(m *Message) {
		m.Header.Set("Signature-Input", `s=("@method" "@method");created=1618884473;keyid="test-shared-secret"`)
	}, all, vedette.Malformed, vedette.ProofInvalid, vedette.Ambiguous)
	f("too large", nil, func(m *Message) { m.Header.Add("Signature", string(make([]byte, maxField))) }, all, vedette.Malformed, vedette.ProofInvalid, vedette.TooLarge)
	f("not structured", nil, func(m *Message) { m.Header.Set("Signature-Input", "(") }, all, vedette.Malformed, vedette.ProofInvalid)

	seen = make(map[[32]byte]bool)
	v := newVerifier(t, base)
	sign(t, &m, rfc, all)
	if r := v.Verify(m, signed); r.Verdict != vedette.Authentic || r.KeyID != "test-shared-secret" || r.Created.Unix() != 1618884473 || len(r.Covered) != 5 {
		t.Errorf("%+v", r)
	}
	if r := v.Verify(m, signed); r.Verdict != vedette.Replayed {
		t.Errorf("%+v", r)
	}
}

// sign adds an HMAC signature with the RFC's shared secret.
func sign(t testing.TB, m *Message, rfc rfcVectors, input string) {
	t.Helper()
	base, err := tryBase(m, input, nil)
	if err != nil {
		t.Fatal(err)
	}
	k, _ := rfc.key(t)("test-shared-secret")
	m.Header.Set("Signature-Input", input)
	m.Header.Set("Signature", "s=:"+base64.StdEncoding.EncodeToString(hmacOf(k.Secret, base))+":")
}

func TestDigest(t *testing.T) {
	f := func(body, field string, ok bool) {
		t.Helper()
		m := &Message{Header: http.Header{}, Body: []byte(body)}
		if field != "" {
			m.Header.Set("Content-Digest", field)
		}
		if err := checkDigest(m); (err == nil) != ok {
			t.Errorf("%s: %v", field, err)
		}
	}
	const lf = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"    // RFC 9530 appendix B.1
	const empty = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:" // RFC 9530 appendix B.2
	f("{\"hello\": \"world\"}\n", lf, true)
	f("", empty, true)
	f("", lf, false)
	f("", empty+", unixsum=:AAAA:", true)
	f("", empty+", sha-512=:AAAA:", false)
	f("", "unixsum=:AAAA:", false)
	f("", "sha-256=1", false)
	f("", "sha-256=(1)", false)
	f("", "(", false)
	f("", "", false)
}

func TestKeyCheck(t *testing.T) {
	rfc := loadRFC(t)
	keys := rfc.key(t)
	for id := range rfc.Keys {
		k, _ := keys(id)
		if err := k.Check(); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		for _, alg := range []Algorithm{RSAPSSSHA512, HMACSHA256, ECDSAP256SHA256, ECDSAP384SHA384, Ed25519, "none", ""} {
			other := Key{Algorithm: alg, Public: k.Public, Secret: k.Secret}
			rsa := id == "test-key-rsa" && alg == RSAPSSSHA512
			if alg != k.Algorithm && !rsa && other.Check() == nil {
				t.Errorf("%s passes for %s", id, alg)
			}
		}
	}
	if (Key{Algorithm: HMACSHA256, Secret: []byte("short")}).Check() == nil {
		t.Error("short secret passes")
	}
}

// TestOldKey: a key that was rotated away is good for as long as it is given, and its use is said.
func TestOldKey(t *testing.T) {
	pub, private, _ := ed25519.GenerateKey(rand.Reader)
	next, _, _ := ed25519.GenerateKey(rand.Reader)
	end := signed.Add(time.Minute)
	v := newVerifier(t, Config{Partial: true, MaxAge: time.Hour,
		Key: func(string) (Key, bool) { return Key{Algorithm: Ed25519, Public: next}, true },
		Old: func(_ string, now time.Time) (Key, bool) {
			return Key{Algorithm: Ed25519, Public: pub}, now.Before(end)
		}})
	params := fmt.Sprintf(`("@method");created=%d;keyid="k"`, signed.Unix())
	m := Message{Method: "GET", Scheme: "https", Authority: "example.com", Target: "/", Header: http.Header{"Signature-Input": {"s=" + params}}}
	base := "\"@method\": GET\n\"@signature-params\": " + params
	m.Header.Set("Signature", "s=:"+base64.StdEncoding.EncodeToString(ed25519.Sign(private, []byte(base)))+":")
	f := func(now time.Time, want vedette.Verdict, reason vedette.Reason) {
		t.Helper()
		if r := v.Verify(m, now); r.Verdict != want || len(r.Reasons) == 0 || r.Reasons[0] != reason {
			t.Errorf("%s: %s %v", now, r.Verdict, r.Reasons)
		}
	}
	f(signed, vedette.Authentic, vedette.OldSecret)
	f(end, vedette.Forged, vedette.ProofInvalid)
	m.Header.Set("Signature", "s=:"+base64.StdEncoding.EncodeToString(make([]byte, 64))+":")
	f(signed, vedette.Forged, vedette.ProofInvalid)
}
