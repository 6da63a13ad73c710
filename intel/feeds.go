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
	Config
	snapshot atomic.Pointer[snapshot]

	mu    sync.Mutex // guards what follows, held while a snapshot is compiled
	feeds []*feedState
}

// feedState is a feed with what is known of it.
type feedState struct {
	Feed
	client     *http.Client
	refreshing sync.Mutex // one at a time

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
	if len(c.Feeds) > maxFeeds {
		return nil, fmt.Errorf("%d feeds, over %d", len(c.Feeds), maxFeeds)
	}
	f := &Feeds{Config: c}
	for _, feed := range c.Feeds {
		feed, err := feed.validate()
		if err != nil {
			return nil, fmt.Errorf("feed %q: %w", feed.Name, err)
		}
		if f.find(feed.Name) != nil {
			return nil, fmt.Errorf("feed %q: there are two of this name", feed.Name)
		}
		f.feeds = append(f.feeds, &feedState{Feed: feed, client: newClient(feed.TLS),
			status: Status{Feed: feed.Name, Format: feed.Format, Action: feed.Action, State: Waiting}})
	}
	f.restore()
	return f, nil
}

// Check returns what is wrong with the configuration of a feed.
func Check(f Feed) error {
	_, err := f.validate()
	return err
}

func (f *Feeds) find(name string) *feedState {
	for _, s := range f.feeds {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// restore reads the stored copies. They are held to our own ranges again, which may be
// others by now.
func (f *Feeds) restore() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.feeds {
		c, err := readCopy(f.FS, f.Dir, &s.Feed)
		if errors.Is(err, errNoCopy) {
			continue
		}
		if err == nil {
			err = checkIndicators(c.indicators, f.Own)
		}
		if err == nil {
			err = f.room(s, c)
		}
		if err != nil {
			s.note(fmt.Errorf("stored copy: %w", err))
			continue
		}
		s.last, s.saved, s.status.State = c, c.Confirmed, Good
		s.describe()
	}
	f.compile()
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
	s := f.find(name)
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
	last := s.last
	f.mu.Unlock()
	now := f.Now()
	get := fetch{Feed: &s.Feed, client: s.client, last: last, now: now, own: f.Own}
	next, err := get.run(ctx)
	if err == nil && !accept {
		err = checkSize(last.size(now.Unix()), next.size(now.Unix()))
	}
	if err != nil && ctx.Err() != nil && context.Cause(ctx) == context.Canceled {
		return err // we end, not the feed
	}
	return f.settle(s, next, err)
}

// settle puts the outcome of a refresh in force.
func (f *Feeds) settle(s *feedState, next *copyOf, err error) error {
	f.mu.Lock()
	before := s.status
	unchanged := errors.Is(err, errUnchanged)
	if unchanged {
		c := *s.last
		c.Confirmed, next, err = f.Now().Unix(), &c, nil
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
			if err = next.save(f.FS, f.Dir, s.Name); err == nil {
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
		f.Told(after)
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
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, s := range f.feeds {
		wg.Go(func() {
			for wait := f.first(s); ; {
				f.mu.Lock()
				s.status.Next = f.Now().Add(wait).UTC()
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
}

// first returns how long to wait for the first refresh: not at all without a copy.
func (f *Feeds) first(s *feedState) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.last == nil || s.status.State != Good {
		return 0
	}
	return min(max(0, time.Unix(s.last.Confirmed, 0).Add(s.Feed.Refresh).Sub(f.Now())), s.Feed.Refresh)
}

// wait returns how long to wait after a refresh: up to a tenth less than the interval
// after a good one, longer each time after a bad one, and as long as the publisher asks.
func (f *Feeds) wait(s *feedState, err error) time.Duration {
	if err == nil {
		return s.Feed.Refresh - time.Duration(f.Jitter()*float64(s.Feed.Refresh)/10)
	}
	f.mu.Lock()
	n := s.failures
	f.mu.Unlock()
	wait := min(firstBackoff<<min(max(n-1, 0), 10), maxBackoff)
	wait -= time.Duration(f.Jitter() * float64(wait) / 2)
	var status *statusError
	if errors.As(err, &status) {
		wait = max(wait, status.retryAfter)
	}
	return wait
}
