package capture

// Limits against hostile files. The memory that reading takes follows from them: at
// most about 8 times maxUnit, however long the file is (TestMemory).
const (
	maxUnit     = 64 << 20 // bytes of one JSONL line or HAR entry, and of a HAR member that is skipped: a body of 16 MiB, escaped
	maxMessages = 1 << 18  // WebSocket messages of one entry; at 256 bytes each all that maxUnit holds
	maxPairs    = 1 << 12  // header fields or form parameters of one request; proxies take 100
	maxSeconds  = 1 << 37  // seconds since 1970 of a message's time: past the year 6000 it is in ms by mistake
	maxLatency  = 1e12     // µs of one call: 11 days
)
