package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"vedette/respond/format"
)

// verb takes the word that says what a command is to do off its arguments; "" where there is none.
func (e *env) verb() string {
	if len(e.args) == 0 || strings.HasPrefix(e.args[0], "-") {
		return ""
	}
	verb := e.args[0]
	e.args = e.args[1:]
	return verb
}

// lines writes one JSON object a line.
func lines[T any](w io.Writer, list []T) error {
	enc := json.NewEncoder(w)
	for _, v := range list {
		if err := enc.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

// table writes a line of names and one for each of the list, in columns. Texts may hold what an attacker sent as a key's
// id: they move no cursor and make no line.
func table[T any](out io.Writer, names string, list []T, row func(T) []any) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ReplaceAll(names, ",", "\t"))
	for _, v := range list {
		for i, cell := range row(v) {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, format.OneLine(fmt.Sprint(cell)))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// show writes a list for programs or for people; none is what people are told where there is nothing.
func show[T any](e *env, asJSON bool, none, names string, list []T, row func(T) []any) error {
	switch {
	case asJSON:
		return lines(e.stdout, list)
	case len(list) == 0:
		fmt.Fprintln(e.stderr, none)
		return nil
	}
	return table(e.stdout, names, list, row)
}

// open opens a file that the user named; - is standard input.
func (e *env) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(e.stdin), nil
	}
	return os.Open(name)
}

// readSecret reads a file that holds a secret or token, or standard input. What is too long is refused: of a part of it
// nothing could be made.
func (e *env) readSecret(name string) ([]byte, error) {
	const limit = 64 << 10
	in, err := e.open(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && len(b) > limit {
		err = fmt.Errorf("it has over %d bytes", limit)
	}
	return b, err
}
