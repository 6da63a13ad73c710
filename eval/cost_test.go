package eval

import (
	"testing"
	"time"

	"vedette/detect/behaviour"
)

// TestCost wants track J to keep every key, and to measure what it says; how fast is nothing for a test.
func TestCost(t *testing.T) {
	calls := map[string]int{}
	list, err := Cost(CostConfig{Detectors: behaviour.All(), Keys: 3000, Visits: 2, Calls: 5000, Progress: func(part string, n int, _ time.Duration) { calls[part] = n }})
	if err != nil {
		t.Fatal(err)
	}
	if calls["fill"] != 6000 || calls["uniform"] != 5000 || calls["Zipf 1.1, token bucket"] != 5000 {
		t.Errorf("calls: %v", calls)
	}
	seen := map[string]float64{}
	for _, f := range list {
		if f.Track != "J" || f.N != 3000 {
			t.Errorf("%+v", f)
		}
		seen[f.Metric+" "+f.Case] = f.Value
	}
	if seen["calls_per_cpu_second uniform"] <= 0 || seen["state_bytes_per_key "] < 100 || seen["evicted "] != 0 {
		t.Errorf("figures: %v", seen)
	}
}
