package capture

import (
	"errors"
	"fmt"

	"vedette"
	"vedette/internal/strictjson"
)

// accountOperations are what changes of an account mean. Their path says "account:" and the kind.
var accountOperations = map[string]vedette.Operation{"account_opened": vedette.OpUnknown, "mfa_reset": vedette.OpMFAChange, "mfa_enabled": vedette.OpMFAChange,
	"password_changed": vedette.OpPasswordChange, "key_created": vedette.OpKeyCreate, "key_deleted": vedette.OpKeyDelete, "permission_changed": vedette.OpKeyChange,
	"allowlist_changed": vedette.OpAllowlistChange, "deposit": vedette.OpUnknown, "withdrawal": vedette.OpWithdraw, "position": vedette.OpUnknown}

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

	doc   strictjson.Doc
	call  *vedette.Call
	to    *vedette.Action // the call's, or a part of its batch
	event string
	kind  string // of an event account
	clock clock
	after [maxMembers + 2]uint8 // which member came after which, the last time; then, first of events and of parts
}

// Parse reads one event into c, whose strings then alias b. It reports false for an event about
// markets.
func (p *EventParser) Parse(b []byte, c *vedette.Call) (bool, error) {
	if !p.plain(b, c) {
		if ok, err := p.tree(b, c); !ok || err != nil {
			return false, err
		}
	}
	if c.Time.IsZero() {
		return false, errors.New("cannot read event: it has no time")
	}
	if p.event == "account" {
		op, ok := accountOperations[p.kind]
		if !ok {
			return false, fmt.Errorf("cannot read event: an account has no kind %q", p.kind)
		}
		c.Operation, c.Path, c.Verdict, c.Answer.Status = op, "account:"+p.kind, vedette.Authentic, 200
	}
	return true, nil
}

// begin clears the call, but for the memory of its lists.
func (p *EventParser) begin(c *vedette.Call) {
	*c = vedette.Call{Intel: c.Intel[:0], Reasons: c.Reasons[:0], Batch: c.Batch[:0], AMR: c.AMR[:0]}
	p.call, p.to, p.event, p.kind = c, &c.Action, "", ""
}

// tree reads an event of any form, or says what is wrong with it.
func (p *EventParser) tree(b []byte, c *vedette.Call) (bool, error) {
	if err := p.doc.Parse(b); err != nil {
		return false, fmt.Errorf("cannot read event: %w", err)
	}
	root := p.doc.Root()
	switch event := root.Get("event").Text(); event {
	case "call", "account":
	case "fill", "order", "book", "book_order", "trade", "index", "funding", "instrument":
		return false, nil
	default:
		return false, fmt.Errorf("cannot read event: there is no kind %q", event)
	}
	p.begin(c)
	for v := root.First(); v.Exists(); v = v.Next(root) {
		if err := p.member(v); err != nil {
			return false, fmt.Errorf("cannot read event: %s: %w", v.Name(), err)
		}
	}
	return true, nil
}

var errMember = errors.New("no such member; -lenient skips it")

func (p *EventParser) member(v strictjson.Value) error {
	name := v.Name()
	m := known.find(name)
	switch {
	case m != nil && m.ignored:
		return nil
	case m != nil && m.set != nil:
		return m.set(p, v.Kind(), v.Text())
	case m != nil && m.list != nil:
		return each(v, func(e strictjson.Value) error {
			m.list(p, e.Text())
			return nil
		})
	case m != nil:
		return p.batch(v)
	case name == "intel":
		return p.intel(v)
	case name == "injection":
		return p.injection(v)
	case p.Lenient:
		return nil
	}
	return errMember
}

func (p *EventParser) batch(v strictjson.Value) error {
	return each(v, func(e strictjson.Value) error {
		p.call.Batch = append(p.call.Batch, vedette.Action{})
		p.to = &p.call.Batch[len(p.call.Batch)-1]
		defer func() { p.to = &p.call.Action }()
		for m := e.First(); m.Exists(); m = m.Next(e) {
			known := known.find(m.Name())
			if known == nil || !known.action {
				if p.Lenient {
					continue
				}
				return fmt.Errorf("%s: is no member of an action", m.Name())
			}
			if err := known.set(p, m.Kind(), m.Text()); err != nil {
				return fmt.Errorf("%s: %w", m.Name(), err)
			}
		}
		return nil
	})
}

func (p *EventParser) intel(v strictjson.Value) error {
	return each(v, func(e strictjson.Value) error {
		p.call.Intel = append(p.call.Intel, vedette.IntelMatch{Feed: e.Get("feed").Text()})
		in, confidence := &p.call.Intel[len(p.call.Intel)-1], e.Get("confidence")
		return errors.Join(setName(&in.Kind, e.Get("kind").Text()), setName(&in.Action, e.Get("action").Text()),
			setNumber(&in.Confidence, confidence.Kind(), confidence.Text()))
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
