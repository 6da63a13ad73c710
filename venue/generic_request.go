package venue

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// jsonPath returns the member that a path such as "args.0.key" leads to; the empty
// path is the value itself.
func jsonPath(v strictjson.Value, path string) strictjson.Value {
	for path != "" && v.Exists() {
		var one string
		one, path, _ = strings.Cut(path, ".")
		if v.Kind() != strictjson.Array {
			v = v.Get(one)
			continue
		}
		n, err := strconv.Atoi(one)
		if err != nil || n < 0 {
			return strictjson.Value{}
		}
		e := v.First()
		for ; n > 0 && e.Exists(); n-- {
			e = e.Next(v)
		}
		v = e
	}
	return v
}

// startsWithNumber reports whether a path goes by an element of an array first.
func startsWithNumber(path string) bool { return path != "" && path[0] >= '0' && path[0] <= '9' }

// jsonText is the text of a scalar, or the text of an object or array as it stands.
func jsonText(v strictjson.Value) string {
	if k := v.Kind(); k == strictjson.Object || k == strictjson.Array {
		return v.Raw()
	}
	return v.Text()
}

func (r *Request) document() strictjson.Value {
	if !r.IsJSON() {
		return strictjson.Value{}
	}
	return r.JSON()
}

// read returns the value at the place, and faults the claim if a header is repeated.
func (p *place) read(r *Request, c *Claim) string {
	switch p.kind {
	case inHeader:
		v := r.single(c, p.name)
		if p.scheme == "" {
			return v
		}
		word, rest, ok := strings.Cut(v, " ")
		if !ok || !fold(word, p.scheme) {
			return ""
		}
		return rest
	case inQuery, inForm:
		in := uint8(InQuery)
		if p.kind == inForm {
			in = InBody
		}
		params := r.Params()
		for i := range params.list {
			if q := &params.list[i]; q.In == in && q.name(params) == p.name {
				return unescapePlain(q.Value) // a base64 signature keeps its plus signs
			}
		}
	case inJSON:
		return jsonText(jsonPath(r.document(), p.name))
	}
	return ""
}

// signed returns what says how the request is signed, nil for a message that is
// not.
func (g *generic) signed(r *Request) *genericSigned {
	switch r.Kind {
	case Upgrade:
		if g.WebSocket.Upgrade.Key.set() {
			return &g.WebSocket.Upgrade
		}
		return &g.Request
	case Message:
		if login := &g.WebSocket.Login; login.Key.set() && g.isLogin(r) {
			return login
		}
		if g.WebSocket.Message.Key.set() {
			return &g.WebSocket.Message
		}
		return nil
	}
	return &g.Request
}

func (g *generic) isLogin(r *Request) bool {
	op := g.operation(r)
	return op != "" && op == g.WebSocket.Login.Operation
}

// operation returns the name of what a message asks for.
func (g *generic) operation(r *Request) string {
	return jsonPath(r.document(), g.WebSocket.Operation).Text()
}

func (g *generic) route(r *Request) *Route {
	if r.Kind == Message {
		return g.table.Find(WS, g.operation(r))
	}
	return g.table.Find(r.Method, r.Path)
}

func (g *generic) claim(r *Request, c *Claim) {
	s := g.signed(r)
	if s == nil || !s.Key.set() && !s.Token.set() {
		if r.Kind == Message {
			sessionClaim(r, c)
		}
		return
	}
	c.Key, c.Signature = s.Key.read(r, c), s.Signature.read(r, c)
	if c.Key == "" && c.Signature == "" {
		if token := s.Token.read(r, c); token != "" {
			c.Auth, c.Token = AuthToken, token
		} else if r.Kind == Message {
			sessionClaim(r, c)
		}
		return
	}
	if route := g.route(r); c.Signature == "" && route != nil && route.Op == vedette.OpMarketRead {
		c.Auth = AuthKeyOnly
		return
	}
	c.Auth, c.Login = AuthSignature, r.Kind == Upgrade || s == &g.WebSocket.Login
	c.Scheme, c.Account = s.Scheme.read(r, c), s.Account.read(r, c)
	c.Passphrase, c.HasPassphrase, c.PassphraseMAC = s.Passphrase.read(r, c), s.Passphrase.set(), s.PassphraseMAC
	s.freshness(r, c)
	for _, form := range s.Sign {
		for i := range form {
			if i > 0 {
				s.divide(form[:i], form[i].kind, r, c)
			}
			if form[i].kind == pieceSorted && c.Fault == "" && !joinedSafely(jsonPath(r.document(), form[i].text)) {
				c.Fault = vedette.Ambiguous
			}
		}
	}
}

