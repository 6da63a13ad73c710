package proxy

import (
	"fmt"
	"time"
)

// Limits bounds what clients and upstreams may make the proxy hold or wait for. A zero
// field takes its default. What is over a limit is refused, counted in Stats, and, where
// it belongs to a venue, recorded as malformed.
type Limits struct {
	HeadBytes   int // request line with header, bytes; over it 431. 32 KiB: JWTs and cookies stay below 16.
	Fields      int // header fields; over it 431. 100, as in nginx's and Apache's defaults.
	TargetBytes int // request target, bytes; over it 414. 16 KiB: batch orders in a query stay below 8.
	BodyBytes   int // request body, bytes; over it 413. 8 MiB: a body must be whole before its signature can be judged.
	// BodyMemory is how many bytes all request bodies under way may hold together beyond
	// 16 KiB each (1 KiB over HTTP/2); over it 503. 256 MiB. Memory is taken as bytes arrive, not as announced.
	BodyMemory int64

	AnswerHeadBytes int // status line with header of an answer, bytes; over it 502. 64 KiB.

	Connections       int // client connections; further ones are closed at once. 16,384.
	SourceConnections int // client connections of one peer address (IPv6: one /64). 4,096: trading firms come from one address.
	Streams           int // concurrent HTTP/2 streams of a connection. 128.
	UpstreamConns     int // connections to one upstream; a call waits for one up to ConnectTimeout, then 503. 1,024.
	UpstreamIdle      int // idle connections kept to one upstream. 256.

	HandshakeTimeout time.Duration // TLS and PROXY header. 10 s.
	HeadTimeout      time.Duration // from the first to the last byte of a request's head; 408. 10 s.
	BodyTimeout      time.Duration // for the body of a request; 408. 30 s.
	IdleTimeout      time.Duration // between the requests of a connection. 75 s.
	WriteTimeout     time.Duration // for a client to take what it was sent. 30 s.
	ConnectTimeout   time.Duration // to connect to an upstream. 3 s.
	AnswerTimeout    time.Duration // for an upstream to answer, and between the pieces of its answer; 504. 30 s.
	UpstreamTimeout  time.Duration // how long an idle upstream connection is kept. 30 s, below the 60 s of common servers.

	Sessions        int           // WebSocket sessions; further upgrades get 503. 8,192.
	MessageBytes    int           // WebSocket message of the client; over it the session ends with 1009. 1 MiB.
	ReplyBytes      int           // WebSocket message of the venue. 16 MiB: depth snapshots are large.
	SessionIdle     time.Duration // a session without any frame in both directions ends. 10 min: venues ping every 20 s to 3 min.
	CloseTimeout    time.Duration // for the other side to answer a Close frame. 2 s.
	FailuresToDown  int           // failures in a row after which an upstream counts as down. 5.
	DownTime        time.Duration // how long a down upstream is not tried. 1 s.
	SweepResolution time.Duration // how coarse all timeouts above are. 100 ms.
}

// Limits that are not configured, each with its reason.
const (
	firstBuffer    = 4 << 10  // of a connection, bytes: most requests fit, 10,000 idle connections take 40 MiB
	keepBuffer     = 64 << 10 // larger buffers are not kept after a request, bytes
	fillRoom       = 512      // with less room than this a body is read into another buffer, bytes
	smallBody      = 16 << 10 // bodies up to here are not counted against BodyMemory, bytes
	streamBody     = 1 << 10  // the same for a stream of HTTP/2, of which a connection has many: most orders fit
	wholeAnswer    = 64 << 10 // answers up to here are read whole before anything is released, bytes
	chunkLineBytes = 256      // a chunk's size line with its extensions, bytes
	chunkCount     = 1 << 16  // chunks of one body: 1-byte chunks would cost 6 bytes of reading each
	trailerBytes   = 4 << 10  // trailers of a request, read and dropped
	interimAnswers = 8        // 1xx answers before a final one
	slowestClient  = 64 << 10 // bytes a second that a client takes of a large answer, beyond WriteTimeout: it holds an upstream connection
	forwardedHops  = 32       // entries of X-Forwarded-For that are looked at
	lingerBytes    = 256 << 10
	lingerTime     = time.Second // after a refusal the proxy reads on this long, so that the client gets to see it
)

