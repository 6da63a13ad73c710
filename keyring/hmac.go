package keyring

import (
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding"
	"fmt"
	"hash"
	"log/slog"
	"unsafe"
)

// HMACKey is an HMAC key (RFC 2104) with its schedule done: the chaining values
// of the hash after the inner and the outer pad. It serves SHA-256, SHA-384 and
// SHA-512, and is as secret as the key it was made of.
type HMACKey struct {
	hash   crypto.Hash
	values unsafe.Pointer // *shortState for SHA-256, else *longState; untyped as Secret is
}

// The chaining values: inner, then outer.
type (
	shortState [2 * sha256.Size]byte
	longState  [2 * sha512.Size]byte
)

// NewHMACKey computes the schedule of key for h, that is SHA256, SHA384 or SHA512.
func NewHMACKey(h crypto.Hash, key []byte) (HMACKey, error) {
	k := HMACKey{hash: h}
	switch h {
	case crypto.SHA256:
		k.values = unsafe.Pointer(new(shortState))
	case crypto.SHA384, crypto.SHA512:
		k.values = unsafe.Pointer(new(longState))
	default:
		return HMACKey{}, fmt.Errorf("cannot use hash %s for HMAC: want SHA-256, SHA-384 or SHA-512", h)
	}
	d := newDigest(h)
	block := make([]byte, d.BlockSize())
	if len(key) > len(block) {
		d.Write(key)
		key = d.Sum(nil)
	}
	copy(block, key)
	half := len(k.state()) / 2
	for i, pad := range []byte{0x36, 0x5c} {
		for j := range block {
			block[j] ^= pad
		}
		d.Reset()
		d.Write(block)
		d.save(k.state()[i*half : (i+1)*half])
		for j := range block {
			block[j] ^= pad
		}
	}
	return k, nil
}

// Hash returns the hash function, 0 for the zero key.
func (k HMACKey) Hash() crypto.Hash { return k.hash }

func (k HMACKey) state() []byte {
	if k.hash == crypto.SHA256 {
		return (*shortState)(k.values)[:]
	}
	return (*longState)(k.values)[:]
}

// Sum appends the HMAC of msg to dst. It allocates only if dst lacks capacity.
func (k HMACKey) Sum(dst []byte, h *HMACScratch, msg []byte) []byte {
	d := h.digest(k.hash)
	st := k.state()
	d.load(st[:len(st)/2])
	d.Write(msg)
	inner := d.Sum(h.inner[:0])
	d.load(st[len(st)/2:])
	d.Write(inner)
	return d.Sum(dst)
}

// Equal reports in constant time whether mac is the whole HMAC of msg.
func (k HMACKey) Equal(h *HMACScratch, msg, mac []byte) bool {
	return subtle.ConstantTimeCompare(k.Sum(h.outer[:0], h, msg), mac) == 1
}

// String returns "[redacted]".
func (k HMACKey) String() string { return redacted }

// GoString returns "[redacted]".
func (k HMACKey) GoString() string { return redacted }

// Format writes "[redacted]" for every verb.
func (k HMACKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalJSON returns "[redacted]" in quotes.
func (k HMACKey) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue returns "[redacted]".
func (k HMACKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// HMACScratch is the working memory of HMAC computations. The zero value is
// ready; it serves one goroutine at a time and should be kept, not made per call.
type HMACScratch struct {
	d256, d384, d512 *digest
	inner, outer     [sha512.Size]byte
}

func (h *HMACScratch) digest(f crypto.Hash) *digest {
	var d **digest
	switch f {
	case crypto.SHA256:
		d = &h.d256
	case crypto.SHA384:
		d = &h.d384
	case crypto.SHA512:
		d = &h.d512
	default:
		panic("BUG: HMAC with a zero key")
	}
	if *d == nil {
		*d = newDigest(f)
	}
	return *d
}

// magicBytes is the length of the tag that opens a marshalled hash state; the
// chaining value follows it.
const magicBytes = 4

// digest is a hash whose state, at the boundary of a first block, can be saved
// to and loaded from its bare chaining value. It patches the form that the
// standard library marshals hash states to.
type digest struct {
	hash.Hash
	u     encoding.BinaryUnmarshaler
	state []byte // marshalled, after one block
	chain []byte // the chaining value within state
}

func newDigest(f crypto.Hash) *digest {
	d := &digest{}
	chain := sha512.Size // SHA-384 truncates its output, not its chaining value
	switch f {
	case crypto.SHA256:
		d.Hash, chain = sha256.New(), sha256.Size
	case crypto.SHA384:
		d.Hash = sha512.New384()
	case crypto.SHA512:
		d.Hash = sha512.New()
	}
	d.u = d.Hash.(encoding.BinaryUnmarshaler)
	d.Write(make([]byte, d.BlockSize()))
	d.state = d.marshal()
	if want := magicBytes + chain + d.BlockSize() + 8; len(d.state) != want {
		panic(fmt.Sprintf("BUG: a marshalled %s has %d bytes, not %d", f, len(d.state), want))
	}
	d.chain = d.state[magicBytes : magicBytes+chain]
	d.Reset()
	return d
}

func (d *digest) marshal() []byte {
	b, err := d.Hash.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic("BUG: cannot marshal a hash: " + err.Error())
	}
	return b
}

func (d *digest) save(chain []byte) { copy(chain, d.marshal()[magicBytes:]) }

func (d *digest) load(chain []byte) {
	copy(d.chain, chain)
	if err := d.u.UnmarshalBinary(d.state); err != nil {
		panic("BUG: cannot load a hash: " + err.Error())
	}
}
