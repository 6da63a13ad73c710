package binance

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"

	"vedette"
	"vedette/sim/exchange"
)

func (s *Server) ping(q *request) *apiError {
	q.body.raw("{}")
	return nil
}

func (s *Server) time(q *request) *apiError {
	q.body.raw("{")
	q.body.time("serverTime", q.now)
	q.body.raw("}")
	return nil
}

func (s *Server) systemStatus(q *request) *apiError {
	q.body.raw(`{"status":0,"msg":"normal"}`)
	return nil
}

func (s *Server) exchangeInfo(q *request) *apiError {
	only := map[string]bool{}
	if v := q.params.get("symbol"); v != "" {
		only[v] = true
	}
	if v := q.params.get("symbols"); v != "" {
		var list []string
		if json.Unmarshal([]byte(v), &list) != nil {
			return errIllegal("symbols")
		}
		for _, sym := range list {
			only[sym] = true
		}
	}
	for sym := range only {
		if _, ok := s.symbols[sym]; !ok {
			return fail(-1121, "Invalid symbol.")
		}
	}
	w := &q.body
	w.raw(`{"timezone":"UTC"`)
	w.time("serverTime", q.now)
	w.member("rateLimits", rateLimits)
	w.member("exchangeFilters", "[]")
	if len(only) == 0 {
		w.member("symbols", s.info)
	} else {
		w.member("symbols", string(s.describe(keysOf(only)...)))
	}
	w.raw("}")
	return nil
}

func keysOf(m map[string]bool) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

const rateLimits = `[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000},` +
	`{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":100},` +
	`{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":200000}]`

// noSymbols and nothing answer for the venue's other markets, which are empty here.
func (s *Server) noSymbols(q *request) *apiError {
	q.body.raw(`{"symbols":[]}`)
	return nil
}

func (s *Server) nothing(q *request) *apiError {
	q.body.raw("[]")
	return nil
}

// describe appends the symbols of exchangeInfo, all of them if none is named.
func (s *Server) describe(only ...string) []byte {
	w := &out{}
	w.raw("[")
	for _, in := range s.exchange.Instruments() {
		if len(only) > 0 && !strings.Contains(" "+strings.Join(only, " ")+" ", " "+in.Symbol+" ") {
			continue
		}
		w.item()
		w.raw("{")
		w.text("symbol", in.Symbol)
		w.text("status", "TRADING")
		w.text("baseAsset", in.Base)
		w.number("baseAssetPrecision", 8)
		w.text("quoteAsset", in.Quote)
		for _, k := range []string{"quotePrecision", "quoteAssetPrecision", "baseCommissionPrecision", "quoteCommissionPrecision"} {
			w.number(k, 8)
		}
		w.member("orderTypes", `["LIMIT","LIMIT_MAKER","MARKET","STOP_LOSS","STOP_LOSS_LIMIT","TAKE_PROFIT","TAKE_PROFIT_LIMIT"]`)
		w.truth("icebergAllowed", false)
		w.truth("ocoAllowed", false)
		w.truth("quoteOrderQtyMarketAllowed", true)
		w.truth("cancelReplaceAllowed", true)
		w.truth("amendAllowed", true)
		w.truth("isSpotTradingAllowed", true)
		w.truth("isMarginTradingAllowed", false)
		w.filters(&in)
		w.member("permissions", "[]")
		w.member("permissionSets", `[["SPOT"]]`)
		w.text("defaultSelfTradePreventionMode", "NONE")
		w.member("allowedSelfTradePreventionModes", `["NONE","EXPIRE_TAKER","EXPIRE_MAKER","EXPIRE_BOTH"]`)
		w.raw("}")
	}
	w.raw("]")
	return w.b
}

func (w *out) filters(in *exchange.Instrument) {
	w.member("filters", `[{"filterType":"PRICE_FILTER"`)
	w.units("minPrice", in.Tick)
	w.units("maxPrice", in.MaxPrice)
	w.units("tickSize", in.Tick)
	w.raw(`},{"filterType":"LOT_SIZE"`)
	w.units("minQty", in.Lot)
	w.units("maxQty", in.MaxQuantity)
	w.units("stepSize", in.Lot)
	w.raw(`},{"filterType":"MARKET_LOT_SIZE"`)
	w.units("minQty", 0)
	w.units("maxQty", in.MaxQuantity)
	w.units("stepSize", 0)
	w.raw(`},{"filterType":"NOTIONAL"`)
	w.units("minNotional", in.MinNotional)
	w.truth("applyMinToMarket", true)
	w.units("maxNotional", exchange.MaxUnits)
	w.truth("applyMaxToMarket", false)
	w.number("avgPriceMins", 0)
	w.raw(`},{"filterType":"MAX_NUM_ORDERS"`)
	w.number("maxNumOrders", exchange.MaxOpenOrders)
	w.raw(`},{"filterType":"MAX_NUM_ALGO_ORDERS"`)
	w.number("maxNumAlgoOrders", exchange.MaxStops)
	w.raw("}]")
}

