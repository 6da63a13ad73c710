package traffic

import (
	"fmt"
	"testing"
	"time"

	"vedette"
	"vedette/sensor/capture"
)

var monday5 = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// everything asks for a campaign of each kind at each pace.
func everything(from time.Time, span time.Duration) (list []Attack) {
	for _, k := range Kinds() {
		for _, p := range Paces() {
			list = append(list, Attack{Kind: k, Pace: p, From: from, Span: span})
		}
	}
	return list
}

// TestCallsComeInOrder wants calls in the order of time, each readable as an event again, and the labels
// to count what was made.
func TestCallsComeInOrder(t *testing.T) {
	tr := New(Config{Seed: 1, Keys: 1500, Days: 6, Rate: 0.05, Attacks: everything(monday5.AddDate(0, 0, 2), time.Hour)})
	var last time.Time
	var line []byte
	made := map[int]int{}
	n := 0
	for {
		c, campaign, ok := tr.Next()
		if !ok {
			break
		}
		if c.Time.Before(last) {
			t.Fatalf("call %d is of %v, after %v", n, c.Time, last)
		}
		last = c.Time
		made[campaign]++
		if n++; n%50 == 0 {
			line = vedette.AppendCall(line[:0], c)
			back, ok, err := capture.ParseJudged(line, false)
			if err != nil || !ok {
				t.Fatalf("%s: %v", line, err)
			}
			if again := vedette.AppendCall(nil, back); string(again) != string(line) {
				t.Fatalf("written %s\nand read   %s", line, again)
			}
		}
	}
	for i, l := range tr.Campaigns() {
		if l.Actions == 0 || l.Actions != made[i] || len(l.Subjects) == 0 || l.End.Before(l.Start) {
			t.Errorf("%s %v: %d calls, label %+v", l.Kind, l.Pace, made[i], l)
		}
	}
	if made[-1] < 10_000 {
		t.Errorf("customers made %d calls", made[-1])
	}
}

// digest runs the traffic and returns a sum over the customers' calls.
func digest(cfg Config) (sum uint64, n int) {
	tr := New(cfg)
	var line []byte
	for {
		c, campaign, ok := tr.Next()
		if !ok {
			return sum, n
		}
		if campaign < 0 {
			line = vedette.AppendCall(line[:0], c)
			for _, b := range line {
				sum = sum*1099511628211 + uint64(b)
			}
			n++
		}
	}
}

// TestAttacksLeaveCustomersAlone wants the same calls of customers with and without attacks, and others
// from another seed.
func TestAttacksLeaveCustomersAlone(t *testing.T) {
	cfg := Config{Seed: 3, Keys: 300, Days: 3, Rate: 0.1}
	clean, n := digest(cfg)
	for _, k := range Kinds() {
		if k != "dormant_key" { // its owner has to fall silent
			cfg.Attacks = append(cfg.Attacks, Attack{Kind: k, From: monday5.AddDate(0, 0, 1), Span: time.Hour})
		}
	}
	if sum, m := digest(cfg); sum != clean || n != m {
		t.Errorf("with attacks customers made %d calls, without %d; sums %x %x", m, n, sum, clean)
	}
	cfg.Seed++
	if sum, _ := digest(cfg); sum == clean {
		t.Error("another seed gives the same calls")
	}
}

// TestRates wants what New promises of the rates, and the week's rhythm.
func TestRates(t *testing.T) {
	tr := New(Config{Seed: 1, Keys: 2000, Days: 7, Rate: 0.3, Quiet: true})
	byDay := map[string]int{}
	n := 0
	for {
		c, _, ok := tr.Next()
		if !ok {
			break
		}
		if !c.Time.Before(monday5) {
			byDay[c.Time.Format(time.DateOnly)]++
			n++
		}
	}
	if perKey := float64(n) / 7 / 2000 / 0.3; perKey < 100 || perKey > 220 {
		t.Errorf("%.0f calls per key and day at rate 1", perKey)
	}
	if byDay["2026-01-07"] < byDay["2026-01-10"]*11/10 {
		t.Errorf("as much on Saturday as on Wednesday: %v", byDay)
	}
}

// TestPoisoning wants the thief's share of the calls to reach what was asked for, and a theft at the end.
func TestPoisoning(t *testing.T) {
	for _, share := range []float64{0, 0.2, 0.57} {
		tr := New(Config{Seed: 2, Keys: 200, Days: PoisonDays + 1, Rate: 0.2, Quiet: true, Attacks: []Attack{{Kind: Poisoning, From: monday5, Share: share}}})
		key := tr.Campaigns()[0].Subjects[0]
		own, his := 0, 0
		for {
			c, campaign, ok := tr.Next()
			if !ok {
				break
			}
			switch d := c.Time.Sub(monday5) / (24 * time.Hour); {
			case c.Credential != key || d < 22 || d >= PoisonDays:
			case campaign == 0:
				his++
			default:
				own++
			}
		}
		if got := float64(his) / float64(own+his); got < share-0.15 || got > share+0.1 {
			t.Errorf("the thief made %.2f of %d calls in the last week, want some %.2f", got, own+his, share)
		}
		if l := tr.Campaigns()[1]; l.Kind != Theft || l.Actions != thefts || l.Start.Before(monday5.AddDate(0, 0, PoisonDays)) {
			t.Errorf("theft %+v", l)
		}
	}
}

func BenchmarkTraffic(b *testing.B) {
	b.ReportAllocs()
	tr := New(Config{Seed: 1, Days: 10_000, Prelude: 1, Quiet: true})
	for b.Loop() {
		if _, _, ok := tr.Next(); !ok {
			b.Fatal("over")
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

func ExampleTraffic() {
	tr := New(Config{Seed: 1, Keys: 100, Days: 1, Quiet: true})
	c, _, _ := tr.Next()
	fmt.Println(c.Venue, c.Verdict)
	// Output: binance authentic
}
