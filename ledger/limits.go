package ledger

import "time"

// Limits and defaults, each with its unit and reason.
const (
	// MaxRecord is the largest record in bytes: entry bundles of C2SP tlog-tiles carry a
	// 16-bit length.
	MaxRecord = 1<<16 - 1
	// MaxOrigin is the longest origin line in bytes, so that a checkpoint fits a head slot.
	MaxOrigin = 255

	// maxNote is the longest checkpoint of ours in bytes: origin twice, size, root, signature.
	maxNote = 1024
	// maxTrusted is the longest checkpoint of somebody else in bytes: witnesses add lines.
	maxTrusted = 64 << 10

	defaultMaxDelay     = 10 * time.Millisecond // what a power cut may lose
	defaultSegmentBytes = 128 << 20             // Open rehashes one segment: about 0.2 s
	defaultQueueBytes   = 32 << 20              // 0.2 s of the fastest disk we know
	defaultMaxBlock     = 100 * time.Millisecond
	batchBytes          = 4 << 20 // written at once when reached: more makes no disk faster
	minSegmentBytes     = 4 << 10
	maxSegmentBytes     = 64 << 30
	minQueueBytes       = 256 << 10 // one record of the largest size, with room

	// headSync is how old the head file may be on disk, as a bound on what a power cut
	// hides from the check for a rolled-back end.
	headSync = time.Second
	// fullRetry is how often a full disk is tried again.
	fullRetry = 50 * time.Millisecond

	tileWidth = 256 // hashes in a full tile, tlog-tiles
	tileLevel = 8   // tree levels a tile spans
	tileFiles = 8   // tile levels that a 63-bit tree size can have

	maxIndexed    = 8 // segments whose record offsets are kept in memory
	readChunk     = 256 * 1024
	maxRetention  = 1 << 20 // bytes of the retention file
	maxHolds      = 128     // legal holds at a time: all of them and maxRemoved ranges fit one record
	maxHoldName   = 64      // bytes
	maxProblems   = 1000    // a report longer than this helps nobody
	maxNotes      = 20      // likewise
	maxRemoved    = 512     // ranges of removed records; neighbours merge
	maxShift      = 4096    // records that Verify looks ahead for one that fits
	maxTornCopies = 1000    // files set aside for one place in one segment
)
