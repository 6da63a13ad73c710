package detect

import "time"

// Limits of the engine, each with its reason.
const (
	// MaxText is how many bytes of one text an event carries; the rest is cut. Hashes are of all.
	MaxText = 256

	batchEvents = 256 // events of one batch: amortises a hand-over to 20 ns each
	// A batch that begins while the shards are idle waits for company: waking them costs some microseconds, more than
	// an event. A finding waits up to 2 ms by that, unless it is of a call that no rightful client makes: that waits for nothing,
	// but once in a millisecond only, so that who floods us with such calls does not make us wake for each.
	batchSoon  = 64
	batchWait  = 2 * time.Millisecond
	hurryEvery = time.Millisecond
	batchCount = 64      // batches under way: some 16,000 events; then Observe waits or says that there is no room
	batchArena = 1 << 20 // bytes of texts that a batch keeps for the next; 256 calls rarely have over 64 KiB

	// pausedEvents is how many events wait while a snapshot is written, some 0.5 KiB each: 13 s at 20,000 a second.
	pausedEvents = 1 << 18

	maxEvidence = 32 // positions in a finding, the newest

	// DefaultSubjects is how many subjects of one kind are kept. The least recently seen gives way.
	DefaultSubjects = 1 << 20
	// strangerShare is the part of them that is for subjects which anybody can invent: unknown keys,
	// addresses without an authentic call. Those never displace the others.
	strangerShare = 4

	// subjectBytes is what the records of a shard may take for each subject of a kind that it may keep, before those of subjects that are
	// quiet are packed: to pack and unpack cost three quarters of what detectors did, with uniform keys. A packed record has a third of the size.
	subjectBytes = 2560
	// warmShare is the part of a pool's subjects that are never packed, whatever takes the memory: else a flood of subjects of one kind would have those of
	// another packed and unpacked at every call.
	warmShare = 8

	// gapShare is the part of the room for records of one size that may lie empty, beside a slab: sizes change all the time, and mostly back.
	gapShare = 16

	maxRecordBytes = 1 << 20 // of one subject in a snapshot; ours have some KiB
	// The population knows 2,048 values of each trait, some 1 MiB in all. More fingerprints, products or
	// networks than that are rare ones, and those may be forgotten.
	populationSets = 256
	populationWays = 8

	// DefaultTolerance is how late events of recorded traffic may be and still take their place.
	DefaultTolerance = 2 * time.Second
	// maxHeld bounds the events that wait for others that may be earlier.
	maxHeld = 1 << 16
	// keptText, in bytes, and keptParts of a batch are the memory of one of them that is used again: few calls have more.
	keptText  = 4 << 10
	keptParts = 16
)
