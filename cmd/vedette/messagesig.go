package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"net/http"
	"time"

	"vedette/keyring"
	"vedette/verify"
	"vedette/verify/httpsig"
)

// messageSignatures judges HTTP message signatures (RFC 9421) of the venues that the
// configuration names, by the public keys of the keyring: keyid is the key's id.
// Nil if it names none.
func messageSignatures(c *config, ring *keyring.Ring, window *verify.Window) (verify.Signed, error) {
	dialects, err := c.dialects()
	if err != nil {
		return nil, err
	}
	verifiers := map[string]*httpsig.Verifier{}
	for i, v := range c.Venues {
		if !v.MessageSignatures {
			continue
		}
		name := dialects[i].Name
		h, err := httpsig.New(httpsig.Config{Seen: window.Once, Key: func(id string) (httpsig.Key, bool) {
			e, _ := ring.Lookup(name, id)
			return messageKey(e, func(e *keyring.Entry) *keyring.Material { return &e.Material })
		}, Old: func(id string, now time.Time) (httpsig.Key, bool) {
			e, _ := ring.Lookup(name, id)
			return messageKey(e, func(e *keyring.Entry) *keyring.Material { return e.Old(now) })
		}})
		if err != nil {
			return nil, err
		}
		verifiers[name] = h
	}
	if len(verifiers) == 0 {
		return nil, nil
	}
	return func(x *verify.Case) (verify.BearerResult, bool) {
		h := verifiers[x.Dialect.Name]
		if h == nil || x.Request.Header.Get("Signature-Input") == "" {
			return verify.BearerResult{}, false
		}
		r := h.Verify(signedMessage(x), x.Now)
		return verify.BearerResult{Verdict: r.Verdict, Reasons: r.Reasons, Credential: r.KeyID}, true
	}, nil
}

// messageKey returns the public key of the entry's material with the algorithm that goes
// with it. Of the entry's schemes the first counts that has one now.
func messageKey(e *keyring.Entry, of func(*keyring.Entry) *keyring.Material) (httpsig.Key, bool) {
	for ; e != nil; e = e.Also {
		if e.PublicKey == nil {
			continue
		}
		m := of(e)
		if m == nil {
			return httpsig.Key{}, false
		}
		switch k := m.PublicKey.(type) {
		case ed25519.PublicKey:
			return httpsig.Key{Algorithm: httpsig.Ed25519, Public: k}, true
		case *rsa.PublicKey:
			return httpsig.Key{Algorithm: httpsig.RSAPSSSHA512, Public: k, AnySalt: true}, true
		case *ecdsa.PublicKey:
			if k.Curve == elliptic.P256() {
				return httpsig.Key{Algorithm: httpsig.ECDSAP256SHA256, Public: k}, true
			}
		}
	}
	return httpsig.Key{}, false
}

func signedMessage(x *verify.Case) httpsig.Message {
	r := x.Request
	m := httpsig.Message{Method: r.Method, Scheme: r.Scheme, Authority: r.Host, Target: r.AskedPath(), Header: http.Header{}, Body: r.Body}
	if r.Query != "" {
		m.Target += "?" + r.Query
	}
	for _, f := range r.Header {
		m.Header.Add(f.Name, f.Value)
	}
	return m
}
