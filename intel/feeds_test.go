package intel

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"vedette"
	"vedette/internal/durable/durabletest"
)

// publisher serves one document over TLS, with an ETag, and counts.
type publisher struct {
	*httptest.Server
	mu              sync.Mutex
	body            string
	status          int
	head            http.Header
	asked, notAgain int
}

func newPublisher(t *testing.T, body string) *publisher {
	p := &publisher{body: body, head: http.Header{}}
	p.Server = httptest.NewTLSServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	for name, v := range p.head {
		w.Header()[name] = v
	}
	tag := fmt.Sprintf(`"%x-%d"`, len(p.body), strings.Count(p.body, "1"))
	w.Header().Set("ETag", tag)
	switch {
	case p.status != 0:
		w.WriteHeader(p.status)
	case r.Header.Get("If-None-Match") == tag:
		p.notAgain++
		w.WriteHeader(http.StatusNotModified)
	default:
		fmt.Fprint(w, p.body)
	}
}

func (p *publisher) say(body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.body, p.status = body, 0
}

func (p *publisher) trust() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(p.Certificate())
	return &tls.Config{RootCAs: pool}
}

// desk is feeds under test, with a clock that is set.
type desk struct {
	*Feeds
	t    *testing.T
	c    Config
	now  time.Time
	told []Status
}

var t0 = time.Unix(1767614400, 0).UTC()

func newDesk(t *testing.T, feeds ...Feed) *desk {
	t.Helper()
	d := &desk{t: t, now: t0}
	d.c = Config{Dir: filepath.Join(t.TempDir(), "intel"), Feeds: feeds, Own: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8:ffff::/48")},
		Now: func() time.Time { return d.now }, Told: func(s Status) { d.told = append(d.told, s) }}
	d.open()
	return d
}

// open opens the feeds anew, as a restart does.
func (d *desk) open() {
	d.t.Helper()
	f, err := Open(d.c)
	if err != nil {
		d.t.Fatal(err)
	}
	d.Feeds = f
}

// refresh refreshes the first feed.
func (d *desk) refresh(accept bool) (Status, error) {
	return d.Refresh(context.Background(), d.c.Feeds[0].Name, accept)
}

func (d *desk) good(count int) {
	d.t.Helper()
	if s, err := d.refresh(false); err != nil || s.State != Good || s.Count != count {
		d.t.Fatalf("%v %+v", err, s)
	}
}

// listed says which feeds list a source.
func (d *desk) listed(source string) string {
	c := vedette.Call{Source: netip.AddrPortFrom(netip.MustParseAddr(source), 1)}
	d.Enrich(&c, d.now)
	var out []string
	for _, m := range c.Intel {
		out = append(out, fmt.Sprintf("%s %s %d %s", m.Feed, m.Kind, m.Confidence, m.Action))
	}
	return strings.Join(out, ", ")
}

func (d *desk) want(source, listed string) {
	d.t.Helper()
	if got := d.listed(source); got != listed {
		d.t.Errorf("%s: %q, want %q", source, got, listed)
	}
}

func addressFeed(p *publisher) Feed {
	return Feed{Name: "tor", Format: List, Kind: vedette.IndicatorAddress, URL: p.URL + "/list", TLS: p.trust(), Confidence: 80, Action: vedette.IntelDeny}
}

const goodList = "198.51.100.7\n198.51.100.64/26\n2001:db8:1::/48\n"

// TestFeed reads a list, asks again without getting it again, and reads the next one.
func TestFeed(t *testing.T) {
	p := newPublisher(t, goodList)
	d := newDesk(t, addressFeed(p))
	d.want("198.51.100.7", "")
	d.good(3)
	d.want("198.51.100.7", "tor address 80 deny")
	d.want("198.51.100.8", "")
	d.want("::ffff:198.51.100.70", "tor address 80 deny")
	d.want("2001:db8:1::1", "tor address 80 deny")
	d.now = d.now.Add(time.Hour)
	d.good(3)
	if p.notAgain != 1 || !d.Statuses()[0].Confirmed.Equal(d.now) || !d.Statuses()[0].Changed.Equal(t0) {
		t.Errorf("%d not modified, %+v", p.notAgain, d.Statuses()[0])
	}
	p.say("198.51.100.8\n198.51.100.7\n")
	d.good(2)
	d.want("198.51.100.8", "tor address 80 deny")
	d.want("198.51.100.70", "")
	if len(d.told) != 1 || d.told[0].State != Good {
		t.Errorf("told %+v", d.told)
	}
}

