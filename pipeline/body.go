package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"vedette"
	"vedette/internal/strictjson"
	"vedette/sensor"
	"vedette/venue"
)

// BodyKeep is what becomes of a call's body in its record.
type BodyKeep uint8

// The ways. BodyHash is the zero value.
const (
	BodyHash     BodyKeep = iota // its SHA-256
	BodyRedacted                 // the hash, and the text with secret values taken out
	BodySealed                   // the hash, and the whole body encrypted
	BodyNone
)

var bodyNames = []string{"hash", "redacted", "sealed", "none"}

func (k BodyKeep) String() string { return bodyNames[k] }

// ParseBodyKeep reads hash, redacted, sealed or none.
func ParseBodyKeep(s string) (BodyKeep, bool) {
	for i, n := range bodyNames {
		if n == s {
			return BodyKeep(i), true
		}
	}
	return 0, false
}

// BodyPolicy is what becomes of bodies, by operation.
type BodyPolicy [vedette.Operations]BodyKeep

// maxKept bounds the body text or ciphertext in a record: a record must stay
// below 64 KiB. Of a longer one the hash is kept, and that it was too long.
const maxKept = 24 << 10

// appendContent appends the members that tell what a call carried, its query and
// its body, each with a comma before it.
func (m *Monitor) appendContent(b []byte, x *sensor.Exchange) []byte {
	if x.Request.Kind != venue.Message { // a message's query is that of its upgrade
		b = m.appendPart(b, "query", x.Call.Operation, []byte(x.Request.Query), &x.Claim)
	}
	return m.appendPart(b, "body", x.Call.Operation, x.Request.Body, &x.Claim)
}

// appendPart appends the members of one part. claim holds what must not be among
// them.
func (m *Monitor) appendPart(b []byte, name string, op vedette.Operation, part []byte, claim *venue.Claim) []byte {
	keep := m.Bodies[op]
	if len(part) == 0 || keep == BodyNone {
		return b
	}
	member := func(suffix string) { b = append(append(append(append(b, `,"`...), name...), suffix...), `":`...) }
	sum := sha256.Sum256(part)
	member("_sha256")
	b = append(hex.AppendEncode(append(b, '"'), sum[:]), '"')
	from := len(b)
	switch {
	case keep == BodyHash:
	case len(part) > maxKept:
		from = -1
	case keep == BodyRedacted:
		member("")
		b = vedette.AppendJSONString(b, redact(part, secretsOf(claim)...))
	case m.Seal != nil:
		if sealed, err := m.Seal(nil, part); err == nil {
			member("_sealed")
			b = append(base64.StdEncoding.AppendEncode(append(b, '"'), sealed), '"')
		} else {
			member("_not_sealed")
			b = append(b, "true"...)
		}
	}
	if from < 0 || len(b)-from > maxKept { // base64 and escapes make it longer
		if from >= 0 {
			b = b[:from]
		}
		member("_too_long")
		b = append(b, "true"...)
	}
	return b
}

// secretsOf returns what a call presents that must not be told of.
func secretsOf(c *venue.Claim) []string {
	return append([]string{c.Signature, c.Token, c.Passphrase}, c.Tokens...)
}

// appendRecord appends the call's record.
func appendRecord(b []byte, c *vedette.Call, body []byte) []byte {
	b = vedette.AppendCall(b, c)
	if len(b)+len(body) > maxRecord { // a call with absurd fields: keep who and what
		b = clipped(b[:0], c)
	}
	if len(b)+len(body) > maxRecord { // and escapes made even that long
		body = []byte(`,"body_too_long":true`)
	}
	if len(body) == 0 {
		return b
	}
	return append(append(b[:len(b)-1], body...), '}')
}

// maxRecord is the longest record of a ledger (C2SP tlog-tiles entry bundles).
const maxRecord = 65535

// clipped encodes the call again with its longest parts cut.
func clipped(b []byte, c *vedette.Call) []byte {
	d := *c
	clip(&d, 256)
	d.Batch = slices.Clone(c.Batch[:min(len(c.Batch), 8)])
	for i := range d.Batch {
		a := &d.Batch[i]
		for _, s := range []*string{&a.Instrument, &a.ClientOrderID, &a.TargetOrderID, &a.Object, &a.Asset, &a.Address} {
			*s = cutText(*s, 64)
		}
	}
	d.AMR = slices.Clone(c.AMR[:min(len(c.AMR), 8)])
	for i, s := range d.AMR {
		d.AMR[i] = cutText(s, 64)
	}
	out := vedette.AppendCall(b, &d)
	return append(out[:len(out)-1], `,"clipped":true}`...)
}

