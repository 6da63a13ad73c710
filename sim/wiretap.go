package sim

import (
	"sync"
	"time"

	"vedette/sim/client"
)

// wiretap is what an attacker on the line has heard: the latest answered signed
// requests of every key.
type wiretap struct {
	mu    sync.Mutex
	byKey map[string][]heard
}

// heard is a request on the line and what it did.
type heard struct {
	client.Request
	op client.Op
	at time.Time // of its answer
}

func (w *wiretap) heard(r client.Request, op client.Op) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byKey == nil {
		w.byKey = map[string][]heard{}
	}
	list := append(w.byKey[r.Key], heard{r, op, time.Now()})
	if len(list) > tapped {
		list = list[1:]
	}
	w.byKey[r.Key] = list
}

// latest takes the newest request of a key that fits, unless it is too old to be
// accepted for long. It is given out once, so that each action works with another one.
func (w *wiretap) latest(key string, fits func(heard) bool) (heard, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.byKey[key]
	for i := len(list) - 1; i >= 0; i-- {
		if h := list[i]; time.Since(h.at) < freshFor && fits(h) {
			w.byKey[key] = append(list[:i:i], list[i+1:]...)
			return h, true
		}
	}
	return heard{}, false
}