// symbol reads the mandatory symbol.
func (s *Server) symbol(q *request) (string, *apiError) {
	v := q.params.get("symbol")
	if v == "" {
		return "", errMissing("symbol")
	}
	if _, ok := s.symbols[v]; !ok {
		return "", fail(-1121, "Invalid symbol.")
	}
	return v, nil
}

// limit reads the optional limit.
func (q *request) limit(usual, most int) (int, *apiError) {
	v := q.params.get("limit")
	if v == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return 0, errIllegal("limit")
	}
	return min(n, most), nil
}

var depthPool = sync.Pool{New: func() any { return new(exchange.Depth) }}

func (s *Server) depth(q *request) *apiError {
	symbol, e := s.symbol(q)
	if e != nil {
		return e
	}
	n, e := q.limit(100, 5000)
	if e != nil {
		return e
	}
	d := depthPool.Get().(*exchange.Depth)
	defer depthPool.Put(d)
	if err := s.exchange.Depth(symbol, n, d); err != nil {
		return engineError(err)
	}
	q.body.raw("{")
	q.body.number("lastUpdateId", d.Update)
	q.body.levels("bids", d.Bids)
	q.body.levels("asks", d.Asks)
	q.body.raw("}")
	return nil
}

func (s *Server) recent(q *request, usual int) ([]exchange.Fill, *apiError) {
	symbol, e := s.symbol(q)
	if e != nil {
		return nil, e
	}
	n, e := q.limit(usual, 1000)
	if e != nil {
		return nil, e
	}
	fills, err := s.exchange.Trades(symbol, n)
	if err != nil {
		return nil, engineError(err)
	}
	return fills, nil
}

func (s *Server) trades(q *request) *apiError {
	fills, e := s.recent(q, 500)
	if e != nil {
		return e
	}
	w := &q.body
	w.raw("[")
	for i := range fills {
		f := &fills[i]
		w.item()
		w.raw("{")
		w.number("id", f.TradeID)
		w.units("price", f.Price)
		w.units("qty", f.Quantity)
		w.units("quoteQty", f.Cost)
		w.time("time", f.Time)
		w.truth("isBuyerMaker", f.Aggressor == vedette.Sell)
		w.truth("isBestMatch", true)
		w.raw("}")
	}
	w.raw("]")
	return nil
}

func (s *Server) aggTrades(q *request) *apiError {
	fills, e := s.recent(q, 500)
	if e != nil {
		return e
	}
	w := &q.body
	w.raw("[")
	for i := range fills {
		f := &fills[i]
		w.item()
		w.raw("{")
		w.number("a", f.TradeID)
		w.units("p", f.Price)
		w.units("q", f.Quantity)
		w.number("f", f.TradeID)
		w.number("l", f.TradeID)
		w.time("T", f.Time)
		w.truth("m", f.Aggressor == vedette.Sell)
		w.truth("M", true)
		w.raw("}")
	}
	w.raw("]")
	return nil
}

// intervals of klines that the simulation offers.
var intervals = map[string]time.Duration{"1s": time.Second, "1m": time.Minute, "5m": 5 * time.Minute, "15m": 15 * time.Minute,
	"1h": time.Hour, "4h": 4 * time.Hour, "1d": 24 * time.Hour}

// klines are made from the remembered trades only.
func (s *Server) klines(q *request) *apiError {
	d, ok := intervals[q.params.get("interval")]
	if !ok {
		return fail(-1120, "Invalid interval.")
	}
	n, e := q.limit(500, 1000)
	if e != nil {
		return e
	}
	symbol, e := s.symbol(q)
	if e != nil {
		return e
	}
	fills, err := s.exchange.Trades(symbol, 2*exchange.MaxTrades)
	if err != nil {
		return engineError(err)
	}
	candles := candlesOf(fills, d)
	candles = candles[max(0, len(candles)-n):]
	q.body.raw("[")
	for i := range candles {
		q.body.item()
		candles[i].append(&q.body, d)
	}
	q.body.raw("]")
	return nil
}

type candle struct {
	start                  time.Time
	open, high, low, close exchange.Units
	volume, turnover       exchange.Units
	takerVolume, takerCost exchange.Units
	trades                 int64
}

