package receiver

import (
	"strings"
	"testing"
)

// FuzzSecret: a secret is long enough or refused, and no refusal repeats it.
func FuzzSecret(f *testing.F) {
	f.Add("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") // of the Standard Webhooks specification
	f.Add("whsec_!")
	f.Add("a plain text of some length that nobody guesses")
	f.Fuzz(func(t *testing.T, s string) {
		b, err := ParseSecret(s)
		if (b == nil) == (err == nil) || err == nil && len(b) < minSecret {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		if err != nil && len(s) > minSecret && strings.Contains(err.Error(), s) {
			t.Fatal("the refusal repeats the secret")
		}
	})
}
