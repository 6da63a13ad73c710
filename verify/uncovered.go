package verify

import (
	"bytes"
	"slices"
	"strings"

	"vedette"
	"vedette/venue"
)

// Uncovered names the parts of an authentic request, WebSocket upgrade or message that its
// signature leaves open, as venue.Alterations names them: "body" alone where that is open in
// every part. It alters one part after the other and looks whether the signature still
// verifies and the call would still be judged.
func (v *Verifier) Uncovered(x *Case) []string {
	s := v.scratch.Get().(*scratch)
	defer v.scratch.Put(s)
	was := venue.Claim{}
	x.Dialect.Claim(x.Request, &was)
	var open []string
	shut, all := false, true // parts of the body
	tried := 0
	for part, r := range venue.Alterations(x.Request) {
		if tried++; tried > maxAlterations {
			open, all = append(open, "…"), false
			break
		}
		if slices.Contains(open, part) {
			continue
		}
		if session := x.Request.Session; session != nil { // as it was before the log-in
			r.Session = &venue.Session{ID: session.ID, Challenge: session.Challenge, Upgrade: session.Upgrade}
		}
		other := Case{Dialect: x.Dialect, Request: r, Now: x.Now, Claim: &venue.Claim{}, Call: &vedette.Call{}}
		if v.stands(&other, &was, s) {
			open = append(open, part)
		} else if strings.HasPrefix(part, bodyPart) {
			shut = true
		}
	}
	if all && !shut && slices.ContainsFunc(open, inBody) {
		open = append(slices.DeleteFunc(open, inBody), "body")
	}
	return open
}

const bodyPart = "body."

func inBody(part string) bool { return strings.HasPrefix(part, bodyPart) }

// stands reports whether the same signature, not another spelling of it, verifies and nothing of
// the call makes it ambiguous.
func (v *Verifier) stands(x *Case, was *venue.Claim, s *scratch) bool {
	x.Dialect.Claim(x.Request, x.Claim)
	x.Dialect.Meaning(x.Request, x.Call)
	x.Call.Credential = x.Claim.Key
	if x.Claim.Signature != was.Signature || !bytes.Equal(x.Claim.SigBytes, was.SigBytes) {
		return false
	}
	signed := x.Claim.Auth == venue.AuthSignature || x.Claim.Auth == venue.AuthRecover
	return signed && x.Claim.Fault == "" && x.Claim.Mismatch == "" && x.unclear() == "" && v.genuine(x, s)
}
