package intel

import (
	"fmt"
	"net/netip"
	"slices"

	"vedette"
)

// Suspicion is why a feed was refused: a fixed code.
type Suspicion string

// The suspicions.
const (
	TooLarge     Suspicion = "too_large"     // more bytes, pages or indicators than the limits allow
	Unreadable   Suspicion = "unreadable"    // not the format it should be, or over 1% of its entries cannot be read
	BadEncoding  Suspicion = "bad_encoding"  // invalid UTF-8
	WidePrefix   Suspicion = "wide_prefix"   // a prefix, or all of them together, covers too much of the address space
	SpecialRange Suspicion = "special_range" // private, loopback, link-local or multicast addresses
	OwnRange     Suspicion = "own_range"     // our own addresses
	Grown        Suspicion = "grown"         // 100 times as many indicators as before
	Shrunk       Suspicion = "shrunk"        // to nothing, or a hundredth of before
)

// refused is the error for a feed that is suspect.
type refused struct {
	why  Suspicion
	says string
}

func (r *refused) Error() string { return string(r.why) + ": " + r.says }

func suspect(why Suspicion, format string, args ...any) error {
	return &refused{why, fmt.Sprintf(format, args...)}
}

// special are the ranges that no attacker on the internet comes from, and behind which
// our own machines may be.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("224.0.0.0/3"),
	netip.MustParsePrefix("::/16"), netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff00::/8"),
}

// checkReading refuses what could not be read well enough.
func checkReading(r *reading) error {
	if r.unreadable*unreadable > r.entries {
		return suspect(Unreadable, "%d of %d entries, the first: %v", r.unreadable, r.entries, r.firstBad)
	}
	return nil
}

// checkIndicators refuses indicators that would hit ourselves or half of the world.
func checkIndicators(of []Indicator, own []netip.Prefix) error {
	var prefixes []netip.Prefix
	for i := range of {
		if of[i].Kind != vedette.IndicatorAddress {
			continue
		}
		p := of[i].Prefix
		if p.Addr().Is4() && p.Bits() < minBits4 || p.Addr().Is6() && p.Bits() < minBits6 {
			return suspect(WidePrefix, "%v is shorter than /%d in IPv4 or /%d in IPv6", p, minBits4, minBits6)
		}
		for _, s := range special {
			if s.Overlaps(p) {
				return suspect(SpecialRange, "%v is within %v, which is not of the public internet", p, s)
			}
		}
		for _, o := range own {
			if o.Overlaps(p) {
				return suspect(OwnRange, "%v and our own %v overlap", p, o)
			}
		}
		prefixes = append(prefixes, p)
	}
	return checkShare(prefixes)
}

// checkShare refuses lists that cover too much in many pieces. It counts in networks of
// /32, of IPv4 addresses that is.
func checkShare(of []netip.Prefix) error {
	slices.SortFunc(of, netip.Prefix.Compare)
	var share4, share6 uint64
	var before netip.Prefix
	for _, p := range of {
		if before.IsValid() && before.Overlaps(p) {
			continue // within what was counted
		}
		before = p
		if n := uint64(1) << max(0, 32-p.Bits()); p.Addr().Is4() {
			share4 += n
		} else if p.Bits() <= 32 {
			share6 += n
		}
	}
	if share4 > 1<<32/maxShare4 || share6 > 1<<29/maxShare6 { // 2000::/3 holds 2^29 of /32
		return suspect(WidePrefix, "all together cover more than 1/%d of IPv4 or 1/%d of IPv6", maxShare4, maxShare6)
	}
	return nil
}

// checkSize refuses a sudden growth or shrinking from one copy to the next.
func checkSize(before, now int) error {
	switch {
	case before > 0 && now == 0:
		return suspect(Shrunk, "from %d to nothing", before)
	case before > 0 && now/growth >= before:
		return suspect(Grown, "from %d to %d", before, now)
	case now < before/shrink:
		return suspect(Shrunk, "from %d to %d", before, now)
	}
	return nil
}
