package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/netip"
)

// The PROXY protocol, version 2 (haproxy.org/download/3.0/doc/proxy-protocol.txt section 2.2). Version 1,
// a line of text, is not spoken.
const (
	proxySignature  = "\r\n\r\n\x00\r\nQUIT\n"
	proxyFixed      = 16
	proxyBytes      = 4 << 10 // after the fixed part: addresses and TLVs; certificates in TLVs stay below 3 KiB
	tlvCRC32C       = 0x03
	tlvSSL          = 0x20
	tlvSSLFixed     = 5 // client bits and verify result, before the nested TLVs
	proxyLocal      = 0x20
	proxyProxy      = 0x21
	familyUnspec    = 0x00
	familyTCP4      = 0x11
	familyTCP6      = 0x21
	familyUnix      = 0x31
	unixAddrLength  = 216
	tcp4AddrLength  = 12
	tcp6AddrLength  = 36
	tlvHeaderLength = 3
)

var errProxyHeader = errors.New("malformed PROXY header")

// readProxyHeader reads the header that a trusted hop puts before a connection, and not a byte
// more. The address is invalid where the hop speaks for itself (LOCAL) or names none.
func readProxyHeader(c net.Conn, trusted hops, peer netip.AddrPort) (netip.AddrPort, error) {
	if !trusted.trust(peer.Addr()) {
		return netip.AddrPort{}, errors.New("PROXY header from a hop that is not trusted")
	}
	b := make([]byte, proxyFixed, 256)
	if _, err := io.ReadFull(c, b); err != nil {
		return netip.AddrPort{}, fmt.Errorf("cannot read PROXY header: %w", err)
	}
	if string(b[:12]) != proxySignature {
		return netip.AddrPort{}, errProxyHeader
	}
	n := int(binary.BigEndian.Uint16(b[14:]))
	if n > proxyBytes {
		return netip.AddrPort{}, fmt.Errorf("%w: over %d bytes", errProxyHeader, proxyBytes)
	}
	b = append(b, make([]byte, n)...)
	if _, err := io.ReadFull(c, b[proxyFixed:]); err != nil {
		return netip.AddrPort{}, fmt.Errorf("cannot read PROXY header: %w", err)
	}
	return parseProxyHeader(b)
}

// parseProxyHeader reads a whole header, that is as long as it says.
func parseProxyHeader(b []byte) (from netip.AddrPort, err error) {
	if len(b) < proxyFixed || string(b[:12]) != proxySignature || len(b) != proxyFixed+int(binary.BigEndian.Uint16(b[14:])) {
		return from, errProxyHeader
	}
	rest := b[proxyFixed:]
	need := 0
	switch b[13] {
	case familyUnspec:
	case familyTCP4:
		need = tcp4AddrLength
	case familyTCP6:
		need = tcp6AddrLength
	case familyUnix:
		need = unixAddrLength
	default:
		return from, fmt.Errorf("%w: address family %#x", errProxyHeader, b[13])
	}
	if len(rest) < need {
		return from, fmt.Errorf("%w: addresses cut off", errProxyHeader)
	}
	switch b[13] {
	case familyTCP4:
		from = netip.AddrPortFrom(netip.AddrFrom4([4]byte(rest)), binary.BigEndian.Uint16(rest[8:]))
	case familyTCP6:
		from = netip.AddrPortFrom(netip.AddrFrom16([16]byte(rest)).Unmap(), binary.BigEndian.Uint16(rest[32:]))
	}
	if b[13] != familyUnspec { // what follows an unspecified family is not for us to read
		if err := checkTLVs(b, rest[need:]); err != nil {
			return netip.AddrPort{}, err
		}
	}
	switch b[12] {
	case proxyLocal:
		return netip.AddrPort{}, nil
	case proxyProxy:
		return from, nil
	}
	return netip.AddrPort{}, fmt.Errorf("%w: version or command %#x", errProxyHeader, b[12])
}

// checkTLVs checks that the TLVs fill their room and that a checksum, where there is one, is
// right. header is the whole header.
func checkTLVs(header, b []byte) error {
	sums := 0
	for len(b) > 0 {
		typ, value, rest, ok := cutTLV(b)
		if !ok {
			return fmt.Errorf("%w: TLV cut off", errProxyHeader)
		}
		switch typ {
		case tlvCRC32C:
			if sums++; sums > 1 || len(value) != 4 || !checksum(header, value) {
				return fmt.Errorf("%w: checksum", errProxyHeader)
			}
		case tlvSSL:
			if len(value) < tlvSSLFixed {
				return fmt.Errorf("%w: SSL TLV cut off", errProxyHeader)
			}
			for inner := value[tlvSSLFixed:]; len(inner) > 0; {
				if _, _, inner, ok = cutTLV(inner); !ok {
					return fmt.Errorf("%w: SSL TLV", errProxyHeader)
				}
			}
		}
		b = rest
	}
	return nil
}

func cutTLV(b []byte) (typ byte, value, rest []byte, ok bool) {
	if len(b) < tlvHeaderLength {
		return 0, nil, nil, false
	}
	n := tlvHeaderLength + int(binary.BigEndian.Uint16(b[1:]))
	if len(b) < n {
		return 0, nil, nil, false
	}
	return b[0], b[tlvHeaderLength:n], b[n:], true
}

// checksum compares the CRC32C over the header, with the checksum itself taken as zero.
func checksum(header, value []byte) bool {
	want := binary.BigEndian.Uint32(value)
	clear(value) // value lies in header
	got := crc32.Checksum(header, crc32.MakeTable(crc32.Castagnoli))
	binary.BigEndian.PutUint32(value, want)
	return got == want
}
