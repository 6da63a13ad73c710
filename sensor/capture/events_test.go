package capture

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"vedette"
)

// someCall makes a call with many members set, or few.
func someCall(r *rand.Rand) *vedette.Call {
	text := func(s string) string {
		if r.IntN(2) == 0 {
			return ""
		}
		return s + []string{"", "é\"\\\n", "ß"}[r.IntN(3)]
	}
	dec := func() (d vedette.Decimal) {
		if r.IntN(2) == 0 {
			d = vedette.NewDecimal(r.Int64N(1e9), uint8(r.IntN(9)))
		}
		return d
	}
	action := func() vedette.Action {
		return vedette.Action{Operation: vedette.Operation(r.IntN(vedette.Operations)), Instrument: text("BTCUSDT"), Side: vedette.Side(r.IntN(3)), Type: vedette.OrderType(r.IntN(4)),
			TimeInForce: vedette.TimeInForce(r.IntN(4)), PostOnly: r.IntN(2) == 0, ReduceOnly: r.IntN(2) == 0, Price: dec(), StopPrice: dec(), Quantity: dec(),
			ClientOrderID: text("c"), TargetOrderID: text("t"), Object: text("o"), Asset: text("a"), Address: text("0x")}
	}
	at := func() time.Time { return time.Unix(1767614400, r.Int64N(1e15)).UTC() }
	c := &vedette.Call{Time: at(), Sensor: text("proxy"), Venue: text("binance"), Protocol: vedette.Protocol(r.IntN(3)), JA4: text("t13d"), Client: text("ccxt"),
		Session: uint64(r.IntN(5)), Credential: text("key"), Account: text("acct"), Owner: text("owner"), ACR: text("gold"), Method: text("POST"), Path: text("/api"),
		Action: action(), Verdict: vedette.Verdict(r.IntN(vedette.Verdicts)), SignatureHash: text("ab"), Nonce: text("1"), RequestBytes: r.IntN(999), ASN: uint32(r.IntN(70000)), Country: text("CH"),
		Answer: vedette.Answer{Status: r.IntN(600), Outcome: vedette.Outcome(r.IntN(4)), Error: text("-1"), OrderID: text("9"), Bytes: r.IntN(999), Latency: time.Duration(r.IntN(1e6)) * time.Microsecond}}
	if r.IntN(2) == 0 {
		c.Source, c.Claimed, c.AcceptUntil, c.AuthTime = netip.MustParseAddrPort("[2001:db8::7]:443"), at(), at(), at()
		c.Reasons, c.AMR = []vedette.Reason{vedette.Retry, vedette.OldSecret}, []string{"pwd", "otp"}
		c.Batch = []vedette.Action{action(), action()}
		c.Intel = []vedette.IntelMatch{{Feed: "tor", Kind: vedette.IndicatorAddress, Confidence: 80, Action: vedette.IntelStepUp}}
		c.Injection = vedette.Injection{Classes: vedette.AttackSQLi | vedette.AttackRCE, Score: 15, Rules: [4]uint32{942100, 932160}, Where: vedette.InBody,
			Parameter: text("symbol"), Sample: text("' or 1=1"), Unexamined: vedette.Unexamined(r.IntN(vedette.UnexaminedCauses))}
		c.Decision = vedette.Decision{Effect: vedette.Deny, Reason: vedette.Frozen, Restriction: "r-1"}
	}
	return c
}

// What the ledger's records say of a call is read back whole.
func TestCallRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var p EventParser
	got := &vedette.Call{}
	for range 3000 {
		want := someCall(r)
		line := vedette.AppendCall(nil, want)
		ok, err := p.Parse(line, got)
		if err != nil || !ok {
			t.Fatalf("%s: %v", line, err)
		}
		again := vedette.AppendCall(nil, got)
		if !bytes.Equal(again, line) {
			t.Fatalf("wrote %s\nread  %s", line, again)
		}
		if got.Price.IsSet() != want.Price.IsSet() || !reflect.DeepEqual(got.Batch, want.Batch) && len(want.Batch) > 0 {
			t.Fatalf("%+v became %+v", want.Action, got.Action)
		}
	}
}

