package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
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
			ClientOrderID: text("c"), TargetOrderID: text("t"), Object: text("o"), Asset: text("a"), Address: text("0x"), Ambiguous: r.IntN(2) == 0}
	}
	at := func() time.Time { return time.Unix(1767614400, r.Int64N(1e15)).UTC() }
	c := &vedette.Call{Time: at(), Sensor: text("proxy"), Venue: text("binance"), Protocol: vedette.Protocol(r.IntN(3)), JA4: text("t13d"), Client: text("ccxt"),
		Session: uint64(r.IntN(5)), Credential: text("key"), Joint: text("vault"), Account: text("acct"), Owner: text("owner"), ACR: text("gold"), Method: text("POST"), Path: text("/api"),
		Action: action(), Verdict: vedette.Verdict(r.IntN(vedette.Verdicts)), SignatureHash: text("ab"), Nonce: text("1"), RequestBytes: r.IntN(999), ASN: uint32(r.IntN(70000)), Country: text("CH"),
		Answer: vedette.Answer{Status: r.IntN(600), Outcome: vedette.Outcome(r.IntN(4)), Error: text("-1"), OrderID: text("9"), Account: text("77"), Bytes: r.IntN(999), Latency: time.Duration(r.IntN(1e6)) * time.Microsecond}}
	if r.IntN(2) == 0 {
		c.Source, c.Claimed, c.AcceptUntil, c.AuthTime = netip.MustParseAddrPort("[2001:db8::7]:443"), at(), at(), at()
		c.Reasons, c.AMR = []vedette.Reason{vedette.Retry, vedette.OldSecret}, []string{"pwd", "otp"}
		c.Batch = []vedette.Action{action(), action()}
		c.Intel = []vedette.IntelMatch{{Feed: "tor", Kind: vedette.IndicatorAddress, Confidence: 80, Action: vedette.IntelStepUp}}
		c.Injection = vedette.Injection{Classes: vedette.AttackSQLi | vedette.AttackRCE, Score: 15, Rules: [4]uint32{942100, 932160}, Where: vedette.InBody,
			Parameter: text("symbol"), Sample: text("' or 1=1"), Unexamined: vedette.Unexamined(r.IntN(vedette.UnexaminedCauses))}
		c.Decision = vedette.Decision{Effect: vedette.Deny, Reason: vedette.Frozen, Restriction: "r-1", RetryAfterMS: int64(r.IntN(9))}
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

// However the text comes, lines are read whole, in order, and until the first bad one.
func TestReadJudgedInPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	var text []byte
	var want []int
	for line := 1; line <= 2000; line++ {
		switch r.IntN(20) {
		case 0:
			text = append(text, " \n"...)
			continue
		case 1:
			text = append(text, `{"event":"trade"}`...)
		case 2:
			text = fmt.Appendf(text, `{"event":"call","time":%d,"path":"%0*d"}`, line, 1+r.IntN(3*blockBytes), 0)
			want = append(want, line)
		default:
			text = fmt.Appendf(text, `{"event":"call","time":%d}`, line)
			want = append(want, line)
		}
		text = append(text, '\n')
	}
	bad := append(slices.Clip(text), "{\n"...)
	for _, x := range []struct {
		r   io.Reader
		err string
	}{{bytes.NewReader(text), ""}, {bytes.NewReader(text[:len(text)-1]), ""}, {iotest.HalfReader(bytes.NewReader(text)), ""}, {iotest.DataErrReader(bytes.NewReader(text)), ""},
		{iotest.OneByteReader(bytes.NewReader(text)), ""}, {bytes.NewReader(bad), "line 2001: cannot read event"},
		{io.MultiReader(bytes.NewReader(text), iotest.ErrReader(errors.New("broken"))), "line 2001: broken"}} {
		var got []int
		err := ReadJudged(x.r, false, func(j *Judged) error {
			if got = append(got, j.Line); j.Call.Time.UnixNano() != int64(j.Line) {
				t.Fatalf("line %d: time %v", j.Line, j.Call.Time)
			}
			return nil
		})
		if x.err == "" && err != nil || x.err != "" && (err == nil || !strings.Contains(err.Error(), x.err)) || !slices.Equal(got, want) {
			t.Errorf("%T: %d calls and %v, want %d and %q", x.r, len(got), err, len(want), x.err)
		}
	}
	stop := errors.New("stop")
	n := 0
	if err := ReadJudged(bytes.NewReader(text), false, func(*Judged) error { n++; return stop }); err != stop || n != 1 {
		t.Errorf("%d calls and %v after an error", n, err)
	}
	if err := ReadJudged(io.LimitReader(blank{}, maxUnit*2), false, nil); err == nil || err.Error() != fmt.Sprintf("line 1: over %d bytes", maxUnit) {
		t.Errorf("a long line: %v", err)
	}
}