// divide faults a request whose text could be divided otherwise between the last of the
// pieces before and the next, which are signed without anything between them.
func (s *genericSigned) divide(before []piece, second pieceKind, r *Request, c *Claim) {
	first := before[len(before)-1].kind
	target := first == piecePath || first == piecePathQuery
	query := first == pieceQuery || first == pieceQueryDecoded || first == pieceQuerySorted
	body := first == pieceBody || first == pieceBodySorted
	switch second {
	case pieceBody, pieceBodySorted:
		if target {
			c.divide(r)
		} else if query {
			c.divideForm(r, s.Signature.name)
		} else if first == pieceTimestamp || first == pieceNonce || first == pieceWindow || first == pieceKey {
			c.afterDigits(r)
		}
	case pieceQuery, pieceQueryDecoded, pieceQuerySorted:
		if first == pieceTimestamp || first == pieceNonce || first == pieceWindow || first == pieceKey {
			c.afterDigits(r)
		}
	case pieceNonce:
		if target || query || body {
			var dst []byte
			for i := range before {
				dst = s.append(dst, &before[i], r, c)
			}
			c.nonceIsTime(text(dst))
		}
	case pieceTimestamp:
		if target || query || body {
			c.MaxExpiry = genericExpiry
		}
	}
}

// genericExpiry is how far ahead an expiry may lie that is signed right behind other
// text, so that no digit of that can come to it.
const genericExpiry = 24 * time.Hour

// freshness reads time, expiry and nonce.
func (s *genericSigned) freshness(r *Request, c *Claim) {
	if s.Time.set() {
		c.Text = s.Time.read(r, c)
		age := time.Duration(s.MaxAge)
		if w := s.Window.read(r, c); w != "" {
			ms, err := strconv.ParseUint(w, 10, 32)
			if age = time.Duration(ms) * time.Millisecond; err != nil || age > time.Duration(s.MaxWindow) {
				c.Fault = vedette.BadEncoding
			}
		}
		t, tick, ok := parseUnix(c.Text)
		if !ok {
			t, tick, ok = parseISO(c.Text, false)
		}
		c.within(t, tick, ok, age, time.Duration(s.MaxAhead))
	}
	if s.Expires.set() {
		c.Text = s.Expires.read(r, c)
		t, tick, ok := parseUnix(c.Text)
		if !ok && c.Fault == "" {
			c.Fault = vedette.BadEncoding
		}
		c.Expires, c.Tick = t, tick
	}
	if s.Nonce.set() {
		c.Nonce, c.NonceRule, c.NonceKeep = s.Nonce.read(r, c), NonceRule(s.NonceRule), s.NonceKeep
	}
	c.Replayable = !s.Time.set() && !s.Expires.set() && c.NonceRule == NonceNone
}

func (g *generic) message(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	s := g.signed(r)
	if s == nil || form >= len(s.Sign) {
		return dst, false
	}
	for i := range s.Sign[form] {
		dst = s.append(dst, &s.Sign[form][i], r, c)
	}
	return dst, true
}

// unsignedQuery and unsignedBody are query and body without the signature, where
// that is a parameter.
func (s *genericSigned) unsignedQuery(dst []byte, r *Request) []byte {
	if s.Signature.kind == inQuery {
		return appendWithout(dst, r.Query, s.Signature.name)
	}
	return append(dst, r.Query...)
}

func (s *genericSigned) unsignedBody(dst []byte, r *Request) []byte {
	if s.Signature.kind == inForm {
		return appendWithout(dst, text(r.Body), s.Signature.name)
	}
	return append(dst, r.Body...)
}

func (s *genericSigned) append(dst []byte, p *piece, r *Request, c *Claim) []byte {
	switch p.kind {
	case pieceLiteral:
		return append(dst, p.text...)
	case pieceMethod:
		return append(dst, r.Method...)
	case pieceMethodLower:
		return append(dst, strings.ToLower(r.Method)...)
	case pieceHost:
		return append(dst, r.Host...)
	case piecePath:
		return append(dst, r.Path...)
	case piecePathQuery:
		dst = append(append(dst, r.Path...), '?')
		before := len(dst)
		if dst = s.unsignedQuery(dst, r); len(dst) == before {
			return dst[:before-1]
		}
		return dst
	case pieceQuery:
		return s.unsignedQuery(dst, r)
	case pieceQueryDecoded:
		dst, _ = AppendUnescaped(dst, text(s.unsignedQuery(nil, r)), true)
		return dst
	case pieceQuerySorted:
		return appendSortedPairs(dst, text(s.unsignedQuery(nil, r)))
	case pieceBody:
		return s.unsignedBody(dst, r)
	case pieceBodySHA256:
		sum := sha256.Sum256(r.Body)
		return hex.AppendEncode(dst, sum[:])
	case pieceBodySHA512:
		sum := sha512.Sum512(r.Body)
		return hex.AppendEncode(dst, sum[:])
	case pieceBodySorted:
		return appendSortedPairs(dst, text(s.unsignedBody(nil, r)))
	case pieceTimestamp:
		return append(dst, c.Text...)
	case pieceNonce:
		return append(dst, c.Nonce...)
	case pieceKey:
		return append(dst, c.Key...)
	case pieceWindow:
		return append(dst, s.Window.read(r, c)...)
	case piecePassphrase:
		return append(dst, c.Passphrase...)
	case pieceJSON:
		return append(dst, jsonText(jsonPath(r.document(), p.text))...)
	case pieceSorted:
		return appendSortedParams(dst, jsonPath(r.document(), p.text), s.signatureMember())
	case pieceConcat:
		return appendParams(dst, jsonPath(r.document(), p.text))
	case pieceHeader:
		return append(dst, r.Header.Get(p.text)...)
	}
	return dst
}

