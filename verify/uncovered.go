package verify

import (
	"slices"

	"vedette"
	"vedette/venue"
)

// Uncovered names the parts of an authentic WebSocket upgrade or message that its
// signature leaves open, as venue.Alterations names them. It alters one part after the
// other and looks whether the signature still verifies.
func (v *Verifier) Uncovered(x *Case) []string {
	s := v.scratch.Get().(*scratch)
	defer v.scratch.Put(s)
	var open []string
	tried := 0
	for part, r := range venue.Alterations(x.Request) {
		if tried++; tried > maxAlterations {
			return append(open, "…")
		}
		if slices.Contains(open, part) {
			continue
		}
		if was := x.Request.Session; was != nil { // as it was before the log-in
			r.Session = &venue.Session{ID: was.ID, Challenge: was.Challenge, Upgrade: was.Upgrade}
		}
		other := Case{Dialect: x.Dialect, Request: r, Now: x.Now, Claim: &venue.Claim{}, Call: &vedette.Call{}}
		other.Dialect.Claim(r, other.Claim)
		other.Call.Credential = other.Claim.Key
		switch other.Claim.Auth {
		case venue.AuthSignature, venue.AuthRecover:
			if other.Claim.Fault == "" && other.Claim.Mismatch == "" && v.genuine(&other, s) {
				open = append(open, part)
			}
		}
	}
	return open
}
