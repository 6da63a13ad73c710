package binance

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vedette"
	"vedette/sim/exchange"
)

// Config is what a Server is made of.
type Config struct {
	Exchange *exchange.Exchange // required
	Clock    func() time.Time   // what timestamps are judged by; required
	Keys     []Key
	// WeightPerMinute limits the request weight of a key (or of all calls without
	// one) as the venue does; 0 counts but never refuses.
	WeightPerMinute int64
	// DepthInterval is how often depth streams tell; 100 ms if zero.
	DepthInterval time.Duration
}

// Server is the venue's API. It is an http.Handler for REST, for the WebSocket API
// under /ws-api/v3, and for streams under /ws and /stream.
type Server struct {
	exchange *exchange.Exchange
	clock    func() time.Time
	symbols  map[string]exchange.Instrument
	limit    int64
	hub      *hub
	info     string // the symbols part of exchangeInfo
	requests atomic.Int64

	mu   sync.RWMutex
	keys map[string]*key

	weightMu sync.Mutex
	minute   int64
	weights  map[string]int64 // by key id, in the minute

	stop func()
}

// New makes a server; Close ends its streams.
func New(c Config) (*Server, error) {
	if c.Exchange == nil || c.Clock == nil {
		return nil, errors.New("cannot make venue: no exchange or no clock")
	}
	if c.DepthInterval <= 0 {
		c.DepthInterval = 100 * time.Millisecond
	}
	s := &Server{exchange: c.Exchange, clock: c.Clock, limit: c.WeightPerMinute, keys: map[string]*key{},
		symbols: map[string]exchange.Instrument{}, weights: map[string]int64{}}
	for _, in := range c.Exchange.Instruments() {
		s.symbols[in.Symbol] = in
	}
	s.info = string(s.describe())
	for _, k := range c.Keys {
		if err := s.AddKey(k); err != nil {
			return nil, err
		}
	}
	s.hub = newHub(s, c.DepthInterval)
	s.stop = c.Exchange.Listen(s.hub.take)
	return s, nil
}

// AddKey makes a key known, or replaces the one of that id.
func (s *Server) AddKey(k Key) error {
	n, err := newKey(k)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[k.ID] = n
	return nil
}

// DeleteKey makes a key unknown.
func (s *Server) DeleteKey(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, id)
}

// Requests is how many REST requests and WebSocket API messages reached the venue.
func (s *Server) Requests() int64 { return s.requests.Load() }

// Close ends all WebSocket connections and stops listening to the exchange.
func (s *Server) Close() {
	s.stop()
	s.hub.close()
}

// security is what a call must prove.
type security uint8

const (
	public     security = iota
	keyed               // names a known key, unsigned
	signedCall          // signed by a known key
)

// route is one operation of the API, whichever way it is called.
type route struct {
	security   security
	permission vedette.Permission
	weight     int64
	serve      func(*Server, *request) *apiError
}

// request is one call in progress.
type request struct {
	params  params
	key     *key // nil for public calls
	now     time.Time
	body    out      // the result
	session *session // of the WebSocket API, nil for REST
}

func (q *request) account() string { return q.key.Account }

var requestPool = sync.Pool{New: func() any { return new(request) }}

// ServeHTTP serves REST and upgrades WebSockets.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if r.Method == http.MethodGet && r.Header.Get("Upgrade") != "" {
		s.serveWebSocket(w, r)
		return
	}
	s.requests.Add(1)
	q := requestPool.Get().(*request)
	*q = request{now: s.clock(), params: params{list: q.params.list[:0]}, body: out{b: q.body.b[:0]}}
	rt, e := findRoute(path, r.Method)
	if e == nil {
		e = s.serveREST(rt, q, w, r)
	}
	status := http.StatusOK
	if e != nil {
		status = e.status
		q.body.b = e.append(q.body.b[:0])
	}
	h := w.Header()
	h["Content-Type"] = jsonType
	w.WriteHeader(status)
	_, _ = w.Write(q.body.b)
	if cap(q.body.b) <= MaxBody {
		requestPool.Put(q)
	}
}

