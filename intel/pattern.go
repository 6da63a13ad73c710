package intel

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"vedette"
)

// term is one comparison of a STIX pattern that makes a value an indicator by itself:
// object type, property path, value.
type term struct{ object, path, value string }

// errCombined says that a pattern holds values that only together mean something.
var errCombined = errors.New("a combination that no single value fulfils")

// readPattern reads a STIX 2.1 pattern into the values that each fulfil it alone. Those
// of a conjunction, a negation or a sequence do not: of such a pattern, alternatives that
// stand beside it are taken, and combined says that something was left out. Its error
// means that the text is no pattern.
func readPattern(s string) (terms []term, combined bool, err error) {
	if !utf8.ValidString(s) {
		return nil, false, errors.New("invalid UTF-8")
	}
	p := &pattern{s: s}
	p.next()
	terms = p.observations(0)
	if p.err == nil && p.tok != "" {
		p.fail("want the end")
	}
	return terms, p.combined, p.err
}

// pattern reads by recursive descent, one token ahead.
type pattern struct {
	s        string
	at       int
	tok      string // a word, a sign, or a string with its first quote; "" at the end
	combined bool
	terms    int
	err      error
}

func (p *pattern) fail(what string) {
	if p.err == nil {
		p.err = fmt.Errorf("no pattern at byte %d: %s", p.at, what)
	}
	p.tok, p.at = "", len(p.s)
}

// next reads a token.
func (p *pattern) next() {
	for p.at < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.at]) >= 0 {
		p.at++
	}
	from := p.at
	if from == len(p.s) {
		p.tok = ""
		return
	}
	switch c := p.s[from]; {
	case c == '\'':
		p.text()
	case strings.IndexByte("[](),=", c) >= 0:
		p.at++
		p.tok = p.s[from:p.at]
	case strings.IndexByte("!<>", c) >= 0:
		p.at++
		if p.at < len(p.s) && strings.IndexByte("=>", p.s[p.at]) >= 0 {
			p.at++
		}
		p.tok = p.s[from:p.at]
	default:
		p.word()
	}
}

// word reads a keyword, a number or a property path; quotes and brackets may be in it.
func (p *pattern) word() {
	from := p.at
	for p.at < len(p.s) {
		switch c := p.s[p.at]; {
		case c == '\'' && p.at > from:
			end := strings.IndexByte(p.s[p.at+1:], '\'')
			if end < 0 {
				p.fail("a quote that does not end")
				return
			}
			p.at += end + 2
		case c == '[' && p.at > from && strings.IndexByte(p.s[p.at:], ']') > 0:
			p.at += strings.IndexByte(p.s[p.at:], ']') + 1
		case strings.IndexByte(" \t\r\n[](),=!<>'", c) >= 0:
			p.tok = p.s[from:p.at]
			return
		default:
			p.at++
		}
	}
	p.tok = p.s[from:p.at]
}

// text reads a string in quotes, with \' and \\ in it.
func (p *pattern) text() {
	var b strings.Builder
	b.WriteByte('\'')
	for p.at++; p.at < len(p.s); p.at++ {
		switch c := p.s[p.at]; c {
		case '\'':
			p.at++
			p.tok = b.String()
			return
		case '\\':
			if p.at++; p.at == len(p.s) {
				break
			}
			b.WriteByte(p.s[p.at])
		default:
			b.WriteByte(c)
		}
	}
	p.fail("a string that does not end")
}

func (p *pattern) is(word string) bool {
	if !strings.EqualFold(p.tok, word) {
		return false
	}
	p.next()
	return true
}

func (p *pattern) want(sign string) {
	if !p.is(sign) {
		p.fail("want " + sign)
	}
}

// observations reads observation expressions joined by OR, AND and FOLLOWEDBY, with their
// qualifiers.
func (p *pattern) observations(depth int) []term {
	return p.joined(depth, []string{"AND", "FOLLOWEDBY"}, p.observation)
}

