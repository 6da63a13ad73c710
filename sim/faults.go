package sim

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// fault is what the venue does to one request before it serves it.
type fault uint8

const (
	// lose holds a request without an answer, as a network that drops it does, and does
	// not carry it out. Its client times out and retries.
	lose fault = iota + 1
	// linger answers late, as a venue at a distance does: identical reads sent at once
	// then overlap, which on one machine they might not.
	linger
)

// faults holds what is to happen to which request, once each.
type faults struct {
	mu   sync.Mutex
	byID map[string]fault // by X-Request-Id
}

func (f *faults) add(id string, what fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byID == nil {
		f.byID = map[string]fault{}
	}
	f.byID[id] = what
}

func (f *faults) take(id string) fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	what := f.byID[id]
	delete(f.byID, id)
	return what
}

func (f *faults) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch f.take(r.Header.Get("X-Request-Id")) {
		case lose:
			_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice a client that leaves
			select {
			case <-r.Context().Done():
			case <-time.After(loseTime):
			}
			panic(http.ErrAbortHandler)
		case linger:
			time.Sleep(lingerTime)
		}
		next.ServeHTTP(w, r)
	})
}