// clip cuts the call's texts, but for those of its batch.
func clip(c *vedette.Call, most int) {
	for _, s := range []*string{&c.Client, &c.Credential, &c.Path, &c.Instrument, &c.ClientOrderID, &c.TargetOrderID, &c.Object, &c.Asset, &c.Address, &c.Nonce,
		&c.Answer.Error, &c.Answer.OrderID, &c.Answer.Account, &c.Method, &c.Joint, &c.Account, &c.Owner, &c.ACR} {
		*s = cutText(*s, most)
	}
}

func cutText(s string, most int) string {
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// Parts of the names of parameters that carry secrets or one-time codes at some venue,
// lower case without separators. What is taken out without need costs a word of a
// record; what is left in stays for ever.
var (
	secretWithin = []string{"sign", "pass", "pwd", "secret", "token", "captcha", "2fa", "twofa", "factor", "totp", "mnemonic", "privatekey", "listenkey",
		"securitykey", "authoriz", "cookie", "challenge", "mailcode", "smscode", "phonecode", "mobilecode", "googlecode", "gacode", "authcode",
		"authenticatorcode", "verifycode", "verificationcode", "validationcode", "securitycode", "confirmcode", "confirmationcode", "recoverycode",
		"backupcode"}
	secretEnds = []string{"otp", "mfa", "tfa", "pin", "sig", "jwt", "seed"} // of other words too, within: spotPrice
	secretHead = []string{"otp", "mfa", "tfa"}
)

// secretName looks at a name's letters and digits alone, decoded.
func secretName(name string) bool {
	plain, _ := venue.AppendUnescaped(make([]byte, 0, 64), name, true)
	bare := plain[:0]
	for _, c := range plain {
		switch {
		case c >= 'A' && c <= 'Z':
			bare = append(bare, c|0x20)
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			bare = append(bare, c)
		}
	}
	is := func(has func([]byte, []byte) bool) func(string) bool {
		return func(part string) bool { return has(bare, []byte(part)) }
	}
	return slices.ContainsFunc(secretWithin, is(bytes.Contains)) || slices.ContainsFunc(secretEnds, is(bytes.HasSuffix)) ||
		slices.ContainsFunc(secretHead, is(bytes.HasPrefix))
}

const hidden = "[redacted]"

// redact takes the values of secret parameters, and every value that holds one of
// the secrets, out of a form or JSON body. What is neither is not kept, since
// nothing is known about what it holds.
func redact(body []byte, secrets ...string) string {
	secrets = slices.DeleteFunc(secrets, func(s string) bool { return s == "" })
	var doc strictjson.Doc
	if doc.Parse(body) == nil {
		return string(redactJSON(nil, doc.Root(), secrets))
	}
	if bytes.ContainsAny(body, "{}<>\x00") || !bytes.Contains(body, []byte("=")) {
		return hidden
	}
	parts := strings.Split(string(body), "&")
	for i, p := range parts {
		if k, v, _ := strings.Cut(p, "="); secretName(k) || holds(v, secrets) {
			parts[i] = k + "=" + hidden
		}
	}
	return strings.Join(parts, "&")
}

func holds(v string, secrets []string) bool {
	if u, ok := venue.AppendUnescaped(nil, v, false); ok {
		v = string(u)
	}
	return slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(v, s) })
}

func redactJSON(b []byte, v strictjson.Value, secrets []string) []byte {
	switch v.Kind() {
	case strictjson.Object, strictjson.Array:
		open, end := byte('{'), byte('}')
		if v.Kind() == strictjson.Array {
			open, end = '[', ']'
		}
		b = append(b, open)
		for e := v.First(); e.Exists(); e = e.Next(v) {
			if b[len(b)-1] != open {
				b = append(b, ',')
			}
			if open == '{' {
				b = append(vedette.AppendJSONString(b, e.Name()), ':')
				if secretName(e.Name()) {
					b = vedette.AppendJSONString(b, hidden)
					continue
				}
			}
			b = redactJSON(b, e, secrets)
		}
		return append(b, end)
	case strictjson.String:
		if holds(v.Text(), secrets) {
			return vedette.AppendJSONString(b, hidden)
		}
		if t := v.Text(); len(t) > 1 && (t[0] == '{' || t[0] == '[') { // JSON within JSON
			return vedette.AppendJSONString(b, redact([]byte(t), secrets...))
		}
		return vedette.AppendJSONString(b, v.Text())
	}
	return append(b, v.Raw()...)
}
