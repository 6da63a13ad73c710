package pipeline

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"vedette"
	"vedette/sensor"
	"vedette/venue"
	"vedette/verify"
)

// A venue goes on sending on a session that was opened before its credential was frozen,
// and no call comes that the gate could refuse. So the monitor knows whom a session
// serves, and ends it when a restriction comes into force that concerns one of them.

const (
	// sessionParties bounds the credentials that a session may be opened for, and
	// sessionStrangers those of them whose calls were not authentic: anybody can name
	// such. Brokers put some hundred customers on a session. A further one is refused.
	sessionParties   = 1 << 10
	sessionStrangers = 16
)

// party is somebody whose data a session may carry. joint is the account of several wallets that the credential acted
// for, "" for none: account and owner are then its.
type party struct{ credential, joint, account, owner string }

func partyOf(c *vedette.Call) party { return party{c.Credential, c.Joint, c.Account, c.Owner} }

// clone returns a party that does not alias the buffer of a call.
func (p party) clone() party {
	return party{clone(p.credential), clone(p.joint), clone(p.account), clone(p.owner)}
}

// guarded is a session whose parties are held to the gate.
type guarded struct {
	id     uint64
	venue  string
	source netip.AddrPort
	end    func(why string)
	asked  atomic.Uint64 // generation at which it was asked last, 0 to ask again
	ended  atomic.Bool

	mu        sync.Mutex
	parties   map[party]bool // true where the keyring had the credential
	strangers int
	tokens    map[party]func() vedette.Reason // why the access token that it was opened with is good no more, "" while it is; of parties
	told      string                          // what a record says would end it
}

// guards are the sessions that have parties.
type guards struct {
	mu   sync.Mutex
	m    map[*guarded]struct{}
	wake chan struct{}
	stop chan struct{}
	once sync.Once
	done sync.WaitGroup
}

// end ends what guardSessions began, if it did.
func (g *guards) end() {
	if g.stop == nil {
		return
	}
	g.once.Do(func() { close(g.stop) })
	g.done.Wait()
}

// guardSessions ends sessions also while nothing comes on them.
func (m *Monitor) guardSessions() {
	g := &m.guards
	g.m, g.wake, g.stop = map[*guarded]struct{}{}, make(chan struct{}, 1), make(chan struct{})
	m.Gate.Watch(func() {
		select {
		case g.wake <- struct{}{}:
		default: // it is awake and will see this too
		}
	})
	g.done.Go(func() {
		for {
			select {
			case <-g.stop:
				return
			case <-g.wake:
			}
			g.mu.Lock()
			list := make([]*guarded, 0, len(g.m))
			for s := range g.m {
				list = append(list, s)
			}
			g.mu.Unlock()
			for _, s := range list {
				m.mayGoOn(s)
			}
		}
	})
}

// serves notes whom a call opens its session for. It refuses the call where the session
// would have to end at once, or serves too many.
func (m *Monitor) serves(x *sensor.Exchange, others []*vedette.Call) {
	if x.Session == nil || !opens(&x.Claim, &x.Call) {
		return
	}
	m.servesOne(x.Session, &x.Call)
	for _, o := range others {
		if x.Call.Decision.Refused() {
			return
		}
		if m.servesOne(x.Session, o); o.Decision.Refused() {
			becomes(&x.Call, o)
		}
	}
}

func (m *Monitor) servesOne(session *sensor.Session, c *vedette.Call) {
	if c.Credential == "" {
		return
	}
	conv := conversationOf(session)
	s := conv.guarded
	if s == nil {
		s = m.guard(conv, session, c.Source)
	}
	p := partyOf(c)
	_, inRing := m.Verifier.Keys.Lookup(s.venue, c.Credential)
	s.mu.Lock()
	_, known := s.parties[p]
	stranger := c.Verdict != vedette.Authentic
	full := !known && (len(s.parties) >= sessionParties || stranger && s.strangers >= sessionStrangers)
	if !known && !full {
		s.parties[p.clone()] = inRing
		if stranger {
			s.strangers++
		}
	}
	s.mu.Unlock()
	d := vedette.Decision{}
	switch {
	case known:
		return
	case full:
		d = m.Gate.Weigh(vedette.Decision{Effect: vedette.Deny, Reason: vedette.TooLarge})
	default:
		s.asked.Store(0)
		d = m.asks(s, p, false)
	}
	if d.Refused() || d.WouldDeny && !c.Decision.WouldDeny {
		c.Decision = d
	}
}

