package respond

import "time"

// Bounds of responding.
const (
	maxPlaybooks   = 256
	maxResponses   = 16                  // of one playbook
	maxNever       = 4096                // subjects that nothing automatic may touch
	maxTargets     = 64                  // subjects of one incident that one response acts on
	minFor         = time.Second         // how long a response lasts at least
	maxFor         = 30 * 24 * time.Hour // and at most: longer is a decision for a person
	maxApprovals   = 2
	defaultAtMost  = 10             // automatic interventions of one playbook in an hour
	maxAtMost      = 1000           // the most that a playbook may ask for
	atMostWindow   = time.Hour      // that they are counted over
	proposalLasts  = 24 * time.Hour // unless the playbook says; what nobody approved by then is stale
	afterUndo      = time.Hour      // for which a person's no stands against the playbook
	afterFailure   = time.Minute    // before a playbook tries again what failed
	maxProposed    = 1000           // that wait for approval; beyond it what comes is refused and counted
	keepClosed     = 1000           // of those that ended, for the list
	journalSlack   = 4 << 20        // bytes of the journal before it is rewritten
	syncEvery      = 200 * time.Millisecond
	cancelAttempts = 6               // of one cancel_all
	cancelTime     = 2 * time.Minute // for one attempt: a venue may have many open orders
	maxCancelDelay = time.Minute
)
