package vedette

import (
	"encoding"
	"encoding/json"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"
)

func TestDecimal(t *testing.T) {
	ok := func(in, want string) {
		t.Helper()
		d, err := ParseDecimal(in)
		if err != nil || d.String() != want {
			t.Errorf("%q: %q %v, want %q", in, d, err, want)
		}
	}
	ok("0", "0")
	ok("-0.0", "0.0")
	ok("12.50", "12.50")
	ok("-.5", "-0.5")
	ok("1e3", "1000")
	ok("1.5e-7", "0.00000015")
	ok("99999999999999999999999999999999999999", "99999999999999999999999999999999999999")
	ok("0.00000000000000000000000000000000000001", "0.00000000000000000000000000000000000001")
	for _, bad := range []string{"", "-", ".", "1.2.3", "1e", "0x1", " 1", "1 ", "NaN", "1e9999", "100000000000000000000000000000000000000", "1e39"} {
		if d, err := ParseDecimal(bad); err == nil {
			t.Errorf("%q read as %s", bad, d)
		}
	}
}

func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"0", "-12.5", "1e-7", "99999999999999999999999999999999999999", "0.1e38"} {
		f.Add(s, "3.14")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, err := ParseDecimal(a)
		if err != nil {
			return
		}
		r, ok := new(big.Rat).SetString(a)
		if !ok {
			t.Fatalf("%q is read but no number", a)
		}
		if p, _ := new(big.Rat).SetString(x.String()); p == nil || p.Cmp(r) != 0 {
			t.Fatalf("%q printed as %s", a, x)
		}
		y, err := ParseDecimal(b)
		if err != nil {
			return
		}
		q, _ := new(big.Rat).SetString(b)
		if got, want := x.Cmp(y), r.Cmp(q); got != want {
			t.Fatalf("%s cmp %s: %d, want %d", x, y, got, want)
		}
	})
}

