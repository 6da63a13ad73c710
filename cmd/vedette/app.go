package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"vedette"
	"vedette/api"
	"vedette/detect"
	"vedette/gate"
	"vedette/incident"
	"vedette/intel"
	"vedette/keyring"
	"vedette/ledger"
	"vedette/pipeline"
	"vedette/respond"
	"vedette/sensor/proxy"
	"vedette/store"
	"vedette/venue"
	"vedette/verify"
)

// app is a running monitor. Its parts start in the order of the fields and stop in
// reverse.
type app struct {
	config   *config
	dialects []*venue.Dialect
	log      *slog.Logger
	clock
	started time.Time

	store      store.Store
	newState   bool // the store is new though the ledger is not
	sealer     *keyring.Sealer
	ring       *keyring.Ring
	ledger     *ledger.Ledger
	origin     string // of the ledger: the monitor's name in a shared store
	window     *verify.Window
	increasing *verify.Nonces
	highest    *verify.Nonces
	issued     *verify.Issued
	bearers    []bearer
	revoked    revocations
	gate       *gate.Gate
	intel      *intel.Feeds
	payloads   pipeline.Payloads
	parties    *pipeline.Parties
	joiner     *incident.Joiner
	findings   *findingSink
	monitor    *pipeline.Monitor
	resumed    bool          // the detectors know what the ledger has
	snapshot   string        // file of what the detectors remember
	saveNow    chan struct{} // has it written soon
	hash       [16]byte      // key of the detectors' subjects
	rulesSum   [sha256.Size]byte
	responder  *respond.Responder
	cancels    atomic.Pointer[map[account]canceller]
	approvers  atomic.Pointer[approvers]
	lastStep   atomic.Uint64 // ledger position of an intervention's last step
	proxy      *proxy.Proxy
	ops        *http.Server
	opsAddr    string
	control    *http.Server

	stop   []func() // in the order started
	life   context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu sync.Mutex // guards config and dialects

	telling   sync.Mutex // guards auditRead and audited
	auditRead int64      // row of the store's audit that was read last
	audited   bool       // the audit of before the start was told

	storeFails atomic.Pointer[string] // why the store takes or tells no changes; nil while it does
	acted      time.Time              // since when acts are read again; watchStore's after the start
	storing    sync.Mutex             // orders what is stored of incidents
	unsaved    map[string]gate.Change // by id; the gate's lock for changes guards it
}

// startApp starts a monitor. If a part cannot start, those before it are stopped.
func startApp(ctx context.Context, c *config, getenv func(string) string, log *slog.Logger, t clock) (*app, error) {
	a := &app{config: c, log: log, clock: t, started: t.now(), saveNow: make(chan struct{}, 1)}
	a.life, a.cancel = context.WithCancel(ctx)
	ctx = a.life
	for _, start := range []func(context.Context) error{a.startDialects,
		func(ctx context.Context) error { return a.startStore(ctx, getenv) },
		a.startLedger, a.startVerifier, a.startGate, a.startIntel, a.startPayloads, a.startIncidents, a.startMonitor, a.startResponder, a.startDetection, a.startProxy, a.startControl, a.startOps} {
		if err := start(ctx); err != nil {
			a.close()
			return nil, err
		}
	}
	a.wg.Add(3)
	go a.keep(ctx)
	go a.keepDetection(ctx, c.snapshotEvery())
	a.runIntel(ctx)
	go a.watchStore(ctx)
	return a, nil
}

func (a *app) defer_(f func()) { a.stop = append(a.stop, f) }

// close stops everything, the last started first.
func (a *app) close() {
	a.cancel()
	a.wg.Wait()
	for i := len(a.stop) - 1; i >= 0; i-- {
		a.stop[i]()
	}
	a.stop = nil
}

func (a *app) startDialects(context.Context) (err error) {
	a.dialects, err = a.config.dialects()
	return err
}

// startStore opens the state and reads the stored keys and those of the keys file.
func (a *app) startStore(ctx context.Context, getenv func(string) string) error {
	if err := os.MkdirAll(a.config.Dir, 0o700); err != nil {
		return fmt.Errorf("cannot make data folder: %w", err)
	}
	var err error
	if a.store, a.sealer, a.newState, err = openState(ctx, a.config, getenv); err != nil {
		return err
	}
	a.defer_(func() { a.report("state", a.store.Close()) })
	a.ring = keyring.New(verify.KeyOptions(a.allDialects()))
	n, err := a.loadKeys(ctx)
	if err != nil {
		return err
	}
	a.log.Info("keyring read", "keys", n, "state", a.store.String())
	return nil
}

