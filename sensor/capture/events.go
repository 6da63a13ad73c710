package capture

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"vedette"
)

// Judged is a call that was judged before it was recorded, or what happened to an account.
type Judged struct {
	Line int // from 1
	Call vedette.Call
}

// eventLine is the event call or account of docs/formats.md.
type eventLine struct {
	Event      string    `json:"event"`
	Time       eventTime `json:"time"`
	Venue      string    `json:"venue"`
	Sensor     string    `json:"sensor"`
	Protocol   string    `json:"protocol"`
	Source     string    `json:"source"`
	JA4        string    `json:"ja4"`
	Client     string    `json:"client"`
	Session    uint64    `json:"session"`
	Credential string    `json:"credential"`
	Account    string    `json:"account"`
	Owner      string    `json:"owner"`
	ACR        string    `json:"acr"`
	AMR        []string  `json:"amr"`
	AuthTime   eventTime `json:"auth_time"`
	Method     string    `json:"method"`
	Path       string    `json:"path"`
	eventAction
	Batch        []eventAction    `json:"batch"`
	Status       int              `json:"status"`
	Outcome      vedette.Outcome  `json:"outcome"`
	Error        string           `json:"error"`
	OrderID      string           `json:"order_id"`
	LatencyUS    int64            `json:"latency_us"`
	RequestBytes int              `json:"request_bytes"`
	ReplyBytes   int              `json:"response_bytes"`
	Verdict      vedette.Verdict  `json:"verdict"`
	Reasons      []vedette.Reason `json:"reasons"`
	Decision     vedette.Effect   `json:"decision"`
	Why          vedette.Reason   `json:"decision_reason"`
	Restriction  string           `json:"restriction"`
	WouldDeny    bool             `json:"would_deny"`
	Signature    string           `json:"signature_hash"`
	Nonce        string           `json:"nonce"`
	Claimed      eventTime        `json:"claimed_time"`
	AcceptUntil  eventTime        `json:"accept_until"`
	ASN          uint32           `json:"asn"`
	Country      string           `json:"country"`
	eventContent

	Kind   string `json:"kind"` // of the event account
	Detail string `json:"detail"`
}

// eventContent are members of the ledger's records that no detector looks at.
type eventContent struct {
	Query         json.RawMessage `json:"query"`
	QueryHash     json.RawMessage `json:"query_sha256"`
	QuerySealed   json.RawMessage `json:"query_sealed"`
	QueryUnsealed json.RawMessage `json:"query_not_sealed"`
	QueryLong     json.RawMessage `json:"query_too_long"`
	Body          json.RawMessage `json:"body"`
	BodyHash      json.RawMessage `json:"body_sha256"`
	BodySealed    json.RawMessage `json:"body_sealed"`
	BodyUnsealed  json.RawMessage `json:"body_not_sealed"`
	BodyLong      json.RawMessage `json:"body_too_long"`
}

type eventAction struct {
	Operation   vedette.Operation   `json:"operation"`
	Instrument  string              `json:"instrument"`
	Side        vedette.Side        `json:"side"`
	Type        vedette.OrderType   `json:"type"`
	TimeInForce vedette.TimeInForce `json:"time_in_force"`
	PostOnly    bool                `json:"post_only"`
	ReduceOnly  bool                `json:"reduce_only"`
	Price       vedette.Decimal     `json:"price"`
	StopPrice   vedette.Decimal     `json:"stop_price"`
	Quantity    vedette.Decimal     `json:"quantity"`
	ClientOrder string              `json:"client_order_id"`
	Target      string              `json:"target_order_id"`
	Object      string              `json:"object"`
	Asset       string              `json:"asset"`
	Address     string              `json:"address"`
}

// eventTime is RFC 3339, or an integer in ns since 1970.
type eventTime struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (t *eventTime) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] != '"' {
		var ns int64
		if err := json.Unmarshal(b, &ns); err != nil {
			return errors.New("time is neither RFC 3339 nor whole nanoseconds since 1970")
		}
		t.Time = time.Unix(0, ns).UTC()
		return nil
	}
	return t.Time.UnmarshalJSON(b)
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
	for line := 1; ; line++ {
		b, err := readLine(br, maxUnit)
		last := err == io.EOF
		if err != nil && !last {
			return fmt.Errorf("line %d: %w", line, err)
		}
		if b = bytes.TrimSpace(b); len(b) > 0 {
			j := Judged{Line: line}
			switch ok, err := j.parse(b, lenient); {
			case err != nil:
				return fmt.Errorf("line %d: %w", line, err)
			case ok:
				if err := f(&j); err != nil {
					return err
				}
			}
		}
		if last {
			return nil
		}
	}
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

