package venue

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictyaml"
)

// NewGeneric builds a dialect from its description in YAML, for a venue that is not
// built in. GENERIC.md says how to write one. An error names the line, or the key,
// of the mistake.
func NewGeneric(description []byte) (*Dialect, error) {
	var g generic
	if err := strictyaml.Decode(description, &g); err != nil {
		return nil, fmt.Errorf("cannot read venue: %w", err)
	}
	d, err := g.build()
	if err != nil {
		return nil, fmt.Errorf("cannot use venue %q: %w", g.Name, err)
	}
	return d, nil
}

// generic is a venue's description. It is only read once it is built.
type generic struct {
	Name       string   `yaml:"name"`
	Title      string   `yaml:"title"`
	Docs       string   `yaml:"docs"`
	Hosts      []string `yaml:"hosts"`
	Repeatable []string `yaml:"repeatable"`

	Schemes   []genericScheme          `yaml:"schemes"`
	Request   genericSigned            `yaml:"request"`
	WebSocket genericSocket            `yaml:"websocket"`
	Fields    map[string]genericFields `yaml:"fields"`
	Routes    []genericRoute           `yaml:"routes"`
	Answer    genericAnswer            `yaml:"answer"`
	Deny      genericDeny              `yaml:"deny"`

	table *Routes
}

type genericScheme struct {
	Name      string        `yaml:"name"`
	Algorithm algorithmName `yaml:"algorithm"`
	Signature encodingName  `yaml:"signature"`
	Secret    encodingName  `yaml:"secret"`
	Covers    []partName    `yaml:"covers"`
	Note      string        `yaml:"note"`
}

// genericSigned says where a request, an upgrade or a message carries its claim,
// and what was signed.
type genericSigned struct {
	Operation     string              `yaml:"operation"` // of the message; "" for any
	Key           place               `yaml:"key"`
	Signature     place               `yaml:"signature"`
	Scheme        place               `yaml:"scheme"`
	Time          place               `yaml:"time"`
	Expires       place               `yaml:"expires"`
	Nonce         place               `yaml:"nonce"`
	Passphrase    place               `yaml:"passphrase"`
	PassphraseMAC bool                `yaml:"passphrase_mac"`
	Window        place               `yaml:"window"`
	Account       place               `yaml:"account"`
	Token         place               `yaml:"token"`
	MaxAge        strictyaml.Duration `yaml:"max_age"`
	MaxAhead      strictyaml.Duration `yaml:"max_ahead"`
	MaxWindow     strictyaml.Duration `yaml:"max_window"`
	NonceRule     nonceRuleName       `yaml:"nonce_rule"`
	NonceKeep     int                 `yaml:"nonce_keep"`
	Sign          []template          `yaml:"sign"`
}

type genericSocket struct {
	Operation string        `yaml:"operation"` // JSON path of the operation's name
	Params    string        `yaml:"params"`    // JSON path of the order fields, "" for the message
	ID        string        `yaml:"id"`
	ReplyID   string        `yaml:"reply_id"` // "" for the same as id
	Plain     []string      `yaml:"plain"`    // messages that are not JSON and mean nothing, such as ping
	Upgrade   genericSigned `yaml:"upgrade"`
	Login     genericSigned `yaml:"login"`
	Message   genericSigned `yaml:"message"`
	Answer    genericAnswer `yaml:"answer"`
}

type genericFields struct {
	Instrument []string `yaml:"instrument"`
	Side       []string `yaml:"side"`
	Type       []string `yaml:"type"`
	TIF        []string `yaml:"time_in_force"`
	Price      []string `yaml:"price"`
	Stop       []string `yaml:"stop_price"`
	Quantity   []string `yaml:"quantity"`
	ClientID   []string `yaml:"client_id"`
	Target     []string `yaml:"target"`
	Object     []string `yaml:"object"`
	Asset      []string `yaml:"asset"`
	Address    []string `yaml:"address"`
	Tag        []string `yaml:"tag"`
	PostOnly   []string `yaml:"post_only"`
	ReduceOnly []string `yaml:"reduce_only"`
}

type genericRoute struct {
	Method string        `yaml:"method"`
	Path   string        `yaml:"path"`
	Op     operationName `yaml:"operation"`
	Fields string        `yaml:"fields"`
	Batch  string        `yaml:"batch"`
	Part   operationName `yaml:"part"`
	Of     string        `yaml:"part_fields"`
}

type genericAnswer struct {
	OrderID  []string                  `yaml:"order_id"`
	Status   []string                  `yaml:"status"`
	States   map[string]vedetteOutcome `yaml:"states"`
	Error    []string                  `yaml:"error"`
	Accepted []string                  `yaml:"accepted"` // values of error that are none
	Account  []string                  `yaml:"account"`
	Token    []string                  `yaml:"token"`
	TokenTTL strictyaml.Duration       `yaml:"token_ttl"`
}

