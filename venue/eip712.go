package venue

import (
	"encoding/binary"
	"hash"
	"io"
	"sync"

	"golang.org/x/crypto/sha3"
)

// keccaks are hash states: one is several hundred bytes.
var keccaks = sync.Pool{New: func() any { return sha3.NewLegacyKeccak256() }}

// appendKeccak appends the Keccak-256 of b, that may be the end of dst.
func appendKeccak(dst, b []byte) []byte {
	h := keccaks.Get().(hash.Hash)
	h.Reset()
	h.Write(b)
	at := len(dst)
	dst = append(dst, zeros[:]...)
	h.(io.Reader).Read(dst[at : at+32]) // the state reads out without a copy
	keccaks.Put(h)
	return dst
}

var zeros [32]byte

// word is one 32-byte slot of EIP-712's encodeData.
type word [32]byte

func keccak(s string) (w word) {
	appendKeccak(w[:0], []byte(s))
	return w
}

func uintWord(n uint64) (w word) {
	binary.BigEndian.PutUint64(w[24:], n)
	return w
}

// typedDomain returns the separator of a domain with name, version, chain and the
// zero contract (EIP-712, "Definition of domainSeparator").
func typedDomain(name, version string, chain uint64) word {
	kind := keccak("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
	n, v, c := keccak(name), keccak(version), uintWord(chain)
	var buf [5 * 32]byte
	b := append(append(append(append(buf[:0], kind[:]...), n[:]...), v[:]...), c[:]...)
	b = append(b, zeros[:]...)
	var w word
	appendKeccak(w[:0], b)
	return w
}

// appendTyped appends the digest to be signed over encodeData, that starts with
// the hash of the type (EIP-712, "Specification of the eth_signTypedData").
func appendTyped(dst []byte, domain *word, encoded []byte) []byte {
	var buf [2 + 64]byte
	b := append(append(buf[:0], 0x19, 0x01), domain[:]...)
	b = appendKeccak(b, encoded)
	return appendKeccak(dst, b)
}