// TestPoison: a suspect feed is refused as a whole and told, the last good copy stays in
// force, also over a restart, and the way back is open.
func TestPoison(t *testing.T) {
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "198.18.%d.%d\n", i>>8, i&255)
		}
		return b.String()
	}
	eights := ""
	for i := 11; i < 80; i++ {
		eights += fmt.Sprintf("%d.0.0.0/8\n", i)
	}
	for name, c := range map[string]struct {
		body string
		why  Suspicion
	}{
		"everything":          {goodList + "0.0.0.0/0\n", WidePrefix},
		"everything of IPv6":  {goodList + "::/0\n", WidePrefix},
		"half":                {goodList + "64.0.0.0/7\n", WidePrefix},
		"a wide IPv6 prefix":  {goodList + "2a00::/12\n", WidePrefix},
		"a range of it":       {goodList + "1.0.0.0-9.255.255.255\n", WidePrefix},
		"many wide prefixes":  {goodList + eights, WidePrefix},
		"private":             {goodList + "10.1.2.3\n", SpecialRange},
		"private of IPv6":     {goodList + "fd00::1\n", SpecialRange},
		"loopback":            {goodList + "127.0.0.1\n", SpecialRange},
		"loopback, mapped":    {goodList + "::ffff:127.0.0.1\n", SpecialRange},
		"loopback of IPv6":    {goodList + "::1\n", SpecialRange},
		"link-local":          {goodList + "169.254.1.1\n", SpecialRange},
		"our address":         {goodList + "203.0.113.9\n", OwnRange},
		"around our range":    {goodList + "203.0.0.0/16\n", OwnRange},
		"our address of IPv6": {goodList + "2001:db8:ffff::9\n", OwnRange},
		"growth":              {many(400), Grown},
		"nothing":             {"", Shrunk},
		"only comments":       {"# sorry\n", Shrunk},
		"a page":              {"<html>\n<body>\nService unavailable\n</body>\n</html>\n", Unreadable},
		"another kind":        {goodList + "AS64500\n", Unreadable},
		"invalid UTF-8":       {goodList + "# caf\xe9\n", BadEncoding},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPublisher(t, goodList)
			d := newDesk(t, addressFeed(p))
			d.good(3)
			p.say(c.body)
			s, err := d.refresh(false)
			if err == nil || s.State != Refused || s.Suspicion != c.why || s.Count != 3 || s.Refusals != 1 || len(s.Detail) == 0 {
				t.Errorf("%v %+v", err, s)
			}
			if last := d.told[len(d.told)-1]; last.Suspicion != c.why {
				t.Errorf("told %+v", last)
			}
			d.want("198.51.100.7", "tor address 80 deny")
			d.want("203.0.113.9", "")
			d.open()
			d.want("198.51.100.7", "tor address 80 deny")
			s, err = d.refresh(true)
			if accepted := c.why == Grown || c.why == Shrunk; accepted != (err == nil) {
				t.Errorf("accepted: %v %+v", err, s)
			}
			p.say(goodList + "198.51.100.9\n")
			if s, err = d.refresh(true); err != nil || s.State != Good || s.Suspicion != "" {
				t.Errorf("after it: %v %+v", err, s)
			}
		})
	}
}

// TestPoisonAtFirst: without a good copy there is none to stay, and nothing is in force.
func TestPoisonAtFirst(t *testing.T) {
	p := newPublisher(t, goodList+"0.0.0.0/0\n")
	d := newDesk(t, addressFeed(p))
	if s, err := d.refresh(false); err == nil || s.Suspicion != WidePrefix || s.Count != 0 {
		t.Errorf("%v %+v", err, s)
	}
	d.want("198.51.100.7", "")
}

