package verify

import (
	"net/netip"
	"strings"

	"vedette"
	"vedette/keyring"
	"vedette/venue"
)

// permitted holds a genuine, fresh, first-seen call against what its credential, and the
// joint account that it is for, may do. A credential for which no permissions are stated
// is not held to any; one that the keyring does not hold may do nothing.
func (x *Case) permitted() {
	if x.Entry == nil {
		x.say(vedette.Unverifiable, vedette.UnknownKey)
		return
	}
	why := x.permittedBy(x.Entry)
	if why == "" && x.joint != nil {
		why = x.permittedBy(x.joint)
	}
	if why != "" {
		x.say(vedette.Unauthorised, why)
	}
}

// permittedBy returns why the entry does not permit the call, "" if it does.
func (x *Case) permittedBy(e *keyring.Entry) vedette.Reason {
	switch {
	case !e.Expires.IsZero() && !x.Now.Before(e.Expires):
		return vedette.CredentialOver
	case !x.addressAllowed(e.IPAllow):
		return vedette.AddressDenied
	case x.Claim.Account != "" && e.Account != "" && !strings.EqualFold(x.Claim.Account, e.Account):
		return vedette.AccountMismatch
	}
	if why := x.allowed(&e.Credential, &x.Call.Action); why != "" {
		return why
	}
	if x.Call.Operation == vedette.OpOrderBatch && len(x.Call.Batch) == 0 && len(e.Instruments) > 0 {
		return vedette.InstrumentDenied // parts that could not be read are on no list
	}
	for i := range x.Call.Batch {
		if why := x.allowed(&e.Credential, &x.Call.Batch[i]); why != "" {
			return why
		}
	}
	return ""
}

