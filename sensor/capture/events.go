package capture

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"strconv"
	"time"
	"unsafe"

	"vedette"
	"vedette/internal/strictjson"
)

// Judged is a call that was judged before it was recorded, or what happened to an account.
type Judged struct {
	Line int // from 1
	Call vedette.Call
}

// accountOperations are what changes of an account mean. Their path says "account:" and the kind.
var accountOperations = map[string]vedette.Operation{"account_opened": vedette.OpUnknown, "mfa_reset": vedette.OpMFAChange, "mfa_enabled": vedette.OpMFAChange,
	"password_changed": vedette.OpPasswordChange, "key_created": vedette.OpKeyCreate, "key_deleted": vedette.OpKeyDelete, "permission_changed": vedette.OpKeyChange,
	"allowlist_changed": vedette.OpAllowlistChange, "deposit": vedette.OpUnknown, "withdrawal": vedette.OpWithdraw, "position": vedette.OpUnknown}

// ReadJudged reads JSONL events and gives f the calls and the changes of accounts, in the order of the
// file. Events of other kinds, which are about markets, are skipped. lenient allows members that it
// does not know. What f is given is valid until it returns.
func ReadJudged(r io.Reader, lenient bool, f func(*Judged) error) error {
	br := bufio.NewReaderSize(r, 1<<16)
	p := EventParser{Lenient: lenient}
	j := Judged{}
	var line []byte
	for last := false; !last; {
		var err error
		line, err = appendLine(line[:0], br, maxUnit)
		if last = err == io.EOF; err != nil && !last {
			return fmt.Errorf("line %d: %w", j.Line+1, err)
		}
		j.Line++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		switch ok, err := p.Parse(line, &j.Call); {
		case err != nil:
			return fmt.Errorf("line %d: %w", j.Line, err)
		case ok:
			if err := f(&j); err != nil {
				return err
			}
		}
	}
	return nil
}

// IsJudged reports whether the input begins with an event that ReadJudged reads. It takes nothing from br.
func IsJudged(br *bufio.Reader) bool {
	for n := 256; ; n *= 2 {
		b, err := br.Peek(min(n, br.Size()))
		b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n")
		var kind struct {
			Event string `json:"event"`
		}
		line, _, whole := bytes.Cut(b, []byte("\n"))
		if bytes.HasPrefix(line, []byte(`{"event":"request"`)) || bytes.HasPrefix(line, []byte(`{"log"`)) {
			return false
		}
		if json.Unmarshal(line, &kind) == nil {
			return kind.Event != "" && kind.Event != "request"
		}
		if whole || err != nil || n >= br.Size() {
			return bytes.HasPrefix(line, []byte(`{"event":"`))
		}
	}
}

// ParseJudged reads one event into a call of its own, whose strings alias b. ok is false for an event about
// markets.
func ParseJudged(b []byte, lenient bool) (c *vedette.Call, ok bool, err error) {
	c = &vedette.Call{}
	ok, err = (&EventParser{Lenient: lenient}).Parse(b, c)
	return c, ok, err
}

// EventParser reads events one by one. Its memory is used again.
type EventParser struct {
	Lenient bool // skip members that are not known

	doc  strictjson.Doc
	call *vedette.Call
	kind string // of an event account
}

// Parse reads one event into c, whose strings then alias b. It reports false for an event about
// markets.
func (p *EventParser) Parse(b []byte, c *vedette.Call) (bool, error) {
	if err := p.doc.Parse(b); err != nil {
		return false, fmt.Errorf("cannot read event: %w", err)
	}
	root := p.doc.Root()
	event := root.Get("event").Text()
	switch event {
	case "call", "account":
	case "fill", "order", "book", "book_order", "trade", "index", "funding", "instrument":
		return false, nil
	default:
		return false, fmt.Errorf("cannot read event: there is no kind %q", event)
	}
	*c = vedette.Call{Intel: c.Intel[:0], Reasons: c.Reasons[:0], Batch: c.Batch[:0], AMR: c.AMR[:0]}
	p.call, p.kind = c, ""
	for v := root.First(); v.Exists(); v = v.Next(root) {
		if err := p.member(v); err != nil {
			return false, fmt.Errorf("cannot read event: %s: %w", v.Name(), err)
		}
	}
	if c.Time.IsZero() {
		return false, errors.New("cannot read event: it has no time")
	}
	if event == "account" {
		op, ok := accountOperations[p.kind]
		if !ok {
			return false, fmt.Errorf("cannot read event: an account has no kind %q", p.kind)
		}
		c.Operation, c.Path, c.Verdict, c.Answer.Status = op, "account:"+p.kind, vedette.Authentic, 200
	}
	return true, nil
}

