// Package ja4 computes the JA4 fingerprint of a TLS client.
//
// JA4 is FoxIO's format (BSD 3-Clause), described in technical_details/JA4.md of its
// repository. The other fingerprints of that family, under another licence, are left out.
package ja4

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"slices"
)

// Extension types that part a of the fingerprint already speaks for.
const (
	extServerName = 0x0000
	extALPN       = 0x0010
)

// Of returns the fingerprint of a client that speaks TLS over TCP, such as
// t13d1516h2_8daaf6152771_e5627efa2ab1. It is meant for tls.Config.GetConfigForClient.
func Of(h *tls.ClientHelloInfo) string {
	ciphers := withoutGREASE(h.CipherSuites)
	extensions := withoutGREASE(h.Extensions)
	var schemes []uint16
	for _, s := range h.SignatureSchemes {
		if !grease(uint16(s)) {
			schemes = append(schemes, uint16(s))
		}
	}
	out := make([]byte, 0, 36)
	out = append(append(out, 't'), version(h.SupportedVersions)...)
	if slices.Contains(extensions, extServerName) {
		out = append(out, 'd')
	} else {
		out = append(out, 'i')
	}
	out = appendCount(out, len(ciphers))
	out = appendCount(out, len(extensions))
	out = appendALPN(out, h.SupportedProtos)

	slices.Sort(ciphers)
	out = appendHash(append(out, '_'), appendList(nil, ciphers))
	extensions = slices.DeleteFunc(extensions, func(e uint16) bool { return e == extServerName || e == extALPN })
	slices.Sort(extensions)
	list := appendList(nil, extensions)
	if len(schemes) > 0 && len(list) > 0 {
		list = appendList(append(list, '_'), schemes)
	}
	return string(appendHash(append(out, '_'), list))
}

// grease reports whether a value is one of RFC 8701: 0x0a0a, 0x1a1a and so on.
func grease(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

func withoutGREASE(list []uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(list), grease)
}

// version is the highest version offered.
func version(offered []uint16) string {
	var highest uint16
	for _, v := range offered {
		if !grease(v) {
			highest = max(highest, v)
		}
	}
	switch highest {
	case tls.VersionTLS13:
		return "13"
	case tls.VersionTLS12:
		return "12"
	case tls.VersionTLS11:
		return "11"
	case tls.VersionTLS10:
		return "10"
	case 0x0300:
		return "s3"
	}
	return "00"
}

func appendCount(dst []byte, n int) []byte {
	n = min(n, 99)
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}

// appendALPN appends the first and last character of the first protocol, or of its hex form
// if either is not alphanumeric.
func appendALPN(dst []byte, protos []string) []byte {
	if len(protos) == 0 || protos[0] == "" {
		return append(dst, "00"...)
	}
	p := protos[0]
	if !alphanumeric(p[0]) || !alphanumeric(p[len(p)-1]) {
		p = hex.EncodeToString([]byte(p))
	}
	return append(dst, p[0], p[len(p)-1])
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func appendList(dst []byte, list []uint16) []byte {
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = hex.AppendEncode(dst, []byte{byte(v >> 8), byte(v)})
	}
	return dst
}

// appendHash appends the first 12 hex digits of the list's SHA-256, zeros for an empty one.
func appendHash(dst, list []byte) []byte {
	if len(list) == 0 {
		return append(dst, "000000000000"...)
	}
	sum := sha256.Sum256(list)
	return hex.AppendEncode(dst, sum[:6])
}
