package ruleset

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vedette"
	"vedette/detect"
)

// TestSigmaCondition translates detections to conditions.
func TestSigmaCondition(t *testing.T) {
	try := func(detection, want string, missing ...string) {
		t.Helper()
		doc := "title: T\nlogsource: {category: webserver}\ndetection:\n  " + strings.ReplaceAll(detection, "\n", "\n  ") + "\n"
		list, err := ImportSigma("x.yml", []byte(doc))
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %v", detection, err)
		}
		for _, m := range missing {
			if !strings.Contains(strings.Join(list[0].Missing, "\n"), m) {
				t.Errorf("%s: missing %q, want %q", detection, list[0].Missing, m)
			}
		}
		if len(missing) == 0 && len(list[0].Missing) > 0 {
			t.Errorf("%s: missing %q", detection, list[0].Missing)
		}
		got := ""
		if list[0].Rule != "" {
			set, err := Parse("x.yml", []byte("rules:\n"+list[0].Rule))
			if err != nil {
				t.Fatal(err)
			}
			got = set.Rules[0].match.source.s
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", detection, got, want)
		}
	}
	s := "\ncondition: s"
	try("s: {cs-method: POST}"+s, `method.lowerAscii() == "post"`)
	try("s: {sc-status: 404}"+s, `status == 404`)
	try("s: {sc-status: [404, 403]}"+s, `status == 404 || status == 403`)
	try("s: {sc-bytes|gt: 5000}"+s, `response_bytes > 5000`)
	try("s: {time-taken|gte: 5000}"+s, `latency_ms >= 5000.0`)
	try("s: {cs-uri-stem|contains: /Admin}"+s, `path.lowerAscii().contains("/admin")`)
	try("s: {cs-uri-stem|contains|cased: /Admin}"+s, `path.contains("/Admin")`)
	try("s: {cs-uri-stem|contains|all: [a, b]}"+s, `path.lowerAscii().contains("a") && path.lowerAscii().contains("b")`)
	try("s: {cs-uri-stem|startswith: /x, sc-status: 200}"+s, `path.lowerAscii().startsWith("/x") && status == 200`)
	try("s: {c-uri-extension: [php, bak]}"+s, `path.lowerAscii().endsWith(".php") || path.lowerAscii().endsWith(".bak")`)
	try("s: {c-useragent: '*probe*'}"+s, `client.lowerAscii().contains("probe")`)
	try("s: {c-useragent: 'probe*'}"+s, `client.lowerAscii().startsWith("probe")`)
	try("s: {c-useragent: '*Probe'}"+s, `client.lowerAscii().endsWith("probe")`)
	try("s: {c-useragent: 'a*b?c.d'}"+s, `client.matches("(?is)^a.*b.c\\.d$")`)
	try(`s: {c-useragent: 'a\*b'}`+s, `client.lowerAscii() == "a*b"`)
	try("s: {c-useragent|re: '^x[0-9]+$'}"+s, `client.matches("^x[0-9]+$")`)
	try("s: {c-useragent: null}"+s, `client == ''`)
	try("s: {c-ip|cidr: 192.0.2.0/24}"+s, `source.in_cidr('192.0.2.0/24')`)
	try("s: {c-ip: 192.0.2.1}"+s, `source.in_cidr('192.0.2.1/32')`)
	try("s: {c-ip|startswith: '192.168.'}"+s, `source.in_cidr('192.168.0.0/16')`)
	try("s: [{cs-method: A}, {cs-method: B}]"+s, `method.lowerAscii() == "a" || method.lowerAscii() == "b"`)
	try("s: [alpha, beta]"+s, `path.lowerAscii().contains("alpha") || client.lowerAscii().contains("alpha") || path.lowerAscii().contains("beta") || client.lowerAscii().contains("beta")`)
	abc := "a: {sc-status: 1}\nb: {sc-status: 2}\nc: {sc-status: 3}\ncondition: "
	try(abc+"a or b and not c", `status == 1 || (status == 2 && !(status == 3))`)
	try(abc+"(a or b) and c", `(status == 1 || status == 2) && status == 3`)
	try(abc+"1 of them", `status == 1 || status == 2 || status == 3`)
	try(abc+"ALL of them", `status == 1 && status == 2 && status == 3`)
	try(abc+"a and not 1 of b*", `status == 1 && !(status == 2)`)
	try(abc+"not (a or b)", `!(status == 1 || status == 2)`)
	try("a: {sc-status: 1}\ncondition: [a, a]", `status == 1 || status == 1`)

	// What has no counterpart narrows a rule, and never widens it.
	try("s: {cs-referer: x, sc-status: 200}"+s, "", "field cs-referer", "nothing is left")
	try("a: {cs-referer: x}\nb: {sc-status: 1}\ncondition: a or b", `status == 1`, "field cs-referer")
	try("a: {cs-referer: x}\nb: {sc-status: 1}\ncondition: b and not a", "", "field cs-referer", "nothing is left")
	try("a: {cs-referer: x}\nb: {sc-status: 1}\ncondition: not (not b or a)", "", "field cs-referer", "nothing is left")
	try("s: {c-uri|contains: ['/a', '?id=']}"+s, `path.lowerAscii().contains("/a")`, `value "?id=" of c-uri: queries`)
	try("s: {c-useragent|base64offset|contains: x}"+s, "", "modifier base64offset of c-useragent")
	try("s: {c-useragent|re: 'a(?=b)'}"+s, "", "is none of RE2")
	try("s: {c-useragent|gt: 5}"+s, "", "modifier gt of c-useragent")
	try("s: {c-ip: '10.*'}"+s, "", "it is no range of addresses")
	try(abc+"a and", "", "the condition ends")
	try(abc+"a and d", "", "names d, that is no selection")
	try(abc+"2 of them", "", "only 1, any and all")
	try(abc+"(a", "", "a bracket that is not closed")
	try(abc+"a b", "", "is left over")
	try(abc+"a | near b", "", "only count()")
	try(abc+"a | count() by cs-referer > 3", "", "count by cs-referer")
	try(abc+"a | count() by c-ip < 3", "", "only count()")
}

