package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"vedette"
	"vedette/detect/behaviour"
	"vedette/incident"
	"vedette/intel"
	"vedette/internal/bound"
	"vedette/respond"
)

// Orders are what the control socket can ask of a running monitor.
type Orders interface {
	// Restrict puts a restriction in force before it returns.
	Restrict(r vedette.Restriction) (vedette.Restriction, error)
	// Lift takes one out of force; who says by whom.
	Lift(id, who string) (vedette.Restriction, error)
	Restrictions() []vedette.Restriction
	// StepUp lets a credential pass step-up restrictions before it returns.
	StepUp(g vedette.StepUpGrant) error
	// Revoke ends access tokens before it returns.
	Revoke(r vedette.Revocation) (vedette.Revocation, error)
	// Revocations are those in force, the oldest first.
	Revocations() []vedette.Revocation
	// Known looks for a key in the keyring in force.
	Known(k KeyScope) Known
	// ReloadKeys reads the stored keys anew; who and what go into the ledger.
	ReloadKeys(who, what string) (int, error)
	// Incidents lists incidents, the riskiest first: those not closed, or all.
	Incidents(ctx context.Context, open bool, limit int) ([]vedette.Incident, error)
	// Incident returns one, or the one that it was merged into.
	Incident(ctx context.Context, id string) (vedette.Incident, error)
	// Act does something to an incident; it is stored, and in the ledger, before it returns.
	Act(ctx context.Context, id string, a incident.Act) (vedette.Incident, error)
	// Rules are the suppressions and expected changes, with what they kept out.
	Rules() []incident.Rule
	// AddRule puts a rule in force before it returns.
	AddRule(ctx context.Context, r incident.Rule) (incident.Rule, error)
	// EndRule ends one early; who says by whom.
	EndRule(ctx context.Context, id, who string) error
	// Profile is what was learned of a key's or account's behaviour.
	Profile(s ProfileOf) (behaviour.Profile, error)
	// Profiled lists the keys and accounts of the keyring that something was learned of.
	Profiled() []ProfileOf
	// SaveProfile is all that was learned, for LoadProfile.
	SaveProfile(s ProfileOf) (behaviour.Saved, error)
	// LoadProfile puts it in the place of what is known; who says by whom.
	LoadProfile(v *behaviour.Saved, who string) error
	// ForgetProfile has it learned anew; who says by whom.
	ForgetProfile(s ProfileOf, who string) error
	// Reload reads the configuration anew.
	Reload() error
	// Intel says how each feed of threat intelligence fares.
	Intel() []intel.Status
	// IntelLookup says what the feeds list of a value.
	IntelLookup(value string) intel.Result
	// IntelRefresh reads a feed before it returns; accept takes a copy that has grown or
	// shrunk suspiciously. The error says why the last good copy stays.
	IntelRefresh(ctx context.Context, r IntelRefresh) (intel.Status, error)
	Status() Snapshot
	// Interventions lists what playbooks proposed and did, oldest first.
	Interventions() []respond.Intervention
	// Decide carries out what a person says of an intervention before it returns.
	Decide(d Decision) (respond.Intervention, error)
}

// Decision is what a person says of an intervention.
type Decision struct {
	ID   string `json:"id"`
	Verb string `json:"verb"` // approve, reject or undo
	By   string `json:"by"`
	Why  string `json:"why,omitempty"` // in words
	// Signature is respond.SignApproval by the person's key, nil for none.
	Signature []byte `json:"signature,omitempty"`
	// Peer is the user of the operating system that gives the order, "" where that is not known. Only the server says so.
	Peer string `json:"-"`
}

// KeyScope names keys as a restriction does: all that is set must match.
type KeyScope struct {
	Venue   string
	ID      string
	Account string
	Owner   string
}

// Known answers whether the keyring has a key of a scope.
type Known struct {
	Known bool `json:"known"`
	// Near is what differs from the scope in upper and lower case only, in one that has such.
	Near string `json:"near,omitempty"`
}

