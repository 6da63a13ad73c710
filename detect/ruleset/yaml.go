package ruleset

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"vedette/internal/strictyaml"
)

// document is a file of rules.
type document struct {
	Rules []spec `yaml:"rules"`
}

// spec is a rule as it is written.
type spec struct {
	ID        text                `yaml:"id"`
	Version   int                 `yaml:"version"`
	Since     string              `yaml:"since"`
	Enabled   *bool               `yaml:"enabled"`
	Title     string              `yaml:"title"`
	Why       string              `yaml:"why"`
	Look      string              `yaml:"look"`
	Summary   text                `yaml:"summary"`
	Severity  text                `yaml:"severity"`
	Score     text                `yaml:"score"`
	Tags      []string            `yaml:"tags"`
	By        text                `yaml:"by"`
	Parts     bool                `yaml:"parts"`
	Match     text                `yaml:"match"`
	Within    text                `yaml:"within"`
	Count     bool                `yaml:"count"`
	Sum       text                `yaml:"sum"`
	Value     text                `yaml:"value"`
	Ratio     *ratioSpec          `yaml:"ratio"`
	Distinct  text                `yaml:"distinct"`
	FirstSeen text                `yaml:"first_seen"`
	Sequence  []stepSpec          `yaml:"sequence"`
	Cap       text                `yaml:"cap"`
	AtLeast   text                `yaml:"at_least"`
	Above     text                `yaml:"above"`
	Learn     text                `yaml:"learn"`
	Quiet     strictyaml.Duration `yaml:"quiet"`
	Response  string              `yaml:"response"`
	Tests     []testSpec          `yaml:"tests"`
}

// ratioSpec is the share of the matching events for which Of holds, once there are Least of them.
type ratioSpec struct {
	Of    text `yaml:"of"`
	Least int  `yaml:"least"`
}

// stepSpec is a step of a sequence: what is to come, or what must not.
type stepSpec struct {
	Match text `yaml:"match"`
	Not   text `yaml:"not"`
	Times int  `yaml:"times"`
}

// text is a scalar with its place in the file.
type text struct {
	s         string
	line, col int
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (t *text) UnmarshalYAML(n ast.Node) error {
	pos := n.GetToken().Position
	t.line, t.col = pos.Line, pos.Column
	switch v := n.(type) {
	case *ast.LiteralNode: // its text begins on the line after the mark
		t.s = strings.TrimRight(v.Value.Value, "\n")
		origin := v.Value.GetToken().Origin
		t.line, t.col = pos.Line+1, len(origin)-len(strings.TrimLeft(origin, " "))+1
	case *ast.StringNode:
		t.s = v.Value
		if origin := strings.TrimLeft(n.GetToken().Origin, " \t\n"); strings.HasPrefix(origin, "'") || strings.HasPrefix(origin, `"`) {
			t.col++ // behind the quote
		}
	case ast.ScalarNode:
		t.s = n.GetToken().Value
	default:
		return fmt.Errorf("line %d, column %d: want one word or text here, not a %s", pos.Line, pos.Column, strings.ToLower(n.Type().String()))
	}
	return nil
}

func (t text) given() bool { return t.line > 0 }

// problem is something wrong at a place of a file.
func (t text) problem(format string, args ...any) error { return t.at(0, 0, format, args...) }

// at is problem at a line and a column of the text itself, both from 0.
func (t text) at(line, col int, format string, args ...any) error {
	return placed{t.line + line, t.col + col, fmt.Sprintf(format, args...)}
}

// placed is an error with its place in the file.
type placed struct {
	line, col int
	message   string
}

func (p placed) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", p.line, p.col, p.message)
}

// read reads the rules of a file.
func read(b []byte) ([]spec, error) {
	var d document
	if err := strictyaml.Decode(b, &d); err != nil {
		return nil, err
	}
	if len(d.Rules) == 0 {
		return nil, errors.New("line 1, column 1: no rules: a file holds a list under the key rules")
	}
	return d.Rules, nil
}