// TestSigmaFixture imports a file of rules, and runs what came of them.
func TestSigmaFixture(t *testing.T) {
	name := filepath.Join("testdata", "sigma", "webserver.yml")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	list, err := ImportSigma(name, b)
	if err != nil || len(list) != 6 {
		t.Fatalf("%d rules: %v", len(list), err)
	}
	doc := "rules:\n"
	for i, want := range []string{"", "", "", "nothing is left that could match", "", `log source "process_creation windows"`} {
		doc += list[i].Rule
		if (list[i].Rule == "") != (want != "") || !strings.Contains(strings.Join(list[i].Missing, "\n"), want) {
			t.Errorf("%s: %q, missing %q, want %q", list[i].Title, list[i].Rule, list[i].Missing, want)
		}
	}
	if n := len(list[4].Missing); n != 2 {
		t.Errorf("%q: %q, want the query and the regular expression", list[4].Title, list[4].Missing)
	}
	set, err := Parse("imported.yaml", []byte(doc))
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	var found []string
	e, err := detect.New(detect.Config{Detectors: set.Detectors(), Raise: func(f *vedette.Finding) { found = append(found, f.Detector) }})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		for _, path := range []string{"/config.bak", "/config.yaml"} {
			line := fmt.Sprintf(`{"event":"call","time":"2026-01-05T12:00:%02dZ","venue":"x","source":"192.0.2.7","method":"GET","path":"%s","status":%d}`, i, path, 200+i/30*201)
			c, _, err := parse([]byte(line))
			if err != nil {
				t.Fatal(err)
			}
			e.Observe(uint64(i), c)
		}
	}
	e.Close()
	if got := strings.Join(found, " "); got != "sigma.backup_files_of_a_trading_gateway_are_asked_for sigma.many_refused_calls_of_one_address" {
		t.Errorf("found %s", got)
	}
}
