package exchange

import (
	"time"

	"vedette"
)

// Type is what kind of order it is.
type Type uint8

// The order types.
const (
	Limit           Type = iota
	Market               // takes what is there at any price
	LimitMaker           // refused if it would take
	StopLoss             // a market order once the last price passes Stop against the side
	StopLossLimit        // a limit order then
	TakeProfit           // a market order once the last price passes Stop in favour
	TakeProfitLimit      // a limit order then
)

// waits reports whether an order of this type rests until its trigger.
func (t Type) waits() bool { return t >= StopLoss }

// priced reports whether the order has a limit price.
func (t Type) priced() bool {
	return t == Limit || t == LimitMaker || t == StopLossLimit || t == TakeProfitLimit
}

// State is where an order is in its life.
type State uint8

// The states of an order.
const (
	Open State = iota
	PartlyFilled
	Filled
	Cancelled
	Expired  // the venue ended it: the rest of an IOC, an unfillable FOK, a market order without a counterparty
	Rejected // a triggered stop that could not be paid for
)

// Live reports whether the order can still trade.
func (s State) Live() bool { return s <= PartlyFilled }

// Prevention is what happens when an order would trade with another of its own account.
type Prevention uint8

// The modes of self-trade prevention.
const (
	PreventNone Prevention = iota // they trade
	ExpireTaker                   // the incoming order ends
	ExpireMaker                   // the resting order ends
	ExpireBoth
	preventCount
)

// NewOrder asks for an order.
type NewOrder struct {
	Account     string
	Symbol      string
	ClientID    string // unique among the account's open orders; one is made if empty
	Side        vedette.Side
	Type        Type
	TimeInForce vedette.TimeInForce // GTC, IOC or FOK; TIFNone counts as GTC
	Price       Units               // zero for market orders
	Stop        Units               // trigger, for types that wait
	Quantity    Units               // of the base asset
	Spend       Units               // market orders only: quote amount instead of Quantity
	Prevention  Prevention
}

// Order is an order as it stands.
type Order struct {
	NewOrder
	ID         int64
	State      State
	FilledBase Units
	FilledCost Units // of the quote asset, before fees
	Working    bool  // on the book or executed: not waiting for a trigger
	Prevented  bool  // self-trade prevention ended it
	Created    time.Time
	Updated    time.Time
	Began      time.Time // when it started to work
}

// Remaining is what is still to be filled, in Units of the base asset.
func (o *Order) Remaining() Units { return o.Quantity - o.FilledBase }

// Fill is one match.
type Fill struct {
	TradeID              int64 // counts from 1 per instrument
	Symbol               string
	Price, Quantity      Units
	Cost                 Units // of the quote asset
	Time                 time.Time
	Aggressor            vedette.Side
	MakerOrder           int64
	TakerOrder           int64
	MakerAccount         string
	TakerAccount         string
	MakerFee, TakerFee   Units  // taken from what each receives
	MakerPays, TakerPays string // assets of those fees
}

// order is an order inside the engine.
type order struct {
	Order
	account    *account
	market     *market
	locked     Units // of the asset it pays with, still set aside
	level      *level
	prev, next *order
}

// opposite returns the other side.
func opposite(s vedette.Side) vedette.Side {
	if s == vedette.Buy {
		return vedette.Sell
	}
	return vedette.Buy
}
