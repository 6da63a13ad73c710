package binance

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"

	"vedette"
)

// client is one WebSocket connection. Everything sent to it goes through send, so
// that events never wait for a slow reader: one that falls behind is cut off.
type client struct {
	conn *websocket.Conn
	send chan []byte
	ctx  context.Context
	end  context.CancelFunc

	// guarded by hub.mu
	streams  map[string]bool
	combined bool // wrap stream messages with their stream's name
}

// reply queues an answer; it waits for room, which holds the reader back.
func (c *client) reply(b []byte) {
	select {
	case c.send <- b:
	case <-c.ctx.Done():
	}
}

// push queues an event, or cuts the client off.
func (c *client) push(b []byte) {
	select {
	case c.send <- b:
	default:
		c.end()
	}
}

func (c *client) write() {
	defer c.end()
	for {
		select {
		case <-c.ctx.Done():
			return
		case b := <-c.send:
			ctx, cancel := context.WithTimeout(c.ctx, writeTimeout)
			err := c.conn.Write(ctx, websocket.MessageText, b)
			cancel()
			if err != nil {
				return
			}
		}
	}
}

// serveWebSocket upgrades and serves one connection until it ends.
func (s *Server) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimSuffix(r.URL.Path, "/")
	api := path == "/ws-api/v3"
	if !api && path != "/ws" && path != "/stream" && !strings.HasPrefix(path, "/ws/") && !strings.HasPrefix(path, "/stream/") {
		http.NotFound(w, r)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return // Accept has answered
	}
	conn.SetReadLimit(MaxBody)
	ctx, end := context.WithCancel(r.Context())
	c := &client{conn: conn, send: make(chan []byte, streamBuffer), ctx: ctx, end: end, streams: map[string]bool{}}
	if !s.hub.join(c) {
		end()
		conn.Close(websocket.StatusGoingAway, "venue is closing")
		return
	}
	go c.write()
	if api {
		s.serveAPI(c)
	} else {
		s.serveStreams(c, path, r.URL.Query().Get("streams"))
	}
	end()
	s.hub.leave(c)
	conn.CloseNow()
}

// session is the state of one WebSocket API connection.
type session struct {
	client *client
	key    *key // after session.logon
	since  time.Time
	began  time.Time
}

// serveAPI answers messages in order.
func (s *Server) serveAPI(c *client) {
	ses := &session{client: c, began: s.clock()}
	for {
		kind, b, err := c.conn.Read(c.ctx)
		if err != nil {
			return
		}
		s.requests.Add(1)
		if kind != websocket.MessageText {
			c.reply([]byte(`{"id":null,"status":400,"error":{"code":-1135,"msg":"Invalid JSON or malformed parameters."}}`))
			continue
		}
		c.reply(s.answer(ses, b))
	}
}

// answer serves one message of the WebSocket API and returns the reply.
func (s *Server) answer(ses *session, b []byte) []byte {
	m, err := readMessage(b)
	q := &request{now: s.clock(), params: m.params, session: ses}
	var e *apiError
	if err != nil {
		e = parseError(err)
	} else {
		e = s.dispatch(ses, m, q)
	}
	w := out{b: make([]byte, 0, len(q.body.b)+256)}
	w.raw(`{"id":`)
	w.raw(m.id)
	if e != nil {
		w.number("status", int64(e.status))
		w.key("error")
		w.b = e.append(w.b)
	} else {
		w.number("status", http.StatusOK)
		w.key("result")
		w.b = append(w.b, q.body.b...)
	}
	if m.params.get("returnRateLimits") != "false" {
		w.member("rateLimits", `[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000,"count":`)
		w.b = strconv.AppendInt(w.b, s.used(q), 10)
		w.raw("}]")
	}
	w.raw("}")
	return w.b
}

func (s *Server) used(q *request) int64 {
	n, _ := s.weigh(q, 0)
	return n
}

func (s *Server) dispatch(ses *session, m *wsRequest, q *request) *apiError {
	rt, ok := wsRoutes[m.method]
	if !ok {
		if rt, ok = sessionRoutes[m.method]; !ok {
			return fail(-1000, "Method not found.")
		}
	}
	if e := s.identify(ses, rt, q, m.method); e != nil {
		return e
	}
	if _, e := s.weigh(q, rt.weight); e != nil {
		return e
	}
	return rt.serve(s, q)
}

// identify authenticates a message by its own signature, or by the session's.
func (s *Server) identify(ses *session, rt *route, q *request, method string) *apiError {
	if rt.security == public {
		return nil
	}
	if id := q.params.get("apiKey"); id != "" || ses.key == nil || rt.security == keyed {
		payload := ""
		if rt.security == signedCall {
			payload = q.params.payload()
		}
		return s.authenticate(rt, q, id, payload)
	}
	q.key = ses.key
	if strings.HasPrefix(method, "session.") || strings.HasPrefix(method, "userDataStream.") {
		return nil
	}
	if e := fresh(&q.params, q.now); e != nil {
		return e
	}
	return permitted(ses.key, rt)
}

// sessionRoutes are the methods that only the WebSocket API has.
var sessionRoutes = map[string]*route{
	"session.logon":                      {signedCall, 0, 2, (*Server).logon},
	"session.status":                     {public, 0, 2, (*Server).sessionStatus},
	"session.logout":                     {public, 0, 2, (*Server).logout},
	"userDataStream.subscribe":           {public, 0, 2, (*Server).subscribeSession},
	"userDataStream.subscribe.signature": {signedCall, vedette.PermRead, 2, (*Server).subscribeSigned},
	"userDataStream.unsubscribe":         {public, 0, 2, (*Server).unsubscribe},
}

func (s *Server) logon(q *request) *apiError {
	if !q.key.mayLogOn() {
		return fail(-4056, "HMAC_SHA256 and RSA API keys are not supported.")
	}
	q.session.key, q.session.since = q.key, q.now
	return s.sessionStatus(q)
}

func (s *Server) logout(q *request) *apiError {
	q.session.key = nil
	return s.sessionStatus(q)
}

func (s *Server) sessionStatus(q *request) *apiError {
	w, ses := &q.body, q.session
	w.raw("{")
	if ses.key == nil {
		w.member("apiKey", "null")
		w.member("authorizedSince", "null")
	} else {
		w.text("apiKey", ses.key.ID)
		w.time("authorizedSince", ses.since)
	}
	w.time("connectedSince", ses.began)
	w.truth("returnRateLimits", true)
	w.time("serverTime", q.now)
	w.truth("userDataStream", false)
	w.raw("}")
	return nil
}

func (s *Server) subscribeSession(q *request) *apiError {
	if q.session.key == nil {
		return errKeyRejected()
	}
	q.key = q.session.key
	return s.subscribeSigned(q)
}

func (s *Server) subscribeSigned(q *request) *apiError {
	id := s.hub.follow(q.session.client, q.account(), true)
	q.body.raw("{")
	q.body.number("subscriptionId", id)
	q.body.raw("}")
	return nil
}

func (s *Server) unsubscribe(q *request) *apiError {
	s.hub.unfollow(q.session.client)
	q.body.raw("{}")
	return nil
}
