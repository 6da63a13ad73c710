package httpsig

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/dunglas/httpsfv"
)

// errAmbiguous marks a message that two readers could take in two ways.
var errAmbiguous = errors.New("message can be read in two ways")

// Kind is the type of a structured field (RFC 9651).
type Kind uint8

// The kinds.
const (
	Item Kind = iota + 1
	List
	Dictionary
)

// kinds are the structured fields whose type is registered and that a request
// may well sign with ;sf.
var kinds = map[string]Kind{
	"cache-status": List, "client-cert": Item, "client-cert-chain": List, "content-digest": Dictionary,
	"priority": Dictionary, "proxy-status": List, "repr-digest": Dictionary, "signature": Dictionary,
	"signature-input": Dictionary, "want-content-digest": Dictionary, "want-repr-digest": Dictionary,
}

// component is one covered component: a name with flags (RFC 9421 section 2).
type component struct {
	identity
	id      string // as serialised, with parameters in their order
	derived bool
}

// identity is equal for two identifiers that name the same component, whatever
// the order of their parameters.
type identity struct {
	name            string
	key, param      string // ;key, the member of a dictionary; ;name, of @query-param
	hasKey          bool
	sf, bs, req, tr bool
}

// readComponent checks a component identifier. Parameters that we do not know
// change the meaning in a way that we do not know.
func readComponent(item httpsfv.Item) (*component, error) {
	name, ok := item.Value.(string)
	if !ok || name == "" || name != strings.ToLower(name) {
		return nil, errors.New("cannot read covered component: bad name")
	}
	c := &component{identity: identity{name: name}, derived: name[0] == '@'}
	var err error
	if c.id, err = httpsfv.Marshal(item); err != nil {
		return nil, fmt.Errorf("cannot read covered component: %w", err)
	}
	hasName := false
	for _, p := range item.Params.Names() {
		v, _ := item.Params.Get(p)
		text, isText := v.(string)
		flag, isFlag := v.(bool)
		good := isFlag && flag
		switch p {
		case "sf":
			c.sf = true
		case "bs":
			c.bs = true
		case "req":
			c.req = true
		case "tr":
			c.tr = true
		case "key":
			c.key, c.hasKey, good = text, true, isText
		case "name":
			c.param, hasName, good = text, true, isText
		default:
			good = false
		}
		if !good {
			return nil, fmt.Errorf("cannot read covered component: bad parameter of %q", name)
		}
	}
	wrong := c.bs && (c.sf || c.hasKey) || hasName != (name == "@query-param") || c.derived && (c.sf || c.bs || c.tr || c.hasKey)
	if wrong {
		return nil, fmt.Errorf("cannot read covered component: parameters of %q do not go together", name)
	}
	return c, nil
}

// value returns the component's value in the signature base.
func (c *component) value(m *Message, fields map[string]Kind) (string, error) {
	if c.req {
		if m.Request == nil {
			return "", errors.New("there is no request that the message answers")
		}
		m = m.Request
	}
	switch {
	case c.name == "@query-param":
		return m.queryParam(c.param)
	case c.derived:
		return m.derived(c.name)
	}
	h := m.Header
	if c.tr {
		h = m.Trailer
	}
	values := fieldValues(m, h, c.name)
	if values == nil {
		return "", errAbsent
	}
	switch {
	case c.bs:
		return wrapped(values), nil
	case c.hasKey:
		return member(values, c.key)
	case c.sf:
		kind := fields[c.name]
		if kind == 0 {
			kind = kinds[c.name]
		}
		return reserialised(values, kind)
	}
	return strings.Join(values, ", "), nil
}

// fieldValues returns the trimmed values of a field in their order, RFC 9421
// section 2.1; nil if there is none. net/http keeps Host apart.
func fieldValues(m *Message, h http.Header, name string) []string {
	raw := h[textproto.CanonicalMIMEHeaderKey(name)]
	if name == "host" && raw == nil && m.Authority != "" {
		raw = []string{m.Authority}
	}
	if raw == nil {
		return nil
	}
	values := make([]string, len(raw))
	for i, v := range raw {
		values[i] = strings.Trim(unfold(v), " \t")
	}
	return values
}

// unfold replaces obsolete line folding by one space (RFC 9421 section 2.1).
func unfold(v string) string {
	if !strings.Contains(v, "\n") {
		return v
	}
	lines := strings.Split(strings.ReplaceAll(v, "\r\n", "\n"), "\n")
	for i := range lines {
		if i > 0 && strings.TrimLeft(lines[i], " \t") == lines[i] {
			return v // a bare line end: the check of the base refuses it
		}
		lines[i] = strings.Trim(lines[i], " \t")
	}
	return strings.Join(lines, " ")
}

func wrapped(values []string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = ":" + base64.StdEncoding.EncodeToString([]byte(v)) + ":"
	}
	return strings.Join(out, ", ")
}

func member(values []string, key string) (string, error) {
	d, err := httpsfv.UnmarshalDictionary(values)
	if err != nil {
		return "", fmt.Errorf("field is not a dictionary: %w", err)
	}
	v, ok := d.Get(key)
	if !ok {
		return "", errAbsent
	}
	switch v := v.(type) {
	case httpsfv.Item:
		return httpsfv.Marshal(v)
	case httpsfv.InnerList:
		return httpsfv.Marshal(v)
	}
	return "", errors.New("field has a member of unknown kind")
}

func reserialised(values []string, kind Kind) (string, error) {
	var v httpsfv.StructuredFieldValue
	var err error
	switch kind {
	case Item:
		v, err = httpsfv.UnmarshalItem(values)
	case List:
		v, err = httpsfv.UnmarshalList(values)
	case Dictionary:
		v, err = httpsfv.UnmarshalDictionary(values)
	default:
		return "", errors.New("the kind of the structured field is not known")
	}
	if err != nil {
		return "", fmt.Errorf("field is not of its kind: %w", err)
	}
	return httpsfv.Marshal(v)
}

// readComponents reads the list that a signature covers; no component twice (RFC
// 9421 section 2.5).
func readComponents(list httpsfv.InnerList) ([]*component, error) {
	if len(list.Items) > maxComponents {
		return nil, errors.New("cannot read covered components: too many")
	}
	out := make([]*component, 0, len(list.Items))
	for _, item := range list.Items {
		c, err := readComponent(item)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(o *component) bool { return o.identity == c.identity }) {
			return nil, fmt.Errorf("cannot read covered components: one occurs twice: %w", errAmbiguous)
		}
		out = append(out, c)
	}
	return out, nil
}

// signatureBase builds what was signed, RFC 9421 section 2.5.
func signatureBase(m *Message, list httpsfv.InnerList, covered []*component, fields map[string]Kind) ([]byte, error) {
	var b strings.Builder
	for _, c := range covered {
		v, err := c.value(m, fields)
		if err != nil {
			return nil, fmt.Errorf("cannot build signature base: %s: %w", c.id, err)
		}
		if strings.ContainsAny(v, "\r\n") || b.Len()+len(v) > maxBase {
			return nil, fmt.Errorf("cannot build signature base: %s has a line end or is too long", c.id)
		}
		b.WriteString(c.id + ": " + v + "\n")
	}
	params, err := httpsfv.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("cannot build signature base: %w", err)
	}
	b.WriteString(`"@signature-params": ` + params)
	return []byte(b.String()), nil
}
