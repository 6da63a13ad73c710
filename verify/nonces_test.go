package verify

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// TestNonceWindowModel: within a nonce window, where the replay window forgets what it
// saw maxHold ago, no nonce is taken twice, however slow the client.
func TestNonceWindowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := NewNonces(10, 1)
		taken := map[uint64]time.Time{}
		now, high := epoch, uint64(1000)
		const window = 50
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 30*60).Draw(t, "minutes")) * time.Minute)
			nonce := high + uint64(rapid.IntRange(0, 2*window).Draw(t, "nonce")) - window - window/2
			at, before := taken[nonce]
			if before && now.Before(at.Add(maxHold)) {
				continue // the replay window knows the signature
			}
			err := n.use(Key{1}, nonce, window, now)
			if err == nil && before {
				t.Fatalf("nonce %d, taken %v ago, is taken again", nonce, now.Sub(at))
			}
			if err == nil {
				taken[nonce] = now
				high = max(high, nonce)
			}
		}
	})
}

// TestNoncesModel holds both tables to lists, with kills in between.
func TestNoncesModel(t *testing.T) {
	dir := t.TempDir()
	for _, keep := range []int{1, 100} {
		n, err := OpenNonces(dir, 20, keep)
		if err != nil {
			t.Fatal(err)
		}
		kept := map[int][]uint64{}
		x := uint64(keep)
		for range 4000 {
			x = mix(x + 1)
			who, nonce := int(x%20), x>>32%500+1
			if x>>20%100 == 0 {
				die(t, n.file)
				_ = unix.Munmap(n.file.mem)
				_ = n.file.f.Close()
				if n, err = OpenNonces(dir, 20, keep); err != nil {
					t.Fatal(err)
				}
			}
			want := error(nil)
			list := kept[who]
			switch at := lowerBound(list, nonce); {
			case at < len(list) && list[at] == nonce:
				want = errNonceReused
			case len(list) == keep && at == 0:
				want = errNonceRegressed
			default:
				list = append(list[:at:at], append([]uint64{nonce}, list[at:]...)...)
				if len(list) > keep {
					list = list[1:]
				}
				kept[who] = list
			}
			if err := n.use(numbered(who), nonce, 0, epoch); err != want {
				t.Fatalf("keep %d: credential %d nonce %d: %v, want %v", keep, who, nonce, err, want)
			}
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func lowerBound(list []uint64, v uint64) int {
	i := 0
	for i < len(list) && list[i] < v {
		i++
	}
	return i
}

// TestNonceSlots: a slot that fell silent is given away only when no other is free.
func TestNonceSlots(t *testing.T) {
	n := NewNonces(64, 1)
	for i := range 64 {
		if err := n.use(numbered(i), 9, 0, epoch); err != nil {
			t.Fatal(err)
		}
	}
	later := epoch.Add(nonceKeepHold + time.Hour)
	for i := range 30 {
		if err := n.use(numbered(1000+i), 9, 0, later); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 64 {
		if err := n.use(numbered(i), 9, 0, later); err != errNonceReused {
			t.Fatalf("credential %d forgotten while there was room: %v", i, err)
		}
	}
}
