package pipeline_test

import (
	"testing"
	"time"

	"vedette"
	"vedette/gate"
	"vedette/venue"
)

// TestReplacePlaces: a denied order.new stops a request that cancels one order and places
// another, and a denied order.cancel does.
func TestReplacePlaces(t *testing.T) {
	now := time.Now()
	const params = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=9&cancelReplaceMode=ALLOW_FAILURE&cancelOrderId=1"
	rest := &venue.Request{Method: "POST", Path: "/api/v3/order/cancelReplace", Query: params}
	message := &venue.Request{Kind: venue.Message, Session: &venue.Session{}, Body: []byte(
		`{"id":1,"method":"order.cancelReplace","params":{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":"9","cancelReplaceMode":"ALLOW_FAILURE","cancelOrderId":1}}`)}
	for denied, want := range map[vedette.Operation]bool{vedette.OpOrderNew: true, vedette.OpOrderCancel: true, vedette.OpOrderAmend: false} {
		g, err := gate.New(gate.Config{Mode: gate.Enforce})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Set(vedette.Restriction{Kind: vedette.RestrictOperation, Credential: "k", Operation: denied, Reason: "r", By: "me"}, now); err != nil {
			t.Fatal(err)
		}
		for _, r := range []*venue.Request{rest, message} {
			c := &vedette.Call{Venue: "binance", Credential: "k", Verdict: vedette.Authentic}
			venue.Binance.Meaning(r, c)
			if d := g.Decide(c, now); d.Refused() != want {
				t.Errorf("%s denied: %s of %v: %+v", denied, c.Operation, c.Batch, d)
			}
		}
	}
}
