package vedette

import "time"

// Revocation ends the life of access tokens before they expire: of one, or of all that
// were issued to a subject or client up to a moment. It is never taken back.
type Revocation struct {
	ID      string `json:"id"`
	Issuer  string `json:"issuer,omitempty"`   // "": of every configured issuer
	TokenID string `json:"token_id,omitempty"` // the token's jti, or "sha256:…" of its text
	// Or: whose tokens end. Where both are set both must match.
	Subject string    `json:"subject,omitempty"`
	Client  string    `json:"client,omitempty"`
	Before  time.Time `json:"before,omitzero"` // tokens that were issued at or before this moment

	Reason string    `json:"reason"` // in words
	By     string    `json:"by"`     // person or part that revoked
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"` // when the last token that it covers has expired
}
