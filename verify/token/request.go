package token

import (
	"errors"
	"net/http"
	"strings"
)

// FromRequest reads what a request presents. The origin, such as
// "https://api.example", is how clients address the API; it does not come from the
// request, because DPoP proofs are held against it. The Input has no Token if the
// request has no Authorization. A request with two of them, or with one that is
// not a scheme and a token (RFC 6750 section 2.1), is an error.
func FromRequest(r *http.Request, origin string) (Input, error) {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	in := Input{DPoP: r.Header.Values("DPoP"), Method: r.Method, URL: origin + path}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		in.ClientCert = r.TLS.PeerCertificates[0]
	}
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return in, nil
	}
	var ok bool
	in.Scheme, in.Token, ok = strings.Cut(values[0], " ")
	if len(values) > 1 || !ok || in.Token == "" || strings.ContainsAny(in.Token, " ,\t") {
		return Input{}, errors.New("cannot read Authorization: want one scheme and one token")
	}
	return in, nil
}
