package detect

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"unsafe"

	"github.com/dchest/siphash"

	"vedette"
)

// Kind is what a detector keeps its state by.
type Kind uint8

// The kinds. A source is one address, or the first 64 bits of an IPv6 address: one customer's line.
const (
	ByCredential Kind = iota
	ByAccount
	ByOwner
	BySource
	BySubnet // /24 of IPv4, /48 of IPv6
	ByFingerprint
	ByInstrument
	ByVenue
	kindCount
)

// Kinds is the number of kinds; every Kind is below it.
const Kinds = int(kindCount)

var kindNames = []string{"credential", "account", "owner", "source", "subnet", "fingerprint", "instrument", "venue"}

func (k Kind) String() string { return kindNames[k] }

// Text is a string that an event carries.
type Text uint8

// The texts.
const (
	TextVenue Text = iota
	TextCredential
	TextAccount
	TextOwner
	TextJA4
	TextClient
	TextInstrument
	TextPath
	TextObject
	TextAddress
	TextError
	TextAsset
	TextMethod
	TextFeed      // the feed whose match is the strictest
	TextParameter // the place and name of the parameter that carries a payload
	textCount
)

// Event is one call, or one part of a batch, as detectors see it: of a fixed size and without
// pointers, so that millions can be under way and none costs the collector anything. What the call
// did not say is zero. It is valid until the detector returns.
type Event struct {
	Time     int64  // arrival, Unix ns
	Position uint64 // in the ledger; the line of the input under replay
	Claimed  int64  // the request's own time, Unix ns
	Latency  int64  // ns

	// Subject holds a keyed hash of what the event is about, by kind.
	Subject [Kinds]uint64
	// Keyed hashes of further texts. Product is the client's name without its version.
	Client, Product, Path, Object, Asset, Address, Order, ClientOrder, Signature uint64

	Price, Quantity float64 // for distributions; never for amounts that have to be exact

	Reasons       ReasonSet
	RequestBytes  uint32
	ResponseBytes uint32
	ASN           uint32
	Source        [16]byte // IPv4 is mapped
	// Users is how many credentials have made an authentic call with the event's traits, this one
	// included, and Credentials how many there are in all: estimates, to an eighth.
	Users       [Traits]uint32
	Credentials uint32
	Country     [2]byte
	Status      uint16
	Part        uint16 // of a batch, from 1; 0 for the call itself

	Operation   vedette.Operation
	Verdict     vedette.Verdict
	Effect      vedette.Effect
	Outcome     vedette.Outcome
	Protocol    vedette.Protocol
	Side        vedette.Side
	Type        vedette.OrderType
	TimeInForce vedette.TimeInForce
	// Known says that the keyring has the credential, or that the call was authentic: only what a
	// stranger cannot invent. A failed log-in names whom it likes.
	Known bool
	// Listed is how many entries of threat intelligence speak of the call, ListedAs what the strictest of
	// them is, and Confidence how sure its feed is of it, in per cent.
	Listed, Confidence uint8
	ListedAs           vedette.IndicatorKind
	// Attacks are the kinds of payload in the call, AttackScore what the Core Rule Set makes of them, AttackRule its first rule that
	// matched. Suspect says that the call looks as if it had one and was not examined.
	Attacks     vedette.Attacks
	AttackScore uint16
	AttackRule  uint32
	Suspect     bool
	// Reported says that the event is no call, but what the venue tells of an account.
	Reported bool

	// Met says what of an event that is not authentic its credential had in an authentic call of the last weeks:
	// a bit for each Rare of a client, and MetKey if there was any such call.
	Met uint8
	// Surge is how many times as many credentials as usual trade at the moment, in eighths of a power of two; 0 in
	// a market as usual.
	Surge uint8

	// Rarity says how rare what the event has is among all clients: -log2 of its share, in eighths.
	Rarity [rareCount]uint8

	text [textCount]span
}

// Sort is what the index of detectors tells events apart by.
type Sort struct {
	Operation vedette.Operation
	Verdict   vedette.Verdict
	// Plain events are authentic, without reasons, a payload or a match of threat intelligence, and were answered with a status of 200 to 299:
	// nearly all are, and half of the detectors have no use for any.
	Plain bool
}

// Sort returns the event's.
func (e *Event) Sort() Sort {
	return Sort{e.Operation, e.Verdict, e.Verdict == vedette.Authentic && e.Reasons == 0 && e.Attacks == 0 && !e.Suspect && e.Listed == 0 && e.Status/100 == 2}
}

