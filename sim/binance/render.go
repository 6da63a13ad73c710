package binance

import (
	"strconv"
	"time"

	"vedette"
	"vedette/sim/exchange"
)

// out builds JSON by appending. The zero value is empty and usable.
type out struct{ b []byte }

// appendString appends a JSON string.
func appendString(dst []byte, s string) []byte { return exchange.AppendString(dst, s) }

// raw appends text as it is.
func (w *out) raw(s string) { w.b = append(w.b, s...) }

// key begins a member of an object.
func (w *out) key(k string) {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' && w.b[n-1] != '[' {
		w.b = append(w.b, ',')
	}
	w.b = append(w.b, '"')
	w.b = append(w.b, k...)
	w.b = append(w.b, '"', ':')
}

// item begins an element of a list.
func (w *out) item() {
	if n := len(w.b); n > 0 && w.b[n-1] != '[' {
		w.b = append(w.b, ',')
	}
}

func (w *out) text(k, v string)           { w.key(k); w.b = appendString(w.b, v) }
func (w *out) number(k string, v int64)   { w.key(k); w.b = strconv.AppendInt(w.b, v, 10) }
func (w *out) truth(k string, v bool)     { w.key(k); w.b = strconv.AppendBool(w.b, v) }
func (w *out) time(k string, t time.Time) { w.number(k, t.UnixMilli()) }
func (w *out) member(k, raw string)       { w.key(k); w.raw(raw) }

func (w *out) units(k string, v exchange.Units) { w.key(k); w.quoted(v) }

func (w *out) quoted(v exchange.Units) {
	w.b = append(w.b, '"')
	w.b = append(v.Append(w.b), '"')
}

// Names of the venue.
var (
	sideNames    = map[vedette.Side]string{vedette.Buy: "BUY", vedette.Sell: "SELL"}
	tifNames     = map[vedette.TimeInForce]string{vedette.GTC: "GTC", vedette.IOC: "IOC", vedette.FOK: "FOK"}
	typeNames    = []string{"LIMIT", "MARKET", "LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"}
	stateNames   = []string{"NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "REJECTED"}
	preventNames = []string{"NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"}
)

func stateName(o *exchange.Order) string {
	if o.Prevented {
		return "EXPIRED_IN_MATCH"
	}
	return stateNames[o.State]
}

// identity appends what every form of an order begins with.
func (w *out) identity(o *exchange.Order) {
	w.text("symbol", o.Symbol)
	w.number("orderId", o.ID)
	w.number("orderListId", -1)
}

// terms appends what was asked for and what became of it.
func (w *out) terms(o *exchange.Order) {
	quantity := o.Quantity
	if o.Spend > 0 {
		quantity = o.FilledBase
	}
	w.units("price", o.Price)
	w.units("origQty", quantity)
	w.units("executedQty", o.FilledBase)
	w.units("origQuoteOrderQty", o.Spend)
	w.units("cummulativeQuoteQty", o.FilledCost)
	w.text("status", stateName(o))
	w.text("timeInForce", tifNames[o.TimeInForce])
	w.text("type", typeNames[o.Type])
	w.text("side", sideNames[o.Side])
	if o.Stop > 0 {
		w.units("stopPrice", o.Stop)
	}
	w.text("selfTradePreventionMode", preventNames[o.Prevention])
}

// placed appends the answer to a new order: "ACK", "RESULT" or "FULL".
func (w *out) placed(o *exchange.Order, fills []exchange.Fill, form string) {
	w.raw("{")
	w.identity(o)
	w.text("clientOrderId", o.ClientID)
	w.time("transactTime", o.Updated)
	if form != "ACK" {
		w.terms(o)
		w.working(o)
	}
	if form == "FULL" {
		w.member("fills", "[")
		for i := range fills {
			f := &fills[i]
			w.item()
			w.raw("{")
			w.units("price", f.Price)
			w.units("qty", f.Quantity)
			w.units("commission", f.TakerFee)
			w.text("commissionAsset", f.TakerPays)
			w.number("tradeId", f.TradeID)
			w.raw("}")
		}
		w.raw("]")
	}
	w.raw("}")
}

func (w *out) working(o *exchange.Order) {
	if o.Working {
		w.time("workingTime", o.Began)
	} else {
		w.number("workingTime", -1)
	}
}

// cancelled appends the answer to a cancel. cancelID is the client's name for it.
func (w *out) cancelled(o *exchange.Order, cancelID string) {
	w.raw("{")
	w.identity(o)
	w.text("origClientOrderId", o.ClientID)
	w.text("clientOrderId", cancelID)
	w.time("transactTime", o.Updated)
	w.terms(o)
	w.raw("}")
}

// queried appends the answer to a query.
func (w *out) queried(o *exchange.Order) {
	w.raw("{")
	w.identity(o)
	w.text("clientOrderId", o.ClientID)
	w.terms(o)
	if o.Stop == 0 {
		w.units("stopPrice", 0)
	}
	w.units("icebergQty", 0)
	w.time("time", o.Created)
	w.time("updateTime", o.Updated)
	w.truth("isWorking", o.Working)
	w.working(o)
	w.raw("}")
}

// myTrade appends a fill as one of its parties sees it; of a trade with oneself,
// both sides are one account and the taker's is shown.
func (w *out) myTrade(f *exchange.Fill, account string) {
	maker := f.TakerAccount != account
	order, fee, asset, buyer := f.TakerOrder, f.TakerFee, f.TakerPays, f.Aggressor == vedette.Buy
	if maker {
		order, fee, asset, buyer = f.MakerOrder, f.MakerFee, f.MakerPays, !buyer
	}
	w.raw("{")
	w.text("symbol", f.Symbol)
	w.number("id", f.TradeID)
	w.number("orderId", order)
	w.number("orderListId", -1)
	w.units("price", f.Price)
	w.units("qty", f.Quantity)
	w.units("quoteQty", f.Cost)
	w.units("commission", fee)
	w.text("commissionAsset", asset)
	w.time("time", f.Time)
	w.truth("isBuyer", buyer)
	w.truth("isMaker", maker)
	w.truth("isBestMatch", true)
	w.raw("}")
}

// levels appends one side of a book.
func (w *out) levels(k string, levels []exchange.Level) {
	w.member(k, "[")
	for i := range levels {
		w.item()
		w.raw("[")
		w.quoted(levels[i].Price)
		w.raw(",")
		w.quoted(levels[i].Quantity)
		w.raw("]")
	}
	w.raw("]")
}
