package cancel

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"net/url"
	"strconv"
	"strings"
	"time"
)

func mac(h func() hash.Hash, key []byte, parts ...string) []byte {
	m := hmac.New(h, key)
	for _, p := range parts {
		m.Write([]byte(p))
	}
	return m.Sum(nil)
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: a request does not encode: " + err.Error())
	}
	return string(b)
}

// Binance signs the query (developers.binance.com, request security). Open orders are cancelled by symbol.
func signBinance(s *session, r *request) error {
	if r.query != "" {
		r.query += "&"
	}
	r.query += fmt.Sprintf("recvWindow=%d&timestamp=%d", window, s.stamp())
	r.query += "&signature=" + hex.EncodeToString(mac(sha256.New, s.key.Secret, r.query))
	r.header["X-MBX-APIKEY"] = s.key.ID
	return nil
}

// binanceNone is the code of a cancellation that found nothing.
const binanceNone = `"code":-2011`

func runBinance(s *session) (int, error) {
	type order struct {
		Symbol string `json:"symbol"`
		ID     int64  `json:"orderId"`
	}
	return untilNone(s, func() (list []order, err error) {
		return list, s.call(request{method: "GET", path: "/api/v3/openOrders"}, &list)
	}, func(list []order) error {
		for _, symbol := range distinct(list, func(o order) string { return o.Symbol }) {
			var any any
			err := s.call(request{method: "DELETE", path: "/api/v3/openOrders", query: "symbol=" + url.QueryEscape(symbol)}, &any)
			var no *refusal
			if err != nil && !(errors.As(err, &no) && strings.Contains(no.words, binanceNone)) { // filled or cancelled meanwhile
				return err
			}
		}
		return nil
	})
}

// OKX signs time, method, target and body (www.okx.com/docs-v5, REST authentication).
func signOKX(s *session, r *request) error {
	at := time.UnixMilli(s.stamp()).UTC().Format("2006-01-02T15:04:05.000Z")
	r.header["Ok-Access-Key"] = s.key.ID
	r.header["Ok-Access-Timestamp"] = at
	r.header["Ok-Access-Passphrase"] = string(s.key.Passphrase)
	r.header["Ok-Access-Sign"] = base64.StdEncoding.EncodeToString(mac(sha256.New, s.key.Secret, at, r.method, r.target(), r.body))
	r.header["Content-Type"] = "application/json"
	return nil
}

// okxOrder is an order, or a conditional one.
type okxOrder struct {
	Instrument string `json:"instId"`
	Order      string `json:"ordId,omitempty"`
	Algo       string `json:"algoId,omitempty"`
}

// okxConditional are the kinds of conditional orders; each request lists one kind, or the first two.
var okxConditional = []string{"conditional,oco", "trigger", "move_order_stop", "iceberg", "twap"}

func runOKX(s *session) (int, error) {
	answer := func(r request) ([]okxOrder, error) {
		var a struct {
			Code, Msg string
			Data      []okxOrder
		}
		err := s.call(r, &a)
		if err == nil && a.Code != "0" && r.method == "GET" {
			err = fmt.Errorf("%s was answered with %s %q", r.path, a.Code, a.Msg)
		}
		return a.Data, err
	}
	return untilNone(s, func() ([]okxOrder, error) {
		list, err := answer(request{method: "GET", path: "/api/v5/trade/orders-pending", query: "limit=100"})
		for _, kind := range okxConditional {
			if err != nil {
				break
			}
			var more []okxOrder
			more, err = answer(request{method: "GET", path: "/api/v5/trade/orders-algo-pending", query: "ordType=" + url.QueryEscape(kind) + "&limit=100"})
			for _, o := range more {
				list = append(list, okxOrder{Instrument: o.Instrument, Algo: o.Algo})
			}
		}
		return list, err
	}, func(list []okxOrder) error {
		var plain, algo []okxOrder
		for _, o := range list {
			if o.Algo != "" && o.Order == "" {
				algo = append(algo, o)
			} else {
				plain = append(plain, okxOrder{Instrument: o.Instrument, Order: o.Order})
			}
		}
		if err := okxCancel(answer, "/api/v5/trade/cancel-batch-orders", plain, okxBatch); err != nil {
			return err
		}
		return okxCancel(answer, "/api/v5/trade/cancel-algos", algo, okxAlgos)
	})
}

