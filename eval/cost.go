package eval

import (
	"fmt"
	"math"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"vedette"
	"vedette/detect"
)

// CostConfig is what track J is run with.
type CostConfig struct {
	Detectors []*detect.Detector
	Keys      int // 0 for a million
	Visits    int // calls of each key before anything is measured; 0 for 8
	Calls     int // of each measurement; 0 for four times Keys
	// Progress, if set, hears of each part that is over.
	Progress func(part string, calls int, cpu time.Duration)
}

func (c CostConfig) withDefaults() CostConfig {
	if c.Keys == 0 {
		c.Keys = 1_000_000
	}
	if c.Visits == 0 {
		c.Visits = 8
	}
	if c.Calls == 0 {
		c.Calls = 4 * c.Keys
	}
	if c.Progress == nil {
		c.Progress = func(string, int, time.Duration) {}
	}
	return c
}

const (
	// costRound is how long keys take to come by once while state is filled: longer than what is judged as one, and with eight of them what
	// waits in quarantine is learned. costRate is the rate of the calls that are measured, by their own time.
	costRound = 30 * time.Minute
	costRate  = 20_000
	// costChunk calls are made at once, off the clock. They stay in a processor's cache, as those of a sensor do.
	costChunk = 4096
)

// costCase is a way in which keys are chosen.
type costCase struct {
	name  string
	calls int
	every time.Duration
	next  func(i int) int
}

// Cost measures track J: what detection costs with many keys. The processor's time is all of the process's while calls are taken in; making them
// is not in it.
func Cost(c CostConfig) (list []Figure, err error) {
	c = c.withDefaults()
	findings := 0
	e, err := detect.New(detect.Config{Detectors: c.Detectors, Shards: 1, Subjects: c.Keys * 3 / 2, Raise: func(*vedette.Finding) { findings++ }})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	p := newPopulation(c.Keys)
	own := resident() // the program, and what makes the calls
	each := func(yield func(costCase) bool) {
		z, u := newZipf(c.Keys, 1.1), uint64(7)
		_ = yield(costCase{"fill", c.Visits * c.Keys, costRound / time.Duration(c.Keys), p.round}) &&
			yield(costCase{"uniform", c.Calls, time.Second / costRate, func(int) int { return int(step(&u) % uint64(c.Keys)) }}) &&
			yield(costCase{"Zipf 1.1", c.Calls, time.Second / costRate, func(int) int { return z.next(&u) }})
	}
	add := func(name, metric string, v, base float64) {
		f := Figure{Track: "J", Detector: "all", Metric: metric, Value: v, N: c.Keys, Case: name}
		if base != 0 {
			f.Baseline, f.BaselineValue = "token bucket", base
		}
		list = append(list, f)
	}
	var rates []float64
	for w := range each {
		before := findings
		cpu, allocs := p.play(w, func(n uint64, call *vedette.Call) { e.Observe(n, call) }, e.Flush)
		c.Progress(w.name, w.calls, cpu)
		rates = append(rates, float64(w.calls)/cpu.Seconds())
		add(w.name, "allocations_per_call", float64(allocs)/float64(w.calls), 0)
		add(w.name, "findings_per_1000_calls", 1000*float64(findings-before)/float64(w.calls), 0)
	}
	s := e.Stats()
	debug.FreeOSMemory()
	size := resident() - own
	runtime.KeepAlive(e)
	add("", "state_bytes_per_key", float64(s.Bytes)/float64(c.Keys), 0)
	add("", "resident_GiB", float64(size)/(1<<30), 0)
	add("", "evicted", float64(s.Evicted), 0)

	p = newPopulation(c.Keys)
	buckets := map[string]bucket{}
	i := 0
	for w := range each {
		cpu, _ := p.play(w, func(_ uint64, call *vedette.Call) { take(buckets, call) }, func() {})
		base := float64(w.calls) / cpu.Seconds()
		c.Progress(w.name+", token bucket", w.calls, cpu)
		add(w.name, "calls_per_cpu_second", rates[i], base)
		i++
	}
	return list, nil
}

// bucket is the baseline: the least that a limit of calls keeps of a key.
type bucket struct {
	tokens float64
	last   int64
}

func take(m map[string]bucket, c *vedette.Call) bool {
	const rate, burst = 10, 100
	now := c.Time.UnixNano()
	b, ok := m[c.Credential]
	if !ok {
		b, c = bucket{burst, now}, c.Clone()
	}
	b.tokens = min(burst, b.tokens+rate*float64(now-b.last)/1e9)
	b.last = now
	if ok = b.tokens >= 1; ok {
		b.tokens--
	}
	m[c.Credential] = b
	return ok
}

// population makes the calls of many keys, cheaply and always the same.
type population struct {
	keys  int
	n     uint64
	at    time.Time
	rand  uint64
	calls []vedette.Call
	parts [][]vedette.Action
	text  strings.Builder
}

