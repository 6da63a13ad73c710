package venue_test

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"vedette/venue"
)

// TestAltered alters what every captured request says of itself (signature, time,
// nonce), wherever that stands: none must verify.
func TestAltered(t *testing.T) {
	altered := map[string]int{}
	for _, c := range captures(t, "*-rest.json") {
		if unsigned(&c) {
			continue
		}
		t.Run(c.name(), func(t *testing.T) {
			d := c.dialect(t)
			s, _ := d.Scheme(c.schemeName())
			claim, ok := c.verifies(d, c.request())
			if !ok {
				t.Fatal("does not verify as it is")
			}
			for _, a := range alterations(s, &claim) {
				bad := c
				if !a.apply(&bad) {
					continue // it stands within something encoded
				}
				altered[a.what]++
				if _, verified := bad.verifies(d, bad.request()); verified {
					t.Errorf("another %s verifies: %s for %s\n%s %s %s %v", a.what, a.new, a.old, bad.Method, bad.URL, bad.Body, bad.Headers)
				}
			}
		})
	}
	for _, what := range []string{"signature", "time", "nonce"} {
		if altered[what] < 20 {
			t.Errorf("%s altered in %d requests only", what, altered[what])
		}
	}
}

type alteration struct{ what, old, new string }

func alterations(s *venue.Scheme, claim *venue.Claim) (list []alteration) {
	if v := claim.Signature; len(v) > 8 {
		other := "a"
		if v[4] == 'a' || v[4] == 'A' {
			other = "b"
		}
		list = append(list, alteration{"signature", v, v[:4] + other + v[5:]})
	}
	if len(claim.SigBytes) == 65 { // r of an EIP-712 signature
		r := fmt.Sprintf("%x", claim.SigBytes[:32])
		list = append(list, alteration{"signature", r[:40], r[:38] + "00"})
	}
	for _, t := range []time.Time{claim.Time, claim.Expires} {
		if t.IsZero() || s.Covers&venue.CoversTime == 0 {
			continue
		}
		list = append(list, alteration{"time", strconv.FormatInt(t.UnixMilli(), 10), strconv.FormatInt(t.UnixMilli()+1, 10)})
		if t.Nanosecond() == 0 {
			list = append(list, alteration{"time", strconv.FormatInt(t.Unix(), 10), strconv.FormatInt(t.Unix()+1, 10)})
		}
	}
	if n, err := strconv.ParseUint(claim.Nonce, 10, 64); err == nil && s.Covers&venue.CoversNonce != 0 {
		list = append(list, alteration{"nonce", claim.Nonce, strconv.FormatUint(n+1, 10)})
	}
	return list
}

// apply replaces the text everywhere, and reports whether it stood anywhere.
func (a *alteration) apply(c *capture) bool {
	if a.old == a.new {
		return false
	}
	r := strings.NewReplacer(a.old, a.new, url.QueryEscape(a.old), url.QueryEscape(a.new))
	before := fmt.Sprint(c.URL, c.Body, c.Headers)
	c.Headers = append([][2]string(nil), c.Headers...)
	for i := range c.Headers {
		c.Headers[i][1] = r.Replace(c.Headers[i][1])
	}
	c.URL, c.Body = r.Replace(c.URL), r.Replace(c.Body)
	return fmt.Sprint(c.URL, c.Body, c.Headers) != before
}
