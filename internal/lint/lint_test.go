// Package lint holds the house rules, as tests.
package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// layers says what a package may import of this module: those of lower layers, and
// what also names. ARCHITECTURE.md draws the same.
var layers = []struct {
	prefix string
	layer  int
	also   []string // of the same layer
}{
	{"vedette/internal/", 0, []string{"vedette/internal/"}},
	{"vedette", 0, nil},
	{"vedette/venue", 1, nil},
	{"vedette/keyring", 1, nil},
	{"vedette/gate", 1, nil},
	{"vedette/detect", 1, nil},
	{"vedette/detect/", 2, []string{"vedette/detect/rule"}},
	{"vedette/detect/detecttest", 4, nil},
	{"vedette/eval", 4, []string{"vedette/sim"}}, // makes its own traffic
	{"vedette/ledger", 1, nil},
	{"vedette/intel", 1, nil},
	{"vedette/incident", 1, nil},
	{"vedette/respond", 1, []string{"vedette/respond"}},
	{"vedette/verify", 2, nil}, // reads claims of dialects against the keyring
	{"vedette/verify/token", 1, nil},
	{"vedette/verify/httpsig", 1, nil},
	{"vedette/payload", 2, nil}, // reads requests of dialects
	{"vedette/sensor", 2, nil},
	{"vedette/sensor/", 3, nil},
	{"vedette/sensor/sensortest", 3, nil},
	{"vedette/store", 3, nil},
	{"vedette/store/storetest", 3, []string{"vedette/store"}},
	{"vedette/api", 3, nil},
	{"vedette/pipeline", 3, nil},
	{"vedette/sim", 4, []string{"vedette/sim"}},
	{"vedette/cmd/", 5, nil},
	{"vedette/e2e", 6, nil},
	{"vedette/docs", 6, nil},
}

func layerOf(path string) (layer int, also []string, ok bool) {
	best := -1
	for i, l := range layers {
		exact := path == l.prefix || strings.HasSuffix(l.prefix, "/") && strings.HasPrefix(path, l.prefix) ||
			l.prefix != "vedette" && strings.HasPrefix(path, l.prefix+"/")
		if exact && (best < 0 || len(l.prefix) > len(layers[best].prefix)) {
			best = i
		}
	}
	if best < 0 {
		return 0, nil, false
	}
	return layers[best].layer, layers[best].also, true
}

type file struct {
	path string // relative to the module
	pkg  string // import path
	ast  *ast.File
	fset *token.FileSet
}

// files parses every tracked Go file.
func files(t *testing.T) []file {
	t.Helper()
	var list []file
	for _, name := range tracked(t, "*.go") {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join(root, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		pkg := "vedette"
		if d := filepath.ToSlash(filepath.Dir(name)); d != "." {
			pkg += "/" + d
		}
		list = append(list, file{filepath.ToSlash(name), pkg, f, fset})
	}
	if len(list) < 50 {
		t.Fatalf("only %d files found", len(list))
	}
	return list
}

// tracked lists the files of the repository, or of the tree where there is no git.
func tracked(t *testing.T, pattern string) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", pattern)
	cmd.Dir = root
	if out, err := cmd.Output(); err == nil {
		var list []string
		for _, name := range strings.Fields(string(out)) {
			if _, err := os.Stat(filepath.Join(root, name)); err == nil {
				list = append(list, name)
			}
		}
		return list
	}
	var list []string
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if ok, _ := filepath.Match(pattern, d.Name()); ok {
				rel, _ := filepath.Rel(root, path)
				list = append(list, rel)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func ignored(f file) bool {
	for _, g := range f.ast.Comments {
		for _, c := range g.List {
			if strings.HasPrefix(c.Text, "//go:build ignore") {
				return true
			}
		}
	}
	return false
}

func TestImportDirection(t *testing.T) {
	for _, f := range files(t) {
		layer, also, ok := layerOf(f.pkg)
		if !ok {
			t.Errorf("%s: package %s is in no layer: say in layers where it belongs", f.path, f.pkg)
			continue
		}
		test := strings.HasSuffix(f.path, "_test.go")
		for _, spec := range f.ast.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			if path != "vedette" && !strings.HasPrefix(path, "vedette/") {
				if f.pkg == "vedette" && strings.Contains(strings.SplitN(path, "/", 2)[0], ".") {
					t.Errorf("%s imports %s: the root imports the standard library only", f.path, path)
				}
				continue
			}
			to, _, ok := layerOf(path)
			fine := ok && (to < layer || path == "vedette" || strings.HasPrefix(path, "vedette/internal/") || path == f.pkg ||
				slices.ContainsFunc(also, func(p string) bool { return strings.HasPrefix(path, p) }))
			if !fine && !test {
				t.Errorf("%s (layer %d) imports %s (layer %d)", f.path, layer, path, to)
			}
		}
	}
}

func TestOnePackageComment(t *testing.T) {
	count := map[string][]string{}
	seen := map[string]bool{}
	for _, f := range files(t) {
		if strings.HasSuffix(f.ast.Name.Name, "_test") || ignored(f) || strings.Contains(f.path, "testdata/") {
			continue
		}
		seen[f.pkg] = true
		if f.ast.Doc != nil {
			count[f.pkg] = append(count[f.pkg], f.path)
			want := "Package " + f.ast.Name.Name + " "
			if f.ast.Name.Name == "main" {
				want = "Command "
			}
			if !strings.HasPrefix(f.ast.Doc.Text(), want) {
				t.Errorf("%s: package comment does not begin with %q", f.path, want)
			}
		}
	}
	for pkg := range seen {
		if n := len(count[pkg]); n != 1 {
			t.Errorf("%s has %d package comments: %v", pkg, n, count[pkg])
		}
	}
}

func TestNames(t *testing.T) {
	for _, f := range files(t) {
		for _, bad := range []string{"util", "utils", "common", "helper", "helpers", "types", "models", "misc", "base"} {
			if f.ast.Name.Name == bad || strings.Contains("/"+f.pkg+"/", "/"+bad+"/") {
				t.Errorf("%s: package name %s says nothing", f.path, bad)
			}
		}
		if strings.HasPrefix(f.pkg, "vedette/pkg") {
			t.Errorf("%s: no pkg folder", f.path)
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: init: nothing runs before main asks for it", f.fset.Position(fn.Pos()))
			}
		}
	}
}

