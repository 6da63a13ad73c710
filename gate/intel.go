package gate

import (
	"time"

	"vedette"
)

// listed decides by what threat intelligence lists of the call, where a feed asks for
// more than to note it. A deny refuses every operation, as a block does; a step-up
// those that a step-up restriction refuses.
func (g *Gate) listed(c *vedette.Call, at time.Time, now int64) vedette.Decision {
	worst := vedette.IntelFlag
	for i := range c.Intel {
		worst = max(worst, c.Intel[i].Action)
	}
	switch {
	case worst == vedette.IntelDeny:
		return deny(vedette.IntelMatched)
	case worst == vedette.IntelStepUp && anyOperation(c, wantsStepUp) && !g.steppedUp(intelStepUp, c, at, now):
		return vedette.Decision{Effect: vedette.StepUp, Reason: vedette.IntelMatched}
	}
	return vedette.Decision{}
}

// intelStepUp is what satisfies a feed that asks for a step-up: the venue's word for the
// credential, or an access token whose user has just authenticated.
var intelStepUp = &rule{Restriction: vedette.Restriction{Kind: vedette.RestrictStepUp, MaxAge: int(IntelMaxAge / time.Second)}}
