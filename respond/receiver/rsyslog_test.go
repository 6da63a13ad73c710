package receiver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vedette/respond/format"
)

// certificate writes one for 127.0.0.1 with its key, and returns what trusts it.
func certificate(t *testing.T, dir string) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots = x509.NewCertPool()
	parsed, _ := x509.ParseCertificate(der)
	roots.AddCert(parsed)
	return cert, key, roots
}

// rsyslog starts the program with TCP, TLS and UDP inputs; it writes what it understood of each message.
func rsyslog(t *testing.T) (ports map[string]int, roots *x509.CertPool, read func() string) {
	t.Helper()
	const bin = "/usr/sbin/rsyslogd"
	module, _ := filepath.Glob("/usr/lib/*/rsyslog/lmnsd_ossl.so")
	if _, err := os.Stat(bin); err != nil || module == nil {
		if os.Getenv("CI") != "" {
			t.Fatal("rsyslog with OpenSSL is missing: scripts/need rsyslogd")
		}
		t.Skip("needs rsyslog with OpenSSL: scripts/need rsyslogd")
	}
	dir := t.TempDir()
	cert, key, roots := certificate(t, dir)
	ports = map[string]int{}
	for _, kind := range []string{"tcp", "tls", "udp"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports[kind] = l.Addr().(*net.TCPAddr).Port
		l.Close()
	}
	out := filepath.Join(dir, "out")
	conf := fmt.Sprintf(`
global(workDirectory="%[1]s" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off"
  defaultNetstreamDriverCAFile="%[2]s" defaultNetstreamDriverCertFile="%[2]s" defaultNetstreamDriverKeyFile="%[3]s")
module(load="imtcp") module(load="imudp")
template(name="seen" type="string" string="%%app-name%%|%%procid%%|%%msgid%%|%%syslogseverity-text%%|%%structured-data%%|%%msg%%\n")
ruleset(name="all") { action(type="omfile" file="%[4]s" template="seen") }
input(type="imtcp" address="127.0.0.1" port="%[5]d" ruleset="all")
input(type="imtcp" address="127.0.0.1" port="%[6]d" ruleset="all" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imudp" address="127.0.0.1" port="%[7]d" ruleset="all")
`, dir, cert, key, out, ports["tcp"], ports["tls"], ports["udp"])
	file := filepath.Join(dir, "rsyslog.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "-n", "-f", file, "-i", filepath.Join(dir, "pid"))
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("rsyslogd said: %s", log.String())
		}
	})
	return ports, roots, func() string { b, _ := os.ReadFile(out); return string(b) }
}

// TestRsyslog sends to a real receiver over every transport that it has, and reads back what it
// understood.
func TestRsyslog(t *testing.T) {
	ports, roots, read := rsyslog(t)
	address := func(kind string) string { return fmt.Sprintf("127.0.0.1:%d", ports[kind]) }
	for _, kind := range []string{"tcp", "tls", "udp"} {
		s := &Syslog{Network: kind, Address: address(kind), TLS: &tls.Config{RootCAs: roots}, Format: format.Text, Host: "monitor-1", Process: kind}
		defer s.Close()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) { // until it listens
			if kind == "udp" && read() == "" {
				t.Fatal("nothing came over TCP")
			}
			err := s.Deliver(t.Context(), findings(0, 3))
			if err == nil {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %v", kind, err)
			}
		}
		if err := s.Deliver(t.Context(), findings(3, 4)); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		const sd = `[vedette@32473 id="sha256:3" kind="access.replay" severity="high" risk="0" credential="<b>&\"\]\\é" venue="binance"]`
		want := kind + "|finding|err|" + sd + "|" + "\ufeff" + `HIGH access.replay: Thing 3 happened. (credential <b>&"]\é, venue binance)`
		for end := time.Now().Add(20 * time.Second); !strings.Contains(strings.ReplaceAll(read(), "\ufeff", ""), strings.ReplaceAll(want, "\ufeff", "")); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: rsyslog understood\n%s\nwant\n%s", kind, read(), want)
			}
		}
		if n := strings.Count(read(), "|"+kind+"|finding|"); n != 4 {
			t.Errorf("%s: %d messages, want 4", kind, n)
		}
	}
	s := &Syslog{Network: "tls", Address: address("tls"), TLS: &tls.Config{RootCAs: x509.NewCertPool()}, Format: format.Text}
	if err := s.Deliver(t.Context(), findings(0, 1)); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown certificate: %v", err)
	}
}
