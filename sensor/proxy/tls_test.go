package proxy

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vedette"
	"vedette/sensor"
)

// authority issues certificates for tests.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
	file string
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: fmt.Sprint("authority ", time.Now().UnixNano())}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, _ := x509.ParseCertificate(der)
	a := &authority{t: t, cert: cert, key: key, pool: x509.NewCertPool(), file: filepath.Join(t.TempDir(), "ca.pem")}
	a.pool.AddCert(cert)
	os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
	return a
}

func (a *authority) issue(name string) *tls.Certificate {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a *authority) write(dir, name string) {
	c := a.issue(name)
	key, _ := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	os.WriteFile(filepath.Join(dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}), 0o600)
	os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600)
}

func (r *rig) httpsClient(a *authority, cert *tls.Certificate, h2 bool) *http.Client {
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.pool}, ForceAttemptHTTP2: h2}
	if cert != nil {
		tr.TLSClientConfig.Certificates = []tls.Certificate{*cert}
	}
	r.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

func TestTLSWithClientCertificateAndFingerprint(t *testing.T) {
	o := newOrigin(t, nil)
	a, stranger := newAuthority(t), newAuthority(t)
	for _, h2 := range []bool{false, true} {
		r := newRig(t, o.addr, func(c *Config) {
			c.Listeners[0].TLS = &TLS{Certificate: a.issue("vedette.test"), ClientCAs: a.file, NoHTTP2: !h2}
		})
		for _, cert := range []*tls.Certificate{nil, a.issue("client one"), stranger.issue("client two")} {
			before := len(r.m.Calls())
			client := r.httpsClient(a, cert, h2)
			resp, err := client.Get("https://" + r.addr + "/x")
			if err == nil {
				resp.Body.Close()
			}
			client.CloseIdleConnections()
			want := ""
			if cert != nil {
				leaf, _ := x509.ParseCertificate(cert.Certificate[0])
				want = leaf.Subject.CommonName
			}
			if want == "client two" {
				// Go's client sends no certificate that the server's CAs did not issue.
				want = ""
			}
			if err != nil || resp.StatusCode != 200 || resp.ProtoMajor != map[bool]int{false: 1, true: 2}[h2] {
				t.Fatalf("h2 %v: %v %v", h2, resp, err)
			}
			<-o.got
			c := r.m.Calls()[before]
			if c.Request.Scheme != "https" || c.Cert != want || !strings.HasPrefix(c.JA4, "t13i") || len(c.JA4) != 36 {
				t.Errorf("h2 %v: certificate %q, want %q; JA4 %q, scheme %q", h2, c.Cert, want, c.JA4, c.Request.Scheme)
			}
		}
	}
}

func TestTLSDemandsClientCertificate(t *testing.T) {
	o := newOrigin(t, nil)
	a, stranger := newAuthority(t), newAuthority(t)
	r := newRig(t, o.addr, func(c *Config) {
		c.Listeners[0].TLS = &TLS{Certificate: a.issue("vedette.test"), ClientCAs: a.file, RequireClient: true}
	})
	if _, err := r.httpsClient(a, nil, false).Get("https://" + r.addr + "/"); err == nil {
		t.Error("served without a certificate")
	}
	forced := r.httpsClient(a, nil, false)
	forced.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return stranger.issue("client"), nil
	}
	if _, err := forced.Get("https://" + r.addr + "/"); err == nil {
		t.Error("served with a stranger's certificate")
	}
	resp, err := r.httpsClient(a, a.issue("client"), false).Get("https://" + r.addr + "/")
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("with a certificate: %v", err)
	}
	resp.Body.Close()
	eventually(t, "both counted", func() bool { return r.Stats().HandshakeFailed == 2 })
	if _, err := tls.Dial("tcp", r.addr, &tls.Config{RootCAs: a.pool, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		t.Error("spoke TLS 1.1")
	}
}

