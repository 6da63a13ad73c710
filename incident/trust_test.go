package incident

import (
	"strings"
	"testing"
	"time"

	"vedette"
)

// TestTrust: what is never raised in clean traffic is trusted fully, and what is there less the more often it is.
func TestTrust(t *testing.T) {
	if Trust("my.rule", vedette.Low) != 1 {
		t.Error("a rule of the user's own is not trusted")
	}
	for name, rate := range cleanRate {
		detector, severity, ok := strings.Cut(name, " ")
		var s vedette.Severity
		if !ok || s.UnmarshalText([]byte(severity)) != nil || rate <= 0 {
			t.Errorf("%q %v", name, rate)
		}
		if got := Trust(detector, s); got <= 0 || got >= 1 || rate == halfTrust && got != 0.5 {
			t.Errorf("%s, %v a day: trust %v", name, rate, got)
		}
	}
}

// TestAlert: findings that say little alone make an alert together, and exposure makes none.
func TestAlert(t *testing.T) {
	at := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	j := New(Config{Exposure: func(*vedette.Finding) (float64, string) { return 1, "all" }})
	join := func(detector string) vedette.Incident {
		at = at.Add(time.Minute)
		i, _ := j.Join(&vedette.Finding{ID: vedette.FindingID(detector, "k", at), Detector: detector, Severity: vedette.Low, Score: 0.6, Time: at, From: at, To: at,
			Credential: "key-1", Owner: "owner-1"})
		return i
	}
	if i := join("my.first"); i.Alert || i.Risk == 0 {
		t.Errorf("one low finding: alert %v, risk %v", i.Alert, i.Risk)
	}
	if i := join("my.first"); i.Alert {
		t.Error("the same again makes an alert")
	}
	if i := join("my.second"); !i.Alert {
		t.Error("two low findings make none")
	}
	if open := j.Open(10); len(open) != 1 || !open[0].Alert {
		t.Errorf("%+v", open)
	}
}