func (l Limits) withDefaults() Limits {
	setInt := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	setTime := func(p *time.Duration, v time.Duration) {
		if *p == 0 {
			*p = v
		}
	}
	setInt(&l.HeadBytes, 32<<10)
	setInt(&l.Fields, 100)
	setInt(&l.TargetBytes, 16<<10)
	setInt(&l.BodyBytes, 8<<20)
	if l.BodyMemory == 0 {
		l.BodyMemory = 256 << 20
	}
	setInt(&l.AnswerHeadBytes, 64<<10)
	setInt(&l.Connections, 16384)
	setInt(&l.SourceConnections, 4096)
	setInt(&l.Streams, 128)
	setInt(&l.UpstreamConns, 1024)
	setInt(&l.UpstreamIdle, 256)
	setTime(&l.HandshakeTimeout, 10*time.Second)
	setTime(&l.HeadTimeout, 10*time.Second)
	setTime(&l.BodyTimeout, 30*time.Second)
	setTime(&l.IdleTimeout, 75*time.Second)
	setTime(&l.WriteTimeout, 30*time.Second)
	setTime(&l.ConnectTimeout, 3*time.Second)
	setTime(&l.AnswerTimeout, 30*time.Second)
	setTime(&l.UpstreamTimeout, 30*time.Second)
	setInt(&l.Sessions, 8192)
	setInt(&l.MessageBytes, 1<<20)
	setInt(&l.ReplyBytes, 16<<20)
	setTime(&l.SessionIdle, 10*time.Minute)
	setTime(&l.CloseTimeout, 2*time.Second)
	setInt(&l.FailuresToDown, 5)
	setTime(&l.DownTime, time.Second)
	setTime(&l.SweepResolution, 100*time.Millisecond)
	return l
}

// Bounds of what can be configured: beyond them a number is a slip of the hand.
const (
	maxTime  = 24 * time.Hour
	maxCount = 1 << 20 // connections, sessions, fields
	maxBytes = 1 << 30 // of one head, body or message
)

// validate refuses limits under which nothing could work, and such as bound nothing.
func (l Limits) validate() error {
	for _, x := range []struct {
		name        string
		n, min, max int64
	}{
		{"head_bytes", int64(l.HeadBytes), 256, 1 << 20}, {"target_bytes", int64(l.TargetBytes), 1, int64(l.HeadBytes)},
		{"fields", int64(l.Fields), 1, 10000}, {"body_bytes", int64(l.BodyBytes), 1, maxBytes}, {"body_memory", l.BodyMemory, 1, 1 << 40},
		{"answer_head_bytes", int64(l.AnswerHeadBytes), 256, maxBytes}, {"connections", int64(l.Connections), 1, maxCount},
		{"source_connections", int64(l.SourceConnections), 1, maxCount}, {"streams", int64(l.Streams), 1, maxCount},
		{"upstream_connections", int64(l.UpstreamConns), 1, maxCount}, {"upstream_idle", int64(l.UpstreamIdle), 0, maxCount},
		{"sessions", int64(l.Sessions), 1, maxCount}, {"message_bytes", int64(l.MessageBytes), 1, maxBytes},
		{"reply_bytes", int64(l.ReplyBytes), 1, maxBytes}, {"failures_to_down", int64(l.FailuresToDown), 1, maxCount},
	} {
		if x.n < x.min || x.n > x.max {
			return fmt.Errorf("limits: %s %d: want %d to %d", x.name, x.n, x.min, x.max)
		}
	}
	for _, x := range []struct {
		name string
		d    time.Duration
	}{
		{"handshake_timeout", l.HandshakeTimeout}, {"head_timeout", l.HeadTimeout}, {"body_timeout", l.BodyTimeout}, {"idle_timeout", l.IdleTimeout},
		{"write_timeout", l.WriteTimeout}, {"connect_timeout", l.ConnectTimeout}, {"answer_timeout", l.AnswerTimeout},
		{"upstream_timeout", l.UpstreamTimeout}, {"session_idle", l.SessionIdle}, {"close_timeout", l.CloseTimeout}, {"down_time", l.DownTime},
		{"sweep_resolution", l.SweepResolution},
	} {
		if x.d < time.Millisecond || x.d > maxTime {
			return fmt.Errorf("limits: %s %v: want 1ms to %v", x.name, x.d, maxTime)
		}
	}
	return nil
}
