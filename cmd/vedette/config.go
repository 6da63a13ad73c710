package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vedette"
	"vedette/gate"
	"vedette/internal/strictyaml"
	"vedette/keyring"
	"vedette/ledger"
	"vedette/pipeline"
	"vedette/sensor/proxy"
	"vedette/venue"
	"vedette/verify"
)

// config is vedette.yaml: docs/configuration.md describes every key.
type config struct {
	Dir       string              `yaml:"dir"`
	Mode      string              `yaml:"mode"`
	Ops       string              `yaml:"ops"`
	Listeners []listenerConfig    `yaml:"listeners"`
	Venues    []venueConfig       `yaml:"venues"`
	Trusted   []string            `yaml:"trusted_hops"`
	Keys      keysConfig          `yaml:"keys"`
	Limits    limitsConfig        `yaml:"limits"`
	Gate      gateConfig          `yaml:"gate"`
	Ledger    ledgerConfig        `yaml:"ledger"`
	Replay    replayConfig        `yaml:"replay"`
	Bodies    byOperation[string] `yaml:"bodies"`
	Findings  findingsConfig      `yaml:"findings"`
	Detect    detectConfig        `yaml:"detect"`
	Rules     rulesConfig         `yaml:"rules"`
	Receivers []receiverConfig    `yaml:"receivers"`
	Respond   respondConfig       `yaml:"respond"`
	Tokens    []tokenIssuerConfig `yaml:"tokens"`
	Intel     intelConfig         `yaml:"intel"`
	Injection injectionConfig     `yaml:"injection"`
	Store     storeConfig         `yaml:"store"`

	path    string
	dirFlag bool // Dir was given on the command line

	acceptNewState bool // a state.db may be made beside a ledger that has records
}

// fixed is what cannot change while the monitor runs.
func (c *config) fixed() []any {
	return []any{c.Dir, c.Ops, c.Ledger, c.replayEntries(), c.Bodies, c.Findings, c.Receivers, c.Detect, c.Tokens, c.Injection, c.Keys.MasterKey, c.Store}
}

type listenerConfig struct {
	Address       string     `yaml:"address"`
	TLS           *tlsConfig `yaml:"tls"`
	ProxyProtocol bool       `yaml:"proxy_protocol"`
	Venues        []string   `yaml:"venues"`
}

type tlsConfig struct {
	Cert          string `yaml:"cert"`
	Key           string `yaml:"key"`
	ClientCA      string `yaml:"client_ca"`
	RequireClient bool   `yaml:"require_client"`
}

type venueConfig struct {
	Name        string               `yaml:"name"`
	Dialect     string               `yaml:"dialect"`
	Describe    string               `yaml:"describe"` // file of a generic dialect
	Upstream    string               `yaml:"upstream"`
	UpstreamCA  string               `yaml:"upstream_ca"`
	Hosts       []string             `yaml:"hosts"`
	PathPrefix  string               `yaml:"path_prefix"`
	StripPrefix bool                 `yaml:"strip_prefix"`
	SendHost    string               `yaml:"send_host"`
	HideClient  bool                 `yaml:"hide_client"`
	CheckPath   string               `yaml:"check_path"`
	CheckEvery  *strictyaml.Duration `yaml:"check_every"`
	Fail        byOperation[string]  `yaml:"fail"`
	Limits      *rateLimits          `yaml:"limits"`
	// MessageSignatures accepts RFC 9421 by the keyring's public keys.
	MessageSignatures bool `yaml:"message_signatures"`
}

type keysConfig struct {
	File      string `yaml:"file"`
	MasterKey string `yaml:"master_key_file"`
}

type limitsConfig struct {
	HeadBytes         int                  `yaml:"head_bytes"`
	Fields            int                  `yaml:"fields"`
	TargetBytes       int                  `yaml:"target_bytes"`
	BodyBytes         int                  `yaml:"body_bytes"`
	BodyMemory        int64                `yaml:"body_memory"`
	Connections       int                  `yaml:"connections"`
	SourceConnections int                  `yaml:"source_connections"`
	UpstreamConns     int                  `yaml:"upstream_connections"`
	Sessions          int                  `yaml:"sessions"`
	MessageBytes      int                  `yaml:"message_bytes"`
	ReplyBytes        int                  `yaml:"reply_bytes"`
	HeadTimeout       *strictyaml.Duration `yaml:"head_timeout"`
	BodyTimeout       *strictyaml.Duration `yaml:"body_timeout"`
	IdleTimeout       *strictyaml.Duration `yaml:"idle_timeout"`
	ConnectTimeout    *strictyaml.Duration `yaml:"connect_timeout"`
	AnswerTimeout     *strictyaml.Duration `yaml:"answer_timeout"`
}