// okxCancel cancels in parts. What the venue says of single orders shows in the next round.
func okxCancel(answer func(request) ([]okxOrder, error), path string, list []okxOrder, most int) error {
	for len(list) > 0 {
		n := min(len(list), most)
		if _, err := answer(request{method: "POST", path: path, body: encode(list[:n])}); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

// Bybit signs time, key, window and query or body (bybit-exchange.github.io/docs/v5/guide).
func signBybit(s *session, r *request) error {
	at, win := strconv.FormatInt(s.stamp(), 10), strconv.Itoa(window)
	r.header["X-Bapi-Api-Key"], r.header["X-Bapi-Timestamp"], r.header["X-Bapi-Recv-Window"] = s.key.ID, at, win
	r.header["X-Bapi-Sign"] = hex.EncodeToString(mac(sha256.New, s.key.Secret, at, s.key.ID, win, r.query, r.body))
	r.header["Content-Type"] = "application/json"
	return nil
}

// bybitLists are the queries that together show every open order.
var bybitLists = []map[string]string{
	{"category": "spot", "orderFilter": "Order"}, {"category": "spot", "orderFilter": "tpslOrder"}, {"category": "spot", "orderFilter": "StopOrder"},
	{"category": "linear", "settleCoin": "USDT"}, {"category": "linear", "settleCoin": "USDC"}, {"category": "inverse"}, {"category": "option"}}

func runBybit(s *session) (total int, err error) {
	type order struct {
		Symbol string `json:"symbol"`
		ID     string `json:"orderId"`
	}
	type answer struct {
		Code   int    `json:"retCode"`
		Msg    string `json:"retMsg"`
		Result struct {
			List []order `json:"list"`
		} `json:"result"`
	}
	ask := func(r request) ([]order, error) {
		var a answer
		err := s.call(r, &a)
		if err == nil && a.Code != 0 {
			err = fmt.Errorf("%s was answered with %d %q", r.path, a.Code, a.Msg)
		}
		return a.Result.List, err
	}
	for _, which := range bybitLists {
		query := url.Values{"limit": {"50"}}
		for k, v := range which {
			query.Set(k, v)
		}
		n, err := untilNone(s, func() ([]order, error) {
			return ask(request{method: "GET", path: "/v5/order/realtime", query: query.Encode()})
		}, func(list []order) error {
			for _, symbol := range distinct(list, func(o order) string { return o.Symbol }) {
				body := map[string]string{"category": which["category"], "symbol": symbol}
				if f := which["orderFilter"]; f != "" {
					body["orderFilter"] = f
				}
				if _, err := ask(request{method: "POST", path: "/v5/order/cancel-all", body: encode(body)}); err != nil {
					return err
				}
			}
			return nil
		})
		if total += n; err != nil {
			return total, err
		}
	}
	return total, nil
}

// Kraken signs the path and the hash of nonce and body (docs.kraken.com/api, spot REST authentication).
// The nonce must rise: the key must be this program's alone.
func signKraken(s *session, r *request) error {
	secret, err := base64.StdEncoding.DecodeString(string(s.key.Secret))
	if err != nil {
		return errors.New("the secret is not base64")
	}
	nonce := strconv.FormatInt(s.stamp()*1e6, 10)
	r.body = "nonce=" + nonce
	sum := sha256.Sum256([]byte(nonce + r.body))
	r.header["Api-Key"] = s.key.ID
	r.header["Api-Sign"] = base64.StdEncoding.EncodeToString(mac(sha512.New, secret, r.path, string(sum[:])))
	r.header["Content-Type"] = "application/x-www-form-urlencoded"
	return nil
}

func runKraken(s *session) (int, error) {
	ask := func(path string, result any) error {
		a := struct {
			Error  []string `json:"error"`
			Result any      `json:"result"`
		}{Result: result}
		if err := s.call(request{method: "POST", path: path}, &a); err != nil {
			return err
		}
		if len(a.Error) > 0 {
			return fmt.Errorf("%s was answered with %q", path, a.Error)
		}
		return nil
	}
	return untilNone(s, func() (ids []string, err error) {
		var open struct {
			Open map[string]struct{} `json:"open"`
		}
		err = ask("/0/private/OpenOrders", &open)
		for id := range open.Open {
			ids = append(ids, id)
		}
		return ids, err
	}, func([]string) error { return ask("/0/private/CancelAll", &struct{}{}) })
}

// Deribit signs time, nonce, method, target and body (docs.deribit.com, authentication).
func signDeribit(s *session, r *request) error {
	at, nonce := strconv.FormatInt(s.stamp(), 10), s.Nonce()
	sig := hex.EncodeToString(mac(sha256.New, s.key.Secret, at, "\n", nonce, "\n", r.method, "\n", r.target(), "\n", r.body, "\n"))
	r.header["Authorization"] = "deri-hmac-sha256 id=" + s.key.ID + ",ts=" + at + ",sig=" + sig + ",nonce=" + nonce
	return nil
}

func runDeribit(s *session) (int, error) {
	return untilNone(s, func() ([]string, error) {
		var a struct {
			Result []struct {
				ID string `json:"order_id"`
			} `json:"result"`
		}
		err := s.call(request{method: "GET", path: "/api/v2/private/get_open_orders"}, &a)
		var ids []string
		for _, o := range a.Result {
			ids = append(ids, o.ID)
		}
		return ids, err
	}, func([]string) error {
		var any any
		return s.call(request{method: "GET", path: "/api/v2/private/cancel_all"}, &any)
	})
}
