// Package api serves the monitor's figures to people and machines, and takes orders on a local socket.
package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"maps"
	"math"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"vedette"
)

// Figure is one number with a name, as /metrics shows it.
type Figure struct {
	Name  string // as in Prometheus, without the prefix vedette_
	Help  string
	Label string // name of its one label, "" for none
	Gauge bool   // else it only grows
	Of    []Of
}

// Of is the value of a figure for one value of its label.
type Of struct {
	Label string
	Value float64
}

// Snapshot is the monitor's state at one moment.
type Snapshot struct {
	Now          time.Time
	Started      time.Time
	Mode         string
	Listening    []Address
	Figures      []Figure
	Failing      map[string]string // failing parts, with the reason
	Restrictions []vedette.Restriction
	Incidents    []vedette.Incident // open ones, the riskiest first
	Findings     []*vedette.Finding // the last ones, newest first
	Verdicts     []Count
}

// Address is where clients of a venue connect to.
type Address struct {
	Venue, URL string
	Upstream   string
	Up         bool
}

// Count is how many calls had a verdict.
type Count struct {
	Verdict string
	Calls   uint64
}

// Ops serves /metrics, /healthz, /status.json and a page with the same for people.
// state is called for every request.
func Ops(state func() Snapshot, ledger http.Handler) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &collector{state: state})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { health(w, state()) })
	mux.HandleFunc("GET /status.json", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, state()) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { servePage(w, state()) })
	mux.HandleFunc("GET /view", func(w http.ResponseWriter, _ *http.Request) { serveView(w, state()) })
	mux.HandleFunc("GET /page.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Write(pageScript)
	})
	if ledger != nil {
		mux.Handle("GET /ledger/", http.StripPrefix("/ledger", ledger))
	}
	return secured(mux)
}

// secured sets what every answer carries. The page loads nothing from elsewhere.
func secured(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !localHost(r.Host) { // a page of elsewhere that found a name for this address (DNS rebinding)
			http.Error(w, "this page is for this machine only", http.StatusMisdirectedRequest)
			return
		}
		head := w.Header()
		head.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cache-Control", "no-store")
		h.ServeHTTP(w, r)
	})
}

// localHost reports whether a Host field names this machine: a loopback address or
// localhost.
func localHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && a.IsLoopback()
}

// health answers 200 while everything that a decision needs works, 503 otherwise,
// and says what does not.
func health(w http.ResponseWriter, s Snapshot) {
	status := http.StatusOK
	if len(s.Failing) > 0 {
		status = http.StatusServiceUnavailable
	}
	answer(w, status, map[string]any{"healthy": len(s.Failing) == 0, "failing": s.Failing, "mode": s.Mode})
}

func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, "cannot encode", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}

// collector gives Prometheus the figures of a snapshot.
type collector struct {
	state func() Snapshot
	mu    sync.Mutex
	descs map[string]*prometheus.Desc
}

// Describe sends nothing: the figures are known when they are collected.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

func (c *collector) desc(f *Figure) *prometheus.Desc {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.descs == nil {
		c.descs = map[string]*prometheus.Desc{}
	}
	d := c.descs[f.Name]
	if d == nil {
		var labels []string
		if f.Label != "" {
			labels = []string{f.Label}
		}
		d = prometheus.NewDesc("vedette_"+f.Name, f.Help, labels, nil)
		c.descs[f.Name] = d
	}
	return d
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := c.state()
	for i := range s.Figures {
		f := &s.Figures[i]
		kind := prometheus.CounterValue
		if f.Gauge {
			kind = prometheus.GaugeValue
		}
		for _, of := range f.Of {
			var labels []string
			if f.Label != "" {
				labels = []string{of.Label}
			}
			out <- prometheus.MustNewConstMetric(c.desc(f), kind, of.Value, labels...)
		}
	}
}

