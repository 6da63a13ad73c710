package docs

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A block is a fenced part of a document. Its kind is what follows the fence: "yaml
// config", "console test".
type block struct {
	file, kind, text string
	line             int
}

// blocks returns the fenced parts of every document of that kind.
func blocks(t *testing.T, kind string) []block {
	t.Helper()
	files, err := filepath.Glob("*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	var out []block
	for _, name := range files {
		var open *block
		for i, line := range strings.Split(read(t, name), "\n") {
			switch {
			case open == nil && strings.HasPrefix(line, "```"):
				open = &block{file: name, kind: strings.TrimPrefix(line, "```"), line: i + 1}
			case open != nil && line == "```":
				if open.kind == kind {
					out = append(out, *open)
				}
				open = nil
			case open != nil:
				open.text += line + "\n"
			}
		}
		if open != nil {
			t.Errorf("%s:%d: the block does not end", name, open.line)
		}
	}
	if len(out) == 0 {
		t.Fatalf("no block of kind %q: nothing would be tested", kind)
	}
	return out
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// section returns what stands under a heading, up to the next of its level or above.
func section(t *testing.T, file, heading string) string {
	t.Helper()
	level := strings.Repeat("#", strings.IndexFunc(heading, func(r rune) bool { return r != '#' }))
	_, rest, ok := strings.Cut("\n"+read(t, file), "\n"+heading+"\n")
	if !ok {
		t.Fatalf("%s has no heading %q", file, heading)
	}
	end := regexp.MustCompile(`(?m)^#{1,` + fmt.Sprint(len(level)) + `} `).FindStringIndex(rest)
	if end != nil {
		rest = rest[:end[0]]
	}
	return rest
}

// flat is text without regard to where its lines end.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

var quoted = regexp.MustCompile("`([^`]+)`")

// rows returns the first column's code words of the table with that heading cell, or
// of all tables if it is "", each with its row.
func rows(text, head string) map[string]string {
	out := map[string]string{}
	in := false
	for _, line := range strings.Split(text, "\n") {
		cells := strings.Split(line, "|")
		if !strings.HasPrefix(line, "|") || len(cells) < 3 {
			in = false
			continue
		}
		if first := strings.TrimSpace(cells[1]); !strings.Contains(first, "`") || first == head {
			in = in || head == "" || first == head
			continue
		}
		if in {
			for _, m := range quoted.FindAllStringSubmatch(cells[1], -1) {
				out[m[1]] = line
			}
		}
	}
	return out
}

// same compares what a document lists with what there is.
func same(t *testing.T, where string, listed map[string]string, want []string) {
	t.Helper()
	for _, w := range want {
		if _, ok := listed[w]; !ok {
			t.Errorf("%s does not say what %q is", where, w)
		}
	}
	for _, l := range slices.Sorted(maps.Keys(listed)) {
		if !slices.Contains(want, l) {
			t.Errorf("%s lists %q, that there is not", where, l)
		}
	}
	if len(want) == 0 {
		t.Errorf("%s: nothing was compared", where)
	}
}

// source parses Go files.
func source(t *testing.T, names ...string) []*ast.File {
	t.Helper()
	var out []*ast.File
	for _, pattern := range names {
		found, err := filepath.Glob(filepath.Join("..", pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("no %s", pattern)
		}
		for _, name := range found {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, f)
		}
	}
	return out
}

// structs returns the struct types of the files by name.
func structs(files []*ast.File) map[string]*ast.StructType {
	out := map[string]*ast.StructType{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.TypeSpec); ok {
				if st, ok := s.Type.(*ast.StructType); ok {
					out[s.Name.Name] = st
				}
			}
			return true
		})
	}
	return out
}

// tagged calls f for each field of the struct with a tag.
func tagged(s *ast.StructType, kind string, f func(name string, field *ast.Field)) {
	for _, field := range s.Fields.List {
		if field.Tag == nil {
			continue
		}
		tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`"))
		if name, _, _ := strings.Cut(tag.Get(kind), ","); name != "" && name != "-" {
			f(name, field)
		}
	}
}

// members returns the JSON names of a struct's fields.
func members(t *testing.T, file, name string) []string {
	t.Helper()
	s := structs(source(t, file))[name]
	if s == nil {
		t.Fatalf("%s has no struct %s", file, name)
	}
	var out []string
	tagged(s, "json", func(name string, _ *ast.Field) { out = append(out, name) })
	return out
}

// constants returns the constants of the files whose value is plain, by name; those of a
// type only if typ is its name.
func constants(t *testing.T, typ string, names ...string) map[string]string {
	out := map[string]string{}
	for _, f := range source(t, names...) {
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || len(v.Values) != len(v.Names) {
				return true
			}
			if id, ok := v.Type.(*ast.Ident); (ok && id.Name != typ) || (!ok && typ != "") {
				return true
			}
			for i, name := range v.Names {
				if lit, ok := v.Values[i].(*ast.BasicLit); ok {
					c := constant.MakeFromLiteral(lit.Value, lit.Kind, 0)
					out[name.Name] = strings.Trim(c.ExactString(), `"`)
				}
			}
			return true
		})
	}
	return out
}

// TestLinks: every relative link leads to a file, and to a heading of it.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#: ]*)(#[^) ]*)?\)`)
	files, _ := filepath.Glob("*.md")
	for _, name := range append(files, "../README.md", "../ARCHITECTURE.md", "../CHANGELOG.md") {
		for _, m := range link.FindAllStringSubmatch(read(t, name), -1) {
			target := name
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(name), m[1])
			}
			b, err := os.ReadFile(target)
			if err != nil {
				t.Errorf("%s: link to %s: %v", name, target, err)
				continue
			}
			if m[2] != "" && !anchors(string(b))[m[2][1:]] {
				t.Errorf("%s: %s has no heading %s", name, target, m[2])
			}
		}
	}
}

// anchors are the headings as GitHub names them.
func anchors(text string) map[string]bool {
	out := map[string]bool{}
	for _, line := range strings.Split(text, "\n") {
		if h := strings.TrimLeft(line, "#"); h != line && strings.HasPrefix(h, " ") {
			h = regexp.MustCompile("[^a-z0-9 _-]").ReplaceAllString(strings.ToLower(strings.TrimSpace(h)), "")
			out[strings.ReplaceAll(h, " ", "-")] = true
		}
	}
	return out
}
