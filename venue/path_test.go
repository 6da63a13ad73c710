package venue_test

import (
	"testing"

	"vedette/venue"
)

func TestAmbiguousPath(t *testing.T) {
	for _, p := range []string{"//sapi/v1/x", "/sapi/v1//x", "/a;b=c", "/a%2fb", "/a%5Cb", "/%61pply", "/a%00", "/a%3fb", "/a%25", "/a%zz", "/a%4", "/a\\b", "/a b", "/a\x7f", "/a%2e%2e/b"} {
		if !venue.AmbiguousPath(p) {
			t.Errorf("%q has one reading?", p)
		}
	}
	for _, p := range []string{"/api/v3/order", "/api/v4/spot/orders/t-probe%201", "/v1/orders/0xabc", "/a/%E5%B8%81", "/a/b:c@d,e$f", "/"} {
		if venue.AmbiguousPath(p) {
			t.Errorf("%q has two readings?", p)
		}
	}
}

func TestDisguised(t *testing.T) {
	try := func(d *venue.Dialect, method, path string, want bool) {
		t.Helper()
		if got := d.Disguised(&venue.Request{Method: method, Path: path}); got != want {
			t.Errorf("%s %s %s: %v", d.Name, method, path, got)
		}
	}
	const withdraw = "/sapi/v1/capital/withdraw/apply"
	try(venue.Binance, "POST", withdraw, false)
	try(venue.Binance, "PATCH", withdraw, false) // unknown, but nobody takes it for the POST
	try(venue.Binance, "POST", withdraw+"/", true)
	try(venue.Binance, "POST", "/SAPI/v1/capital/withdraw/apply", true)
	try(venue.Binance, "POST", "/api/v3/nothing", false)
	try(venue.Kraken, "POST", "/0/private/withdraw", true)
	try(venue.Kraken, "POST", "/0/private/Withdraw", false)
	try(venue.Gate, "DELETE", "/api/v4/spot/orders/7/", false) // known all the same
	if venue.Gate.Routes.Find("DELETE", "/api/v4/spot/orders/7/") == nil {
		t.Error("a pattern minds a slash at the end")
	}
}