type gateConfig struct {
	Fail                byOperation[string]   `yaml:"fail"`
	Refuse              byOperation[[]string] `yaml:"refuse"`
	ReplayFull          byOperation[string]   `yaml:"replay_full"`
	Limits              *rateLimits           `yaml:"limits"`
	FreezeRefusesCancel bool                  `yaml:"freeze_refuses_cancel"`
}

// byOperation is a mapping by the names of operations, and "all".
type byOperation[V any] = strictyaml.ByName[V, operationNames]

type operationNames struct{}

// Kind implements strictyaml.Namer.
func (operationNames) Kind() string { return "operation" }

// Names implements strictyaml.Namer.
func (operationNames) Names() []string {
	names := []string{"all"}
	for o := range vedette.Operations {
		names = append(names, vedette.Operation(o).String())
	}
	return names
}

type rateLimits struct {
	Credential rate `yaml:"credential"`
	Account    rate `yaml:"account"`
	Source     rate `yaml:"source"`
}

type rate struct {
	Rate  float64 `yaml:"rate"`
	Burst int     `yaml:"burst"`
}

type ledgerConfig struct {
	Origin       string               `yaml:"origin"`
	MaxDelay     *strictyaml.Duration `yaml:"max_delay"`
	Sync         bool                 `yaml:"sync"`
	SegmentBytes int64                `yaml:"segment_bytes"`
}

type replayConfig struct {
	Entries int `yaml:"entries"`
}

type findingsConfig struct {
	File    string         `yaml:"file"`
	Webhook *webhookConfig `yaml:"webhook"`
}

type webhookConfig struct {
	URL        string `yaml:"url"`
	SecretFile string `yaml:"secret_file"`
}

type storeConfig struct {
	Postgres *postgresConfig `yaml:"postgres"` // nil: state.db in the data folder
}

type postgresConfig struct {
	URLFile string `yaml:"url_file"`
}

// defaultConfig watches every venue that is built in and refuses nothing.
func defaultConfig() *config {
	c := &config{Dir: "vedette-data", Mode: "observe", Ops: "127.0.0.1:9464", Listeners: []listenerConfig{{Address: "127.0.0.1:8080"}}}
	for _, d := range venue.All {
		if len(d.Hosts) > 0 {
			c.Venues = append(c.Venues, venueConfig{Name: d.Name, Upstream: "https://" + d.Hosts[0], PathPrefix: "/" + d.Name, StripPrefix: true, SendHost: "upstream"})
		}
	}
	return c
}

// loadConfig reads a configuration; "" is the default one. Names of files in it are
// relative to its folder.
func loadConfig(path string) (*config, error) {
	c := defaultConfig()
	if path == "" {
		return c, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read configuration: %w", err)
	}
	c.Venues, c.path = nil, path
	if err := strictyaml.Decode(b, c); err != nil {
		return nil, fmt.Errorf("cannot read configuration %s: %w", path, err)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("cannot use configuration %s: %w", path, err)
	}
	return c, nil
}

// file resolves a file name of the configuration.
func (c *config) file(name string) string {
	if name == "" || filepath.IsAbs(name) || c.path == "" {
		return name
	}
	return filepath.Join(filepath.Dir(c.path), name)
}

// check finds what only shows when the parts are built.
func (c *config) check() error {
	if len(c.Venues) == 0 {
		return errors.New("venues: none is given, so there is nothing to stand in front of")
	}
	dialects, err := c.dialects()
	if err != nil {
		return err
	}
	for _, build := range []func() error{
		func() error { return c.checkProxy(dialects) },
		c.checkOps,
		c.checkLedger,
		func() error { _, err := c.gateConfig(); return err },
		func() error { _, err := c.bodyPolicy(); return err },
		func() error { _, err := c.detection(); return err },
		func() error { _, err := c.bearers(time.Now, nil); return err },
		func() error { _, err := c.intelConfig(); return err },
		func() error { _, err := c.payloads(nil); return err },
		c.checkReceivers,
		func() error { return c.checkCancelWith(dialects) },
		func() error { _, err := c.approvers(); return err },
	} {
		if err := build(); err != nil {
			return err
		}
	}
	if c.Replay.Entries < 0 || c.Replay.Entries > 1<<26 {
		return fmt.Errorf("replay: entries %d is not between 0 and %d", c.Replay.Entries, 1<<26)
	}
	return nil
}

