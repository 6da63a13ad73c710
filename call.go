// Package vedette holds the nouns that every part of the monitor shares: what a
// call is, what it does, how it was judged and what was found.
package vedette

import (
	"net/netip"
	"time"
	"unsafe"
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
	Joint      string // keyring id of the account of several wallets that the call is for, besides the credential's own; "" for none
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
	d := &Call{}
	c.CopyTo(d, make([]byte, 0, 256))
	return d
}

// CopyTo makes d a copy that shares nothing with the call. The strings of the copy lie in text, which is
// overwritten and returned, since it may have had to grow; the slices of d are used again. With memory of a
// former copy it allocates only where there is more to keep than before.
func (c *Call) CopyTo(d *Call, text []byte) []byte {
	old := *d
	*d = *c
	text = text[:0]
	for _, s := range [...]*string{&d.Sensor, &d.Venue, &d.JA4, &d.Client, &d.Credential, &d.Joint, &d.Account, &d.Owner, &d.ACR, &d.Method,
		&d.Path, &d.SignatureHash, &d.Nonce, &d.Country, &d.Answer.Error, &d.Answer.OrderID, &d.Answer.Account,
		&d.Decision.Restriction, &d.Injection.Parameter, &d.Injection.Sample, (*string)(&d.Decision.Reason)} {
		text = keep(s, text)
	}
	text = d.Action.keep(text)
	d.Reasons = append(old.Reasons[:0], c.Reasons...)
	for i := range d.Reasons {
		text = keep((*string)(&d.Reasons[i]), text)
	}
	d.Intel = append(old.Intel[:0], c.Intel...)
	for i := range d.Intel {
		text = keep(&d.Intel[i].Feed, text)
	}
	d.AMR = append(old.AMR[:0], c.AMR...)
	for i := range d.AMR {
		text = keep(&d.AMR[i], text)
	}
	d.Batch = append(old.Batch[:0], c.Batch...)
	for i := range d.Batch {
		text = d.Batch[i].keep(text)
	}
	return text
}

func (a *Action) keep(text []byte) []byte {
	for _, s := range [...]*string{&a.Instrument, &a.ClientOrderID, &a.TargetOrderID, &a.Object, &a.Asset, &a.Address} {
		text = keep(s, text)
	}
	return text
}

// keep moves a string to the end of text. When text grows, what was moved before stays where it was.
func keep(s *string, text []byte) []byte {
	if *s == "" {
		return text
	}
	n := len(text)
	text = append(text, *s...)
	*s = unsafe.String(&text[n], len(*s))
	return text
}
