package outbox

import "time"

// Bounds of an outbox.
const (
	// DefaultBytes bounds what waits for one receiver: some 16,000 findings of 2 KiB, more than
	// a day at what people can still read.
	DefaultBytes = 32 << 20
	maxPending   = 1 << 17                // events that wait, 48 bytes of memory each
	slack        = 1 << 20                // bytes of delivered events that may stay in the file before it is rewritten
	syncEvery    = 200 * time.Millisecond // what a power cut may take
	firstDelay   = time.Second            // before the second attempt, doubled for each further one
	maxDelay     = 5 * time.Minute        // between attempts; there is no last one
	maxWait      = time.Hour              // that a receiver may ask for
	attemptTime  = 30 * time.Second       // for one attempt
)
