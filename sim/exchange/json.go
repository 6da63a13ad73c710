package exchange

import (
	"strconv"
	"time"

	"vedette"
)

// AppendJSON appends an event as a line of the event format (docs/formats.md),
// without the line's end; nothing for kinds that the format does not carry.
func AppendJSON(dst []byte, venue string, e *Event) []byte {
	w := line{dst}
	switch e.Kind {
	case OrderChanged:
		w.order(venue, e)
	case Traded:
		f := e.Fill
		w.begin("fill", venue, e.Time)
		w.text("instrument", f.Symbol)
		w.units("price", f.Price)
		w.units("quantity", f.Quantity)
		w.text("aggressor", f.Aggressor.String())
		w.text("trade_id", strconv.FormatInt(f.TradeID, 10))
		w.text("maker_order_id", strconv.FormatInt(f.MakerOrder, 10))
		w.text("maker_account", f.MakerAccount)
		w.text("taker_order_id", strconv.FormatInt(f.TakerOrder, 10))
		w.text("taker_account", f.TakerAccount)
	case LevelChanged:
		w.level(venue, e)
	case MoveMade:
		kind := map[MoveKind]string{Deposited: "deposit", Withdrawn: "withdrawal"}[e.Move.Kind]
		if kind == "" {
			return dst
		}
		w.begin("account", venue, e.Time)
		w.text("account", e.Move.Account)
		w.text("kind", kind)
		w.text("detail", e.Move.Amount.String()+" "+e.Move.Asset)
	default:
		return dst
	}
	return append(w.b, '}')
}

type line struct{ b []byte }

func (w *line) begin(event, venue string, at time.Time) {
	w.b = append(append(append(w.b, `{"event":"`...), event...), `","time":"`...)
	w.b = append(at.UTC().AppendFormat(w.b, time.RFC3339Nano), '"')
	w.text("venue", venue)
}

// text writes a field whose value needs no escaping beyond strconv's for ASCII.
func (w *line) text(key, v string) {
	w.b = append(append(append(w.b, `,"`...), key...), `":`...)
	w.b = AppendString(w.b, v)
}

func (w *line) units(key string, v Units) {
	w.b = append(append(append(w.b, `,"`...), key...), `":"`...)
	w.b = append(v.Append(w.b), '"')
}

func (w *line) order(venue string, e *Event) {
	o := e.Order
	state := map[State]string{Filled: "filled", Cancelled: "cancelled", Expired: "expired", Rejected: "rejected"}[o.State]
	if state == "" {
		state = "open"
	}
	if e.Cause == Amended {
		state = "amended"
	}
	reason := map[Cause]string{UserCancelled: "user", Amended: "amend", SelfTrade: "self_trade_prevention"}[e.Cause]
	if e.Cause == Ended && o.TimeInForce == vedette.IOC {
		reason = "ioc_remainder"
	}
	w.begin("order", venue, e.Time)
	w.text("instrument", o.Symbol)
	w.text("account", o.Account)
	w.text("order_id", strconv.FormatInt(o.ID, 10))
	w.text("state", state)
	w.text("side", o.Side.String())
	w.units("price", o.Price)
	w.units("quantity", o.Quantity)
	w.units("remaining", max(0, o.Remaining()))
	if o.Stop > 0 {
		w.units("stop_price", o.Stop)
	}
	if reason != "" {
		w.text("reason", reason)
	}
}

func (w *line) level(venue string, e *Event) {
	l := e.Level
	w.begin("book", venue, e.Time)
	w.text("instrument", l.Symbol)
	w.text("kind", "delta")
	w.b = append(w.b, `,"sequence":`...)
	w.b = strconv.AppendInt(w.b, l.Update, 10)
	w.b = append(w.b, `,"previous":`...)
	w.b = strconv.AppendInt(w.b, l.Update-1, 10)
	sides := [2]string{`,"bids":[`, `,"asks":[`}
	for i, side := range []vedette.Side{vedette.Buy, vedette.Sell} {
		w.b = append(w.b, sides[i]...)
		if side == l.Side {
			w.b = append(w.b, `["`...)
			w.b = append(l.Price.Append(w.b), `","`...)
			w.b = append(l.Quantity.Append(w.b), `"]`...)
		}
		w.b = append(w.b, ']')
	}
}

// AppendString appends a JSON string. Bytes outside printable ASCII are written as
// escapes, so that any input gives valid JSON.
func AppendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r >= 0x20 && r < 0x7f:
			dst = append(dst, byte(r))
		case r >= 0x10000:
			r -= 0x10000
			for _, u := range [2]rune{0xd800 + r>>10, 0xdc00 + r&0x3ff} {
				dst = append(dst, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15])
			}
		default:
			dst = append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		}
	}
	return append(dst, '"')
}
