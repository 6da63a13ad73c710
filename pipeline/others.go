package pipeline

import (
	"vedette"
	"vedette/sensor"
	"vedette/verify"
)

// A broker may ask for the streams of several customers in one call, such as a stream of Binance's listenKeys. It is
// one call to the venue and to the limits. Whether it may pass is asked for each of them, and what the venue sends goes
// to all; so where it passes, the ledger and the detectors have it as a call of each.

// others returns the call as it is of each further party, with what the gate says of that. Where the gate refuses it
// for one of them, it becomes that one's, and there are no others.
func (m *Monitor) others(x *sensor.Exchange, parties []verify.Party) []*vedette.Call {
	c := &x.Call
	if len(parties) == 0 || c.Decision.Refused() {
		return nil
	}
	list := make([]*vedette.Call, 0, len(parties))
	for i := range parties {
		p, o := &parties[i], c.Clone()
		o.Credential, o.Account, o.Owner = clone(p.Credential), clone(p.Account), clone(p.Owner)
		o.Verdict, o.Reasons = p.Verdict, append(o.Reasons[:0], p.Reasons...)
		if o.Intel = o.Intel[:0]; m.Intel != nil {
			m.Intel.Enrich(o, x.Arrived)
		}
		if o.Decision = m.Gate.Also(o, x.Arrived); o.Decision.Refused() {
			becomes(c, o)
			return nil
		}
		if o.Decision.WouldDeny && !c.Decision.WouldDeny { // enforce mode would have refused it as this one's
			was := c.Clone()
			becomes(c, o)
			becomes(o, was)
		}
		list = append(list, o)
	}
	return list
}

// becomes makes the call that of another party.
func becomes(c, o *vedette.Call) {
	c.Credential, c.Account, c.Owner = o.Credential, o.Account, o.Owner
	c.Verdict, c.Reasons, c.Intel, c.Decision = o.Verdict, append(c.Reasons[:0], o.Reasons...), append(c.Intel[:0], o.Intel...), o.Decision
}
