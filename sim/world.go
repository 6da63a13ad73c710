package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"vedette/sim/binance"
	"vedette/sim/exchange"
)

// Config is what a World is made of. The zero value of every field but Seed has a
// default.
type Config struct {
	Seed     uint64
	Clock    func() time.Time // what calls are stamped and judged by; time.Now if nil
	Traders  int              // 20 if zero
	Rate     float64          // calls a second of all traders together; 200 if zero
	Duration time.Duration    // how long they trade; 60 s if zero
	Attacks  int              // campaigns; one of every variant if zero, none if negative
	// Addresses gives every trader and attacker a source address of its own, sent in
	// X-Forwarded-For: for a monitor that trusts the loopback hop.
	Addresses bool
}

// World is the venue with everybody who has a key to it.
type World struct {
	config   Config
	exchange *exchange.Exchange
	api      *binance.Server
	walks    []*walk
	traders  []*trader
	plan     []campaign
	faults   faults

	server *http.Server
	addr   string
}

// markets of the simulation: instruments and where their prices start.
var markets = []struct {
	exchange.Instrument
	start string
}{
	{instrument("BTC", "0.01", "0.00001"), "20000"},
	{instrument("ETH", "0.01", "0.0001"), "1500"},
	{instrument("SOL", "0.01", "0.001"), "40"},
}

func instrument(base, tick, lot string) exchange.Instrument {
	u := exchange.MustUnits
	return exchange.Instrument{Symbol: base + "USDT", Base: base, Quote: "USDT", Tick: u(tick), Lot: u(lot), MinNotional: u("5"),
		MaxPrice: u("1000000"), MaxQuantity: u("9000")}
}

// New makes a world and starts its venue on a loopback port that the kernel chooses.
// Close ends it.
func New(c Config) (*World, error) {
	switch {
	case c.Traders == 0:
		c.Traders = 20
	case c.Traders < 0 || c.Traders > maxTraders:
		return nil, fmt.Errorf("cannot make population of %d: want 1 to %d", c.Traders, maxTraders)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Rate <= 0 {
		c.Rate = 200
	}
	if c.Duration <= 0 {
		c.Duration = time.Minute
	}
	w := &World{config: c}
	if err := w.openExchange(); err != nil {
		return nil, err
	}
	w.populate()
	if err := w.fund(); err != nil {
		return nil, err
	}
	w.plan = w.planAttacks()
	return w, w.serve()
}

func (w *World) openExchange() (err error) {
	u := exchange.MustUnits
	c := exchange.Config{Clock: w.config.Clock, MakerFee: 1000, TakerFee: 1000, WithdrawDelay: 5 * time.Second,
		Assets: []exchange.Asset{{Name: "USDT", Network: "ETH", WithdrawFee: u("1"), WithdrawMin: u("10")},
			{Name: "BTC", Network: "BTC", WithdrawFee: u("0.0001"), WithdrawMin: u("0.001")},
			{Name: "ETH", Network: "ETH", WithdrawFee: u("0.001"), WithdrawMin: u("0.01")},
			{Name: "SOL", Network: "SOL", WithdrawFee: u("0.01"), WithdrawMin: u("0.1")}}}
	for i, m := range markets {
		c.Instruments = append(c.Instruments, m.Instrument)
		w.walks = append(w.walks, newWalk(w.config.Seed, i, u(m.start), m.Tick))
	}
	w.exchange, err = exchange.New(c)
	return err
}

// fund opens every account with more than it can lose.
func (w *World) fund() error {
	for _, t := range w.traders {
		w.exchange.OpenAccount(t.account)
		for asset, amount := range map[string]string{"USDT": "500000", "BTC": "25", "ETH": "300", "SOL": "10000"} {
			if _, err := w.exchange.Deposit(t.account, asset, exchange.MustUnits(amount)); err != nil {
				return fmt.Errorf("cannot fund account: %w", err)
			}
		}
	}
	return nil
}

func (w *World) serve() error {
	var keys []binance.Key
	for _, t := range w.traders {
		for _, k := range t.keys {
			keys = append(keys, k.venueKey())
		}
	}
	api, err := binance.New(binance.Config{Exchange: w.exchange, Clock: w.config.Clock, Keys: keys})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		api.Close()
		return fmt.Errorf("cannot start venue: %w", err)
	}
	w.api, w.addr = api, l.Addr().String()
	w.server = &http.Server{Handler: w.faults.wrap(api), ReadHeaderTimeout: 10 * time.Second}
	go w.server.Serve(l)
	return nil
}

// Addr is the venue's address, host:port: the monitor's upstream.
func (w *World) Addr() string { return w.addr }

// REST and WS are the venue's own base URLs, for clients that skip the monitor.
func (w *World) REST() string { return "http://" + w.addr }

// WS is the base URL of the venue's WebSockets.
func (w *World) WS() string { return "ws://" + w.addr }

// Exchange is the engine behind the venue, for its events and its audit.
func (w *World) Exchange() *exchange.Exchange { return w.exchange }

// Venue is the venue's API, for its request count.
func (w *World) Venue() *binance.Server { return w.api }

// Close stops the venue.
func (w *World) Close() error {
	w.api.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := w.server.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("cannot stop venue: %w", err)
	}
	return w.server.Close()
}
