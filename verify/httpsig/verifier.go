// Package httpsig verifies HTTP Message Signatures (RFC 9421).
package httpsig

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"

	"vedette"
)

// Config says which signatures a Verifier accepts. Zero times take the defaults.
type Config struct {
	// Key returns the key of a keyid. It must be safe for concurrent use.
	Key func(keyID string) (Key, bool)
	// Old returns the key that was rotated away, while it is still good at the time of
	// the call. It is asked for what does not verify with Key. Nil knows none. It must
	// be safe for concurrent use.
	Old func(keyID string, now time.Time) (Key, bool)
	// Partial accepts a signature that leaves something of the request open. Without
	// it a signature must cover method, authority, path, query (if there is one) and
	// body (if there is one, by Content-Digest).
	Partial  bool
	Required []string // component identifiers that must be covered besides, such as "x-account"
	Label    string   // look only at the signature of this label; "" for any
	Tag      string   // look only at signatures with this tag; "" for any
	Fields   map[string]Kind
	MaxAge   time.Duration // since created
	Leeway   time.Duration // allowed difference of clocks
	// NeedNonce refuses a signature without a nonce, NeedExpires one without expires.
	NeedNonce, NeedExpires bool
	// Seen, if set, notes a signature of a keyid until the given time and says whether it was
	// noted before and whether there was no room. The id is that of Result.ReplayID.
	Seen func(keyID string, id [32]byte, now, until time.Time) (again, full bool)
	Now  func() time.Time
}

// Result is the judgement of a message.
type Result struct {
	Verdict vedette.Verdict
	Reasons []vedette.Reason // for Authentic nil, or vedette.OldSecret where Config.Old verified

	KeyID, Label, Nonce, Tag string
	Created, Expires         time.Time // zero if not given
	Covered                  []string  // component identifiers as signed
	// ReplayID is equal for two signatures of one key over the same bytes, however
	// the signature itself was altered or made anew.
	ReplayID [32]byte
}

// Verifier verifies signatures. It is safe for concurrent use.
type Verifier struct{ cfg Config }

