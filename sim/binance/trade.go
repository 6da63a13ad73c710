package binance

import (
	"net/http"
	"slices"
	"strconv"

	"vedette"
	"vedette/sim/exchange"
)

// amount reads an optional decimal parameter.
func (q *request) amount(name string) (exchange.Units, *apiError) {
	v := q.params.get(name)
	if v == "" {
		return 0, nil
	}
	u, err := exchange.ParseUnits(v)
	switch {
	case err == exchange.ErrPrecision:
		return 0, fail(-1111, "Parameter '"+name+"' has too much precision.")
	case err != nil:
		return 0, errIllegal(name)
	}
	return u, nil
}

// newOrder reads the parameters of an order.
func (s *Server) newOrder(q *request) (exchange.NewOrder, *apiError) {
	n := exchange.NewOrder{Account: q.account(), ClientID: q.params.get("newClientOrderId")}
	var e *apiError
	if n.Symbol, e = s.symbol(q); e != nil {
		return n, e
	}
	if !clientID(n.ClientID) {
		return n, errIllegal("newClientOrderId")
	}
	switch q.params.get("side") {
	case "BUY":
		n.Side = vedette.Buy
	case "SELL":
		n.Side = vedette.Sell
	case "":
		return n, errMissing("side")
	default:
		return n, fail(-1117, "Invalid side.")
	}
	t := slices.Index(typeNames, q.params.get("type"))
	if t < 0 {
		if q.params.get("type") == "" {
			return n, errMissing("type")
		}
		return n, fail(-1116, "Invalid orderType.")
	}
	n.Type = exchange.Type(t)
	if e := readTerms(q, &n); e != nil {
		return n, e
	}
	return n, complete(&n, q)
}

// readTerms reads prices, quantities, time in force and self-trade prevention.
func readTerms(q *request, n *exchange.NewOrder) (e *apiError) {
	for _, f := range []struct {
		name string
		into *exchange.Units
	}{{"price", &n.Price}, {"stopPrice", &n.Stop}, {"quantity", &n.Quantity}, {"quoteOrderQty", &n.Spend}} {
		if *f.into, e = q.amount(f.name); e != nil {
			return e
		}
	}
	switch q.params.get("timeInForce") {
	case "":
	case "GTC":
		n.TimeInForce = vedette.GTC
	case "IOC":
		n.TimeInForce = vedette.IOC
	case "FOK":
		n.TimeInForce = vedette.FOK
	default:
		return fail(-1115, "Invalid timeInForce.")
	}
	if v := q.params.get("selfTradePreventionMode"); v != "" {
		i := slices.Index(preventNames, v)
		if i < 0 {
			return errIllegal("selfTradePreventionMode")
		}
		n.Prevention = exchange.Prevention(i)
	}
	return nil
}

// complete names the first parameter that the order type wants and lacks.
func complete(n *exchange.NewOrder, q *request) *apiError {
	priced := n.Type == exchange.Limit || n.Type == exchange.StopLossLimit || n.Type == exchange.TakeProfitLimit
	switch {
	case priced && n.TimeInForce == 0:
		return errMissing("timeInForce")
	case n.Quantity == 0 && n.Spend == 0:
		return errMissing("quantity")
	case (priced || n.Type == exchange.LimitMaker) && n.Price == 0:
		return errMissing("price")
	case n.Type >= exchange.StopLoss && n.Stop == 0:
		return errMissing("stopPrice")
	case n.Type == exchange.Market && q.params.get("price") != "":
		return fail(-1106, "Parameter 'price' sent when not required.")
	}
	return nil
}

