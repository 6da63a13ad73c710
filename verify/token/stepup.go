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
		return refuse(vedette.Unauthorised, "insufficient_user_authentication", vedette.StepUpNeeded)
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
	var b strings.Builder
	scheme := "Bearer"
	if dpop {
		scheme = "DPoP"
	}
	b.WriteString(scheme)
	sep := " "
	add := func(name, value string) {
		if value != "" && len(value) <= maxChallenge {
			b.WriteString(sep + name + `="` + quoted(value) + `"`)
			sep = ", "
		}
	}
	add("error", code)
	switch code {
	case "insufficient_scope":
		add("scope", strings.Join(r.Scopes, " "))
	case "insufficient_user_authentication":
		add("acr_values", strings.Join(r.ACR, " "))
		if r.MaxAge > 0 {
			add("max_age", strconv.Itoa(int(r.MaxAge/time.Second)))
		}
	}
	if dpop {
		add("algs", strings.Join(v.cfg.ProofAlgorithms, " "))
	}
	return b.String()
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
