package intel

import "hash/maphash"

// table finds byte strings exactly, by open addressing. It holds no pointers but two, so
// that a million entries cost the collector nothing, and is not changed once built.
type table struct {
	seed  maphash.Seed
	slots []slot // a power of two, at most half full
	keys  []byte // one after another
}

type slot struct {
	hash uint32 // upper half
	at   uint32 // of the key, plus 1; 0 is empty
	n    uint32 // bytes of the key
	list uint32
}

// newTable returns a table with room for n keys.
func newTable(n int) *table {
	return &table{seed: maphash.MakeSeed(), slots: make([]slot, nextPower(2*n))}
}

// find returns the slot of the key, or the empty one where it belongs.
func (t *table) find(key []byte) *slot {
	h := maphash.Bytes(t.seed, key)
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.at == 0 || s.hash == uint32(h>>32) && string(t.keys[s.at-1:s.at-1+s.n]) == string(key) {
			return s
		}
	}
}

// put sets the list of a key that is not in the table yet.
func (t *table) put(key []byte, list uint32) {
	s := t.find(key)
	*s = slot{hash: uint32(maphash.Bytes(t.seed, key) >> 32), at: uint32(len(t.keys)) + 1, n: uint32(len(key)), list: list}
	t.keys = append(t.keys, key...)
}

// get returns the list of a key.
func (t *table) get(key []byte) (list uint32, ok bool) {
	s := t.find(key)
	return s.list, s.at != 0
}
