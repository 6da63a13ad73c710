package keyring

import "time"

// Bounds of what the keyring takes in. Each holds against an input that grows
// without end, by mistake or on purpose.
const (
	maxCredentials = 4 << 20   // entries; some 2.5 GiB, far above any venue we know of
	maxIDBytes     = 1 << 10   // of a credential id; JWT key names of Coinbase have about 100
	maxVenueBytes  = 64        // of a dialect name
	maxSecretBytes = 16 << 10  // of a secret, passphrase or public key, as text; an RSA-8192 key in PEM has 1.5 KiB
	maxListItems   = 10_000    // of any one list of a credential
	minRSABits     = 1024      // crypto/rsa verifies nothing shorter
	maxRSABits     = 8192      // verification time grows with the square of the length
	maxImportBytes = 256 << 20 // of one YAML file
	maxItemBytes   = 256 << 10 // of one key in a YAML file, and of a file that is not in block form
	maxInterned    = 1 << 10   // texts of which an import keeps one copy
	maxErrors      = 20        // problems named by one import
	maxSealedBytes = 1 << 20   // of one sealed entry

	// MaxOverlap is the longest time that a rotated-away secret may stay valid: a
	// longer one is a second key, not a rotation.
	MaxOverlap = 90 * 24 * time.Hour
)
