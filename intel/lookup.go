package intel

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"vedette"
)

// Hit is an indicator that a value matches.
type Hit struct {
	Feed       string                `json:"feed"`
	Kind       vedette.IndicatorKind `json:"kind"`
	Value      string                `json:"value"` // as the feed lists it
	Confidence uint8                 `json:"confidence"`
	Action     vedette.IntelAction   `json:"action"`
	Object     string                `json:"object,omitempty"` // id within the feed of what it came from
	From       time.Time             `json:"from,omitzero"`
	Until      time.Time             `json:"until"`
}

// Result is what is known of a value.
type Result struct {
	Value   string `json:"value"`
	ASN     uint32 `json:"asn,omitempty"`
	Country string `json:"country,omitempty"`
	Hits    []Hit  `json:"hits"`
}

// Lookup returns which indicators match an address, ASN, JA4, wallet, key id or SHA-256
// of one at the time. It walks through all of them, and is for people.
func (f *Feeds) Lookup(value string, at time.Time) Result {
	out := Result{Value: value, Hits: []Hit{}}
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := readQuery(value)
	if asked.address.IsValid() {
		var c vedette.Call
		c.Source = netip.AddrPortFrom(asked.address, 0)
		f.snapshot.Load().enrich(&c, at)
		out.ASN, out.Country = c.ASN, c.Country
		if c.ASN != 0 {
			asked.values = append(asked.values, asnValue(c.ASN))
		}
	}
	for _, s := range f.feeds {
		if s.last == nil {
			continue
		}
		lapse := s.last.contribution(&s.Feed).lapse
		for i := range s.last.indicators {
			in := &s.last.indicators[i]
			until := in.Until
			if until == 0 {
				until = lapse
			}
			if now := at.Unix(); asked.matches(in) && in.From <= now && now < until {
				out.Hits = append(out.Hits, s.hit(in, until))
			}
		}
	}
	return out
}

func (s *feedState) hit(in *Indicator, until int64) Hit {
	h := Hit{Feed: s.Name, Kind: in.Kind, Value: in.String(), Confidence: in.confidence(&s.Feed), Object: in.Object, Until: time.Unix(until, 0).UTC()}
	if h.Confidence >= s.MinConfidence {
		h.Action = s.Action
	}
	if in.From != 0 {
		h.From = time.Unix(in.From, 0).UTC()
	}
	return h
}

// query is what a value that people look up may mean.
type query struct {
	address netip.Addr
	values  []Indicator
}

func (q *query) matches(in *Indicator) bool {
	if in.Kind == vedette.IndicatorAddress {
		return q.address.IsValid() && in.Prefix.Contains(q.address)
	}
	return slices.ContainsFunc(q.values, func(v Indicator) bool { return v.Kind == in.Kind && v.Value == in.Value })
}

// readQuery reads a value that a person looks up: it may be of any kind.
func readQuery(s string) (q query) {
	if a, err := netip.ParseAddr(s); err == nil {
		q.address = a.Unmap().WithZone("")
		return q
	}
	for _, kind := range []vedette.IndicatorKind{vedette.IndicatorASN, vedette.IndicatorJA4, vedette.IndicatorWallet, vedette.IndicatorKey} {
		q.values, _ = readValue(q.values, kind, s)
	}
	sum := sha256.Sum256([]byte(s)) // it may be a key
	q.values = append(q.values, Indicator{Kind: vedette.IndicatorKey, Value: hex.EncodeToString(sum[:])})
	return q
}

func asnValue(n uint32) Indicator {
	return Indicator{Kind: vedette.IndicatorASN, Value: strconv.FormatUint(uint64(n), 10)}
}