func TestAppendCall(t *testing.T) {
	price, _ := ParseDecimal("20000.50")
	c := &Call{Time: time.Unix(1767614400, 1000).UTC(), Sensor: "proxy", Venue: "binance", Source: netip.MustParseAddrPort("192.0.2.7:51234"),
		Client: "a\"b\\\x01\xff", Credential: "key", Action: Action{Operation: OpOrderNew, Side: Buy, Price: price, PostOnly: true},
		Batch: []Action{{Operation: OpOrderCancel, TargetOrderID: "7"}}, Verdict: Authentic, Reasons: []Reason{Retry},
		Decision: Decision{Effect: Allow, WouldDeny: true}, Answer: Answer{Status: 200, Latency: time.Millisecond},
		Intel:     []IntelMatch{{"tor", IndicatorAddress, 80, IntelDeny}, {"own", IndicatorKey, 0, IntelFlag}},
		Injection: Injection{Classes: AttackSQLi | AttackXSS, Score: 10, Rules: [4]uint32{942100, 941100}, Where: InQuery, Parameter: "symbol", Sample: "'", Unexamined: TooLong}}
	b := AppendCall(nil, c)
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	want := map[string]any{"event": "call", "time": "2026-01-05T12:00:00.000001Z", "sensor": "proxy", "venue": "binance", "protocol": "http",
		"source": "192.0.2.7:51234", "client": "a\"b\\\x01\ufffd", "credential": "key", "operation": "order.new", "side": "buy", "price": "20000.50",
		"post_only": true, "batch": []any{map[string]any{"operation": "order.cancel", "target_order_id": "7"}}, "status": 200.0, "latency_us": 1000.0,
		"verdict": "authentic", "reasons": []any{"retry"}, "decision": "allow", "would_deny": true,
		"intel": []any{map[string]any{"feed": "tor", "kind": "address", "confidence": 80.0, "action": "deny"}, map[string]any{"feed": "own", "kind": "key_hash", "action": "flag"}},
		"injection": map[string]any{"classes": []any{"sqli", "xss"}, "score": 10.0, "rules": []any{942100.0, 941100.0}, "where": "query", "parameter": "symbol",
			"sample": "'", "unexamined": "size"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if n := testing.AllocsPerRun(100, func() { b = AppendCall(b[:0], c) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A copy shares no memory with the call, whatever members calls have, and none with former copies.
func TestCloneSharesNothing(t *testing.T) {
	buf := []byte("some text")
	c := &Call{}
	fill(t, reflect.ValueOf(c).Elem(), unsafe.String(&buf[0], len(buf)))
	var again Call
	text := c.CopyTo(&again, nil)
	for range 2 {
		copy(buf, "some text")
		d := c.Clone()
		text = c.CopyTo(&again, text)
		copy(buf, "spoilt it")
		c.Batch[0].Side, c.Reasons[0], c.Intel[0].Feed, c.AMR[0] = Buy, Replayable, "g", "h"
		for _, d := range []*Call{d, &again} {
			want := &Call{}
			fill(t, reflect.ValueOf(want).Elem(), "some text")
			if !reflect.DeepEqual(d, want) {
				t.Errorf("got  %+v\nwant %+v", d, want)
			}
		}
		fill(t, reflect.ValueOf(c).Elem(), unsafe.String(&buf[0], len(buf)))
	}
	copy(buf, "some text")
	if n := testing.AllocsPerRun(100, func() { text = c.CopyTo(&again, text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// fill sets every string that is reached from v, and makes every list one of two.
func fill(t *testing.T, v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, v.Index(i), s)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(t, v.Field(i), s)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), s)
		}
	case reflect.Pointer, reflect.Map, reflect.Interface:
		t.Fatalf("a call has a %v: see to it in CopyTo, and here", v.Type())
	}
}

func TestNames(t *testing.T) {
	for o := range Operation(Operations) {
		var p Operation
		if err := p.UnmarshalText([]byte(o.String())); err != nil || p != o {
			t.Errorf("%v reads back as %v: %v", o, p, err)
		}
	}
	for k := range IndicatorKey + 1 {
		var p IndicatorKind
		if err := p.UnmarshalText([]byte(k.String())); err != nil || p != k {
			t.Errorf("%v reads back as %v: %v", k, p, err)
		}
	}
	for a := range IntelDeny + 1 {
		var p IntelAction
		if err := p.UnmarshalText([]byte(a.String())); err != nil || p != a {
			t.Errorf("%v reads back as %v: %v", a, p, err)
		}
	}
	for u := range Unexamined(UnexaminedCauses) {
		var p Unexamined
		if err := p.UnmarshalText([]byte(u.String())); err != nil || p != u {
			t.Errorf("%v reads back as %v: %v", u, p, err)
		}
	}
	for a := Attacks(1); a < attackEnd; a <<= 1 {
		if p, err := ParseAttack(a.String()); err != nil || p != a || a.Gravest() != a {
			t.Errorf("%v reads back as %v: %v", a, p, err)
		}
	}
	var s Side
	if err := s.UnmarshalText([]byte("bid")); err == nil || !strings.Contains(err.Error(), `"buy"`) {
		t.Errorf("want an error that names the choices: %v", err)
	}
}

// TestNamesOffered: a wrong name is answered with those that can be meant; the empty one is read all the same.
func TestNamesOffered(t *testing.T) {
	for _, e := range []encoding.TextUnmarshaler{new(Protocol), new(Operation), new(Side), new(OrderType), new(TimeInForce), new(Outcome), new(Severity), new(IncidentState),
		new(Resolution), new(Place), new(Unexamined), new(IndicatorKind), new(IntelAction), new(RestrictionKind), new(Verdict), new(Effect)} {
		if err := e.UnmarshalText([]byte("nonsense")); err == nil || !strings.Contains(err.Error(), `: want one of ["`) || strings.Contains(err.Error(), `""`) {
			t.Errorf("%T: %v", e, err)
		}
	}
	v := Forged
	if err := v.UnmarshalText(nil); err != nil || v != Unjudged {
		t.Errorf("%v, %v", v, err)
	}
}

func TestFindingID(t *testing.T) {
	at := time.Unix(1, 0)
	if FindingID("a", "bc", at) == FindingID("ab", "c", at) {
		t.Error("id does not separate its parts")
	}
}
