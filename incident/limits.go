package incident

import "time"

const (
	// DefaultWindow is how long after a finding on a credential, account, owner or counterparty another
	// still belongs with it. Whoever holds a stolen key comes back within the day.
	DefaultWindow = 24 * time.Hour
	// addressPart of the window is for addresses and fingerprints: they change hands, a key does not.
	addressPart = 4
	// DefaultTolerance is how late a finding may arrive, in event time, and change nothing by it.
	DefaultTolerance = time.Minute

	// maxSharing is how many accounts may use an address, or a subnet, that still links: a household or
	// a desk does; beyond it the address is a gateway (NAT, a cloud's egress) behind which strangers are.
	maxSharing = 4
	// rareShare is the part of all accounts that may use a fingerprint that links, and minPopulation how
	// many accounts must be known to say so: a fingerprint stands for a program, not for a person.
	rareShare     = 0.01
	minPopulation = 32
	// maxOwnerAccounts is how many accounts an owner may have who still links: a broker's omnibus owner
	// stands for thousands of strangers.
	maxOwnerAccounts = 64
	// maxRelated bounds the counterparties of one finding that link.
	maxRelated = 64

	// maxOpen bounds the incidents in memory that concern credentials, accounts or owners that the
	// keyring knows, some 4 KiB each. Beyond it that of the lowest risk leaves memory.
	maxOpen = 1 << 15
	// maxStrangers bounds those that concern nobody known. Anybody can make these by inventing
	// addresses, so they have room of their own; beyond it they share one incident.
	maxStrangers = 1 << 12
	// maxLinks bounds the subjects that one incident is found by. Each costs some 200 bytes.
	maxLinks = 1 << 12
	// maxAllLinks bounds those of all incidents: 100 MB.
	maxAllLinks = 1 << 19

	// What an incident lists at most. Count goes on beyond it.
	maxFindings  = 256 // half of them the first, half the last
	maxSubjects  = 64
	maxTags      = 32
	maxDetectors = 64 // that count towards the risk: the strongest
	maxNotes     = 1024
	maxNoteBytes = 4096
	maxTitle     = 512 // bytes

	// maxUnstored bounds the changes that wait for a store that takes none; then the oldest are given up
	// and counted. The ledger has their findings.
	maxUnstored = 1 << 15

	// maxScope bounds each text of a rule's scope: as long as the longest credential id.
	maxScope = 1 << 10 // bytes
	// maxRules bounds suppressions and expected changes together; each finding is held against all.
	maxRules = 1024
	// maxSuppression and maxExpected bound how long a rule lasts: what is forgotten must end by itself.
	maxSuppression = 90 * 24 * time.Hour
	maxExpected    = 7 * 24 * time.Hour
)
