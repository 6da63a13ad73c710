package proxy

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vedette/sensor/sensortest"
	"vedette/venue"
)

// TestSensor holds the proxy to the contract, over HTTP/1.1 and HTTP/2.
func TestSensor(t *testing.T) {
	t.Run("HTTP1", func(t *testing.T) { sensortest.Run(t, startForSuite(false, 2)) })
	t.Run("HTTP1 on goroutines", func(t *testing.T) { sensortest.Run(t, startForSuite(false, 0)) })
	t.Run("HTTP2", func(t *testing.T) { sensortest.Run(t, startForSuite(true, 2)) })
}

func startForSuite(h2 bool, loops int) sensortest.Start {
	return func(t *testing.T, m *sensortest.Monitor, d *venue.Dialect, v sensortest.Venue) sensortest.Sensor {
		up := httptest.NewServer(suiteVenue(v))
		t.Cleanup(up.Close)
		cfg := Config{Monitor: m, Loops: loops, Listeners: []Listener{{Addr: "127.0.0.1:0"}}, Venues: []Venue{{Name: "suite", Dialect: d, Upstream: up.URL}}}
		tr := &http.Transport{DisableCompression: true, ForceAttemptHTTP2: h2}
		scheme := "http://"
		if h2 {
			a := newAuthority(t)
			cfg.Listeners[0].TLS = &TLS{Certificate: a.issue("vedette.test")}
			scheme, tr = "https://", newH2Client(a)
		}
		p, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		addr := p.Addr("127.0.0.1:0").String()
		t.Cleanup(func() {
			tr.CloseIdleConnections()
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			p.Shutdown(ctx)
		})
		client := &http.Client{Transport: tr, Timeout: 10 * time.Second}
		s := sensortest.Sensor{Inline: true, Do: func(c sensortest.Call) (int, []byte, error) { return doForSuite(client, scheme+addr, c) }}
		s.Lose = func() { // the venue's answer breaks off
			client.Do(mustRequest("GET", scheme+addr+"/cut", nil))
		}
		if h2 {
			s.Malformed = func() {
				resp, err := client.Do(mustRequest("TRACE", scheme+addr+"/", nil))
				if err == nil {
					resp.Body.Close()
				}
			}
			return s
		}
		s.Malformed = func() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			io.WriteString(c, smuggling[0].request)
			http.ReadResponse(bufio.NewReader(c), nil)
		}
		s.Open = func() (sensortest.Session, error) {
			c, _, err := websocket.Dial(context.Background(), "ws://"+addr+"/ws", nil)
			if err == nil {
				c.SetReadLimit(1 << 20)
			}
			return suiteSession{c}, err
		}
		return s
	}
}

func newH2Client(a *authority) *http.Transport {
	r := &rig{t: a.t}
	return r.httpsClient(a, nil, true).Transport.(*http.Transport)
}

func mustRequest(method, url string, body []byte) *http.Request {
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	return req
}

func doForSuite(client *http.Client, base string, c sensortest.Call) (int, []byte, error) {
	req := mustRequest(c.Method, base+"/", c.Body)
	req.URL.Opaque = "//" + req.URL.Host + c.Target // as it is
	for _, f := range c.Header {
		req.Header.Add(f.Name, f.Value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, b, err
}

func suiteVenue(v sensortest.Venue) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			c, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			defer c.CloseNow()
			c.SetReadLimit(1 << 20)
			for {
				typ, b, err := c.Read(r.Context())
				if err != nil {
					return
				}
				if out := v.Reply(string(b)); out != "" {
					c.Write(r.Context(), typ, []byte(out))
				}
			}
		}
		body, _ := io.ReadAll(r.Body)
		if r.RequestURI == "/cut" {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("half"))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		call := sensortest.Call{Method: r.Method, Target: r.RequestURI, Body: body}
		status, answer := v.Answer(call)
		w.WriteHeader(status)
		w.Write(answer)
	})
}

type suiteSession struct{ c *websocket.Conn }

func (s suiteSession) Send(m string) error {
	return s.c.Write(context.Background(), websocket.MessageText, []byte(m))
}

func (s suiteSession) Receive() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, b, err := s.c.Read(ctx)
	return string(b), err
}

func (s suiteSession) Close() { s.c.Close(websocket.StatusNormalClosure, "") }
