package token

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"vedette"
)

// meets holds a good token to what the call's operation and each of its parts need. It
// returns the requirement that is not met, or that of the operation.
func (v *Verifier) meets(in *Input, g *grant, now time.Time) (*Requirement, *refusal) {
	first := &v.require[in.Operation]
	if ref := checkRequirement(first, g, now, v.cfg.Leeway); ref != nil {
		return first, ref
	}
	var met [vedette.Operations]bool
	for i := range in.Batch {
		o := in.Batch[i].Operation
		if met[o] {
			continue
		}
		r := &v.require[o]
		if ref := checkRequirement(r, g, now, v.cfg.Leeway); ref != nil {
			return r, ref
		}
		met[o] = true
	}
	return first, nil
}

// checkRequirement holds a good token to what the operation needs.
func checkRequirement(r *Requirement, g *grant, now time.Time, leeway time.Duration) *refusal {
	if r.DPoP && g.jkt == "" || r.MTLS && g.x5t == "" || r.Bound && g.jkt == "" && g.x5t == "" {
		return invalid(vedette.Unauthorised, vedette.TokenBinding)
	}
	for _, s := range r.Scopes {
		if !slices.Contains(g.scopes, s) {
			return refuse(vedette.Unauthorised, "insufficient_scope", vedette.TokenScope)
		}
	}
	if !strongEnough(r, g, now, leeway) {
		return refuse(vedette.Unauthorised, tooWeak, vedette.StepUpNeeded)
	}
	return nil
}

// strongEnough compares how and when the user authenticated (RFC 9470 section 6).
// What the token does not say counts as not met.
func strongEnough(r *Requirement, g *grant, now time.Time, leeway time.Duration) bool {
	if len(r.ACR) > 0 && !slices.Contains(r.ACR, g.acr) {
		return false
	}
	for _, m := range r.AMR {
		if !slices.Contains(g.amr, m) {
			return false
		}
	}
	if r.MaxAge > 0 {
		return !g.authTime.IsZero() && now.Sub(g.authTime) <= r.MaxAge+leeway && !g.authTime.After(now.Add(leeway))
	}
	return true
}

// challenge writes the WWW-Authenticate value that goes with a refusal: RFC 6750
// section 3, RFC 9449 section 7.1, RFC 9470 section 3.
func (v *Verifier) challenge(dpop bool, code string, r *Requirement) string {
	c := newChallenge(dpop, code)
	switch code {
	case "insufficient_scope":
		c.add("scope", strings.Join(r.Scopes, " "))
	case tooWeak:
		maxAge := ""
		if r.MaxAge > 0 {
			maxAge = seconds(r.MaxAge)
		}
		c.stronger(strings.Join(r.ACR, " "), maxAge)
	}
	if dpop {
		c.add("algs", strings.Join(v.cfg.ProofAlgorithms, " "))
	}
	return string(c)
}

// StepUpChallenge writes the WWW-Authenticate value that asks for stronger authentication
// (RFC 9470 section 3): one of the classes in acr, separated by spaces, if it is not "",
// and at most maxAge ago, if that is not negative. scheme is that of the call.
func StepUpChallenge(scheme, acr string, maxAge time.Duration) string {
	c := newChallenge(strings.EqualFold(scheme, "DPoP"), tooWeak)
	age := ""
	if maxAge >= 0 {
		age = seconds(maxAge)
	}
	c.stronger(acr, age)
	return string(c)
}

// tooWeak is the error code of RFC 9470.
const tooWeak = "insufficient_user_authentication"

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// challenge is a WWW-Authenticate value.
type challenge []byte

func newChallenge(dpop bool, code string) challenge {
	c := challenge("Bearer")
	if dpop {
		c = challenge("DPoP")
	}
	c.add("error", code)
	return c
}

func (c *challenge) stronger(acr, maxAge string) {
	c.add("acr_values", acr)
	c.add("max_age", maxAge)
}

func (c *challenge) add(name, value string) {
	if value == "" || len(value) > maxChallenge {
		return
	}
	sep := ", "
	if !slices.Contains(*c, '=') {
		sep = " "
	}
	*c = append(*c, sep+name+`="`+quoted(value)+`"`...)
}

// quoted keeps only what may stand in a quoted string unescaped (RFC 6750 section
// 3 allows no more).
func quoted(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, s)
}
