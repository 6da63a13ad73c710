package intel

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"vedette"
	"vedette/internal/durable"
)

// Config is what Feeds are made of. Dir and Feeds must be set.
type Config struct {
	Dir   string // of the last good copies
	Feeds []Feed
	// Own are our own addresses: a feed that lists one is refused.
	Own []netip.Prefix
	// Told is called when a feed was refused, could not be read, or works again. It may
	// be nil; it must not call back.
	Told   func(Status)
	FS     durable.FS       // nil for the machine's
	Now    func() time.Time // nil for time.Now
	Jitter func() float64   // in [0,1), so that not all ask at once; nil for none
}

// Feeds keeps feeds fresh, and says what of a call they list. Its methods may be called
// concurrently.
type Feeds struct {
	c        Config // of it Feeds and Own are those of Open
	snapshot atomic.Pointer[snapshot]
	wg       sync.WaitGroup // of the goroutines that refresh

	mu      sync.Mutex // guards what follows, held while a snapshot is compiled
	feeds   []*feedState
	own     []netip.Prefix
	running context.Context // of Run, nil while it does not
}

// feedState is a feed with what is known of it.
type feedState struct {
	Feed
	client     *http.Client
	refreshing sync.Mutex // one at a time
	stop       context.CancelFunc

	// Guarded by Feeds.mu.
	last     *copyOf // nil if there is none
	saved    int64   // Confirmed of the copy on disk
	status   Status
	failures int // in a row
}

// State is how a feed fares.
type State string

// The states.
const (
	Waiting State = "waiting" // not read yet
	Good    State = "good"
	Refused State = "refused" // what came was suspect; the last good copy stays
	Failed  State = "failed"  // it could not be had or stored; the last good copy stays
)

// Status is how a feed fares, for people.
type Status struct {
	Feed       string              `json:"feed"`
	Format     Format              `json:"format"`
	Action     vedette.IntelAction `json:"action"`
	State      State               `json:"state"`
	Suspicion  Suspicion           `json:"suspicion,omitempty"`
	Detail     string              `json:"detail,omitempty"`
	Count      int                 `json:"count"`              // indicators of the copy in use, or networks of a database
	Unreadable int                 `json:"unreadable"`         // entries of it that were left out
	Ignored    map[string]int      `json:"ignored,omitempty"`  // what is no indicator of ours, by what it is
	Changed    time.Time           `json:"changed,omitzero"`   // when the copy came
	Confirmed  time.Time           `json:"confirmed,omitzero"` // when the feed last said the same
	Next       time.Time           `json:"next,omitzero"`      // when it is asked again
	Refusals   uint64              `json:"refusals"`           // since the start
	Failures   uint64              `json:"failures"`           // since the start
}

