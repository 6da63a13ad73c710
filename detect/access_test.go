package detect

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vedette"
)

// story feeds calls to a fresh set and returns the findings, as "detector subject".
func story(t *testing.T, tell func(call func(after time.Duration, c vedette.Call))) []*vedette.Finding {
	t.Helper()
	var found []*vedette.Finding
	s := NewSet(func(f *vedette.Finding) { found = append(found, f) })
	at := time.Unix(1767614400, 0)
	position := uint64(0)
	tell(func(after time.Duration, c vedette.Call) {
		at = at.Add(after)
		c.Time, c.Venue = at, "binance"
		if !c.Source.IsValid() {
			c.Source = netip.MustParseAddrPort("192.0.2.7:1000")
		}
		if c.Credential == "" {
			c.Credential = "key-1"
		}
		if !c.Claimed.IsZero() { // given as a skew against the zero time
			c.Claimed = at.Add(-c.Claimed.Sub(time.Unix(0, 0)))
		}
		s.Observe(position, &c)
		position++
	})
	return found
}

func skew(d time.Duration) time.Time { return time.Unix(0, 0).Add(d) }

func call(v vedette.Verdict, why ...vedette.Reason) vedette.Call {
	return vedette.Call{Verdict: v, Reasons: why}
}

// TestAccess tells one story that must raise and one near miss that must not, for
// every detector.
func TestAccess(t *testing.T) {
	covered := map[string]int{}
	try := func(detector, want string, tell func(call func(time.Duration, vedette.Call))) {
		t.Helper()
		found := story(t, tell)
		var got []string
		for _, f := range found {
			got = append(got, f.Detector+" "+f.Severity.String())
		}
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("%s: found %q, want %q", detector, s, want)
		}
		if want == "" {
			covered[detector] |= 2
		} else {
			covered[detector] |= 1
		}
	}
	repeat := func(n int, gap time.Duration, c vedette.Call) func(func(time.Duration, vedette.Call)) {
		return func(send func(time.Duration, vedette.Call)) {
			for range n {
				send(gap, c)
			}
		}
	}
	forged := call(vedette.Forged, vedette.BadSignature)
	try("access.forged_signature", "access.forged_signature high", repeat(3, time.Second, forged))
	try("access.forged_signature", "access.forged_signature high", repeat(8, 50*time.Minute, forged)) // slow
	try("access.forged_signature", "", repeat(2, time.Second, forged))
	try("access.forged_signature", "", repeat(7, 50*time.Minute, forged))
	try("access.forged_signature", "access.forged_signature high", repeat(200, time.Second, forged)) // one episode, one finding

	try("access.replay", "access.replay high", repeat(1, 0, call(vedette.Replayed, vedette.SignatureReused)))
	try("access.replay", "", repeat(5, time.Second, call(vedette.Authentic, vedette.Retry)))
	try("access.cross_endpoint_replay", "access.cross_endpoint_replay critical", repeat(2, time.Second, call(vedette.Replayed, vedette.CrossEndpoint)))
	try("access.cross_endpoint_replay", "", repeat(5, time.Second, call(vedette.Authentic, vedette.Coincident)))

	delayed := func(s ...time.Duration) func(func(time.Duration, vedette.Call)) {
		return func(send func(time.Duration, vedette.Call)) {
			for _, d := range s {
				c := call(vedette.Stale, vedette.WindowPassed)
				c.Claimed = skew(d)
				send(time.Second, c)
			}
		}
	}
	try("access.stale_or_future", "access.stale_or_future medium", delayed(6*time.Second, 30*time.Second, 12*time.Second))
	try("access.stale_or_future", "access.stale_or_future low", delayed(6*time.Second, 6100*time.Millisecond, 6050*time.Millisecond))
	try("access.stale_or_future", "", delayed(6*time.Second, 30*time.Second))

	try("access.nonce_regression", "access.nonce_regression medium", repeat(3, time.Second, call(vedette.Stale, vedette.NonceRegressed)))
	try("access.nonce_regression", "", repeat(2, time.Second, call(vedette.Stale, vedette.NonceRegressed)))
	try("access.token_misuse", "access.token_misuse high", repeat(1, 0, call(vedette.Forged, vedette.TokenAlgorithm)))
	try("access.token_misuse", "access.token_misuse high", repeat(5, time.Second, call(vedette.Stale, vedette.TokenExpired)))
	try("access.token_misuse", "", repeat(4, time.Second, call(vedette.Stale, vedette.TokenExpired)))

	try("access.scope_probe", "access.scope_probe high", func(send func(time.Duration, vedette.Call)) {
		for _, op := range []vedette.Operation{vedette.OpOrderNew, vedette.OpTransfer, vedette.OpKeyCreate} {
			c := call(vedette.Unauthorised, vedette.NoPermission)
			c.Operation = op
			send(time.Second, c)
		}
	})
	try("access.scope_probe", "access.scope_probe high", func(send func(time.Duration, vedette.Call)) {
		c := call(vedette.Unauthorised, vedette.WithdrawDenied)
		c.Operation = vedette.OpWithdraw
		send(0, c)
	})
	try("access.scope_probe", "", repeat(5, time.Second, call(vedette.Unauthorised, vedette.NoPermission)))

	answered := func(refused bool) func(func(time.Duration, vedette.Call)) {
		return func(send func(time.Duration, vedette.Call)) {
			for _, op := range []vedette.Operation{vedette.OpOrderNew, vedette.OpOrderCancel, vedette.OpAccountRead} {
				c := call(vedette.Authentic)
				c.Operation, c.Answer.Status = op, 403
				if refused {
					c.Decision = vedette.Decision{Effect: vedette.Deny, Reason: vedette.Frozen}
				}
				send(time.Second, c)
			}
		}
	}
	try("access.scope_probe", "access.scope_probe high", answered(false)) // the venue said no
	try("access.scope_probe", "", answered(true))                         // we did: the key is frozen

	enumerate := func(n, sources int) func(func(time.Duration, vedette.Call)) {
		return func(send func(time.Duration, vedette.Call)) {
			for i := range n {
				c := call(vedette.Unverifiable, vedette.UnknownKey)
				c.Credential = fmt.Sprint("guess-", i)
				c.Source = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i % sources)}), 1)
				send(time.Second, c)
			}
		}
	}
	try("access.key_enumeration", "access.key_enumeration high", enumerate(5, 1))
	try("access.key_enumeration", "", enumerate(8, 2))
	try("access.key_enumeration", "access.key_enumeration high", func(send func(time.Duration, vedette.Call)) { // hidden among repeats
		for key := range 5 {
			c := call(vedette.Unverifiable, vedette.UnknownKey)
			c.Credential = fmt.Sprint("unknown-", key)
			repeat(40, time.Second, c)(send)
		}
	})
	try("access.key_enumeration", "", repeat(50, time.Second, call(vedette.Unverifiable, vedette.UnknownKey))) // one lost key
	for _, d := range All {
		if covered[d.Name] != 3 {
			t.Errorf("%s lacks a positive or a near miss", d.Name)
		}
		if d.Title == "" || d.Why == "" || d.Severity == 0 || d.Version == 0 || len(d.Tags) == 0 || d.Window == 0 || d.Quiet == 0 {
			t.Errorf("%s lacks a field", d.Name)
		}
	}
}

