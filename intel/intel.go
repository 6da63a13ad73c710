// Package intel turns feeds of threat intelligence into look-ups that cost nothing inline.
package intel

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"vedette"
)

// Format is how a feed is written.
type Format string

// The formats.
const (
	List  Format = "list"  // a value a line; # and ; begin a comment
	CSV   Format = "csv"   // values in one column
	STIX  Format = "stix"  // a STIX 2.1 bundle
	TAXII Format = "taxii" // a collection of a TAXII 2.1 server
	MISP  Format = "misp"  // a MISP feed: manifest.json and a file an event
	MMDB  Format = "mmdb"  // a MaxMind-format database of countries, autonomous systems or both
)

var formats = []Format{List, CSV, STIX, TAXII, MISP, MMDB}

// Feed is one source of indicators. Name, Format and one of URL and File must be set.
type Feed struct {
	Name   string // lower-case letters, digits, - and _
	Format Format
	Kind   vedette.IndicatorKind // of the values of a list or CSV
	Column string                // of a CSV: its name in the first line, or its number from 1
	URL    string                // https, or http on loopback; of TAXII the discovery
	File   string                // of MISP the folder
	// Collection is the id, alias or title of a TAXII collection; "" where the server has
	// but one that can be read.
	Collection string

	Refresh    time.Duration // how often it is asked; DefaultRefresh if 0
	TTL        time.Duration // how long indicators without an end count; DefaultTTL if 0
	Confidence uint8         // 0 to 100, of indicators that do not say theirs
	// Action is what matches ask of the gate; those below MinConfidence only flag.
	Action        vedette.IntelAction
	MinConfidence uint8

	// Credentials are read anew from their files at each refresh. TokenFile holds a bearer
	// token, PasswordFile the password of User.
	TokenFile, User, PasswordFile string
	TLS                           *tls.Config // nil for the system's roots
}

// Indicator is one value that a feed lists.
type Indicator struct {
	Kind       vedette.IndicatorKind
	Confidence uint8        // 0 to 100, or unsaid
	Prefix     netip.Prefix // of IndicatorAddress
	Value      string       // of the others, in canonical form
	Object     string       // id within the feed of what it came from, "" if it has none
	From       int64        // counts from then on, Unix seconds; 0 for always
	Until      int64        // counts until then, Unix seconds; 0 if the feed says none
}

// unsaid is the confidence of an indicator whose feed does not say one: that of the
// configuration counts, whenever it changes.
const unsaid = 255

func (i *Indicator) confidence(f *Feed) uint8 {
	if i.Confidence == unsaid {
		return f.Confidence
	}
	return i.Confidence
}

// String returns the value as people write it.
func (i *Indicator) String() string {
	if i.Kind == vedette.IndicatorAddress {
		return i.Prefix.String()
	}
	return i.Value
}

// validate returns the feed with defaults filled in, or what is wrong with it.
func (f Feed) validate() (Feed, error) {
	if f.Refresh == 0 {
		f.Refresh = DefaultRefresh
	}
	if f.TTL == 0 {
		f.TTL = DefaultTTL
	}
	for _, bad := range []struct {
		is   bool
		says string
	}{
		{!goodName(f.Name), "a name of 1 to 64 lower-case letters, digits, - and _ is needed"},
		{!known(f.Format), fmt.Sprintf("format %q: want one of %q", f.Format, formats)},
		{(f.Format == List || f.Format == CSV) != (f.Kind != vedette.IndicatorNone), "kind is for list and csv, which need it"},
		{(f.Format == CSV) != (f.Column != ""), "column is for csv, which needs it"},
		{(f.URL == "") == (f.File == ""), "one of url and file is needed"},
		{f.Format == TAXII && f.URL == "", "taxii needs a url"},
		{f.Format != TAXII && f.Collection != "", "collection is for taxii"},
		{f.Format == MMDB && (f.Action != vedette.IntelFlag || f.MinConfidence != 0 || f.Confidence != 0), "a database lists nothing: action and confidence have no use with mmdb"},
		{f.Confidence > 100 || f.MinConfidence > 100, "confidence is over 100"},
		{f.Refresh < minRefresh, fmt.Sprintf("refresh %v is below %v", f.Refresh, minRefresh)},
		{f.TTL < 0, "ttl is below 0"},
		{f.File != "" && (f.TokenFile != "" || f.User != "" || f.PasswordFile != "" || f.TLS != nil), "a file needs no credentials and no ca"},
		{(f.User == "") != (f.PasswordFile == ""), "user and password_file belong together"},
		{f.User != "" && f.TokenFile != "", "token_file and user exclude each other"},
	} {
		if bad.is {
			return f, errors.New(bad.says)
		}
	}
	if n, err := strconv.Atoi(f.Column); err == nil && n < 1 {
		return f, errNoColumn
	}
	if f.URL != "" {
		u, err := url.Parse(f.URL)
		if err != nil {
			return f, fmt.Errorf("%q is no URL", f.URL)
		}
		return f, safeURL(u)
	}
	return f, nil
}

func known(f Format) bool {
	for _, k := range formats {
		if f == k {
			return true
		}
	}
	return false
}

func goodName(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == "" && s[0] != '-'
}

// safeURL refuses a URL by which somebody on the way could change the list, or read what
// we ask with.
func safeURL(u *url.URL) error {
	if u.Host == "" || u.User != nil {
		return fmt.Errorf("%q: want a URL with a host and without a password", u.Redacted())
	}
	if u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()) {
		return nil
	}
	return fmt.Errorf("%q must be https", u.Redacted())
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
