package pipeline

import (
	"encoding/json"
	"strings"
	"testing"

	"vedette"
)

// TestRecordFits: whatever a call and its body hold, and however escapes lengthen it, the record is no
// longer than the ledger takes.
func TestRecordFits(t *testing.T) {
	long := strings.Repeat("\x01", 1<<10)
	a := vedette.Action{Instrument: long, ClientOrderID: long, TargetOrderID: long, Object: long, Asset: long, Address: long}
	c := &vedette.Call{Client: long, Credential: long, Account: long, Owner: long, Method: long, Path: long, Nonce: long, Action: a,
		Answer: vedette.Answer{Error: long, OrderID: long}}
	for range 16 {
		c.Batch = append(c.Batch, a)
	}
	part := strings.Repeat("x", maxKept-100)
	for _, body := range []string{"", `,"body":"` + part + `"`, `,"query":"` + part + `","body":"` + part + `"`} {
		b := appendRecord(nil, c, []byte(body))
		if len(b) > maxRecord || !json.Valid(b) {
			t.Errorf("%d bytes of body: a record of %d bytes, JSON %v", len(body), len(b), json.Valid(b))
		}
	}
}

// TestClippedMethods: a token that says that its user authenticated in absurdly many ways does not make a record
// longer than the ledger takes.
func TestClippedMethods(t *testing.T) {
	c := &vedette.Call{Venue: "binance", Credential: "k", ACR: strings.Repeat("\x7f", 512)}
	for range 64 {
		c.AMR = append(c.AMR, strings.Repeat("\x7f", 512))
	}
	if b := appendRecord(nil, c, nil); len(b) > maxRecord || !strings.Contains(string(b), `"clipped":true`) {
		t.Errorf("%d bytes", len(b))
	}
	if len(c.AMR) != 64 || len(c.AMR[0]) != 512 {
		t.Error("the call itself was cut")
	}
}

// TestClippedAnswer: nor does a venue that names an absurd account.
func TestClippedAnswer(t *testing.T) {
	c := &vedette.Call{Venue: "binance", Credential: "k", Joint: "vault"}
	c.Answer.Account = strings.Repeat("7", 70000)
	if b := appendRecord(nil, c, nil); len(b) > maxRecord || !strings.Contains(string(b), `"joint":"vault"`) || !strings.Contains(string(b), `"answer_account":"777`) {
		t.Errorf("%d bytes", len(b))
	}
}
