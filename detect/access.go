package detect

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"vedette"
)

// All are the detectors, in the order they run. Definitions: access.* of the
// project's detection catalogue, docs/findings.md.
var All = []*Detector{ForgedSignature, Replay, CrossEndpointReplay, StaleOrFuture, NonceRegression, TokenMisuse, ScopeProbe, KeyEnumeration}

const (
	forgedBurst   = 3 // in a minute
	forgedSlow    = 8 // in the window
	staleCount    = 3
	nonceCount    = 3
	tokenCount    = 5
	scopeDistinct = 3
	scopeCount    = 6
	enumKeys      = 5
)

// driftSpread is how closely the clock errors of one client lie together: its network
// jitter is mostly below 100 ms, and the delays of requests held back scatter more.
const driftSpread = 500 * time.Millisecond

// ForgedSignature raises on signatures that do not verify, on credentials that
// the keyring knows.
var ForgedSignature = &Detector{
	Name: "access.forged_signature", Version: 1, Severity: vedette.High,
	Title:  "Signatures that do not verify",
	Why:    "Somebody uses a key without its secret, or alters requests on their way. A client with a wrong secret looks the same for minutes, not for hours.",
	Tags:   []string{"attack:T1078", "owasp-api:API2:2023"},
	Window: 24 * time.Hour, Quiet: time.Hour,
	Key: func(c *vedette.Call) string {
		if c.Verdict == vedette.Forged && hasAny(c, vedette.BadSignature, vedette.BadPassphrase, vedette.WrongScheme, vedette.NoSignature) {
			return c.Credential
		}
		return ""
	},
	Judge: func(s *Subject, f *vedette.Finding) bool {
		minute := s.within(time.Minute)
		if minute < forgedBurst && s.count < forgedSlow {
			return false
		}
		kind := "burst"
		f.Values["in_a_minute"] = vedette.Value{Value: float64(minute), Threshold: forgedBurst}
		if minute < forgedBurst {
			kind = "slow"
			f.Values["in_a_day"] = vedette.Value{Value: float64(s.count), Threshold: forgedSlow}
		}
		f.Score = 0.9
		f.Summary = fmt.Sprintf("%d calls with key %s carried a signature that does not verify (%s).", len(s.calls), s.Key, kind)
		return true
	},
}

// Replay raises on a signature or nonce that was used before.
var Replay = &Detector{
	Name: "access.replay", Version: 1, Severity: vedette.High,
	Title:  "A request seen before",
	Why:    "A copy of a genuine request was sent again after it was answered, or from another place: the line or a log is being read.",
	Tags:   []string{"attack:T1557", "owasp-api:API2:2023"},
	Window: 24 * time.Hour, Quiet: time.Hour,
	Key: func(c *vedette.Call) string {
		if c.Verdict == vedette.Replayed && hasAny(c, vedette.SignatureReused, vedette.NonceReused) {
			return c.Credential
		}
		return ""
	},
	Judge: func(s *Subject, f *vedette.Finding) bool {
		f.Score = 0.95
		f.Values["replays"] = vedette.Value{Value: float64(len(s.calls)), Threshold: 1}
		f.Summary = fmt.Sprintf("A signed request of key %s was sent again after its first use.", s.Key)
		return true
	},
}

// CrossEndpointReplay raises on a seen signature on another endpoint or content.
var CrossEndpointReplay = &Detector{
	Name: "access.cross_endpoint_replay", Version: 1, Severity: vedette.Critical,
	Title:  "A signature moved to another endpoint",
	Why:    "The venue's signature leaves method or path open. A captured signature was put on another call: only an attacker does that.",
	Tags:   []string{"attack:T1557", "owasp-api:API2:2023"},
	Window: 24 * time.Hour, Quiet: time.Hour,
	Key: func(c *vedette.Call) string {
		if c.Verdict == vedette.Replayed && hasAny(c, vedette.CrossEndpoint) {
			return c.Credential
		}
		return ""
	},
	Judge: func(s *Subject, f *vedette.Finding) bool {
		f.Score = 0.99
		f.Values["moved"] = vedette.Value{Value: float64(len(s.calls)), Threshold: 1}
		f.Summary = fmt.Sprintf("A signature of key %s came back on another endpoint or with other content.", s.Key)
		return true
	},
}

