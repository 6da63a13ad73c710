package main

import (
	"testing"
	"time"

	"vedette"
	"vedette/keyring"
	"vedette/venue"
	"vedette/verify"
)

// TestRemovedElsewhere: what the venue issued to a key that another monitor, or a command, removed is not in force again
// when the key comes back.
func TestRemovedElsewhere(t *testing.T) {
	w := newRevoking(t)
	w.start()
	v, now := w.a.monitor.Verifier, time.Now()
	add := func() {
		t.Helper()
		if err := w.a.ring.Add(keyring.Spec{Credential: vedette.Credential{ID: "key-1", Venue: "gemini"}, Scheme: "hmac",
			Secrets: keyring.Secrets{Secret: keyring.NewSecret("secret")}}, now); err != nil {
			t.Fatal(err)
		}
	}
	use := func() vedette.Verdict {
		r := venue.Request{Method: "GET", Scheme: "https", Host: "api.test", Path: "/v1/balances", Header: venue.Header{{Name: "Authorization", Value: "Bearer issued"}}}
		x := verify.Case{Dialect: venue.Gemini, Request: &r, Claim: &venue.Claim{}, Call: &vedette.Call{Venue: "gemini"}, Now: now}
		v.Verify(&x)
		return x.Call.Verdict
	}
	issue := func() {
		v.Issue(&verify.Case{Dialect: venue.Gemini, Claim: &venue.Claim{}, Call: &vedette.Call{Credential: "key-1", Verdict: vedette.Authentic}, Now: now}, &venue.Issued{Token: "issued", TTL: time.Hour})
	}
	// What watches the store may take its keys over, too, at any moment: then the key is gone as soon as it is there.
	for got := vedette.Unverifiable; got != vedette.Authentic; got = use() {
		if t.Context().Err() != nil || time.Since(now) > 30*time.Second {
			t.Fatalf("before: %s", got)
		}
		w.a.takeKeys(t.Context())
		add()
		issue()
	}
	if err := w.a.takeKeys(t.Context()); err != nil { // the store has no such key
		t.Fatal(err)
	}
	add()
	if got := use(); got == vedette.Authentic {
		t.Error("the token is in force again")
	}
}