// Query returns the scope as it is asked for.
func (k KeyScope) Query() url.Values {
	return url.Values{"venue": {k.Venue}, "id": {k.ID}, "account": {k.Account}, "owner": {k.Owner}}
}

// Look holds a credential against the scope, and reports whether it has been found.
func (k KeyScope) Look(c *vedette.Credential, found *Known) bool {
	if k.Venue != "" && k.Venue != c.Venue {
		return false
	}
	near := ""
	for _, p := range [3][2]string{{k.ID, c.ID}, {k.Account, c.Account}, {k.Owner, c.Owner}} {
		switch {
		case p[0] == "" || p[0] == p[1]:
		case strings.EqualFold(p[0], p[1]):
			near = p[1]
		default:
			return false
		}
	}
	if near != "" {
		found.Near = near
		return false
	}
	*found = Known{Known: true}
	return true
}

// ProfileOf names whose profile is meant.
type ProfileOf struct {
	Venue   string `json:"venue"`
	Name    string `json:"name"`
	Account bool   `json:"account"` // Name is an account, not a credential
}

// fits reports whether whose profile is meant, and who says so, are no longer than anything is named.
func (s ProfileOf) fits(w http.ResponseWriter, by string) bool {
	return fit(w, maxVenue, "venue", s.Venue) && fit(w, maxName, "name", s.Name, "by", by)
}

func profileOf(r *http.Request) ProfileOf {
	q := r.URL.Query()
	return ProfileOf{q.Get("venue"), q.Get("name"), q.Get("kind") == "account"}
}

// IntelRefresh is the order to read a feed now.
type IntelRefresh struct {
	By     string `json:"by"`
	Feed   string `json:"feed"`
	Accept bool   `json:"accept"`
}

// SocketName is the control socket within the data folder. Whoever may write to it
// may give orders: it is for its owner alone (0600).
const SocketName = "control.sock"

const (
	maxOrder = 64 << 10 // bytes of one order
	maxPath  = 107      // bytes of a socket's path, sun_path of unix(7)
	maxVenue = 64       // bytes of a venue's name, as in the keyring
	maxName  = 1 << 10  // bytes of a credential's or account's id, as in the keyring, of another id, and of who says so
	maxWords = 4 << 10  // bytes of what is said in words
)

