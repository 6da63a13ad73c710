package vedette

import (
	"fmt"
	"strings"
)

// enum gives the small enumerations of this package one way to print and parse.
type enum interface{ ~uint8 }

func enumName[E enum](names []string, e E) string {
	if int(e) < len(names) {
		return names[e]
	}
	return fmt.Sprintf("invalid(%d)", uint8(e))
}

func enumParse[E enum](kind string, names []string, s string, e *E) error {
	for i, n := range names {
		if n == s {
			*e = E(i)
			return nil
		}
	}
	if names[0] == "" { // what was not said is no choice
		names = names[1:]
	}
	return fmt.Errorf("cannot read %s %q: want one of %q", kind, strings.Clone(s), names) // a clone, so that s costs nothing where it is right
}

// Protocol is how a call travelled.
type Protocol uint8

// The protocols.
const (
	HTTP Protocol = iota
	WebSocket
	FIX
)

var protocolNames = []string{"http", "websocket", "fix"}

func (p Protocol) String() string { return enumName(protocolNames, p) }

// MarshalText returns the name used in every format of ours.
func (p Protocol) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (p *Protocol) UnmarshalText(b []byte) error {
	return enumParse("protocol", protocolNames, string(b), p)
}

// Operation is what a call does in the domain.
type Operation uint8

// The operations. OpUnknown is an endpoint that the dialect does not know.
const (
	OpUnknown Operation = iota
	OpSessionLogin
	OpSessionLogout
	OpMarketRead
	OpAccountRead
	OpOrderQuery
	OpOrderNew
	OpOrderAmend
	OpOrderCancel
	OpOrderCancelAll
	OpOrderBatch
	OpWithdraw
	OpTransfer
	OpDepositAddress
	OpKeyCreate
	OpKeyChange
	OpKeyDelete
	OpMFAChange
	OpAllowlistChange
	OpUserLogin
	OpPasswordChange
	OpAdmin
	OpSetting // leverage, margin and position modes: what traders set for their own trading
	opCount
)

// Operations is the number of operations; every Operation is below it.
const Operations = int(opCount)

var operationNames = []string{"unknown", "session.login", "session.logout", "market.read", "account.read", "order.query",
	"order.new", "order.amend", "order.cancel", "order.cancel_all", "order.batch", "withdraw", "transfer",
	"deposit.address", "key.create", "key.change", "key.delete", "mfa.change", "allowlist.change", "user.login",
	"password.change", "admin", "setting.change"}

func (o Operation) String() string { return enumName(operationNames, o) }

// MarshalText returns the name used in every format of ours.
func (o Operation) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (o *Operation) UnmarshalText(b []byte) error {
	return enumParse("operation", operationNames, string(b), o)
}

// Permission is what a credential may do, as a set of bits.
type Permission uint8

// The permissions.
const (
	PermRead Permission = 1 << iota
	PermTrade
	PermWithdraw
	PermTransfer
	PermAdmin
)

// PermissionNames are the names of the permission bits, lowest first.
var PermissionNames = []string{"read", "trade", "withdraw", "transfer", "admin"}

// Needs returns the permission that a credential must hold for the operation;
// 0 where none is needed (market data, log-ins) or none is known.
func (o Operation) Needs() Permission {
	switch o {
	case OpAccountRead, OpOrderQuery, OpDepositAddress:
		return PermRead
	case OpOrderNew, OpOrderAmend, OpOrderCancel, OpOrderCancelAll, OpOrderBatch, OpSetting:
		return PermTrade
	case OpWithdraw:
		return PermWithdraw
	case OpTransfer:
		return PermTransfer
	case OpKeyCreate, OpKeyChange, OpKeyDelete, OpMFAChange, OpAllowlistChange, OpPasswordChange, OpAdmin:
		return PermAdmin
	}
	return 0
}

// Changes reports whether the operation alters something at the venue: such a
// call must never be carried out twice.
func (o Operation) Changes() bool {
	switch o {
	case OpMarketRead, OpAccountRead, OpOrderQuery, OpSessionLogin, OpSessionLogout:
		return false
	}
	return true
}

// Side of an order.
type Side uint8

// The sides.
const (
	SideNone Side = iota
	Buy
	Sell
)

var sideNames = []string{"", "buy", "sell"}

func (s Side) String() string { return enumName(sideNames, s) }

// MarshalText returns the name used in every format of ours.
func (s Side) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (s *Side) UnmarshalText(b []byte) error { return enumParse("side", sideNames, string(b), s) }

// OrderType of an order.
type OrderType uint8

// The order types.
const (
	TypeNone OrderType = iota
	Limit
	Market
	Stop
	StopLimit
)

var orderTypeNames = []string{"", "limit", "market", "stop", "stop_limit"}

func (t OrderType) String() string { return enumName(orderTypeNames, t) }

// MarshalText returns the name used in every format of ours.
func (t OrderType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (t *OrderType) UnmarshalText(b []byte) error {
	return enumParse("order type", orderTypeNames, string(b), t)
}

// TimeInForce of an order.
type TimeInForce uint8

// The times in force.
const (
	TIFNone TimeInForce = iota
	GTC
	IOC
	FOK
	GTD
	Day
)

var tifNames = []string{"", "gtc", "ioc", "fok", "gtd", "day"}

func (t TimeInForce) String() string { return enumName(tifNames, t) }

// MarshalText returns the name used in every format of ours.
func (t TimeInForce) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (t *TimeInForce) UnmarshalText(b []byte) error {
	return enumParse("time in force", tifNames, string(b), t)
}

// Outcome is what a venue made of a call.
type Outcome uint8

// The outcomes. OutcomeNone means that the answer says nothing about it.
const (
	OutcomeNone Outcome = iota
	Accepted
	Rejected
	PartlyFilled
	Filled
	Cancelled
	Expired
)

var outcomeNames = []string{"", "accepted", "rejected", "partly_filled", "filled", "cancelled", "expired"}

func (o Outcome) String() string { return enumName(outcomeNames, o) }

// MarshalText returns the name used in every format of ours.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (o *Outcome) UnmarshalText(b []byte) error {
	return enumParse("outcome", outcomeNames, string(b), o)
}