// Odd is Asks of a detector that has no use for plain events.
func Odd(s Sort) bool { return !s.Plain }

// span is where a text lies in the arena of the event's batch.
type span struct{ from, to uint32 }

// ReasonSet is a set of reasons.
type ReasonSet uint64

// reasonList gives reasons their bits. Snapshots hold sets: reasons are only appended.
var reasonList = []vedette.Reason{vedette.BadSignature, vedette.BadPassphrase, vedette.WrongScheme, vedette.NoSignature, vedette.BoundElsewhere,
	vedette.UnknownKey, vedette.NoSecret, vedette.ClockAhead, vedette.WindowPassed, vedette.NonceReused, vedette.NonceRegressed, vedette.NonceMissing,
	vedette.SignatureReused, vedette.CrossEndpoint, vedette.Retry, vedette.Coincident, vedette.Replayable, vedette.SessionAuth, vedette.OldSecret,
	vedette.CredentialOver, vedette.NoPermission, vedette.InstrumentDenied, vedette.OperationDenied, vedette.AddressDenied, vedette.AccountMismatch,
	vedette.WithdrawDenied, vedette.StepUpNeeded, vedette.Ambiguous, vedette.BadEncoding, vedette.TooLarge, vedette.ReplayFull, vedette.TokenInvalid,
	vedette.TokenExpired, vedette.TokenEarly, vedette.TokenRevoked, vedette.TokenAlgorithm, vedette.TokenKey, vedette.TokenAudience, vedette.TokenIssuer,
	vedette.TokenType, vedette.TokenBinding, vedette.TokenScope, vedette.ProofInvalid, vedette.ProofReplayed, vedette.ProofStale, vedette.Frozen,
	vedette.ReadOnly, vedette.Killed, vedette.Throttled, vedette.FailClosed, vedette.FailOpen, vedette.UpstreamDown, vedette.AnswerLost}

// Reasons makes a set. A reason that has no bit is a bug.
func Reasons(list ...vedette.Reason) (s ReasonSet) {
	for _, r := range list {
		i := slices.Index(reasonList, r)
		if i < 0 {
			panic("BUG: detect knows no reason " + string(r))
		}
		s |= 1 << i
	}
	return s
}

// First returns the reason of s with the lowest bit, "" if it is empty.
func (s ReasonSet) First() vedette.Reason {
	for i, r := range reasonList {
		if s&(1<<i) != 0 {
			return r
		}
	}
	return ""
}

// List returns the reasons of s, in the order of their bits.
func (s ReasonSet) List() (list []vedette.Reason) {
	for i, r := range reasonList {
		if s&(1<<i) != 0 {
			list = append(list, r)
		}
	}
	return list
}

// Hash is the keyed hash that subjects are kept under.
type Hash struct{ k0, k1 uint64 }

// NewHash returns the hash of a key that strangers must not know: they could make subjects meet.
func NewHash(key [16]byte) Hash {
	return Hash{*(*uint64)(unsafe.Pointer(&key[0])), *(*uint64)(unsafe.Pointer(&key[8]))}
}

// Of hashes s; "" is 0, and nothing else is.
func (h Hash) Of(s string) uint64 {
	if s == "" {
		return 0
	}
	return max(siphash.Hash(h.k0, h.k1, unsafe.Slice(unsafe.StringData(s), len(s))), 1)
}

// set fills in the event from a call. Texts go to the arena, that is returned.
func (e *Event) set(h Hash, c *vedette.Call, position uint64, arena []byte) []byte {
	*e = Event{Time: c.Time.UnixNano(), Position: position, Latency: int64(c.Answer.Latency), ASN: c.ASN, Status: uint16(c.Answer.Status),
		RequestBytes: clamp(c.RequestBytes), ResponseBytes: clamp(c.Answer.Bytes), Verdict: c.Verdict, Effect: c.Decision.Effect,
		Outcome: c.Answer.Outcome, Protocol: c.Protocol,
		Known:    c.Account != "" && c.Verdict != vedette.Unverifiable && (c.Operation != vedette.OpUserLogin || c.Answer.Status/100 == 2) || c.Verdict == vedette.Authentic,
		Reported: strings.HasPrefix(c.Path, "account:")}
	if !c.Claimed.IsZero() {
		e.Claimed = c.Claimed.UnixNano()
	}
	for _, r := range c.Reasons {
		for i, known := range reasonList {
			if r == known {
				e.Reasons |= 1 << i
				break
			}
		}
	}
	copy(e.Country[:], c.Country)
	e.source(h, c.Source.Addr())
	put := func(t Text, s string) uint64 { return e.put(h, &arena, t, s) }
	venue := put(TextVenue, c.Venue)
	e.Subject[ByVenue] = venue
	e.Subject[ByCredential] = mixed(put(TextCredential, c.Credential), venue)
	e.Subject[ByAccount] = mixed(put(TextAccount, c.Account), venue)
	e.Subject[ByOwner] = put(TextOwner, c.Owner)
	e.Subject[ByFingerprint] = put(TextJA4, c.JA4)
	e.Client = put(TextClient, c.Client)
	e.Product = h.Of(product(c.Client))
	e.Path = put(TextPath, c.Path)
	put(TextError, c.Answer.Error)
	e.note(&arena, TextMethod, c.Method)
	e.Signature = h.Of(c.SignatureHash)
	e.list(c.Intel, &arena)
	e.inject(&c.Injection, &arena)
	arena = e.setAction(h, &c.Action, arena)
	if e.Order == 0 {
		e.Order = h.Of(c.Answer.OrderID)
	}
	return arena
}

