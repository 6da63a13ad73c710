// Package sensor is the contract between what sees traffic, the sensors, and what judges it, the monitor.
package sensor

import (
	"crypto/x509"
	"net/netip"
	"sync"
	"time"

	"vedette"
	"vedette/venue"
)

// Exchange is one call on its way through a sensor: an HTTP request with its
// answer, a WebSocket upgrade, or one WebSocket message of the client. A sensor
// reuses its exchanges; everything in one is valid until Done returns.
type Exchange struct {
	Sensor  string // name of the sensor
	Dialect *venue.Dialect
	Arrived time.Time // when the last byte of the request arrived
	// Source is the client after trusted hops were peeled off, Peer the other end of
	// the connection.
	Source, Peer netip.AddrPort
	JA4          string
	ClientCert   *x509.Certificate // verified by the listener, nil without

	Request venue.Request
	// Fault is set by a sensor that could not read the request safely (conflicting
	// lengths, over a limit): the monitor judges it malformed, and the sensor never
	// forwards it, in any mode.
	Fault vedette.Reason
	// Answer is the venue's answer: status, header and as much of the decoded body as
	// AnswerLimit allows. Answer.Status is 0 if the venue gave none.
	Answer venue.Request
	// AnswerBytes is the full length of the answer's body.
	AnswerBytes int

	Session *Session // for upgrades and messages

	// The monitor fills these in Judge.
	Call    vedette.Call
	Claim   venue.Claim
	Refusal venue.Refusal // what to answer if Call.Decision.Refused()
	Scratch []byte        // the monitor's memory for the refusal and for messages to sign

	// State is the monitor's own. A sensor leaves it in place when it uses the exchange
	// again.
	State any

	// Receipt of the call's record, after Done.
	Receipt vedette.Receipt
}

// keepScratch is what Trim leaves of memory that a monitor and a dialect use, bytes.
const keepScratch = 4 << 10

// Trim gives up memory beyond what most calls need. A sensor that keeps the exchange for
// another call does it after Done, before it waits for that.
func (x *Exchange) Trim() {
	x.Request.Trim()
	x.Answer.Trim()
	x.Call.Batch = nil
	if cap(x.Claim.Scratch) > keepScratch {
		x.Claim.Scratch = nil
	}
	x.Claim.Tokens = nil
	if cap(x.Scratch) > keepScratch {
		x.Scratch = nil
	}
}

// AnswerLimit is how many bytes of a decoded answer a sensor keeps for the
// monitor: an order's answer is below 2 KiB, a batch's below 64.
const AnswerLimit = 64 << 10

// Session is one WebSocket session. The sensor holds the lock around every call of
// the monitor that concerns the session, since its two directions run at once.
type Session struct {
	sync.Mutex
	venue.Session
	Dialect *venue.Dialect
	Opened  time.Time
	// Upgrade is kept by the sensor: source, fingerprint and certificate for the
	// session's messages.
	Source, Peer netip.AddrPort
	JA4          string
	ClientCert   *x509.Certificate
	State        any // the monitor's own
	// End ends the session: nothing of it is passed on any more, and both sides are told
	// why, the client in the words. It is set by a sensor that can, nil otherwise. It may be
	// called at any time, with or without the session's lock, and returns at once.
	End func(why string)
}

// Monitor judges and records what sensors see. Its methods are called from many
// goroutines, for one session from one at a time. They do not wait for detectors.
type Monitor interface {
	// Waits reports whether Judge or Done of this call might wait for the network or the
	// disk: a sensor that serves many calls on one thread runs them elsewhere then. It is asked
	// before each of the two, for calls outside of sessions.
	Waits(x *Exchange) bool
	// Judge decides on a call before it is forwarded. It sets x.Call with verdict and
	// decision, and x.Refusal if the decision is to refuse.
	Judge(x *Exchange)
	// Done is called once for every judged exchange: when the answer's last byte has
	// arrived from the venue and before it is released to the client, or when the call
	// was refused or got no answer. In sync mode it returns when the call's record is
	// durable. For a message of a session, Done is called when the message was refused or
	// is about to be forwarded; its answer comes later through Reply.
	//
	// It returns false where nothing may be released, since the call has no record and
	// must have one: the client is told that the result is not known, a message is not
	// forwarded and its session ends.
	Done(x *Exchange) bool
	// Reply is called for every message that the venue sends on a session, before it
	// is released to the client. at is when it arrived. It returns false as Done does, and
	// where it had the session ended by End.
	Reply(s *Session, message []byte, at time.Time) bool
	// Closed is called once when a session has ended, also one whose upgrade was refused or
	// could not be judged.
	Closed(s *Session, at time.Time)
	// Gap says that the sensor lost calls, or saw traffic that it could not read: how
	// many, and why (style rule 24: partial must not pass for whole).
	Gap(sensor string, lost int, why string)
}
