package vedette

import (
	"net/netip"
	"time"
)

// Credential is what the monitor knows of an API key, token subject, FIX session
// or wallet. It belongs to an account, that belongs to an owner. Secrets are not
// part of it: package keyring holds them.
type Credential struct {
	ID            string // as the client presents it
	Venue         string
	Account       string
	Owner         string
	Permissions   Permission
	IPAllow       []netip.Prefix // empty allows any source
	Instruments   []string       // empty allows all; compared without regard to case
	Operations    []Operation    // empty allows all that the permissions cover
	WithdrawAllow []string       // destination addresses; empty allows all
	Created       time.Time      // zero if unknown
	Expires       time.Time      // zero for never
	MFA           bool           // the account has a second factor
	// NonceWindow is by how much a nonce may fall short of the highest one seen, in
	// the venue's nonce units: Kraken's setting of the key of that name. 0 for none.
	NonceWindow uint64
	// Signers are the wallets of which Threshold must sign for an account of several, in
	// lower case: the credential is that account, known by its address.
	Signers   []string
	Threshold int
	Frozen    bool
}
