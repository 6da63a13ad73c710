package ruleset

import (
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"vedette/detect"
)

var stringsType = reflect.TypeFor[[]string]()

// program is an expression that CEL itself evaluates.
type program struct{ p cel.Program }

func newProgram(a *cel.Ast) (*program, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	p, err := env.Program(a, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost))
	return &program{p}, err
}

// holds reports whether the condition is true; one that fails is not.
func (p *program) holds(x *detect.Context) bool {
	v, _, err := p.p.Eval(&moment{x})
	return err == nil && v == types.True
}

// number returns the value, 0 if it fails.
func (p *program) number(x *detect.Context) float64 {
	switch v, _, err := p.p.Eval(&moment{x}); n := v.(type) {
	case types.Int:
		return float64(n)
	case types.Double:
		if err == nil {
			return float64(n)
		}
	}
	return 0
}

// moment gives CEL the fields of an event.
type moment struct{ x *detect.Context }

// ResolveName implements cel.Activation.
func (m *moment) ResolveName(name string) (any, bool) {
	f := fieldNamed(name)
	if f == nil {
		return nil, false
	}
	switch f.kind {
	case isText:
		return string(f.view(m.x.Event, m.x)), true
	case isEnum:
		return f.words[f.word(m.x.Event)], true
	case isNumber:
		return f.number(m.x.Event), true
	case isWhole:
		return int64(f.number(m.x.Event)), true
	case isBool:
		if name == "stranger" {
			return m.x.Stranger(), true
		}
		return m.x.Known, true
	case isReasons:
		list := []string{}
		for _, r := range m.x.Reasons.List() {
			list = append(list, string(r))
		}
		return list, true
	}
	if a := m.x.Addr(); a.IsValid() {
		return a.String(), true
	}
	return "", true
}

// Parent implements cel.Activation.
func (m *moment) Parent() cel.Activation { return nil }

// view returns the field's text as it lies in memory.
func (f *Field) view(e *detect.Event, x *detect.Context) []byte {
	if f.text != country {
		return x.View(f.text)
	}
	if e.Country[0] == 0 {
		return nil
	}
	return e.Country[:]
}