// StaleOrFuture raises on times outside the venue's window and tells a client's
// wrong clock from requests that were held back.
var StaleOrFuture = &Detector{
	Name: "access.stale_or_future", Version: 1, Severity: vedette.Medium,
	Title:  "Requests outside their time window",
	Why:    "Requests held back and sent later come with scattered delays. A client whose clock is off comes with one delay, always the same.",
	Tags:   []string{"attack:T1557"},
	Window: 10 * time.Minute, Quiet: time.Hour,
	Key: func(c *vedette.Call) string {
		if c.Verdict == vedette.Stale && hasAny(c, vedette.WindowPassed, vedette.ClockAhead) {
			return c.Credential
		}
		return ""
	},
	Judge: judgeStale,
}

func judgeStale(s *Subject, f *vedette.Finding) bool {
	if len(s.calls) < staleCount {
		return false
	}
	var skews []time.Duration
	for i := range s.calls {
		if v := s.calls[i].skew; v != 0 {
			skews = append(skews, v)
		}
	}
	f.Values["calls"] = vedette.Value{Value: float64(len(s.calls)), Threshold: staleCount}
	if len(skews) == 0 { // an expiry without a time of its own
		f.Score = 0.5
		f.Summary = fmt.Sprintf("%d calls of key %s came after their expiry.", len(s.calls), s.Key)
		return true
	}
	slices.Sort(skews)
	spread := skews[len(skews)-1] - skews[0]
	f.Values["skew_s"] = vedette.Value{Value: skews[len(skews)/2].Seconds()}
	f.Values["spread_s"] = vedette.Value{Value: spread.Seconds(), Threshold: driftSpread.Seconds()}
	if spread <= driftSpread && distinct(s, func(v *seen) netip.Addr { return v.source }) == 1 {
		f.Score, f.Severity = 0.3, vedette.Low
		f.Tags = append(slices.Clone(f.Tags), "cause:clock_drift")
		skew, way := skews[len(skews)/2].Round(time.Millisecond), "behind"
		if skew < 0 {
			skew, way = -skew, "ahead"
		}
		f.Summary = fmt.Sprintf("The clock of the client with key %s is %v %s.", s.Key, skew, way)
		return true
	}
	f.Score = 0.8
	f.Tags = append(slices.Clone(f.Tags), "cause:delayed")
	f.Summary = fmt.Sprintf("%d calls of key %s came outside their time window, by times that scatter over %v: they were held back or kept.", len(s.calls), s.Key, spread.Round(time.Millisecond))
	return true
}

// NonceRegression raises on nonces that are missing, repeated or go back.
var NonceRegression = &Detector{
	Name: "access.nonce_regression", Version: 1, Severity: vedette.Medium,
	Title:  "Nonces that go back",
	Why:    "Two programs share a key, a clock was set back, or old requests are being sent.",
	Tags:   []string{"attack:T1557"},
	Window: 10 * time.Minute, Quiet: time.Hour,
	Key: func(c *vedette.Call) string {
		if hasAny(c, vedette.NonceRegressed, vedette.NonceReused, vedette.NonceMissing) {
			return c.Credential
		}
		return ""
	},
	Judge: func(s *Subject, f *vedette.Finding) bool {
		if len(s.calls) < nonceCount {
			return false
		}
		f.Score = 0.6
		f.Values["calls"] = vedette.Value{Value: float64(len(s.calls)), Threshold: nonceCount}
		f.Summary = fmt.Sprintf("%d calls of key %s had a nonce that was missing, used before or below what the venue still accepts.", len(s.calls), s.Key)
		return true
	},
}

// tokenAttack are the reasons that no working client produces.
var tokenAttack = []vedette.Reason{vedette.TokenAlgorithm, vedette.TokenKey, vedette.TokenBinding, vedette.TokenRevoked, vedette.TokenType,
	vedette.ProofReplayed, vedette.BoundElsewhere}

// TokenMisuse raises on tokens that were tampered with, stolen, or used after
// their end.
var TokenMisuse = &Detector{
	Name: "access.token_misuse", Version: 1, Severity: vedette.High,
	Title:  "A token used as it must not be",
	Why:    "Tokens with foreign keys or algorithms are forgeries; a token without the certificate or key it is bound to is stolen.",
	Tags:   []string{"attack:T1550.001", "owasp-api:API2:2023"},
	Window: time.Hour, Quiet: time.Hour,
	Key: func(c *vedette.Call) string {
		if !hasAny(c, tokenAttack...) && !hasAny(c, vedette.TokenInvalid, vedette.TokenExpired, vedette.TokenEarly, vedette.TokenAudience,
			vedette.TokenIssuer, vedette.ProofInvalid, vedette.ProofStale) {
			return ""
		}
		if c.Credential != "" {
			return c.Credential
		}
		return "source:" + c.Source.Addr().String()
	},
	Judge: func(s *Subject, f *vedette.Finding) bool {
		why := s.calls[len(s.calls)-1].reason
		if !slices.Contains(tokenAttack, why) && len(s.calls) < tokenCount {
			return false
		}
		f.Score = 0.9
		f.Values["calls"] = vedette.Value{Value: float64(len(s.calls)), Threshold: 1}
		f.Summary = fmt.Sprintf("A token of %s was refused: %s.", s.Key, why)
		return true
	},
}

