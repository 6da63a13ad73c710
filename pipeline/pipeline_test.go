package pipeline

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"vedette"
	"vedette/detect"
	"vedette/detect/rule"
	"vedette/gate"
	"vedette/keyring"
	"vedette/ledger"
	"vedette/payload"
	"vedette/sensor"
	"vedette/venue"
	"vedette/verify"
)

const secret = "dummysecret0123456789abcdef"

// memory is a log that keeps records, and fails when told to.
type memory struct {
	mu      sync.Mutex
	records []string
	err     error
	lost    uint64
	waited  int
	slow    bool
}

func (m *memory) Append(b []byte) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return 0, m.err
	}
	m.records = append(m.records, string(b))
	return uint64(len(m.records) - 1), nil
}

func (m *memory) Wait(context.Context, uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waited++
	return m.err
}

func (m *memory) Overdue() bool { return m.slow }

func (m *memory) Lost(n uint64) {
	m.mu.Lock()
	m.lost += n
	m.mu.Unlock()
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	m.err = err
	m.mu.Unlock()
}

// last returns the newest record, decoded.
func (m *memory) last(t *testing.T) map[string]any {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.records) == 0 {
		t.Fatal("no record")
	}
	return decodeRecord(t, m.records[len(m.records)-1])
}

func decodeRecord(t *testing.T, s string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("%v: %s", err, s)
	}
	return v
}

type world struct {
	t   *testing.T
	m   *Monitor
	log *memory
	now time.Time
	x   sensor.Exchange
	n   int
}

func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	ring := keyring.New(verify.KeyOptions(venue.All))
	if err := ring.Add(keyring.Spec{Credential: vedette.Credential{ID: "key-1", Venue: "binance", Account: "acct-1", Owner: "owner-1"}, Scheme: "hmac",
		Secrets: keyring.Secrets{Secret: keyring.NewSecret(secret)}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	g, err := gate.New(gate.Config{Mode: gate.Enforce})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, log: &memory{}, now: time.UnixMilli(1795340739148)}
	c := Config{Gate: g, Log: w.log, Inline: true, Detect: detect.Config{Detectors: rule.All()}, Now: func() time.Time { return w.now }, Verifier: verify.New(verify.Config{Keys: ring,
		Window: verify.NewWindow(1000), Increasing: verify.NewNonces(10, 1), Highest: verify.NewNonces(10, 100), Issued: verify.NewIssued(100)})}
	for _, f := range change {
		f(&c)
	}
	if w.m, err = New(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.m.Close)
	return w
}

func sign(s string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(s))
	return hex.EncodeToString(m.Sum(nil))
}

// request readies the exchange for a signed request.
func (w *world) request(path, params string) *sensor.Exchange {
	w.n++
	q := fmt.Sprintf("%s&n=%d&timestamp=%d", params, w.n, w.now.UnixMilli())
	x := &w.x
	x.Sensor, x.Dialect, x.Arrived, x.Source, x.Fault, x.Session = "proxy", venue.Binance, w.now, netip.MustParseAddrPort("192.0.2.7:1"), "", nil
	x.Request.Reset()
	x.Answer.Reset()
	x.Request.Method, x.Request.Path, x.Request.Body = "POST", path, []byte(q+"&signature="+sign(q))
	x.Request.Header = append(x.Request.Header, venue.Field{Name: "X-MBX-APIKEY", Value: "key-1"}, venue.Field{Name: "User-Agent", Value: "test/1"})
	return x
}

func (w *world) send(x *sensor.Exchange, status int, body string) {
	w.m.Judge(x)
	if !x.Call.Decision.Refused() {
		x.Answer.Kind, x.Answer.Status, x.Answer.Body, x.AnswerBytes = venue.HTTPAnswer, status, []byte(body), len(body)
	}
	w.now = w.now.Add(3 * time.Millisecond)
	w.m.Done(x)
}

func (w *world) want(record map[string]any, fields ...any) {
	w.t.Helper()
	for i := 0; i < len(fields); i += 2 {
		if got := record[fields[i].(string)]; fmt.Sprint(got) != fmt.Sprint(fields[i+1]) {
			w.t.Errorf("%v is %v, want %v, in %v", fields[i], got, fields[i+1], record)
		}
	}
}

