package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"vedette"
	"vedette/gate"
	"vedette/internal/strictyaml"
	"vedette/keyring"
	"vedette/pipeline"
	"vedette/sensor"
	"vedette/sensor/capture"
	"vedette/venue"
	"vedette/verify"
)

var checkCommand = &command{name: "check", args: "-keys keys.yaml [-venue NAME] [-at recorded|RFC3339] FILE…",
	short:   "Print a verdict for every recorded request",
	example: "vedette check -keys keys.yaml -at recorded session.har",
	run:     runCheck}

// checked is one line of output.
type checked struct {
	File       string           `json:"file,omitempty"`
	Index      int              `json:"index"`
	Message    *int             `json:"message"`
	Venue      string           `json:"venue"`
	Credential string           `json:"credential"`
	Account    string           `json:"account"`
	Operation  string           `json:"operation"`
	Instrument string           `json:"instrument"`
	Verdict    string           `json:"verdict"`
	Reasons    []vedette.Reason `json:"reasons"`
	// Uncovered names the parts that the signature leaves open, so that a change there
	// would not have shown: of JSON its members, and "*" for one more.
	Uncovered []string `json:"uncovered,omitempty"`
}

func runCheck(ctx context.Context, e *env, flags *flag.FlagSet) error {
	keys := flags.String("keys", "", "keys.yaml with the credentials to verify with")
	name := flags.String("venue", "", "dialect of every request; without it, told by the record, the host or the key")
	at := flags.String("at", "recorded", "the clock: recorded, or a time as in RFC 3339")
	if err := e.parse(flags); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return usagef("no file given; - reads standard input")
	}
	c := &checker{dialects: venue.All, out: json.NewEncoder(e.stdout), many: flags.NArg() > 1}
	c.out.SetEscapeHTML(false)
	if err := c.configure(*keys, *name, *at); err != nil {
		return err
	}
	defer c.monitor.Close()
	for _, file := range flags.Args() {
		if err := c.file(ctx, e, file); err != nil {
			return err
		}
	}
	if err := c.leftOut(e.stderr); err != nil {
		return err
	}
	if c.bad > 0 {
		fmt.Fprintf(e.stderr, "%d of %d requests are neither authentic nor anonymous\n", c.bad, c.total)
		return errNo
	}
	return nil
}

// checker judges recorded traffic.
type checker struct {
	dialects   []*venue.Dialect
	only       *venue.Dialect
	at         time.Time // zero for recorded
	ring       *keyring.Ring
	verifier   *verify.Verifier
	monitor    *pipeline.Monitor
	out        *json.Encoder
	now        time.Time
	x          sensor.Exchange
	session    *sensor.Session
	name       string
	many       bool
	total, bad int

	judged, skipped int
	skip            string // first reason to skip
	empty           string // first file of which nothing was judged
}

func (c *checker) configure(keys, name, at string) error {
	if name != "" {
		if c.only = findDialect(c.dialects, name); c.only == nil {
			return usagef("unknown venue %q; known are %s", name, strings.Join(dialectNames(c.dialects), " "))
		}
	}
	if at != "recorded" {
		t, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			return usagef("cannot read -at %q: want recorded or a time such as 2026-01-05T12:00:00Z", at)
		}
		c.at = t
	}
	options := verify.KeyOptions(c.dialects)
	c.ring = keyring.New(options)
	if keys != "" {
		specs, err := keyring.Importer{Options: options}.File(keys)
		if err != nil {
			return err
		}
		for _, s := range specs {
			if err := c.ring.Add(s, time.Time{}); err != nil {
				return err
			}
		}
	}
	g, err := gate.New(gate.Config{})
	if err != nil {
		return err
	}
	c.verifier = verify.New(verify.Config{Keys: c.ring, Window: verify.NewWindow(verify.DefaultWindow),
		Increasing: verify.NewNonces(1<<14, 1), Highest: verify.NewNonces(1<<10, 100), Issued: verify.NewIssued(verify.DefaultIssued)})
	c.monitor, err = pipeline.New(pipeline.Config{Gate: g, Log: nowhere{}, Inline: true, Now: func() time.Time { return c.now }, Verifier: c.verifier})
	return err
}

// nowhere is a log that keeps nothing: recorded traffic has been recorded.
type nowhere struct{}

func (nowhere) Append([]byte) (uint64, error)      { return 0, nil }
func (nowhere) Wait(context.Context, uint64) error { return nil }
func (nowhere) Lost(uint64)                        {}
func (nowhere) Overdue() bool                      { return false }

func (c *checker) file(ctx context.Context, e *env, name string) error {
	in, err := e.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	if c.many {
		c.name = name
	}
	return c.capture(ctx, name, bufio.NewReaderSize(in, 1<<16), c.unit)
}