func (c *config) checkProxy(dialects []*venue.Dialect) error {
	if len(c.Listeners) == 0 {
		return errors.New("listeners: none is given, so nothing would be served; leave the key out for 127.0.0.1:8080")
	}
	p, err := c.proxyConfig(dialects)
	if err != nil {
		return err
	}
	for _, l := range p.Listeners {
		if l.TLS != nil && l.TLS.ClientCAs != "" {
			if _, err := trust(l.TLS.ClientCAs); err != nil {
				return fmt.Errorf("listeners: %s: tls: client_ca: %w", l.Addr, err)
			}
		}
	}
	return p.Check()
}

func (c *config) checkOps() error {
	if c.Ops == "" {
		return nil
	}
	if err := plainAllowed(c.Ops); err != nil {
		return fmt.Errorf("ops: %s: it shows what happens without asking who looks, so only loopback is allowed: put your own gateway before it", c.Ops)
	}
	if _, _, err := net.SplitHostPort(c.Ops); err != nil {
		return fmt.Errorf("ops: %s: want an address and a port, such as 127.0.0.1:9464", c.Ops)
	}
	return nil
}

func (c *config) checkLedger() error {
	if c.Ledger.Origin != "" {
		if err := ledger.CheckOrigin(c.Ledger.Origin); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
	}
	if d := duration(c.Ledger.MaxDelay); d > time.Minute || c.Ledger.MaxDelay != nil && d <= 0 {
		return fmt.Errorf("ledger: max_delay %v: want more than 0 and at most 1m, for that is what a power cut takes; sync loses nothing", d)
	}
	if err := ledger.CheckSizes(duration(c.Ledger.MaxDelay), c.Ledger.SegmentBytes); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// fileKeys reads the credentials of the keys file, if there is one.
func (c *config) fileKeys(options keyring.Options) ([]keyring.Spec, error) {
	if c.Keys.File == "" {
		return nil, nil
	}
	return keyring.Importer{Options: options}.File(c.file(c.Keys.File))
}

// checkFiles reads what check leaves to the start.
func (c *config) checkFiles(getenv func(string) string) error {
	if _, err := c.postgresURL(getenv); err != nil {
		return err
	}
	dialects, err := c.dialects()
	if err != nil {
		return err
	}
	options := verify.KeyOptions(withBuiltIn(dialects))
	specs, err := c.fileKeys(options)
	if err != nil {
		return err
	}
	for _, s := range specs {
		if _, err := options.Build(s, time.Now()); err != nil {
			return err
		}
	}
	if h := c.Findings.Webhook; h != nil {
		if _, err = c.webhookSecret("findings: webhook", h.URL, h.SecretFile); err != nil {
			return err
		}
	}
	for _, r := range c.Receivers {
		if _, err := c.receiver(r, "", time.Now); err != nil {
			return err
		}
	}
	if _, err = c.book(); err != nil {
		return err
	}
	return c.checkFeedFiles()
}

// dialects returns the dialect of each venue, by the venue's place.
func (c *config) dialects() ([]*venue.Dialect, error) {
	list := make([]*venue.Dialect, len(c.Venues))
	for i, v := range c.Venues {
		if v.Describe != "" {
			b, err := os.ReadFile(c.file(v.Describe))
			if err != nil {
				return nil, fmt.Errorf("venues: %s: %w", v.Name, err)
			}
			if list[i], err = venue.NewGeneric(b); err != nil {
				return nil, fmt.Errorf("venues: %s: %s: %w", v.Name, v.Describe, err)
			}
			continue
		}
		name := v.Dialect
		if name == "" {
			name = v.Name
		}
		if list[i] = findDialect(venue.All, name); list[i] == nil {
			return nil, fmt.Errorf("venues: unknown dialect %q%s", name, strictyaml.Suggest(name, dialectNames(venue.All)))
		}
	}
	return list, nil
}

func (c *config) proxyConfig(dialects []*venue.Dialect) (proxy.Config, error) {
	out := proxy.Config{Limits: c.Limits.proxy()}
	for _, l := range c.Listeners {
		p := proxy.Listener{Addr: l.Address, ProxyProtocol: l.ProxyProtocol, Venues: l.Venues}
		if t := l.TLS; t != nil {
			if _, err := tls.LoadX509KeyPair(c.file(t.Cert), c.file(t.Key)); err != nil {
				return out, fmt.Errorf("listeners: %s: tls: %w", l.Address, err)
			}
			p.TLS = &proxy.TLS{CertFile: c.file(t.Cert), KeyFile: c.file(t.Key), ClientCAs: c.file(t.ClientCA), RequireClient: t.RequireClient}
		} else if err := plainAllowed(l.Address); err != nil {
			return out, err
		}
		out.Listeners = append(out.Listeners, p)
	}
	for i, v := range c.Venues {
		p := proxy.Venue{Name: v.Name, Dialect: dialects[i], Upstream: v.Upstream, Hosts: v.Hosts, PathPrefix: v.PathPrefix, StripPrefix: v.StripPrefix,
			HideClient: v.HideClient, CheckPath: v.CheckPath, CheckEvery: duration(v.CheckEvery)}
		if p.CheckPath != "" && p.CheckEvery == 0 {
			p.CheckEvery = defaultCheckEvery
		}
		switch v.SendHost {
		case "", "client":
		case "upstream":
			p.SendHost = proxy.UpstreamHost
		default:
			return out, fmt.Errorf("venues: %s: send_host %q: want client or upstream", v.Name, v.SendHost)
		}
		if v.UpstreamCA != "" {
			t, err := trust(c.file(v.UpstreamCA))
			if err != nil {
				return out, fmt.Errorf("venues: %s: upstream_ca: %w", v.Name, err)
			}
			p.UpstreamTLS = t
		}
		out.Venues = append(out.Venues, p)
	}
	var err error
	if out.Trusted, err = ranges(c.Trusted); err != nil {
		return out, fmt.Errorf("trusted_hops: %w", err)
	}
	return out, nil
}

// ranges reads addresses and CIDR ranges.
func ranges(texts []string) (list []netip.Prefix, err error) {
	for _, s := range texts {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, err2 := netip.ParseAddr(s)
			if err2 != nil {
				return nil, fmt.Errorf("cannot read %q: want an address or a CIDR range", s)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		list = append(list, p)
	}
	return list, nil
}

// defaultCheckEvery is how often an upstream's check_path is asked for.
const defaultCheckEvery = 5 * time.Second

// plainAllowed refuses to listen without TLS where others than this machine could
// connect: credentials would cross the network in the clear.
func plainAllowed(addr string) error {
	host := addr
	if i := strings.LastIndexByte(addr, ':'); i >= 0 {
		host = strings.Trim(addr[:i], "[]")
	}
	if a, err := netip.ParseAddr(host); err == nil && a.IsLoopback() || host == "localhost" {
		return nil
	}
	return fmt.Errorf("listeners: %s needs tls: without it only loopback addresses are allowed", addr)
}

func duration(d *strictyaml.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return time.Duration(*d)
}

func (l *limitsConfig) proxy() proxy.Limits {
	return proxy.Limits{HeadBytes: l.HeadBytes, Fields: l.Fields, TargetBytes: l.TargetBytes, BodyBytes: l.BodyBytes, BodyMemory: l.BodyMemory,
		Connections: l.Connections, SourceConnections: l.SourceConnections, UpstreamConns: l.UpstreamConns, Sessions: l.Sessions,
		MessageBytes: l.MessageBytes, ReplyBytes: l.ReplyBytes, HeadTimeout: duration(l.HeadTimeout), BodyTimeout: duration(l.BodyTimeout),
		IdleTimeout: duration(l.IdleTimeout), ConnectTimeout: duration(l.ConnectTimeout), AnswerTimeout: duration(l.AnswerTimeout)}
}

func (c *config) gateConfig() (gate.Config, error) {
	g := gate.Config{Policy: gate.DefaultPolicy(), FreezeRefusesCancel: c.Gate.FreezeRefusesCancel, RefuseInjection: c.Injection.refuseScore(), Limits: c.Gate.Limits.gate(), Venues: map[string]gate.Venue{}}
	if err := g.Mode.UnmarshalText([]byte(c.Mode)); err != nil {
		return g, fmt.Errorf("mode: %w", err)
	}
	if err := setOpen("fail", c.Gate.Fail, func(o vedette.Operation, open bool) { g.Policy[o].FailClosed = !open }); err != nil {
		return g, fmt.Errorf("gate: %w", err)
	}
	if err := c.Gate.setRefuse(g.Policy); err != nil {
		return g, fmt.Errorf("gate: %w", err)
	}
	dialects, err := c.dialects()
	if err != nil {
		return g, err
	}
	for i, v := range c.Venues {
		if len(v.Fail) == 0 && v.Limits == nil {
			continue
		}
		p := *g.Policy
		if err := setOpen("fail", v.Fail, func(o vedette.Operation, open bool) { p[o].FailClosed = !open }); err != nil {
			return g, fmt.Errorf("venues: %s: %w", v.Name, err)
		}
		if _, twice := g.Venues[dialects[i].Name]; twice {
			return g, fmt.Errorf("venues: %s: fail and limits hold for a dialect, and another venue of %s has some: give them once", v.Name, dialects[i].Name)
		}
		gv := gate.Venue{Policy: &p}
		if v.Limits != nil {
			l := v.Limits.gate()
			gv.Limits = &l
		}
		g.Venues[dialects[i].Name] = gv
	}
	_, err = gate.New(g)
	return g, err
}

func (r *rateLimits) gate() gate.Limits {
	if r == nil {
		return gate.Limits{}
	}
	return gate.Limits{Credential: gate.Limit(r.Credential), Account: gate.Limit(r.Account), Source: gate.Limit(r.Source)}
}

// setRefuse sets the verdicts that are refused, and what passes while the replay
// window is full: nothing of which the refused verdicts are named with unverifiable.
func (c *gateConfig) setRefuse(p *gate.Policy) error {
	var held [vedette.Operations]bool
	for _, op := range allFirst(c.Refuse) {
		ops, err := operations(op)
		if err != nil {
			return fmt.Errorf("refuse: %w", err)
		}
		set := make([]vedette.Verdict, len(c.Refuse[op]))
		for i, n := range c.Refuse[op] {
			if err := set[i].UnmarshalText([]byte(n)); err != nil {
				return fmt.Errorf("refuse: %s: %w", op, err)
			}
		}
		for _, o := range ops {
			p[o].Refuse, held[o] = gate.VerdictsOf(set...), slices.Contains(set, vedette.Unverifiable)
			p[o].ReplayOpen = p[o].ReplayOpen && !held[o]
		}
	}
	if err := setOpen("replay_full", c.ReplayFull, func(o vedette.Operation, open bool) { p[o].ReplayOpen = open }); err != nil {
		return err
	}
	for o := range p {
		if op := vedette.Operation(o); held[o] && p[o].ReplayOpen {
			return fmt.Errorf("replay_full: %s cannot be open: refuse names unverifiable for it; take it out of one of both", op)
		}
	}
	return nil
}

// setOpen calls set with whether each operation of the map is open or closed.
func setOpen(key string, how byOperation[string], set func(o vedette.Operation, open bool)) error {
	for _, name := range allFirst(how) {
		ops, err := operations(name)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if how[name] != "open" && how[name] != "closed" {
			return fmt.Errorf("%s: %s: %q: want open or closed", key, name, how[name])
		}
		for _, o := range ops {
			set(o, how[name] == "open")
		}
	}
	return nil
}

// allFirst returns the names in order, "all" before the others: a named operation
// wins over it.
func allFirst[V any](m map[string]V) []string {
	names := slices.Sorted(maps.Keys(m))
	if i := slices.Index(names, "all"); i > 0 {
		names = slices.Insert(slices.Delete(names, i, i+1), 0, "all")
	}
	return names
}

// operations reads an operation's name; "all" is every one.
func operations(name string) ([]vedette.Operation, error) {
	if name == "all" {
		list := make([]vedette.Operation, vedette.Operations)
		for i := range list {
			list[i] = vedette.Operation(i)
		}
		return list, nil
	}
	var o vedette.Operation
	if err := o.UnmarshalText([]byte(name)); err != nil {
		return nil, err
	}
	return []vedette.Operation{o}, nil
}

func (c *config) bodyPolicy() (p pipeline.BodyPolicy, err error) {
	set := func(name, how string) error {
		ops, err := operations(name)
		if err != nil {
			return fmt.Errorf("bodies: %w", err)
		}
		keep, ok := pipeline.ParseBodyKeep(how)
		if !ok {
			return fmt.Errorf("bodies: %s: %q: want hash, redacted, sealed or none", name, how)
		}
		for _, o := range ops {
			p[o] = keep
		}
		return nil
	}
	for _, name := range allFirst(c.Bodies) {
		if err := set(name, c.Bodies[name]); err != nil {
			return p, err
		}
	}
	return p, nil
}

// replayEntries is the configured size of the replay window.
func (c *config) replayEntries() int {
	if c.Replay.Entries == 0 {
		return verify.DefaultWindow
	}
	return c.Replay.Entries
}

// checkURL refuses URLs that would carry findings in the clear over a network.
func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%q is no URL", s)
	}
	if u.Scheme == "https" || u.Scheme == "http" && plainAllowed(u.Host) == nil {
		return nil
	}
	return fmt.Errorf("%q must be https", s)
}
