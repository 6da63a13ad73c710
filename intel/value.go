package intel

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"vedette"
)

// readValue reads one value of a feed, of the kind. An address range that is no prefix,
// such as 192.0.2.1-192.0.2.9, becomes several indicators.
func readValue(dst []Indicator, kind vedette.IndicatorKind, s string) ([]Indicator, error) {
	bad := fmt.Errorf("cannot read %s %s", kind, short(s))
	if len(s) > maxValue {
		return dst, bad
	}
	i := Indicator{Kind: kind}
	switch kind {
	case vedette.IndicatorAddress:
		prefixes, ok := readPrefixes(s)
		if !ok {
			return dst, bad
		}
		for _, p := range prefixes {
			i.Prefix = p
			dst = append(dst, i)
		}
		return dst, nil
	case vedette.IndicatorASN:
		n, ok := readASN(s)
		if !ok {
			return dst, bad
		}
		i.Value = strconv.FormatUint(uint64(n), 10)
	case vedette.IndicatorJA4:
		if !ja4.MatchString(s) {
			return dst, bad
		}
		i.Value = s
	case vedette.IndicatorWallet:
		if !wallet.MatchString(s) {
			return dst, bad
		}
		i.Value = string(appendWallet(nil, s))
	case vedette.IndicatorKey:
		i.Value = strings.ToLower(s)
		if b, err := hex.DecodeString(i.Value); err != nil || len(b) != sha256.Size {
			return dst, bad
		}
	default:
		return dst, bad
	}
	return append(dst, i), nil
}

// ja4 is a client fingerprint of FoxIO's JA4 (TLS), as internal/ja4 makes them.
var ja4 = regexp.MustCompile(`^[tqd][0-9s][0-9][di][0-9]{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}$`)

// wallet is what addresses of all chains look like: the alphabets of hex, base58, bech32
// and base64url, with prefixes such as bitcoincash:. A word of prose is too short.
var wallet = regexp.MustCompile(`^[A-Za-z0-9:_-]{20,}$`)

// short quotes what could not be read, for a message.
func short(s string) string {
	if len(s) > 64 {
		s = s[:64] + "…"
	}
	return strconv.QuoteToASCII(s)
}

// readASN reads AS64500 or 64500. Numbers that no network can have are refused.
func readASN(s string) (uint32, bool) {
	if len(s) > 2 && strings.EqualFold(s[:2], "as") {
		s = s[2:]
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil && n != 0 && n != 23456 && n != 65535 && n != 1<<32-1 // RFC 7607, 6793, 7300
}

// readPrefixes reads an address, a prefix or a range of addresses.
func readPrefixes(s string) ([]netip.Prefix, bool) {
	if a, b, ok := strings.Cut(s, "-"); ok {
		from, err := netip.ParseAddr(strings.TrimSpace(a))
		to, err2 := netip.ParseAddr(strings.TrimSpace(b))
		if err != nil || err2 != nil || from.Zone()+to.Zone() != "" {
			return nil, false
		}
		return rangePrefixes(from.Unmap(), to.Unmap())
	}
	if a, err := netip.ParseAddr(s); err == nil {
		if a.Zone() != "" {
			return nil, false
		}
		a = a.Unmap()
		return []netip.Prefix{netip.PrefixFrom(a, a.BitLen())}, true
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return nil, false
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return nil, false
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return []netip.Prefix{p.Masked()}, true
}

// rangePrefixes returns the fewest prefixes that cover a range of IPv4 addresses, at most
// 62, or of IPv6 addresses.
func rangePrefixes(from, to netip.Addr) (out []netip.Prefix, ok bool) {
	if from.BitLen() != to.BitLen() || to.Less(from) {
		return nil, false
	}
	for {
		n := 0 // trailing bits that the prefix may leave open
		for n < from.BitLen() {
			p := netip.PrefixFrom(from, from.BitLen()-n-1)
			if p.Masked().Addr() != from || to.Less(lastOf(p)) {
				break
			}
			n++
		}
		p := netip.PrefixFrom(from, from.BitLen()-n)
		out = append(out, p)
		if last := lastOf(p); last == to {
			return out, true
		} else {
			from = last.Next()
		}
	}
}

// lastOf returns the highest address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As16()
	for i := p.Bits() + 128 - p.Addr().BitLen(); i < 128; {
		n := min(8-i%8, 128-i)
		b[i/8] |= byte(1<<n-1) << (8 - i%8 - n)
		i += n
	}
	a := netip.AddrFrom16(b)
	if p.Addr().Is4() {
		return a.Unmap()
	}
	return a
}

// appendWallet appends an address in the form that is compared. EVM addresses are hex,
// whose case is no more than a checksum (EIP-55). Bech32 may be written in capitals as a
// whole (BIP 173). Others are compared as they are.
func appendWallet(dst []byte, s string) []byte {
	if !foldable(s) {
		return append(dst, s...)
	}
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

func foldable(s string) bool {
	if len(s) == 42 && s[0] == '0' && s[1]|0x20 == 'x' {
		for i := 2; i < len(s); i++ {
			if c := s[i] | 0x20; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
				return false
			}
		}
		return true
	}
	one := strings.IndexByte(s, '1')
	if one < 1 || len(s) < 20 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !(c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' && i > one || c == '1') {
			return false
		}
	}
	return true
}

// isEVM reports whether a credential is a wallet, as it is where calls are signed by one.
func isEVM(s string) bool { return len(s) == 42 && s[0] == '0' && s[1]|0x20 == 'x' && foldable(s) }

// appendKey appends what a table is asked with for a value in canonical form.
func appendKey(dst []byte, i *Indicator) []byte {
	switch i.Kind {
	case vedette.IndicatorASN:
		n, _ := strconv.ParseUint(i.Value, 10, 32)
		return binary.BigEndian.AppendUint32(dst, uint32(n))
	case vedette.IndicatorKey:
		out, err := hex.AppendDecode(dst, []byte(i.Value))
		if err != nil {
			panic("BUG: a key hash that is no hex was taken")
		}
		return out
	}
	return append(dst, i.Value...)
}

// nextPower returns the lowest power of two that is not below n.
func nextPower(n int) int { return 1 << bits.Len(uint(max(n, 1)-1)) }
