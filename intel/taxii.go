package intel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// taxiiMedia is what TAXII 2.1 asks for and answers with.
const taxiiMedia = "application/taxii+json;version=2.1"

// taxiiPage is how many objects are asked for at once; a server may give fewer.
const taxiiPage = 1000

// taxii reads what was added to a collection since the last refresh, or all of it, and
// joins it to what there was: a newer version of an object, or its revocation, takes the
// older's place.
func (f *fetch) taxii(ctx context.Context, next *copyOf) (*reading, error) {
	objects, err := f.collection(ctx)
	if err != nil {
		return nil, err
	}
	after := ""
	if f.last != nil {
		after = f.last.State["added_after"]
	}
	all, newest, err := f.pages(ctx, objects, after)
	if err != nil {
		return nil, err
	}
	if after != "" && all.entries == 0 && len(all.dropped) == 0 {
		return nil, errUnchanged
	}
	next.State = map[string]string{"added_after": newest}
	if f.last != nil && after != "" {
		for _, in := range f.last.indicators {
			if !all.dropped[in.Object] && (in.Until == 0 || in.Until > f.now.Unix()) {
				next.indicators = append(next.indicators, in)
			}
		}
	}
	for i := range all.indicators { // the server says each once: it counts from now
		if in := &all.indicators[i]; in.Until == 0 {
			in.Until = f.now.Add(f.TTL).Unix()
		}
	}
	return all, nil
}

// pages reads the pages of a collection. newest is when its last object was added, in
// the server's words.
func (f *fetch) pages(ctx context.Context, objects *url.URL, after string) (all *reading, newest string, err error) {
	all, newest = &reading{}, after
	next := ""
	for range maxPages {
		q := url.Values{"limit": {strconv.Itoa(taxiiPage)}}
		if after != "" {
			q.Set("added_after", after)
		}
		if next != "" {
			q.Set("next", next)
		}
		page := *objects
		page.RawQuery = q.Encode()
		b, h, err := f.get(ctx, page.String(), taxiiMedia, maxBody, false)
		if err != nil {
			return nil, "", err
		}
		r, more, err := readEnvelope(b, f.like())
		if err != nil {
			return nil, "", suspect(Unreadable, "%s: %v", page.Path, err)
		}
		if all.join(r); len(all.indicators) > maxIndicators {
			return nil, "", suspect(TooLarge, "over %d indicators", maxIndicators)
		}
		last := h.Get("X-TAXII-Date-Added-Last")
		if last != "" {
			newest = last
		}
		switch {
		case !more.More:
			return all, newest, nil
		case more.Next != "" && more.Next != next:
			next = more.Next
		case more.Next == "" && last != "" && last != after: // servers that page by time alone
			after = last
		default:
			return nil, "", suspect(Unreadable, "%s says that there is more and not where", page.Path)
		}
	}
	return nil, "", suspect(TooLarge, "over %d pages", maxPages)
}

// taxiiMore is how an envelope says that it is not the last.
type taxiiMore struct {
	More bool   `json:"more"`
	Next string `json:"next"`
}

// readEnvelope reads one page of objects.
func readEnvelope(b []byte, like Indicator) (*reading, taxiiMore, error) {
	var more taxiiMore
	if !utf8.Valid(b) {
		return nil, more, errors.New("invalid UTF-8")
	}
	if err := json.Unmarshal(b, &more); err != nil {
		return nil, more, err
	}
	r, err := readObjects(b, like, "")
	return r, more, err
}

// collection finds where the objects of the collection are: discovery, API roots, their
// collections.
func (f *fetch) collection(ctx context.Context) (*url.URL, error) {
	home, err := url.Parse(f.URL)
	if err != nil {
		return nil, err
	}
	var discovery struct {
		Default string   `json:"default"`
		Roots   []string `json:"api_roots"`
	}
	if err := f.resource(ctx, home, &discovery); err != nil {
		return nil, err
	}
	if discovery.Default != "" {
		discovery.Roots = append([]string{discovery.Default}, discovery.Roots...)
	}
	var readable []*url.URL
	for i, text := range discovery.Roots {
		if i > maxRoots || i > 0 && text == discovery.Default {
			continue
		}
		root, err := apiRoot(home, text)
		if err != nil {
			return nil, err
		}
		found, named, err := f.collections(ctx, root)
		if err != nil {
			return nil, err
		}
		if named != nil {
			return named, nil
		}
		readable = append(readable, found...)
	}
	if f.Collection == "" && len(readable) == 1 {
		return readable[0], nil
	}
	return nil, fmt.Errorf("no collection %q among the %d that can be read", f.Collection, len(readable))
}

// maxRoots bounds the API roots of a server that are looked through.
const maxRoots = 32

// apiRoot resolves an API root, which must be on the same host.
func apiRoot(home *url.URL, text string) (*url.URL, error) {
	root, err := home.Parse(strings.TrimSuffix(text, "/") + "/")
	if err != nil {
		return nil, fmt.Errorf("api root %s is no URL", short(text))
	}
	if root.Scheme != home.Scheme || root.Host != home.Host {
		return nil, fmt.Errorf("api root %s is on another host than the discovery", short(text))
	}
	return root, nil
}

// collections returns where the objects of the collections of an API root are that can
// be read, and of the one that the feed names.
func (f *fetch) collections(ctx context.Context, root *url.URL) (readable []*url.URL, named *url.URL, err error) {
	var list struct {
		Collections []struct {
			ID      string `json:"id"`
			Title   string `json:"title"`
			Alias   string `json:"alias"`
			CanRead bool   `json:"can_read"`
		} `json:"collections"`
	}
	if err := f.resource(ctx, root.JoinPath("collections/"), &list); err != nil {
		return nil, nil, err
	}
	for _, c := range list.Collections {
		if !c.CanRead {
			continue
		}
		at := root.JoinPath("collections", url.PathEscape(c.ID), "objects/")
		readable = append(readable, at)
		if named == nil && f.Collection != "" && (c.ID == f.Collection || c.Alias == f.Collection || c.Title == f.Collection) {
			named = at
		}
	}
	return readable, named, nil
}

// maxResource bounds the documents that say where things are.
const maxResource = 4 << 20

func (f *fetch) resource(ctx context.Context, at *url.URL, into any) error {
	b, _, err := f.get(ctx, at.String(), taxiiMedia, maxResource, false)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return suspect(Unreadable, "%s: %v", at.Path, err)
	}
	return nil
}
