package traffic

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
)

// network is an autonomous system. Addresses are of 10.0.0.0/8, a /16 each, so that nobody real is meant.
type network struct {
	asn     uint32
	country string
	use     use
	zone    int64 // from UTC, ns
}

type use uint8

const (
	hosting use = iota
	homes
	mobile // many behind few addresses
	offices
	uses
)

// countries by weight, with the hours from UTC.
var countries = []struct {
	code   string
	weight int
	zone   int64
}{{"US", 22, -5}, {"DE", 10, 1}, {"GB", 9, 0}, {"KR", 9, 9}, {"SG", 8, 8}, {"JP", 8, 9}, {"TR", 6, 3}, {"VN", 5, 7}, {"BR", 5, -3}, {"FR", 5, 1},
	{"IN", 5, 5}, {"NL", 4, 1}, {"NG", 2, 1}, {"UA", 2, 2}}

// networks returns four networks of each country, one a use.
func networks() (list []network) {
	for i, c := range countries {
		for u := range uses {
			list = append(list, network{asn: uint32(64512 + 4*i + int(u)), country: c.code, use: u, zone: c.zone * hour})
		}
	}
	return list
}

var allNetworks = networks()

// line is where somebody calls from.
type line struct {
	*network
	addr netip.AddrPort
}

// country draws one by weight.
func country(rng *rand.Rand) int {
	sum := 0
	for _, c := range countries {
		sum += c.weight
	}
	n := rng.IntN(sum)
	for i, c := range countries {
		if n -= c.weight; n < 0 {
			return i
		}
	}
	return 0
}

// address draws an address of a country's network. The upper half of each is for attackers, so that no
// address is of both.
func address(rng *rand.Rand, country int, u use) line { return draw(rng, 4*country+int(u), 0) }

// hostile draws an address for an attacker.
func hostile(rng *rand.Rand, country int, u use) line { return draw(rng, 4*country+int(u), 128) }

func draw(rng *rand.Rand, n, third int) line {
	w := 128
	if allNetworks[n].use == mobile {
		w = 2 // a carrier has few addresses for many
	}
	a := netip.AddrFrom4([4]byte{10, byte(n), byte(third + rng.IntN(w)), byte(1 + rng.IntN(254))})
	return line{&allNetworks[n], netip.AddrPortFrom(a, uint16(1024+rng.IntN(64000)))}
}

// subnet is the /24 of the line, as findings name it.
func (l line) subnet() string {
	p, _ := l.addr.Addr().Prefix(24)
	return p.String()
}

// software is a program that calls: its name and its TLS fingerprint.
type software struct{ agent, ja4 string }

// fingerprint makes up a fingerprint in the form of JA4.
func fingerprint(kind string, n uint64) string {
	return fmt.Sprintf("%s_%012x_%012x", kind, scramble(n)>>16, scramble(n+1<<32)>>16)
}

// libraries are what programs are made with, and their next release. Several share a TLS stack.
var libraries = []struct {
	now, next software
	weight    int
}{
	{software{"ccxt/4.5.84", fingerprint("t13d1517h2", 1)}, software{"ccxt/4.6.0", fingerprint("t13d1717h2", 2)}, 30},
	{software{"python-requests/2.32.3", fingerprint("t13d1517h2", 1)}, software{"python-requests/2.33.0", fingerprint("t13d1517h2", 3)}, 18},
	{software{"binance-connector-python/3.12.0", fingerprint("t13d1517h2", 1)}, software{"binance-connector-python/3.13.0", fingerprint("t13d1717h2", 2)}, 12},
	{software{"axios/1.7.2", fingerprint("t13d1714h1", 4)}, software{"axios/1.8.0", fingerprint("t13d1714h1", 5)}, 12},
	{software{"okhttp/4.12.0", fingerprint("t13d1613h2", 6)}, software{"okhttp/5.0.0", fingerprint("t13d1613h2", 7)}, 8},
	{software{"Go-http-client/2.0", fingerprint("t13d1312h2", 8)}, software{"Go-http-client/2.0", fingerprint("t13d1412h2", 9)}, 10},
	{software{"reqwest/0.12", fingerprint("t13d1011h2", 10)}, software{"reqwest/0.13", fingerprint("t13d1011h2", 11)}, 6},
	{software{"quoter/2.1", fingerprint("t13d0907h1", 12)}, software{"quoter/2.2", fingerprint("t13d0907h1", 12)}, 4},
}

// browsers and apps are what people use.
var (
	browsers = []software{{"Mozilla/5.0 Chrome/143.0", fingerprint("t13d1516h2", 20)}, {"Mozilla/5.0 Safari/26.1", fingerprint("t13d2014h2", 21)}, {"Mozilla/5.0 Firefox/146.0", fingerprint("t13d1715h2", 22)}}
	apps     = []software{{"VenueApp/7.4 iOS/26", fingerprint("t13d2014h2", 30)}, {"VenueApp/7.4 Android/16", fingerprint("t13d1613h2", 31)}}
)

// library draws one by weight.
func library(rng *rand.Rand) int {
	n := rng.IntN(100)
	for i, l := range libraries {
		if n -= l.weight; n < 0 {
			return i
		}
	}
	return 0
}