// New checks the configuration.
func New(cfg Config) (*Verifier, error) {
	if cfg.Key == nil {
		return nil, errors.New("cannot make signature verifier: no source of keys")
	}
	if cfg.MaxAge < 0 || cfg.Leeway < 0 {
		return nil, errors.New("cannot make signature verifier: a duration is negative")
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = defaultMaxAge
	}
	if cfg.Leeway == 0 {
		cfg.Leeway = defaultLeeway
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Fields, cfg.Required = maps.Clone(cfg.Fields), slices.Clone(cfg.Required)
	for i, r := range cfg.Required {
		if !strings.HasPrefix(r, `"`) {
			cfg.Required[i] = `"` + r + `"`
		}
	}
	return &Verifier{cfg: cfg}, nil
}

// Verify judges the signatures of a message; now zero takes the clock. Of several
// one good signature is enough; if none is good, the first one's fault is told.
func (v *Verifier) Verify(m Message, now time.Time) Result {
	if now.IsZero() {
		now = v.cfg.Now()
	}
	inputs, signatures := fieldValues(&m, m.Header, "signature-input"), fieldValues(&m, m.Header, "signature")
	if inputs == nil && signatures == nil {
		return refuse(vedette.Anonymous)
	}
	if inputs == nil || signatures == nil {
		return refuse(vedette.Malformed, vedette.ProofInvalid, vedette.NoSignature)
	}
	if size(inputs) > maxField || size(signatures) > maxField {
		return refuse(vedette.Malformed, vedette.ProofInvalid, vedette.TooLarge)
	}
	in, err := httpsfv.UnmarshalDictionary(inputs)
	sig, err2 := httpsfv.UnmarshalDictionary(signatures)
	if err != nil || err2 != nil || len(in.Names()) > maxSignatures {
		return refuse(vedette.Malformed, vedette.ProofInvalid)
	}
	first := refuse(vedette.Anonymous, vedette.NoSignature)
	judged := false
	for _, label := range in.Names() {
		r, relevant := v.judge(&m, label, in, sig, now)
		if !relevant {
			continue
		}
		if r.Verdict == vedette.Authentic {
			return r
		}
		if !judged {
			first, judged = r, true
		}
	}
	return first
}

func size(values []string) int {
	n := 0
	for _, s := range values {
		n += len(s)
	}
	return n
}

func refuse(v vedette.Verdict, r ...vedette.Reason) Result { return Result{Verdict: v, Reasons: r} }

// signature is one signature of a message, read but not verified.
type signature struct {
	Result
	list    httpsfv.InnerList
	covered []*component
	alg     string
	bytes   []byte
}

// judge verifies the signature of one label. It is not relevant if the
// configuration asks for another label or tag.
func (v *Verifier) judge(m *Message, label string, in, sig *httpsfv.Dictionary, now time.Time) (res Result, relevant bool) {
	if v.cfg.Label != "" && v.cfg.Label != label {
		return Result{}, false
	}
	s, err := readSignature(label, in, sig)
	if err == nil && v.cfg.Tag != "" && v.cfg.Tag != s.Tag {
		return Result{}, false
	}
	fail := func(verdict vedette.Verdict, reasons ...vedette.Reason) (Result, bool) {
		s.Verdict, s.Reasons = verdict, reasons
		return s.Result, true
	}
	if err != nil {
		return fail(malformed(err))
	}
	key, ok := v.cfg.Key(s.KeyID)
	if !ok {
		return fail(vedette.Unverifiable, vedette.UnknownKey)
	}
	base, err := signatureBase(m, s.list, s.covered, v.cfg.Fields)
	verdict, reasons := s.by(&key, base, err)
	if verdict != vedette.Authentic && v.cfg.Old != nil {
		if old, ok := v.cfg.Old(s.KeyID, now); ok {
			if was, _ := s.by(&old, base, err); was == vedette.Authentic {
				verdict, reasons = was, []vedette.Reason{vedette.OldSecret}
			}
		}
	}
	if verdict != vedette.Authentic {
		return fail(verdict, reasons...)
	}
	s.ReplayID = sha256.Sum256(append([]byte(s.KeyID+"\n"), base...))
	if s.coversDigest() && checkDigest(m) != nil {
		return fail(vedette.Forged, vedette.ProofInvalid, vedette.BadSignature)
	}
	if !v.covers(m, s) {
		return fail(vedette.Forged, vedette.ProofInvalid, vedette.WrongScheme)
	}
	if verdict, reason := v.fresh(s, now); reason != "" {
		return fail(verdict, reason)
	}
	return fail(vedette.Authentic, reasons...)
}

// by judges whether the signature is the key's over the base; err says why there is none.
func (s *signature) by(key *Key, base []byte, err error) (vedette.Verdict, []vedette.Reason) {
	switch {
	case key.Check() != nil:
		return vedette.Unverifiable, []vedette.Reason{vedette.NoSecret}
	case s.alg != "" && s.alg != string(key.Algorithm):
		return vedette.Forged, []vedette.Reason{vedette.ProofInvalid, vedette.WrongScheme}
	case err != nil:
		verdict, a, b := malformed(err)
		return verdict, []vedette.Reason{a, b}
	case !key.verify(base, s.bytes):
		return vedette.Forged, []vedette.Reason{vedette.ProofInvalid}
	}
	return vedette.Authentic, nil
}

func malformed(err error) (vedette.Verdict, vedette.Reason, vedette.Reason) {
	if errors.Is(err, errAmbiguous) {
		return vedette.Malformed, vedette.ProofInvalid, vedette.Ambiguous
	}
	return vedette.Malformed, vedette.ProofInvalid, vedette.BadEncoding
}

// readSignature reads the covered components and parameters (RFC 9421 section
// 2.3) and the signature itself.
func readSignature(label string, in, sig *httpsfv.Dictionary) (*signature, error) {
	s := &signature{Result: Result{Label: label}}
	member, _ := in.Get(label)
	var ok bool
	if s.list, ok = member.(httpsfv.InnerList); !ok {
		return s, errors.New("cannot read signature input: want an inner list")
	}
	var err error
	if s.covered, err = readComponents(s.list); err != nil {
		return s, err
	}
	for _, c := range s.covered {
		s.Covered = append(s.Covered, c.id)
	}
	if err := s.readParams(); err != nil {
		return s, err
	}
	member, _ = sig.Get(label)
	item, ok := member.(httpsfv.Item)
	if !ok {
		return s, errors.New("cannot read signature: want a byte sequence")
	}
	if s.bytes, ok = item.Value.([]byte); !ok || len(s.bytes) == 0 {
		return s, errors.New("cannot read signature: want a byte sequence")
	}
	return s, nil
}

func (s *signature) readParams() error {
	for _, name := range s.list.Params.Names() {
		v, _ := s.list.Params.Get(name)
		text, isText := v.(string)
		seconds, isInt := v.(int64)
		good := isText && len(text) <= maxText
		switch name {
		case "created":
			s.Created, good = time.Unix(seconds, 0), isInt && seconds >= 0 && seconds < maxSeconds
		case "expires":
			s.Expires, good = time.Unix(seconds, 0), isInt && seconds >= 0 && seconds < maxSeconds
		case "nonce":
			s.Nonce = text
		case "keyid":
			s.KeyID = text
		case "tag":
			s.Tag = text
		case "alg":
			s.alg = text
		default:
			good = true // others may be defined; they are signed all the same
		}
		if !good {
			return fmt.Errorf("cannot read signature parameter %s", name)
		}
	}
	return nil
}

// coversDigest reports whether the digest of this message's body is signed.
func (s *signature) coversDigest() bool {
	return slices.ContainsFunc(s.covered, func(c *component) bool { return c.name == "content-digest" && !c.req && !c.tr })
}

// covers reports whether the signature covers what it must.
func (v *Verifier) covers(m *Message, s *signature) bool {
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(s.Covered, `"`+n+`"`) })
	}
	for _, r := range v.cfg.Required {
		if !slices.Contains(s.Covered, r) {
			return false
		}
	}
	switch {
	case v.cfg.Partial:
		return true
	case len(m.Body) > 0 && !s.coversDigest():
		return false
	case m.Status != 0:
		return has("@status")
	}
	_, _, hasQuery := m.origin()
	return has("@method") && has("@authority", "@target-uri") && has("@path", "@target-uri", "@request-target") &&
		(!hasQuery || has("@query", "@target-uri", "@request-target"))
}

// fresh holds a signature that verifies to its time and to having come once.
func (v *Verifier) fresh(s *signature, now time.Time) (vedette.Verdict, vedette.Reason) {
	until := s.Created.Add(v.cfg.MaxAge + v.cfg.Leeway) // long past without created
	switch {
	case v.cfg.NeedExpires && s.Expires.IsZero():
		return vedette.Stale, vedette.ProofStale
	case s.Created.After(now.Add(v.cfg.Leeway)), now.After(until):
		return vedette.Stale, vedette.ProofStale
	case !s.Expires.IsZero() && !now.Before(s.Expires.Add(v.cfg.Leeway)):
		return vedette.Stale, vedette.ProofStale
	case v.cfg.NeedNonce && s.Nonce == "":
		return vedette.Stale, vedette.NonceMissing
	case v.cfg.Seen == nil:
		return vedette.Authentic, ""
	}
	again, full := v.cfg.Seen(s.KeyID, s.ReplayID, now, until)
	switch {
	case again:
		return vedette.Replayed, vedette.ProofReplayed
	case full:
		return vedette.Unverifiable, vedette.ReplayFull
	}
	return vedette.Authentic, ""
}
