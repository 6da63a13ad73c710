package binance

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vedette"
	"vedette/sim/exchange"
)

func (v *testVenue) dial(t testing.TB, path string) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), strings.Replace(v.URL, "http", "ws", 1)+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(1 << 20)
	t.Cleanup(func() { c.CloseNow() })
	return c
}

func send(t testing.TB, c *websocket.Conn, text string) {
	t.Helper()
	if err := c.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// await reads until a message contains a text.
func await(t testing.TB, c *websocket.Conn, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for {
		_, b, err := c.Read(ctx)
		if err != nil {
			t.Fatalf("waiting for %s: %v", text, err)
		}
		if !json.Valid(b) {
			t.Fatalf("not JSON: %s", b)
		}
		if strings.Contains(string(b), text) {
			return string(b)
		}
	}
}

func TestWebSocketSession(t *testing.T) {
	v := newVenue(t)
	c := v.dial(t, "/ws-api/v3")
	now := func() int64 { return time.Now().UnixMilli() }
	f := func(message, want string) {
		t.Helper()
		send(t, c, message)
		if got := await(t, c, `"status":`); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", message, got, want)
		}
	}
	f(`{"id":1,"method":"ping"}`, `{"id":1,"status":200,"result":{}`)
	f(`{"id":"a\"b","method":"time"}`, `{"id":"a\"b","status":200`)
	f(fmt.Sprintf(`{"id":2,"method":"account.status","params":{"timestamp":%d}}`, now()), `"code":-2014`)
	p := fmt.Sprintf("apiKey=hmac-key&timestamp=%d", now())
	f(fmt.Sprintf(`{"id":3,"method":"session.logon","params":{"apiKey":"hmac-key","timestamp":%s,"signature":"%s"}}`,
		p[len("apiKey=hmac-key&timestamp="):], v.hmac(p)), `"code":-4056`)
	p = fmt.Sprintf("apiKey=ed-key&timestamp=%d", now())
	f(fmt.Sprintf(`{"id":3,"method":"session.logon","params":{"apiKey":"ed-key","timestamp":%s,"signature":"%s"}}`,
		p[len("apiKey=ed-key&timestamp="):], v.ed(p)), `"apiKey":"ed-key"`)
	f(fmt.Sprintf(`{"id":4,"method":"account.status","params":{"timestamp":%d}}`, now()), `"status":200`)
	f(`{"id":5,"method":"userDataStream.subscribe"}`, `"subscriptionId":0`)
	send(t, c, fmt.Sprintf(`{"id":6,"method":"order.place","params":{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"IOC","price":"20000","quantity":"0.5","timestamp":%d}}`, now()))
	seen := ""
	for !strings.Contains(seen, `"id":6`) {
		seen += await(t, c, "")
	}
	for _, want := range []string{`"x":"NEW"`, `"x":"TRADE","X":"FILLED"`, `"outboundAccountPosition"`, `"status":"FILLED"`} {
		if !strings.Contains(seen, want) {
			t.Errorf("no %s in %s", want, seen)
		}
	}
	f(`{"id":7,"method":"session.logout"}`, `"apiKey":null`)
	f(fmt.Sprintf(`{"id":8,"method":"account.status","params":{"timestamp":%d}}`, now()), `"code":-2014`)
	f(`{"id":9,"method":"nope"}`, `"code":-1000`)
	f(`{"id":9,"id":9,"method":"ping"}`, `"code":-1101`)
	f(`not json`, `"code":-1135`)
	f(`{"id":9,"method":"depth","params":{"symbol":"BTCUSDT"}}`, `"bids":[["19900`)
}