func TestRecordOfAnOrder(t *testing.T) {
	w := newWorld(t)
	w.send(w.request("/api/v3/order", "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=20000"), 200, `{"orderId":28,"status":"NEW"}`)
	w.want(w.log.last(t), "event", "call", "verdict", "authentic", "decision", "allow", "operation", "order.new", "instrument", "BTCUSDT", "side", "buy",
		"type", "limit", "price", "20000", "quantity", "0.01", "credential", "key-1", "account", "acct-1", "owner", "owner-1", "status", 200,
		"order_id", "28", "outcome", "accepted", "latency_us", 3000, "client", "test/1")
	if w.log.last(t)["body_sha256"] == nil {
		t.Error("no hash of the body")
	}
}

func TestRefusedIsRecorded(t *testing.T) {
	w := newWorld(t)
	x := w.request("/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1")
	x.Request.Body = []byte(strings.Replace(string(x.Request.Body), "quantity=1", "quantity=9", 1))
	w.send(x, 0, "")
	w.want(w.log.last(t), "verdict", "forged", "decision", "deny", "decision_reason", "bad_signature", "status", 400)
	if x.Refusal.Status != 400 || !strings.Contains(string(x.Refusal.Body), "-1022") {
		t.Errorf("refused with %d %s", x.Refusal.Status, x.Refusal.Body)
	}
}

// TestNoSecretsInRecords goes through every body policy with every way to sign, and
// looks for what must not be there.
func TestNoSecretsInRecords(t *testing.T) {
	for _, keep := range []BodyKeep{BodyHash, BodyRedacted, BodySealed, BodyNone} {
		t.Run(keep.String(), func(t *testing.T) {
			w := newWorld(t, func(c *Config) {
				for i := range c.Bodies {
					c.Bodies[i] = keep
				}
				c.Seal = func(dst, body []byte) ([]byte, error) { return append(dst, "sealed"...), nil }
			})
			x := w.request("/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&password=hunter22")
			_, signature, _ := strings.Cut(string(x.Request.Body), "signature=")
			w.send(x, 200, "{}")
			r := w.log.records[0]
			for _, bad := range []string{signature, "hunter22", secret} {
				if strings.Contains(r, bad) {
					t.Errorf("record holds %q: %s", bad, r)
				}
			}
			if has := strings.Contains(r, "symbol=BTCUSDT"); has != (keep == BodyRedacted) {
				t.Errorf("body text in the record: %v: %s", has, r)
			}
		})
	}
}

