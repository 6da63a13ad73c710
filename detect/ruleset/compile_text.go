package ruleset

import (
	"bytes"
	"net/netip"
	"regexp"
	"sync/atomic"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"vedette/detect"
)

// compileTest compiles a test of a field against literals, by the kind of the field.
func compileTest(e celast.Expr, how string, lits []string) (condition, bool) {
	folded := false
	if e.Kind() == celast.CallKind && e.AsCall().FunctionName() == "lowerAscii" {
		e, folded = e.AsCall().Target(), true
	}
	if e.Kind() != celast.IdentKind {
		return condition{}, false
	}
	f := fieldNamed(e.AsIdent())
	if f == nil {
		return condition{}, false
	}
	if f.kind == isAddress {
		return addressTest(how, lits)
	}
	test, ok := textTest(how, lits, folded)
	switch {
	case !ok:
		return condition{}, false
	case f.kind == isText:
		c := condition{holds: func(e *detect.Event, x *detect.Context) bool { return test(f.view(e, x)) }, texts: f.text != country, known: unknown}
		if f.hash != nil && f.text != country {
			c.only, c.field, c.costly = f.hash, f.Name, how == "contains" || how == "matches"
		}
		return c, true
	case f.kind == isEnum:
		return wordTest(f, test), true
	}
	return condition{}, false
}

// wordTest asks every word once: what is left is a look-up.
func wordTest(f *Field, test func([]byte) bool) condition {
	var table [256]bool
	for i, w := range f.words {
		table[i] = test([]byte(w))
	}
	decided := func(yes bool) truth {
		if yes {
			return always
		}
		return never
	}
	word := f.word
	c := condition{holds: func(e *detect.Event, _ *detect.Context) bool { return table[word(e)] }, known: unknown}
	switch f.Name {
	case "operation":
		c.known = func(s detect.Sort) truth { return decided(table[s.Operation]) }
		c.holds = func(e *detect.Event, _ *detect.Context) bool { return table[e.Operation] }
	case "verdict":
		c.known = func(s detect.Sort) truth { return decided(table[s.Verdict]) }
		c.holds = func(e *detect.Event, _ *detect.Context) bool { return table[e.Verdict] }
	}
	return c
}

// remembered returns a costly condition so that it is asked once for a text: clients and paths are few
// and come again and again. Hashes are keyed, so that nobody can make two texts meet.
func (c condition) remembered() condition {
	if !c.costly {
		return c
	}
	holds, hash := c.holds, c.only
	var answers [256]atomic.Uint64 // a hash, its lowest bit the answer
	c.costly = false
	c.holds = func(e *detect.Event, x *detect.Context) bool {
		h := hash(e)
		a := &answers[h>>8%256]
		if v := a.Load(); v != 0 && v|1 == h|1 {
			return v&1 != 0
		}
		v := h &^ 1
		yes := holds(e, x)
		if yes {
			v |= 1
		}
		a.Store(v)
		return yes
	}
	return c
}

// textTest makes a test of a text, or of the text in lower case.
func textTest(how string, lits []string, folded bool) (func([]byte) bool, bool) {
	lit := ""
	if len(lits) > 0 {
		lit = lits[0]
	}
	if folded && how == "matches" {
		return nil, false
	}
	switch how {
	case operators.Equals:
		return func(b []byte) bool { return len(b) == len(lit) && same(b, lit, folded) }, true
	case operators.In:
		return func(b []byte) bool {
			for _, l := range lits {
				if len(b) == len(l) && same(b, l, folded) {
					return true
				}
			}
			return false
		}, true
	case "startsWith":
		return func(b []byte) bool { return len(b) >= len(lit) && same(b[:len(lit)], lit, folded) }, true
	case "endsWith":
		return func(b []byte) bool { return len(b) >= len(lit) && same(b[len(b)-len(lit):], lit, folded) }, true
	case "contains":
		if folded {
			return func(b []byte) bool { return containsLower(b, lit) }, true
		}
		sought := []byte(lit)
		return func(b []byte) bool { return bytes.Contains(b, sought) }, true
	case "matches":
		re, err := regexp.Compile(lit)
		return func(b []byte) bool { return re.Match(b) }, err == nil
	}
	return nil, false
}

// same compares texts of one length.
func same(b []byte, lit string, folded bool) bool {
	if !folded {
		return string(b) == lit
	}
	for i := range b {
		if lowerByte(b[i]) != lit[i] {
			return false
		}
	}
	return true
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func containsLower(b []byte, lit string) bool {
	for i := 0; i+len(lit) <= len(b); i++ {
		if same(b[i:i+len(lit)], lit, true) {
			return true
		}
	}
	return false
}

// addressTest compares the client's address.
func addressTest(how string, lits []string) (condition, bool) {
	if how != operators.Equals && how != operators.In {
		return condition{}, false
	}
	var list []netip.Addr
	for _, l := range lits {
		a, err := netip.ParseAddr(l)
		if err != nil && l != "" || a.Zone() != "" || a.String() != l && l != "" {
			return condition{}, false // equal as texts only
		}
		list = append(list, a)
	}
	return condition{holds: func(e *detect.Event, _ *detect.Context) bool {
		a := e.Addr()
		for _, l := range list {
			if a == l {
				return true
			}
		}
		return false
	}, known: unknown}, true
}

// compilePrefixes compiles source.in_cidr(…) with ranges that are written out.
func compilePrefixes(c celast.CallExpr) (condition, bool) {
	target, arg := c.Target(), c.Args()[0]
	if target.Kind() != celast.IdentKind || target.AsIdent() != "source" {
		return condition{}, false
	}
	lits := literals(arg)
	if arg.Kind() == celast.ListKind && len(lits) != arg.AsList().Size() || arg.Kind() != celast.ListKind && len(lits) != 1 {
		return condition{}, false
	}
	var list []netip.Prefix
	for _, l := range lits {
		p, err := parsePrefix(l.s)
		if err != nil {
			return condition{}, false
		}
		list = append(list, p)
	}
	return condition{holds: func(e *detect.Event, _ *detect.Context) bool {
		a := e.Addr()
		for _, p := range list {
			if p.Contains(a) {
				return true
			}
		}
		return false
	}, known: unknown}, true
}
