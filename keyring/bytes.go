package keyring

import (
	"fmt"
	"slices"
)

// bytesPurpose is the associated data of sealed bytes: what is sealed as a body
// does not open as a key, nor the other way round.
const bytesPurpose = "vedette sealed bytes\x00"

// SealBytes appends the sealed form of something else than a credential, such as
// the body of a call.
func (s *Sealer) SealBytes(dst, plain []byte) ([]byte, error) {
	if len(plain) > maxSealedBytes {
		return dst, fmt.Errorf("cannot seal %d bytes: the limit is %d", len(plain), maxSealedBytes)
	}
	k := s.keys[0]
	head := append([]byte{sealVersion}, k.id[:]...)
	return k.aead.Seal(append(dst, head...), nil, plain, append([]byte(bytesPurpose), head...)), nil
}

// OpenBytes appends what was sealed. Its error wraps ErrMasterUnknown or
// ErrTampered.
func (s *Sealer) OpenBytes(dst, sealed []byte) ([]byte, error) {
	if len(sealed) < sealedHeader || sealed[0] != sealVersion || len(sealed) > 2*maxSealedBytes {
		return dst, fmt.Errorf("cannot open sealed bytes: %w", ErrTampered)
	}
	head, body := sealed[:sealedHeader], sealed[sealedHeader:]
	i := slices.IndexFunc(s.keys, func(k masterKey) bool { return string(k.id[:]) == string(head[1:]) })
	if i < 0 {
		return dst, fmt.Errorf("cannot open sealed bytes: %w (id %x)", ErrMasterUnknown, head[1:])
	}
	out, err := s.keys[i].aead.Open(dst, nil, body, append([]byte(bytesPurpose), head...))
	if err != nil {
		return dst, fmt.Errorf("cannot open sealed bytes: %w", ErrTampered)
	}
	return out, nil
}
