package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictyaml"
	"vedette/venue"
	"vedette/verify"
	"vedette/verify/token"
)

// tokenIssuerConfig is one issuer of OAuth access tokens.
type tokenIssuerConfig struct {
	Venue         string                         `yaml:"venue"` // dialect whose calls carry its tokens; "" for all
	Issuer        string                         `yaml:"issuer"`
	Audience      []string                       `yaml:"audience"`
	JWKS          string                         `yaml:"jwks_url"`
	JWKSFile      string                         `yaml:"jwks_file"`
	Algorithms    []string                       `yaml:"algorithms"`
	Types         []string                       `yaml:"types"`
	Lax           bool                           `yaml:"lax"`
	AccountClaim  string                         `yaml:"account_claim"`
	Introspection introspectionConfig            `yaml:"introspection"`
	Default       requirementConfig              `yaml:"default"`
	Require       byOperation[requirementConfig] `yaml:"require"`
	ProofNonce    bool                           `yaml:"dpop_nonce"`
}

type introspectionConfig struct {
	URL        string `yaml:"url"`
	ClientID   string `yaml:"client_id"`
	SecretFile string `yaml:"client_secret_file"`
	Always     bool   `yaml:"always"`
}

type requirementConfig struct {
	Scopes []string             `yaml:"scopes"`
	ACR    []string             `yaml:"acr"`
	AMR    []string             `yaml:"amr"`
	MaxAge *strictyaml.Duration `yaml:"max_age"`
	DPoP   bool                 `yaml:"dpop"`
	MTLS   bool                 `yaml:"mtls"`
	Bound  bool                 `yaml:"bound"`
}

func (r requirementConfig) requirement() token.Requirement {
	return token.Requirement{Scopes: r.Scopes, ACR: r.ACR, AMR: r.AMR, MaxAge: duration(r.MaxAge), DPoP: r.DPoP, MTLS: r.MTLS, Bound: r.Bound}
}

// bearer is the verifier of one issuer's tokens.
type bearer struct {
	venue, issuer string
	several       bool // there are other issuers
	*token.Verifier
}

// bearers builds the verifiers of the configured issuers.
// seen notes the ids of DPoP proofs; nil keeps them in memory.
func (c *config) bearers(now func() time.Time, seen proofSeen) ([]bearer, error) {
	var list []bearer
	for i := range c.Tokens {
		b, err := c.bearer(&c.Tokens[i], now, seen)
		if err != nil {
			return nil, fmt.Errorf("tokens: %s: %w", c.Tokens[i].Issuer, err)
		}
		list = append(list, b)
	}
	for i := range list {
		list[i].several = slices.ContainsFunc(list, func(b bearer) bool { return b.issuer != list[i].issuer })
	}
	return list, nil
}

// proofSeen notes an id until a time and says whether it was noted before and
// whether there was no room.
type proofSeen func(holder string, id [32]byte, now, until time.Time) (again, full bool)

func (c *config) bearer(t *tokenIssuerConfig, now func() time.Time, seen proofSeen) (bearer, error) {
	tc := token.Config{Issuer: t.Issuer, Audience: t.Audience, JWKSURL: t.JWKS, Algorithms: t.Algorithms, Types: t.Types, Lax: t.Lax,
		AccountClaim: t.AccountClaim, ProofNonce: t.ProofNonce, Default: t.Default.requirement(), Require: map[vedette.Operation]token.Requirement{}, Now: now, ProofSeen: seen,
		Introspection: token.Introspection{URL: t.Introspection.URL, ClientID: t.Introspection.ClientID, Always: t.Introspection.Always}}
	var err error
	if t.JWKSFile != "" {
		if tc.JWKS, err = os.ReadFile(c.file(t.JWKSFile)); err != nil {
			return bearer{}, err
		}
	}
	if t.Introspection.SecretFile != "" {
		b, err := os.ReadFile(c.file(t.Introspection.SecretFile))
		if err != nil {
			return bearer{}, err
		}
		tc.Introspection.ClientSecret = strings.TrimSpace(string(b))
	}
	for _, name := range allFirst(t.Require) {
		r := t.Require[name]
		ops, err := operations(name)
		if err != nil {
			return bearer{}, err
		}
		for _, o := range ops {
			tc.Require[o] = r.requirement()
		}
	}
	v, err := token.New(tc)
	return bearer{venue: t.Venue, issuer: t.Issuer, Verifier: v}, err
}

