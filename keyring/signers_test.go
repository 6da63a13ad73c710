package keyring

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"vedette"
)

// TestSigners: a joint account's wallets and threshold are checked, kept in lower case,
// and sealed with the rest.
func TestSigners(t *testing.T) {
	const a, b = "0x14791697260E4c9A71f18484C9f997B308e59325", "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"
	spec := func(scheme string, threshold int, signers ...string) Spec {
		return Spec{Credential: vedette.Credential{ID: "0x1719884eb866cb12b2287399b15f7db5e7d775ea", Venue: "hyperliquid", Signers: signers, Threshold: threshold}, Scheme: scheme}
	}
	f := func(want string, s Spec) {
		t.Helper()
		if _, err := (Options{}).Build(s, time.Now()); err == nil != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f("", spec("eip712", 2, strings.ToLower(a), b))
	f("threshold is 3, not between 1 and the 2 signers", spec("eip712", 3, a, b))
	f("threshold is 0", spec("eip712", 0, a))
	f("threshold is 1", spec("eip712", 1))
	f("is there twice", spec("eip712", 1, b, b))
	f("wallet is not 0x", spec("eip712", 1, "alice"))
	f("have no use with scheme", spec("hmac", 1, b))

	read, err := Importer{}.Read(strings.NewReader("keys:\n  - {id: \"0x1719884eb866cb12b2287399b15f7db5e7d775ea\", venue: hyperliquid, scheme: eip712, signers: [\""+a+"\", \""+b+"\"], threshold: 2}\n"), "keys.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := NewSealer(NewSecret(bytes.Repeat([]byte{7}, MasterBytes)))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := sealer.Seal(read[0])
	if err != nil {
		t.Fatal(err)
	}
	got, err := sealer.Open("hyperliquid", read[0].ID, sealed)
	if err != nil || got.Threshold != 2 || !slices.Equal(got.Signers, []string{strings.ToLower(a), b}) {
		t.Errorf("%v %+v", err, got.Credential)
	}
	if _, err := (Importer{}).Read(strings.NewReader("keys:\n  - {id: x, venue: v, signers: [], threshold: two}\n"), "keys.yaml"); err == nil || !strings.Contains(err.Error(), "signers: is an empty list") || !strings.Contains(err.Error(), `threshold: "two" is not a whole number`) {
		t.Errorf("%v", err)
	}
}

// TestWalletIsItsID: a wallet that goes by another name would never be found, and one that was
// rotated away would stay valid under its own.
func TestWalletIsItsID(t *testing.T) {
	const a, b = "0x14791697260e4c9a71f18484c9f997b308e59325", "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"
	mixed := "0x14791697260E4c9A71f18484C9f997B308e59325"
	for _, c := range []struct{ id, wallet, old, want string }{
		{a, a, "", ""}, {a, mixed, "", ""}, {a, "", "", ""},
		{mixed, "", "", "want " + a}, {"trader-a", a, "", "id is not the wallet's address"}, {"", a, "", "id is missing"},
		{a, b, "", "wallet is another"}, {a, a, b, "previous: wallet is another"},
	} {
		s := Spec{Credential: vedette.Credential{ID: c.id, Venue: "hyperliquid"}, Scheme: "eip712", Secrets: Secrets{Wallet: c.wallet}}
		if c.old != "" {
			s.Previous, s.PreviousUntil = Secrets{Wallet: c.old}, time.Now().Add(time.Hour)
		}
		_, err := Options{}.Build(s, time.Now())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
