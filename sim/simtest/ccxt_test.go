package simtest

import "testing"

// TestCCXT lets an unmodified ccxt trade on the bare venue, with both kinds of key.
func TestCCXT(t *testing.T) {
	for i, scheme := range []string{"hmac", "ed25519"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			v := NewVenue(t)
			CCXT(t, v.URL, v.WS, v.Keys[i]).Check(t)
		})
	}
}
