package detect

import (
	"container/heap"
	"time"

	"vedette"
)

// held puts calls into the order of their times: each waits until one has come that is later by the
// tolerance. Equal times keep the order in which they came.
type held struct {
	calls     waiting
	newest    int64 // of the calls that came
	released  int64 // of the calls that went on
	tolerance int64
	n         uint64
}

type waitingCall struct {
	at       int64
	n        uint64
	position uint64
	call     *vedette.Call
}

// add takes in a copy of a call. It reports false if the call's turn has passed.
func (h *held) add(c *vedette.Call, position uint64, tolerance time.Duration) bool {
	at := c.Time.UnixNano()
	h.tolerance = int64(tolerance)
	if at < h.released && at < h.newest-h.tolerance {
		return false
	}
	h.newest = max(h.newest, at)
	h.n++
	heap.Push(&h.calls, waitingCall{at, h.n, position, c.Clone()})
	return true
}

// next returns the next call whose turn has come.
func (h *held) next() (c *vedette.Call, position uint64, ok bool) {
	if len(h.calls) == 0 || h.calls[0].at > h.newest-h.tolerance && len(h.calls) <= maxHeld {
		return nil, 0, false
	}
	return h.drain()
}

// drain returns the next call, its turn or not.
func (h *held) drain() (c *vedette.Call, position uint64, ok bool) {
	if len(h.calls) == 0 {
		return nil, 0, false
	}
	w := heap.Pop(&h.calls).(waitingCall)
	h.released = max(h.released, w.at)
	return w.call, w.position, true
}

// waiting is a heap, the earliest on top.
type waiting []waitingCall

func (w waiting) Len() int { return len(w) }
func (w waiting) Less(i, j int) bool {
	return w[i].at < w[j].at || w[i].at == w[j].at && w[i].n < w[j].n
}
func (w waiting) Swap(i, j int) { w[i], w[j] = w[j], w[i] }

// Push implements heap.Interface.
func (w *waiting) Push(x any) { *w = append(*w, x.(waitingCall)) }

// Pop implements heap.Interface.
func (w *waiting) Pop() any {
	old := *w
	x := old[len(old)-1]
	old[len(old)-1] = waitingCall{}
	*w = old[:len(old)-1]
	return x
}
