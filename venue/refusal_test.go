package venue_test

import (
	"encoding/json"
	"strings"
	"testing"

	"vedette"
	"vedette/venue"
)

// lostAnswers are what clients read of an order whose answer was lost, by venue and path.
var lostAnswers = map[string]string{
	"backpack /api/v1/order":                      `{"code":"TIMEOUT","message":"No answer in time; execution status unknown"}`,
	"binance /api/v3/order":                       `{"code":-1007,"msg":"Timeout waiting for response from backend server. Send status unknown; execution status unknown."}`,
	"bitfinex /v2/auth/w/order/submit":            `{"code":504,"error":"temporarily_unavailable","error_description":"No answer in time; execution status unknown"}`,
	"bitfinex /v1/order/new":                      `{"code":504,"error":"temporarily_unavailable","error_description":"No answer in time; execution status unknown"}`,
	"bitget /api/v2/spot/trade/order":             `{"code":"50008","msg":"No answer in time; execution status unknown","requestTime":0,"data":null}`,
	"bitmex /api/v1/order":                        `{"error":{"message":"No answer in time; execution status unknown.","name":"HTTPError"}}`,
	"bybit /v5/order/create":                      `{"retCode":170007,"retMsg":"Timeout waiting for response from backend server; execution status unknown.","result":{},"retExtInfo":{},"time":0}`,
	"coinbase /api/v3/brokerage/orders":           `{"message":"No answer in time; execution status unknown"}`,
	"coinbase /v2/accounts":                       `{"message":"No answer in time; execution status unknown"}`,
	"coinbaseexchange /orders":                    `{"message":"No answer in time; execution status unknown"}`,
	"coinbaseinternational /v1/orders":            `{"message":"No answer in time; execution status unknown"}`,
	"coinbaseprime /v1/portfolios/order":          `{"message":"No answer in time; execution status unknown"}`,
	"cryptocom /v1/private/create-order":          `{"id":-1,"method":"private/create-order","code":40801,"message":"REQUEST_TIMEOUT"}`,
	"deribit /api/v2/private/buy":                 `{"message":"No answer in time; execution status unknown"}`,
	"gate /api/v4/spot/orders":                    `{"label":"SERVER_ERROR","message":"No answer in time; execution status unknown"}`,
	"gemini /v1/order/new":                        `{"result":"error","reason":"InternalServerError","message":"Internal Server Error: no answer in time; execution status unknown"}`,
	"htx /v1/order/orders/place":                  `{"status":"error","err-code":"timeout","err-msg":"timeout","data":null}`,
	"htx /v2/account/repayment":                   `{"code":1000,"message":"timeout","success":false}`,
	"htx /linear-swap-api/v1/swap_order":          `{"status":"error","err_code":1000,"err_msg":"timeout","ts":0}`,
	"hyperliquid /exchange":                       `{"message":"No answer in time; execution status unknown"}`,
	"kraken /0/private/AddOrder":                  `{"error":["EGeneral:Internal error"]}`,
	"krakenfutures /derivatives/api/v3/sendorder": `{"message":"No answer in time; execution status unknown"}`,
	"kucoin /api/v1/hf/orders":                    `{"code":"500000","msg":"No answer in time; execution status unknown"}`,
	"mexc /api/v3/order":                          `{"code":504,"msg":"No answer in time; execution status unknown"}`,
	"mexc /api/v1/private/order/create":           `{"success":false,"code":504,"message":"No answer in time; execution status unknown"}`,
	"okx /api/v5/trade/order":                     `{"code":"50004","msg":"API endpoint request timeout (does not mean that the request was successful or failed, please check the request result)","data":[]}`,
}

// TestTooLarge: who sent too much is not told that it can be read in two ways.
func TestTooLarge(t *testing.T) {
	for _, d := range venue.All {
		for name := range lostAnswers {
			of, path, _ := strings.Cut(name, " ")
			if of != d.Name {
				continue
			}
			r := &venue.Request{Method: "POST", Path: path}
			large := d.Deny(r, vedette.Decision{Effect: vedette.Deny, Reason: vedette.TooLarge}, nil)
			if !json.Valid(large.Body) || large.ContentType == "" || large.Status < 200 || strings.Contains(string(large.Body), " way") {
				t.Errorf("%s: %d %s", name, large.Status, large.Body)
			}
		}
	}
}

// TestTooLargeDescribed: a described venue's words for the unreadable do for what is too large.
func TestTooLargeDescribed(t *testing.T) {
	d := example(t)
	of := func(why vedette.Reason) venue.Refusal {
		return d.Deny(&venue.Request{Method: "POST"}, vedette.Decision{Effect: vedette.Deny, Reason: why}, nil)
	}
	large, unread := of(vedette.TooLarge), of(vedette.Ambiguous)
	if large.Status != unread.Status || string(large.Body) != string(unread.Body) {
		t.Errorf("%d %s, want %d %s", large.Status, large.Body, unread.Status, unread.Body)
	}
}

// TestAnswerLost holds the words of every dialect for "sent, and no answer came", which
// differ from those for a venue that was never reached. e2e holds ccxt's reading of them.
func TestAnswerLost(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range venue.All {
		for name, want := range lostAnswers {
			of, path, _ := strings.Cut(name, " ")
			if of != d.Name {
				continue
			}
			seen[d.Name] = true
			r := &venue.Request{Method: "POST", Path: path}
			lost := d.Deny(r, vedette.Decision{Effect: vedette.Deny, Reason: vedette.AnswerLost}, nil)
			if string(lost.Body) != want || lost.Status != 504 || !json.Valid(lost.Body) || lost.ContentType == "" {
				t.Errorf("%s\n got %d %s\nwant 504 %s", name, lost.Status, lost.Body, want)
			}
			down := d.Deny(r, vedette.Decision{Effect: vedette.Deny, Reason: vedette.UpstreamDown}, nil)
			if down.Status < 499 || string(down.Body) == string(lost.Body) {
				t.Errorf("%s, not reached: %d %s", name, down.Status, down.Body)
			}
		}
		if !seen[d.Name] {
			t.Errorf("%s: no case", d.Name)
		}
	}
}
