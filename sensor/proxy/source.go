package proxy

import (
	"net/netip"
	"strings"
)

// hops are the addresses whose word is taken.
type hops []netip.Prefix

func (t hops) trust(a netip.Addr) bool {
	a = a.Unmap()
	for _, p := range t {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// source returns the client of a request that came from the hop from: entries of the
// X-Forwarded-For fields are peeled off right to left for as long as the one who wrote
// them is trusted. An entry that is no address ends it at the last one known.
func (t hops) source(from netip.AddrPort, h *head) netip.AddrPort {
	if h.lists == 0 || !t.trust(from.Addr()) {
		return from
	}
	seen := 0
	for i := len(h.fields) - 1; i >= 0; i-- {
		if h.kinds[i] != kindForwardedFor {
			continue
		}
		for list := h.fields[i].Value; list != ""; {
			var entry string
			if comma := strings.LastIndexByte(list, ','); comma >= 0 {
				list, entry = list[:comma], list[comma+1:]
			} else {
				list, entry = "", list
			}
			a, ok := forwardedAddr(strings.Trim(entry, " \t"))
			if seen++; !ok || seen > forwardedHops {
				return from
			}
			if from = a; !t.trust(a.Addr()) {
				return from
			}
		}
	}
	return from
}

// forwardedAddr reads one entry: an address, with a port where the hop writes one.
func forwardedAddr(s string) (netip.AddrPort, bool) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.AddrPortFrom(a.Unmap(), 0), true
	}
	if ap, err := netip.ParseAddrPort(s); err == nil && ap.Addr().Zone() == "" {
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), true
	}
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		if a, err := netip.ParseAddr(s[1 : len(s)-1]); err == nil && a.Is6() && a.Zone() == "" {
			return netip.AddrPortFrom(a, 0), true
		}
	}
	return netip.AddrPort{}, false
}
