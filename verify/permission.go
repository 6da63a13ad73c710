package verify

import (
	"strings"

	"vedette"
	"vedette/venue"
)

// permitted holds a genuine, fresh, first-seen call against what its credential
// may do. A credential for which no permissions are stated is not held to any.
func (x *Case) permitted() {
	e := x.Entry
	if e == nil {
		return
	}
	deny := func(why vedette.Reason) {
		x.Call.Verdict = vedette.Unauthorised
		x.Call.Reasons = append(x.Call.Reasons, "")
		copy(x.Call.Reasons[1:], x.Call.Reasons)
		x.Call.Reasons[0] = why
	}
	if !e.Expires.IsZero() && !x.Now.Before(e.Expires) {
		deny(vedette.CredentialOver)
		return
	}
	if !x.addressAllowed() {
		deny(vedette.AddressDenied)
		return
	}
	if x.Claim.Account != "" && e.Account != "" && !strings.EqualFold(x.Claim.Account, e.Account) {
		deny(vedette.AccountMismatch)
		return
	}
	if why := allowed(&e.Credential, &x.Call.Action); why != "" {
		deny(why)
		return
	}
	for i := range x.Call.Batch {
		if why := allowed(&e.Credential, &x.Call.Batch[i]); why != "" {
			deny(why)
			return
		}
	}
}

func (x *Case) addressAllowed() bool {
	list := x.Entry.IPAllow
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

// allowed returns why the credential may not do the action, "" if it may.
func allowed(c *vedette.Credential, a *vedette.Action) vedette.Reason {
	need := a.Operation.Needs()
	if need != 0 && c.Permissions != 0 && c.Permissions&need == 0 {
		return vedette.NoPermission
	}
	if len(c.Operations) > 0 && need != 0 && !containsOp(c.Operations, a.Operation) {
		return vedette.OperationDenied
	}
	if len(c.Instruments) > 0 && a.Instrument != "" && need != 0 && !containsFold(c.Instruments, a.Instrument) {
		return vedette.InstrumentDenied
	}
	if a.Operation == vedette.OpWithdraw && len(c.WithdrawAllow) > 0 && !containsFold(c.WithdrawAllow, a.Address) {
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
	x.Call.Credential = s.Key
	if !v.identify(x) {
		x.Call.Account = s.Account
	}
	x.say(vedette.Authentic, vedette.SessionAuth)
	x.permitted()
}

// token judges a call by a token that the venue issued over this API.
func (v *Verifier) token(x *Case) {
	credential, ok := v.issued.find(x.Dialect.Name, x.Claim.Token, x.Now)
	if !ok {
		x.Call.Credential = ""
		x.say(vedette.Unverifiable, vedette.UnknownKey)
		return
	}
	x.Call.Credential = credential
	v.identify(x)
	x.say(vedette.Authentic, vedette.SessionAuth)
	x.permitted()
}

func (v *Verifier) bearer(x *Case) {
	if credential, ok := v.issued.find(x.Dialect.Name, x.Claim.Token, x.Now); ok {
		x.Call.Credential = credential
		v.identify(x)
		x.say(vedette.Authentic, vedette.SessionAuth)
		x.permitted()
		return
	}
	if v.Bearer == nil {
		x.say(vedette.Unverifiable, vedette.NoSecret)
		return
	}
	b := v.Bearer(x)
	x.Challenge = b.Challenge
	x.Call.Credential, x.Call.Account, x.Call.Owner = b.Credential, b.Account, b.Owner
	x.say(b.Verdict, b.Reasons...)
	if b.Verdict == vedette.Authentic && v.identify(x) {
		x.permitted()
	}
}

// Issue remembers a token that the venue handed out in answer to a call of the
// credential, or that the answer names.
func (v *Verifier) Issue(x *Case, t *venue.Issued) {
	credential := t.Credential
	if credential == "" {
		credential = x.Call.Credential
	}
	if t.Token == "" || credential == "" {
		return
	}
	v.issued.add(x.Dialect.Name, t.Token, credential, t.TTL, x.Now)
}