// Control serves orders.
func Control(o Orders) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, o.Status()) })
	mux.HandleFunc("GET /v1/restrictions", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, o.Restrictions()) })
	mux.HandleFunc("POST /v1/restrictions", func(w http.ResponseWriter, r *http.Request) {
		var in vedette.Restriction
		if !readOrder(w, r, &in) || !signed(w, in.By) {
			return
		}
		out, err := o.Restrict(in)
		reply(w, out, err)
	})
	mux.HandleFunc("DELETE /v1/restrictions/{id...}", func(w http.ResponseWriter, r *http.Request) {
		id, by := r.PathValue("id"), r.Header.Get("By")
		if !signed(w, by) || !fit(w, maxName, "id", id, "by", by) {
			return
		}
		out, err := o.Lift(id, by)
		reply(w, out, err)
	})
	mux.HandleFunc("POST /v1/stepups", func(w http.ResponseWriter, r *http.Request) {
		var in vedette.StepUpGrant
		if !readOrder(w, r, &in) {
			return
		}
		reply(w, in, o.StepUp(in))
	})
	mux.HandleFunc("GET /v1/tokens/revocations", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, o.Revocations()) })
	mux.HandleFunc("POST /v1/tokens/revocations", func(w http.ResponseWriter, r *http.Request) {
		var in vedette.Revocation
		if !readOrder(w, r, &in) || !signed(w, in.By) {
			return
		}
		out, err := o.Revoke(in)
		reply(w, out, err)
	})
	mux.HandleFunc("GET /v1/keys", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		answer(w, http.StatusOK, o.Known(KeyScope{q.Get("venue"), q.Get("id"), q.Get("account"), q.Get("owner")}))
	})
	mux.HandleFunc("POST /v1/keys/reload", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ By, What string }
		if !readOrder(w, r, &in) || !fit(w, maxName, "by", in.By) || !fit(w, maxWords, "what", in.What) {
			return
		}
		n, err := o.ReloadKeys(in.By, in.What)
		reply(w, map[string]int{"keys": n}, err)
	})
	mux.HandleFunc("GET /v1/interventions", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, o.Interventions()) })
	mux.HandleFunc("POST /v1/interventions", func(w http.ResponseWriter, r *http.Request) {
		var in Decision
		if !readOrder(w, r, &in) || !fit(w, maxName, "id", in.ID, "verb", in.Verb, "by", in.By) || !fit(w, maxWords, "why", in.Why) {
			return
		}
		in.Peer, _ = r.Context().Value(peerKey{}).(string)
		out, err := o.Decide(in)
		reply(w, out, err)
	})
	profiles(mux, o)
	mux.HandleFunc("POST /v1/reload", func(w http.ResponseWriter, _ *http.Request) { reply(w, struct{}{}, o.Reload()) })
	mux.HandleFunc("GET /v1/intel", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, o.Intel()) })
	mux.HandleFunc("GET /v1/intel/lookup", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, o.IntelLookup(r.URL.Query().Get("value")))
	})
	mux.HandleFunc("POST /v1/intel/refresh", func(w http.ResponseWriter, r *http.Request) {
		var in IntelRefresh
		if !readOrder(w, r, &in) || !fit(w, maxName, "feed", in.Feed, "by", in.By) {
			return
		}
		s, err := o.IntelRefresh(r.Context(), in)
		reply(w, s, err)
	})
	incidents(mux, o)
	// Profiles, for who may give orders anyway.
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// profiles serves the orders about what was learned.
func profiles(mux *http.ServeMux, o Orders) {
	mux.HandleFunc("GET /v1/profiles", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, o.Profiled()) })
	mux.HandleFunc("GET /v1/profile", func(w http.ResponseWriter, r *http.Request) {
		p, err := o.Profile(profileOf(r))
		reply(w, p, err)
	})
	mux.HandleFunc("GET /v1/profile/saved", func(w http.ResponseWriter, r *http.Request) {
		v, err := o.SaveProfile(profileOf(r))
		reply(w, v, err)
	})
	mux.HandleFunc("PUT /v1/profile/saved", func(w http.ResponseWriter, r *http.Request) {
		var in behaviour.Saved
		by := r.Header.Get("By")
		if !readOrder(w, r, &in) || !(ProfileOf{in.Venue, in.Name, in.Account}).fits(w, by) {
			return
		}
		reply(w, struct{}{}, o.LoadProfile(&in, by))
	})
	mux.HandleFunc("DELETE /v1/profile", func(w http.ResponseWriter, r *http.Request) {
		if s, by := profileOf(r), r.Header.Get("By"); s.fits(w, by) {
			reply(w, struct{}{}, o.ForgetProfile(s, by))
		}
	})
}

// incidents serves the orders about incidents.
func incidents(mux *http.ServeMux, o Orders) {
	mux.HandleFunc("GET /v1/incidents", func(w http.ResponseWriter, r *http.Request) {
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		list, err := o.Incidents(r.Context(), r.URL.Query().Get("open") == "true", limit)
		reply(w, list, err)
	})
	mux.HandleFunc("GET /v1/incidents/{id...}", func(w http.ResponseWriter, r *http.Request) {
		i, err := o.Incident(r.Context(), r.PathValue("id"))
		reply(w, i, err)
	})
	mux.HandleFunc("POST /v1/incidents/{id...}", func(w http.ResponseWriter, r *http.Request) {
		var in incident.Act
		id := r.PathValue("id")
		if !readOrder(w, r, &in) || !fit(w, maxName, "id", id, "act", string(in.Kind), "by", in.By) {
			return
		}
		i, err := o.Act(r.Context(), id, in)
		reply(w, i, err)
	})
	mux.HandleFunc("GET /v1/rules", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, o.Rules()) })
	mux.HandleFunc("POST /v1/rules", func(w http.ResponseWriter, r *http.Request) {
		var in incident.Rule
		if !readOrder(w, r, &in) {
			return
		}
		out, err := o.AddRule(r.Context(), in)
		reply(w, out, err)
	})
	mux.HandleFunc("DELETE /v1/rules/{id...}", func(w http.ResponseWriter, r *http.Request) {
		if id, by := r.PathValue("id"), r.Header.Get("By"); fit(w, maxName, "id", id, "by", by) {
			reply(w, struct{}{}, o.EndRule(r.Context(), id, by))
		}
	})
}

