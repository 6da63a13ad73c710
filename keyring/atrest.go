package keyring

import (
	"net/netip"
	"time"

	"vedette"
)

// atRest is the plain text of a sealed spec: JSON, fields only ever added.
type atRest struct {
	ID            string              `json:"id"`
	Venue         string              `json:"venue"`
	Account       string              `json:"account,omitempty"`
	Owner         string              `json:"owner,omitempty"`
	Permissions   vedette.Permission  `json:"permissions"`
	IPAllow       []netip.Prefix      `json:"ip_allow,omitempty"`
	Instruments   []string            `json:"instruments,omitempty"`
	Operations    []vedette.Operation `json:"operations,omitempty"`
	WithdrawAllow []string            `json:"withdraw_allow,omitempty"`
	Created       time.Time           `json:"created,omitzero"`
	Expires       time.Time           `json:"expires,omitzero"`
	MFA           bool                `json:"mfa,omitempty"`
	Frozen        bool                `json:"frozen,omitempty"`
	NonceWindow   uint64              `json:"nonce_window,omitempty"`
	Signers       []string            `json:"signers,omitempty"`
	Threshold     int                 `json:"threshold,omitempty"`
	Scheme        string              `json:"scheme,omitempty"`
	Current       atRestSecrets       `json:"current"`
	Previous      atRestSecrets       `json:"previous"`
	PreviousUntil time.Time           `json:"previous_until,omitzero"`
	LastRotated   time.Time           `json:"last_rotated,omitzero"`
}

type atRestSecrets struct {
	Secret     []byte `json:"secret,omitempty"`
	Passphrase []byte `json:"passphrase,omitempty"`
	PublicKey  string `json:"public_key,omitempty"`
	Wallet     string `json:"wallet,omitempty"`
}

func toAtRest(s *Spec) atRest {
	c := &s.Credential
	return atRest{c.ID, c.Venue, c.Account, c.Owner, c.Permissions, c.IPAllow, c.Instruments, c.Operations, c.WithdrawAllow,
		c.Created, c.Expires, c.MFA, c.Frozen, c.NonceWindow, c.Signers, c.Threshold, s.Scheme, secretsAtRest(s.Secrets), secretsAtRest(s.Previous), s.PreviousUntil, s.LastRotated}
}

func secretsAtRest(s Secrets) atRestSecrets {
	return atRestSecrets{s.Secret.Reveal(), s.Passphrase.Reveal(), s.PublicKey, s.Wallet}
}

func (r *atRest) spec() Spec {
	return Spec{Credential: vedette.Credential{ID: r.ID, Venue: r.Venue, Account: r.Account, Owner: r.Owner, Permissions: r.Permissions,
		IPAllow: r.IPAllow, Instruments: r.Instruments, Operations: r.Operations, WithdrawAllow: r.WithdrawAllow,
		Created: r.Created, Expires: r.Expires, MFA: r.MFA, Frozen: r.Frozen, NonceWindow: r.NonceWindow,
		Signers: r.Signers, Threshold: r.Threshold},
		Scheme: r.Scheme, Secrets: r.Current.secrets(), Previous: r.Previous.secrets(), PreviousUntil: r.PreviousUntil, LastRotated: r.LastRotated}
}

func (s atRestSecrets) secrets() Secrets {
	return Secrets{NewSecret(s.Secret), NewSecret(s.Passphrase), s.PublicKey, s.Wallet}
}
