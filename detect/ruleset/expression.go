package ruleset

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"vedette"
	"vedette/detect"
	"vedette/internal/strictyaml"
)

// maxCost bounds what one evaluation on the slow path may do; a rule over it does not match.
const maxCost = 10000

// environment is the language of expressions: CEL, with the fields of a call as its variables.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	options := []cel.EnvOption{cel.CrossTypeNumericComparisons(true),
		cel.Function("in_cidr",
			cel.MemberOverload("string_in_cidr", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType, cel.BinaryBinding(inPrefix)),
			cel.MemberOverload("string_in_cidr_list", []*cel.Type{cel.StringType, cel.ListType(cel.StringType)}, cel.BoolType, cel.BinaryBinding(inPrefixes))),
		cel.Function("lowerAscii", cel.MemberOverload("string_lower_ascii", []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(lower(string(v.(types.String)))) }))),
	}
	for _, f := range fields {
		options = append(options, cel.Variable(f.Name, celType(f.kind)))
	}
	return cel.NewEnv(options...)
})

func celType(k kind) *cel.Type {
	switch k {
	case isNumber:
		return cel.DoubleType
	case isWhole:
		return cel.IntType
	case isBool:
		return cel.BoolType
	case isReasons:
		return cel.ListType(cel.StringType)
	}
	return cel.StringType
}

func inPrefix(address, prefix ref.Val) ref.Val {
	a, err := netip.ParseAddr(string(address.(types.String)))
	if err != nil {
		return types.False
	}
	p, err := parsePrefix(string(prefix.(types.String)))
	return types.Bool(err == nil && p.Contains(a))
}

func inPrefixes(address, list ref.Val) ref.Val {
	prefixes, err := list.ConvertToNative(stringsType)
	if err != nil {
		return types.WrapErr(err)
	}
	for _, p := range prefixes.([]string) {
		if inPrefix(address, types.String(p)) == types.True {
			return types.True
		}
	}
	return types.False
}

// parsePrefix reads a prefix, or an address as the longest.
func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err == nil && p != p.Masked() {
		err = fmt.Errorf("%s has bits beyond its length: want %s", s, p.Masked())
	}
	return p, err
}

// check parses and checks an expression that must be of a type, cel.BoolType or a number.
func check(t text, want *cel.Type) (*cel.Ast, error) {
	if len(t.s) > maxMatch {
		return nil, t.problem("the expression has %d bytes, over the limit of %d", len(t.s), maxMatch)
	}
	env, err := environment()
	if err != nil {
		return nil, err
	}
	a, issues := env.Compile(t.s)
	if issues != nil && len(issues.Errors()) > 0 {
		e := issues.Errors()[0]
		return nil, t.at(max(e.Location.Line()-1, 0), max(e.Location.Column(), 0), "%s", advice(e.Message))
	}
	got := a.OutputType()
	if want == cel.BoolType && got != cel.BoolType {
		return nil, t.problem("the expression is a %s; want a condition, that is true or false", got)
	}
	if want != cel.BoolType && got != cel.IntType && got != cel.DoubleType {
		return nil, t.problem("the expression is a %s; want a number", got)
	}
	return a, vocabulary(t, a.NativeRep())
}

var undeclared = regexp.MustCompile(`undeclared reference to '([^']*)'`)

// advice makes CEL's message one line that says what to do.
func advice(message string) string {
	message, _, _ = strings.Cut(message, "\n")
	if m := undeclared.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("there is no field or function %q%s", m[1], suggest(m[1], fieldNames()))
	}
	message = strings.TrimSpace(strings.TrimPrefix(message, "Syntax error:"))
	if strings.HasPrefix(message, "found no matching overload for") {
		message += "; numbers with and without a fraction do not mix in arithmetic: write 2.0, or double(status)"
	}
	return message
}

func suggest(word string, known []string) string {
	if s := strictyaml.Suggest(word, known); s != "" {
		return s
	}
	return "; docs/rules.md has the table"
}

