// Package detect finds conduct in the stream of judged calls.
package detect

import (
	"net/netip"
	"slices"
	"time"

	"vedette"
)

// Detector is one kind of finding, as a value.
type Detector struct {
	Name     string // family.detector
	Version  int
	Title    string
	Why      string // why it matters, for an analyst
	Severity vedette.Severity
	Tags     []string // ATT&CK, OWASP API
	// Key returns the subject that the call's state is kept under, "" if the call is
	// nothing to this detector.
	Key func(c *vedette.Call) string
	// Window is how far back counts reach; Quiet is how long a subject must be quiet
	// for what comes then to be a new finding.
	Window, Quiet time.Duration
	// OneEach keeps of each credential the last call only, for a detector that counts
	// credentials: repeats then push none of them out.
	OneEach bool
	// Judge looks at the subject's calls within the window, the newest last, and says
	// whether to raise a finding, filling in its score, summary and values.
	Judge func(s *Subject, f *vedette.Finding) bool
}

// seen is what a subject remembers of one call.
type seen struct {
	at       time.Time
	position uint64
	reason   vedette.Reason
	op       vedette.Operation
	status   int
	skew     time.Duration // arrival less the request's own time
	hash     uint64        // of the credential, for detectors that count them
	source   netip.Addr
}

// Subject is the state of one key of one detector.
type Subject struct {
	Key    string
	calls  []seen // within the window, at most maxSeen
	count  int    // of all within this episode, beyond what calls holds
	last   time.Time
	raised bool // in this episode
	from   time.Time
}

// Set runs the detectors over calls in the order it is given them. It is not safe
// for concurrent use: one goroutine owns it.
type Set struct {
	raise     func(*vedette.Finding)
	detectors []*Detector
	subjects  []map[string]*Subject // by detector
	evicted   uint64
	late      uint64
	newest    time.Time
}

// NewSet returns a set of all detectors that hands its findings to raise.
func NewSet(raise func(*vedette.Finding)) *Set {
	s := &Set{raise: raise, detectors: All}
	for range s.detectors {
		s.subjects = append(s.subjects, map[string]*Subject{})
	}
	return s
}

// Wants reports whether any detector could have a use for the call. The others
// need not be given to Observe, and most calls are such.
func Wants(c *vedette.Call) bool {
	return c.Verdict != vedette.Authentic && c.Verdict != vedette.Anonymous || c.Answer.Status == 401 || c.Answer.Status == 403
}

// Observe takes in one call. position is where its record stands in the ledger,
// or the line of the input. It keeps nothing of the call.
func (s *Set) Observe(position uint64, c *vedette.Call) {
	if c.Time.After(s.newest) {
		s.newest = c.Time
	}
	for i, d := range s.detectors {
		if key := d.Key(c); key != "" {
			s.observe(d, s.subjects[i], key, position, c)
		}
	}
}

func (s *Set) observe(d *Detector, m map[string]*Subject, key string, position uint64, c *vedette.Call) {
	sub := m[key]
	if sub == nil {
		if len(m) >= maxSubjects {
			s.evict(d, m)
		}
		sub = &Subject{Key: string([]byte(key)), from: c.Time}
		m[sub.Key] = sub
	}
	if !sub.last.IsZero() && c.Time.Sub(sub.last) > d.Quiet {
		*sub = Subject{Key: sub.Key, from: c.Time}
	}
	sub.last = c.Time
	sub.add(d, position, c)
	if sub.raised {
		return
	}
	f := &vedette.Finding{Detector: d.Name, Version: d.Version, Severity: d.Severity, Tags: d.Tags, Time: c.Time.UTC(), From: sub.calls[0].at.UTC(),
		To: c.Time.UTC(), Venue: clone(c.Venue), Related: []string{}, Values: map[string]vedette.Value{}}
	if !d.Judge(sub, f) {
		return
	}
	sub.raised = true
	s.finish(sub, c, f)
}

// finish fills in who and what, and hands the finding out.
func (s *Set) finish(sub *Subject, c *vedette.Call, f *vedette.Finding) {
	if f.Credential == "" && f.Source == "" {
		f.Credential, f.Account, f.Owner = clone(c.Credential), clone(c.Account), clone(c.Owner)
	}
	if f.Source == "" && c.Source.IsValid() {
		f.Source = c.Source.Addr().String()
	}
	f.JA4, f.Instrument = clone(c.JA4), clone(c.Instrument)
	for _, v := range sub.calls[max(0, len(sub.calls)-maxEvidence):] {
		f.Evidence = append(f.Evidence, v.position)
	}
	f.ID = vedette.FindingID(f.Detector, f.Venue+"\x00"+sub.Key, f.From)
	s.raise(f)
}

func (sub *Subject) add(d *Detector, position uint64, c *vedette.Call) {
	since, who := c.Time.Add(-d.Window), hash(c.Credential)
	if d.OneEach {
		sub.calls = slices.DeleteFunc(sub.calls, func(v seen) bool { return v.hash == who })
	}
	n := 0
	for n < len(sub.calls) && sub.calls[n].at.Before(since) {
		n++
	}
	if n == 0 && len(sub.calls) >= maxSeen {
		n = 1
	}
	sub.calls = slices.Delete(sub.calls, 0, n)
	sub.count++
	v := seen{at: c.Time, position: position, op: c.Operation, status: c.Answer.Status, hash: who, source: c.Source.Addr()}
	if len(c.Reasons) > 0 {
		v.reason = c.Reasons[0]
	}
	if !c.Claimed.IsZero() {
		v.skew = c.Time.Sub(c.Claimed)
	}
	sub.calls = append(sub.calls, v)
}

// evict makes room by dropping the subjects that were quiet longest, a sixteenth
// of them at once. Credential subjects are credentials that the keyring knows, so
// that inventing keys evicts nobody; sources can be many, and lose their count.
func (s *Set) evict(d *Detector, m map[string]*Subject) {
	last := make([]time.Time, 0, len(m))
	for _, sub := range m {
		last = append(last, sub.last)
	}
	slices.SortFunc(last, time.Time.Compare)
	cut := last[len(last)/16]
	for k, sub := range m {
		if !sub.last.After(cut) {
			delete(m, k)
			s.evicted++
		}
	}
}

// Stats are figures of the set.
type Stats struct {
	Subjects int
	Evicted  uint64 // subjects dropped for room before their time
}

// Stats returns the figures.
func (s *Set) Stats() Stats {
	st := Stats{Evicted: s.evicted}
	for _, m := range s.subjects {
		st.Subjects += len(m)
	}
	return st
}

// distinct counts the different values of f over the subject's calls.
func distinct[T comparable](s *Subject, f func(*seen) T) int {
	m := make(map[T]struct{}, len(s.calls))
	for i := range s.calls {
		m[f(&s.calls[i])] = struct{}{}
	}
	return len(m)
}

func hash(s string) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

func clone(s string) string { return string([]byte(s)) }
