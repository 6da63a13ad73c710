// Package client speaks the Binance dialect for simulated traders.
package client

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxAnswer bounds what is read of an answer, in bytes: a whole book is below it.
const maxAnswer = 4 << 20

// Op is an operation of the API: where it lives over REST, and what the WebSocket
// API calls it ("" where it has no such form).
type Op struct {
	Method, Path string
	Message      string
	Signed       bool
}

// The operations that traders use.
var (
	Ping         = Op{"GET", "/api/v3/ping", "ping", false}
	Depth        = Op{"GET", "/api/v3/depth", "depth", false}
	Price        = Op{"GET", "/api/v3/ticker/price", "ticker.price", false}
	Account      = Op{"GET", "/api/v3/account", "account.status", true}
	OrderNew     = Op{"POST", "/api/v3/order", "order.place", true}
	OrderQuery   = Op{"GET", "/api/v3/order", "order.status", true}
	OrderCancel  = Op{"DELETE", "/api/v3/order", "order.cancel", true}
	OrderReplace = Op{"POST", "/api/v3/order/cancelReplace", "order.cancelReplace", true}
	OrderAmend   = Op{"PUT", "/api/v3/order/amend/keepPriority", "order.amend.keepPriority", true}
	OpenOrders   = Op{"GET", "/api/v3/openOrders", "openOrders.status", true}
	CancelAll    = Op{"DELETE", "/api/v3/openOrders", "openOrders.cancelAll", true}
	MyTrades     = Op{"GET", "/api/v3/myTrades", "myTrades", true}
	Withdraw     = Op{"POST", "/sapi/v1/capital/withdraw/apply", "", true}
	Withdrawals  = Op{"GET", "/sapi/v1/capital/withdraw/history", "", true}
	DepositTo    = Op{"GET", "/sapi/v1/capital/deposit/address", "", true}
	Coins        = Op{"GET", "/sapi/v1/capital/config/getall", "", true}
	Restrictions = Op{"GET", "/sapi/v1/account/apiRestrictions", "", true}
	Transfer     = Op{"POST", "/sapi/v1/asset/transfer", "", true}
	SubTransfer  = Op{"POST", "/sapi/v1/sub-account/universalTransfer", "", true}
	FastWithdraw = Op{"POST", "/sapi/v1/account/enableFastWithdrawSwitch", "", true}
	KeyCreate    = Op{"POST", "/sapi/v1/broker/subAccountApi", "", true}
)

// Param is one parameter, not encoded.
type Param struct{ Name, Value string }

// P makes parameters from name, value, name, value…
func P(s ...string) []Param {
	out := make([]Param, 0, len(s)/2+3)
	for i := 0; i+1 < len(s); i += 2 {
		out = append(out, Param{s[i], s[i+1]})
	}
	return out
}

// Request is a call ready to send, over HTTP or, if Message is set, as a WebSocket
// message. Sending it twice sends the same bytes.
type Request struct {
	Method, Path, Query, Body string
	Key                       string // the header X-MBX-APIKEY
	Message                   string
}

// Answer is what came back.
type Answer struct {
	Status int
	Code   int // the venue's error code, 0 without one
	Body   []byte
}

// Signer signs calls with one key. It never uses a timestamp twice, since two calls
// with the same parameters in one millisecond would carry the same signature.
type Signer struct {
	Key     string
	Secret  string             // HMAC, or
	Private ed25519.PrivateKey // Ed25519
	Clock   func() time.Time
	Offset  time.Duration // how wrong the client's clock is
	Window  time.Duration // recvWindow; not sent if zero
	InQuery bool          // parameters of every method go into the query

	mu   sync.Mutex
	last int64 // ms
}

// stamp returns the time to sign, in ms, ahead of the client's clock by ahead.
func (s *Signer) stamp(ahead time.Duration) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Clock().Add(s.Offset).UnixMilli()
	if now <= s.last {
		now = s.last + 1
	}
	s.last = now
	return now + ahead.Milliseconds()
}

// Sign returns the signature over a payload.
func (s *Signer) Sign(payload string) string {
	if s.Private != nil {
		return base64.StdEncoding.EncodeToString(ed25519.Sign(s.Private, []byte(payload)))
	}
	m := hmac.New(sha256.New, []byte(s.Secret))
	io.WriteString(m, payload)
	return hex.EncodeToString(m.Sum(nil))
}

func (s *Signer) complete(op Op, params []Param, ahead time.Duration) []Param {
	params = slices.Clone(params)
	if !op.Signed {
		return params
	}
	if s.Window > 0 {
		params = append(params, Param{"recvWindow", strconv.FormatInt(s.Window.Milliseconds(), 10)})
	}
	return append(params, Param{"timestamp", strconv.FormatInt(s.stamp(ahead), 10)})
}

// REST makes an HTTP request of a call.
func (s *Signer) REST(op Op, params []Param) Request { return s.RESTAt(op, params, 0) }

