package detect

import (
	"errors"
	"math/bits"
	"slices"
	"sync"
	"time"

	"vedette"
)

// Config is what an Engine is made of.
type Config struct {
	Detectors []*Detector
	// Params changes parameters from their defaults: by detector, then parameter.
	Params map[string]map[string]float64
	// Shards is how many goroutines run the detectors; 0 runs them within Observe. Their number
	// changes no finding, nor the order of the findings.
	Shards   int
	Subjects int // of each kind; 0 for DefaultSubjects
	Hash     Hash
	// Tolerance is how late an event may be and still take its place in time: events are held
	// back as long, by the clock of the events themselves. With 0 the order of Observe is the order
	// that counts: a single ledger's.
	Tolerance time.Duration
	// Raise takes findings, one at a time, in the order of the events that caused them. It runs on a
	// goroutine of the engine's and holds later findings up.
	Raise func(*vedette.Finding)
}

// Engine runs detectors over events.
type Engine struct {
	cfg    Config
	params [][]float64 // by detector
	shards []*shard
	held   held
	crowd  *population
	rare   *rarities // both change under mu

	mu       sync.Mutex // what follows, and the order of events
	current  *batch
	flying   int // batches handed to shards and not yet collected
	spare    []*batch
	room     sync.Cond
	closed   bool
	paused   bool   // a snapshot is being written: events gather in current
	pacing   bool   // pace is judging a batch: so do they
	urgent   bool   // current has a call that should not wait for company
	position uint64 // of the newest event
	launched uint64 // of the newest event that the shards have
	stats    Stats

	collect chan *batch   // in order
	few     chan struct{} // events wait that are too few for the shards
	hurry   chan struct{} // they should not wait any longer
	done    chan struct{} // closed when nothing runs any more
}

// Stats is what an engine counts.
type Stats struct {
	Events   uint64 // taken in, parts of batches too
	Late     uint64 // beyond the tolerance: left out
	Refused  uint64 // for lack of room, by Offer
	Findings uint64
	Evicted  uint64         // subjects that gave way to others
	Subjects map[string]int // kept, by kind
	Bytes    int            // of memory that subjects take
}

// batch is what goes to the shards at once.
type batch struct {
	events  []Event
	arena   []byte
	mine    []uint64 // for each event, the shards that own one of its subjects, as bits
	out     []results
	pending sync.WaitGroup
}

// results are a shard's findings of a batch, with their places.
type results struct {
	place []int
	list  []*vedette.Finding
}

func (r *results) add(place int, f *vedette.Finding) {
	r.place, r.list = append(r.place, place), append(r.list, f)
}

// MaxShards bounds Config.Shards.
const MaxShards = 64

// New starts an engine. It fails where a parameter is unknown or two detectors share a name.
func New(cfg Config) (*Engine, error) {
	if cfg.Subjects == 0 {
		cfg.Subjects = DefaultSubjects
	}
	if cfg.Shards < 0 || cfg.Shards > MaxShards {
		return nil, errors.New("cannot start detection: the number of shards is out of range")
	}
	e := &Engine{cfg: cfg, crowd: new(population), rare: new(rarities), collect: make(chan *batch, batchCount+1), few: make(chan struct{}, 1), hurry: make(chan struct{}, 1), done: make(chan struct{})}
	e.room.L = &e.mu
	var err error
	if e.params, err = parameters(cfg.Detectors, cfg.Params); err != nil {
		return nil, err
	}
	n := max(cfg.Shards, 1)
	for i := range n {
		e.shards = append(e.shards, newShard(e, i, cfg.Subjects/n))
	}
	for range batchCount {
		e.spare = append(e.spare, &batch{out: make([]results, n)})
	}
	e.current = e.take()
	if cfg.Shards == 0 {
		close(e.done)
		return e, nil
	}
	for _, s := range e.shards {
		go s.run()
	}
	var running sync.WaitGroup
	running.Go(e.gather)
	running.Go(e.pace)
	go func() {
		running.Wait()
		close(e.done)
	}()
	return e, nil
}

func (e *Engine) take() *batch {
	b := e.spare[len(e.spare)-1]
	e.spare = e.spare[:len(e.spare)-1]
	return b
}

// Observe takes in a call and waits for room. position is where its record stands in the ledger, or
// the line of the input. It keeps nothing of the call.
func (e *Engine) Observe(position uint64, c *vedette.Call) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.await()
	e.accept(position, c)
}

