package sim

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"vedette/sim/client"
)

// Injection is the label of one campaign: what a monitor should find.
type Injection struct {
	Kind       string    `json:"kind"`       // detector that should find it
	Variant    string    `json:"variant"`    // how it was mounted
	Subject    string    `json:"subject"`    // credential, or source for key_enumeration
	At         time.Time `json:"at"`         // of the first action
	Last       time.Time `json:"last"`       // of the last action so far
	Credential string    `json:"credential"` // whose key was misused, "" for key_enumeration
	Account    string    `json:"account"`
	Source     string    `json:"source"`  // the attacker's address if addresses are played, else ""
	Request    string    `json:"request"` // X-Request-Id of the first action
	Actions    int       `json:"actions"` // done so far
	Refused    int       `json:"refused"` // of these, answered with a status of 400 or more

	codes map[int]bool // error codes seen
}

// attack is a campaign at work.
type attack struct {
	*campaign
	run       *Run
	ctx       context.Context
	trading   context.Context // ends when the traders stop: nothing more is heard then
	wire      *client.Wire
	injection *Injection
	stash     []client.Request // held back until they are stale
	stashed   time.Time
}

// attack mounts one campaign.
func (r *Run) attack(ctx, trading context.Context, c *campaign) {
	a := &attack{campaign: c, run: r, ctx: ctx, trading: trading, wire: r.wire("attack-"+c.name, c.agent, nil).Open(callTimeout)}
	defer a.wire.Close()
	if r.world.config.Addresses {
		a.wire.Source = c.source
	}
	next := r.start.Add(c.start)
	for done := 0; done < c.actions; {
		if !sleepUntil(ctx, next) {
			return
		}
		next = time.Now().Add(c.gap)
		switch {
		case c.variant.run(a):
			done++
		case trading.Err() != nil && len(a.stash) == 0:
			return
		default:
			next = time.Now().Add(max(c.gap, 100*time.Millisecond)) // nothing heard yet
		}
	}
}

// begin labels an action just before it is sent with the given X-Request-Id.
func (a *attack) begin(id string) {
	now := a.run.world.config.Clock()
	a.run.calls.Add(1)
	a.run.mu.Lock()
	defer a.run.mu.Unlock()
	if a.injection == nil {
		in := &Injection{Kind: a.kind, Variant: a.name, At: now, Request: id, codes: map[int]bool{}}
		if a.wire.Source.IsValid() {
			in.Source = a.wire.Source.String()
		}
		in.Subject = in.Source
		if a.victim != nil {
			in.Credential, in.Account = a.victim.keys[0].ID, a.victim.account
			in.Subject = in.Credential
		}
		a.injection = in
		a.run.injected = append(a.run.injected, in)
	}
	a.injection.Actions++
	a.injection.Last = now
}

func (a *attack) end(answer client.Answer, err error) {
	if err != nil {
		a.run.fail(a.ctx, "attack-"+a.name, err)
		return
	}
	if answer.Status >= http.StatusBadRequest {
		a.run.refused.Add(1)
		a.run.mu.Lock()
		a.injection.Refused++
		a.injection.codes[answer.Code] = true
		a.run.mu.Unlock()
	}
}

func (a *attack) send(r client.Request) bool {
	a.begin(a.wire.Next(0))
	answer, err := a.wire.Do(a.ctx, r)
	a.end(answer, err)
	return true
}

// signer signs as the victim: the attacker holds its secret, or has it sign. The
// window is the widest, as an attacker likes it; the victim's is another, so that
// the two never sign the same text in one millisecond by chance.
func (a *attack) signer() *client.Signer {
	s := a.victim.signer(a.victim.keys[0], a.run.world.config.Clock)
	s.Offset, s.Window = 0, time.Minute
	return s
}

func anyREST(h heard) bool { return h.Message == "" }

// wrongSecret signs with a guessed secret.
func (a *attack) wrongSecret() bool {
	s := &client.Signer{Key: a.victim.keys[0].ID, Secret: word(a.rng, 64), Clock: a.run.world.config.Clock, Window: 5 * time.Second}
	if a.victim.ed {
		s.Secret = ""
		s.Private = newKey(a.rng, "", "", 0, true).private
	}
	ops := []client.Op{client.Account, client.Coins, client.OpenOrders, client.Withdrawals}
	return a.send(s.REST(ops[a.rng.IntN(len(ops))], nil))
}

// alter changes what a captured request says and keeps its signature.
func (a *attack) alter() bool {
	h, ok := a.run.tap.latest(a.victim.keys[0].ID, func(h heard) bool {
		return anyREST(h) && strings.Contains(h.Query+h.Body, "symbol=")
	})
	if !ok {
		return false
	}
	other := markets[a.rng.IntN(len(markets))].Symbol
	change := func(s string) string {
		for _, m := range markets {
			if m.Symbol != other {
				s = strings.Replace(s, "symbol="+m.Symbol, "symbol="+other, 1)
			}
		}
		return strings.Replace(s, "quantity=", "quantity=1", 1)
	}
	r := h.Request
	r.Query, r.Body = change(r.Query), change(r.Body)
	if r == h.Request { // the same instrument and no quantity: ask for more instead
		r.Query = "limit=1000&" + r.Query
	}
	return a.send(r)
}