func TestCertificateReload(t *testing.T) {
	o := newOrigin(t, nil)
	a := newAuthority(t)
	dir := t.TempDir()
	a.write(dir, "first.test")
	var mu sync.Mutex
	now := time.Now()
	r := newRig(t, o.addr, func(c *Config) {
		c.Listeners[0].TLS = &TLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
		c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	name := func() string {
		c, err := tls.Dial("tcp", r.addr, &tls.Config{RootCAs: a.pool})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	pass := func() {
		mu.Lock()
		now = now.Add(certificateAge)
		mu.Unlock()
	}
	if n := name(); n != "first.test" {
		t.Errorf("got %s", n)
	}
	time.Sleep(10 * time.Millisecond)
	os.WriteFile(filepath.Join(dir, "cert.pem"), []byte("rubbish"), 0o600)
	pass()
	if n := name(); n != "first.test" {
		t.Errorf("with a broken file: %s", n)
	}
	time.Sleep(10 * time.Millisecond)
	a.write(dir, "second.test")
	pass()
	if n := name(); n != "second.test" {
		t.Errorf("after the change: %s", n)
	}
	a.write(dir, "third.test")
	if err := r.Reload(r.cfg); err != nil || name() != "third.test" {
		t.Errorf("after Reload: %v %s", err, name())
	}
}

func TestTLSUpstreamIsVerified(t *testing.T) {
	a := newAuthority(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*a.issue("venue.test")}})
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.TLS.ServerName) }),
		ErrorLog: log.New(io.Discard, "", 0)}
	go srv.Serve(l)
	defer srv.Close()
	url := "https://" + l.Addr().String()
	r := newRig(t, url, nil)
	if s := statuses(r.raw(order)); s[0] != 502 {
		t.Errorf("unknown authority: %v", s)
	}
	r = newRig(t, url, func(c *Config) { c.Venues[0].UpstreamTLS = &tls.Config{RootCAs: a.pool, ServerName: "venue.test"} })
	for range 3 {
		if got := r.raw(order); !strings.HasSuffix(got, "venue.test") {
			t.Errorf("got %q", got)
		}
	}
	r = newRig(t, url, func(c *Config) { c.Venues[0].UpstreamTLS = &tls.Config{RootCAs: a.pool, ServerName: "other.test"} })
	if s := statuses(r.raw(order)); s[0] != 502 {
		t.Errorf("another name: %v", s)
	}
}

func newH2Rig(t *testing.T, upstream string, change func(*Config)) (*rig, *http.Client) {
	a := newAuthority(t)
	r := newRig(t, upstream, func(c *Config) {
		c.Listeners[0].TLS = &TLS{Certificate: a.issue("vedette.test")}
		if change != nil {
			change(c)
		}
	})
	return r, r.httpsClient(a, nil, true)
}

func TestHTTP2(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 20<<10)
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Answer", "yes")
		switch r.URL.Path {
		case "/big":
			w.Write(big)
		case "/empty":
			w.WriteHeader(204)
		default:
			io.WriteString(w, "ok")
		}
	})
	r, client := newH2Rig(t, o.addr, nil)
	rows := []struct{ method, uri, body, answer string }{
		{"GET", "/a%2Fb//c?x=%5b1%5D&&y", "", "ok"},
		{"POST", "/order?", `{"a":1}`, "ok"},
		{"GET", "/big", "", string(big)},
		{"DELETE", "/empty", "", ""},
		{"HEAD", "/order", "", ""},
		{"POST", "/long", strings.Repeat("z", 300000), "ok"},
	}
	var wg sync.WaitGroup
	for range 3 { // streams side by side
		for _, row := range rows {
			wg.Add(1)
			go func() {
				defer wg.Done()
				req, _ := http.NewRequest(row.method, "https://"+r.addr+row.uri, strings.NewReader(row.body))
				req.Header.Set("X-Sig", "a  b")
				req.Header.Set("X-Forwarded-For", "6.6.6.6")
				resp, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				if err != nil || string(b) != row.answer || resp.Header.Get("X-Answer") != "yes" || resp.ProtoMajor != 2 {
					t.Errorf("%s %s: %d bytes %v %v", row.method, row.uri, len(b), resp.Header, err)
				}
			}()
		}
	}
	wg.Wait()
	read := map[string]received{}
	for range 3 * len(rows) {
		g := <-o.got
		read[g.method+" "+g.uri] = g
	}
	for _, row := range rows {
		g, ok := read[row.method+" "+row.uri]
		if !ok || g.body != row.body || g.host != r.addr || g.header.Get("X-Sig") != "a  b" || g.header.Get("X-Forwarded-For") != "127.0.0.1" {
			t.Errorf("%s %s: venue read %.200v", row.method, row.uri, g)
		}
	}
	for _, c := range r.m.Calls() {
		if !c.Done || c.Request.Host != r.addr || c.Request.Scheme != "https" || c.Request.Header.Get("X-Sig") != "a  b" {
			t.Errorf("monitor saw %.300v", c)
		}
	}
}