func TestStreams(t *testing.T) {
	v := newVenue(t)
	single := v.dial(t, "/ws/btcusdt@trade")
	combined := v.dial(t, "/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker")
	send(t, single, `{"method":"SUBSCRIBE","params":["btcusdt@depth5","btcusdt@miniTicker"],"id":7}`)
	await(t, single, `{"result":null,"id":7}`)
	send(t, single, `{"method":"LIST_SUBSCRIPTIONS","id":8}`)
	await(t, single, `["btcusdt@depth5","btcusdt@miniTicker","btcusdt@trade"]`)
	send(t, single, `{"method":"SUBSCRIBE","params":["nope@trade"],"id":9}`)
	await(t, single, `"error"`)
	send(t, combined, `{"method":"LIST_SUBSCRIPTIONS","id":1}`)
	await(t, combined, `bookTicker`)
	_, key := v.call(t, "POST", "/api/v3/userDataStream", "hmac-key", "", "")
	key = key[len(`{"listenKey":"`) : len(key)-2]
	user := v.dial(t, "/ws/"+key)
	send(t, user, `{"method":"LIST_SUBSCRIPTIONS","id":1}`)
	await(t, user, `"result":[]`)
	if _, body := v.call(t, "POST", "/api/v3/order", "hmac-key", "", v.signed("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.25")); !strings.Contains(body, "FILLED") {
		t.Fatal(body)
	}
	await(t, single, `"e":"trade"`)
	await(t, single, `"24hrMiniTicker"`)
	await(t, combined, `{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate"`)
	await(t, user, `"e":"executionReport"`)
	await(t, user, `"e":"outboundAccountPosition"`)
	v.exchange.Deposit("alice", "BTC", exchange.One)
	await(t, user, `"e":"balanceUpdate"`)
}

// TestSlowReaderIsCutOff follows the busiest stream and reads nothing.
func TestSlowReaderIsCutOff(t *testing.T) {
	v := newVenue(t)
	c := v.dial(t, "/ws/btcusdt@trade")
	send(t, c, `{"method":"LIST_SUBSCRIPTIONS","id":1}`)
	await(t, c, `"id":1`)
	n := exchange.NewOrder{Account: "alice", Symbol: "BTCUSDT", Price: exchange.MustUnits("19950"), Quantity: exchange.MustUnits("0.001")}
	gone := func() bool {
		v.api.hub.mu.Lock()
		defer v.api.hub.mu.Unlock()
		return len(v.api.hub.clients) == 0
	}
	for i := 0; i < 400_000 && !gone(); i++ {
		for _, side := range []vedette.Side{vedette.Sell, vedette.Buy} {
			n.Side = side
			if _, _, err := v.exchange.Place(n); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 200 {
		if gone() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("a client that reads nothing is still served")
}

func FuzzForm(f *testing.F) {
	for _, s := range []string{"", "a=b", "symbol=BTCUSDT&signature=00&timestamp=1", "a=%zz", "a&b=&=c", "name=my wallet&x=%C3%A9", "signature=a&signature=b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var p params
		if p.form(raw) != nil {
			return
		}
		if len(p.list) > MaxParams {
			t.Fatal("too many parameters")
		}
		seen := map[string]bool{}
		for _, v := range p.list {
			if seen[v.name] || v.name == "" || v.name == "signature" {
				t.Fatalf("parameter %q twice, empty or the signature", v.name)
			}
			seen[v.name] = true
		}
		// What was signed is the raw text without one signature parameter.
		before, after := unsigned(raw)
		if strings.HasPrefix(raw, "signature=") || strings.Contains(raw, "&signature=") {
			var q params
			if q.form(before+after) != nil || q.signed || len(q.list) != len(p.list) {
				t.Fatalf("%q leaves %q and %q", raw, before, after)
			}
		} else if before != raw || after != "" {
			t.Fatalf("%q split to %q and %q", raw, before, after)
		}
	})
}

func FuzzMessage(f *testing.F) {
	for _, s := range []string{`{"id":1,"method":"ping"}`, `{"id":"x","method":"order.place","params":{"a":1,"b":"c","d":true,"signature":"00"}}`,
		`{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":null}`, `{"id":1.5}`, `{"id":1,"method":"x","params":{"a":1,"a":2}}`, `[]`, `{"id":1,"method":"x"}{}`} {
		f.Add([]byte(s))
	}
	v := newVenue(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := readMessage(b)
		if !json.Valid([]byte(m.id)) {
			t.Fatalf("id %s", m.id)
		}
		if err == nil && !json.Valid(b) {
			t.Fatalf("accepted %s", b)
		}
		ses := &session{client: &client{send: make(chan []byte, 1), end: func() {}}}
		if got := v.api.answer(ses, b); !json.Valid(got) {
			t.Fatalf("%s answered with %s", b, got)
		}
		v.api.hub.forget(ses.client)
	})
}