func newPopulation(keys int) *population {
	p := &population{keys: keys, at: start, rand: 1, calls: make([]vedette.Call, costChunk), parts: make([][]vedette.Action, costChunk)}
	for i := range p.parts {
		p.parts[i] = make([]vedette.Action, 4)
	}
	return p
}

// round visits every key once before any a second time, in an order that has nothing to do with their names.
func (p *population) round(i int) int { return int(uint64(i) * 2_654_435_761 % uint64(p.keys)) }

// play makes the calls of a case and hands them to observe; done waits for what was observed. It returns the processor time and the allocations
// of those two.
func (p *population) play(w costCase, observe func(uint64, *vedette.Call), done func()) (cpu time.Duration, allocs uint64) {
	var m runtime.MemStats
	for i := 0; i < w.calls; {
		n := min(costChunk, w.calls-i)
		p.chunk(n, func(j int) int { return w.next(i + j) }, w.every)
		runtime.ReadMemStats(&m)
		was, began := m.Mallocs, processorTime()
		for j := range n {
			p.n++
			observe(p.n, &p.calls[j])
		}
		done()
		cpu += processorTime() - began
		runtime.ReadMemStats(&m)
		allocs += m.Mallocs - was
		i += n
	}
	return cpu, allocs
}

// chunk makes n calls. Their texts lie in one string.
func (p *population) chunk(n int, key func(int) int, every time.Duration) {
	const width = 77
	p.text = strings.Builder{}
	p.text.Grow(n * width)
	for i := range n {
		k := key(i)
		r := step(&p.rand)
		fmt.Fprintf(&p.text, "key-%08d%08xacct-%07downer-%07d%032x", k, uint32(k)*2654435761, accountOf(k), ownerOf(k), r)
	}
	all := p.text.String()
	size := len(all) / n
	for i := range n {
		p.at = p.at.Add(every)
		p.fill(i, keyOf(all[i*size:]), all[i*size:(i+1)*size])
	}
}

// keyOf reads the number out of a key's name.
func keyOf(name string) (k int) {
	for _, c := range name[4:12] {
		k = 10*k + int(c-'0')
	}
	return k
}

// Of four keys of an owner, two belong to one account.
func accountOf(k int) int { return k - k%4/3 }
func ownerOf(k int) int   { return k / 4 }

var (
	costVenues      = []string{"binance", "okx", "bybit", "kraken"}
	costClients     = []string{"ccxt/4.4.1", "python-requests/2.32.1", "desk/1.4", "Go-http-client/2.0", "okhttp/4.12", "axios/1.7.2", "aiohttp/3.9.5", "node-fetch/3.3"}
	costCountries   = []string{"CH", "US", "DE", "JP", "SG", "GB", "KR", "BR", "AE", "HK", "FR", "NL", "CA", "AU", "IN", "TR"}
	costInstruments = numbered("COIN%03dUSDT", 400)
	costPrints      = numbered("t13d1516h2_8daaf6152771_%012x", 200)
	costOrders      = []string{"/api/v3/order", "/api/v5/trade/order", "/v5/order/create", "/0/private/AddOrder"}
	costCancels     = []string{"/api/v3/order", "/api/v5/trade/cancel-order", "/v5/order/cancel", "/0/private/CancelOrder"}
	costBatches     = []string{"/api/v3/batchOrders", "/api/v5/trade/batch-orders", "/v5/order/create-batch", "/0/private/AddOrderBatch"}
	costAccounts    = []string{"/api/v3/account", "/api/v5/account/balance", "/v5/account/wallet-balance", "/0/private/Balance"}
	costQueries     = []string{"/api/v3/openOrders", "/api/v5/trade/orders-pending", "/v5/order/realtime", "/0/private/OpenOrders"}
	costMarkets     = []string{"/api/v3/depth", "/api/v5/market/books", "/v5/market/orderbook", "/0/public/Depth"}
	costWithdrawals = []string{"/sapi/v1/capital/withdraw/apply", "/api/v5/asset/withdrawal", "/v5/asset/withdraw/create", "/0/private/Withdraw"}
)

func numbered(format string, n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf(format, i))
	}
	return list
}

// fill makes the i-th call of the chunk: of key k, whose texts lie in s.
func (p *population) fill(i, k int, s string) {
	h := mixed(uint64(ownerOf(k))) // what the owner's place and software are
	r := step(&p.rand)
	chance := func(of uint64) uint64 { v := r % of; r = r/of ^ r<<32; return v }
	venue := int(h % 4)
	if chance(50) == 0 {
		h = mixed(h) // from the owner's other place
	}
	c := &p.calls[i]
	*c = vedette.Call{Time: p.at, Sensor: "proxy", Venue: costVenues[venue], Source: addressOf(h), JA4: skewed(costPrints, h>>8), Client: skewed(costClients, h>>16),
		Credential: s[:20], Account: s[20:32], Owner: s[32:45], SignatureHash: s[45:77], Method: "POST", Verdict: vedette.Authentic,
		ASN: 64000 + uint32(h>>24%600), Country: skewed(costCountries, h>>32), RequestBytes: 150 + int(chance(100)), Claimed: p.at.Add(-20 * time.Millisecond),
		Answer: vedette.Answer{Status: 200, Outcome: vedette.Accepted, Latency: time.Duration(2+chance(30)) * time.Millisecond, Bytes: 200 + int(chance(2000))}}
	c.Decision.Effect = vedette.Allow
	p.act(c, i, venue, k, chance)
	p.spoil(c, chance)
}