var errMember = errors.New("no such member; -lenient skips it")

func (p *EventParser) member(v strictjson.Value) error {
	name := v.Name()
	if set := callTexts[name]; set != nil {
		if v.Kind() != strictjson.String {
			return errors.New("not a string")
		}
		set(p, v.Text())
		return nil
	}
	if set := callMembers[name]; set != nil {
		return set(p, v)
	}
	known, err := setAction(&p.call.Action, name, v)
	if !known && !p.Lenient && !ignored[name] {
		return errMember
	}
	return err
}

// ignored are members of the ledger's records that no detector looks at.
var ignored = map[string]bool{"event": true, "query": true, "query_sha256": true, "query_sealed": true, "query_not_sealed": true, "query_too_long": true,
	"body": true, "body_sha256": true, "body_sealed": true, "body_not_sealed": true, "body_too_long": true}

// callTexts set the members that are plain text.
var callTexts = map[string]func(p *EventParser, s string){
	"sensor":          func(p *EventParser, s string) { p.call.Sensor = s },
	"venue":           func(p *EventParser, s string) { p.call.Venue = s },
	"ja4":             func(p *EventParser, s string) { p.call.JA4 = s },
	"client":          func(p *EventParser, s string) { p.call.Client = s },
	"credential":      func(p *EventParser, s string) { p.call.Credential = s },
	"account":         func(p *EventParser, s string) { p.call.Account = s },
	"owner":           func(p *EventParser, s string) { p.call.Owner = s },
	"acr":             func(p *EventParser, s string) { p.call.ACR = s },
	"method":          func(p *EventParser, s string) { p.call.Method = s },
	"path":            func(p *EventParser, s string) { p.call.Path = s },
	"error":           func(p *EventParser, s string) { p.call.Answer.Error = s },
	"order_id":        func(p *EventParser, s string) { p.call.Answer.OrderID = s },
	"decision_reason": func(p *EventParser, s string) { p.call.Decision.Reason = vedette.Reason(s) },
	"restriction":     func(p *EventParser, s string) { p.call.Decision.Restriction = s },
	"signature_hash":  func(p *EventParser, s string) { p.call.SignatureHash = s },
	"nonce":           func(p *EventParser, s string) { p.call.Nonce = s },
	"country":         func(p *EventParser, s string) { p.call.Country = s },
	"kind":            func(p *EventParser, s string) { p.kind = s },
	"detail":          func(p *EventParser, s string) { p.call.Object = s },
}

// callMembers set the others.
var callMembers = map[string]func(p *EventParser, v strictjson.Value) error{
	"time":           func(p *EventParser, v strictjson.Value) error { return setTime(&p.call.Time, v) },
	"auth_time":      func(p *EventParser, v strictjson.Value) error { return setTime(&p.call.AuthTime, v) },
	"claimed_time":   func(p *EventParser, v strictjson.Value) error { return setTime(&p.call.Claimed, v) },
	"accept_until":   func(p *EventParser, v strictjson.Value) error { return setTime(&p.call.AcceptUntil, v) },
	"source":         func(p *EventParser, v strictjson.Value) error { return setSource(&p.call.Source, v.Text()) },
	"protocol":       func(p *EventParser, v strictjson.Value) error { return setName(&p.call.Protocol, v) },
	"outcome":        func(p *EventParser, v strictjson.Value) error { return setName(&p.call.Answer.Outcome, v) },
	"verdict":        func(p *EventParser, v strictjson.Value) error { return setName(&p.call.Verdict, v) },
	"decision":       func(p *EventParser, v strictjson.Value) error { return setName(&p.call.Decision.Effect, v) },
	"would_deny":     func(p *EventParser, v strictjson.Value) error { return setFlag(&p.call.Decision.WouldDeny, v) },
	"session":        func(p *EventParser, v strictjson.Value) error { return setNumber(&p.call.Session, v) },
	"status":         func(p *EventParser, v strictjson.Value) error { return setNumber(&p.call.Answer.Status, v) },
	"request_bytes":  func(p *EventParser, v strictjson.Value) error { return setNumber(&p.call.RequestBytes, v) },
	"response_bytes": func(p *EventParser, v strictjson.Value) error { return setNumber(&p.call.Answer.Bytes, v) },
	"asn":            func(p *EventParser, v strictjson.Value) error { return setNumber(&p.call.ASN, v) },
	"latency_us": func(p *EventParser, v strictjson.Value) error {
		var us int64
		if err := setNumber(&us, v); err != nil || us > math.MaxInt64/1000 {
			return errors.Join(errors.New("no latency in microseconds"), err)
		}
		p.call.Answer.Latency = time.Duration(us) * time.Microsecond
		return nil
	},
	"reasons": func(p *EventParser, v strictjson.Value) error {
		return each(v, func(e strictjson.Value) error {
			p.call.Reasons = append(p.call.Reasons, vedette.Reason(e.Text()))
			return nil
		})
	},
	"amr": func(p *EventParser, v strictjson.Value) error {
		return each(v, func(e strictjson.Value) error {
			p.call.AMR = append(p.call.AMR, e.Text())
			return nil
		})
	},
	"batch": (*EventParser).batch,
	"intel": (*EventParser).intel,

	"injection": (*EventParser).injection,
}

