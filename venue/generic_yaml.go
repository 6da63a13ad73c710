package venue

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"vedette"
	"vedette/internal/strictyaml"
)

// The scalars of a generic description read themselves, so that their errors can
// name the line.

type (
	algorithmName  Algorithm
	encodingName   Encoding
	partName       Part
	nonceRuleName  NonceRule
	operationName  vedette.Operation
	vedetteOutcome vedette.Outcome
)

var (
	algorithmNames = map[string]algorithmName{"hmac-sha256": algorithmName(HMACSHA256), "hmac-sha384": algorithmName(HMACSHA384),
		"hmac-sha512": algorithmName(HMACSHA512), "rsa-pkcs1-sha256": algorithmName(RSAPKCS1SHA256), "rsa-pss-sha256": algorithmName(RSAPSSSHA256),
		"ecdsa-p256-sha256": algorithmName(ECDSAP256SHA256), "ed25519": algorithmName(Ed25519)}
	encodingNames = map[string]encodingName{"raw": encodingName(Raw), "hex": encodingName(Hex), "base64": encodingName(Base64), "base64url": encodingName(Base64URL)}
	partNames     = map[string]partName{"method": partName(CoversMethod), "host": partName(CoversHost), "path": partName(CoversPath),
		"query": partName(CoversQuery), "body": partName(CoversBody), "time": partName(CoversTime), "nonce": partName(CoversNonce)}
	nonceRuleNames = map[string]nonceRuleName{"none": nonceRuleName(NonceNone), "unique": nonceRuleName(NonceUnique),
		"increasing": nonceRuleName(NonceIncreasing), "highest": nonceRuleName(NonceHighest)}
)

// named reads one of the names; its error has the line and the nearest name.
func named[V any](n ast.Node, what string, names map[string]V, into *V) error {
	t := n.GetToken()
	v, ok := names[t.Value]
	if !ok {
		return fmt.Errorf("line %d, column %d: no %s %q%s", t.Position.Line, t.Position.Column, what, t.Value, suggestKey(t.Value, names))
	}
	*into = v
	return nil
}

func (v *algorithmName) UnmarshalYAML(n ast.Node) error {
	return named(n, "algorithm", algorithmNames, v)
}
func (v *encodingName) UnmarshalYAML(n ast.Node) error { return named(n, "encoding", encodingNames, v) }
func (v *partName) UnmarshalYAML(n ast.Node) error     { return named(n, "part", partNames, v) }
func (v *nonceRuleName) UnmarshalYAML(n ast.Node) error {
	return named(n, "nonce rule", nonceRuleNames, v)
}

func (v *operationName) UnmarshalYAML(n ast.Node) error {
	names := map[string]operationName{}
	for o := range vedette.Operations {
		names[vedette.Operation(o).String()] = operationName(o)
	}
	return named(n, "operation", names, v)
}

func (v *vedetteOutcome) UnmarshalYAML(n ast.Node) error {
	names := map[string]vedetteOutcome{}
	for o := vedette.Accepted; o <= vedette.Expired; o++ {
		names[o.String()] = vedetteOutcome(o)
	}
	return named(n, "outcome", names, v)
}

// place is where a request carries a value: "header NAME", "header NAME SCHEME"
// for a value after a word such as Bearer, "query NAME", "form NAME" or "json PATH".
type place struct {
	kind   placeKind
	name   string
	scheme string
}

type placeKind uint8

const (
	placeNone placeKind = iota
	inHeader
	inQuery
	inForm
	inJSON
)

var placeKinds = map[string]placeKind{"header": inHeader, "query": inQuery, "form": inForm, "json": inJSON}

func (p *place) set() bool { return p.kind != placeNone }

func (p *place) UnmarshalYAML(n ast.Node) error {
	t := n.GetToken()
	words := strings.Fields(t.Value)
	if len(words) < 2 || len(words) > 3 || len(words) == 3 && words[0] != "header" {
		return fmt.Errorf(`line %d, column %d: cannot read place %q: want "header NAME", "query NAME", "form NAME" or "json PATH"`,
			t.Position.Line, t.Position.Column, t.Value)
	}
	kind, ok := placeKinds[words[0]]
	if !ok {
		return fmt.Errorf("line %d, column %d: no place %q%s", t.Position.Line, t.Position.Column, words[0], suggestKey(words[0], placeKinds))
	}
	p.kind, p.name = kind, words[1]
	if len(words) == 3 {
		p.scheme = words[2]
	}
	return nil
}