var jsonType = []string{"application/json;charset=UTF-8"}

func findRoute(path, method string) (*route, *apiError) {
	methods, ok := restRoutes[path]
	if !ok {
		return nil, &apiError{status: http.StatusNotFound, code: -1000, msg: "Path not found."}
	}
	rt, ok := methods[method]
	if !ok {
		return nil, &apiError{status: http.StatusMethodNotAllowed, code: -1000, msg: "Request method '" + method + "' not supported."}
	}
	return rt, nil
}

// serveREST reads, authenticates, accounts and serves one REST call.
func (s *Server) serveREST(rt *route, q *request, w http.ResponseWriter, r *http.Request) *apiError {
	body := ""
	if r.ContentLength != 0 {
		var err error
		if body, err = readBody(r); err != nil {
			return &apiError{status: http.StatusRequestEntityTooLarge, code: -1000, msg: "Request too large or cut short."}
		}
	}
	for _, raw := range [2]string{r.URL.RawQuery, body} {
		if err := q.params.form(raw); err != nil {
			return parseError(err)
		}
	}
	if rt.security != public {
		q1, q2 := unsigned(r.URL.RawQuery)
		b1, b2 := unsigned(body)
		if e := s.authenticate(rt, q, r.Header.Get("X-MBX-APIKEY"), q1, q2, b1, b2); e != nil {
			return e
		}
	}
	used, e := s.weigh(q, rt.weight)
	h := w.Header()
	h["X-Mbx-Used-Weight"] = []string{strconv.FormatInt(used, 10)}
	h["X-Mbx-Used-Weight-1m"] = h["X-Mbx-Used-Weight"]
	if e != nil {
		h.Set("Retry-After", strconv.Itoa(60-q.now.Second()))
		return e
	}
	return rt.serve(s, q)
}

func readBody(r *http.Request) (string, error) {
	if r.ContentLength > MaxBody {
		return "", errParams
	}
	if n := r.ContentLength; n > 0 {
		var b strings.Builder
		b.Grow(int(n))
		if _, err := io.CopyN(&b, r.Body, n); err != nil {
			return "", err
		}
		return b.String(), nil
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err == nil && len(b) > MaxBody {
		err = errParams
	}
	return string(b), err
}

// authenticate finds the key and, where the route wants it, checks signature, time
// and permission. payload is what was signed.
func (s *Server) authenticate(rt *route, q *request, id string, payload ...string) *apiError {
	if id == "" || len(id) > 128 {
		return errKeyFormat()
	}
	s.mu.RLock()
	k := s.keys[id]
	s.mu.RUnlock()
	if k == nil {
		return errKeyRejected()
	}
	q.key = k
	if rt.security == keyed {
		return nil
	}
	if q.params.signature == "" {
		return errMissing("signature")
	}
	if e := fresh(&q.params, q.now); e != nil {
		return e
	}
	if !k.verify(q.params.signature, payload...) {
		return errSignature()
	}
	return permitted(k, rt)
}

func permitted(k *key, rt *route) *apiError {
	if k.Permissions&rt.permission != rt.permission {
		return errKeyRejected()
	}
	return nil
}

// weigh counts a call against its key's minute.
func (s *Server) weigh(q *request, weight int64) (int64, *apiError) {
	id := ""
	if q.key != nil {
		id = q.key.ID
	}
	s.weightMu.Lock()
	defer s.weightMu.Unlock()
	if m := q.now.Unix() / 60; m != s.minute {
		s.minute = m
		clear(s.weights)
	}
	s.weights[id] += weight
	used := s.weights[id]
	if s.limit > 0 && used > s.limit {
		return used, &apiError{status: http.StatusTooManyRequests, code: -1003,
			msg: "Too much request weight used; current limit is " + strconv.FormatInt(s.limit, 10) + " request weight per 1 MINUTE."}
	}
	return used, nil
}
