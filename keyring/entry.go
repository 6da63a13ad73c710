// Package keyring holds the credentials that the monitor knows, with what it
// takes to verify their signatures.
package keyring

import (
	"crypto"
	"errors"
	"fmt"
	"strings"
	"time"

	"vedette"
)

// Schemes are the signing schemes that a credential may name.
var schemes = []string{"hmac", "rsa", "ed25519", "es256", "eddsa", "eip712"}

// Entry is one credential with its material, ready for verification. Entries of
// a Ring are shared by readers without a lock: nobody changes one.
type Entry struct {
	vedette.Credential
	Scheme      string // one of hmac rsa ed25519 es256 eddsa eip712; "" if nothing says
	Material           // what verifies now
	Previous    *Previous
	Loaded      time.Time // when the ring took it in
	LastRotated time.Time // zero: never
	// Also is the same id under another scheme, nil for most: venues that tell keys
	// apart by more than the id, and test clients, have such.
	Also *Entry
}

// Material is what verifies the signatures of a credential. What the scheme does
// not use is zero.
type Material struct {
	HMAC       []HMACKey        // one for each hash of Decoding, in that order
	Raw        Secret           // the decoded secret, where Decoding.Keep asks for it
	Extra      Secret           // what Decoding.Extra made
	Passphrase Secret           // as text
	PublicKey  crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey on P-256, or ed25519.PublicKey
	Wallet     [20]byte         // address of the signer, for eip712
}

// Previous is material that was rotated away.
type Previous struct {
	Material
	Until time.Time // valid before this time
}

// Empty reports whether nothing can be verified with m.
func (m *Material) Empty() bool {
	return len(m.HMAC) == 0 && m.Raw.Empty() && m.PublicKey == nil && m.Wallet == [20]byte{}
}

// Key returns the HMAC key for the hash.
func (m *Material) Key(h crypto.Hash) (HMACKey, bool) {
	for _, k := range m.HMAC {
		if k.hash == h {
			return k, true
		}
	}
	return HMACKey{}, false
}

// Old returns the rotated-away material if it is still valid at the time, or nil.
// A signature that verifies with it, and not with the current material, has the
// reason vedette.OldSecret.
func (e *Entry) Old(at time.Time) *Material {
	if e.Previous == nil || !at.Before(e.Previous.Until) {
		return nil
	}
	return &e.Previous.Material
}

// Decoding says how a dialect uses the secret text of a scheme.
type Decoding struct {
	Hash crypto.Hash   // the common HMAC hash; 0 for none
	Also []crypto.Hash // further hashes that the venue uses with the same key
	// Secret turns the text into key bytes; nil takes the bytes of the text. Its
	// errors must not hold the text.
	Secret func(text string) ([]byte, error)
	// Extra computes what else the dialect compares with, such as KuCoin's signed
	// passphrase; nil for nothing.
	Extra func(secret, passphrase []byte) []byte
	Keep  bool // the dialect needs the decoded secret itself
	// IDIsKey says that the credential's id is its public key, where none is given.
	IDIsKey bool
}

// Options say how entries are built.
type Options struct {
	// Decode returns how a venue uses secrets under a scheme, and whether it knows
	// the two. Nil takes HMAC-SHA256 with the bytes of the text everywhere.
	Decode func(venue, scheme string) (Decoding, bool)
	// Venues are the known dialect names; nil accepts any.
	Venues []string
}

func (o Options) decoding(venue, scheme string) (Decoding, error) {
	if o.Decode == nil {
		return Decoding{Hash: crypto.SHA256}, nil
	}
	d, ok := o.Decode(venue, scheme)
	if !ok {
		return d, fmt.Errorf("venue %s has no scheme %q", venue, scheme)
	}
	return d, nil
}

// Secrets are the secret parts of a credential as text, as a venue hands them out.
type Secrets struct {
	Secret     Secret
	Passphrase Secret
	PublicKey  string // PEM, or base64 or hex of DER or of 32 Ed25519 bytes
	Wallet     string // 0x and 40 hex digits
}

// Spec is a credential as it is written in a file or kept in the store.
type Spec struct {
	vedette.Credential
	Scheme string // "" to tell it by what is given
	Secrets
	Previous      Secrets // rotated away; valid before PreviousUntil
	PreviousUntil time.Time
	LastRotated   time.Time
}

// empty reports whether there is nothing in s.
func (s Secrets) empty() bool {
	return s.Secret.Empty() && s.Passphrase.Empty() && s.PublicKey == "" && s.Wallet == ""
}

