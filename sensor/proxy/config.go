package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vedette/sensor"
	"vedette/venue"
)

// Config is what the proxy does. Reload takes a new one.
type Config struct {
	Listeners []Listener
	Venues    []Venue
	// Trusted are the hops whose PROXY headers and X-Forwarded fields are believed.
	Trusted []netip.Prefix
	Limits  Limits

	// Loops is how many threads serve HTTP/1.1, each in a loop over all its connections; with 0 every
	// connection has a goroutine. One a processor is right, with GOMAXPROCS raised by as many: a loop
	// that waits in the kernel holds on to its share. Other systems than Linux have none.
	//
	// Loops, Monitor, Now and Rand are those of New for the proxy's life. Monitor judges.
	Loops   int
	Monitor sensor.Monitor
	Now     func() time.Time // nil for time.Now
	Rand    io.Reader        // for WebSocket masks and keys; nil for crypto/rand
}

// Listener is one address that clients connect to.
type Listener struct {
	// Addr is a TCP address such as "127.0.0.1:8443". It names the listener over reloads.
	Addr string
	// Listener is used instead of listening on Addr, where given.
	Listener net.Listener
	TLS      *TLS // nil for plain HTTP
	// ProxyProtocol says that every connection starts with a PROXY protocol v2 header.
	// It is then demanded, and only trusted hops may connect.
	ProxyProtocol bool
	// Venues are the names of the venues behind this address, first match wins; empty
	// for all.
	Venues []string
}

// TLS is how a listener speaks TLS.
type TLS struct {
	CertFile, KeyFile string // PEM; read again when they change, at most every 10 s
	// Certificate is used where no files are named.
	Certificate *tls.Certificate
	// ClientCAs is a PEM file; clients may then present certificates, and must if
	// RequireClient is set.
	ClientCAs     string
	RequireClient bool
	MinVersion    uint16 // tls.VersionTLS12 by default, and at least
	NoHTTP2       bool
}

// HostPolicy says which Host field an upstream gets.
type HostPolicy uint8

// The policies.
const (
	ClientHost   HostPolicy = iota // the client's, byte for byte: venues such as HTX sign it
	UpstreamHost                   // that of the upstream's URL
)

// Venue is one venue's API behind the proxy.
type Venue struct {
	Name     string
	Dialect  *venue.Dialect
	Upstream string // http://host:port or https://host
	// Hosts selects calls by the Host that the client addressed, without port; "*.x.y"
	// stands for any one label. PathPrefix selects by path, at a segment border. Where
	// both are empty every call is the venue's.
	Hosts      []string
	PathPrefix string
	// StripPrefix takes the prefix away, for the monitor as for the upstream: use it
	// where clients sign the path without it.
	StripPrefix bool
	SendHost    HostPolicy
	// HideClient keeps X-Forwarded-For, -Proto and -Host from the upstream.
	HideClient bool
	// UpstreamTLS is for https upstreams: roots, client certificate, server name. Verification
	// cannot be switched off.
	UpstreamTLS *tls.Config
	// CheckPath is requested by GET every CheckEvery, while the upstream counts as
	// down at least every DownTime. "" for none.
	CheckPath  string
	CheckEvery time.Duration
}

// Check returns the first contradiction in c. It takes nothing and needs no Monitor.
func (c Config) Check() error {
	c.Limits = c.Limits.withDefaults()
	return c.check()
}

func (c *Config) validate() error {
	if c.Monitor == nil {
		return errors.New("cannot start proxy: no monitor")
	}
	return c.check()
}

func (c *Config) check() error {
	if err := c.Limits.validate(); err != nil {
		return err
	}
	names := map[string]bool{}
	for i := range c.Venues {
		v := &c.Venues[i]
		if names[v.Name] || v.Name == "" {
			return fmt.Errorf("cannot use venue %q: name empty or given twice", v.Name)
		}
		names[v.Name] = true
		if err := v.validate(); err != nil {
			return fmt.Errorf("cannot use venue %q: %w", v.Name, err)
		}
	}
	addrs := map[string]bool{}
	for i := range c.Listeners {
		l := &c.Listeners[i]
		key := l.key()
		if key == "" || addrs[key] {
			return fmt.Errorf("cannot use listener %q: address empty or given twice", key)
		}
		addrs[key] = true
		for _, n := range l.Venues {
			if !names[n] {
				return fmt.Errorf("cannot use listener %q: no venue %q", key, n)
			}
		}
		if err := l.validate(c.Venues); err != nil {
			return fmt.Errorf("cannot use listener %q: %w", key, err)
		}
	}
	return nil
}

// validate finds an address that cannot be one, and a venue that no call would reach.
func (l *Listener) validate(venues []Venue) error {
	if l.Listener == nil {
		_, port, err := net.SplitHostPort(l.Addr)
		if err != nil {
			return errors.New("want an address and a port, such as 127.0.0.1:8080")
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return fmt.Errorf("port %q is no number from 0 to 65535", port)
		}
	}
	var before []*Venue
	for i := range venues {
		v := &venues[i]
		if len(l.Venues) > 0 && !slices.Contains(l.Venues, v.Name) {
			continue
		}
		for _, b := range before {
			if b.covers(v) {
				return fmt.Errorf("no call would reach venue %q: venue %q stands before it and takes them all; give that one hosts or a path_prefix, or put it last", v.Name, b.Name)
			}
		}
		before = append(before, v)
	}
	return nil
}

// covers reports whether every call for other is one for v too.
func (v *Venue) covers(other *Venue) bool {
	if v.PathPrefix != "" && !under(other.PathPrefix, v.PathPrefix) {
		return false
	}
	return len(v.Hosts) == 0 || len(other.Hosts) > 0 && !slices.ContainsFunc(other.Hosts, func(h string) bool {
		return !slices.ContainsFunc(v.Hosts, func(p string) bool { return hostMatches(p, h) })
	})
}

// key names the listener over reloads.
func (l *Listener) key() string {
	if l.Addr == "" && l.Listener != nil {
		return l.Listener.Addr().String()
	}
	return l.Addr
}

func (v *Venue) validate() error {
	if v.Dialect == nil {
		return errors.New("no dialect")
	}
	u, err := url.Parse(v.Upstream)
	switch {
	case err != nil:
		return errors.New("upstream is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("upstream scheme %q: want http or https", u.Scheme)
	case u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("upstream must be scheme, host and port only")
	case v.PathPrefix != "" && (v.PathPrefix[0] != '/' || strings.HasSuffix(v.PathPrefix, "/")):
		return fmt.Errorf("path prefix %q: want it to start with a slash, not to end with one", v.PathPrefix)
	case v.UpstreamTLS != nil && v.UpstreamTLS.InsecureSkipVerify:
		return errors.New("upstream certificates must be verified")
	case v.CheckPath != "" && v.CheckPath[0] != '/':
		return fmt.Errorf("check path %q: want it to start with a slash", v.CheckPath)
	case v.CheckPath != "" && (v.CheckEvery < 0 || v.CheckEvery > maxTime):
		return fmt.Errorf("check_every %v: want more than 0 and at most %v", v.CheckEvery, maxTime)
	}
	return nil
}
