package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// Socket is a connection to the WebSocket API with one call in flight at a time.
type Socket struct {
	conn    *websocket.Conn
	wire    *Wire
	id      int64
	timeout time.Duration
	Session bool // logged on: calls need no signature of their own
}

// Dial opens a connection to the WebSocket API.
func (w *Wire) Dial(ctx context.Context, timeout time.Duration) (*Socket, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	h := http.Header{}
	w.header(h)
	conn, _, err := websocket.Dial(ctx, w.WS+"/ws-api/v3", &websocket.DialOptions{HTTPHeader: h, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return nil, fmt.Errorf("cannot open WebSocket: %w", err)
	}
	conn.SetReadLimit(maxAnswer)
	return &Socket{conn: conn, wire: w, timeout: timeout}, nil
}

// Next returns the id to give to the next message.
func (s *Socket) Next() int64 {
	s.id++
	return s.id
}

// Do sends a message and reads until its answer; events that come before are dropped.
func (s *Socket) Do(ctx context.Context, r Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	s.wire.count.Add(1)
	if err := s.conn.Write(ctx, websocket.MessageText, []byte(r.Message)); err != nil {
		return Answer{}, fmt.Errorf("cannot send message: %w", err)
	}
	for {
		_, b, err := s.conn.Read(ctx)
		if err != nil {
			return Answer{}, fmt.Errorf("cannot read answer: %w", err)
		}
		var head struct {
			Status int `json:"status"`
		}
		if err := json.Unmarshal(b, &head); err != nil {
			return Answer{}, fmt.Errorf("cannot read answer: %w", err)
		}
		if head.Status == 0 {
			continue
		}
		a := Answer{Status: head.Status, Body: b}
		if a.Status >= 400 {
			a.Code = codeOf(b)
		}
		return a, nil
	}
}

// Logon authenticates the session. It needs an Ed25519 key.
func (s *Socket) Logon(ctx context.Context, signer *Signer) (Request, Answer, error) {
	r := signer.WS(s.Next(), Op{Message: "session.logon", Signed: true}, nil, false)
	a, err := s.Do(ctx, r)
	s.Session = err == nil && a.Status == http.StatusOK
	return r, a, err
}

// Close ends the connection.
func (s *Socket) Close() { s.conn.Close(websocket.StatusNormalClosure, "") }
