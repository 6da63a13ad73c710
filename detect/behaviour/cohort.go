package behaviour

import "vedette"

// Classes of operations.
const (
	classRead = iota
	classOrder
	classCancel
	classSensitive
	classCount
)

// class returns what kind of call an operation is.
func class(o vedette.Operation) uint8 {
	switch o {
	case vedette.OpOrderNew, vedette.OpOrderAmend, vedette.OpOrderBatch:
		return classOrder
	case vedette.OpOrderCancel, vedette.OpOrderCancelAll:
		return classCancel
	case vedette.OpWithdraw, vedette.OpTransfer, vedette.OpDepositAddress, vedette.OpKeyCreate, vedette.OpKeyChange, vedette.OpKeyDelete,
		vedette.OpMFAChange, vedette.OpAllowlistChange, vedette.OpPasswordChange, vedette.OpAdmin:
		return classSensitive
	}
	return classRead
}

// cohort is a kind of client. Its usual rates stand for a subject's own until those are known. They are wide on purpose: a
// stranger is told by what no client of its kind does.
type cohort struct {
	name  string
	rates [meterCount]Spread // of ln(1+count)
}

// The cohorts, by dominant mix of operations. A maker quotes on both sides at most times a second; a trader's robot some
// times a minute; whoever reads polls; a treasury moves money some times an hour.
var cohorts = [...]cohort{
	{"reader", [meterCount]Spread{{2, 4, 1}, {4, 5, 1}, {6, 6, 1}, {0.1, 0.2, 1}, {0.3, 0.6, 1}}},
	{"trader", [meterCount]Spread{{2, 3, 1}, {4, 4, 1}, {6, 5, 1}, {0.1, 0.2, 1}, {0.3, 0.6, 1}}},
	{"maker", [meterCount]Spread{{5, 4, 1}, {7, 4, 1}, {10, 5, 1}, {0.1, 0.2, 1}, {1, 1.5, 1}}},
	{"treasury", [meterCount]Spread{{1, 1, 1}, {2, 2, 1}, {3, 3, 1}, {1, 1, 1}, {0.3, 0.6, 1}}},
}

// kind returns the cohort of a subject.
func (h *habit) kind() *cohort {
	n := 0
	for _, c := range h.classes {
		n += int(c)
	}
	orders, cancels := int(h.classes[classOrder]), int(h.classes[classCancel])
	switch {
	case 5*int(h.classes[classSensitive]) > n:
		return &cohorts[3]
	case 10*(orders+cancels) > 6*n && 10*cancels > 4*orders:
		return &cohorts[2]
	case 20*(orders+cancels) > n:
		return &cohorts[1]
	}
	return &cohorts[0]
}

// trades reports whether the subject is of those that the market moves.
func (h *habit) trades() bool { k := h.kind(); return k == &cohorts[1] || k == &cohorts[2] }
