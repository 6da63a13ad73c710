package eval

import (
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/goccy/go-yaml"

	"vedette/payload"
	"vedette/venue"
)

// crsMarker tells where the regression tests of the Core Rule Set are: folders of one file a rule, as its releases have them
// under tests/regression/tests.
const crsMarker = "REQUEST-942-APPLICATION-ATTACK-SQLI"

// httpParams is the file of the HttpParams data set, looked for beside.
const httpParams = "payload_full.csv"

// sample is one request with what it is.
type sample struct {
	class   string // of attack; "" for what is none
	rule    int    // that the attack is meant for
	request venue.Request
}

// injectionTrack measures track D: the filter, the Core Rule Set, and the two together.
func injectionTrack(dir string) ([]Figure, error) {
	figures, err := CoreRuleSet(os.DirFS(dir))
	if err != nil {
		return nil, err
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		f, err := os.Open(filepath.Join(d, httpParams))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer f.Close()
		list, err := readParams(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", httpParams, err)
		}
		more, err := injectionFigures("HttpParams", list)
		return append(figures, more...), err
	}
	return figures, nil
}

// CoreRuleSet measures how much of what the regression tests of the Core Rule Set send is found, by class. The tests are those of
// rules at paranoia level 1 that say what must match; those that say what must not are no attack to the one rule, but
// few of them are harmless.
func CoreRuleSet(tests fs.FS) ([]Figure, error) {
	list, err := readRuleTests(tests)
	if err != nil {
		return nil, err
	}
	return injectionFigures("CRS 4.25 regression tests", list)
}

// injectionFigures scores every way of looking at requests.
func injectionFigures(data string, list []sample) (figures []Figure, err error) {
	e := payload.New(payload.Config{})
	f := &payload.Filter{}
	ways := []struct {
		name  string
		found func(r *venue.Request) bool
	}{
		{"vedette: filter, then rules", func(r *venue.Request) bool {
			if !f.Suspicious(r) {
				return false
			}
			found := e.Examine(r, nil)
			return found.Classes != 0
		}},
		{"Core Rule Set at level 1, unfiltered", func(r *venue.Request) bool { found := e.ExamineAll(r); return found.Classes != 0 }},
		{"vedette: filter alone", f.Suspicious},
		{"single feature: a quote or <", func(r *venue.Request) bool {
			return strings.ContainsAny(r.Path+r.Query+string(r.Body), "'<") || strings.Contains(r.Query, "%27") || strings.Contains(r.Query, "%3C")
		}},
		{"random", nil}, {"null", nil},
	}
	for _, w := range ways {
		figures = append(figures, injectionRates(data, w.name, list, w.found)...)
	}
	for _, p := range []struct {
		name     string
		tpr, tnr float64
	}{{"ModSecurity with CRS 4.20", .923, .814}, {"open-appsec", .996, .990}} {
		for metric, v := range map[string]float64{"TPR, macro average": p.tpr, "TNR": p.tnr} {
			figures = append(figures, Figure{Data: "other", Detector: p.name, Metric: metric, Value: v, Source: "open-appsec's own comparison, on data of its own"})
		}
	}
	return figures, nil
}

// injectionRates are the rates of one way, by class and in the mean of the classes.
func injectionRates(data, name string, list []sample, found func(*venue.Request) bool) (figures []Figure) {
	byClass := map[string][]judged{}
	for i := range list {
		score := 0.0
		switch {
		case found != nil && found(&list[i].request):
			score = 1
		case name == "random":
			score = 0.5
		}
		byClass[list[i].class] = append(byClass[list[i].class], judged{score, list[i].class != "", list[i].rule})
	}
	rate := func(l []judged) (sum float64) {
		for _, j := range l {
			sum += j.score
		}
		return sum / float64(len(l))
	}
	sum, n := 0.0, 0
	for _, class := range slices.Sorted(maps.Keys(byClass)) {
		if l := byClass[class]; class != "" {
			sum, n = sum+rate(l), n+1
			if found != nil {
				figures = append(figures, measured(data, name, "TPR of "+class, fmt.Sprintf("%d requests", len(l)), l, rate))
			}
		}
	}
	figures = append(figures, Figure{Data: data, Detector: name, Metric: "TPR, macro average", Value: sum / float64(n), N: len(list), Base: fmt.Sprintf("%d classes", n)})
	if l := byClass[""]; l != nil {
		figures = append(figures, measured(data, name, "TNR", fmt.Sprintf("%d requests", len(l)), l, func(l []judged) float64 { return 1 - rate(l) }))
	}
	return figures
}