// allDialects are those built in, and those that the configuration describes.
func (a *app) allDialects() []*venue.Dialect { return withBuiltIn(a.dialects) }

func withBuiltIn(described []*venue.Dialect) []*venue.Dialect {
	all := append([]*venue.Dialect(nil), venue.All...)
	for _, d := range described {
		if findDialect(all, d.Name) == nil {
			all = append(all, d)
		}
	}
	return all
}

func (a *app) report(part string, err error) {
	if err != nil {
		a.log.Error("cannot close", "part", part, "error", err)
	}
}

// loadKeys fills the ring from the store and the keys file.
func (a *app) loadKeys(ctx context.Context) (int, error) {
	entries, err := a.readKeys(ctx, a.config, a.dialects)
	if err != nil {
		return 0, err
	}
	return len(entries), a.ring.Replace(entries)
}

// readKeys reads what the ring would hold under a configuration: the credentials of
// the store and of the keys file; the file wins.
func (a *app) readKeys(ctx context.Context, c *config, dialects []*venue.Dialect) ([]*keyring.Entry, error) {
	specs, err := storedKeys(ctx, a.store, a.sealer)
	if err != nil {
		return nil, err
	}
	options := verify.KeyOptions(withBuiltIn(dialects))
	more, err := c.fileKeys(options)
	if err != nil {
		return nil, err
	}
	specs = append(specs, more...)
	entries := make([]*keyring.Entry, 0, len(specs))
	at := map[[3]string]int{}
	for _, s := range specs {
		e, err := options.Build(s, a.now())
		if err != nil {
			return nil, err
		}
		id := [3]string{s.Venue, s.ID, e.Scheme}
		if i, ok := at[id]; ok {
			entries[i] = e
			continue
		}
		at[id] = len(entries)
		entries = append(entries, e)
	}
	return entries, nil
}

func (a *app) startLedger(context.Context) error {
	dir := filepath.Join(a.config.Dir, "ledger")
	origin := a.config.Ledger.Origin
	if origin == "" {
		origin = defaultOrigin()
	}
	key, err := ledger.LoadOrCreateKey(dir, origin, rand.Reader)
	if err != nil {
		return err
	}
	if name := key.Signer.Name(); a.config.Ledger.Origin != "" && name != origin {
		return fmt.Errorf("ledger: origin %q: the ledger in %s was begun as %q and keeps that name: take it as origin, or begin another in an empty dir", origin, dir, name)
	}
	a.origin = key.Verifier.Name()
	var repair *ledger.Repair
	a.ledger, repair, err = ledger.Open(ledger.Config{Dir: dir, Signer: key.Signer, Verifiers: note.VerifierList(key.Verifier),
		MaxDelay: duration(a.config.Ledger.MaxDelay), Sync: a.config.Ledger.Sync, SegmentBytes: a.config.Ledger.SegmentBytes, Now: a.now})
	if err != nil {
		return err
	}
	a.defer_(func() { a.report("ledger", a.ledger.Close()) })
	if repair.TornBytes > 0 {
		a.log.Warn("ledger repaired: bytes that do not continue the last commit were moved aside", "bytes", repair.TornBytes, "moved_to", repair.TornFile, "segment", repair.TornSegment, "offset", repair.TornOffset)
	}
	a.log.Info("ledger open", "records", a.ledger.Size(), "verifier_key", key.Public)
	return nil
}

func defaultOrigin() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	return "vedette/" + host
}

// Table sizes for nonces: credentials of venues with increasing nonces, and of
// venues that keep the highest (808 bytes each).
const (
	nonceCredentials = 1 << 16
	nonceWallets     = 1 << 12
)

func (a *app) startVerifier(ctx context.Context) error {
	var err error
	if a.window, err = verify.OpenWindow(filepath.Join(a.config.Dir, "replay"), a.config.replayEntries()); err != nil {
		return err
	}
	a.defer_(func() { a.report("replay window", a.window.Close()) })
	if a.increasing, err = verify.OpenNonces(a.config.Dir, nonceCredentials, 1); err != nil {
		return err
	}
	a.defer_(func() { a.report("nonces", a.increasing.Close()) })
	if a.highest, err = verify.OpenNonces(a.config.Dir, nonceWallets, 100); err != nil {
		return err
	}
	a.defer_(func() { a.report("nonces", a.highest.Close()) })
	if a.issued, err = verify.OpenIssued(a.config.Dir); err != nil {
		return err
	}
	a.defer_(func() { a.report("issued tokens", a.issued.Close()) })
	n, err := restoreWindow(a.ledger, a.window, a.now())
	if err != nil {
		return err
	}
	a.log.Info("replay window open", "entries", a.config.replayEntries(), "from_ledger", n)
	if a.bearers, err = a.config.bearers(a.now, a.window.Once); err != nil {
		return err
	}
	for _, b := range a.bearers {
		a.defer_(b.Close)
	}
	return a.startRevocations(ctx)
}