// opens reports whether the venue may send private data of the call's credential from now
// on: after a log-in or a subscription. What changes something is neither.
func opens(claim *venue.Claim, c *vedette.Call) bool {
	return claim.Login || c.Operation == vedette.OpUnknown || !c.Operation.Changes() && c.Operation != vedette.OpSessionLogout
}

// guard puts a session among those that a restriction ends.
func (m *Monitor) guard(conv *conversation, s *sensor.Session, source netip.AddrPort) *guarded {
	conv.guarded = &guarded{id: s.ID, venue: s.Dialect.Name, source: source, end: s.End, parties: map[party]bool{}}
	if m.guards.m != nil {
		m.guards.mu.Lock()
		m.guards.m[conv.guarded] = struct{}{}
		m.guards.mu.Unlock()
	}
	return conv.guarded
}

// unguard forgets a session that has ended.
func (m *Monitor) unguard(s *guarded) {
	m.guards.mu.Lock()
	delete(m.guards.m, s)
	m.guards.mu.Unlock()
}

// releases reports whether what the venue sends on the session may be passed on. It asks
// the gate where that has changed since the last time.
func (m *Monitor) releases(s *sensor.Session) bool {
	conv, _ := s.State.(*conversation)
	if conv == nil || conv.guarded == nil {
		if s.Key == "" {
			return true
		}
		g := m.guard(conversationOf(s), s, s.Source)
		g.parties[party{credential: s.Key, account: s.Account}] = false
		return m.mayGoOn(g)
	}
	return m.mayGoOn(conv.guarded)
}

// mayGoOn holds a session to the gate, unless nothing has changed there, and ends it.
func (m *Monitor) mayGoOn(s *guarded) bool {
	if s.ended.Load() {
		s.stop()
		return false
	}
	generation := m.Gate.Generation() + m.rechecks.Load()
	if s.asked.Load() == generation {
		return true
	}
	who, d, tokens := m.asksAll(s)
	if !d.Refused() {
		for p, token := range tokens {
			if why := token(); why != "" {
				who, d = p, m.Gate.Weigh(vedette.Decision{Effect: vedette.Deny, Reason: why})
				break
			}
		}
	}
	s.mu.Lock()
	about := string(d.Reason) + " " + d.Restriction
	told := d.WouldDeny && s.told == about
	if d.WouldDeny {
		s.told = about
	}
	s.mu.Unlock()
	switch {
	case d.Refused():
		first := s.ended.CompareAndSwap(false, true)
		s.stop()
		if first {
			m.sessionEnded("session.ended", s, who, d)
		}
		return false
	case d.WouldDeny && !told:
		m.sessionEnded("session.would_end", s, who, d)
	}
	s.asked.Store(generation) // not before: another that looks now must not pass
	return true
}

// asksAll asks the gate about the parties of a session, up to the first that it would end for, and returns its tokens.
func (m *Monitor) asksAll(s *guarded) (who party, d vedette.Decision, tokens map[party]func() vedette.Reason) {
	s.mu.Lock()
	defer s.mu.Unlock() // also if it panics: who looks after all sessions must not wait for ever
	for p, inRing := range s.parties {
		if next := m.asks(s, p, inRing); next.Refused() || next.WouldDeny {
			return p, next, maps.Clone(s.tokens)
		}
	}
	return party{}, vedette.Decision{}, maps.Clone(s.tokens)
}

// stop has the sensor end the session, if it can.
func (s *guarded) stop() {
	if s.end != nil {
		s.end("access is restricted")
	}
}