func TestRedact(t *testing.T) {
	try := func(in, want string, secrets ...string) {
		t.Helper()
		if got := redact([]byte(in), secrets...); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
	try("a=1&signature=xyz&b=2", "a=1&signature=[redacted]&b=2")
	try("a=1&api_secret=xyz", "a=1&api_secret=[redacted]")
	try("note=my%2Bsig%3D", "note=[redacted]", "my+sig=")
	try(`{"op":"auth","args":["key","17","c0ffee"]}`, `{"op":"auth","args":["key","17","[redacted]"]}`, "c0ffee")
	try(`{"a":{"passphrase":"p","n":1.50,"l":[true,null]},"otp":7}`, `{"a":{"passphrase":"[redacted]","n":1.50,"l":[true,null]},"otp":"[redacted]"}`)
	try("free text", "[redacted]")
	try("%63lient_secret=x&a=1", "%63lient_secret=[redacted]&a=1")
	try(`"signature=x`, `"signature=[redacted]`)
	try(`{"a":"{\"password\":\"x\"}"}`, `{"a":"{\"password\":\"[redacted]\"}"}`)
	try("listenKey=abc&privateKey=x", "listenKey=[redacted]&privateKey=[redacted]")
	try("<xml>a=b</xml>", "[redacted]")
	try(`{"a":1,"a":2}`, "[redacted]")
}

// TestSecretNames: every venue's words for secrets and one-time codes, and none of those
// that records need.
func TestSecretNames(t *testing.T) {
	for _, name := range strings.Fields(`otp otpToken otp_code twoFactorToken two_factor_code 2fa tfa mfaCode totp user-otp token accessToken refresh_token
		signature sign apisign Signature authSig signed_challenge passphrase api_passphrase password fund_password fundPwd tradePwd loginPassword secret
		api_secret clientSecret secret_key captcha captchaId geetest_captcha emailCode email_code mail-code smsCode sms_code phoneCode googleCode
		google_code gaCode authCode verifyCode verificationCode security_code pin fundPin listenKey privateKey mnemonic seed jwt
		security_key_authorization_data X-Deribit-SecurityKey CB-2FA-TOKEN authorization cookie %6ftp`) {
		if !secretName(name) {
			t.Errorf("%s stays in a record", name)
		}
	}
	for _, name := range strings.Fields(`symbol side spotPrice spot_position lotPrecision price stopPrice quantity clientOrderId newClientOrderId ordId
		code errCode contract_code currency coin address tag memo network chain amount apiKey api_key timestamp recvWindow nonce ping opening mapping
		shipping instId tdMode account subAccount reduceOnly`) {
		if secretName(name) {
			t.Errorf("%s is taken out of records", name)
		}
	}
}

func TestListenKeyIsNotRecorded(t *testing.T) {
	w := newWorld(t)
	listenKey := strings.Repeat("pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1", 1)
	x := w.request("/ws/"+listenKey, "")
	x.Request.Kind, x.Request.Method, x.Request.Body = venue.Upgrade, "GET", nil
	x.Session = &sensor.Session{Session: venue.Session{ID: 7}, Dialect: venue.Binance}
	x.Request.Session = &x.Session.Session
	w.send(x, 101, "")
	if r := w.log.records[0]; strings.Contains(r, listenKey) || !strings.Contains(r, "/ws/[redacted]") {
		t.Error(r)
	}
}

// message readies the exchange for a signed WebSocket message.
func (w *world) message(s *sensor.Session, id, method string) *sensor.Exchange {
	x := w.request("/ws-api/v3", "")
	p := fmt.Sprintf("apiKey=key-1&n=%d&symbol=BTCUSDT&timestamp=%d", w.n, w.now.UnixMilli())
	x.Request.Kind, x.Request.Method, x.Session, x.Request.Session = venue.Message, "", s, &s.Session
	x.Request.Body = fmt.Appendf(nil, `{"id":"%s","method":"%s","params":{"apiKey":"key-1","n":%d,"symbol":"BTCUSDT","timestamp":%d,"signature":"%s"}}`,
		id, method, w.n, w.now.UnixMilli(), sign(p))
	return x
}

func TestMessageMeetsItsAnswer(t *testing.T) {
	w := newWorld(t)
	s := &sensor.Session{Session: venue.Session{ID: 7}, Dialect: venue.Binance}
	w.send(w.message(s, "a", "order.place"), 0, "")
	w.send(w.message(s, "b", "order.cancel"), 0, "")
	if len(w.log.records) != 0 {
		t.Fatalf("recorded before the answer: %v", w.log.records)
	}
	w.m.Reply(s, []byte(`{"e":"depthUpdate"}`), w.now)
	w.m.Reply(s, []byte(`{"id":"b","status":400,"error":{"code":-2011,"msg":"Unknown order sent."}}`), w.now.Add(time.Millisecond))
	w.want(w.log.last(t), "operation", "order.cancel", "protocol", "websocket", "error", "-2011", "outcome", "rejected", "status", 400, "session", 7)
	w.m.Reply(s, []byte(`{"id":"a","status":200,"result":{"orderId":9,"status":"FILLED"}}`), w.now)
	w.want(w.log.last(t), "operation", "order.new", "order_id", "9", "outcome", "filled", "verdict", "authentic")
	w.send(w.message(s, "c", "order.place"), 0, "")
	w.m.Closed(s, w.now)
	w.want(w.log.last(t), "operation", "order.new")
	if len(w.log.records) != 3 || w.log.last(t)["status"] != nil {
		t.Errorf("%v", w.log.records)
	}
}

func TestUnzipped(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(`{"ping":1}`))
	z.Close()
	if got := unzipped(b.Bytes()); string(got) != `{"ping":1}` {
		t.Errorf("%q", got)
	}
	if got := unzipped(b.Bytes()[:b.Len()-1]); len(got) != b.Len()-1 {
		t.Errorf("cut message: %q", got)
	}
	b.Reset()
	z.Reset(&b)
	z.Write(make([]byte, 2*maxReply))
	z.Close()
	if got := unzipped(b.Bytes()); len(got) != b.Len() {
		t.Errorf("a bomb became %d bytes", len(got))
	}
}