// RESTAt makes an HTTP request of a call that claims a time ahead of the clock.
func (s *Signer) RESTAt(op Op, params []Param, ahead time.Duration) Request {
	var b strings.Builder
	for i, p := range s.complete(op, params, ahead) {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.Name)
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(p.Value))
	}
	text := b.String()
	r := Request{Method: op.Method, Path: op.Path}
	if op.Signed {
		r.Key = s.Key
		text += "&signature=" + url.QueryEscape(s.Sign(text))
	}
	if op.Method == http.MethodGet || op.Method == http.MethodDelete || s.InQuery {
		r.Query = text
	} else {
		r.Body = text
	}
	return r
}

// WS makes a WebSocket API message of a call. With session set the message relies
// on an earlier session.logon and is not signed.
func (s *Signer) WS(id int64, op Op, params []Param, session bool) Request {
	params = s.complete(op, params, 0)
	if op.Signed && !session {
		params = append(params, Param{"apiKey", s.Key})
		slices.SortFunc(params, func(a, b Param) int { return strings.Compare(a.Name, b.Name) })
		var b strings.Builder
		for i, p := range params {
			if i > 0 {
				b.WriteByte('&')
			}
			b.WriteString(p.Name + "=" + p.Value)
		}
		params = append(params, Param{"signature", s.Sign(b.String())})
	}
	fields := make(map[string]any, len(params))
	for _, p := range params {
		fields[p.Name] = p.Value
		if p.Name == "timestamp" || p.Name == "recvWindow" {
			fields[p.Name] = json.Number(p.Value)
		}
	}
	b, err := json.Marshal(map[string]any{"id": id, "method": op.Message, "params": fields})
	if err != nil {
		panic("BUG: cannot encode message: " + err.Error())
	}
	return Request{Message: string(b), Key: s.Key}
}

// Wire sends requests as one client: its connections, user agent and, where a
// trusted hop is played, its address.
type Wire struct {
	REST, WS  string     // base URLs
	Source    netip.Addr // sent in X-Forwarded-For if valid
	UserAgent string
	Name      string // of the sender: requests are numbered Name/1, Name/2, … in X-Request-Id

	http  *http.Client
	count atomic.Int64
}

// Open readies the wire. Timeout bounds one call.
func (w *Wire) Open(timeout time.Duration) *Wire {
	w.http = &http.Client{Timeout: timeout, Transport: &http.Transport{MaxIdleConnsPerHost: 4, DisableCompression: true}}
	return w
}

// Reconnect drops idle connections, so that the next call opens a new one.
func (w *Wire) Reconnect() { w.http.CloseIdleConnections() }

// Close drops all connections.
func (w *Wire) Close() { w.http.CloseIdleConnections() }

// Next returns the id of the next request, or of one that many requests later.
func (w *Wire) Next(later int64) string {
	return fmt.Sprintf("%s/%d", w.Name, w.count.Load()+1+later)
}

func (w *Wire) header(h http.Header) {
	if w.UserAgent != "" {
		h.Set("User-Agent", w.UserAgent)
	}
	if w.Source.IsValid() {
		h.Set("X-Forwarded-For", w.Source.String())
	}
	h.Set("X-Request-Id", fmt.Sprintf("%s/%d", w.Name, w.count.Add(1)))
}

// Do sends an HTTP request.
func (w *Wire) Do(ctx context.Context, r Request) (Answer, error) {
	target := w.REST + r.Path
	if r.Query != "" {
		target += "?" + r.Query
	}
	var body io.Reader
	if r.Body != "" {
		body = strings.NewReader(r.Body)
	}
	q, err := http.NewRequestWithContext(ctx, r.Method, target, body)
	if err != nil {
		return Answer{}, fmt.Errorf("cannot make request: %w", err)
	}
	w.header(q.Header)
	if r.Key != "" {
		q.Header.Set("X-MBX-APIKEY", r.Key)
	}
	if r.Body != "" {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := w.http.Do(q)
	if err != nil {
		return Answer{}, hideQuery(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return Answer{}, fmt.Errorf("cannot read answer: %w", err)
	}
	a := Answer{Status: resp.StatusCode, Body: b}
	if a.Status >= 400 {
		a.Code = codeOf(b)
	}
	return a, nil
}

// hideQuery keeps URLs, that carry signatures, out of errors.
func hideQuery(err error) error {
	if u, ok := err.(*url.Error); ok {
		return fmt.Errorf("cannot send request: %w", u.Err)
	}
	return fmt.Errorf("cannot send request: %w", err)
}

func codeOf(b []byte) int {
	var e struct {
		Code  int `json:"code"`
		Error struct {
			Code int `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(bytes.TrimSpace(b), &e) != nil {
		return 0
	}
	if e.Code == 0 {
		return e.Error.Code
	}
	return e.Code
}
