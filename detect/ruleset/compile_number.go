package ruleset

import (
	"slices"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"vedette/detect"
)

// figure is a compiled number.
type figure struct {
	of    func(e *detect.Event, x *detect.Context) float64
	texts bool
	fixed bool // it is value
	value float64
	field string // that it is, where it is one
}

// newFigure compiles an expression that is a number. slow reports that CEL evaluates it.
func newFigure(t text) (of func(*detect.Event, *detect.Context) float64, fields []string, slow bool, err error) {
	a, err := check(t, cel.DoubleType)
	if err != nil {
		return nil, nil, false, err
	}
	fields = used(a.NativeRep())
	if f, ok := compileNumber(a.NativeRep(), a.NativeRep().Expr()); ok {
		return f.of, fields, false, nil
	}
	p, err := newProgram(a)
	if err != nil {
		return nil, nil, false, t.problem("%v", err)
	}
	return func(_ *detect.Event, x *detect.Context) float64 { return p.number(x) }, fields, true, nil
}

func compileNumber(a *celast.AST, e celast.Expr) (figure, bool) {
	switch e.Kind() {
	case celast.LiteralKind:
		switch v := e.AsLiteral().(type) {
		case types.Int:
			return fixed(float64(v)), v > -1<<53 && v < 1<<53
		case types.Double:
			return fixed(float64(v)), true
		}
	case celast.IdentKind:
		if f := fieldNamed(e.AsIdent()); f != nil && f.number != nil {
			number := f.number
			return figure{of: func(e *detect.Event, _ *detect.Context) float64 { return number(e) }, field: f.Name}, true
		}
	case celast.CallKind:
		return compileArithmetic(a, e)
	}
	return figure{}, false
}

func fixed(v float64) figure {
	return figure{of: func(*detect.Event, *detect.Context) float64 { return v }, fixed: true, value: v}
}

// compileArithmetic leaves the division of whole numbers, which can fail, to CEL.
func compileArithmetic(a *celast.AST, e celast.Expr) (figure, bool) {
	c := e.AsCall()
	args := c.Args()
	if c.IsMemberFunction() {
		args = append([]celast.Expr{c.Target()}, args...)
	}
	if c.FunctionName() == "size" {
		return compileSize(args[0])
	}
	l, ok := compileNumber(a, args[0])
	if !ok {
		return figure{}, false
	}
	f := l.of
	switch {
	case len(args) == 1 && c.FunctionName() == operators.Negate:
		return figure{of: func(e *detect.Event, x *detect.Context) float64 { return -f(e, x) }, texts: l.texts}, true
	case len(args) == 1 && c.FunctionName() == "double":
		return l, true
	case len(args) != 2:
		return figure{}, false
	}
	r, ok := compileNumber(a, args[1])
	g := r.of
	out := figure{texts: l.texts || r.texts}
	switch c.FunctionName() {
	case operators.Add:
		out.of = func(e *detect.Event, x *detect.Context) float64 { return f(e, x) + g(e, x) }
	case operators.Subtract:
		out.of = func(e *detect.Event, x *detect.Context) float64 { return f(e, x) - g(e, x) }
	case operators.Multiply:
		out.of = func(e *detect.Event, x *detect.Context) float64 { return f(e, x) * g(e, x) }
	case operators.Divide:
		out.of = func(e *detect.Event, x *detect.Context) float64 { return f(e, x) / g(e, x) }
		ok = ok && a.GetType(e.ID()) == types.DoubleType
	}
	return out, ok && out.of != nil
}

// compileSize compiles the length of a text, in characters.
func compileSize(e celast.Expr) (figure, bool) {
	if e.Kind() != celast.IdentKind {
		return figure{}, false
	}
	f := fieldNamed(e.AsIdent())
	if f == nil || f.kind != isText {
		return figure{}, false
	}
	return figure{of: func(e *detect.Event, x *detect.Context) float64 { return float64(utf8.RuneCount(f.view(e, x))) }, texts: true}, true
}

// compileOrder compiles comparisons of numbers.
func compileOrder(a *celast.AST, c celast.CallExpr) (condition, bool) {
	l, ok := compileNumber(a, c.Args()[0])
	r, ok2 := compileNumber(a, c.Args()[1])
	if !ok || !ok2 {
		return condition{}, false
	}
	out := condition{texts: l.texts || r.texts, known: unknown}
	f, g, v := l.of, r.of, r.value
	switch name := c.FunctionName(); {
	case name == operators.Less && r.fixed:
		out.holds = func(e *detect.Event, x *detect.Context) bool { return f(e, x) < v }
	case name == operators.Less:
		out.holds = func(e *detect.Event, x *detect.Context) bool { return f(e, x) < g(e, x) }
	case name == operators.LessEquals:
		out.holds = func(e *detect.Event, x *detect.Context) bool { return f(e, x) <= g(e, x) }
	case name == operators.Greater && r.fixed:
		out.holds = func(e *detect.Event, x *detect.Context) bool { return f(e, x) > v }
	case name == operators.Greater:
		out.holds = func(e *detect.Event, x *detect.Context) bool { return f(e, x) > g(e, x) }
	case name == operators.GreaterEquals && r.fixed:
		out.holds = func(e *detect.Event, x *detect.Context) bool { return f(e, x) >= v }
	case name == operators.GreaterEquals:
		out.holds = func(e *detect.Event, x *detect.Context) bool { return f(e, x) >= g(e, x) }
	default:
		out.holds = func(e *detect.Event, x *detect.Context) bool { return f(e, x) == g(e, x) }
	}
	if l.field == "status" && r.fixed {
		out.known = plainStatus(out.holds, v)
	}
	return out, true
}

// plainStatus returns what a comparison of the status with a number says of plain events. Where it says the same of 200, of 299 and of the number
// if that lies between, it says so of all.
func plainStatus(holds func(*detect.Event, *detect.Context) bool, v float64) func(detect.Sort) truth {
	at := func(status float64) bool { return holds(&detect.Event{Status: uint16(status)}, nil) }
	first := at(200)
	if at(299) != first || v >= 200 && v <= 299 {
		return unknown
	}
	return func(s detect.Sort) truth {
		switch {
		case !s.Plain:
			return perhaps
		case first:
			return always
		}
		return never
	}
}

func compileNumberIn(a *celast.AST, e celast.Expr, elements []celast.Expr) (condition, bool) {
	l, ok := compileNumber(a, e)
	var list []float64
	for _, x := range elements {
		n, isNumber := compileNumber(a, x)
		ok = ok && isNumber && n.fixed
		list = append(list, n.value)
	}
	f, known := l.of, unknown
	if l.field == "status" && !slices.ContainsFunc(list, func(n float64) bool { return n >= 200 && n <= 299 }) {
		known = func(s detect.Sort) truth {
			if s.Plain {
				return never
			}
			return perhaps
		}
	}
	return condition{holds: func(e *detect.Event, x *detect.Context) bool { return slices.Contains(list, f(e, x)) }, texts: l.texts, known: known}, ok
}