func TestTooManyBytes(t *testing.T) {
	line := strings.Repeat("#", 1<<20-1) + "\n"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write([]byte(line)); err != nil {
				return
			}
		}
	}))
	defer s.Close()
	f := fetch{Feed: &Feed{Name: "x", Format: List, URL: s.URL}, client: newClient(nil), now: t0}
	var r *refused
	if _, _, err := f.get(t.Context(), s.URL, "", 3<<20, false); !errors.As(err, &r) || r.why != TooLarge {
		t.Errorf("%v", err)
	}
	f.bytes = maxRefresh - 10
	if _, _, err := f.get(t.Context(), s.URL, "", 3<<20, false); !errors.As(err, &r) || r.why != TooLarge || f.bytes > maxRefresh+1 {
		t.Errorf("%v, %d bytes", err, f.bytes)
	}
}

// TestOwnRangesOfAStoredCopy: a range that became ours is not refused by its stored copy.
func TestOwnRangesOfAStoredCopy(t *testing.T) {
	p := newPublisher(t, goodList)
	d := newDesk(t, addressFeed(p))
	d.good(3)
	d.c.Own = append(d.c.Own, netip.MustParsePrefix("198.51.100.0/24"))
	d.open()
	if s := d.Statuses()[0]; s.State != Refused || s.Suspicion != OwnRange {
		t.Errorf("%+v", s)
	}
	d.want("198.51.100.7", "")
}

// TestUnreachable: a publisher that is down, or answers nonsense, leaves the copy until
// its time is over.
func TestUnreachable(t *testing.T) {
	p := newPublisher(t, goodList)
	d := newDesk(t, addressFeed(p))
	d.good(3)
	p.status = http.StatusServiceUnavailable
	p.head.Set("Retry-After", "7200")
	s, err := d.refresh(false)
	if err == nil || s.State != Failed || s.Failures != 1 || !strings.Contains(s.Detail, "503") {
		t.Errorf("%v %+v", err, s)
	}
	if w := d.wait(d.feeds[0], err); w != 2*time.Hour {
		t.Errorf("waits %v", w)
	}
	for n, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute} {
		d.feeds[0].failures = n + 1
		if w := d.wait(d.feeds[0], errors.New("down")); w != want {
			t.Errorf("after %d failures: %v", n+1, w)
		}
	}
	d.feeds[0].failures = 1000
	if w := d.wait(d.feeds[0], errors.New("down")); w != maxBackoff {
		t.Errorf("after many failures: %v", w)
	}
	p.Close()
	if s, err = d.refresh(false); err == nil || s.State != Failed {
		t.Errorf("%v %+v", err, s)
	}
	d.now = t0.Add(DefaultTTL - time.Second)
	d.open()
	d.want("198.51.100.7", "tor address 80 deny")
	d.now = t0.Add(DefaultTTL)
	d.want("198.51.100.7", "")
}

// TestConfirmedOverARestart: what the publisher confirms does not lapse, although the copy
// is not written each time.
func TestConfirmedOverARestart(t *testing.T) {
	p := newPublisher(t, goodList)
	d := newDesk(t, addressFeed(p))
	d.good(3)
	for range 40 {
		d.now = d.now.Add(24 * time.Hour)
		d.good(3)
	}
	d.want("198.51.100.7", "tor address 80 deny")
	d.open()
	d.now = d.now.Add(DefaultTTL * 3 / 5)
	d.want("198.51.100.7", "tor address 80 deny")
}