// verifyBearer judges a token by the issuer that knows it.
func verifyBearer(list []bearer) verify.Bearer {
	if len(list) == 0 {
		return nil
	}
	return func(x *verify.Case) verify.BearerResult {
		by, res := judgeToken(list, x.Dialect.Name, presented(x))
		if by == nil {
			return verify.BearerResult{Verdict: vedette.Unverifiable, Reasons: []vedette.Reason{vedette.NoSecret}}
		}
		b := by.result(res)
		if res.Verdict == vedette.Authentic && x.Claim.Login {
			b.Again = func(x *verify.Case) verify.BearerResult { return by.result(by.Again(res, presented(x))) }
		}
		return b
	}
}

func (b *bearer) result(res token.Result) verify.BearerResult {
	return verify.BearerResult{Verdict: res.Verdict, Reasons: res.Reasons, Credential: b.identity(&res), Account: res.Account,
		ACR: res.ACR, AMR: res.AMR, AuthTime: res.AuthTime, Challenge: res.Challenge, Nonce: res.DPoPNonce}
}

// identity names who holds a token: the client, the subject if there is one, and the issuer where
// there are several, joined by /. No two are the same text: each is escaped, and with several
// issuers there are always three.
func (b *bearer) identity(res *token.Result) string {
	id := escapeName(res.ClientID)
	switch {
	case res.ClientID == "" && res.Subject == "":
		return "" // nothing was read
	case b.several:
		id += "/" + escapeName(res.Subject) + "/" + escapeName(b.issuer)
	case res.Subject != "":
		id += "/" + escapeName(res.Subject)
	}
	return id
}

// escapeName writes / and % as in a URL, and leaves all else.
func escapeName(s string) string { return nameEscapes.Replace(s) }

var nameEscapes = strings.NewReplacer("%", "%25", "/", "%2F")

// judgeToken judges a token by the venue's issuer that it names. One that names none
// of them, as an opaque one does, is put to each in order until one knows it.
func judgeToken(list []bearer, dialect string, in token.Input) (by *bearer, res token.Result) {
	iss := token.Issuer(in.Token)
	serves := func(b bearer) bool { return b.venue == "" || b.venue == dialect }
	named := slices.ContainsFunc(list, func(b bearer) bool { return serves(b) && b.issuer == iss })
	for i := range list {
		b := &list[i]
		if !serves(*b) || named && b.issuer != iss {
			continue
		}
		r := b.Verify(context.Background(), in)
		if !otherIssuers(&r, named) {
			return b, r
		}
		// An issuer that does not answer might have known it.
		if res.Verdict == vedette.Unjudged || r.Verdict == vedette.Unverifiable || res.Verdict == vedette.Malformed {
			by, res = b, r
		}
	}
	return by, res
}

// otherIssuers reports whether a token that was refused may be another issuer's, or
// for another audience of the one that it names.
func otherIssuers(r *token.Result, named bool) bool {
	if len(r.Reasons) == 0 {
		return false
	}
	switch r.Reasons[0] {
	case vedette.TokenAudience:
		return true
	case vedette.TokenIssuer, vedette.TokenRevoked, vedette.NoSecret, vedette.TokenInvalid, vedette.TokenKey, vedette.TokenAlgorithm:
		return !named
	}
	return false
}

// presented is what a call shows of its token.
func presented(x *verify.Case) token.Input {
	r := x.Request
	scheme := r.Scheme
	if rest, ok := strings.CutPrefix(scheme, "ws"); ok { // DPoP proofs name the URL of the handshake
		scheme = "http" + rest
	}
	in := token.Input{Token: x.Claim.Token, Scheme: "Bearer", Method: r.Method, URL: scheme + "://" + r.Host + r.AskedPath(), ClientCert: x.Cert,
		Operation: x.Call.Operation, Batch: x.Call.Batch, Now: x.Now}
	if in.Operation == vedette.OpOrderBatch && len(in.Batch) == 0 {
		in.Batch = unread
	}
	if r.Kind == venue.Message {
		return in
	}
	if s, _, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		in.Scheme = s
	}
	for _, f := range r.Header {
		if strings.EqualFold(f.Name, "DPoP") {
			in.DPoP = append(in.DPoP, f.Value)
		}
	}
	return in
}

// unread stands for the parts of a batch that could not be read: they could be any.
var unread = []vedette.Action{{Operation: vedette.OpOrderNew}, {Operation: vedette.OpOrderAmend}, {Operation: vedette.OpOrderCancel}}
