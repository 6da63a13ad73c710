package verify

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"vedette"
	"vedette/keyring"
	"vedette/venue"
)

var epoch = time.UnixMilli(1795340739148)

const testSecret = "dummysecret0123456789abcdef"

type bench struct {
	t       testing.TB
	v       *Verifier
	now     time.Time
	dialect *venue.Dialect
}

func newBench(t testing.TB, change ...func(*keyring.Spec)) *bench {
	t.Helper()
	ring := keyring.New(keyring.Options{})
	spec := keyring.Spec{Credential: vedette.Credential{ID: "key-1", Venue: "binance", Account: "acct-1", Owner: "owner-1"}, Scheme: "hmac",
		Secrets: keyring.Secrets{Secret: keyring.NewSecret([]byte(testSecret))}}
	for _, f := range change {
		f(&spec)
	}
	if err := ring.Add(spec, epoch); err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, now: epoch, dialect: venue.Binance, v: New(Config{Keys: ring, Window: NewWindow(1000), Increasing: NewNonces(10, 1), Highest: NewNonces(10, 100), Issued: NewIssued(100)})}
}

// call is one signed Binance request.
type call struct {
	method, path, query, body string
	key, secret, from         string
	port                      uint16
	at                        time.Time
	seconds                   bool // the timestamp is in seconds
}

func (b *bench) order(change ...func(*call)) *call {
	c := &call{method: "POST", path: "/api/v3/order", query: "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=2", key: "key-1", secret: testSecret, from: "192.0.2.7", at: b.now}
	for _, f := range change {
		f(c)
	}
	stamp := c.at.UnixMilli()
	if c.seconds {
		stamp = c.at.Unix()
	}
	c.query += fmt.Sprintf("&timestamp=%d", stamp)
	m := hmac.New(sha256.New, []byte(c.secret))
	m.Write([]byte(c.query + c.body))
	c.query += "&signature=" + hex.EncodeToString(m.Sum(nil))
	return c
}

func (b *bench) send(c *call) (*Case, string) {
	from := netip.MustParseAddr(c.from)
	x := &Case{Dialect: b.dialect, Source: from, Now: b.now, Claim: &venue.Claim{}, Call: &vedette.Call{Source: netip.AddrPortFrom(from, c.port)},
		Request: &venue.Request{Method: c.method, Path: c.path, Query: c.query, Body: []byte(c.body), Header: venue.Header{{Name: "x-mbx-apikey", Value: c.key}}}}
	venue.Binance.Meaning(x.Request, x.Call)
	b.v.Verify(x)
	out := x.Call.Verdict.String()
	for _, r := range x.Call.Reasons {
		out += " " + string(r)
	}
	return x, out
}

func (b *bench) want(c *call, want string) *Case {
	b.t.Helper()
	x, got := b.send(c)
	if got != want {
		b.t.Errorf("got %q, want %q", got, want)
	}
	return x
}

func TestVerdicts(t *testing.T) {
	b := newBench(t)
	b.want(b.order(), "authentic")
	b.want(b.order(func(c *call) { c.secret = "wrong"; c.query += "&x=1" }), "forged bad_signature")
	b.want(b.order(func(c *call) { c.key = "nobody" }), "unverifiable unknown_key")
	b.want(b.order(func(c *call) { c.at = b.now.Add(-5001 * time.Millisecond) }), "stale window_passed")
	b.want(b.order(func(c *call) { c.at = b.now.Add(-5000 * time.Millisecond) }), "authentic")
	b.want(b.order(func(c *call) { c.at = b.now.Add(time.Second) }), "stale clock_ahead")
	b.want(b.order(func(c *call) { c.at = b.now.Add(999 * time.Millisecond) }), "authentic")
	c := b.order()
	c.query, _, _ = strings.Cut(c.query, "&signature")
	b.want(c, "forged no_signature")
	b.want(&call{method: "GET", path: "/api/v3/time", from: "192.0.2.7"}, "anonymous")
	c = b.order()
	c.query += "&symbol=ETHUSDT"
	b.want(c, "malformed ambiguous")
	c = b.order()
	c.query = strings.Replace(c.query, "timestamp", "timestmp", 1)
	b.want(c, "malformed bad_encoding")
}