// capture reads one capture and notes whether anything of it was judged.
func (c *checker) capture(ctx context.Context, name string, in io.Reader, unit func(*capture.Unit) error) error {
	before := c.judged
	err := capture.Read(contextReader{ctx, in}, func(u *capture.Unit) error {
		skipped := c.skipped
		err := unit(u)
		if c.skipped == 1 && skipped == 0 {
			c.skip = fmt.Sprintf("%s, index %d: %s", name, u.Index, c.skip)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if c.judged == before && c.empty == "" {
		c.empty = name
	}
	return nil
}

// leave counts a request that cannot be judged. What follows on its WebSocket session
// is left out with it.
func (c *checker) leave(u *capture.Unit, why error) error {
	if u.Message < 0 {
		c.endSession()
	}
	if c.skipped++; c.skipped == 1 {
		c.skip = why.Error()
	}
	return nil
}

// leftOut says what was skipped; its error names a capture of which nothing was judged.
func (c *checker) leftOut(w io.Writer) error {
	if c.skipped > 0 {
		fmt.Fprintf(w, "%d skipped, of %d; the first: %s\n", c.skipped, c.skipped+c.judged, c.skip)
	}
	if c.empty != "" {
		return fmt.Errorf("%s: nothing in it could be judged", c.empty)
	}
	return nil
}

func (c *checker) endSession() {
	if c.session != nil {
		c.monitor.Closed(c.session, c.now)
		c.session = nil
	}
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

// unit judges one unit of traffic and prints the verdict.
func (c *checker) unit(u *capture.Unit) error { return c.judge(u, c.print) }

// judge judges one unit of traffic; print, if given, sees the judged call.
func (c *checker) judge(u *capture.Unit, print func(*capture.Unit, *sensor.Exchange) error) error {
	c.now = c.at
	if c.at.IsZero() {
		if c.now = u.At; u.At.IsZero() {
			return c.leave(u, errors.New("it has no time: say -at with the time to check against"))
		}
	}
	if u.Request.Kind == venue.Reply {
		if c.session != nil {
			c.monitor.Reply(c.session, u.Request.Body, c.now)
		}
		return nil
	}
	if u.Message >= 0 && c.session == nil {
		return nil // of a session that was skipped
	}
	d, err := c.dialect(u)
	if err != nil {
		return c.leave(u, err)
	}
	if u.Message < 0 {
		c.endSession()
	}
	if u.Request.Kind == venue.Upgrade {
		c.session = &sensor.Session{Session: *u.Request.Session, Dialect: d, Opened: c.now}
	}
	x := &c.x
	x.Sensor, x.Dialect, x.Arrived, x.Source = "capture", d, c.now, netip.AddrPortFrom(u.Source, 0)
	x.Request, x.Answer, x.AnswerBytes, x.Session = u.Request, u.Answer, u.AnswerBytes, nil
	if x.Request.Kind != venue.HTTPRequest {
		x.Session = c.session
		x.Request.Session = &c.session.Session
	}
	c.monitor.Judge(x)
	c.judged++
	if print != nil {
		err = print(u, x)
	}
	c.monitor.Done(x)
	return err
}

func (c *checker) print(u *capture.Unit, x *sensor.Exchange) error {
	call := &x.Call
	if u.Message >= 0 && x.Claim.Auth == venue.AuthNone && call.Operation == vedette.OpUnknown {
		return nil
	}
	c.total++
	if call.Verdict != vedette.Authentic && call.Verdict != vedette.Anonymous {
		c.bad++
	}
	line := checked{File: c.name, Index: u.Index, Venue: call.Venue, Credential: call.Credential, Account: call.Account,
		Operation: call.Operation.String(), Instrument: call.Instrument, Verdict: call.Verdict.String(),
		Reasons: append([]vedette.Reason{}, call.Reasons...)}
	if u.Message >= 0 {
		line.Message = &u.Message
	}
	if call.Verdict == vedette.Authentic && (x.Claim.Auth == venue.AuthSignature || x.Claim.Auth == venue.AuthRecover) {
		line.Uncovered = c.verifier.Uncovered(&verify.Case{Dialect: x.Dialect, Request: &x.Request, Now: c.now})
	}
	return c.out.Encode(line)
}

// dialect tells which venue a unit belongs to: as the user says, as the record
// says, by host, or by whose credential it names.
func (c *checker) dialect(u *capture.Unit) (*venue.Dialect, error) {
	if c.only != nil {
		return c.only, nil
	}
	if u.Venue != "" {
		if d := findDialect(c.dialects, u.Venue); d != nil {
			return d, nil
		}
		return nil, fmt.Errorf("unknown venue %q%s", u.Venue, strictyaml.Suggest(u.Venue, dialectNames(c.dialects)))
	}
	if u.Message >= 0 && c.session != nil {
		return c.session.Dialect, nil
	}
	for _, d := range c.dialects {
		if d.Serves(u.Request.Host) {
			return d, nil
		}
	}
	if d := c.byKey(u); d != nil {
		return d, nil
	}
	return nil, fmt.Errorf("cannot tell the venue of %s%s: say -venue", u.Request.Host, u.Request.Path)
}

// byKey returns the dialect under which the request names a credential that the
// keyring has, preferring one that knows the endpoint; for plain requests the endpoint
// alone will do.
func (c *checker) byKey(u *capture.Unit) *venue.Dialect {
	var best *venue.Dialect
	rank := 0
	for _, d := range c.dialects {
		var claim venue.Claim
		var call vedette.Call
		d.Claim(&u.Request, &claim)
		d.Meaning(&u.Request, &call)
		r, known := 0, u.Request.Kind == venue.HTTPRequest // any host may be upgraded
		if _, ok := c.ring.Lookup(d.Name, claim.Key); ok && claim.Key != "" {
			r, known = 2, true
		}
		if known && call.Operation != vedette.OpUnknown {
			r++
		}
		if r > rank {
			best, rank = d, r
		}
	}
	return best
}

func findDialect(list []*venue.Dialect, name string) *venue.Dialect {
	for _, d := range list {
		if d.Name == name {
			return d
		}
	}
	return nil
}

func dialectNames(list []*venue.Dialect) []string {
	names := make([]string, len(list))
	for i, d := range list {
		names[i] = d.Name
	}
	return names
}