// list fills in what threat intelligence says of the call.
func (e *Event) list(matches []vedette.IntelMatch, arena *[]byte) {
	if len(matches) == 0 {
		return
	}
	worst := matches[0]
	for _, m := range matches[1:] {
		if m.Action > worst.Action || m.Action == worst.Action && m.Confidence > worst.Confidence {
			worst = m
		}
	}
	e.Listed, e.Confidence, e.ListedAs = uint8(min(len(matches), math.MaxUint8)), worst.Confidence, worst.Kind
	e.note(arena, TextFeed, worst.Feed)
}

// product is a client's name without its version: what stands before the first slash or space.
func product(client string) string {
	if i := strings.IndexAny(client, "/ "); i > 0 {
		return client[:i]
	}
	return client
}

// put adds a text to the arena and returns its hash.
func (e *Event) put(h Hash, arena *[]byte, t Text, s string) uint64 {
	e.note(arena, t, s)
	return h.Of(s)
}

// note adds a text to the arena.
func (e *Event) note(arena *[]byte, t Text, s string) {
	s = s[:min(len(s), MaxText)]
	e.text[t] = span{uint32(len(*arena)), uint32(len(*arena) + len(s))}
	*arena = append(*arena, s...)
}

// setAction fills in what the call, or a part of a batch, does.
func (e *Event) setAction(h Hash, a *vedette.Action, arena []byte) []byte {
	put := func(t Text, s string) uint64 { return e.put(h, &arena, t, s) }
	e.Operation, e.Side, e.Type, e.TimeInForce = a.Operation, a.Side, a.Type, a.TimeInForce
	e.Price, e.Quantity = a.Price.Float(), a.Quantity.Float()
	e.Subject[ByInstrument] = mixed(put(TextInstrument, a.Instrument), e.Subject[ByVenue])
	e.Object, e.Address = put(TextObject, a.Object), put(TextAddress, a.Address)
	e.Asset, e.Order, e.ClientOrder = put(TextAsset, a.Asset), h.Of(a.TargetOrderID), h.Of(a.ClientOrderID)
	return arena
}

// mixed keeps equal names at two venues apart; 0 stays 0.
func mixed(name, venue uint64) uint64 {
	if name == 0 {
		return 0
	}
	return max(name^(venue*0x9e3779b97f4a7c15), 1)
}

func (e *Event) source(h Hash, a netip.Addr) {
	if !a.IsValid() {
		return
	}
	e.Source = a.As16()
	line, net := e.Source, e.Source
	if a.Unmap().Is4() {
		net[15] = 0
	} else {
		clear(line[8:])
		clear(net[6:])
	}
	e.Subject[BySource] = max(siphash.Hash(h.k0, h.k1, line[:]), 1)
	e.Subject[BySubnet] = max(siphash.Hash(h.k0, h.k1+1, net[:]), 1)
}

// Addr returns the client's address; it is not valid where there is none.
func (e *Event) Addr() netip.Addr {
	if e.Subject[BySource] == 0 {
		return netip.Addr{}
	}
	return netip.AddrFrom16(e.Source).Unmap()
}

// Ordered reports whether the event asks for a change of orders.
func (e *Event) Ordered() bool {
	switch e.Operation {
	case vedette.OpOrderNew, vedette.OpOrderAmend, vedette.OpOrderCancel, vedette.OpOrderCancelAll, vedette.OpOrderBatch:
		return true
	}
	return false
}

func clamp(n int) uint32 { return uint32(max(0, min(n, math.MaxUint32))) }