func TestReplay(t *testing.T) {
	b := newBench(t)
	c := b.order()
	x := b.want(c, "authentic")
	b.now = b.now.Add(10 * time.Millisecond)
	b.want(c, "replayed signature_reused") // on its way: nobody may double it
	slow := b.order(func(c *call) { c.query += "&slow=1" })
	b.want(slow, "authentic")
	b.now = b.now.Add(retryAfter)
	b.want(slow, "authentic retry") // the client gave up on an answer that is still out
	b.want(slow, "replayed signature_reused")
	b.v.Unanswered(x)
	c.from = "198.51.100.9"
	b.want(c, "replayed signature_reused")
	c.from = "192.0.2.7"
	b.want(c, "authentic retry")           // no answer came, same source
	b.want(c, "replayed signature_reused") // on its way again
	b.v.Unanswered(x)
	y := b.want(c, "authentic retry")
	b.v.Answered(y)
	b.v.Unanswered(x) // an answer stays an answer
	b.want(c, "replayed signature_reused")
	c.path = "/api/v3/order/test"
	b.want(c, "replayed cross_endpoint")
	c.path, c.method = "/api/v3/order", "DELETE"
	b.want(c, "replayed cross_endpoint")
	// Upper-case hex is the same signature.
	c.method = "POST"
	i := strings.Index(c.query, "signature=") + len("signature=")
	c.query = c.query[:i] + strings.ToUpper(c.query[i:])
	b.want(c, "replayed cross_endpoint")
	altered := *c
	altered.query = strings.Replace(c.query, "price=2", "price=3", 1)
	b.want(&altered, "forged bad_signature signature_reused")
	b.now = b.now.Add(5 * time.Second)
	b.want(c, "stale window_passed")
}

func read(c *call) { c.method = "GET" }

func TestRetryIsBounded(t *testing.T) {
	b := newBench(t)
	c := b.order(read)
	b.want(c, "authentic")
	for range maxRetries - 1 {
		b.want(c, "authentic retry")
	}
	b.want(c, "replayed signature_reused")

	c = b.order(func(c *call) { c.query += "&a=1" })
	b.v.Unanswered(b.want(c, "authentic"))
	for range maxChangeRetries {
		b.v.Unanswered(b.want(c, "authentic retry"))
	}
	b.want(c, "replayed signature_reused")
}

// TestRetryOfRefused: what a nonce refused is no first use to retry.
func TestRetryOfRefused(t *testing.T) {
	n := 0
	b := newBench(t)
	d := *venue.Binance
	d.Claim = func(r *venue.Request, c *venue.Claim) {
		venue.Binance.Claim(r, c)
		n++
		c.NonceRule, c.Nonce = venue.NonceIncreasing, "7"
	}
	b.dialect = &d
	b.want(b.order(read), "authentic")
	c := b.order(read, func(c *call) { c.query += "&a=1" })
	x := b.want(c, "replayed nonce_reused")
	b.want(c, "replayed signature_reused")
	b.v.Answered(x)
	b.want(c, "replayed signature_reused")
}

// TestLoginIsNoCoincidence: a signed upgrade that logs in is no read, whatever its
// endpoint: its double has a session.
func TestLoginIsNoCoincidence(t *testing.T) {
	b := newBench(t)
	d := *venue.Binance
	d.Claim = func(r *venue.Request, c *venue.Claim) {
		venue.Binance.Claim(r, c)
		c.Login = true
	}
	b.dialect = &d
	c := b.order(read)
	b.v.Answered(b.want(c, "authentic"))
	b.want(c, "replayed signature_reused")
}

