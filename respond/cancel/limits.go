package cancel

import "time"

// Bounds of cancelling.
const (
	rounds    = 20                     // of looking what is open and cancelling it: orders may come meanwhile
	pause     = 200 * time.Millisecond // between two rounds, for the venue to carry out what it took
	maxAnswer = 16 << 20               // bytes of an answer that are read: 20,000 open orders
	timeout   = 10 * time.Second       // of one request
	okxBatch  = 20                     // orders of one request, the venue's limit
	okxAlgos  = 10                     // conditional orders of one request
	window    = 5000                   // ms for which a request is good, as the venues' clients have it
)
