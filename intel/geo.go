package intel

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"
)

// geo is a MaxMind-format database whose records were read once, so that a look-up only
// walks its tree.
type geo struct {
	reader *maxminddb.Reader
	places map[uintptr]place // by where the record lies
	n      int               // networks
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
	g = &geo{reader: r, places: map[uintptr]place{}}
	leaves := 0
	for network := range r.Networks(maxminddb.IncludeNetworksWithoutData()) { // those too are counted: a hostile tree has no end of them
		if err := network.Err(); err != nil {
			return nil, err
		}
		if leaves++; leaves > most {
			return nil, fmt.Errorf("over %d networks", most)
		}
		if !network.Found() {
			continue
		}
		g.n++
		if _, ok := g.places[network.Offset()]; ok {
			continue
		}
		p, err := readPlace(network)
		if err != nil {
			return nil, err
		}
		g.places[network.Offset()] = p
	}
	for _, p := range g.places {
		if p != (place{}) {
			return g, nil
		}
	}
	return nil, errors.New("no network of it has a country or an autonomous system")
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
	r := g.reader.Lookup(a)
	if !r.Found() {
		return place{}
	}
	return g.places[r.Offset()]
}
