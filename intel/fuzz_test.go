package intel

import (
	"slices"
	"testing"

	"vedette"
)

// kept wants every indicator of a reading to survive being stored, and to be one that a
// call can match.
func kept(t *testing.T, r *reading) {
	t.Helper()
	if r.unreadable > r.entries {
		t.Errorf("%d of %d unreadable", r.unreadable, r.entries)
	}
	back, err := readIndicators(appendIndicators(nil, r.indicators))
	if err != nil || !slices.Equal(back, r.indicators) {
		t.Fatalf("stored and read: %v\n%+v\n%+v", err, back, r.indicators)
	}
	if checkReading(r) == nil && checkIndicators(r.indicators, nil) == nil {
		compile([]contribution{{feed: &Feed{Name: "f"}, indicators: r.indicators}})
	}
}

func FuzzList(f *testing.F) {
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		kept(t, readList(b, Indicator{Kind: vedette.IndicatorKind(kind % 6), Confidence: 50}))
		readQuery(string(b[:min(len(b), 300)]))
	})
}

func FuzzCSV(f *testing.F) {
	f.Fuzz(func(t *testing.T, kind uint8, column string, b []byte) {
		if r, err := readCSV(b, column, Indicator{Kind: vedette.IndicatorKind(kind % 6), Confidence: 50}); err == nil {
			kept(t, r)
		}
	})
}

func FuzzPattern(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		terms, _, err := readPattern(s)
		if err != nil && len(terms) > 0 && len(s) == 0 {
			t.Error("something of nothing")
		}
		for i := range terms {
			if terms[i].object == "" || terms[i].path == "" {
				t.Errorf("%q has no property", terms[i])
			}
		}
	})
}

// FuzzObjects reads a bundle, and a page of a TAXII server.
func FuzzObjects(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := readBundle(b, Indicator{Confidence: 50}); err == nil {
			kept(t, r)
		}
		if r, _, err := readEnvelope(b, Indicator{Confidence: 50}); err == nil {
			kept(t, r)
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		events, err := readManifest(b)
		for id := range events {
			if err != nil || !isUUID(id) {
				t.Errorf("%q %v", id, err)
			}
		}
	})
}

func FuzzEvent(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := readEvent(b, Indicator{Confidence: 50, Object: "5a1f0e6c-1111-4222-8333-444455556666"}); err == nil {
			kept(t, r)
		}
	})
}

// FuzzCopy: what is read of a stored copy is written the same.
func FuzzCopy(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		parseCopy(b, &Feed{Format: List})
		parseCopy(b, &Feed{Format: MMDB})
		in, err := readIndicators(b)
		if err != nil {
			return
		}
		again, err := readIndicators(appendIndicators(nil, in))
		if err != nil || !slices.Equal(again, in) {
			t.Errorf("%v: %+v, then %+v", err, in, again)
		}
	})
}