func TestHTTP2Refusals(t *testing.T) {
	o := newOrigin(t, nil)
	r, client := newH2Rig(t, o.addr, func(c *Config) { c.Limits.BodyBytes = 100000 })
	r.m.Decide = func(x *sensor.Exchange) {
		if x.Request.Path == "/refused" {
			x.Call.Decision = vedette.Decision{Effect: vedette.Deny, Reason: vedette.Frozen}
			x.Refusal.Status, x.Refusal.Body = 401, []byte("frozen")
		}
	}
	rows := []struct {
		method, uri string
		header      [2]string
		body        string
		want        int
	}{
		{"GET", "/refused", [2]string{}, "", 401},
		{"TRACE", "/", [2]string{}, "", 501},
		{"GET", "/a/../b", [2]string{}, "", 400},
		{"POST", "/", [2]string{"Content-Encoding", "gzip"}, "x", 415},
		{"POST", "/", [2]string{"Expect", "x"}, "x", 417},
		{"POST", "/", [2]string{}, strings.Repeat("x", 100001), 413},
		{"GET", "/", [2]string{"Content_length", "1"}, "", 400},
	}
	for _, row := range rows {
		req, _ := http.NewRequest(row.method, "https://"+r.addr+"/", strings.NewReader(row.body))
		req.URL.Opaque = "//" + r.addr + row.uri
		if row.header[0] != "" {
			req.Header[row.header[0]] = []string{row.header[1]}
		}
		resp, err := client.Do(req)
		if err != nil || resp.StatusCode != row.want {
			t.Errorf("%s %s %v: %v %v, want %d", row.method, row.uri, row.header, resp, err, row.want)
			continue
		}
		resp.Body.Close()
	}
	if len(o.got) != 0 {
		t.Errorf("venue got %+v", <-o.got)
	}
	if n := len(r.m.Calls()); n != len(rows) {
		t.Errorf("%d calls judged, want %d", n, len(rows))
	}
}

func TestHTTP2CutAnswer(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "500000")
		w.Write(make([]byte, 300000))
		panic(http.ErrAbortHandler)
	})
	r, client := newH2Rig(t, o.addr, nil)
	resp, err := client.Get("https://" + r.addr + "/")
	if err == nil {
		if _, err = io.ReadAll(resp.Body); err == nil {
			t.Error("a cut answer was taken for whole")
		}
	}
	eventually(t, "done", func() bool { return r.m.Calls()[0].Done })
}

// TestHTTP2ShutdownWaitsForStreams: a stream whose connection has gone is still a call, and what it tells
// the monitor must not come after the shutdown.
func TestHTTP2ShutdownWaitsForStreams(t *testing.T) {
	o := newOrigin(t, nil)
	m := &heldMonitor{at: make(chan struct{}), wait: make(chan struct{})}
	r, client := newH2Rig(t, o.addr, func(c *Config) { c.Monitor = m })
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		req, _ := http.NewRequestWithContext(ctx, "GET", "https://"+r.addr+"/", nil)
		if resp, err := client.Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	<-m.at
	over, stop := context.WithCancel(context.Background())
	stop()
	ended := make(chan struct{})
	go func() {
		r.Shutdown(over) // closes all connections
		close(ended)
	}()
	select {
	case <-ended:
		t.Error("the shutdown did not wait for a call that is being judged")
	case <-time.After(200 * time.Millisecond):
	}
	close(m.wait)
	<-ended
	if !m.done.Load() {
		t.Error("a call was not done at the end of the shutdown")
	}
}

// heldMonitor takes its time over the first call.
type heldMonitor struct {
	allowAll
	at, wait chan struct{}
	done     atomic.Bool
}

func (m *heldMonitor) Judge(x *sensor.Exchange) {
	m.allowAll.Judge(x)
	close(m.at)
	<-m.wait
}

func (m *heldMonitor) Done(*sensor.Exchange) bool {
	m.done.Store(true)
	return true
}

func TestHTTP2ShutdownAndReload(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(50 * time.Millisecond)
		io.WriteString(w, "late")
	})
	r, client := newH2Rig(t, o.addr, nil)
	get := func() string {
		resp, err := client.Get("https://" + r.addr + "/")
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return string(b)
	}
	got := make(chan string, 1)
	go func() { got <- get() }()
	<-o.got
	r.cfg.Limits.Streams = 7
	if err := r.Reload(r.cfg); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s != "late" {
		t.Errorf("under way while reloading: %s", s)
	}
	if s := get(); s != "late" {
		t.Errorf("after reloading: %s", s)
	}
	<-o.got
	go func() { got <- get() }()
	<-o.got
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := r.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if s := <-got; s != "late" {
		t.Errorf("under way at the shutdown: %s", s)
	}
}
