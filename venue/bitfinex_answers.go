package venue

import (
	"encoding/base64"
	"strings"

	"vedette"
	"vedette/internal/strictjson"
)

// stdBase64 is the alphabet of signed payloads.
var stdBase64 = base64.StdEncoding

// at returns the i-th element of an array.
func elementAt(list strictjson.Value, i int) strictjson.Value {
	if list.Kind() != strictjson.Array {
		return strictjson.Value{}
	}
	e := list.First()
	for ; i > 0 && e.Exists(); i-- {
		e = e.Next(list)
	}
	return e
}

// Where an order's array holds its id and state, and a notification its parts
// (docs: Orders, Notifications).
const (
	bitfinexOrderID     = 0
	bitfinexOrderState  = 13
	bitfinexNoteType    = 1
	bitfinexNoteInfo    = 4
	bitfinexNoteCode    = 5
	bitfinexNoteStatus  = 6
	bitfinexOrderClient = 2
)

func bitfinexAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	body := answer.JSON()
	if answer.Kind == Reply {
		if body.Kind() == strictjson.Array {
			bitfinexNote(elementAt(body, 2), a)
			return
		}
		if s := body.Get("status").Text(); s != "" && s != "OK" || body.Get("event").Text() == "error" {
			a.Outcome, a.Error, issued.LoginFailed = vedette.Rejected, body.Get("code").Text(), true
		}
		return
	}
	switch {
	case body.First().Text() == "error" && body.Kind() == strictjson.Array:
		a.Outcome, a.Error = vedette.Rejected, elementAt(body, 1).Text()
	case a.Status >= 400:
		a.Outcome, a.Error = vedette.Rejected, body.Get("message").Text()
	case r.Path == "/v2/auth/w/token":
		issued.Token = body.First().Text()
	case strings.HasPrefix(r.Path, "/v2/auth/w/") && elementAt(body, bitfinexNoteType).Kind() == strictjson.String:
		bitfinexNote(body, a)
	case strings.HasPrefix(r.Path, "/v1/order"):
		if a.OrderID = body.Get("order_id").Text(); a.OrderID == "" {
			a.OrderID = body.Get("id").Text()
		}
		if body.Get("is_cancelled").Kind() == strictjson.True {
			a.Outcome = vedette.Cancelled
		} else if a.OrderID != "" {
			a.Outcome = vedette.Accepted
		}
	}
}

// bitfinexNote reads a notification: what was asked, for which order, and how it went.
func bitfinexNote(n strictjson.Value, a *vedette.Answer) {
	info := elementAt(n, bitfinexNoteInfo)
	if info.First().Kind() == strictjson.Array {
		info = info.First()
	}
	if a.OrderID = elementAt(info, bitfinexOrderID).Text(); strings.HasSuffix(elementAt(n, bitfinexNoteType).Text(), "_multi-req") {
		a.OrderID = ""
	}
	switch elementAt(n, bitfinexNoteStatus).Text() {
	case "SUCCESS":
		a.Outcome = vedette.Accepted
		if elementAt(n, bitfinexNoteType).Text() == "oc-req" {
			a.Outcome = vedette.Cancelled
		}
		if state := elementAt(info, bitfinexOrderState).Text(); strings.HasPrefix(state, "EXECUTED") { // such as "EXECUTED @ 107.6(-0.2)"
			a.Outcome = vedette.Filled
		} else if o := outcome(state); o != vedette.OutcomeNone {
			a.Outcome = o
		}
	case "ERROR", "FAILURE":
		a.Outcome = vedette.Rejected
		if a.Error = elementAt(n, bitfinexNoteCode).Text(); a.Error == "" {
			a.Error = "error"
		}
	}
}

// bitfinexCorrelate ties an order message to its notification by the client's id or
// the order's, a log-in to its confirmation.
func bitfinexCorrelate(r *Request) string {
	if !r.IsJSON() {
		return ""
	}
	m := r.JSON()
	if m.Kind() == strictjson.Object {
		if m.Get("event").Text() == "auth" {
			return "auth"
		}
		return ""
	}
	if r.Kind == Reply {
		if elementAt(m, 1).Text() != "n" {
			return ""
		}
		info := elementAt(elementAt(m, 2), bitfinexNoteInfo)
		if info.First().Kind() == strictjson.Array {
			info = info.First()
		}
		if elementAt(elementAt(m, 2), bitfinexNoteType).Text() == "on-req" {
			return elementAt(info, bitfinexOrderClient).Text()
		}
		return elementAt(info, bitfinexOrderID).Text()
	}
	args := elementAt(m, 3)
	if id := args.Get("id"); id.Exists() {
		return id.Text()
	}
	return args.Get("cid").Text()
}