// ParseJudged reads one event. ok is false for an event about markets.
func ParseJudged(b []byte, lenient bool) (c *vedette.Call, ok bool, err error) {
	j := Judged{}
	ok, err = j.parse(b, lenient)
	return &j.Call, ok, err
}

func (j *Judged) parse(b []byte, lenient bool) (bool, error) {
	var head struct {
		Event string `json:"event"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return false, fmt.Errorf("cannot read event: %w", err)
	}
	switch head.Event {
	case "call", "account":
	case "fill", "order", "book", "book_order", "trade", "index", "funding", "instrument":
		return false, nil
	default:
		return false, fmt.Errorf("cannot read event: there is no kind %q", head.Event)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if !lenient {
		d.DisallowUnknownFields()
	}
	var l eventLine
	if err := d.Decode(&l); err != nil {
		return false, fmt.Errorf("cannot read event: %w", err)
	}
	return true, l.fill(&j.Call)
}

func (l *eventLine) fill(c *vedette.Call) error {
	if l.Time.IsZero() {
		return errors.New("cannot read event: it has no time")
	}
	*c = vedette.Call{Time: l.Time.Time, Sensor: l.Sensor, Venue: l.Venue, JA4: l.JA4, Client: l.Client, Session: l.Session, Credential: l.Credential,
		Account: l.Account, Owner: l.Owner, ACR: l.ACR, AMR: l.AMR, AuthTime: l.AuthTime.Time, Method: l.Method, Path: l.Path, Action: l.action(),
		Answer:  vedette.Answer{Status: l.Status, Outcome: l.Outcome, Error: l.Error, OrderID: l.OrderID, Bytes: l.ReplyBytes, Latency: time.Duration(l.LatencyUS) * time.Microsecond},
		Verdict: l.Verdict, Reasons: l.Reasons, SignatureHash: l.Signature, Nonce: l.Nonce, Claimed: l.Claimed.Time, AcceptUntil: l.AcceptUntil.Time,
		RequestBytes: l.RequestBytes, ASN: l.ASN, Country: l.Country}
	c.Decision = vedette.Decision{Effect: l.Decision, Reason: l.Why, Restriction: l.Restriction, WouldDeny: l.WouldDeny}
	for i := range l.Batch {
		c.Batch = append(c.Batch, l.Batch[i].action())
	}
	if err := c.Protocol.UnmarshalText([]byte(l.Protocol)); l.Protocol != "" && err != nil {
		return err
	}
	if err := l.source(c); err != nil {
		return err
	}
	if l.Event == "account" {
		op, ok := accountOperations[l.Kind]
		if !ok {
			return fmt.Errorf("cannot read event: an account has no kind %q", l.Kind)
		}
		c.Operation, c.Path, c.Object, c.Verdict, c.Answer.Status = op, "account:"+l.Kind, l.Detail, vedette.Authentic, 200
	}
	return nil
}

func (l *eventLine) source(c *vedette.Call) error {
	if l.Source == "" {
		return nil
	}
	var err error
	if c.Source, err = netip.ParseAddrPort(l.Source); err != nil {
		a, err := netip.ParseAddr(l.Source)
		if err != nil {
			return fmt.Errorf("cannot read event: source %q is no address", l.Source)
		}
		c.Source = netip.AddrPortFrom(a, 0)
	}
	return nil
}

func (a *eventAction) action() vedette.Action {
	return vedette.Action{Operation: a.Operation, Instrument: a.Instrument, Side: a.Side, Type: a.Type, TimeInForce: a.TimeInForce, PostOnly: a.PostOnly,
		ReduceOnly: a.ReduceOnly, Price: a.Price, StopPrice: a.StopPrice, Quantity: a.Quantity, ClientOrderID: a.ClientOrder, TargetOrderID: a.Target,
		Object: a.Object, Asset: a.Asset, Address: a.Address}
}