func TestFindingsAreDeterministic(t *testing.T) {
	tell := func(send func(time.Duration, vedette.Call)) {
		for i := range 20 {
			c := call(vedette.Forged, vedette.BadSignature)
			c.Credential = fmt.Sprint("key-", i%3)
			send(time.Second, c)
		}
	}
	a, b := story(t, tell), story(t, tell)
	if len(a) != 3 || len(b) != 3 {
		t.Fatalf("found %d and %d, want 3", len(a), len(b))
	}
	for i := range a {
		if a[i].ID != b[i].ID || len(a[i].Evidence) == 0 {
			t.Errorf("finding %d differs or lacks evidence: %+v %+v", i, a[i], b[i])
		}
	}
}

// TestFloodOfSources invents more sources than there is room for: state stays
// bounded, and a credential's state is not touched by it.
func TestFloodOfSources(t *testing.T) {
	found := 0
	s := NewSet(func(*vedette.Finding) { found++ })
	at := time.Unix(1767614400, 0)
	known := vedette.Call{Verdict: vedette.Forged, Reasons: []vedette.Reason{vedette.BadSignature}, Credential: "known"}
	for i := range 3 * maxSubjects {
		c := vedette.Call{Time: at.Add(time.Duration(i) * time.Microsecond), Verdict: vedette.Unverifiable, Reasons: []vedette.Reason{vedette.UnknownKey},
			Credential: "guess", Source: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1)}
		s.Observe(uint64(i), &c)
		if i%maxSubjects == 0 {
			known.Time = c.Time
			s.Observe(0, &known)
		}
	}
	if st := s.Stats(); st.Subjects > maxSubjects+1 || st.Evicted == 0 {
		t.Errorf("%+v", st)
	}
	if found != 1 {
		t.Errorf("found %d, want the known key's forgery", found)
	}
}
