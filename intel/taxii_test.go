package intel

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"vedette"
)

// taxiiServer is a TAXII 2.1 server with two API roots, the second with a collection of
// objects in the order in which they were added.
type taxiiServer struct {
	*httptest.Server
	t       *testing.T
	auth    string // the Authorization that it wants
	perPage int

	mu       sync.Mutex
	added    []taxiiAdded
	requests []string
	spoil    func(path string, w http.ResponseWriter) bool // answers in its own way
}

type taxiiAdded struct {
	at     time.Time
	object string
}

const taxiiCollection = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"

func newTAXII(t *testing.T, auth string) *taxiiServer {
	s := &taxiiServer{t: t, auth: auth, perPage: 3}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /taxii2/{$}", s.say(`{"title":"Example","default":"/empty/","api_roots":["/empty/","/feeds"]}`))
	mux.HandleFunc("GET /empty/collections/{$}", s.say(`{}`))
	mux.HandleFunc("GET /feeds/collections/{$}", s.say(`{"collections":[{"id":"472c94ae-3113-4e3e-a4dd-a9f4ac7471d4","title":"Inbox","can_read":false,"can_write":true},
		{"id":"`+taxiiCollection+`","title":"High Value Indicators","alias":"high-value","can_read":true,"can_write":false,"media_types":["application/stix+json;version=2.1"]},
		{"id":"52892447-4d7e-4f70-b94d-d7f22742ff63","title":"Other","can_read":true,"can_write":false}]}`))
	mux.HandleFunc("GET /feeds/collections/"+taxiiCollection+"/objects/{$}", s.objects)
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requests = append(s.requests, r.URL.RequestURI())
		switch {
		case r.Header.Get("Authorization") != auth:
			w.WriteHeader(http.StatusUnauthorized)
		case r.Header.Get("Accept") != "application/taxii+json;version=2.1":
			w.WriteHeader(http.StatusNotAcceptable)
		case s.spoil == nil || !s.spoil(r.URL.Path, w):
			w.Header().Set("Content-Type", "application/taxii+json;version=2.1")
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *taxiiServer) say(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
}

// objects answers a page: next is the place of its first object.
func (s *taxiiServer) objects(w http.ResponseWriter, r *http.Request) {
	var after time.Time
	if text := r.URL.Query().Get("added_after"); text != "" {
		var err error
		if after, err = time.Parse(time.RFC3339Nano, text); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("next"))
	var list []string
	var last time.Time
	more := false
	for i, o := range s.added {
		switch {
		case i < from || !o.at.After(after):
		case len(list) == s.perPage:
			more, from = true, i
		default:
			list, last = append(list, o.object), o.at
		}
		if more {
			break
		}
	}
	envelope := map[string]any{}
	if len(list) > 0 {
		w.Header().Set("X-TAXII-Date-Added-Last", last.Format("2006-01-02T15:04:05.000000Z"))
		envelope["objects"] = json.RawMessage("[" + strings.Join(list, ",") + "]")
	}
	if more {
		envelope["more"], envelope["next"] = true, strconv.Itoa(from)
	}
	json.NewEncoder(w).Encode(envelope)
}

// add adds an object a second after the last.
func (s *taxiiServer) add(object string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.added = append(s.added, taxiiAdded{t0.Add(time.Duration(len(s.added)) * time.Second), object})
}

func indicator(n int, modified time.Time, pattern, more string) string {
	return fmt.Sprintf(`{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-%012d","modified":%q,"valid_from":"2026-01-01T00:00:00Z","pattern_type":"stix","pattern":%q%s}`,
		n, modified.Format(time.RFC3339), pattern, more)
}

func (s *taxiiServer) feed(t *testing.T) Feed {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	f := Feed{Name: "taxii", Format: TAXII, URL: s.URL + "/taxii2/", Collection: "high-value", TLS: &tls.Config{RootCAs: pool}, Confidence: 70, TTL: 48 * time.Hour}
	if kind, _, _ := strings.Cut(s.auth, " "); kind != "" {
		name := filepath.Join(t.TempDir(), "secret")
		write(t, name, "secret\n")
		if f.TokenFile = name; kind == "Basic" {
			f.TokenFile, f.User, f.PasswordFile = "", "user", name
		}
	}
	return f
}

// TestTAXII reads a collection over pages, then what was added, and lets revocations and
// newer versions take effect.
func TestTAXII(t *testing.T) {
	for _, auth := range []string{"Bearer secret", "Basic dXNlcjpzZWNyZXQ=", ""} {
		s := newTAXII(t, auth)
		for i := range 7 {
			s.add(indicator(i, t0, fmt.Sprintf("[ipv4-addr:value = '198.51.100.%d']", i), ""))
			s.add(fmt.Sprintf(`{"type":"sighting","id":"sighting--%d","sighting_of_ref":"indicator--%d"}`, i, i))
		}
		d := newDesk(t, s.feed(t))
		d.good(7)
		if st := d.Statuses()[0]; st.Ignored["sighting"] != 7 || len(s.requests) != 1+1+1+5 {
			t.Fatalf("%+v after %q", st, s.requests)
		}
		d.want("198.51.100.6", "taxii address 70 flag")
		d.open()
		d.now = t0.Add(time.Hour)
		before := len(s.requests)
		d.good(7)
		if last := s.requests[len(s.requests)-1]; len(s.requests) != before+4 || !strings.Contains(last, "added_after=2026-01-05T12%3A00%3A13.000000Z") {
			t.Errorf("asked %q", s.requests[before:])
		}
		s.add(indicator(1, t0.Add(time.Minute), "[ipv4-addr:value = '198.51.100.1']", `,"revoked":true`))
		s.add(indicator(2, t0.Add(time.Minute), "[ipv4-addr:value = '198.51.100.200']", `,"confidence":99`))
		d.good(6)
		d.want("198.51.100.1", "")
		d.want("198.51.100.2", "")
		d.want("198.51.100.200", "taxii address 99 flag")
		d.now = t0.Add(48*time.Hour + time.Second) // the first are not said again
		d.want("198.51.100.6", "")
		d.want("198.51.100.200", "taxii address 99 flag")
	}
}

// TestTAXIIByTime: a server that says more without a next is asked by time.
func TestTAXIIByTime(t *testing.T) {
	s := newTAXII(t, "")
	for i := range 5 {
		s.add(indicator(i, t0, fmt.Sprintf("[ipv4-addr:value = '198.51.100.%d']", i), ""))
	}
	n := 0
	s.spoil = func(path string, w http.ResponseWriter) bool {
		if !strings.HasSuffix(path, "/objects/") {
			return false
		}
		w.Header().Set("Content-Type", taxiiMedia)
		w.Header().Set("X-TAXII-Date-Added-Last", s.added[n].at.Format(time.RFC3339))
		fmt.Fprintf(w, `{"more":%v,"objects":[%s]}`, n < 4, s.added[n].object)
		n++
		return true
	}
	d := newDesk(t, s.feed(t))
	d.good(5)
}

// TestTAXIIFaults: a server that does not keep to its protocol is refused or fails, and
// credentials go to no other host.
func TestTAXIIFaults(t *testing.T) {
	f := func(state State, want string, change func(*taxiiServer, *Feed)) {
		t.Helper()
		s := newTAXII(t, "Bearer secret")
		s.add(indicator(1, t0, "[ipv4-addr:value = '198.51.100.1']", ""))
		feed := s.feed(t)
		change(s, &feed)
		d := newDesk(t, feed)
		if st, err := d.refresh(false); err == nil || st.State != state || !strings.Contains(st.Detail, want) {
			t.Errorf("%v %+v, want %s", err, st, want)
		}
	}
	answer := func(suffix, media, body string) func(*taxiiServer, *Feed) {
		return func(s *taxiiServer, _ *Feed) {
			s.spoil = func(path string, w http.ResponseWriter) bool {
				if strings.HasSuffix(path, suffix) {
					w.Header().Set("Content-Type", media)
					fmt.Fprint(w, body)
				}
				return strings.HasSuffix(path, suffix)
			}
		}
	}
	f(Failed, "401", func(_ *taxiiServer, f *Feed) { f.TokenFile = "" })
	f(Failed, "credentials", func(_ *taxiiServer, f *Feed) { f.TokenFile = "/nowhere" })
	f(Failed, "no collection", func(_ *taxiiServer, f *Feed) { f.Collection = "Inbox" })
	f(Failed, "no collection", func(_ *taxiiServer, f *Feed) { f.Collection = "" })
	f(Failed, "another host", answer("/taxii2/", taxiiMedia, `{"api_roots":["https://elsewhere.example/feeds/"]}`))
	f(Failed, "another host", answer("/taxii2/", taxiiMedia, `{"api_roots":["//elsewhere.example/feeds/"]}`))
	f(Refused, "want application/taxii+json", answer("/taxii2/", "text/html", `{}`))
	f(Refused, "/taxii2/", answer("/taxii2/", taxiiMedia, `[]`))
	f(Refused, "more and not where", answer("/objects/", taxiiMedia, `{"more":true}`))
	f(Refused, "more and not where", answer("/objects/", taxiiMedia, `{"more":true,"next":"again"}`))
	f(Refused, "UTF-8", answer("/objects/", taxiiMedia, "{\"objects\":[],\"x\":\"\xff\"}"))
	f(Refused, "objects", answer("/objects/", taxiiMedia, `{"objects":{}}`))
	f(Refused, "0.0.0.0/0", answer("/objects/", taxiiMedia, `{"objects":[`+indicator(1, t0, "[ipv4-addr:value = '0.0.0.0/0']", "")+`]}`))
	f(Failed, "404", func(_ *taxiiServer, f *Feed) { f.URL += "elsewhere/" })
}

// TestKinds: what TAXII gives of each kind is found on a call.
func TestKinds(t *testing.T) {
	s := newTAXII(t, "")
	for i, p := range []string{"[autonomous-system:number = 64500]", "[x-ja4:value = 't13d1516h2_8daaf6152771_02713d6af862']",
		"[x-wallet:address = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed']", "[x-api-key:hashes.'SHA-256' = 'be2974546978e3739e6d6da85c4be9f334ce32df2b9fd4b6ff1b55c0d57e9d44']"} {
		s.add(indicator(i, t0, p, ""))
	}
	d := newDesk(t, s.feed(t))
	d.good(4)
	c := vedette.Call{ASN: 64500, JA4: "t13d1516h2_8daaf6152771_02713d6af862", Credential: "key-1", Action: vedette.Action{Address: "0x5AAEB6053f3e94c9b9a09f33669435e7ef1beaed"}}
	d.Enrich(&c, d.now)
	if len(c.Intel) != 4 {
		t.Errorf("%+v", c.Intel)
	}
}
