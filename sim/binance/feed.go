package binance

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"vedette/sim/exchange"
)

func streamName(symbol, kind string) string { return strings.ToLower(symbol) + "@" + kind }

// flush tells the followers of books and tickers what changed since the last tick.
func (h *hub) flush() {
	now := h.server.clock()
	h.mu.Lock()
	var touched []string
	for symbol, b := range h.books {
		if b.first != 0 {
			w := &out{}
			w.depthUpdate(symbol, b, now)
			for _, speed := range [3]string{"", "@100ms", "@1000ms"} {
				h.publish(streamName(symbol, streamDepth+speed), w.b)
			}
			b.first, b.last = 0, 0
			clear(b.bids)
			clear(b.asks)
		}
		if b.touched {
			b.touched = false
			touched = append(touched, symbol)
		}
	}
	h.mu.Unlock()
	for _, symbol := range touched {
		h.flushStats(symbol, now)
		h.flushPartial(symbol)
	}
}

func (h *hub) followed(symbol, kind string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.kinds[symbol+"@"+kind] > 0
}

func (h *hub) flushStats(symbol string, now time.Time) {
	for kind, render := range map[string]func(*out, *exchange.Stats, time.Time){
		streamBookTicker: (*out).bookTicker, streamTicker: (*out).dayTicker, streamMiniTicker: (*out).miniTicker} {
		if !h.followed(symbol, kind) {
			continue
		}
		st, err := h.server.exchange.Stats(symbol)
		if err != nil {
			continue
		}
		w := &out{}
		render(w, &st, now)
		h.mu.Lock()
		h.publish(streamName(symbol, kind), w.b)
		h.mu.Unlock()
	}
}

// flushPartial sends the best levels whole to those who follow depth5, 10 or 20.
func (h *hub) flushPartial(symbol string) {
	if !h.followed(symbol, streamDepth) {
		return
	}
	var d exchange.Depth
	for n, text := range map[int]string{5: "5", 10: "10", 20: "20"} {
		if h.server.exchange.Depth(symbol, n, &d) != nil {
			return
		}
		w := &out{}
		w.raw("{")
		w.number("lastUpdateId", d.Update)
		w.levels("bids", d.Bids)
		w.levels("asks", d.Asks)
		w.raw("}")
		h.mu.Lock()
		for _, speed := range [3]string{"", "@100ms", "@1000ms"} {
			h.publish(streamName(symbol, streamDepth+text+speed), w.b)
		}
		h.mu.Unlock()
	}
}

func (w *out) depthUpdate(symbol string, b *pendingBook, now time.Time) {
	w.raw("{")
	w.text("e", "depthUpdate")
	w.time("E", now)
	w.text("s", symbol)
	w.number("U", b.first)
	w.number("u", b.last)
	w.changes("b", b.bids)
	w.changes("a", b.asks)
	w.raw("}")
}

func (w *out) changes(k string, side map[exchange.Units]exchange.Units) {
	levels := make([]exchange.Level, 0, len(side))
	for _, p := range slices.SortedFunc(maps.Keys(side), cmp.Compare[exchange.Units]) {
		levels = append(levels, exchange.Level{Price: p, Quantity: side[p]})
	}
	w.levels(k, levels)
}

func (w *out) bookTicker(st *exchange.Stats, _ time.Time) {
	w.raw("{")
	w.number("u", st.Trades)
	w.text("s", st.Symbol)
	w.units("b", st.Bid.Price)
	w.units("B", st.Bid.Quantity)
	w.units("a", st.Ask.Price)
	w.units("A", st.Ask.Quantity)
	w.raw("}")
}

func (w *out) miniTicker(st *exchange.Stats, now time.Time) {
	w.raw(`{"e":"24hrMiniTicker"`)
	w.time("E", now)
	w.text("s", st.Symbol)
	w.units("c", st.Last)
	w.units("o", st.Open)
	w.units("h", st.High)
	w.units("l", st.Low)
	w.units("v", st.Volume)
	w.units("q", st.Turnover)
	w.raw("}")
}