// signatureMember is the name of the member that holds the signature: the last of
// its path.
func (s *genericSigned) signatureMember() string {
	return s.Signature.name[strings.LastIndexByte(s.Signature.name, '.')+1:]
}

// appendSortedPairs appends the parameters of a query or form as they are, sorted.
func appendSortedPairs(dst []byte, s string) []byte {
	pairs := strings.Split(s, "&")
	slices.Sort(pairs)
	for i, p := range pairs {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, p...)
	}
	return dst
}

func (g *generic) meaning(r *Request, c *vedette.Call) {
	if r.Kind != Message {
		g.table.Mean(r, c)
		return
	}
	if slices.Contains(g.WebSocket.Plain, string(trimSpace(r.Body))) {
		g.table.MeanAs(&Route{Op: vedette.OpMarketRead}, "", Values{}, c)
		return
	}
	c.Method = g.operation(r)
	route := g.route(r)
	params := jsonPath(r.document(), g.WebSocket.Params)
	if params.Kind() == strictjson.Array && (route == nil || route.Batch == "") {
		params = params.First()
	}
	g.table.MeanAs(route, "", Values{JSON: params}, c)
}

func (g *generic) answer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	doc := answer.document()
	if !doc.Exists() {
		return
	}
	how := &g.Answer
	if own := &g.WebSocket.Answer; answer.Kind == Reply && len(own.Error)+len(own.OrderID)+len(own.Status) > 0 {
		how = own
	}
	first := func(paths []string) string {
		for _, p := range paths {
			if s := jsonText(jsonPath(doc, p)); s != "" {
				return s
			}
		}
		return ""
	}
	a.Account = first(how.Account)
	if e := first(how.Error); e != "" && !slices.Contains(how.Accepted, e) {
		a.Outcome, a.Error = vedette.Rejected, e
		issued.LoginFailed = true
		return
	}
	a.OrderID = first(how.OrderID)
	if s := first(how.Status); s != "" {
		if o, ok := how.States[s]; ok {
			a.Outcome = vedette.Outcome(o)
		} else {
			a.Outcome = outcome(s)
		}
	} else if a.OrderID != "" {
		a.Outcome = vedette.Accepted
	}
	if t := first(how.Token); t != "" {
		issued.Token, issued.TTL = t, time.Duration(how.TokenTTL)
	}
}

func (g *generic) correlate(r *Request) string {
	path := g.WebSocket.ID
	if r.Kind == Reply && g.WebSocket.ReplyID != "" {
		path = g.WebSocket.ReplyID
	}
	if path == "" {
		return ""
	}
	return jsonPath(r.document(), path).Text()
}

func (g *generic) deny(r *Request, d vedette.Decision, dst []byte) Refusal {
	why := groundOf(d)
	if why == tooLarge { // a description has one kind for both
		why = unreadable
	}
	return g.refuse(r, why, dst)
}

func (g *generic) refuse(r *Request, why ground, dst []byte) Refusal {
	e := plainDenials[why]
	for name, own := range g.Deny.Errors {
		if groundNames[name] != why {
			continue
		}
		if own.Status != 0 {
			e.status = own.Status
		}
		if own.Code != "" {
			e.code = own.Code
		}
		if own.Message != "" {
			e.msg = own.Message
		}
	}
	t := g.Deny.Body
	if r.Kind == Message {
		t = g.Deny.Message
	}
	for i := range t {
		dst = g.appendDeny(dst, &t[i], r, why, &e)
	}
	return Refusal{Status: e.status, ContentType: g.Deny.ContentType, Body: dst}
}

func (g *generic) appendDeny(dst []byte, p *piece, r *Request, why ground, e *denial) []byte {
	switch p.kind {
	case pieceLiteral:
		return append(dst, p.text...)
	case pieceCode:
		return append(dst, e.code...)
	case pieceMessage:
		return appendJSON(dst, e.msg)
	case pieceReason:
		for name, k := range groundNames {
			if k == why {
				return appendJSON(dst, name)
			}
		}
	case pieceStatus:
		return strconv.AppendInt(dst, int64(e.status), 10)
	case pieceID:
		id := ""
		if r.Kind == Message && g.WebSocket.ID != "" {
			id = rawOr(jsonPath(r.document(), g.WebSocket.ID), "")
		}
		if id == "" || len(id) > maxEcho {
			id = "null"
		}
		return append(dst, id...)
	case pieceOperation:
		op := g.operation(r)
		return appendJSON(dst, op[:min(len(op), 64)])
	}
	return dst
}