// Rotate puts the new secrets in force. The old ones stay valid for the overlap,
// which may be 0. A new passphrase is optional: without one the old one stays.
func (s *Spec) Rotate(new Secrets, overlap time.Duration, now time.Time) error {
	if err := checkOverlap(overlap); err != nil {
		return fmt.Errorf("cannot rotate %s key %q: %w", s.Venue, s.ID, err)
	}
	if new.Passphrase.Empty() {
		new.Passphrase = s.Passphrase
	}
	s.Previous, s.PreviousUntil = s.Secrets, now.Add(overlap)
	if overlap == 0 {
		s.Previous, s.PreviousUntil = Secrets{}, time.Time{}
	}
	s.Secrets, s.LastRotated = new, now
	return nil
}

func checkOverlap(d time.Duration) error {
	if d < 0 || d > MaxOverlap {
		return fmt.Errorf("an overlap of %s is not between 0 and %s", d, MaxOverlap)
	}
	return nil
}

// Build checks the spec and computes the entry. Errors name the field and never
// hold a secret.
func (o Options) Build(s Spec, now time.Time) (*Entry, error) {
	e, err := o.build(s, now)
	if err != nil {
		return nil, fmt.Errorf("cannot use %s key %q: %w", clip(s.Venue), clip(s.ID), err)
	}
	return e, nil
}

func (o Options) build(s Spec, now time.Time) (*Entry, error) {
	if err := o.checkCredential(&s.Credential); err != nil {
		return nil, err
	}
	scheme, err := schemeOf(&s)
	if err != nil {
		return nil, err
	}
	if err := checkSigners(&s.Credential, scheme); err != nil {
		return nil, err
	}
	e := &Entry{Credential: s.Credential, Scheme: scheme, Loaded: now, LastRotated: s.LastRotated}
	if e.Material, err = o.material(&s.Credential, scheme, s.Secrets); err != nil {
		return nil, err
	}
	if s.Previous.empty() != s.PreviousUntil.IsZero() {
		return nil, errors.New("a previous secret needs its end (previous_until), and the end a secret")
	}
	if !s.Previous.empty() {
		old, err := o.material(&s.Credential, scheme, s.Previous)
		if err != nil {
			return nil, fmt.Errorf("previous: %w", err)
		}
		e.Previous = &Previous{Material: old, Until: s.PreviousUntil}
	}
	return e, nil
}

func (o Options) checkCredential(c *vedette.Credential) error {
	switch {
	case c.ID == "":
		return errors.New("id is missing")
	case len(c.ID) > maxIDBytes:
		return fmt.Errorf("id has %d bytes, over %d", len(c.ID), maxIDBytes)
	case c.Venue == "":
		return errors.New("venue is missing")
	case len(c.Venue) > maxVenueBytes:
		return fmt.Errorf("venue has %d bytes, over %d", len(c.Venue), maxVenueBytes)
	case o.Venues != nil && !contains(o.Venues, c.Venue):
		return fmt.Errorf("unknown venue %q%s", c.Venue, suggest(c.Venue, o.Venues))
	case !c.Expires.IsZero() && !c.Created.IsZero() && !c.Expires.After(c.Created):
		return errors.New("expires is not after created")
	}
	for name, n := range map[string]int{"ip_allow": len(c.IPAllow), "instruments": len(c.Instruments),
		"operations": len(c.Operations), "withdraw_allow": len(c.WithdrawAllow), "signers": len(c.Signers)} {
		if n > maxListItems {
			return fmt.Errorf("%s has %d items, over %d", name, n, maxListItems)
		}
	}
	return nil
}

// checkSigners checks the wallets of a joint account.
func checkSigners(c *vedette.Credential, scheme string) error {
	if len(c.Signers) == 0 && c.Threshold == 0 {
		return nil
	}
	if scheme != "eip712" {
		return fmt.Errorf("signers and threshold have no use with scheme %q: they are for eip712", scheme)
	}
	for i, w := range c.Signers {
		if _, err := parseWallet(w); err != nil {
			return fmt.Errorf("signers: %w", err)
		}
		if contains(c.Signers[:i], w) {
			return fmt.Errorf("signers: %s is there twice", w)
		}
	}
	if c.Threshold < 1 || c.Threshold > len(c.Signers) {
		return fmt.Errorf("threshold is %d, not between 1 and the %d signers", c.Threshold, len(c.Signers))
	}
	return nil
}

