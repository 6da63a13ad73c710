package keyring

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"testing"

	_ "crypto/sha256"
	_ "crypto/sha512"
)

func TestHMACAgreesWithStandardLibrary(t *testing.T) {
	var scratch HMACScratch
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		for _, keyLen := range []int{0, 1, 20, 63, 64, 65, 127, 128, 129, 300} {
			key := make([]byte, keyLen)
			rand.Read(key)
			k, err := NewHMACKey(h, key)
			if err != nil {
				t.Fatal(err)
			}
			for _, msgLen := range []int{0, 1, 55, 56, 64, 111, 112, 128, 1000} {
				msg := make([]byte, msgLen)
				rand.Read(msg)
				m := hmac.New(h.New, key)
				m.Write(msg)
				want := m.Sum(nil)
				if got := k.Sum([]byte("x"), &scratch, msg); !bytes.Equal(got[1:], want) || got[0] != 'x' {
					t.Fatalf("%s, key of %d, message of %d: HMAC differs", h, keyLen, msgLen)
				}
				if !k.Equal(&scratch, msg, want) {
					t.Fatalf("%s: right MAC refused", h)
				}
				for _, bad := range [][]byte{want[:len(want)-1], append(bytes.Clone(want), 0), nil} {
					if k.Equal(&scratch, msg, bad) {
						t.Fatalf("%s: MAC of wrong length taken", h)
					}
				}
				want[len(want)-1] ^= 1
				if k.Equal(&scratch, msg, want) {
					t.Fatalf("%s: wrong MAC taken", h)
				}
			}
		}
	}
}

func TestHMACRefusesOtherHashes(t *testing.T) {
	for _, h := range []crypto.Hash{0, crypto.SHA1, crypto.SHA3_256} {
		if _, err := NewHMACKey(h, []byte("k")); err == nil {
			t.Errorf("hash %d taken", h)
		}
	}
}

func TestHMACAllocatesNothing(t *testing.T) {
	k, _ := NewHMACKey(crypto.SHA512, []byte("key"))
	var scratch HMACScratch
	msg := make([]byte, 200)
	mac := k.Sum(nil, &scratch, msg)
	if n := testing.AllocsPerRun(100, func() { k.Equal(&scratch, msg, mac) }); n != 0 {
		t.Errorf("%v allocations a verification", n)
	}
}

// BenchmarkHMAC verifies a message of 200 bytes: with the kept schedule, with
// crypto/hmac made anew, and with one crypto/hmac kept for one key.
func BenchmarkHMAC(b *testing.B) {
	key, msg := []byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"), make([]byte, 200)
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		k, _ := NewHMACKey(h, key)
		var scratch HMACScratch
		mac := k.Sum(nil, &scratch, msg)
		b.Run("keyring/"+h.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !k.Equal(&scratch, msg, mac) {
					b.Fatal("refused")
				}
			}
		})
		b.Run("new/"+h.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m := hmac.New(h.New, key)
				m.Write(msg)
				if !hmac.Equal(m.Sum(nil), mac) {
					b.Fatal("refused")
				}
			}
		})
		b.Run("reused/"+h.String(), func(b *testing.B) {
			b.ReportAllocs()
			m := hmac.New(h.New, key)
			var buf [64]byte
			for b.Loop() {
				m.Reset()
				m.Write(msg)
				if !hmac.Equal(m.Sum(buf[:0]), mac) {
					b.Fatal("refused")
				}
			}
		})
	}
}
