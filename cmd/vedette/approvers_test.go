package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"vedette/api"
	"vedette/internal/strictyaml"
	"vedette/respond"
)

// TestApprovers: who approves is known by a key, else by the user of the operating system, and by the name alone only
// where the configuration wants that.
func TestApprovers(t *testing.T) {
	key := func(b byte) (string, ed25519.PrivateKey) {
		k := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(b), ed25519.SeedSize)))
		return base64.StdEncoding.EncodeToString(k.Public().(ed25519.PublicKey)), k
	}
	one, private := key('a')
	two, _ := key('b')
	f := func(c respondConfig, fails string) approvers {
		t.Helper()
		got, err := (&config{Respond: c}).approvers()
		if (err == nil) != (fails == "") || err != nil && !strings.Contains(err.Error(), fails) {
			t.Errorf("%+v: %v, want %q", c, err, fails)
		}
		return got
	}
	is := func(a approvers, d api.Decision, want respond.Person) {
		t.Helper()
		d.ID = "1"
		if p, err := a.person(d); p != want || (err == nil) != (want != respond.Person{}) {
			t.Errorf("%+v: %+v %v, want %+v", d, p, err, want)
		}
	}
	plain := f(respondConfig{}, "")
	is(plain, api.Decision{By: "alice", Peer: "uid 1000"}, respond.Person{Name: "alice", Proof: "uid 1000"})
	is(plain, api.Decision{By: "alice"}, respond.Person{Name: "alice", Proof: "control socket"})
	is(f(respondConfig{OneUser: true}, ""), api.Decision{By: "alice", Peer: "uid 1000"}, respond.Person{Name: "alice"})
	keys := f(respondConfig{Approvers: []approverConfig{{"alice", one}, {"bob", two}}}, "")
	is(keys, api.Decision{By: "alice", Peer: "uid 1000", Signature: respond.SignApproval(private, "1", "alice")}, respond.Person{Name: "alice", Proof: "key of alice"})
	is(keys, api.Decision{By: "alice", Peer: "uid 1000"}, respond.Person{})
	is(keys, api.Decision{By: "bob", Signature: respond.SignApproval(private, "1", "bob")}, respond.Person{})

	f(respondConfig{OneUser: true, Approvers: []approverConfig{{"alice", one}}}, "exclude each other")
	f(respondConfig{Approvers: []approverConfig{{"alice", one}, {"bob", one}}}, "alice and bob have the same key")
	f(respondConfig{Approvers: []approverConfig{{"alice", one}, {"Alice", two}}}, "two called Alice")
	f(respondConfig{Approvers: []approverConfig{{"", one}}}, "no name")
	f(respondConfig{Approvers: []approverConfig{{"alice", one[:20]}}}, "no Ed25519 public key")
}

// TestKeygenPrintsConfiguration: the line that keygen prints is read as the name that it was given, whatever that is.
func TestKeygenPrintsConfiguration(t *testing.T) {
	for i, name := range []string{"alice", "Anne-Marie O'Neill", `"bob"`, "null", "no", "123", "0x1f", "~", "a, key: b", "a: b", "a #b", "- a", "{a}", "&a", "*a", "!a", "|", ">", "@a", "%a",
		"back\\slash", "new\nline", " space ", "\x7f", "Žofie", "\u2028", "<a&b>", "😀"} {
		out, errs, code := invoke("", "respond", "keygen", "-by", name, filepath.Join(t.TempDir(), fmt.Sprint(i)))
		if code != 0 || strings.Count(out, "\n") != 1 {
			t.Fatalf("%q: %d %s%s", name, code, errs, out)
		}
		var c config
		if err := strictyaml.Decode([]byte("respond:\n  approvers:\n    - "+out), &c); err != nil || len(c.Respond.Approvers) != 1 || c.Respond.Approvers[0].Name != name {
			t.Errorf("%q: %s: %v %+v", name, out, err, c.Respond.Approvers)
		} else if _, err := c.approvers(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, errs, code := invoke("", "respond", "keygen", "-by", "", filepath.Join(t.TempDir(), "key")); code != 2 || !strings.Contains(errs, "who the approver is") {
		t.Errorf("nobody: %d %s", code, errs)
	}
}

// TestProposalReceivers: who reads hears of proposals, unless it is said otherwise; who cannot say them is refused.
func TestProposalReceivers(t *testing.T) {
	yes, no := true, false
	f := func(r receiverConfig, gets bool, fails string) {
		t.Helper()
		r.Name = "r"
		err := (&config{Receivers: []receiverConfig{r}}).checkReceivers()
		if (err == nil) != (fails == "") || err != nil && !strings.Contains(err.Error(), fails) || fails == "" && r.proposals() != gets {
			t.Errorf("%+v: gets them %v, %v", r, r.proposals(), err)
		}
	}
	f(receiverConfig{Kind: "slack", URLFile: "u"}, true, "")
	f(receiverConfig{Kind: "slack", URLFile: "u", Proposals: &no}, false, "")
	f(receiverConfig{Kind: "file", File: "f"}, false, "")
	f(receiverConfig{Kind: "file", File: "f", Proposals: &yes}, true, "")
	f(receiverConfig{Kind: "file", File: "f", Format: "cef", Proposals: &yes}, true, "")
	f(receiverConfig{Kind: "file", File: "f", Format: "ocsf", Proposals: &yes}, false, "no form in ocsf")
	f(receiverConfig{Kind: "webhook", URL: "https://a.example", SecretFile: "s", Format: "stix", Proposals: &yes}, false, "no form in stix")
}
