package httpsig

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"

	"github.com/dunglas/httpsfv"
)

// checkDigest compares Content-Digest (RFC 9530 section 2) with the body. Each
// digest of a kind we know must be right, and there must be one.
func checkDigest(m *Message) error {
	values := fieldValues(m, m.Header, "content-digest")
	d, err := httpsfv.UnmarshalDictionary(values)
	if err != nil || values == nil {
		return errors.New("cannot read Content-Digest")
	}
	known := 0
	for _, name := range d.Names() {
		var want []byte
		switch name {
		case "sha-256":
			sum := sha256.Sum256(m.Body)
			want = sum[:]
		case "sha-512":
			sum := sha512.Sum512(m.Body)
			want = sum[:]
		default:
			continue
		}
		known++
		v, _ := d.Get(name)
		item, ok := v.(httpsfv.Item)
		if !ok {
			return errors.New("cannot read Content-Digest")
		}
		got, ok := item.Value.([]byte)
		if !ok || subtle.ConstantTimeCompare(got, want) != 1 {
			return errors.New("Content-Digest is not that of the body")
		}
	}
	if known == 0 {
		return errors.New("Content-Digest has no digest of a known kind")
	}
	return nil
}
