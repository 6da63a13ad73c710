package docs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"go/ast"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vedette/keyring"
	"vedette/respond"
	"vedette/venue"
	"vedette/verify"
)

// TestConfigBlocks: the program takes every configuration that the documents show.
func TestConfigBlocks(t *testing.T) {
	for _, b := range blocks(t, "yaml config") {
		dir := t.TempDir()
		configFiles(t, dir)
		write(t, dir, "vedette.yaml", b.text)
		if out, code := shell(t, dir, "vedette run -check-config -c vedette.yaml"); code != 0 {
			t.Errorf("%s:%d: %s", b.file, b.line, out)
		}
	}
}

// configFiles writes what the configurations name.
func configFiles(t *testing.T, dir string) {
	t.Helper()
	acme, _, ok := strings.Cut(strings.SplitN(read(t, "../venue/GENERIC.md"), "```yaml\n", 2)[1], "```")
	if !ok {
		t.Fatal("GENERIC.md has no example")
	}
	write(t, dir, "acme.yaml", acme)
	cert, key := certificate(t)
	write(t, dir, "internal-ca.pem", cert)
	write(t, dir, "venue.crt", cert)
	write(t, dir, "venue.key", key)
	write(t, dir, "partners.pem", cert)
	write(t, dir, "introspection.secret", "secret\n")
	write(t, dir, "postgres.url", "postgres://vedette:secret@db.venue.example/vedette?sslmode=verify-full\n")
	write(t, dir, "webhook.secret", strings.Repeat("dummy0", 8)+"\n")
	for _, name := range []string{"taxii.secret", "misp.secret", "asn.mmdb", "sanctioned.csv"} {
		write(t, dir, name, "")
	}
	write(t, dir, "rules.yaml", blocks(t, "yaml rules")[0].text)
	write(t, dir, "slack.url", "https://hooks.slack.com/services/T0/B0/dummy\n")
	write(t, dir, "mail.password", "dummy\n")
	write(t, dir, "playbooks.yaml", blocks(t, "yaml playbooks")[0].text)
	write(t, dir, "keys.yaml", "keys:\n  - {id: desk-1, venue: binance, secret: dummy}\n")
	write(t, dir, "partner-jwks.json", `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
}

func certificate(t *testing.T) (cert, private string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs}))
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestPlaybookBlocks: the program takes every playbook that the documents show.
func TestPlaybookBlocks(t *testing.T) {
	for _, b := range blocks(t, "yaml playbooks") {
		if _, err := respond.ParseBook([]byte(b.text)); err != nil {
			t.Errorf("%s:%d: %v", b.file, b.line, err)
		}
	}
}

// TestPlaybookKeys: the tables name every key of playbooks, and no other.
func TestPlaybookKeys(t *testing.T) {
	types := structs(source(t, "respond/playbook.go"))
	for heading, name := range map[string]string{"### A playbook": "Playbook", "### match": "Match", "### respond": "Response", "### never": "Never"} {
		var want []string
		tagged(types[name], "yaml", func(key string, _ *ast.Field) { want = append(want, key) })
		same(t, heading, rows(section(t, "respond.md", heading), "key"), want)
	}
}

// TestKeysBlocks: the keyring takes every keys.yaml.
func TestKeysBlocks(t *testing.T) {
	for _, b := range blocks(t, "yaml keys") {
		im := keyring.Importer{Options: verify.KeyOptions(venue.All), ReadFile: func(string) ([]byte, error) { return []byte("c2VjcmV0"), nil },
			Getenv: func(string) (string, bool) { return "c2VjcmV0", true }}
		specs, err := im.Read(strings.NewReader(b.text), ".")
		if err != nil || len(specs) == 0 {
			t.Errorf("%s:%d: %d keys, %v", b.file, b.line, len(specs), err)
		}
	}
}

// TestConfigKeys: the tables name every key that the program knows, and no other.
func TestConfigKeys(t *testing.T) {
	types := structs(source(t, "cmd/vedette/config.go", "cmd/vedette/tokens.go", "cmd/vedette/detection.go", "cmd/vedette/intel.go", "cmd/vedette/injection.go", "cmd/vedette/receivers.go",
		"cmd/vedette/respond.go"))
	var want []string
	var walk func(prefix, name string)
	walk = func(prefix, name string) {
		tagged(types[name], "yaml", func(key string, f *ast.Field) {
			path, typ := prefix+key, f.Type
			for {
				switch x := typ.(type) {
				case *ast.StarExpr:
					typ = x.X
					continue
				case *ast.ArrayType:
					if id, ok := x.Elt.(*ast.Ident); ok && types[id.Name] != nil {
						path += "[]"
						typ = x.Elt
						continue
					}
				case *ast.MapType:
					part := ".OPERATION"
					if key == "params" {
						if part = ".DETECTOR"; path != prefix+key {
							part = ".NAME"
						}
					}
					path, typ = path+part, x.Value
					continue
				case *ast.IndexExpr: // byOperation[VALUE]
					path, typ = path+".OPERATION", x.Index
					continue
				case *ast.Ident:
					if types[x.Name] != nil {
						walk(path+".", x.Name)
						return
					}
				}
				want = append(want, path)
				return
			}
		})
	}
	walk("", "config")
	same(t, "configuration.md", rows(section(t, "configuration.md", "## Every key"), "key"), want)
}

// TestKeyFields: the table of keys.yaml names every field of the importer.
func TestKeyFields(t *testing.T) {
	var want []string
	ast.Inspect(source(t, "keyring/import.go")[0], func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || v.Names[0].Name != "fields" {
			return true
		}
		for _, e := range v.Values[0].(*ast.CompositeLit).Elts {
			want = append(want, strings.Trim(e.(*ast.KeyValueExpr).Key.(*ast.BasicLit).Value, `"`))
		}
		return false
	})
	same(t, "keys.yaml", rows(section(t, "configuration.md", "## keys.yaml"), "key"), want)
}

// TestOperations: the table of operations is that of the code, with what each needs.
func TestOperations(t *testing.T) {
	var want []string
	listed := rows(section(t, "configuration.md", "### Gate"), "operation")
	for i := range operations() {
		op := operations()[i]
		want = append(want, op.String())
		cell := "nothing"
		if need := op.Needs(); need != 0 {
			cell = "`" + permission(need) + "`"
		}
		if row := listed[op.String()]; !strings.HasSuffix(row, "| "+cell+" |") {
			t.Errorf("%s needs %s, the table says %s", op, cell, row)
		}
	}
	same(t, "operations", listed, want)
}
