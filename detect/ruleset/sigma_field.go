package ruleset

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// sigmaFields says what fields of Sigma are here, in small letters.
var sigmaFields = map[string]string{
	"cs-uri-stem": "path", "c-uri": "path", "cs-uri": "path", "uri": "path", "url": "path", "uri_path": "path", "url.path": "path", "request_path": "path",
	"c-useragent": "client", "cs-user-agent": "client", "cs(user-agent)": "client", "user_agent": "client", "useragent": "client", "user_agent.original": "client",
	"sc-status": "status", "status": "status", "status_code": "status", "http.response.status_code": "status",
	"c-ip": "source", "src_ip": "source", "clientip": "source", "client_ip": "source", "source.ip": "source", "sourceip": "source",
	"cs-method": "method", "method": "method", "http_method": "method", "http.request.method": "method", "c-method": "method",
	"sc-bytes": "response_bytes", "cs-bytes": "request_bytes", "time-taken": "latency_ms", "cs-username": "account", "user": "account", "username": "account",
	"ja4": "ja4", "credential": "credential", "account": "account", "api_key": "credential", "operation": "operation", "verdict": "verdict", "country": "country",
	"asn": "asn", "instrument": "instrument", "error": "error", "client": "client", "path": "path", "source": "source", "venue": "venue",
}

// selection translates a map, a list of maps or a list of words.
func (t *sigmaTranslation) selection(v any) *logic {
	switch v := v.(type) {
	case map[string]any:
		l := every()
		for name, value := range v {
			l.kids = append(l.kids, t.item(name, value))
		}
		slices.SortFunc(l.kids, func(a, b *logic) int { return strings.Compare(a.String(), b.String()) })
		return l
	case yaml.MapSlice:
		l := every()
		for _, item := range v {
			l.kids = append(l.kids, t.item(fmt.Sprint(item.Key), item.Value))
		}
		return l
	case []any:
		l := either()
		for _, x := range v {
			l.kids = append(l.kids, t.selection(x))
		}
		return l
	}
	t.note("words without a field are looked for in path and client only")
	return either(t.value("path", "path", []string{"contains"}, v), t.value("client", "client", []string{"contains"}, v))
}

// item translates a field with its modifiers against one value or several.
func (t *sigmaTranslation) item(name string, v any) *logic {
	parts := strings.Split(name, "|")
	modifiers := parts[1:]
	l := either()
	if i := slices.Index(modifiers, "all"); i >= 0 {
		l = every()
		modifiers = slices.Delete(slices.Clone(modifiers), i, i+1)
	}
	field := sigmaFields[lower(parts[0])]
	if lower(parts[0]) == "c-uri-extension" {
		field, modifiers = "path", []string{"extension"}
	}
	if field == "" {
		t.miss("field %s: calls have nothing of the kind", parts[0])
		return lost
	}
	list, many := v.([]any)
	if !many {
		list = []any{v}
	}
	for _, x := range list {
		l.kids = append(l.kids, t.value(parts[0], field, modifiers, x))
	}
	return l
}

// value translates one comparison.
func (t *sigmaTranslation) value(name, field string, modifiers []string, v any) *logic {
	how := "equals"
	cased := slices.Contains(modifiers, "cased")
	for _, m := range modifiers {
		switch m {
		case "contains", "startswith", "endswith", "re", "cidr", "lt", "lte", "gt", "gte", "extension":
			how = m
		case "cased":
		default:
			t.miss("modifier %s of %s", m, name)
			return lost
		}
	}
	f := fieldNamed(field)
	switch {
	case f.kind == isNumber || f.kind == isWhole:
		return t.figure(name, f, how, v)
	case f.kind == isAddress:
		return t.addressValue(name, how, v)
	case v == nil:
		return term(field + " == ''")
	}
	s := fmt.Sprint(v)
	if field == "path" && how != "re" && strings.ContainsAny(strings.ReplaceAll(s, `\?`, "?"), "?=&") && lower(name) != "cs-uri-stem" {
		t.miss("value %q of %s: queries of calls are not kept in clear", s, name)
		return lost
	}
	if how == "re" {
		if _, err := regexp.Compile(s); err != nil || len(s) > maxRegex {
			t.miss("regular expression %q of %s is none of RE2 of at most %d bytes", s, name, maxRegex)
			return lost
		}
		return term(fmt.Sprintf("%s.matches(%s)", field, strconv.Quote(s)))
	}
	return t.textValue(name, f, how, s, cased)
}