// ScopeProbe raises on a credential that tries what it may not do.
var ScopeProbe = &Detector{
	Name: "access.scope_probe", Version: 1, Severity: vedette.High,
	Title:  "A key tries what it may not do",
	Why:    "Whoever holds a stolen key finds out what it can do. Its owner knows.",
	Tags:   []string{"attack:T1087", "owasp-api:API5:2023"},
	Window: 10 * time.Minute, Quiet: time.Hour,
	Key: func(c *vedette.Call) string {
		denied := hasAny(c, vedette.NoPermission, vedette.OperationDenied, vedette.InstrumentDenied, vedette.WithdrawDenied, vedette.TokenScope)
		byVenue := c.Verdict == vedette.Authentic && !c.Decision.Refused() && (c.Answer.Status == 401 || c.Answer.Status == 403)
		if denied || byVenue { // a frozen key that goes on trading does not probe
			return c.Credential
		}
		return ""
	},
	Judge: func(s *Subject, f *vedette.Finding) bool {
		ops := distinct(s, func(v *seen) vedette.Operation { return v.op })
		last := s.calls[len(s.calls)-1]
		withdraw := last.op == vedette.OpWithdraw && (last.reason == vedette.NoPermission || last.reason == vedette.WithdrawDenied)
		if ops < scopeDistinct && len(s.calls) < scopeCount && !withdraw {
			return false
		}
		f.Score = 0.85
		f.Values["operations"] = vedette.Value{Value: float64(ops), Threshold: scopeDistinct}
		f.Values["calls"] = vedette.Value{Value: float64(len(s.calls)), Threshold: scopeCount}
		f.Summary = fmt.Sprintf("Key %s tried %d kinds of operation that it may not do.", s.Key, ops)
		if withdraw {
			f.Summary = fmt.Sprintf("Key %s tried a withdrawal that it may not make.", s.Key)
		}
		return true
	},
}

// KeyEnumeration raises on one source that tries many keys nobody has.
var KeyEnumeration = &Detector{
	Name: "access.key_enumeration", Version: 1, Severity: vedette.High,
	Title:  "One source tries many unknown keys",
	Why:    "Somebody guesses key ids or tries a list of leaked ones.",
	Tags:   []string{"attack:T1110.004", "owasp-api:API2:2023"},
	Window: 10 * time.Minute, Quiet: time.Hour, OneEach: true,
	Key: func(c *vedette.Call) string {
		if hasAny(c, vedette.UnknownKey) && c.Source.IsValid() {
			return sourceKey(c.Source.Addr())
		}
		return ""
	},
	Judge: func(s *Subject, f *vedette.Finding) bool {
		keys := distinct(s, func(v *seen) uint64 { return v.hash })
		if keys < enumKeys {
			return false
		}
		f.Score = 0.9
		f.Source = s.Key
		f.Values["keys"] = vedette.Value{Value: float64(keys), Threshold: enumKeys}
		f.Summary = fmt.Sprintf("%s tried %d keys that nobody has.", s.Key, keys)
		return true
	},
}

// sourceKey is the address, or for IPv6 its /64: one customer's line.
func sourceKey(a netip.Addr) string {
	if a = a.Unmap(); a.Is6() {
		p, _ := a.Prefix(64)
		return p.String()
	}
	return a.String()
}

// within counts the subject's calls in the last d.
func (s *Subject) within(d time.Duration) int {
	n := 0
	since := s.calls[len(s.calls)-1].at.Add(-d)
	for i := range s.calls {
		if s.calls[i].at.After(since) {
			n++
		}
	}
	return n
}

func hasAny(c *vedette.Call, reasons ...vedette.Reason) bool {
	for _, r := range c.Reasons {
		if slices.Contains(reasons, r) {
			return true
		}
	}
	return false
}
