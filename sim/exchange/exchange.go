package exchange

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"vedette"
)

// Config is what an Exchange is made of.
type Config struct {
	// Clock tells the time of every event. Required.
	Clock func() time.Time
	// Assets that accounts can hold.
	Assets []Asset
	// Instruments that trade.
	Instruments []Instrument
	// MakerFee and TakerFee are in millionths of what is received.
	MakerFee, TakerFee int64
	// WithdrawDelay is how long a withdrawal stays in processing.
	WithdrawDelay time.Duration
}

// Asset is something that accounts hold.
type Asset struct {
	Name        string
	Network     string // the chain it is withdrawn on
	WithdrawFee Units
	WithdrawMin Units // least amount, fee included
}

// Instrument is a pair that trades, with its filters.
type Instrument struct {
	Symbol      string
	Base, Quote string // assets
	Tick        Units  // prices are multiples of it
	Lot         Units  // quantities are multiples of it
	MinNotional Units  // least price times quantity of an order
	MaxPrice    Units
	MaxQuantity Units
}

// Exchange is the engine. Its methods may be called from any goroutine; each takes
// effect as a whole.
type Exchange struct {
	clock       func() time.Time
	assets      []Asset
	instruments []Instrument
	makerFee    Units
	takerFee    Units
	delay       time.Duration

	mu sync.Mutex
	// guarded by mu
	assetIndex map[string]int
	markets    map[string]*market
	accounts   map[string]*account
	orders     map[int64]*order // live ones, and closed ones still in a history
	lastOrder  int64
	lastMove   int64 // id of the last deposit, withdrawal or transfer
	fees       []Units
	supply     []Units // deposited less withdrawn
	listeners  []*listener
	sequence   uint64
	now        time.Time // of the call in progress
}

// market is one instrument at work.
type market struct {
	Instrument
	base, quote int // assets
	bids, asks  ladder
	waiting     []*order // stops, oldest first
	last        Units    // price of the last trade
	lastTrade   int64
	update      int64 // counts level changes
	trades      []Fill
	open, high  Units // since the start
	low         Units
	volume      Units
	turnover    Units
}

// New makes an exchange without accounts. It fails if the configuration is
// contradictory.
func New(c Config) (*Exchange, error) {
	if c.Clock == nil {
		return nil, errors.New("cannot make exchange: no clock")
	}
	if c.MakerFee < 0 || c.TakerFee < 0 || c.MakerFee >= million || c.TakerFee >= million {
		return nil, errors.New("cannot make exchange: a fee is outside 0 to 999999 millionths")
	}
	x := &Exchange{
		clock: c.Clock, makerFee: Units(c.MakerFee), takerFee: Units(c.TakerFee), delay: c.WithdrawDelay,
		assets: append([]Asset(nil), c.Assets...), instruments: append([]Instrument(nil), c.Instruments...),
		assetIndex: map[string]int{}, markets: map[string]*market{}, accounts: map[string]*account{},
		orders: map[int64]*order{}, fees: make([]Units, len(c.Assets)), supply: make([]Units, len(c.Assets)),
	}
	for i, a := range c.Assets {
		if _, dup := x.assetIndex[a.Name]; dup || a.Name == "" {
			return nil, fmt.Errorf("cannot add asset %q: empty or twice", a.Name)
		}
		x.assetIndex[a.Name] = i
	}
	for _, in := range c.Instruments {
		if err := x.add(in); err != nil {
			return nil, fmt.Errorf("cannot add instrument %q: %w", in.Symbol, err)
		}
	}
	return x, nil
}

const million = 1_000_000

func (x *Exchange) add(in Instrument) error {
	base, ok := x.assetIndex[in.Base]
	quote, ok2 := x.assetIndex[in.Quote]
	if _, dup := x.markets[in.Symbol]; dup || !ok || !ok2 || base == quote || in.Symbol == "" {
		return errors.New("name taken or assets unknown")
	}
	if in.Tick <= 0 || in.Lot <= 0 || in.MaxPrice < in.Tick || in.MaxQuantity < in.Lot {
		return errors.New("tick, lot or limits are not positive")
	}
	if _, exact, ok := mulDiv(in.Tick, in.Lot, One); !exact || !ok {
		return errors.New("tick times lot is no whole number of quote units")
	}
	if _, _, ok := mulDiv(in.MaxPrice, in.MaxQuantity, One); !ok || in.MaxQuantity > MaxUnits/million {
		return errors.New("largest order is beyond what the engine counts")
	}
	x.markets[in.Symbol] = &market{Instrument: in, base: base, quote: quote,
		bids: ladder{side: vedette.Buy}, asks: ladder{side: vedette.Sell}}
	return nil
}

// Instruments lists what trades, in the order of the configuration.
func (x *Exchange) Instruments() []Instrument { return append([]Instrument(nil), x.instruments...) }

// Assets lists what accounts can hold, in the order of the configuration.
func (x *Exchange) Assets() []Asset { return append([]Asset(nil), x.assets...) }

// lock takes the engine for one call and fixes its time.
func (x *Exchange) lock() {
	x.mu.Lock()
	x.now = x.clock()
}

// side returns the ladder of a side.
func (m *market) side(s vedette.Side) *ladder {
	if s == vedette.Buy {
		return &m.bids
	}
	return &m.asks
}