// schemeOf returns the scheme of the spec: as stated, or told by what is given.
func schemeOf(s *Spec) (string, error) {
	if s.Scheme != "" {
		if !contains(schemes, s.Scheme) {
			return "", fmt.Errorf("unknown scheme %q%s", clip(s.Scheme), suggest(s.Scheme, schemes))
		}
		return s.Scheme, nil
	}
	switch {
	case !s.Secret.Empty():
		return "hmac", nil
	case s.Wallet != "":
		return "eip712", nil
	case s.PublicKey != "":
		k, err := parsePublicKey(s.PublicKey)
		if err != nil {
			return "", err
		}
		return schemeOfKey(k), nil
	}
	return "", nil
}

// material computes what verifies under the scheme. No secret at all is allowed:
// the calls of such a credential are unverifiable.
func (o Options) material(c *vedette.Credential, scheme string, s Secrets) (m Material, err error) {
	m.Passphrase = s.Passphrase
	if scheme == "" {
		return m, nil
	}
	d, err := o.decoding(c.Venue, scheme)
	if err != nil {
		return m, err
	}
	if err := checkFit(scheme, s); err != nil {
		return m, err
	}
	switch scheme {
	case "hmac":
		return m, m.setSecret(d, s)
	case "eip712":
		m.Wallet, err = walletOf(c.ID, s.Wallet)
		return m, err
	}
	if s.PublicKey == "" && d.IDIsKey {
		s.PublicKey = c.ID
	}
	if s.PublicKey == "" {
		return m, nil
	}
	if m.PublicKey, err = parsePublicKey(s.PublicKey); err != nil {
		return m, err
	}
	if have := schemeOfKey(m.PublicKey); have != scheme && (have != "ed25519" || scheme != "eddsa") {
		return m, fmt.Errorf("the public key is for %s, the scheme is %s", have, scheme)
	}
	return m, nil
}

// walletOf returns the signer's address. A signature says nothing of a wallet but its
// address, so that is the id, in the form in which it is looked up.
func walletOf(id, wallet string) (w [20]byte, err error) {
	if w, err = parseWallet(strings.ToLower(id)); err != nil {
		return w, fmt.Errorf("id is not the wallet's address: %w", err)
	}
	if lower := strings.ToLower(id); id != lower {
		return w, fmt.Errorf("id is the wallet's address in lower case: want %s", lower)
	}
	if wallet == "" {
		return w, nil
	}
	other, err := parseWallet(wallet)
	if err == nil && other != w {
		err = errors.New("wallet is another than id says: a wallet is a credential of its own, to be added under its address, and the old one removed")
	}
	return w, err
}

// checkFit refuses secrets that the scheme has no use for: they are a mistake,
// and a private key must not be stored by one.
func checkFit(scheme string, s Secrets) error {
	if n := max(s.length(), len(s.PublicKey)); n > maxSecretBytes {
		return fmt.Errorf("a secret or key has %d bytes, over %d", n, maxSecretBytes)
	}
	switch {
	case scheme == "hmac" && s.PublicKey != "":
		return errors.New("public_key has no use with scheme hmac")
	case scheme != "hmac" && !s.Secret.Empty():
		return fmt.Errorf("secret has no use with scheme %s: give the public key or wallet only", scheme)
	case scheme == "eip712" && s.PublicKey != "":
		return errors.New("public_key has no use with scheme eip712: give wallet")
	case scheme != "eip712" && s.Wallet != "":
		return fmt.Errorf("wallet has no use with scheme %s", scheme)
	}
	return nil
}

func (s Secrets) length() int { return max(len(s.Secret.Reveal()), len(s.Passphrase.Reveal())) }

func (m *Material) setSecret(d Decoding, s Secrets) error {
	if s.Secret.Empty() {
		return nil
	}
	key := s.Secret.Reveal()
	if d.Secret != nil {
		var err error
		if key, err = d.Secret(string(key)); err != nil {
			return fmt.Errorf("cannot decode secret: %w", err)
		}
		if len(key) == 0 {
			return errors.New("cannot decode secret: nothing is left of it")
		}
	}
	if d.Hash != 0 {
		for _, h := range append([]crypto.Hash{d.Hash}, d.Also...) {
			k, err := NewHMACKey(h, key)
			if err != nil {
				return err
			}
			m.HMAC = append(m.HMAC, k)
		}
	}
	if d.Extra != nil {
		m.Extra = NewSecret(d.Extra(key, s.Passphrase.Reveal()))
	}
	if d.Keep || d.Hash == 0 {
		m.Raw = NewSecret(key)
	}
	return nil
}
