package venue

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"vedette"
	"vedette/internal/strictjson"
)

// parseUnix reads a Unix time in seconds, milliseconds, microseconds or
// nanoseconds, told apart by the number of digits; seconds may have a fraction.
func parseUnix(s string) (t time.Time, tick time.Duration, ok bool) {
	whole, frac, dotted := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n < 0 || len(whole) > 19 || len(whole) < 9 || whole[0] == '+' {
		return time.Time{}, 0, false
	}
	switch {
	case len(whole) <= 11:
		ns, tick, ok := fraction(frac, dotted)
		return time.Unix(n, ns), tick, ok
	case len(whole) <= 14:
		t, tick = time.UnixMilli(n), time.Millisecond
	case len(whole) <= 17:
		t, tick = time.UnixMicro(n), time.Microsecond
	default:
		t, tick = time.Unix(0, n), time.Nanosecond
	}
	if dotted { // some clients print floating-point milliseconds; the fraction says nothing
		if _, _, ok := fraction(frac, true); !ok {
			return time.Time{}, 0, false
		}
	}
	return t, tick, true
}

// fraction reads the digits after the point of a number of seconds, in ns.
func fraction(s string, dotted bool) (ns int64, tick time.Duration, ok bool) {
	if !dotted {
		return 0, time.Second, true
	}
	if s == "" || len(s) > 18 {
		return 0, 0, false
	}
	tick = time.Second
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, 0, false
		}
		if i < 9 {
			tick /= 10
			ns += int64(s[i]-'0') * int64(tick)
		}
	}
	return ns, max(tick, 1), true
}

// unescapePlain decodes percent escapes and leaves plus signs: for base64 text.
func unescapePlain(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b, _ := AppendUnescaped(make([]byte, 0, len(s)), s, false)
	return text(b)
}

// appendWithout appends query or form text without the parameters of that name. A
// trailing & is part of what was signed.
func appendWithout(dst []byte, s, name string) []byte {
	start := len(dst)
	from := 0 // of what is copied
	for at := 0; ; {
		i := strings.Index(s[at:], name)
		if i < 0 {
			return append(dst, s[from:]...)
		}
		i, at = at+i, at+i+len(name)
		if i > 0 && s[i-1] != '&' || at < len(s) && s[at] != '=' && s[at] != '&' {
			continue
		}
		dst = append(dst, s[from:i]...)
		if j := strings.IndexByte(s[at:], '&'); j >= 0 {
			at += j + 1
		} else {
			at = len(s)
		}
		if from = at; from == len(s) { // nothing follows: the separator before goes too
			return dst[:max(start, len(dst)-1)]
		}
	}
}

// correlateID ties messages by their "id" member.
func correlateID(r *Request) string {
	if !r.IsJSON() {
		return ""
	}
	if id := r.JSON().Get("id"); id.Kind() == strictjson.String || id.Kind() == strictjson.Number {
		return id.Raw()
	}
	return ""
}

// maxID bounds the id of a message that a refusal echoes.
const maxID = 256

func rawOr(v strictjson.Value, other string) string {
	raw := v.Raw()
	switch kind := v.Kind(); {
	case len(raw) > maxID:
	case kind == strictjson.String: // with its quotes back
		return `"` + raw + `"`
	case kind == strictjson.Number:
		return raw
	}
	return other
}

// outcome reads an order state in any venue's words.
func outcome(s string) vedette.Outcome {
	has := func(p string) bool { return containsFold(s, p) }
	switch {
	case s == "":
		return vedette.OutcomeNone
	case has("partial"):
		return vedette.PartlyFilled
	case has("fill") || fold(s, "closed") || fold(s, "executed") || fold(s, "done"):
		return vedette.Filled
	case has("cancel"):
		return vedette.Cancelled
	case has("reject") || has("fail"):
		return vedette.Rejected
	case has("expire"):
		return vedette.Expired
	case has("new") || has("open") || has("live") || has("resting") || has("active") || has("accept") || has("placed") || has("submitted") ||
		has("created") || has("pending") || has("untriggered") || has("ok") || has("success") || has("received"):
		return vedette.Accepted
	}
	return vedette.OutcomeNone
}

// single returns the value of a header field that must stand alone. A repeated one
// faults the claim: venue and monitor could each read another.
func (r *Request) single(c *Claim, name string) string {
	if r.Header.Count(name) > 1 {
		c.Fault = vedette.Ambiguous
	}
	return r.Header.Get(name)
}

// appendJSON appends s as a JSON string, for text that a refusal echoes.
func appendJSON(dst []byte, s string) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range s { // broken UTF-8 comes out as U+FFFD
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', byte(c))
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			dst = utf8.AppendRune(dst, c)
		}
	}
	return append(dst, '"')
}

// parseISO reads a UTC time such as 2020-12-08T09:08:57.715Z; the Z may be missing
// where zoned is false.
func parseISO(s string, zoned bool) (t time.Time, tick time.Duration, ok bool) {
	s, hasZone := strings.CutSuffix(s, "Z")
	if len(s) < 19 || zoned && !hasZone {
		return time.Time{}, 0, false
	}
	t, err := time.Parse("2006-01-02T15:04:05", s[:19])
	if err != nil {
		return time.Time{}, 0, false
	}
	if len(s) == 19 {
		return t, time.Second, true
	}
	ns, tick, ok := fraction(s[20:], true)
	return t.Add(time.Duration(ns)), tick, ok && s[19] == '.'
}

// logsIn reports whether the route is a session's log-in.
func (route *Route) logsIn() bool { return route != nil && route.Op == vedette.OpSessionLogin }

// changes reports whether the route's operation alters something at the venue.
func (route *Route) changes() bool { return route != nil && route.Op.Changes() }

// uidText returns a numeric account id as text, "" for none.
func uidText(v strictjson.Value) string {
	if s := v.Text(); s != "0" {
		if _, err := strconv.ParseUint(s, 10, 64); err == nil {
			return s
		}
	}
	return ""
}
