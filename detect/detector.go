// Package detect finds conduct in the stream of judged calls: keyed state machines over event time.
package detect

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unsafe"

	"vedette"
)

// Detector is one kind of finding, as a value made by Define.
type Detector struct {
	Name    string // family.detector
	Version int    // raised when what it finds changes
	// Meaning is a hash of what the detector does, where that can change under one version: a rule as it
	// is written. State is only that of a detector of the same meaning.
	Meaning  uint64
	Since    string // the release that brought it
	Title    string
	Why      string // why it matters
	Look     string // what an analyst should look at first
	Severity vedette.Severity
	Tags     []string // ATT&CK, OWASP API, MAR
	By       Kind
	Params   []Param
	// Quiet is how long a subject must be quiet for what comes then to be a new finding.
	Quiet time.Duration
	// When says which events the detector has a use for; nil for all. It is asked before any state
	// is looked up, and must be cheap.
	When func(e *Event) bool
	// Asks, where set, says for which sorts of events the detector can have a use at all. It is
	// asked once, for an index: of the others the detector never hears.
	Asks func(Sort) bool
	// Parts says that the detector sees the parts of a batch too, not only the call.
	Parts bool
	// Match, where set, is asked after When, for what takes the texts of the event. It must be cheap too.
	Match func(x *Context) bool
	// Starts, where set, is asked where the subject has no state of the detector's: whether the event gives cause to begin one. Of
	// others the detector hears only once it has.
	Starts func(x *Context) bool

	size    uintptr  // of its state
	machine *Machine // whose state it reads, nil for its own
	observe func(x *Context, state unsafe.Pointer)
}

// Param is a constant of a detector that an operator may change. Detectors read it by its place.
type Param struct {
	Name    string
	Unit    string // "" for a count
	Default float64
	Max     float64 // that its state can tell; 0 for no bound
	Why     string  // where it comes from
}

// Define completes a detector with its state machine. S is what it keeps of one subject: it has no
// pointers, its zero value is a subject never seen, and it is kept as it is in snapshots. Whatever is
// wrong with the definition is a bug, and panics.
func Define[S any](d Detector, observe func(x *Context, s *S)) *Detector {
	d.size = unsafe.Sizeof(*new(S))
	if t := reflect.TypeFor[S](); !plain(t) {
		panic("BUG: the state of " + d.Name + " has pointers: " + t.String())
	}
	switch family, _, ok := strings.Cut(d.Name, "."); {
	case !ok || family == "" || d.Version < 1 || d.Since == "" || d.Title == "" || d.Why == "" || d.Look == "" || d.Severity == 0:
		panic(fmt.Sprintf("BUG: detector %q says too little of itself", d.Name))
	case d.By >= kindCount || d.Quiet <= 0:
		panic(fmt.Sprintf("BUG: detector %q has no kind or no quiet time", d.Name))
	}
	d.observe = func(x *Context, state unsafe.Pointer) { observe(x, (*S)(state)) }
	return &d
}

// Bytes returns what is kept of one subject for the detector, in bytes.
func (d *Detector) Bytes() int { return int((unsafe.Sizeof(episode{}) + d.size + 7) &^ 7) }

// plain reports whether values of t hold no pointers.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return plain(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !plain(t.Field(i).Type) {
				return false
			}
		}
		return true
	case reflect.Bool, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int, reflect.Uint8, reflect.Uint16, reflect.Uint32,
		reflect.Uint64, reflect.Uint, reflect.Float32, reflect.Float64:
		return true
	}
	return false
}

// StateBytes returns what the detector keeps of one subject, in bytes.
func (d *Detector) StateBytes() int { return int(d.size) }

// Context is what a detector sees of the moment: the event, its subject, its parameters.
type Context struct {
	*Event
	d      *Detector
	params []float64
	episode
	opened bool // the episode has changed
	arena  []byte
	out    *results
	shard  *shard
	grown  unsafe.Pointer // what the detector's machine keeps of subjects that have grown
	moment unsafe.Pointer // what it tells of the event
	order  int            // of the event in its batch and the detector in the set, for the order of findings
}

// episode is what the engine keeps of a subject for each detector.
type episode struct {
	first, last int64 // when the condition first and last held, Unix ns; 0 for never
}

// P returns the i-th parameter.
func (x *Context) P(i int) float64 { return x.params[i] }

// Within returns the i-th parameter, that is in seconds, as a duration.
func (x *Context) Within(i int) time.Duration {
	return time.Duration(x.params[i] * float64(time.Second))
}

// Text returns a text of the event, a copy.
func (x *Context) Text(t Text) string {
	s := x.text[t]
	return string(x.arena[s.from:s.to])
}

// View returns a text of the event as it lies in memory. It is valid until the detector returns.
func (x *Context) View(t Text) []byte {
	s := x.text[t]
	return x.arena[s.from:s.to:s.to]
}

// Is reports whether a text of the event is s.
func (x *Context) Is(t Text, s string) bool {
	at := x.text[t]
	return string(x.arena[at.from:at.to]) == s
}

