package keyring

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Reasons why a sealed credential does not open.
var (
	// ErrMasterUnknown means that it was sealed with a master key not at hand.
	ErrMasterUnknown = errors.New("sealed with another master key")
	// ErrTampered means that it is not what was sealed for this venue and id.
	ErrTampered = errors.New("changed since it was sealed, or sealed for another key")
)

// Sealer keeps credentials secret and whole at rest: AES-256-GCM (NIST SP
// 800-38D) with a random nonce, venue and id as associated data, and the id of the
// master key in front, so that the master key can be replaced. Permissions and
// allowlists are sealed with the secrets.
//
// Whoever can write where the sealed form is kept can delete credentials and
// bring back an earlier form of one, but neither read nor make nor alter any. A
// master key should seal at most 2^32 times, the limit for random nonces.
type Sealer struct {
	keys []masterKey // the first one seals
}

type masterKey struct {
	id   [8]byte
	aead cipher.AEAD
}

// The header: version, master key id.
const (
	sealVersion  = 1
	sealedHeader = 1 + 8
)

// NewSealer returns a Sealer that seals with master and opens what master or one
// of the earlier master keys sealed. Each has MasterBytes bytes.
func NewSealer(master Secret, earlier ...Secret) (*Sealer, error) {
	s := &Sealer{}
	for _, m := range append([]Secret{master}, earlier...) {
		key := m.Reveal()
		if len(key) != MasterBytes {
			return nil, fmt.Errorf("cannot use master key: it has %d bytes, not %d", len(key), MasterBytes)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("cannot use master key: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("cannot use master key: %w", err)
		}
		sum := sha256.Sum256(append([]byte("vedette master key id\x00"), key...))
		s.keys = append(s.keys, masterKey{[8]byte(sum[:8]), aead})
	}
	return s, nil
}

// Seal returns the sealed form of the spec.
func (s *Sealer) Seal(spec Spec) ([]byte, error) {
	plain, err := json.Marshal(toAtRest(&spec))
	if err != nil {
		return nil, fmt.Errorf("cannot seal %s key %q: %w", clip(spec.Venue), clip(spec.ID), err)
	}
	if len(plain) > maxSealedBytes {
		return nil, fmt.Errorf("cannot seal %s key %q: it has %d bytes, over %d", clip(spec.Venue), clip(spec.ID), len(plain), maxSealedBytes)
	}
	k := s.keys[0]
	out := append([]byte{sealVersion}, k.id[:]...)
	return k.aead.Seal(out, nil, plain, associated(spec.Venue, spec.ID, out)), nil
}

// Open returns the spec that was sealed under the venue and id. Its error wraps
// ErrMasterUnknown or ErrTampered.
func (s *Sealer) Open(venue, id string, sealed []byte) (Spec, error) {
	spec, err := s.open(venue, id, sealed)
	if err != nil {
		return Spec{}, fmt.Errorf("cannot open %s key %q: %w", clip(venue), clip(id), err)
	}
	return spec, nil
}

func (s *Sealer) open(venue, id string, sealed []byte) (spec Spec, err error) {
	if len(sealed) < sealedHeader || sealed[0] != sealVersion || len(sealed) > 2*maxSealedBytes {
		return spec, ErrTampered
	}
	head, body := sealed[:sealedHeader], sealed[sealedHeader:]
	i := slices.IndexFunc(s.keys, func(k masterKey) bool { return string(k.id[:]) == string(head[1:]) })
	if i < 0 {
		return spec, fmt.Errorf("%w (id %x)", ErrMasterUnknown, head[1:])
	}
	plain, err := s.keys[i].aead.Open(nil, nil, body, associated(venue, id, head))
	if err != nil {
		return spec, ErrTampered
	}
	var r atRest
	d := json.NewDecoder(bytes.NewReader(plain))
	d.DisallowUnknownFields() // what a newer version restricts must not fall away
	if d.Decode(&r) != nil {
		return spec, errors.New("written by a newer version of vedette")
	}
	return r.spec(), nil
}

// Reseal returns the sealed form under the first master key, and whether it
// differs from the one given.
func (s *Sealer) Reseal(venue, id string, sealed []byte) ([]byte, bool, error) {
	spec, err := s.Open(venue, id, sealed)
	if err != nil {
		return nil, false, err
	}
	if string(sealed[1:sealedHeader]) == string(s.keys[0].id[:]) {
		return sealed, false, nil
	}
	fresh, err := s.Seal(spec)
	return fresh, true, err
}

// associated binds a sealed form to its header, venue and id.
func associated(venue, id string, header []byte) []byte {
	b := append([]byte("vedette sealed key\x00"), header...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(venue)))
	b = append(b, venue...)
	return append(b, id...)
}
