package respond

import (
	"strings"
	"testing"

	"vedette"
)

// TestBookErrors: what cannot be meant is refused, with where it is.
func TestBookErrors(t *testing.T) {
	f := func(yaml, want string) {
		t.Helper()
		_, err := ParseBook([]byte(yaml))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngives %v, want %q", yaml, err, want)
		}
	}
	one := func(match, response string) string {
		return "playbooks:\n  - name: a\n    match: " + match + "\n    respond: [" + response + "]\n"
	}
	const any = "{severity: high}"
	f("playbook: []", `line 1, column 1: unknown key "playbook"; did you mean "playbooks"?`)
	f("playbooks:\n  - name: a\n    dryrun: true\n", `line 3, column 5: unknown key "dryrun"; did you mean "dry_run"?`)
	f("playbooks: [{match: {severity: high}}]", "number 1 has no name")
	f(one(any, "{do: freeze, subject: account, for: 1h}")+"  - name: a\n", `"a" is there twice`)
	f(one("{}", "{do: freeze, subject: account, for: 1h}"), "everything would match")
	f(one("{severity: hihg}", "{do: freeze, subject: account, for: 1h}"), "hihg")
	f(one("{detector: '['}", "{do: freeze, subject: account, for: 1h}"), "no pattern")
	f(one("{on: incident, detector: access.*}", "{do: freeze, subject: account, for: 1h}"), "no use with incidents")
	f(one("{risk: 2}", "{do: freeze, subject: account, for: 1h}"), "not in [0,1]")
	f(one("{severity: high, subjects: [acount]}", "{do: freeze, subject: account, for: 1h}"), `unknown subject "acount"; did you mean "account"?`)
	f(one(any, ""), "0 responses")
	f(one(any, "{do: freze, subject: account, for: 1h}"), `unknown response "freze"; did you mean "freeze"?`)
	f(one(any, "{do: freeze, for: 1h}"), "want subject credential, account, owner, source, instrument")
	f(one(any, "{do: freeze, subject: venue, for: 1h}"), "want subject")
	f(one(any, "{do: block, subject: account, for: 1h}"), "want subject source")
	f(one(any, "{do: freeze, subject: account}"), "for is missing")
	f(one(any, "{do: freeze, subject: account, for: 100000h}"), "not between 1s and 720h0m0s")
	f(one(any, "{do: freeze, subject: account, for: soon}"), `cannot read duration "soon"`)
	f(one(any, "{do: throttle, subject: account, for: 1h}"), "needs a rate")
	f(one(any, "{do: freeze, subject: account, for: 1h, rate: 1}"), "no use with freeze")
	f(one(any, "{do: deny_operation, subject: account, for: 1h}"), "needs an operation")
	f(one(any, "{do: deny_operation, subject: account, for: 1h, operation: withdrawal}"), "withdrawal")
	f(one(any, "{do: freeze, subject: account, for: 1h, operation: withdraw}"), "no use with freeze")
	f(one(any, "{do: freeze, subject: account, for: 1h, acr: phr}"), "no use with freeze")
	f(one(any, "{do: freeze, subject: account, for: 1h, approve: 3}"), "approve is 3, not 0 to 2")
	f(one(any, "{do: cancel_all, for: 1h}"), "it happens once")
	f(one(any, "{do: kill, for: 1h, approve: 0}"), "say automatic_kill: true")
	f(one(any, "{do: kill, for: 1h, automatic_kill: true}"), "only with kill and approve: 0")
	f("never: [{}]\nplaybooks: []", "never, number 1: it names nobody")
	f("never: [{source: here}]\nplaybooks: []", "no address or range")
}

// TestPlan: which events match, and what is done to whom.
func TestPlan(t *testing.T) {
	f := func(yaml string, e Event, want string) {
		t.Helper()
		b, err := ParseBook([]byte(yaml))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range b.Plan(e) {
			got = append(got, p.Words())
		}
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("%s\nplans %q, want %q", yaml, s, want)
		}
	}
	do := func(match, response string) string {
		return "playbooks:\n  - name: a\n    match: " + match + "\n    respond: [" + response + "]\n"
	}
	e := forged(1, "key-1")
	const freeze = "{do: freeze, subject: credential, for: 1h}"
	const frozen = "freeze of credential key-1 at binance for 1h0m0s"
	f(do("{detector: access.*}", freeze), e, frozen)
	f(do("{detector: abuse.*}", freeze), e, "")
	f(do("{detector: '*', severity: critical}", freeze), e, "")
	f(do("{risk: 0.9}", freeze), e, frozen)
	f(do("{risk: 0.91}", freeze), e, "")
	f(do(`{tags: ["attack:T1078"]}`, freeze), e, frozen)
	f(do(`{tags: ["attack:T1078", other]}`, freeze), e, "")
	f(do("{risk: 0.1, subjects: [owner]}", freeze), e, "")
	f(do("{risk: 0.1, venue: okx}", freeze), e, "")
	f(do("{risk: 0.1, venue: binance}", "{do: block, for: 5m}, {do: halt, for: 5m}, {do: kill, for: 5m}, {do: cancel_all}, {do: throttle, subject: owner, for: 1m, rate: 1}, {do: deny_operation, subject: account, operation: withdraw, for: 1m}"), e,
		"block of source 192.0.2.7 at binance for 5m0s; halt of instrument BTCUSDT at binance for 5m0s; kill of venue binance for 5m0s; cancel_all of account acct-1 at binance; deny_operation of account acct-1 at binance, withdraw for 1m0s")
	i := OfIncident(&vedette.Incident{ID: "inc:1", Severity: vedette.High, Risk: 0.5, Subjects: []vedette.Subject{{Kind: "credential", ID: "a"}, {Kind: "credential", ID: "b"}, {Kind: "venue", ID: "okx"}, {Kind: "venue", ID: "binance"}}})
	f(do("{on: incident, risk: 0.5}", freeze), i, "freeze of credential a for 1h0m0s; freeze of credential b for 1h0m0s")
	f(do("{risk: 0.5}", freeze), i, "")
}

// FuzzBook: a file is playbooks or refused, and what was taken plans without a panic.
func FuzzBook(f *testing.F) {
	f.Add([]byte(freezing))
	f.Fuzz(func(t *testing.T, b []byte) {
		book, err := ParseBook(b)
		if (book == nil) == (err == nil) {
			t.Fatalf("%v %v", book, err)
		}
		if err != nil {
			return
		}
		for _, e := range []Event{forged(1, "key-1"), OfIncident(&vedette.Incident{ID: "inc:1", Severity: vedette.Critical, Risk: 1, Subjects: forged(1, "k").Subjects()})} {
			for _, p := range book.Plan(e) {
				p.restrictions()
				book.Protected(p, e, nil)
			}
		}
	})
}
