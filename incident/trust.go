package incident

import (
	"slices"
	"strings"

	"vedette"
)

// cleanRate is how many owners a day, of 10,000 keys, clean traffic gives a finding of a detector and severity: measured on the
// development seeds by vedette eval -track I -ablate. Four of the seeds, 5,000 keys and seven days each: 0.07 is once. What is not here was never raised there, or is a rule of the user's own.
var cleanRate = map[string]float64{
	"access.dormant_key high":          0.21,
	"access.dormant_key low":           0.86,
	"access.dormant_key medium":        0.21,
	"access.forged_signature low":      2.21,
	"access.impossible_travel low":     0.5,
	"access.new_client low":            0.43,
	"access.scope_probe high":          0.07,
	"access.scraping low":              0.14,
	"access.shared_key low":            3.29,
	"access.shared_key medium":         0.07,
	"access.stale_or_future low":       0.29,
	"behaviour.anomaly medium":         0.07,
	"entry.new_client_moves_money low": 1.36,
	"entry.new_country low":            0.07,
	"order.worth_of_account low":       0.21,
	"venue.new_error low":              0.14,
}

// halfTrust is the clean rate at which a finding counts half: one every other day is an analyst's friend, five a day are noise.
const halfTrust = 0.5

// Trust returns what part of its weight a finding keeps, in (0,1]: the more often clean traffic raises the like, the less it
// says alone. With others in one incident it still adds up.
func Trust(detector string, s vedette.Severity) float64 {
	return 1 / (1 + cleanRate[detector+" "+s.String()]/halfTrust)
}

// Evidence is how much a finding makes it likely that something is wrong, in [0,1].
func Evidence(f *vedette.Finding) float64 {
	return Weight(f.Severity) * clamp(f.Score) * Trust(f.Detector, f.Severity)
}

// Measured returns the names of the detectors that clean traffic was measured to raise.
func Measured() (names []string) {
	for name := range cleanRate {
		detector, _, _ := strings.Cut(name, " ")
		names = append(names, detector)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