// await waits for room, with the lock held.
func (e *Engine) await() {
	for e.full() && !e.closed {
		e.room.Wait()
	}
}

func (e *Engine) full() bool {
	limit := batchEvents
	switch {
	case e.paused:
		limit = pausedEvents
	case e.pacing:
		limit = batchEvents * batchCount
	}
	return e.cfg.Shards > 0 && len(e.current.events) >= limit
}

// Offer is Observe for who must not wait: it reports false, and counts, where there is no room.
func (e *Engine) Offer(position uint64, c *vedette.Call) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.full() {
		e.stats.Refused++
		return false
	}
	e.accept(position, c)
	return true
}

func (e *Engine) accept(position uint64, c *vedette.Call) {
	if e.closed {
		return
	}
	if e.cfg.Tolerance > 0 {
		if !e.held.add(c, position, e.cfg.Tolerance) {
			e.stats.Late++
			return
		}
		for c, position, ok := e.held.next(); ok; c, position, ok = e.held.next() {
			e.enter(position, c)
		}
		return
	}
	e.enter(position, c)
}

// enter puts a call and the parts of a batch into the current batch of events.
func (e *Engine) enter(position uint64, c *vedette.Call) {
	e.position = position
	b := e.current
	n := len(b.events)
	b.events = append(b.events, Event{})
	ev := &b.events[n]
	b.arena = ev.set(e.cfg.Hash, c, position, b.arena)
	for i := range c.Batch {
		part := b.events[n]
		part.Part, part.Object, part.Address = uint16(i+1), 0, 0
		b.arena = part.setAction(e.cfg.Hash, &c.Batch[i], b.arena)
		b.events = append(b.events, part)
	}
	e.stats.Events += uint64(len(b.events) - n)
	e.urgent = e.urgent || wrong[c.Verdict]
	switch {
	case e.cfg.Shards == 0:
		e.introduce(b)
		e.shards[0].judge(b)
		e.finish(b)
		b.reset()
		e.launched = position
	case e.paused || e.pacing:
	case len(b.events) >= batchEvents && len(e.spare) > 0, e.flying == 0 && len(b.events) >= batchSoon:
		e.launch()
	case e.flying == 0 && (n == 0 || wrong[c.Verdict]):
		e.rouse()
	}
}

// wrong are the verdicts of calls that no rightful client makes: what they may raise is not to wait.
var wrong = [256]bool{vedette.Forged: true, vedette.Stale: true, vedette.Replayed: true, vedette.Unauthorised: true, vedette.Malformed: true}

// rouse has pace look after the current batch, at once if it is urgent.
func (e *Engine) rouse() {
	select {
	case e.few <- struct{}{}:
	default:
	}
	if e.urgent {
		select {
		case e.hurry <- struct{}{}:
		default:
		}
	}
}

// pace judges batches that have waited for company and stayed small, or are urgent. It does so itself: to wake the shards, and
// gather after them, would cost more than the events do, and those wake-ups take processors from whom a client waits for.
func (e *Engine) pace() {
	wait := time.NewTimer(batchWait)
	var hurried time.Time
	for range e.few {
		for more := true; more; {
			wait.Reset(batchWait)
			select {
			case <-wait.C:
			case <-e.hurry:
				if now := time.Now(); now.Sub(hurried) >= hurryEvery {
					hurried = now
				} else {
					<-wait.C
				}
			}
			e.mu.Lock()
			more = len(e.current.events) > 0 && !e.closed
			if !more || e.flying > 0 || e.paused {
				e.mu.Unlock()
				continue
			}
			e.pacing = true
			b := e.leave()
			e.mu.Unlock()
			for _, s := range e.shards {
				s.judge(b)
			}
			e.settle(b)
		}
	}
}

// leave takes the current batch off for judgement.
func (e *Engine) leave() *batch {
	b := e.current
	e.introduce(b)
	for i := range b.events {
		b.mine = append(b.mine, e.owners(&b.events[i]))
	}
	e.launched = e.position
	e.urgent = false
	e.flying++
	e.current = e.take()
	return b
}

// launch hands the current batch to the shards.
func (e *Engine) launch() {
	b := e.leave()
	b.pending.Add(len(e.shards))
	e.collect <- b
	for _, s := range e.shards {
		s.in <- b
	}
}

// introduce tells events of the population, and it of them. It is done where a batch leaves, so that a
// snapshot knows no more of one than of the other.
func (e *Engine) introduce(b *batch) {
	for i := range b.events {
		ev := &b.events[i]
		if ev.Part == 0 {
			e.crowd.observe(ev)
		} else {
			ev.Users, ev.Credentials = b.events[i-1].Users, b.events[i-1].Credentials
		}
		e.rare.meet(ev)
	}
}