type genericDeny struct {
	ContentType string                   `yaml:"content_type"`
	Body        template                 `yaml:"body"`
	Message     template                 `yaml:"message"`
	Errors      map[string]genericDenial `yaml:"errors"`
}

type genericDenial struct {
	Status  int    `yaml:"status"`
	Code    string `yaml:"code"`
	Message string `yaml:"message"`
}

// build checks what the reading could not and makes the dialect.
func (g *generic) build() (*Dialect, error) {
	if g.Name == "" || strings.ToLower(g.Name) != g.Name || strings.ContainsAny(g.Name, " /\\") {
		return nil, errors.New("name: want one word in lower case")
	}
	if len(g.Schemes) == 0 {
		return nil, errors.New("schemes: want at least one")
	}
	d := &Dialect{Name: g.Name, Title: g.Title, Docs: g.Docs, Hosts: g.Hosts, Repeatable: g.Repeatable, Plain: g.WebSocket.Plain,
		Lists: startsWithNumber(g.WebSocket.Operation),
		Claim: g.claim, Message: g.message, Meaning: g.meaning, Answer: g.answer, Correlate: g.correlate, Deny: g.deny}
	if d.Title == "" {
		d.Title = g.Name
	}
	for i := range g.Schemes {
		s, err := g.Schemes[i].scheme()
		if err != nil {
			return nil, fmt.Errorf("schemes, number %d: %w", i+1, err)
		}
		d.Schemes = append(d.Schemes, s)
	}
	for _, s := range []struct {
		name   string
		signed *genericSigned
	}{{"request", &g.Request}, {"websocket: upgrade", &g.WebSocket.Upgrade}, {"websocket: login", &g.WebSocket.Login}, {"websocket: message", &g.WebSocket.Message}} {
		if err := s.signed.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if !g.Request.Key.set() && !g.Request.Token.set() && !g.WebSocket.Login.Key.set() {
		return nil, errors.New("request: no key, and no websocket: login: nothing could be verified")
	}
	if err := g.routes(); err != nil {
		return nil, err
	}
	d.Routes = g.table
	return d, g.checkDeny()
}

func (s *genericScheme) scheme() (Scheme, error) {
	if s.Name == "" || s.Algorithm == 0 {
		return Scheme{}, errors.New("want name and algorithm")
	}
	out := Scheme{Name: s.Name, Algorithm: Algorithm(s.Algorithm), Signature: Encoding(s.Signature), Secret: Encoding(s.Secret), Note: s.Note}
	for _, p := range s.Covers {
		out.Covers |= Part(p)
	}
	return out, nil
}

func (s *genericSigned) check() error {
	if !s.Key.set() {
		if s.Signature.set() || len(s.Sign) > 0 {
			return errors.New("key: missing, though there is a signature")
		}
		return nil
	}
	switch {
	case !s.Signature.set():
		return errors.New("signature: missing")
	case len(s.Sign) == 0:
		return errors.New("sign: missing: say what is signed")
	case len(s.Sign) > 8:
		return errors.New("sign: over 8 forms")
	case s.Time.set() && s.MaxAge <= 0:
		return errors.New("max_age: missing, though there is a time")
	case s.NonceRule != 0 && !s.Nonce.set():
		return errors.New("nonce: missing, though there is a nonce_rule")
	case s.NonceRule == nonceRuleName(NonceHighest) && s.NonceKeep <= 0:
		return errors.New("nonce_keep: want how many of the highest nonces the venue keeps")
	}
	for _, t := range s.Sign {
		for _, p := range t {
			if p.kind >= firstDenyPiece {
				return fmt.Errorf("sign: {%s} is a piece of refusals", pieceNames[p.kind])
			}
		}
	}
	if s.MaxAhead == 0 {
		s.MaxAhead = s.MaxAge
	}
	if s.MaxWindow == 0 {
		s.MaxWindow = strictyaml.Duration(time.Minute)
	}
	return nil
}

// routes builds the table. What NewRoutes would panic at is said first.
func (g *generic) routes() error {
	fields := map[string]*Fields{"": nil}
	for name, f := range g.Fields {
		fields[name] = &Fields{Instrument: f.Instrument, Side: f.Side, Type: f.Type, TIF: f.TIF, Price: f.Price, Stop: f.Stop,
			Quantity: f.Quantity, ClientID: f.ClientID, Target: f.Target, Object: f.Object, Asset: f.Asset, Address: f.Address, Tag: f.Tag,
			PostOnly: f.PostOnly, ReduceOnly: f.ReduceOnly}
	}
	seen := map[string]bool{}
	var list []Route
	for i, r := range g.Routes {
		where := fmt.Sprintf("routes, number %d (%s %s)", i+1, r.Method, r.Path)
		for _, name := range []string{r.Fields, r.Of} {
			if _, ok := fields[name]; !ok {
				return fmt.Errorf("%s: no fields %q%s", where, name, suggestKey(name, fields))
			}
		}
		shape := r.Method + " " + routeShape(r.Path)
		switch {
		case r.Path == "" || r.Op == 0:
			return fmt.Errorf("%s: want path and operation", where)
		case r.Method != WS && r.Path[0] != '/':
			return fmt.Errorf("%s: a path starts with /", where)
		case seen[shape]:
			return fmt.Errorf("%s: given twice", where)
		case r.Batch != "" && r.Part == 0:
			return fmt.Errorf("%s: part: missing: say what one part of the batch does", where)
		}
		seen[shape] = true
		list = append(list, Route{Method: r.Method, Path: r.Path, Op: vedette.Operation(r.Op), Fields: fields[r.Fields],
			Batch: r.Batch, Part: vedette.Operation(r.Part), Of: fields[r.Of]})
	}
	g.table = NewRoutes(list)
	return nil
}

// routeShape is the path as the table keeps it: what is in braces has no name, and
// nothing follows a *.
func routeShape(path string) string {
	var b strings.Builder
	for one := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(one, "{") {
			one = "{}"
		}
		b.WriteString("/" + one)
		if one == "*" {
			break
		}
	}
	return b.String()
}

