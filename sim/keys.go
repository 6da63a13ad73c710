package sim

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"vedette"
	"vedette/sim/binance"
)

// Key is a credential of the simulation, as the monitor's keyring wants it. Secrets
// follow from the seed: they protect nothing.
type Key struct {
	ID            string
	Venue         string // "binance"
	Scheme        string // "hmac" or "ed25519"
	Secret        string // of hmac
	PublicKey     string // PEM, of ed25519
	Account       string
	Owner         string
	Permissions   vedette.Permission
	IPAllow       []string // CIDRs
	WithdrawAllow []string
	Created       time.Time

	private ed25519.PrivateKey
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// word draws letters and digits; the venue's key ids and secrets have 64.
func word(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rng.IntN(len(alphabet))]
	}
	return string(b)
}

func newKey(rng *rand.Rand, account, owner string, perms vedette.Permission, ed bool) *Key {
	k := &Key{ID: word(rng, 64), Venue: "binance", Scheme: "hmac", Account: account, Owner: owner, Permissions: perms,
		Created: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)}
	if !ed {
		k.Secret = word(rng, 64)
		return k
	}
	var seed [ed25519.SeedSize]byte
	for i := range seed {
		seed[i] = byte(rng.UintN(256))
	}
	k.Scheme, k.private = "ed25519", ed25519.NewKeyFromSeed(seed[:])
	der, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		panic("BUG: cannot encode public key: " + err.Error())
	}
	k.PublicKey = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return k
}

func (k *Key) venueKey() binance.Key {
	n := binance.Key{ID: k.ID, Account: k.Account, Permissions: k.Permissions, Secret: k.Secret, WithdrawAllow: k.WithdrawAllow}
	if k.private != nil {
		n.Public = k.private.Public()
	}
	return n
}

// Keys lists every key of the population, for the monitor's keyring.
func (w *World) Keys() []Key {
	var out []Key
	for _, t := range w.traders {
		for _, k := range t.keys {
			out = append(out, *k)
		}
	}
	return out
}

// KeysYAML is Keys as a keys.yaml of the monitor.
func (w *World) KeysYAML() string {
	var b strings.Builder
	b.WriteString("keys:\n")
	list := func(name string, items []string) {
		if len(items) > 0 {
			fmt.Fprintf(&b, "    %s: [%s]\n", name, strings.Join(items, ", "))
		}
	}
	for _, k := range w.Keys() {
		fmt.Fprintf(&b, "  - id: %s\n    venue: %s\n    scheme: %s\n", k.ID, k.Venue, k.Scheme)
		if k.Secret != "" {
			fmt.Fprintf(&b, "    secret: %s\n", k.Secret)
		} else {
			fmt.Fprintf(&b, "    public_key: |\n      %s\n", strings.ReplaceAll(strings.TrimSpace(k.PublicKey), "\n", "\n      "))
		}
		fmt.Fprintf(&b, "    account: %s\n    owner: %s\n", k.Account, k.Owner)
		var perms []string
		for i, name := range vedette.PermissionNames {
			if k.Permissions&(1<<i) != 0 {
				perms = append(perms, name)
			}
		}
		list("permissions", perms)
		list("ip_allow", k.IPAllow)
		list("withdraw_allow", k.WithdrawAllow)
		fmt.Fprintf(&b, "    created: %s\n", k.Created.Format(time.RFC3339))
	}
	return b.String()
}

// randomHex draws n bytes as hexadecimal digits.
func randomHex(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.UintN(256))
	}
	return hex.EncodeToString(b)
}
