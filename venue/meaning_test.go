package venue_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"vedette"
	"vedette/venue"
)

// row is one request and what it should mean, or one answer and what it should say.
type row struct{ in, want string }

// parseRequest reads "METHOD /path?query body" or "WS body".
func parseRequest(in string) *venue.Request {
	method, rest, _ := strings.Cut(in, " ")
	if method == "WS" {
		s := &venue.Session{ID: 1, Key: "k"}
		return &venue.Request{Kind: venue.Message, Body: []byte(rest), Session: s}
	}
	target, body, _ := strings.Cut(rest, " ")
	path, query, _ := strings.Cut(target, "?")
	return &venue.Request{Method: method, Scheme: "https", Path: path, Query: query, Body: []byte(body)}
}

// sayAction writes an action in one line: what is not set is left out.
func sayAction(a *vedette.Action) string {
	var b strings.Builder
	b.WriteString(a.Operation.String())
	add := func(name, v string) {
		if v != "" {
			fmt.Fprintf(&b, " %s%s", name, v)
		}
	}
	add("", a.Instrument)
	add("", a.Side.String())
	add("", a.Type.String())
	add("", a.Quantity.String())
	add("@", a.Price.String())
	add("stop=", a.StopPrice.String())
	add("", a.TimeInForce.String())
	if a.PostOnly {
		add("", "post")
	}
	if a.ReduceOnly {
		add("", "reduce")
	}
	add("cl=", a.ClientOrderID)
	add("id=", a.TargetOrderID)
	add("asset=", a.Asset)
	add("to=", a.Address)
	add("obj=", a.Object)
	return b.String()
}

func sayCall(c *vedette.Call) string {
	s := sayAction(&c.Action)
	for i := range c.Batch {
		s += " | " + sayAction(&c.Batch[i])
	}
	return s
}

// meaningIs holds the dialect's Meaning to a table.
func meaningIs(t *testing.T, d *venue.Dialect, rows []row) {
	t.Helper()
	for _, x := range rows {
		var c vedette.Call
		r := parseRequest(x.in)
		d.Meaning(r, &c)
		if got := sayCall(&c); got != x.want {
			t.Errorf("%s\n got %s\nwant %s", x.in, got, x.want)
		}
		if c.Ambiguous || slices.ContainsFunc(c.Batch, func(a vedette.Action) bool { return a.Ambiguous }) {
			t.Errorf("%s names several things", x.in)
		}
		if why := r.Ambiguous(d.Repeatable); why != "" {
			t.Errorf("%s is %s", x.in, why)
		}
	}
}

// answerIs holds the dialect's Answer to a table: in is the request, a newline, and
// the answer as "status body" ("WS body" for a message).
func answerIs(t *testing.T, d *venue.Dialect, rows []row) {
	t.Helper()
	for _, x := range rows {
		in, out, _ := strings.Cut(x.in, "\n")
		first, body, _ := strings.Cut(out, " ")
		r, answer := parseRequest(in), &venue.Request{Kind: venue.HTTPAnswer, Body: []byte(body)}
		var a vedette.Answer
		if first == "WS" {
			answer.Kind = venue.Reply
		} else {
			fmt.Sscan(first, &a.Status)
			answer.Status = a.Status
		}
		var issued venue.Issued
		d.Answer(r, answer, &a, &issued)
		got := fmt.Sprintf("%d %s", a.Status, a.Outcome)
		for name, v := range map[string]string{"order": a.OrderID, "error": a.Error, "account": a.Account, "token": issued.Token} {
			if v != "" {
				got += " " + name + "=" + v
			}
		}
		if issued.LoginFailed {
			got += " login-failed"
		}
		if !sameWords(got, x.want) {
			t.Errorf("%s\n got %s\nwant %s", x.in, got, x.want)
		}
	}
}

