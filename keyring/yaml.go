package keyring

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// The YAML parser takes some 18 KiB of memory a key, so a keys file is cut into
// the elements of its list before it is parsed. That needs block form, one
// element after the other, each beginning with "- " at the same indentation, as
// people and tools write it. A file in any other form is parsed whole, and must
// be small.

// mapping is one element of the list.
type mapping struct {
	line   int
	fields []field
}

type field struct {
	key   string
	line  int
	value value
}

// splitter cuts a keys file into the elements of its list.
type splitter struct {
	in   *bufio.Reader
	line int // of the last line read
	size int64
	each func(*mapping) error
}

// splitItems calls each for every element of the list under "keys".
func splitItems(r io.Reader, each func(*mapping) error) error {
	s := &splitter{in: bufio.NewReaderSize(r, 64<<10), each: each}
	first, err := s.header()
	if err != nil || first == nil {
		return err
	}
	return s.items(first)
}

// next returns the next line with its end, nil at the end of the file.
func (s *splitter) next() ([]byte, error) {
	var line []byte
	for {
		part, err := s.in.ReadSlice('\n')
		line = append(line, part...)
		s.size += int64(len(part))
		switch {
		case len(line) > maxItemBytes:
			return nil, at(s.line+1, fmt.Errorf("the line has over %d bytes", maxItemBytes))
		case s.size > maxImportBytes:
			return nil, at(s.line+1, fmt.Errorf("the file has over %d bytes", maxImportBytes))
		case err == bufio.ErrBufferFull:
			continue
		case err != nil && err != io.EOF:
			return nil, err
		case len(line) == 0:
			return nil, nil
		}
		s.line++
		return line, nil
	}
}

// header reads up to the first element in block form and returns its first line.
// Of a file in another form it reads all, and returns nothing.
func (s *splitter) header() ([]byte, error) {
	var read []byte
	keys := false
	for {
		line, err := s.next()
		if err != nil {
			return nil, err
		}
		if line == nil {
			return nil, s.whole(read)
		}
		read = append(read, line...)
		switch bare := strings.TrimRight(uncomment(string(line)), " \t\r\n"); {
		case bare == "" || bare == "---" && !keys:
		case bare == "keys:" && !keys:
			keys = true
		case keys && isElement(line):
			return line, nil
		default:
			rest, err := io.ReadAll(io.LimitReader(s.in, maxItemBytes+1))
			if err != nil {
				return nil, err
			}
			return nil, s.whole(append(read, rest...))
		}
		if len(read) > maxItemBytes {
			return nil, at(s.line, fmt.Errorf("no key within the first %d bytes", maxItemBytes))
		}
	}
}

// uncomment cuts a comment from a line that holds no quotes.
func uncomment(line string) string {
	if i := strings.IndexByte(line, '#'); i == 0 || i > 0 && (line[i-1] == ' ' || line[i-1] == '\t') {
		return line[:i]
	}
	return line
}

func indentation(line []byte) int { return len(line) - len(bytes.TrimLeft(line, " ")) }

func isElement(line []byte) bool {
	l := bytes.TrimRight(line[indentation(line):], "\r\n")
	return len(l) > 0 && l[0] == '-' && (len(l) == 1 || l[1] == ' ')
}

// items reads elements in block form, the first line of which has been read.
func (s *splitter) items(first []byte) error {
	item, start, indent := first, s.line, indentation(first)
	for {
		line, err := s.next()
		if err != nil {
			return err
		}
		blank := len(bytes.TrimSpace(line)) == 0 || bytes.TrimLeft(line, " \t")[0] == '#'
		ends := line == nil || indentation(line) == indent && isElement(line)
		if line != nil && !blank && !ends && indentation(line) <= indent {
			return at(s.line, errors.New("want another element of keys, or nothing more"))
		}
		if !ends {
			if item = append(item, line...); len(item) > maxItemBytes {
				return at(start, fmt.Errorf("the key has over %d bytes", maxItemBytes))
			}
			continue
		}
		if err := s.element(item, start); err != nil {
			return err
		}
		if line == nil {
			return nil
		}
		item, start = line, s.line
	}
}

// element parses one element in block form that starts on the given line.
func (s *splitter) element(item []byte, start int) error {
	body, err := parseYAML(item, start)
	if err != nil {
		return err
	}
	list, ok := body.(*ast.SequenceNode)
	if !ok || len(list.Values) != 1 {
		return at(start, errors.New("cannot read YAML: the key cannot be told from its neighbours"))
	}
	return s.mapping(list.Values[0], start)
}

