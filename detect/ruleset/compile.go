package ruleset

import (
	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"vedette/detect"
)

// condition is a compiled condition. x is not looked at unless the condition needs texts, so that it can
// be nil where there is only the event.
type condition struct {
	holds func(e *detect.Event, x *detect.Context) bool
	texts bool
	// known says what holds of every event of a sort.
	known func(detect.Sort) truth
	// costly conditions are about the one text that only hashes: their answers are remembered by it.
	only   func(*detect.Event) uint64
	field  string
	costly bool
}

// truth is what can be said without looking at all of an event.
type truth uint8

const (
	perhaps truth = iota
	never
	always
)

func unknown(detect.Sort) truth { return perhaps }

// matcher decides whether an event matches an expression.
type matcher struct {
	source text
	quick  []condition // all must hold, those without texts first
	slow   *program    // and this, where the expression has parts beyond the compiler
	fields []string
}

// newMatcher compiles a condition.
func newMatcher(t text) (*matcher, error) {
	a, err := check(t, cel.BoolType)
	if err != nil {
		return nil, err
	}
	m := &matcher{source: t, fields: used(a.NativeRep())}
	for _, part := range conjuncts(a.NativeRep().Expr()) {
		c, ok := compile(a.NativeRep(), part)
		if ok {
			m.quick = append(m.quick, c.remembered())
		} else if m.slow == nil {
			if m.slow, err = newProgram(a); err != nil {
				return nil, t.problem("%v", err)
			}
		}
	}
	return m, nil
}

func conjuncts(e celast.Expr) []celast.Expr {
	if e.Kind() == celast.CallKind && e.AsCall().FunctionName() == operators.LogicalAnd {
		args := e.AsCall().Args()
		return append(conjuncts(args[0]), conjuncts(args[1])...)
	}
	return []celast.Expr{e}
}

// possible reports whether any event of the sort can match.
func (m *matcher) possible(s detect.Sort) bool {
	for _, c := range m.quick {
		if c.known(s) == never {
			return false
		}
	}
	return true
}

// split returns the condition as what the event alone decides and what needs its texts too, nil where
// there is nothing of the kind.
func (m *matcher) split() (event, rest func(*detect.Event, *detect.Context) bool) {
	for _, c := range m.quick {
		if c.texts {
			rest = both(rest, c.holds)
		} else {
			event = both(event, c.holds)
		}
	}
	if m.slow != nil {
		rest = both(rest, func(_ *detect.Event, x *detect.Context) bool { return m.slow.holds(x) })
	}
	return event, rest
}

// whole returns all of the condition.
func (m *matcher) whole() func(*detect.Event, *detect.Context) bool {
	event, rest := m.split()
	if f := both(event, rest); f != nil {
		return f
	}
	return func(*detect.Event, *detect.Context) bool { return true }
}

func both(a, b func(*detect.Event, *detect.Context) bool) func(*detect.Event, *detect.Context) bool {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func(e *detect.Event, x *detect.Context) bool { return a(e, x) && b(e, x) }
}

// compile makes a closure of a condition. It reports false for what it does not know, that is CEL's.
func compile(a *celast.AST, e celast.Expr) (condition, bool) {
	switch e.Kind() {
	case celast.LiteralKind:
		b, ok := e.AsLiteral().(types.Bool)
		return constant(bool(b)), ok
	case celast.IdentKind:
		known := func(e *detect.Event, _ *detect.Context) bool { return e.Known }
		if e.AsIdent() == "stranger" {
			known = func(e *detect.Event, _ *detect.Context) bool { return e.Stranger() }
		}
		return condition{holds: known, known: unknown}, e.AsIdent() == "known" || e.AsIdent() == "stranger"
	case celast.CallKind:
	default:
		return condition{}, false
	}
	c := e.AsCall()
	switch c.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr:
		return compileLogic(a, c)
	case operators.LogicalNot:
		in, ok := compile(a, c.Args()[0])
		return in.not(), ok
	case operators.NotEquals:
		in, ok := compileEquals(a, c)
		return in.not(), ok
	case operators.Equals:
		return compileEquals(a, c)
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return compileOrder(a, c)
	case operators.In:
		return compileIn(a, c)
	case "startsWith", "endsWith", "contains", "matches":
		if lit, ok := literalText(c.Args()[0]); ok && c.IsMemberFunction() {
			return compileTest(c.Target(), c.FunctionName(), []string{lit})
		}
	case "in_cidr":
		return compilePrefixes(c)
	}
	return condition{}, false
}

func constant(v bool) condition {
	t := never
	if v {
		t = always
	}
	return condition{holds: func(*detect.Event, *detect.Context) bool { return v }, known: func(detect.Sort) truth { return t }}
}

func (c condition) not() condition {
	holds, known := c.holds, c.known
	c.holds = func(e *detect.Event, x *detect.Context) bool { return !holds(e, x) }
	c.known = func(s detect.Sort) truth {
		switch known(s) {
		case never:
			return always
		case always:
			return never
		}
		return perhaps
	}
	return c
}

func compileLogic(a *celast.AST, c celast.CallExpr) (condition, bool) {
	l, ok := compile(a, c.Args()[0])
	r, ok2 := compile(a, c.Args()[1])
	if !ok || !ok2 {
		return condition{}, false
	}
	if l.texts && !r.texts { // the cheaper first: neither can fail
		l, r = r, l
	}
	out := condition{texts: l.texts || r.texts}
	if l.field == r.field {
		out.only, out.field, out.costly = l.only, l.field, l.only != nil
	} else {
		l, r = l.remembered(), r.remembered()
	}
	f, g := l.holds, r.holds
	and := c.FunctionName() == operators.LogicalAnd
	decides, otherwise := always, never
	out.holds = func(e *detect.Event, x *detect.Context) bool { return f(e, x) || g(e, x) }
	if and {
		decides, otherwise = never, always
		out.holds = func(e *detect.Event, x *detect.Context) bool { return f(e, x) && g(e, x) }
	}
	out.known = func(s detect.Sort) truth {
		a, b := l.known(s), r.known(s)
		switch {
		case a == decides || b == decides:
			return decides
		case a == otherwise && b == otherwise:
			return otherwise
		}
		return perhaps
	}
	return out, true
}

func compileEquals(a *celast.AST, c celast.CallExpr) (condition, bool) {
	l, r := c.Args()[0], c.Args()[1]
	if _, ok := literalText(l); ok {
		l, r = r, l
	}
	if lit, ok := literalText(r); ok {
		return compileTest(l, operators.Equals, []string{lit})
	}
	return compileOrder(a, c)
}

func compileIn(a *celast.AST, c celast.CallExpr) (condition, bool) {
	l, r := c.Args()[0], c.Args()[1]
	if r.Kind() == celast.IdentKind && r.AsIdent() == "reasons" {
		lit, ok := literalText(l)
		bit := reasonBits()[lit]
		return condition{holds: func(e *detect.Event, _ *detect.Context) bool { return e.Reasons&bit != 0 }, known: func(s detect.Sort) truth {
			if s.Plain {
				return never
			}
			return perhaps
		}}, ok
	}
	if r.Kind() != celast.ListKind {
		return condition{}, false
	}
	elements := r.AsList().Elements()
	if lits := literals(r); len(lits) == len(elements) {
		var list []string
		for _, l := range lits {
			list = append(list, l.s)
		}
		return compileTest(l, operators.In, list)
	}
	return compileNumberIn(a, l, elements)
}
