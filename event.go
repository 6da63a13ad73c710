package vedette

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendCall appends the call as one JSON object without a line end: the event
// "call" of docs/formats.md. Empty fields are left out. It does not allocate when
// dst has room.
func AppendCall(dst []byte, c *Call) []byte {
	w := jsonWriter{append(dst, `{"event":"call"`...)}
	w.time("time", c.Time)
	w.str("sensor", c.Sensor)
	w.str("venue", c.Venue)
	w.str("protocol", c.Protocol.String())
	if c.Source.IsValid() {
		w.key("source")
		w.b = append(w.b, '"')
		w.b = c.Source.AppendTo(w.b)
		w.b = append(w.b, '"')
	}
	w.str("ja4", c.JA4)
	w.str("client", c.Client)
	w.num("session", int64(c.Session))
	w.str("credential", c.Credential)
	w.str("joint", c.Joint)
	w.str("account", c.Account)
	w.str("owner", c.Owner)
	w.str("acr", c.ACR)
	if len(c.AMR) > 0 {
		list(&w, "amr", c.AMR)
	}
	if !c.AuthTime.IsZero() {
		w.time("auth_time", c.AuthTime)
	}
	w.str("method", c.Method)
	w.str("path", c.Path)
	w.action(&c.Action)
	if len(c.Batch) > 0 {
		w.key("batch")
		w.b = append(w.b, '[')
		for i := range c.Batch {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			w.b = append(w.b, '{')
			w.action(&c.Batch[i])
			w.b = append(w.b, '}')
		}
		w.b = append(w.b, ']')
	}
	w.num("status", int64(c.Answer.Status))
	w.str("outcome", c.Answer.Outcome.String())
	w.str("error", c.Answer.Error)
	w.str("order_id", c.Answer.OrderID)
	w.str("answer_account", c.Answer.Account)
	w.num("latency_us", c.Answer.Latency.Microseconds())
	w.num("request_bytes", int64(c.RequestBytes))
	w.num("response_bytes", int64(c.Answer.Bytes))
	w.str("verdict", c.Verdict.String())
	list(&w, "reasons", c.Reasons)
	w.decision(&c.Decision)
	w.str("signature_hash", c.SignatureHash)
	w.str("nonce", c.Nonce)
	if !c.Claimed.IsZero() {
		w.time("claimed_time", c.Claimed)
	}
	if !c.AcceptUntil.IsZero() {
		w.time("accept_until", c.AcceptUntil)
	}
	w.num("asn", int64(c.ASN))
	w.str("country", c.Country)
	w.intel(c.Intel)
	w.injection(&c.Injection)
	return append(w.b, '}')
}

type jsonWriter struct{ b []byte }

// key writes the separator, unless an object has just begun, and the name.
func (w *jsonWriter) key(name string) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(append(append(w.b, '"'), name...), '"', ':')
}

func (w *jsonWriter) str(name, s string) {
	if s != "" {
		w.key(name)
		w.b = AppendJSONString(w.b, s)
	}
}

func (w *jsonWriter) num(name string, n int64) {
	if n != 0 {
		w.key(name)
		w.b = strconv.AppendInt(w.b, n, 10)
	}
}

func (w *jsonWriter) flag(name string, v bool) {
	if v {
		w.key(name)
		w.b = append(w.b, "true"...)
	}
}

func (w *jsonWriter) dec(name string, d Decimal) {
	if d.IsSet() {
		w.key(name)
		w.b = append(d.Append(append(w.b, '"')), '"')
	}
}

func (w *jsonWriter) time(name string, t time.Time) {
	w.key(name)
	w.b = append(w.b, '"')
	w.b = t.UTC().AppendFormat(w.b, time.RFC3339Nano)
	w.b = append(w.b, '"')
}

func (w *jsonWriter) action(a *Action) {
	w.str("operation", a.Operation.String())
	w.flag("ambiguous", a.Ambiguous)
	w.str("instrument", a.Instrument)
	w.str("side", a.Side.String())
	w.str("type", a.Type.String())
	w.str("time_in_force", a.TimeInForce.String())
	w.flag("post_only", a.PostOnly)
	w.flag("reduce_only", a.ReduceOnly)
	w.dec("price", a.Price)
	w.dec("stop_price", a.StopPrice)
	w.dec("quantity", a.Quantity)
	w.str("client_order_id", a.ClientOrderID)
	w.str("target_order_id", a.TargetOrderID)
	w.str("object", a.Object)
	w.str("asset", a.Asset)
	w.str("address", a.Address)
}

func list[S ~string](w *jsonWriter, name string, texts []S) {
	w.key(name)
	w.b = append(w.b, '[')
	for i, s := range texts {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = AppendJSONString(w.b, string(s))
	}
	w.b = append(w.b, ']')
}

func (w *jsonWriter) intel(matches []IntelMatch) {
	if len(matches) == 0 {
		return
	}
	w.key("intel")
	w.b = append(w.b, '[')
	for i := range matches {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		m := &matches[i]
		w.b = append(w.b, '{')
		w.str("feed", m.Feed)
		w.str("kind", m.Kind.String())
		w.num("confidence", int64(m.Confidence))
		w.str("action", m.Action.String())
		w.b = append(w.b, '}')
	}
	w.b = append(w.b, ']')
}

func (w *jsonWriter) decision(d *Decision) {
	if d.Effect == Undecided {
		return
	}
	w.str("decision", d.Effect.String())
	w.str("decision_reason", string(d.Reason))
	w.str("restriction", d.Restriction)
	w.flag("would_deny", d.WouldDeny)
	w.num("retry_after_ms", d.RetryAfterMS)
}

// AppendJSONString appends s as a JSON string. Invalid UTF-8 becomes U+FFFD.
func AppendJSONString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' && c != 0x7f {
				i++
				continue
			}
			dst = append(dst, s[from:i]...)
			if c == '"' || c == '\\' {
				dst = append(dst, '\\', c)
			} else {
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
			i++
			from = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(append(dst, s[from:i]...), "\ufffd"...)
			i++
			from = i
			continue
		}
		i += n
	}
	return append(append(dst, s[from:]...), '"')
}