// TestUnansweredMessagesAreBounded sends without ever getting an answer.
func TestUnansweredMessagesAreBounded(t *testing.T) {
	w := newWorld(t)
	s := &sensor.Session{Session: venue.Session{ID: 7}, Dialect: venue.Binance}
	for i := range pendingMessages + 10 {
		w.send(w.message(s, fmt.Sprint(i), "order.place"), 0, "")
	}
	if len(w.log.records) != 10 || len(s.State.(*conversation).pending) != pendingMessages {
		t.Errorf("%d recorded, %d pending", len(w.log.records), len(s.State.(*conversation).pending))
	}
}

func TestFullLedger(t *testing.T) {
	w := newWorld(t)
	w.log.fail(ledger.ErrFull)
	order := func() *sensor.Exchange {
		return w.request("/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1")
	}
	withdraw := func() *sensor.Exchange {
		return w.request("/sapi/v1/capital/withdraw/apply", "coin=BTC&address=bc1qdummy&amount=1")
	}
	w.send(order(), 200, "{}") // finds out
	x := order()
	w.send(x, 200, "{}")
	if d := x.Call.Decision; d.Refused() || d.Reason != vedette.FailOpen {
		t.Errorf("order: %+v", d)
	}
	x = withdraw()
	w.send(x, 200, "{}")
	if d := x.Call.Decision; !d.Refused() || d.Reason != vedette.FailClosed {
		t.Errorf("withdrawal: %+v", d)
	}
	if w.log.lost != 3 || w.m.Stats().Lost != 3 {
		t.Errorf("lost %d, counted %d", w.log.lost, w.m.Stats().Lost)
	}
	w.log.fail(nil)
	w.send(order(), 200, "{}")
	x = withdraw()
	w.send(x, 200, "{}")
	if x.Call.Decision.Refused() {
		t.Errorf("withdrawal after recovery: %+v", x.Call.Decision)
	}
}

func TestSyncWaits(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Sync = true })
	x := w.request("/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1")
	w.send(x, 200, "{}")
	if w.log.waited != 1 || !x.Receipt.Durable {
		t.Errorf("waited %d times, receipt %+v", w.log.waited, x.Receipt)
	}
}

// TestSlowDiskHoldsAnswers: beyond the stated bound an answer waits for its record.
func TestSlowDiskHoldsAnswers(t *testing.T) {
	w := newWorld(t)
	order := func() {
		w.send(w.request("/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1"), 200, "{}")
	}
	order()
	w.log.slow = true
	order()
	if w.log.waited != 1 {
		t.Errorf("waited %d times", w.log.waited)
	}
}

// TestHugeCallStaysARecord sends fields that are too long for a record of 64 KiB.
func TestHugeCallStaysARecord(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		for i := range c.Bodies {
			c.Bodies[i] = BodyRedacted
		}
	})
	long := strings.Repeat("A", 90000)
	w.send(w.request("/api/v3/order", "symbol="+long+"&newClientOrderId="+long), 200, "{}")
	r := w.log.last(t)
	if len(w.log.records[0]) > maxRecord {
		t.Errorf("record of %d bytes", len(w.log.records[0]))
	}
	w.want(r, "clipped", true, "credential", "key-1", "operation", "order.new", "verdict", "authentic")
}

func TestFindingIsRecorded(t *testing.T) {
	var found []*vedette.Finding
	w := newWorld(t, func(c *Config) { c.Finding = func(f *vedette.Finding) { found = append(found, f) } })
	x := w.request("/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1")
	body := string(x.Request.Body)
	w.send(x, 200, "{}")
	x = w.request("/api/v3/order/test", "")
	x.Request.Body = []byte(body)
	w.send(x, 200, "{}")
	if len(found) != 1 || found[0].Detector != "access.cross_endpoint_replay" || found[0].Evidence[0] != 1 {
		t.Fatalf("%+v", found)
	}
	r := w.log.last(t)
	if r["event"] != "finding" || r["finding"].(map[string]any)["id"] != found[0].ID {
		t.Errorf("%v", r)
	}
}

