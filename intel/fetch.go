package intel

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"vedette/internal/durable"
)

// errUnchanged says that a feed says what it said before.
var errUnchanged = errors.New("unchanged")

// statusError is an answer that is no document.
type statusError struct {
	url        string
	status     int
	retryAfter time.Duration // 0 if the publisher does not say
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s answered %d %s", e.url, e.status, http.StatusText(e.status))
}

// newClient returns a client for one feed.
func newClient(t *tls.Config) *http.Client {
	if t == nil {
		t = &tls.Config{}
	} else {
		t = t.Clone()
	}
	t.MinVersion = tls.VersionTLS12
	transport := &http.Transport{TLSClientConfig: t, Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: requestTimeout / 4,
		ResponseHeaderTimeout: requestTimeout / 2, MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 1, IdleConnTimeout: requestTimeout, ForceAttemptHTTP2: true}
	return &http.Client{Transport: transport, Timeout: requestTimeout, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("over %d redirects", maxRedirects)
		}
		if isLoopback(r.URL.Hostname()) && !isLoopback(via[0].URL.Hostname()) {
			return errors.New("a redirect to this machine") // it would let a publisher reach what only we can
		}
		return safeURL(r.URL)
	}}
}

// fetch is one refresh of one feed.
type fetch struct {
	*Feed
	client *http.Client
	last   *copyOf // nil if there is none
	now    time.Time
	own    []netip.Prefix
	bytes  int64 // read so far
}

// run returns the new copy of the feed, or errUnchanged.
func (f *fetch) run(ctx context.Context) (*copyOf, error) {
	next := &copyOf{header: header{Source: f.source(), Changed: f.now.Unix(), Confirmed: f.now.Unix()}}
	var r *reading
	var err error
	switch f.Format {
	case TAXII:
		r, err = f.taxii(ctx, next)
	case MISP:
		r, err = f.misp(ctx, next)
	default:
		r, err = f.document(ctx, next)
	}
	if err != nil {
		return nil, err
	}
	if next.geo != nil {
		next.Count = next.geo.n
		return next, nil
	}
	if err := checkReading(r); err != nil {
		return nil, err
	}
	next.indicators = append(next.indicators, r.indicators...)
	next.Count, next.Ignored, next.Unreadable = len(next.indicators), r.ignored, r.unreadable
	if next.Count > maxIndicators {
		return nil, suspect(TooLarge, "%d indicators, over %d", next.Count, maxIndicators)
	}
	return next, checkIndicators(next.indicators, f.own)
}

// like is what the indicators of a feed have where the feed does not say.
func (f *fetch) like() Indicator { return Indicator{Kind: f.Kind, Confidence: unsaid} }

// document reads a feed that is one document.
func (f *fetch) document(ctx context.Context, next *copyOf) (*reading, error) {
	limit := int64(maxBody)
	if f.Format == MMDB {
		limit = maxGeo
	}
	b, err := f.first(ctx, next, f.URL, f.File, limit)
	if err != nil {
		return nil, err
	}
	if f.Format == MMDB {
		next.database = b
		if next.geo, err = newGeo(b); err != nil {
			return nil, suspect(Unreadable, "%v", err)
		}
		return nil, nil
	}
	r := &reading{}
	switch f.Format {
	case List:
		r = readList(b, f.like())
	case CSV:
		r, err = readCSV(b, f.Column, f.like())
	case STIX:
		r, err = readBundle(b, f.like())
	}
	if err != nil {
		return nil, suspect(Unreadable, "%v", err)
	}
	return r, nil
}