// vocabulary holds the literals of an expression to what they are compared with, so that a misspelt operation
// is no rule that never matches.
func vocabulary(t text, a *celast.AST) (err error) {
	fail := func(e celast.Expr, format string, args ...any) {
		if err == nil {
			l := a.SourceInfo().GetStartLocation(e.ID())
			err = t.at(max(l.Line()-1, 0), max(l.Column(), 0), format, args...)
		}
	}
	celast.PreOrderVisit(a.Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		if s, ok := literalText(e); ok && len(s) > maxLiteral {
			fail(e, "the text has %d bytes, over the limit of %d", len(s), maxLiteral)
		}
		if e.Kind() != celast.CallKind {
			return
		}
		c := e.AsCall()
		all := c.Args()
		if c.IsMemberFunction() {
			all = append([]celast.Expr{c.Target()}, all...)
		}
		switch name := c.FunctionName(); {
		case len(all) != 2:
		case name == operators.Equals || name == operators.NotEquals || name == operators.In:
			wordsOf(all[0], all[1], fail)
			wordsOf(all[1], all[0], fail)
		case name == "matches":
			checkRegex(all[1], fail)
		case name == "in_cidr":
			for _, l := range literals(all[1]) {
				if _, err := parsePrefix(l.s); err != nil {
					fail(l.e, "%q is no range of addresses: want something like 192.0.2.0/24 (%v)", l.s, err)
				}
			}
		}
	}))
	return err
}

func checkRegex(e celast.Expr, fail func(celast.Expr, string, ...any)) {
	s, ok := literalText(e)
	if !ok {
		fail(e, "a regular expression must be written out, so that it is compiled once")
		return
	}
	if _, err := regexp.Compile(s); err != nil || len(s) > maxRegex {
		fail(e, "not a regular expression of RE2 of at most %d bytes: %v", maxRegex, err)
	}
}

// wordsOf holds literals that are compared with a field of fixed words to these.
func wordsOf(field, lits celast.Expr, fail func(celast.Expr, string, ...any)) {
	if field.Kind() != celast.IdentKind {
		return
	}
	f := fieldNamed(field.AsIdent())
	if f == nil || f.kind != isEnum && f.kind != isReasons && f.kind != isAddress {
		return
	}
	known := f.words
	if f.kind == isReasons {
		for _, r := range detect.ReasonSet(^uint64(0)).List() {
			known = append(known, string(r))
		}
	}
	for _, l := range literals(lits) {
		if f.kind == isAddress {
			if _, err := netip.ParseAddr(l.s); err != nil && l.s != "" {
				fail(l.e, "%q is no address; for a range write source.in_cidr(%q)", l.s, l.s)
			}
		} else if !slices.Contains(known, l.s) {
			fail(l.e, "%s has no value %q%s", f.Name, l.s, suggest(l.s, known))
		}
	}
}

type literal struct {
	e celast.Expr
	s string
}

// literals returns the texts of a literal or of a list of literals.
func literals(e celast.Expr) (out []literal) {
	if s, ok := literalText(e); ok {
		return []literal{{e, s}}
	}
	if e.Kind() == celast.ListKind {
		for _, x := range e.AsList().Elements() {
			if s, ok := literalText(x); ok {
				out = append(out, literal{x, s})
			}
		}
	}
	return out
}

func literalText(e celast.Expr) (string, bool) {
	if e.Kind() != celast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// used returns the names of the fields that an expression asks for.
func used(a *celast.AST) (names []string) {
	celast.PreOrderVisit(a.Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		if e.Kind() == celast.IdentKind && fieldNamed(e.AsIdent()) != nil && !slices.Contains(names, e.AsIdent()) {
			names = append(names, e.AsIdent())
		}
	}))
	return names
}

func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

var reasonBits = sync.OnceValue(func() map[string]detect.ReasonSet {
	m := map[string]detect.ReasonSet{}
	for _, r := range detect.ReasonSet(^uint64(0)).List() {
		m[string(r)] = detect.Reasons(vedette.Reason(r))
	}
	return m
})
