package detect

const (
	// maxSubjects bounds the subjects of one detector: at about 200 bytes and 64
	// calls of 80 bytes each, 16,384 subjects are at most 90 MB.
	maxSubjects = 1 << 14
	// maxSeen bounds the calls a subject remembers; counts beyond it go on.
	maxSeen = 64
	// maxEvidence bounds the ledger positions of one finding.
	maxEvidence = 32
)
