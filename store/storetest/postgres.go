package storetest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a PostgreSQL server of its own for tests, on a Unix socket, and on loopback with TLS.
type Server struct {
	// CA is the file of the certificate that the server shows on loopback, Port where that is.
	CA   string
	Port int

	bin, dir string
	as       *syscall.Credential // nil for ourselves
	cmd      *exec.Cmd
	log      bytes.Buffer
	schemas  atomic.Int64
}

// StartPostgres starts a server that ends with the test. Where PostgreSQL is not installed the test is
// skipped, or fails if CI is set. scripts/need installs it.
func StartPostgres(t *testing.T) *Server {
	t.Helper()
	bin := postgresBin()
	if bin == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("PostgreSQL is not installed")
		}
		t.Skip("PostgreSQL is not installed: scripts/need postgresql")
	}
	dir, err := os.MkdirTemp("", "pg-") // t.TempDir makes names too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{bin: bin, dir: dir}
	t.Cleanup(func() {
		s.Stop()
		os.RemoveAll(dir)
	})
	if os.Getuid() == 0 {
		s.drop(t)
	}
	init := s.command("initdb", "-D", filepath.Join(dir, "data"), "-U", "vedette", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s.certify(t)
	s.Start(t)
	return s
}

// certify makes the server's certificate, for 127.0.0.1, and finds it a free port.
func (s *Server) certify(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	must(t, err)
	pkcs, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	s.CA = filepath.Join(s.dir, "server.crt")
	for name, block := range map[string]*pem.Block{s.CA: {Type: "CERTIFICATE", Bytes: der}, filepath.Join(s.dir, "server.key"): {Type: "PRIVATE KEY", Bytes: pkcs}} {
		must(t, os.WriteFile(name, pem.EncodeToMemory(block), 0o600))
		if s.as != nil {
			must(t, os.Chown(name, int(s.as.Uid), int(s.as.Gid)))
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.Port = l.Addr().(*net.TCPAddr).Port
	must(t, l.Close())
}

// drop makes the server run as somebody else than root, which it refuses to be.
func (s *Server) drop(t *testing.T) {
	t.Helper()
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(s.dir, uid, gid); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("root must not run PostgreSQL, and there is no user to run it")
}

func postgresBin() string {
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		return filepath.Dir(path)
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return ""
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1])
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	return cmd
}

// Start starts the server again after Stop or Kill, and waits until it answers.
func (s *Server) Start(t *testing.T) {
	t.Helper()
	s.cmd = s.command("postgres", "-D", filepath.Join(s.dir, "data"), "-k", s.dir, "-c", "listen_addresses=127.0.0.1", "-p", strconv.Itoa(s.Port),
		"-c", "ssl=on", "-c", "ssl_cert_file="+s.CA, "-c", "ssl_key_file="+filepath.Join(s.dir, "server.key"), "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=60")
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		c, err := pgx.Connect(context.Background(), s.url(""))
		if err == nil {
			c.Close(context.Background())
			return
		}
		if time.Now().After(end) {
			s.Stop()
			t.Fatalf("PostgreSQL does not answer: %v\n%s", err, &s.log)
		}
	}
}

// Stop ends the server, dropping its clients; all that was committed stays.
func (s *Server) Stop() { s.end(syscall.SIGINT) }

// Kill ends the server as a crash does.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(how syscall.Signal) {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Signal(how)
	s.cmd.Wait()
	s.cmd = nil
}

func (s *Server) url(schema string) string {
	return fmt.Sprintf("postgres://vedette:not-a-real-secret@/postgres?host=%s&port=%d&search_path=%s", s.dir, s.Port, schema)
}

// Fresh returns the URL of a database without tables.
func (s *Server) Fresh(t *testing.T) string {
	t.Helper()
	schema := "s" + strconv.FormatInt(s.schemas.Add(1), 10)
	s.Exec(t, s.url(""), "CREATE SCHEMA "+schema)
	return s.url(schema)
}

// Exec runs SQL and returns the text of its first value.
func (s *Server) Exec(t *testing.T, url, sql string) string {
	t.Helper()
	out, err := s.TryExec(url, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// TryExec is Exec for what may fail.
func (s *Server) TryExec(url, sql string) (string, error) {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	defer c.Close(ctx)
	res, err := c.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil || len(res) == 0 || len(res[0].Rows) == 0 {
		return "", err
	}
	return strings.TrimSpace(string(res[0].Rows[0][0])), nil
}
