package strictyaml

import (
	"strings"
	"testing"
)

type conf struct {
	Listen  string   `yaml:"listen"`
	Timeout Duration `yaml:"timeout"`
	Venues  []struct {
		Upstream string `yaml:"upstream"`
	} `yaml:"venues"`
}

func TestDecode(t *testing.T) {
	try := func(in, want string) {
		t.Helper()
		var c conf
		err := Decode([]byte(in), &c)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", in, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
	try("", "")
	try("listen: a\ntimeout: 5s\nvenues:\n  - upstream: x\n", "")
	try("listen: a\nlisten: b\n", "already")
	try("lisen: a\n", `line 1, column 1: unknown key "lisen"; did you mean "listen"?`)
	try("listen: a\nvenues:\n  - upstrem: x\n", `line 3, column 5: unknown key "upstrem"; did you mean "upstream"?`)
	try("zzzzzzzzzz: a\n", `unknown key "zzzzzzzzzz"`)
	try("timeout: soon\n", "line 1")
	try("listen: [\n", "line")
	try("listen: a\n---\nlisten: b\n", "second document")
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("listen: a\nvenues:\n  - upstream: x\n"))
	f.Add([]byte("&a [*a, !!x y, {]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c conf
		_ = Decode(b, &c)
	})
}
