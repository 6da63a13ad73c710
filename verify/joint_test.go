package verify

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secp "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"vedette"
	"vedette/keyring"
)

// TestJointAccount holds the inner signatures of captured multi-sig actions against a
// keyring that lists other signers, and sends on what the outer signer made of them.
func TestJointAccount(t *testing.T) {
	tried := 0
	for _, c := range captures(t, "rest") {
		if !strings.HasPrefix(c.Call, "multiSig ") {
			continue
		}
		tried++
		f := func(want string, c *capture, change func(*keyring.Spec)) {
			t.Helper()
			j := c.judge(t)
			spec := jointAccount
			ring := j.v.Keys.(*keyring.Ring)
			ring.Remove(spec.Venue, spec.ID)
			if change != nil {
				change(&spec)
				if err := ring.Add(spec, c.at()); err != nil {
					t.Fatal(err)
				}
			}
			x, got := j.see(c.request())
			if got != want || want == "authentic" && (x.Call.Account != "joint" || x.Call.Joint != spec.ID || x.Call.Credential == spec.ID) {
				t.Errorf("%s: %s of account %q, want %s", c.Call, got, x.Call.Account, want)
			}
		}
		same := func(*keyring.Spec) {}
		f("authentic", c, same)
		f("unverifiable no_secret", c, nil)
		f("unverifiable no_secret", c, func(s *keyring.Spec) { s.Signers, s.Threshold = nil, 0 })
		f("forged bad_signature", c, func(s *keyring.Spec) {
			s.Signers = []string{s.Signers[0], "0x00000000000000000000000000000000000000aa"}
		})
		f("forged bad_signature", c, func(s *keyring.Spec) { s.Signers, s.Threshold = s.Signers[:1], 1 })
		f("unauthorised permission", c, func(s *keyring.Spec) {
			s.Signers, s.Threshold = append([]string{"0x00000000000000000000000000000000000000aa"}, s.Signers...), 3
		})
		// The account's own entry holds too, whatever the outer signer may.
		f("unauthorised permission", c, func(s *keyring.Spec) { s.Permissions = vedette.PermRead })
		f("unauthorised expired", c, func(s *keyring.Spec) { s.Expires = c.at().Add(-time.Hour) })
		f("unauthorised address", c, func(s *keyring.Spec) { s.IPAllow = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")} })
		// What the outer signer can do alone.
		first, second := inner(t, c.Body, 0), inner(t, c.Body, 1)
		f("forged bad_signature", resigned(t, c, second, first), same) // one wallet twice
		f("unauthorised permission", resigned(t, c, ","+second, ""), same)
		f("forged bad_signature", resigned(t, c, `"payload":{"multiSigUser":"0x1719884eb866cb12b2287399b15f7db5e7d775ea"`, `"payload":{"multiSigUser":"0x14791697260e4c9a71f18484c9f997b308e59325"`),
			func(s *keyring.Spec) { s.ID = "0x14791697260e4c9a71f18484c9f997b308e59325" }) // for another account
		f("forged bound_elsewhere", resigned(t, c, `"outerSigner":"0x1479`, `"outerSigner":"0x1579`), same)
		for old, new := range map[string]string{`"30000"`: `"90000"`, `"amount":"1"`: `"amount":"9"`} {
			if strings.Contains(c.Body, old) {
				f("forged bad_signature", resigned(t, c, old, new), same)
			}
		}
	}
	if tried != 2 {
		t.Errorf("%d captured multi-sig actions, want 2", tried)
	}
}

// inner returns the n-th inner signature of a multi-sig action as it was sent.
func inner(t *testing.T, body string, n int) string {
	t.Helper()
	list := body[strings.Index(body, `"signatures":[`)+len(`"signatures":[`):]
	parts := strings.SplitAfter(list[:strings.Index(list, "]")], "}")
	if n >= len(parts) {
		t.Fatalf("no signature %d in %s", n, body)
	}
	return strings.TrimPrefix(parts[n], ",")
}

// resigned replaces text in the action and has the outer signer sign it anew.
func resigned(t *testing.T, c *capture, old, new string) *capture {
	t.Helper()
	d := *c
	if d.Body = strings.Replace(c.Body, old, new, 1); d.Body == c.Body {
		t.Fatalf("%q is not in %s", old, c.Body)
	}
	j := d.judge(t)
	x, _ := j.see(d.request())
	digest, ok := x.Dialect.Message(x.Request, x.Claim, 0, nil)
	if !ok {
		t.Fatal("the action has no digest")
	}
	key, _ := hex.DecodeString("0123456789012345678901234567890123456789012345678901234567890123")
	sig := secp.SignCompact(secp256k1.PrivKeyFromBytes(key), digest, false)
	at := strings.LastIndex(d.Body, `"signature":{`)
	end := at + strings.Index(d.Body[at:], "}") + 1
	d.Body = d.Body[:at] + fmt.Sprintf(`"signature":{"r":"0x%x","s":"0x%x","v":%d}`, bytes.TrimLeft(sig[1:33], "\x00"), bytes.TrimLeft(sig[33:], "\x00"), sig[0]) + d.Body[end:]
	return &d
}