func suggestKey[V any](word string, known map[string]V) string {
	var names []string
	for n := range known {
		if n != "" {
			names = append(names, n)
		}
	}
	return strictyaml.Suggest(word, names)
}

// groundNames are the kinds of refusal under deny: errors.
var groundNames = map[string]ground{"other": otherGround, "signature": badSignature, "passphrase": badPassphrase, "time": badTime, "replay": usedBefore,
	"key": unknownKey, "address": badAddress, "throttle": tooMany, "down": notAvailable, "lost": unanswered, "malformed": unreadable}

// plainDenials are the refusals that a description leaves out.
var plainDenials = denials{
	otherGround:   {403, `"not_permitted"`, "Not permitted."},
	badSignature:  {401, `"bad_signature"`, "The signature is not valid."},
	badPassphrase: {401, `"bad_passphrase"`, "The passphrase is not valid."},
	badTime:       {401, `"bad_time"`, "The request's time is not within the accepted window."},
	usedBefore:    {401, `"replayed"`, "This signature was used before."},
	unknownKey:    {401, `"unknown_key"`, "The key is not known."},
	badAddress:    {403, `"address"`, "This address is not permitted."},
	tooMany:       {429, `"throttled"`, "Too many requests."},
	notAvailable:  {503, `"unavailable"`, "Service unavailable; the request was not executed."},
	unanswered:    {504, `"timeout"`, "No answer in time; execution status unknown."},
	unreadable:    {400, `"malformed"`, "The request is too large, cannot be read, or can be read in more than one way."},
}

// checkDeny fills in what the description leaves out and tries every refusal.
func (g *generic) checkDeny() error {
	for name, e := range g.Deny.Errors {
		if _, ok := groundNames[name]; !ok {
			return fmt.Errorf("deny: errors: no kind %q%s", name, suggestKey(name, groundNames))
		}
		if e.Status != 0 && (e.Status < 200 || e.Status > 599) {
			return fmt.Errorf("deny: errors: %s: status %d is not one of HTTP", name, e.Status)
		}
	}
	if g.Deny.ContentType == "" {
		g.Deny.ContentType = "application/json"
	}
	for _, t := range []*template{&g.Deny.Body, &g.Deny.Message} {
		if len(*t) == 0 {
			*t, _ = parseTemplate(`{"error":{"code":{code},"message":{message}},"id":{id}}`, denyPieces)
		}
		for i := range *t {
			if p := &(*t)[i]; p.kind > pieceLiteral && p.kind < firstDenyPiece {
				return fmt.Errorf("deny: {%s} is not a piece of a refusal", pieceNames[p.kind])
			}
		}
	}
	if !strings.Contains(g.Deny.ContentType, "json") {
		return nil
	}
	for name := range groundNames {
		for _, r := range []*Request{{}, {Kind: Message, Body: []byte("{}")}} {
			if b := g.refuse(r, groundNames[name], nil); !json.Valid(b.Body) {
				return fmt.Errorf("deny: the refusal for %q is not JSON: %s", name, b.Body)
			}
		}
	}
	return nil
}
