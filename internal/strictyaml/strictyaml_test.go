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
	try("upstream: x\n", `line 1, column 1: unknown key "upstream"; it stands under "venues[]"`)
	try("LISTEN: a\n", `line 1, column 1: unknown key "LISTEN"; did you mean "listen"?`)
	try("Upstream: x\n", `line 1, column 1: unknown key "Upstream"; "upstream" stands under "venues[]"`)
	try("listen: a\nvenues:\n  - upstream: x\n    listen: b\n", `line 4, column 5: unknown key "listen"; it stands at the top`)
	try("venues: [{timeuot: 1s}]", `unknown key "timeuot"`)
	try("zzzzzzzzzz: a\n", `unknown key "zzzzzzzzzz"`)
	try("timeout: soon\n", "line 1")
	try("listen: [\n", "line")
	try("listen: a\n---\nlisten: b\n", "second document")
}

// TestSuggest: what is written in another case is near.
func TestSuggest(t *testing.T) {
	for word, want := range map[string]string{"BINANCE": "binance", "Binanec": "binance", "gtc": "GTC", "okx": "OKX", "ZZZZZZZ": "", strings.Repeat("B", 65): ""} {
		if want != "" {
			want = `; did you mean "` + want + `"?`
		}
		if got := Suggest(word, []string{"bybit", "binance", "OKX", "GTC"}); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}

type names struct{}

func (names) Kind() string    { return "fruit" }
func (names) Names() []string { return []string{"apple", "pear"} }

// TestKinds: a value of another kind is told in words, with its place.
func TestKinds(t *testing.T) {
	var c struct {
		Text   string               `yaml:"text"`
		Whole  int                  `yaml:"whole"`
		Count  *uint32              `yaml:"count"`
		Number float64              `yaml:"number"`
		Flag   *bool                `yaml:"flag"`
		List   []string             `yaml:"list"`
		Map    map[string]string    `yaml:"map"`
		Deep   map[string][]int     `yaml:"deep"`
		In     *conf                `yaml:"in"`
		Many   []conf               `yaml:"many"`
		For    Duration             `yaml:"for"`
		Fruit  ByName[[]int, names] `yaml:"fruit"`
		Kinds  ByName[conf, names]  `yaml:"kinds"`
	}
	for in, want := range map[string]string{
		"text: {a: b}": "line 1, column 7: want text here, not keys with values", "text: [a]": "want text here, not a list",
		"whole: {a: b}": "want a whole number here, not keys with values", "whole: [1]": "want a whole number here, not a list", "whole: x": "want a whole number here, not text",
		"whole: true": "want a whole number here, not true or false", "whole: 1e300": "cannot use the number 1e300: want a whole number, and not so large",
		"count: -1": "cannot use the number -1: want a whole number that is not negative", "count: 99999999999": "cannot use the number",
		"number: x": "want a number here, not text",
		"flag: x":   "want true or false here, not text", "flag: [x]": "want true or false here, not a list",
		"list: x": "want a list here, not text", "list: {a: b}": "want a list here, not keys with values", "list: [{a: b}]": "want text here, not keys with values",
		"map: x": "want keys with values here, not text", "map: [a]": "want keys with values here, not a list", "map: {a: [b]}": "want text here, not a list",
		"deep: {a: b}": "want a list here, not text", "deep: {a: [b]}": "want a whole number here, not text",
		"in: x": "want keys with values here, not text", "in: [x]": "want keys with values here, not a list",
		"many: [x]": "want keys with values here, not text", "many: {listen: x}": "want a list here, not keys with values",
		"for: [1s]": "cannot read duration", "for: {a: b}": "cannot read duration",
		"fruit: {aple: [1]}": `line 1, column 9: unknown fruit "aple"; did you mean "apple"?`, "fruit:\n  melon: [1]": `line 2, column 3: unknown fruit "melon"; want one of apple pear`,
		"fruit: {pear: 1}": "want a list here, not a number", "fruit: [pear]": "want keys with values here, not a list", "fruit: {pear: [a]}": "line 1, column 16: want a whole number here, not text",
		"kinds: {pear: {lisen: x}}": `line 1, column 16: unknown key "lisen"; did you mean "listen"?`, "kinds: {pear: {listen: [x]}}": "want text here, not a list",
		"kinds: {pear: {listen: x}}":    "",
		"fruit: {pear: [1], pear: [2]}": "already",
		"fruit: {pear: [1]}":            "", "fruit:\n  pear: [1]\n  apple: []": "", "fruit:": "",
	} {
		err := Decode([]byte(in), &c)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
		if err != nil && (strings.ContainsAny(err.Error(), "\n*") || strings.Contains(err.Error(), "interface") || strings.Contains(err.Error(), "unmarshal") || !strings.HasPrefix(err.Error(), "line ")) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("listen: a\nvenues:\n  - upstream: x\n"))
	f.Add([]byte("&a [*a, !!x y, {]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c conf
		_ = Decode(b, &c)
	})
}
