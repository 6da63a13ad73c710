package exchange

import (
	"encoding/json"
	"testing"

	"vedette"
)

// TestEventsAreTheFormat checks every line against the documented event format: its
// fields by name, and sequences of the book without a gap.
func TestEventsAreTheFormat(t *testing.T) {
	x := stocked(t)
	var lines []map[string]any
	last := 0.0
	x.Listen(func(e *Event) {
		b := AppendJSON(nil, "binance", e)
		if len(b) == 0 {
			return
		}
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if m["event"] == "book" {
			if m["previous"] != last || m["sequence"] != last+1 {
				t.Errorf("book line out of sequence: %s", b)
			}
			last++
		}
		lines = append(lines, m)
	})
	o, _ := mustPlace(t, x, limit("a", vedette.Sell, "100", "2"))
	mustPlace(t, x, limit("b", vedette.Buy, "100", "1"))
	x.Cancel(Ref{Account: "a", Symbol: "BTCUSDT", ID: o.ID})
	x.Deposit("a", "BTC", One)
	want := []map[string]any{
		{"event": "order", "state": "open", "account": "a", "side": "sell", "order_id": "1", "remaining": "2.00000000"},
		{"event": "book"},
		{"event": "order", "state": "open", "account": "b"},
		{"event": "fill", "price": "100.00000000", "quantity": "1.00000000", "aggressor": "buy", "maker_account": "a", "taker_account": "b", "trade_id": "1"},
		{"event": "order", "state": "filled", "account": "b", "remaining": "0.00000000"},
		{"event": "order", "state": "open", "account": "a", "remaining": "1.00000000"},
		{"event": "book"},
		{"event": "book"},
		{"event": "order", "state": "cancelled", "reason": "user"},
		{"event": "account", "kind": "deposit", "account": "a"},
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d: %v", len(lines), len(want), lines)
	}
	for i, w := range want {
		for k, v := range w {
			if lines[i][k] != v {
				t.Errorf("line %d: %s is %v, want %v", i, k, lines[i][k], v)
			}
		}
	}
}

func TestAppendString(t *testing.T) {
	for _, s := range []string{"", `a"b\c`, "é\n\t\x00", "𝄞", string([]byte{0xff, 0xfe})} {
		var back string
		if err := json.Unmarshal(AppendString(nil, s), &back); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if want := string([]rune(s)); back != want {
			t.Errorf("%q comes back as %q", s, back)
		}
	}
}
