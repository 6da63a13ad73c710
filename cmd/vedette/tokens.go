package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictyaml"
	"vedette/verify"
	"vedette/verify/token"
)

// tokenIssuerConfig is one issuer of OAuth access tokens.
type tokenIssuerConfig struct {
	Venue         string                       `yaml:"venue"` // dialect whose calls carry its tokens; "" for all
	Issuer        string                       `yaml:"issuer"`
	Audience      []string                     `yaml:"audience"`
	JWKS          string                       `yaml:"jwks_url"`
	JWKSFile      string                       `yaml:"jwks_file"`
	Algorithms    []string                     `yaml:"algorithms"`
	Types         []string                     `yaml:"types"`
	Lax           bool                         `yaml:"lax"`
	AccountClaim  string                       `yaml:"account_claim"`
	Introspection introspectionConfig          `yaml:"introspection"`
	Default       requirementConfig            `yaml:"default"`
	Require       map[string]requirementConfig `yaml:"require"`
	ProofNonce    bool                         `yaml:"dpop_nonce"`
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
	venue string
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
	return list, nil
}

// proofSeen notes an id until a time and says whether it was noted before and
// whether there was no room.
type proofSeen func(id [32]byte, now, until time.Time) (again, full bool)

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
	return bearer{t.Venue, v}, err
}

// verifyBearer judges a token by the first issuer of the venue that knows it.
func verifyBearer(list []bearer) verify.Bearer {
	if len(list) == 0 {
		return nil
	}
	return func(x *verify.Case) verify.BearerResult {
		r := x.Request
		in := token.Input{Token: x.Claim.Token, Scheme: "Bearer", Method: r.Method, URL: r.Scheme + "://" + r.Host + r.Path, ClientCert: x.Cert,
			Operation: x.Call.Operation, Now: x.Now}
		if s, _, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
			in.Scheme = s
		}
		for _, f := range r.Header {
			if strings.EqualFold(f.Name, "DPoP") {
				in.DPoP = append(in.DPoP, f.Value)
			}
		}
		var res token.Result
		for _, b := range list {
			if b.venue != "" && b.venue != x.Dialect.Name {
				continue
			}
			res = b.Verify(context.Background(), in)
			if len(res.Reasons) == 0 || res.Reasons[0] != vedette.TokenIssuer {
				break
			}
		}
		if res.Verdict == vedette.Unjudged {
			return verify.BearerResult{Verdict: vedette.Unverifiable, Reasons: []vedette.Reason{vedette.NoSecret}}
		}
		id := res.ClientID
		if res.Subject != "" {
			id += "/" + res.Subject
		}
		return verify.BearerResult{Verdict: res.Verdict, Reasons: res.Reasons, Credential: id, Account: res.Account,
			ACR: res.ACR, AMR: res.AMR, AuthTime: res.AuthTime, Challenge: res.Challenge, Nonce: res.DPoPNonce}
	}
}