func (p *EventParser) batch(v strictjson.Value) error {
	return each(v, func(e strictjson.Value) error {
		var a vedette.Action
		for m := e.First(); m.Exists(); m = m.Next(e) {
			if known, err := setAction(&a, m.Name(), m); err != nil || !known && !p.Lenient {
				return errors.Join(fmt.Errorf("%s: cannot be read, or is no member of an action", m.Name()), err)
			}
		}
		p.call.Batch = append(p.call.Batch, a)
		return nil
	})
}

func (p *EventParser) intel(v strictjson.Value) error {
	return each(v, func(e strictjson.Value) error {
		p.call.Intel = append(p.call.Intel, vedette.IntelMatch{Feed: e.Get("feed").Text()})
		in := &p.call.Intel[len(p.call.Intel)-1]
		return errors.Join(setName(&in.Kind, e.Get("kind")), setName(&in.Action, e.Get("action")), setNumber(&in.Confidence, e.Get("confidence")))
	})
}

func each(v strictjson.Value, f func(strictjson.Value) error) error {
	if v.Kind() != strictjson.Array {
		return errors.New("not a list")
	}
	for e := v.First(); e.Exists(); e = e.Next(v) {
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

// setAction sets one of the members that say what a call does. known is false if there is none of
// that name.
func setAction(a *vedette.Action, name string, v strictjson.Value) (known bool, err error) {
	switch name {
	case "operation":
		return true, setName(&a.Operation, v)
	case "side":
		return true, setName(&a.Side, v)
	case "type":
		return true, setName(&a.Type, v)
	case "time_in_force":
		return true, setName(&a.TimeInForce, v)
	case "post_only":
		return true, setFlag(&a.PostOnly, v)
	case "reduce_only":
		return true, setFlag(&a.ReduceOnly, v)
	case "price":
		return true, setDecimal(&a.Price, v)
	case "stop_price":
		return true, setDecimal(&a.StopPrice, v)
	case "quantity":
		return true, setDecimal(&a.Quantity, v)
	}
	switch name {
	case "instrument":
		a.Instrument = v.Text()
	case "client_order_id":
		a.ClientOrderID = v.Text()
	case "target_order_id":
		a.TargetOrderID = v.Text()
	case "object":
		a.Object = v.Text()
	case "asset":
		a.Asset = v.Text()
	case "address":
		a.Address = v.Text()
	default:
		return false, nil
	}
	return true, nil
}

// setTime reads RFC 3339, or an integer in ns since 1970.
func setTime(t *time.Time, v strictjson.Value) (err error) {
	if v.Kind() == strictjson.String {
		if *t, err = time.Parse(time.RFC3339, v.Text()); err != nil {
			return fmt.Errorf("%q is no RFC 3339 time", v.Text())
		}
		return nil
	}
	ns, err := strconv.ParseInt(v.Raw(), 10, 64)
	if err != nil {
		return errors.New("neither RFC 3339 nor whole nanoseconds since 1970")
	}
	*t = time.Unix(0, ns).UTC()
	return nil
}

func setName[T any, P interface {
	*T
	UnmarshalText([]byte) error
}](to P, v strictjson.Value) error {
	s := v.Text()
	return to.UnmarshalText(unsafe.Slice(unsafe.StringData(s), len(s))) // enumerations keep nothing of it
}

func setNumber[T ~int | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64](to *T, v strictjson.Value) error {
	n, err := strconv.ParseInt(v.Raw(), 10, 64)
	if v.Kind() != strictjson.Number || err != nil || int64(T(n)) != n || n < 0 {
		return fmt.Errorf("%s is no whole number in range", v.Raw())
	}
	*to = T(n)
	return nil
}

func setFlag(to *bool, v strictjson.Value) error {
	if v.Kind() != strictjson.True && v.Kind() != strictjson.False {
		return errors.New("neither true nor false")
	}
	*to = v.Kind() == strictjson.True
	return nil
}

func setDecimal(to *vedette.Decimal, v strictjson.Value) (err error) {
	if v.Kind() != strictjson.String {
		return errors.New("not decimal text in quotes")
	}
	if v.Text() != "" {
		*to, err = vedette.ParseDecimal(v.Text())
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
