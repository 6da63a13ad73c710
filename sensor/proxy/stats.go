package proxy

import "sync/atomic"

// Stats is a snapshot of the proxy's counters, all since its start unless they say
// "now".
type Stats struct {
	Connections     int64 // accepted
	ConnectionsNow  int64
	ConnectionLimit int64 // closed at once: over Connections or SourceConnections
	HandshakeFailed int64 // TLS or PROXY header
	Requests        int64 // read, well formed or not
	Unrouted        int64 // for no venue
	Refused         int64 // by the monitor's decision
	Faults          map[string]int64
	BytesIn         int64 // from clients, heads and bodies
	BytesOut        int64 // to clients
	BodyMemoryNow   int64 // held by request bodies, against BodyMemory

	UpstreamFailed  int64 // calls without a whole answer from the venue
	UpstreamRetried int64 // sent again on a fresh connection, provably not carried out before
	UpstreamFull    int64 // no connection free in time
	AnswersCut      int64 // broke off in the middle
	AnswersUnread   int64 // in a coding that the proxy cannot decode for the monitor
	ClientsGone     int64 // left before their answer was delivered
	MonitorPanics   int64
	Panics          int64 // of the proxy itself, each a bug that ended one connection

	Sessions       int64
	SessionsNow    int64
	SessionLimit   int64 // upgrades refused: over Sessions
	MessagesIn     int64 // of clients
	MessagesOut    int64 // of venues
	SessionFaults  int64 // sessions ended for breaking RFC 6455 or a limit
	MessageRefused int64
	SessionsEnded  int64 // by the monitor, before either side was done

	Reloads int64
}

// counters are the live form of Stats.
type counters struct {
	connections, connectionsNow, connectionLimit, handshakeFailed atomic.Int64
	requests, unrouted, refused, bytesIn, bytesOut, bodyMemory    atomic.Int64
	upstreamFailed, upstreamRetried, upstreamFull                 atomic.Int64
	answersCut, answersUnread, clientsGone, monitorPanics, panics atomic.Int64
	sessions, sessionsNow, sessionLimit, messagesIn, messagesOut  atomic.Int64
	sessionFaults, messageRefused, sessionsEnded, reloads         atomic.Int64
	faults                                                        [faultCount]atomic.Int64
}

// Stats returns the counters as they are now.
func (p *Proxy) Stats() Stats {
	n := &p.n
	s := Stats{
		Connections: n.connections.Load(), ConnectionsNow: n.connectionsNow.Load(), ConnectionLimit: n.connectionLimit.Load(),
		HandshakeFailed: n.handshakeFailed.Load(), Requests: n.requests.Load(), Unrouted: n.unrouted.Load(),
		Refused: n.refused.Load(), BytesIn: n.bytesIn.Load(), BytesOut: n.bytesOut.Load(), BodyMemoryNow: n.bodyMemory.Load(),
		UpstreamFailed: n.upstreamFailed.Load(), UpstreamRetried: n.upstreamRetried.Load(), UpstreamFull: n.upstreamFull.Load(),
		AnswersCut: n.answersCut.Load(), AnswersUnread: n.answersUnread.Load(), ClientsGone: n.clientsGone.Load(),
		MonitorPanics: n.monitorPanics.Load(), Panics: n.panics.Load(), Sessions: n.sessions.Load(), SessionsNow: n.sessionsNow.Load(),
		SessionLimit: n.sessionLimit.Load(), MessagesIn: n.messagesIn.Load(), MessagesOut: n.messagesOut.Load(),
		SessionFaults: n.sessionFaults.Load(), MessageRefused: n.messageRefused.Load(), SessionsEnded: n.sessionsEnded.Load(), Reloads: n.reloads.Load(),
		Faults: map[string]int64{},
	}
	for f := faultNone + 1; f < faultCount; f++ {
		if v := n.faults[f].Load(); v > 0 {
			s.Faults[f.String()] = v
		}
	}
	return s
}