func (a *app) startGate(ctx context.Context) error {
	c, err := a.config.gateConfig()
	if err != nil {
		return err
	}
	c.OnChange, c.Elapsed = a.saveRestriction, a.elapsed
	if a.gate, err = gate.New(c); err != nil {
		return err
	}
	list, err := a.store.LoadRestrictions(ctx)
	if err != nil {
		return err
	}
	if err := a.gate.Load(list, a.now()); err != nil {
		return fmt.Errorf("cannot restore restrictions: %w", err)
	}
	return a.freezeKeys()
}

// freezeKeys holds the restrictions to the frozen flags of the keyring.
func (a *app) freezeKeys() error {
	prefix := "keyring:"
	if _, shared := a.store.(*store.Postgres); shared { // each monitor lifts what its own keyring set
		prefix += a.origin + ":"
	}
	want := map[string]vedette.Restriction{}
	for _, e := range a.ring.List() {
		if e.Frozen {
			id := prefix + e.Venue + ":" + e.ID
			want[id] = vedette.Restriction{ID: id, Kind: vedette.RestrictFreeze, Venue: e.Venue, Credential: e.ID, Reason: "marked frozen in the keyring", By: "keyring"}
		}
	}
	for _, r := range a.gate.List() {
		if _, ok := want[r.ID]; ok {
			delete(want, r.ID)
		} else if strings.HasPrefix(r.ID, prefix) {
			if _, err := a.gate.Lift(r.ID); err != nil {
				return err
			}
		}
	}
	for _, r := range want {
		if _, err := a.gate.Set(r, a.now()); err != nil {
			return err
		}
	}
	if a.parties != nil {
		a.parties.Renew()
	}
	return nil
}

func (a *app) startMonitor(ctx context.Context) error {
	bodies, err := a.config.bodyPolicy()
	if err != nil {
		return err
	}
	if a.findings, err = newFindingSink(a.config, a.log, a.now); err != nil {
		return err
	}
	a.defer_(a.findings.close)
	signed, err := messageSignatures(a.config, a.ring, a.window)
	if err != nil {
		return err
	}
	detection, err := a.config.detection()
	if err != nil {
		return err
	}
	a.snapshot = filepath.Join(a.config.Dir, snapshotName)
	if a.hash, err = detectKey(a.config.Dir); err != nil {
		return err
	}
	if a.rulesSum, err = a.config.rulesSum(); err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	detection.Hash = detect.NewHash(a.hash)
	a.monitor, err = pipeline.New(pipeline.Config{Gate: a.gate, Intel: a.intel, Payloads: a.payloads, Log: a.ledger, Sync: a.config.Ledger.Sync, Asks: len(a.bearers) > 0, Bodies: bodies, Seal: a.sealBody,
		Finding: a.findings.take, Incident: a.findings.takeIncident, Now: a.now, Detect: detection, Incidents: a.joiner, Parties: a.parties,
		Verifier: verify.New(verify.Config{Keys: a.ring, Window: a.window, Increasing: a.increasing, Highest: a.highest, Issued: a.issued, Bearer: verifyBearer(a.bearers), Signed: signed})})
	if err != nil {
		return err
	}
	a.defer_(func() { // after the detectors' last finding
		if a.responder != nil {
			a.report("interventions", a.responder.Close())
		}
	})
	a.defer_(func() {
		if a.monitor.Close(); a.resumed {
			a.report("detection", a.saveDetection())
		}
	})
	a.monitor.Verifier.ForgetRemoved() // since the last run
	if _, err = a.monitor.Act("vedette", "start", map[string]any{"mode": a.config.Mode, "venues": len(a.config.Venues)}); err != nil {
		return err
	}
	if a.newState {
		if _, err = a.monitor.Act(person(), "state.new", map[string]any{"accepted": "-accept-new-state"}); err != nil {
			return err
		}
	}
	return a.tellAudit(ctx)
}

func (a *app) startProxy(context.Context) error {
	c, err := a.proxyConfig()
	if err != nil {
		return err
	}
	if a.proxy, err = proxy.New(c); err != nil {
		return err
	}
	a.defer_(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		a.report("proxy", a.proxy.Shutdown(ctx))
	})
	return nil
}