// clientID checks a client order id against the venue's alphabet; "" is none.
func clientID(s string) bool {
	if len(s) > exchange.MaxClientID {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == ':' || c == '/' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

// answerForm reads newOrderRespType.
func answerForm(q *request, t exchange.Type) (string, *apiError) {
	switch v := q.params.get("newOrderRespType"); v {
	case "ACK", "RESULT", "FULL":
		return v, nil
	case "":
		if t == exchange.Limit || t == exchange.Market {
			return "FULL", nil
		}
		return "ACK", nil
	}
	return "", errIllegal("newOrderRespType")
}

func (s *Server) orderNew(q *request) *apiError {
	n, e := s.newOrder(q)
	if e != nil {
		return e
	}
	form, e := answerForm(q, n.Type)
	if e != nil {
		return e
	}
	o, fills, err := s.exchange.Place(n)
	if err != nil {
		return engineError(err)
	}
	q.body.placed(&o, fills, form)
	return nil
}

func (s *Server) orderTest(q *request) *apiError {
	n, e := s.newOrder(q)
	if e != nil {
		return e
	}
	if err := s.exchange.Check(n); err != nil {
		return engineError(err)
	}
	q.body.raw("{}")
	return nil
}

// ref reads which order a call names, by the two parameters for it.
func (s *Server) ref(q *request, idName, clientName string) (exchange.Ref, *apiError) {
	r := exchange.Ref{Account: q.account(), ClientID: q.params.get(clientName)}
	var e *apiError
	if r.Symbol, e = s.symbol(q); e != nil {
		return r, e
	}
	if v := q.params.get(idName); v != "" {
		id, err := strconv.ParseInt(v, 10, 64)
		if err != nil || id < 1 {
			return r, errIllegal(idName)
		}
		r.ID = id
	}
	if r.ID == 0 && r.ClientID == "" {
		return r, fail(-1102, "Param '"+clientName+"' or '"+idName+"' must be sent, but both were empty/null!")
	}
	return r, nil
}

func (s *Server) orderQuery(q *request) *apiError {
	r, e := s.ref(q, "orderId", "origClientOrderId")
	if e != nil {
		return e
	}
	o, err := s.exchange.Order(r)
	if err != nil {
		return fail(-2013, "Order does not exist.")
	}
	q.body.queried(&o)
	return nil
}

// cancelName is the client's name for a cancel, made from the order's id if it gave none.
func cancelName(q *request, name string, o *exchange.Order) string {
	if v := q.params.get(name); v != "" {
		return v
	}
	return "cancel" + strconv.FormatInt(o.ID, 10)
}

func (s *Server) orderCancel(q *request) *apiError {
	r, e := s.ref(q, "orderId", "origClientOrderId")
	if e != nil {
		return e
	}
	if !clientID(q.params.get("newClientOrderId")) {
		return errIllegal("newClientOrderId")
	}
	o, err := s.exchange.Cancel(r)
	if err != nil {
		return engineError(err)
	}
	q.body.cancelled(&o, cancelName(q, "newClientOrderId", &o))
	return nil
}

func (s *Server) orderReplace(q *request) *apiError {
	r, e := s.ref(q, "cancelOrderId", "cancelOrigClientOrderId")
	if e != nil {
		return e
	}
	mode := q.params.get("cancelReplaceMode")
	if mode != "STOP_ON_FAILURE" && mode != "ALLOW_FAILURE" {
		return errMissing("cancelReplaceMode")
	}
	n, e := s.newOrder(q)
	if e != nil {
		return e
	}
	form, e := answerForm(q, n.Type)
	if e != nil {
		return e
	}
	p := s.exchange.Replace(r, n, mode == "ALLOW_FAILURE")
	w := &out{}
	replacement(w, q, &p, form)
	switch {
	case p.CancelErr == nil && p.PlaceErr == nil:
		q.body.b = append(q.body.b, w.b...)
		return nil
	case p.CancelErr != nil && (!p.Attempted || p.PlaceErr != nil):
		return &apiError{status: http.StatusBadRequest, code: -2022, msg: "Order cancel-replace failed.", data: w.b}
	}
	return &apiError{status: http.StatusConflict, code: -2021, msg: "Order cancel-replace partially failed.", data: w.b}
}

func replacement(w *out, q *request, p *exchange.Replacement, form string) {
	result := func(err error) string {
		if err != nil {
			return "FAILURE"
		}
		return "SUCCESS"
	}
	w.raw("{")
	w.text("cancelResult", result(p.CancelErr))
	if p.Attempted {
		w.text("newOrderResult", result(p.PlaceErr))
	} else {
		w.text("newOrderResult", "NOT_ATTEMPTED")
	}
	w.key("cancelResponse")
	if p.CancelErr != nil {
		w.b = engineError(p.CancelErr).append(w.b)
	} else {
		w.cancelled(&p.Cancelled, cancelName(q, "cancelNewClientOrderId", &p.Cancelled))
	}
	w.key("newOrderResponse")
	switch {
	case !p.Attempted:
		w.raw("null")
	case p.PlaceErr != nil:
		w.b = engineError(p.PlaceErr).append(w.b)
	default:
		w.placed(&p.Order, p.Fills, form)
	}
	w.raw("}")
}

func (s *Server) orderAmend(q *request) *apiError {
	r, e := s.ref(q, "orderId", "origClientOrderId")
	if e != nil {
		return e
	}
	quantity, e := q.amount("newQty")
	if e != nil {
		return e
	}
	name := q.params.get("newClientOrderId")
	switch {
	case quantity == 0:
		return errMissing("newQty")
	case !clientID(name):
		return errIllegal("newClientOrderId")
	}
	before, err := s.exchange.Order(r)
	if err != nil {
		return engineError(err)
	}
	o, err := s.exchange.Amend(r, quantity, name)
	if err != nil {
		return engineError(err)
	}
	w := &q.body
	w.raw("{")
	w.time("transactTime", o.Updated)
	w.number("executionId", o.ID)
	w.member("amendedOrder", "{")
	w.identity(&o)
	w.text("origClientOrderId", before.ClientID)
	w.text("clientOrderId", o.ClientID)
	w.units("price", o.Price)
	w.units("qty", o.Quantity)
	w.units("executedQty", o.FilledBase)
	w.units("preventedQty", 0)
	w.units("quoteOrderQty", 0)
	w.units("cumulativeQuoteQty", o.FilledCost)
	w.text("status", stateName(&o))
	w.text("timeInForce", tifNames[o.TimeInForce])
	w.text("type", typeNames[o.Type])
	w.text("side", sideNames[o.Side])
	w.working(&o)
	w.text("selfTradePreventionMode", preventNames[o.Prevention])
	w.raw("}}")
	return nil
}

// list appends orders as queries show them.
func (q *request) list(orders []exchange.Order) {
	q.body.raw("[")
	for i := range orders {
		q.body.item()
		q.body.queried(&orders[i])
	}
	q.body.raw("]")
}

func (s *Server) openOrders(q *request) *apiError {
	orders, err := s.exchange.Open(q.account(), q.params.get("symbol"))
	if err != nil {
		return engineError(err)
	}
	q.list(orders)
	return nil
}

func (s *Server) cancelAll(q *request) *apiError {
	symbol, e := s.symbol(q)
	if e != nil {
		return e
	}
	orders, err := s.exchange.CancelAll(q.account(), symbol)
	if err != nil {
		return engineError(err)
	}
	q.body.raw("[")
	for i := range orders {
		q.body.item()
		q.body.cancelled(&orders[i], cancelName(q, "newClientOrderId", &orders[i]))
	}
	q.body.raw("]")
	return nil
}

func (s *Server) allOrders(q *request) *apiError {
	symbol, e := s.symbol(q)
	if e != nil {
		return e
	}
	n, e := q.limit(500, 1000)
	if e != nil {
		return e
	}
	orders, err := s.exchange.Orders(q.account(), symbol)
	if err != nil {
		return engineError(err)
	}
	q.list(orders[max(0, len(orders)-n):])
	return nil
}

func (s *Server) myTrades(q *request) *apiError {
	symbol, e := s.symbol(q)
	if e != nil {
		return e
	}
	n, e := q.limit(500, 1000)
	if e != nil {
		return e
	}
	fills, err := s.exchange.Fills(q.account(), symbol)
	if err != nil {
		return engineError(err)
	}
	order := q.params.get("orderId")
	q.body.raw("[")
	for i := max(0, len(fills)-n); i < len(fills); i++ {
		f := &fills[i]
		if order != "" && order != strconv.FormatInt(f.TakerOrder, 10) && order != strconv.FormatInt(f.MakerOrder, 10) {
			continue
		}
		q.body.item()
		q.body.myTrade(f, q.account())
	}
	q.body.raw("]")
	return nil
}