func TestReadJudged(t *testing.T) {
	text := `{"event":"call","time":"2026-01-05T12:00:00.5Z","venue":"okx","source":"192.0.2.7","credential":"k","verdict":"authentic","status":200}

{"event":"trade","time":"2026-01-05T12:00:01Z","price":"1"}
{"event":"account","time":1767614402000000000,"account":"a","kind":"mfa_reset","detail":"by phone"}`
	var got []string
	if err := ReadJudged(strings.NewReader(text), false, func(j *Judged) error {
		c := &j.Call
		got = append(got, fmt.Sprintf("%d %d %s %s %s %s %s %s", j.Line, c.Time.UnixMilli(), c.Venue, c.Source.Addr(), c.Account, c.Operation, c.Path, c.Object))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{"1 1767614400500 okx 192.0.2.7  unknown  ", "4 1767614402000  invalid IP a mfa.change account:mfa_reset by phone"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestBadEvents(t *testing.T) {
	for text, words := range map[string]string{
		`{"event":"call"`: "line 1: cannot read event: cannot read JSON at byte 15",
		`{"event":"call","time":"2026-01-05T12:00:00Z","tiem":1}`:                                  "tiem: no such member",
		`{"event":"call","time":"yesterday"}`:                                                      `time: "yesterday" is no RFC 3339 time`,
		`{"event":"call","venue":"x"}`:                                                             "it has no time",
		`{"event":"cal","time":"2026-01-05T12:00:00Z"}`:                                            `there is no kind "cal"`,
		`{"event":"call","time":"2026-01-05T12:00:00Z","status":"200"}`:                            "status",
		`{"event":"call","time":"2026-01-05T12:00:00Z","price":1.5}`:                               "price: not decimal text",
		`{"event":"call","time":"2026-01-05T12:00:00Z","verdict":"fine"}`:                          "verdict",
		`{"event":"call","time":"2026-01-05T12:00:00Z","source":"here"}`:                           `"here" is no address`,
		`{"event":"call","time":"2026-01-05T12:00:00Z","time":"2026-01-05T12:00:00Z"}`:             "duplicate",
		`{"event":"account","time":"2026-01-05T12:00:00Z","kind":"sold"}`:                          `no kind "sold"`,
		`{"event":"call","time":"2026-01-05T12:00:00Z","batch":[{"operation":"order.new","x":1}]}`: "batch: x",
	} {
		err := ReadJudged(strings.NewReader(text), false, func(*Judged) error { return nil })
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %q", text, err, words)
		}
	}
	lenient := `{"event":"call","time":"2026-01-05T12:00:00Z","tiem":1}`
	if err := ReadJudged(strings.NewReader(lenient), true, func(*Judged) error { return nil }); err != nil {
		t.Errorf("lenient: %v", err)
	}
}

func FuzzEvents(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 10 {
		f.Add(vedette.AppendCall(nil, someCall(r)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p EventParser
		var c, d vedette.Call
		if ok, err := p.Parse(b, &c); err != nil || !ok || strings.Contains(c.Path, "account:") {
			return
		}
		line := vedette.AppendCall(nil, &c)
		if ok, err := new(EventParser).Parse(line, &d); err != nil || !ok {
			t.Fatalf("%q was read, and written as %q: %v", b, line, err)
		}
	})
}

func BenchmarkEvents(b *testing.B) {
	line := []byte(`{"event":"call","time":"2026-01-05T12:00:00.058596208Z","sensor":"proxy","venue":"binance","protocol":"http","source":"198.18.0.9:52100","client":"ccxt/4.5.84","credential":"desk-1","account":"acct-1","owner":"owner-1","method":"POST","path":"/api/v3/order","operation":"order.new","instrument":"SOLUSDT","side":"sell","type":"limit","time_in_force":"ioc","price":"39.84000000","quantity":"40.27500000","client_order_id":"taker-8-1","status":200,"outcome":"expired","order_id":"2","latency_us":17188,"request_bytes":232,"response_bytes":387,"verdict":"authentic","reasons":[],"decision":"allow","signature_hash":"1f4b8fb7f8daf5781c8034122865b457","claimed_time":"2026-01-05T12:00:00.058Z"}`)
	var p EventParser
	var c vedette.Call
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Parse(line, &c); err != nil {
			b.Fatal(err)
		}
	}
}
