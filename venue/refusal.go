package venue

import "vedette"

// ground is why a call was refused, as far as a venue's own codes tell apart.
type ground uint8

const (
	otherGround   ground = iota // not permitted, frozen, and all that has no code of its own
	badSignature                // the signature does not verify, or is missing
	badPassphrase               // the passphrase is not the credential's
	badTime                     // too old or from the future
	usedBefore                  // a replay
	unknownKey                  // no such credential
	badAddress                  // the source address is not allowed
	tooMany                     // throttled
	notAvailable                // the venue cannot be reached: not carried out
	unanswered                  // sent and not answered: whether it was carried out is not known
	unreadable                  // malformed or ambiguous
	tooLarge                    // over a limit; unreadable where a venue's table has no words for it
	groundsCount
)

// groundOf returns the ground of a refusal.
func groundOf(d vedette.Decision) ground {
	switch d.Reason {
	case vedette.BadSignature, vedette.NoSignature, vedette.WrongScheme, vedette.BoundElsewhere:
		return badSignature
	case vedette.BadPassphrase:
		return badPassphrase
	case vedette.WindowPassed, vedette.ClockAhead, vedette.NonceRegressed, vedette.NonceMissing:
		return badTime
	case vedette.SignatureReused, vedette.CrossEndpoint, vedette.NonceReused, vedette.ProofReplayed:
		return usedBefore
	case vedette.UnknownKey, vedette.NoSecret, vedette.CredentialOver:
		return unknownKey
	case vedette.AddressDenied:
		return badAddress
	case vedette.Throttled:
		return tooMany
	case vedette.UpstreamDown, vedette.FailClosed, vedette.ReplayFull:
		return notAvailable
	case vedette.AnswerLost:
		return unanswered
	case vedette.Ambiguous, vedette.BadEncoding:
		return unreadable
	case vedette.TooLarge:
		return tooLarge
	}
	if d.Effect == vedette.Throttle {
		return tooMany
	}
	return otherGround
}

// denial is one refusal in a venue's own codes.
type denial struct {
	status int // of HTTP
	code   string
	msg    string // plain ASCII without quotes: it is written into JSON as it is
}

// denials are a venue's refusals by ground.
type denials [groundsCount]denial

func (t *denials) of(d vedette.Decision) *denial {
	g := groundOf(d)
	if g == tooLarge && t[g] == (denial{}) {
		g = unreadable
	}
	return &t[g]
}

// gatewayTimeout answers a request whose outcome is not known, for venues that have no
// code for it: a gateway before them would say it so. In their own error form clients
// would read that the request was refused.
func gatewayTimeout(dst []byte) Refusal {
	return Refusal{Status: 504, ContentType: "application/json",
		Body: append(dst, `{"message":"No answer in time; execution status unknown"}`...)}
}
