package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vedette/sensor/capture"
)

// told is what check says of one unit of a session.
type told struct {
	Message   *int
	Venue     string
	Verdict   string
	Reasons   []string
	Uncovered []string
}

// checkLine runs check on one session.
func checkLine(t *testing.T, keys string, lines ...*capture.Line) (all []told) {
	t.Helper()
	var in strings.Builder
	for _, l := range lines {
		if err := json.NewEncoder(&in).Encode(l); err != nil {
			t.Fatal(err)
		}
	}
	out, errs, code := invoke(in.String(), "check", "-keys", keys, "-")
	if code != exitDone && code != exitNo {
		t.Fatalf("check ended with %d: %s", code, errs)
	}
	for line := range strings.Lines(out) {
		var x told
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

// of returns what check says of a message, or of the upgrade for -1.
func of(all []told, message int) told {
	for _, x := range all {
		if x.Message == nil && message < 0 || x.Message != nil && *x.Message == message {
			return x
		}
	}
	return told{}
}

// alteration is one value of a message with another in its place.
type alteration struct {
	part string
	body string
}

// alterations alters every string and number of a message by its last letter or digit,
// and puts one member more into every object, each with its name. It reads JSON by
// encoding/json, not as check does.
func alterations(t *testing.T, message string) (all []alteration) {
	dec := json.NewDecoder(strings.NewReader(message))
	dec.UseNumber()
	var walk func(path string)
	walk = func(path string) {
		tok, err := dec.Token()
		if err != nil {
			t.Fatalf("%s: %v", message, err)
		}
		end := int(dec.InputOffset())
		switch v := tok.(type) {
		case json.Delim:
			inner := strings.TrimPrefix(path+".", ".")
			for i := 0; dec.More(); i++ {
				name := fmt.Sprint(i)
				if v == '{' {
					k, _ := dec.Token()
					name = k.(string)
				}
				walk(inner + name)
			}
			dec.Token()
			if end := int(dec.InputOffset()) - 1; v == '{' && message[end-1] != '{' {
				all = append(all, alteration{inner + "*", message[:end] + `,"zz":1` + message[end:]})
			}
		case string, json.Number:
			i := end - 1
			if _, text := v.(string); text {
				i--
			}
			other := message[i] + 1
			if c := message[i]; c == '9' || c == 'z' || c == 'Z' {
				other = c - 1
			} else if c < '0' || c == '=' || c == '"' {
				return
			}
			all = append(all, alteration{path, message[:i] + string(other) + message[i+1:]})
		}
	}
	walk("")
	return all
}

// TestUncoveredWebSocket alters every part of what the recorded sessions sign: what check
// does not name as uncovered, it calls other than authentic, and mostly forged; what it
// names verifies as before.
func TestUncoveredWebSocket(t *testing.T) {
	tally := map[string]int{}
	for _, file := range []string{"ccxt-ws.json", "ccxt-body-venues-ws.json", "coinbase-pro-node-ws.json", "gateio-api-ws.json"} {
		file := filepath.Join("../../venue/testdata/clients", file)
		dir := t.TempDir()
		keys := filepath.Join(dir, "keys.yaml")
		out, errs, code := invoke("", "convert", "-keys-out", keys, file)
		if code != exitDone {
			t.Fatal(errs)
		}
		for n, text := range slices.Collect(strings.Lines(out)) {
			var l capture.Line
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				t.Fatal(err)
			}
			t.Run(fmt.Sprintf("%s/%d-%s", filepath.Base(file), n, l.Venue), func(t *testing.T) { alterSession(t, keys, &l, tally) })
		}
	}
	t.Log(tally)
	for _, want := range []string{"open", "forged"} {
		if tally[want] < 30 {
			t.Errorf("%d parts %s only", tally[want], want)
		}
	}
}

func alterSession(t *testing.T, keys string, l *capture.Line, tally map[string]int) {
	first := checkLine(t, keys, l)
	for i := range l.Messages {
		was := of(first, i)
		if was.Verdict != "authentic" || was.Uncovered == nil {
			continue
		}
		for _, a := range alterations(t, l.Messages[i].Data) {
			bad := *l
			bad.Messages = slices.Clone(l.Messages)
			bad.Messages[i].Data = a.body
			now := of(checkLine(t, keys, &bad), i)
			hold(t, a.part, a.body, was, now, tally)
		}
	}
	if up := of(first, -1); up.Verdict == "authentic" && !slices.Contains(up.Reasons, "session") {
		at, query, has := strings.Cut(l.URL, "?")
		bad := *l
		bad.URL = at + "x"
		if has {
			bad.URL += "?" + query
		}
		hold(t, "path", bad.URL, up, of(checkLine(t, keys, &bad), -1), tally)
		if has {
			bad.URL = at + "?zz=1&" + query
			hold(t, "query", bad.URL, up, of(checkLine(t, keys, &bad), -1), tally)
		}
	}
}

// hold holds the verdict on an altered unit against what was said to be uncovered.
func hold(t *testing.T, part, text string, was, now told, tally map[string]int) {
	t.Helper()
	if slices.Contains(now.Reasons, "session") {
		return // no log-in any more: it rides on the one before
	}
	open := slices.Contains(was.Uncovered, part)
	genuine := now.Verdict == "authentic" || now.Verdict == "unauthorised"
	if open {
		tally["open"]++
	} else {
		tally[now.Verdict]++
	}
	if open != genuine {
		t.Errorf("%s: uncovered %v, and altered it is %s %v\n%s", part, open, now.Verdict, now.Reasons, text)
	}
}

// change is one way to alter a recorded request.
type change struct {
	part  string
	apply func(*capture.Line)
}

// changes alters or adds one part of a request at a time. The part of a JSON body is its
// first member, or one more.
func changes(l *capture.Line) []change {
	at, query, _ := strings.Cut(l.URL, "?")
	join := func(q string) string { return at + "?" + q }
	all := []change{
		{"path", func(l *capture.Line) { l.URL = strings.TrimSuffix(at+"x?"+query, "?") }},
		{"query", func(l *capture.Line) { l.URL = join(strings.TrimSuffix("zz=1&"+query, "&")) }},
		{"query", func(l *capture.Line) { l.URL = join(strings.TrimPrefix(query+"&zz=1", "&")) }},
	}
	for _, m := range []string{"GET", "POST", "PUT", "DELETE"} {
		if m != l.Method {
			all = append(all, change{"method", func(l *capture.Line) { l.Method = m }})
		}
	}
	switch body := l.Body; {
	case body == "":
		for _, b := range []string{`{"zz":1}`, "zz=1"} {
			all = append(all, change{"body", func(l *capture.Line) { l.Body = b }})
		}
	case strings.HasPrefix(body, "{") && body != "{}":
		all = append(all, change{"body.*", func(l *capture.Line) { l.Body = body[:len(body)-1] + `,"zz":"1"}` }})
	case !strings.HasPrefix(body, "{") && !strings.HasPrefix(body, "["):
		all = append(all, change{"body", func(l *capture.Line) { l.Body = "zz=1&" + body }}, change{"body", func(l *capture.Line) { l.Body += "&zz=1" }})
	}
	return all
}

// TestUncoveredHTTP alters recorded requests of every venue and adds to them: what check
// does not name as uncovered is not authentic, and what it names is in one way at least.
func TestUncoveredHTTP(t *testing.T) {
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys.yaml")
	files, err := filepath.Glob("../../venue/testdata/clients/*-rest.json")
	if err != nil {
		t.Fatal(err)
	}
	out, errs, code := invoke("", append([]string{"convert", "-keys-out", keys}, files...)...)
	if code != exitDone {
		t.Fatal(errs)
	}
	seen, open := map[string]int{}, 0
	for text := range strings.Lines(out) {
		var l capture.Line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		if seen[l.Venue]++; seen[l.Venue] > 6 {
			continue
		}
		lines, all := []*capture.Line{&l}, changes(&l)
		for _, c := range all {
			bad := l
			c.apply(&bad)
			lines = append(lines, &bad)
		}
		told := checkLine(t, keys, lines...)
		was := told[0]
		if was.Verdict != "authentic" {
			continue
		}
		genuine := map[string]bool{}
		for i, c := range all {
			switch told[i+1].Verdict { // whatever follows on a good signature, such as that it was seen before
			case "authentic", "unauthorised", "replayed", "stale":
				genuine[c.part] = true
			default:
				genuine[c.part] = genuine[c.part]
			}
		}
		for part, still := range genuine {
			said := slices.Contains(was.Uncovered, part) || strings.HasPrefix(part, "body") && slices.Contains(was.Uncovered, "body")
			if said {
				open++
			}
			if said != still {
				t.Errorf("%s: %s said to be open: %v, is: %v\n%s", l.Venue, part, said, still, text)
			}
		}
	}
	if len(seen) < 20 || open < 100 {
		t.Errorf("%d parts open, of %d venues", open, len(seen))
	}
}