func (t *sigmaTranslation) figure(name string, f *Field, how string, v any) *logic {
	n, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	op := map[string]string{"equals": "==", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}[how]
	if err != nil || op == "" {
		t.miss("value %v of %s with %s: it is a number here", v, name, how)
		return lost
	}
	s := strconv.FormatFloat(n, 'f', -1, 64)
	if f.kind == isNumber && !strings.Contains(s, ".") {
		s += ".0"
	}
	return term(fmt.Sprintf("%s %s %s", f.Name, op, s))
}

func (t *sigmaTranslation) addressValue(name, how string, v any) *logic {
	s := fmt.Sprint(v)
	if p, err := parsePrefix(s); err == nil && (how == "cidr" || how == "equals") {
		return term(fmt.Sprintf("source.in_cidr('%s')", p))
	}
	if prefix, ok := map[int]string{1: ".0.0.0/8", 2: ".0.0/16", 3: ".0/24"}[strings.Count(s, ".")]; ok && how == "startswith" && strings.HasSuffix(s, ".") {
		if p, err := parsePrefix(strings.TrimSuffix(s, ".") + prefix); err == nil {
			return term(fmt.Sprintf("source.in_cidr('%s')", p))
		}
	}
	t.miss("value %q of %s with %s: it is no range of addresses", s, name, how)
	return lost
}

// textValue translates comparisons of texts, where * and ? stand for others and case does not count.
func (t *sigmaTranslation) textValue(name string, f *Field, how, s string, cased bool) *logic {
	pieces := wildcards(s)
	switch how {
	case "contains":
		pieces = append(append([]string{"*"}, pieces...), "*")
	case "startswith":
		pieces = append(pieces, "*")
	case "endswith":
		pieces = append([]string{"*"}, pieces...)
	case "extension":
		pieces = append([]string{"*", "=."}, pieces...)
	case "equals":
	default:
		t.miss("modifier %s of %s: it is no number here", how, name)
		return lost
	}
	subject, fix := f.Name, func(s string) string { return s }
	if !cased {
		subject, fix = subject+".lowerAscii()", lower
	}
	open, closed, middle, plain := false, false, "", true
	for i, p := range pieces {
		switch {
		case strings.HasPrefix(p, "="):
			middle += p[1:]
			plain = plain && !closed
		case p == "*" && i == 0 || p == "*" && middle == "" && open:
			open = true
		case p == "*":
			closed = true
		default:
			plain = false
		}
	}
	if middle != "" && plain {
		method := map[[2]bool]string{{true, true}: "contains", {false, true}: "startsWith", {true, false}: "endsWith"}[[2]bool{open, closed}]
		if method == "" {
			return term(fmt.Sprintf("%s == %s", subject, strconv.Quote(fix(middle))))
		}
		return term(fmt.Sprintf("%s.%s(%s)", subject, method, strconv.Quote(fix(middle))))
	}
	return term(fmt.Sprintf("%s.matches(%s)", f.Name, strconv.Quote(globRegex(pieces, cased))))
}

// wildcards splits a text into "*", "?" and, behind "=", what stands for itself.
func wildcards(s string) (pieces []string) {
	plain := func(c string) {
		if n := len(pieces); n > 0 && pieces[n-1][0] == '=' {
			pieces[n-1] += c
		} else {
			pieces = append(pieces, "="+c)
		}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && strings.IndexByte(`*?\`, s[i+1]) >= 0:
			i++
			plain(s[i : i+1])
		case c == '*' || c == '?':
			pieces = append(pieces, string(c))
		default:
			plain(s[i : i+1])
		}
	}
	return pieces
}

func globRegex(pieces []string, cased bool) string {
	var b strings.Builder
	if b.WriteString("(?is)^"); cased {
		b.Reset()
		b.WriteString("(?s)^")
	}
	for _, p := range pieces {
		switch p {
		case "*":
			b.WriteString(".*")
		case "?":
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(p[1:]))
		}
	}
	return b.String() + "$"
}
