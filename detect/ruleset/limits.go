package ruleset

import "time"

// Limits of rules, each with its reason. A rule over one is refused.
const (
	maxRules   = 512                 // of one set: each costs every subject its state
	maxMatch   = 4096                // bytes of one expression
	maxLiteral = 255                 // bytes of a text to compare with: an event carries 256, and one that was cut must not pass for equal
	maxRegex   = 512                 // bytes of a regular expression
	maxWindow  = 31 * 24 * time.Hour // nothing shorter than a month can be left to a report instead
	minWindow  = 100 * time.Millisecond
	maxSteps   = 6    // of a sequence
	maxTimes   = 1000 // repetitions of one step
	maxExact   = 32   // different values told apart one by one: 8 bytes each
	fewSketch  = 250  // different values that a sketch of 128 bytes counts to within some 5%
	maxSketch  = 1000 // and one of 256
	maxSeen    = 32   // values remembered by first_seen
	minLearned = 16   // values before a baseline says anything
	maxEvents  = 20000
)