// joined reads alternatives of conjunctions. A conjunction of more than one gives nothing.
func (p *pattern) joined(depth int, and []string, one func(int) []term) (out []term) {
	if depth > maxNesting {
		p.fail("too many brackets")
		return nil
	}
	for p.err == nil {
		terms, n := one(depth), 1
		for p.err == nil && (p.is(and[0]) || p.is(and[len(and)-1])) {
			one(depth)
			n++
		}
		if n > 1 {
			p.combined, terms = true, nil
		}
		out = append(out, terms...)
		if !p.is("OR") {
			return out
		}
	}
	return nil
}

func (p *pattern) observation(depth int) (out []term) {
	switch {
	case p.is("("):
		out = p.observations(depth + 1)
		p.want(")")
	case p.is("["):
		out = p.joined(depth+1, []string{"AND"}, p.comparison)
		p.want("]")
	default:
		p.fail("want [ or (")
	}
	for p.err == nil {
		switch {
		case p.is("REPEATS"), p.is("WITHIN"): // n TIMES, n SECONDS
			p.next()
			p.next()
		case p.is("START"): // t'…' STOP t'…'
			p.next()
			p.want("STOP")
			p.next()
		default:
			return out
		}
		p.combined, out = true, nil
	}
	return nil
}

// comparison reads one comparison, or several in brackets.
func (p *pattern) comparison(depth int) []term {
	if p.is("(") {
		out := p.joined(depth+1, []string{"AND"}, p.comparison)
		p.want(")")
		return out
	}
	not := p.is("NOT")
	if p.is("EXISTS") {
		p.next()
		p.combined = true
		return nil
	}
	object, path, ok := strings.Cut(p.tok, ":")
	if !ok || object == "" || path == "" || p.tok[0] == '\'' {
		p.fail("want a property such as ipv4-addr:value")
		return nil
	}
	p.next()
	not = p.is("NOT") || not
	op := p.tok
	p.next()
	values := p.values()
	if p.terms += len(values); p.terms > maxTerms {
		p.fail("too many comparisons")
		return nil
	}
	if not || op != "=" && op != "==" && !strings.EqualFold(op, "IN") && !strings.EqualFold(op, "ISSUBSET") {
		p.combined = true
		return nil
	}
	out := make([]term, len(values))
	for i, v := range values {
		out[i] = term{object, path, v}
	}
	return out
}

// values reads a literal, or a list of them in brackets.
func (p *pattern) values() (out []string) {
	one := func() {
		if p.tok == "" || strings.Contains("[](),=!<>", p.tok) {
			p.fail("want a value")
			return
		}
		out = append(out, strings.TrimPrefix(p.tok, "'"))
		p.next()
	}
	if !p.is("(") {
		one()
		return out
	}
	for one(); p.err == nil && p.is(","); {
		one()
	}
	p.want(")")
	return out
}

// kind returns what kind of indicator a comparison makes, IndicatorNone if calls have no
// such property.
func (t *term) kind() vedette.IndicatorKind {
	last := t.path[strings.LastIndexByte(t.path, '.')+1:]
	switch {
	case t.object == "ipv4-addr" && t.path == "value", t.object == "ipv6-addr" && t.path == "value",
		t.object == "network-traffic" && t.path == "src_ref.value":
		return vedette.IndicatorAddress
	case t.object == "autonomous-system" && t.path == "number":
		return vedette.IndicatorASN
	case last == "ja4", strings.HasPrefix(t.object, "x-ja4") && last == "value":
		return vedette.IndicatorJA4
	case strings.Contains(t.object, "wallet") && (last == "address" || last == "value"):
		return vedette.IndicatorWallet
	case strings.Contains(t.object, "api-key") && strings.HasSuffix(t.path, "hashes.'SHA-256'"):
		return vedette.IndicatorKey
	}
	return vedette.IndicatorNone
}
