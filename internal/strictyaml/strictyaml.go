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
		return explain(err, into)
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

// explain turns the library's error into one line.
func explain(err error, into any) error {
	var ye yaml.Error
	if !errors.As(err, &ye) || ye.GetToken() == nil {
		return err
	}
	pos, msg := ye.GetToken().Position, ye.GetMessage()
	if m := quoted.FindStringSubmatch(msg); m != nil {
		msg = fmt.Sprintf("unknown key %q%s", m[1], Suggest(m[1], Names(into)))
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
		return explain(err, &plain)
	}
	*m = plain
	return nil
}

// Names returns every key that the type of v, a struct or pointer to one, and the
// types within it accept.
func Names(v any) []string {
	var names []string
	seen := map[reflect.Type]bool{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if name != "" && name != "-" {
				names = append(names, name)
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeOf(v))
	return names
}

// Suggest returns `; did you mean "x"?` for the known name nearest to word, ""
// where none is near.
func Suggest(word string, known []string) string {
	const far, long = 4, 64
	if len(word) > long {
		return ""
	}
	best, distance := "", far
	for _, k := range known {
		if d := editDistance(word, k); d < distance && d < max(len(k), 2) {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return `; did you mean "` + best + `"?`
}

// editDistance counts insertions, deletions, replacements and swaps of neighbours
// (optimal string alignment).
func editDistance(a, b string) int {
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}
