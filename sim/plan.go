package sim

import (
	"math/rand/v2"
	"net/netip"
	"time"
)

// Kinds of campaign: the detectors that should find them.
const (
	ForgedSignature = "access.forged_signature"
	Replay          = "access.replay"
	CrossEndpoint   = "access.cross_endpoint_replay"
	StaleOrFuture   = "access.stale_or_future"
	ScopeProbe      = "access.scope_probe"
	KeyEnumeration  = "access.key_enumeration"
)

// variant is one way to mount a kind of campaign.
type variant struct {
	kind, name string
	victims    func(*trader) bool // whose key it uses; nil for none
	least      int                // fewest actions with which it is a campaign
	run        func(*attack) bool // one action; false if there was nothing to act on
}

// trades picks traders whose REST calls can be heard and whose key works anywhere.
func trades(t *trader) bool {
	return !t.websocket && t.quirk != allowlisted && t.quirk != rotates && t.role != treasurer && t.role != reader
}

func reads(t *trader) bool { return t.role == reader }

func hmacTrades(t *trader) bool { return trades(t) && !t.ed }

// prompt picks traders whose requests are still valid a while after they were heard.
func prompt(t *trader) bool { return trades(t) && t.quirk != clockBehind }

// speaks picks traders who sign every WebSocket message.
func speaks(t *trader) bool { return t.websocket && !t.ed }

func keepsFunds(t *trader) bool { return t.role == treasurer }

// variants lists every campaign there is. A plan goes through it in order.
func variants() []variant {
	return []variant{
		{ForgedSignature, "wrong_secret", trades, 4, (*attack).wrongSecret},
		{Replay, "captured", prompt, 1, (*attack).replay},
		{KeyEnumeration, "random_keys", nil, 8, (*attack).enumerate},
		{CrossEndpoint, "moved", prompt, 1, (*attack).move},
		{ScopeProbe, "read_only", reads, 5, (*attack).probe},
		{StaleOrFuture, "held_back", hmacTrades, 4, (*attack).heldBack},
		{ForgedSignature, "altered", hmacTrades, 4, (*attack).alter},
		{Replay, "websocket", speaks, 1, (*attack).replayMessage},
		{StaleOrFuture, "predated", hmacTrades, 4, (*attack).predate},
		{ScopeProbe, "withdraw_address", keepsFunds, 4, (*attack).misuseWithdraw},
	}
}

// campaign is one attack as planned from the seed.
type campaign struct {
	variant
	index   int
	victim  *trader // nil for enumeration
	start   time.Duration
	actions int
	gap     time.Duration
	source  netip.Addr
	agent   string
	rng     *rand.Rand
}

var attackerAgents = []string{"curl/8.9.1", "python-requests/2.31.0", "Go-http-client/1.1", "ccxt/4.5.84"}

// planAttacks draws the campaigns. No credential is attacked twice in the same way,
// so that each campaign is one thing to find; a kind whose victims have run out is
// left out.
func (w *World) planAttacks() []campaign {
	all, rng := variants(), stream(w.config.Seed, "attacks", 0)
	n := w.config.Attacks
	if n == 0 {
		n = len(all)
	}
	type use struct {
		kind   string
		victim *trader
	}
	used := map[use]bool{}
	var plan []campaign
	for i := range n {
		v := all[i%len(all)]
		c := campaign{variant: v, index: i, rng: stream(w.config.Seed, "attack", i), agent: attackerAgents[rng.IntN(len(attackerAgents))],
			source: netip.AddrFrom4([4]byte{203, 0, 113, byte(1 + i%254)})}
		var choice []*trader
		for _, t := range w.traders {
			if v.victims != nil && v.victims(t) && !used[use{v.kind, t}] {
				choice = append(choice, t)
			}
		}
		if v.victims != nil {
			if len(choice) == 0 {
				continue
			}
			c.victim = choice[rng.IntN(len(choice))]
			used[use{v.kind, c.victim}] = true
		}
		w.pace(&c, rng)
		plan = append(plan, c)
	}
	return plan
}

// pace draws when a campaign begins, how many actions it has and how fast they come:
// from a burst to a few spread over a third of the run.
func (w *World) pace(c *campaign, rng *rand.Rand) {
	d := w.config.Duration
	c.start = d/10 + time.Duration(rng.Int64N(int64(d)*2/5+1))
	c.actions = c.least + rng.IntN(2*c.least+3)
	fast, slow := 20*time.Millisecond, d/3/time.Duration(c.actions)
	c.gap = fast
	if slow > fast {
		c.gap += time.Duration(rng.Int64N(int64(slow - fast)))
	}
}