// Recheck holds all sessions anew to what opened them, after keys or access tokens changed.
func (m *Monitor) Recheck() {
	m.rechecks.Add(1)
	select {
	case m.guards.wake <- struct{}{}:
	default: // it is awake and will see this too, or there is none
	}
}

// byToken notes that an access token opened the session for its holder, or that a key did. What the session was
// opened for before it goes on to serve, so a log-in of somebody else takes nothing back.
func (m *Monitor) byToken(x *sensor.Exchange, again verify.Again) {
	conv, _ := x.Session.State.(*conversation)
	if conv == nil || conv.guarded == nil {
		return
	}
	var token func() vedette.Reason
	if again != nil {
		dialect, r := x.Dialect, venue.Request{Kind: venue.Message, Session: &x.Session.Session}
		if up := x.Session.Upgrade; up != nil {
			r.Scheme, r.Host, r.Path, r.Asked = up.Scheme, up.Host, up.Path, up.Asked
		}
		token = func() vedette.Reason {
			call := vedette.Call{Venue: dialect.Name}
			call.Operation = vedette.OpMarketRead
			b := again(&verify.Case{Dialect: dialect, Request: &r, Claim: &venue.Claim{}, Call: &call, Now: m.Now()})
			if slices.Contains(b.Reasons, vedette.TokenRevoked) {
				return vedette.TokenRevoked
			}
			return ""
		}
	}
	s, p := conv.guarded, partyOf(&x.Call).clone()
	s.mu.Lock()
	delete(s.tokens, p)
	if _, ok := s.parties[p]; ok && token != nil {
		if s.tokens == nil {
			s.tokens = map[party]func() vedette.Reason{}
		}
		s.tokens[p] = token
	}
	s.mu.Unlock()
	if again != nil { // it may have been revoked since it was judged
		s.asked.Store(0)
		m.mayGoOn(s)
	}
}

// asks asks the gate about one party, under what the keyring says of it now, and of the joint account that it acted
// for. One that was taken out of the keyring since is no party any more.
func (m *Monitor) asks(s *guarded, p party, wasInRing bool) vedette.Decision {
	c := vedette.Call{Venue: s.venue, Source: s.source}
	c.Credential, c.Joint, c.Account, c.Owner = p.credential, p.joint, p.account, p.owner
	if e, ok := m.Verifier.Keys.Lookup(s.venue, p.credential); ok {
		c.Account, c.Owner = e.Account, e.Owner
	} else if wasInRing {
		return m.Gate.Weigh(vedette.Decision{Effect: vedette.Deny, Reason: vedette.UnknownKey})
	}
	if p.joint != "" { // only the keyring makes an account one of several wallets
		e, ok := m.Verifier.Keys.Lookup(s.venue, p.joint)
		if !ok {
			return m.Gate.Weigh(vedette.Decision{Effect: vedette.Deny, Reason: vedette.UnknownKey})
		}
		if e.Account != "" {
			c.Account, c.Owner = e.Account, e.Owner
		}
	}
	return m.Gate.Session(&c, m.Now())
}

// endedSession is what a record tells of a session that a restriction ended.
type endedSession struct {
	Venue       string         `json:"venue"`
	Session     uint64         `json:"session"`
	Credential  string         `json:"credential,omitempty"`
	Joint       string         `json:"joint,omitempty"`
	Account     string         `json:"account,omitempty"`
	Source      netip.AddrPort `json:"source,omitzero"`
	Reason      vedette.Reason `json:"reason"`
	Restriction string         `json:"restriction,omitempty"`
}

// sessionEnded records that a restriction ended a session, or would have. It does not wait.
func (m *Monitor) sessionEnded(what string, s *guarded, p party, d vedette.Decision) {
	_, _ = m.Note("vedette", what, endedSession{s.venue, s.id, p.credential, p.joint, p.account, s.source, d.Reason, d.Restriction}) // append counts what is lost
}

// conversationOf returns the monitor's state of a session.
func conversationOf(s *sensor.Session) *conversation {
	conv, _ := s.State.(*conversation)
	if conv == nil {
		conv = &conversation{}
		s.State = conv
	}
	return conv
}
