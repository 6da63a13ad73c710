package proxy

import (
	"fmt"
	"time"
)

// check asks every upstream that wants it for its health, in a goroutine of its own each.
func (p *Proxy) check(st *state) {
	now := p.sweep.coarse.Load()
	for _, r := range st.routes {
		every := r.CheckEvery
		if r.CheckPath == "" || every <= 0 || !r.up.checkDue(now, every) {
			continue
		}
		p.serving.Add(1)
		go func() {
			defer p.serving.Done()
			r.up.check(r.CheckPath)
		}()
	}
}

// checkDue claims the next check.
func (u *upstream) checkDue(now int64, every time.Duration) bool {
	next := u.nextCheck.Load()
	return now >= next && u.checking.CompareAndSwap(false, true) && u.nextCheck.CompareAndSwap(next, now+int64(every))
}

// check asks on a connection of its own: it must tell whether new ones can be made.
func (u *upstream) check(path string) {
	defer u.checking.Store(false)
	u.mu.Lock()
	if u.closed || u.open >= u.lim.Load().UpstreamConns {
		u.mu.Unlock()
		return
	}
	u.open++
	u.mu.Unlock()
	l, err := u.dial(nil)
	if err != nil {
		return // counted by dial
	}
	defer u.drop(l)
	l.g.arm(u.sweep, u.lim.Load().ConnectTimeout)
	var a answer
	if _, err = fmt.Fprintf(l, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nUser-Agent: vedette\r\n\r\n", path, u.host); err == nil {
		_, err = l.readHead(&a, u.lim.Load().AnswerHeadBytes)
	}
	if err != nil || a.status >= 500 {
		u.failed()
		return
	}
	u.well()
}
