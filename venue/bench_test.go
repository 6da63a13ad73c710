package venue_test

import (
	"testing"

	"vedette"
	"vedette/venue"
)

// BenchmarkClaim measures what a dialect does before the signature is computed: read
// the claim, check for ambiguity, build the message, say what the call means.
func BenchmarkClaim(b *testing.B) {
	done := map[string]bool{}
	for _, c := range captures(b, "ccxt-rest.json") {
		var d *venue.Dialect
		for _, x := range venue.All {
			if x.Name == c.Exchange {
				d = x
			}
		}
		if d == nil || unsigned(&c) || done[c.Exchange] || c.Method == "GET" && c.Exchange != "deribit" {
			continue
		}
		done[c.Exchange] = true
		b.Run(c.Exchange, func(b *testing.B) {
			from := c.request()
			var r venue.Request
			var claim venue.Claim
			var call vedette.Call
			buf := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				header := r.Header[:0]
				r.Reset()
				r.Method, r.Scheme, r.Host, r.Path, r.Query, r.Body = from.Method, from.Scheme, from.Host, from.Path, from.Query, from.Body
				r.Header = append(header, from.Header...)
				claim.Reset()
				d.Claim(&r, &claim)
				if r.Ambiguous(d.Repeatable) != "" {
					b.Fatal("ambiguous")
				}
				if _, ok := d.Message(&r, &claim, 0, buf[:0]); !ok {
					b.Fatal("no message")
				}
				d.Meaning(&r, &call)
			}
		})
	}
}