// Open reads the last good copies. It asks no feed. The error says what is wrong with the
// configuration; of a copy that cannot be used Statuses says why, and it is done without.
func Open(c Config) (*Feeds, error) {
	if c.FS == nil {
		c.FS = durable.OS{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Jitter == nil {
		c.Jitter = func() float64 { return 0 }
	}
	if c.Told == nil {
		c.Told = func(Status) {}
	}
	states, err := newStates(c.Feeds)
	if err != nil {
		return nil, err
	}
	f := &Feeds{c: c, feeds: states, own: c.Own}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.feeds {
		f.restore(s)
	}
	f.compile()
	return f, nil
}

// newStates returns what is kept of feeds that were not read yet.
func newStates(feeds []Feed) (list []*feedState, err error) {
	if len(feeds) > maxFeeds {
		return nil, fmt.Errorf("%d feeds, over %d", len(feeds), maxFeeds)
	}
	for _, feed := range feeds {
		feed, err := feed.validate()
		if err == nil && named(list, feed.Name) != nil {
			err = errors.New("there are two of this name")
		}
		if err != nil {
			return nil, fmt.Errorf("feed %q: %w", feed.Name, err)
		}
		list = append(list, &feedState{Feed: feed, client: newClient(feed.TLS), stop: func() {},
			status: Status{Feed: feed.Name, Format: feed.Format, Action: feed.Action, State: Waiting}})
	}
	return list, nil
}

// Check returns what is wrong with the configuration of feeds.
func Check(feeds ...Feed) error {
	_, err := newStates(feeds)
	return err
}

func named(list []*feedState, name string) *feedState {
	for _, s := range list {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Configure puts other feeds and own ranges in force, all in one step; where one is wrong, nothing changes. A
// feed that is the same goes on as it is. One that is read from elsewhere, in the same form, keeps its last good copy
// until it is read. All copies are held to our own ranges again.
func (f *Feeds) Configure(feeds []Feed, own []netip.Prefix) error {
	next, err := newStates(feeds)
	if err != nil {
		return err
	}
	for _, s := range f.swap(next, own) {
		f.c.Told(s)
	}
	return nil
}

// swap puts feeds in force, and returns how those fare that the change was bad for.
func (f *Feeds) swap(next []*feedState, own []netip.Prefix) (bad []Status) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.feeds
	f.own, f.feeds = own, next
	for i, s := range next {
		old := named(before, s.Name)
		was := State("")
		if old != nil {
			was = old.status.State
		}
		switch {
		case old == nil:
			f.restore(s)
		case old.same(&s.Feed):
			next[i] = old
			f.hold(old, old.last)
		case old.last != nil && old.Format == s.Format && old.Kind == s.Kind:
			s.saved = old.saved
			f.hold(s, old.last)
		default:
			f.restore(s)
		}
		if now := next[i].status; now.State != was && (now.State == Refused || now.State == Failed) {
			bad = append(bad, now)
		}
	}
	f.compile()
	for _, s := range before {
		if named(next, s.Name) != s {
			s.stop()
		}
	}
	for _, s := range next {
		if named(before, s.Name) != s {
			f.start(s)
		}
	}
	return bad
}

// same reports whether a feed is the same in every respect.
func (f *Feed) same(o *Feed) bool {
	a, b := *f, *o
	ta, tb := a.TLS, b.TLS
	a.TLS, b.TLS = nil, nil
	switch {
	case a != b || (ta == nil) != (tb == nil):
		return false
	case ta == nil:
		return true
	}
	return ta.RootCAs.Equal(tb.RootCAs)
}

// restore reads a feed's stored copy. It is held to our own ranges again, which may be
// others by now.
func (f *Feeds) restore(s *feedState) {
	c, err := readCopy(f.c.FS, f.c.Dir, &s.Feed)
	switch {
	case errors.Is(err, errNoCopy):
	case err != nil:
		s.note(fmt.Errorf("stored copy: %w", err))
	default:
		s.saved = c.Confirmed
		f.hold(s, c)
	}
}

// hold takes a copy of before for a feed's, if it may be.
func (f *Feeds) hold(s *feedState, c *copyOf) {
	s.last = nil
	if c == nil {
		return
	}
	err := checkIndicators(c.indicators, f.own)
	if err == nil {
		err = f.room(s, c)
	}
	if err != nil {
		s.note(fmt.Errorf("stored copy: %w", err))
		return
	}
	if s.last = c; s.status.State == Waiting && c.Source == s.source() {
		s.status.State = Good
	}
	s.describe()
}

// room refuses a copy that all feeds together have no room for.
func (f *Feeds) room(s *feedState, c *copyOf) error {
	total := len(c.indicators)
	for _, o := range f.feeds {
		if o != s && o.last != nil {
			total += len(o.last.indicators)
		}
	}
	if total > maxTotal {
		return suspect(TooLarge, "%d indicators of all feeds, over %d", total, maxTotal)
	}
	return nil
}

// compile puts what all feeds say in force.
func (f *Feeds) compile() {
	var of []contribution
	for _, s := range f.feeds {
		if s.last != nil {
			of = append(of, s.last.contribution(&s.Feed))
		}
	}
	f.snapshot.Store(compile(of))
}

// Enrich fills in the ASN and country of the call's source, if the call does not say, and
// what of the call is listed at the time. It does not block, and does not allocate where
// call.Intel has room for eight.
func (f *Feeds) Enrich(call *vedette.Call, at time.Time) { f.snapshot.Load().enrich(call, at) }

// Statuses returns how each feed fares, in the order of the configuration.
func (f *Feeds) Statuses() []Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Status, len(f.feeds))
	for i, s := range f.feeds {
		out[i] = s.status
	}
	return out
}

// ErrUnknownFeed means that the configuration has no feed of that name.
var ErrUnknownFeed = errors.New("no such feed")

// Refresh reads a feed now. accept takes a copy that has grown or shrunk suspiciously, and
// nothing else that is suspect. The error says why the last good copy stays.
func (f *Feeds) Refresh(ctx context.Context, name string, accept bool) (Status, error) {
	f.mu.Lock()
	s := named(f.feeds, name)
	f.mu.Unlock()
	if s == nil {
		return Status{}, fmt.Errorf("%w: %s", ErrUnknownFeed, name)
	}
	err := f.refresh(ctx, s, accept)
	f.mu.Lock()
	defer f.mu.Unlock()
	return s.status, err
}

func (f *Feeds) refresh(ctx context.Context, s *feedState, accept bool) error {
	s.refreshing.Lock()
	defer s.refreshing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, RefreshTimeout)
	defer cancel()
	f.mu.Lock()
	last, own := s.last, f.own
	f.mu.Unlock()
	if last != nil && last.Source != s.source() {
		last = nil // it says nothing of what this one will bring
	}
	now := f.c.Now()
	get := fetch{Feed: &s.Feed, client: s.client, last: last, now: now, own: own}
	next, err := get.run(ctx)
	if err == nil && !accept {
		err = checkSize(last.size(now.Unix()), next.size(now.Unix()))
	}
	if err != nil && ctx.Err() != nil && context.Cause(ctx) == context.Canceled {
		return err // we end, not the feed
	}
	return f.settle(s, next, err)
}

