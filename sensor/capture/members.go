package capture

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"time"
	"unsafe"

	"vedette"
	"vedette/internal/strictjson"
)

// member is a member of an event that the detectors look at.
type member struct {
	name   string
	action bool // also of the parts of a batch
	// set takes a value in: what a text says, else its literal text; "" for null, objects and lists.
	set  func(p *EventParser, kind strictjson.Kind, text string) error
	list func(p *EventParser, text string) // instead of set: takes in one text of a list
	// With neither it is the batch.
	ignored bool // it may be whatever it likes
}

type kind = strictjson.Kind

var members = []member{
	{name: "event", set: func(p *EventParser, k kind, s string) error { return setText(&p.event, k, s) }},
	{name: "time", set: func(p *EventParser, k kind, s string) error { return p.clock.set(&p.call.Time, k, s) }},
	{name: "sensor", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.Sensor, k, s) }},
	{name: "venue", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.Venue, k, s) }},
	{name: "protocol", set: func(p *EventParser, _ kind, s string) error { return setName(&p.call.Protocol, s) }},
	{name: "source", set: func(p *EventParser, _ kind, s string) error { return setSource(&p.call.Source, s) }},
	{name: "ja4", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.JA4, k, s) }},
	{name: "client", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.Client, k, s) }},
	{name: "session", set: func(p *EventParser, k kind, s string) error { return setNumber(&p.call.Session, k, s) }},
	{name: "credential", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.Credential, k, s) }},
	{name: "joint", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.Joint, k, s) }},
	{name: "account", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.Account, k, s) }},
	{name: "owner", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.Owner, k, s) }},
	{name: "acr", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.ACR, k, s) }},
	{name: "amr", list: func(p *EventParser, s string) { p.call.AMR = append(p.call.AMR, s) }},
	{name: "auth_time", set: func(p *EventParser, k kind, s string) error { return p.clock.set(&p.call.AuthTime, k, s) }},
	{name: "method", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.Method, k, s) }},
	{name: "path", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.Path, k, s) }},
	{name: "status", set: func(p *EventParser, k kind, s string) error { return setNumber(&p.call.Answer.Status, k, s) }},
	{name: "outcome", set: func(p *EventParser, _ kind, s string) error { return setName(&p.call.Answer.Outcome, s) }},
	{name: "error", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.Answer.Error, k, s) }},
	{name: "order_id", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.Answer.OrderID, k, s) }},
	{name: "answer_account", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.Answer.Account, k, s) }},
	{name: "latency_us", set: func(p *EventParser, k kind, s string) error {
		var us int64
		if err := setNumber(&us, k, s); err != nil || us > math.MaxInt64/1000 {
			return errors.Join(errors.New("no latency in microseconds"), err)
		}
		p.call.Answer.Latency = time.Duration(us) * time.Microsecond
		return nil
	}},
	{name: "request_bytes", set: func(p *EventParser, k kind, s string) error { return setNumber(&p.call.RequestBytes, k, s) }},
	{name: "response_bytes", set: func(p *EventParser, k kind, s string) error { return setNumber(&p.call.Answer.Bytes, k, s) }},
	{name: "verdict", set: func(p *EventParser, _ kind, s string) error { return setName(&p.call.Verdict, s) }},
	{name: "reasons", list: func(p *EventParser, s string) { p.call.Reasons = append(p.call.Reasons, vedette.Reason(s)) }},
	{name: "decision", set: func(p *EventParser, _ kind, s string) error { return setName(&p.call.Decision.Effect, s) }},
	{name: "decision_reason", set: func(p *EventParser, k kind, s string) error { return setText((*string)(&p.call.Decision.Reason), k, s) }},
	{name: "restriction", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.Decision.Restriction, k, s) }},
	{name: "would_deny", set: func(p *EventParser, k kind, _ string) error { return setFlag(&p.call.Decision.WouldDeny, k) }},
	{name: "retry_after_ms", set: func(p *EventParser, k kind, s string) error { return setNumber(&p.call.Decision.RetryAfterMS, k, s) }},
	{name: "signature_hash", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.SignatureHash, k, s) }},
	{name: "nonce", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.Nonce, k, s) }},
	{name: "claimed_time", set: func(p *EventParser, k kind, s string) error { return p.clock.set(&p.call.Claimed, k, s) }},
	{name: "accept_until", set: func(p *EventParser, k kind, s string) error { return p.clock.set(&p.call.AcceptUntil, k, s) }},
	{name: "asn", set: func(p *EventParser, k kind, s string) error { return setNumber(&p.call.ASN, k, s) }},
	{name: "country", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.Country, k, s) }},

	{name: "batch"},

	// What no detector looks at, of the ledger's records.
	{name: "query", ignored: true, set: ignore},
	{name: "query_sha256", ignored: true, set: ignore},
	{name: "query_sealed", ignored: true, set: ignore},
	{name: "query_not_sealed", ignored: true, set: ignore},
	{name: "query_too_long", ignored: true, set: ignore},
	{name: "body", ignored: true, set: ignore},
	{name: "body_sha256", ignored: true, set: ignore},
	{name: "body_sealed", ignored: true, set: ignore},
	{name: "body_not_sealed", ignored: true, set: ignore},
	{name: "body_too_long", ignored: true, set: ignore},
	{name: "clipped", ignored: true, set: ignore},

	// Of changes of an account.
	{name: "kind", set: func(p *EventParser, k kind, s string) error { return setText(&p.kind, k, s) }},
	{name: "detail", set: func(p *EventParser, k kind, s string) error { return setText(&p.call.Object, k, s) }},

	// What a call does.
	{name: "operation", action: true, set: func(p *EventParser, _ kind, s string) error { return setName(&p.to.Operation, s) }},
	{name: "ambiguous", action: true, set: func(p *EventParser, k kind, _ string) error { return setFlag(&p.to.Ambiguous, k) }},
	{name: "instrument", action: true, set: func(p *EventParser, _ kind, s string) error { return setAny(&p.to.Instrument, s) }},
	{name: "side", action: true, set: func(p *EventParser, _ kind, s string) error { return setName(&p.to.Side, s) }},
	{name: "type", action: true, set: func(p *EventParser, _ kind, s string) error { return setName(&p.to.Type, s) }},
	{name: "time_in_force", action: true, set: func(p *EventParser, _ kind, s string) error { return setName(&p.to.TimeInForce, s) }},
	{name: "post_only", action: true, set: func(p *EventParser, k kind, _ string) error { return setFlag(&p.to.PostOnly, k) }},
	{name: "reduce_only", action: true, set: func(p *EventParser, k kind, _ string) error { return setFlag(&p.to.ReduceOnly, k) }},
	{name: "price", action: true, set: func(p *EventParser, k kind, s string) error { return setDecimal(&p.to.Price, k, s) }},
	{name: "stop_price", action: true, set: func(p *EventParser, k kind, s string) error { return setDecimal(&p.to.StopPrice, k, s) }},
	{name: "quantity", action: true, set: func(p *EventParser, k kind, s string) error { return setDecimal(&p.to.Quantity, k, s) }},
	{name: "client_order_id", action: true, set: func(p *EventParser, _ kind, s string) error { return setAny(&p.to.ClientOrderID, s) }},
	{name: "target_order_id", action: true, set: func(p *EventParser, _ kind, s string) error { return setAny(&p.to.TargetOrderID, s) }},
	{name: "object", action: true, set: func(p *EventParser, _ kind, s string) error { return setAny(&p.to.Object, s) }},
	{name: "asset", action: true, set: func(p *EventParser, _ kind, s string) error { return setAny(&p.to.Asset, s) }},
	{name: "address", action: true, set: func(p *EventParser, _ kind, s string) error { return setAny(&p.to.Address, s) }},
}

