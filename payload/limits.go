package payload

import "time"

// Limits, each with its reason.
const (
	keepScratch = 4 << 10  // bytes of decoding memory that stay with a call's place
	maxPlain    = 64 << 10 // of an encoded parameter: trading has none as long, so a longer one is suspicious
	maxDepth    = 4        // JSON within strings of JSON; clients use one
	maxItems    = 32       // suspicious parameters of one call that are examined
	maxItem     = 2 << 10  // bytes of each that are, its beginning and its end; payloads of the rules' own tests have below 1 KiB
	maxBytes    = 4 << 10  // of all of them: an examination's time grows with it, to some 30 ms for the worst text tried
	maxSample   = 80       // bytes of a value in a record
	maxName     = 64       // of a parameter's name in a record

	// DefaultSourceRate and DefaultSourceBurst are the examinations a second of one source: a person who looks for a
	// hole by hand makes fewer, a scanner makes more and is known after the first.
	DefaultSourceRate  = 2
	DefaultSourceBurst = 20
	// DefaultShare is how much of one processor examinations may take.
	DefaultShare = 0.25
	// DefaultMaxWait is how long a call that looks suspicious waits for its examination, from its arrival: some ten times what
	// one takes. Most of it passes while the venue answers.
	DefaultMaxWait = 100 * time.Millisecond

	maxQueue = 64      // calls that wait: with 10 ms each the last would be too late anyway
	sources  = 1 << 12 // whose budgets are remembered; the least recent of eight gives way
	ways     = 8
	burst    = time.Second // of examinations at a stretch, before the share counts
)
