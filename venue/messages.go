package venue

import (
	"vedette"
	"vedette/internal/strictjson"
)

// argsValues reads the only argument of a message, or all of it where the route is
// a batch.
func argsValues(route *Route, root, args strictjson.Value) Values {
	if route != nil && route.Batch != "" {
		return Values{JSON: root}
	}
	if args.Kind() == strictjson.Array {
		return Values{JSON: args.First()}
	}
	return Values{JSON: args}
}

// firstChannel returns the most telling operation among the channels of a
// subscription: any that is not market data.
func firstChannel(args strictjson.Value, name string, op func(channel string) vedette.Operation) vedette.Operation {
	for a := args.First(); a.Exists(); a = a.Next(args) {
		ch := a.Text()
		if a.Kind() == strictjson.Object {
			ch = a.Get(name).Text()
		}
		if o := op(ch); o != vedette.OpMarketRead {
			return o
		}
	}
	return vedette.OpMarketRead
}

// privateReads are the routes of subscriptions by what they read.
var privateReads = [vedette.OpOrderQuery + 1]Route{
	vedette.OpMarketRead:  {Method: WS, Op: vedette.OpMarketRead, Fields: subscriptionFields},
	vedette.OpAccountRead: {Method: WS, Op: vedette.OpAccountRead, Fields: subscriptionFields},
	vedette.OpOrderQuery:  {Method: WS, Op: vedette.OpOrderQuery, Fields: subscriptionFields},
}

var subscriptionFields = &Fields{Instrument: []string{"instId", "symbol"}, Asset: []string{"ccy", "coin"}}

// manyArgs makes a batch of a message that carries more orders than its operation
// takes, so that none goes unseen.
func manyArgs(route *Route, args strictjson.Value, c *vedette.Call) {
	if args.Kind() == strictjson.Array && args.First().Next(args).Exists() && route.changes() {
		many := Route{Op: vedette.OpOrderBatch, Batch: ".", Part: route.Op, Of: route.Fields}
		(*Routes)(nil).MeanAs(&many, "", Values{JSON: args}, c)
	}
}