// meanings say in words what a verdict is.
var meanings = map[string]string{
	"authentic":    "signed by its key, fresh, once, permitted",
	"forged":       "the signature does not verify",
	"stale":        "signed, but too old or from the future",
	"replayed":     "signed, but seen before",
	"unauthorised": "signed, but the key may not do this",
	"malformed":    "cannot be read, or in two ways",
	"anonymous":    "names no key",
	"unverifiable": "names a key whose secret is not at hand",
}

var (
	//go:embed page.html
	pageText string
	//go:embed page.js
	pageScript []byte
	page       = template.Must(template.New("page").Funcs(template.FuncMap{
		"ago":     func(now, t time.Time) string { return now.Sub(t).Round(time.Second).String() },
		"clock":   func(t time.Time) string { return t.UTC().Format("15:04:05.000") },
		"scope":   Scope,
		"percent": func(v float64) int { return int(math.Round(v * 100)) },
		"parties": parties,
		"when":    when,
		"short":   ShortID,
		"heat": func(risk float64) string {
			switch {
			case risk >= 0.6:
				return "bad"
			case risk >= 0.3:
				return "warn"
			}
			return "soft"
		},
		"total": func(list []Count) (n uint64) {
			for _, c := range list {
				n += c.Calls
			}
			return n
		},
		"share":   func(n, of uint64) uint64 { return n * 100 / max(of, 1) },
		"meaning": func(v string) string { return meanings[v] },
		"tone": func(v string) string {
			switch v {
			case "authentic":
				return "good"
			case "anonymous":
				return "soft"
			case "stale", "unverifiable":
				return "warn"
			}
			return "bad"
		},
		"sorted": func(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) },
	}).Parse(pageText))
)

func servePage(w http.ResponseWriter, s Snapshot) { render(w, "page", s) }
func serveView(w http.ResponseWriter, s Snapshot) { render(w, "view", s) }

func render(w http.ResponseWriter, name string, s Snapshot) {
	var b bytes.Buffer
	if err := page.ExecuteTemplate(&b, name, s); err != nil {
		http.Error(w, "cannot render the page", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(b.Bytes())
}

// Scope says in words what a restriction concerns.
func Scope(r vedette.Restriction) string {
	out := ""
	for _, p := range [][2]string{{"venue", r.Venue}, {"key", r.Credential}, {"account", r.Account}, {"owner", r.Owner}, {"source", r.Source}, {"instrument", r.Instrument}} {
		if p[1] != "" {
			out += ", " + p[0] + " " + p[1]
		}
	}
	if r.Operation != vedette.OpUnknown {
		out += ", " + r.Operation.String()
	}
	if out == "" {
		return "everything"
	}
	return out[2:]
}

// ShortID is what of an incident's id people need to write.
func ShortID(id string) string {
	const digits = 12
	short := strings.TrimPrefix(id, "inc:sha256:")
	if short == id || len(short) < digits {
		return id
	}
	return short[:digits]
}

// shorten keeps the long ids of some venues' keys from filling the page.
func shorten(id string) string {
	const long, shown = 24, 12
	if r := []rune(id); len(r) > long {
		return string(r[:shown]) + "…"
	}
	return id
}

// when is the time of day, and the day if it is not today.
func when(now, t time.Time) string {
	now, t = now.UTC(), t.UTC()
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04:05")
	}
	return t.Format("2 Jan 15:04")
}

// partiesShown is how many subjects of an incident the page names.
const partiesShown = 4

// parties names the subjects of an incident, the most telling first.
func parties(i vedette.Incident) string {
	var out []string
	for _, s := range i.Subjects {
		if s.Kind != "venue" && s.Kind != "instrument" {
			out = append(out, s.Kind+" "+shorten(s.ID))
		}
	}
	if more := len(out) - partiesShown; more > 0 {
		out = append(out[:partiesShown], strconv.Itoa(more)+" more")
	}
	return strings.Join(out, " · ")
}