// TestDetectorsQueueIsBounded floods the detectors: calls do not wait for them, and
// what they did not see is counted and told.
func TestDetectorsQueueIsBounded(t *testing.T) {
	block := make(chan struct{})
	w := newWorld(t, func(c *Config) {
		c.Inline = false
		c.Finding = func(*vedette.Finding) { <-block }
	})
	n := 0
	send := func() {
		x := w.request("/api/v3/order", "symbol=BTCUSDT")
		x.Request.Body[0]++
		w.send(x, 0, "")
		n++
	}
	for w.m.Stats().Unseen < 100 {
		if send(); n > 1<<19 { // while a small batch is judged, 1<<18 wait
			close(block)
			t.Fatal("the queue has no bound")
		}
	}
	close(block)
	w.m.engine.Load().Flush()
	send() // and tells what was left out before
	unseen := w.m.Stats().Unseen
	w.m.Close()
	gaps := 0
	for _, r := range w.log.records {
		if strings.HasPrefix(r, `{"event":"gap"`) {
			gaps += int(decodeRecord(t, r)["lost"].(float64))
		}
	}
	if gaps != int(unseen) {
		t.Errorf("told of %d, %d unseen", gaps, unseen)
	}
}

// TestJudgeDoesNotAllocate holds the path of an order to no allocation in steady
// state, but for the log's.
func TestJudgeDoesNotAllocate(t *testing.T) {
	t.Run("plain", func(t *testing.T) { judgeDoesNotAllocate(t, newWorld(t)) })
	t.Run("listed", func(t *testing.T) {
		w := newWorld(t, listing(t, vedette.IntelFlag, "192.0.2.0/24\n"))
		judgeDoesNotAllocate(t, w)
		if len(w.x.Call.Intel) != 1 {
			t.Errorf("%+v", w.x.Call.Intel)
		}
	})
	t.Run("payloads looked for", func(t *testing.T) {
		judgeDoesNotAllocate(t, newWorld(t, func(c *Config) { c.Payloads.Examiner = payload.New(payload.Config{}) }))
	})
}

func judgeDoesNotAllocate(t *testing.T, w *world) {
	w.m.Log = discard{}
	x := w.request("/api/v3/order", "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=20000")
	header, body := x.Request.Header, x.Request.Body
	answer := []byte(`{"orderId":28,"status":"NEW"}`)
	n := testing.AllocsPerRun(200, func() {
		x.Request.Reset()
		x.Request.Method, x.Request.Path, x.Request.Header, x.Request.Body = "POST", "/api/v3/order", header, body
		w.m.Judge(x)
		x.Answer.Reset()
		x.Answer.Kind, x.Answer.Status, x.Answer.Body = venue.HTTPAnswer, 200, answer
		x.Call.Verdict = vedette.Authentic // the second and further are replays, whose way to the detectors allocates
		w.m.Done(x)
	})
	if n > allowedAllocs {
		t.Errorf("%v allocations", n)
	}
}

type discard struct{}

func (discard) Append([]byte) (uint64, error)      { return 0, nil }
func (discard) Wait(context.Context, uint64) error { return nil }
func (discard) Lost(uint64)                        {}
func (discard) Overdue() bool                      { return false }

// TestLogStateWithoutCalls: the gate learns of the log's state while nothing comes.
func TestLogStateWithoutCalls(t *testing.T) {
	g, err := gate.New(gate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(Config{Gate: g, Log: &memory{}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, err := range []error{nil, ledger.ErrFull, ledger.ErrFull, nil, nil} {
		m.LogState(err)
		if failing := len(g.Failing()) > 0; failing != (err != nil) {
			t.Errorf("after %v: %v", err, g.Failing())
		}
	}
}

// TestWaitingMessagesShareMemory: large messages without an answer hold no more memory
// than all sessions may, and give it back.
func TestWaitingMessagesShareMemory(t *testing.T) {
	w := newWorld(t)
	s := &sensor.Session{Session: venue.Session{ID: 7}, Dialect: venue.Binance}
	const size = 1 << 20
	for i := range 100 {
		w.send(w.message(s, fmt.Sprint(i, strings.Repeat("x", size)), "order.place"), 0, "")
	}
	conv := s.State.(*conversation)
	if n := len(conv.pending); n == 0 || n > sharedPending/size || len(w.log.records) != 100-n {
		t.Errorf("%d recorded, %d pending", len(w.log.records), n)
	}
	small := &sensor.Session{Session: venue.Session{ID: 8}, Dialect: venue.Binance}
	w.send(w.message(small, "small", "order.place"), 0, "")
	if len(small.State.(*conversation).pending) != 1 {
		t.Error("a session's own room is taken by another")
	}
	w.m.Closed(s, w.now)
	w.m.Closed(small, w.now)
	if n := w.m.pending.Load(); n != 0 || conv.held != 0 || len(w.log.records) != 101 {
		t.Errorf("%d bytes held, %d by the session, %d recorded", n, conv.held, len(w.log.records))
	}
}
