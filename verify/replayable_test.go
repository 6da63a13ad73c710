package verify

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/keyring"
	"vedette/venue"
)

// TestMovedWithoutFreshness: Kraken Futures' signature without a nonce covers all but the
// method. The same request again cannot be told from the client's own; on another method,
// or parted otherwise, it can for a minute.
func TestMovedWithoutFreshness(t *testing.T) {
	const secret = "ZHVtbXlzZWNyZXQwMTIzNDU2Nzg5"
	ring := keyring.New(KeyOptions(venue.All))
	if err := ring.Add(keyring.Spec{Credential: vedette.Credential{ID: "k", Venue: "krakenfutures"}, Scheme: "hmac", Secrets: keyring.Secrets{Secret: keyring.NewSecret(secret)}}, epoch); err != nil {
		t.Fatal(err)
	}
	v := New(Config{Keys: ring, Window: NewWindow(100), Increasing: NewNonces(10, 1), Highest: NewNonces(10, 100), Issued: NewIssued(1)})
	sign := func(text, path string) string {
		sum := sha256.Sum256([]byte(text + path))
		key, _ := base64.StdEncoding.DecodeString(secret)
		m := hmac.New(sha512.New, key)
		m.Write(sum[:])
		return base64.StdEncoding.EncodeToString(m.Sum(nil))
	}
	f := func(want, method, path, query, body, signature string, at time.Duration) {
		t.Helper()
		r := &venue.Request{Method: method, Path: "/derivatives" + path, Query: query, Body: []byte(body), Header: venue.Header{{Name: "APIKey", Value: "k"}, {Name: "Authent", Value: signature}}}
		if body != "" {
			r.Header = append(r.Header, venue.Field{Name: "Content-Type", Value: "application/x-www-form-urlencoded"})
		}
		x := &Case{Dialect: venue.KrakenFutures, Request: r, Source: netip.MustParseAddr("192.0.2.7"), Now: epoch.Add(at), Claim: &venue.Claim{}, Call: &vedette.Call{}}
		x.Dialect.Meaning(r, x.Call)
		v.Verify(x)
		got := x.Call.Verdict.String()
		for _, why := range x.Call.Reasons {
			got += " " + string(why)
		}
		if got != want {
			t.Errorf("%s %s?%s %s at %v: %s, want %s", method, path, query, body, at, got, want)
		}
	}
	const path, text = "/api/v3/sendorder", "orderType=mkt&symbol=PI_XBTUSD&side=buy&size=1"
	s := sign(text, path)
	f("authentic replayable", "POST", path, "", text, s, 0)
	f("authentic replayable", "POST", path, "", text, s, time.Second)
	f("replayed cross_endpoint", "POST", path, text, "", s, 2*time.Second)
	f("replayed cross_endpoint", "PUT", path, "", text, s, 2*time.Second)
	f("forged bad_signature signature_reused", "POST", "/api/v3/editorder", "", text, s, 2*time.Second)
	f("forged bad_signature signature_reused", "POST", path, "", strings.Replace(text, "size=1", "size=9", 1), s, 2*time.Second)
	f("authentic replayable", "POST", path, "", text, s, 3*time.Second)
	f("authentic replayable", "PUT", path, "", text, s, 2*time.Minute) // forgotten
}

// TestPlainSecret: what carries the secret itself is bound to nothing.
func TestPlainSecret(t *testing.T) {
	ring := keyring.New(KeyOptions(venue.All))
	if err := ring.Add(keyring.Spec{Credential: vedette.Credential{ID: "k", Venue: "deribit"}, Scheme: "hmac", Secrets: keyring.Secrets{Secret: keyring.NewSecret("s3cret")}}, epoch); err != nil {
		t.Fatal(err)
	}
	v := New(Config{Keys: ring, Window: NewWindow(100), Increasing: NewNonces(10, 1), Highest: NewNonces(10, 100), Issued: NewIssued(1)})
	for _, path := range []string{"/api/v2/private/get_positions", "/api/v2/private/cancel_all", "/api/v2/private/get_positions"} {
		r := &venue.Request{Method: "GET", Path: path, Header: venue.Header{{Name: "Authorization", Value: "Basic " + base64.StdEncoding.EncodeToString([]byte("k:s3cret"))}}}
		x := &Case{Dialect: venue.Deribit, Request: r, Source: netip.MustParseAddr("192.0.2.7"), Now: epoch, Claim: &venue.Claim{}, Call: &vedette.Call{}}
		x.Dialect.Meaning(r, x.Call)
		v.Verify(x)
		if x.Call.Verdict != vedette.Authentic || len(x.Call.Reasons) != 1 || x.Call.Reasons[0] != vedette.Replayable {
			t.Errorf("%s: %v %v", path, x.Call.Verdict, x.Call.Reasons)
		}
	}
}
