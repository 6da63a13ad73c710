package eval

// Figure is one measured figure, as docs/formats.md has it.
type Figure struct {
	Track         string  `json:"track"`
	Data          string  `json:"data,omitempty"`
	Detector      string  `json:"detector"`
	Metric        string  `json:"metric"`
	Value         float64 `json:"value"`
	Baseline      string  `json:"baseline"`
	BaselineValue float64 `json:"baseline_value"`
	N             int     `json:"n"`
	Seed          uint64  `json:"seed"` // the first of them
	Case          string  `json:"case"`
	// Low and High are the 95% interval of a bootstrap over entities; both 0 where there is none.
	Low  float64 `json:"low,omitempty"`
	High float64 `json:"high,omitempty"`
	// Source says who measured it: "" for this run.
	Source string `json:"source,omitempty"`
	// Base is what is found how rarely in the data: "746 of 5951 traces".
	Base string `json:"base,omitempty"`
}
