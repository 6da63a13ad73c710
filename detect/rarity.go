package detect

import (
	"math"
	"math/bits"
	"time"
	"unsafe"

	"vedette"
)

// Rare is something of an event that clients have in common, or not. How many share it is told by
// Event.Rarity, in bits; Trait and Event.Users tell it in credentials, for less.
type Rare uint8

// What can be rare.
const (
	RareJA4     Rare = iota
	RareNetwork      // autonomous system, or subnet where none is known
	RareCountry
	RarePath // with the operation
	RareInstrument
	rareCount
)

// Rares is the number of them; every Rare is below it.
const Rares = int(rareCount)

// Rare returns the hash of what the event has of it, 0 where it has none.
func (e *Event) Rare(t Rare) uint64 {
	switch t {
	case RareJA4:
		return e.Subject[ByFingerprint]
	case RareNetwork:
		if e.ASN != 0 {
			return scatter(uint64(e.ASN))
		}
		return e.Subject[BySubnet]
	case RareCountry:
		if e.Country == [2]byte{} {
			return 0
		}
		return scatter(1<<32 | uint64(e.Country[0])<<8 | uint64(e.Country[1]))
	case RarePath:
		return scatter(e.Path ^ uint64(e.Operation))
	}
	return e.Subject[ByInstrument]
}

// scatter is the finaliser of splitmix64 (G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014).
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// rarities counts who has which trait, over all credentials: clients, networks and countries by how many
// credentials were seen with them, so that one loud key makes nothing usual; paths and instruments by calls. It is
// kept where events are put into order, so that what an event is told of it depends on no shard.
type rarities struct {
	count [rareCount][raritySlots]uint32
	total [rareCount]uint32
	met   [rarityMet]uint64 // a bit for each trait of a credential that was counted
	was   [rarityMet]uint64 // met, as it was before it was cleared
	since int64             // Unix ns, of met
	market
}

// anything stands for any use at all among the traits of a credential.
const anything = 0xa11

const (
	raritySlots = 1 << 10 // values of a trait, by hash: a venue sees some hundred of each often
	rarityMet   = 1 << 18 // words: 16 million traits of credentials, five for each of a million keys with few counted once
	rarityAge   = 28 * 24 * time.Hour
)

// meet tells the event how rare its traits are, and takes it in if the call was authentic.
func (p *rarities) meet(e *Event) {
	if e.Time-p.since > int64(rarityAge) {
		p.age(e.Time)
	}
	p.market.meet(e)
	learn := e.Verdict == vedette.Authentic && e.Part == 0
	if !learn && e.Verdict != vedette.Authentic {
		p.remind(e)
	}
	who := scatter(e.Rare(RareJA4) ^ e.Rare(RareNetwork)*3 ^ e.Rare(RareCountry)*5)
	same := learn && p.known(who, e.Subject[ByCredential]) // one look for what nearly all calls are: the client as ever
	if learn && !same {
		p.known(anything, e.Subject[ByCredential])
	}
	for t := range rareCount {
		v := e.Rare(t)
		if v == 0 {
			continue
		}
		slot := &p.count[t][v&(raritySlots-1)]
		e.Rarity[t] = rarity(*slot, p.total[t])
		if !learn || t <= RareCountry && (same || p.known(v, e.Subject[ByCredential])) {
			continue
		}
		*slot++
		if p.total[t]++; p.total[t] > math.MaxUint32/2 {
			p.halve(t)
		}
	}
}

// known reports whether a credential was met with a value before, and remembers it.
func (p *rarities) known(value, credential uint64) bool {
	h := scatter(value ^ credential*0x9e3779b97f4a7c15)
	word, bit := &p.met[h>>6&(rarityMet-1)], uint64(1)<<(h&63)
	met := *word&bit != 0
	*word |= bit
	return met
}

// remind tells an event that is not authentic what its credential had when it was: nothing of that is learned.
func (p *rarities) remind(e *Event) {
	key := e.Subject[ByCredential]
	if key == 0 || !p.had(anything, key) {
		return
	}
	e.Met |= MetKey
	for t := range RareCountry + 1 {
		if v := e.Rare(t); v != 0 && p.had(v, key) {
			e.Met |= 1 << t
		}
	}
}

// had reports whether a credential was met with a value, within one to two times rarityAge.
func (p *rarities) had(value, credential uint64) bool {
	h := scatter(value ^ credential*0x9e3779b97f4a7c15)
	return (p.met[h>>6&(rarityMet-1)]|p.was[h>>6&(rarityMet-1)])&(1<<(h&63)) != 0
}

// age lets what was counted fade, and everybody be counted again.
func (p *rarities) age(at int64) {
	if p.since != 0 {
		p.was = p.met
	}
	p.since = at
	clear(p.met[:])
	for t := range rareCount {
		p.halve(t)
	}
}

func (p *rarities) halve(t Rare) {
	p.total[t] = 0
	for i := range p.count[t] {
		p.count[t][i] /= 2
		p.total[t] += p.count[t][i]
	}
}

// rarity is -log2 of (n+1)/(total+16) in eighths: what nobody has is as rare as the population is large. It is
// exact to an eighth at powers of two and off by 0.09 between them.
func rarity(n, total uint32) uint8 {
	return uint8(min(max(log2x8(uint64(total)+16)-log2x8(uint64(n)+1), 0), math.MaxUint8))
}

// log2x8 is 8·log2 of x, the fraction by a straight line (J. N. Mitchell, "Computer multiplication and division
// using binary logarithms", IRE Transactions on Electronic Computers, 1962).
func log2x8(x uint64) int {
	n := bits.Len64(x) - 1
	return n<<3 + int(x<<(63-n)>>60&7)
}

// bytes is what is counted as it lies in memory.
func (p *rarities) bytes() []byte { return bytesOf(unsafe.Pointer(p), unsafe.Sizeof(*p)) }