// act decides what the call does, by the kind of client that a key is: of ten, five trade, two quote, two read, one moves money too.
func (p *population) act(c *vedette.Call, i, venue, k int, chance func(uint64) uint64) {
	kind := k % 10
	c.Action = vedette.Action{Instrument: costInstruments[(uint64(k)*7+chance(1+uint64(k%12)))%uint64(len(costInstruments))], Side: vedette.Side(1 + chance(2)), Type: vedette.Limit,
		TimeInForce: vedette.GTC, Price: vedette.NewDecimal(int64(10000+chance(400)), 2), Quantity: vedette.NewDecimal(int64(1+chance(1000)), 2)}
	n := chance(100)
	switch {
	case kind >= 7 && kind < 9 || n >= 75: // reads
		c.Method, c.Action = "GET", vedette.Action{}
		switch n % 3 {
		case 0:
			c.Operation, c.Path = vedette.OpAccountRead, costAccounts[venue]
		case 1:
			c.Operation, c.Path = vedette.OpOrderQuery, costQueries[venue]
		default:
			c.Operation, c.Path, c.Instrument = vedette.OpMarketRead, costMarkets[venue], costInstruments[(k*7+int(n))%len(costInstruments)]
		}
	case kind == 9 && n < 2:
		c.Operation, c.Path = vedette.OpWithdraw, costWithdrawals[venue]
		c.Action = vedette.Action{Operation: c.Operation, Asset: "USDT", Address: c.Account, Quantity: vedette.NewDecimal(int64(100+chance(900)), 0)}
	case n < 2:
		c.Operation, c.Path = vedette.OpOrderBatch, costBatches[venue]
		for j := range p.parts[i] {
			p.parts[i][j] = c.Action
			p.parts[i][j].Operation = vedette.OpOrderNew
		}
		c.Batch = p.parts[i]
	case n < 40:
		c.Operation, c.Path, c.ClientOrderID = vedette.OpOrderNew, costOrders[venue], c.SignatureHash[8:24]
	default:
		c.Operation, c.Path, c.TargetOrderID = vedette.OpOrderCancel, costCancels[venue], c.SignatureHash[8:24]
	}
}

// spoil makes some calls fail, as calls do.
func (p *population) spoil(c *vedette.Call, chance func(uint64) uint64) {
	bad := func(v vedette.Verdict, r vedette.Reason, status int) {
		c.Verdict, c.Reasons, c.Answer.Status, c.Answer.Outcome = v, append(c.Reasons, r), status, vedette.Rejected
	}
	switch n := chance(2000); {
	case n < 40:
		c.Answer.Status, c.Answer.Outcome, c.Answer.Error = 400, vedette.Rejected, "-2010"
	case n < 50:
		c.Answer.Status, c.Answer.Outcome = 429, vedette.Rejected
	case n < 54:
		bad(vedette.Stale, vedette.WindowPassed, 400)
	case n < 56:
		bad(vedette.Unauthorised, vedette.NoPermission, 403)
	case n < 57:
		bad(vedette.Forged, vedette.BadSignature, 401)
	}
}

// addressOf is an owner's address: of 65,536 networks, 256 addresses each.
func addressOf(h uint64) netip.AddrPort {
	h = mixed(h)
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{11 + byte(h>>30&1), byte(h >> 8), byte(h >> 16), byte(h >> 40)}), 40000)
}

// skewed takes one of a list: the first is taken most.
func skewed(list []string, h uint64) string {
	x := float64(h&0xffff) / 0x10000
	return list[int(x*x*x*float64(len(list)))]
}

// zipf draws ranks from 0 by a power law, by the inverse of the continuous distribution, and spreads them over the keys.
type zipf struct{ n, a, top float64 }

func newZipf(n int, s float64) zipf {
	return zipf{float64(n), 1 - s, math.Pow(float64(n)+1, 1-s) - 1}
}

func (z zipf) next(r *uint64) int {
	u := float64(step(r)>>11) / (1 << 53)
	rank := min(math.Pow(1+u*z.top, 1/z.a)-1, z.n-1)
	return int(uint64(rank) * 2_654_435_761 % uint64(z.n))
}

// step is a generator of numbers, and mixed its finaliser (G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators",
// OOPSLA 2014).
func step(x *uint64) uint64 {
	*x += 0x9e3779b97f4a7c15
	return mixed(*x)
}

func mixed(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// processorTime is what the process has used of processors, the system's for it too.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is the memory that the process takes, 0 where the system does not say.
func resident() (n int64) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var total, pages int64
	fmt.Sscan(string(b), &total, &pages)
	return pages * int64(os.Getpagesize())
}
