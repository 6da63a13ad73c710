package exchange

import "errors"

// Refusals that callers tell apart.
var (
	ErrUnknownSymbol  = errors.New("no such instrument")
	ErrUnknownAsset   = errors.New("no such asset")
	ErrUnknownAccount = errors.New("no such account")
	ErrUnknownOrder   = errors.New("no such open order")
	ErrInsufficient   = errors.New("insufficient balance")
	ErrWouldTake      = errors.New("order would immediately match and take")
	ErrWouldTrigger   = errors.New("stop price would trigger immediately")
	ErrDuplicate      = errors.New("client order id is in use by an open order")
	ErrParameters     = errors.New("parameters do not fit the order type")
	ErrAmendQuantity  = errors.New("new quantity is not below the quantity and above what is filled")
	ErrWithdrawMin    = errors.New("amount is below the least withdrawal")
)

// FilterError says which rule of the instrument an order breaks: PRICE_FILTER,
// LOT_SIZE, NOTIONAL, MAX_NUM_ORDERS or MAX_NUM_ALGO_ORDERS.
type FilterError string

func (e FilterError) Error() string { return "order breaks filter " + string(e) }
