package strictyaml

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// suggestKey returns what was meant by an unknown key of the block: a key of the block that
// is nearly that, or the place where the key stands, or a key of the block that is near.
func suggestKey(word string, block, document reflect.Type) string {
	best, distance := nearest(word, keysOf(block))
	if distance > 1 {
		if place, ok := placeOf(word, document, "", nil); ok {
			return "; it stands " + place
		}
		small := strings.ToLower(word) // keys are
		if place, ok := placeOf(small, document, "", nil); ok {
			return fmt.Sprintf("; %q stands %s", small, place)
		}
	}
	return mean(best)
}

// keysOf returns the keys of a struct, none of another type.
func keysOf(t reflect.Type) []string {
	var names []string
	for name := range fieldsOf(t) {
		names = append(names, name)
	}
	return names
}

// fieldsOf yields the keys of a struct with their types.
func fieldsOf(t reflect.Type) func(yield func(string, reflect.Type) bool) {
	return func(yield func(string, reflect.Type) bool) {
		if t == nil || t.Kind() != reflect.Struct {
			return
		}
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
			if name != "" && name != "-" && !yield(name, t.Field(i).Type) {
				return
			}
		}
	}
}

// under returns the type of a key of t, of its elements for name "", nil where there is none.
func under(t reflect.Type, name string) reflect.Type {
	switch t = deref(t); {
	case t == nil:
	case t.Kind() == reflect.Map:
		return t.Elem()
	case t.Kind() == reflect.Slice && name == "":
		return t.Elem()
	default:
		for n, f := range fieldsOf(t) {
			if n == name {
				return f
			}
		}
	}
	return nil
}

func deref(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// blockAt returns the type of the block that has a key at the position, nil where it is not
// found. The tree is of t.
func blockAt(n ast.Node, t reflect.Type, at *token.Position) reflect.Type {
	if t = deref(t); t == nil {
		return nil
	}
	switch n := n.(type) {
	case *ast.AnchorNode:
		return blockAt(n.Value, t, at)
	case *ast.TagNode:
		return blockAt(n.Value, t, at)
	case *ast.SequenceNode:
		for _, e := range n.Values {
			if b := blockAt(e, under(t, ""), at); b != nil {
				return b
			}
		}
	case *ast.MappingNode:
		for _, p := range n.Values {
			if b := blockAt(p, t, at); b != nil {
				return b
			}
		}
	case *ast.MappingValueNode:
		k := n.Key.GetToken()
		if k.Position.Line == at.Line && k.Position.Column == at.Column {
			return t
		}
		return blockAt(n.Value, under(t, k.Value), at)
	}
	return nil
}

// placeOf says where a key of that name stands in a document of type t, such as
// under "venues[]". Of several places it is the first.
func placeOf(word string, t reflect.Type, path string, above []reflect.Type) (place string, ok bool) {
	for t = deref(t); t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Map); t = deref(t.Elem()) {
		if t.Kind() == reflect.Slice {
			path += "[]"
		}
	}
	if t == nil || slices.Contains(above, t) {
		return "", false
	}
	if slices.Contains(keysOf(t), word) {
		if path == "" {
			return "at the top", true
		}
		return fmt.Sprintf("under %q", path), true
	}
	if path != "" {
		path += "."
	}
	for name, f := range fieldsOf(t) {
		if place, ok := placeOf(word, f, path+name, append(above, t)); ok {
			return place, true
		}
	}
	return "", false
}

// Suggest returns `; did you mean "x"?` for the known name nearest to word, ""
// where none is near. Case does not count: who writes BINANCE means binance.
func Suggest(word string, known []string) string {
	best, _ := nearest(word, known)
	return mean(best)
}

func mean(name string) string {
	if name == "" {
		return ""
	}
	return `; did you mean "` + name + `"?`
}

// nearest returns the known name nearest to word in any case and how far it is, "" where none is near.
func nearest(word string, known []string) (best string, distance int) {
	const far, long = 4, 64
	if len(word) > long {
		return "", far
	}
	distance = far
	word = strings.ToLower(word)
	for _, k := range known {
		if d := editDistance(word, strings.ToLower(k)); d < distance && d < max(len(k), 2) {
			best, distance = k, d
		}
	}
	return best, distance
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