func TestCoincident(t *testing.T) {
	b := newBench(t)
	c := b.order(read)
	b.v.Answered(b.want(c, "authentic"))
	b.now = b.now.Add(900 * time.Microsecond)
	b.want(c, "authentic coincident")
	b.now = b.now.Add(100 * time.Microsecond)
	b.want(c, "replayed signature_reused")

	c = b.order(func(c *call) { c.query += "&a=1" }) // changes something, in milliseconds: never
	c.port = 4000
	b.v.Answered(b.want(c, "authentic"))
	b.want(c, "replayed signature_reused")

	seconds := func(c *call) { c.seconds = true }
	b.now = epoch.Add(time.Second)
	c = b.order(seconds)
	c.port = 4000
	b.v.Answered(b.want(c, "authentic"))
	b.now = b.now.Add(500 * time.Millisecond)
	c.port = 4001
	b.want(c, "replayed signature_reused")
	c.port = 0
	b.want(c, "replayed signature_reused")
	c.port = 4000
	b.want(c, "authentic coincident")
	b.now = b.now.Add(500 * time.Millisecond)
	b.want(c, "replayed signature_reused")
}

// TestConcurrentReads: reads made in the same instant carry the same signature where
// it leaves the path open.
func TestConcurrentReads(t *testing.T) {
	b := newBench(t)
	on := func(method, path string) func(*call) {
		return func(c *call) { c.method, c.path, c.query = method, path, "recvWindow=5000" }
	}
	b.v.Answered(b.want(b.order(on("GET", "/api/v3/account")), "authentic"))
	b.now = b.now.Add(300 * time.Millisecond)
	at := func(c *call) { c.at = epoch }
	b.want(b.order(at, on("GET", "/sapi/v1/margin/allPairs")), "authentic coincident")
	b.want(b.order(at, on("DELETE", "/api/v3/openOrders")), "replayed cross_endpoint")
	b.want(b.order(at, on("GET", "/api/v3/nobody/knows")), "replayed cross_endpoint")
	b.want(b.order(at, on("GET", "/api/v3/openOrders"), func(c *call) { c.from = "192.0.2.8" }), "replayed cross_endpoint")
	b.now = b.now.Add(700 * time.Millisecond)
	b.want(b.order(at, on("GET", "/api/v3/openOrders")), "replayed cross_endpoint")

	b.now = epoch.Add(2 * time.Second)
	b.want(b.order(on("DELETE", "/api/v3/openOrders")), "authentic")
	c := b.order(on("GET", "/api/v3/openOrders"))
	b.want(c, "replayed cross_endpoint")
}

// TestFarFuture: a time so far ahead that differences overflow is not fresh.
func TestFarFuture(t *testing.T) {
	b := newBench(t)
	b.want(b.order(func(c *call) { c.at = time.Unix(99999999999, 0); c.seconds = true }), "stale clock_ahead")
}

