package venue_test

import (
	"strings"
	"testing"

	"vedette"
	"vedette/venue"
)

// TestParts: a batch that is too long shows as one, in every way a venue lists parts.
func TestParts(t *testing.T) {
	list := func(n int, part string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(part+",", n), ",") + "]"
	}
	f := func(d *venue.Dialect, method, path, before, part, after string) {
		t.Helper()
		for n, want := range map[int]int{2: 2, venue.MaxParts: venue.MaxParts, venue.MaxParts + 1: venue.MaxParts + 1, 3 * venue.MaxParts: venue.MaxParts + 1} {
			var c vedette.Call
			d.Meaning(&venue.Request{Method: method, Path: path, Body: []byte(before + list(n, part) + after)}, &c)
			if len(c.Batch) != want {
				t.Errorf("%s %s: %d parts of %d, want %d", d.Name, path, len(c.Batch), n, want)
			}
		}
	}
	f(venue.Bybit, "POST", "/v5/order/create-batch", `{"request":`, `{"symbol":"BTCUSDT"}`, "}")
	f(venue.Coinbase, "POST", "/api/v3/brokerage/orders/batch_cancel", `{"orderIds":`, `"1"`, "}")
	f(venue.Kraken, "POST", "/0/private/CancelOrderBatch", `{"cl_ord_ids":`, `"1"`, "}")
	f(venue.BitMEX, "DELETE", "/api/v1/order", `{"clOrdID":`, `"1"`, "}")
	f(venue.Bitfinex, "POST", "/v2/auth/w/order/multi", `{"ops":`, `["oc",{"id":1}]`, "}")
	f(venue.Bitfinex, "POST", "/v2/auth/w/order/cancel/multi", `{"id":`, "1", "}")
}
