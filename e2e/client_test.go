package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vedette/sim/client"
	"vedette/sim/simtest"
)

// trader is a well-behaved client of the monitor.
type trader struct {
	*client.Signer
	wire *client.Wire
	t    testing.TB
}

// serial makes client order ids unique over a test run.
var serial atomic.Int64

// newTrader returns a client with the key that reaches the venue through the monitor.
func newTrader(m *monitor, k simtest.Key) *trader {
	w := &client.Wire{REST: m.url, WS: strings.Replace(m.url, "http", "ws", 1), UserAgent: "trader/1"}
	return &trader{&client.Signer{Key: k.ID, Secret: k.Secret, Clock: time.Now, Window: time.Minute}, w.Open(patience), m.t}
}

// order makes an order that rests in the book, with an id of its own.
func (c *trader) order() client.Request {
	id := fmt.Sprintf("e2e-%d", serial.Add(1))
	return c.REST(client.OrderNew, client.P("symbol", "BTCUSDT", "side", "BUY", "type", "LIMIT", "timeInForce", "GTC", "quantity", "0.001",
		"price", "10000", "newClientOrderId", id))
}

func (c *trader) withdrawal() client.Request {
	return c.REST(client.Withdraw, client.P("coin", "BTC", "address", simtest.Allowed, "amount", "0.002"))
}

func (c *trader) account() client.Request { return c.REST(client.Account, nil) }

// do sends and expects an answer.
func (c *trader) do(r client.Request) client.Answer {
	c.t.Helper()
	a, err := c.wire.Do(context.Background(), r)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// want sends and holds the answer against status and the venue's error code.
func (c *trader) want(what string, r client.Request, status, code int) client.Answer {
	c.t.Helper()
	a := c.do(r)
	if a.Status != status || a.Code != code {
		c.t.Errorf("%s: %d %s, want %d and code %d", what, a.Status, a.Body, status, code)
	}
	return a
}

// again sends the same bytes with other connections.
func (c *trader) again(r client.Request) client.Answer {
	c.t.Helper()
	c.wire.Reconnect()
	return c.do(r)
}