func candlesOf(fills []exchange.Fill, d time.Duration) (out []candle) {
	for i := range fills {
		f := &fills[i]
		start := f.Time.UTC().Truncate(d)
		if len(out) == 0 || !out[len(out)-1].start.Equal(start) {
			out = append(out, candle{start: start, open: f.Price, high: f.Price, low: f.Price})
		}
		c := &out[len(out)-1]
		c.high, c.low, c.close = max(c.high, f.Price), min(c.low, f.Price), f.Price
		c.volume += f.Quantity
		c.turnover += f.Cost
		if f.Aggressor == vedette.Buy {
			c.takerVolume += f.Quantity
			c.takerCost += f.Cost
		}
		c.trades++
	}
	return out
}

func (c *candle) append(w *out, d time.Duration) {
	w.raw("[")
	w.b = strconv.AppendInt(w.b, c.start.UnixMilli(), 10)
	for _, v := range []exchange.Units{c.open, c.high, c.low, c.close, c.volume} {
		w.raw(",")
		w.quoted(v)
	}
	w.raw(",")
	w.b = strconv.AppendInt(w.b, c.start.Add(d).UnixMilli()-1, 10)
	w.raw(",")
	w.quoted(c.turnover)
	w.raw(",")
	w.b = strconv.AppendInt(w.b, c.trades, 10)
	w.raw(",")
	w.quoted(c.takerVolume)
	w.raw(",")
	w.quoted(c.takerCost)
	w.raw(`,"0"]`)
}

func (s *Server) avgPrice(q *request) *apiError {
	symbol, e := s.symbol(q)
	if e != nil {
		return e
	}
	st, err := s.exchange.Stats(symbol)
	if err != nil {
		return engineError(err)
	}
	q.body.raw(`{"mins":5`)
	q.body.units("price", st.Last)
	q.body.time("closeTime", q.now)
	q.body.raw("}")
	return nil
}

// tickers serves one symbol as an object, or all as a list.
func (s *Server) tickers(q *request, one func(*out, *exchange.Stats)) *apiError {
	if q.params.get("symbol") != "" {
		symbol, e := s.symbol(q)
		if e != nil {
			return e
		}
		st, err := s.exchange.Stats(symbol)
		if err != nil {
			return engineError(err)
		}
		q.body.raw("{")
		one(&q.body, &st)
		q.body.raw("}")
		return nil
	}
	q.body.raw("[")
	for _, in := range s.exchange.Instruments() {
		st, err := s.exchange.Stats(in.Symbol)
		if err != nil {
			return engineError(err)
		}
		q.body.item()
		q.body.raw("{")
		one(&q.body, &st)
		q.body.raw("}")
	}
	q.body.raw("]")
	return nil
}

func (s *Server) tickerPrice(q *request) *apiError {
	return s.tickers(q, func(w *out, st *exchange.Stats) {
		w.text("symbol", st.Symbol)
		w.units("price", st.Last)
	})
}

func (s *Server) tickerBook(q *request) *apiError {
	return s.tickers(q, func(w *out, st *exchange.Stats) {
		w.text("symbol", st.Symbol)
		w.units("bidPrice", st.Bid.Price)
		w.units("bidQty", st.Bid.Quantity)
		w.units("askPrice", st.Ask.Price)
		w.units("askQty", st.Ask.Quantity)
	})
}

// ticker24 reports since the exchange started, which in a demo is the last day.
func (s *Server) ticker24(q *request) *apiError {
	return s.tickers(q, func(w *out, st *exchange.Stats) {
		w.text("symbol", st.Symbol)
		w.units("priceChange", st.Last-st.Open)
		w.text("priceChangePercent", percent(st.Last-st.Open, st.Open))
		w.units("weightedAvgPrice", st.Last)
		w.units("prevClosePrice", st.Open)
		w.units("lastPrice", st.Last)
		w.units("lastQty", st.LastSize)
		w.units("bidPrice", st.Bid.Price)
		w.units("bidQty", st.Bid.Quantity)
		w.units("askPrice", st.Ask.Price)
		w.units("askQty", st.Ask.Quantity)
		w.units("openPrice", st.Open)
		w.units("highPrice", st.High)
		w.units("lowPrice", st.Low)
		w.units("volume", st.Volume)
		w.units("quoteVolume", st.Turnover)
		w.time("openTime", st.Time.Add(-24*time.Hour))
		w.time("closeTime", st.Time)
		w.number("firstId", min(1, st.Trades))
		w.number("lastId", st.Trades)
		w.number("count", st.Trades)
	})
}

// percent is a share in per cent with three digits, for display only.
func percent(part, whole exchange.Units) string {
	if whole == 0 {
		return "0.000"
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 3, 64)
}