// TestExportedAreDocumented wants a comment on every exported declaration but String
// and Error, whose contracts are those of fmt and error.
func TestExportedAreDocumented(t *testing.T) {
	for _, f := range files(t) {
		if strings.HasSuffix(f.path, "_test.go") || f.ast.Name.Name == "main" {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && d.Name.Name != "String" && d.Name.Name != "Error" {
					t.Errorf("%s: %s has no comment", f.fset.Position(d.Pos()), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() && ts.Doc == nil && d.Doc == nil {
						t.Errorf("%s: %s has no comment", f.fset.Position(ts.Pos()), ts.Name.Name)
					}
				}
			}
		}
	}
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	x := d.Recv.List[0].Type
	if s, ok := x.(*ast.StarExpr); ok {
		x = s.X
	}
	if i, ok := x.(*ast.IndexExpr); ok {
		x = i.X
	}
	id, ok := x.(*ast.Ident)
	return ok && id.IsExported()
}

// TestDependenciesJustified wants a line in ARCHITECTURE.md for every direct dependency.
func TestDependenciesJustified(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	arch, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(mod)) {
		f := strings.Fields(line)
		if len(f) < 2 || strings.Contains(line, "// indirect") || !strings.Contains(f[0], ".") || !strings.HasPrefix(f[1], "v") {
			continue
		}
		n++
		if !strings.Contains(string(arch), "`"+f[0]+"`") {
			t.Errorf("ARCHITECTURE.md does not say why `%s` is needed", f[0])
		}
	}
	if n == 0 {
		t.Error("no direct dependency found: was go.mod tidied?")
	}
}

// TestFuzzCorpora wants a corpus in files for every fuzz target, and a target for every
// corpus. What fuzzing finds goes there too.
func TestFuzzCorpora(t *testing.T) {
	const least = 5
	inputs := map[string]int{}
	for _, name := range tracked(t, "*") {
		if dir := filepath.ToSlash(filepath.Dir(name)); strings.Contains("/"+dir, "/testdata/fuzz/") {
			inputs[dir]++
		}
	}
	targets := 0
	for _, f := range files(t) {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Fuzz") || !strings.HasSuffix(f.path, "_test.go") {
				continue
			}
			targets++
			dir := path.Join(path.Dir(f.path), "testdata/fuzz", fn.Name.Name)
			if n := inputs[dir]; n < least {
				t.Errorf("%s: %s has %d inputs in %s, want %d: real ones, and what scripts/fuzz finds", f.fset.Position(fn.Pos()), fn.Name.Name, n, dir, least)
			}
			delete(inputs, dir)
		}
	}
	for dir := range inputs {
		t.Errorf("%s: no fuzz target reads it", dir)
	}
	if targets < 40 {
		t.Errorf("only %d fuzz targets found", targets)
	}
}
