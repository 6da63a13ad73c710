package ruleset

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"

	"vedette"
)

// TestCompiledIsCEL holds the compiler to CEL: on every event both say the same, and no event matches that
// the index would have left out.
func TestCompiledIsCEL(t *testing.T) {
	var list []*vedette.Call
	r := newTraffic(7, 50)
	n := 1500
	if raceEnabled {
		n = 150
	}
	for i := range n {
		c := r.call()
		if i%2 == 0 {
			r.strange(c)
		}
		list = append(list, c)
	}
	events := contexts(t, list)
	var expressions []string
	for _, r := range defaults(t).Rules {
		expressions = append(expressions, r.match.source.s)
	}
	g := &generator{rand.New(rand.NewPCG(3, 4))}
	for range 400 {
		expressions = append(expressions, g.condition(3))
	}
	fast, hits := 0, 0
	for _, s := range expressions {
		m, err := newMatcher(text{s, 1, 1})
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		a, err := check(text{s, 1, 1}, cel.BoolType)
		if err != nil {
			t.Fatal(err)
		}
		p, err := newProgram(a)
		if err != nil {
			t.Fatal(err)
		}
		if m.slow == nil {
			fast++
		}
		holds := m.whole()
		for i, x := range events {
			want := p.holds(x)
			if want {
				hits++
			}
			if got := holds(x.Event, x); got != want {
				t.Fatalf("%s\ncompiled %v, CEL %v of event %d: %s", s, got, want, i, vedette.AppendCall(nil, list[i]))
			}
			if want && !m.possible(x.Sort()) {
				t.Fatalf("%s: the index leaves out event %d: %s", s, i, vedette.AppendCall(nil, list[i]))
			}
		}
	}
	if fast < len(expressions)*9/10 || hits < 10000 {
		t.Errorf("%d of %d expressions compiled and %d matches: little was compared", fast, len(expressions), hits)
	}
}

// generator makes expressions.
type generator struct{ *rand.Rand }

func (g *generator) one(list ...string) string { return list[g.IntN(len(list))] }

func (g *generator) condition(depth int) string {
	if depth > 0 {
		switch g.IntN(4) {
		case 0:
			return fmt.Sprintf("(%s && %s)", g.condition(depth-1), g.condition(depth-1))
		case 1:
			return fmt.Sprintf("(%s || %s)", g.condition(depth-1), g.condition(depth-1))
		case 2:
			return "!(" + g.condition(depth-1) + ")"
		}
	}
	switch g.IntN(8) {
	case 0:
		return fmt.Sprintf("(%s %s %s)", g.number(2), g.one("<", "<=", ">", ">=", "==", "!="), g.number(2))
	case 1:
		return g.one("operation == 'order.new'", "operation in ['withdraw', 'order.cancel']", "operation.startsWith('order.')", "verdict != 'authentic'", "verdict in ['forged', 'stale']",
			"operation.contains('read')", "side == 'buy'", "'authentic' == verdict", "outcome.endsWith('ed')", "decision == ''")
	case 2:
		return g.one("'bad_signature' in reasons", "!('unknown_key' in reasons)", "known", "true", "status in [400, 404, 500]", "status in [200]")
	case 3:
		return g.one("source.in_cidr('192.0.0.0/24')", "source.in_cidr(['2001:db8::/32', '192.0.0.7'])", "source == '192.0.0.9'", "source == ''", "source != '2001:db8::1'", "source in ['192.0.0.1', '2001:db8::1']")
	}
	field := g.one("path", "client", "country", "credential", "asset", "error", "method", "instrument", "object")
	lit := g.one("", "/api", "api", "CH", "key-1", "USDT", "-1013", "POST", ".git", "curl", "B", "ünï", "\\xff")
	if strings.Contains(lit, "xff") {
		lit = "sqlmap"
	}
	if g.IntN(3) == 0 {
		field += ".lowerAscii()"
	}
	switch g.IntN(4) {
	case 0:
		return fmt.Sprintf("%s == '%s'", field, lit)
	case 1:
		return fmt.Sprintf("%s in ['%s', 'x', 'binance']", field, lit)
	case 2:
		return fmt.Sprintf("%s.%s('%s')", field, g.one("startsWith", "endsWith", "contains"), lit)
	}
	return fmt.Sprintf("%s.matches('%s')", strings.TrimSuffix(field, ".lowerAscii()"), g.one("^/api", "(?i)nuclei|sqlmap", "[0-9]+$", "^$", "o.*r"))
}

// number makes a number with a fraction, so that all may be mixed.
func (g *generator) number(depth int) string {
	if depth > 0 && g.IntN(3) == 0 {
		return fmt.Sprintf("(%s %s %s)", g.number(depth-1), g.one("+", "-", "*", "/"), g.number(depth-1))
	}
	return g.one("price", "quantity", "latency_ms", "double(status)", "double(size(path))", "double(request_bytes)", "skew_ms", "1.5", "100.0", "-3.0", "0.0", "double(hour)")
}