func TestPermission(t *testing.T) {
	withdraw := func(c *call) {
		c.path, c.query = "/sapi/v1/capital/withdraw/apply", "coin=BTC&address=bc1qdummy&amount=1"
	}
	try := func(want string, how func(*call), change func(*keyring.Spec)) {
		t.Helper()
		b := newBench(t, change)
		b.want(b.order(how), want)
	}
	none := func(*call) {}
	try("unauthorised permission", none, func(s *keyring.Spec) { s.Permissions = vedette.PermRead })
	try("authentic", none, func(s *keyring.Spec) { s.Permissions = vedette.PermTrade })
	try("unauthorised permission", withdraw, func(s *keyring.Spec) { s.Permissions = vedette.PermRead | vedette.PermTrade })
	try("unauthorised withdraw_address", withdraw, func(s *keyring.Spec) { s.WithdrawAllow = []string{"bc1qother"} })
	try("authentic", withdraw, func(s *keyring.Spec) { s.WithdrawAllow = []string{"bc1qdummy"} })
	try("unauthorised withdraw_address", withdraw, func(s *keyring.Spec) { s.WithdrawAllow = []string{"bc1qdummy:7"} })
	tagged := func(c *call) { withdraw(c); c.query += "&addressTag=7" }
	try("unauthorised withdraw_address", tagged, func(s *keyring.Spec) { s.WithdrawAllow = []string{"bc1qdummy"} })
	try("authentic", tagged, func(s *keyring.Spec) { s.WithdrawAllow = []string{"bc1qdummy:7"} })
	try("unauthorised expired", none, func(s *keyring.Spec) { s.Expires = epoch })
	try("unauthorised address", none, func(s *keyring.Spec) { s.IPAllow = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")} })
	try("authentic", none, func(s *keyring.Spec) { s.IPAllow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	try("unauthorised instrument", none, func(s *keyring.Spec) { s.Instruments = []string{"ETHUSDT"} })
	try("authentic", none, func(s *keyring.Spec) { s.Instruments = []string{"btcusdt"} })
	try("unauthorised operation", none, func(s *keyring.Spec) { s.Operations = []vedette.Operation{vedette.OpOrderCancel} })
	batch := func(c *call) {
		c.path, c.query = "/fapi/v1/batchOrders", `batchOrders=[{"symbol":"ETHUSDT","side":"BUY"},{"symbol":"BTCUSDT","side":"BUY"}]`
	}
	try("unauthorised instrument", batch, func(s *keyring.Spec) { s.Instruments = []string{"ETHUSDT"} })
}

func TestRotation(t *testing.T) {
	b := newBench(t, func(s *keyring.Spec) {
		s.Previous, s.PreviousUntil = s.Secrets, epoch.Add(time.Hour)
		s.Secrets = keyring.Secrets{Secret: keyring.NewSecret([]byte("the new secret"))}
	})
	b.want(b.order(func(c *call) { c.secret = "the new secret" }), "authentic")
	b.want(b.order(func(c *call) { c.query += "&a=1" }), "authentic old_secret")
	b.now = b.now.Add(time.Hour)
	b.want(b.order(func(c *call) { c.query += "&a=2" }), "forged bad_signature")
}

func TestNoncesIncreasing(t *testing.T) {
	n := NewNonces(10, 1)
	use := func(nonce, window uint64, want error) {
		t.Helper()
		if err := n.use(Key{1}, nonce, window, epoch); err != want {
			t.Errorf("nonce %d: %v, want %v", nonce, err, want)
		}
	}
	use(100, 0, nil)
	use(100, 0, errNonceReused)
	use(99, 0, errNonceRegressed)
	use(99, 1, nil)
	use(101, 0, nil)
	if err := n.use(Key{2}, 5, 0, epoch); err != nil {
		t.Error(err)
	}
}

// TestNoncesHighest holds the table to a plain reading of the rule: a nonce must
// not be among the 100 highest, and must be above the lowest of them.
func TestNoncesHighest(t *testing.T) {
	n := NewNonces(10, 100)
	var kept []uint64
	x := uint64(1)
	for range 5000 {
		x = mix(x)
		nonce := x%3000 + 1
		want := error(nil)
		switch {
		case slices.Contains(kept, nonce):
			want = errNonceReused
		case len(kept) == 100 && nonce < kept[0]:
			want = errNonceRegressed
		default:
			kept = append(kept, nonce)
			slices.Sort(kept)
			if len(kept) > 100 {
				kept = kept[1:]
			}
		}
		if err := n.use(Key{1}, nonce, 0, epoch); err != want {
			t.Fatalf("nonce %d: %v, want %v", nonce, err, want)
		}
	}
}

// TestListsHoldAgainstTheUnknown: what the dialect cannot name is on no list.
func TestListsHoldAgainstTheUnknown(t *testing.T) {
	try := func(want, method, path, query, body string, change func(*keyring.Spec)) {
		t.Helper()
		b := newBench(t, change)
		b.want(b.order(func(c *call) { c.method, c.path, c.query, c.body = method, path, query, body }), want)
	}
	eth := func(s *keyring.Spec) { s.Instruments = []string{"ETHUSDT"} }
	cancels := func(s *keyring.Spec) { s.Operations = []vedette.Operation{vedette.OpOrderCancel} }
	try("unauthorised operation", "POST", "/nobody/knows", "a=1", "", cancels)
	try("authentic", "GET", "/api/v3/time", "a=1", "", cancels)
	try("unauthorised instrument", "POST", "/api/v3/order", "side=BUY", "", eth)
	try("unauthorised instrument", "DELETE", "/api/v3/openOrders", "a=1", "", eth)
	try("authentic", "DELETE", "/api/v3/order", "orderId=1", "", eth)
	try("unauthorised instrument", "POST", "/fapi/v1/batchOrders", "batchOrders=[]", "", eth)
	// More parts than anybody looks at.
	try("malformed too_large", "POST", "/fapi/v1/batchOrders", "batchOrders=["+strings.Repeat(`{"symbol":"ETHUSDT"},`, venue.MaxParts)+`{"symbol":"BTCUSDT"}]`, "", eth)
	try("authentic", "POST", "/fapi/v1/batchOrders", "batchOrders=["+strings.Repeat(`{"symbol":"ETHUSDT"},`, venue.MaxParts-1)+`{"symbol":"ETHUSDT"}]`, "", eth)
	// A list of parts that only the venue might read, and a name in query and JSON.
	try("malformed ambiguous", "POST", "/fapi/v1/batchOrders", `batchOrders=[{"symbol":"ETHUSDT","symbol":"BTCUSDT"}]`, "", eth)
	try("malformed ambiguous", "POST", "/api/v3/order", "symbol=BTCUSDT", `{"symbol":"ETHUSDT"}`, eth)
}

// useToken opens a stream with a token.
func (b *bench) useToken(token, want string) {
	b.t.Helper()
	x := &Case{Dialect: venue.Binance, Source: netip.MustParseAddr("192.0.2.7"), Now: b.now, Claim: &venue.Claim{}, Call: &vedette.Call{},
		Request: &venue.Request{Kind: venue.Upgrade, Method: "GET", Path: "/ws/" + token, Session: &venue.Session{}}}
	b.v.Verify(x)
	if got := fmt.Sprint(x.Call.Verdict, x.Call.Reasons); got != want {
		b.t.Errorf("got %s, want %s", got, want)
	}
}

// TestManyTokens: whoever names a thousand tokens in one call has little kept for each.
func TestManyTokens(t *testing.T) {
	b := newBench(t)
	body := `{"id":1,"method":"SUBSCRIBE","params":[`
	const n = 1024
	for i := range n {
		body += fmt.Sprintf(`"%064d",`, i)
	}
	body = strings.TrimSuffix(body, ",") + "]}"
	x := &Case{Dialect: venue.Binance, Source: netip.MustParseAddr("192.0.2.7"), Now: b.now, Claim: &venue.Claim{}, Call: &vedette.Call{}}
	verify := func() {
		x.Request = &venue.Request{Kind: venue.Message, Body: []byte(body), Session: &venue.Session{}}
		b.v.Verify(x)
	}
	verify()
	if x.Call.Verdict != vedette.Unverifiable || len(x.Claim.Tokens) != n-1 || len(x.Parties) != 0 {
		t.Fatalf("%v, %d tokens, %d parties", x.Call.Verdict, len(x.Claim.Tokens)+1, len(x.Parties))
	}
	if got := testing.AllocsPerRun(5, verify); got > 2.5*n {
		t.Errorf("%.0f allocations for %d tokens", got, n)
	}
}

// TestIssue: a token is worth what the call was that got it.
func TestIssue(t *testing.T) {
	b := newBench(t)
	token := func(c string) string { return strings.Repeat(c, 64) }
	c := b.order()
	good := b.want(c, "authentic")
	b.v.Issue(good, &venue.Issued{Token: token("a")})
	replayed := b.want(c, "replayed signature_reused")
	b.v.Issue(replayed, &venue.Issued{Token: token("b")})
	forged := b.want(b.order(func(c *call) { c.secret = "x" }), "forged bad_signature")
	b.v.Issue(forged, &venue.Issued{Token: token("c")})
	byKey := b.want(&call{method: "POST", path: "/api/v3/userDataStream", key: "key-1", from: "192.0.2.7"}, "anonymous no_signature")
	b.v.Issue(byKey, &venue.Issued{Token: token("d")})
	stranger := b.want(&call{method: "POST", path: "/api/v3/userDataStream", key: "nobody", from: "192.0.2.7"}, "anonymous no_signature")
	b.v.Issue(stranger, &venue.Issued{Token: token("e")})
	b.useToken(token("a"), "authentic [session]")
	b.useToken(token("b"), "unverifiable [unknown_key]")
	b.useToken(token("c"), "unverifiable [unknown_key]")
	b.useToken(token("d"), "authentic [session]")
	b.useToken(token("e"), "unverifiable [unknown_key]")
	// Another venue's token of the same text is another token.
	if _, ok := b.v.Issued.find("mexc", token("a"), b.now); ok {
		t.Error("a token crosses venues")
	}
}

// TestPublicTokensDisplaceNone: however many tokens anybody gets, those of credentials
// stay.
func TestPublicTokensDisplaceNone(t *testing.T) {
	b := newBench(t)
	b.v.Issued = NewIssued(DefaultIssued)
	b.v.Issue(b.want(b.order(), "authentic"), &venue.Issued{Token: "own"})
	anybody := &Case{Dialect: venue.KuCoin, Now: b.now, Claim: &venue.Claim{}, Call: &vedette.Call{Verdict: vedette.Anonymous}}
	for i := range 2 * maxPublic {
		b.v.Issue(anybody, &venue.Issued{Token: fmt.Sprint("public-", i)})
	}
	taken := func(table []issuedSlot) (n int) {
		for i := range table {
			if table[i].until > 0 {
				n++
			}
		}
		return n
	}
	if p, own := taken(b.v.Issued.public), taken(b.v.Issued.owned); p < maxPublic*3/4 || p > maxPublic || own != 1 {
		t.Errorf("%d public tokens, %d of credentials", p, own)
	}
	use := func(token, want string) {
		t.Helper()
		x := &Case{Dialect: venue.KuCoin, Now: b.now, Claim: &venue.Claim{}, Call: &vedette.Call{},
			Request: &venue.Request{Kind: venue.Upgrade, Method: "GET", Path: "/", Query: "token=" + token, Session: &venue.Session{}}}
		b.v.Verify(x)
		if got := fmt.Sprint(x.Call.Verdict, x.Call.Reasons); got != want {
			t.Errorf("%s: got %s, want %s", token, got, want)
		}
	}
	use(fmt.Sprint("public-", 2*maxPublic-1), "anonymous []")
	use("nobody's", "unverifiable [unknown_key]")
}

// TestSessionOutlivesKey: a session of a credential that was taken out of the keyring
// authenticates nothing.
func TestSessionOutlivesKey(t *testing.T) {
	b := newBench(t)
	b.v.Bearer = func(*Case) BearerResult { return BearerResult{Verdict: vedette.Forged} } // an issuer, of whatever venue
	s := venue.Session{Key: "key-1"}
	send := func(want string) {
		t.Helper()
		x := &Case{Dialect: venue.Binance, Source: netip.MustParseAddr("192.0.2.7"), Now: b.now, Claim: &venue.Claim{}, Call: &vedette.Call{},
			Request: &venue.Request{Kind: venue.Message, Body: []byte(`{"id":1,"method":"account.status"}`), Session: &s}}
		venue.Binance.Meaning(x.Request, x.Call)
		b.v.Verify(x)
		if got := fmt.Sprint(x.Call.Verdict, x.Call.Reasons); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	send("authentic [session]")
	b.v.Keys.(*keyring.Ring).Remove("binance", "key-1")
	send("unverifiable [unknown_key]")
	s = venue.Session{Key: "desk/alice", Account: "acct-2", External: true} // of a token
	send("authentic [session]")
}

// TestTokenOutlivesKey: what a venue issued to a credential ends with it, and does not
// come back with another of the same id.
func TestTokenOutlivesKey(t *testing.T) {
	b := newBench(t)
	ring := b.v.Keys.(*keyring.Ring)
	use := func(auth venue.Auth, want string) {
		t.Helper()
		d := *venue.Binance
		d.Claim = func(_ *venue.Request, c *venue.Claim) { c.Auth, c.Token = auth, "a token" }
		x := &Case{Dialect: &d, Source: netip.MustParseAddr("192.0.2.7"), Now: b.now, Claim: &venue.Claim{}, Call: &vedette.Call{},
			Request: &venue.Request{Method: "POST", Path: "/sapi/v1/capital/withdraw/apply", Query: "coin=BTC&address=a&amount=1"}}
		d.Meaning(x.Request, x.Call)
		b.v.Verify(x)
		if got := fmt.Sprint(x.Call.Verdict, x.Call.Reasons); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	b.v.Issue(b.want(b.order(), "authentic"), &venue.Issued{Token: "a token"})
	e, _ := ring.Lookup("binance", "key-1")
	for _, auth := range []venue.Auth{venue.AuthToken, venue.AuthBearer} {
		use(auth, "authentic [session]")
		ring.Remove("binance", "key-1")
		use(auth, "unverifiable [unknown_key]")
		if err := ring.Put(e); err != nil {
			t.Fatal(err)
		}
	}
	b.v.ForgetRemoved()
	use(venue.AuthToken, "authentic [session]")
	ring.Remove("binance", "key-1")
	b.v.ForgetRemoved()
	if err := ring.Put(e); err != nil {
		t.Fatal(err)
	}
	use(venue.AuthToken, "unverifiable [unknown_key]")
}

// TestSignatureParameter: the signature in other dress is the same signature or none.
func TestSignatureParameter(t *testing.T) {
	b := newBench(t)
	alter := func(want string, f func(q string) (query, body string)) {
		t.Helper()
		c := b.order(func(c *call) { c.query += "&n=" + fmt.Sprint(len(want)) + want[:1] })
		b.v.Answered(b.want(c, "authentic"))
		b.now = b.now.Add(2 * time.Millisecond)
		d := *c
		d.query, d.body = f(c.query)
		b.want(&d, want)
	}
	swap := func(old, new string) func(string) (string, string) {
		return func(q string) (string, string) { return strings.Replace(q, old, new, 1), "" }
	}
	alter("forged bad_signature signature_reused", swap("signature=", "%73ignature="))
	alter("forged no_signature", swap("signature=", "Signature="))
	alter("malformed ambiguous", func(q string) (string, string) { return q + "&signature=00", "" })
	alter("malformed ambiguous", func(q string) (string, string) { return q + "&SIGNATURE=00", "" })
	alter("malformed ambiguous", func(q string) (string, string) { return q, q[strings.Index(q, "signature="):] })
	// Moved to the body, where Binance takes it as well: the same signature.
	alter("replayed cross_endpoint", func(q string) (string, string) {
		at := strings.Index(q, "&signature=")
		return q[:at], q[at+1:]
	})
	i := 0
	alter("replayed cross_endpoint", func(q string) (string, string) {
		i = strings.Index(q, "signature=") + len("signature=")
		return q[:i] + fmt.Sprintf("%%%02x", q[i]) + q[i+1:], ""
	})
	alter("forged bad_signature", func(q string) (string, string) { return q + "%0a", "" })
	alter("forged bad_signature", func(q string) (string, string) { return q + "+", "" })
}

// TestPassphrase: a good signature with another passphrase than the credential's is
// no good.
func TestPassphrase(t *testing.T) {
	ring := keyring.New(KeyOptions(venue.All))
	if err := ring.Add(keyring.Spec{Credential: vedette.Credential{ID: "key-1", Venue: "okx"}, Scheme: "hmac",
		Secrets: keyring.Secrets{Secret: keyring.NewSecret(testSecret), Passphrase: keyring.NewSecret("right")}}, epoch); err != nil {
		t.Fatal(err)
	}
	v := New(Config{Keys: ring, Window: NewWindow(10), Increasing: NewNonces(10, 1), Highest: NewNonces(10, 100), Issued: NewIssued(100)})
	at := epoch.UTC().Format("2006-01-02T15:04:05.000Z")
	m := hmac.New(sha256.New, []byte(testSecret))
	m.Write([]byte(at + "GET/api/v5/account/balance"))
	sign := base64.StdEncoding.EncodeToString(m.Sum(nil))
	try := func(passphrase, want string) {
		t.Helper()
		x := &Case{Dialect: venue.OKX, Source: netip.MustParseAddr("192.0.2.7"), Now: epoch, Claim: &venue.Claim{}, Call: &vedette.Call{},
			Request: &venue.Request{Method: "GET", Path: "/api/v5/account/balance", Header: venue.Header{{Name: "OK-ACCESS-KEY", Value: "key-1"},
				{Name: "OK-ACCESS-SIGN", Value: sign}, {Name: "OK-ACCESS-TIMESTAMP", Value: at}, {Name: "OK-ACCESS-PASSPHRASE", Value: passphrase}}}}
		venue.OKX.Meaning(x.Request, x.Call)
		v.Verify(x)
		if got := fmt.Sprint(x.Call.Verdict, x.Call.Reasons); got != want {
			t.Errorf("passphrase %q: %s, want %s", passphrase, got, want)
		}
	}
	try("wrong", "forged [bad_passphrase]")
	try("", "forged [bad_passphrase]")
	try("right", "authentic []")
}

// TestAccountBinding: a call for another account than the credential's.
func TestAccountBinding(t *testing.T) {
	d := *venue.Binance
	account := ""
	d.Claim = func(r *venue.Request, c *venue.Claim) {
		venue.Binance.Claim(r, c)
		c.Account = account
	}
	b := newBench(t)
	for _, x := range []struct{ account, want string }{{"acct-2", "unauthorised [account]"}, {"ACCT-1", "authentic []"}, {"", "authentic []"}} {
		account = x.account
		c := b.order(func(c *call) { c.query += "&a=" + x.account })
		k := &Case{Dialect: &d, Source: netip.MustParseAddr(c.from), Now: b.now, Claim: &venue.Claim{}, Call: &vedette.Call{},
			Request: &venue.Request{Method: c.method, Path: c.path, Query: c.query, Header: venue.Header{{Name: "X-MBX-APIKEY", Value: c.key}}}}
		d.Meaning(k.Request, k.Call)
		b.v.Verify(k)
		if got := fmt.Sprint(k.Call.Verdict, k.Call.Reasons); got != x.want {
			t.Errorf("account %q: %s, want %s", x.account, got, x.want)
		}
	}
}

// TestUnreadMessages: a message that the monitor cannot read passes for nothing, on a
// session that is logged in or not.
func TestUnreadMessages(t *testing.T) {
	b := newBench(t)
	order := `{"id":"1","op":"order","args":[{"instId":"BTC-USDT","side":"buy","ordType":"market","sz":"1"}]}`
	try := func(d *venue.Dialect, body, key, want string) {
		t.Helper()
		x := &Case{Dialect: d, Now: b.now, Claim: &venue.Claim{}, Call: &vedette.Call{},
			Request: &venue.Request{Kind: venue.Message, Body: []byte(body), Session: &venue.Session{Key: key}}}
		d.Meaning(x.Request, x.Call)
		b.v.Verify(x)
		got := x.Call.Verdict.String()
		if len(x.Call.Reasons) > 0 {
			got += " " + string(x.Call.Reasons[0])
		}
		if got != want {
			t.Errorf("%s %.20q: %s, want %s", d.Name, body, got, want)
		}
	}
	var wide, zipped []byte
	for _, c := range utf16.Encode([]rune("\ufeff" + order)) {
		wide = binary.LittleEndian.AppendUint16(wide, c)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write([]byte(order))
	w.Close()
	zipped = z.Bytes()
	for _, body := range []string{"\ufeff" + order, "\u00a0" + order, "\f" + order, "/**/" + order, "\x00" + order, string(wide), string(wide[2:]),
		string(zipped), `"` + order, "1", "cancel all", "ping" + order} {
		for _, d := range venue.All {
			try(d, body, "key-1", "malformed ambiguous")
			try(d, body, "", "malformed ambiguous")
		}
	}
	for _, d := range venue.All {
		for _, body := range []string{"ping", "pong", "ping\n", ""} {
			try(d, body, "", "anonymous")
		}
	}
	try(venue.KuCoin, order[1:], "", "malformed ambiguous")

	for _, d := range venue.All {
		for _, body := range []string{"[" + order + "]", "[" + order + "," + order + "]", "[[" + order + "]]", "[]"} {
			try(d, body, "key-1", "malformed ambiguous")
			try(d, body, "", "malformed ambiguous")
		}
	}
	try(venue.Binance, `[0,"id","topic",`+order+`]`, "", "malformed ambiguous")
	try(venue.Bitfinex, `[0,"on",null,{"symbol":"tBTCUSD"}]`, "", "anonymous")
	try(venue.BitMEX, `[1,"id","topic"]`, "", "anonymous")
}