// owners returns the shards that own a subject of the event, as bits.
func (e *Engine) owners(ev *Event) (m uint64) {
	for _, key := range ev.Subject {
		if key != 0 {
			m |= 1 << e.shardOf(key)
		}
	}
	return m
}

func (e *Engine) shardOf(key uint64) uint64 {
	hi, _ := bits.Mul64(key, uint64(len(e.shards)))
	return hi
}

// gather hands out the findings of each batch, in order.
func (e *Engine) gather() {
	for b := range e.collect {
		b.pending.Wait()
		e.settle(b)
	}
}

// settle hands out the findings of a judged batch and sees to what has come meanwhile.
func (e *Engine) settle(b *batch) {
	e.finish(b)
	b.reset()
	e.mu.Lock()
	e.flying--
	e.pacing = false
	e.spare = append(e.spare, b)
	switch n := len(e.current.events); {
	case n == 0 || e.paused:
	case n >= batchEvents, e.flying == 0 && n >= batchSoon:
		e.launch()
	case e.flying == 0:
		e.rouse()
	}
	e.room.Broadcast()
	e.mu.Unlock()
}

// finish raises a batch's findings by their places.
func (e *Engine) finish(b *batch) {
	all := results{}
	for i := range b.out {
		all.place = append(all.place, b.out[i].place...)
		all.list = append(all.list, b.out[i].list...)
		b.out[i] = results{place: b.out[i].place[:0], list: b.out[i].list[:0]}
	}
	if len(all.list) == 0 {
		return
	}
	order := make([]int, len(all.list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return all.place[i] - all.place[j] })
	for _, i := range order {
		e.cfg.Raise(all.list[i])
	}
	if e.cfg.Shards > 0 {
		e.mu.Lock()
		defer e.mu.Unlock()
	}
	e.stats.Findings += uint64(len(order))
}

func (b *batch) reset() {
	b.events, b.mine, b.arena = b.events[:0], b.mine[:0], b.arena[:0]
	if cap(b.arena) > batchArena {
		b.arena = nil
	}
}

// Flush waits until everything that was observed has been judged and its findings handed out.
// What is held back for the tolerance is let through first.
func (e *Engine) Flush() {
	e.mu.Lock()
	e.flush()
	e.mu.Unlock()
}

// flush is Flush with the lock held, which is let go meanwhile.
func (e *Engine) flush() {
	for {
		e.await() // before: what drain gives is valid only while nothing else is observed
		c, position, ok := e.held.drain()
		if !ok {
			break
		}
		e.enter(position, c)
	}
	for e.cfg.Shards > 0 && (len(e.current.events) > 0 || e.flying > 0) {
		if e.flying == 0 && !e.paused {
			e.launch()
		}
		e.room.Wait()
	}
}

// Close ends the engine after everything that was observed.
func (e *Engine) Close() {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return
	}
	e.flush()
	e.closed = true
	if e.cfg.Shards > 0 {
		for _, s := range e.shards {
			close(s.in)
		}
		close(e.collect)
		close(e.few)
	}
	e.room.Broadcast()
	e.mu.Unlock()
	<-e.done
}

// pause lets the shards finish what they have and keeps what comes back from them, until resume. One pauses at a time.
func (e *Engine) pause() {
	e.mu.Lock()
	for e.paused {
		e.room.Wait()
	}
	e.paused = true
	for e.flying > 0 {
		e.room.Wait()
	}
	if e.cfg.Shards > 0 { // without shards every call runs them: it has to wait
		e.mu.Unlock()
	}
}

func (e *Engine) resume() {
	if e.cfg.Shards > 0 {
		e.mu.Lock()
	}
	e.paused = false
	if len(e.current.events) > 0 {
		e.launch()
	}
	e.room.Broadcast()
	e.mu.Unlock()
}

// Stats returns the counts. What it says of subjects is as of the last batch.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	s := e.stats
	e.mu.Unlock()
	s.Subjects = map[string]int{}
	for _, sh := range e.shards {
		sh.mu.Lock()
		for k, n := range sh.size.subjects {
			if sh.tables[k] != nil {
				s.Subjects[Kind(k).String()] += n
			}
		}
		s.Evicted += sh.size.evicted
		s.Bytes += sh.size.bytes
		sh.mu.Unlock()
	}
	return s
}
