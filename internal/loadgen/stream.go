//go:build unix

package loadgen

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"time"
)

// streamTick is how often a stream looks at its connections: what is due within it goes out together.
const streamTick = 200 * time.Microsecond

// lane is a connection of a stream.
type lane struct {
	*Conn
	due  time.Time // of the request under way
	have int       // bytes of its answer
}

// Stream makes an open loop of load until stop is closed: o.Rate requests per second, each on any connection that has none under
// way. One thread sees to all connections and waits for none of them, so that it takes less processor time
// than Run; in exchange it sees an answer up to 0.2 ms late. What was due before the warm-up ended is not counted. o.For is not used.
func Stream(o Options, stop <-chan struct{}) (*Result, error) {
	Exact()
	var idle, busy []*lane
	for range o.Conns {
		c, err := Dial(o.Addr)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		if err := syscall.SetNonblock(c.fd, true); err != nil {
			return nil, fmt.Errorf("cannot take socket over: %w", err)
		}
		idle = append(idle, &lane{Conn: c})
	}
	r := &Result{}
	gap := time.Duration(float64(time.Second) / o.Rate)
	due := time.Now()
	from := due.Add(o.Warmup)
	for n := 0; ; {
		now := time.Now()
		select {
		case <-stop:
			r.Elapsed = now.Sub(from)
			return r, nil
		default:
		}
		waiting := busy[:0]
		for _, l := range busy {
			status, err := l.receive()
			switch {
			case err != nil:
				return nil, err
			case status == 0:
				waiting = append(waiting, l)
				continue
			}
			if idle = append(idle, l); l.due.After(from) {
				r.count(status, now.Sub(l.due))
			}
		}
		busy = waiting
		for ; len(idle) > 0 && !due.After(now); due = due.Add(gap) {
			l := idle[len(idle)-1]
			idle = idle[:len(idle)-1]
			busy = append(busy, l)
			l.out, l.due, l.have = o.Request(n, l.out[:0]), due, 0
			n++
			if sent, err := syscall.Write(l.fd, l.out); err != nil || sent < len(l.out) { // nothing else is under way: there is room
				return nil, fmt.Errorf("cannot send: %d of %d bytes: %w", sent, len(l.out), err)
			}
		}
		SleepUntil(now.Add(streamTick))
	}
}

// receive reads what there is of an answer. The status is 0 until it is whole.
func (l *lane) receive() (status int, err error) {
	n, err := syscall.Read(l.fd, l.in[l.have:])
	switch {
	case err == syscall.EAGAIN, err == syscall.EINTR:
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("cannot receive: %w", err)
	case n == 0:
		return 0, errors.New("cannot receive: server closed the connection")
	}
	l.have += n
	end := messageEnd(l.in[:l.have])
	switch {
	case end > 0 && l.have >= end:
		return strconv.Atoi(string(l.in[9:12]))
	case l.have == len(l.in):
		return 0, errors.New("cannot receive: answer over 64 KiB")
	}
	return 0, nil
}

// count counts an answer.
func (r *Result) count(status int, took time.Duration) {
	r.Requests++
	if status >= 400 {
		r.Failed++
	}
	r.Latency.Add(took)
}
