package detect

import (
	"container/heap"
	"time"

	"vedette"
)

// held puts calls into the order of their times: each waits until one has come that is later by the
// tolerance. Equal times keep the order in which they came.
type held struct {
	rising    queue   // calls that came in the order of their times, as nearly all do
	others    waiting // those that an earlier one of rising was later than
	spare     []*waitingCall
	newest    int64 // of the calls that came
	released  int64 // of the calls that went on
	tolerance int64
	n         uint64
}

// waitingCall is a copy of a call. Its memory is used again for others.
type waitingCall struct {
	at       int64
	n        uint64
	position uint64
	call     vedette.Call
	text     []byte // of the call
}

func (w *waitingCall) before(o *waitingCall) bool { return w.at < o.at || w.at == o.at && w.n < o.n }

// add takes in a copy of a call. It reports false if the call's turn has passed.
func (h *held) add(c *vedette.Call, position uint64, tolerance time.Duration) bool {
	at := c.Time.UnixNano()
	h.tolerance = int64(tolerance)
	if at < h.released && at < h.newest-h.tolerance {
		return false
	}
	h.newest = max(h.newest, at)
	h.n++
	w := h.memory()
	w.at, w.n, w.position = at, h.n, position
	w.text = c.CopyTo(&w.call, w.text)
	if last := h.rising.last(); last != nil && w.before(last) {
		heap.Push(&h.others, w)
	} else {
		h.rising.push(w)
	}
	return true
}

func (h *held) memory() *waitingCall {
	n := len(h.spare)
	if n == 0 {
		return &waitingCall{}
	}
	w := h.spare[n-1]
	h.spare = h.spare[:n-1]
	if cap(w.text) > keptText || cap(w.call.Batch) > keptParts { // or each would become as large as the largest call that it ever held
		return &waitingCall{}
	}
	return w
}

// first returns the earliest call, nil if there is none, and whether it is of those that came in order.
func (h *held) first() (w *waitingCall, rising bool) {
	w = h.rising.first()
	if len(h.others) > 0 && (w == nil || h.others[0].before(w)) {
		return h.others[0], false
	}
	return w, true
}

// next returns the next call whose turn has come. It is valid until the next add.
func (h *held) next() (c *vedette.Call, position uint64, ok bool) {
	w, rising := h.first()
	if w == nil || w.at > h.newest-h.tolerance && h.rising.len()+len(h.others) <= maxHeld {
		return nil, 0, false
	}
	return h.release(w, rising)
}

// drain returns the next call, its turn or not. It is valid until the next add.
func (h *held) drain() (c *vedette.Call, position uint64, ok bool) {
	w, rising := h.first()
	if w == nil {
		return nil, 0, false
	}
	return h.release(w, rising)
}

func (h *held) release(w *waitingCall, rising bool) (*vedette.Call, uint64, bool) {
	if rising {
		h.rising.pop()
	} else {
		heap.Pop(&h.others)
	}
	h.released = max(h.released, w.at)
	h.spare = append(h.spare, w)
	return &w.call, w.position, true
}

// queue gives calls in the order in which it got them.
type queue struct {
	list []*waitingCall
	gone int // of the list
}

func (q *queue) len() int { return len(q.list) - q.gone }

func (q *queue) first() *waitingCall {
	if q.len() == 0 {
		return nil
	}
	return q.list[q.gone]
}

func (q *queue) last() *waitingCall {
	if q.len() == 0 {
		return nil
	}
	return q.list[len(q.list)-1]
}

func (q *queue) push(w *waitingCall) {
	if len(q.list) == cap(q.list) && q.gone > len(q.list)/2 { // each is moved at most once
		q.list = q.list[:copy(q.list, q.list[q.gone:])]
		q.gone = 0
	}
	q.list = append(q.list, w)
}

func (q *queue) pop() { q.gone++ }

// waiting is a heap, the earliest on top.
type waiting []*waitingCall

func (w waiting) Len() int           { return len(w) }
func (w waiting) Less(i, j int) bool { return w[i].before(w[j]) }
func (w waiting) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }

// Push implements heap.Interface.
func (w *waiting) Push(x any) { *w = append(*w, x.(*waitingCall)) }

// Pop implements heap.Interface.
func (w *waiting) Pop() any {
	old := *w
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*w = old[:len(old)-1]
	return x
}
