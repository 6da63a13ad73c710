// Command scaffold begins a detector: its file, its test and its golden data, in the folder of the package.
//
//	go run ./internal/scaffold access.some_name
//
// What it writes builds, and fails its test until the data have a positive that raises and a near miss that does not.
package main

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

//go:embed *.tmpl
var templates embed.FS

var valid = regexp.MustCompile(`^[a-z]+\.[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: scaffold FAMILY.NAME")
		os.Exit(2)
	}
	if err := write(".", os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("next: write the detector, its positive and near_miss data, then run go generate, and go test -rewrite")
}

// write creates the files of a detector below dir. It overwrites none.
func write(dir, name string) error {
	if !valid.MatchString(name) {
		return fmt.Errorf("cannot begin detector %q: a name is FAMILY.NAME, in small letters, such as access.some_name", name)
	}
	_, short, _ := strings.Cut(name, ".")
	if _, err := os.Stat(filepath.Join(dir, "gen.go")); err != nil {
		return errors.New("cannot begin a detector here: run it in the folder of the detectors")
	}
	data := struct{ Name, Short, Var, State string }{name, short, exported(short), unexported(short) + "State"}
	for _, f := range []struct{ template, path string }{
		{"detector.tmpl", short + ".go"},
		{"test.tmpl", short + "_test.go"},
		{"positive.tmpl", filepath.Join("testdata", short, "positive.txt")},
		{"near_miss.tmpl", filepath.Join("testdata", short, "near_miss.txt")},
	} {
		if err := render(filepath.Join(dir, f.path), f.template, data); err != nil {
			return err
		}
	}
	return nil
}

func render(path, name string, data any) error {
	t, err := template.ParseFS(templates, name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return errors.Join(t.Execute(f, data), f.Close())
}

func exported(name string) (s string) {
	for _, part := range strings.Split(name, "_") {
		s += strings.ToUpper(part[:1]) + part[1:]
	}
	return s
}

func unexported(name string) string {
	s := exported(name)
	return strings.ToLower(s[:1]) + s[1:]
}
