package main

import (
	"testing"

	"vedette/verify/token"
)

// TestTokenIdentity: no two holders of tokens have one name, neither by a slash in a name nor
// by another issuer.
func TestTokenIdentity(t *testing.T) {
	names := []string{"", "a", "b", "a/b", "/", "a/", "/b", "%2F", "a%2Fb", "a%b"}
	for _, issuers := range [][]string{{"https://one.test"}, {"https://one.test", "https://two.test", "https://two.test/a"}} {
		seen := map[string][3]string{}
		for _, issuer := range issuers {
			b := bearer{issuer: issuer, several: len(issuers) > 1}
			for _, client := range names {
				for _, subject := range names {
					if client == "" && subject == "" {
						continue
					}
					id, who := b.identity(&token.Result{ClientID: client, Subject: subject}), [3]string{issuer, client, subject}
					if was, twice := seen[id]; twice {
						t.Errorf("%q is %q and %q", id, was, who)
					}
					seen[id] = who
				}
			}
		}
	}
	one, two := bearer{issuer: "https://one.test"}, bearer{issuer: "https://two.test", several: true}
	for want, got := range map[string]string{
		"app/alice":                      one.identity(&token.Result{ClientID: "app", Subject: "alice"}),
		"app":                            one.identity(&token.Result{ClientID: "app"}),
		"app/alice/https:%2F%2Ftwo.test": two.identity(&token.Result{ClientID: "app", Subject: "alice"}),
		"app//https:%2F%2Ftwo.test":      two.identity(&token.Result{ClientID: "app"}),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
