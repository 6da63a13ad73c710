package sim

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"vedette"
	"vedette/sim/client"
)

// role is what a trader does.
type role uint8

const (
	maker     role = iota // quotes both sides and refreshes them
	taker                 // takes what is quoted
	noise                 // rests orders away from the touch and cancels them
	reader                // reads accounts, never trades
	treasurer             // reads, and now and then withdraws to its own address
)

var roleNames = []string{"maker", "taker", "noise", "reader", "treasurer"}

// share is how much of the rate a trader of each role makes.
var share = []float64{maker: 3, taker: 2, noise: 2, reader: 1, treasurer: 0.5}

// quirk is a habit of real clients that a monitor must not mistake for an attack.
type quirk uint8

const (
	none        quirk = iota
	retries           // sends the same bytes again when no answer came
	duplicates        // sends the same read twice at once
	clockAhead        // its clock is 300 ms ahead
	clockBehind       // its clock is 2 s behind
	rotates           // goes over to a second key, and uses both for a while
	allowlisted       // its key may be used from its own address only
)

// habit is one way to be a trader; the population repeats the list.
type habit struct {
	role      role
	quirk     quirk
	websocket bool // trades over the WebSocket API
	ed        bool // signs with Ed25519
	inQuery   bool // puts the parameters of a POST into the query
	agent     string
}

var habits = []habit{
	{role: maker, quirk: allowlisted, agent: "quoter/2.1"},
	{role: taker, quirk: retries, agent: "ccxt/4.5.84"},
	{role: noise, quirk: clockAhead, agent: "python-requests/2.32.3", inQuery: true},
	{role: reader, quirk: duplicates, agent: "portfolio-sync/0.9"},
	{role: maker, websocket: true, agent: "quoter-ws/2.1"},
	{role: taker, ed: true, agent: "okhttp/4.12.0"},
	{role: noise, websocket: true, ed: true, agent: "ccxt/4.5.84"},
	{role: noise, quirk: clockBehind, agent: "axios/1.7.2"},
	{role: taker, quirk: rotates, agent: "ccxt/4.5.84"},
	{role: treasurer, agent: "treasury/1.0"},
}

// trader is one member of the population.
type trader struct {
	habit
	name    string
	account string
	owner   string
	source  netip.Addr
	keys    []*Key // the second is for rotation
	rng     *rand.Rand
	weight  float64
	walks   []*walk

	// of the decisions made so far
	step    int
	resting []resting
	quotes  map[int]string // client order id by instrument and side
}

// resting is an order the trader believes to be open.
type resting struct {
	market int
	id     string
}

// populate makes the traders from the seed.
func (w *World) populate() {
	for i := range w.config.Traders {
		h := habits[i%len(habits)]
		t := &trader{habit: h, name: fmt.Sprintf("%s-%d", roleNames[h.role], i), account: fmt.Sprintf("acct-%d", i),
			owner: fmt.Sprintf("owner-%d", i), rng: stream(w.config.Seed, "trader", i), weight: share[h.role], walks: w.walks,
			source: netip.AddrFrom4([4]byte{198, 18, byte(i / 250), byte(1 + i%250)}), quotes: map[int]string{}}
		if h.role == maker && i%len(habits) == 4 {
			t.owner = fmt.Sprintf("owner-%d", i-4) // both makers of a round belong together
		}
		secrets := stream(w.config.Seed, "key", i)
		t.keys = []*Key{newKey(secrets, t.account, t.owner, permissions(h.role), h.ed)}
		switch {
		case h.quirk == rotates:
			t.keys = append(t.keys, newKey(secrets, t.account, t.owner, permissions(h.role), h.ed))
		case h.quirk == allowlisted && w.config.Addresses:
			t.keys[0].IPAllow = []string{t.source.String() + "/32"}
		case h.role == treasurer:
			t.keys[0].WithdrawAllow = []string{t.coldWallet()}
		}
		w.traders = append(w.traders, t)
	}
}

func permissions(r role) vedette.Permission {
	switch r {
	case reader:
		return vedette.PermRead
	case treasurer:
		return vedette.PermRead | vedette.PermWithdraw
	}
	return vedette.PermRead | vedette.PermTrade
}

func (t *trader) coldWallet() string { return "bc1qsim" + t.owner }

// signer signs with one of the trader's keys.
func (t *trader) signer(k *Key, clock func() time.Time) *client.Signer {
	s := &client.Signer{Key: k.ID, Secret: k.Secret, Private: k.private, Clock: clock, Window: 5 * time.Second, InQuery: t.inQuery}
	switch t.quirk {
	case clockAhead:
		s.Offset = 300 * time.Millisecond
	case clockBehind:
		s.Offset = -2 * time.Second
	}
	return s
}