// template is text with named pieces in braces.
type template []piece

type piece struct {
	kind pieceKind
	text string // of a literal, or after the colon of a piece that wants a name
}

type pieceKind uint8

const (
	pieceLiteral pieceKind = iota
	pieceMethod
	pieceMethodLower
	pieceHost
	piecePath
	piecePathQuery
	pieceQuery
	pieceQueryDecoded
	pieceQuerySorted
	pieceBody
	pieceBodySHA256
	pieceBodySHA512
	pieceBodySorted
	pieceTimestamp
	pieceNonce
	pieceKey
	pieceWindow
	piecePassphrase
	pieceJSON   // {json:path}
	pieceSorted // {sorted:path}
	pieceConcat // {concat:path}
	pieceHeader // {header:name}
	pieceCode
	pieceMessage
	pieceReason
	pieceStatus
	pieceID
	pieceOperation
)

var pieceNames = map[pieceKind]string{pieceMethod: "method", pieceMethodLower: "method_lower", pieceHost: "host", piecePath: "path",
	piecePathQuery: "path_query", pieceQuery: "query", pieceQueryDecoded: "query_decoded", pieceQuerySorted: "query_sorted", pieceBody: "body",
	pieceBodySHA256: "body_sha256_hex", pieceBodySHA512: "body_sha512_hex", pieceBodySorted: "body_sorted", pieceTimestamp: "timestamp",
	pieceNonce: "nonce", pieceKey: "key", pieceWindow: "recv_window", piecePassphrase: "passphrase",
	pieceJSON: "json", pieceSorted: "sorted", pieceConcat: "concat", pieceHeader: "header",
	pieceCode: "code", pieceMessage: "message", pieceReason: "reason", pieceStatus: "status", pieceID: "id", pieceOperation: "operation"}

// firstDenyPiece is where the pieces of refusals start.
const firstDenyPiece = pieceCode

// signPieces and denyPieces are the pieces by name.
var signPieces, denyPieces = func() (sign, deny map[string]pieceKind) {
	sign, deny = map[string]pieceKind{}, map[string]pieceKind{}
	for k, name := range pieceNames {
		if k < firstDenyPiece {
			sign[name] = k
		} else {
			deny[name] = k
		}
	}
	return sign, deny
}()

func (t *template) UnmarshalYAML(n ast.Node) error {
	token := n.GetToken()
	pieces := map[string]pieceKind{}
	for _, m := range []map[string]pieceKind{signPieces, denyPieces} {
		for name, k := range m {
			pieces[name] = k
		}
	}
	out, err := parseTemplate(token.Value, pieces)
	if err != nil {
		return fmt.Errorf("line %d, column %d: %w", token.Position.Line, token.Position.Column, err)
	}
	*t = out
	return nil
}

// parseTemplate reads text with pieces in braces. A brace that no name follows
// stands for itself, and \n for a line feed.
func parseTemplate(s string, pieces map[string]pieceKind) (template, error) {
	var out template
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			out = append(out, piece{text: literal.String()})
			literal.Reset()
		}
	}
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && s[i+1] == 'n' {
			literal.WriteByte('\n')
			i++
			continue
		}
		end := strings.IndexByte(s[i:], '}')
		if s[i] != '{' || end < 0 {
			literal.WriteByte(s[i])
			continue
		}
		name, argument, has := strings.Cut(s[i+1:i+end], ":")
		if !isPieceName(name) {
			literal.WriteByte(s[i])
			continue
		}
		kind, ok := pieces[name]
		if !ok {
			return nil, fmt.Errorf("no piece {%s}%s", name, strictyaml.Suggest(name, keysOf(pieces)))
		}
		if wants := kind >= pieceJSON && kind <= pieceHeader; wants && argument == "" && kind != pieceSorted && kind != pieceConcat || has && !wants {
			return nil, fmt.Errorf("piece {%s}: want {json:PATH}, {sorted:PATH}, {concat:PATH} or {header:NAME}", s[i+1:i+end])
		}
		flush()
		out = append(out, piece{kind, argument})
		i += end
	}
	flush()
	return out, nil
}

func isPieceName(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 'a' || c > 'z') && c != '_' && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func keysOf[V any](m map[string]V) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	return names
}