// Number returns the number, of up to 18 digits, that a text ends in; ok is false where it ends in none.
func (x *Context) Number(t Text) (n int64, ok bool) {
	b := x.arena[x.text[t].from:x.text[t].to]
	from := len(b)
	for from > 0 && len(b)-from < 18 && b[from-1] >= '0' && b[from-1] <= '9' {
		from--
	}
	for _, c := range b[from:] {
		n = n*10 + int64(c-'0')
	}
	return n, from < len(b)
}

// Name returns the subject's name, as an analyst knows it.
func (x *Context) Name() string {
	switch x.d.By {
	case ByCredential:
		return x.Text(TextCredential)
	case ByAccount:
		return x.Text(TextAccount)
	case ByOwner:
		return x.Text(TextOwner)
	case BySource, BySubnet:
		return sourceName(x.Event, x.d.By)
	case ByFingerprint:
		return x.Text(TextJA4)
	case ByInstrument:
		return x.Text(TextInstrument)
	}
	return x.Text(TextVenue)
}

// sourceName is the address or, for what is wider, its prefix.
func sourceName(e *Event, by Kind) string {
	a := e.Addr()
	bits := map[Kind][2]int{BySource: {32, 64}, BySubnet: {24, 48}}[by]
	switch {
	case !a.IsValid():
		return ""
	case a.Is4() && bits[0] == 32:
		return a.String()
	case a.Is4():
		p, _ := a.Prefix(bits[0])
		return p.String()
	}
	p, _ := a.WithZone("").Prefix(bits[1])
	return p.String()
}

// Open says that the detector's condition holds now, and reports whether that is news: it did not
// hold for this subject within Quiet before. Only then is there a finding to Raise.
func (x *Context) Open() bool {
	news := x.last == 0 || x.Time-x.last > int64(x.d.Quiet)
	if news {
		x.first = x.Time
	}
	x.last, x.opened = max(x.last, x.Time), true
	return news
}

// Raised is what a detector says of a finding. Subject, times, venue and id are the engine's.
type Raised struct {
	Score    float64          // in [0,1]
	Severity vedette.Severity // zero for the detector's
	From     int64            // start of what it speaks of, Unix ns; zero for now
	Summary  string           // one plain sentence
	Values   map[string]vedette.Value
	Evidence []uint64 // positions; the event's own is added
	Related  []string // ids of accounts, or kind:id; what else the event shows is added
	Tags     []string // besides the detector's
}

// Raise hands a finding out. A detector asks Open first.
func (x *Context) Raise(r Raised) {
	e, d := x.Event, x.d
	if r.From == 0 {
		r.From = e.Time
	}
	f := &vedette.Finding{Detector: d.Name, Version: d.Version, Severity: d.Severity, Score: r.Score, Summary: r.Summary,
		Time: unix(e.Time), From: unix(min(r.From, e.Time)), To: unix(e.Time), Venue: x.Text(TextVenue), JA4: x.Text(TextJA4), Instrument: x.Text(TextInstrument),
		Values: r.Values, Related: r.Related, Tags: append(append([]string{}, d.Tags...), r.Tags...), Evidence: append(r.Evidence, e.Position)}
	if r.Severity != 0 {
		f.Severity = r.Severity
	}
	if f.Values == nil {
		f.Values = map[string]vedette.Value{}
	}
	f.Evidence = tidy(f.Evidence)
	x.subject(f)
	x.relate(f)
	f.ID = vedette.FindingID(f.Detector, f.Venue+"\x00"+x.Name(), f.From)
	x.out.add(x.order, f)
	if f.Severity >= vedette.Medium {
		x.shard.tell(e, d)
	}
}

// subject names whom the finding is about: of a source, not the credential that came last.
func (x *Context) subject(f *vedette.Finding) {
	switch x.d.By {
	case BySource, BySubnet:
		f.Source = x.Name()
		return
	case ByFingerprint, ByInstrument, ByVenue:
		return
	case ByCredential:
		f.Credential = x.Text(TextCredential)
		fallthrough
	case ByAccount:
		f.Account = x.Text(TextAccount)
	}
	f.Owner = x.Text(TextOwner)
	f.Source = sourceName(x.Event, BySource)
}

// relate adds who else the event shows: the credential, account and owner of a call that names no one whom it
// likes, and its address.
func (x *Context) relate(f *vedette.Finding) {
	f.Related = slices.Clip(f.Related)
	add := func(kind, id, have string) {
		if id != "" && id != have && !slices.Contains(f.Related, id) && !slices.Contains(f.Related, kind+id) {
			f.Related = append(f.Related, kind+id)
		}
	}
	if x.Known {
		add("credential:", x.Text(TextCredential), f.Credential)
		add("account:", x.Text(TextAccount), f.Account)
		add("owner:", x.Text(TextOwner), f.Owner)
	}
	add("source:", sourceName(x.Event, BySource), f.Source)
	if f.Related == nil {
		f.Related = []string{}
	}
}

func unix(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// tidy sorts positions, drops what is there twice, and keeps the newest.
func tidy(list []uint64) []uint64 {
	list = sorted(list)
	return list[max(0, len(list)-maxEvidence):]
}
