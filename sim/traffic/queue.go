package traffic

// due is when an actor's turn comes.
type due struct {
	at    int64
	actor int32
}

func (a due) before(b due) bool { return a.at < b.at || a.at == b.at && a.actor < b.actor }

// queue is a heap of four branches, the earliest on top: container/heap would cost an interface call a
// comparison, and this is most of what a call costs to make.
type queue []due

func (q *queue) push(d due) {
	*q = append(*q, d)
	s := *q
	for i := len(s) - 1; i > 0; {
		up := (i - 1) / 4
		if !s[i].before(s[up]) {
			return
		}
		s[i], s[up] = s[up], s[i]
		i = up
	}
}

// replace puts d in the place of the earliest.
func (q queue) replace(d due) {
	i := 0
	for {
		least, first := i, 4*i+1
		best := d
		for j := first; j < min(first+4, len(q)); j++ {
			if q[j].before(best) {
				least, best = j, q[j]
			}
		}
		if least == i {
			q[i] = d
			return
		}
		q[i] = best
		i = least
	}
}

func (q *queue) pop() {
	s := *q
	last := s[len(s)-1]
	*q = s[:len(s)-1]
	if len(*q) > 0 {
		q.replace(last)
	}
}
