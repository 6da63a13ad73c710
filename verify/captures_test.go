package verify

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/keyring"
	"vedette/venue"
)

// capture is a recorded request or WebSocket session of a real client, see
// venue/testdata/clients.
type capture struct {
	Exchange, Scheme, Call, Client string
	TLS                            bool
	Method, URL, Body              string
	Headers                        [][2]string
	UpgradeHeaders                 map[string]string
	Messages, Replies              []string
	ReceivedAtMs, CapturedAtMs     int64
	APIKey, Secret, Passphrase     string
	PublicKeyPem, WalletAddress    string
	file                           string
}

func captures(t *testing.T, kind string) []*capture {
	t.Helper()
	files, err := filepath.Glob("../venue/testdata/clients/*-" + kind + ".json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	var all []*capture
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var list []*capture
		if err := json.Unmarshal(b, &list); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for _, c := range list {
			c.file = strings.TrimSuffix(filepath.Base(f), ".json")
		}
		all = append(all, list...)
	}
	return all
}

func (c *capture) name() string {
	return c.file + "/" + c.Exchange + "/" + c.Scheme + "/" + c.Call
}

func (c *capture) at() time.Time { return time.UnixMilli(max(c.ReceivedAtMs, c.CapturedAtMs)) }

func (c *capture) dialect(t *testing.T) *venue.Dialect {
	i := slices.IndexFunc(venue.All, func(d *venue.Dialect) bool { return d.Name == c.Exchange })
	if i < 0 {
		t.Skipf("no dialect %q yet", c.Exchange)
	}
	return venue.All[i]
}

func (c *capture) scheme() string {
	return strings.TrimPrefix(strings.TrimPrefix(c.Scheme, "jwt-"), "legacy-")
}

// unsigned are requests without a signature by the venue's design, or with a token
// that the venue issued.
func (c *capture) unsigned() bool {
	return strings.Contains(c.Call, "no signature") || strings.Contains(c.Call, "unsigned") || c.Scheme == "token" || c.Scheme == "none"
}

func (c *capture) clone() *capture {
	d := *c
	d.Headers = slices.Clone(c.Headers)
	return &d
}

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

// replies are the venue's messages that the client saw before message i.
func (c *capture) replies(i int) []string {
	if i != len(c.Messages)-1 || len(c.Replies) > 0 {
		if i == len(c.Messages)-1 {
			return c.Replies
		}
		return nil
	}
	var m struct {
		Original string `json:"original_challenge"`
	}
	if json.Unmarshal([]byte(c.Messages[i]), &m) == nil && m.Original != "" {
		return []string{`{"event":"challenge","message":"` + m.Original + `"}`}
	}
	return nil
}

// judge is a verifier whose keyring holds the credential of one capture.
type judge struct {
	t testing.TB
	v *Verifier
	d *venue.Dialect
	c *capture
}

func (c *capture) judge(t *testing.T) *judge {
	t.Helper()
	d := c.dialect(t)
	ring := keyring.New(KeyOptions(venue.All))
	spec := keyring.Spec{Credential: vedette.Credential{ID: c.APIKey, Venue: c.Exchange}, Scheme: c.scheme()}
	switch spec.Scheme {
	case "hmac", "token", "none":
		spec.Scheme = "hmac"
		spec.Secrets = keyring.Secrets{Secret: keyring.NewSecret(c.Secret), Passphrase: keyring.NewSecret(c.Passphrase)}
	case "eip712":
		spec.ID, spec.Wallet = strings.ToLower(c.WalletAddress), c.WalletAddress
	default:
		spec.PublicKey = c.PublicKeyPem
	}
	if spec.ID != "" {
		if err := ring.Add(spec, c.at()); err != nil {
			t.Fatal(err)
		}
	}
	if c.Exchange == "hyperliquid" {
		if err := ring.Add(jointAccount, c.at()); err != nil {
			t.Fatal(err)
		}
	}
	return &judge{t, New(Config{Keys: ring, Window: NewWindow(100), Increasing: NewNonces(10, 1), Highest: NewNonces(10, 100), Issued: NewIssued(100)}), d, c}
}

// jointAccount is the account of two wallets that the recorder of Hyperliquid's multi-sig
// actions signed for: the second one's private key is 0x11 repeated.
var jointAccount = keyring.Spec{Credential: vedette.Credential{ID: "0x1719884eb866cb12b2287399b15f7db5e7d775ea", Venue: "hyperliquid", Account: "joint", Threshold: 2,
	Signers: []string{"0x14791697260e4c9a71f18484c9f997b308e59325", "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"}}, Scheme: "eip712"}

// see judges a request as the pipeline does.
func (j *judge) see(r *venue.Request) (*Case, string) {
	x := &Case{Dialect: j.d, Request: r, Source: netip.MustParseAddr("192.0.2.7"), Now: j.c.at(), Claim: &venue.Claim{}, Call: &vedette.Call{}}
	x.Call.Method, x.Call.Path = r.Method, r.Path
	j.d.Meaning(r, x.Call)
	j.v.Verify(x)
	if r.Session != nil && x.Claim.Login && x.Call.Verdict == vedette.Authentic {
		r.Session.Key, r.Session.Account = strings.Clone(x.Call.Credential), strings.Clone(x.Call.Account)
	}
	out := x.Call.Verdict.String()
	for _, why := range x.Call.Reasons {
		out += " " + string(why)
	}
	return x, out
}