func (a *app) proxyConfig() (proxy.Config, error) {
	c, err := a.config.proxyConfig(a.dialects)
	c.Monitor, c.Now, c.Loops = a.monitor, a.now, proxyLoops()
	return c, err
}

// proxyLoops returns how many event loops the proxy has, one a processor, and raises GOMAXPROCS so
// that they do not hold up the rest: a loop keeps its P while it waits in the kernel.
var proxyLoops = sync.OnceValue(func() int {
	n := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(2 * n)
	return n
})

func (a *app) startControl(context.Context) error {
	l, err := api.ListenControl(a.config.Dir)
	if err != nil {
		return err
	}
	a.control = &http.Server{Handler: api.Control(a), ConnContext: api.WithPeer, ReadHeaderTimeout: 5 * time.Second}
	a.serve(a.control, l)
	return nil
}

func (a *app) startOps(context.Context) error {
	if a.config.Ops == "" {
		return nil
	}
	if err := a.config.checkOps(); err != nil {
		return err
	}
	l, err := net.Listen("tcp", a.config.Ops)
	if err != nil {
		return fmt.Errorf("cannot listen for ops: %w", err)
	}
	a.opsAddr = l.Addr().String()
	a.ops = &http.Server{Handler: api.Ops(a.Status, a.ledger), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	a.serve(a.ops, l)
	return nil
}

func (a *app) serve(s *http.Server, l net.Listener) {
	s.ErrorLog = slog.NewLogLogger(a.log.Handler(), slog.LevelDebug)
	a.wg.Add(1)
	go func() {
		defer a.wg.Done()
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("server ended", "address", l.Addr().String(), "error", err)
		}
	}()
	context.AfterFunc(a.life, func() { s.Close() })
}

// keep does what must be done from time to time.
func (a *app) keep(ctx context.Context) {
	defer a.wg.Done()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	watch := a.watch()
	beats, failing := 0, false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		a.watchClock(&watch)
		if _, err := a.gate.Expire(a.now()); err != nil {
			a.log.Warn("expired restriction not saved", "error", err)
		}
		a.responder.Expire()
		failing = a.watchLedger(failing)
		if beats++; beats%syncBeats == 0 {
			a.syncReplay()
		}
		if beats%pruneBeats == 0 {
			if err := a.pruneRevocations(ctx); err != nil && ctx.Err() == nil {
				a.log.Warn("ended revocations not removed", "error", err)
			}
		}
	}
}

// pruneBeats is how many seconds lie between removing revocations that ended.
const pruneBeats = 3600

// watchLedger tells gate and operator when the ledger stops or begins to take records,
// also while no call comes. It returns whether the ledger fails.
func (a *app) watchLedger(failing bool) bool {
	s := a.ledger.Stats()
	a.monitor.LogState(s.Err)
	switch {
	case s.Err != nil && !failing:
		a.log.Error("the ledger takes no records: calls are refused or let through unrecorded, as the policy for failure says", "error", s.Err)
	case s.Err == nil && failing:
		a.log.Info("the ledger takes records again", "lost", s.Lost)
	}
	return s.Err != nil
}

// syncBeats is how many seconds lie between writing the replay state back to disk.
// It outlives a killed process anyway, and a power cut is made good from the ledger.
// Each sync makes the next store to every page a fault: one a second cost a tenth
// of the proxy's time.
const syncBeats = 300

func (a *app) syncReplay() {
	for _, p := range []interface{ Sync() error }{a.window, a.increasing, a.highest, a.issued} {
		if err := p.Sync(); err != nil {
			a.log.Error("replay state not on disk", "error", err)
		}
	}
}

func (a *app) sealBody(dst, body []byte) ([]byte, error) { return a.sealer.SealBytes(dst, body) }

