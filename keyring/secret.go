package keyring

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
	"unsafe"
)

const redacted = "[redacted]"

// Secret is text or bytes that must not be shown. It prints as "[redacted]"
// whatever the verb and encodes as that to JSON and text. Package fmt cannot call
// methods of unexported fields, and with a verb that does not fit it follows any
// typed pointer there. So the bytes lie behind an untyped one, that always prints
// as an address.
type Secret struct{ p unsafe.Pointer } // *[]byte

// NewSecret returns a Secret of a copy of b; of nothing, the zero Secret.
func NewSecret[T string | []byte](b T) Secret {
	if len(b) == 0 {
		return Secret{}
	}
	c := []byte(string(b))
	return Secret{unsafe.Pointer(&c)}
}

// Empty reports whether there is no secret.
func (s Secret) Empty() bool { return s.p == nil }

// Reveal returns the bytes, which the caller must neither change nor show.
func (s Secret) Reveal() []byte {
	if s.p == nil {
		return nil
	}
	return *(*[]byte)(s.p)
}

// Equal compares in constant time. An empty Secret equals nothing.
func (s Secret) Equal(b []byte) bool {
	return s.p != nil && subtle.ConstantTimeCompare(s.Reveal(), b) == 1
}

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (s Secret) GoString() string { return redacted }

// Format writes "[redacted]" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalJSON returns "[redacted]" in quotes.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
