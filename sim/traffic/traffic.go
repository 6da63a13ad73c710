package traffic

import (
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"math/rand/v2"
	"time"
	"unsafe"

	"vedette"
)

// Config is what traffic is made from. The same Config gives the same calls.
type Config struct {
	Seed  uint64
	Keys  int       // of customers; 0 for 10,000
	Start time.Time // midnight UTC; zero for Monday 5 January 2026
	Days  int       // 0 for 7
	// Prelude is how many days before Start the rarely used keys are already calling, and nobody else:
	// what lies dormant must have been seen before. 0 for 90.
	Prelude int
	// Rate scales the customers' rates, but not the attackers': with 1 a key makes about 150 calls a day on
	// average, some thousands if it is a market maker's. 0 for 1.
	Rate float64
	// Quiet leaves out the events of Occasions: releases, shocks, moves.
	Quiet bool
	// Attacks are injected; their labels are Campaigns.
	Attacks []Attack
}

// Attack asks for a campaign.
type Attack struct {
	Kind string // one of Kinds, or Poisoning
	Pace Pace
	From time.Time // it starts within Span after
	Span time.Duration
	// Share is the thief's part of the key's calls in the end, below 1; of Poisoning only.
	Share float64
}

// Campaign is the label of an attack that was injected.
type Campaign struct {
	Kind     string
	Pace     Pace
	Subjects []string // credentials, accounts, addresses, subnets and fingerprints that it uses or takes over
	Start    time.Time
	End      time.Time // of the last action; known when all its calls have been made
	Actions  int       // calls that the attacker has made so far
}

// Occasion is something lively and clean that a monitor may take for an attack.
type Occasion struct {
	Kind     string
	Subjects []string // none where it is everybody's
	Start    time.Time
	End      time.Time
}

// Traffic is a stream of calls.
type Traffic struct {
	cfg        Config
	start, end int64 // Unix ns
	prelude    int64
	rhythms    rhythms
	customers  []*customer
	campaigns  []*Campaign
	occasions  []Occasion
	used       map[string]bool // accounts that an attack has taken

	queue    queue
	actors   []actor
	call     vedette.Call
	campaign int
	arena    []byte
	reason   [2]vedette.Reason
}

// actor is somebody who calls. Step makes the call that is due at a time, in t.call, and returns when the
// next one is due; 0 if there is none.
type actor interface {
	step(t *Traffic, at int64) (next int64)
}

// New prepares the traffic.
func New(cfg Config) *Traffic {
	if cfg.Keys == 0 {
		cfg.Keys = 10_000
	}
	if cfg.Start.IsZero() {
		cfg.Start = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	}
	if cfg.Days == 0 {
		cfg.Days = 7
	}
	if cfg.Prelude == 0 {
		cfg.Prelude = 90
	}
	if cfg.Rate == 0 {
		cfg.Rate = 1
	}
	t := &Traffic{cfg: cfg, start: cfg.Start.UnixNano(), campaign: -1, used: map[string]bool{}, arena: make([]byte, 0, 1<<10)}
	t.end = t.start + int64(cfg.Days)*day
	t.prelude = t.start - int64(cfg.Prelude)*day
	t.rhythms = newRhythms()
	t.populate()
	if !cfg.Quiet {
		t.enliven()
	}
	for _, c := range t.customers {
		t.add(c, c.first(t))
	}
	for i, a := range cfg.Attacks {
		t.attack(a, stream(cfg.Seed, "attack "+a.Kind+a.Pace.String(), i))
	}
	return t
}

func (t *Traffic) add(a actor, at int64) {
	if at > 0 && at < t.end {
		t.actors = append(t.actors, a)
		t.queue.push(due{at, int32(len(t.actors) - 1)})
	}
}

// Next returns the next call and the number of the campaign that it belongs to, -1 for a customer's own.
// The call and its strings are valid until the next Next. ok is false at the end.
func (t *Traffic) Next() (c *vedette.Call, campaign int, ok bool) {
	for len(t.queue) > 0 {
		now := t.queue[0]
		t.campaign, t.arena = -1, t.arena[:0]
		t.call = vedette.Call{}
		next := t.actors[now.actor].step(t, now.at)
		if next > 0 && next < t.end {
			t.queue.replace(due{max(next, now.at+1), now.actor})
		} else {
			t.queue.pop()
		}
		if t.call.Time.IsZero() {
			continue // it had nothing to do
		}
		if t.campaign >= 0 {
			l := t.campaigns[t.campaign]
			l.Actions++
			l.End = t.call.Time
		}
		return &t.call, t.campaign, true
	}
	return nil, -1, false
}

// Campaigns returns the labels of what was injected, in the order of Config.Attacks. One that found no
// victim has no actions.
func (t *Traffic) Campaigns() []*Campaign { return t.campaigns }

// Occasions returns what is lively and clean.
func (t *Traffic) Occasions() []Occasion { return t.occasions }

// Population returns how many keys there are of each kind of customer.
func (t *Traffic) Population() map[string]int {
	n := map[string]int{}
	for _, c := range t.customers {
		n[c.kind.name]++
	}
	return n
}

// text puts a word and a number together for as long as the call lives.
func (t *Traffic) text(word string, n uint64) string {
	from := len(t.arena)
	t.arena = append(t.arena, word...)
	var digits [20]byte
	i := len(digits)
	for {
		i--
		digits[i] = '0' + byte(n%10)
		if n /= 10; n == 0 {
			break
		}
	}
	t.arena = append(t.arena, digits[i:]...)
	return unsafe.String(&t.arena[from], len(t.arena)-from)
}

// signature is what stands for the hash of a signature: different for each pair.
func (t *Traffic) signature(a, b uint64) string {
	from := len(t.arena)
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], scramble(a*0x9e3779b97f4a7c15+b))
	binary.BigEndian.PutUint64(raw[8:], scramble(b<<24^a))
	t.arena = hex.AppendEncode(t.arena, raw[:])
	return unsafe.String(&t.arena[from], len(t.arena)-from)
}

// scramble is the finaliser of splitmix64 (S. Vigna).
func scramble(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// because gives the call a reason.
func (t *Traffic) because(verdict vedette.Verdict, status int, r vedette.Reason) {
	t.reason[0] = r
	t.call.Verdict, t.call.Reasons, t.call.Answer.Status = verdict, t.reason[:1], status
}

// stream is a source of randomness of its own for everybody, so that nobody's calls change another's.
func stream(seed uint64, name string, i int) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(seed, scramble(h.Sum64()+uint64(i))))
}
