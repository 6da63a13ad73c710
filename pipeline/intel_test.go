package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/gate"
	"vedette/intel"
	"vedette/venue"
)

// listing configures one feed of addresses.
func listing(t *testing.T, action vedette.IntelAction, list string) func(*Config) {
	t.Helper()
	dir := t.TempDir()
	name := filepath.Join(dir, "list")
	if err := os.WriteFile(name, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := intel.Open(intel.Config{Dir: filepath.Join(dir, "intel"), Now: func() time.Time { return time.UnixMilli(1795340739148) },
		Feeds: []intel.Feed{{Name: "tor", Format: intel.List, Kind: vedette.IndicatorAddress, File: name, Confidence: 80, Action: action}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Refresh(t.Context(), "tor", false); err != nil {
		t.Fatal(err)
	}
	return func(c *Config) { c.Intel = f }
}

// TestListedSource: what a feed lists stands in the record, and its action is the gate's.
func TestListedSource(t *testing.T) {
	f := func(action vedette.IntelAction, mode gate.Mode, fields ...any) {
		t.Helper()
		w := newWorld(t, listing(t, action, "192.0.2.0/24\n"), func(c *Config) {
			var err error
			if c.Gate, err = gate.New(gate.Config{Mode: mode}); err != nil {
				t.Fatal(err)
			}
		})
		w.send(w.request("/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1"), 200, "{}")
		w.want(w.log.lastCall(t), append(fields, "verdict", "authentic", "intel", "[map[action:"+action.String()+" confidence:80 feed:tor kind:address]]")...)
	}
	f(vedette.IntelFlag, gate.Enforce, "decision", "allow", "decision_reason", nil)
	f(vedette.IntelDeny, gate.Enforce, "decision", "deny", "decision_reason", "intel_match", "status", 403)
	f(vedette.IntelStepUp, gate.Enforce, "decision", "step_up", "decision_reason", "intel_match", "status", 403)
	f(vedette.IntelDeny, gate.Observe, "decision", "allow", "decision_reason", "intel_match", "would_deny", true, "status", 200)
}

// TestNotListed: another call on the same exchange does not keep the matches of the last.
func TestNotListed(t *testing.T) {
	w := newWorld(t, listing(t, vedette.IntelDeny, "192.0.2.8\n"))
	x := w.request("/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1")
	x.Call.Intel = append(x.Call.Intel, vedette.IntelMatch{Feed: "old", Action: vedette.IntelDeny})
	w.send(x, 200, "{}")
	w.want(w.log.lastCall(t), "decision", "allow", "intel", nil)
}

// TestListedBearer: who comes with an access token is told what the feed asks for.
func TestListedBearer(t *testing.T) {
	w := newWorld(t, listing(t, vedette.IntelStepUp, "192.0.2.0/24\n"))
	x := w.request("/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1")
	x.Request.Header = append(x.Request.Header, venue.Field{Name: "Authorization", Value: "DPoP token"})
	x.Call.Decision = vedette.Decision{Effect: vedette.StepUp, Reason: vedette.IntelMatched}
	x.Claim.Auth = venue.AuthBearer
	s := &state{}
	w.m.challenge(x, s)
	if !strings.HasPrefix(s.Challenge, "DPoP ") || !strings.Contains(s.Challenge, "max_age=\"300\"") && !strings.Contains(s.Challenge, "max_age=300") {
		t.Errorf("%q", s.Challenge)
	}
}

// lastCall returns the newest record of a call, decoded: a finding may have followed it.
func (m *memory) lastCall(t *testing.T) map[string]any {
	t.Helper()
	for i := len(m.records) - 1; i >= 0; i-- {
		if strings.HasPrefix(m.records[i], string(callRecord)) {
			return decodeRecord(t, m.records[i])
		}
	}
	t.Fatal("no call was recorded")
	return nil
}