const (
	maxMembers = 128 // a set of them is so many bits
	placeBits  = 9   // for so many names, one multiplier in some hundred gives each a place of its own
)

// index finds members by name: every name has a place of its own, so that a look-up is one comparison.
type index struct {
	multiplier uint32
	at         [1 << placeBits]uint8 // 1 + the number of the member
}

var known = newIndex()

func newIndex() *index {
	if len(members) > maxMembers {
		panic("BUG: an event has too many members for a set of them")
	}
search:
	for m := uint32(1); m < 1<<24; m += 2 {
		x := &index{multiplier: m * 0x9e3779b9}
		for i := range members {
			at := x.place(members[i].name)
			if x.at[at] != 0 {
				continue search
			}
			x.at[at] = uint8(i + 1)
		}
		return x
	}
	panic("BUG: two members have names of the same length, and of the same first, middle and last letter")
}

func (x *index) place(name string) uint32 {
	n := len(name)
	return (uint32(name[0]) | uint32(name[n/2])<<8 | uint32(name[n-1])<<16 | uint32(n)<<24) * x.multiplier >> (32 - placeBits)
}

// number returns the number of the member of that name, -1 if there is none.
func (x *index) number(name string) int {
	if name == "" {
		return -1
	}
	if i := int(x.at[x.place(name)]) - 1; i >= 0 && members[i].name == name {
		return i
	}
	return -1
}

