// Package vedette holds the nouns that every part of the monitor shares: what a
// call is, what it does, how it was judged and what was found.
package vedette

import (
	"net/netip"
	"time"
)

// Call is one API call as a venue saw it: an HTTP exchange, a WebSocket message
// of the client, or a FIX message.
//
// Strings of a Call may alias the buffer that the sensor read. They are valid
// until the function that was handed the Call returns; whoever keeps a Call
// longer takes a Clone.
type Call struct {
	Time     time.Time // arrival at the sensor
	Sensor   string    // which sensor saw it
	Venue    string    // dialect name, such as "binance"
	Protocol Protocol
	Source   netip.AddrPort // the client, after trusted hops were peeled off
	JA4      string         // TLS fingerprint of the client, "" without TLS
	Client   string         // User-Agent
	Session  uint64         // WebSocket session within the sensor's life, 0 for plain HTTP

	Credential string // key id, token id or wallet as presented, known or not
	Account    string
	Owner      string // beneficial owner

	// How and when the user of an access token authenticated, as the token says (RFC 9470).
	ACR      string
	AMR      []string
	AuthTime time.Time

	Method string // HTTP method, or the method named in a message
	Path   string // escaped path as received, without the query

	Action          // what the call does; for a batch, what the batch is
	Batch  []Action // the parts of a batch, nil otherwise

	Answer  Answer
	Verdict Verdict
	Reasons []Reason // why, most important first
	// Decision is what the gate did with the call.
	Decision Decision

	// SignatureHash is a truncated SHA-256 over venue, credential and signature as
	// presented, in hex. The signature itself is never kept.
	SignatureHash string
	Nonce         string
	Claimed       time.Time // the request's own timestamp, zero if it has none
	// AcceptUntil is how long the signature is remembered: the replay window is restored
	// by it after a power cut. Zero where none was taken in.
	AcceptUntil  time.Time
	RequestBytes int    // of the body or message
	ASN          uint32 // of the source's network, 0 if not known
	Country      string // of the source, ISO 3166-1 alpha-2, "" if not known
	// Intel holds what threat intelligence lists of the call, a feed and kind once.
	Intel []IntelMatch
	// Injection is what its parameters carry that attacks the venue's software.
	Injection Injection
}

// Action is one operation with the order fields that came with it. What the
// call did not say is zero.
type Action struct {
	Operation Operation
	// Ambiguous says that the call names several instruments or destinations for the
	// one that the operation takes.
	Ambiguous     bool
	Instrument    string
	Side          Side
	Type          OrderType
	TimeInForce   TimeInForce
	PostOnly      bool
	ReduceOnly    bool
	Price         Decimal
	StopPrice     Decimal
	Quantity      Decimal // of the order, withdrawal or transfer
	ClientOrderID string
	TargetOrderID string // the order that a cancel, amend or query names
	Object        string // any other id the call asks for that belongs to somebody
	Asset         string // of a withdrawal, deposit address or transfer
	Address       string // destination of a withdrawal
}

// Answer is what the venue said to a call.
type Answer struct {
	Status  int           // HTTP status, or its nearest for other protocols; 0 when there was none
	Outcome Outcome       // what the venue made of the order or request
	Error   string        // the venue's own error code
	OrderID string        // the order this call created or changed
	Bytes   int           // of the answer's body
	Latency time.Duration // from arrival until the answer's last byte
	Account string        // the account that the answer names, if any
}

// Clone copies the call and every string and slice in it.
func (c *Call) Clone() *Call {
	d := *c
	for _, s := range []*string{&d.Sensor, &d.Venue, &d.JA4, &d.Client, &d.Credential, &d.Account, &d.Owner, &d.ACR, &d.Method,
		&d.Path, &d.SignatureHash, &d.Nonce, &d.Country, &d.Answer.Error, &d.Answer.OrderID, &d.Answer.Account,
		&d.Decision.Restriction, &d.Injection.Parameter, &d.Injection.Sample} {
		*s = cloneString(*s)
	}
	d.Action = c.Action.clone()
	d.Reasons = append([]Reason(nil), c.Reasons...)
	d.Intel = append([]IntelMatch(nil), c.Intel...) // names of feeds outlive every call
	d.AMR = nil
	for _, m := range c.AMR {
		d.AMR = append(d.AMR, cloneString(m))
	}
	if c.Batch != nil {
		d.Batch = make([]Action, len(c.Batch))
		for i := range c.Batch {
			d.Batch[i] = c.Batch[i].clone()
		}
	}
	return &d
}

func (a Action) clone() Action {
	for _, s := range []*string{&a.Instrument, &a.ClientOrderID, &a.TargetOrderID, &a.Object, &a.Asset, &a.Address} {
		*s = cloneString(*s)
	}
	return a
}

func cloneString(s string) string {
	if s == "" {
		return ""
	}
	return string(append([]byte(nil), s...))
}