// replay sends a captured request again, byte for byte.
func (a *attack) replay() bool {
	h, ok := a.run.tap.latest(a.victim.keys[0].ID, anyREST)
	return ok && a.send(h.Request)
}

// replayMessage sends a captured WebSocket message again, on a connection of its own.
func (a *attack) replayMessage() bool {
	h, ok := a.run.tap.latest(a.victim.keys[0].ID, func(h heard) bool { return strings.Contains(h.Message, `"signature"`) })
	if !ok {
		return false
	}
	id := a.wire.Next(0) // of the upgrade: messages carry none
	s, err := a.wire.Dial(a.ctx, callTimeout)
	if err != nil {
		a.run.fail(a.ctx, "attack-"+a.name, err)
		return false
	}
	defer s.Close()
	a.begin(id)
	answer, err := s.Do(a.ctx, h.Request)
	a.end(answer, err)
	return true
}

// move puts a captured signature on another method or path.
func (a *attack) move() bool {
	h, ok := a.run.tap.latest(a.victim.keys[0].ID, func(h heard) bool { return anyREST(h) && len(elsewhere(h.op)) > 0 })
	if !ok {
		return false
	}
	to := elsewhere(h.op)
	op := to[a.rng.IntN(len(to))]
	r := h.Request
	r.Method, r.Path = op.Method, op.Path
	if r.Method == http.MethodGet || r.Method == http.MethodDelete {
		r.Query, r.Body = r.Query+r.Body, ""
	}
	return a.send(r)
}

// elsewhere lists where the signature of an operation is also valid, since the venue
// signs neither method nor path.
func elsewhere(op client.Op) []client.Op {
	switch op.Path {
	case client.Account.Path, client.Coins.Path:
		return []client.Op{client.Restrictions, client.Withdrawals}
	case client.OpenOrders.Path:
		return []client.Op{client.CancelAll, client.MyTrades}
	case client.MyTrades.Path:
		return []client.Op{client.CancelAll, client.OpenOrders}
	case client.OrderNew.Path:
		switch op.Method {
		case http.MethodGet:
			return []client.Op{client.OrderCancel}
		case http.MethodDelete:
			return []client.Op{client.OrderQuery}
		}
		return []client.Op{client.CancelAll, client.OpenOrders}
	}
	return nil
}

// heldBack delivers requests that were signed in time and kept until they were stale.
// The recvWindow is short, as careful clients choose it.
func (a *attack) heldBack() bool {
	if a.stash == nil {
		s := a.signer()
		s.Window = 500 * time.Millisecond
		for range a.actions {
			a.stash = append(a.stash, s.REST(client.Account, nil))
		}
		a.stashed = time.Now()
		a.gap = max(a.gap, 800*time.Millisecond) // scattered further than a clock drifts
		return false
	}
	if time.Since(a.stashed) < 1200*time.Millisecond {
		return false
	}
	r := a.stash[0]
	a.stash = a.stash[1:]
	return a.send(r)
}

// predate has a request signed for a time to come, to be used then.
func (a *attack) predate() bool {
	ahead := 3*time.Second + time.Duration(a.rng.IntN(60_000))*time.Millisecond
	return a.send(a.signer().RESTAt(client.OpenOrders, nil, ahead))
}

// enumerate tries a key that nobody has.
func (a *attack) enumerate() bool {
	s := &client.Signer{Key: word(a.rng, 64), Secret: word(a.rng, 64), Clock: a.run.world.config.Clock, Window: 5 * time.Second}
	return a.send(s.REST(client.Account, nil))
}

// forbidden lists what a key may not do, in the order in which it is tried.
func forbidden(rng *rand.Rand, funds bool) []probe {
	to := "bc1qthief" + randomHex(rng, 8)
	all := []probe{
		{client.OrderNew, client.P("symbol", "BTCUSDT", "side", "SELL", "type", "MARKET", "quantity", "0.5")},
		{client.Withdraw, client.P("coin", "BTC", "address", to, "amount", "1.5")},
		{client.SubTransfer, client.P("toEmail", "acct-0", "asset", "USDT", "amount", "1000")},
		{client.FastWithdraw, nil},
		{client.CancelAll, client.P("symbol", "BTCUSDT")},
		{client.KeyCreate, client.P("subAccountId", "1", "canTrade", "true")},
		{client.Transfer, client.P("type", "MAIN_FUNDING", "asset", "USDT", "amount", "1000")},
	}
	if funds {
		eth := probe{client.Withdraw, client.P("coin", "ETH", "address", "0x"+randomHex(rng, 20), "amount", "12")}
		all = slices.Insert(all, 0, all[1], eth)
	}
	return all
}

type probe struct {
	op     client.Op
	params []client.Param
}

// probe tries with a stolen read-only key what it is not for.
func (a *attack) probe() bool {
	all := forbidden(a.rng, false)
	p := all[a.sent()%len(all)]
	return a.send(a.signer().REST(p.op, p.params))
}

// misuseWithdraw tries to withdraw to an address that is not on the key's allowlist.
func (a *attack) misuseWithdraw() bool {
	all := forbidden(a.rng, true)
	p := all[a.sent()%len(all)]
	return a.send(a.signer().REST(p.op, p.params))
}

func (a *attack) sent() int {
	if a.injection == nil {
		return 0
	}
	a.run.mu.Lock()
	defer a.run.mu.Unlock()
	return a.injection.Actions
}