func readOrder(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		answer(w, http.StatusBadRequest, problem{"cannot read order: " + err.Error()})
		return false
	}
	return true
}

// fit refuses an order with a text that is too long: it goes into a record. What gate, incident and token bound
// themselves, for commands that give no order too, is left to them.
func fit(w http.ResponseWriter, most int, namesAndTexts ...string) bool {
	err := bound.Check(most, namesAndTexts...)
	if err != nil {
		answer(w, http.StatusBadRequest, problem{"cannot take the order: " + err.Error()})
	}
	return err == nil
}

// signed refuses an order that does not say whose it is: the ledger is to know.
func signed(w http.ResponseWriter, by string) bool {
	if by == "" {
		answer(w, http.StatusBadRequest, problem{"cannot take the order: by says nobody"})
	}
	return by != ""
}

type problem struct {
	Error string `json:"error"`
}

func reply(w http.ResponseWriter, v any, err error) {
	if err != nil {
		answer(w, http.StatusUnprocessableEntity, problem{err.Error()})
		return
	}
	answer(w, http.StatusOK, v)
}

// ListenControl makes the control socket in the data folder. A socket left behind
// by a killed monitor is replaced; one that answers is not.
func ListenControl(dir string) (net.Listener, error) {
	path := filepath.Join(dir, SocketName)
	if len(path) > maxPath {
		return nil, fmt.Errorf("cannot listen on %s: the path of a socket has at most %d bytes: give the data folder a shorter one, or one relative to where the monitor runs", path, maxPath)
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return nil, fmt.Errorf("cannot listen on %s: another monitor runs on this folder", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot replace control socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("cannot protect control socket: %w", err)
	}
	return l, nil
}

type peerKey struct{}

// WithPeer is the ConnContext of the server on the control socket: orders then say which user of the operating system
// gives them.
func WithPeer(ctx context.Context, c net.Conn) context.Context {
	if who := peerOf(c); who != "" {
		return context.WithValue(ctx, peerKey{}, who)
	}
	return ctx
}

// Client gives orders to the monitor that runs on a data folder.
type Client struct{ http http.Client }

// ErrNotRunning says that no monitor runs on the folder.
var ErrNotRunning = errors.New("no monitor runs on this folder")

// Dial returns a client. The error wraps ErrNotRunning only where there is no socket, or
// nobody listens on it: any other leaves open whether a monitor runs.
func Dial(dir string) (*Client, error) {
	path := filepath.Join(dir, SocketName)
	c, err := net.DialTimeout("unix", path, time.Second)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("cannot reach control socket: %w", err)
	}
	c.Close()
	return &Client{http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		}}}}, nil
}

// orderTimeout bounds an order whose context has no deadline.
const orderTimeout = 10 * time.Second

// Do sends an order and reads the answer into out, unless that is nil. It waits 10 s,
// unless ctx has a deadline.
func (c *Client) Do(ctx context.Context, method, path, by string, in, out any) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, orderTimeout)
		defer cancel()
	}
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://monitor"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("By", by)
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("cannot reach the monitor: %w", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		return fmt.Errorf("cannot read the monitor's answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		var p problem
		if json.Unmarshal(b, &p) == nil && p.Error != "" {
			return errors.New(p.Error)
		}
		return fmt.Errorf("the monitor answered %s", res.Status)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}
