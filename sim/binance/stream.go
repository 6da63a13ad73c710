package binance

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/coder/websocket"

	"vedette/sim/exchange"
)

// serveStreams serves market streams and listen keys: those named in the path or
// query, then those that messages subscribe to.
func (s *Server) serveStreams(c *client, path, query string) {
	s.hub.setCombined(c, strings.HasPrefix(path, "/stream"))
	names := strings.Split(query, "/")
	if _, rest, ok := strings.Cut(path[1:], "/"); ok {
		names = append(names, strings.Split(rest, "/")...)
	}
	for _, n := range names {
		if account := s.hub.listenKeyOf(n); account != "" {
			s.hub.follow(c, account, false)
		} else if s.streamExists(n) {
			s.hub.subscribe(c, n)
		} // a number, as ccxt appends to tell its connections apart, names no stream
	}
	for {
		kind, b, err := c.conn.Read(c.ctx)
		if err != nil {
			return
		}
		if kind == websocket.MessageText {
			c.reply(s.control(c, b))
		}
	}
}

// control answers SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS.
func (s *Server) control(c *client, b []byte) []byte {
	m, err := readMessage(b)
	w := &out{}
	w.raw(`{"result":`)
	bad := func(code int, msg string) []byte {
		w.b = w.b[:0]
		w.raw("{")
		w.key("error")
		w.b = fail(code, msg).append(w.b)
		w.member("id", m.id)
		w.raw("}")
		return w.b
	}
	if err != nil {
		return bad(3, "Invalid JSON")
	}
	switch m.method {
	case "SUBSCRIBE":
		for _, n := range m.stream {
			if !s.streamExists(n) {
				return bad(2, "Invalid request: unknown stream")
			}
		}
		for _, n := range m.stream {
			if !s.hub.subscribe(c, n) {
				return bad(2, "Invalid request: too many streams")
			}
		}
		w.raw("null")
	case "UNSUBSCRIBE":
		s.hub.unsubscribe(c, m.stream)
		w.raw("null")
	case "LIST_SUBSCRIPTIONS":
		names, _ := json.Marshal(s.hub.streamsOf(c))
		w.b = append(w.b, names...)
	default:
		return bad(2, "Invalid request: unknown variant")
	}
	w.member("id", m.id)
	w.raw("}")
	return w.b
}

// Kinds of market stream.
const (
	streamTrade      = "trade"
	streamAggTrade   = "aggTrade"
	streamDepth      = "depth"
	streamBookTicker = "bookTicker"
	streamTicker     = "ticker"
	streamMiniTicker = "miniTicker"
)

// splitStream takes "btcusdt@depth20@100ms" apart: BTCUSDT, depth, 20.
func splitStream(name string) (symbol, kind string, levels int) {
	symbol, kind, ok := strings.Cut(name, "@")
	if !ok {
		return "", "", 0
	}
	symbol = strings.ToUpper(symbol)
	if rest, ok := strings.CutPrefix(kind, streamDepth); ok {
		rest = strings.TrimSuffix(strings.TrimSuffix(rest, "@100ms"), "@1000ms")
		switch rest {
		case "":
			return symbol, streamDepth, 0
		case "5", "10", "20":
			levels, _ = strconv.Atoi(rest)
			return symbol, streamDepth, levels
		}
		return "", "", 0
	}
	return symbol, kind, 0
}

func (s *Server) streamExists(name string) bool {
	symbol, kind, _ := splitStream(name)
	if _, ok := s.symbols[symbol]; !ok {
		return false
	}
	return slices.Contains([]string{streamTrade, streamAggTrade, streamDepth, streamBookTicker, streamTicker, streamMiniTicker}, kind)
}

// Listen keys: the older way to a user data stream.

func (s *Server) listenKeyStart(q *request) *apiError {
	k, ok := s.hub.newListenKey(q.account())
	if !ok {
		return fail(-1003, "Too many listen keys.")
	}
	q.body.raw("{")
	q.body.text("listenKey", k)
	q.body.raw("}")
	return nil
}

func (s *Server) listenKeyKeep(q *request) *apiError {
	if s.hub.listenKeyOf(q.params.get("listenKey")) != q.account() {
		return fail(-1125, "This listenKey does not exist.")
	}
	q.body.raw("{}")
	return nil
}

func (s *Server) listenKeyStop(q *request) *apiError {
	if s.hub.listenKeyOf(q.params.get("listenKey")) != q.account() {
		return fail(-1125, "This listenKey does not exist.")
	}
	s.hub.dropListenKey(q.params.get("listenKey"))
	q.body.raw("{}")
	return nil
}

// listenKeyText is 60 characters, as the venue's.
func listenKeyText(random []byte) string { return hex.EncodeToString(random)[:60] }

// appendTrade appends a trade or aggTrade event.
func (w *out) tradeEvent(kind string, f *exchange.Fill) {
	w.raw("{")
	w.text("e", kind)
	w.time("E", f.Time)
	w.text("s", f.Symbol)
	if kind == streamTrade {
		w.number("t", f.TradeID)
	} else {
		w.number("a", f.TradeID)
		w.number("f", f.TradeID)
		w.number("l", f.TradeID)
	}
	w.units("p", f.Price)
	w.units("q", f.Quantity)
	w.time("T", f.Time)
	w.truth("m", f.Aggressor == sell)
	w.truth("M", true)
	w.raw("}")
}
