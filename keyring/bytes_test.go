package keyring

import (
	"bytes"
	"errors"
	"testing"
)

func TestSealBytes(t *testing.T) {
	s, err := NewSealer(NewSecret(bytes.Repeat([]byte{7}, MasterBytes)))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := s.SealBytes([]byte("x"), []byte("body"))
	if err != nil || sealed[0] != 'x' || bytes.Contains(sealed, []byte("body")) {
		t.Fatalf("%q %v", sealed, err)
	}
	if out, err := s.OpenBytes(nil, sealed[1:]); err != nil || string(out) != "body" {
		t.Errorf("%q %v", out, err)
	}
	for i := 1; i < len(sealed); i++ {
		bad := bytes.Clone(sealed[1:])
		bad[i-1] ^= 1
		if _, err := s.OpenBytes(nil, bad); !errors.Is(err, ErrTampered) && !errors.Is(err, ErrMasterUnknown) {
			t.Errorf("byte %d changed: %v", i-1, err)
		}
	}
}
