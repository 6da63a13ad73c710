package main

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"vedette"
	"vedette/internal/durable"
	"vedette/internal/strictyaml"
	"vedette/respond"
	"vedette/respond/format"
	"vedette/respond/outbox"
	"vedette/respond/receiver"
)

// receiverConfig is one receiver of findings and incidents.
type receiverConfig struct {
	Name         string               `yaml:"name"`
	Kind         string               `yaml:"kind"`
	Format       string               `yaml:"format"`
	Severity     string               `yaml:"severity"` // least
	Incidents    bool                 `yaml:"incidents"`
	Proposals    *bool                `yaml:"proposals"`
	KeepBytes    int64                `yaml:"keep_bytes"`
	URL          string               `yaml:"url"`         // webhook
	SecretFile   string               `yaml:"secret_file"` // webhook
	URLFile      string               `yaml:"url_file"`    // slack
	Network      string               `yaml:"network"`     // syslog: tls tcp udp unix
	Address      string               `yaml:"address"`     // syslog, mail
	CA           string               `yaml:"ca"`          // syslog, mail, webhook
	File         string               `yaml:"file"`        // file
	From         string               `yaml:"from"`        // mail
	To           []string             `yaml:"to"`
	User         string               `yaml:"user"`
	PasswordFile string               `yaml:"password_file"`
	Every        *strictyaml.Duration `yaml:"every"`
}

// receiverKinds are the kinds with the formats that each takes, the usual one first, and the keys
// that it has a use for.
var receiverKinds = map[string]struct{ formats, keys []string }{
	"webhook": {[]string{"json", "ocsf", "stix"}, []string{"url", "secret_file", "ca"}},
	"slack":   {[]string{"text"}, []string{"url_file", "ca"}},
	"syslog":  {[]string{"text", "cef", "json", "ocsf", "stix"}, []string{"network", "address", "ca"}},
	"mail":    {[]string{"text"}, []string{"address", "from", "to", "user", "password_file", "every", "ca"}},
	"file":    {[]string{"json", "ocsf", "stix", "cef", "text"}, []string{"file"}},
}

var receiverName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// findingsWebhook is the name of the receiver that findings.webhook makes.
const findingsWebhook = "findings-webhook"

// checkReceivers finds what can be wrong without reading files.
func (c *config) checkReceivers() error {
	names := map[string]bool{findingsWebhook: true}
	for i, r := range c.Receivers {
		if !receiverName.MatchString(r.Name) || names[r.Name] {
			return fmt.Errorf("receivers: number %d: name %q: want one of its own, of a-z, 0-9 and -, 32 bytes at most", i+1, r.Name)
		}
		names[r.Name] = true
		if err := r.check(); err != nil {
			return fmt.Errorf("receivers: %s: %w", r.Name, err)
		}
	}
	return nil
}

// given are the keys that belong to a kind and have a value.
func (r *receiverConfig) given() (keys []string) {
	for name, set := range map[string]bool{"url": r.URL != "", "secret_file": r.SecretFile != "", "url_file": r.URLFile != "", "network": r.Network != "",
		"address": r.Address != "", "ca": r.CA != "", "file": r.File != "", "from": r.From != "", "to": len(r.To) > 0, "user": r.User != "",
		"password_file": r.PasswordFile != "", "every": r.Every != nil} {
		if set {
			keys = append(keys, name)
		}
	}
	slices.Sort(keys)
	return keys
}

// format is the one that is written.
func (r *receiverConfig) format() string { return cmp.Or(r.Format, receiverKinds[r.Kind].formats[0]) }

// proposals reports whether it gets what playbooks propose: unless it is said, where people read it.
func (r *receiverConfig) proposals() bool {
	if r.Proposals != nil {
		return *r.Proposals
	}
	return r.Kind == "slack" || r.Kind == "mail"
}

func (r *receiverConfig) check() error {
	kind, ok := receiverKinds[r.Kind]
	if !ok {
		return fmt.Errorf("kind %q: want webhook, slack, syslog, mail or file", r.Kind)
	}
	if r.Format != "" && !slices.Contains(kind.formats, r.Format) {
		return fmt.Errorf("format %q%s: a %s takes %s", r.Format, strictyaml.Suggest(r.Format, kind.formats), r.Kind, strings.Join(kind.formats, ", "))
	}
	given := r.given()
	for _, key := range given {
		if !slices.Contains(kind.keys, key) {
			return fmt.Errorf("%s has no use with kind %s", key, r.Kind)
		}
	}
	for _, key := range kind.keys {
		if !slices.Contains(given, key) && !slices.Contains([]string{"ca", "user", "password_file", "every", "network"}, key) {
			return fmt.Errorf("%s is missing", key)
		}
	}
	var s vedette.Severity
	if err := s.UnmarshalText([]byte(r.Severity)); err != nil {
		return err
	}
	if f := r.format(); r.Proposals != nil && *r.Proposals && (f == "ocsf" || f == "stix") {
		return fmt.Errorf("proposals: what a playbook proposes has no form in %s", f)
	}
	if r.KeepBytes != 0 && (r.KeepBytes < 1<<16 || r.KeepBytes > 1<<30) {
		return fmt.Errorf("keep_bytes %d is not between 65536 and 1073741824", r.KeepBytes)
	}
	switch r.Kind {
	case "syslog":
		return r.checkSyslog()
	case "mail":
		return r.checkMail()
	case "webhook":
		return checkURL(r.URL)
	}
	return nil
}

