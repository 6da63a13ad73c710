package gate

import "time"

// Bounds of the gate.
const (
	maxRestrictions = 1 << 17         // in force at once; an update copies the index it touches, up to some ms
	maxScopeBytes   = 1 << 10         // of a scope field, as long as the longest credential id
	maxInstrument   = 64              // bytes of an instrument in a restriction; folded on the stack at each decision
	maxReasonBytes  = 4 << 10         // of the words of a restriction
	maxBatch        = 1 << 10         // parts of a batch; venues take a few hundred at most
	maxRate         = 1e6             // calls a second; above it an interval falls below a microsecond
	maxBurst        = 1 << 20         // calls
	ways            = 8               // entries of one set of a bucket table: what one look-up may have to compare
	maxTable        = 1 << 24         // entries of one bucket table: 272 MiB
	defaultTable    = 1 << 16         // entries of one bucket table: about 1 MiB
	sourceBits6     = 64              // IPv6 sources share a bucket by /64, which is what one customer gets (RFC 6177)
	maxStepUps      = 1 << 16         // in force at once
	maxStepUp       = 24 * time.Hour  // how long one lasts at most: what was proven yesterday is no stronger authentication
	IntelMaxAge     = 5 * time.Minute // since a token's user authenticated, where a feed asks for a step-up: time enough to come back with a new token
	maxSkew         = 60e9            // ns that a restriction's From may lie ahead: clocks differ, schedules are refused
)
