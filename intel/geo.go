package intel

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"
)

// geo is what a MaxMind-format database says, read once: its own tree takes a step of
// memory a bit.
type geo struct {
	networks prefixes // lists are places
	places   []place
	n        int // networks
}

// place is what a database knows of a network.
type place struct {
	asn     uint32
	country string
}

// geoRecord is what the databases in use call it: MaxMind's and DB-IP's, and the flat
// form of IPinfo.
type geoRecord struct {
	ASN        uint32   `maxminddb:"autonomous_system_number"`
	Country    geoNamed `maxminddb:"country"`
	Registered geoNamed `maxminddb:"registered_country"`
}

type geoNamed struct {
	Code string `maxminddb:"iso_code"`
}

type flatRecord struct {
	ASN     string `maxminddb:"asn"`
	Country string `maxminddb:"country"`
	Code    string `maxminddb:"country_code"`
}

// newGeo reads a database and every record of it.
func newGeo(b []byte) (*geo, error) { return readGeo(b, maxLeaves) }

// readGeo reads a database whose tree has at most so many ends. A database is not ours:
// what the reader makes of a broken one must not end the monitor.
func readGeo(b []byte, most int) (g *geo, err error) {
	defer func() {
		if r := recover(); r != nil {
			g, err = nil, fmt.Errorf("no database: %v", r)
		}
	}()
	r, err := maxminddb.OpenBytes(b)
	if err != nil {
		return nil, err
	}
	g = &geo{}
	at := map[uintptr]uint32{} // places by where their records lie
	leaves, before := 0, netip.Addr{}
	for network := range r.Networks(maxminddb.IncludeNetworksWithoutData()) { // those too are counted: a hostile tree has no end of them
		if leaves++; leaves > most {
			return nil, fmt.Errorf("over %d networks", most)
		}
		place, err := g.place(network, at)
		if err != nil {
			return nil, err
		}
		from := network.Prefix().Addr()
		if before.IsValid() && !before.Less(from) {
			return nil, errors.New("its networks are not in order") // a look-up relies on it
		}
		before = from
		g.networks.say(from, place)
	}
	g.networks.index()
	for _, p := range g.places {
		if p != (place{}) {
			return g, nil
		}
	}
	return nil, errors.New("no network of it has a country or an autonomous system")
}

// place returns 1 more than where the network's place is, 0 if it has none.
func (g *geo) place(network maxminddb.Result, at map[uintptr]uint32) (uint32, error) {
	if err := network.Err(); err != nil || !network.Found() {
		return 0, err
	}
	g.n++
	if n, ok := at[network.Offset()]; ok {
		return n, nil
	}
	p, err := readPlace(network)
	if err != nil {
		return 0, err
	}
	g.places = append(g.places, p)
	at[network.Offset()] = uint32(len(g.places))
	return uint32(len(g.places)), nil
}

func readPlace(r maxminddb.Result) (place, error) {
	var rec geoRecord
	if err := r.Decode(&rec); err == nil && rec != (geoRecord{}) {
		country := rec.Country.Code
		if country == "" {
			country = rec.Registered.Code
		}
		return checkPlace(place{rec.ASN, country})
	}
	var flat flatRecord
	if err := r.Decode(&flat); err != nil {
		return place{}, err
	}
	p := place{country: flat.Code}
	if p.country == "" && len(flat.Country) == 2 {
		p.country = flat.Country
	}
	if flat.ASN != "" {
		n, err := strconv.ParseUint(strings.TrimPrefix(flat.ASN, "AS"), 10, 32)
		if err != nil {
			return p, fmt.Errorf("asn %s is no number", short(flat.ASN))
		}
		p.asn = uint32(n)
	}
	return checkPlace(p)
}

// checkPlace wants a code of two capitals (ISO 3166-1 alpha-2).
func checkPlace(p place) (place, error) {
	c := p.country
	if c == "" || len(c) == 2 && c[0] >= 'A' && c[0] <= 'Z' && c[1] >= 'A' && c[1] <= 'Z' {
		return p, nil
	}
	return p, fmt.Errorf("country %s is no code of two letters", short(c))
}

// lookup returns what is known of an address; the zero place if nothing is.
func (g *geo) lookup(a netip.Addr) place {
	n, ok := g.networks.lookup(a)
	if !ok {
		return place{}
	}
	return g.places[n]
}