// find returns the member of that name, nil if there is none.
func (x *index) find(name string) *member {
	if i := x.number(name); i >= 0 {
		return &members[i]
	}
	return nil
}

func ignore(*EventParser, kind, string) error { return nil }

func setText(to *string, k kind, s string) error {
	if k != strictjson.String {
		return errors.New("not a string")
	}
	*to = s
	return nil
}

func setAny(to *string, s string) error {
	*to = s
	return nil
}

func setName[T any, P interface {
	*T
	UnmarshalText([]byte) error
}](to P, s string) error {
	return to.UnmarshalText(unsafe.Slice(unsafe.StringData(s), len(s))) // enumerations keep nothing of it
}

func setNumber[T ~int | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64](to *T, k kind, s string) error {
	n, err := strconv.ParseInt(s, 10, 64)
	if k != strictjson.Number || err != nil || int64(T(n)) != n || n < 0 {
		return fmt.Errorf("%q is no whole number in range", s)
	}
	*to = T(n)
	return nil
}

func setFlag(to *bool, k kind) error {
	if k != strictjson.True && k != strictjson.False {
		return errors.New("neither true nor false")
	}
	*to = k == strictjson.True
	return nil
}

func setDecimal(to *vedette.Decimal, k kind, s string) (err error) {
	if k != strictjson.String {
		return errors.New("not decimal text in quotes")
	}
	if s != "" {
		*to, err = vedette.ParseDecimal(s)
	}
	return err
}

func setSource(to *netip.AddrPort, s string) (err error) {
	if s == "" {
		return nil
	}
	if *to, err = netip.ParseAddrPort(s); err == nil {
		return nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return fmt.Errorf("%q is no address", s)
	}
	*to = netip.AddrPortFrom(a, 0)
	return nil
}

// clock reads times. It remembers the day, which is that of the line before nearly always.
type clock struct {
	day      [len("2006-01-02T")]byte
	midnight int64 // when it began, Unix s
}

// set reads RFC 3339, or an integer in ns since 1970.
func (c *clock) set(t *time.Time, k kind, s string) (err error) {
	if k == strictjson.String {
		if c.today(t, s) {
			return nil
		}
		if *t, err = time.Parse(time.RFC3339, s); err != nil {
			return fmt.Errorf("%q is no RFC 3339 time", s)
		}
		if u := t.Unix(); len(s) > len(c.day) && s[len(s)-1] == 'Z' {
			copy(c.day[:], s)
			c.midnight = u - int64(t.Hour()*3600+t.Minute()*60+t.Second())
		}
		return nil
	}
	ns, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return errors.New("neither RFC 3339 nor whole nanoseconds since 1970")
	}
	*t = time.Unix(0, ns).UTC()
	return nil
}

// today reads a time in UTC of the day that was remembered, if it is written without oddities.
func (c *clock) today(t *time.Time, s string) bool {
	const whole = len("2006-01-02T15:04:05")
	if len(s) <= whole || s[:len(c.day)] != string(c.day[:]) || s[13] != ':' || s[16] != ':' || s[len(s)-1] != 'Z' {
		return false
	}
	h, m, sec := twoDigits(s[11:]), twoDigits(s[14:]), twoDigits(s[17:])
	if h > 23 || m > 59 || sec > 59 {
		return false
	}
	fraction := s[whole : len(s)-1]
	ns, unit := int64(0), int64(time.Second)
	if fraction != "" {
		if fraction[0] != '.' || len(fraction) == 1 || len(fraction) > 10 {
			return false
		}
		for _, d := range []byte(fraction[1:]) {
			if d -= '0'; d > 9 {
				return false
			}
			ns, unit = ns*10+int64(d), unit/10
		}
	}
	*t = time.Unix(c.midnight+int64(h)*3600+int64(m)*60+int64(sec), ns*unit).UTC()
	return true
}

// twoDigits reads two digits; over 99 if they are none.
func twoDigits(s string) uint {
	a, b := uint(s[0]-'0'), uint(s[1]-'0')
	if a > 9 || b > 9 {
		return 100
	}
	return a*10 + b
}
