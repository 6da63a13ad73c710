package outbox

import (
	"context"
	"errors"
	"time"

	"vedette/respond"
)

// run delivers until Close.
func (o *Outbox) run() {
	defer o.wg.Done()
	defer o.cancel()
	var last time.Time
	for attempt := 0; ; {
		entries, events := o.next()
		if len(entries) == 0 {
			if o.closing.Load() {
				return
			}
			select {
			case <-o.wake:
			case <-o.life.Done():
			}
			if o.life.Err() != nil {
				return
			}
			continue
		}
		if wait := o.Every - time.Since(last); wait > 0 && !last.IsZero() {
			if !o.sleep(wait) {
				return
			}
			entries, events = o.next() // with what has come meanwhile
		}
		err := o.attempt(entries, events)
		last = time.Now()
		if err == nil {
			attempt = 0
			continue
		}
		attempt++
		if !o.sleep(o.pause(attempt, err)) {
			return
		}
	}
}

// sleep waits, and reports whether delivery goes on.
func (o *Outbox) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-o.life.Done():
		return false
	}
}

func (o *Outbox) pause(attempt int, err error) time.Duration {
	d := o.Delay(attempt)
	var later *Later
	if errors.As(err, &later) {
		d = max(d, min(later.After, maxWait))
	}
	return d
}

// next returns the oldest events. One that cannot be read any more is given up.
func (o *Outbox) next() (entries []*entry, events []respond.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, en := range o.queue.take(o.Batch) {
		e, err := o.read(en)
		if err != nil {
			o.stats.Dropped++
			o.done([]*entry{en})
			continue
		}
		entries, events = append(entries, en), append(events, e)
	}
	return entries, events
}

// attempt hands over a batch, and one by one where the receiver refuses it for good.
func (o *Outbox) attempt(entries []*entry, events []respond.Event) error {
	err := o.deliver(events)
	if err == nil || !errors.Is(err, ErrRefused) {
		return o.settle(entries, events, err)
	}
	if len(entries) == 1 {
		return o.settle(entries, events, err)
	}
	for i := range entries {
		err := o.deliver(events[i : i+1])
		if err = o.settle(entries[i:i+1], events[i:i+1], err); err != nil {
			return err
		}
	}
	return nil
}

func (o *Outbox) deliver(events []respond.Event) error {
	ctx, cancel := context.WithTimeout(o.life, attemptTime)
	defer cancel()
	return o.Deliver(ctx, events)
}

// settle notes how an attempt ended, and returns the error if it is to be made again.
func (o *Outbox) settle(entries []*entry, events []respond.Event, err error) error {
	o.mu.Lock()
	first := err != nil && o.stats.Down == ""
	o.stats.Down = ""
	refused := errors.Is(err, ErrRefused)
	switch {
	case err == nil:
		o.stats.Sent += uint64(len(entries))
		o.done(entries)
	case refused:
		o.stats.Refused += uint64(len(entries))
		o.done(entries)
	default:
		o.stats.Retried++
		o.stats.Down = err.Error()
	}
	o.mu.Unlock()
	if refused {
		for _, e := range events {
			if o.Lost != nil {
				o.Lost(e, err)
			}
		}
		return nil
	}
	if first && o.Failed != nil && o.life.Err() == nil {
		o.Failed(err)
	}
	return err
}

// sync makes what came durable, at most every syncEvery.
func (o *Outbox) sync() {
	defer o.wg.Done()
	for {
		select {
		case <-o.dirty:
		case <-o.life.Done():
			return
		}
		o.sleep(syncEvery)
		o.files.RLock()
		err := o.journal.Sync()
		o.files.RUnlock()
		if err != nil { // only a rewrite makes it good
			o.mu.Lock()
			o.compact()
			o.mu.Unlock()
		}
	}
}
