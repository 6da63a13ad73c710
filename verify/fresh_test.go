package verify

import (
	"testing"
	"time"

	"vedette"
	"vedette/venue"
)

// TestFreshBounds: an expiry and a nonce that have to be near are.
func TestFreshBounds(t *testing.T) {
	f := func(c venue.Claim, want vedette.Reason) {
		t.Helper()
		if got := fresh(&c, epoch); got != want {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
	f(venue.Claim{Expires: epoch.Add(time.Hour), MaxExpiry: time.Hour}, "")
	f(venue.Claim{Expires: epoch.Add(time.Hour + 1), MaxExpiry: time.Hour}, vedette.ClockAhead)
	f(venue.Claim{Expires: epoch.Add(-1), MaxExpiry: time.Hour}, vedette.WindowPassed)
	f(venue.Claim{Expires: epoch.Add(1000 * time.Hour)}, "")
	f(venue.Claim{NonceAt: epoch.Add(venue.MaxNonceDrift)}, "")
	f(venue.Claim{NonceAt: epoch.Add(venue.MaxNonceDrift + 1)}, vedette.ClockAhead)
	f(venue.Claim{NonceAt: epoch.Add(-venue.MaxNonceDrift - 1)}, vedette.WindowPassed)
	f(venue.Claim{NonceAt: time.Unix(0, 0)}, vedette.WindowPassed)
	f(venue.Claim{NonceAt: time.UnixMilli(31795353222919)}, vedette.ClockAhead)
}
