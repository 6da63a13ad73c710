// Package strictyaml decodes YAML into structs and refuses what they do not name.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// MaxBytes bounds a document: a configuration of 1,000 venues has 300 KiB.
const MaxBytes = 4 << 20

// Decode reads one document into the struct that into points at. Fields are named
// by their yaml tags. An unknown key is an error that names it, its line and the
// nearest known key; so is a value of the wrong kind, a key given twice, or a
// second document.
func Decode(b []byte, into any) (err error) {
	if len(b) > MaxBytes {
		return fmt.Errorf("over %d bytes", MaxBytes)
	}
	defer func() {
		// The parser has panicked on nonsense before. A bad file must not end us.
		if r := recover(); r != nil {
			err = errors.New("not YAML")
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(b), yaml.DisallowUnknownField())
	if err := dec.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return explain(err, tree(b), into)
	}
	var more any
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return errors.New("a second document, or text after the first")
	}
	return nil
}

// Duration is a length of time written as Go does, such as 10ms or 1h30m.
type Duration time.Duration

// UnmarshalYAML reads a duration; its errors name the line.
func (d *Duration) UnmarshalYAML(n ast.Node) error {
	v, err := time.ParseDuration(n.GetToken().Value)
	if err != nil {
		pos := n.GetToken().Position
		return fmt.Errorf("line %d, column %d: cannot read duration %q: want something like 10ms or 1h30m", pos.Line, pos.Column, n.GetToken().Value)
	}
	*d = Duration(v)
	return nil
}

var quoted = regexp.MustCompile(`unknown field "([^"]*)"`)

// tree returns the first document's tree, nil where it has none.
func tree(b []byte) ast.Node {
	f, err := parser.ParseBytes(b, 0)
	if err != nil || len(f.Docs) == 0 {
		return nil
	}
	return f.Docs[0].Body
}

// explain turns the library's error about a tree into one line.
func explain(err error, n ast.Node, into any) error {
	var ye yaml.Error
	if !errors.As(err, &ye) || ye.GetToken() == nil {
		return err
	}
	pos, msg := ye.GetToken().Position, ye.GetMessage()
	if m := quoted.FindStringSubmatch(msg); m != nil {
		msg = fmt.Sprintf("unknown key %q%s", m[1], suggestKey(m[1], blockAt(n, reflect.TypeOf(into), pos), reflect.TypeOf(into)))
	}
	if s := mismatch(ye); s != "" {
		msg = s
	}
	first, _, _ := strings.Cut(msg, "\n")
	return fmt.Errorf("line %d, column %d: %s", pos.Line, pos.Column, first)
}

// mismatch says in words that a value is of the wrong kind, "" for other errors.
func mismatch(err yaml.Error) string {
	switch e := err.(type) {
	case *yaml.TypeError:
		if e.SrcType == nil {
			return "want " + kind(e.DstType) + " here"
		}
		return fmt.Sprintf("want %s here, not %s", kind(e.DstType), kind(e.SrcType))
	case *yaml.OverflowError:
		large := ", and not so large"
		if strings.HasPrefix(e.SrcNum, "-") {
			large = ""
		}
		return fmt.Sprintf("cannot use the number %s: want %s%s", e.SrcNum, kind(e.DstType), large)
	case *yaml.UnexpectedNodeTypeError:
		return fmt.Sprintf("want %s here, not %s", node(e.Expected), node(e.Actual))
	}
	return ""
}

// kind names the kind of YAML value that a type is written as.
func kind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return kind(t.Elem())
	case reflect.Struct, reflect.Map:
		return "keys with values"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number that is not negative"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Interface:
		return "a value"
	}
	return "text"
}

func node(t ast.NodeType) string {
	switch t {
	case ast.MappingType, ast.MappingValueType, ast.MappingKeyType:
		return "keys with values"
	case ast.SequenceType:
		return "a list"
	case ast.BoolType:
		return "true or false"
	case ast.IntegerType, ast.FloatType, ast.InfinityType, ast.NanType:
		return "a number"
	case ast.NullType:
		return "nothing"
	case ast.StringType, ast.LiteralType:
		return "text"
	}
	return "something else"
}

// ByName is a mapping whose keys are names of a fixed set. Its decoder names the line of
// one that is not in it, and the nearest.
type ByName[V any, N Namer] map[string]V

// Namer lists the names that keys may have.
type Namer interface {
	// Kind is what the names are of, such as "operation", and Names are all.
	Kind() string
	Names() []string
}

// UnmarshalYAML reads the mapping.
func (m *ByName[V, N]) UnmarshalYAML(n ast.Node) error {
	var set N
	if tag, ok := n.(*ast.AnchorNode); ok {
		n = tag.Value
	}
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	}
	for _, p := range pairs {
		k := p.Key.GetToken()
		if known := set.Names(); !p.Key.IsMergeKey() && !slices.Contains(known, k.Value) {
			near := Suggest(k.Value, known)
			if near == "" {
				near = "; want one of " + strings.Join(known, " ")
			}
			return fmt.Errorf("line %d, column %d: unknown %s %q%s", k.Position.Line, k.Position.Column, set.Kind(), k.Value, near)
		}
	}
	plain := map[string]V{}
	if err := yaml.NodeToValue(n, &plain, yaml.DisallowUnknownField()); err != nil {
		return explain(err, n, &plain)
	}
	*m = plain
	return nil
}
