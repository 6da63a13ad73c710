package payload

import (
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"vedette"
	"vedette/venue"
)

// Config is what an Examiner is made of. Zero values are the defaults.
type Config struct {
	Paranoia    int              // level of the Core Rule Set, 1 to MaxParanoia
	SourceRate  float64          // examinations a second of one source
	SourceBurst int              // at once
	Share       float64          // of one processor, for all of them
	MaxWait     time.Duration    // that a call waits for its examination, from when it was handed over
	Now         func() time.Time // for tests; nil for time.Now, whose differences no clock that is set changes
	// Failed is told once if the rules cannot be compiled. May be nil.
	Failed func(error)
}

func (c *Config) complete() {
	if c.Paranoia == 0 {
		c.Paranoia = 1
	}
	if c.SourceRate == 0 {
		c.SourceRate = DefaultSourceRate
	}
	if c.SourceBurst == 0 {
		c.SourceBurst = DefaultSourceBurst
	}
	if c.Share == 0 {
		c.Share = DefaultShare
	}
	if c.MaxWait == 0 {
		c.MaxWait = DefaultMaxWait
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// Examiner runs the Core Rule Set over suspicious calls on a goroutine of its own. Who floods it uses up his own budget, all
// together use up the share of a processor that it may take, and what finds no room is not examined and said so.
type Examiner struct {
	cfg   Config
	jobs  chan *Inquiry
	ready atomic.Pointer[rules]
	bad   atomic.Bool
	stats counters

	compile sync.Once
	start   sync.Once
	close   sync.Once
	closed  chan struct{}

	mu      sync.Mutex // what follows
	budgets budgets
	left    time.Duration // of the share; below zero nothing is taken in
	at      time.Time     // when left was brought up to date
}

// New returns an examiner. It compiles its rules when first asked, or by Warm.
func New(c Config) *Examiner {
	c.complete()
	return &Examiner{cfg: c, jobs: make(chan *Inquiry, maxQueue), closed: make(chan struct{}), left: burst}
}

// Inquiry is one call's examination.
type Inquiry struct {
	items    []Item
	cut      bool
	deadline time.Time
	taken    atomic.Bool // by the examiner, or given up
	done     chan struct{}
	found    vedette.Injection
}

// Warm begins to compile the rules, which takes a processor for about a second, without waiting.
func (e *Examiner) Warm() {
	e.start.Do(func() { go e.run() })
}

// Close ends the examiner. Calls that wait are not examined.
func (e *Examiner) Close() { e.close.Do(func() { close(e.closed) }) }

// Submit has a suspicious call examined. hide says what of its parameters must not be told. It takes what it needs of
// the request and waits for nothing.
func (e *Examiner) Submit(r *venue.Request, source netip.Addr, hide func(*Item)) *Inquiry {
	e.stats.suspicious.Add(1)
	q := &Inquiry{done: make(chan struct{}), deadline: e.cfg.Now().Add(e.cfg.MaxWait)}
	if why := e.admit(source); why != vedette.Examined {
		return q.refused(why)
	}
	e.Warm()
	if len(e.jobs) == cap(e.jobs) { // before the work of collecting
		return q.refused(vedette.QueueFull)
	}
	q.gather(r, hide)
	select {
	case e.jobs <- q:
	default:
		return q.refused(vedette.QueueFull)
	}
	return q
}

func (q *Inquiry) gather(r *venue.Request, hide func(*Item)) {
	q.items, q.cut = Collect(r)
	for i := range q.items {
		if hide != nil {
			hide(&q.items[i])
		}
	}
}

func (q *Inquiry) refused(why vedette.Unexamined) *Inquiry {
	q.found.Unexamined = why
	q.taken.Store(true)
	close(q.done)
	return q
}

// admit reports why the call cannot be examined, Examined if it can.
func (e *Examiner) admit(source netip.Addr) vedette.Unexamined {
	if e.bad.Load() {
		return vedette.ExaminerFailed
	}
	now := e.cfg.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if d := now.Sub(e.at); d > 0 {
		e.left = min(e.left+time.Duration(min(d, time.Hour).Seconds()*e.cfg.Share*float64(time.Second)), burst)
		e.at = now
	}
	switch {
	case !e.budgets.take(source, now, e.cfg.SourceRate, float64(e.cfg.SourceBurst)):
		return vedette.OverSourceBudget
	case e.left < 0:
		return vedette.OverBudget
	}
	return vedette.Examined
}

// Result returns what was found, and waits for it until the call has been held back for as long as it may be. It is asked once.
func (e *Examiner) Result(q *Inquiry) vedette.Injection {
	found := e.await(q)
	e.stats.count(&found)
	return found
}

func (e *Examiner) await(q *Inquiry) vedette.Injection {
	select {
	case <-q.done:
		return q.found
	default:
	}
	t := time.NewTimer(q.deadline.Sub(e.cfg.Now()))
	defer t.Stop()
	select {
	case <-q.done:
		return q.found
	case <-e.closed:
	case <-t.C:
	}
	q.taken.Store(true) // if nobody has begun, nobody will; else what is found comes too late
	if e.ready.Load() == nil {
		return vedette.Injection{Unexamined: vedette.RulesNotReady}
	}
	return vedette.Injection{Unexamined: vedette.TooLate}
}

// Examine examines a request here and now, without a budget: for recorded traffic.
func (e *Examiner) Examine(r *venue.Request, hide func(*Item)) vedette.Injection {
	e.stats.suspicious.Add(1)
	q := &Inquiry{}
	q.gather(r, hide)
	found := e.examine(q)
	e.stats.count(&found)
	return found
}

// ExamineAll is Examine of every parameter, suspicious or not: what the filter is measured against.
func (e *Examiner) ExamineAll(r *venue.Request) vedette.Injection {
	q := &Inquiry{}
	q.items, q.cut = CollectAll(r)
	return e.examine(q)
}

func (e *Examiner) run() {
	e.rules()
	for {
		select {
		case <-e.closed:
			return
		case q := <-e.jobs:
			if q.taken.CompareAndSwap(false, true) {
				began := time.Now()
				q.found = e.examine(q)
				took := time.Since(began)
				close(q.done)
				e.stats.busy.Add(int64(took))
				e.mu.Lock()
				e.left -= took
				e.mu.Unlock()
			}
		}
	}
}

// rules returns the compiled rules, nil where they cannot be had.
func (e *Examiner) rules() *rules {
	e.compile.Do(func() {
		began := time.Now()
		r, err := compile(e.cfg.Paranoia)
		if err != nil {
			e.bad.Store(true)
			if e.cfg.Failed != nil {
				e.cfg.Failed(err)
			}
			return
		}
		e.stats.compiled.Store(int64(time.Since(began)))
		e.ready.Store(r)
	})
	return e.ready.Load()
}

// examine runs the rules. A panic of theirs is not the monitor's end.
func (e *Examiner) examine(q *Inquiry) (found vedette.Injection) {
	r := e.rules()
	if r == nil {
		return vedette.Injection{Unexamined: vedette.ExaminerFailed}
	}
	defer func() {
		if p := recover(); p != nil {
			e.stats.panics.Add(1)
			e.stats.lastPanic.Store(string(debug.Stack()))
			found = vedette.Injection{Unexamined: vedette.ExaminerFailed}
		}
	}()
	found, first := r.examine(q.items)
	if found.Classes == 0 {
		if q.cut {
			found.Unexamined = vedette.TooLong
		}
		return found
	}
	if first >= 0 {
		tell(&found, &q.items[first])
	}
	return found
}

// tell says where the payload was, as far as that may be told.
func tell(found *vedette.Injection, it *Item) {
	if !it.Nameless && len(it.Name) <= maxName && identifier(it.Name) {
		found.Parameter = it.Name
	}
	if !it.Hidden {
		found.Sample = cut(it.Value)
	}
}

// identifier reports whether a name is one: what is not was invented, and may hold anything.
func identifier(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !alphanumeric(c) && c != '_' && c != '-' && c != '.' && c != '[' && c != ']' {
			return false
		}
	}
	return true
}

// cut shortens a value at a rune's end.
func cut(s string) string {
	if len(s) <= maxSample {
		return s
	}
	n := maxSample
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
