package verify

import "time"

const (
	// maxHold bounds how long a signature is remembered. Longer validity than a day is
	// a client's mistake (BitMEX expiries in ms read as seconds), and is reported as
	// replayable.
	maxHold = 24 * time.Hour
	// nonceHold is how long the signature of a call with an increasing nonce is kept
	// to tell a client's retry from a replay; after that its nonce still refuses it.
	nonceHold = time.Minute
	// nonceKeepHold is how long nonces of a credential that fell silent are kept: past
	// it, the slot may go to another credential when none is free.
	nonceKeepHold = 90 * 24 * time.Hour
	// maxRetries bounds how often one read may be sent: clients give up after 3 to 10
	// retries. maxChangeRetries is the bound for what changes something, where every
	// retry may be carried out: client libraries retry 3 times unless told otherwise.
	maxRetries       = 16
	maxChangeRetries = 3
	// retryAfter is how long a call must have waited for its answer before the same
	// bytes count as its client's retry: venues answer within tens of milliseconds, and no
	// client gives up before hundreds.
	retryAfter = 100 * time.Millisecond
	// concurrency is how far apart calls arrive that a client makes at once: one goes out
	// on an open connection, another waits for TCP and TLS, three round trips of 200 ms.
	concurrency = time.Second
	// maxForms bounds the forms of one message that are tried. Beyond maxReformed bytes of
	// query and body only the first is: clients that differ do so in small requests.
	maxForms    = 8
	maxReformed = 64 << 10
	// maxAlterations bounds the parts of one message that Uncovered tries: a batch of 20
	// orders has 500.
	maxAlterations = 1000
	// maxSignature bounds a signature's text: RSA-4096 in base64 has 684 bytes.
	maxSignature = 1024
	// DefaultIssued is the number of venue-issued tokens that are remembered: one for each of
	// 100,000 clients.
	DefaultIssued = 1 << 17
	// maxPublic bounds those that anybody gets without a credential, which displace none
	// of the others.
	maxPublic = 1 << 14
	// issuedTTL is how long a venue-issued token is believed when the venue did not
	// say: Kraken's live while connected, Binance's 60 minutes with prolongation.
	issuedTTL = 24 * time.Hour
	// DefaultWindow is the number of signatures a window holds by default.
	DefaultWindow = 1 << 20
)