// mutation alters one part of a request.
type mutation struct {
	what  string
	part  venue.Part
	apply func(*capture)
}

func (c *capture) mutations(claim *venue.Claim) []mutation {
	path, query, _ := strings.Cut(c.URL, "?")
	list := []mutation{
		{"path", venue.CoversPath, func(c *capture) {
			c.URL = path + "x"
			if query != "" {
				c.URL += "?" + query
			}
		}},
		{"method", venue.CoversMethod, func(c *capture) {
			c.Method = map[string]string{"GET": "DELETE", "POST": "PUT", "DELETE": "POST", "PUT": "POST"}[c.Method]
		}},
	}
	if query != "" {
		list = append(list, mutation{"query", venue.CoversQuery, func(c *capture) { c.URL = strings.Replace(c.URL, "?", "?zz=1&", 1) }})
	}
	switch {
	case strings.HasPrefix(c.Body, "{") && c.Body != "{}":
		list = append(list, mutation{"body", venue.CoversBody, func(c *capture) {
			for _, o := range []string{`"params":{`, `"action":{`, "{"} { // where a venue signs one member of the body
				if at := strings.Index(c.Body, o); at >= 0 {
					at += len(o)
					comma := ","
					if c.Body[at] == '}' {
						comma = ""
					}
					c.Body = c.Body[:at] + `"zz":1` + comma + c.Body[at:]
					return
				}
			}
		}})
	case c.Body != "" && !strings.HasPrefix(c.Body, "[") && c.Body != "{}":
		list = append(list, mutation{"body", venue.CoversBody, func(c *capture) { c.Body = "zz=1&" + c.Body }})
	}
	return append(list, c.fieldMutations(claim)...)
}

// fieldMutations alter time, signature and key where they stand as plain text.
func (c *capture) fieldMutations(claim *venue.Claim) []mutation {
	var list []mutation
	add := func(what string, part venue.Part, old, new string) bool {
		probe := c.clone()
		if old == "" || !probe.replace(old, new) {
			return false
		}
		list = append(list, mutation{what, part, func(c *capture) { c.replace(old, new) }})
		return true
	}
	if t := claim.Time; !t.IsZero() {
		for _, n := range []int64{t.UnixNano(), t.UnixMicro(), t.UnixMilli(), t.Unix()} {
			if add("time", venue.CoversTime, strconv.FormatInt(n, 10), strconv.FormatInt(n^1, 10)) {
				break
			}
		}
	}
	if s := claim.Signature; len(s) > 8 {
		other := "a"
		if s[3] == 'a' {
			other = "b"
		}
		add("signature", 0, s, s[:3]+other+s[4:])
	}
	if claim.Auth != venue.AuthRecover {
		add("key", 0, claim.Key, claim.Key+"x")
	}
	return list
}

// replace alters the text wherever it stands and reports whether it does.
func (c *capture) replace(old, new string) bool {
	found := false
	swap := func(s *string) {
		if strings.Contains(*s, old) {
			*s, found = strings.ReplaceAll(*s, old, new), true
		}
	}
	swap(&c.URL)
	swap(&c.Body)
	for i := range c.Headers {
		swap(&c.Headers[i][1])
	}
	return found
}

// TestCapturesREST sends every captured request to the verifier at its recorded time:
// as it is, again after the answer, and altered part by part, each alteration to a
// verifier that knows nothing and to one that saw the original.
func TestCapturesREST(t *testing.T) {
	tally := map[string]int{}
	for _, c := range captures(t, "rest") {
		t.Run(c.name(), func(t *testing.T) {
			j := c.judge(t)
			x, got := j.see(c.request())
			if c.unsigned() {
				if got != "anonymous" && got != "anonymous no_signature" && got != "unverifiable unknown_key" {
					t.Fatalf("unsigned: %s", got)
				}
				tally["unsigned"]++
				return
			}
			want := "authentic"
			if x.Claim.Replayable {
				want = "authentic replayable"
			}
			if got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
			tally[got]++
			j.v.Answered(x)
			if want == "authentic" {
				want = "replayed signature_reused"
			}
			// A read within a tick of a second is a coincidence.
			if _, got := j.see(c.request()); got != want && (got != "authentic coincident" || x.Call.Operation.Changes()) {
				t.Errorf("second time: got %q, want %q", got, want)
			}
			s, ok := j.d.Scheme(c.scheme())
			if !ok {
				t.Fatalf("no scheme %q", c.scheme())
			}
			for _, m := range c.mutations(x.Claim) {
				bad := c.clone()
				m.apply(bad)
				_, fresh := c.judge(t).see(bad.request())
				_, after := j.see(bad.request())
				tally[m.what+": "+fresh+" / "+after]++
				if why := m.wrong(s, x.Claim, fresh, after); why != "" {
					t.Errorf("%s: first sight %q, after the original %q: %s\n%s %s %s", m.what, fresh, after, why, bad.Method, bad.URL, bad.Body)
				}
			}
		})
	}
	for _, k := range sortedKeys(tally) {
		t.Logf("%4d %s", tally[k], k)
	}
}