// trust returns a TLS configuration that trusts the certificates of a PEM file.
func trust(file string) (*tls.Config, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

var _ api.Orders = (*app)(nil)

// Restrict implements api.Orders.
func (a *app) Restrict(r vedette.Restriction) (vedette.Restriction, error) {
	a.mu.Lock()
	all := a.allDialects()
	a.mu.Unlock()
	r.Credential = lowerWallet(all, r.Venue, r.Credential)
	out, err := a.gate.Set(r, a.now())
	if err != nil && !errors.Is(err, gate.ErrNotSaved) {
		return out, err
	}
	_, logged := a.monitor.Act(out.By, "restriction.set", out)
	return out, errors.Join(err, logged)
}

// Lift implements api.Orders.
func (a *app) Lift(id, who string) (vedette.Restriction, error) {
	out, err := a.gate.Lift(id)
	if err != nil && !errors.Is(err, gate.ErrNotSaved) {
		return out, err
	}
	_, logged := a.monitor.Act(who, "restriction.lift", out)
	return out, errors.Join(err, logged)
}

// Restrictions implements api.Orders.
func (a *app) Restrictions() []vedette.Restriction { return a.gate.List() }

// StepUp implements api.Orders. What the ledger does not hold is not in force.
func (a *app) StepUp(g vedette.StepUpGrant) error {
	if g.By == "" {
		return errors.New("cannot step up: by says nobody")
	}
	a.mu.Lock()
	all := a.allDialects()
	a.mu.Unlock()
	g.Credential = lowerWallet(all, g.Venue, g.Credential)
	return a.gate.StepUp(g, a.now(), func() error {
		_, err := a.monitor.Act(g.By, "stepup.set", g)
		return err
	})
}

// Known implements api.Orders.
func (a *app) Known(k api.KeyScope) (found api.Known) {
	if e, ok := a.ring.Lookup(k.Venue, k.ID); ok && k.Look(&e.Credential, &found) {
		return found
	}
	a.ring.Each(func(e *keyring.Entry) bool { return !k.Look(&e.Credential, &found) })
	return found
}

// ReloadKeys implements api.Orders.
func (a *app) ReloadKeys(who, what string) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, err := a.loadKeys(context.Background())
	a.monitor.Verifier.ForgetRemoved()
	a.monitor.Recheck()
	if err == nil {
		err = a.freezeKeys()
	}
	if err != nil {
		return 0, err
	}
	if err := a.tellAudit(context.Background()); err != nil {
		return n, err
	}
	_, err = a.monitor.Act(who, "keys.reload", map[string]any{"keys": n, "after": what})
	return n, err
}

// Reload implements api.Orders: it reads the configuration anew and puts it in force
// without dropping a session. Unless its error wraps errInForce, the old one stays.
func (a *app) Reload() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.reload(); err != nil {
		return err
	}
	err := a.freezeKeys()
	_, logged := a.monitor.Act("vedette", "configuration.reload", nil)
	if err = errors.Join(err, logged); err != nil {
		return fmt.Errorf("%w: %w", errInForce, err)
	}
	return nil
}

// errInForce says that a reload's configuration is in force all the same.
var errInForce = errors.New("the new configuration is in force, but not all of it is stored or recorded")

// reload swaps everything or nothing: all that can be wrong is found before the first
// swap. What cannot change while running is said.
func (a *app) reload() error {
	c, err := loadConfig(a.config.path)
	if err != nil {
		return err
	}
	if a.config.dirFlag {
		c.Dir, c.dirFlag = a.config.Dir, true
	}
	if !reflect.DeepEqual(c.fixed(), a.config.fixed()) {
		return errors.New("dir, ops, ledger, replay, bodies, findings, receivers, detect, tokens, injection and store cannot change while running: restart")
	}
	dialects, err := c.dialects()
	if err != nil {
		return err
	}
	g, err := c.gateConfig()
	if err != nil {
		return err
	}
	p, err := c.proxyConfig(dialects)
	if err != nil {
		return err
	}
	p.Monitor, p.Now = a.monitor, a.now
	detection, err := c.detection()
	if err != nil {
		return err
	}
	detection.Hash = detect.NewHash(a.hash)
	rules, err := c.rulesSum()
	if err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	entries, err := a.readKeys(context.Background(), c, dialects)
	if err != nil {
		return err
	}
	ring := keyring.New(verify.KeyOptions(withBuiltIn(dialects)))
	if err := ring.Replace(entries); err != nil {
		return err
	}
	book, err := c.book()
	if err != nil {
		return err
	}
	approvers, err := c.approvers()
	if err != nil {
		return err
	}
	cancels, err := a.cancellers(c, dialects, ring.Lookup)
	if err != nil {
		return err
	}
	feeds, err := c.intelConfig()
	if err != nil {
		return err
	}
	if rules != a.rulesSum {
		if err := a.monitor.Redetect(detection); err != nil {
			return err
		}
		a.rulesSum = rules
	}
	if err := a.proxy.Reload(p); err != nil {
		return err
	}
	if err := a.gate.Configure(g); err != nil {
		return err
	}
	if err := a.intel.Configure(feeds.Feeds, feeds.Own); err != nil {
		return err
	}
	a.config, a.dialects = c, dialects
	a.responder.Use(book)
	a.approvers.Store(&approvers)
	a.cancels.Store(&cancels)
	err = a.ring.Replace(entries)
	a.monitor.Verifier.ForgetRemoved()
	a.monitor.Recheck()
	return err
}

func discardLog() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
