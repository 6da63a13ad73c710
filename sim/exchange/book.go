package exchange

import (
	"sort"

	"vedette"
)

// level is the queue of orders at one price, oldest first.
type level struct {
	price      Units
	total      Units // remaining quantity of all orders
	count      int
	head, tail *order
}

func (l *level) push(o *order) {
	o.level, o.prev, o.next = l, l.tail, nil
	if l.tail == nil {
		l.head = o
	} else {
		l.tail.next = o
	}
	l.tail = o
	l.total += o.Remaining()
	l.count++
}

func (l *level) remove(o *order) {
	if o.prev == nil {
		l.head = o.next
	} else {
		o.prev.next = o.next
	}
	if o.next == nil {
		l.tail = o.prev
	} else {
		o.next.prev = o.prev
	}
	l.total -= o.Remaining()
	l.count--
	o.level, o.prev, o.next = nil, nil, nil
}

// ladder is one side of a book: its levels with the best one last, because most
// changes happen there.
type ladder struct {
	side   vedette.Side
	levels []*level
}

// better reports whether price a has priority over b on this side.
func (s *ladder) better(a, b Units) bool {
	if s.side == vedette.Buy {
		return a > b
	}
	return a < b
}

func (s *ladder) best() *level {
	if len(s.levels) == 0 {
		return nil
	}
	return s.levels[len(s.levels)-1]
}

func (s *ladder) find(price Units) (int, bool) {
	i := sort.Search(len(s.levels), func(i int) bool { return !s.better(price, s.levels[i].price) })
	return i, i < len(s.levels) && s.levels[i].price == price
}

// at returns the level of a price, made if it is missing.
func (s *ladder) at(price Units) *level {
	i, ok := s.find(price)
	if !ok {
		s.levels = append(s.levels, nil)
		copy(s.levels[i+1:], s.levels[i:])
		s.levels[i] = &level{price: price}
	}
	return s.levels[i]
}

// drop removes an order, and its level with the last order on it.
func (s *ladder) drop(o *order) {
	l := o.level
	l.remove(o)
	if l.count > 0 {
		return
	}
	i, ok := s.find(l.price)
	if !ok {
		panic("BUG: order rests on a level that the book does not have")
	}
	s.levels = append(s.levels[:i], s.levels[i+1:]...)
}

// available sums what can be taken down to a limit price (0 for any), up to want.
func (s *ladder) available(limit, want Units) Units {
	var sum Units
	for i := len(s.levels) - 1; i >= 0 && sum < want; i-- {
		l := s.levels[i]
		if limit != 0 && s.better(limit, l.price) {
			break
		}
		sum += l.total
	}
	return min(sum, want)
}
