package token

import (
	"encoding/binary"
	"sync"
)

// cache remembers grants by the SHA-256 of their token, in bounded memory. Each
// shard is a clock: the hand passes over entries used since its last round and
// evicts the first that was not. A nil cache remembers nothing.
type cache struct {
	shards [cacheShards]shard
}

type shard struct {
	mu    sync.Mutex
	index map[[32]byte]int32
	slots []slot
	hand  int
	limit int
}

type slot struct {
	sum   [32]byte
	grant *grant
	used  bool
}

func newCache(size int) *cache {
	if size < 0 {
		return nil
	}
	c := &cache{}
	for i := range c.shards {
		c.shards[i].index = make(map[[32]byte]int32)
		c.shards[i].limit = max(1, size/cacheShards)
	}
	return c
}

func (c *cache) shard(sum *[32]byte) *shard {
	return &c.shards[binary.LittleEndian.Uint32(sum[:])&(cacheShards-1)]
}

func (c *cache) get(sum *[32]byte) *grant {
	if c == nil {
		return nil
	}
	s := c.shard(sum)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.index[*sum]
	if !ok {
		return nil
	}
	s.slots[i].used = true
	return s.slots[i].grant
}

func (c *cache) put(sum *[32]byte, g *grant) {
	if c == nil {
		return
	}
	s := c.shard(sum)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.index[*sum]; ok {
		s.slots[i].grant = g
		return
	}
	if len(s.slots) < s.limit {
		s.index[*sum] = int32(len(s.slots))
		s.slots = append(s.slots, slot{sum: *sum, grant: g})
		return
	}
	for s.slots[s.hand].used {
		s.slots[s.hand].used = false
		s.hand = (s.hand + 1) % len(s.slots)
	}
	delete(s.index, s.slots[s.hand].sum)
	s.slots[s.hand] = slot{sum: *sum, grant: g}
	s.index[*sum] = int32(s.hand)
	s.hand = (s.hand + 1) % len(s.slots)
}

// len is the number of grants held.
func (c *cache) len() int {
	if c == nil {
		return 0
	}
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += len(s.slots)
		s.mu.Unlock()
	}
	return n
}
