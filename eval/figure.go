package eval

// Figure is one measured figure, as docs/formats.md has it.
type Figure struct {
	Track         string  `json:"track"`
	Detector      string  `json:"detector"`
	Metric        string  `json:"metric"`
	Value         float64 `json:"value"`
	Baseline      string  `json:"baseline"`
	BaselineValue float64 `json:"baseline_value"`
	N             int     `json:"n"`
	Seed          uint64  `json:"seed"`
	Case          string  `json:"case"`
}