// sameWords compares without regard to order.
func sameWords(a, b string) bool {
	seen := map[string]int{}
	for _, w := range strings.Fields(a) {
		seen[w]++
	}
	for _, w := range strings.Fields(b) {
		seen[w]--
	}
	for _, n := range seen {
		if n != 0 {
			return false
		}
	}
	return true
}

var denyReasons = []vedette.Reason{vedette.BadSignature, vedette.BadPassphrase, vedette.UnknownKey, vedette.WindowPassed, vedette.ClockAhead,
	vedette.SignatureReused, vedette.CrossEndpoint, vedette.NonceReused, vedette.NonceRegressed, vedette.NoPermission, vedette.AddressDenied,
	vedette.Throttled, vedette.Ambiguous, vedette.TooLarge, vedette.BadEncoding, vedette.UpstreamDown, vedette.AnswerLost, vedette.Frozen, vedette.StepUpNeeded}

// denials holds every refusal of the given requests to be valid JSON, and those of
// HTTP to be an error status. It returns them as text by reason.
func denials(t *testing.T, d *venue.Dialect, in string) map[vedette.Reason]string {
	t.Helper()
	out := map[vedette.Reason]string{}
	for _, reason := range denyReasons {
		r := parseRequest(in)
		f := d.Deny(r, vedette.Decision{Effect: vedette.Deny, Reason: reason}, nil)
		if !json.Valid(f.Body) {
			t.Errorf("%s refused for %s: not JSON: %s", in, reason, f.Body)
		}
		if r.Kind != venue.Message && (f.Status < 200 || f.ContentType == "") {
			t.Errorf("%s refused for %s: status %d, type %q", in, reason, f.Status, f.ContentType)
		}
		out[reason] = fmt.Sprintf("%d %s", f.Status, f.Body)
	}
	return out
}

// denyIs holds some refusals to their text.
func denyIs(t *testing.T, d *venue.Dialect, in string, want map[vedette.Reason]string) {
	t.Helper()
	got := denials(t, d, in)
	for reason, w := range want {
		if got[reason] != w {
			t.Errorf("%s refused for %s\n got %s\nwant %s", in, reason, got[reason], w)
		}
	}
}

var authNames = [...]string{"none", "signature", "recover", "key-only", "session", "token", "bearer"}

// claimIs holds the dialect's Claim of a request with the given headers, one a line.
func claimIs(t *testing.T, d *venue.Dialect, in, headers, want string) {
	t.Helper()
	r := parseRequest(in)
	for h := range strings.Lines(headers) {
		name, v, _ := strings.Cut(strings.TrimSpace(h), ": ")
		r.Header = append(r.Header, venue.Field{Name: name, Value: v})
	}
	var c venue.Claim
	d.Claim(r, &c)
	got := authNames[c.Auth]
	for _, x := range []struct{ name, v string }{{"", c.Key}, {"scheme=", c.Scheme}, {"nonce=", c.Nonce}, {"token=", c.Token}, {"token=", strings.Join(c.Tokens, " token=")}, {"account=", c.Account},
		{"fault=", string(c.Fault)}, {"mismatch=", string(c.Mismatch)}} {
		if x.v != "" {
			got += " " + x.name + x.v
		}
	}
	if c.Auth == venue.AuthSignature && c.Signature == "" && c.SigBytes == nil {
		got += " unsigned"
	}
	if c.Login {
		got += " login"
	}
	if c.Replayable {
		got += " replayable"
	}
	if !c.Time.IsZero() {
		got += fmt.Sprintf(" window=%v+%v", c.MaxAge, c.MaxAhead)
	}
	if !c.Expires.IsZero() {
		got += fmt.Sprintf(" expires=%d", c.Expires.Unix())
	}
	if got != want {
		t.Errorf("%s\n%s\n got %s\nwant %s", in, headers, got, want)
	}
}

func hmac64(secret, msg string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(msg))
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}

func escape(s string) string { return url.QueryEscape(s) }
