package exchange

// Limits of the engine.
const (
	// MaxUnits bounds every price, quantity and supply, in Units (10^-8): forty
	// thousand million of anything, so that sums of two never overflow int64.
	MaxUnits Units = 4_000_000_000_000_000_000
	// MaxOpenOrders is how many orders of one account may be open in one instrument,
	// as the venue's filter MAX_NUM_ORDERS.
	MaxOpenOrders = 200
	// MaxStops is how many of them may wait for a trigger, as MAX_NUM_ALGO_ORDERS.
	MaxStops = 5
	// MaxHistory is how many closed orders, and how many fills, deposits and
	// withdrawals, an account remembers of each: a demo may run for days.
	MaxHistory = 1000
	// MaxTrades is how many public trades an instrument remembers.
	MaxTrades = 1000
	// MaxClientID is the longest client order id, in bytes, as at the venue.
	MaxClientID = 36
)
