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
