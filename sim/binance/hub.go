package binance

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"vedette"
	"vedette/sim/exchange"
)

const sell = vedette.Sell

// hub hands the exchange's events to the connections that follow them. The
// exchange calls take while it is locked, so nothing here may call the exchange
// while hub.mu is held.
type hub struct {
	server *Server
	done   chan struct{}
	ticks  sync.WaitGroup

	mu sync.Mutex
	// guarded by mu
	closed     bool
	clients    map[*client]bool
	streams    map[string]map[*client]bool // by stream name
	kinds      map[string]int              // followers by symbol@kind, to skip what nobody reads
	accounts   map[string][]follower
	lastFollow int64
	listenKeys map[string]string // to account
	books      map[string]*pendingBook
}

// follower is a subscription to an account's user data.
type follower struct {
	client  *client
	id      int64
	wrapped bool // on the WebSocket API events are wrapped with the subscription's id
}

// pendingBook gathers level changes until the next tick.
type pendingBook struct {
	first, last int64
	bids, asks  map[exchange.Units]exchange.Units
	touched     bool // something happened: tickers may have changed
}

func newHub(s *Server, every time.Duration) *hub {
	h := &hub{server: s, done: make(chan struct{}), clients: map[*client]bool{}, streams: map[string]map[*client]bool{},
		kinds: map[string]int{}, accounts: map[string][]follower{}, listenKeys: map[string]string{}, books: map[string]*pendingBook{}}
	for symbol := range s.symbols {
		h.books[symbol] = &pendingBook{bids: map[exchange.Units]exchange.Units{}, asks: map[exchange.Units]exchange.Units{}}
	}
	h.ticks.Go(func() {
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-h.done:
				return
			case <-t.C:
				h.flush()
			}
		}
	})
	return h
}

func (h *hub) close() {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.closed = true
	for c := range h.clients {
		c.end()
	}
	h.mu.Unlock()
	close(h.done)
	h.ticks.Wait()
}

func (h *hub) join(c *client) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.clients[c] = true
	}
	return !h.closed
}

func (h *hub) leave(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, c)
	for name := range c.streams {
		h.drop(c, name)
	}
	h.forget(c)
}

func (h *hub) setCombined(c *client, combined bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.combined = combined
}

func (h *hub) subscribe(c *client, name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.streams[name] {
		return true
	}
	if len(c.streams) >= MaxStreams {
		return false
	}
	c.streams[name] = true
	if h.streams[name] == nil {
		h.streams[name] = map[*client]bool{}
	}
	h.streams[name][c] = true
	symbol, kind, _ := splitStream(name)
	h.kinds[symbol+"@"+kind]++
	return true
}

func (h *hub) unsubscribe(c *client, names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range names {
		if c.streams[n] {
			h.drop(c, n)
		}
	}
}

func (h *hub) drop(c *client, name string) {
	delete(c.streams, name)
	delete(h.streams[name], c)
	if len(h.streams[name]) == 0 {
		delete(h.streams, name)
	}
	symbol, kind, _ := splitStream(name)
	h.kinds[symbol+"@"+kind]--
}

func (h *hub) streamsOf(c *client) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := []string{}
	for n := range c.streams {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// follow subscribes a client to an account's events; doing so again changes nothing.
func (h *hub) follow(c *client, account string, wrapped bool) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.accounts[account] {
		if f.client == c {
			return f.id
		}
	}
	id := h.lastFollow
	h.lastFollow++
	h.accounts[account] = append(h.accounts[account], follower{c, id, wrapped})
	return id
}

func (h *hub) unfollow(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget(c)
}

func (h *hub) forget(c *client) {
	for account, list := range h.accounts {
		list = slices.DeleteFunc(list, func(f follower) bool { return f.client == c })
		if len(list) == 0 {
			delete(h.accounts, account)
		} else {
			h.accounts[account] = list
		}
	}
}

func (h *hub) newListenKey(account string) (string, bool) {
	var random [30]byte
	_, _ = rand.Read(random[:])
	k := listenKeyText(random[:])
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, a := range h.listenKeys {
		if a == account {
			n++
		}
	}
	if n >= MaxListenKeys {
		return "", false
	}
	h.listenKeys[k] = account
	return k, true
}

func (h *hub) listenKeyOf(k string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.listenKeys[k]
}

func (h *hub) dropListenKey(k string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listenKeys, k)
}

// take receives every event of the exchange.
func (h *hub) take(e *exchange.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch e.Kind {
	case exchange.OrderChanged, exchange.BalanceChanged:
		if len(h.accounts[e.Account]) > 0 {
			h.userEvent(e)
		}
	case exchange.Traded:
		h.books[e.Fill.Symbol].touched = true
		for _, kind := range [2]string{streamTrade, streamAggTrade} {
			if h.kinds[e.Fill.Symbol+"@"+kind] > 0 {
				w := &out{}
				w.tradeEvent(kind, e.Fill)
				h.publish(streamName(e.Fill.Symbol, kind), w.b)
			}
		}
	case exchange.LevelChanged:
		b := h.books[e.Level.Symbol]
		b.touched = true
		if h.kinds[e.Level.Symbol+"@"+streamDepth] > 0 {
			b.add(&e.Level)
		}
	}
}

func (b *pendingBook) add(l *exchange.Level) {
	if b.first == 0 {
		b.first = l.Update
	}
	b.last = l.Update
	if l.Side == sell {
		b.asks[l.Price] = l.Quantity
	} else {
		b.bids[l.Price] = l.Quantity
	}
}

// publish hands a message to a stream's followers; the caller holds mu.
func (h *hub) publish(stream string, b []byte) {
	var wrapped []byte
	for c := range h.streams[stream] {
		if !c.combined {
			c.push(b)
			continue
		}
		if wrapped == nil {
			w := &out{}
			w.raw("{")
			w.text("stream", stream)
			w.member("data", string(b))
			w.raw("}")
			wrapped = w.b
		}
		c.push(wrapped)
	}
}
