package proxy

// fault is why a request could not be read safely. It names the counter in Stats.
type fault uint8

const (
	faultNone            fault = iota
	faultRequestLine           // not METHOD SP target SP HTTP/1.x
	faultVersion               // neither 1.0 nor 1.1
	faultMethod                // CONNECT, TRACE or unknown
	faultTarget                // neither origin-form nor an absolute-form that agrees with Host, or with bytes that do not belong
	faultLine                  // bare CR, LF or NUL, or another control character
	faultFold                  // obs-fold
	faultName                  // header name that is no token, or imitates a framing header with underscores
	faultHost                  // missing, repeated or malformed Host
	faultLength                // repeated or malformed Content-Length
	faultLengthAndCoding       // Content-Length with Transfer-Encoding
	faultCoding                // a transfer coding but a single chunked, or with HTTP/1.0
	faultChunk                 // malformed chunk or trailer
	faultConnection            // Connection names a field that must not be removed
	faultUpgrade               // an upgrade but a well-formed one to websocket
	faultExpect                // an expectation but 100-continue
	faultContentCoding         // a coded body, that the monitor cannot read
	faultHead                  // over HeadBytes or Fields
	faultTargetLength          // over TargetBytes
	faultBody                  // over BodyBytes
	faultMemory                // over BodyMemory
	faultTimeout               // the request did not arrive in time
	faultCount
)

var faultNames = [faultCount]string{"", "request_line", "version", "method", "target", "line", "fold", "name", "host", "length",
	"length_and_coding", "coding", "chunk", "connection", "upgrade", "expect", "content_coding", "head_size",
	"target_size", "body_size", "body_memory", "timeout"}

func (f fault) String() string { return faultNames[f] }

// status is the HTTP status for a request with that fault.
func (f fault) status() int {
	switch f {
	case faultVersion:
		return 505
	case faultMethod:
		return 501
	case faultExpect:
		return 417
	case faultContentCoding:
		return 415
	case faultHead:
		return 431
	case faultTargetLength:
		return 414
	case faultBody:
		return 413
	case faultMemory:
		return 503
	case faultTimeout:
		return 408
	}
	return 400
}

// size reports whether the fault is one of size rather than of form.
func (f fault) size() bool { return f >= faultHead && f <= faultMemory }
