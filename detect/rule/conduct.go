package rule

import (
	"vedette"
	"vedette/detect"
)

// used reports whether a credential was truly used: an authentic call that went on to the venue.
func used(e *detect.Event) bool {
	return e.Verdict == vedette.Authentic && e.Effect < vedette.Deny && !e.Reported
}

// done reports whether the venue did what was asked, or reports that it happened.
func done(e *detect.Event) bool { return e.Verdict == vedette.Authentic && e.Status/100 == 2 }

// sensitive reports whether an operation moves money out or changes who may.
func sensitive(op vedette.Operation) bool {
	switch op {
	case vedette.OpWithdraw, vedette.OpTransfer, vedette.OpKeyCreate, vedette.OpKeyChange, vedette.OpMFAChange, vedette.OpAllowlistChange,
		vedette.OpPasswordChange, vedette.OpAdmin:
		return true
	}
	return false
}

// network is where a call came from: the autonomous system or, where that is not known, the subnet.
func network(e *detect.Event) uint64 {
	if e.ASN != 0 {
		return uint64(e.ASN)
	}
	return e.Subject[detect.BySubnet]
}

// of is a value against its threshold.
func of[N, T int | uint32 | float64](value N, threshold T) vedette.Value {
	return vedette.Value{Value: float64(value), Threshold: float64(threshold)}
}
