package binance

import "time"

// Limits of the venue.
const (
	// MaxBody bounds a request body or WebSocket message, in bytes; a batch of the
	// largest calls is below a tenth of it.
	MaxBody = 64 << 10
	// MaxParams bounds the parameters of one call; the largest has fifteen.
	MaxParams = 64
	// DefaultWindow and MaxWindow are how old a signed request may be, as documented.
	DefaultWindow = 5 * time.Second
	MaxWindow     = time.Minute
	// MaxAhead is how far a timestamp may lie in the future, as documented.
	MaxAhead = time.Second
	// MaxStreams is how many streams one connection may follow, as documented.
	MaxStreams = 1024
	// streamBuffer is how many messages wait for a slow stream client before it is
	// disconnected: a second of a busy demo.
	streamBuffer = 4096
	// writeTimeout is how long a WebSocket client may take to accept a message.
	writeTimeout = 10 * time.Second
	// MaxListenKeys bounds the listen keys alive per account.
	MaxListenKeys = 16
)
