package intel

import "time"

// Limits of feeds: whoever publishes a list, or sits in its place, chooses its size.
const (
	maxFeeds      = 64        // of one monitor; a match names its feed in a byte
	maxBody       = 128 << 20 // bytes of one document: a million indicators in STIX, at 100 bytes each and more
	maxGeo        = 512 << 20 // bytes of a MaxMind-format database; a country database has 10 MiB, one of cities 120
	maxLeaves     = 1 << 25   // of a database's tree: one of cities has 12 million
	maxRefresh    = 512 << 20 // bytes that one refresh may read in all, over its pages or events
	maxStored     = 1 << 30   // bytes of a stored copy
	maxIndicators = 1 << 21   // of one feed: 180 MiB in memory
	maxTotal      = 1 << 22   // of all feeds
	maxPages      = 10_000    // of a TAXII collection in one refresh, against a server that never ends
	maxEvents     = 50_000    // of a MISP feed: the largest public one has a few thousand
	maxValue      = 128       // bytes of an indicator: the longest wallets, Cardano's and Monero's, have about 106
	maxCredential = 1024      // bytes of a credential id that is looked up, as long as keyrings take
	unlistedSlots = 1 << 13   // credentials remembered as not listed: 64 KiB
	maxObject     = 128       // bytes of an object's id in its feed
	maxNesting    = 32        // of brackets in a STIX pattern: people write two
	maxTerms      = 10_000    // of one STIX pattern
	maxList       = 32        // matches of one value over all feeds; the strictest stay
	maxMatches    = 8         // on one call: what an analyst reads and a record has room for
	maxMessage    = 512       // bytes of what is told of an error

	maxRedirects   = 3
	requestTimeout = 60 * time.Second // of one request with its body
	// RefreshTimeout bounds all requests of one refresh.
	RefreshTimeout = 15 * time.Minute

	// DefaultRefresh is how often a feed is asked where nothing is said: lists of exit
	// nodes change within the hour, and publishers ask not to be asked more often.
	DefaultRefresh = time.Hour
	minRefresh     = time.Second
	// DefaultTTL is how long an indicator without an end of its own counts after its feed
	// said it last: addresses change hands within weeks.
	DefaultTTL = 30 * 24 * time.Hour
	// DefaultConfidence of indicators whose feed says nothing: "probably true" in the
	// scales of STIX 2.1, appendix A.
	DefaultConfidence = 50

	firstBackoff  = 30 * time.Second // after a failure; doubled with each further one
	maxBackoff    = time.Hour
	maxRetryAfter = 24 * time.Hour // that a publisher's Retry-After is followed for
)

// What makes a feed suspect. A feed that breaks one of these is refused as a whole: what
// wrote one such line wrote the others too.
const (
	minBits4   = 8  // shortest IPv4 prefix: the largest networks that lists of hijacked ranges hold
	minBits6   = 19 // shortest IPv6 prefix: the largest allocations to one network
	maxShare4  = 4  // a feed may cover 1/4 of all IPv4 addresses: all clouds together have less
	maxShare6  = 64 // and 1/64 of 2000::/3, the unicast addresses of IPv6
	growth     = 100
	shrink     = 100 // to less than 1/100, where it had this many
	unreadable = 100 // 1 of this many entries may be unreadable
)