func sortedKeys(m map[string]int) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// wrong holds what an alteration came to against what the scheme covers.
func (m *mutation) wrong(s *venue.Scheme, original *venue.Claim, fresh, after string) string {
	// Reads of one address at once are coincident: TestConcurrentReads.
	open := fresh == "authentic" && (after == "replayed cross_endpoint" || after == "authentic coincident")
	if original.Replayable { // as it is, it cannot be told; on another method, where all else is signed, it can
		open = fresh == "authentic replayable" && (after == fresh || m.what == "method" && after == "replayed cross_endpoint")
	}
	var closed bool
	switch fresh {
	case "forged bad_signature": // the signature is the original's, and the window knows it
		known := m.what != "signature" && (!original.Replayable || strings.HasSuffix(after, " signature_reused"))
		closed = known && after == fresh+" signature_reused" || !known && after == fresh
	case "forged unknown_key": // recovers to a stranger
		closed = original.Auth == venue.AuthRecover && after == fresh
	case "forged bound_elsewhere", "malformed bad_encoding": // signed claims that contradict the request; what must be read cannot be
		closed = after == fresh
	}
	switch {
	case m.what == "key":
		closed = after == fresh && (fresh == "unverifiable unknown_key" || fresh == "forged bound_elsewhere")
	case m.what == "signature":
	case s.Partly&m.part != 0:
		closed = closed || open
	case s.Covers&m.part == 0:
		closed = open
	}
	if !closed {
		return "not what the scheme's coverage says"
	}
	return ""
}

// TestCapturesWebSocket plays every captured session: what its client signed is
// authentic, and the same messages on another connection are not, save where they are
// tied to nothing but the venue's token.
func TestCapturesWebSocket(t *testing.T) {
	tally := map[string]int{}
	for _, c := range captures(t, "ws") {
		t.Run(c.name(), func(t *testing.T) {
			j := c.judge(t)
			first := c.play(j)
			signed := 0
			for i, o := range first {
				tally["first: "+o.got]++
				switch o.auth {
				case venue.AuthSignature, venue.AuthRecover:
					signed++
					if o.got != "authentic" && o.got != "authentic session" && !(o.open && o.got == "authentic replayable") && !(c.Secret == "" && o.got == "unverifiable no_secret") {
						t.Errorf("message %d: %s", i-1, o.got)
					}
				case venue.AuthSession:
					if o.got != "authentic session" {
						t.Errorf("message %d: %s", i-1, o.got)
					}
				case venue.AuthToken, venue.AuthBearer:
					if o.got != "unverifiable unknown_key" {
						t.Errorf("message %d: %s", i-1, o.got)
					}
				default:
					if o.verdict != vedette.Anonymous {
						t.Errorf("message %d: %s", i-1, o.got)
					}
				}
			}
			if signed == 0 && !c.unsigned() {
				t.Errorf("%d signed", signed)
			}
			c.CapturedAtMs = c.at().UnixMilli() + 1001 // past every tick
			for i, o := range c.play(j) {
				tally["again: "+o.got]++
				if (o.auth == venue.AuthSignature || o.auth == venue.AuthRecover) && o.verdict != vedette.Replayed && c.Secret+c.PublicKeyPem != "" {
					t.Errorf("again, message %d: %s", i-1, o.got)
				}
				if o.auth == venue.AuthSession {
					t.Errorf("again, message %d: a session after a replayed log-in", i-1)
				}
			}
		})
	}
	for _, k := range sortedKeys(tally) {
		t.Logf("%4d %s", tally[k], k)
	}
}

type outcome struct {
	auth    venue.Auth
	verdict vedette.Verdict
	got     string
	open    bool // nothing bounds the validity that the request claims
}

// play sends the upgrade, then the messages, over a session of its own.
func (c *capture) play(j *judge) (all []outcome) {
	up := c.request()
	look := func(r *venue.Request) {
		x, got := j.see(r)
		j.v.Answered(x)
		_, _, open := until(x.Claim, x.Now)
		all = append(all, outcome{x.Claim.Auth, x.Call.Verdict, got, open})
	}
	look(up)
	for i, m := range c.Messages {
		if j.d.Push != nil {
			for _, p := range c.replies(i) {
				j.d.Push(&venue.Request{Kind: venue.Reply, Session: up.Session, Body: []byte(p)}, up.Session)
			}
		}
		look(&venue.Request{Kind: venue.Message, Scheme: "ws", Host: up.Host, Path: up.Path, Query: up.Query, Header: up.Header,
			Session: up.Session, Body: []byte(m)})
	}
	return all
}