func (x *Case) addressAllowed(list []netip.Prefix) bool {
	if len(list) == 0 {
		return true
	}
	a := x.Source.Unmap()
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// allowed returns why the credential may not do the action, "" if it may. A list
// that is stated holds against what the dialect does not know as well: an endpoint
// that is unknown is on no list of operations, and an order, or a cancelling of all,
// that names no instrument is on no list of instruments. A credential that may not do
// everything may not do what nobody knows either, unless it only reads, or the
// operation unknown is on its list.
func (x *Case) allowed(c *vedette.Credential, a *vedette.Action) vedette.Reason {
	need := a.Operation.Needs()
	if need != 0 && c.Permissions != 0 && c.Permissions&need == 0 {
		return vedette.NoPermission
	}
	if len(c.Operations) > 0 && (need != 0 || a.Operation == vedette.OpUnknown) && !containsOp(c.Operations, a.Operation) {
		return vedette.OperationDenied
	}
	if a.Operation == vedette.OpUnknown && x.Dialect.MayChange(x.Request) && venue.Restricts(c) && !containsOp(c.Operations, vedette.OpUnknown) {
		return vedette.NoPermission
	}
	if len(c.Instruments) > 0 && need != 0 {
		blank := a.Instrument == "" && a.Operation != vedette.OpOrderNew && a.Operation != vedette.OpOrderCancelAll
		if !blank && !containsFold(c.Instruments, a.Instrument) {
			return vedette.InstrumentDenied
		}
	}
	if a.Operation == vedette.OpWithdraw && len(c.WithdrawAllow) > 0 && !containsAddress(c.WithdrawAllow, a.Address) {
		return vedette.WithdrawDenied
	}
	return ""
}

func containsOp(list []vedette.Operation, o vedette.Operation) bool {
	for _, v := range list {
		if v == o {
			return true
		}
	}
	return false
}

// containsAddress compares destinations exactly, with their tags, but for the case of
// hexadecimal addresses, which says nothing beyond a checksum (ERC-55).
func containsAddress(list []string, s string) bool {
	address, tag, _ := strings.Cut(s, ":")
	for _, v := range list {
		a, t, _ := strings.Cut(v, ":")
		if v == s || strings.HasPrefix(a, "0x") && strings.EqualFold(a, address) && t == tag {
			return true
		}
	}
	return false
}

func containsFold(list []string, s string) bool {
	for _, v := range list {
		if strings.EqualFold(v, s) {
			return true
		}
	}
	return false
}

// session judges a message that carries nothing of its own.
func (v *Verifier) session(x *Case) {
	s := x.Request.Session
	if s == nil || s.Key == "" {
		x.say(vedette.Anonymous)
		return
	}
	if again, ok := s.Token.(Again); ok {
		b := again(x)
		if b.Verdict == vedette.Authentic {
			b.Reasons = []vedette.Reason{vedette.SessionAuth}
		}
		v.external(x, b)
		return
	}
	if !s.External {
		v.standsFor(x, s.Key)
		return
	}
	x.Call.Credential, x.Call.Account = s.Key, s.Account
	x.say(vedette.Authentic, vedette.SessionAuth)
	if v.identify(x) {
		x.permitted()
	}
}

// standsFor judges a call by the credential that got its token or opened its session.
// One that was taken out of the keyring since then authenticates nothing.
func (v *Verifier) standsFor(x *Case, credential string) {
	x.Call.Credential = credential
	if !v.identify(x) {
		x.say(vedette.Unverifiable, vedette.UnknownKey)
		return
	}
	x.say(vedette.Authentic, vedette.SessionAuth)
	x.permitted()
}

// token judges a call by the tokens that the venue issued over this API: all of them where
// it presents several. It is then the call of the first whom it is not authentic for, since
// one is enough to refuse it; else of the first.
func (v *Verifier) token(x *Case) {
	v.issued(x, x.Claim.Token)
	if len(x.Claim.Tokens) == 0 {
		return
	}
	type judged struct {
		credential string
		verdict    vedette.Verdict
	}
	had := map[judged]bool{{x.Call.Credential, x.Call.Verdict}: true}
	var one Case
	var call vedette.Call // once for all: anybody can name a thousand tokens
	for _, t := range x.Claim.Tokens {
		one, call = *x, *x.Call
		one.Call, one.Entry = &call, nil
		call.Reasons, call.Account, call.Owner = nil, "", ""
		v.issued(&one, t)
		if j := (judged{call.Credential, call.Verdict}); had[j] {
			continue
		} else {
			had[j] = true
		}
		if x.Call.Verdict == vedette.Authentic && call.Verdict != vedette.Authentic {
			*x.Call, call, x.Entry = call, *x.Call, one.Entry
		}
		if call.Credential != "" {
			x.Parties = append(x.Parties, Party{call.Credential, call.Account, call.Owner, call.Verdict, call.Reasons})
		}
	}
}

// issued judges a call by one token.
func (v *Verifier) issued(x *Case, token string) {
	credential, ok := v.Issued.find(x.Dialect.Name, token, x.Now)
	if !ok {
		x.Call.Credential = ""
		x.say(vedette.Unverifiable, vedette.UnknownKey)
		return
	}
	if credential == "" {
		x.Call.Credential = ""
		x.say(vedette.Anonymous)
		return
	}
	v.standsFor(x, credential)
}

func (v *Verifier) bearer(x *Case) {
	if credential, ok := v.Issued.find(x.Dialect.Name, x.Claim.Token, x.Now); ok && credential != "" {
		v.standsFor(x, credential)
		return
	}
	if v.Bearer == nil {
		x.say(vedette.Unverifiable, vedette.NoSecret)
		return
	}
	v.external(x, v.Bearer(x))
}

// external takes over what another verifier found of a token or signature.
func (v *Verifier) external(x *Case, b BearerResult) {
	x.Challenge, x.Nonce, x.Again = b.Challenge, b.Nonce, b.Again
	x.Call.Credential, x.Call.Account, x.Call.Owner = b.Credential, b.Account, b.Owner
	x.Call.ACR, x.Call.AMR, x.Call.AuthTime = b.ACR, b.AMR, b.AuthTime
	x.say(b.Verdict, b.Reasons...)
	if b.Verdict == vedette.Authentic && v.identify(x) {
		x.permitted()
	}
}

// Issue remembers a token that the venue handed out in answer to a call of the
// credential, or that the answer names. A token is worth what the call was that got
// it: one that came for a call that was not authentic, but let through, stays
// unknown. Where the venue asks for no signature (Binance listenKey), the key's name
// is all that it rests on, at the venue too; and what anybody may have (KuCoin's
// public streams) stays anonymous.
func (v *Verifier) Issue(x *Case, t *venue.Issued) {
	byKey := x.Call.Verdict == vedette.Anonymous && x.Entry != nil
	public := x.Call.Verdict == vedette.Anonymous && x.Claim != nil && x.Claim.Auth == venue.AuthNone
	if x.Call.Verdict != vedette.Authentic && !byKey && !public {
		return
	}
	credential := t.Credential
	if credential == "" {
		credential = x.Call.Credential
	}
	if public {
		credential = ""
	} else if credential == "" {
		return
	}
	for _, token := range [2]string{t.Token, t.Refresh} {
		if token != "" {
			v.Issued.add(x.Dialect.Name, token, credential, t.TTL, x.Now)
		}
	}
}

// ForgetRemoved drops the issued tokens of credentials that the keyring no longer
// holds, so that one that comes back under the same id does not find them in force.
func (v *Verifier) ForgetRemoved() {
	v.Issued.keep(func(venue, credential string) bool {
		_, ok := v.Keys.Lookup(venue, credential)
		return ok
	})
}