// ruleFile is a file of regression tests in the form of go-ftw.
type ruleFile struct {
	RuleID int `yaml:"rule_id"`
	Tests  []struct {
		ID     int `yaml:"test_id"`
		Stages []struct {
			Input struct {
				Method  string            `yaml:"method"`
				URI     string            `yaml:"uri"`
				Headers map[string]string `yaml:"headers"`
				Data    string            `yaml:"data"`
				Encoded string            `yaml:"encoded_request"`
			} `yaml:"input"`
			Output struct {
				Log struct {
					Expect []int `yaml:"expect_ids"`
					Not    []int `yaml:"no_expect_ids"`
				} `yaml:"log"`
			} `yaml:"output"`
		} `yaml:"stages"`
	} `yaml:"tests"`
}

// families are the files that speak of payloads, and their classes.
var families = map[string]string{"921": "protocol", "930": "lfi", "931": "rfi", "932": "rce", "933": "php", "934": "generic", "941": "xss", "942": "sqli",
	"944": "java"}

// readRuleTests reads the tests of the rules of level 1.
func readRuleTests(tests fs.FS) (list []sample, err error) {
	levels, err := ruleLevels()
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(tests, ".", func(name string, d fs.DirEntry, err error) error {
		part := strings.Split(path.Base(path.Dir(name)), "-")
		if err != nil || d.IsDir() || path.Ext(name) != ".yaml" || len(part) < 2 || families[part[1]] == "" {
			return err
		}
		b, err := fs.ReadFile(tests, name)
		if err != nil {
			return err
		}
		var file ruleFile
		if err := yaml.Unmarshal(b, &file); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, t := range file.Tests {
			for _, s := range t.Stages {
				if levels[file.RuleID] != 1 || !slices.Contains(s.Output.Log.Expect, file.RuleID) {
					continue
				}
				r := venue.Request{Method: s.Input.Method, Path: s.Input.URI, Body: []byte(s.Input.Data)}
				for _, h := range slices.Sorted(maps.Keys(s.Input.Headers)) {
					r.Header = append(r.Header, venue.Field{Name: h, Value: s.Input.Headers[h]})
				}
				if s.Input.Encoded != "" && !raw(&r, s.Input.Encoded) {
					continue
				}
				r.Path, r.Query, _ = strings.Cut(r.Path, "?")
				list = append(list, sample{class: families[part[1]], rule: file.RuleID, request: r})
			}
		}
		return nil
	})
	if err == nil && len(list) == 0 {
		err = errors.New("there is no regression test of a rule of level 1")
	}
	return list, err
}

// raw fills a request from one that a test gives as bytes.
func raw(r *venue.Request, encoded string) bool {
	b, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return false
	}
	head, body, _ := strings.Cut(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n\n")
	lines := strings.Split(head, "\n")
	first := strings.Fields(lines[0])
	if len(first) < 2 {
		return false
	}
	r.Method, r.Path, r.Body = first[0], first[1], []byte(body)
	for _, l := range lines[1:] {
		name, value, _ := strings.Cut(l, ":")
		r.Header = append(r.Header, venue.Field{Name: name, Value: strings.TrimSpace(value)})
	}
	return true
}

var ruleLevel = regexp.MustCompile(`(?s)id:(\d{6}),.*?paranoia-level/(\d)`)

// ruleLevels returns the paranoia level of each rule.
func ruleLevels() (map[int]int, error) {
	levels := map[int]int{}
	err := fs.WalkDir(coreruleset.FS, "@owasp_crs", func(name string, d fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".conf" {
			return err
		}
		b, err := fs.ReadFile(coreruleset.FS, name)
		if err != nil {
			return err
		}
		for rule := range strings.SplitSeq(string(b), "\nSec") {
			if m := ruleLevel.FindStringSubmatch(rule); m != nil {
				id, _ := strconv.Atoi(m[1])
				levels[id], _ = strconv.Atoi(m[2])
			}
		}
		return nil
	})
	return levels, err
}

// readParams reads the HttpParams data set: payload, length, kind of attack, and norm or anom. Each payload is the value of a
// query's parameter.
func readParams(in io.Reader) (list []sample, err error) {
	r := csv.NewReader(in)
	r.FieldsPerRecord = -1
	r.LazyQuotes = true
	if _, err := r.Read(); err != nil { // the heading
		return nil, err
	}
	for {
		row, err := r.Read()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		if len(row) < 4 {
			return nil, fmt.Errorf("a row of %d columns: want payload, length, attack_type and label", len(row))
		}
		s := sample{request: venue.Request{Method: "GET", Path: "/api/v1/items", Query: "value=" + url.QueryEscape(row[0])}}
		if row[3] != "norm" {
			s.class = row[2]
		}
		list = append(list, s)
	}
}