// whole parses a small file of any form.
func (s *splitter) whole(b []byte) error {
	if len(b) > maxItemBytes {
		return fmt.Errorf("the file has over %d bytes and does not list its keys in block form (\"keys:\", then \"  - id: …\")", maxItemBytes)
	}
	body, err := parseYAML(b, 1)
	if err != nil {
		return err
	}
	top, err := members(body, 1)
	if err != nil {
		return errors.New(`want "keys:" and a list of keys`)
	}
	for _, m := range top {
		line := m.Key.GetToken().Position.Line
		if name := m.Key.GetToken().Value; name != "keys" || len(top) > 1 {
			return at(line, fmt.Errorf("unknown key %q%s", clip(name), suggest(name, []string{"keys"})))
		}
		list, ok := m.Value.(*ast.SequenceNode)
		if !ok {
			return at(line, errors.New("keys: want a list of keys"))
		}
		for _, v := range list.Values {
			if err := s.mapping(v, 1); err != nil {
				return err
			}
		}
		return nil
	}
	return errors.New(`want "keys:" and a list of keys`)
}

// parseYAML parses one document whose first line has the given number. The
// parser's own text of an error quotes the source, where secrets may stand: only
// its message and its line are used.
func parseYAML(b []byte, start int) (body ast.Node, err error) {
	defer func() {
		// The parser has panicked on nonsense before. A bad file must not end us.
		if r := recover(); r != nil {
			body, err = nil, at(start, errors.New("cannot read YAML"))
		}
	}()
	f, err := parser.ParseBytes(b, 0, parser.AllowDuplicateMapKey()) // mapping refuses them better
	if err != nil {
		var ye yaml.Error
		if errors.As(err, &ye) && ye.GetToken() != nil {
			return nil, at(start-1+ye.GetToken().Position.Line, fmt.Errorf("cannot read YAML: %s", plain(ye.GetMessage())))
		}
		return nil, at(start, errors.New("cannot read YAML"))
	}
	if len(f.Docs) != 1 || f.Docs[0].Body == nil {
		return nil, at(start, errors.New(`want one YAML document with "keys:" and a list of keys`))
	}
	return f.Docs[0].Body, nil
}

// plain returns a message that quotes nothing.
func plain(msg string) string {
	if strings.ContainsAny(msg, "\"`\n") {
		return "not valid here"
	}
	return msg
}

// members returns what a mapping node holds.
func members(n ast.Node, start int) ([]*ast.MappingValueNode, error) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, nil
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, nil
	}
	line := start
	if n != nil && n.GetToken() != nil {
		line += n.GetToken().Position.Line - 1
	}
	return nil, at(line, errors.New("want a key with its fields, such as id: and venue:"))
}

// mapping hands on one element; start is the line of the first line parsed.
func (s *splitter) mapping(n ast.Node, start int) error {
	values, err := members(n, start)
	if err != nil {
		return err
	}
	m := &mapping{line: start + n.GetToken().Position.Line - 1}
	seen := map[string]bool{}
	for _, v := range values {
		t := v.Key.GetToken()
		f := field{key: strings.Clone(t.Value), line: start + t.Position.Line - 1}
		if seen[f.key] {
			return at(f.line, fmt.Errorf("key %q is given twice", clip(f.key)))
		}
		seen[f.key] = true
		f.value = valueOf(v.Value)
		m.fields = append(m.fields, f)
	}
	return s.each(m)
}

func valueOf(n ast.Node) value {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		word, bad := scalar(n)
		return value{words: []string{word}, bad: bad}
	}
	v := value{list: true, words: make([]string, 0, len(list.Values))}
	for _, n := range list.Values {
		word, bad := scalar(n)
		if bad != "" {
			return value{bad: bad}
		}
		v.words = append(v.words, word)
	}
	return v
}

// scalar returns the text of a scalar as written, whatever YAML takes it for: a
// secret of digits stays what it is. Anchors, aliases and tags are refused.
func scalar(n ast.Node) (word, bad string) {
	switch n := n.(type) {
	case *ast.StringNode:
		return strings.Clone(n.Value), ""
	case *ast.LiteralNode:
		return strings.Clone(n.Value.Value), ""
	case *ast.NullNode:
		return "", "" // a secret that reads null wants quotes
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return strings.Clone(n.GetToken().Value), ""
	}
	return "", "is not a plain value"
}