// errReplaced says that a feed was configured otherwise, or away, while it was read.
var errReplaced = errors.New("the configuration changed while it was read")

// settle puts the outcome of a refresh in force.
func (f *Feeds) settle(s *feedState, next *copyOf, err error) error {
	f.mu.Lock()
	if named(f.feeds, s.Name) != s {
		f.mu.Unlock()
		return errReplaced
	}
	before := s.status
	unchanged := errors.Is(err, errUnchanged)
	if unchanged {
		c := *s.last
		c.Confirmed, next, err = f.c.Now().Unix(), &c, nil
	}
	if err == nil {
		err = checkIndicators(next.indicators, f.own) // others by now, maybe
	}
	if err == nil {
		err = f.room(s, next)
	}
	if err == nil {
		s.last = next
		if unchanged {
			f.lapse()
		} else {
			f.compile()
		}
		if !unchanged || next.Confirmed-s.saved > int64(s.TTL.Seconds())/4 {
			if err = next.save(f.c.FS, f.c.Dir, s.Name); err == nil {
				s.saved = next.Confirmed
			} else {
				err = fmt.Errorf("in force, but not kept over a restart: %w", err)
			}
		}
	}
	s.note(err)
	s.describe()
	after := s.status
	f.mu.Unlock()
	if after.State != before.State || after.Detail != before.Detail {
		f.c.Told(after)
	}
	return err
}

// lapse puts other times of lapse in force.
func (f *Feeds) lapse() {
	var lapse []int64
	for _, s := range f.feeds {
		if s.last != nil {
			lapse = append(lapse, s.last.contribution(&s.Feed).lapse)
		}
	}
	f.snapshot.Store(f.snapshot.Load().lapsing(lapse))
}

// note takes in how a refresh ended.
func (s *feedState) note(err error) {
	s.status.State, s.status.Suspicion, s.status.Detail = Good, "", ""
	if err == nil {
		s.failures = 0
		return
	}
	s.failures++
	var r *refused
	if errors.As(err, &r) {
		s.status.State, s.status.Suspicion, s.status.Detail = Refused, r.why, r.says
		s.status.Refusals++
	} else {
		s.status.State, s.status.Detail = Failed, err.Error()
		s.status.Failures++
	}
	if d := s.status.Detail; len(d) > maxMessage {
		s.status.Detail = d[:maxMessage] + "…"
	}
}

// describe fills in what the status says of the copy in use.
func (s *feedState) describe() {
	if c := s.last; c != nil {
		s.status.Count, s.status.Unreadable, s.status.Ignored = c.Count, c.Unreadable, c.Ignored
		s.status.Changed, s.status.Confirmed = time.Unix(c.Changed, 0).UTC(), time.Unix(c.Confirmed, 0).UTC()
	}
}

// Run refreshes the feeds, each at its interval, until ctx ends.
func (f *Feeds) Run(ctx context.Context) {
	f.mu.Lock()
	f.running = ctx
	for _, s := range f.feeds {
		f.start(s)
	}
	f.mu.Unlock()
	<-ctx.Done()
	f.mu.Lock()
	f.running = nil
	f.mu.Unlock()
	f.wg.Wait()
}

// start has a feed refreshed from now on, if Run does that.
func (f *Feeds) start(s *feedState) {
	if f.running == nil {
		return
	}
	ctx, stop := context.WithCancel(f.running)
	s.stop = stop
	f.wg.Go(func() {
		defer stop()
		for wait := f.first(s); ; {
			f.mu.Lock()
			s.status.Next = f.c.Now().Add(wait).UTC()
			f.mu.Unlock()
			timer := time.NewTimer(wait)
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
			}
			wait = f.wait(s, f.refresh(ctx, s, false))
		}
	})
}

// first returns how long to wait for the first refresh: not at all without a copy.
func (f *Feeds) first(s *feedState) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.last == nil || s.status.State != Good {
		return 0
	}
	return min(max(0, time.Unix(s.last.Confirmed, 0).Add(s.Feed.Refresh).Sub(f.c.Now())), s.Feed.Refresh)
}

// wait returns how long to wait after a refresh: up to a tenth less than the interval
// after a good one, longer each time after a bad one, and as long as the publisher asks.
func (f *Feeds) wait(s *feedState, err error) time.Duration {
	if err == nil {
		return s.Feed.Refresh - time.Duration(f.c.Jitter()*float64(s.Feed.Refresh)/10)
	}
	f.mu.Lock()
	n := s.failures
	f.mu.Unlock()
	wait := min(firstBackoff<<min(max(n-1, 0), 10), maxBackoff)
	wait -= time.Duration(f.c.Jitter() * float64(wait) / 2)
	var status *statusError
	if errors.As(err, &status) {
		wait = max(wait, status.retryAfter)
	}
	return wait
}