// first reads the document that tells whether anything changed: with a conditional
// request, and by comparing it with what came last.
func (f *fetch) first(ctx context.Context, next *copyOf, url, file string, limit int64) ([]byte, error) {
	b, h, err := f.read(ctx, url, file, "", limit, f.last != nil)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	next.Document, next.ETag, next.LastModified = hex.EncodeToString(sum[:]), h.Get("Etag"), h.Get("Last-Modified")
	if f.last != nil && f.last.Document == next.Document {
		return nil, errUnchanged
	}
	if f.Format != MMDB && !utf8.Valid(b) {
		return nil, suspect(BadEncoding, "it is not UTF-8")
	}
	return b, nil
}

// read reads a document from a URL, or from a file where there is none.
func (f *fetch) read(ctx context.Context, url, file, accept string, limit int64, conditional bool) ([]byte, http.Header, error) {
	if url != "" {
		return f.get(ctx, url, accept, limit, conditional)
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, nil, err
	}
	if info.Size() > limit {
		return nil, nil, suspect(TooLarge, "%s has %d bytes, over %d", filepath.Base(file), info.Size(), limit)
	}
	b, err := durable.ReadFile(durable.OS{}, file, limit)
	return b, http.Header{}, err
}

// get reads what a URL answers, at most limit bytes.
func (f *fetch) get(ctx context.Context, from, accept string, limit int64, conditional bool) ([]byte, http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, nil, err
	}
	if err := f.authorise(r); err != nil {
		return nil, nil, err
	}
	r.Header.Set("User-Agent", "vedette")
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	if conditional && f.last.ETag != "" {
		r.Header.Set("If-None-Match", f.last.ETag)
	}
	if conditional && f.last.LastModified != "" {
		r.Header.Set("If-Modified-Since", f.last.LastModified)
	}
	a, err := f.client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer a.Body.Close()
	switch {
	case a.StatusCode == http.StatusNotModified && conditional:
		return nil, nil, errUnchanged
	case a.StatusCode != http.StatusOK:
		return nil, nil, &statusError{r.URL.Redacted(), a.StatusCode, retryAfter(a.Header.Get("Retry-After"), f.now)}
	}
	limit = min(limit, maxRefresh-f.bytes)
	b, err := io.ReadAll(io.LimitReader(a.Body, limit+1))
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read %s: %w", r.URL.Redacted(), err)
	}
	if f.bytes += int64(len(b)); int64(len(b)) > limit {
		return nil, nil, suspect(TooLarge, "%s has over %d bytes", r.URL.Redacted(), limit)
	}
	if accept != "" && !isMedia(a.Header.Get("Content-Type"), accept) {
		return nil, nil, suspect(Unreadable, "%s is %s, want %s", r.URL.Redacted(), short(a.Header.Get("Content-Type")), accept)
	}
	return b, a.Header, nil
}

// isMedia compares media types without their parameters.
func isMedia(have, want string) bool {
	a, _, err := mime.ParseMediaType(have)
	b, _, err2 := mime.ParseMediaType(want)
	return err == nil && err2 == nil && a == b
}

// authorise adds the feed's credentials, which never leave for another host than its own.
func (f *fetch) authorise(r *http.Request) error {
	if f.TokenFile == "" && f.User == "" {
		return nil
	}
	home, err := url.Parse(f.URL)
	if err != nil || r.URL.Scheme != home.Scheme || r.URL.Host != home.Host {
		return fmt.Errorf("%s is not where the credentials of the feed are for", r.URL.Redacted())
	}
	b, err := durable.ReadFile(durable.OS{}, f.TokenFile+f.PasswordFile, 16<<10) // one of them is set
	if err != nil {
		return fmt.Errorf("cannot read credentials: %w", err)
	}
	secret := strings.TrimSpace(string(b))
	if f.User != "" {
		r.SetBasicAuth(f.User, secret)
	} else {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	return nil
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(s string, now time.Time) time.Duration {
	d := time.Duration(0)
	if n, err := strconv.Atoi(s); err == nil {
		d = time.Duration(min(n, int(maxRetryAfter/time.Second))) * time.Second
	} else if t, err := http.ParseTime(s); err == nil {
		d = t.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}
