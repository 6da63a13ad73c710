package ruleset

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// logic is a condition as a tree: all, any, not, true, false, unknown, or a term of CEL.
type logic struct {
	op   string
	kids []*logic
	term string
}

func every(kids ...*logic) *logic  { return &logic{op: "&&", kids: kids} }
func either(kids ...*logic) *logic { return &logic{op: "||", kids: kids} }
func term(s string) *logic         { return &logic{op: "term", term: s} }

// lost stands for what has no counterpart: it never contributes to a match.
var lost = &logic{op: "unknown"}

// simple folds constants. What is unknown becomes false, and true where it is negated, so that the whole never
// matches more.
func (l *logic) simple(negated bool) *logic {
	switch l.op {
	case "unknown":
		return &logic{op: fmt.Sprint(negated)}
	case "!":
		switch in := l.kids[0].simple(!negated); in.op {
		case "true":
			return &logic{op: "false"}
		case "false":
			return &logic{op: "true"}
		default:
			return &logic{op: "!", kids: []*logic{in}}
		}
	case "&&", "||":
		decides, neutral := "false", "true"
		if l.op == "||" {
			decides, neutral = neutral, decides
		}
		out := &logic{op: l.op}
		for _, k := range l.kids {
			switch s := k.simple(negated); s.op {
			case decides:
				return s
			case neutral:
			default:
				out.kids = append(out.kids, s)
			}
		}
		switch len(out.kids) {
		case 0:
			return &logic{op: neutral}
		case 1:
			return out.kids[0]
		}
		return out
	}
	return l
}

func (l *logic) String() string {
	switch l.op {
	case "!":
		return "!(" + l.kids[0].String() + ")"
	case "&&", "||":
		var parts []string
		for _, k := range l.kids {
			s := k.String()
			if k.op != l.op && (k.op == "&&" || k.op == "||") {
				s = "(" + s + ")"
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, " "+l.op+" ")
	}
	return l.term
}

// sigmaToken is a word or bracket of a condition.
var sigmaToken = regexp.MustCompile(`[()]|[^\s()]+`)

// sigmaParser reads conditions: or binds less than and, which binds less than not.
type sigmaParser struct {
	t    *sigmaTranslation
	rest []string
	deep int
}

// maxDeep bounds brackets within brackets.
const maxDeep = 50

func (t *sigmaTranslation) condition(s string) (*logic, error) {
	p := &sigmaParser{t: t, rest: sigmaToken.FindAllString(s, -1)}
	l, err := p.or()
	if err == nil && len(p.rest) > 0 {
		err = fmt.Errorf("condition %q: %q is left over", strings.TrimSpace(s), p.rest[0])
	}
	return l, err
}

// next takes the next word if it is one of these, without regard to case.
func (p *sigmaParser) next(words ...string) bool {
	for _, w := range words {
		if len(p.rest) > 0 && strings.EqualFold(p.rest[0], w) {
			p.rest = p.rest[1:]
			return true
		}
	}
	return false
}

func (p *sigmaParser) or() (*logic, error) {
	l, err := p.and()
	for err == nil && p.next("or") {
		var r *logic
		r, err = p.and()
		l = either(l, r)
	}
	return l, err
}

func (p *sigmaParser) and() (*logic, error) {
	l, err := p.not()
	for err == nil && p.next("and") {
		var r *logic
		r, err = p.not()
		l = every(l, r)
	}
	return l, err
}

func (p *sigmaParser) not() (*logic, error) {
	if p.deep++; p.deep > maxDeep {
		return nil, errors.New("the condition is nested too deeply")
	}
	defer func() { p.deep-- }()
	switch {
	case p.next("not"):
		l, err := p.not()
		return &logic{op: "!", kids: []*logic{l}}, err
	case p.next("("):
		l, err := p.or()
		if err == nil && !p.next(")") {
			err = errors.New("the condition has a bracket that is not closed")
		}
		return l, err
	case len(p.rest) >= 3 && strings.EqualFold(p.rest[1], "of"):
		return p.some()
	case len(p.rest) == 0 || p.rest[0] == ")":
		return nil, errors.New("the condition ends where a selection should be named")
	}
	name := p.rest[0]
	p.rest = p.rest[1:]
	v, ok := p.t.selections[name]
	if !ok {
		return nil, fmt.Errorf("the condition names %s, that is no selection", name)
	}
	return p.t.selection(v), nil
}

// some reads "1 of them", "all of selection*".
func (p *sigmaParser) some() (*logic, error) {
	many, pattern := strings.ToLower(p.rest[0]), p.rest[2]
	p.rest = p.rest[3:]
	l := either()
	switch many {
	case "all":
		l = every()
	case "1", "any":
	default:
		return nil, fmt.Errorf("%q of %s: only 1, any and all are translated", many, pattern)
	}
	for _, name := range p.t.names {
		if ok, _ := path.Match(pattern, name); ok || pattern == "them" && !strings.HasPrefix(name, "_") {
			l.kids = append(l.kids, p.t.selection(p.t.selections[name]))
		}
	}
	if len(l.kids) == 0 {
		return nil, fmt.Errorf("no selection is called %s", pattern)
	}
	return l, nil
}
