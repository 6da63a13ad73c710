package token

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"vedette"
)

// grant is a token that was found good, with what it says. It never changes and
// is shared by all calls that present the token.
type grant struct {
	issuer, subject, client, id, account string
	scopes                               []string
	audience                             []string
	issued, early, expires               time.Time
	authTime                             time.Time
	acr                                  string
	amr                                  []string
	jkt, x5t                             string          // cnf: DPoP key, certificate
	bound                                bool            // cnf is there
	hash                                 [hashBytes]byte // of the token's text
	active                               bool            // false for a token that introspection called inactive

	keys  uint64    // generation of the key set it was verified with; 0 for introspection
	until time.Time // when to look anew
}

// refusal is why a token is not accepted.
type refusal struct {
	verdict vedette.Verdict
	reasons []vedette.Reason
	err     string // RFC 6750 section 3.1 error code
	nonce   bool   // the client should come back with a nonce of ours
}

func refuse(v vedette.Verdict, code string, r ...vedette.Reason) *refusal {
	return &refusal{verdict: v, reasons: r, err: code}
}

// invalid is a refusal with the error code invalid_token.
func invalid(v vedette.Verdict, r ...vedette.Reason) *refusal {
	return refuse(v, "invalid_token", r...)
}

// malformed tells a document that can be read in two ways from one that cannot
// be read.
func malformed(err error) *refusal {
	if errors.Is(err, errAmbiguous) {
		return invalid(vedette.Malformed, vedette.TokenInvalid, vedette.Ambiguous)
	}
	return invalid(vedette.Malformed, vedette.TokenInvalid)
}

// readGrant reads the claims that a JWT (RFC 9068 section 2.2) and an
// introspection answer (RFC 7662 section 2.2) share.
func readGrant(o object, accountClaim string) (*grant, error) {
	g := &grant{active: true}
	var errs []error
	text := func(p *string, name string) {
		var err error
		*p, err = o.text(name)
		errs = append(errs, err)
	}
	when := func(p *time.Time, name string) {
		var err error
		*p, err = o.time(name)
		errs = append(errs, err)
	}
	text(&g.issuer, "iss")
	text(&g.subject, "sub")
	text(&g.client, "client_id")
	text(&g.id, "jti")
	text(&g.acr, "acr")
	when(&g.issued, "iat")
	when(&g.early, "nbf")
	when(&g.expires, "exp")
	when(&g.authTime, "auth_time")
	var err error
	g.audience, err = o.texts("aud", maxList)
	errs = append(errs, err)
	g.amr, err = o.texts("amr", maxList)
	errs = append(errs, err)
	g.scopes, err = readScopes(o)
	errs = append(errs, err, g.readConfirmation(o))
	if accountClaim != "" {
		g.account, err = o.identifier(accountClaim)
		errs = append(errs, err)
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return g, nil
}

// readScopes reads scope (RFC 8693 section 4.2), a list in one string.
func readScopes(o object) ([]string, error) {
	s, err := o.textUpTo("scope", maxToken)
	if err != nil {
		return nil, err
	}
	list := strings.Fields(s)
	if len(list) > maxScopes {
		return nil, errors.New("cannot read scope: too many")
	}
	return list, nil
}

// readConfirmation reads cnf (RFC 7800): the DPoP key (RFC 9449 section 6.1) and
// the certificate (RFC 8705 section 3.1) that the token is bound to.
func (g *grant) readConfirmation(o object) error {
	if !o.has("cnf") {
		return nil
	}
	cnf, err := o.object("cnf")
	if err != nil {
		return err
	}
	g.bound = true
	if g.jkt, err = cnf.text("jkt"); err != nil {
		return err
	}
	g.x5t, err = cnf.text("x5t#S256")
	return err
}

// idTokenClaims are claims that only ID tokens and log-out tokens have (OpenID
// Connect Core section 2, Back-Channel Logout section 2.4).
var idTokenClaims = []string{"nonce", "at_hash", "c_hash", "s_hash", "events"}

// checkClaims holds a JWT to RFC 9068 section 4. strictType says that typ was
// at+jwt; where it was not, the claims must not be those of another kind.
func (v *Verifier) checkClaims(o object, g *grant, strictType bool) *refusal {
	if g.issuer != v.cfg.Issuer {
		return invalid(vedette.Unauthorised, vedette.TokenIssuer)
	}
	if !strictType {
		for _, name := range idTokenClaims {
			if o.has(name) {
				return invalid(vedette.Unauthorised, vedette.TokenType)
			}
		}
	}
	need := []string{"exp", "iat", "aud", "sub", "client_id", "jti"}
	if v.cfg.Lax {
		need = need[:4]
	}
	for _, name := range need {
		if !o.has(name) {
			return invalid(vedette.Unauthorised, vedette.TokenType)
		}
	}
	if g.subject == "" || !v.cfg.Lax && (g.client == "" || g.id == "") {
		return invalid(vedette.Unauthorised, vedette.TokenType)
	}
	return v.checkAudience(g)
}

func (v *Verifier) checkAudience(g *grant) *refusal {
	for _, a := range v.cfg.Audience {
		if slices.Contains(g.audience, a) {
			return nil
		}
	}
	return invalid(vedette.Unauthorised, vedette.TokenAudience)
}

// checkTime is asked for every call: a cached token ages too.
func (v *Verifier) checkTime(g *grant, now time.Time) *refusal {
	if !g.expires.IsZero() && !now.Before(g.expires.Add(v.cfg.Leeway)) {
		return invalid(vedette.Stale, vedette.TokenExpired)
	}
	if latest := now.Add(v.cfg.Leeway); g.early.After(latest) || g.issued.After(latest) {
		return invalid(vedette.Stale, vedette.TokenEarly)
	}
	return nil
}

// hashID names a token that has no jti.
func hashID(sum *[32]byte) string { return "sha256:" + hex.EncodeToString(sum[:hashBytes]) }