// blank is a line that does not end.
type blank struct{}

func (blank) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte(" "), len(p))), nil }

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

// What is written plainly reads as through the tree, and everything else is left to the tree.
func TestPlain(t *testing.T) {
	const begin, end = `{"event":"call","time":"2026-01-05T12:00:00.5Z",`, `}`
	for text, want := range map[string]bool{
		`"venue":"okx","status":200,"would_deny":false,"post_only":true,"reasons":["retry","clock_ahead"],"amr":[]`:          true,
		`"venue" : "okx" , "status" : 0, "reasons" : [ "retry" , "clock_ahead" ] `:                                           true,
		`"batch":[{"operation":"order.new","price":"1.5","side":"buy"},{"operation":"order.cancel"}],"instrument":"BTCUSDT"`: true,
		`"batch":[]`: true,
		`"client":"","claimed_time":1767614402000000000`: true,
		`"claimed_time":"2026-01-05T13:00:00+01:00"`:     true,
		`"claimed_time":"2026-01-05T12:00:60Z"`:          false,
		`"claimed_time":"2026-01-05T12:00:00.Z"`:         false,
		`"status":-1`:                                    false,
		`"status":2e2`:                                   false,
		`"status":01`:                                    false,
		`"status":2000000000000000000000`:                false,
		`"status":"200"`:                                 false,
		`"status":null`:                                  false,
		`"post_only":truth`:                              false,
		`"post_only":tru`:                                false,
		`"post_only":falsetto`:                           false,
		`"client":"\u0041"`:                              false,
		`"client":"ß"`:                                   false,
		"\"client\":\"tab\there\"":                       false,
		"\"client\":\"\x7f\"":                            true,
		`"client":"a","client":"b"`:                      false,
		`"client":"a","Client":"b"`:                      false,
		`"clienf":"a"`:                                   false,
		`"":"a"`:                                         false,
		`"client":"a",`:                                  false,
		`"client":"a" "path":"b"`:                        false,
		`"client" "a"`:                                   false,
		`"client":`:                                      false,
		`"reasons":["a",]`:                               false,
		`"reasons":["a" "b"]`:                            false,
		`"reasons":[1]`:                                  false,
		`"reasons":"a"`:                                  false,
		`"batch":[{"venue":"okx"}]`:                      false,
		`"batch":[{}]`:                                   false,
		`"batch":[{"side":"buy","side":"buy"}]`:          false,
		`"batch":[{"side":"buy"`:                         false,
		`"query":"a=1","body_sha256":"00","body_too_long":12,"query_sealed":"x"`: true,
		`"body":"{\"a\":1}"`:                            false,
		`"query_not_sealed":"a","query_not_sealed":"a"`: false,
		`"intel":[{"feed":"tor","kind":"address","action":"observe","confidence":50}]`: false,
	} {
		line := []byte(begin + text + end)
		if got := samePlain(t, line); got != want {
			t.Errorf("%s: plain %v, want %v", line, got, want)
		}
		for n := range line { // cut anywhere
			samePlain(t, line[:n:n])
		}
	}
	r := rand.New(rand.NewPCG(2, 1))
	for range 3000 {
		samePlain(t, vedette.AppendCall(nil, someCall(r)))
	}
}

// samePlain reports whether a line is plain, and fails if it then does not read as through the tree.
func samePlain(t *testing.T, line []byte) bool {
	var got, want vedette.Call
	var p, q EventParser
	for range 2 { // the second time it knows the order of the members, and the day
		if !p.plain(line, &got) {
			return false
		}
	}
	if ok, err := q.tree(line, &want); err != nil || !ok {
		t.Fatalf("%s is plain, but: %v", line, err)
	}
	if got.Batch, want.Batch = slices.Clip(got.Batch), slices.Clip(want.Batch); !reflect.DeepEqual(got, want) || p.event != q.event || p.kind != q.kind {
		t.Fatalf("%s: read plainly\n%+v\nelse\n%+v", line, got, want)
	}
	return true
}

func FuzzEvents(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 10 {
		f.Add(vedette.AppendCall(nil, someCall(r)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		samePlain(t, b)
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