// checkSyslog refuses to send findings in the clear over a network.
func (r *receiverConfig) checkSyslog() error {
	switch r.Network {
	case "unix":
		return nil
	case "", "tls":
		_, _, err := net.SplitHostPort(r.Address)
		return err
	case "tcp", "udp":
		if err := plainAllowed(r.Address); err != nil {
			return fmt.Errorf("address %s: %s sends findings in the clear, which is allowed to this machine only: use network: tls", r.Address, r.Network)
		}
		_, _, err := net.SplitHostPort(r.Address)
		return err
	}
	return fmt.Errorf("network %q: want tls, tcp, udp or unix", r.Network)
}

func (r *receiverConfig) checkMail() error {
	for _, a := range append([]string{r.From}, r.To...) {
		if p, err := mail.ParseAddress(a); err != nil || p.Address != a {
			return fmt.Errorf("%q is no mail address", a)
		}
	}
	if (r.User == "") != (r.PasswordFile == "") {
		return errors.New("user and password_file go together")
	}
	if r.Every != nil && (duration(r.Every) < time.Second || duration(r.Every) > 24*time.Hour) {
		return fmt.Errorf("every %v is not between 1s and 24h", duration(r.Every))
	}
	_, _, err := net.SplitHostPort(r.Address)
	return err
}

// webhookSecret checks a webhook's URL and reads the secret that it is signed with.
func (c *config) webhookSecret(where, url, file string) ([]byte, error) {
	if err := checkURL(url); err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	b, err := os.ReadFile(c.file(file))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	secret, err := receiver.ParseSecret(string(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", where, file, err)
	}
	return secret, nil
}

// receiver makes the receiver, reading the files that it names.
func (c *config) receiver(r receiverConfig, host string, now func() time.Time) (receiver.Receiver, error) {
	where := "receivers: " + r.Name
	fail := func(err error) (receiver.Receiver, error) { return nil, fmt.Errorf("%s: %w", where, err) }
	var roots *tls.Config
	if r.CA != "" {
		t, err := trust(c.file(r.CA))
		if err != nil {
			return fail(err)
		}
		roots = t
	}
	write := format.Named[r.format()]
	switch r.Kind {
	case "webhook":
		secret, err := c.webhookSecret(where, r.URL, r.SecretFile)
		return &receiver.Webhook{URL: r.URL, Secret: secret, Format: write, Client: httpsClient(roots), Now: now}, err
	case "slack":
		b, err := os.ReadFile(c.file(r.URLFile))
		if err != nil {
			return fail(err)
		}
		url := strings.TrimSpace(string(b))
		if checkURL(url) != nil {
			return fail(fmt.Errorf("%s holds no https URL", r.URLFile)) // it is a secret: not repeated
		}
		return &receiver.Slack{URL: url, Client: httpsClient(roots), Now: now}, nil
	case "syslog":
		network := r.Network
		if network == "" {
			network = "tls"
		}
		if roots == nil {
			roots = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		return &receiver.Syslog{Network: network, Address: r.Address, TLS: roots, Format: write, Host: host, Process: strconv.Itoa(os.Getpid())}, nil
	case "mail":
		m := &receiver.Mail{Address: r.Address, From: r.From, To: r.To, User: r.User, TLS: roots, Every: duration(r.Every), Host: host, Now: now}
		if r.PasswordFile != "" {
			b, err := os.ReadFile(c.file(r.PasswordFile))
			if err != nil {
				return fail(err)
			}
			m.Password = strings.TrimRight(string(b), "\r\n")
		}
		return m, nil
	}
	return &receiver.File{Name: c.file(r.File), Format: write}, nil
}

// outgoing is a receiver with what waits for it.
type outgoing struct {
	name      string
	least     vedette.Severity
	incidents bool // it gets incidents too
	proposals bool // and what playbooks propose
	to        receiver.Receiver
	box       *outbox.Outbox
}

// outboxDir is the folder of the outboxes within the data folder.
const outboxDir = "outbox"

// openReceivers starts delivering to every receiver.
func (s *findingSink) openReceivers(c *config, now func() time.Time) error {
	list := slices.Clone(c.Receivers)
	if h := c.Findings.Webhook; h != nil {
		list = append(list, receiverConfig{Name: findingsWebhook, Kind: "webhook", URL: h.URL, SecretFile: h.SecretFile})
	}
	if len(list) == 0 {
		return nil
	}
	dir := filepath.Join(c.Dir, outboxDir)
	if err := (durable.OS{}).MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make outboxes: %w", err)
	}
	host, _ := os.Hostname()
	for _, r := range list {
		to, err := c.receiver(r, host, now)
		if err != nil {
			return err
		}
		o := &outgoing{name: r.Name, incidents: r.Incidents, proposals: r.proposals(), to: to}
		o.least.UnmarshalText([]byte(r.Severity)) // checked before
		if o.box, err = outbox.Open(o.config(filepath.Join(dir, r.Name), r.KeepBytes, s.log)); err != nil {
			return err
		}
		s.receivers = append(s.receivers, o)
	}
	return nil
}

func (o *outgoing) config(file string, keep int64, log *slog.Logger) outbox.Config {
	batch, every := o.to.Batch()
	return outbox.Config{FS: durable.OS{}, File: file, MaxBytes: keep, Deliver: o.to.Deliver, Batch: batch, Every: every,
		Lost: func(e respond.Event, err error) {
			log.Error("finding given up for a receiver", "receiver", o.name, "id", e.ID(), "error", err)
		},
		Failed: func(err error) {
			log.Warn("receiver is down: what comes waits", "receiver", o.name, "error", err)
		}}
}

func (o *outgoing) put(e respond.Event) error {
	if e.Severity() < o.least && e.Proposal == nil { // somebody is waited for
		return nil
	}
	return o.box.Put(e)
}

func (o *outgoing) close(grace time.Duration) error {
	return errors.Join(o.box.Close(grace), o.to.Close())
}