func (w *out) dayTicker(st *exchange.Stats, now time.Time) {
	w.raw(`{"e":"24hrTicker"`)
	w.time("E", now)
	w.text("s", st.Symbol)
	w.units("p", st.Last-st.Open)
	w.text("P", percent(st.Last-st.Open, st.Open))
	w.units("w", st.Last)
	w.units("c", st.Last)
	w.units("Q", st.LastSize)
	w.units("b", st.Bid.Price)
	w.units("B", st.Bid.Quantity)
	w.units("a", st.Ask.Price)
	w.units("A", st.Ask.Quantity)
	w.units("o", st.Open)
	w.units("h", st.High)
	w.units("l", st.Low)
	w.units("v", st.Volume)
	w.units("q", st.Turnover)
	w.time("O", st.Time.Add(-24*time.Hour))
	w.time("C", st.Time)
	w.number("n", st.Trades)
	w.raw("}")
}

// userEvent hands an order or balance change to the account's followers; the
// caller holds mu.
func (h *hub) userEvent(e *exchange.Event) {
	var events [][]byte
	if e.Kind == exchange.OrderChanged {
		w := &out{}
		w.executionReport(e)
		events = append(events, w.b)
	} else {
		if e.Delta != 0 {
			w := &out{}
			w.raw(`{"e":"balanceUpdate"`)
			w.time("E", e.Time)
			w.text("a", e.Balances[0].Asset)
			w.units("d", e.Delta)
			w.time("T", e.Time)
			w.raw("}")
			events = append(events, w.b)
		}
		w := &out{}
		w.position(e)
		events = append(events, w.b)
	}
	for _, f := range h.accounts[e.Account] {
		for _, b := range events {
			if f.wrapped {
				w := &out{}
				w.raw("{")
				w.number("subscriptionId", f.id)
				w.member("event", string(b))
				w.raw("}")
				b = w.b
			}
			f.client.push(b)
		}
	}
}

func (w *out) position(e *exchange.Event) {
	w.raw(`{"e":"outboundAccountPosition"`)
	w.time("E", e.Time)
	w.time("u", e.Time)
	w.member("B", "[")
	for _, b := range e.Balances {
		w.item()
		w.raw("{")
		w.text("a", b.Asset)
		w.units("f", b.Free)
		w.units("l", b.Locked)
		w.raw("}")
	}
	w.raw("]}")
}

var executionNames = []string{exchange.Placed: "NEW", exchange.Matched: "TRADE", exchange.UserCancelled: "CANCELED",
	exchange.Amended: "REPLACED", exchange.Triggered: "NEW", exchange.Ended: "EXPIRED", exchange.SelfTrade: "TRADE_PREVENTION"}

func (w *out) executionReport(e *exchange.Event) {
	o := e.Order
	original, name := "", o.ClientID
	if e.Cause == exchange.UserCancelled {
		original, name = o.ClientID, "cancel"
	}
	w.raw(`{"e":"executionReport"`)
	w.time("E", e.Time)
	w.text("s", o.Symbol)
	w.text("c", name)
	w.text("S", sideNames[o.Side])
	w.text("o", typeNames[o.Type])
	w.text("f", tifNames[o.TimeInForce])
	w.units("q", max(o.Quantity, o.FilledBase))
	w.units("p", o.Price)
	w.units("P", o.Stop)
	w.units("F", 0)
	w.number("g", -1)
	w.text("C", original)
	w.text("x", executionNames[e.Cause])
	w.text("X", stateName(o))
	w.text("r", "NONE")
	w.number("i", o.ID)
	w.lastFill(e)
	w.units("z", o.FilledBase)
	w.units("Z", o.FilledCost)
	w.units("Q", o.Spend)
	w.time("T", e.Time)
	w.time("O", o.Created)
	w.truth("w", o.State.Live() && o.Working)
	w.truth("M", false)
	w.text("V", preventNames[o.Prevention])
	w.raw("}")
}

// lastFill appends what the last match did for this order; zeros without one.
func (w *out) lastFill(e *exchange.Event) {
	f := e.Fill
	if f == nil {
		w.units("l", 0)
		w.units("L", 0)
		w.units("n", 0)
		w.member("N", "null")
		w.number("t", -1)
		w.truth("m", false)
		w.units("Y", 0)
		return
	}
	maker := f.MakerOrder == e.Order.ID
	fee, asset := f.TakerFee, f.TakerPays
	if maker {
		fee, asset = f.MakerFee, f.MakerPays
	}
	w.units("l", f.Quantity)
	w.units("L", f.Price)
	w.units("n", fee)
	w.text("N", asset)
	w.number("t", f.TradeID)
	w.truth("m", maker)
	w.units("Y", f.Cost)
}
