package outbox

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"

	"vedette"
)

// entry is an event that waits; its text is in the file.
type entry struct {
	seq      uint64
	at       int64 // in the file
	size     int64 // bytes of the event
	severity uint8
}

// A record of the file is 'p', the sequence number, the severity and the event; or 'd' and the
// numbers of those that are done.
const entryHead = 10

func (e *entry) record(event []byte) []byte {
	b := make([]byte, entryHead, entryHead+len(event))
	b[0], b[9] = 'p', e.severity
	binary.LittleEndian.PutUint64(b[1:], e.seq)
	return append(b, event...)
}

func doneRecord(list []*entry) []byte {
	b := []byte{'d'}
	for _, e := range list {
		b = binary.LittleEndian.AppendUint64(b, e.seq)
	}
	return b
}

// queue holds what waits: by severity, oldest first, and what is being delivered.
type queue struct {
	next   uint64 // sequence number
	waits  [vedette.Critical + 1][]*entry
	flight []*entry
	n      int   // with flight
	bytes  int64 // with flight

	loading map[uint64]*entry
}

// load takes a record of the file in.
func (q *queue) load(at int64, b []byte) error {
	if q.loading == nil {
		q.loading = map[uint64]*entry{}
	}
	switch {
	case len(b) >= entryHead && b[0] == 'p':
		e := &entry{seq: binary.LittleEndian.Uint64(b[1:]), at: at, size: int64(len(b) - entryHead), severity: min(b[9], uint8(vedette.Critical))}
		q.loading[e.seq] = e
		q.next = max(q.next, e.seq+1)
	case len(b)%8 == 1 && b[0] == 'd':
		for b = b[1:]; len(b) > 0; b = b[8:] {
			delete(q.loading, binary.LittleEndian.Uint64(b))
		}
	default:
		return errors.New("a record is of no known kind: it was written by another program or version")
	}
	return nil
}

// sort ends loading.
func (q *queue) sort() {
	list := make([]*entry, 0, len(q.loading))
	for _, e := range q.loading {
		list = append(list, e)
	}
	q.loading = nil
	slices.SortFunc(list, func(a, b *entry) int { return cmp.Compare(a.seq, b.seq) })
	for _, e := range list {
		q.push(e)
	}
}

func (q *queue) push(e *entry) {
	q.next = max(q.next, e.seq+1)
	q.waits[e.severity] = append(q.waits[e.severity], e)
	q.n++
	q.bytes += e.size
}

// lowest returns the oldest of the lowest severity that is not being delivered.
func (q *queue) lowest() (*entry, bool) {
	for _, list := range q.waits {
		if len(list) > 0 {
			return list[0], true
		}
	}
	return nil, false
}

// drop takes out what lowest returned; settled must follow.
func (q *queue) drop(e *entry) { q.waits[e.severity] = q.waits[e.severity][1:] }

// take moves the n oldest to those being delivered and returns them.
func (q *queue) take(n int) []*entry {
	for len(q.flight) < n {
		var oldest *entry
		for _, list := range q.waits {
			if len(list) > 0 && (oldest == nil || list[0].seq < oldest.seq) {
				oldest = list[0]
			}
		}
		if oldest == nil {
			break
		}
		q.drop(oldest)
		q.flight = append(q.flight, oldest)
	}
	return slices.Clone(q.flight)
}

// settled forgets entries that were dropped or delivered.
func (q *queue) settled(list []*entry) {
	for _, e := range list {
		q.n--
		q.bytes -= e.size
	}
	q.flight = slices.DeleteFunc(q.flight, func(e *entry) bool { return slices.Contains(list, e) })
}

// all returns what waits, in order.
func (q *queue) all() []*entry {
	list := slices.Concat(append(q.waits[:], q.flight)...)
	slices.SortFunc(list, func(a, b *entry) int { return cmp.Compare(a.seq, b.seq) })
	return list
}