// TestValidity: an indicator counts from its beginning until before its end.
func TestValidity(t *testing.T) {
	name := filepath.Join(t.TempDir(), "bundle.json")
	from, until := t0.Add(time.Hour), t0.Add(2*time.Hour)
	write(t, name, fmt.Sprintf(`{"type":"bundle","id":"bundle--1","objects":[{"type":"indicator","id":"indicator--1","pattern_type":"stix","pattern":"[ipv4-addr:value = '198.51.100.7']","confidence":30,"valid_from":%q,"valid_until":%q}]}`,
		from.Format(time.RFC3339), until.Format(time.RFC3339)))
	d := newDesk(t, Feed{Name: "cert", Format: STIX, File: name, Action: vedette.IntelDeny, MinConfidence: 50, Confidence: 90})
	d.good(1)
	for at, want := range map[time.Time]string{from.Add(-time.Second): "", from: "cert address 30 flag", until.Add(-time.Second): "cert address 30 flag", until: ""} {
		d.now = at
		d.want("198.51.100.7", want)
		if hits := d.Lookup("198.51.100.7", at).Hits; (len(hits) == 1) != (want != "") {
			t.Errorf("at %v looked up %+v", at, hits)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMISPFeed reads a folder; only events that changed are read again, and one that is
// gone takes its indicators along.
func TestMISPFeed(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/misp")); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, Feed{Name: "misp", Format: MISP, File: dir, Confidence: 60})
	d.good(6)
	d.open()
	d.want("198.51.100.8", "misp address 60 flag")
	const a, b = "5a1f0e6c-1111-4222-8333-444455556666", "5a1f0e6c-1111-4222-8333-444455557777"
	if err := os.Remove(filepath.Join(dir, a+".json")); err != nil { // it must not be needed
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, b+".json"), `{"Event":{"Attribute":[{"type":"ip-src","value":"198.51.100.20","to_ids":true}]}}`)
	write(t, filepath.Join(dir, "manifest.json"), fmt.Sprintf(`{%q:{"timestamp":"1767614400"},%q:{"timestamp":"1767614401"}}`, a, b))
	d.good(5)
	d.want("198.51.100.8", "misp address 60 flag")
	d.want("198.51.100.20", "misp address 60 flag")
	write(t, filepath.Join(dir, "manifest.json"), fmt.Sprintf(`{%q:{"timestamp":"1767614401"}}`, b))
	d.good(1)
	d.want("198.51.100.8", "")
	write(t, filepath.Join(dir, "manifest.json"), fmt.Sprintf(`{%q:{"timestamp":"1767614402"}}`, a))
	if s, err := d.refresh(false); err == nil || s.State != Failed {
		t.Errorf("a missing event: %v %+v", err, s)
	}
}

// TestDamagedCopy: a stored copy that was changed is not used.
func TestDamagedCopy(t *testing.T) {
	p := newPublisher(t, goodList)
	d := newDesk(t, addressFeed(p))
	d.good(3)
	name := fileName(d.c.Dir, "tor")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	write(t, name, strings.Replace(string(b), "198.51.100.7", "203.0.113.1", 1))
	d.open()
	if s := d.Statuses()[0]; s.State != Failed || !strings.Contains(s.Detail, "damaged") {
		t.Errorf("%+v", s)
	}
	d.good(3)
	d.c.Feeds[0].URL += "2" // a copy of another source is of no use
	d.open()
	if s := d.Statuses()[0]; s.State != Waiting {
		t.Errorf("%+v", s)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

// TestCrash lets writing fail at each step, before and after it took effect, and the power
// go: the old copy or the new one is in force then, never none.
func TestCrash(t *testing.T) {
	for at := 1; at <= 7; at++ {
		for _, after := range []bool{false, true} {
			for seed := range uint64(5) {
				fs := durabletest.New()
				name := filepath.Join(t.TempDir(), "list")
				write(t, name, goodList)
				d := newDesk(t)
				d.c.Feeds, d.c.FS, d.c.Dir = []Feed{{Name: "f", Format: List, Kind: vedette.IndicatorAddress, File: name}}, fs, "intel"
				d.open()
				d.good(3)
				write(t, name, goodList+"198.51.100.8\n")
				n := 0
				fs.Hook(func(durabletest.Op) durabletest.Fault {
					if n++; n >= at {
						return durabletest.Fault{Err: syscall.EIO, After: after && n == at}
					}
					return durabletest.Fault{}
				})
				_, err := d.refresh(false)
				d.want("198.51.100.8", "f address 0 flag")
				fs.Crash(rand.New(rand.NewPCG(seed, uint64(at))))
				fs.Hook(func(durabletest.Op) durabletest.Fault { return durabletest.Fault{} })
				d.open()
				if count := d.Statuses()[0].Count; count != 4 && (err == nil || count != 3) {
					t.Fatalf("step %d after %v: refresh says %v, then %+v", at, after, err, d.Statuses()[0])
				}
			}
		}
	}
}

// TestSchedule: each feed is read at its interval, later after failures, and stops with
// the context.
func TestSchedule(t *testing.T) {
	name := filepath.Join(t.TempDir(), "list")
	write(t, name, goodList)
	synctest.Test(t, func(t *testing.T) {
		var told []string
		f, err := Open(Config{Dir: "intel", FS: durabletest.New(), Told: func(s Status) { told = append(told, string(s.State)) },
			Feeds: []Feed{{Name: "f", Format: List, Kind: vedette.IndicatorAddress, File: name, Refresh: time.Hour}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { f.Run(ctx); close(done) }()
		at := func(d time.Duration, count int, state State) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if s := f.Statuses()[0]; s.Count != count || s.State != state {
				t.Errorf("%+v, want %d %s", s, count, state)
			}
		}
		at(time.Second, 3, Good)
		write(t, name, goodList+"198.51.100.8\n")
		at(59*time.Minute, 3, Good)
		at(time.Minute, 4, Good)
		write(t, name, "10.0.0.1\n")
		at(time.Hour, 4, Refused)
		write(t, name, goodList)
		at(20*time.Second, 4, Refused)
		at(15*time.Second, 3, Good)
		cancel()
		<-done
		if strings.Join(told, " ") != "good refused good" {
			t.Errorf("told %q", told)
		}
	})
}

// TestConfiguration: what contradicts itself is refused.
func TestConfiguration(t *testing.T) {
	good := Feed{Name: "a", Format: List, Kind: vedette.IndicatorAddress, URL: "https://lists.example/a"}
	if err := Check(good); err != nil {
		t.Fatal(err)
	}
	bad := func(want string, change func(*Feed)) {
		t.Helper()
		f := good
		change(&f)
		if err := Check(f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	bad("name", func(f *Feed) { f.Name = "../a" })
	bad("name", func(f *Feed) { f.Name = "" })
	bad("format", func(f *Feed) { f.Format = "xml" })
	bad("kind", func(f *Feed) { f.Kind = vedette.IndicatorNone })
	bad("kind", func(f *Feed) { f.Format = STIX })
	bad("column", func(f *Feed) { f.Format = CSV })
	bad("one of url and file", func(f *Feed) { f.URL = "" })
	bad("one of url and file", func(f *Feed) { f.File = "x" })
	bad("https", func(f *Feed) { f.URL = "http://lists.example/a" })
	bad("https", func(f *Feed) { f.URL = "http://127.0.0.1.example/a" })
	bad("host", func(f *Feed) { f.URL = "file:///etc/passwd" })
	bad("password", func(f *Feed) { f.URL = "https://a:b@lists.example" })
	bad("collection", func(f *Feed) { f.Collection = "x" })
	bad("taxii needs a url", func(f *Feed) { *f = Feed{Name: "a", Format: TAXII, File: "x"} })
	bad("confidence", func(f *Feed) { f.Confidence = 101 })
	bad("mmdb", func(f *Feed) { *f = Feed{Name: "a", Format: MMDB, File: "x", Action: vedette.IntelDeny} })
	bad("below", func(f *Feed) { f.Refresh = time.Millisecond })
	bad("belong together", func(f *Feed) { f.User = "u" })
	bad("exclude", func(f *Feed) { f.User, f.PasswordFile, f.TokenFile = "u", "p", "t" })
	bad("no credentials", func(f *Feed) { f.URL, f.File, f.TokenFile = "", "x", "t" })
	if _, err := Open(Config{Feeds: []Feed{good, good}}); err == nil || !strings.Contains(err.Error(), "two of this name") {
		t.Errorf("%v", err)
	}
	if _, err := Open(Config{Feeds: make([]Feed, maxFeeds+1)}); err == nil {
		t.Error("too many feeds were taken")
	}
	if f, err := Open(Config{Dir: t.TempDir()}); err != nil {
		t.Error(err)
	} else if _, err := f.Refresh(t.Context(), "x", false); !errors.Is(err, ErrUnknownFeed) {
		t.Errorf("%v", err)
	}
}

// TestRedirects: a publisher may send us on, but neither to the clear nor to ourselves.
func TestRedirects(t *testing.T) {
	check := newClient(nil).CheckRedirect
	f := func(to string, hops int, fine bool) {
		t.Helper()
		r := httptest.NewRequest("GET", to, nil)
		via := make([]*http.Request, hops)
		for i := range via {
			via[i] = httptest.NewRequest("GET", "https://lists.example/a", nil)
		}
		if err := check(r, via); (err == nil) != fine {
			t.Errorf("to %s after %d: %v", to, hops, err)
		}
	}
	f("https://cdn.example/a", 1, true)
	f("https://cdn.example/a", maxRedirects+1, false)
	f("http://lists.example/a", 1, false)
	f("http://127.0.0.1/a", 1, false)
	f("https://[::1]/a", 1, false)
	f("http://localhost:9464/a", 1, false)
}

// TestChangedConfiguration: the copy goes on with another confidence and action.
func TestChangedConfiguration(t *testing.T) {
	p := newPublisher(t, goodList)
	d := newDesk(t, addressFeed(p))
	d.good(3)
	d.c.Feeds[0].Confidence, d.c.Feeds[0].MinConfidence = 30, 40
	d.open()
	d.want("198.51.100.7", "tor address 30 flag")
}

// TestCredentialsStayHome: they go to no other host, whatever the answers say.
func TestCredentialsStayHome(t *testing.T) {
	name := filepath.Join(t.TempDir(), "token")
	write(t, name, "secret")
	f := fetch{Feed: &Feed{URL: "https://lists.example/a", TokenFile: name}}
	home, other := httptest.NewRequest("GET", "https://lists.example/b", nil), httptest.NewRequest("GET", "https://elsewhere.example/a", nil)
	if err := f.authorise(home); err != nil || home.Header.Get("Authorization") != "Bearer secret" {
		t.Errorf("%v %v", err, home.Header)
	}
	if err := f.authorise(other); err == nil || len(other.Header) > 0 {
		t.Errorf("%v %v", err, other.Header)
	}
}

// TestConfigure: feeds are added, changed and taken out in one step, while they are refreshed.
func TestConfigure(t *testing.T) {
	p, q := newPublisher(t, goodList), newPublisher(t, "198.51.100.200\n")
	feed := addressFeed(p)
	d := newDesk(t, feed)
	d.good(3)
	want := func(name string, err bool, source, listed string, feeds ...Feed) {
		t.Helper()
		if got := d.Configure(feeds, d.c.Own); (got != nil) != err {
			t.Errorf("%s: %v", name, got)
		}
		d.want(source, listed)
	}
	first := named(d.feeds, feed.Name)
	again := feed
	again.TLS = p.trust() // made anew
	want("the same", false, "198.51.100.7", "tor address 80 deny", again)
	if named(d.feeds, feed.Name) != first {
		t.Error("a feed that is the same was made anew")
	}
	wrong := feed
	wrong.Name = "Bad name"
	want("one is wrong", true, "198.51.100.7", "tor address 80 deny", wrong)
	want("two of a name", true, "198.51.100.7", "tor address 80 deny", feed, feed)
	flag := feed
	flag.Action = vedette.IntelFlag
	want("another action", false, "198.51.100.7", "tor address 80 flag", flag)
	more := addressFeed(q)
	more.Name = "more"
	want("one more", false, "198.51.100.7", "tor address 80 flag", flag, more)
	if s, err := d.Refresh(t.Context(), "more", false); err != nil || s.Count != 1 {
		t.Errorf("%+v %v", s, err)
	}
	d.want("198.51.100.200", "more address 80 deny")
	want("one less", false, "198.51.100.200", "more address 80 deny", more)
	d.want("198.51.100.7", "")
	want("none", false, "198.51.100.200", "")
	want("back again", false, "198.51.100.200", "more address 80 deny", more)

	// Read from elsewhere: the last good copy stays until the new place is read, and counts for nothing there.
	moved := more
	moved.URL = p.URL + "/elsewhere"
	moved.TLS = p.trust()
	want("moved", false, "198.51.100.200", "more address 80 deny", moved)
	p.mu.Lock()
	p.status = 500
	p.mu.Unlock()
	if s, err := d.Refresh(t.Context(), "more", false); err == nil || s.State != Failed {
		t.Errorf("%+v %v", s, err)
	}
	d.want("198.51.100.200", "more address 80 deny")
	p.say(strings.Repeat("198.51.100.77\n", 1) + manyAddresses(200)) // 200 times as many as the other place had
	if s, err := d.Refresh(t.Context(), "more", false); err != nil || s.Count < 200 {
		t.Errorf("%+v %v", s, err)
	}
	d.want("198.51.100.200", "")
	d.want("198.51.100.77", "more address 80 deny")

	// Our own ranges are others now: the copy is refused as at a start.
	d.told = nil
	if err := d.Configure([]Feed{moved}, []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}); err != nil {
		t.Fatal(err)
	}
	d.want("198.51.100.77", "")
	if len(d.told) != 1 || d.told[0].State != Refused || d.told[0].Suspicion != OwnRange {
		t.Errorf("told %+v", d.told)
	}
}

func manyAddresses(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "192.0.2.%d\n", i)
	}
	return b.String()
}

// TestConfigureWhileRunning: what is added is read, what is taken out is not read any more, and a copy that comes
// for a feed of before is not taken.
func TestConfigureWhileRunning(t *testing.T) {
	dir := t.TempDir()
	feed := func(name, action string) Feed {
		f := Feed{Name: name, Format: List, Kind: vedette.IndicatorAddress, File: filepath.Join(dir, name), Refresh: time.Hour}
		if err := f.Action.UnmarshalText([]byte(action)); err != nil {
			t.Fatal(err)
		}
		return f
	}
	write(t, filepath.Join(dir, "a"), goodList)
	write(t, filepath.Join(dir, "b"), "198.51.100.200\n")
	synctest.Test(t, func(t *testing.T) {
		f, err := Open(Config{Dir: "intel", FS: durabletest.New()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { f.Run(ctx); close(done) }()
		counts := func(want string) {
			t.Helper()
			synctest.Wait()
			got := ""
			for _, s := range f.Statuses() {
				got += fmt.Sprintf("%s %d ", s.Feed, s.Count)
			}
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		configure := func(feeds ...Feed) {
			t.Helper()
			time.Sleep(time.Second)
			if err := f.Configure(feeds, nil); err != nil {
				t.Fatal(err)
			}
		}
		configure(feed("a", "deny"))
		counts("a 3 ")
		configure(feed("a", "deny"), feed("b", "deny"))
		counts("a 3 b 1 ")
		write(t, filepath.Join(dir, "a"), goodList+"198.51.100.8\n")
		write(t, filepath.Join(dir, "b"), "198.51.100.201\n198.51.100.202\n")
		old := named(f.feeds, "b")
		configure(feed("a", "deny"), feed("b", "flag"))
		if err := f.refresh(t.Context(), old, false); !errors.Is(err, errReplaced) {
			t.Errorf("a feed of before: %v", err)
		}
		time.Sleep(2 * time.Hour)
		counts("a 4 b 2 ")
		configure()
		counts("")
		cancel()
		<-done
		if err := f.Configure([]Feed{feed("a", "deny")}, nil); err != nil { // nothing is read any more
			t.Fatal(err)
		}
		synctest.Wait()
	})
}
