package pipeline

import (
	"math"
	"sync"
	"time"

	"vedette"
)

const (
	// orderAccounts is how many accounts' open orders are followed at once: 16 MiB. Beyond it those of the account
	// that has done nothing about orders for longest are forgotten, among some.
	orderAccounts = 1 << 14
	orderWays     = 4
	orderLocks    = 64
	// ordersEach is how many of an account are told apart. That there are more is noted.
	ordersEach = 48
	// orderLife is how long an order is taken to be open of which nothing more is seen: most end by a fill that no
	// call shows.
	orderLife = 24 * time.Hour
)

// orders estimates how many orders of an account are open, from authentic calls and their answers: placed and taken, and
// since not seen cancelled, filled or expired. It does not know of orders that were placed elsewhere or have no id, nor of
// fills that no call asks after.
type orders struct {
	locks    [orderLocks]sync.Mutex
	accounts [orderAccounts]accountOrders
}

type accountOrders struct {
	who  uint64 // 0 where free
	last int64  // Unix s
	over int64  // when one had to give way to another, Unix s
	list [ordersEach]openOrder
}

// openOrder is known by short hashes of the venue's id and the client's.
type openOrder struct {
	id, client, instrument uint32
	at                     uint32 // Unix s; 0 where free
}

// saw takes in an authentic call. It allocates nothing.
func (o *orders) saw(c *vedette.Call) {
	switch c.Operation {
	case vedette.OpOrderNew, vedette.OpOrderAmend, vedette.OpOrderCancel, vedette.OpOrderCancelAll, vedette.OpOrderBatch, vedette.OpOrderQuery:
	default:
		return
	}
	if c.Account == "" || c.Answer.Outcome == vedette.OutcomeNone || c.Answer.Outcome == vedette.Rejected {
		return
	}
	o.of(c.Venue, c.Account, c.Time.Unix(), true, func(a *accountOrders) {
		a.last = max(a.last, c.Time.Unix())
		if c.Operation != vedette.OpOrderBatch {
			a.take(&c.Action, c.Answer.OrderID, c.Answer.Outcome, c.Time)
		}
		for i := range c.Batch {
			a.take(&c.Batch[i], "", c.Answer.Outcome, c.Time)
		}
	})
}

// of calls f with what is known of an account, with its lock held; not if there is nothing and none is to be made.
func (o *orders) of(venue, account string, at int64, add bool, f func(*accountOrders)) {
	who := hashText(hashText(7, venue), account)
	from := who % (orderAccounts / orderWays) * orderWays
	lock := &o.locks[from/orderWays%orderLocks]
	lock.Lock()
	defer lock.Unlock()
	idlest := &o.accounts[from]
	for i := range uint64(orderWays) {
		a := &o.accounts[from+i]
		if a.who == who {
			f(a)
			return
		}
		if a.last < idlest.last {
			idlest = a
		}
	}
	if add {
		*idlest = accountOrders{who: who, last: at}
		f(idlest)
	}
}

// take takes in what a call, or a part of a batch, did to an order.
func (a *accountOrders) take(x *vedette.Action, id string, outcome vedette.Outcome, at time.Time) {
	order := openOrder{id: fold(id), client: fold(x.ClientOrderID), instrument: fold(x.Instrument), at: uint32(at.Unix())}
	target := openOrder{id: fold(x.TargetOrderID), client: order.client}
	open := outcome == vedette.Accepted || outcome == vedette.PartlyFilled
	switch x.Operation {
	case vedette.OpOrderNew:
		if open && x.Type != vedette.Market && x.TimeInForce != vedette.IOC && x.TimeInForce != vedette.FOK {
			a.add(order)
		}
	case vedette.OpOrderAmend:
		a.remove(target)
		if order.id == 0 {
			order.id = target.id
		}
		if open {
			a.add(order)
		}
	case vedette.OpOrderCancel:
		a.remove(target)
	case vedette.OpOrderQuery:
		if !open {
			a.remove(target)
			a.remove(openOrder{id: order.id})
		}
	case vedette.OpOrderCancelAll:
		a.clear(order.instrument)
	}
}

func (x *openOrder) same(o openOrder) bool {
	return x.at != 0 && (o.id != 0 && (x.id == o.id || x.client == o.id) || o.client != 0 && x.client == o.client)
}

func (a *accountOrders) add(o openOrder) {
	if o.id == 0 && o.client == 0 {
		return // nothing would tell that it has ended
	}
	place := &a.list[0]
	for i := range a.list {
		x := &a.list[i]
		if x.same(o) {
			*x = o
			return
		}
		if x.at < place.at {
			place = x
		}
	}
	if place.at != 0 && o.at-place.at < uint32(orderLife/time.Second) {
		a.over = int64(o.at)
	}
	*place = o
}

func (a *accountOrders) remove(o openOrder) {
	for i := range a.list {
		if a.list[i].same(o) {
			a.list[i] = openOrder{}
		}
	}
}

// clear takes out the orders for an instrument, 0 for all.
func (a *accountOrders) clear(instrument uint32) {
	for i := range a.list {
		if instrument == 0 || a.list[i].instrument == instrument {
			a.list[i] = openOrder{}
		}
	}
	if instrument == 0 {
		a.over = 0
	}
}

// open returns how many orders of an account are taken to be open at a time, and whether there may be more.
func (o *orders) open(venue, account string, at time.Time) (n int, more bool) {
	now, life := at.Unix(), int64(orderLife/time.Second)
	o.of(venue, account, now, false, func(a *accountOrders) {
		for i := range a.list {
			if t := int64(a.list[i].at); t != 0 && now-t < life {
				n++
			}
		}
		more = a.over != 0 && now-a.over < life && n == ordersEach
	})
	return n, more
}

func fold(s string) uint32 {
	if s == "" {
		return 0
	}
	h := hashText(8, s)
	return uint32(max(h>>32^h&math.MaxUint32, 1))
}
